"""How a tool was turned before the cameras: how far, and from where each marker was seen."""

import numpy as np

from nav.frames import Array

APART = np.radians(15.0)  # two directions that differ by less count as one


def turned_by(rotations: Array) -> float:
    """Largest angle between any two of the rotations (n, 3, 3), rad."""
    if len(rotations) < 2:
        return 0.0
    traces = np.einsum("aij,bij->ab", rotations, rotations)
    return float(np.arccos(np.clip((traces.min() - 1.0) / 2.0, -1.0, 1.0)))


def directions(towards: Array) -> int:
    """How many of the unit vectors (n, 3) are at least 15 degrees apart, taken in their order."""
    kept: list[Array] = []
    for direction in towards:
        if all(direction @ other < np.cos(APART) for other in kept):
            kept.append(direction)
    return len(kept)


def towards_camera(rig_from_tool: Array, centre: Array, eye: Array) -> Array:
    """(3,) unit vector in the tool's frame from a point of it to a camera at `eye`, rig frame."""
    seen = rig_from_tool[:3, :3].T @ (eye - rig_from_tool[:3, 3]) - centre
    return np.asarray(seen / np.linalg.norm(seen), float)
