"""One marker as one camera sees it: the measurement that poses are made of."""

from dataclasses import dataclass, field

import numpy as np

from nav.camera.frameset import Picture
from nav.camera.rig import Camera
from nav.frames import Array
from nav.tracking.marker_refinement import START_BLUR, refine_marker
from nav.tracking.marker_views import HALF_CELL, MAX_ZONE, CameraModel
from nav.tracking.response import AS_LIGHT, Response
from nav.tracking.tool import Marker, Tool, marker_pattern

# px, one sd per axis: OpenCV's corners where the pixels could not be fitted
DETECTED_SD = 0.7


@dataclass(frozen=True)
class MarkerView:
    """corners (4, 2), pixels, with (8, 8) covariance; refined: fitted to the light.

    blur : (3,) covariance of the blur, px^2. decoded : whether it was read cell by cell.
    """

    camera: Camera
    marker: Marker
    corners: Array
    covariance: Array
    refined: bool
    blur: Array = field(default_factory=START_BLUR.copy)
    decoded: bool = False


class Viewer:
    """Refines markers in one camera's pictures; keeps what is the same in all of them."""

    def __init__(self, eye: CameraModel) -> None:
        self.eye, self.camera = eye, eye.camera

    def view(
        self,
        image: Picture,
        tool: Tool,
        marker: Marker,
        corners: Array,
        blur: Array = START_BLUR,
        response: Response = AS_LIGHT,
    ) -> MarkerView | None:
        """The marker refined from `corners`; None where the pixels do not look like it."""
        cells = marker_pattern(tool.dictionary, marker.id)
        zone = HALF_CELL if tool.quiet is None else tool.quiet / marker.side * len(cells)
        fitted = refine_marker(
            image, self.camera, self.eye.rays, cells, min(zone, MAX_ZONE), corners, blur, response
        )
        if fitted is None:
            return None
        return MarkerView(self.camera, marker, fitted.corners, fitted.covariance, True, fitted.blur)

    def detected(self, marker: Marker, corners: Array) -> MarkerView:
        """The marker as detection found it, unrefined, with a covariance to match."""
        return MarkerView(self.camera, marker, corners, np.eye(8) * DETECTED_SD**2, False)
