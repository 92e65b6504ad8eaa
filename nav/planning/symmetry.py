"""Find the direction to the left of a bone that has a left and a right half."""

import numpy as np
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from nav.core.frames import Array

MOST_POINTS = 1200  # of a bone, that are mirrored
KEPT = 0.8  # share of the points that must have a counterpart: halves are never quite alike
LARGEST_YAW = np.radians(45.0)  # rad: C1 turns on C2 by so much to one side
YAW_STEPS = 19


def lateral_direction(vertices: Array, centre: Array, up: Array, guess: Array) -> Array:
    """Return the unit vector perpendicular to a bone's plane of mirror symmetry.

    The plane contains `up`; its position and its rotation about `up` are found by mirroring the
    bone's vertices and comparing each with its nearest neighbour.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Of the bone, model frame, mm.
    centre, up : ndarray, shape (3,)
        A point near the plane, and a unit vector in it.
    guess : ndarray, shape (3,)
        Roughly to the left; the result is at most 45 degrees from it.

    Returns
    -------
    ndarray, shape (3,)
        Unit vector, model frame.
    """
    points = vertices[:: max(1, len(vertices) // MOST_POINTS)] - centre
    tree = cKDTree(points)
    left = guess - (guess @ up) * up
    left /= np.linalg.norm(left)
    back = np.cross(up, left)

    def mismatch(plane: Array) -> float:
        across = np.cos(plane[0]) * left + np.sin(plane[0]) * back
        mirrored = points - 2.0 * np.outer(points @ across - plane[1], across)
        distances = np.sort(tree.query(mirrored)[0])
        return float(np.mean(distances[: int(KEPT * len(distances))] ** 2))

    yaws = np.linspace(-LARGEST_YAW, LARGEST_YAW, YAW_STEPS)
    start = yaws[np.argmin([mismatch(np.array([yaw, 0.0])) for yaw in yaws])]
    found = minimize(
        mismatch,
        [start, 0.0],
        method="Nelder-Mead",
        options={
            "initial_simplex": [[start, 0.0], [start + 0.05, 0.0], [start, 1.0]],
            "xatol": 1e-3,
            "fatol": 1e-4,
            "maxiter": 60,
        },
    )
    yaw = float(np.clip(found.x[0], -LARGEST_YAW, LARGEST_YAW))
    across: Array = np.cos(yaw) * left + np.sin(yaw) * back
    return across
