"""Where a structure goes on beyond what its surface shows: it may be nearer there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nav.core.errors import InputError
from nav.core.files import FileModel, NotNegative, Vector3
from nav.core.frames import Array

# rad: how far from its last direction a structure may turn beyond its end (assumed; in the up to
# 14 mm that are drawn beyond C1 and C4, cord and arteries of 12 drawn necks stay within 25 degrees)
SPREAD = np.radians(30.0)
UNIT_LENGTH = 1e-3  # how far from 1 the length of a unit vector in a file may be


class ContinuationTable(FileModel):
    """An entry [[structure.continues]] of case.toml: an end beyond which the structure goes on."""

    point: Vector3
    direction: Vector3
    radius: NotNegative


@dataclass(frozen=True, eq=False)
class Continuation:
    """An end at which a structure was cut, and the cone in which it goes on.

    Parameters
    ----------
    point : ndarray, shape (3,)
        Middle of the end, mm.
    direction : ndarray, shape (3,)
        Unit vector out of the structure.
    radius : float
        Of the end, mm.
    """

    point: Array
    direction: Array
    radius: float

    def distance(self, position: ArrayLike) -> float:
        """Return the distance of a point to the cone, mm; 0 within it.

        Parameters
        ----------
        position : array_like, shape (3,)
            In the frame of the structure, mm.

        Returns
        -------
        float
            The structure's unseen part is not nearer than that, if it lies in the cone.
        """
        off = np.asarray(position, float) - self.point
        beyond = float(off @ self.direction)
        beside = float(np.linalg.norm(off - beyond * self.direction)) - self.radius
        if beside <= 0.0:
            return max(0.0, -beyond)
        along = beyond * np.cos(SPREAD) + beside * np.sin(SPREAD)
        if along <= 0.0:  # nearest to the rim of the end
            return float(np.hypot(beyond, beside))
        return max(0.0, float(beside * np.cos(SPREAD) - beyond * np.sin(SPREAD)))


def continuation(table: ContinuationTable, place: str) -> Continuation:
    """Return an end as case.toml has it.

    Parameters
    ----------
    table : ContinuationTable
        The entry.
    place : str
        Of it, for a message.

    Returns
    -------
    Continuation

    Raises
    ------
    InputError
        The direction is no unit vector.
    """
    length = float(np.linalg.norm(table.direction))
    if abs(length - 1.0) > UNIT_LENGTH:
        raise InputError(
            f"{place}: continues: direction: expected a unit vector, got one of length {length:.3g}"
        )
    return Continuation(np.array(table.point), np.array(table.direction) / length, table.radius)
