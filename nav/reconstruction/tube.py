"""A tube fitted to a vessel: centre line and radius from where the lumen's grey values end.

From the centre of each cross section rays run outwards and say where the lumen ends.
Centre and radius of all sections follow together by least squares with smoothness along the tube,
so that the wall beside a bone is where the rest of the circle puts it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import csr_matrix, diags, hstack, identity, vstack
from scipy.sparse.linalg import spsolve

from nav.reconstruction.grey_surface import Mesh, signed_volume
from nav.reconstruction.sampling import Field
from nav.reconstruction.vessel_rays import (
    EDGE_SD,
    RAYS,
    cast_rays,
    edges_beside_bone,
    learnt_spread,
    told_apart,
)
from nav.reconstruction.volume import Array

SECTION = 0.5  # mm, between sections
MESH_SECTION, CORNERS = 1.0, 20  # mm between a mesh's rings, vertices of a ring
OUTLIER = 0.7  # mm of residual beyond which an edge says nothing
# mm from section to section: sd of the radius's change, and of the centre line's second difference
RADIUS_CHANGE, CENTRE_BEND = 0.02, 0.06
ALIKE = 8.0  # neighbouring edges that err alike count as one
FIRST_OUTLIER = 1.2  # mm from the usual radius, the same before anything is fitted
SPREAD_OVER = 3.0  # mm along the vessel, sd, over which edges are judged
LEARN_PASSES = 2  # in which the rays tell the scan's point spread and noise
EXPECTED = (0.8, 0.5)  # mm, sd of a contested wall about the rest of the tube, in turn
# Share of a vessel's sections that are narrower than what it is held against, and how much wider,
# in shares, the others may be unless so many of their rays are contested.
NARROWER, NATURAL, MOST_CONTESTED = 0.3, 0.1, 0.3
MOST_SPREAD = 1.5  # mm, that one edge may count as off
# Sizes of the wall's sd, found on simulated scans with ground truth:
PLAIN = 0.1  # 1/mm, of point spread times voxel, as second-order errors scale
FITTED = 0.75  # of the fit's sd, when its edges count as they spread about the tube
CONTRADICTED = 0.85  # of the rms by which edges spread more than those of a plain wall
FREE = 1.15  # of the rms by which rays would let the wall be further out: sd of the wall as a whole


@dataclass(frozen=True)
class Tube:
    """A vessel's outside: round sections along a line.

    Parameters
    ----------
    centres : (n, 3), model frame, mm. radii : (n,), mm. sd : (n,) of the wall's place, mm.
    lumen : (n,) HU. supported : (n,) share of the section's rays that met an edge.
    """

    centres: Array
    radii: Array
    sd: Array
    lumen: Array
    supported: Array

    def part(self, keep: slice | NDArray[np.bool_]) -> Tube:
        """Return some of its sections."""
        return Tube(
            self.centres[keep],
            self.radii[keep],
            self.sd[keep],
            self.lumen[keep],
            self.supported[keep],
        )

    @property
    def length(self) -> float:
        """Return the centre line's length, mm."""
        return float(np.linalg.norm(np.diff(self.centres, axis=0), axis=1).sum())


def resampled_line(points: Array, spacing: float, smooth: float) -> Array:
    """Resample a line at equal steps, smoothed.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        mm.
    spacing : float
        From point to point, mm.
    smooth : float
        Standard deviation of the Gaussian along the line, mm; 0: none.

    Returns
    -------
    ndarray, shape (m, 3)
        mm.
    """
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, round(at[-1] / spacing) + 1)
    s = np.linspace(0.0, at[-1], count)
    line = np.column_stack([np.interp(s, at, points[:, k]) for k in range(3)])
    if smooth > 0.0 and count > 3:
        # reflect about the ends, so that they stay
        pad = min(count - 1, int(np.ceil(4 * smooth / spacing)))
        before = 2 * line[0] - line[pad:0:-1]
        after = 2 * line[-1] - line[-2 : -pad - 2 : -1]
        extended = gaussian_filter1d(np.vstack([before, line, after]), smooth / spacing, axis=0)
        line = extended[pad : pad + count]
    return line


def frames_along(line: Array) -> tuple[Array, Array, Array]:
    """Return frames along a line that turn as little as possible.

    Parameters
    ----------
    line : ndarray, shape (n, 3)
        mm.

    Returns
    -------
    tangents, first, second : ndarray, shape (n, 3)
        Unit vectors: along the line, and two normals.
    """
    tangents = np.gradient(line, axis=0)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1), 1e-9)[:, None]
    first = np.empty_like(line)
    start = np.eye(3)[np.argmin(np.abs(tangents[0]))]
    for i, t in enumerate(tangents):
        start = start - (start @ t) * t
        start = start / np.linalg.norm(start)
        first[i] = start
    return tangents, first, np.cross(tangents, first)


def fit_tube(
    field: Field, line: Array, soft: float, blur: float = 0.45, radius: float = 2.0, passes: int = 4
) -> Tube:
    """Fit a tube to a vessel near a line.

    Parameters
    ----------
    field : Field
        HU.
    line : ndarray, shape (n, 3)
        Within the lumen, mm.
    soft : float
        HU around the vessel, where nothing else is known.
    blur : float
        Standard deviation of the scan's point spread, mm: a round wall is seen a little too far in.
    radius : float
        First guess, mm.
    passes : int
        How often rays are cast again from the new centres.

    Returns
    -------
    Tube
        Centres, radii and their sd by section, mm.
    """
    line = resampled_line(line, SECTION, 1.2)
    radii = np.full(len(line), radius)
    usual, learnt, slack = EDGE_SD * blur, (blur, 0.0), np.zeros((len(line), RAYS))
    for number, expected in enumerate((*(None,) * passes, *EXPECTED)):
        _, u, v = frames_along(line)
        rays = cast_rays(field, line, (u, v), radii, soft)
        if number < LEARN_PASSES:
            learnt = learnt_spread(rays, blur)
        edges, edge_sd = edges_beside_bone(rays, soft, usual, learnt[0])
        if expected is not None:
            edges, edge_sd, slack = told_apart(
                rays, (edges, edge_sd), radii, expected, blur, learnt
            )
        shift, radii, normal = _solve(edges, edge_sd)
        solved = radii
        spread = _edge_spread(edges, edge_sd, shift, radii, usual)
        line = line + shift[:, :1] * u + shift[:, 1:] * v
        line = resampled_line(line, SECTION, 0.0)
        at = np.linspace(0, 1, len(radii))
        to = np.linspace(0, 1, len(line))
        radii, lumen = np.interp(to, at, radii), np.interp(to, at, rays.lumen)
        supported = np.interp(to, at, np.isfinite(rays.edges).mean(axis=1))
    voxel = float((1.0 / np.linalg.norm(field.voxel_from_model[:, :3], axis=1)).mean())
    fitted = _section_sd(normal, len(at)) * spread / usual
    square = (FITTED * fitted) ** 2 + (FREE * _freedom(slack, solved)) ** 2
    square += CONTRADICTED**2 * np.maximum(spread**2 - usual**2, 0.0)
    sd = np.hypot(np.interp(to, at, np.sqrt(square)), PLAIN * max(blur, learnt[0]) * voxel)
    larger = radii + blur**2 / (2.0 * np.maximum(radii, 0.5))
    return Tube(line, larger, sd, lumen, supported)


def _freedom(slack: Array, radii: Array) -> Array:
    """Return by how much the picture would let each section's wall be elsewhere (n,), rms, mm.

    slack : (n, RAYS) outwards of the wall. Inwards it is by how much a section is wider than the
    vessel's narrower ones: veins as bright all round it look like a wider vessel.
    """
    contested = (slack > 0.0).mean(axis=1)
    usual = float(np.quantile(radii, NARROWER))
    natural = NATURAL * usual * (1.0 - np.minimum(contested / MOST_CONTESTED, 1.0))
    square = (slack**2).mean(axis=1) + np.maximum(radii - usual - natural, 0.0) ** 2
    return np.asarray(np.sqrt(gaussian_filter1d(square, SPREAD_OVER / SECTION, mode="nearest")))


def _solve(edges: Array, edge_sd: Array) -> tuple[Array, Array, csr_matrix]:
    """Return centres' shifts (n, 2), radii (n,) and the normal matrix from edges (n, RAYS).

    edge_sd : (n, RAYS) mm.
    """
    n = len(edges)
    angle = 2 * np.pi * np.arange(RAYS) / RAYS
    rows, rays = np.nonzero(np.isfinite(edges))
    measured, sd = edges[rows, rays], edge_sd[rows, rays]
    index = np.arange(len(rows))
    one = csr_matrix((np.ones(len(rows)), (index, rows)), (len(rows), n))
    design = hstack(
        [diags(np.cos(angle[rays])) @ one, diags(np.sin(angle[rays])) @ one, one], format="csr"
    )
    second = diags([1.0, -2.0, 1.0], [0, 1, 2], (max(n - 2, 0), n))
    change = diags([-1.0, 1.0], [0, 1], (n - 1, n))
    prior = vstack(
        [
            hstack([second / (CENTRE_BEND), csr_matrix((max(n - 2, 0), 2 * n))]),
            hstack(
                [
                    csr_matrix((max(n - 2, 0), n)),
                    second / CENTRE_BEND,
                    csr_matrix((max(n - 2, 0), n)),
                ]
            ),
            hstack([csr_matrix((n - 1, 2 * n)), change / RADIUS_CHANGE]),
            hstack([identity(2 * n) / 3.0, csr_matrix((2 * n, n))]),
            hstack([csr_matrix((n, 2 * n)), identity(n) / 3.0]),
        ],
        format="csr",
    )
    usual = float(np.median(measured)) if len(measured) else 2.0
    toward = np.concatenate([np.zeros(prior.shape[0] - n), np.full(n, usual / 3.0)])
    weight = np.maximum(1.0 - ((measured - usual) / FIRST_OUTLIER) ** 2, 0.05)
    outlier = OUTLIER + 3.0 * np.maximum(sd - edge_sd.min(), 0.0)
    for _ in range(6):
        scaled = diags(weight / (ALIKE * sd**2))
        normal = (design.T @ scaled @ design + prior.T @ prior).tocsc()
        solution = spsolve(normal, design.T @ (scaled @ measured) + prior.T @ toward)
        off = measured - design @ solution
        weight = np.maximum(1.0 - (off / outlier) ** 2, 0.0) ** 2
        weight = np.maximum(weight, 1e-6)
    return np.column_stack([solution[:n], solution[n : 2 * n]]), solution[2 * n :], normal


def _edge_spread(edges: Array, edge_sd: Array, shift: Array, radii: Array, usual: float) -> Array:
    """Return the rms distance of edges (n, RAYS) from the fitted sections nearby (n,), mm.

    Veins as bright, calcium and bone beside the vessel spread them; `usual` where there are none.
    """
    angle = 2 * np.pi * np.arange(RAYS) / RAYS
    fitted = radii[:, None] + shift[:, :1] * np.cos(angle) + shift[:, 1:] * np.sin(angle)
    met = np.isfinite(edges)
    off = np.where(met, edges - fitted, 0.0)
    off = np.minimum(
        np.sqrt(off**2 + np.where(met, np.maximum(edge_sd**2 - usual**2, 0.0), 0.0)), MOST_SPREAD
    )
    total, count = (
        gaussian_filter1d(a.astype(float), SPREAD_OVER / SECTION, mode="nearest")
        for a in ((off**2).sum(axis=1), met.sum(axis=1))
    )
    return np.asarray(np.sqrt((total + usual**2) / (count + 1.0)))


def _section_sd(normal: csr_matrix, n: int) -> Array:
    """Return the wall's sd (n,), rms over its directions."""
    covariance = np.linalg.inv(normal.toarray())
    variance = np.diag(covariance)
    return np.sqrt(variance[2 * n :] + 0.5 * (variance[:n] + variance[n : 2 * n]))


def tube_mesh(tube: Tube, end_sd: float) -> tuple[Mesh, Array]:
    """Return a tube's closed surface, ends rounded.

    The rings are polygons with the area of the circles.

    Parameters
    ----------
    tube : Tube
        Of the vessel.
    end_sd : float
        Standard deviation of the ends, where the vessel continues unseen, mm.

    Returns
    -------
    mesh : Mesh
        Model frame, mm.
    sd : ndarray, shape (n,)
        At each vertex, mm.
    """
    step = max(1, round(MESH_SECTION / SECTION))
    keep = np.unique(np.r_[np.arange(0, len(tube.radii), step), len(tube.radii) - 1])
    tangents, u, v = (axis[keep] for axis in frames_along(tube.centres))
    centres, radii, sd = tube.centres[keep], tube.radii[keep], tube.sd[keep]
    corner = 2 * np.pi / CORNERS
    larger = np.sqrt(corner / np.sin(corner))
    angle = corner * np.arange(CORNERS)
    circle = np.cos(angle)[:, None] * u[:, None] + np.sin(angle)[:, None] * v[:, None]
    rows = [(i, 0.0, 1.0) for i in range(len(keep))]
    caps = np.radians([70.0, 45.0, 20.0])
    rows = [
        *((0, -np.sin(a), np.cos(a)) for a in caps),
        *rows,
        *((len(keep) - 1, np.sin(a), np.cos(a)) for a in caps[::-1]),
    ]
    rings = [
        centres[i] + radii[i] * (along * tangents[i] + larger * across * circle[i])
        for i, along, across in rows
    ]
    sigma = np.repeat([sd[i] if along == 0.0 else end_sd for i, along, _ in rows], CORNERS)
    poles = [centres[0] - radii[0] * tangents[0], centres[-1] + radii[-1] * tangents[-1]]
    vertices = np.vstack([*rings, *poles])
    count = len(rings)
    k = np.arange(CORNERS)
    nxt = (k + 1) % CORNERS
    faces = []
    for r in range(count - 1):
        a, b = r * CORNERS, (r + 1) * CORNERS
        faces += [
            np.column_stack([a + k, a + nxt, b + nxt]),
            np.column_stack([a + k, b + nxt, b + k]),
        ]
    first, last = len(vertices) - 2, len(vertices) - 1
    top = (count - 1) * CORNERS
    faces.append(np.column_stack([np.full(CORNERS, first), nxt, k]))
    faces.append(np.column_stack([np.full(CORNERS, last), top + k, top + nxt]))
    triangles = np.vstack(faces).astype(np.int32)
    if signed_volume(vertices, triangles) < 0.0:
        triangles = np.ascontiguousarray(triangles[:, ::-1])
    return Mesh(vertices, triangles), np.r_[sigma, end_sd, end_sd]
