"""Distances between bones, from samples of their surfaces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import RigidTransform

from phantoms.anatomy.mesh import mesh_solid
from phantoms.anatomy.sdf import Array, Solid

SPACING = 1.8  # mm between samples
NEAR = 4.0  # mm: samples farther than this from the other's are ignored


@dataclass(frozen=True)
class Surface:
    """A bone's solid with samples of its surface.

    Attributes
    ----------
    solid : Solid
        The bone, its own frame, mm.
    points : ndarray, shape (n, 3)
        Samples of its surface, its own frame, mm.
    """

    solid: Solid
    points: Array


def sampled_surface(solid: Solid, low: Array, high: Array) -> Surface:
    """Sample the surface of a solid that lies inside a box.

    Parameters
    ----------
    solid : Solid
        Any frame, mm.
    low, high : ndarray, shape (3,)
        Corners of the box, the solid's frame, mm.

    Returns
    -------
    Surface
        The solid with samples about SPACING apart.
    """
    return Surface(solid, mesh_solid(solid, low, high, SPACING).vertices)


def smallest_gap(
    a: Surface, frame_from_a: RigidTransform, b: Surface, frame_from_b: RigidTransform
) -> float:
    """Return the smallest distance between two bones.

    Parameters
    ----------
    a : Surface
        A bone, in its own frame, mm.
    frame_from_a : RigidTransform
        Its pose in a frame common to both bones, mm.
    b : Surface
        The other bone, in its own frame, mm.
    frame_from_b : RigidTransform
        Its pose in the common frame, mm.

    Returns
    -------
    float
        mm; negative where they overlap, at most NEAR.
    """
    b_from_a = frame_from_b.inv() * frame_from_a
    return min(_one_way(a, b, b_from_a), _one_way(b, a, b_from_a.inv()))


def _one_way(a: Surface, b: Surface, b_from_a: RigidTransform) -> float:
    points = b_from_a.apply(a.points)
    low, high = b.points.min(axis=0) - NEAR, b.points.max(axis=0) + NEAR
    points = points[np.all((points > low) & (points < high), axis=1)]
    nearest, _ = cKDTree(b.points).query(points, distance_upper_bound=NEAR)
    points = points[np.isfinite(nearest)]
    return float(np.min(b.solid(points), initial=NEAR))
