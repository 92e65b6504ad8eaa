"""A tool's poses from a recording of any kind, without the frames in which it was lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nav.core.frames import Array
from nav.core.tables import TableLimits, read_table
from nav.core.textfile import MEGABYTE
from nav.core.tracked_frame import TrackedTool
from nav.record.read_poses import (
    COVARIANCE,
    NEEDED,
    SYSTEMATIC,
    PoseRows,
    read_poses,
    rows_of_tool,
)
from nav.record.recorded_poses import RECORDINGS, open_recorded_poses
from nav.record.session_export.session_content import SessionContent
from nav.record.session_poses import SessionPoses, is_session
from nav.tracking.pose_source import StatedErrors

DOUBTFUL = {"geometry_doubtful", "geometry_doubtful_at_tip"}  # codes of nav.tracking.reasons
DOUBTFUL_BEFORE = "geometry doubtful"  # in `reason` of files from before there were codes
# a quarter of an hour of two tools at 30 per second; pivoting takes minutes
LIMITS = TableLimits(size=64 * MEGABYTE, rows=60_000)
UNWEIGHTED = StatedErrors(1.0, 1.0)  # are asked for by recordings without errors, and not used


@dataclass(frozen=True)
class ToolPoses(PoseRows):
    """Poses a_from_tool of one tool in the order of the file, mm.

    Attributes
    ----------
    lost : int
        Rows in which the tool was lost.
    doubtful : int
        Rows that warn of a doubtful geometry.
    """

    lost: int
    doubtful: int


def _is_doubtful(fields: Mapping[str, str]) -> bool:
    if "reason_code" in fields:
        return bool(DOUBTFUL & set(fields["reason_code"].split()))
    return DOUBTFUL_BEFORE in fields.get("reason", "")


def load_poses(path: Path, tool: str) -> ToolPoses:
    """Read the poses of one tool from poses.csv or another recording.

    Parameters
    ----------
    path : Path
        poses.csv, a session, or what PLUS, 3D Slicer or Perk Tutor recorded; without the errors of
        its poses all count alike.
    tool : str
        Name of the tool.

    Returns
    -------
    ToolPoses
        The poses of all frames in which the tool was tracked.

    Raises
    ------
    InputError
        The file is missing or not such a recording, there is no such tool (the names that are there
        are listed), or a tracked row has a value that is not a finite number.
    """
    if is_session(path) or path.suffix.lower() in RECORDINGS:
        return _recorded(path, tool)
    table = read_table(
        path,
        [NEEDED],
        (*COVARIANCE, *SYSTEMATIC, "reason", "reason_code", "frame"),
        LIMITS,
        "frame {frame}",
    )
    own = rows_of_tool(table, tool)
    tracked = [row for row in own if row.fields["status"] == "tracked"]
    poses = read_poses(table, tracked)
    return ToolPoses(
        **vars(poses),
        lost=len(own) - len(tracked),
        doubtful=sum(_is_doubtful(row.fields) for row in tracked),
    )


def _recorded(path: Path, tool: str) -> ToolPoses:
    """Read what is no table; of a session the errors too."""
    recording = open_recorded_poses(path, (tool,), UNWEIGHTED)
    known: list[TrackedTool] = []
    lost = 0
    for frame in recording:
        seen = frame.tools.get(tool)
        if isinstance(seen, TrackedTool):
            known.append(seen)
        else:
            lost += 1
    with_errors = isinstance(recording, SessionPoses)
    poses = [seen.rig_from_tool for seen in known]
    turns = [pose.transform.rotation.as_matrix() for pose in poses]
    places = [pose.transform.translation for pose in poses]
    return ToolPoses(
        np.array(turns).reshape(-1, 3, 3),
        np.array(places).reshape(-1, 3),
        np.array([pose.covariance for pose in poses]) if with_errors and poses else None,
        _tip_spread(path, tool, known) if with_errors and known else None,
        lost,
        sum(bool(DOUBTFUL & {c for w in seen.warnings for c in w.codes}) for seen in known),
    )


def _tip_spread(path: Path, name: str, known: Sequence[TrackedTool]) -> Array | None:
    """Return the systematic covariances of the tip that a session's needle had; as poses.csv."""
    tool = next((tool for tool in SessionContent(path).tools if tool.name == name), None)
    if tool is None or tool.tip is None:
        return None
    at = tool.tip.position
    scaled = [seen.tip_scale_sd * at for seen in known]
    return np.array(
        [
            seen.systematic_pose.apply(at, np.outer(by_scale, by_scale))[1]
            for seen, by_scale in zip(known, scaled, strict=True)
        ]
    )
