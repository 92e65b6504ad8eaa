"""`nav calibrate camera` and `nav calibrate rig` with live cameras: from webcams to rig.toml."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from calibration.board import load_board
from calibration.cameras.rig_command import scale_by_ruler
from nav.camera.image_files import pictures_in
from nav.camera.measure import LARGEST
from nav.camera.webcam import OpenCapture
from nav.errors import InputError


def capture_and_calibrate(
    cameras: Mapping[str, int],
    board: Path,
    output: Path,
    console: Console,
    ruler: float | None = None,
    keep: Path | None = None,
    *,
    size: tuple[int, int] = LARGEST,
    capture: OpenCapture | None = None,
) -> None:
    """Calibrate live cameras by a board that is held before them; writes rig.toml.

    A window says what to do and takes the pictures by itself.

    Parameters
    ----------
    cameras : webcam numbers by camera name, in the rig's order; the first is the rig's frame.
    board : board.toml. output : rig.toml; an old one is kept under a number.
    ruler : what the printed ruler of 100 mm measures, mm.
    keep : folder for the pictures, a sub-folder a camera, as `calibrate_rig` reads them.
    size : of the pictures, to ask for; the cameras give the nearest that they have.
    capture : opens a webcam; for tests.

    Raises
    ------
    InputError
        No display, no camera that opens, a wrong board, a ruler that is none, or a folder to keep
        pictures in that has some already.
    """
    from nav.display import can_show

    printed = load_board(board)
    share = scale_by_ruler(ruler).share
    if not cameras:
        raise InputError("--camera NAME=NUMBER: give at least one; nav doctor lists the numbers")
    if keep is not None:
        _check_empty(keep, cameras)
    if not can_show():
        raise InputError(
            "no display here for --camera; take pictures of the board and give them with --images"
        )
    from calibration.live.calibration_source import BoardCameras
    from calibration.live.run_calibration import run_window

    with console.status("starting the cameras"):
        source = BoardCameras(cameras, size, capture=capture)
    scaled = printed.scaled(share)
    run_window(source, scaled, board, output, console, ruler, keep)


def _check_empty(keep: Path, cameras: Mapping[str, int]) -> None:
    """Pictures of two times would be calibrated as one."""
    for name in cameras:
        if pictures_in(keep / name):
            raise InputError(f"--keep {keep}: {name} has pictures in it already; give a new folder")
