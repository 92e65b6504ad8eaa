"""Recorded poses in files of any kind that is read, by the file's suffix."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from nav.core.errors import InputError
from nav.record.metaio_sequence import SUFFIXES, MetaIOSequence
from nav.record.perk_tutor_transcript import TRANSCRIPT_SUFFIX, PerkTutorTranscript
from nav.record.pose_recording import PoseRecording
from nav.record.session_poses import SESSION_SUFFIX, SessionPoses, is_session
from nav.tracking.pose_source import StatedErrors

RecordedPoses: TypeAlias = PoseRecording | MetaIOSequence | PerkTutorTranscript | SessionPoses
POSES_FILE = "poses.csv"  # that a recording's folder holds
HEAD = 4096  # bytes
Opener = Callable[[Path, Sequence[str], StatedErrors | None], RecordedPoses]
# by suffix; files of any other are tables
RECORDINGS: dict[str, Opener] = {
    **dict.fromkeys(SUFFIXES, MetaIOSequence),
    TRANSCRIPT_SUFFIX: PerkTutorTranscript,
    SESSION_SUFFIX: SessionPoses,
}


def open_recorded_poses(
    path: Path, tools: Sequence[str], stated: StatedErrors | None = None
) -> RecordedPoses:
    """Open recorded poses: a session, poses.csv, or what PLUS, Slicer or Perk Tutor recorded.

    Parameters
    ----------
    path : Path
        The file, or the folder of a session.
    tools : sequence of str
        Names of the tools that are needed.
    stated : StatedErrors, optional
        Errors of poses for which the file has none.

    Returns
    -------
    PoseRecording, MetaIOSequence, PerkTutorTranscript or SessionPoses
        A source of poses, with the time of each frame in `times`.

    Raises
    ------
    InputError
        What is wrong with the file, in one line.
    """
    if is_session(Path(path)):
        return SessionPoses(path, tools, stated)
    return RECORDINGS.get(Path(path).suffix.lower(), PoseRecording)(path, tools, stated)


def stated_errors(position_sd: float | None, rotation_sd_deg: float | None) -> StatedErrors | None:
    """Return the errors that two options of a command state, or None without them.

    Parameters
    ----------
    position_sd : float or None
        mm, one standard deviation per axis.
    rotation_sd_deg : float or None
        Degrees, one standard deviation per axis.

    Returns
    -------
    StatedErrors or None

    Raises
    ------
    InputError
        Only one of them, or a value that is not plausible.
    """
    if position_sd is None and rotation_sd_deg is None:
        return None
    if position_sd is None or rotation_sd_deg is None:
        raise InputError("--position-sd and --rotation-sd-deg: give both, or none of them")
    return StatedErrors(position_sd, float(np.radians(rotation_sd_deg)))


def has_poses(path: Path) -> bool:
    """Return whether a file holds poses: by its suffix, else by how it begins.

    Parameters
    ----------
    path : Path
        Any file or folder.

    Returns
    -------
    bool
        False also for a file that cannot be read: other readers say why.
    """
    if path.suffix.lower() in RECORDINGS or is_session(path):
        return True
    if not path.is_file():  # a pipe would wait
        return path.name == POSES_FILE
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
