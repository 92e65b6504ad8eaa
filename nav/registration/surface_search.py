"""Search the pose of points on a surface with no idea where they are, or from a rough one.

Nothing is matched: features need thousands of points, and a tip touches some dozens. Every start is
fitted to a field of signed distances, coarse to fine, and every distinct result is kept, because
what fits nearly as well elsewhere counts as much as what fits best.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array
from nav.registration.prepared_surface import PreparedSurface
from nav.registration.surface_kernels import DistanceField, Schedule, fit_starts, score_starts

THREADS = 2
# starts: rotations evenly over SO(3) times places of the points' mean
ROTATIONS = 3000
PER_ROTATION = 3  # places that are kept of each rotation
SEARCHED_POINTS = 80  # of more, so many are searched with
FITTED, KEPT = 3000, 250  # starts that are fitted coarsely, and finely
MOST_DISTINCT = 60  # poses that are returned
FIRST = Schedule(5.0, 2.0, 8)
SECOND = Schedule(2.0, 0.6, 15)
DISTINCT = 2.0  # mm rms over the surface: two poses nearer than this are one
ROUGH_STARTS = 400  # around a rough pose


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


def search_everywhere(
    surface: PreparedSurface, points: Array, rotations: int = ROTATIONS
) -> list[PoseFound]:
    """Search the pose of points on a surface from nothing.

    Parameters
    ----------
    surface : PreparedSurface
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
    some = _some(points)
    mean = some.mean(axis=0)
    centred = np.ascontiguousarray(some - mean)
    turns = _even_rotations(rotations)
    with ThreadPoolExecutor(THREADS) as pool:
        done = list(
            pool.map(
                lambda part: score_starts(
                    surface.costs, centred, part, surface.means, PER_ROTATION
                ),
                np.array_split(turns, THREADS),
            )
        )
    scores, places = (np.concatenate(parts) for parts in zip(*done, strict=True))
    best = np.argsort(scores, axis=None, kind="stable")[:FITTED]
    which, _ = np.unravel_index(best, scores.shape)
    return _fitted(surface, centred, mean, turns[which], surface.means[places.ravel()[best]])


def search_around(
    surface: PreparedSurface, points: Array, start: RigidTransform, shift: float, turn: float
) -> list[PoseFound]:
    """Search the pose of points on a surface around a rough one.

    Parameters
    ----------
    surface : PreparedSurface
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
    some = _some(points)
    mean = some.mean(axis=0)
    off = np.vstack([np.zeros(6), rng.normal(0.0, [shift] * 3 + [turn] * 3, (ROUGH_STARTS, 6))])
    turns = Rotation.from_rotvec(off[:, 3:]).as_matrix() @ start.rotation.as_matrix()
    places = start.apply(mean) + off[:, :3]
    return _fitted(surface, np.ascontiguousarray(some - mean), mean, turns, places)


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


def distinct_poses(places: Array, poses: RigidTransform, most: int) -> list[int]:
    """Choose poses of which no two put a surface nearly in the same place.

    Parameters
    ----------
    places : ndarray, shape (p, 3)
        On the surface, model frame, mm.
    poses : RigidTransform
        Several model_from_points, best first.
    most : int
        How many are chosen at most.

    Returns
    -------
    list of int
        The first, and each that is farther than DISTINCT from all before.
    """
    # where each puts what the best one puts at the places
    anchors = poses[0].inv().apply(places)
    put = np.einsum("kij,pj->kpi", poses.rotation.as_matrix(), anchors)
    put += poses.translation[:, None]
    chosen = [0]
    for k in range(1, len(put)):
        if len(chosen) == most:
            break
        if (((put[chosen] - put[k]) ** 2).sum(axis=2).mean(axis=1) > DISTINCT**2).all():
            chosen.append(k)
    return chosen


def _fitted(
    surface: PreparedSurface, centred: Array, mean: Array, turns: Array, places: Array
) -> list[PoseFound]:
    """Fit starts coarsely, the best of them finely, and return what is distinct."""
    turns, places, costs = _fit(surface.field, centred, turns, places, FIRST)
    best = np.argsort(costs, kind="stable")[:KEPT]
    turns, places, costs = _fit(surface.field, centred, turns[best], places[best], SECOND)
    order = np.argsort(costs, kind="stable")
    rotations = Rotation.from_matrix(turns[order])
    poses = RigidTransform.from_components(places[order] - rotations.apply(mean), rotations)
    chosen = distinct_poses(surface.places, poses, MOST_DISTINCT)
    return [PoseFound(poses[k], float(costs[order[k]])) for k in chosen]


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


def _some(points: Array) -> Array:
    if len(points) <= SEARCHED_POINTS:
        return points
    return points[np.random.default_rng(0).permutation(len(points))[:SEARCHED_POINTS]]
