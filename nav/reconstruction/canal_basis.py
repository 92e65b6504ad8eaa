"""Smooth functions on the canal's nodes: what radii and grey values are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from nav.reconstruction.volume import Array


@dataclass(frozen=True)
class Basis:
    """One field's basis on the nodes (n, m) and which of all parameters are its own."""

    matrix: Array
    own: NDArray[np.intp]


def smooth_basis(heights: Array, angles: Array, knots: float, order: int) -> Array:
    """Return cubic B-splines along the canal times a Fourier series round it: (nodes, m)."""
    count = max(int(np.ceil((heights[-1] - heights[0]) / knots)), 1)
    step = (heights[-1] - heights[0]) / count
    at = heights[0] + step * np.arange(-3, count + 4)
    spline = BSpline.design_matrix(np.clip(heights, at[3], at[-4]), at, 3).toarray()
    waves = [np.ones_like(angles)]
    for n in range(1, order + 1):
        waves += [np.cos(n * angles), np.sin(n * angles)]
    fourier = np.stack(waves, axis=1)
    return np.einsum("ka,jb->kjab", spline, fourier).reshape(len(heights) * len(angles), -1)


def variances(bases: Sequence[Basis], covariance: Array) -> Array:
    """Return each field's variances on the nodes (fields, nodes)."""
    found = []
    for basis in bases:
        own = covariance[np.ix_(basis.own, basis.own)]
        found.append(np.einsum("ij,ij->i", basis.matrix @ own, basis.matrix))
    return np.array(found)
