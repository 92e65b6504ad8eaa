"""What calibrations of the same pictures find, and how well they predict, as tables."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from nav.progress_bar import progress_bar
from tests.bench.real_calibration.chessboards import BoardPictures
from tests.bench.real_calibration.leave_one_out import (
    OURS,
    Calibrated,
    by_us,
    calibrators,
    held_out_errors,
)


def show_boards(console: Console, pictures: BoardPictures) -> None:
    """Calibrate by everyone, predict what was left out, and print tables."""
    found = by_us(pictures, pictures.ours)
    every = sorted({k for own in pictures.sources.values() for _, k in own})
    result = table("calibrated by", "pictures used", "fx, px", "fy, px", "apart, mm")
    errors = table(
        "calibrated by", "judged on corners of", "board flat", "board as calibrated",
        "worst picture", "epipolar",
    )  # fmt: skip
    runs = calibrators(pictures)
    with bar(console, pictures.name, len(runs) * len(pictures.common)) as advance:
        for name, calibrate in runs.items():
            whole = calibrate(every)
            used = len(pictures.ours if name == OURS else pictures.opencv)
            fx = ", ".join(f"{camera.matrix[0, 0]:.2f}" for camera in whole.cameras)
            fy = ", ".join(f"{camera.matrix[1, 1]:.2f}" for camera in whole.cameras)
            result.add_row(name, f"{used} of {pictures.pictures}", fx, fy, _apart(whole))
            for source, error in held_out_errors(pictures, calibrate, advance).items():
                errors.add_row(
                    name,
                    source,
                    f"{error.flat:.3f}",
                    f"{error.as_shaped:.3f}",
                    f"{error.worst:.3f}",
                    "" if error.epipolar is None else f"{error.epipolar:.3f}",
                )
    console.print(pictures.name, style="bold")
    console.print(result)
    console.print(f"held-out error, px rms per axis, {len(pictures.common)} instants in turn")
    console.print(errors)
    for name, verdict in zip(pictures.cameras, found.verdicts, strict=True):
        beyond = "" if verdict.beyond is None else f", {verdict.beyond:.2f} px elsewhere"
        console.print(
            f"{name}: ours is {verdict.word}; directions expected to be off by "
            f"{verdict.pixels:.2f} px where the board was{beyond}; {'; '.join(verdict.advice)}"
        )
    console.print(f"board bowed by {found.bow:.2f} mm\n")


def _apart(whole: Calibrated) -> str:
    if len(whole.cameras) < 2:
        return ""
    return f"{np.linalg.norm(whole.cameras[1].camera_from_rig[:3, 3]):.2f}"


def table(*columns: str) -> Table:
    """Return an empty table; what is named first stands left."""
    result = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for index, column in enumerate(columns):
        result.add_column(column, justify="right" if index else "left")
    return result


@contextmanager
def bar(console: Console, task: str, total: int) -> Iterator[Callable[[], None]]:
    """What to call after each step of a long task."""
    with progress_bar(console) as progress:
        at = progress.add_task(task, total=total, note="")
        yield lambda: progress.advance(at)
