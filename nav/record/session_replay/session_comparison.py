"""What differs between a recording and its replay, number by number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nav.core.errors import Lost
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.session_replay.alarm_spells import AlarmMatcher, AlarmSpell
from nav.record.session_replay.value_differences import nested_difference, sd_difference
from nav.tracking.notices import TOLD_OF_PICTURES

# Differences up to these count as equal, though not as equal to the bit: another processor, or
# another build of NumPy, may sum in another order. That was measured (docs/replay.md) to move tips
# by 1.1e-9 mm and poses by 1.7e-11 rad at most; nobody measures a thousand times that either.
POSITION_EQUAL = 1e-6  # mm
ROTATION_EQUAL = 1e-8  # rad: POSITION_EQUAL at 100 mm


@dataclass
class Deviation:
    """How far one quantity of the replay is off the recorded one, over all frames.

    Attributes
    ----------
    name : str
        Of the quantity.
    unit : str
        "mm" or "rad"; empty where it is not a number.
    equal_up_to : float
        Largest difference that counts as equal.
    compared : int
        Frames that have it in the recording and in the replay.
    differing : int
        Frames in which it is not equal to the bit, or which have it on one side only.
    beyond : int
        Those of them in which the difference is larger than `equal_up_to`.
    largest : float
        Difference.
    first : int or None
        Index of the first frame that differs.
    """

    name: str
    unit: str = ""
    equal_up_to: float = 0.0
    compared: int = 0
    differing: int = 0
    beyond: int = 0
    largest: float = 0.0
    first: int | None = None

    def add(self, index: int, same: bool, difference: float | None) -> None:
        """Take a frame in.

        Parameters
        ----------
        index : int
            Of the frame.
        same : bool
            Whether both are equal to the bit.
        difference : float or None
            In `unit`; None where only one side has the quantity, or where it is not a number.
        """
        self.compared += difference is not None or same
        if same:
            return
        self.differing += 1
        self.first = index if self.first is None else self.first
        if difference is not None and self.unit:
            self.largest = max(self.largest, difference)
        self.beyond += difference is None or not self.unit or not difference <= self.equal_up_to


@dataclass(frozen=True)
class Comparison:
    """All that differs.

    Parameters
    ----------
    frames : int
        That were compared.
    deviations : tuple of Deviation
        Every quantity, also those that do not differ.
    missing, added : tuple of AlarmSpell
        Alarms of the recording that the replay has not, and the reverse.
    stages : tuple of two lists
        Index of the frame and stage, recorded and replayed, at each change.
    registrations : tuple of two lists of (float or None)
        FRE of each registration made, mm, recorded and replayed.
    first_seconds : float
        Time of the first frame that differs, s since the first of all.
    """

    frames: int
    deviations: tuple[Deviation, ...]
    missing: tuple[AlarmSpell, ...] = ()
    added: tuple[AlarmSpell, ...] = ()
    stages: tuple[list[tuple[int, str]], list[tuple[int, str]]] = ([], [])
    registrations: tuple[list[float | None], list[float | None]] = ([], [])
    first_seconds: float = 0.0

    @property
    def bit_equal(self) -> bool:
        """Whether nothing differs at all."""
        return not any(deviation.differing for deviation in self.deviations)

    @property
    def equal(self) -> bool:
        """Whether nothing differs by more than rounding."""
        return not any(deviation.beyond for deviation in self.deviations)

    @property
    def first(self) -> tuple[int, str] | None:
        """Index of the first frame that differs, and the first quantity that does there."""
        found = [(d.first, d.name) for d in self.deviations if d.first is not None]
        return min(found, key=lambda each: each[0], default=None)


class Comparer:
    """Compares a replay with its recording while it is played; frames are not kept.

    Attributes
    ----------
    deviations : dict of str to Deviation
        By name.
    frames : int
        That were compared.
    """

    def __init__(self) -> None:
        self.deviations: dict[str, Deviation] = {}
        self.frames = 0
        self._alarms = AlarmMatcher()
        self._stages: tuple[list[tuple[int, str]], list[tuple[int, str]]] = ([], [])
        self._began: float | None = None
        self._seconds = 0.0
        self._first_seconds: float | None = None

    def frame(
        self,
        recorded: TrackedFrame,
        shown: Mapping[str, Any] | None,
        replayed: TrackedFrame,
        message: Mapping[str, Any],
    ) -> None:
        """Compare one frame.

        Parameters
        ----------
        recorded : TrackedFrame
            As it was recorded.
        shown : mapping or None
            What was shown then, as of `guidance_to_json`; None where that was not recorded.
        replayed : TrackedFrame
            Of the replay.
        message : mapping
            What the replay shows, as of `guidance_to_json`.
        """
        index = self.frames
        self.frames += 1
        self._began = recorded.time if self._began is None else self._began
        self._seconds = max(self._seconds, recorded.time - self._began)
        self._frame(index, recorded, replayed)
        levels: Mapping[str, str] = {} if shown is None else shown["levels"]
        self._alarms.frame(index, self._seconds, levels, message["levels"])
        stages = "" if shown is None else shown["stage"], message["stage"]
        for changes, stage in zip(self._stages, stages, strict=True):
            if not changes or changes[-1][1] != stage:
                changes.append((index, stage))
        if shown is None:
            self._of("guidance").add(index, False, None)
        else:
            self._shown(index, shown, message)
        self._note_first()

    def _frame(self, index: int, recorded: TrackedFrame, replayed: TrackedFrame) -> None:
        self._equal(index, "mode of tracking", recorded.mode, replayed.mode)
        groups = (sorted(map(sorted, each.agreeing)) for each in (recorded, replayed))
        self._equal(index, "cameras that agree", *groups)
        lost = ({name: why.to_json() for name, why in each.camera_lost.items()}
                for each in (recorded, replayed))  # fmt: skip
        self._nested(index, "cameras without an image", *lost)
        again = {*TOLD_OF_PICTURES, *(notice.code for notice in replayed.notices)}
        said = ([notice.to_json() for notice in each.notices if notice.code in again]
                for each in (recorded, replayed))  # fmt: skip
        self._nested(index, "notices of the cameras' images", *said)
        for name in dict.fromkeys((*recorded.tools, *replayed.tools)):
            self._tool(index, name, recorded, replayed)

    def _shown(self, index: int, shown: Mapping[str, Any], message: Mapping[str, Any]) -> None:
        for frame in ("reference", "model"):
            self._tip(index, frame, shown["tips"][frame], message["tips"][frame])
        self._structures(index, shown["structures"], message["structures"])
        self._plan(index, shown["plan"], message["plan"])
        self._equal(index, "stage", shown["stage"], message["stage"])
        for name in dict.fromkeys((*shown["levels"], *message["levels"])):
            levels = shown["levels"].get(name), message["levels"].get(name)
            self._equal(index, f"alarm level: {name}", *levels)
        for name in ("prompt", "next_fiducial", "message", "alarm", "drift", "registration"):
            self._nested(index, name, shown.get(name), message.get(name))

    def registrations(
        self, index: int, recorded: Sequence[float | None], replayed: Sequence[float | None]
    ) -> None:
        """Compare the registrations that were made after a frame.

        Parameters
        ----------
        index : int
            Of the frame.
        recorded, replayed : sequence of (float or None)
            Their FRE, mm.
        """
        self._nested(index, "registrations made", list(recorded), list(replayed))
        self._note_first()

    def result(
        self, registrations: tuple[list[float | None], list[float | None]] = ([], [])
    ) -> Comparison:
        """Return what was found.

        Parameters
        ----------
        registrations : tuple of two lists
            As of `Comparison`.

        Returns
        -------
        Comparison
        """
        return Comparison(
            self.frames,
            tuple(self.deviations.values()),
            *self._alarms.result(),
            self._stages,
            registrations,
            self._first_seconds or 0.0,
        )

    def _note_first(self) -> None:
        differs = (deviation.differing for deviation in self.deviations.values())
        if self._first_seconds is None and any(differs):
            self._first_seconds = self._seconds

    def _of(self, name: str, unit: str = "") -> Deviation:
        limit = {"mm": POSITION_EQUAL, "rad": ROTATION_EQUAL}.get(unit, 0.0)
        return self.deviations.setdefault(name, Deviation(name, unit, limit))

    def _equal(self, index: int, name: str, recorded: Any, replayed: Any) -> None:
        self._of(name).add(index, recorded == replayed, 0.0)

    def _nested(self, index: int, name: str, recorded: Any, replayed: Any) -> None:
        """Compare what may hold numbers of several units: they count as mm."""
        same = recorded == replayed
        difference = 0.0 if same else nested_difference(recorded, replayed)
        self._of(name, "mm").add(index, same, difference)

    def _tool(self, index: int, name: str, recorded: TrackedFrame, replayed: TrackedFrame) -> None:
        one, other = recorded.tools.get(name), replayed.tools.get(name)
        position, rotation = self._of(f"pose {name}", "mm"), self._of(f"turn {name}", "rad")
        spread = self._of(f"sd of pose {name}", "mm")
        if one is None or other is None or isinstance(one, Lost) or isinstance(other, Lost):
            same = isinstance(one, Lost) and isinstance(other, Lost)
            for each in (position, rotation, spread):
                each.add(index, same, None)
            if isinstance(one, Lost) and isinstance(other, Lost):
                self._nested(index, f"why {name} is lost", one.to_json(), other.to_json())
            return
        first, second = one.rig_from_tool, other.rig_from_tool
        a, b = first.transform.as_matrix(), second.transform.as_matrix()
        off = float(np.linalg.norm(a[:3, 3] - b[:3, 3]))
        position.add(index, a[:3, 3].tobytes() == b[:3, 3].tobytes(), off)
        turned = float(np.linalg.norm(a[:3, :3] - b[:3, :3])) / np.sqrt(2.0)
        rotation.add(index, a[:3, :3].tobytes() == b[:3, :3].tobytes(), turned)
        errors = [(first.covariance, second.covariance), (one.systematic, other.systematic)]
        same = all(np.array_equal(x, y) for x, y in errors)
        self._nested(index, f"markers {name}", *map(_measured, (one, other)))
        spread.add(index, same, max(sd_difference(x, y) for x, y in errors))

    def _tip(
        self, index: int, frame: str, one: Mapping[str, Any], other: Mapping[str, Any]
    ) -> None:
        deviation = self._of(f"tip in {frame}", "mm")
        self._nested(
            index, f"axis and covariance of tip in {frame}", *map(_rest_of_tip, (one, other))
        )
        if "lost" in (one["status"], other["status"]):
            deviation.add(index, one["status"] == other["status"], None)
            return
        same = one["position"] == other["position"]
        deviation.add(index, same, _distance(one["position"], other["position"]))

    def _structures(self, index: int, one: Any, other: Any) -> None:
        recorded, replayed = _by_name(one), _by_name(other)
        reasons = (None if isinstance(each, list) else each for each in (one, other))
        self._nested(index, "why there is no distance", *reasons)
        for name in dict.fromkeys((*recorded, *replayed)):
            for quantity in ("distance", "bound"):
                deviation = self._of(f"{quantity}: {name}", "mm")
                if name not in recorded or name not in replayed:
                    deviation.add(index, False, None)
                    continue
                a, b = recorded[name][quantity], replayed[name][quantity]
                deviation.add(index, a == b, abs(a - b))
            if name in recorded and name in replayed:
                rest = (_without(each[name], "distance", "bound") for each in (recorded, replayed))
                self._nested(index, f"sd and nearest point: {name}", *rest)

    def _plan(self, index: int, one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
        if "lost" in (one["status"], other["status"]) or one["name"] != other["name"]:
            self._of("to target", "mm").add(index, one == other, None)
            return
        difference = abs(one["to_target"] - other["to_target"])
        self._of("to target", "mm").add(index, one["to_target"] == other["to_target"], difference)
        rest = (_without(each, "to_target") for each in (one, other))
        self._nested(index, "off axis and angle to plan", *rest)


def _measured(seen: TrackedTool) -> list[Any]:
    """Return what a pose was measured with, and what the user is warned of."""
    warnings = [code for notice in seen.warnings for code in notice.codes]
    numbers = [seen.rms_px, seen.tip_scale_sd, *seen.size_error.tolist()]
    return [list(seen.marker_ids), list(seen.cameras), warnings, numbers]


def _rest_of_tip(tip: Mapping[str, Any]) -> Mapping[str, Any]:
    return _without(tip, "position")


def _without(table: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name not in names}


def _by_name(structures: Any) -> dict[str, Mapping[str, Any]]:
    return {s["name"]: s for s in structures} if isinstance(structures, list) else {}


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    return float(np.linalg.norm(np.subtract(one, other)))
