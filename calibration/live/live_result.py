"""The calibration of what was captured: in words, and written."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from calibration.board import Board
from calibration.cameras.calibrate import Calibration, calibrate_cameras
from calibration.cameras.gather import Gathered
from calibration.cameras.picture import draw_coverage
from calibration.cameras.rig_command import Scale, notes, rig_of, scale_by_ruler, tell
from calibration.cameras.rig_verdict import COVERED, ENOUGH_VIEWS, GOOD_PIXELS, TILTED
from nav.camera.rig import write_rig
from nav.outputs import written_together

HEADINGS = ("camera", "pictures", "corners off, px", "direction ±, px", "covered", "tilt",
            "lens", "verdict")  # fmt: skip
LIMITS = ("for good", f"{ENOUGH_VIEWS}", "", f"{GOOD_PIXELS:g}", f"{COVERED:.0%}",
          f"{np.degrees(TILTED):.0f}°", "", "")  # fmt: skip
MEANING = {
    "good": "Good. Save it",
    "usable": "Usable, can be better",
    "repeat": "Not good enough",
}
WHAT_NEXT = {
    "good": "the expected errors are within the limits of 'good'",
    "usable": "save it, or take more pictures as advised below",
    "repeat": "take more pictures as advised below",
}


@dataclass(frozen=True)
class Result:
    """Calibrated cameras, and what they were calibrated from.

    Attributes
    ----------
    found : Calibration
        The calibration.
    gathered : Gathered
        The corners.
    board : Board
        The board, at its true size.
    scale : Scale
        What determined the scale.
    """

    found: Calibration
    gathered: Gathered
    board: Board
    scale: Scale

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """A line of words and numbers per camera, as `HEADINGS`."""
        rows: list[tuple[str, ...]] = []
        for k, (name, v) in enumerate(zip(self.gathered.cameras, self.found.verdicts, strict=True)):
            rows.append((
                name, str(v.views), f"{self.found.rms[k]:.3f}", f"{v.pixels:.3f}",
                f"{v.covered:.0%}", f"{np.degrees(v.tilt):.0f}°", self.found.fit.models[k], v.word,
            ))  # fmt: skip
        return rows

    @property
    def advice(self) -> list[str]:
        """What could be done better, a sentence per camera."""
        return [
            f"{name}: {'; '.join(v.advice)}"
            for name, v in zip(self.gathered.cameras, self.found.verdicts, strict=True)
            if v.advice
        ]

    @property
    def notes(self) -> list[str]:
        """What else is to be known."""
        return notes(self.found, self.gathered, self.scale)


def calibrated(gathered: Gathered, board: Board, ruler: float | None) -> Result:
    """Calibrate cameras from what was captured.

    Parameters
    ----------
    gathered : Gathered
        The corners.
    board : Board
        The board, at the size that the ruler gives.
    ruler : float or None
        Measured length of the printed 100 mm, mm; None if not known.

    Returns
    -------
    Result
        The calibration.

    Raises
    ------
    InputError
        See `calibrate_cameras`.
    """
    found = calibrate_cameras(board, gathered.seen, gathered.sizes, gathered.cameras)
    scale = scale_by_ruler(ruler)
    return Result(found, gathered, board, scale)


def save(result: Result, output: Path, board_file: Path) -> None:
    """Write rig.toml and the plot beside it; old ones are kept under a number.

    Parameters
    ----------
    result : Result
        The calibration.
    output : Path
        rig.toml to write.
    board_file : Path
        The board's file, for the provenance.

    Raises
    ------
    InputError
        They cannot be written.
    """
    rig = rig_of(result.found, result.gathered, result.board, result.scale)
    with written_together(output, output.with_suffix(".png")) as (rig_file, picture):
        write_rig(rig_file, rig, [board_file])
        draw_coverage(picture, result.found, result.gathered)


def report(result: Result, output: Path, console: Console) -> None:
    """Print the same as the command that calibrates from folders.

    Parameters
    ----------
    result : Result
        The calibration.
    output : Path
        The rig.toml that was written.
    console : Console
        Where it is printed.
    """
    tell(console, result.found, result.gathered, result.scale)
    console.print(f"{output} and {output.with_suffix('.png').name}: {result.found.word}")
