"""`nav calibrate tool` and `nav calibrate needle` with live cameras, in a guided window."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from calibration.live.body_capture import BodyCapture, BodyFiles
from calibration.live.needle_capture import NeedleCapture
from calibration.live.pivot_capture import NeedleFiles, PivotCapture
from nav.camera.live_source import LiveSource
from nav.camera.rig import Rig, load_rig
from nav.camera.webcam import OpenCapture
from nav.camera.webcam_numbers import parse_webcams
from nav.core.errors import InputError
from nav.display import can_show
from nav.live.feed import START_SECONDS
from nav.live.pose_run import PoseRun
from nav.record.picture_recording.picture_writer import PictureWriter, new_recording_folder
from nav.track import announce_compiling
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.follow.pose_candidate import PoseCandidate
from nav.tracking.tool import Tool, load_tool
from nav.tracking.tracker import Tracker

Capture = NeedleCapture | BodyCapture
Make = Callable[[Tracker, Path], Capture]


def calibrate_needle_live(
    files: NeedleFiles,
    cameras: Sequence[str],
    console: Console,
    keep: Path | None = None,
    *,
    name: str = "needle",
    capture: OpenCapture | None = None,
) -> None:
    """Find a needle's tip while it is swung about a divot before live cameras.

    Parameters
    ----------
    files : NeedleFiles
        What the result is written to, and what it is made from.
    cameras : sequence of str
        NAME=NUMBER, of the rig's cameras.
    console : Console
        Where the result is printed.
    keep : Path, optional
        New folder for images and poses.csv.
    name : str
        The needle's.
    capture : callable, optional
        Opens a webcam; for tests.

    Raises
    ------
    InputError
        A wrong file or camera, or no display.
    """
    rig, needle = load_rig(files.rig), load_tool(files.tool)
    if needle.name != name:
        raise InputError(
            f"{files.tool}: name: this is the file of {needle.name}, but the tip of {name} is "
            "calibrated; give that tool's file"
        )
    devices = _check(rig, cameras, keep)

    def make(tracker: Tracker, folder: Path) -> Capture:
        writer = None if keep is None else PictureWriter(folder, rig.names)
        return NeedleCapture(PivotCapture(needle, files, folder, writer))

    _run(rig, needle, devices, make, console, keep, capture)


def calibrate_tool_live(
    files: BodyFiles,
    cameras: Sequence[str],
    console: Console,
    keep: Path | None = None,
    *,
    capture: OpenCapture | None = None,
) -> None:
    """Measure where a body's markers are while it is turned before live cameras.

    Parameters
    ----------
    files : BodyFiles
        What the result is written to, and what it is made from.
    cameras : sequence of str
        NAME=NUMBER, of the rig's cameras.
    console : Console
        Where the result is printed.
    keep : Path, optional
        New folder for the images.
    capture : callable, optional
        Opens a webcam; for tests.

    Raises
    ------
    InputError
        A wrong file or camera, or no display.
    """
    rig, body = load_rig(files.rig), load_tool(files.tool)
    if len(body.markers) < 2:
        raise InputError(f"{files.tool}: has one marker only; there is nothing to calibrate")
    devices = _check(rig, cameras, keep)

    def make(tracker: Tracker, folder: Path) -> Capture:
        def candidate() -> PoseCandidate | None:
            return tracker.tool_states[body.name].candidate

        return BodyCapture(body, rig, files, folder, candidate)

    _run(rig, body, devices, make, console, keep, capture)


def _check(rig: Rig, cameras: Sequence[str], keep: Path | None) -> dict[str, int]:
    devices = parse_webcams(cameras, rig.names)
    if keep is not None:
        new_recording_folder(keep)
    if not can_show():
        raise InputError(
            "no display here for --camera; record images with nav record --no-window, and "
            "calibrate by them"
        )
    return devices


def _run(
    rig: Rig,
    tool: Tool,
    devices: Mapping[str, int],
    make: Make,
    console: Console,
    keep: Path | None,
    opener: OpenCapture | None,
) -> None:
    """Show the window until it is closed; print what was written."""
    from calibration.live.tool_window import ToolWindow
    from nav.view.guided_window import run_guided
    from nav.view.live_app import application

    announce_compiling(console)
    with ExitStack() as opened:
        folder = keep
        if folder is None:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory())) / "captured"
            folder.mkdir()
        with console.status("starting the cameras"):
            source = LiveSource(rig, devices, capture=opener)
        tracker = Tracker(rig, [tool])
        capture = make(tracker, folder)
        run = PoseRun(CameraPoses(source, tracker), capture.take)
        try:
            with console.status("starting tracking"):
                run.wait_for_first(START_SECONDS)
            application()
            window = ToolWindow(run, capture, rig.names, tool.name)
            run_guided(window)
        finally:
            run.close()
            capture.close()
        console.print((window.saved or "nothing was written").rstrip(), markup=False)
        if keep is not None and keep.exists():
            console.print(f"what was captured is in {keep}", markup=False)
