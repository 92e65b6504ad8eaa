"""A tool's poses from poses.csv, without the rows in which it was lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nav.core.tables import TableLimits, read_table
from nav.core.textfile import MEGABYTE
from nav.record.read_poses import (
    COVARIANCE,
    NEEDED,
    SYSTEMATIC,
    PoseRows,
    read_poses,
    rows_of_tool,
)

DOUBTFUL = {"geometry_doubtful", "geometry_doubtful_at_tip"}  # codes of nav.tracking.reasons
DOUBTFUL_BEFORE = "geometry doubtful"  # in `reason` of files from before there were codes
# a quarter of an hour of two tools at 30 per second; pivoting takes minutes
LIMITS = TableLimits(size=64 * MEGABYTE, rows=60_000)


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
    """Read the poses of one tool from a poses.csv file.

    Parameters
    ----------
    path : Path
        The file.
    tool : str
        Name of the tool.

    Returns
    -------
    ToolPoses
        The poses of all rows in which the tool was tracked.

    Raises
    ------
    InputError
        The file is missing or not a poses.csv, there is no such tool (the names that are there are
        listed), or a tracked row has a value that is not a finite number.
    """
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
