"""First detection of markers in a whole picture: OpenCV finds squares and reads what it can."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from nav.camera.frameset import Picture
from nav.frames import Array
from nav.tracking.decode import read_squares
from nav.tracking.tool import Tool, predefined_dictionary

LEAST_PERIMETER = 30.0  # px of a square, searching longer in large pictures
USUAL_PERIMETER = 0.03  # of the picture's longer side: OpenCV's default, less in small pictures


@dataclass(frozen=True)
class Square:
    """A marker found: corners (4, 2) in pixels, right to about a pixel; decoded: cell by cell."""

    id: int
    corners: Array
    decoded: bool


def _thorough() -> Any:
    """For pictures in which nothing was found: more thresholds, squares less exactly square."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.adaptiveThreshWinSizeMin, parameters.adaptiveThreshWinSizeMax = 9, 41
    parameters.adaptiveThreshWinSizeStep = 16
    parameters.adaptiveThreshConstant = 2
    parameters.polygonalApproxAccuracyRate = 0.06
    parameters.minMarkerDistanceRate = 0.02
    return parameters


class Detector:
    """Finds the markers of some tools in a picture."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        names = sorted({tool.dictionary for tool in tools})
        words = {name: predefined_dictionary(name) for name in names}
        self.quick = {name: cv2.aruco.ArucoDetector(words[name]) for name in names}
        self.thorough = {name: cv2.aruco.ArucoDetector(words[name], _thorough()) for name in names}

    def find(
        self, image: Picture, tools: Sequence[Tool], thorough: bool = False
    ) -> dict[str, list[Square]]:
        """Tool name -> squares found.

        An id may stand twice where something else looks like it. thorough : look longer.
        """
        detectors = self.thorough if thorough else self.quick
        found: dict[str, list[Square]] = {tool.name: [] for tool in tools}
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
                found[tool.name] = seen
        return found


def _small_too(detector: Any, image: Picture) -> None:
    parameters = detector.getDetectorParameters()
    least = min(USUAL_PERIMETER, LEAST_PERIMETER / max(image.shape))
    parameters.minMarkerPerimeterRate = least
    detector.setDetectorParameters(parameters)
