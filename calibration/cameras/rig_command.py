"""`nav calibrate camera` and `nav calibrate rig`: from folders of images to rig.toml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from calibration.board import load_board
from calibration.cameras.gather import camera_folders, gather
from calibration.cameras.rig_calibration import (
    Scale,
    calibrate_gathered,
    scale_by_ruler,
    write_calibration,
)
from calibration.cameras.rig_report import print_calibration
from calibration.tools.tool_command import measured_body
from nav.camera.rig import Rig
from nav.core.errors import InputError
from nav.tracking.tool import load_tool


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
        raise InputError(f"{images}: expected a folder of images")
    _calibrate_folders({name: images}, board, output, console, ruler)


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
    _calibrate_folders(camera_folders(images), board, output, console, ruler, body)


def _calibrate_folders(
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
    board = printed.scaled(scale.share)
    result = calibrate_gathered(gather(folders, board, console), board, scale)
    inputs = [board_file]
    if body is not None:
        result = result.rescaled(_scale_by(body, result.rig, console))
        inputs.append(body.tool)
    write_calibration(result, output, inputs)
    print_calibration(console, result, output)


def _scale_by(body: KnownBody, rig: Rig, console: Console) -> Scale:
    """Return the factor by which lengths must be multiplied for a body to have its true size."""
    tool = load_tool(body.tool)
    size = measured_body(body.images, rig, tool, console)[0].scale
    if size is None:
        raise InputError(f"{body.images}: no two cameras see {tool.name} at once")
    larger, sd = size
    return Scale(1.0 / (1.0 + larger), f"body {tool.name}, {100 * sd:.3f} % (1 sd)")
