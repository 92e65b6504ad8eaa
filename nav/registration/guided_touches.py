"""Lead an operator from divot to divot: a touch is taken or refused as soon as the tip rests."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nav.core.errors import InputError, Lost
from nav.core.frames import Array
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.registration.touch_source import (
    REFERENCE_SHIFT,
    DwellSettings,
    DwellTouch,
    FoundTouches,
    RefusedDwell,
    find_touches,
    tip_series,
)
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool

Word = Literal["touch", "hold still", "lift", "taken", "refused", "done"]
LEAVES = 5.0  # mm: so far from the last touch the next one begins
TRIED = 0.4  # share of the time to hold still: what is broken off later was meant as a touch
WAY = 5.0  # s before a touch that are judged with it: a knock shows there


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
        The divot that is next; of "taken" and "refused" the one that was touched. Empty where
        touches have no labels.
    word : str
        What to do, or what happened.
    reason : Notice or None
        Why; how well a touch is known.
    taken : int
        Touches so far.
    share : float
        Of the time to hold still.
    """

    label: str
    word: Word
    reason: Notice | None
    taken: int
    share: float = 0.0


@dataclass(frozen=True)
class GuidedTouch:
    """A touch that was taken, or a divot that was left out.

    Parameters
    ----------
    place : int
        In the order.
    label : str
        Of the divot; empty where touches have no labels.
    touch : DwellTouch or None
        None where it was left out.
    frames : tuple of TrackedFrame
        Of the touch and of the way to it.
    """

    place: int
    label: str
    touch: DwellTouch | None
    frames: tuple[TrackedFrame, ...] = ()

    @property
    def sd(self) -> float:
        """Error of its position, the tip's calibration included, mm per axis."""
        if self.touch is None:
            return float("nan")
        return float(np.sqrt(np.trace(self.touch.covariance) / 3.0))


class GuidedTouches:
    """Take touches in a given order, or of whatever is touched, frame by frame.

    Parameters
    ----------
    needle : Tool
        With a tip.
    reference : str
        Name of the reference body.
    divots : mapping of str to ndarray, shape (3,)
        Places in the block or case, mm, by which another divot than the one asked for is
        recognised; may be empty.
    order : sequence of str, optional
        Divots in the order of touching; one may come again. None: touches have no labels, and
        there is no end.
    settings : GuideSettings, optional
        What a touch must fulfil.

    Attributes
    ----------
    steps : list of GuidedTouch
        Taken or left out, in the order.
    refused : list of RefusedDwell
        That jumped, crept or were knocked.
    told : list of GuideState
        Every one that a touch was taken or refused.

    Raises
    ------
    InputError
        A label that is not among the divots, or a needle without a tip.
    """

    def __init__(
        self,
        needle: Tool,
        reference: str,
        divots: Mapping[str, Array],
        order: Sequence[str] | None,
        settings: GuideSettings | None = None,
    ) -> None:
        strange = next((label for label in order or () if divots and label not in divots), None)
        if strange is not None:
            raise InputError(f"no divot is called {strange}; there are {', '.join(divots)}")
        if needle.tip is None:
            raise InputError(f"{needle.name}: has no [tip]; calibrate the needle first")
        self.needle, self.reference, self.divots, self.order = needle, reference, divots, order
        self.settings = settings or GuideSettings()
        self.steps: list[GuidedTouch] = []
        self.refused: list[RefusedDwell] = []
        self.told: list[GuideState] = []
        self._way: list[TrackedFrame] = []
        self._rest: list[tuple[TrackedFrame, Array]] = []
        self._last: Array | None = None  # where the last touch was taken or refused

    @property
    def touches(self) -> list[DwellTouch]:
        """Those that were taken, in the order."""
        return [step.touch for step in self.steps if step.touch is not None]

    @property
    def labels(self) -> list[str]:
        """Of the touches; empty texts where they have none."""
        return [step.label for step in self.steps if step.touch is not None]

    @property
    def kept(self) -> list[TrackedFrame]:
        """Frames of the touches that were taken and of the ways between them."""
        return [frame for step in self.steps for frame in step.frames]

    @property
    def found(self) -> FoundTouches:
        """The touches as `find_touches` returns them."""
        return FoundTouches(tuple(self.touches), tuple(self.refused))

    @property
    def place(self) -> int:
        """Of the next divot in the order."""
        return self.steps[-1].place + 1 if self.steps else 0

    @property
    def done(self) -> bool:
        """Whether all were touched, or left out."""
        return self.order is not None and self.place >= len(self.order)

    def skip(self) -> None:
        """Leave out the next divot."""
        if self.order is not None and not self.done:
            self.steps.append(GuidedTouch(self.place, self.order[self.place], None))
            self._rest, self._way = [], []

    def undo(self) -> GuidedTouch | None:
        """Take back the last touch, or what was left out last: it is asked for again.

        Returns
        -------
        GuidedTouch or None
            What was taken back; None where there is nothing.
        """
        if (
            self._rest
            and self._rest[-1][0].time - self._rest[0][0].time > TRIED * self.settings.hold
        ):
            self._last = self._rest[-1][1]  # it is where the next one was asked for: leave first
        self._rest, self._way = [], []
        return self.steps.pop() if self.steps else None

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
        state = self._added(frame)
        if state.word in ("taken", "refused"):
            self.told.append(state)
        return state

    def _added(self, frame: TrackedFrame) -> GuideState:
        if self.done:
            return self._state("done")
        tip = tip_in_reference(frame, self.needle, self.reference)
        if isinstance(tip, Lost):
            return self._state("touch", tip)
        if self._last is not None:
            self._passed([frame])
            if np.linalg.norm(tip.position - self._last) < LEAVES:
                return self._state("lift")
            self._last = None
            return self._state("touch")
        if self._rest and not self._stays(tip.position):
            lasted = self._rest[-1][0].time - self._rest[0][0].time
            self._passed([one for one, _ in self._rest])
            self._rest = [(frame, tip.position)]
            if lasted > TRIED * self.settings.hold:
                return self._state("refused", Notice("touch_broken_off", {"seconds": lasted}))
            return self._state("touch")
        self._rest.append((frame, tip.position))
        lasted = frame.time - self._rest[0][0].time
        if lasted < self.settings.hold:
            share = lasted / self.settings.hold
            return self._state("hold still" if lasted > 0.0 else "touch", None, share)
        return self._judge(lasted >= self.settings.longest)

    def _passed(self, frames: Sequence[TrackedFrame]) -> None:
        """Keep the last seconds of the way to the next touch."""
        self._way += frames
        while self._way[-1].time - self._way[0].time > WAY:
            del self._way[0]

    def _stays(self, position: Array) -> bool:
        mean = np.mean([place for _, place in self._rest], axis=0)
        return bool(np.linalg.norm(position - mean) <= self.settings.radius)

    def _judge(self, last_chance: bool) -> GuideState:
        """Take the touch whose frames are at rest, or refuse it; either way the tip must leave.

        With too few independent samples it goes on, unless it is the last chance.
        """
        label, resting = self._label, [one for one, _ in self._rest]
        found = self._touch(resting)
        if isinstance(found, DwellTouch):
            few = found.independent < self.settings.least_independent
        else:
            few = found.code == "touch_not_seen"  # tracking may be slow
        if few and not last_chance:
            return self._state("hold still", None, 1.0)
        self._last = np.mean([place for _, place in self._rest], axis=0)
        self._rest = []
        problem = found if isinstance(found, Notice) else self._problem(label, found)
        taken = len(self.touches)
        if problem is not None:
            self._way = []
            return GuideState(label, "refused", problem, taken)
        assert isinstance(found, DwellTouch)
        self.steps.append(GuidedTouch(self.place, label, found, (*self._way, *resting)))
        self._way = []
        known = Notice("touch_known", {"sd_mm": rounded_up(_own_sd(found))})
        return GuideState(label, "taken", known, taken + 1)

    def _touch(self, resting: list[TrackedFrame]) -> DwellTouch | Notice:
        """Return the touch of frames at rest, or why it is none."""
        try:
            series = tip_series([*self._way, *resting], self.needle, self.reference)
            settings = DwellSettings(radius=self.settings.radius, hold=0.8 * self.settings.hold)
            found = find_touches(series, settings, least_extent=0.0)
        except InputError:
            return Notice("touch_not_seen")
        ends: list[DwellTouch | RefusedDwell] = [*found.touches, *found.refused]
        late = [one for one in ends if one.end >= resting[0].time + 0.5 * self.settings.hold]
        if not late:
            return Notice("touch_crept")
        last = late[-1]
        if isinstance(last, RefusedDwell):
            self.refused.append(last)
            return dwell_notice(last)
        return last

    def _problem(self, label: str, found: DwellTouch) -> Notice | None:
        """Return why a touch is not taken; None where it is."""
        independent, least = found.independent, self.settings.least_independent
        if independent < least:
            return Notice("touch_too_short", {"independent": independent, "least": least})
        sd = _own_sd(found)
        if sd > self.settings.most_sd:
            return Notice("touch_uncertain", {"sd_mm": sd, "most_mm": self.settings.most_sd})
        if label not in self.divots:
            return None
        off = self._distance_error(label, found.position)
        if off <= self.settings.wrong:
            return None
        by_label = {name: self._distance_error(name, found.position) for name in self.divots}
        likely = min(by_label, key=lambda name: by_label[name])
        if by_label[likely] <= self.settings.wrong:
            return Notice("touch_of_another", {"other": likely, "label": label})
        return Notice("touch_of_none", {"off_mm": off, "label": label})

    def _distance_error(self, label: str, position: Array) -> float:
        """Return the largest error of the distances to all divots touched before, mm."""
        errors = [
            abs(
                np.linalg.norm(position - step.touch.position)
                - np.linalg.norm(self.divots[label] - self.divots[step.label])
            )
            for step in self.steps
            if step.touch is not None
        ]
        return float(max(errors, default=0.0))

    @property
    def _label(self) -> str:
        if not self.order:
            return ""
        return self.order[min(self.place, len(self.order) - 1)]

    def _state(self, word: Word, reason: Notice | None = None, share: float = 0.0) -> GuideState:
        return GuideState(self._label, word, reason, len(self.touches), share)


def dwell_notice(refused: RefusedDwell) -> Notice:
    """Return why a rest of the tip is no touch.

    Parameters
    ----------
    refused : RefusedDwell
        The rest.

    Returns
    -------
    Notice
    """
    facts = {"distance_mm": refused.distance}
    if refused.reference_shift > REFERENCE_SHIFT:
        return Notice("touch_reference_moved", {**facts, "shift_mm": refused.reference_shift})
    if refused.kind == "jump":
        return Notice("touch_jumped", facts)
    if refused.kind == "drift":
        return Notice("touch_drifted", facts)
    return Notice("touch_knocked", facts)


def rounded_up(sd: float) -> float:
    """Return an error as it is shown: none is smaller than a hundredth of a millimetre.

    Parameters
    ----------
    sd : float
        In mm.

    Returns
    -------
    float
        In mm, rounded up to 0.01.
    """
    return math.ceil(100.0 * sd - 1e-6) / 100.0


def _own_sd(touch: DwellTouch) -> float:
    return float(np.sqrt(np.trace(touch.own) / 3.0))
