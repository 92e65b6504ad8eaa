"""From the boards that images showed to a rig and its file: one way for files and webcams."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import RigidTransform

from calibration.board import RULER, Board
from calibration.cameras.calibrate import Calibration, calibrate_cameras, scaled
from calibration.cameras.gather import Gathered
from calibration.cameras.picture import draw_coverage
from nav.camera.rig import Camera, Rig, write_rig
from nav.core.errors import InputError
from nav.core.outputs import written_together

RULER_RANGE = (90.0, 110.0)  # mm: any other value is not of a printed ruler of 100 mm
UNVERIFIED = "scale unverified: measure the printed ruler and give it with --ruler"


@dataclass(frozen=True)
class Scale:
    """What determines the scale.

    Attributes
    ----------
    share : float
        Factor of the calibration's lengths over those of the board as printed.
    words : str or None
        What determined it; None if unverified.
    """

    share: float
    words: str | None


@dataclass(frozen=True)
class RigCalibration:
    """Calibrated cameras, and what they were calibrated from.

    Attributes
    ----------
    found : Calibration
        The calibration.
    gathered : Gathered
        What the images showed.
    board : Board
        The board, at its true size.
    scale : Scale
        What determined that size.
    """

    found: Calibration
    gathered: Gathered
    board: Board
    scale: Scale

    @property
    def rig(self) -> Rig:
        """The cameras with their calibration results, ready to be written to rig.toml."""
        cameras = []
        fit = self.found.fit
        for k, name in enumerate(self.gathered.cameras):
            lens = fit.setup.lenses[k]
            cameras.append(
                Camera(
                    name,
                    self.gathered.sizes[k],
                    lens.matrix,
                    lens.written(fit.models[k]),
                    RigidTransform.from_matrix(fit.setup.cameras[k]),
                    calibration=_facts(self.found, self.gathered, k, self.board, self.scale),
                )
            )
        return Rig(tuple(cameras))

    def rescaled(self, scale: Scale) -> "RigCalibration":
        """Return the calibration with all lengths multiplied.

        Parameters
        ----------
        scale : Scale
            The factor, and what determined it.

        Returns
        -------
        RigCalibration
            Its scale is the one given.
        """
        found, board = scaled(self.found, scale.share), self.board.scaled(scale.share)
        return replace(self, found=found, board=board, scale=scale)


def scale_by_ruler(ruler: float | None) -> Scale:
    """Convert the measured length of the printed ruler to a scale.

    Parameters
    ----------
    ruler : float or None
        Measured length of the ruler of 100 mm, mm; None if it was not measured.

    Returns
    -------
    Scale
        Unverified if there is no ruler.

    Raises
    ------
    InputError
        The length is not about 100 mm.
    """
    if ruler is None:
        return Scale(1.0, None)
    if not RULER_RANGE[0] <= ruler <= RULER_RANGE[1]:
        raise InputError(
            f"--ruler {ruler:g}: expected what the printed ruler of 100 mm measures, mm, "
            f"{RULER_RANGE[0]:g} to {RULER_RANGE[1]:g}"
        )
    return Scale(ruler / RULER, f"ruler {ruler:g} mm")


def calibrate_gathered(gathered: Gathered, board: Board, scale: Scale) -> RigCalibration:
    """Calibrate the cameras of a rig from the boards that their images showed.

    Parameters
    ----------
    gathered : Gathered
        The corners, from files or webcams.
    board : Board
        The board, at its true size.
    scale : Scale
        What determined that size.

    Returns
    -------
    RigCalibration
        The calibration.

    Raises
    ------
    InputError
        See `calibrate_cameras`.
    """
    found = calibrate_cameras(board, gathered.seen, gathered.sizes, gathered.cameras)
    return RigCalibration(found, gathered, board, scale)


def write_calibration(result: RigCalibration, output: Path, inputs: Sequence[Path]) -> None:
    """Write rig.toml and a plot of the coverage beside it; old ones are kept under a number.

    Parameters
    ----------
    result : RigCalibration
        The calibration.
    output : Path
        rig.toml to write.
    inputs : sequence of Path
        Files that it was made from, for the provenance.

    Raises
    ------
    InputError
        They cannot be written.
    """
    with written_together(output, output.with_suffix(".png")) as (rig_file, plot):
        write_rig(rig_file, result.rig, inputs)
        draw_coverage(plot, result.found, result.gathered)


def _facts(
    found: Calibration, gathered: Gathered, camera: int, board: Board, scale: Scale
) -> dict[str, Any]:
    """Return the further results of the calibration, for [camera.calibration]."""
    fit, verdict = found.fit, found.verdicts[camera]
    lens, place = fit.unknowns.lens[camera], fit.unknowns.place[camera]
    changed = found.chosen.focus[camera]
    names = ["fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"]
    own = [names[i] for i in fit.unknowns.free[camera]]
    own += ["tx", "ty", "tz", "rx", "ry", "rz"] if camera else []
    all_of_it = slice(lens.start, place.stop)
    covariance = fit.covariance[all_of_it, all_of_it]
    return {
        "verdict": verdict.word,
        "advice": list(verdict.advice) + ([] if scale.words else [UNVERIFIED]),
        "scale": scale.words or "unverified",
        "views": verdict.views,
        "left_out": [
            gathered.name(camera, s.instant) for s in found.chosen.left_out if s.camera == camera
        ],
        "rms_px": float(found.rms[camera]),
        "held_out_rms_px": verdict.held_out,
        "direction_sd_px": verdict.pixels,
        "direction_sd_beyond_px": verdict.beyond,
        "not_reached": list(verdict.unreached),
        "covered": verdict.covered,
        "focus_change": None if changed is None else changed.share,
        "tilt_degrees": float(np.degrees(verdict.tilt)),
        "lens_model": fit.models[camera],
        "parameters": own,
        "sd": np.sqrt(np.diag(covariance)),
        "covariance": covariance,
        "board_bow_mm": found.bow,
        "board_shape_mm": fit.setup.bow,
        "board_shape_sd": np.sqrt(np.diag(fit.covariance)[fit.unknowns.bow]),
        "board_square_mm": board.square,
        "volume_rms_mm": found.volume,
    }
