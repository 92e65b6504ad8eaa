"""A tool's poses from poses.csv, without the rows in which it was lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from nav.covariance import MOST_POSE_SD, CovarianceError, checked_covariance
from nav.errors import InputError
from nav.frames import Array
from nav.record.pose_table import UPPER
from nav.tables import Row, Table, TableLimits, read_table
from nav.textfile import MEGABYTE

NEEDED = ("tool", "status", "tx", "ty", "tz", "qx", "qy", "qz", "qw")
POSE = NEEDED[2:]
SYSTEMATIC = ("tip_sxx", "tip_sxy", "tip_sxz", "tip_syy", "tip_syz", "tip_szz")
COVARIANCE = tuple(f"p{i}{j}" for i, j in UPPER)
NOT_UNIT = 0.01  # a quaternion's length may be off by that much
DOUBTFUL = {"geometry_doubtful", "geometry_doubtful_at_tip"}  # codes of nav.tracking.reasons
DOUBTFUL_BEFORE = "geometry doubtful"  # in `reason` of files from before there were codes
# a quarter of an hour of two tools at 30 per second; pivoting takes minutes
LIMITS = TableLimits(size=64 * MEGABYTE, rows=60_000)


@dataclass(frozen=True)
class ToolPoses:
    """Poses a_from_tool of one tool in the order of the file, mm.

    Attributes
    ----------
    rotations : ndarray, shape (n, 3, 3)
        Of the poses.
    translations : ndarray, shape (n, 3)
        Of the poses, mm.
    covariances : ndarray, shape (n, 6, 6), or None
        As `FORMATS` describes; None where a row has none.
    systematic : ndarray, shape (n, 3, 3), or None
        Of the tip's systematic errors, mm^2; None where a row has none.
    lost : int
        Rows in which the tool was lost.
    doubtful : int
        Rows that warn of a doubtful geometry.
    """

    rotations: Array
    translations: Array
    covariances: Array | None
    systematic: Array | None
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
    names = sorted({row.fields["tool"] for row in table.rows})
    if tool not in names:
        there = f"it has {', '.join(names)}" if names else "it has no rows"
        raise InputError(f"{path}: no tool is called {tool}; {there}")
    own = [row for row in table.rows if row.fields["tool"] == tool]
    tracked = [row for row in own if row.fields["status"] == "tracked"]
    poses = table.numbers(POSE, tracked)
    quaternions = poses[:, 3:]
    lengths = np.linalg.norm(quaternions, axis=1)
    if (np.abs(lengths - 1.0) > NOT_UNIT).any():
        bad = tracked[int(np.argmax(np.abs(lengths - 1.0)))]
        raise InputError(f"{path}: {bad.place}: qx to qw are not a unit quaternion")
    rotations = Rotation.from_quat(quaternions).as_matrix() if tracked else np.zeros((0, 3, 3))
    return ToolPoses(
        np.asarray(rotations, float),
        poses[:, :3],
        _covariances(table, tracked, COVARIANCE),
        _covariances(table, tracked, SYSTEMATIC),
        len(own) - len(tracked),
        sum(_is_doubtful(row.fields) for row in tracked),
    )


def _covariances(table: Table, rows: Sequence[Row], columns: Sequence[str]) -> Array | None:
    """Build symmetric matrices from their upper triangles; None if a number is missing."""
    if not rows or not all(row.fields.get(column) for row in rows for column in columns):
        return None
    upper, size = table.numbers(columns, rows), 6 if columns is COVARIANCE else 3
    result = np.zeros((len(rows), size, size))
    for place, (i, j) in enumerate(zip(*np.triu_indices(size), strict=True)):
        result[:, i, j] = result[:, j, i] = upper[:, place]
    most = np.repeat(MOST_POSE_SD, 3) if size == 6 else [MOST_POSE_SD[0]] * 3
    try:
        return checked_covariance(result, most)
    except CovarianceError as error:
        raise InputError(
            f"{table.path}: {rows[error.index].place}: {columns[0]} to {columns[-1]} are not a "
            f"covariance: {error}"
        ) from None
