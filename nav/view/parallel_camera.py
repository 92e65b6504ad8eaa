"""A parallel projection of the model: every picture has one scale, so a ruler on it is true."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from nav.core.frames import Array

# mm between the eye and the focal point; a parallel projection only needs it to be outside
EYE_DISTANCE = 400.0
# LPS: patient's left, posterior, superior
DIRECTIONS = {
    "left": (1.0, 0.0, 0.0),
    "right": (-1.0, 0.0, 0.0),
    "back": (0.0, 1.0, 0.0),
    "top": (0.0, 0.0, 1.0),
}


def unit(vector: ArrayLike) -> Array:
    """Return a vector scaled to length one.

    Parameters
    ----------
    vector : array_like, shape (3,)
        Not zero.

    Returns
    -------
    ndarray, shape (3,)
        Unit vector.
    """
    vector = np.asarray(vector, float)
    return vector / np.linalg.norm(vector)


@dataclass(frozen=True, eq=False)
class View:
    """The pose of a parallel camera.

    Parameters
    ----------
    focal : ndarray, shape (3,)
        Point in the middle of the picture, model frame, mm.
    backwards : ndarray, shape (3,)
        Unit vector from the focal point to the eye.
    up : ndarray, shape (3,)
        Unit vector perpendicular to it.
    half_height : float
        mm of the model from the picture's middle to its upper edge.
    """

    focal: Array
    backwards: Array
    up: Array
    half_height: float

    @staticmethod
    def towards(
        focal: ArrayLike, backwards: ArrayLike, up: ArrayLike, half_height: float
    ) -> "View":
        """Return a view with `up` made perpendicular, or replaced if it is along the view itself.

        Parameters
        ----------
        focal : array_like, shape (3,)
            Point in the middle of the picture, model frame, mm.
        backwards : array_like, shape (3,)
            From the focal point to the eye, of any length.
        up : array_like, shape (3,)
            Roughly upwards.
        half_height : float
            mm from the picture's middle to its upper edge.

        Returns
        -------
        View
            Seen along `backwards`.
        """
        back = unit(backwards)
        side = np.cross(np.asarray(up, float), back)
        if np.linalg.norm(side) < 1e-3:
            side = np.cross([0.0, -1.0, 0.0] if abs(back[1]) < 0.9 else [0.0, 0.0, 1.0], back)
        return View(np.asarray(focal, float), back, unit(np.cross(back, side)), half_height)

    @property
    def right(self) -> Array:
        """Unit vector to the right in the picture."""
        return np.cross(self.up, self.backwards)

    @property
    def eye(self) -> Array:
        """Position of the eye, model frame, mm."""
        return self.focal + EYE_DISTANCE * self.backwards

    def project(self, points: ArrayLike, width: int, height: int) -> Array:
        """Project points into a picture.

        Parameters
        ----------
        points : array_like, shape (n, 3) or (3,)
            Model frame, mm.
        width, height : int
            Of the picture, px.

        Returns
        -------
        ndarray, shape (n, 3)
            x, y in pixels from the top left, and depth from the eye, mm.
        """
        away = np.atleast_2d(np.asarray(points, float)) - self.focal
        scale = height / 2 / self.half_height
        return np.column_stack(
            [
                width / 2 + scale * (away @ self.right),
                height / 2 - scale * (away @ self.up),
                EYE_DISTANCE - away @ self.backwards,
            ]
        )

    def zoomed(self, factor: float) -> "View":
        """Return a view that is closer by a factor, with a half height of 5 to 400 mm."""
        return replace(self, half_height=float(np.clip(self.half_height / factor, 5.0, 400.0)))

    def differs(self, other: "View") -> bool:
        """Return whether the views differ so much that they need different pictures."""
        return bool(
            np.abs(self.focal - other.focal).max() > 0.02
            or np.abs(self.backwards - other.backwards).max() > 1e-3
            or np.abs(self.up - other.up).max() > 1e-3
            or abs(self.half_height / other.half_height - 1) > 1e-3
        )
