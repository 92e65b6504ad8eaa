"""Touches from any file that holds them: touched points, or poses in which the tip dwells."""

from pathlib import Path

from rich.console import Console

from nav.core.errors import InputError
from nav.record.recorded_poses import RECORDINGS, open_recorded_poses
from nav.registration.touch_set import TouchSet, load_touch_set, touch_set, write_touches
from nav.registration.touch_source import find_touches, tip_series
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tool import load_tool

REFERENCE = "reference"
POSES_FILE = "poses.csv"  # that a recording's folder holds
HEAD = 4096  # bytes


def load_touches(
    source: Path,
    out: Console,
    tool: Path | None = None,
    reference: Path | None = None,
    write_to: Path | None = None,
    stated: StatedErrors | None = None,
) -> TouchSet:
    """Load touches from touched points, a table of poses, or a folder with one.

    Parameters
    ----------
    source : Path
        What `nav.registration.touch_set.load_touch_set` reads; poses.csv; a MetaIO sequence; a
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
    if not _has_poses(poses):
        if write_to is not None:
            raise InputError(f"--touches: {source} has touched points, no poses to find them in")
        return load_touch_set(poses)
    if tool is None:
        raise InputError(f"{poses}: has poses; give the needle's tool file, with its [tip]: --tool")
    needle = load_tool(tool)
    name = REFERENCE if reference is None else load_tool(reference).name
    try:
        series = tip_series(open_recorded_poses(poses, (needle.name, name), stated), needle, name)
        found = find_touches(series)
    except InputError as error:
        prefix = "" if str(error).startswith(str(poses)) else f"{poses}: "
        raise InputError(f"{prefix}{error}") from None
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
    touches = touch_set(found)
    if write_to is not None:
        write_touches(write_to, found, touches)
    return touches


def touch_file(source: Path) -> Path:
    """Return the file that touches are read from.

    Parameters
    ----------
    source : Path
        As of `load_touches`.

    Returns
    -------
    Path
        poses.csv of a folder, else the source itself.
    """
    return source / POSES_FILE if source.is_dir() else source


def _has_poses(path: Path) -> bool:
    """Return whether a file begins as a table of poses does."""
    if path.suffix.lower() in RECORDINGS:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(HEAD).decode("utf-8", "replace").lower()
    except OSError:
        return path.name == POSES_FILE
    line = next((row for row in head.splitlines() if row.strip() and not row.startswith("#")), "")
    names = {
        name.strip(' "\ufeff') for name in line.replace(";", ",").replace("\t", ",").split(",")
    }
    return {"tool", "status", "qw"} <= names
