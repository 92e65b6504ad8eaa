"""A day's accuracy test: every recording of a plan, evaluated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nav.accuracy.accuracy_plan import PLACES, SINGLE, PlanFile, RecordingTable
from nav.accuracy.block_location import BlockLocation, locate_block
from nav.accuracy.protocols import (
    Jitter,
    MultiPoint,
    RotationTest,
    SinglePoint,
    jitter,
    multi_point,
    rotation_test,
    shaft_of,
    single_point,
)
from nav.accuracy.uncertainty_budget import Budget, expansion_sd, uncertainty_budget
from nav.accuracy.warm_up import WarmUp, warm_up
from nav.core.errors import InputError
from nav.core.frames import Array
from nav.record.recorded_poses import open_recorded_poses
from nav.registration.pointfile import load_points
from nav.registration.touch_source import DwellTouch, TipSeries, find_touches, tip_series
from nav.tracking.tool import Tool, load_tool

Progress = Callable[[str], None]


@dataclass(frozen=True)
class AccuracyDay:
    """Results by test and place.

    Parameters
    ----------
    plan : PlanFile
        What was tested with what.
    divots : dict of str to ndarray, shape (3,)
        Nominal, block frame, mm.
    needle : Tool
        The pointer, with its tip.
    locations : dict of str to BlockLocation
        By place.
    located_by : dict of str to str
        Place whose touches located the block, by place.
    multi : dict of str to MultiPoint
        By place.
    single : dict of (str, str) to SinglePoint
        By test (a key of `SINGLE`) and place.
    rotations : dict of (str, str) to RotationTest
        By test and place.
    rest : dict of str to Jitter
        By place.
    warm_ups : dict of str to WarmUp
        By place.
    budget : Budget
        Of the position of the tip against the block.
    frames, lost : int
        Of all recordings.
    seconds : float
        That the recordings last.
    """

    plan: PlanFile
    divots: dict[str, Array]
    needle: Tool
    locations: dict[str, BlockLocation]
    located_by: dict[str, str]
    multi: dict[str, MultiPoint]
    single: dict[tuple[str, str], SinglePoint]
    rotations: dict[tuple[str, str], RotationTest]
    rest: dict[str, Jitter]
    warm_ups: dict[str, WarmUp]
    budget: Budget
    frames: int
    lost: int
    seconds: float

    @property
    def places(self) -> list[str]:
        """Places at which anything was tested, in the order of the standard."""
        used = {entry.place for entry in self.plan.recording}
        return [place for place in PLACES if place in used]


def evaluate_day(
    plan: PlanFile, folder: Path, progress: Progress = lambda text: None
) -> AccuracyDay:
    """Evaluate all recordings of a plan.

    Parameters
    ----------
    plan : PlanFile
        The plan.
    folder : Path
        That its files are relative to.
    progress : callable, optional
        Called with what is being read.

    Returns
    -------
    AccuracyDay

    Raises
    ------
    InputError
        A file that is missing or wrong, or a test that its recording does not hold: one line.
    """
    files = (folder / plan.needle, folder / plan.reference)
    needle, reference = (load_tool(path, printed=False) for path in files)
    if needle.tip is None:
        raise InputError(f"{folder / plan.needle}: has no [tip]; calibrate the needle first")
    divots = load_points(folder / plan.block)
    _check_divots(plan, divots, folder / plan.block)
    samples: dict[tuple[str, str], TipSeries] = {}
    lost: dict[tuple[str, str], int] = {}
    for entry in plan.recording:
        progress(entry.file)
        source = open_recorded_poses(folder / entry.file, (needle.name, reference.name))
        try:
            series = tip_series(source, needle, reference.name)
        except InputError as error:
            raise InputError(f"{folder / entry.file}: {error}") from None
        samples[entry.test, entry.place] = series
        lost[entry.test, entry.place] = len(source) - len(series)
    locations: dict[str, BlockLocation] = {
        entry.place: locate_block(
            divots,
            _touches(samples["points", entry.place], folder / entry.file),
            entry.order or tuple(divots),
            str(folder / entry.file),
        )
        for entry in plan.recording
        if entry.test == "points"
    }
    located_by = _located_by(plan, locations)
    single: dict[tuple[str, str], SinglePoint] = {}
    rotations: dict[tuple[str, str], RotationTest] = {}
    shaft = shaft_of(needle.tip)
    # single points first: rotations are compared with them
    for entry in sorted(plan.recording, key=lambda entry: entry.test not in SINGLE):
        if entry.divot is None:
            continue
        key, seen = (entry.test, entry.place), samples[entry.test, entry.place]
        location = locations[located_by[entry.place]]
        try:
            if entry.test in SINGLE:
                divot = divots[entry.divot]
                touches = find_touches(seen).touches
                single[key] = single_point(seen, touches, location, divot, entry.divot)
            else:
                base = _base(single, plan, entry, divots)
                without = location.without(entry.divot)
                roll = entry.test == "roll"
                rotations[key] = rotation_test(seen, without, shaft, roll, base)
        except InputError as error:
            raise InputError(f"{folder / entry.file}: {error}") from None
    rest = {
        place: jitter(seen, lost[test, place])
        for (test, place), seen in samples.items()
        if test == "rest"
    }
    warm: dict[str, WarmUp] = {}
    for entry in plan.recording:
        if entry.test == "warm-up":
            seen = samples["warm-up", entry.place]
            try:
                warm[entry.place] = warm_up(seen.times, seen.positions)
            except InputError as error:
                raise InputError(f"{folder / entry.file}: {error}") from None
    multi: dict[str, MultiPoint] = {
        place: multi_point(location) for place, location in locations.items()
    }
    return AccuracyDay(
        plan,
        divots,
        needle,
        locations,
        located_by,
        multi,
        single,
        rotations,
        rest,
        warm,
        _budget(plan, needle, list(samples.values()), single, multi, locations),
        sum(len(seen) for seen in samples.values()),
        sum(lost.values()),
        sum(float(seen.times[-1] - seen.times[0]) for seen in samples.values()),
    )


def _touches(series: TipSeries, path: Path) -> tuple[DwellTouch, ...]:
    """Return the touches of a recording of all divots, of which none may be doubtful."""
    found = find_touches(series)
    if found.refused:
        raise InputError(f"{path}: {found.refused[0]}; record again, with the tip at rest")
    return found.touches


def _check_divots(plan: PlanFile, divots: Mapping[str, Array], path: Path) -> None:
    for entry in plan.recording:
        if entry.divot is not None and entry.divot not in divots:
            raise InputError(
                f"{path}: no divot is called {entry.divot}; it has {', '.join(divots)}"
            )


def _located_by(plan: PlanFile, locations: Mapping[str, BlockLocation]) -> dict[str, str]:
    """Return the place whose touches locate the block: the same, else the first of all."""
    used: dict[str, str] = {}
    for entry in plan.recording:
        if entry.divot is None:
            continue
        if not locations:
            raise InputError(
                f"{entry.file}: test {entry.test!r} needs to know where the block is; add a "
                "recording with test = 'points'"
            )
        first = next(iter(locations))
        used[entry.place] = entry.place if entry.place in locations else first
    return used


def _base(
    single: Mapping[tuple[str, str], SinglePoint],
    plan: PlanFile,
    entry: RecordingTable,
    divots: Mapping[str, Array],
) -> Array | None:
    """Return the mean position of the single-point test of the same divot at the same place."""
    for other in plan.recording:
        if other.test == "single" and (other.place, other.divot) == (entry.place, entry.divot):
            errors = single["single", entry.place].errors
            return np.asarray(divots[other.divot or ""] + errors.mean(axis=0), float)
    return None


def _budget(
    plan: PlanFile,
    needle: Tool,
    samples: list[TipSeries],
    single: Mapping[tuple[str, str], SinglePoint],
    multi: Mapping[str, MultiPoint],
    locations: Mapping[str, BlockLocation],
) -> Budget:
    assert needle.tip is not None
    tip = needle.tip.covariance
    systematic = np.concatenate([seen.systematic for seen in samples])
    beside = float(np.trace(systematic, axis1=1, axis2=2).mean())
    sds = {
        "rig": float(np.sqrt(max(beside, 0.0) / 3.0)),
        "tip": float(np.sqrt(np.trace(tip) / 3.0)),
        "print": plan.divot_sd,
    }
    nominal = next((location.nominal for location in locations.values()), None)
    if nominal is not None:
        sds["temperature"] = expansion_sd(nominal, plan.expansion, plan.temperature_change)
    measured: dict[str, float] = {}
    squares, freedom = 0.0, 0
    for test in single.values():
        squares += float(((test.errors - test.errors.mean(axis=0)) ** 2).sum())
        freedom += 3 * (len(test.errors) - 1)
    if freedom:
        sds["random"] = float(np.sqrt(squares / freedom))
        sds["location"] = float(np.sqrt(np.mean([t.location_sd**2 for t in single.values()])))
        located = sum(3 * len(where.labels) - 6 for where in locations.values())
        measured = {"random": freedom, "location": located}
        every = np.concatenate([test.errors for test in single.values()])
        observed = float(np.sqrt((every**2).mean()))
    else:
        every = np.concatenate([test.residuals for test in multi.values()] or [np.zeros((1, 3))])
        observed = float(np.sqrt((every**2).mean()))
    return uncertainty_budget(sds, measured, observed)
