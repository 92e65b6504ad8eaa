"""The net of a marker body: its flat faces laid out on paper, joined where they can be folded."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.printing.faces import TOUCH, Face, Hinge, faces_of, hinge_of
from nav.core.frames import Array
from nav.tracking.tool import Tool

PIECES_APART = 20.0  # mm between pieces that no fold joins

Laid = dict[int, RigidTransform]  # sheet_from_tool of faces by their number


@dataclass(frozen=True, eq=False)
class Net:
    """A marker body laid flat: x right, y down, z away from the viewer; mm.

    Attributes
    ----------
    faces : tuple of Face
        The faces.
    sheet_from_tool : tuple of RigidTransform
        Of each face.
    folds : tuple of Hinge
        Hinges that join faces on paper.
    seams : tuple of Hinge
        Hinges that are open on paper and meet when all is folded.
    """

    faces: tuple[Face, ...]
    sheet_from_tool: tuple[RigidTransform, ...]
    folds: tuple[Hinge, ...]
    seams: tuple[Hinge, ...]

    def on_sheet(self, face: int, points: Array) -> Array:
        """Map points (..., 3) of a face, tool frame, mm, to the sheet (..., 2)."""
        flat = self.sheet_from_tool[face].apply(points.reshape(-1, 3))
        return np.asarray(flat[:, :2]).reshape(*points.shape[:-1], 2)

    def directed(self, face: int, vector: Array) -> Array:
        """Map a direction (3,) in a face to the sheet (2,)."""
        return np.asarray(self.sheet_from_tool[face].rotation.apply(vector)[:2])

    @cached_property
    def zones(self) -> tuple[Array, ...]:
        """White zones (n, 4, 2) of each face, mm."""
        return tuple(self.on_sheet(number, f.zones) for number, f in enumerate(self.faces))

    @cached_property
    def markers(self) -> dict[int, Array]:
        """Corners (4, 2) of each marker on the sheet, mm."""
        return {
            marker.id: self.on_sheet(number, marker.corners)
            for number, face in enumerate(self.faces)
            for marker in face.markers
        }


def net_of(tool: Tool) -> Net:
    """Lay out a marker body's net, each face at true size, joined at the nearest edges.

    The layout begins with the first marker's face, upright; then always the face that is nearest to
    a fold, among equal ones the one beside the face laid out last, so that a prism becomes a strip.
    A face that no fold reaches, or that would overlap another one, begins a piece of its own on the
    right.

    Parameters
    ----------
    tool : Tool
        The marker body.

    Returns
    -------
    Net
        The net.
    """
    faces = faces_of(tool)
    numbers = range(len(faces))
    hinges = [h for i in numbers for j in range(i) if (h := hinge_of(faces, j, i))]
    laid: Laid = {}
    folds: list[Hinge] = []
    while len(laid) < len(faces):
        first = min(set(numbers) - set(laid))
        piece = _piece(faces, [h for h in hinges if not laid.keys() & set(h.faces)], first, folds)
        laid |= _beside(faces, laid, piece)
    seams = tuple(h for h in hinges if h not in folds)
    return Net(faces, tuple(laid[i] for i in numbers), tuple(folds), seams)


def _piece(faces: Sequence[Face], hinges: Sequence[Hinge], first: int, folds: list[Hinge]) -> Laid:
    """Lay out all faces that can be joined to one, its first marker upright; add to the folds."""
    piece = {first: _upright(faces[first])}
    while found := _next_fold(faces, hinges, piece):
        hinge, new, piece[new] = found
        folds.append(hinge)
    return piece


def _upright(face: Face) -> RigidTransform:
    marker = face.markers[0]
    c0, c1, _, _ = marker.corners
    right = (c1 - c0) / np.linalg.norm(c1 - c0)
    turn = np.array([right, np.cross(right, marker.normal), -marker.normal])
    return RigidTransform.from_components(-turn @ marker.centre, Rotation.from_matrix(turn))


def _next_fold(
    faces: Sequence[Face], hinges: Sequence[Hinge], laid: Laid
) -> tuple[Hinge, int, RigidTransform] | None:
    order = list(laid)
    choices = []
    for hinge in hinges:
        old, new = hinge.faces if hinge.faces[0] in laid else hinge.faces[::-1]
        if old in laid and new not in laid:
            choices.append((round(hinge.gap, 6), -order.index(old), new, old, hinge))
    for _, _, new, old, hinge in sorted(choices, key=lambda choice: choice[:3]):
        transform = laid[old] * hinge.unfolded(new)
        zones = _flat(faces[new], transform)
        if all(_apart(zones, _flat(faces[i], laid[i])) for i in laid):
            return hinge, new, transform
    return None


def _apart(one: Array, other: Array) -> bool:
    """Return whether zones (n, 4, 2) on the sheet have no area in common."""
    for a in one:
        for b in other:
            axes = np.concatenate([np.diff(a[:3], axis=0), np.diff(b[:3], axis=0)])
            axes /= np.linalg.norm(axes, axis=1)[:, None]
            of_a, of_b = a @ axes.T, b @ axes.T
            between = np.maximum(of_a.min(0) - of_b.max(0), of_b.min(0) - of_a.max(0))
            if between.max() < -TOUCH:
                return False
    return True


def _beside(faces: Sequence[Face], laid: Laid, piece: Laid) -> Laid:
    """Move the piece to the right of what is laid out."""
    if not laid:
        return piece
    right = max(_flat(faces[i], laid[i])[..., 0].max() for i in laid)
    left = min(_flat(faces[i], piece[i])[..., 0].min() for i in piece)
    move = RigidTransform.from_translation([right - left + PIECES_APART, 0.0, 0.0])
    return {i: move * transform for i, transform in piece.items()}


def _flat(face: Face, sheet_from_tool: RigidTransform) -> Array:
    """Return a face's white zones (n, 4, 2) on the sheet, mm."""
    return np.asarray(sheet_from_tool.apply(face.zones.reshape(-1, 3))[:, :2]).reshape(-1, 4, 2)
