"""Solids that follow an upright mesh section by section: grown, shrunk, lengthened."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from manifold3d import CrossSection, Manifold

from phantoms.anatomy.mesh import Mesh, mesh_rings
from phantoms.anatomy.sdf import Array
from phantoms.kit.solid import solid_of

STEP = 2.0  # mm, from section to section
CORNERS = 120
_INSIDE = 1e-3  # mm, how far inside an end its section is taken
_FLAT = 1e-5  # mm, vertices within this distance of an end belong to it


class Upright:
    """A closed mesh whose sections along z are single outlines, each star-shaped about its middle.

    Parameters
    ----------
    solid : Manifold
        The mesh, mm.
    corners : int, optional
        Points of each ring of a solid that is made from it.

    Attributes
    ----------
    low, high : float
        z of its ends, mm.
    """

    def __init__(self, solid: Manifold, corners: int = CORNERS) -> None:
        self.solid = solid
        bounds = solid.bounding_box()
        self.low, self.high = float(bounds[2]), float(bounds[5])
        self._corners = corners

    def section(self, z: float) -> CrossSection:
        """Return its outline in x, y at a height z, mm; beyond its ends that of the end."""
        inside = min(max(z, self.low + _INSIDE), self.high - _INSIDE)
        pieces = self.solid.slice(inside).decompose()
        return max(pieces, key=lambda piece: piece.area())

    def middle(self, z: float) -> Array:
        """Return the middle (x, y) of its section at a height z, mm."""
        return _middle(self.section(z))

    def heights(self, low: float, high: float, step: float = STEP) -> Array:
        """Return z from low to high in even steps of at most `step`, mm."""
        return np.linspace(low, high, int(np.ceil((high - low) / step)) + 1)

    def grown(
        self,
        low: float,
        high: float,
        by: Callable[[float], float],
        kinks: Sequence[float] = (),
        step: float = STEP,
    ) -> Manifold:
        """Loft its outlines, moved outwards by a distance that may vary with z.

        Parameters
        ----------
        low, high : float
            z of the solid's ends, mm.
        by : callable
            Returns the distance at a height, mm.
        kinks : sequence of float, optional
            Heights between the ends that must be sections, mm.
        step : float, optional
            Largest distance from section to section, mm.

        Returns
        -------
        Manifold
            In the same frame.
        """
        z = np.unique(np.round(np.concatenate([self.heights(low, high, step), kinks]), 6))
        rings = []
        for height in z:
            outline = self.section(float(height))
            offset = by(float(height))
            if offset:
                outline = max(
                    outline.offset(offset, circular_segments=64).decompose(),
                    key=lambda piece: piece.area(),
                )
            flat = ring(outline, self.middle(float(height)), self._corners)
            rings.append(np.column_stack([flat, np.full(len(flat), height)]))
        return solid_of(mesh_rings(np.array(rings)))

    def lengthened(self, low: float, high: float) -> Manifold:
        """Extend its flat ends straight to z = low and to z = high, mm."""
        surface = self.solid.to_mesh64()
        mesh = Mesh(
            np.asarray(surface.vert_properties, float)[:, :3],
            np.asarray(surface.tri_verts, np.int32),
        )
        return solid_of(_pulled(_pulled(mesh, self.low, low), self.high, high))


def _pulled(mesh: Mesh, end: float, to: float) -> Mesh:
    """Move a mesh's flat end at z = end to z = to, upright walls between."""
    at_end = np.abs(mesh.vertices[:, 2] - end) < _FLAT
    in_end = at_end[mesh.triangles].all(axis=1)
    cap, rest = mesh.triangles[in_end], mesh.triangles[~in_end]
    numbers = np.cumsum(at_end) - 1 + len(mesh.vertices)
    moved = mesh.vertices[at_end].copy()
    moved[:, 2] = to
    edges = np.concatenate([rest[:, [0, 1]], rest[:, [1, 2]], rest[:, [2, 0]]])
    a, b = edges[at_end[edges].all(axis=1)].T
    walls = [np.column_stack([b, a, numbers[a]]), np.column_stack([b, numbers[a], numbers[b]])]
    triangles = np.concatenate([rest, *walls, numbers[cap]]).astype(np.int32)
    return Mesh(np.concatenate([mesh.vertices, moved]), triangles)


def ring(outline: CrossSection, middle: Array, corners: int) -> Array:
    """Sample a star-shaped outline at even angles round its middle.

    Parameters
    ----------
    outline : CrossSection
        In x, y, mm.
    middle : ndarray, shape (2,)
        Inside the outline, mm.
    corners : int
        Number of points.

    Returns
    -------
    ndarray, shape (corners, 2)
        Counter-clockwise from the direction of x, mm.
    """
    polygon = max(outline.to_polygons(), key=len)
    start = np.asarray(polygon, float) - middle
    end = np.roll(start, -1, axis=0)
    turn = np.linspace(0.0, 2.0 * np.pi, corners, endpoint=False)
    way = np.column_stack([np.cos(turn), np.sin(turn)])[:, None, :]
    side = end - start
    # middle + t way = start + u side
    det = way[..., 0] * side[:, 1] - way[..., 1] * side[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (start[:, 0] * side[:, 1] - start[:, 1] * side[:, 0]) / det
        u = (start[:, 0] * way[..., 1] - start[:, 1] * way[..., 0]) / det
    t = np.where((u >= -1e-9) & (u <= 1.0 + 1e-9) & (t > 0.0), t, 0.0)
    return np.asarray(middle + t.max(axis=1)[:, None] * way[:, 0, :])


def _middle(outline: CrossSection) -> Array:
    low_x, low_y, high_x, high_y = outline.bounds()
    return np.array([(low_x + high_x) / 2, (low_y + high_y) / 2])
