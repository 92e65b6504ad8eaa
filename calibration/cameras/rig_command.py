"""`nav calibrate camera` and `nav calibrate rig`: from folders of images to rig.toml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform

from calibration.board import Board, load_board
from calibration.cameras.calibrate import Calibration, calibrate_cameras, scaled
from calibration.cameras.gather import Gathered, camera_folders, gather
from calibration.cameras.picture import draw_coverage
from calibration.cameras.rig_verdict import CameraVerdict, where
from calibration.tools.tool_command import measured_body
from nav.camera.rig import Camera, Rig, write_rig
from nav.errors import InputError
from nav.outputs import written_together
from nav.tracking.tool import load_tool

RULER = 100.0  # mm, as printed
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
class KnownBody:
    """A marker body whose true size is known, and images of it turned before the cameras.

    Attributes
    ----------
    tool : Path
        TOOL.toml of the body.
    images : Path
        The images.
    """

    tool: Path
    images: Path


def calibrate_camera(
    images: Path, board: Path, output: Path, console: Console, ruler: float | None = None,
    name: str = "camera",
) -> None:  # fmt: skip
    """Calibrate one camera from the images of one folder; write a rig.toml of one camera.

    Parameters
    ----------
    images : Path
        Folder of images.
    board : Path
        board.toml of the board they show.
    output : Path
        rig.toml to write; a picture of the coverage is written beside it.
    console : Console
        Where progress and result are printed.
    ruler : float, optional
        Length of the printed ruler of 100 mm, mm.
    name : str, optional
        The camera's name.

    Raises
    ------
    InputError
        See `calibrate_cameras`, `gather`; or the ruler is out of range.
    """
    if not images.is_dir():
        raise InputError(f"{images}: expected a folder of pictures")
    _calibrate({name: images}, board, output, console, ruler)


def calibrate_rig(
    images: Path, board: Path, output: Path, console: Console, ruler: float | None = None,
    body: KnownBody | None = None,
) -> None:  # fmt: skip
    """Calibrate all cameras of a rig together, from a sub-folder of images each; write rig.toml.

    Parameters
    ----------
    images : Path
        Folder with a sub-folder of images for each camera.
    board : Path
        board.toml of the board they show.
    output : Path
        rig.toml to write; a picture of the coverage is written beside it.
    console : Console
        Where progress and result are printed.
    ruler : float, optional
        Length of the printed ruler of 100 mm, mm.
    body : KnownBody, optional
        Determines the scale instead of the ruler.

    Raises
    ------
    InputError
        See `calibrate_cameras`, `gather`, `measured_body`; or the ruler is out of range.
    """
    _calibrate(camera_folders(images), board, output, console, ruler, body)


def _calibrate(
    folders: Mapping[str, Path], board_file: Path, output: Path, console: Console,
    ruler: float | None, body: KnownBody | None = None,
) -> None:  # fmt: skip
    printed = load_board(board_file)
    for warning in printed.warnings:
        console.print(f"warning: {warning}", markup=False, soft_wrap=True)
    if ruler is not None and body is not None:
        raise InputError("--ruler and --body: give one of them; both determine the scale")
    if body is not None and len(folders) < 2:
        raise InputError("--body: one camera does not see how large a body is; use --ruler")
    scale = scale_by_ruler(ruler)
    share = scale.share
    gathered = gather(folders, printed.scaled(share), console)
    found = calibrate_cameras(
        printed.scaled(share), gathered.seen, gathered.sizes, gathered.cameras
    )
    inputs = [board_file]
    if body is not None:
        scale = _scale_by(body, rig_of(found, gathered, printed, scale), console)
        found = scaled(found, scale.share)
        inputs.append(body.tool)
    rig = rig_of(found, gathered, printed.scaled(scale.share), scale)
    picture = output.with_suffix(".png")
    with written_together(output, picture) as (rig_file, picture_file):
        write_rig(rig_file, rig, inputs)
        draw_coverage(picture_file, found, gathered)
    tell(console, found, gathered, scale)
    console.print(f"{output} and {picture.name}: {found.word}")


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


def _scale_by(body: KnownBody, rig: Rig, console: Console) -> Scale:
    """Return the factor by which lengths must be multiplied for a body to have its true size."""
    tool = load_tool(body.tool)
    size = measured_body(body.images, rig, tool, console)[0].scale
    if size is None:
        raise InputError(f"{body.images}: no two cameras see {tool.name} at once")
    larger, sd = size
    return Scale(1.0 / (1.0 + larger), f"body {tool.name}, {100 * sd:.3f} % (1 sd)")


def rig_of(found: Calibration, gathered: Gathered, board: Board, scale: Scale) -> Rig:
    """Assemble the rig with its calibration results.

    Parameters
    ----------
    found : Calibration
        The calibration.
    gathered : Gathered
        What the images showed.
    board : Board
        The board, at its true size.
    scale : Scale
        What determined the scale.

    Returns
    -------
    Rig
        Ready to be written to rig.toml.
    """
    cameras = []
    fit = found.fit
    for k, name in enumerate(gathered.cameras):
        lens = fit.setup.lenses[k]
        cameras.append(
            Camera(
                name,
                gathered.sizes[k],
                lens.matrix,
                lens.written(fit.models[k]),
                RigidTransform.from_matrix(fit.setup.cameras[k]),
                calibration=_facts(found, gathered, k, board, scale),
            )
        )
    return Rig(tuple(cameras))


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


def tell(console: Console, found: Calibration, gathered: Gathered, scale: Scale) -> None:
    """Print the calibration's table, advice and notes.

    Parameters
    ----------
    console : Console
        Where they are printed.
    found : Calibration
        The calibration.
    gathered : Gathered
        What the images showed.
    scale : Scale
        What determined the scale.
    """
    table = Table(box=None, pad_edge=False)
    for heading in (
        "camera",
        "views",
        "rms px",
        "held out",
        "lens",
        "focal px",
        "direction ± px",
        "verdict",
    ):
        table.add_column(heading)
    fit = found.fit
    for k, (name, verdict) in enumerate(zip(gathered.cameras, found.verdicts, strict=True)):
        at = fit.unknowns.lens[k].start
        table.add_row(
            name,
            str(verdict.views),
            f"{found.rms[k]:.3f}",
            f"{verdict.held_out:.3f}",
            fit.models[k],
            f"{fit.setup.lenses[k].pinhole[0]:.2f} ± {np.sqrt(fit.covariance[at, at]):.2f}",
            f"{verdict.pixels:.3f}",
            verdict.word,
        )
    console.print(table)
    for name, verdict in zip(gathered.cameras, found.verdicts, strict=True):
        _advise(console, name, verdict)
    for line in notes(found, gathered, scale):
        console.print(line)


def _advise(console: Console, name: str, verdict: CameraVerdict) -> None:
    if verdict.advice:
        console.print(f"{name}: {'; '.join(verdict.advice)}")


def notes(found: Calibration, gathered: Gathered, scale: Scale) -> list[str]:
    """List what else a person should know.

    Parameters
    ----------
    found : Calibration
        The calibration.
    gathered : Gathered
        What the images showed.
    scale : Scale
        What determined the scale.

    Returns
    -------
    list of str
        Sentences.
    """
    lines = []
    left = [gathered.name(s.camera, s.instant) for s in found.chosen.left_out]
    if left:
        lines.append(f"left out because they do not fit: {', '.join(left)}")
    if found.repeats:
        again = ", ".join(gathered.instants[k] for k in found.repeats)
        lines.append(f"not counted, as the board is where it was in an earlier picture: {again}")
    for k, change in enumerate(found.chosen.focus):
        if change is not None:
            name, much = gathered.cameras[k], f"{100 * change.share:+.2g} %"
            when = (
                "little by little"
                if change.after is None
                else f"after {gathered.name(k, change.after)}"
            )
            lines.append(f"{name}: the focal length changed by {much} {when}; the last one is kept")
    if gathered.damaged:
        lines.append(f"cannot be read: {', '.join(gathered.damaged)}")
    for name, verdict in zip(gathered.cameras, found.verdicts, strict=True):
        if verdict.unreached and verdict.beyond is not None:
            lines.append(
                f"{name}: the board was never {where(verdict.unreached)}; the lens there is "
                f"extrapolated (± {verdict.beyond:.2f} px if the lens model holds there)"
            )
    if found.bow > 0.0:
        assert found.flat_rms is not None
        lines.append(
            f"the board is bowed by {found.bow:.2f} mm; that is taken into account (taken "
            f"as flat, corners would be off by {found.flat_rms.max():.3f} instead of "
            f"{found.rms.max():.3f} px)"
        )
    if found.volume is not None:
        lines.append(
            f"within 60 mm of where the board was, points are accurate to "
            f"{found.volume:.4f} mm rms, apart from the scale"
        )
    lines.append(f"scale by {scale.words}" if scale.words else UNVERIFIED)
    return lines
