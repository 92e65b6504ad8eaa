"""The window run as a program, and its output in files and on the terminal."""

from pathlib import Path

from rich.console import Console

from calibration.board import Board
from calibration.cameras.rig_calibration import RigCalibration, Scale, write_calibration
from calibration.cameras.rig_report import print_calibration
from calibration.live.calibration_window import CalibrateWindow
from calibration.live.taking import Taking
from nav.camera.uncalibrated import UncalibratedCameras
from nav.view.guided_window import run_guided
from nav.view.live_app import application


def run_window(
    source: UncalibratedCameras, board: Board, board_file: Path, output: Path, console: Console,
    scale: Scale, keep: Path | None,
) -> None:  # fmt: skip
    """Show the window until something is saved or it is closed; release the cameras.

    Parameters
    ----------
    source : UncalibratedCameras
        The cameras; closed at the end.
    board : Board
        The board, at its true size.
    board_file : Path
        The board's file, for the provenance.
    output : Path
        rig.toml to write.
    console : Console
        Where the result is printed.
    scale : Scale
        What determined that size.
    keep : Path or None
        Folder for the images.

    Raises
    ------
    InputError
        There is no display.
    """

    def write(result: RigCalibration) -> None:
        write_calibration(result, output, [board_file])

    try:
        application()
        taking = Taking(tuple(source.devices), board, keep)
        window = CalibrateWindow(source, taking, write, scale)
        run_guided(window)
    finally:
        source.close()
    if window.saved is not None:
        print_calibration(console, window.saved, output)
    else:
        console.print("nothing was written")
    if keep is not None and taking.captures:
        console.print(f"the images are in {keep}")
