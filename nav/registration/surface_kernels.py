"""Compiled: fit points to a surface given as a grid of signed distances, from many starts."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array

DAMPING = 0.01  # of a point's weight on each parameter: steps stay small where nothing holds
LEVER = 20.0  # mm: a turn that moves a point of the bones as far as a shift does
MOST_TURN = 0.5  # rad per step


class DistanceField(NamedTuple):
    """Signed distances of a surface on a regular grid.

    Parameters
    ----------
    values : ndarray of float32, shape (nx, ny, nz)
        At the nodes, mm, negative inside.
    origin : ndarray, shape (3,)
        The first node, model frame, mm.
    spacing : float
        Between nodes, mm.
    """

    values: NDArray[np.float32]
    origin: Array
    spacing: float


class Schedule(NamedTuple):
    """How a robust fit proceeds.

    Parameters
    ----------
    first_scale, last_scale : float
        Residual at which a point's weight is a quarter, in the first step and in the last, mm.
    steps : int
        Number of Gauss-Newton steps.
    """

    first_scale: float
    last_scale: float
    steps: int


@njit(cache=True, nogil=True)
def distance_and_gradient(
    field: DistanceField, x: float, y: float, z: float, gradient: Array
) -> float:  # pragma: no cover - compiled
    """Interpolate a field trilinearly; beyond its border the way to the border is added.

    Parameters
    ----------
    field : DistanceField
        The field.
    x, y, z : float
        Model frame, mm.
    gradient : ndarray, shape (3,)
        Receives the derivative by x, y and z.

    Returns
    -------
    float
        In mm.
    """
    nx, ny, nz = field.values.shape
    scale = 1.0 / field.spacing
    fx, fy, fz = (
        (x - field.origin[0]) * scale,
        (y - field.origin[1]) * scale,
        (z - field.origin[2]) * scale,
    )
    cx = min(max(fx, 0.0), nx - 1.001)
    cy = min(max(fy, 0.0), ny - 1.001)
    cz = min(max(fz, 0.0), nz - 1.001)
    i, j, k = int(cx), int(cy), int(cz)
    u, v, w = cx - i, cy - j, cz - k
    d000, d001 = field.values[i, j, k], field.values[i, j, k + 1]
    d010, d011 = field.values[i, j + 1, k], field.values[i, j + 1, k + 1]
    d100, d101 = field.values[i + 1, j, k], field.values[i + 1, j, k + 1]
    d110, d111 = field.values[i + 1, j + 1, k], field.values[i + 1, j + 1, k + 1]
    a0, a1 = d000 + (d001 - d000) * w, d010 + (d011 - d010) * w
    b0, b1 = d100 + (d101 - d100) * w, d110 + (d111 - d110) * w
    a, b = a0 + (a1 - a0) * v, b0 + (b1 - b0) * v
    gradient[0] = (b - a) * scale
    gradient[1] = ((a1 - a0) * (1.0 - u) + (b1 - b0) * u) * scale
    c = (d001 - d000) * (1.0 - v) + (d011 - d010) * v
    d = (d101 - d100) * (1.0 - v) + (d111 - d110) * v
    gradient[2] = (c + (d - c) * u) * scale
    beyond = (fx - cx) ** 2 + (fy - cy) ** 2 + (fz - cz) ** 2
    return a + (b - a) * u + math.sqrt(beyond) * field.spacing


@njit(cache=True, nogil=True)
def robust_cost(
    field: DistanceField, points: Array, rotation: Array, translation: Array, scale: float
) -> float:  # pragma: no cover - compiled
    """Return the mean Geman-McClure cost of points at a pose, from 0 to 1.

    Parameters
    ----------
    field : DistanceField
        Of the surface.
    points : ndarray, shape (n, 3)
        In mm.
    rotation : ndarray, shape (3, 3)
        Model from points.
    translation : ndarray, shape (3,)
        In mm.
    scale : float
        Residual that costs one half, mm.

    Returns
    -------
    float
    """
    gradient = np.empty(3)
    total = 0.0
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        d = distance_and_gradient(
            field,
            rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z + translation[0],
            rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z + translation[1],
            rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z + translation[2],
            gradient,
        )
        square = (d / scale) ** 2
        total += square / (1.0 + square)
    return total / len(points)


@njit(cache=True, nogil=True)
def score_starts(
    costs: DistanceField, points: Array, rotations: Array, places: Array, best: int
) -> tuple[Array, NDArray[np.int64]]:  # pragma: no cover - compiled
    """Return for every rotation the places of the points' mean that cost least.

    Parameters
    ----------
    costs : DistanceField
        What a point costs at each node, instead of distances.
    points : ndarray, shape (n, 3)
        About their mean, mm.
    rotations : ndarray, shape (a, 3, 3)
        Model from points.
    places : ndarray, shape (b, 3)
        In mm.
    best : int
        How many places.

    Returns
    -------
    scores : ndarray, shape (a, best)
        Mean cost of the points at the nodes nearest to them.
    which : ndarray of int, shape (a, best)
        The places.
    """
    nx, ny, nz = costs.values.shape
    scale, count = 1.0 / costs.spacing, len(points)
    scores = np.full((len(rotations), best), 1e30)
    which = np.zeros((len(rotations), best), np.int64)
    at = np.empty((count, 3), np.float32)
    for a in range(len(rotations)):
        r = rotations[a]
        for n in range(count):
            for k in range(3):
                at[n, k] = scale * (
                    r[k, 0] * points[n, 0] + r[k, 1] * points[n, 1] + r[k, 2] * points[n, 2]
                )
        for b in range(len(places)):
            # half a node, so that cutting rounds
            x = np.float32((places[b, 0] - costs.origin[0]) * scale + 0.5)
            y = np.float32((places[b, 1] - costs.origin[1]) * scale + 0.5)
            z = np.float32((places[b, 2] - costs.origin[2]) * scale + 0.5)
            total = np.float32(0.0)
            for n in range(count):
                i = min(max(int(at[n, 0] + x), 0), nx - 1)
                j = min(max(int(at[n, 1] + y), 0), ny - 1)
                k = min(max(int(at[n, 2] + z), 0), nz - 1)
                total += costs.values[i, j, k]
            score = total / count
            if score < scores[a, best - 1]:
                m = best - 1
                while m > 0 and score < scores[a, m - 1]:
                    scores[a, m], which[a, m] = scores[a, m - 1], which[a, m - 1]
                    m -= 1
                scores[a, m], which[a, m] = score, b
    return scores, which


@njit(cache=True, nogil=True)
def turn_by(vector: Array) -> Array:  # pragma: no cover - compiled
    """Return the rotation matrix of a rotation vector (Rodrigues).

    Parameters
    ----------
    vector : ndarray, shape (3,)
        In rad.

    Returns
    -------
    ndarray, shape (3, 3)
    """
    angle = math.sqrt((vector**2).sum())
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    s, c = math.sin(angle), math.cos(angle)
    v = 1.0 - c
    return np.array(
        [
            [c + x * x * v, x * y * v - z * s, x * z * v + y * s],
            [y * x * v + z * s, c + y * y * v, y * z * v - x * s],
            [z * x * v - y * s, z * y * v + x * s, c + z * z * v],
        ]
    )


@njit(cache=True, nogil=True)
def fit_robustly(
    field: DistanceField,
    points: Array,
    rotation: Array,
    translation: Array,
    schedule: Schedule,
) -> tuple[Array, Array]:  # pragma: no cover - compiled
    """Fit points to a surface from one start: damped Gauss-Newton with Geman-McClure weights.

    Parameters
    ----------
    field : DistanceField
        Of the surface.
    points : ndarray, shape (n, 3)
        About their mean, mm.
    rotation : ndarray, shape (3, 3)
        Start, model from points.
    translation : ndarray, shape (3,)
        Start, mm.
    schedule : Schedule
        Scales and number of steps.

    Returns
    -------
    rotation : ndarray, shape (3, 3)
    translation : ndarray, shape (3,)
    """
    rotation, translation = rotation.copy(), translation.copy()
    gradient, row = np.empty(3), np.empty(6)
    ratio = schedule.last_scale / schedule.first_scale
    for step in range(schedule.steps):
        scale = schedule.first_scale * ratio ** (step / max(1, schedule.steps - 1))
        information, slope, weights = np.zeros((6, 6)), np.zeros(6), 0.0
        for n in range(len(points)):
            x, y, z = points[n, 0], points[n, 1], points[n, 2]
            px = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z
            py = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z
            pz = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z
            d = distance_and_gradient(
                field, px + translation[0], py + translation[1], pz + translation[2], gradient
            )
            weight = 1.0 / (1.0 + (d / scale) ** 2) ** 2
            row[0], row[1], row[2] = gradient[0], gradient[1], gradient[2]
            row[3] = py * gradient[2] - pz * gradient[1]
            row[4] = pz * gradient[0] - px * gradient[2]
            row[5] = px * gradient[1] - py * gradient[0]
            weights += weight
            for i in range(6):
                slope[i] -= weight * d * row[i]
                for j in range(i + 1):
                    information[i, j] += weight * row[i] * row[j]
        for i in range(6):
            for j in range(i):
                information[j, i] = information[i, j]
            information[i, i] += DAMPING * (weights + 1e-9) * (1.0 if i < 3 else LEVER**2)
        change = np.linalg.solve(information, slope).astype(np.float64)
        turned = math.sqrt((change[3:] ** 2).sum())
        if turned > MOST_TURN:
            change *= MOST_TURN / turned
        rotation = turn_by(change[3:]) @ rotation
        translation = translation + change[:3]
    return rotation, translation


@njit(cache=True, nogil=True)
def fit_starts(
    field: DistanceField,
    points: Array,
    rotations: Array,
    translations: Array,
    schedule: Schedule,
) -> tuple[Array, Array, Array]:  # pragma: no cover - compiled
    """Fit points from many starts.

    Parameters
    ----------
    field : DistanceField
        Of the surface.
    points : ndarray, shape (n, 3)
        About their mean, mm.
    rotations : ndarray, shape (k, 3, 3)
        Starts, model from points.
    translations : ndarray, shape (k, 3)
        Starts, mm.
    schedule : Schedule
        Scales and number of steps.

    Returns
    -------
    rotations : ndarray, shape (k, 3, 3)
    translations : ndarray, shape (k, 3)
    costs : ndarray, shape (k,)
        Robust costs at the last scale.
    """
    turned, moved = np.empty((len(rotations), 3, 3)), np.empty((len(rotations), 3))
    costs = np.empty(len(rotations))
    for k in range(len(rotations)):
        turned[k], moved[k] = fit_robustly(field, points, rotations[k], translations[k], schedule)
        costs[k] = robust_cost(field, points, turned[k], moved[k], schedule.last_scale)
    return turned, moved, costs
