"""Delays and readouts of cameras, estimated from a swung needle: `python -m tests.bench.delay`.

Images of the twin, whose cameras have the delays and readouts in the table; the estimator sees
images and their wrong times only. Then what an unknown and a corrected lag does to the tip, and how
much of it a swung pivot shows.
"""

import argparse
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform

from calibration.timing.timing_command import RigTiming, timing_of_frames
from calibration.timing.timing_views import untimed
from nav.accuracy.swung_pivot import SwungPivot, swung_pivot
from nav.camera.rig import Rig
from nav.core.errors import InputError, Lost
from nav.core.frameset import FrameSet
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker
from phantoms.twin.simulated_tools import needle_tool, reference_tool
from tests.swung_needle import recording, swung, timed_rig

CASES = tuple((delay, readout) for delay in (5.0, 15.0, 30.0) for readout in (0.0, 10.0, 20.0))
QUICK = ((5.0, 0.0), (15.0, 10.0), (30.0, 20.0))  # ms
SPEEDS = (20.0, 50.0, 100.0)  # mm/s, rms of the carrier
CORRECTED = (15.0, 10.0)  # ms: the case whose tip is looked at
LAGS = (5e-3, 15e-3)  # s: those of which motions show a share
STEP = 1e-3  # s: of a velocity
PARTS = ("estimates", "tip", "shares")
MOST_SD = 3.5  # an error of so many sd is missed


def run(console: Console, quick: bool, parts: Sequence[str] = PARTS) -> bool:
    """Print the tables; return whether every estimate is within its errors.

    Parameters
    ----------
    console : Console
        Where they are printed.
    quick : bool
        Fewer cases and shorter recordings.
    parts : sequence of str
        Of PARTS.

    Returns
    -------
    bool
    """
    seconds = 3.0 if quick else 8.0
    reached = "estimates" not in parts or _print_estimates(console, quick, seconds)
    if "tip" in parts:
        _print_wander(console, _estimated(CORRECTED, seconds, 1).rig, seconds)
    if "shares" in parts:
        _print_shares(console, seconds)
    return reached


def _print_estimates(console: Console, quick: bool, seconds: float) -> bool:
    table = _table(
        ("delay ms", "readout ms", "found", "sd", "error / sd", "readouts", "sd", "errors / sd"),
        "carrier swung about the divot at 50 mm/s rms",
    )  # fmt: skip
    reached = True
    for number, case in enumerate(QUICK if quick else CASES):
        reached &= _add(table, case, _estimated(case, seconds, number))
    console.print(table)
    return reached


def _estimated(case: tuple[float, float], seconds: float, seed: int) -> RigTiming:
    delay, readout = (1e-3 * each for each in case)
    rig = timed_rig((readout, readout))
    frames = recording(swung(50.0, seed), rig, (0.0, delay), seconds, seed)
    hidden = _as_if_triggered(rig)
    return timing_of_frames(frames, 0, hidden, [needle_tool()], Console(quiet=True), Path("twin"))


def _as_if_triggered(rig: Rig) -> Rig:
    """Return what is known of the cameras before: nothing of their times."""
    return replace(rig, cameras=tuple(untimed(camera) for camera in rig.cameras))


def _add(table: Table, case: tuple[float, float], found: RigTiming) -> bool:
    fit = found.fit
    delay, sd = 1e3 * fit.delay[1], 1e3 * fit.delay_sd[1]
    readouts, sds = 1e3 * fit.readout, 1e3 * fit.readout_sd
    off, offs = (delay - case[0]) / sd, (readouts - case[1]) / sds
    table.add_row(
        f"{case[0]:g}", f"{case[1]:g}", f"{delay:.3f}", f"{sd:.3f}", f"{off:+.1f}",
        ", ".join(f"{each:.2f}" for each in readouts), ", ".join(f"{each:.2f}" for each in sds),
        ", ".join(f"{each:+.1f}" for each in offs),
    )  # fmt: skip
    return bool(max(abs(off), np.abs(offs).max()) < MOST_SD)


def _print_wander(console: Console, corrected: Rig, seconds: float) -> None:
    """Print how far the tip wanders in its divot, with and without what was estimated."""
    delay, readout = (1e-3 * each for each in CORRECTED)
    rig = timed_rig((readout, readout))
    table = _table(
        ("carrier mm/s", "before mm", "tracked", "lag ms", "after mm", "tracked", "lag ms"),
        f"tip in a divot, right camera late by {CORRECTED[0]:g} ms, readout {CORRECTED[1]:g} ms",
    )  # fmt: skip
    for seed, speed in enumerate(SPEEDS):
        frames = list(recording(swung(speed, 100 + seed), rig, (0.0, delay), seconds, seed))
        cells = []
        for own in (_as_if_triggered(rig), corrected):
            result, rms, share = _pivoted(frames, own)
            lag = "" if result is None else f"{1e3 * result.lag:.2f}"
            cells += [f"{rms:.3f}", f"{100 * share:.0f} %", lag]
        table.add_row(f"{speed:g}", *cells)
    console.print(table)


def _pivoted(frames: Iterable[FrameSet], rig: Rig) -> tuple[SwungPivot | None, float, float]:
    times, poses, count = _tracked(frames, rig, [needle_tool()])
    tips = np.array([pose.apply(_tip()) for pose in poses])
    rms = float(np.sqrt(((tips - tips.mean(axis=0)) ** 2).sum(axis=1).mean()))
    rotations = np.array([pose.rotation.as_matrix() for pose in poses])
    places = np.array([pose.translation for pose in poses])
    try:
        result = swung_pivot(times, rotations, places, _tip())
    except InputError:  # lost too often
        result = None
    return result, rms, len(poses) / count


def _tracked(
    frames: Iterable[FrameSet], rig: Rig, tools: list[Tool]
) -> tuple[np.ndarray, list[RigidTransform], int]:
    """Return times, poses of the first tool relative to the second if there is one, and a count."""
    times, poses, count = [], [], 0
    relative_to = tools[1].name if len(tools) > 1 else None
    with closing(Tracker(rig, tools)) as tracker:
        for each in frames:
            tracked = tracker.track(each)
            pose = tracked.pose(tools[0].name, relative_to)
            count += 1
            if not isinstance(pose, Lost):
                times.append(tracked.time)
                poses.append(pose.transform)
    return np.array(times), poses, count


def _tip() -> np.ndarray:
    tip = needle_tool().tip
    assert tip is not None
    return tip.position


def _print_shares(console: Console, seconds: float) -> None:
    """Print how much of an unknown lag three motions show."""
    rig = timed_rig((0.0, 0.0))
    table = _table(
        ("motion", "lag ms", "tracked", "tip off, rms mm", "shown, ms", "of the lag"),
        "right camera late, not known",
    )  # fmt: skip
    free = swung(50.0, 200, free=True)
    for name, path, plate in (
        ("free, the reference at rest", free, False),
        ("swung about a divot", swung(50.0, 200), False),
        ("needle and reference on one plate", free, True),
    ):
        for lag in LAGS:
            tools = [needle_tool(), *([reference_tool()] if plate else [])]
            frames = list(recording(path, rig, (0.0, lag), seconds, 9, plate))
            times, poses, count = _tracked(frames, rig, tools)
            tips = np.array([pose.apply(_tip()) for pose in poses])
            true = np.array([path(time - lag / 2).apply(_tip()) for time in times])
            off = tips - (0.0 if plate else true)
            off -= off.mean(axis=0)
            velocity = np.array(
                [(path(t + STEP).translation - path(t - STEP).translation) / (2 * STEP)
                 for t in times - lag / 2]
            )  # fmt: skip
            rms = np.sqrt((off**2).sum(axis=1).mean())
            speed = np.sqrt((velocity**2).sum(axis=1).mean())
            shown = rms / speed
            table.add_row(
                name, f"{1e3 * lag:g}", f"{len(poses) / count:.0%}", f"{rms:.3f}",
                f"{1e3 * shown:.2f}", f"{shown / lag:.0%}",
            )  # fmt: skip
    console.print(table)


def _table(columns: tuple[str, ...], title: str) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def main() -> int:
    """Run the benchmark; 1 if an estimate is off by more than its errors allow."""
    parser = argparse.ArgumentParser(prog="bench-delay", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three cases, 3 s each")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    given = parser.parse_args()
    return 0 if run(Console(width=150), given.quick, given.parts or PARTS) else 1


if __name__ == "__main__":
    raise SystemExit(main())
