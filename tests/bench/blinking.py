"""Errors of delays from a blinking light, against what is said: `python -m tests.bench.blinking`.

Images of a light that blinks irregularly for 20 s, by a simulator that shares nothing with what is
measured: each row's exposure is integrated over the light's changes, with ambient light, noise and
jitter of the images' times. Every recording has another light, other phases and another delay.
"""

import argparse
from dataclasses import dataclass, replace

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from calibration.timing.light_command import light_timing
from tests.calibration.blinking import Seen, blinking_rig, irregular, recorded

SECONDS = 20.0
LED = (22.0, 30.0)
LONGEST = 0.06  # s, of delays
COVERED = (0.88, 1.0)  # of the estimates within 2 sd: what 100 recordings give for 95 %


@dataclass(frozen=True)
class Case:
    """Two cameras before one light."""

    name: str
    left: Seen
    right: Seen


SHEET = Case(
    "lit sheet, rolling shutters of 18 and 24 ms, exposures 6 and 10 ms",
    Seen(readout=0.018, exposure=0.006, jitter=3e-4),
    Seen(readout=0.024, exposure=0.010, jitter=3e-4, period=1 / 30.2),
)
CASES = (
    Case(
        "LED, global shutters, exposures 6 and 10 ms",
        Seen(exposure=0.006, jitter=3e-4, spot=LED),
        Seen(exposure=0.010, jitter=3e-4, spot=LED, period=1 / 30.2),
    ),
    SHEET,
    Case(
        "the same with gamma 2.2",
        replace(SHEET.left, gamma=2.2),
        replace(SHEET.right, gamma=2.2),
    ),
    Case(
        "lit sheet, 12 and -20 ms, exposures 2 ms, jitter 1 ms",
        Seen(readout=0.012, exposure=0.002, jitter=1e-3),
        Seen(readout=-0.020, exposure=0.002, jitter=1e-3, period=1 / 30.2),
    ),
)


def errors(case: Case, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return errors and standard deviations (count, 1 or 3), ms: delay, and readouts if seen."""
    found, sds = [], []
    for seed in range(count):
        rng = np.random.default_rng([seed, 9])
        delay, phases = rng.uniform(-LONGEST, LONGEST), rng.uniform(0.0, 1 / 30, 2)
        cameras = [
            replace(case.left, phase=phases[0]),
            replace(case.right, phase=phases[1], delay=delay),
        ]
        frames = recorded(cameras, irregular(seed, SECONDS), SECONDS, seed)
        left, right = light_timing(frames, 0, blinking_rig(), "light", Console(quiet=True))
        assert right.delay is not None
        off, sd = [right.delay.value - delay], [right.delay.sd]
        if case.left.spot is None:
            for each, true in ((left, case.left.readout), (right, case.right.readout)):
                off.append(each.readout.value - true)
                sd.append(each.readout.sd)
        found.append(off)
        sds.append(sd)
    return 1e3 * np.array(found), 1e3 * np.array(sds)


def run(console: Console, count: int) -> bool:
    """Print the table; return whether the standard deviations are right."""
    reached = True
    for case in CASES:
        table = Table(title=f"{case.name}: {count} recordings", box=SIMPLE_HEAD)
        for column in ("", "error, rms ms", "sd, median ms", "error / sd, rms", "within 2 sd"):
            table.add_column(column, justify="right")
        off, sd = errors(case, count)
        for k, name in enumerate(("delay", "readout left", "readout right")[: off.shape[1]]):
            ratio = off[:, k] / sd[:, k]
            inside = float((np.abs(ratio) < 2.0).mean())
            reached &= COVERED[0] <= inside <= COVERED[1]
            table.add_row(
                name, f"{np.sqrt((off[:, k] ** 2).mean()):.2f}",
                f"{np.median(sd[:, k]):.2f}", f"{np.sqrt((ratio**2).mean()):.2f}", f"{inside:.0%}",
            )  # fmt: skip
        console.print(table)
    return reached


def main() -> int:
    """Run the benchmark; 1 if the standard deviations are wrong."""
    parser = argparse.ArgumentParser(prog="bench-blinking", description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=100, help="of each kind")
    given = parser.parse_args()
    return 0 if run(Console(width=150), given.recordings) else 1


if __name__ == "__main__":
    raise SystemExit(main())
