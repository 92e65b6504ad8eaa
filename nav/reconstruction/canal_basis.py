"""Smooth functions on the canal's nodes, of which radii and grey values are composed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from nav.reconstruction.volume import Array


@dataclass(frozen=True)
class Basis:
    """Basis functions of one field.

    Parameters
    ----------
    matrix : ndarray, shape (n, m)
        Values on the nodes.
    own : ndarray of int, shape (m,)
        Indices of the field's parameters among all parameters.
    """

    matrix: Array
    own: NDArray[np.intp]


def smooth_basis(heights: Array, angles: Array, knots: float, order: int) -> Array:
    """Return cubic B-splines along the canal times a Fourier series round it.

    Parameters
    ----------
    heights : ndarray, shape (k,)
        Of the nodes' rings, rising, mm.
    angles : ndarray, shape (j,)
        Of the nodes on a ring, rad.
    knots : float
        Largest distance between knots of the spline, mm.
    order : int
        Of the Fourier series.

    Returns
    -------
    ndarray, shape (k * j, m)
        Values on the nodes.
    """
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
    """Return the variances of fields on the nodes.

    Parameters
    ----------
    bases : sequence of Basis
        Of each field.
    covariance : ndarray, shape (p, p)
        Of all parameters.

    Returns
    -------
    ndarray, shape (fields, nodes)
        In the square of each field's unit.
    """
    found = []
    for basis in bases:
        own = covariance[np.ix_(basis.own, basis.own)]
        found.append(np.einsum("ij,ij->i", basis.matrix @ own, basis.matrix))
    return np.array(found)
