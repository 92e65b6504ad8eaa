"""Markers that OpenCV saw as a square but could not read: small, oblique, blurred or half hidden.

OpenCV reads single cells; here the whole square is compared with the markers that can be there
(matched filter: normalised correlation), which needs far less light. What correlates best is only a
proposal: the fit to the pixels decides.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tool import Tool

PER_CELL = 3  # samples along a cell
SOFT = 0.45  # cells, sd by which patterns are blurred for comparing
CORRELATED = 0.6  # least correlation
BEFORE_NEXT = 0.08  # lead over the next best reading
LEAST_SIDE = 8.0  # px
MOST_SIDE = 0.5  # of the picture


@lru_cache(maxsize=16)
def _templates(dictionary: str, ids: tuple[int, ...]) -> tuple[Array, int]:
    """Return unit patterns (4 len(ids), samples), each marker turned 4 ways; samples per side."""
    patterns = [marker_pattern(dictionary, marker) for marker in ids]
    side = len(patterns[0]) * PER_CELL
    rows = []
    for pattern in patterns:
        fine = np.kron(pattern, np.ones((PER_CELL, PER_CELL)))
        soft = cv2.GaussianBlur(fine, (0, 0), SOFT * PER_CELL, borderType=cv2.BORDER_REPLICATE)
        rows += [np.rot90(soft, turn).ravel() for turn in range(4)]
    table = np.array(rows)
    table -= table.mean(axis=1, keepdims=True)
    return table / np.linalg.norm(table, axis=1, keepdims=True), side


def read_squares(image: Picture, squares: Sequence[Array], tool: Tool) -> list[tuple[int, Array]]:
    """Identify squares that look like a tool's markers, by normalised correlation.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    squares : sequence of ndarray, shape (4, 2)
        Corners, px, clockwise in the image.
    tool : Tool
        Whose markers are looked for.

    Returns
    -------
    list of (int, ndarray of shape (4, 2))
        Id and corners in the marker's order, px; the best square of each id.
    """
    ids = tuple(marker.id for marker in tool.markers)
    templates, side = _templates(tool.dictionary, ids)
    limit = MOST_SIDE * max(image.shape)
    sensible = [s for s in squares if LEAST_SIDE < np.ptp(s, axis=0).max() < limit]
    if not sensible:
        return []
    patches = np.array([_rectified(image, square, side) for square in sensible])
    patches -= patches.mean(axis=1, keepdims=True)
    patches /= np.maximum(np.linalg.norm(patches, axis=1, keepdims=True), 1e-9)
    readings: dict[int, tuple[float, Array]] = {}
    for square, match in zip(sensible, patches @ templates.T, strict=True):
        order = np.argsort(match)[::-1]
        best, others = order[0], order[order // 4 != order[0] // 4]
        second = match[others[0]] if len(others) else -1.0
        if match[best] < CORRELATED or match[best] - second < BEFORE_NEXT:
            continue
        marker, turn = ids[best // 4], int(best % 4)
        if marker not in readings or readings[marker][0] < match[best]:
            # a pattern turned against the clock begins at a later corner
            readings[marker] = (float(match[best]), np.roll(square, turn, axis=0))
    return [(marker, corners) for marker, (_, corners) in readings.items()]


def _rectified(image: Picture, square: Array, side: int) -> Array:
    """Return grey levels (side * side,) of a square, sampled in the middles of its parts."""
    to = np.array([[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]]) - 0.5
    matrix = cv2.getPerspectiveTransform(square.astype(np.float32), to.astype(np.float32))
    patch = cv2.warpPerspective(image, matrix, (side, side), flags=cv2.INTER_LINEAR)
    return patch.astype(float).ravel()
