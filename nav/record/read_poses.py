"""Poses of a tool from the rows of a poses.csv."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from nav.core.covariance import MOST_POSE_SD, CovarianceError, checked_covariance
from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.tables import Row, Table
from nav.record.pose_rows import UPPER

POSE = ("tx", "ty", "tz", "qx", "qy", "qz", "qw")
NEEDED = ("tool", "status", *POSE)
COVARIANCE = tuple(f"p{i}{j}" for i, j in UPPER)
SYSTEMATIC = ("tip_sxx", "tip_sxy", "tip_sxz", "tip_syy", "tip_syz", "tip_szz")
NOT_UNIT = 0.01  # a quaternion's length may be off by that much


@dataclass(frozen=True)
class PoseRows:
    """Poses a_from_tool of n rows, mm.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        Of the poses.
    translations : ndarray, shape (n, 3)
        Of the poses, mm.
    covariances : ndarray, shape (n, 6, 6), or None
        Of the random errors, as `nav.core.frames.Pose` has it; None where a row has none.
    systematic : ndarray, shape (n, 3, 3), or None
        Of the tip's systematic errors, mm^2; None where a row has none.
    """

    rotations: Array
    translations: Array
    covariances: Array | None
    systematic: Array | None


def rows_of_tool(table: Table, tool: str) -> list[Row]:
    """Return the rows of one tool, tracked or lost.

    Parameters
    ----------
    table : Table
        With the columns NEEDED.
    tool : str
        Its name.

    Returns
    -------
    list of Row
        In the order of the table.

    Raises
    ------
    InputError
        There is no such tool; the names that are there are listed.
    """
    names = sorted({row.fields["tool"] for row in table.rows})
    if tool not in names:
        there = f"it has {', '.join(names)}" if names else "it has no rows"
        raise InputError(f"{table.path}: no tool is called {tool}; {there}")
    return [row for row in table.rows if row.fields["tool"] == tool]


def read_poses(table: Table, rows: Sequence[Row]) -> PoseRows:
    """Read the poses of rows in which a tool was tracked.

    Parameters
    ----------
    table : Table
        With the columns NEEDED, and COVARIANCE and SYSTEMATIC where they exist.
    rows : sequence of Row
        Of the table.

    Returns
    -------
    PoseRows
        In the order of the rows.

    Raises
    ------
    InputError
        A value that is not a finite number, no unit quaternion, or no covariance: file, line.
    """
    poses = table.numbers(POSE, rows)
    quaternions = poses[:, 3:]
    lengths = np.linalg.norm(quaternions, axis=1)
    if (np.abs(lengths - 1.0) > NOT_UNIT).any():
        bad = rows[int(np.argmax(np.abs(lengths - 1.0)))]
        raise InputError(f"{table.path}: {bad.place}: qx to qw are not a unit quaternion")
    rotations = Rotation.from_quat(quaternions).as_matrix() if rows else np.zeros((0, 3, 3))
    return PoseRows(
        np.asarray(rotations, float),
        poses[:, :3],
        _covariances(table, rows, COVARIANCE),
        _covariances(table, rows, SYSTEMATIC),
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
