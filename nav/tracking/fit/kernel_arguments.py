"""What compiled functions are given and fill, as named structures; all of them are plain arrays.

Structures of one view hold what those of many views have a row of.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array


class CameraImage(NamedTuple):
    """One camera's image, and how the camera makes it of light.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8
        Grey levels.
    grid : ndarray
        The camera's `RayGrid.grid`.
    curve : ndarray, shape (4, entries)
        The camera's response from 0 to 1: grey, its slope, its derivatives by its two parameters.
    power : float
        Exponent e of response.py: grey levels go as the light to this power.
    unknown : float
        Grey level that stands for a pixel that is not known; -1 where all are.
    """

    image: NDArray[np.uint8]
    grid: Array
    curve: Array
    power: float
    unknown: float = -1.0


class MarkerPattern(NamedTuple):
    """What is printed.

    Parameters
    ----------
    changes : ndarray, shape (4, (2 n + 4)^2)
        See `colour_changes`.
    cells : int
        Cells n along a side, border included.
    zone : float
        Width of the white zone, cells.
    """

    changes: Array
    cells: int
    zone: float


class PlaneView(NamedTuple):
    """How a marker's plane lies in an image.

    Parameters
    ----------
    window : ndarray, shape (5,), int
        row0, row1, column0, column1, middle row.
    plane : ndarray, shape (3, 3)
        Homography from a ray (x, y, 1) to the marker's plane, cells.
    ray_per_pixel : ndarray, shape (2, 2)
        Derivative of the ray by the pixel, at the marker.
    drift : ndarray, shape (8,)
        Flow of the plane per image row (rolling shutter).
    """

    window: NDArray[np.int64]
    plane: Array
    ray_per_pixel: Array
    drift: Array


class SplitBlur(NamedTuple):
    """A blur as a narrow Gaussian and motion during the exposure.

    Parameters
    ----------
    uu, uv, vv : float
        Covariance of the narrow Gaussian, px^2.
    motion_u, motion_v : float
        Displacement during the exposure, px; zeros where the blur is not longer one way.
    nodes : int
        Number of Gaussians along it.
    """

    uu: float
    uv: float
    vv: float
    motion_u: float
    motion_v: float
    nodes: int


class PixelSelection(NamedTuple):
    """Which of a marker's pixels count.

    Parameters
    ----------
    cut : float
        Residual, grey levels, from which a pixel is weighted down (Huber), and from LEAST_USED
        times that it is not used; 0: all are.
    beside : ndarray, shape ((n + 2)^2,) or (0,), bool
        Cells of which no pixel is used.
    odd : ndarray, shape ((n + 2)^2,), int
        Filled: pixels beyond the cut by cell; those of `beside` and those that are not used count
        too.
    """

    cut: float
    beside: NDArray[np.bool_]
    odd: NDArray[np.int64]


class PixelBuffers(NamedTuple):
    """What the pixels of one view are summed in.

    Parameters
    ----------
    sheet : ndarray, shape (SHEET,)
        A batch of pixels, see pattern.py.
    moments : ndarray, shape (COLUMNS + 1, COLUMNS + 1)
        Products of derivatives; the last row and column are the residuals.
    histogram : ndarray, shape (HISTOGRAM,), int
        Of the absolute residuals, all pixels.
    totals : ndarray, shape (TOTALS,)
        Fields of `PixelTotals`.
    """

    sheet: Array
    moments: Array
    histogram: NDArray[np.int64]
    totals: Array


class PixelTotals(NamedTuple):
    """Sums over the pixels of one view.

    Parameters
    ----------
    looked, used : int
        Pixels in the marker's reach, and those used.
    weight, grey, square : float
        Sum of weights, of weighted grey levels and of their weighted squares.
    """

    looked: int
    used: int
    weight: float
    grey: float
    square: float


class ViewStep(NamedTuple):
    """One view's normal equations, with what it alone has eliminated.

    Parameters
    ----------
    information, gradient : ndarray, shape (PLACE, PLACE) and (PLACE,)
        Of flow and response, per grey level^2.
    follow, rest : ndarray, shape (BRIGHTNESS + BLUR, PLACE) and (BRIGHTNESS + BLUR,)
        How what was eliminated follows.
    noise : float
        Standard deviation of the grey levels about the fit.
    explained : float
        Share of variance explained.
    chance : float
        Variance of the light's curvature by that of the noise.
    good : bool
        Whether the equations could be solved.
    """

    information: Array
    gradient: Array
    follow: Array
    rest: Array
    noise: float
    explained: float
    chance: float
    good: bool


class MarkerPatterns(NamedTuple):
    """`MarkerPattern` of n views.

    Parameters
    ----------
    changes : ndarray, shape (n, 4, (2 cells + 4)^2)
        See `colour_changes`.
    cells : int
        Cells along a side, border included.
    zones : ndarray, shape (n,)
        Widths of the white zones, cells.
    """

    changes: Array
    cells: int
    zones: Array


class PlaneViews(NamedTuple):
    """`PlaneView` of n views.

    Parameters
    ----------
    window : ndarray, shape (n, 5), int
        row0, row1, column0, column1, middle row.
    plane : ndarray, shape (n, 3, 3)
        Homographies from rays to cells.
    ray_per_pixel : ndarray, shape (n, 2, 2)
        Derivatives of the rays by the pixel.
    drift : ndarray, shape (n, 8)
        Flow per image row (rolling shutter).
    """

    window: NDArray[np.int64]
    plane: Array
    ray_per_pixel: Array
    drift: Array


class Appearance(NamedTuple):
    """How n views look, beside where they lie.

    Parameters
    ----------
    brightness : ndarray, shape (n, BRIGHTNESS)
        Of the last step; changed in place, to fit best with the geometry as it is.
    blur, prior_blur : ndarray, shape (n, BLUR)
        Covariance uu, uv, vv, px^2, now and expected.
    free : ndarray, shape (n,), bool
        Whether the blur may change.
    cut : ndarray, shape (n,)
        Residual, grey levels, from which a pixel is weighted down; 0: none.
    odd : ndarray, shape (n, cells), int
        Number of pixels beyond the cut in each cell: of the last pass, replaced by those of this
        one.
    """

    brightness: Array
    blur: Array
    prior_blur: Array
    free: NDArray[np.bool_]
    cut: Array
    odd: NDArray[np.int64]


class ViewEquations(NamedTuple):
    """`ViewStep` of n views.

    Parameters
    ----------
    information, gradient : ndarray, shape (n, PLACE, PLACE) and (n, PLACE)
        Of flow and response, per grey level^2.
    follow, rest : ndarray, shape (n, BRIGHTNESS + BLUR, PLACE) and (n, BRIGHTNESS + BLUR)
        How what was eliminated follows.
    stats : ndarray, shape (n, STATS)
        Columns NOISE to CHANCE of accumulate_views.py.
    """

    information: Array
    gradient: Array
    follow: Array
    rest: Array
    stats: Any
