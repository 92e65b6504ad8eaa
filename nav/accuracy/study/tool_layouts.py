"""Marker bodies of a design: a carrier with equal sides, a roof of two plates."""

import numpy as np

from nav.core.frames import Array
from nav.tracking.tool import Marker, Tool, ToolTip

DICTIONARY = "DICT_APRILTAG_36h11"


def needle_body(sides: int, rows: int, side: float, pitch: float, length: float) -> Tool:
    """Build a needle: z along the shaft towards the tip, origin in the middle of its carrier.

    Parameters
    ----------
    sides, rows : int
        Sides of the carrier, and markers along each.
    side, pitch : float
        Of a marker, and from marker to marker, mm.
    length : float
        From the origin to the tip, mm.

    Returns
    -------
    Tool
        With its tip.
    """
    down, apothem = np.array([0.0, 0.0, 1.0]), pitch / 2 / np.tan(np.pi / sides)
    markers: list[Marker] = []
    for row in range(rows):
        for k in range(sides):
            angle = 2 * np.pi * k / sides
            normal = np.array([np.cos(angle), np.sin(angle), 0.0])
            centre = normal * apothem + down * (row - (rows - 1) / 2) * pitch
            right = np.cross(down, -normal)
            markers.append(_marker(len(markers), centre, right, down, side))
    tip = ToolTip(np.array([0.0, 0.0, length]), down, np.zeros((3, 3)))
    return Tool("needle", DICTIONARY, tuple(markers), tip, quiet=(pitch - side) / 2)


def reference_body(grid: int, side: float, pitch: float, tilt: float) -> Tool:
    """Build a reference body: two plates with a ridge along y, tilted sideways; z to the viewer.

    Parameters
    ----------
    grid : int
        Rows and columns of markers on each plate.
    side, pitch : float
        Of a marker, and from marker to marker, mm.
    tilt : float
        Of the plates, rad.

    Returns
    -------
    Tool
        Without a tip.
    """
    down = np.array([0.0, -1.0, 0.0])
    markers: list[Marker] = []
    for way in (-1, 1):
        right = np.array([np.cos(tilt), 0.0, -way * np.sin(tilt)])
        centre = way * (grid * pitch / 2 + pitch / 20) * right
        for i in range(grid):
            for j in range(grid):
                across, along = (np.array([j, i]) - (grid - 1) / 2) * pitch
                at = centre + across * right + along * down
                markers.append(_marker(len(markers), at, right, down, side))
    return Tool("reference", DICTIONARY, tuple(markers), quiet=(pitch - side) / 2)


def _marker(number: int, centre: Array, right: Array, down: Array, side: float) -> Marker:
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    corners = np.array([centre + side / 2 * (i * right + j * down) for i, j in signs])
    return Marker(number, corners)
