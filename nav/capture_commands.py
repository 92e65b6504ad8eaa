"""`nav record` and `nav touch`: images of webcams, and touches taken with them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from nav.core.errors import InputError
from nav.core.filekinds import POINTS, toml_kind
from nav.options import (
    IgtlNames,
    InputPath,
    Language,
    Output,
    OutputFolder,
    PositionSd,
    ReferenceName,
    RotationSdDeg,
    beside_suffix,
)
from nav.terminal import console
from nav.text.catalogue import choose_language

if TYPE_CHECKING:
    from nav.lab.lab_file import Lab


def _new_recording(folder: Path) -> None:
    """Refuse a folder in which something would be mixed with a new recording."""
    from nav.record.picture_recording.picture_writer import new_recording_folder

    new_recording_folder(folder)


def record(
    *,
    output: Annotated[Path, OutputFolder(_new_recording)],
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    every: float = 0.0,
    seconds: float | None = None,
    count: int | None = None,
    countdown: float = 0.0,
    lossless: Annotated[bool, Parameter(negative="")] = False,
    jpeg: Annotated[bool, Parameter(negative="")] = False,
    rig: InputPath | None = None,
    size: tuple[int, int] | None = None,
    dictionary: Annotated[list[str] | None, Parameter(negative="")] = None,
    window: Annotated[bool, Parameter(negative="--no-window")] = True,
    language: Language = None,
    lab: InputPath | None = None,
    no_lab: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Record images of webcams, for calibrating, pivoting, tools: a folder for --images.

    Example: nav record --camera left=0 --camera right=2 --output pivot --countdown 5

    Without --camera it takes the cameras, and their rig, of the current folder's lab.toml.

    A window shows each camera with sharpness, exposure and markers. Space starts and stops, M
    marks. Without it (--no-window) recording begins at once; Ctrl-C ends it. Exit code 3 where it
    ends early (a full disk, a camera unplugged): what was recorded is whole.

    Parameters
    ----------
    camera
        NAME=NUMBER, the name as in rig.toml; give it once for every camera. `nav doctor` lists the
        numbers.
    output
        New folder: a sub-folder of images for each camera, and times.csv.
    every
        Seconds from one instant to the next, for bodies that are held still; 0, the default,
        records all that the cameras give.
    seconds
        End after so many seconds; pauses do not count.
    count
        End after so many instants.
    countdown
        Seconds before each start.
    lossless
        PNG, the default, for images that a camera does not send as JPEG. JPEG from cameras is
        recorded as sent, which loses nothing either.
    jpeg
        JPEG of quality 95 instead of PNG: less work and disk, but corners move a little.
    rig
        rig.toml that the images must fit: its names and sizes. Else the cameras' largest size.
    size
        Width and height to request from the cameras, without --rig.
    dictionary
        Markers that are counted, by OpenCV's name (DICT_APRILTAG_36h11); give it once for each.
    window
        Show the window; --no-window records from the terminal.
    lab
        The set-up to use instead of the current folder's lab.toml.
    no_lab
        Use no lab.toml.
    """
    from nav.lab.lab_capture import record_with_lab
    from nav.record.picture_recording.picture_writer import JPEG, LOSSLESS
    from nav.record.picture_recording.source_recorder import RecordOptions
    from nav.record_pictures import RecordJob, record_pictures

    if lossless and jpeg:
        raise InputError("--lossless and --jpeg: give one of them")
    if rig is not None and size is not None:
        raise InputError("--rig and --size: give one of them; the rig says the size")
    job = RecordJob(
        tuple(camera or ()),
        output,
        RecordOptions(every, seconds, count, countdown),
        JPEG if jpeg else LOSSLESS,
        rig,
        tuple(dictionary or ()),
        size,
        window,
    )
    job, used = record_with_lab(job, lab, no_lab)
    _print_lab(used, language)
    record_pictures(job, console())


def _print_lab(lab: "Lab | None", language: str | None) -> None:
    """Name the set-up that is used; choose the language given, else the set-up's."""
    choose_language(language if lab is None else language or lab.file.language)
    if lab is not None:
        console().print(f"set-up: {lab.path}", markup=False)


def touch(
    *,
    output: Annotated[Path, Output(POINTS, ((beside_suffix(".toml"), toml_kind("points")),))],
    tool: Annotated[list[InputPath] | None, Parameter(name="--tool", negative="")] = None,
    case: InputPath | None = None,
    rig: InputPath | None = None,
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    images: InputPath | None = None,
    poses: InputPath | None = None,
    label: Annotated[list[str] | None, Parameter(name="--label", negative="")] = None,
    unlabelled: Annotated[bool, Parameter(negative="")] = False,
    needle: str | None = None,
    reference: ReferenceName | None = None,
    fps: float | None = None,
    hold: float = 1.0,
    position_sd: PositionSd = None,
    rotation_sd_deg: RotationSdDeg = None,
    window: Annotated[bool, Parameter(negative="--no-window")] = True,
    language: Language = None,
    lab: InputPath | None = None,
    no_lab: Annotated[bool, Parameter(negative="")] = False,
    igtl_name: IgtlNames = None,
) -> None:
    """Touch fiducials with the tip, live or in a recording; writes touched.csv.

    Example: nav touch --rig rig.toml --tool needle.toml --tool reference.toml --case case.toml
    --camera left=0 --camera right=2 --output touched.csv

    In a folder with a lab.toml cameras, tools and case need not be given.

    A window guides from divot to divot: put the tip in, hold still; a touch is taken automatically,
    or refused with the reason. `nav register points --touched touched.csv` registers by them. In
    recordings (--images, --poses) touches are where the tip rests, identified by their mutual
    distances. Exit code 3 where some were not touched.

    Parameters
    ----------
    tool
        Tool files of the needle, with its [tip], and of the reference body; with --poses the
        needle's alone will do.
    output
        touched.csv to write: positions in the reference body's frame with their covariances.
    case
        case.toml, whose fiducials are touched: those to register with first, then the check points.
    rig
        rig.toml: the cameras.
    camera
        NAME=NUMBER: which webcam is which camera of the rig; give it once for every camera.
    images
        Recorded images instead of webcams, as `nav track` takes them.
    poses
        Poses tracked before instead: poses.csv, a session's folder, what PLUS, 3D Slicer or Perk
        Tutor recorded; or igtl://HOST:PORT: another tracker, live.
    label
        Fiducials in the order of touching; give it once for each. All of the case by default.
    unlabelled
        Touches have no labels; `nav register points` finds out which fiducials they are.
    needle
        Name of the tool that touches; "needle" by default.
    reference
        Name of the reference body; "reference" by default.
    fps
        Images per second where neither times.csv nor the video says it (30 by default).
    hold
        Time to hold still, s.
    window
        Show the window; --no-window guides in the terminal.
    lab
        The set-up to use instead of the current folder's lab.toml.
    no_lab
        Use no lab.toml.
    """
    from nav.lab.lab_capture import touch_with_lab
    from nav.record.recorded_poses import stated_errors
    from nav.touch_command import TouchJob, touch_fiducials

    job = TouchJob(
        tuple(tool or ()),
        output,
        case,
        tuple(label or ()),
        unlabelled,
        rig,
        tuple(camera or ()),
        images,
        poses,
        needle or "",
        reference or "",
        fps,
        hold,
        window,
        stated_errors(position_sd, rotation_sd_deg),
        tuple(igtl_name or ()),
    )
    job, used = touch_with_lab(job, lab, no_lab)
    _print_lab(used, language)
    if not job.tools:
        raise InputError(
            "nav touch: --tool is missing, and there is no lab.toml that has it; give the tool "
            "files of needle and reference body"
        )
    touch_fiducials(job, console())


COMMANDS = (record, touch)
