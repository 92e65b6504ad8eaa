"""Probing of a surface along its normals: grey values, the bone's thickness, the next surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter

from nav.reconstruction.grey_surface import Mesh
from nav.reconstruction.mesh_fields import mean_curvature, smooth_normals
from nav.reconstruction.volume import Array, Volume

STEP = 0.25  # mm, between the samples of a profile
INNER, OUTER = -3.0, 2.5  # mm, its ends
REACH = 4.0  # mm, within which another surface is searched
START = 0.05  # mm off the surface, where rays begin
NORMAL_RINGS = 2  # over which a normal is averaged
OWN = -1  # number of the surface itself among its neighbours


@dataclass(frozen=True)
class Grey:
    """A volume's cubic spline coefficients, for values between voxels without added blur.

    Parameters
    ----------
    coefficients : ndarray of float32, shape (nz, ny, nx)
        Of the spline.
    volume : Volume
        With the grid.
    """

    coefficients: NDArray[np.float32]
    volume: Volume

    def at(self, points: Array) -> NDArray[np.float32]:
        """Interpolate at points.

        Parameters
        ----------
        points : ndarray, shape (..., 3)
            Model frame, mm.

        Returns
        -------
        ndarray of float32, shape (...)
            HU; the last voxel's value outside the grid.
        """
        index = self.volume.to_voxel(points.reshape(-1, 3))[:, ::-1].T
        found = map_coordinates(
            self.coefficients, index, output=np.float32, order=3, mode="nearest", prefilter=False
        )
        return np.asarray(found).reshape(points.shape[:-1])


@dataclass(frozen=True)
class Probe:
    """A surface and what lies along the normals of its vertices.

    Parameters
    ----------
    vertices, normals : ndarray, shape (n, 3)
        Model frame, mm, and unit vectors, outwards.
    triangles : ndarray of int32, shape (m, 3)
        Of the surface.
    profiles : ndarray, shape (n, k)
        HU, at `profile_places`.
    thickness : ndarray, shape (n,)
        Of the bone along the normal, mm.
    gap : ndarray, shape (n,)
        Along the normal to the next surface, mm; inf where there is none within REACH.
    nearest : ndarray, shape (n,)
        Distance to the nearest other surface, mm; inf where there is none.
    neighbour : ndarray of int, shape (n,)
        Number of the surface that `gap` leads to, OWN for the bone itself.
    curvature : ndarray, shape (n,)
        Mean curvature, 1/mm.
    across : ndarray, shape (n,)
        Share of the normal along the volume's z axis.
    """

    vertices: Array
    normals: Array
    triangles: NDArray[np.int32]
    profiles: Array
    thickness: Array
    gap: Array
    nearest: Array
    neighbour: NDArray[np.int64]
    curvature: Array
    across: Array


def profile_places() -> Array:
    """Return the positions of a profile's samples along the normal.

    Returns
    -------
    ndarray, shape (k,)
        mm, outside positive.
    """
    return np.asarray(INNER + STEP * np.arange(round((OUTER - INNER) / STEP) + 1))


def grey_values(volume: Volume) -> Grey:
    """Return a volume ready for cubic interpolation.

    Parameters
    ----------
    volume : Volume
        HU.

    Returns
    -------
    Grey
        Spline coefficients.
    """
    values = np.asarray(volume.values, np.float32)
    return Grey(np.asarray(spline_filter(values, order=3, output=np.float32)), volume)


def probe_surface(
    grey: Grey, mesh: Mesh, others: Sequence[Mesh], rings: int = NORMAL_RINGS
) -> Probe:
    """Probe a closed surface among others along its normals.

    Parameters
    ----------
    grey : Grey
        The scan.
    mesh : Mesh
        The surface, model frame, mm.
    others : sequence of Mesh
        Surfaces near it.
    rings : int
        Over how many rings of neighbours a normal is averaged; 0 for surfaces with sharp edges.

    Returns
    -------
    Probe
        Profiles, thickness and gaps.
    """
    normals = smooth_normals(mesh.vertices, mesh.triangles, rings)
    points = mesh.vertices[:, None] + profile_places()[:, None] * normals[:, None]
    thickness, gap, neighbour = _rays(mesh, normals, others)
    steps = grey.volume.model_from_voxel[:3, 2] / grey.volume.spacing[2]
    return Probe(
        mesh.vertices,
        normals,
        mesh.triangles,
        grey.at(points).astype(float),
        thickness,
        gap,
        _nearest(mesh.vertices, others),
        neighbour,
        mean_curvature(mesh.vertices, mesh.triangles, normals),
        np.abs(normals @ steps),
    )


def _nearest(points: Array, others: Sequence[Mesh]) -> Array:
    """Return the distance (n,) to the nearest of some surfaces, mm; inf where there are none."""
    import open3d as o3d  # over a second to import

    if not others:
        return np.full(len(points), np.inf)
    scene = o3d.t.geometry.RaycastingScene()
    for part in others:
        scene.add_triangles(
            o3d.core.Tensor(part.vertices.astype(np.float32)),
            o3d.core.Tensor(np.ascontiguousarray(part.triangles).astype(np.uint32)),
        )
    found = scene.compute_distance(o3d.core.Tensor(points.astype(np.float32)))
    return np.asarray(found.numpy(), float)


def _rays(
    mesh: Mesh, normals: Array, others: Sequence[Mesh]
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Return thickness inwards, distance outwards and the number of what is met there."""
    import open3d as o3d  # over a second to import

    scene = o3d.t.geometry.RaycastingScene()
    for part in (mesh, *others):
        scene.add_triangles(
            o3d.core.Tensor(part.vertices.astype(np.float32)),
            o3d.core.Tensor(np.ascontiguousarray(part.triangles).astype(np.uint32)),
        )

    def cast(sign: float) -> tuple[Array, NDArray[np.int64], Array]:
        way = sign * normals
        rays = np.hstack([mesh.vertices + START * way, way]).astype(np.float32)
        hit = scene.cast_rays(o3d.core.Tensor(rays))
        distance = hit["t_hit"].numpy().astype(float) + START
        facing = np.einsum("ij,ij->i", hit["primitive_normals"].numpy(), way)
        return distance, hit["geometry_ids"].numpy().astype(np.int64), facing

    inward, what, facing = cast(-1.0)
    # a ray that meets the surface from outside began outside it: no thickness
    thickness = np.where((what == 0) & (facing < 0.0), START, inward)
    outward, what, facing = cast(1.0)
    met = np.isfinite(outward) & (outward <= REACH)
    # leaving a surface: the ray began inside it
    gap = np.where(met, np.where(facing > 0.0, START, outward), np.inf)
    own_rim = met & (what == 0) & (facing > 0.0)  # grazes a fold of its own mesh
    gap[own_rim] = np.inf
    neighbour = np.where(np.isfinite(gap), what - 1, OWN)
    return thickness, gap, neighbour
