"""`nav calibrate`: what is done once, before anything is navigated."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from nav.camera.webcam_numbers import parse_webcams, webcam_number
from nav.core.errors import InputError
from nav.core.filekinds import PICTURE, toml_kind
from nav.options import (
    InputPath,
    Language,
    OutputFolder,
    beside_stem,
    beside_suffix,
    toml_output,
)
from nav.terminal import console
from nav.text.catalogue import choose_language

FAILED = 1  # a check that did not pass

calibrate_app = App(
    name="calibrate",
    help=(
        "Calibrate cameras, marker bodies and needle, each with its uncertainty and a verdict.\n\n"
        "The order: `nav print targets`, `nav calibrate rig` (or `camera`), `nav print tools`, "
        "`nav calibrate tool`, `nav calibrate needle`, `nav calibrate check`; and "
        "`nav calibrate delay` for cameras without a common trigger or with rolling shutters."
    ),
)

Ruler = Annotated[
    float | None,
    Parameter(
        help="What the printed ruler of 100 mm measures, mm; without it scale is unverified."
    ),
]

RigOutput = Annotated[Path, toml_output("rig", (beside_suffix(".png"), PICTURE))]
BESIDE_TIMING = (beside_stem(".delay.png"), PICTURE)
BESIDE_TOOL = (beside_stem(".calibration.toml"), toml_kind("tool-calibration"))
Keep = Annotated[
    Path | None,
    OutputFolder(),
    Parameter(help="With --camera: folder for the images taken, to calibrate by them again."),
]


@calibrate_app.command
def camera(
    *,
    images: InputPath | None = None,
    board: InputPath,
    output: RigOutput,
    ruler: Ruler = None,
    name: str = "camera",
    camera: Annotated[int | None, Parameter(help="A webcam's number instead of --images.")] = None,
    keep: Keep = None,
) -> None:
    """Calibrate one camera from images of a board; writes a rig.toml of one camera.

    Example: nav calibrate camera --images images --board charuco.toml --ruler 99.8
    --output rig.toml

    Take 20 images: the board near and far, in every corner of the image, tilted by about 30
    degrees in all directions, and still. An image beside the output shows where the corners lay.

    Parameters
    ----------
    images
        Folder of images.
    board
        The board's .toml, as `nav print targets` wrote it.
    output
        rig.toml to write; an old one is kept under a number.
    name
        The camera's name in the rig.
    """
    from calibration.cameras.rig_command import calibrate_camera

    if camera is not None:
        _only_one("--images", images, "--camera")
        if webcam_number(str(camera)) is None:
            raise InputError(f"--camera {camera}: expected a whole number from 0 to 99")
        _live({name: camera}, board, output, ruler, keep)
        return
    if images is None:
        raise InputError("nav calibrate camera: give --images DIR or --camera NUMBER")
    calibrate_camera(images, board, output, console(), ruler, name)


@calibrate_app.command
def rig(
    *,
    images: InputPath | None = None,
    board: InputPath,
    output: RigOutput,
    ruler: Ruler = None,
    body: InputPath | None = None,
    body_images: InputPath | None = None,
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    keep: Keep = None,
) -> None:
    """Calibrate all cameras of a rig together, intrinsics and extrinsics; writes rig.toml.

    Example: nav calibrate rig --images images --board charuco.toml --ruler 99.8 --output rig.toml

    Each camera's images are in a sub-folder of its name; equal file names are the same instant.

    Parameters
    ----------
    images
        Folder with a sub-folder of images for each camera.
    board
        The board's .toml, as `nav print targets` wrote it.
    output
        rig.toml to write; an old one is kept under a number.
    body
        Instead of the ruler: the file of a marker body of measured size.
    body_images
        Images of that body turned in front of the cameras, as `nav track` takes them.
    camera
        NAME=NUMBER instead of --images: webcams; give it once for every camera. A window says what
        to do and takes the images automatically.
    """
    from calibration.cameras.rig_command import KnownBody, calibrate_rig

    if (body is None) != (body_images is None):
        raise InputError("--body and --body-images: give both")
    if camera:
        _only_one("--images", images, "--camera")
        _only_one("--body", body, "--camera")
        _live(parse_webcams(camera), board, output, ruler, keep)
        return
    if images is None:
        raise InputError("nav calibrate rig: give --images DIR or --camera NAME=NUMBER")
    known = None if body is None or body_images is None else KnownBody(body, body_images)
    calibrate_rig(images, board, output, console(), ruler, known)


@calibrate_app.command
def tool(
    *,
    rig: Annotated[InputPath, Parameter(help="rig.toml: the cameras.")],
    tool: InputPath,
    images: InputPath | None = None,
    output: Annotated[Path, toml_output("tool", BESIDE_TOOL, renews="tool")],
    fps: float | None = None,
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    keep: Keep = None,
    language: Language = None,
) -> None:
    """Measure a folded marker body from images of it turned in front of the cameras.

    Example: nav calibrate tool --rig rig.toml --tool needle.toml --images turned
    --output needle.toml

    Example: nav calibrate tool --rig rig.toml --tool needle.toml --camera left=0 --camera right=2
    --output needle.toml

    Cutting and gluing are off by tenths of a millimetre. Turn it so that each face is seen from
    several directions, in 20 images or more. A file OUTPUT.calibration.toml beside the output
    states the error of each marker.

    Parameters
    ----------
    tool
        The body's file as printed.
    images
        Images, as `nav track` takes them.
    output
        TOOL.toml to write, without a tip: calibrate the needle next. An old one is kept.
    fps
        Images per second where neither times.csv nor the video says it (30 by default).
    camera
        NAME=NUMBER instead of --images: webcams of the rig; give it once for every camera. A window
        says which side to show and takes the images automatically.
    """
    from calibration.tools.tool_command import calibrate_tool

    choose_language(language)
    if camera:
        from calibration.live.body_capture import BodyFiles
        from calibration.live.live_tool_command import calibrate_tool_live

        _only_one("--images", images, "--camera")
        _only_one("--fps", fps, "--camera")
        calibrate_tool_live(BodyFiles(rig, tool, output), camera, console(), keep)
        return
    if images is None:
        raise InputError("nav calibrate tool: give --images DIR or --camera NAME=NUMBER")
    _only_with_camera(keep)
    calibrate_tool(rig, tool, images, output, console(), fps)


@calibrate_app.command
def needle(
    *,
    poses: InputPath | None = None,
    output: Annotated[Path, toml_output("tool", renews="tool")],
    tool_name: str = "needle",
    tool: InputPath | None = None,
    spin: InputPath | None = None,
    guide: InputPath | None = None,
    direction: tuple[float, float, float] | None = None,
    rig: InputPath | None = None,
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    keep: Keep = None,
    language: Language = None,
) -> None:
    """Calibrate the needle's tip by pivoting it in a divot (pivot calibration).

    Example: nav calibrate needle --poses poses.csv --tool-name needle --tool needle.toml
    --output needle.toml

    Example: nav calibrate needle --rig rig.toml --tool needle.toml --camera left=0
    --camera right=2 --output needle.toml

    Parameters
    ----------
    poses
        Poses while the tip stood in the divot and the needle was tilted: poses.csv of `nav track`,
        a session's folder, or what PLUS, 3D Slicer or Perk Tutor recorded.
    output
        TOOL.toml to write; an old one is kept under a number.
    tool_name
        Name of the needle in the poses.
    tool
        The needle's file, whose markers are kept; without it only name and tip are written.
    spin
        Poses of the needle only spun about its own axis: gives the axis.
    guide
        Instead of --spin: poses of the needle in a guide hole of known direction.
    direction
        That direction in the poses' frame, hub to tip: three numbers.
    rig
        With --camera: rig.toml.
    camera
        NAME=NUMBER instead of --poses: webcams of the rig; give it once for every camera. A window
        shows in which direction to tilt, and how well the tip is known.
    """
    from calibration.needle.needle_command import Guide, calibrate_needle

    choose_language(language)
    if camera:
        from calibration.live.live_tool_command import calibrate_needle_live
        from calibration.live.pivot_capture import NeedleFiles

        _only_one("--poses", poses, "--camera")
        _only_one("--guide", guide, "--camera")
        if rig is None or tool is None:
            raise InputError("nav calibrate needle: --camera needs --rig and --tool")
        files = NeedleFiles(rig, tool, output, spin)
        calibrate_needle_live(files, camera, console(), keep, name=tool_name)
        return
    if poses is None:
        raise InputError("nav calibrate needle: give --poses FILE or --camera NAME=NUMBER")
    _only_one("--rig", rig, "--poses")
    _only_with_camera(keep)
    if (guide is None) != (direction is None):
        raise InputError("--guide and --direction: give both")
    along = None if guide is None or direction is None else Guide(guide, direction)
    calibrate_needle(poses, tool_name, tool, output, console(), spin, along)


@calibrate_app.command
def delay(
    *,
    rig: Annotated[InputPath, Parameter(help="rig.toml: the cameras.")],
    tool: Annotated[list[InputPath] | None, Parameter(name="--tool", negative="")] = None,
    led: Annotated[bool, Parameter(negative="")] = False,
    images: InputPath | None = None,
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    seconds: float | None = None,
    output: Annotated[Path, toml_output("rig", BESIDE_TIMING, renews="rig")],
    fps: float | None = None,
) -> None:
    """Measure each camera's delay and rolling-shutter readout by a moving tool or blinking light.

    Example: nav calibrate delay --rig rig.toml --tool needle.toml --images swung --output rig.toml

    Example: nav calibrate delay --rig rig.toml --led --images blinking --output rig.toml

    Example: nav calibrate delay --rig rig.toml --led --camera left=0 --camera right=2
    --output rig.toml

    By a tool: rest the tip in a divot and swing the carrier to and fro and sideways for 20 s, or
    move the tool freely.

    By a light: any lamp or LED that switches instantly, at irregular times, 0.2 to 0.6 s apart;
    all cameras look at it for 20 s or more, with the exposure locked. An LED gives the delays; a
    white sheet that it lights, filling the images, also gives the readouts, and better delays. A
    light that blinks regularly leaves the delay open by whole periods; this is recognised. The
    image OUTPUT.delay.png shows where each camera saw it.

    What the recording does not determine is reported, and not written.

    Parameters
    ----------
    tool
        File of a tool that moves; give it once for each.
    led
        Instead of --tool: a light blinks in front of the cameras.
    images
        Images, as `nav track` takes them, with each camera's own times; or a recorded session.
    camera
        With --led, NAME=NUMBER instead of --images: webcams; give it once for every camera.
    seconds
        With --camera: how long to look at the light; 20 by default.
    output
        rig.toml to write; an old one is kept under a number.
    fps
        Images per second where neither times.csv nor the video says it (30 by default).
    """
    if led == bool(tool):
        raise InputError("nav calibrate delay: give either --tool FILE or --led")
    if led:
        from calibration.timing.light_command import LightJob, calibrate_by_light

        if camera:
            _only_one("--images", images, "--camera")
            _only_one("--fps", fps, "--camera")
        elif images is None:
            raise InputError("nav calibrate delay: give --images DIR or --camera NAME=NUMBER")
        else:
            _only_one("--seconds", seconds, "--images")
        if seconds is not None and not 5.0 <= seconds <= 600.0:
            raise InputError(f"--seconds: expected 5 to 600, got {seconds:g}")
        job = LightJob(rig, output, images, tuple(camera or ()), seconds or 20.0, fps)
        calibrate_by_light(job, console())
        return
    from calibration.timing.timing_command import calibrate_delay

    _only_one("--camera", camera or None, "--tool")
    _only_one("--seconds", seconds, "--tool")
    if images is None or tool is None:
        raise InputError("nav calibrate delay: give --images DIR with --tool")
    calibrate_delay(rig, tool, images, output, console(), fps)


@calibrate_app.command
def check(
    *,
    touched: InputPath,
    divots: InputPath,
    limit: float,
    register: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Check a tip on known divots: the error of each touch, and whether it is within a limit.

    Example: nav calibrate check --touched touched.csv --divots case.toml --limit 0.5 --register

    Exit code 1 where it is not.

    Parameters
    ----------
    touched
        Touched points: CSV (label,x,y,z) or Slicer Markups.
    divots
        The true points: such a file, or a case.toml.
    limit
        mm, of the largest error and of the mean's 95 % bound.
    register
        The two files are in different frames: align them first.
    """
    from calibration.needle.tip_check import calibrate_check

    if not calibrate_check(touched, divots, limit, console(), register):
        sys.exit(FAILED)


def _live(
    cameras: dict[str, int], board: Path, output: Path, ruler: float | None, keep: Path | None
) -> None:
    from calibration.live.live_rig_command import capture_and_calibrate

    capture_and_calibrate(cameras, board, output, console(), ruler, keep)


def _only_with_camera(keep: Path | None) -> None:
    if keep is not None:
        raise InputError("--keep: applies only with --camera; give that, or leave it out")


def _only_one(name: str, value: object, other: str) -> None:
    if value is not None:
        raise InputError(f"{name} and {other}: give one of them")
