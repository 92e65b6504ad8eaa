"""Search the pose of points on a surface with no idea where they are, or from a rough one.

Nothing is matched: features need thousands of points, and a tip touches some dozens. Every start is
fitted to a field of signed distances, coarse to fine, and every distinct result is kept, because
what fits nearly as well elsewhere counts as much as what fits best.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array
from nav.model.distance_grid import Box, distance_grid
from nav.model.surface import Surface
from nav.registration.surface_kernels import (
    DistanceField,
    Schedule,
    fit_starts,
    score_starts,
)

SPACING = 1.0  # mm, of the field
MARGIN = 14.0  # mm around the surface
THREADS = 2
# starts: rotations evenly over SO(3) times places of the points' mean evenly over the surface
ROTATIONS, PLACES = 2000, 11.0  # number; mm between places
COARSE = 6.0  # mm: residual that costs one half where starts are compared
FITTED, KEPT = 3000, 200  # starts that are fitted coarsely, and finely
FIRST = Schedule(5.0, 2.0, 8)
SECOND = Schedule(2.0, 0.6, 20)
DISTINCT = 2.0  # mm rms over the surface: two poses nearer than this are one


@dataclass(frozen=True)
class SearchedSurface:
    """A surface prepared for searching.

    Parameters
    ----------
    surfaces : tuple of Surface
        Closed, model frame, mm.
    field : DistanceField
        Signed distance to the nearest of them.
    places : ndarray, shape (p, 3)
        Spread evenly over them, mm: where the points' mean is tried, and where poses are compared.
    """

    surfaces: tuple[Surface, ...]
    field: DistanceField
    places: Array


@dataclass(frozen=True)
class PoseFound:
    """A pose that a search found.

    Parameters
    ----------
    model_from_points : RigidTransform
        In mm.
    cost : float
        Mean robust cost at the last scale, from 0 to 1.
    """

    model_from_points: RigidTransform
    cost: float


def prepare_surface(surfaces: Sequence[Surface]) -> SearchedSurface:
    """Compute what searches on some surfaces share.

    Parameters
    ----------
    surfaces : sequence of Surface
        Closed, model frame, mm; they may not overlap by more than their errors.

    Returns
    -------
    SearchedSurface
    """
    vertices = np.vstack([surface.vertices for surface in surfaces])
    box = Box.around(vertices, MARGIN, SPACING)
    values = np.minimum.reduce([distance_grid(surface, box) for surface in surfaces])
    return SearchedSurface(
        tuple(surfaces),
        DistanceField(np.ascontiguousarray(values), box.origin, box.spacing),
        _spread(vertices, PLACES),
    )


def search_everywhere(
    surface: SearchedSurface, points: Array, rotations: int = ROTATIONS
) -> list[PoseFound]:
    """Search the pose of points on a surface from nothing.

    Parameters
    ----------
    surface : SearchedSurface
        Where they were touched.
    points : ndarray, shape (n, 3)
        Any frame, mm.
    rotations : int
        Number of rotations that are tried.

    Returns
    -------
    list of PoseFound
        Distinct poses, best first.
    """
    mean = points.mean(axis=0)
    centred = np.ascontiguousarray(points - mean)
    turns = _even_rotations(rotations)
    chunks = np.array_split(turns, THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        costs = np.vstack(
            list(
                pool.map(
                    lambda some: score_starts(surface.field, centred, some, surface.places, COARSE),
                    chunks,
                )
            )
        )
    best = np.argsort(costs, axis=None, kind="stable")[:FITTED]
    a, b = np.unravel_index(best, costs.shape)
    return _fitted(surface, centred, mean, turns[a], surface.places[b])


def search_around(
    surface: SearchedSurface, points: Array, start: RigidTransform, shift: float, turn: float
) -> list[PoseFound]:
    """Search the pose of points on a surface around a rough one.

    Parameters
    ----------
    surface : SearchedSurface
        Where they were touched.
    points : ndarray, shape (n, 3)
        Any frame, mm.
    start : RigidTransform
        model_from_points, roughly, mm.
    shift, turn : float
        How far it may be off, mm and rad, one standard deviation per axis.

    Returns
    -------
    list of PoseFound
        Distinct poses, best first.
    """
    rng = np.random.default_rng(0)
    mean = points.mean(axis=0)
    off = np.vstack([np.zeros(6), rng.normal(0.0, [shift] * 3 + [turn] * 3, (KEPT * 2, 6))])
    turns = Rotation.from_rotvec(off[:, 3:]).as_matrix() @ start.rotation.as_matrix()
    places = start.apply(mean) + off[:, :3]
    return _fitted(surface, np.ascontiguousarray(points - mean), mean, turns, places)


def displacement(places: Array, first: RigidTransform, second: RigidTransform) -> float:
    """Return how far two poses put the same points apart, rms over a surface.

    Parameters
    ----------
    places : ndarray, shape (p, 3)
        On the surface, model frame, mm.
    first, second : RigidTransform
        model_from_points.

    Returns
    -------
    float
        In mm.
    """
    moved = (second * first.inv()).apply(places) - places
    return float(np.sqrt((moved**2).sum(axis=1).mean()))


def _fitted(
    surface: SearchedSurface, centred: Array, mean: Array, turns: Array, places: Array
) -> list[PoseFound]:
    """Fit starts coarsely, the best of them finely, and return what is distinct."""
    turns, places, costs = _fit(surface.field, centred, turns, places, FIRST)
    best = np.argsort(costs, kind="stable")[:KEPT]
    turns, places, costs = _fit(surface.field, centred, turns[best], places[best], SECOND)
    found: list[PoseFound] = []
    for k in np.argsort(costs, kind="stable"):
        rotation = Rotation.from_matrix(turns[k])
        pose = RigidTransform.from_components(places[k] - rotation.apply(mean), rotation)
        known = (f.model_from_points for f in found)
        if all(displacement(surface.places, other, pose) > DISTINCT for other in known):
            found.append(PoseFound(pose, float(costs[k])))
    return found


def _fit(
    field: DistanceField, centred: Array, turns: Array, places: Array, schedule: Schedule
) -> tuple[Array, Array, Array]:
    parts = [
        (np.ascontiguousarray(a), np.ascontiguousarray(b))
        for a, b in zip(
            np.array_split(turns, THREADS), np.array_split(places, THREADS), strict=True
        )
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        done = list(pool.map(lambda p: fit_starts(field, centred, p[0], p[1], schedule), parts))
    turned, moved, costs = zip(*done, strict=True)
    return np.concatenate(turned), np.concatenate(moved), np.concatenate(costs)


def _even_rotations(count: int) -> Array:
    """Return rotations spread evenly over SO(3), (count, 3, 3): super-Fibonacci spirals [1]_.

    References
    ----------
    .. [1] Alexa, Super-Fibonacci Spirals, CVPR 2022.
    """
    # the positive root of x^4 = x + 4, and the square root of 2
    phi, psi = np.sqrt(2.0), 1.533751168755204288118041
    at = np.arange(count) + 0.5
    first, second = np.sqrt(at / count), np.sqrt(1.0 - at / count)
    alpha, beta = 2.0 * np.pi * at / phi, 2.0 * np.pi * at / psi
    quaternions = np.stack(
        [
            first * np.sin(alpha),
            first * np.cos(alpha),
            second * np.sin(beta),
            second * np.cos(beta),
        ],
        axis=1,
    )
    return np.asarray(Rotation.from_quat(quaternions).as_matrix(), float)


def _spread(points: Array, apart: float) -> Array:
    """Return points of which none is farther than `apart` from all, each farthest from the rest."""
    chosen = [int(np.argmin(points[:, 0]))]
    distances = np.linalg.norm(points - points[chosen[0]], axis=1)
    while distances.max() > apart:
        chosen.append(int(np.argmax(distances)))
        distances = np.minimum(distances, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.ascontiguousarray(points[chosen])
