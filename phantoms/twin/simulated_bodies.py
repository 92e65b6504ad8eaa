"""What can be seen of tools: patterned rectangles in the tool's frame, and where they are."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import RigidTransform, Rotation

from nav.frames import Array, perturbed
from nav.tracking.tool import Marker, Tool, marker_pattern

WHITE, BLACK = 0.88, 0.06  # albedo of laser-printed paper, assumed
STEEL = (0.25, 0.5, 0.8, 0.95, 0.7, 0.45, 0.22)  # across a polished shaft, assumed

Shaft = tuple[Array, Array, float]  # start, end, diameter, mm


@dataclass(frozen=True)
class Rectangle:
    """A flat patterned rectangle, seen from its front.

    body_from_plane : plane's X right, Y down as seen from the front, Z away from the viewer; mm.
    x_edges (nx + 1,), y_edges (ny + 1,) : cell borders, mm. albedo (ny, nx), 0 to 1.
    """

    body_from_plane: RigidTransform
    x_edges: Array
    y_edges: Array
    albedo: Array

    @cached_property
    def matrix(self) -> Array:
        """body_from_plane as (4, 4)."""
        return self.body_from_plane.as_matrix()

    @cached_property
    def outline(self) -> Array:
        """Corners (4, 3) in the body's frame, mm."""
        x0, x1, y0, y1 = self.x_edges[0], self.x_edges[-1], self.y_edges[0], self.y_edges[-1]
        flat = np.array([[x0, y0, 0.0], [x1, y0, 0.0], [x1, y1, 0.0], [x0, y1, 0.0]])
        return self.body_from_plane.apply(flat)


def _still() -> Array:
    return np.zeros(6)


@dataclass(frozen=True)
class Body:
    """Something rigid in the scene.

    rectangles : its faces, in the order to draw. shafts : (start, end, diameter), body frame, mm.
    casts : the same for what casts shadows where the body moves.
    """

    name: str
    rectangles: tuple[Rectangle, ...]
    shafts: tuple[Shaft, ...] = ()
    casts: tuple[Shaft, ...] = ()


@dataclass(frozen=True)
class Placed:
    """A body at the middle of the exposure (of the middle row).

    velocity : (6,) left perturbation a second in the rig frame (mm/s, rad/s).
    """

    body: Body
    rig_from_body: RigidTransform
    velocity: Array = field(default_factory=_still)

    def at(self, seconds: float) -> RigidTransform:
        """rig_from_body some time after the middle of the exposure."""
        if not self.velocity.any():
            return self.rig_from_body
        return perturbed(self.rig_from_body, self.velocity * seconds)


def marker_rectangle(marker: Marker, dictionary: str, quiet: float | None) -> Rectangle:
    """A printed marker with its white zone, `quiet` mm wide (half a cell where None)."""
    pattern = marker_pattern(dictionary, marker.id)
    cells = len(pattern)
    half = marker.side / 2
    zone = marker.side / cells / 2 if quiet is None else quiet
    edges = np.linspace(-half, half, cells + 1)
    albedo = np.where(np.pad(pattern, 1 if zone > 0 else 0, constant_values=1) > 0, WHITE, BLACK)
    if zone > 0:
        edges = np.concatenate([[-half - zone], edges, [half + zone]])
    c0, c1, _, c3 = marker.corners
    return Rectangle(plane_frame(marker.centre, c1 - c0, c3 - c0), edges, edges, albedo)


def plane_frame(centre: ArrayLike, right: ArrayLike, down: ArrayLike) -> RigidTransform:
    """body_from_plane of a rectangle from its centre and two directions in the body's frame."""
    x = np.asarray(right, float) / np.linalg.norm(right)
    down = np.asarray(down, float)
    y = down - (down @ x) * x
    y /= np.linalg.norm(y)
    rotation = Rotation.from_matrix(np.column_stack([x, y, np.cross(x, y)]))
    return RigidTransform.from_components(np.asarray(centre, float), rotation)


def plate(centre: ArrayLike, right: ArrayLike, down: ArrayLike, albedo: float) -> Rectangle:
    """A plain rectangle; `right` and `down` reach from its centre to its edges, mm."""
    half_x, half_y = float(np.linalg.norm(right)), float(np.linalg.norm(down))
    return Rectangle(
        plane_frame(centre, right, down),
        np.array([-half_x, half_x]),
        np.array([-half_y, half_y]),
        np.array([[albedo]]),
    )


def tool_rectangles(tool: Tool, plates: tuple[Rectangle, ...] = ()) -> tuple[Rectangle, ...]:
    """All of a tool's faces in the order to draw them: plates first, markers on top."""
    markers = (marker_rectangle(m, tool.dictionary, tool.quiet) for m in tool.markers)
    return (*plates, *markers)


def shaft_rectangle(start: Array, end: Array, diameter: float, eye: Array) -> Rectangle:
    """A straight shaft as the flat strip that its outline fills, turned towards the eye.

    All points (3,) in the body's frame, mm. The strip's brightness varies across like a cylinder's.
    """
    along = end - start
    middle = (start + end) / 2
    towards = eye - middle
    side = np.cross(along, towards)
    half = diameter / 2
    frame = plane_frame(middle, along, side)
    length = float(np.linalg.norm(along))
    y_edges = np.linspace(-half, half, len(STEEL) + 1)
    x_edges = np.array([-length / 2, length / 2])
    return Rectangle(frame, x_edges, y_edges, np.array(STEEL)[:, None])
