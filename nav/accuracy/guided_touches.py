"""Lead an operator from divot to divot: a touch is taken or refused as soon as the tip rests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nav.core.errors import InputError, Lost
from nav.core.frames import Array
from nav.core.tracked_frame import TrackedFrame
from nav.registration.touch_source import (
    DwellSettings,
    DwellTouch,
    RefusedDwell,
    find_touches,
    tip_series,
)
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool

Word = Literal["touch", "hold still", "lift", "taken", "refused", "done"]
LEAVES = 5.0  # mm: so far from the last touch the next one begins
TRIED = 0.4  # share of the time to hold still: what is broken off later was meant as a touch


@dataclass(frozen=True)
class GuideSettings:
    """What a touch must fulfil to be taken.

    Parameters
    ----------
    hold : float
        Time at rest, s.
    radius : float
        Within which the tip stays of its mean meanwhile, mm.
    longest : float
        Time at rest after which it is judged, even with too few independent samples, s.
    least_independent : float
        Independent samples, by their autocorrelation.
    most_sd : float
        Predicted error of the touch without what all touches share, mm per axis.
    wrong : float
        Error of the distance to any other touched divot from which it is another divot, mm.
    """

    hold: float = 1.0
    longest: float = 3.0
    radius: float = 1.0
    least_independent: float = 3.0
    most_sd: float = 0.3
    wrong: float = 3.0


@dataclass(frozen=True)
class GuideState:
    """What the operator is told.

    Parameters
    ----------
    label : str
        The divot that is next; of "taken" and "refused" the one that was touched.
    word : str
        What to do, or what happened.
    detail : str
        Why, in words; may be empty.
    taken : int
        Touches so far.
    """

    label: str
    word: Word
    detail: str
    taken: int


class GuidedTouches:
    """Take touches in a given order, frame by frame.

    Parameters
    ----------
    needle : Tool
        With a tip.
    reference : str
        Name of the reference body.
    divots : mapping of str to ndarray, shape (3,)
        Nominal places, block frame, mm.
    order : sequence of str
        Divots in the order of touching; one may come again.
    settings : GuideSettings, optional
        What a touch must fulfil.

    Attributes
    ----------
    kept : list of TrackedFrame
        Frames of the touches that were taken and of the ways between them.
    touches : list of DwellTouch
        Taken, in the order.

    Raises
    ------
    InputError
        A label that the block does not have, or a needle without a tip.
    """

    def __init__(
        self,
        needle: Tool,
        reference: str,
        divots: Mapping[str, Array],
        order: Sequence[str],
        settings: GuideSettings | None = None,
    ) -> None:
        strange = next((label for label in order if label not in divots), None)
        if strange is not None:
            raise InputError(f"no divot is called {strange}; the block has {', '.join(divots)}")
        if needle.tip is None:
            raise InputError(f"{needle.name}: has no [tip]; calibrate the needle first")
        self.needle, self.reference, self.divots, self.order = needle, reference, divots, order
        self.settings = settings or GuideSettings()
        self.kept: list[TrackedFrame] = []
        self.touches: list[DwellTouch] = []
        self._way: list[TrackedFrame] = []
        self._rest: list[tuple[TrackedFrame, Array]] = []
        self._last: Array | None = None  # where the last touch was taken or refused

    @property
    def done(self) -> bool:
        """Whether all touches were taken."""
        return len(self.touches) == len(self.order)

    def add(self, frame: TrackedFrame) -> GuideState:
        """Take one more frame into account.

        Parameters
        ----------
        frame : TrackedFrame
            In the order of time.

        Returns
        -------
        GuideState
        """
        if self.done:
            return self._state("done")
        tip = tip_in_reference(frame, self.needle, self.reference)
        if isinstance(tip, Lost):
            return self._state("touch", "the tip is not seen")
        if self._last is not None:
            self._way.append(frame)
            if np.linalg.norm(tip.position - self._last) < LEAVES:
                return self._state("lift")
            self._last = None
            return self._state("touch")
        if self._rest and not self._stays(tip.position):
            lasted = self._rest[-1][0].time - self._rest[0][0].time
            self._way += [one for one, _ in self._rest]
            self._rest = [(frame, tip.position)]
            if lasted > TRIED * self.settings.hold:
                return self._state("refused", f"moved after {lasted:.1f} s; hold still")
            return self._state("touch")
        self._rest.append((frame, tip.position))
        lasted = frame.time - self._rest[0][0].time
        if lasted < self.settings.hold:
            return self._state("hold still" if lasted > 0.0 else "touch")
        return self._judge(lasted >= self.settings.longest)

    def _stays(self, position: Array) -> bool:
        mean = np.mean([place for _, place in self._rest], axis=0)
        return bool(np.linalg.norm(position - mean) <= self.settings.radius)

    def _judge(self, last_chance: bool) -> GuideState:
        """Take the touch whose frames are at rest, or refuse it; either way the tip must leave.

        With too few independent samples it goes on, unless it is the last chance.
        """
        label, resting = self.order[len(self.touches)], [one for one, _ in self._rest]
        found = self._touch(resting)
        few = isinstance(found, DwellTouch) and found.independent < self.settings.least_independent
        if few and not last_chance:
            return self._state("hold still")
        self._last = np.mean([place for _, place in self._rest], axis=0)
        self._rest = []
        problem = found if isinstance(found, str) else self._problem(label, found)
        if problem:
            self._way = []
            return GuideState(label, "refused", problem, len(self.touches))
        assert isinstance(found, DwellTouch)
        self.kept += [*self._way, *resting]
        self._way = []
        self.touches.append(found)
        sd = float(np.sqrt(np.trace(found.own) / 3.0))
        return GuideState(label, "taken", f"known to {sd:.2f} mm (sd)", len(self.touches))

    def _touch(self, resting: list[TrackedFrame]) -> DwellTouch | str:
        """Return the touch of frames at rest, or why it is none."""
        try:
            # with the way that led there: a rest alone has no extent
            series = tip_series([*self.kept, *self._way, *resting], self.needle, self.reference)
            hold = 0.8 * self.settings.hold
            found = find_touches(series, DwellSettings(radius=self.settings.radius, hold=hold))
        except InputError:
            return "too few frames show the tip; is it in view?"
        ends: list[DwellTouch | RefusedDwell] = [*found.touches, *found.refused]
        late = [one for one in ends if one.end >= resting[0].time + 0.5 * self.settings.hold]
        if not late:
            return "the tip crept; hold still"
        last = late[-1]
        return str(last) if isinstance(last, RefusedDwell) else last

    def _problem(self, label: str, touch: DwellTouch) -> str:
        """Return why a touch is not taken; empty where it is."""
        if touch.independent < self.settings.least_independent:
            return (
                f"{touch.independent:.0f} independent samples, at least "
                f"{self.settings.least_independent:.0f} are needed; hold still for longer"
            )
        sd = float(np.sqrt(np.trace(touch.own) / 3.0))
        if sd > self.settings.most_sd:
            return (
                f"its position is known to {sd:.2f} mm only, {self.settings.most_sd:g} are "
                "needed; turn the tool to the cameras"
            )
        off = self._distance_error(label, touch.position)
        if off <= self.settings.wrong:
            return ""
        by_label = {name: self._distance_error(name, touch.position) for name in self.divots}
        likely = min(by_label, key=lambda name: by_label[name])
        if by_label[likely] <= self.settings.wrong:
            return f"this is {likely}; touch {label}"
        return f"distances to the divots before are off by {off:.1f} mm: not {label}"

    def _distance_error(self, label: str, position: Array) -> float:
        """Return the largest error of the distances to all divots touched before, mm."""
        errors = [
            abs(
                np.linalg.norm(position - touch.position)
                - np.linalg.norm(self.divots[label] - self.divots[before])
            )
            for before, touch in zip(self.order, self.touches, strict=False)
        ]
        return float(max(errors, default=0.0))

    def _state(self, word: Word, detail: str = "") -> GuideState:
        label = self.order[min(len(self.touches), len(self.order) - 1)]
        return GuideState(label, word, detail, len(self.touches))
