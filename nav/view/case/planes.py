"""The three planes of the slice views, and how points of the model map to a picture of one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from nav.core.frames import Array

LEAST_HALF, MOST_HALF = 4.0, 400.0  # mm, from a picture's middle to its nearest edge


@dataclass(frozen=True)
class Plane:
    """Orientation of a slice view, radiological: the patient's right on the picture's left.

    Parameters
    ----------
    name : str
        Such as "axial".
    normal, across, down : int
        Model axes (LPS): across the slice, along the picture's rows and along its columns.
    signs : tuple of two int
        Whether the picture's right and lower edges are where these axes grow (1) or fall (-1).
    letters : tuple of four str
        At the left, right, upper and lower edge.
    """

    name: str
    normal: int
    across: int
    down: int
    signs: tuple[int, int]
    letters: tuple[str, str, str, str]


AXIAL = Plane("axial", 2, 0, 1, (1, 1), ("R", "L", "A", "P"))  # seen from the feet
SAGITTAL = Plane("sagittal", 0, 1, 2, (1, -1), ("A", "P", "S", "I"))  # from the patient's left
CORONAL = Plane("coronal", 1, 0, 2, (1, -1), ("R", "L", "S", "I"))  # from the front
PLANES = (AXIAL, SAGITTAL, CORONAL)
NORMAL_LETTERS = {0: ("R", "L"), 1: ("A", "P"), 2: ("I", "S")}  # of negative, positive


@dataclass(frozen=True)
class Framing:
    """The part of a plane that a picture shows.

    Parameters
    ----------
    middle : tuple of two float
        Of the picture, model coordinates along the plane's `across` and `down` axes, mm.
    half : float
        From there to the nearest edge of the picture, mm.
    """

    middle: tuple[float, float]
    half: float

    def zoomed(self, factor: float, about: tuple[float, float] | None = None) -> Framing:
        """Return the framing closer by a factor; the position `about` (mm) stays where it is."""
        half = float(np.clip(self.half / factor, LEAST_HALF, MOST_HALF))
        if about is None:
            return replace(self, half=half)
        kept = half / self.half
        x, y = (a + kept * (m - a) for a, m in zip(about, self.middle, strict=True))
        return Framing((x, y), half)

    def shifted(self, across: float, down: float) -> Framing:
        """Return the framing moved by mm along its axes."""
        return replace(self, middle=(self.middle[0] + across, self.middle[1] + down))


@dataclass(frozen=True)
class Picture:
    """The mapping between the points of a plane and the pixels of a picture.

    Parameters
    ----------
    plane : Plane
        Of the slice.
    framing : Framing
        The part that is shown.
    width, height : float
        px.
    """

    plane: Plane
    framing: Framing
    width: float
    height: float

    @property
    def scale(self) -> float:
        """Pixels per mm."""
        return min(self.width, self.height) / 2.0 / self.framing.half

    def pixels(self, points: ArrayLike) -> Array:
        """Return pixels (..., 2), x to the right and y down, of model points (..., 3), mm."""
        points = np.asarray(points, float)
        return self.pixels_in_plane(points[..., [self.plane.across, self.plane.down]])

    def pixels_in_plane(self, points: ArrayLike) -> Array:
        """Return pixels (..., 2) of points (..., 2) along the plane's axes, mm."""
        away = (np.asarray(points, float) - self.framing.middle) * self.plane.signs
        return np.asarray(away * self.scale + [self.width / 2.0, self.height / 2.0], float)

    def in_plane(self, x: float, y: float) -> tuple[float, float]:
        """Return the position of a pixel along the plane's axes, mm."""
        away = np.array([x - self.width / 2.0, y - self.height / 2.0]) / self.scale
        a, b = away * self.plane.signs + self.framing.middle
        return float(a), float(b)

    def point(self, x: float, y: float, cross: ArrayLike) -> Array:
        """Return the model point (3,), mm, of a pixel of the slice through the point `cross`."""
        point = np.array(cross, float)
        point[[self.plane.across, self.plane.down]] = self.in_plane(x, y)
        return point


def framing_of(plane: Plane, low: ArrayLike, high: ArrayLike, aspect: float = 1.0) -> Framing:
    """Return the framing that shows a whole box of the model.

    Parameters
    ----------
    plane : Plane
        Of the slice.
    low, high : array_like, shape (3,)
        Corners of the box, model frame, mm.
    aspect : float
        Width over height of the picture.

    Returns
    -------
    Framing
        Centred on the box.
    """
    low, high = np.asarray(low, float), np.asarray(high, float)
    axes = [plane.across, plane.down]
    x, y = ((low + high) / 2.0)[axes]
    wide, tall = (high - low)[axes] / 2.0
    short_over_width, short_over_height = min(1.0, 1.0 / aspect), min(1.0, aspect)
    half = max(wide * short_over_width, tall * short_over_height)
    return Framing((float(x), float(y)), float(np.clip(half, LEAST_HALF, MOST_HALF)))
