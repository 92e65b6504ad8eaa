"""First detection of markers in a whole picture, by OpenCV."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from nav.camera.frameset import Picture
from nav.frames import Array
from nav.tracking.tool import Tool, predefined_dictionary


class Detector:
    """Finds the markers of some tools in a picture; one OpenCV detector a dictionary."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.detectors: dict[str, Any] = {
            name: cv2.aruco.ArucoDetector(predefined_dictionary(name))
            for name in sorted({tool.dictionary for tool in tools})
        }

    def find(self, image: Picture) -> dict[str, list[tuple[int, Array]]]:
        """Dictionary name -> (id, corners (4, 2) in pixels, right to about a pixel) found.

        An id may stand twice where something else looks like it.
        """
        found: dict[str, list[tuple[int, Array]]] = {}
        for name, detector in self.detectors.items():
            corners, ids, _ = detector.detectMarkers(image)
            if ids is None:
                found[name] = []
                continue
            found[name] = [
                (int(marker), np.asarray(quad, float).reshape(4, 2))
                for marker, quad in zip(np.ravel(ids), corners, strict=True)
            ]
        return found
