"""First detection of markers in a whole image: OpenCV finds squares and reads what it can."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.detect.decode import read_squares
from nav.tracking.marker_dictionaries import marker_dictionary
from nav.tracking.tool import Tool

LEAST_PERIMETER = 30.0  # px of a square, searching longer in large pictures
USUAL_PERIMETER = 0.03  # of the picture's longer side: OpenCV's default, less in small pictures


@dataclass(frozen=True)
class Square:
    """A marker that was detected.

    Parameters
    ----------
    id : int
        As read, or as correlated.
    corners : ndarray, shape (4, 2)
        Px, right to about a pixel.
    decoded : bool
        Whether it was read cell by cell.
    """

    id: int
    corners: Array
    decoded: bool


def _thorough() -> Any:
    """Return settings for images without a find: more thresholds, less exact squares."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.adaptiveThreshWinSizeMin, parameters.adaptiveThreshWinSizeMax = 9, 41
    parameters.adaptiveThreshWinSizeStep = 16
    parameters.adaptiveThreshConstant = 2
    parameters.polygonalApproxAccuracyRate = 0.06
    parameters.minMarkerDistanceRate = 0.02
    return parameters


class Detector:
    """Find the markers of some tools in an image."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        names = sorted({tool.dictionary for tool in tools})
        words = {name: marker_dictionary(name) for name in names}
        self.quick = {name: cv2.aruco.ArucoDetector(words[name]) for name in names}
        self.thorough = {name: cv2.aruco.ArucoDetector(words[name], _thorough()) for name in names}

    def find(
        self, image: Picture, tools: Sequence[Tool], thorough: bool = False
    ) -> dict[str, list[Square]]:
        """Find the markers of some tools.

        Parameters
        ----------
        image : ndarray, shape (height, width), uint8
            Grey levels.
        tools : sequence of Tool
            What to look for.
        thorough : bool
            Look longer.

        Returns
        -------
        dict of str to list of Square
            By tool name. An id may appear twice where something else looks like it.
        """
        detectors = self.thorough if thorough else self.quick
        squares: dict[str, list[Square]] = {tool.name: [] for tool in tools}
        for name in sorted({tool.dictionary for tool in tools}):
            if thorough:
                _small_too(detectors[name], image)
            corners, ids, rejected = detectors[name].detectMarkers(image)
            quads = [np.asarray(quad, float).reshape(4, 2) for quad in corners]
            read = [] if ids is None else [int(marker) for marker in np.ravel(ids)]
            unread = [np.asarray(quad, float).reshape(4, 2) for quad in rejected]
            for tool in tools:
                if tool.dictionary != name:
                    continue
                seen = [
                    Square(marker, quad, True)
                    for marker, quad in zip(read, quads, strict=True)
                    if marker in tool.by_id
                ]
                known = {square.id for square in seen}
                more = read_squares(image, unread, tool)
                seen += [Square(m, quad, False) for m, quad in more if m not in known]
                squares[tool.name] = seen
        return squares


def _small_too(detector: Any, image: Picture) -> None:
    parameters = detector.getDetectorParameters()
    least = min(USUAL_PERIMETER, LEAST_PERIMETER / max(image.shape))
    parameters.minMarkerPerimeterRate = least
    detector.setDetectorParameters(parameters)
