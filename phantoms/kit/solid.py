"""Solids of printed parts: boxes, prisms, holes, divots; cut and joined exactly, always closed.

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
M3_HOLE = 3.4  # mm, a bolt goes through
M3_HEAD = 6.2  # mm, room for a cylinder head (5.5)
M3_HEAD_DEPTH = 3.2  # mm
M3_NUT = 5.75  # mm across flats, room for a nut (5.5)
M3_NUT_DEPTH = 2.7  # mm
M3_INSERT = 4.0  # mm, hole for a heat-set insert of 4.6
GRID = 2.0**14  # to the millimetre; coordinates are rounded to that
DETAILS = (1e-3, 2e-3, 3e-3, 6e-3, 0.012, 0.025, 0.05, 0.1)  # mm, what may be dropped

# Prisms are drawn in two of the model's axes and pulled along the third.
_PRISM_AXES: dict[Axis, Array] = {
    "x": np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),  # drawn in (y, z)
    "y": np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]),  # drawn in (z, x)
    "z": np.eye(3),  # drawn in (x, y)
}


def solid_of(mesh: Mesh) -> Manifold:
    """A closed mesh as a solid.

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
    """A solid's surface, in numbers that the single precision of mesh files holds exactly.

    Rounded to single precision as they come, corners of one plane would be rounded apart, and its
    triangles cut each other. Booleans leave slivers: details below a few thousandths of a
    millimetre are dropped, and more where triangles still cross. If that does not help, they stay:
    a slit without width does a printer no harm.
    """
    first = _rounded(solid.simplify(DETAILS[0]))
    others = (_rounded(solid.as_original().simplify(detail)) for detail in DETAILS)
    return next((mesh for mesh in chain([first], others) if not crosses_itself(mesh)), first)


def _rounded(solid: Manifold) -> Mesh:
    surface = solid.to_mesh64()
    vertices = np.array(surface.vert_properties, float)[:, :3]
    return Mesh(on_grid(vertices), np.array(surface.tri_verts, np.int32))


def on_grid(vertices: Array) -> Array:
    """Rounded to fractions of a micrometre that single precision holds: flat faces stay flat."""
    return np.round(vertices * GRID) / GRID


def placed(solid: Manifold, b_from_a: RigidTransform) -> Manifold:
    """A solid given in frame a, in frame b."""
    return solid.transform(b_from_a.as_matrix()[:3])


def united(solids: Iterable[Manifold]) -> Manifold:
    """All of them as one."""
    return Manifold.batch_boolean(list(solids), OpType.Add)


def without(solid: Manifold, cutters: Iterable[Manifold]) -> Manifold:
    """A solid less all cutters."""
    return Manifold.batch_boolean([solid, *cutters], OpType.Subtract)


def box(low: ArrayLike, high: ArrayLike) -> Manifold:
    """From its lowest to its highest corner."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    return _snapped(Manifold.cube(high - low).translate(low))


def prism(outline: ArrayLike | CrossSection, low: float, high: float, axis: Axis) -> Manifold:
    """An outline pulled along an axis from low to high.

    Parameters
    ----------
    outline : array, shape (n, 2), or CrossSection
        Corners in either sense: (x, y) for axis z, (y, z) for axis x, (z, x) for axis y.
    """
    shape = outline if isinstance(outline, CrossSection) else region(outline)
    upright = Manifold.extrude(shape, high - low).translate((0.0, 0.0, low))
    return _snapped(upright.transform(np.column_stack([_PRISM_AXES[axis], np.zeros(3)])))


def _snapped(solid: Manifold) -> Manifold:
    """Faces that are meant to lie in one plane do: a hair apart, they would enclose a slit."""
    return solid.warp_batch(lambda vertices: np.round(vertices, 5))


def region(outline: ArrayLike) -> CrossSection:
    """What a polygon encloses, corners (n, 2) in either sense."""
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
    """Round rod or, with another radius at its end (0: a point), cone.

    outside : its corners lie outside the circle, which its sides touch.
    """
    start, end = np.asarray(start, float), np.asarray(end, float)
    last = radius if end_radius is None else end_radius
    wider = 1.0 / np.cos(np.pi / corners) if outside else 1.0
    upright = Manifold.cylinder(
        float(np.linalg.norm(end - start)), radius * wider, last * wider, corners
    )
    return placed(upright, RigidTransform.from_components(start, turn_of_z(end - start)))


def turn_of_z(axis: ArrayLike) -> Rotation:
    """A rotation that carries z onto an axis, the same one every time."""
    z = _unit(axis)
    helper = np.eye(3)[1 if abs(z[1]) < 0.9 else 2]
    x = np.cross(helper, z)
    x /= np.linalg.norm(x)
    return Rotation.from_matrix(np.column_stack([x, np.cross(z, x), z]))


def _unit(axis: ArrayLike) -> Array:
    return np.asarray(axis, float) / np.linalg.norm(axis)


def hole(start: ArrayLike, end: ArrayLike, diameter: float = M3_HOLE) -> Manifold:
    """Cutter of a round hole; for its ends to be open they lie outside the part."""
    return cylinder(start, end, diameter / 2, outside=True)


def bolt_hole(head: ArrayLike, axis: ArrayLike, length: float) -> Manifold:
    """Cutter for an M3 bolt: its head's room behind `head`, its hole `length` along the axis."""
    at, way = np.asarray(head, float), _unit(axis)
    room = cylinder(at - 30.0 * way, at, M3_HEAD / 2, outside=True)
    return united([room, hole(at - way, at + length * way)])


def nut_pocket(bottom: ArrayLike, axis: ArrayLike, depth: float, flat: ArrayLike) -> Manifold:
    """Cutter for an M3 nut that is pushed in against `axis` until `bottom`.

    depth : of the pocket along the axis. flat : direction square to two of the nut's sides.
    """
    z = _unit(axis)
    x = np.asarray(flat, float) - (np.asarray(flat, float) @ z) * z
    x /= np.linalg.norm(x)
    angles = np.radians(30.0 + 60.0 * np.arange(6))
    corners = M3_NUT / np.sqrt(3.0) * np.column_stack([np.cos(angles), np.sin(angles)])
    upright = prism(corners, 0.0, depth, "z")
    turn = Rotation.from_matrix(np.column_stack([x, np.cross(z, x), z]))
    return placed(upright, RigidTransform.from_components(np.asarray(bottom, float), turn))


def divot(apex: ArrayLike, axis: ArrayLike, depth: float, over: float = 0.5) -> Manifold:
    """Cutter of a 90-degree cone; its apex stays a vertex of what it is cut from.

    Parameters
    ----------
    axis : array, shape (3,)
        Outwards, from the apex to the mouth.
    depth : float
        From the apex to the part's surface; the cutter stands `over` above it.
    """
    high = depth + over
    return cylinder(np.asarray(apex, float) + high * _unit(axis), apex, high, 0.0)


def chamfered(
    outline: ArrayLike | CrossSection, low: float, high: float, chamfer: float, axis: Axis
) -> Manifold:
    """A prism of a convex outline whose edges at both ends are broken by 45 degrees."""
    shape = outline if isinstance(outline, CrossSection) else region(outline)
    small = shape.offset(-chamfer, miter_limit=4.0)
    whole = prism(small, low, high, axis)
    return united([whole, prism(shape, low + chamfer, high - chamfer, axis)]).hull()


def laid(solid: Manifold, turn: Rotation) -> tuple[Mesh, RigidTransform]:
    """A part given in the model frame, turned to lie on the bed.

    Parameters
    ----------
    turn : Rotation
        From the model's directions to the bed's (z up).

    Returns
    -------
    mesh : in the part's frame: lowest point at z = 0, its middle over the bed's.
    model_from_part
    """
    turned = placed(solid, RigidTransform.from_rotation(turn))
    bounds = np.reshape(turned.bounding_box(), (2, 3))
    middle = np.round(bounds.mean(axis=0), 3)
    shift = np.array([-middle[0], -middle[1], -bounds[0, 2]])
    part_from_model = RigidTransform.from_components(shift, turn)
    return mesh_of(turned.translate(shift)), part_from_model.inv()
