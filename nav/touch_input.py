"""Touches from any file that holds them: touched points, or poses in which the tip dwells."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nav.core.errors import InputError
from nav.link.tracker_address import tracker_address
from nav.link.tracker_recording import recorded_file
from nav.record.recorded_poses import POSES_FILE, has_poses, open_recorded_poses
from nav.record.session_poses import is_session
from nav.registration.touch_set import TouchSet, load_touch_set, touch_set, write_touches
from nav.registration.touch_source import (
    DEFAULT,
    DwellSettings,
    FoundTouches,
    TipSeries,
    find_touches,
    tip_series,
)
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tool import Tool, load_tool

REFERENCE = "reference"


def load_touches(
    source: Path,
    out: Console,
    tool: Path | None = None,
    reference: Path | None = None,
    write_to: Path | None = None,
    stated: StatedErrors | None = None,
    settings: DwellSettings = DEFAULT,
) -> TouchSet:
    """Load touches from touched points, a table of poses, or a folder with one.

    Parameters
    ----------
    source : Path
        What `nav.registration.touch_set.load_touch_set` reads; what `open_recorded_poses` opens; a
        folder that holds poses.csv.
    out : Console
        For what is odd about touches that are found.
    tool : Path, optional
        Tool file of the needle; needed for poses.
    reference : Path, optional
        Tool file of the reference body, for its name.
    write_to : Path, optional
        touched.csv, to write the touches that were found in poses.
    stated : StatedErrors, optional
        Errors of poses for which the source has none.
    settings : DwellSettings
        What counts as a touch in poses.

    Returns
    -------
    TouchSet
        Without labels if found in poses.

    Raises
    ------
    InputError
        What is wrong with the source, in one line.
    """
    poses = touch_file(source)
    if not has_poses(poses):
        if write_to is not None:
            raise InputError(f"--touches: {source} has touched points, no poses to find them in")
        if stated is not None:
            raise InputError(f"--position-sd: applies to poses; {source} has touched points")
        return load_touch_set(poses)
    if tool is None:
        raise InputError(f"{poses}: has poses; give the needle's tool file, with its [tip]: --tool")
    found = find_touches(load_tip_series(poses, tool, reference, stated), settings)
    print_touches(found, out)
    touches = touch_set(found)
    if write_to is not None:
        inputs = [path for path in (poses, tool, reference) if path is not None]
        write_touches(write_to, found, touches, inputs)
    return touches


def print_touches(found: FoundTouches, out: Console) -> None:
    """Print the touches that were found in poses, and what was not used.

    Parameters
    ----------
    found : FoundTouches
        From `nav.registration.touch_source.find_touches`.
    out : Console
        For messages to the user.
    """
    for refused in found.refused:
        out.print(f"not used: {refused}", markup=False, soft_wrap=True)
    for k, touch in enumerate(found.touches, 1):
        out.print(
            f"touch {k}: {touch.start:.1f} to {touch.end:.1f} s, wander {touch.wander:.2f} mm rms, "
            f"{touch.samples} samples ({touch.independent:.0f} independent)",
            markup=False,
        )
        for remark in touch.remarks:
            out.print(f"touch {k}: {remark}", markup=False, soft_wrap=True)


def load_tip_series(
    poses: Path, tool: Path, reference: Path | None = None, stated: StatedErrors | None = None
) -> TipSeries:
    """Load the way of a tip from recorded poses.

    Parameters
    ----------
    poses : Path
        What `open_recorded_poses` opens.
    tool : Path
        Tool file with its [tip].
    reference : Path, optional
        Tool file of the reference body, for its name; `reference` without it.
    stated : StatedErrors, optional
        Errors of poses for which the source has none.

    Returns
    -------
    TipSeries
        In the frame of the reference body.

    Raises
    ------
    InputError
        What is wrong with a file, in one line.
    """
    needle = load_tool(tool, printed=False)
    name = REFERENCE if reference is None else load_tool(reference, printed=False).name
    if name == needle.name:
        raise InputError(
            f"--reference-file: {reference}: describes {name} too; give the other body's"
        )
    try:
        return tip_series(open_recorded_poses(poses, (needle.name, name), stated), needle, name)
    except InputError as error:
        prefix = "" if str(error).startswith(str(poses)) else f"{poses}: "
        raise InputError(f"{prefix}{error}") from None


def recorded_touches(
    source: Path,
    out: Console,
    tool: Path | None,
    reference: Path | None,
    beside: Path,
    stated: StatedErrors | None = None,
    names: Sequence[str] = (),
) -> Path:
    """Return the file that touches are read from; a tracker's poses are recorded until Ctrl-C.

    Parameters
    ----------
    source : Path
        As of `load_touches`, or igtl://HOST:PORT.
    out : Console
        Where the user is informed about the recording.
    tool, reference : Path, optional
        Tool files of needle and reference body.
    beside : Path
        The command's output: the recording gets its name.
    stated : StatedErrors, optional
        The tracker's errors.
    names : sequence of str
        TOOL=NAME each: what the tracker calls them.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        No needle is given for a tracker, or one for touched points, or as of
        `nav.link.tracker_recording.recorded_file`.
    """
    if tracker_address(source) is not None and tool is None:
        raise InputError(f"{source}: sends poses; give the needle's tool file: --tool")
    files = () if tool is None else (load_tool(tool, printed=False),)
    body = Tool(REFERENCE, "", ()) if reference is None else load_tool(reference, printed=False)
    file = recorded_file(touch_file(source), (*files, body), beside, out, stated, names)
    if tool is not None and file.is_file() and not has_poses(file):
        raise InputError(f"--tool: applies to poses; {source} holds none; leave it out for points")
    return file


def touch_file(source: Path) -> Path:
    """Return the file that touches are read from.

    Parameters
    ----------
    source : Path
        As of `load_touches`.

    Returns
    -------
    Path
        poses.csv of a folder that is no session, else the source itself.
    """
    return source / POSES_FILE if source.is_dir() and not is_session(source) else source
