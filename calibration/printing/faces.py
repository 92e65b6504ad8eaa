"""The flat faces of a marker body, and where two of them meet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tool import Marker, Tool

SAME_PLANE = 0.01  # mm off a face's plane at most, of a marker that lies in it
PARALLEL = 1e-3  # sine of the angle below which two planes have no fold
WIDEST_FOLD = 5.0  # mm of paper between a white zone and the fold beside it, at most
TOUCH = 1e-6  # mm, what counts as merely touching


@dataclass(frozen=True, eq=False)
class Face:
    """Markers in one plane.

    Attributes
    ----------
    markers : tuple of Marker
        The markers.
    zones : ndarray, shape (n, 4, 3)
        Corners of their white zones, tool frame, mm.
    """

    markers: tuple[Marker, ...]
    zones: Array

    @property
    def normal(self) -> Array:
        """Outward unit normal (3,)."""
        return self.markers[0].normal

    @property
    def point(self) -> Array:
        """A point (3,) of the plane, mm."""
        return self.markers[0].centre

    def holds(self, marker: Marker) -> bool:
        """Return whether a marker is in this plane and faces the same way."""
        off = np.abs((marker.corners - self.point) @ self.normal).max()
        return bool(off < SAME_PLANE and marker.normal @ self.normal > 0)


@dataclass(frozen=True, eq=False)
class Hinge:
    """Where the planes of two neighbouring faces meet, tool frame.

    Attributes
    ----------
    faces : tuple of 2 ints
        Indices of the faces.
    point : ndarray, shape (3,)
        A point of the line, mm.
    along : ndarray, shape (3,)
        Unit vector of the line.
    inward : tuple of 2 ndarray, shape (3,)
        For each face, the unit vector in its plane from the line to the face.
    gap : float
        The larger of the two distances to a white zone, mm.
    angle : float
        By which the second face is folded away from the viewer of the first, rad; negative towards
        the viewer.
    """

    faces: tuple[int, int]
    point: Array
    along: Array
    inward: tuple[Array, Array]
    gap: float
    angle: float

    def of(self, face: int) -> Array:
        """Return the direction from the line to one of its faces."""
        return self.inward[self.faces.index(face)]

    def unfolded(self, face: int) -> RigidTransform:
        """Return the rotation about the line that brings this face into the other one's plane."""
        other = self.faces[1 - self.faces.index(face)]
        before, after = self.of(face), -self.of(other)
        turn = _frame(after, self.along) @ _frame(before, self.along).T
        return RigidTransform.from_components(
            self.point - turn @ self.point, Rotation.from_matrix(turn)
        )


def faces_of(tool: Tool) -> tuple[Face, ...]:
    """Group a tool's markers by the plane in which they lie.

    Parameters
    ----------
    tool : Tool
        The tool.

    Returns
    -------
    tuple of Face
        In the order of its markers.
    """
    groups: list[list[Marker]] = []
    for marker in tool.markers:
        for group in groups:
            if Face(tuple(group), np.empty(0)).holds(marker):
                group.append(marker)
                break
        else:
            groups.append([marker])
    return tuple(Face(tuple(g), np.array([white_zone(m, tool) for m in g])) for g in groups)


def white_zone(marker: Marker, tool: Tool) -> Array:
    """Compute the corners of a marker's white zone.

    Parameters
    ----------
    marker : Marker
        The marker.
    tool : Tool
        Its tool; the zone is half a cell wide where the tool does not specify it.

    Returns
    -------
    ndarray, shape (4, 3)
        Corners, tool frame, mm.
    """
    cells = len(marker_pattern(tool.dictionary, marker.id))
    quiet = marker.side / cells / 2 if tool.quiet is None else tool.quiet
    return marker.centre + (marker.corners - marker.centre) * (1 + 2 * quiet / marker.side)


def hinge_of(faces: Sequence[Face], first: int, second: int) -> Hinge | None:
    """Find where two faces meet.

    Parameters
    ----------
    faces : sequence of Face
        All faces.
    first, second : int
        Indices of the two.

    Returns
    -------
    Hinge or None
        None if they are parallel, far from the line where their planes meet, or do not face it.
    """
    a, b = faces[first], faces[second]
    along = np.cross(a.normal, b.normal)
    sine = float(np.linalg.norm(along))
    if sine < PARALLEL:
        return None
    along /= sine
    planes = np.array([a.normal, b.normal, along])
    level = [a.normal @ a.point, b.normal @ b.point, along @ (a.point + b.point) / 2]
    point = np.linalg.solve(planes, level)
    inward = [_inward(face, point, along) for face in (a, b)]
    gaps = [((face.zones - point) @ w).min() for face, w in zip((a, b), inward, strict=True)]
    reaches = [((face.zones - point) @ along) for face in (a, b)]
    beside = min(r.max() for r in reaches) - max(r.min() for r in reaches)
    # both to the same side: folding one out would lay it on the other
    same_side = np.cross(a.normal, along) @ inward[0] * (np.cross(b.normal, along) @ inward[1]) > 0
    if min(gaps) < -TOUCH or max(gaps) > WIDEST_FOLD or beside < TOUCH or same_side:
        return None
    angle = float(np.arctan2(sine, a.normal @ b.normal))
    if a.normal @ inward[1] > 0:  # the second face rises before the first one's plane
        angle = -angle
    return Hinge((first, second), point, along, (inward[0], inward[1]), max(gaps), angle)


def _inward(face: Face, point: Array, along: Array) -> Array:
    across = np.cross(face.normal, along)
    return across * np.sign((face.zones.mean(axis=(0, 1)) - point) @ across)


def _frame(across: Array, along: Array) -> Array:
    return np.column_stack([across, along, np.cross(across, along)])
