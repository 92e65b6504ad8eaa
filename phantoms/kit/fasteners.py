"""Cutters for what holds printed parts together: bolts, nuts, round holes. Lengths in mm."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.typing import ArrayLike
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.kit.solid import cylinder, placed, prism, unit_vector, united

M3_HOLE = 3.4  # mm, a bolt goes through
M3_HEAD = 6.2  # mm, room for a cylinder head (5.5)
M3_HEAD_DEPTH = 3.2  # mm
M3_NUT = 5.75  # mm across flats, room for a nut (5.5)
M3_NUT_DEPTH = 2.7  # mm


def hole(start: ArrayLike, end: ArrayLike, diameter: float = M3_HOLE) -> Manifold:
    """Build the cutter of a round hole; for its ends to be open they lie outside the part.

    Parameters
    ----------
    start, end : array_like, shape (3,)
        Ends of the axis, mm.
    diameter : float, optional
        mm; a clearance hole for M3 by default.

    Returns
    -------
    Manifold
        In the frame of `start`.
    """
    return cylinder(start, end, diameter / 2, outside=True)


def bolt_hole(head: ArrayLike, axis: ArrayLike, length: float) -> Manifold:
    """Build the cutter for an M3 bolt: space for the head behind `head`, the hole in front of it.

    Parameters
    ----------
    head : array_like, shape (3,)
        Middle of the head's underside, mm.
    axis : array_like, shape (3,)
        From the head along the bolt, of any length.
    length : float
        Of the hole, mm.

    Returns
    -------
    Manifold
        In the frame of `head`.
    """
    at, way = np.asarray(head, float), unit_vector(axis)
    room = cylinder(at - 30.0 * way, at, M3_HEAD / 2, outside=True)
    return united([room, hole(at - way, at + length * way)])


def nut_pocket(bottom: ArrayLike, axis: ArrayLike, depth: float, flat: ArrayLike) -> Manifold:
    """Build the cutter for an M3 nut that is pushed in against `axis` until `bottom`.

    Parameters
    ----------
    bottom : array_like, shape (3,)
        Middle of the pocket's bottom, mm.
    axis : array_like, shape (3,)
        From the bottom outwards, of any length.
    depth : float
        Of the pocket along the axis, mm.
    flat : array_like, shape (3,)
        Direction perpendicular to two of the nut's sides.

    Returns
    -------
    Manifold
        In the frame of `bottom`.
    """
    z = unit_vector(axis)
    x = np.asarray(flat, float) - (np.asarray(flat, float) @ z) * z
    x /= np.linalg.norm(x)
    angles = np.radians(30.0 + 60.0 * np.arange(6))
    corners = M3_NUT / np.sqrt(3.0) * np.column_stack([np.cos(angles), np.sin(angles)])
    upright = prism(corners, 0.0, depth, "z")
    turn = Rotation.from_matrix(np.column_stack([x, np.cross(z, x), z]))
    return placed(upright, RigidTransform.from_components(np.asarray(bottom, float), turn))
