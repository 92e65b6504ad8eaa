"""`nav record`: images of webcams into a folder, without a case."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from nav.core.errors import InputError
from nav.options import InputPath, Language, OutputFolder
from nav.record.picture_recording.picture_writer import new_recording_folder
from nav.terminal import console
from nav.text.catalogue import choose_language


def record(
    *,
    camera: Annotated[list[str], Parameter(name="--camera", negative="")],
    output: Annotated[Path, OutputFolder(new_recording_folder)],
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
) -> None:
    """Record images of webcams, for calibrating, pivoting, tools: a folder for --images.

    Example: nav record --camera left=0 --camera right=2 --output pivot --countdown 5

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
        PNG, the default.
    jpeg
        JPEG of quality 95 instead: less work and disk, but corners move a little.
    rig
        rig.toml that the images must fit: its names and sizes. Else the cameras' largest size.
    size
        Width and height to ask the cameras for instead, without --rig.
    dictionary
        Markers that are counted, by OpenCV's name (DICT_APRILTAG_36h11); give it once for each.
    """
    from nav.camera.measure import LARGEST
    from nav.record.picture_recording.picture_recorder import RecordOptions
    from nav.record.picture_recording.picture_writer import JPEG, LOSSLESS
    from nav.record_pictures import RecordJob, record_pictures

    choose_language(language)
    if lossless and jpeg:
        raise InputError("--lossless and --jpeg: give one of them")
    if rig is not None and size is not None:
        raise InputError("--rig and --size: give one of them; the rig says the size")
    job = RecordJob(
        tuple(camera),
        output,
        RecordOptions(every, seconds, count, countdown),
        JPEG if jpeg else LOSSLESS,
        rig,
        tuple(dictionary or ()),
        size or LARGEST,
        window,
    )
    record_pictures(job, console())


COMMANDS = (record,)
