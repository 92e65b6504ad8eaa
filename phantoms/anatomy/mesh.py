"""Closed triangle meshes of solids and of swept tubes, and operations on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter
from scipy.sparse.csgraph import connected_components
from scipy.spatial.transform import RigidTransform

from phantoms.anatomy.sdf import Solid

Array = NDArray[np.float64]
Triangles = NDArray[np.int32]


@dataclass(frozen=True)
class Mesh:
    """Closed surface.

    Attributes
    ----------
    vertices : ndarray, shape (n, 3)
        mm.
    triangles : ndarray of int32, shape (m, 3)
        Vertex indices, counter-clockwise seen from outside.
    """

    vertices: Array
    triangles: Triangles


def mesh_solid(
    solid: Solid, low: ArrayLike, high: ArrayLike, spacing: float, rounding: float = 0.5
) -> Mesh:
    """Mesh the surface of a solid with even triangles.

    See `rough_and_even`. Where the solid runs out thin its triangles may cross.

    Parameters
    ----------
    solid : Solid
        Lies wholly inside the box.
    low, high : array_like, shape (3,)
        Corners of the box, the solid's frame, mm.
    spacing : float
        Of the sampling grid, mm.
    rounding : float, optional
        Standard deviation of the Gaussian that rounds the edges, mm.

    Returns
    -------
    Mesh
        In the solid's frame, mm.

    Raises
    ------
    ValueError
        The solid reaches the border of the box.
    """
    return rough_and_even(solid, low, high, spacing, rounding)[1]


def rough_and_even(
    solid: Solid, low: ArrayLike, high: ArrayLike, spacing: float, rounding: float = 0.5
) -> tuple[Mesh, Mesh]:
    """Mesh a solid's surface, once as the grid's cells give it and once with even triangles.

    The solid is sampled on a regular grid, its edges rounded by a Gaussian of sd `rounding` mm, and
    its surface extracted by flying edges. Then the vertices slide along the surface until the
    triangles are even, and are put back onto the interpolated surface, so that the grid leaves no
    steps.

    Parameters
    ----------
    solid : Solid
        Lies wholly inside the box.
    low, high : array_like, shape (3,)
        Corners of the box, the solid's frame, mm.
    spacing : float
        Of the sampling grid, mm.
    rounding : float, optional
        Standard deviation of the Gaussian that rounds the edges, mm.

    Returns
    -------
    rough, even : Mesh
        The same triangles with different vertices; the solid's frame, mm.

    Raises
    ------
    ValueError
        The solid reaches the border of the box.
    """
    import pyvista as pv  # heavy: only where something is meshed

    low, high = np.asarray(low, float), np.asarray(high, float)
    size = np.ceil((high - low) / spacing).astype(int) + 1
    points = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), axis=-1)
    values = solid(low + spacing * points.reshape(-1, 3)).reshape(size)
    border = np.ones(size, bool)
    border[1:-1, 1:-1, 1:-1] = False
    if values[border].min() <= 0.0:
        raise ValueError("the solid reaches the border of the box that it is meshed in")
    values = gaussian_filter(values, rounding / spacing)
    # A value of zero on a grid point would make triangles without area.
    values = np.where(np.abs(values) < 1e-3 * spacing, 1e-3 * spacing, values)
    grid = pv.ImageData(dimensions=size, spacing=(1.0, 1.0, 1.0))
    grid.point_data["value"] = values.ravel(order="F")
    surface = grid.contour([0.0], scalars="value", method="flying_edges", compute_normals=False)
    mesh = Mesh(
        np.asarray(surface.points, float),
        np.asarray(surface.faces, np.int32).reshape(-1, 4)[:, 1:].copy(),
    )
    if signed_volume(mesh) < 0.0:
        mesh = Mesh(mesh.vertices, np.ascontiguousarray(mesh.triangles[:, ::-1]))
    rough, even = (
        Mesh(_as_filed(low + spacing * vertices), mesh.triangles)
        for vertices in (mesh.vertices, _settled(mesh, values / spacing))
    )
    return rough, even


def _settled(mesh: Mesh, values: Array, rounds: int = 7) -> Array:
    """Slide vertices to even spacing on the surface where `values` is 0; all in grid steps."""
    coefficients = spline_filter(values, order=3)
    vertices, average = mesh.vertices, _neighbour_average(mesh)
    for i in range(rounds):
        value, gradient = _value_and_gradient(coefficients, vertices)
        square = np.maximum((gradient**2).sum(axis=1), 0.05)
        step = np.zeros_like(vertices) if i == rounds - 1 else average @ vertices - vertices
        step -= (np.einsum("ij,ij->i", step, gradient) / square)[:, None] * gradient
        back = np.clip(value / square, -0.5, 0.5)
        vertices = vertices + 0.7 * step - back[:, None] * gradient
    return vertices


def _value_and_gradient(coefficients: Array, points: Array) -> tuple[Array, Array]:
    def at(p: Array) -> Array:
        return np.asarray(map_coordinates(coefficients, p.T, order=3, prefilter=False))

    h = 0.1
    gradient = [(at(points + e) - at(points - e)) / (2 * h) for e in h * np.eye(3)]
    return at(points), np.column_stack(gradient)


def _neighbour_average(mesh: Mesh) -> sparse.csr_matrix:
    n = len(mesh.vertices)
    i, j = edges(mesh).T
    links = sparse.csr_matrix((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), shape=(n, n))
    count = np.bincount(np.r_[i, j], minlength=n)
    return sparse.diags(1.0 / count) @ links


def mesh_rings(rings: Array) -> Mesh:
    """Mesh a closed tube through rings of points.

    Parameters
    ----------
    rings : ndarray, shape (n, k, 3)
        n rings of k points each, mm; a ring runs counter-clockwise seen from the last ring.

    Returns
    -------
    Mesh
        First and last ring are closed by a fan from their middle; the rings' frame, mm.
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


def largest_piece(mesh: Mesh) -> Mesh:
    """Return the connected component with the most vertices.

    Parameters
    ----------
    mesh : Mesh
        Any frame.

    Returns
    -------
    Mesh
        The component, its vertices in their previous order.
    """
    i, j = edges(mesh).T
    links = sparse.coo_matrix((np.ones(len(i)), (i, j)), shape=(len(mesh.vertices),) * 2)
    _, piece = connected_components(links, directed=False)
    kept = piece == np.bincount(piece).argmax()
    number = np.cumsum(kept, dtype=np.int32) - 1
    triangles = mesh.triangles[kept[mesh.triangles[:, 0]]]
    return Mesh(mesh.vertices[kept], number[triangles].astype(np.int32))


def moved_mesh(mesh: Mesh, b_from_a: RigidTransform) -> Mesh:
    """Transform a mesh given in frame a to frame b.

    Parameters
    ----------
    mesh : Mesh
        In frame a, mm.
    b_from_a : RigidTransform
        The transform, mm.

    Returns
    -------
    Mesh
        In frame b, rounded to single precision.
    """
    return Mesh(_as_filed(b_from_a.apply(mesh.vertices)), mesh.triangles)


def _as_filed(vertices: Array) -> Array:
    """Round to the single precision that mesh files hold."""
    return vertices.astype(np.float32).astype(float)


def edges(mesh: Mesh) -> NDArray[np.int32]:
    """List the edges of a mesh, each once.

    Parameters
    ----------
    mesh : Mesh
        Any frame.

    Returns
    -------
    ndarray of int32, shape (e, 2)
        Vertex indices, the lower one first.
    """
    t = mesh.triangles
    both = np.sort(np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]]), axis=1)
    return np.unique(both, axis=0)


def signed_volume(mesh: Mesh) -> float:
    """Return the enclosed volume.

    Parameters
    ----------
    mesh : Mesh
        Closed, mm.

    Returns
    -------
    float
        mm^3; positive where the triangles face outwards.
    """
    a, b, c = (mesh.vertices[mesh.triangles[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)
