"""Compiled: distances to a surface's own triangles, and fits of touched points to them."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.model.distance_grid import closest_in_triangle, squared_distance
from nav.registration.surface_kernels import (
    DistanceField,
    distance_and_gradient,
    turn_by,
)

CUT = 4.685  # sd: Tukey's biweight gives no weight beyond it
CONVERGED = 1e-6  # mm and rad: the step at which a fit ends
MOST_SHIFT, MOST_TURN = 3.0, 0.2  # mm and rad per step


class Facets(NamedTuple):
    """Triangles of a surface, found through the nodes of its distance field.

    Parameters
    ----------
    corners : ndarray, shape (m, 3, 3)
        Model frame, mm.
    normals : ndarray, shape (m, 3)
        Unit vectors outwards.
    neighbours : ndarray of int32, shape (m, 3)
        Triangles that share an edge with each; itself where there is none.
    variance : ndarray, shape (m,)
        Of the surface's own error along the normal, mm^2.
    which : ndarray of int32, shape (nx, ny, nz)
        Nearest triangle of each node of the field; -1 where none is near.
    """

    corners: Array
    normals: Array
    neighbours: NDArray[np.int32]
    variance: Array
    which: NDArray[np.int32]


class Touches(NamedTuple):
    """Touched points about their mean, with their errors.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        About their mean, reference frame, mm.
    covariance : ndarray, shape (n, 3, 3)
        Of each, reference frame, mm^2.
    variance : float
        Further error of a touch along the normal, mm^2.
    """

    points: Array
    covariance: Array
    variance: float


@njit(cache=True, nogil=True)
def nearest_on_facets(
    field: DistanceField, facets: Facets, x: float, y: float, z: float, gradient: Array
) -> tuple[float, int]:  # pragma: no cover - compiled
    """Return the signed distance of a point to the triangles that its cell's nodes name.

    Parameters
    ----------
    field : DistanceField
        Of the same surface; taken where no triangle is near.
    facets : Facets
        The triangles.
    x, y, z : float
        Model frame, mm.
    gradient : ndarray, shape (3,)
        Receives the derivative by x, y and z.

    Returns
    -------
    distance : float
        In mm, negative inside.
    which : int
        The triangle; -1 where none is near.
    """
    nx, ny, nz = field.values.shape
    i = math.floor((x - field.origin[0]) / field.spacing)
    j = math.floor((y - field.origin[1]) / field.spacing)
    k = math.floor((z - field.origin[2]) / field.spacing)
    coarse = distance_and_gradient(field, x, y, z, gradient)
    if i < 0 or j < 0 or k < 0 or i >= nx - 1 or j >= ny - 1 or k >= nz - 1:
        return coarse, -1
    best, found = 1e30, -1
    for n in range(8):
        m = facets.which[i + (n & 1), j + ((n >> 1) & 1), k + (n >> 2)]
        if m >= 0 and m != found:
            square = squared_distance(x, y, z, facets.corners[m])
            if square < best:
                best, found = square, m
    if found < 0:
        return coarse, -1
    # the nodes' triangles may be neighbours of the nearest one
    moving = True
    while moving:
        moving = False
        for e in range(3):
            m = facets.neighbours[found, e]
            square = squared_distance(x, y, z, facets.corners[m])
            if square < best - 1e-12:
                best, found, moving = square, m, True
    distance = math.sqrt(best)
    t = facets.corners[found]
    v, w = closest_in_triangle(x, y, z, t)
    u = 1.0 - v - w
    bx = x - u * t[0, 0] - v * t[1, 0] - w * t[2, 0]
    by = y - u * t[0, 1] - v * t[1, 1] - w * t[2, 1]
    bz = z - u * t[0, 2] - v * t[1, 2] - w * t[2, 2]
    # of triangles that are equally near, at an edge or a corner, the one that is faced most tells
    # the side
    along = bx * facets.normals[found, 0] + by * facets.normals[found, 1]
    along += bz * facets.normals[found, 2]
    for e in range(3):
        m = facets.neighbours[found, e]
        if squared_distance(x, y, z, facets.corners[m]) < best + 1e-12:
            other = (
                bx * facets.normals[m, 0] + by * facets.normals[m, 1] + bz * facets.normals[m, 2]
            )
            if abs(other) > abs(along):
                along = other
    normal = facets.normals[found]
    outside = along >= 0.0 if abs(along) > 0.3 * distance else coarse >= 0.0
    sign = 1.0 if outside else -1.0
    if distance < 1e-4:
        gradient[0], gradient[1], gradient[2] = normal[0], normal[1], normal[2]
    else:
        scale = sign / distance
        gradient[0], gradient[1], gradient[2] = bx * scale, by * scale, bz * scale
    return sign * distance, found


@njit(cache=True, nogil=True)
def residuals_at(
    field: DistanceField, facets: Facets, touches: Touches, rotation: Array, translation: Array
) -> tuple[Array, Array, Array, Array]:  # pragma: no cover - compiled
    """Return what touched points say at a pose.

    Parameters
    ----------
    field : DistanceField
        Of the surface.
    facets : Facets
        Its triangles.
    touches : Touches
        The points.
    rotation : ndarray, shape (3, 3)
        Model from reference.
    translation : ndarray, shape (3,)
        Where their mean is, model frame, mm.

    Returns
    -------
    moved : ndarray, shape (n, 3)
        The points from where their mean is, turned, mm.
    distances : ndarray, shape (n,)
        Signed, mm.
    normals : ndarray, shape (n, 3)
        Derivatives of the distances.
    variances : ndarray, shape (n,)
        Of the distances by the declared errors, mm^2.
    """
    count = len(touches.points)
    moved, normals = np.empty((count, 3)), np.empty((count, 3))
    distances, variances = np.empty(count), np.empty(count)
    back = np.empty(3)
    for n in range(count):
        p = touches.points[n]
        for a in range(3):
            moved[n, a] = rotation[a, 0] * p[0] + rotation[a, 1] * p[1] + rotation[a, 2] * p[2]
        distances[n], m = nearest_on_facets(
            field,
            facets,
            moved[n, 0] + translation[0],
            moved[n, 1] + translation[1],
            moved[n, 2] + translation[2],
            normals[n],
        )
        for a in range(3):
            back[a] = (
                rotation[0, a] * normals[n, 0]
                + rotation[1, a] * normals[n, 1]
                + rotation[2, a] * normals[n, 2]
            )
        variance = touches.variance + facets.variance[max(m, 0)]
        for a in range(3):
            for b in range(3):
                variance += back[a] * touches.covariance[n, a, b] * back[b]
        variances[n] = variance
    return moved, distances, normals, variances


@njit(cache=True, nogil=True)
def fit_exactly(
    field: DistanceField,
    facets: Facets,
    touches: Touches,
    counts: Array,
    rotation: Array,
    translation: Array,
    steps: int,
) -> tuple[Array, Array]:  # pragma: no cover - compiled
    """Fit touched points to a surface's triangles: Gauss-Newton with Tukey's biweight.

    Parameters
    ----------
    field : DistanceField
        Of the surface.
    facets : Facets
        Its triangles.
    touches : Touches
        The points.
    counts : ndarray, shape (n,)
        How often each point counts.
    rotation : ndarray, shape (3, 3)
        Start, model from reference.
    translation : ndarray, shape (3,)
        Start: where their mean is, model frame, mm.
    steps : int
        At most so many.

    Returns
    -------
    rotation : ndarray, shape (3, 3)
    translation : ndarray, shape (3,)
    """
    row = np.empty(6)
    for _ in range(steps):
        moved, distances, normals, variances = residuals_at(
            field, facets, touches, rotation, translation
        )
        information, slope = np.zeros((6, 6)), np.zeros(6)
        for n in range(len(moved)):
            scaled = distances[n] ** 2 / (variances[n] * CUT**2)
            if scaled >= 1.0 or counts[n] == 0.0:
                continue
            weight = counts[n] * (1.0 - scaled) ** 2 / variances[n]
            g, p = normals[n], moved[n]
            row[0], row[1], row[2] = g[0], g[1], g[2]
            row[3] = p[1] * g[2] - p[2] * g[1]
            row[4] = p[2] * g[0] - p[0] * g[2]
            row[5] = p[0] * g[1] - p[1] * g[0]
            for a in range(6):
                slope[a] -= weight * distances[n] * row[a]
                for b in range(6):
                    information[a, b] += weight * row[a] * row[b]
        # nothing holds where no point is near: a tiny damping keeps the step finite
        for a in range(6):
            information[a, a] += 1e-6 if a < 3 else 1e-3
        change = np.linalg.solve(information, slope).astype(np.float64)
        shifted = math.sqrt((change[:3] ** 2).sum())
        turned = math.sqrt((change[3:] ** 2).sum())
        shrink = min(1.0, MOST_SHIFT / max(shifted, 1e-12), MOST_TURN / max(turned, 1e-12))
        change *= shrink
        rotation = turn_by(change[3:]) @ rotation
        translation = translation + change[:3]
        if np.abs(change).max() < CONVERGED:
            break
    return rotation, translation
