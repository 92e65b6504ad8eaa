"""Props in the pictures that are not printed parts: paper sheets, needle, arrows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import RigidTransform

from calibration.printing.standard_tools import (
    NEEDLE_FACE,
    NEEDLE_SIDES,
    REFERENCE_PITCH,
    REFERENCE_RIDGE,
    needle_apothem,
    needle_side,
    reference_plates,
    standard_needle,
    standard_reference,
)
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tool import Tool
from phantoms.anatomy.mesh import Array, Mesh
from phantoms.kit.papers.studio import Shown
from phantoms.kit.solid import cylinder, mesh_of, turn_of_z, united

WHITE, BLACK = (0.98, 0.98, 0.97), (0.08, 0.08, 0.09)
STEEL, HUB = (0.62, 0.66, 0.70), (0.25, 0.45, 0.62)
ARROW = (0.85, 0.35, 0.08)
LIFT = 0.15  # mm, so that black lies on white, and paper on plastic
SHAFT, HUB_SIZE = 0.75, (3.4, 22.0)  # mm: radius, and of a hub radius and length


def reference_sheet(scene_from_reference: RigidTransform) -> tuple[Shown, ...]:
    """Build the reference body's paper: two white faces, eight markers.

    Parameters
    ----------
    scene_from_reference : RigidTransform
        Pose of the reference body in the picture's scene, mm.

    Returns
    -------
    tuple of Shown
        White faces, black cells.
    """
    half = REFERENCE_PITCH + REFERENCE_RIDGE
    faces = [
        _quad(centre, right * half, down * half, np.cross(down, right), LIFT)
        for centre, right, down in reference_plates()
    ]
    return _paper(faces, standard_reference(), scene_from_reference)


def needle_strip(scene_from_needle: RigidTransform) -> tuple[Shown, ...]:
    """Build the needle carrier's paper: eight white faces, sixteen markers.

    Parameters
    ----------
    scene_from_needle : RigidTransform
        Pose of the carrier in the picture's scene, mm.

    Returns
    -------
    tuple of Shown
        White faces, black cells.
    """
    down = np.array([0.0, 0.0, NEEDLE_FACE])
    faces = []
    for side in range(NEEDLE_SIDES):
        normal, right = needle_side(side)
        faces.append(_quad(normal * needle_apothem(), right * NEEDLE_FACE / 2, down, normal, LIFT))
    return _paper(faces, standard_needle(), scene_from_needle)


def needle(scene_from_needle: RigidTransform, hub: float, tip: float) -> tuple[Shown, ...]:
    """Build shaft and hub along the tool's z.

    Parameters
    ----------
    scene_from_needle : RigidTransform
        Pose of the tool in the picture's scene, mm.
    hub, tip : float
        z of the hub's face and of the needle's point, mm.

    Returns
    -------
    tuple of Shown
        Shaft, hub.
    """
    radius, length = HUB_SIZE
    shaft = cylinder((0, 0, hub), (0, 0, tip - 2.0), SHAFT)
    point = cylinder((0, 0, tip - 2.0), (0, 0, tip), SHAFT, 0.05)
    flange = cylinder((0, 0, hub - 3.0), (0, 0, hub), radius, radius)
    back = cylinder((0, 0, hub - length), (0, 0, hub - 3.0), radius + 1.0, radius - 0.6)
    return (
        Shown(mesh_of(united([shaft, point])), STEEL, place=scene_from_needle),
        Shown(mesh_of(united([flange, back])), HUB, place=scene_from_needle),
    )


def along(entry: ArrayLike, target: ArrayLike, tip: float) -> RigidTransform:
    """Return the pose of a needle on a plan, its tip at the target.

    Parameters
    ----------
    entry, target : array_like, shape (3,)
        Model frame, mm.
    tip : float
        z of the tip in the needle's frame, mm.

    Returns
    -------
    RigidTransform
        model_from_needle.
    """
    target = np.asarray(target, float)
    axis = target - np.asarray(entry, float)
    axis /= np.linalg.norm(axis)
    return RigidTransform.from_components(target - tip * axis, turn_of_z(axis))


def arrow(start: ArrayLike, end: ArrayLike, radius: float = 2.5) -> Shown:
    """Build an arrow: the direction in which something is pushed or drawn.

    Parameters
    ----------
    start, end : array_like, shape (3,)
        mm.
    radius : float, optional
        Of the shaft, mm.

    Returns
    -------
    Shown
        In the frame of `start`.
    """
    start, end = np.asarray(start, float), np.asarray(end, float)
    axis = (end - start) / np.linalg.norm(end - start)
    neck = end - 5.0 * radius * axis
    solid = united([cylinder(start, neck, radius), cylinder(neck, end, 2.4 * radius, 0.0)])
    return Shown(mesh_of(solid), ARROW, edges=False)


def _paper(faces: list[Mesh], tool: Tool, place: RigidTransform) -> tuple[Shown, ...]:
    cells = [
        quad
        for marker in tool.markers
        for quad in _cells(str(tool.dictionary), marker.id, np.asarray(marker.corners, float))
    ]
    return (
        Shown(_joined(faces), WHITE, place=place, edges=False),
        Shown(_joined(cells), BLACK, place=place, edges=False),
    )


def _cells(dictionary: str, marker_id: int, corners: Array) -> list[Mesh]:
    """Build a quad for each black cell of a marker, corners (4, 3) clockwise from the top left."""
    black = marker_pattern(dictionary, marker_id) == 0
    count = len(black)
    right, down = (corners[1] - corners[0]) / count, (corners[3] - corners[0]) / count
    normal = np.cross(down, right)
    return [
        _quad(
            corners[0] + (column + 0.5) * right + (row + 0.5) * down,
            right / 2,
            down / 2,
            normal,
            2 * LIFT,
        )
        for row, column in np.argwhere(black)
    ]


def _quad(middle: Array, right: Array, down: Array, normal: Array, lift: float) -> Mesh:
    """Build a rectangle by its middle and half sides, lifted along its normal."""
    at = middle + lift * normal / np.linalg.norm(normal)
    corners = np.array([at - right - down, at - right + down, at + right + down, at + right - down])
    return Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32))


def _joined(meshes: list[Mesh]) -> Mesh:
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes[:-1])])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.triangles + s for m, s in zip(meshes, starts, strict=True)]).astype(
            np.int32
        ),
    )
