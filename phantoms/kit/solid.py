"""Solids of printed parts: boxes, prisms, rods, divots; cut and joined exactly, always closed.

All lengths in mm. Round shapes are polygons whose corners lie on the circle; a hole's lie outside
it, so that what goes in has its room.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Literal

import numpy as np
from manifold3d import CrossSection, Manifold, Mesh64, OpType
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.anatomy.crossing import crosses_itself
from phantoms.anatomy.mesh import Mesh

Array = NDArray[np.float64]
Axis = Literal["x", "y", "z"]

CORNERS = 48  # of a round shape
GRID = 2.0**14  # to the millimetre; coordinates are rounded to that
DETAILS = (1e-3, 2e-3, 3e-3, 6e-3, 0.012, 0.025, 0.05, 0.1)  # mm, what may be dropped

# Prisms are drawn in two of the model's axes and pulled along the third.
_PRISM_AXES: dict[Axis, Array] = {
    "x": np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),  # drawn in (y, z)
    "y": np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]),  # drawn in (z, x)
    "z": np.eye(3),  # drawn in (x, y)
}


def solid_of(mesh: Mesh) -> Manifold:
    """Convert a closed mesh to a solid.

    Parameters
    ----------
    mesh : Mesh
        mm.

    Returns
    -------
    Manifold
        In the mesh's frame.

    Raises
    ------
    ValueError
        The mesh is not closed, or an edge has more than two triangles.
    """
    solid = Manifold(
        Mesh64(
            np.ascontiguousarray(mesh.vertices, float),
            np.ascontiguousarray(mesh.triangles, np.uint64),
        )
    )
    if solid.is_empty():
        raise ValueError(f"no solid: {solid.status().name}")
    return solid


def mesh_of(solid: Manifold) -> Mesh:
    """Mesh a solid's surface, in numbers that the single precision of mesh files holds exactly.

    Simply rounded to single precision, corners of one plane would be rounded apart, and its
    triangles would intersect. Booleans leave slivers: details below a few thousandths of a
    millimetre are dropped, and more where triangles still intersect. If that does not help, they
    are kept: a slit without width does no harm to a print.

    Parameters
    ----------
    solid : Manifold
        mm.

    Returns
    -------
    Mesh
        In the solid's frame.
    """
    first = _rounded(solid.simplify(DETAILS[0]))
    others = (_rounded(solid.as_original().simplify(detail)) for detail in DETAILS)
    return next((mesh for mesh in chain([first], others) if not crosses_itself(mesh)), first)


def _rounded(solid: Manifold) -> Mesh:
    surface = solid.to_mesh64()
    vertices = np.array(surface.vert_properties, float)[:, :3]
    return Mesh(on_grid(vertices), np.array(surface.tri_verts, np.int32))


def on_grid(vertices: Array) -> Array:
    """Round to fractions of a micrometre that single precision holds: flat faces stay flat.

    Parameters
    ----------
    vertices : ndarray
        mm, of any shape.

    Returns
    -------
    ndarray
        Multiples of 1 / GRID mm.
    """
    return np.round(vertices * GRID) / GRID


def placed(solid: Manifold, b_from_a: RigidTransform) -> Manifold:
    """Transform a solid given in frame a to frame b.

    Parameters
    ----------
    solid : Manifold
        In frame a, mm.
    b_from_a : RigidTransform
        The transform, mm.

    Returns
    -------
    Manifold
        In frame b, mm.
    """
    return solid.transform(b_from_a.as_matrix()[:3])


def united(solids: Iterable[Manifold]) -> Manifold:
    """Unite solids.

    Parameters
    ----------
    solids : iterable of Manifold
        In the same frame.

    Returns
    -------
    Manifold
        Their union.
    """
    return Manifold.batch_boolean(list(solids), OpType.Add)


def without(solid: Manifold, cutters: Iterable[Manifold]) -> Manifold:
    """Subtract all cutters from a solid.

    Parameters
    ----------
    solid : Manifold
        mm.
    cutters : iterable of Manifold
        In the same frame.

    Returns
    -------
    Manifold
        The difference.
    """
    return Manifold.batch_boolean([solid, *cutters], OpType.Subtract)


def box(low: ArrayLike, high: ArrayLike) -> Manifold:
    """Build a box from its lowest to its highest corner.

    Parameters
    ----------
    low, high : array_like, shape (3,)
        mm.

    Returns
    -------
    Manifold
        Parallel to the axes.
    """
    low, high = np.asarray(low, float), np.asarray(high, float)
    return _snapped(Manifold.cube(high - low).translate(low))


def prism(outline: ArrayLike | CrossSection, low: float, high: float, axis: Axis) -> Manifold:
    """Extrude an outline along an axis.

    Parameters
    ----------
    outline : array_like, shape (n, 2), or CrossSection
        Corners in either sense, mm: (x, y) for axis z, (y, z) for axis x, (z, x) for axis y.
    low, high : float
        Ends along the axis, mm.
    axis : Axis
        "x", "y" or "z".

    Returns
    -------
    Manifold
        In the frame of the axis.
    """
    shape = outline if isinstance(outline, CrossSection) else region(outline)
    upright = Manifold.extrude(shape, high - low).translate((0.0, 0.0, low))
    return _snapped(upright.transform(np.column_stack([_PRISM_AXES[axis], np.zeros(3)])))


def _snapped(solid: Manifold) -> Manifold:
    """Round vertices so that faces meant to be coplanar are: else they would enclose a slit."""
    return solid.warp_batch(lambda vertices: np.round(vertices, 5))


def region(outline: ArrayLike) -> CrossSection:
    """Return what a polygon encloses.

    Parameters
    ----------
    outline : array_like, shape (n, 2)
        Corners in either sense, mm.

    Returns
    -------
    CrossSection
        Its interior.
    """
    corners = np.asarray(outline, float)
    x, y = corners.T
    if x @ np.roll(y, -1) < y @ np.roll(x, -1):
        corners = corners[::-1]
    return CrossSection([corners])


def cylinder(
    start: ArrayLike,
    end: ArrayLike,
    radius: float,
    end_radius: float | None = None,
    corners: int = CORNERS,
    outside: bool = False,
) -> Manifold:
    """Build a round rod or, with another radius at its end (0: a point), a cone.

    Parameters
    ----------
    start, end : array_like, shape (3,)
        Ends of the axis, mm.
    radius : float
        At the start, mm.
    end_radius : float, optional
        At the end, mm; as at the start by default.
    corners : int, optional
        Of the polygon.
    outside : bool, optional
        Whether its corners lie outside the circle, which its sides touch, instead of on it.

    Returns
    -------
    Manifold
        In the frame of `start`.
    """
    start, end = np.asarray(start, float), np.asarray(end, float)
    last = radius if end_radius is None else end_radius
    wider = 1.0 / np.cos(np.pi / corners) if outside else 1.0
    upright = Manifold.cylinder(
        float(np.linalg.norm(end - start)), radius * wider, last * wider, corners
    )
    return placed(upright, RigidTransform.from_components(start, turn_of_z(end - start)))


def turn_of_z(axis: ArrayLike) -> Rotation:
    """Return a rotation that carries z onto an axis; deterministic.

    Parameters
    ----------
    axis : array_like, shape (3,)
        Of any length but 0.

    Returns
    -------
    Rotation
        The third column of its matrix is the unit vector along the axis.
    """
    z = unit_vector(axis)
    helper = np.eye(3)[1 if abs(z[1]) < 0.9 else 2]
    x = np.cross(helper, z)
    x /= np.linalg.norm(x)
    return Rotation.from_matrix(np.column_stack([x, np.cross(z, x), z]))


def unit_vector(axis: ArrayLike) -> Array:
    """Return the unit vector along an axis.

    Parameters
    ----------
    axis : array_like, shape (3,)
        Of any length but 0.

    Returns
    -------
    ndarray, shape (3,)
    """
    return np.asarray(axis, float) / np.linalg.norm(axis)


def divot(apex: ArrayLike, axis: ArrayLike, depth: float, over: float = 0.5) -> Manifold:
    """Build the cutter of a 90-degree cone; its apex stays a vertex of what it is cut from.

    Parameters
    ----------
    apex : array_like, shape (3,)
        mm.
    axis : array_like, shape (3,)
        Outwards, from the apex to the mouth, of any length.
    depth : float
        From the apex to the part's surface, mm.
    over : float, optional
        How far the cutter stands above the surface, mm.

    Returns
    -------
    Manifold
        In the frame of `apex`.
    """
    high = depth + over
    return cylinder(np.asarray(apex, float) + high * unit_vector(axis), apex, high, 0.0)


def chamfered(
    outline: ArrayLike | CrossSection, low: float, high: float, chamfer: float, axis: Axis
) -> Manifold:
    """Extrude a convex outline whose edges at both ends are chamfered by 45 degrees.

    Parameters
    ----------
    outline : array_like, shape (n, 2), or CrossSection
        As for `prism`, mm.
    low, high : float
        Ends along the axis, mm.
    chamfer : float
        mm.
    axis : Axis
        "x", "y" or "z".

    Returns
    -------
    Manifold
        In the frame of the axis.
    """
    shape = outline if isinstance(outline, CrossSection) else region(outline)
    small = shape.offset(-chamfer, miter_limit=4.0)
    whole = prism(small, low, high, axis)
    return united([whole, prism(shape, low + chamfer, high - chamfer, axis)]).hull()


def laid(solid: Manifold, turn: Rotation) -> tuple[Mesh, RigidTransform]:
    """Turn a part given in the model frame to lie on the bed.

    Parameters
    ----------
    solid : Manifold
        Model frame, mm.
    turn : Rotation
        From the model's directions to the bed's (z up).

    Returns
    -------
    mesh : Mesh
        In the part's frame: lowest point at z = 0, its middle over the bed's, mm.
    model_from_part : RigidTransform
        mm.
    """
    turned = placed(solid, RigidTransform.from_rotation(turn))
    bounds = np.reshape(turned.bounding_box(), (2, 3))
    middle = np.round(bounds.mean(axis=0), 3)
    shift = np.array([-middle[0], -middle[1], -bounds[0, 2]])
    part_from_model = RigidTransform.from_components(shift, turn)
    return mesh_of(turned.translate(shift)), part_from_model.inv()
