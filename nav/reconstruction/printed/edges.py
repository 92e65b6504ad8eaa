"""Edges of a print's surface along the normals of its design, and the pose that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import RigidTransform, Rotation

from nav.reconstruction.chain import vertex_normals
from nav.reconstruction.cortex_model import PLACE, SOFT
from nav.reconstruction.grey_surface import Mesh
from nav.reconstruction.mesh_fields import adjacency, neighbour_mean, vertex_areas
from nav.reconstruction.printed.materials import PrintLook, fit_look
from nav.reconstruction.sampling import cropped
from nav.reconstruction.surface_fit import CURVATURE_ERROR
from nav.reconstruction.surface_probe import (
    NORMAL_RINGS,
    Grey,
    Probe,
    grey_values,
    probe_surface,
)
from nav.reconstruction.volume import Array, Volume

ROOM = 8.0  # mm of the scan round a surface
JOINED = 0.4  # mm: nearer surfaces are one print
LEVEL_SD, BLUR_SD = 15.0, 0.03  # HU; sd of the logarithm: priors once a print's appearance is known
SHARP = 0.35  # 1/mm of curvature
FLAT_COSINE, FROM_SHARP = 0.94, 1.3  # between normals at a sharp edge; mm kept from it
LEAST_CONTRAST = 2.5  # times the noise, from outside to wall
TRUST = 0.6  # mm, sd above which a vertex is not used
ROBUST = 2.5  # sd, beyond which a vertex is weighted down
FLOOR = 0.08  # mm, error that neighbouring vertices share


@dataclass(frozen=True)
class Edges:
    """Edges along the normals of a surface's vertices.

    Parameters
    ----------
    probe : Probe
        The surface and its profiles.
    offset : ndarray, shape (n,)
        Of the edges along the normals, outwards, mm.
    sd : ndarray, shape (n,)
        Standard deviation of the offsets, mm; inf where the scan contains no information.
    contrast : ndarray, shape (n,)
        From outside to the wall, HU.
    """

    probe: Probe
    offset: Array
    sd: Array
    contrast: Array

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Return where (n,) the scan shows the surface."""
        return np.asarray(np.isfinite(self.sd) & (self.sd < TRUST))


def grey_round(volume: Volume, vertices: Array) -> Grey:
    """Return the scan round a surface, ready for cubic interpolation.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    vertices : ndarray, shape (n, 3)
        Of the surface, scan frame, mm.

    Returns
    -------
    Grey
        Of the scan, cropped ROOM mm round the surface.
    """
    return grey_values(cropped(volume, vertices.min(axis=0) - ROOM, vertices.max(axis=0) + ROOM))


def probed(grey: Grey, mesh: Mesh, others: Sequence[Mesh], angular: bool = False) -> Probe:
    """Probe a surface along its normals.

    Parameters
    ----------
    grey : Grey
        The scan.
    mesh : Mesh
        Closed surface, scan frame, mm.
    others : sequence of Mesh
        Surfaces near it.
    angular : bool
        Whether it has sharp edges: then normals are not averaged over neighbours.

    Returns
    -------
    Probe
        Profiles, thickness and gaps.
    """
    return probe_surface(grey, mesh, others, 0 if angular else NORMAL_RINGS)


def find_edges(
    volume: Volume,
    probe: Probe,
    look: PrintLook,
    spread: float = 0.8,
    usable: NDArray[np.bool_] | None = None,
    joined: NDArray[np.bool_] | None = None,
) -> Edges:
    """Find the edges of a print's surface along its normals.

    Parameters
    ----------
    volume : Volume
        The probed scan, HU.
    probe : Probe
        The surface and its profiles.
    look : PrintLook
        How the scan shows the print.
    spread : float
        Standard deviation of the surface from the probe's, mm.
    usable : ndarray of bool, shape (n,), optional
        Which vertices are used; all if None.
    joined : ndarray of bool, shape (n,), optional
        Which vertices are not on the print's surface at all.

    Returns
    -------
    Edges
        With infinite sd where no edge was looked for or found.
    """
    count = len(probe.vertices)
    met = np.isfinite(probe.gap)
    blind = met & (probe.gap < JOINED)
    blind |= ~inside(volume, probe.vertices)
    graph = adjacency(count, probe.triangles)
    areas = vertex_areas(probe.vertices, probe.triangles)
    curvature = neighbour_mean(graph, areas, probe.curvature, 2)
    blind |= np.abs(curvature) > SHARP
    if joined is not None:
        blind |= joined
    asked = ~blind if usable is None else ~blind & usable
    which = np.flatnonzero(asked)
    offset, sd, contrast = np.zeros(count), np.full(count, np.inf), np.zeros(count)
    if not len(which):
        return Edges(probe, offset, sd, contrast)
    across = probe.across[which]
    fit = fit_look(
        probe.profiles[which], across, look, LEVEL_SD, look.thickness_sd, BLUR_SD,
        probe.gap[which], spread, probe.thickness[which],
    )  # fmt: skip
    misfit = np.sqrt(np.nanmean(fit.residuals**2, axis=1)) / look.noise
    shift = look.blur(across) ** 2 * curvature[which]
    contrast[which] = np.abs(look.wall - fit.values[:, SOFT])
    own = np.hypot(fit.sd[:, PLACE] * np.maximum(1.0, misfit), CURVATURE_ERROR * shift)
    own[contrast[which] < LEAST_CONTRAST * look.noise] = np.inf
    offset[which], sd[which] = fit.values[:, PLACE] + shift, own
    return Edges(probe, offset, sd, contrast)


def smooth_vertices(mesh: Mesh) -> NDArray[np.bool_]:
    """Return which vertices are neither on a sharp edge nor close to one.

    Parameters
    ----------
    mesh : Mesh
        Closed surface, mm.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where the surface is smooth.
    """
    v, t = mesh.vertices, mesh.triangles
    faces = np.cross(v[t[:, 1]] - v[t[:, 0]], v[t[:, 2]] - v[t[:, 0]])
    size = np.linalg.norm(faces, axis=1)
    faces = faces / np.maximum(size, 1e-12)[:, None]
    normals = vertex_normals(v, t)
    sharp = np.zeros(len(v), bool)
    for k in range(3):
        turned = np.einsum("ij,ij->i", faces, normals[t[:, k]]) < FLAT_COSINE
        sharp[t[turned & (size > 1e-9), k]] = True
    if not sharp.any():
        return ~sharp
    away, _ = cKDTree(v[sharp]).query(v)
    return np.asarray(away > FROM_SHARP)


def inside(volume: Volume, points: Array) -> NDArray[np.bool_]:
    """Return which points lie in a volume, a voxel or more from its border.

    Parameters
    ----------
    volume : Volume
        The scan.
    points : ndarray, shape (n, 3)
        Scan frame, mm.

    Returns
    -------
    ndarray of bool, shape (n,)
        True inside.
    """
    index, last = volume.to_voxel(points), np.array(volume.values.shape[::-1]) - 1
    return np.asarray(((index > 1.0) & (index < last - 1.0)).all(axis=1))


@dataclass(frozen=True)
class PoseFit:
    """A motion that carries a surface onto its edges.

    Parameters
    ----------
    motion : RigidTransform
        In the scan frame.
    scale : ndarray, shape (3,)
        Relative change of size along the fitted axes; 0 where none was fitted.
    covariance : ndarray, shape (6, 6) or (9, 9)
        Of translation, rotation vector and, where fitted, scale; about `centre`, mm, rad.
    centre : ndarray, shape (3,)
        Mean of the vertices used, scan frame, mm.
    rms : float
        Of the weighted residuals, mm.
    used : float
        Share of the surface's vertices that were seen.
    """

    motion: RigidTransform
    scale: Array
    covariance: Array
    centre: Array
    rms: float
    used: float


def fit_pose(edges: Edges, axes: Array | None = None, independent: float = 30.0) -> PoseFit | None:
    """Fit the rigid motion, and optionally a scale along axes, to edges.

    Parameters
    ----------
    edges : Edges
        Of the surface.
    axes : ndarray, shape (3, 3), optional
        Rows: unit vectors, scan frame, along each of which a scale is fitted, too.
    independent : float
        Number of vertices that err alike, and count together as one.

    Returns
    -------
    PoseFit or None
        None where too little of the surface is seen.
    """
    seen = edges.seen
    count = 6 if axes is None else 9
    if seen.sum() < 10 * count:
        return None
    points, normals = edges.probe.vertices[seen], edges.probe.normals[seen]
    centre = points.mean(axis=0)
    arm = points - centre
    columns = [normals, np.cross(arm, normals)]
    if axes is not None:
        columns.append((arm @ axes.T) * (normals @ axes.T))
    rows = np.hstack(columns)
    wanted, sd = edges.offset[seen], np.hypot(edges.sd[seen], FLOOR)
    weight = 1.0 / sd**2
    solution = np.zeros(count)
    ridge = np.diag([1e-6] * 3 + [1e-3] * 3 + [1e2] * (count - 6))
    for _ in range(12):
        left = rows.T @ (weight[:, None] * rows) + ridge
        solution = np.linalg.solve(left, rows.T @ (weight * wanted))
        off = (wanted - rows @ solution) / sd
        scale = max(1.0, 1.48 * float(np.median(np.abs(off))))
        weight = 1.0 / sd**2 / (1.0 + (off / (ROBUST * scale)) ** 2)
    residual = wanted - rows @ solution
    rms = float(np.sqrt(np.average(residual**2, weights=weight)))
    covariance = np.linalg.inv(left) * independent * scale**2
    turn = Rotation.from_rotvec(solution[3:6])
    shift = solution[:3] + centre - turn.apply(centre)
    motion = RigidTransform.from_components(shift, turn)
    stretch = solution[6:] if axes is not None else np.zeros(3)
    return PoseFit(motion, stretch, covariance, centre, rms, float(seen.mean()))
