"""`nav calibrate camera` and `nav calibrate rig` with live cameras: from webcams to rig.toml."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from calibration.board import load_board
from calibration.cameras.rig_calibration import scale_by_ruler
from nav.camera.image_files import pictures_in
from nav.camera.measure import LARGEST
from nav.camera.webcam import OpenCapture
from nav.core.errors import InputError


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
    """Calibrate live cameras with a board held in front of them; write rig.toml.

    A window says what to do and takes the images automatically.

    Parameters
    ----------
    cameras : mapping of str to int
        Webcam numbers by camera name, in the rig's order; the first is the rig's frame.
    board : Path
        board.toml.
    output : Path
        rig.toml; an old one is kept under a number.
    console : Console
        Where the result is printed.
    ruler : float, optional
        Measured length of the printed ruler of 100 mm, mm.
    keep : Path, optional
        Folder for the images, with a sub-folder per camera, as `calibrate_rig` reads them.
    size : tuple of 2 ints, optional
        Size of the images to ask for, px; the cameras give the nearest that they have.
    capture : callable, optional
        Opens a webcam; for tests.

    Raises
    ------
    InputError
        There is no display, no camera opens, the board is wrong, the ruler is out of range, or the
        folder to keep images in already has some.
    """
    from nav.display import can_show

    printed = load_board(board)
    scale = scale_by_ruler(ruler)
    if not cameras:
        raise InputError("--camera NAME=NUMBER: give at least one; nav doctor lists the numbers")
    if keep is not None:
        _check_empty(keep, cameras)
    if not can_show():
        raise InputError(
            "no display here for --camera; take images of the board and give them with --images"
        )
    from calibration.live.run_calibration import run_window
    from nav.camera.uncalibrated import UncalibratedCameras

    with console.status("starting the cameras"):
        source = UncalibratedCameras(cameras, size, capture=capture)
    run_window(source, printed.scaled(scale.share), board, output, console, scale, keep)


def _check_empty(keep: Path, cameras: Mapping[str, int]) -> None:
    """Refuse a folder with images: those of two sessions would be calibrated as one."""
    for name in cameras:
        if pictures_in(keep / name):
            raise InputError(f"--keep {keep}: {name} has images in it already; give a new folder")
