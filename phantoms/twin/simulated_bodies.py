"""Visible parts of tools: patterned rectangles in the tool's frame, and their poses."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array, perturbed
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tool import Marker, Tool

WHITE, BLACK = 0.88, 0.06  # albedo of laser-printed paper, assumed
STEEL = (0.25, 0.5, 0.8, 0.95, 0.7, 0.45, 0.22)  # across a polished shaft, assumed

Shaft = tuple[Array, Array, float]  # start, end, diameter, mm


@dataclass(frozen=True)
class Rectangle:
    """A flat patterned rectangle, visible from its front.

    Attributes
    ----------
    body_from_plane : RigidTransform
        Plane's X right, Y down as seen from the front, Z away from the viewer; mm.
    x_edges : ndarray, shape (nx + 1,)
        Cell borders, mm.
    y_edges : ndarray, shape (ny + 1,)
        Cell borders, mm.
    albedo : ndarray, shape (ny, nx)
        0 to 1.
    """

    body_from_plane: RigidTransform
    x_edges: Array
    y_edges: Array
    albedo: Array

    @cached_property
    def matrix(self) -> Array:
        """Matrix (4, 4) of body_from_plane."""
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
    """A rigid object in the scene.

    Attributes
    ----------
    name : str
        Name of the object.
    rectangles : tuple of Rectangle
        Its faces, in the order to draw.
    shafts : tuple of Shaft
        Start, end, diameter, body frame, mm.
    casts : tuple of Shaft
        The same for what casts shadows where the body moves.
    """

    name: str
    rectangles: tuple[Rectangle, ...]
    shafts: tuple[Shaft, ...] = ()
    casts: tuple[Shaft, ...] = ()


@dataclass(frozen=True)
class Placed:
    """A body at the middle of the exposure (of the middle row).

    Attributes
    ----------
    body : Body
        The body.
    rig_from_body : RigidTransform
        Its pose, mm.
    velocity : ndarray, shape (6,)
        Left perturbation per second in the rig frame, mm/s and rad/s.
    """

    body: Body
    rig_from_body: RigidTransform
    velocity: Array = field(default_factory=_still)

    def at(self, seconds: float) -> RigidTransform:
        """Return rig_from_body some time, s, after the middle of the exposure."""
        if not self.velocity.any():
            return self.rig_from_body
        return perturbed(self.rig_from_body, self.velocity * seconds)


def marker_rectangle(marker: Marker, dictionary: str, quiet: float | None) -> Rectangle:
    """Build a printed marker with its white zone.

    Parameters
    ----------
    marker : Marker
        The marker.
    dictionary : str
        OpenCV's name of the marker dictionary.
    quiet : float or None
        Width of the white zone, mm; half a cell where None.

    Returns
    -------
    Rectangle
        In the tool's frame.
    """
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
    """Compute the frame of a rectangle from its centre and two directions.

    Parameters
    ----------
    centre : array_like, shape (3,)
        Body's frame, mm.
    right : array_like, shape (3,)
        Body's frame, any length.
    down : array_like, shape (3,)
        Body's frame, any length; made perpendicular to `right`.

    Returns
    -------
    RigidTransform
        body_from_plane.
    """
    x = np.asarray(right, float) / np.linalg.norm(right)
    down = np.asarray(down, float)
    y = down - (down @ x) * x
    y /= np.linalg.norm(y)
    rotation = Rotation.from_matrix(np.column_stack([x, y, np.cross(x, y)]))
    return RigidTransform.from_components(np.asarray(centre, float), rotation)


def plate(centre: ArrayLike, right: ArrayLike, down: ArrayLike, albedo: float) -> Rectangle:
    """Build a plain rectangle.

    Parameters
    ----------
    centre : array_like, shape (3,)
        Body's frame, mm.
    right, down : array_like, shape (3,)
        From its centre to its edges, mm.
    albedo : float
        0 to 1.

    Returns
    -------
    Rectangle
        In the body's frame.
    """
    half_x, half_y = float(np.linalg.norm(right)), float(np.linalg.norm(down))
    return Rectangle(
        plane_frame(centre, right, down),
        np.array([-half_x, half_x]),
        np.array([-half_y, half_y]),
        np.array([[albedo]]),
    )


def tool_rectangles(tool: Tool, plates: tuple[Rectangle, ...] = ()) -> tuple[Rectangle, ...]:
    """Return all of a tool's faces in the order to draw them: plates first, markers on top.

    Parameters
    ----------
    tool : Tool
        The tool.
    plates : tuple of Rectangle, optional
        Plain faces below the markers.

    Returns
    -------
    tuple of Rectangle
        In the tool's frame.
    """
    markers = (marker_rectangle(m, tool.dictionary, tool.quiet) for m in tool.markers)
    return (*plates, *markers)


def shaft_rectangle(start: Array, end: Array, diameter: float, eye: Array) -> Rectangle:
    """Build a straight shaft as the flat strip that its outline fills, turned towards the eye.

    The strip's brightness varies across like a cylinder's.

    Parameters
    ----------
    start, end : ndarray, shape (3,)
        Ends of the shaft, body's frame, mm.
    diameter : float
        In mm.
    eye : ndarray, shape (3,)
        Centre of the camera, body's frame, mm.

    Returns
    -------
    Rectangle
        In the body's frame.
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


def faces_far_to_near(body: Body, eye: Array) -> list[Rectangle]:
    """Return a body's faces in order, with shafts before, or after if they come towards the eye.

    Parameters
    ----------
    body : Body
        With at least one face.
    eye : ndarray, shape (3,)
        Where it is seen from, body frame, mm.

    Returns
    -------
    list of Rectangle
        Those that are to be drawn first at the front.
    """
    faces = list(body.rectangles)
    middle = np.mean([face.matrix[:3, 3] for face in faces], axis=0)
    reach = np.linalg.norm(middle - eye)
    behind: list[Rectangle] = []
    before: list[Rectangle] = []
    for start, end, diameter in body.shafts:
        nearer = np.linalg.norm((start + end) / 2 - eye) < reach
        (before if nearer else behind).append(shaft_rectangle(start, end, diameter, eye))
    return [*behind, *faces, *before]
