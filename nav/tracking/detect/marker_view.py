"""One marker as one camera sees it: the measurement that poses are made of."""

from dataclasses import dataclass, field

import numpy as np

from nav.camera.rig import Camera
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.tracking.detect.marker_refinement import START_BLUR, refine_marker
from nav.tracking.fit.camera_model import CameraModel
from nav.tracking.fit.response import AS_LIGHT, Response
from nav.tracking.fit.tool_shape import HALF_CELL, MAX_ZONE
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tool import Marker, Tool

# px, one sd per axis: OpenCV's corners where the pixels could not be fitted
DETECTED_SD = 0.7


@dataclass(frozen=True)
class MarkerView:
    """One marker as one camera sees it.

    Parameters
    ----------
    camera : Camera
        Which sees it.
    marker : Marker
        Of a tool.
    corners : ndarray, shape (4, 2)
        In px.
    covariance : ndarray, shape (8, 8)
        Of the corners (u0, v0, u1, ...), px^2.
    refined : bool
        Whether it was fitted to the pixels.
    blur : ndarray, shape (3,)
        Covariance uu, uv, vv, px^2.
    decoded : bool
        Whether it was read cell by cell.
    """

    camera: Camera
    marker: Marker
    corners: Array
    covariance: Array
    refined: bool
    blur: Array = field(default_factory=START_BLUR.copy)
    decoded: bool = False


class Viewer:
    """Refine markers in one camera's images; keeps what is the same in all of them."""

    def __init__(self, camera_model: CameraModel) -> None:
        self.camera_model, self.camera = camera_model, camera_model.camera

    def view(
        self,
        image: Picture,
        tool: Tool,
        marker: Marker,
        corners: Array,
        blur: Array = START_BLUR,
        response: Response = AS_LIGHT,
    ) -> MarkerView | None:
        """Refine a marker from its approximate corners.

        Parameters
        ----------
        image : ndarray, shape (height, width), uint8
            Of this camera.
        tool : Tool
            Which the marker is on.
        marker : Marker
            Which it is.
        corners : ndarray, shape (4, 2)
            About where it is, px.
        blur : ndarray, shape (3,)
            Start value of the blur's covariance, px^2.
        response : Response
            The camera's.

        Returns
        -------
        MarkerView or None
            None where the pixels do not look like it.
        """
        cells = marker_pattern(tool.dictionary, marker.id)
        zone = HALF_CELL if tool.quiet is None else tool.quiet / marker.side * len(cells)
        fitted = refine_marker(
            image,
            self.camera,
            self.camera_model.rays,
            cells,
            min(zone, MAX_ZONE),
            corners,
            blur,
            response,
        )
        if fitted is None:
            return None
        return MarkerView(self.camera, marker, fitted.corners, fitted.covariance, True, fitted.blur)

    def detected(self, marker: Marker, corners: Array) -> MarkerView:
        """Return the marker as detection found it, unrefined, with a covariance to match."""
        return MarkerView(self.camera, marker, corners, np.eye(8) * DETECTED_SD**2, False)
