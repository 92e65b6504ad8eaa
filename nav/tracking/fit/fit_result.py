"""What the pixels of all of a tool's views say about its pose: the result of the direct fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.tracking.fit.marker_views import MarkerViews
from nav.tracking.fit.response import Response


@dataclass(frozen=True)
class Projection:
    """How the markers of n views lie before their cameras by a pose.

    Parameters
    ----------
    pose : ndarray, shape (4, 4)
        rig_from_tool.
    pivot : ndarray, shape (3,)
        The tool's middle in the rig frame, mm.
    poses : ndarray, shape (n, 4, 4)
        rig_from_tool when each view was taken.
    plane : ndarray, shape (n, 3, 3)
        Homographies from rays to cells.
    flow : ndarray, shape (n, 8, 6)
        Flow by motion about the pivot.
    corners : ndarray, shape (n, 4, 2)
        In px.
    by_flow : ndarray, shape (n, 8, 8)
        Their derivative by flow.
    scale : ndarray, shape (n,)
        Size of a cell, px.
    """

    pose: Array
    pivot: Array
    poses: Array
    plane: Array
    flow: Array
    corners: Array
    by_flow: Array
    scale: Array


@dataclass(frozen=True)
class ViewAppearance:
    """What n views have of their own, beside the tool's pose.

    Parameters
    ----------
    blur : ndarray, shape (n, 3)
        Covariance uu, uv, vv, px^2.
    brightness : ndarray, shape (n, BRIGHTNESS)
        See pixel_moments.py; zeros where it is not known.
    offset : ndarray, shape (n, 8)
        Flow by which each marker lies off the pose.
    slack : float
        Standard deviation of that, px; 0 if none.
    """

    blur: Array
    brightness: Array
    offset: Array
    slack: float


@dataclass(frozen=True)
class ViewQuality:
    """How well n views look like their markers.

    Parameters
    ----------
    good : ndarray, shape (n,), bool
        Whether a view looks like its marker.
    explained : ndarray, shape (n,)
        Share of the variance that the marker explains.
    visible : ndarray, shape (n,)
        Share of its pixels that fit it.
    noise : ndarray, shape (n,)
        Standard deviation about the fit, grey levels.
    pixels : ndarray, shape (n,)
        How many contributed.
    """

    good: NDArray[np.bool_]
    explained: Array
    visible: Array
    noise: Array
    pixels: Array


@dataclass(frozen=True)
class FitResult:
    """What the pixels of every view say about the pose, linear about where the passes ended.

    Parameters
    ----------
    marker_views : MarkerViews
        The n views.
    velocity : ndarray, shape (6,)
        About the pivot, mm/s and rad/s.
    projection : Projection
        By the pose where the passes ended.
    information : ndarray, shape (n, 10, 10)
        Of flow and response, in units of the noise.
    gradient : ndarray, shape (n, 10)
        The same.
    appearance : ViewAppearance
        Of the views.
    quality : ViewQuality
        Of the views.
    responses : sequence of Response
        The cameras' curves.
    toward : ndarray, shape (cameras, 2)
        Pull of what was known of them.
    start_corners : ndarray, shape (n, 4, 2)
        Corners at the pose that the fit started from, px.
    """

    marker_views: MarkerViews
    velocity: Array
    projection: Projection
    information: Array
    gradient: Array
    appearance: ViewAppearance
    quality: ViewQuality
    responses: Sequence[Response]
    toward: Array
    start_corners: Array
