"""A surface's own error where it varies: one standard deviation at each vertex."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from nav.core.frames import Array

NEIGHBOURS = 3


class LocalSigma:
    """Standard deviations of a surface's own error at places on it.

    Parameters
    ----------
    points : array_like, shape (n, 3)
        Vertices, frame of the surface, mm.
    values : array_like, shape (n,)
        One standard deviation along the normal, mm.
    """

    def __init__(self, points: ArrayLike, values: ArrayLike) -> None:
        self.points: Array = np.asarray(points, float)
        self.values: Array = np.asarray(values, float)

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.points)

    def at(self, points: ArrayLike) -> Array:
        """Return the standard deviation at places on the surface.

        The mean of the nearest vertices' variances, weighted by their inverse squared distances.

        Parameters
        ----------
        points : array_like, shape (..., 3)
            Frame of the surface, mm.

        Returns
        -------
        ndarray, shape (...)
            In mm.
        """
        query = np.asarray(points, float)
        count = min(NEIGHBOURS, len(self.points))
        distance, index = self._tree.query(query, k=np.arange(1, count + 1))
        weight = 1.0 / np.maximum(distance, 1e-6) ** 2
        variance = (weight * self.values[index] ** 2).sum(axis=-1) / weight.sum(axis=-1)
        return np.asarray(np.sqrt(variance), float)
