"""Check divots in the bones themselves, for the dry kit: both edges of the window can be touched.

Shallow 90-degree cones in C1's posterior arch and in C2's spinous process, turned to the left, as
the bar of the frame stands straight behind them.
"""

from __future__ import annotations

import numpy as np

from phantoms.anatomy.mesh_rays import Gauge
from phantoms.anatomy.sdf import Array
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.kit_layout import Divot
from phantoms.kit.part import LEAST_WALL

DEPTH = 1.2  # mm
LOOK = 40.0  # degrees from posterior to the left: where the bones are viewed from
STEEPEST = 20.0  # degrees, largest angle of a divot's axis to that
SEARCHED = 6.0  # mm in front of a bone's hindmost point, and to both sides along z
STEP = 0.5
LABELS = {"B1": "C1", "B2": "C2"}


def bone_divots(anatomy: Anatomy) -> tuple[Divot, ...]:
    """Find a check divot for each of the two bones that has a spot flat and thick enough.

    Parameters
    ----------
    anatomy : Anatomy
        The neck; bones that it lacks are left out.

    Returns
    -------
    tuple of Divot
        At most one on C1 and one on C2, model frame, mm.
    """
    found = []
    names = {s.name for s in anatomy.structures}
    for label, name in LABELS.items():
        if name in names:
            s = anatomy.structure(name)
            spot = _spot(Gauge(s.vertices, s.triangles))
            if spot is not None:
                apex, axis = spot
                found.append(Divot(label, _rounded(apex), _exact(axis), "check", "column"))
    return tuple(found)


def _spot(bone: Gauge) -> tuple[Array, Array] | None:
    """Return apex and axis where the surface is flattest, of all spots that are thick enough."""
    turn = np.radians(LOOK)
    look = np.array([np.sin(turn), np.cos(turn), 0.0])
    across = np.array([np.cos(turn), -np.sin(turn), 0.0])
    middle = bone.vertices[np.abs(bone.vertices[:, 0]) < 4.0]
    hindmost = middle[middle[:, 1].argmax()]
    shifts = np.arange(-SEARCHED, SEARCHED + STEP / 2, STEP)
    best, spot = np.inf, None
    for u in shifts:
        for w in shifts:
            start = hindmost + 30.0 * look + u * across + (0.0, 0.0, w)
            ring = _ring(bone, start, look, across)
            if ring is None:
                continue
            middle_of, normal, uneven = _plane(ring, look)
            if normal @ look < np.cos(np.radians(STEEPEST)) or uneven > best:
                continue
            apex = middle_of - DEPTH * normal
            if bone.reach(apex, -normal) > LEAST_WALL + 0.3 and _inside(bone, apex, normal):
                best, spot = uneven, (apex, normal)
    return spot


def _ring(bone: Gauge, start: Array, look: Array, across: Array) -> Array | None:
    """Return points of the surface (9, 3) in and round a spot, seen along `look`."""
    turns = np.radians(45.0 * np.arange(8))
    up = np.array([0.0, 0.0, 1.0])
    offsets = [np.zeros(3), *(DEPTH * (np.cos(t) * across + np.sin(t) * up) for t in turns)]
    starts = start + np.array(offsets)
    far = bone.reaches(starts, -look)
    if not np.isfinite(far).all():
        return None
    return starts - np.outer(far, look)


def _plane(points: Array, look: Array) -> tuple[Array, Array, float]:
    """Return middle and normal of the plane through points, and their residuals, mm rms."""
    middle = points.mean(axis=0)
    _, size, axes = np.linalg.svd(points - middle)
    normal = axes[2] * np.sign(axes[2] @ look)
    return middle, normal, float(size[2] / np.sqrt(len(points)))


def _inside(bone: Gauge, apex: Array, normal: Array) -> bool:
    """Return whether the cone's apex, and a wall round its mouth's lower half, lie in the bone."""
    helper = np.cross(normal, (0.0, 0.0, 1.0))
    helper /= np.linalg.norm(helper)
    ring = [
        apex + LEAST_WALL * (np.cos(t) * helper + np.sin(t) * np.cross(normal, helper))
        for t in np.radians(45.0 * np.arange(8))
    ]
    return bool((bone.signed_distance(np.array([apex, *ring])) < 0.0).all())


def _rounded(point: Array) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 3) for v in point)
    return x, y, z


def _exact(axis: Array) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in axis)
    return x, y, z
