"""A vessel: a round tube along a smooth line, as a mesh and as a solid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from phantoms.anatomy.mesh import Mesh, mesh_rings
from phantoms.anatomy.sdf import Array, Solid, spline_samples, tube

CORNERS = (12, 24)  # fewest and most of a section; 4.8 for each mm of diameter
SPACING = 1.0  # mm between control points, and between a mesh's rings
LEAST_BEND = 1.2  # least radius of a bend, in radii of the vessel


@dataclass(frozen=True)
class Vessel:
    """An artery's outside, model frame.

    side : "left" or "right". line : its centre line goes through these points in order, (n, 3) mm.
    diameter : outer, mm. pierces : where the centre line goes through the dura, (k, 3) mm.
    joins : name of the vessel that it leaves or runs into, "" for a trunk; there both overlap.
    """

    name: str
    side: str
    line: Array
    diameter: float
    pierces: Array
    joins: str = ""

    @property
    def length(self) -> float:
        """Of the centre line, mm."""
        return float(np.linalg.norm(np.diff(self.line, axis=0), axis=1).sum())

    def mesh(self) -> Mesh:
        """Its surface, both ends hemispheres."""
        centres, tangents, _ = spline_samples(self.line, np.zeros((len(self.line), 1)))
        count = max(3, round(self.length / min(SPACING, 0.2 * self.diameter)) + 1)
        keep = np.unique(np.linspace(0, len(centres) - 1, count).round().astype(int))
        centres, tangents = centres[keep], tangents[keep]
        across = _steady_normals(tangents)
        along = np.cross(tangents, across)
        corners = int(np.clip(round(4.8 * self.diameter), *CORNERS))
        # Polygons as large as the circle.
        corner = 2.0 * np.pi / corners
        radius = self.diameter / 2 * np.sqrt(corner / np.sin(corner))
        # The hemispheres' rings, from nearly the pole to nearly the equator.
        cap = np.radians([72.0, 54.0, 36.0, 18.0])
        first = [(0, -radius * np.sin(a), radius * np.cos(a)) for a in cap]
        last = [(-1, radius * np.sin(a), radius * np.cos(a)) for a in cap[::-1]]
        body = [(i, 0.0, radius) for i in range(len(centres))]
        turn = np.arange(corners) * corner
        rings = [
            centres[i]
            + shift * tangents[i]
            + r * (np.cos(turn)[:, None] * across[i] + np.sin(turn)[:, None] * along[i])
            for i, shift, r in first + body + last
        ]
        return mesh_rings(np.array(rings))

    def solid(self, extra: float = 0.0) -> Solid:
        """The vessel, `extra` mm thicker all round."""
        radius = self.diameter / 2 + extra
        # No part of a vessel runs along this direction.
        return tube(self.line, np.full((len(self.line), 2), radius), up=(0.3, 1.0, 0.2))


def resampled(points: ArrayLike, spacing: float = SPACING) -> Array:
    """Points at even steps of about `spacing` mm on the cubic spline through points (n, 3)."""
    p = np.asarray(points, float)
    fine, _, _ = spline_samples(p, np.zeros((len(p), 1)))
    return evenly(fine, spacing)


def evenly(line: Array, spacing: float) -> Array:
    """Points at even steps of about `spacing` mm on a chain of points (n, 3), both ends kept."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    steps = np.linspace(0.0, at[-1], max(4, round(at[-1] / spacing) + 1))
    return np.column_stack([np.interp(steps, at, line[:, k]) for k in range(3)])


def bend_radii(line: Array, reach: int = 2) -> Array:
    """Radius of the circle through each point and those `reach` before and after, mm, (n,)."""
    a, b, c = line[: -2 * reach], line[reach:-reach], line[2 * reach :]
    u, v, w = b - a, c - b, c - a
    twice_area = np.linalg.norm(np.cross(u, w), axis=1)
    sides = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1) * np.linalg.norm(w, axis=1)
    radii = np.full(len(line), np.inf)
    radii[reach:-reach] = sides / np.maximum(2.0 * twice_area, 1e-9)
    return radii


def _steady_normals(tangents: Array) -> Array:
    """Unit normals along a line that turn no more than it does itself."""
    normal = np.cross(tangents[0], (0.0, 1.0, 0.0))
    normals = []
    for t in tangents:
        normal = normal - (normal @ t) * t
        normal = normal / np.linalg.norm(normal)
        normals.append(normal)
    return np.array(normals)
