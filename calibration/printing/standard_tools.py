"""The standard tools: an eight-sided carrier on the needle, a roof-shaped reference body."""

import numpy as np

from nav.core.frames import Array
from nav.tracking.tool import Marker, Tool

DICTIONARY = "DICT_APRILTAG_36h11"
NEEDLE_MARKER = 14.0  # mm
NEEDLE_SIDES = 8
NEEDLE_FACE = 17.0  # mm, width of a carrier's face; two markers, one behind the other
NEEDLE_QUIET = 1.5  # mm
NEEDLE_FIRST_ID = 10
REFERENCE_MARKER = 16.0  # mm
REFERENCE_PITCH = 20.0  # mm from marker to marker
REFERENCE_RIDGE = 1.0  # mm from the ridge to the white zones
REFERENCE_QUIET = 2.0  # mm
REFERENCE_TILT = np.radians(25.0)
REFERENCE_FIRST_ID = 40


def standard_needle() -> Tool:
    """Build the needle's carrier: z along the shaft towards the tip, which is not calibrated yet.

    Returns
    -------
    Tool
        The carrier.
    """
    down = np.array([0.0, 0.0, 1.0])
    markers = []
    for row, z in enumerate((-NEEDLE_FACE / 2, NEEDLE_FACE / 2)):
        for side in range(NEEDLE_SIDES):
            normal, right = needle_side(side)
            centre = normal * needle_apothem() + [0.0, 0.0, z]
            marker_id = NEEDLE_FIRST_ID + row * NEEDLE_SIDES + side
            markers.append(_marker(marker_id, centre, right, down, NEEDLE_MARKER))
    return Tool("needle", DICTIONARY, tuple(markers), quiet=NEEDLE_QUIET)


def standard_reference() -> Tool:
    """Build the reference body: two plates of four markers, tilted sideways; z towards the viewer.

    Returns
    -------
    Tool
        The reference body.
    """
    markers = []
    for number, (centre, right, down) in enumerate(reference_plates()):
        for k, (i, j) in enumerate([(-1, -1), (1, -1), (-1, 1), (1, 1)]):
            at = centre + (i * right + j * down) * REFERENCE_PITCH / 2
            marker_id = REFERENCE_FIRST_ID + 4 * number + k
            markers.append(_marker(marker_id, at, right, down, REFERENCE_MARKER))
    return Tool("reference", DICTIONARY, tuple(markers), quiet=REFERENCE_QUIET)


def needle_apothem() -> float:
    """Compute the distance from the carrier's axis to the middle of a face.

    Returns
    -------
    float
        In mm.
    """
    return float(NEEDLE_FACE / 2 / np.tan(np.pi / NEEDLE_SIDES))


def needle_side(side: int) -> tuple[Array, Array]:
    """Compute the directions of one side of the carrier.

    Parameters
    ----------
    side : int
        Index of the side.

    Returns
    -------
    normal : ndarray, shape (3,)
        Outward normal, tool frame.
    right : ndarray, shape (3,)
        To the right, as seen from the front with z down.
    """
    angle = 2 * np.pi * side / NEEDLE_SIDES
    normal = np.array([np.cos(angle), np.sin(angle), 0.0])
    return normal, np.cross(np.array([0.0, 0.0, 1.0]), -normal)


def reference_plates() -> list[tuple[Array, Array, Array]]:
    """Compute the two plates of the reference body; the ridge runs along y.

    Returns
    -------
    list of (ndarray, ndarray, ndarray), shape (3,)
        Centre (mm), right and down of each, tool frame.
    """
    plates = []
    for side in (-1, 1):
        right = np.array([np.cos(REFERENCE_TILT), 0.0, -side * np.sin(REFERENCE_TILT)])
        centre = side * (REFERENCE_PITCH + REFERENCE_RIDGE) * right
        plates.append((centre, right, np.array([0.0, -1.0, 0.0])))
    return plates


def _marker(marker_id: int, centre: Array, right: Array, down: Array, side: float) -> Marker:
    half = side / 2
    signs = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    corners = np.array([centre + half * (i * right + j * down) for i, j in signs])
    return Marker(marker_id, corners)
