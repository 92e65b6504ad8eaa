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

    Parameters
    ----------
    name : str
        Such as "vertebral artery left".
    side : str
        "left" or "right".
    line : ndarray, shape (n, 3)
        The centre line goes through these points in order, mm.
    diameter : float
        Outer, mm.
    pierces : ndarray, shape (k, 3)
        Where the centre line goes through the dura, mm.
    joins : str, optional
        Name of the vessel that it leaves or runs into, "" for a trunk; there both overlap.
    """

    name: str
    side: str
    line: Array
    diameter: float
    pierces: Array
    joins: str = ""

    @property
    def length(self) -> float:
        """Length of the centre line, mm."""
        return float(np.linalg.norm(np.diff(self.line, axis=0), axis=1).sum())

    def mesh(self) -> Mesh:
        """Mesh its surface, both ends hemispheres; model frame, mm."""
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
        """Return the vessel as a solid, `extra` mm thicker all round."""
        radius = self.diameter / 2 + extra
        # No part of a vessel runs along this direction.
        return tube(self.line, np.full((len(self.line), 2), radius), up=(0.3, 1.0, 0.2))


def resampled(points: ArrayLike, spacing: float = SPACING) -> Array:
    """Resample the cubic spline through points at even steps.

    Parameters
    ----------
    points : array_like, shape (n, 3)
        mm.
    spacing : float, optional
        Approximate step, mm.

    Returns
    -------
    ndarray, shape (m, 3)
        mm.
    """
    p = np.asarray(points, float)
    fine, _, _ = spline_samples(p, np.zeros((len(p), 1)))
    return evenly(fine, spacing)


def evenly(line: Array, spacing: float) -> Array:
    """Resample a polyline at even steps, both ends kept.

    Parameters
    ----------
    line : ndarray, shape (n, 3)
        mm.
    spacing : float
        Approximate step, mm.

    Returns
    -------
    ndarray, shape (m, 3)
        At least 4 points, mm.
    """
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    steps = np.linspace(0.0, at[-1], max(4, round(at[-1] / spacing) + 1))
    return np.column_stack([np.interp(steps, at, line[:, k]) for k in range(3)])


def bend_radii(line: Array, reach: int = 2) -> Array:
    """Return the radius of the circle through each point and two of its neighbours.

    Parameters
    ----------
    line : ndarray, shape (n, 3)
        mm.
    reach : int, optional
        The neighbours are so many points before and after.

    Returns
    -------
    ndarray, shape (n,)
        mm; infinite for the first and last `reach` points.
    """
    a, b, c = line[: -2 * reach], line[reach:-reach], line[2 * reach :]
    u, v, w = b - a, c - b, c - a
    twice_area = np.linalg.norm(np.cross(u, w), axis=1)
    sides = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1) * np.linalg.norm(w, axis=1)
    radii = np.full(len(line), np.inf)
    radii[reach:-reach] = sides / np.maximum(2.0 * twice_area, 1e-9)
    return radii


def _steady_normals(tangents: Array) -> Array:
    """Return unit normals along a line that turn no more than the line itself."""
    normal = np.cross(tangents[0], (0.0, 1.0, 0.0))
    normals = []
    for t in tangents:
        normal = normal - (normal @ t) * t
        normal = normal / np.linalg.norm(normal)
        normals.append(normal)
    return np.array(normals)
