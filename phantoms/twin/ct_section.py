"""Closed surfaces from which a CT is painted: description, outlines, distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.openthreed import import_open3d
from phantoms.anatomy.mesh_rays import Gauge

CORNERS = 72


class Closed(Protocol):
    """A closed surface of a case.

    Attributes
    ----------
    name : str
        Name of the structure.
    role : str
        As in case.toml.
    vertices : ndarray, shape (n, 3)
        In mm.
    triangles : ndarray of int, shape (m, 3)
        Vertex indices.
    """

    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def vertices(self) -> Array: ...
    @property
    def triangles(self) -> NDArray[np.int32]: ...


@dataclass(frozen=True)
class Surface:
    """A closed surface that is not, or no longer, a case's structure; fields as in `Closed`."""

    name: str
    role: str
    vertices: Array
    triangles: NDArray[np.int32]


def angles() -> Array:
    """Return the angles of a section's corners.

    Returns
    -------
    ndarray, shape (CORNERS,)
        In rad.
    """
    return np.linspace(0.0, 2.0 * np.pi, CORNERS, endpoint=False)


def section(s: Closed, z: float) -> Array:
    """Compute the outline of a tube at a height.

    Parameters
    ----------
    s : Closed
        The tube, mm.
    z : float
        The height, mm.

    Returns
    -------
    ndarray, shape (CORNERS, 3)
        In mm, counter-clockwise from above.
    """
    return sections(s, [z])[0]


def sections(s: Closed, heights: Sequence[float] | Array) -> list[Array]:
    """Compute the outlines of a tube at several heights.

    Parameters
    ----------
    s : Closed
        The tube, mm.
    heights : sequence of float
        The heights, mm.

    Returns
    -------
    list of ndarray, shape (CORNERS, 3)
        In mm, counter-clockwise from above.
    """
    scene, t, outlines = _scene(s), angles(), []
    flat = np.column_stack([np.cos(t), np.sin(t), np.zeros(len(t))])
    for z in heights:
        near = s.vertices[np.argsort(np.abs(s.vertices[:, 2] - z))[:CORNERS]]
        middle = np.append(0.5 * (near.min(axis=0) + near.max(axis=0))[:2], z)
        radius = _first_hit(scene, middle, np.eye(3))
        met = np.isfinite(radius)
        radius = np.where(met, radius, np.median(radius[met]) if met.any() else 0.0)
        outlines.append(middle + radius[:, None] * flat)
    return outlines


def first_hit(s: Closed, middle: Array, axes: Array) -> Array:
    """Compute the distances from an inner point to the surface in the plane of two axes.

    Parameters
    ----------
    s : Closed
        The surface, mm.
    middle : ndarray, shape (3,)
        A point inside, mm.
    axes : ndarray, shape (k, 3)
        Unit vectors; the first two span the plane.

    Returns
    -------
    ndarray, shape (CORNERS,)
        Distances, mm; infinite where nothing is hit.
    """
    return _first_hit(_scene(s), middle, axes)


def _first_hit(scene: Any, middle: Array, axes: Array) -> Array:
    o3d = import_open3d()

    t = angles()
    rays = np.empty((CORNERS, 6), np.float32)
    rays[:, :3] = middle
    rays[:, 3:] = np.cos(t)[:, None] * axes[0] + np.sin(t)[:, None] * axes[1]
    hits = scene.cast_rays(o3d.core.Tensor(rays))["t_hit"]
    return np.asarray(hits.numpy(), float)


def distance(s: Closed, points: Array) -> Array:
    """Compute the distance of points from a surface.

    Parameters
    ----------
    s : Closed
        The surface, mm.
    points : ndarray, shape (n, 3)
        The points, mm.

    Returns
    -------
    ndarray, shape (n,)
        In mm, negative inside.
    """
    return Gauge(s.vertices, s.triangles).signed_distance(points)


def _scene(s: Closed) -> Any:
    o3d = import_open3d()

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(s.vertices.astype(np.float32)),
        o3d.core.Tensor(s.triangles.astype(np.uint32)),
    )
    return scene
