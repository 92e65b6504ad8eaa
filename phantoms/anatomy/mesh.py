"""Closed triangle meshes: of solids, of swept tubes; and what makes a mesh fit to use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyvista as pv
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.spatial.transform import RigidTransform

from phantoms.anatomy.sdf import Solid

Array = NDArray[np.float64]
Triangles = NDArray[np.int32]


@dataclass(frozen=True)
class Mesh:
    """Closed surface: vertices (n, 3) in mm, triangles (m, 3), counter-clockwise from outside."""

    vertices: Array
    triangles: Triangles


def mesh_solid(solid: Solid, low: ArrayLike, high: ArrayLike, spacing: float) -> Mesh:
    """Surface of a solid that lies wholly inside the box from low to high.

    Flying edges on a regular grid; then the vertices slide along the surface until the triangles
    are even, and are put back onto the solid's own surface, so that the grid leaves no steps.

    Raises
    ------
    ValueError
        The solid reaches the border of the box.
    """
    low, high = np.asarray(low, float), np.asarray(high, float)
    size = np.ceil((high - low) / spacing).astype(int) + 1
    grid = pv.ImageData(dimensions=size, spacing=(spacing,) * 3, origin=low)
    points = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), axis=-1)
    values = solid(low + spacing * points.reshape(-1, 3)).reshape(size)
    border = np.ones(size, bool)
    border[1:-1, 1:-1, 1:-1] = False
    if values[border].min() <= 0.0:
        raise ValueError("the solid reaches the border of the box that it is meshed in")
    # A value of zero on a grid point would make triangles without area.
    values = np.where(np.abs(values) < 1e-3 * spacing, 1e-3 * spacing, values)
    grid.point_data["value"] = values.ravel(order="F")
    surface = grid.contour([0.0], scalars="value", method="flying_edges", compute_normals=False)
    vertices = np.asarray(surface.points, float)
    triangles = np.asarray(surface.faces, np.int32).reshape(-1, 4)[:, 1:]
    mesh = Mesh(vertices, triangles)
    if signed_volume(mesh) < 0.0:
        mesh = Mesh(vertices, np.ascontiguousarray(triangles[:, ::-1]))
    return _settle(mesh, solid, spacing)


def _settle(mesh: Mesh, solid: Solid, spacing: float, rounds: int = 6) -> Mesh:
    vertices, average = mesh.vertices, _neighbour_average(mesh)
    for i in range(rounds):
        value, normal = _value_and_normal(solid, vertices)
        step = np.zeros_like(vertices) if i == rounds - 1 else average @ vertices - vertices
        step -= np.einsum("ij,ij->i", step, normal)[:, None] * normal
        # Half a cell at most: in a sharp corner the gradient tells little.
        back = np.clip(value, -0.5 * spacing, 0.5 * spacing)
        vertices = vertices + 0.7 * step - back[:, None] * normal
    return Mesh(_as_filed(vertices), mesh.triangles)


def _value_and_normal(solid: Solid, points: Array, step: float = 0.05) -> tuple[Array, Array]:
    corners = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)], float)
    values = [solid(points + step * corner) for corner in corners]
    g = sum(v[:, None] * corner for v, corner in zip(values, corners, strict=True))
    return np.mean(values, axis=0), g / np.maximum(np.linalg.norm(g, axis=1), 1e-12)[:, None]


def _neighbour_average(mesh: Mesh) -> sparse.csr_matrix:
    n = len(mesh.vertices)
    i, j = edges(mesh).T
    links = sparse.csr_matrix((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), shape=(n, n))
    count = np.bincount(np.r_[i, j], minlength=n)
    return sparse.diags(1.0 / count) @ links


def mesh_rings(rings: Array) -> Mesh:
    """Closed tube through rings of points.

    Parameters
    ----------
    rings : array, shape (n, k, 3)
        n rings of k points each; a ring runs counter-clockwise seen from the last ring, mm.
        First and last ring are closed by a fan from their middle.
    """
    n, k = rings.shape[:2]
    vertices = np.concatenate(
        [rings.reshape(-1, 3), rings[0].mean(axis=0)[None], rings[-1].mean(axis=0)[None]]
    )
    here = np.arange(k)
    there = (here + 1) % k
    quads = []
    for i in range(n - 1):
        a, b, c, d = i * k + here, i * k + there, (i + 1) * k + there, (i + 1) * k + here
        quads += [np.column_stack([a, b, c]), np.column_stack([a, c, d])]
    first = np.column_stack([np.full(k, n * k), there, here])
    top = (n - 1) * k
    last = np.column_stack([np.full(k, n * k + 1), top + here, top + there])
    triangles = np.concatenate([*quads, first, last]).astype(np.int32)
    return Mesh(_as_filed(vertices), triangles)


def moved_mesh(mesh: Mesh, b_from_a: RigidTransform) -> Mesh:
    """A mesh given in frame a, in frame b."""
    return Mesh(_as_filed(b_from_a.apply(mesh.vertices)), mesh.triangles)


def _as_filed(vertices: Array) -> Array:
    """Rounded to the single precision that mesh files hold."""
    return vertices.astype(np.float32).astype(float)


def edges(mesh: Mesh) -> NDArray[np.int32]:
    """Edges, each once, lower vertex first: shape (e, 2)."""
    t = mesh.triangles
    both = np.sort(np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]]), axis=1)
    return np.unique(both, axis=0)


def signed_volume(mesh: Mesh) -> float:
    """Enclosed volume in mm^3; positive where the triangles face outwards."""
    a, b, c = (mesh.vertices[mesh.triangles[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)
