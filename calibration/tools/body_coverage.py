"""How a tool was turned before the cameras: how far, and from where each marker was seen."""

import numpy as np

from nav.core.frames import Array

APART = np.radians(15.0)  # directions that differ by less count as one


def turned_by(rotations: Array) -> float:
    """Return the largest angle between any two rotations.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        Rotations.

    Returns
    -------
    float
        Angle, rad; 0 for fewer than two.
    """
    if len(rotations) < 2:
        return 0.0
    traces = np.einsum("aij,bij->ab", rotations, rotations)
    return float(np.arccos(np.clip((traces.min() - 1.0) / 2.0, -1.0, 1.0)))


def directions(towards: Array) -> int:
    """Count directions that are at least 15 degrees apart, taken in their order.

    Parameters
    ----------
    towards : ndarray, shape (n, 3)
        Unit vectors.

    Returns
    -------
    int
        How many.
    """
    kept: list[Array] = []
    for direction in towards:
        if all(direction @ other < np.cos(APART) for other in kept):
            kept.append(direction)
    return len(kept)


def towards_camera(rig_from_tool: Array, centre: Array, eye: Array) -> Array:
    """Return the direction from a point of a tool to a camera.

    Parameters
    ----------
    rig_from_tool : ndarray, shape (4, 4)
        Pose of the tool, mm.
    centre : ndarray, shape (3,)
        The point, tool frame, mm.
    eye : ndarray, shape (3,)
        Centre of the camera, rig frame, mm.

    Returns
    -------
    ndarray, shape (3,)
        Unit vector, tool frame.
    """
    seen = rig_from_tool[:3, :3].T @ (eye - rig_from_tool[:3, 3]) - centre
    return np.asarray(seen / np.linalg.norm(seen), float)
