"""Robust bundle adjustment of a body: the weight of each camera's views, and outlier rejection."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from calibration.tools.adjust import Adjusted, Free, adjust
from calibration.tools.body_views import BodyView
from calibration.tools.unknowns import CORNERS, Body, Sightings, residuals_of
from nav.camera.rig import Camera, Rig
from nav.core.frames import Array

ODD = float(chdtri(CORNERS, 1e-6))  # squared Mahalanobis distance of a view that is left out
USUAL = float(chdtri(CORNERS, 0.5))
MOST_OUT = 0.5  # share of a frame set's views, above which it is left out as a whole
ROBUST, ROUNDS = 3, 12  # rounds with all views; at most
SETTLED = 0.01  # change of the spreads
LEAST_SPREAD = 0.1  # of residuals by their covariance


@dataclass(frozen=True)
class Solved:
    """The body that most views agree on.

    Attributes
    ----------
    adjusted : Adjusted
        The body fitted to the views kept.
    kept : ndarray of bool, shape (v,)
        Views used.
    out : ndarray of bool, shape (f,)
        Frame sets left out.
    spread : ndarray, shape (cameras,)
        Factor by which residuals exceed the corners' own sd.
    residuals : ndarray, shape (v, 4, 2)
        Of all views, observed minus predicted, px.
    """

    adjusted: Adjusted
    kept: NDArray[np.bool_]
    out: NDArray[np.bool_]
    spread: Array
    residuals: Array


def sightings_of(views: Sequence[BodyView], rig: Rig, ids: Sequence[int]) -> Sightings:
    """Convert views to arrays; frames are indexed in the order of their numbers.

    Parameters
    ----------
    views : sequence of BodyView
        All views.
    rig : Rig
        The cameras, in the order of their indices.
    ids : sequence of int
        Marker ids, in the order of their indices.

    Returns
    -------
    Sightings
        The views as arrays.
    """
    numbers = sorted({view.frame for view in views})
    information = np.linalg.inv(np.array([view.covariance for view in views]))
    roots = np.linalg.cholesky((information + information.swapaxes(1, 2)) / 2)
    return Sightings(
        np.array([numbers.index(view.frame) for view in views]),
        np.array([rig.names.index(view.camera) for view in views]),
        np.array([ids.index(view.marker) for view in views]),
        np.array([view.corners for view in views]),
        np.asarray(roots.swapaxes(1, 2), float),
    )


def with_file_geometry(sightings: Sightings, body: Body, cameras: tuple[Camera, ...]) -> Adjusted:
    """Fit only the poses: the residuals are what the file's geometry leaves unexplained.

    Parameters
    ----------
    sightings : Sightings
        All views.
    body : Body
        Initial poses, and the file's geometry.
    cameras : tuple of Camera
        Of the rig.

    Returns
    -------
    Adjusted
        With the geometry unchanged.
    """
    spread = _usual_spread(sightings, body, cameras)
    return adjust(sightings.scaled(spread), body, cameras, Free(markers=False, scale=False))


def solved(sightings: Sightings, body: Body, cameras: tuple[Camera, ...], free: Free) -> Solved:
    """Fit the body that most views agree on.

    First all views contribute, the outlying ones less (Huber); the factor by which residuals exceed
    their covariances is taken from the median view of each camera. Then views that chance would
    hardly produce are left out, and frame sets that consist mostly of such views.

    Parameters
    ----------
    sightings : Sightings
        All views.
    body : Body
        Initial body and poses.
    cameras : tuple of Camera
        Of the rig.
    free : Free
        What is estimated besides the poses.

    Returns
    -------
    Solved
        The body, which views were kept, and the residuals.
    """
    kept = np.ones(len(sightings.frame), np.bool_)
    out = np.zeros(len(body.poses), np.bool_)
    spread = _usual_spread(sightings, body, cameras)
    for number in range(ROUNDS):
        found = adjust(sightings.chosen(kept).scaled(spread), body, cameras, free)
        body, before, had = found.body, spread, kept
        if number < ROBUST:
            spread = _usual_spread(sightings, body, cameras)
            continue
        squares = _squares(sightings.scaled(spread), body, cameras)
        kept = squares < ODD
        shown = np.bincount(sightings.frame, minlength=len(out))
        odd = np.bincount(sightings.frame[~kept], minlength=len(out))
        out |= odd > MOST_OUT * shown
        kept &= ~out[sightings.frame]
        spread = _mean_spread(sightings, body, cameras, kept)
        if (kept == had).all() and np.abs(spread / before - 1.0).max() < SETTLED:
            break
    _, residuals = residuals_of(sightings, body, cameras)
    return Solved(found, kept, out, spread, residuals)


def _squares(sightings: Sightings, body: Body, cameras: tuple[Camera, ...]) -> Array:
    whitened, _ = residuals_of(sightings, body, cameras)
    return np.asarray((whitened**2).sum(axis=1), float)


def _usual_spread(sightings: Sightings, body: Body, cameras: tuple[Camera, ...]) -> Array:
    """Return the spread (cameras,) by the median view of each camera."""
    squares = _squares(sightings, body, cameras)
    spread = np.ones(len(cameras))
    for index in np.unique(sightings.camera):
        spread[index] = np.sqrt(np.median(squares[sightings.camera == index]) / USUAL)
    return np.maximum(spread, LEAST_SPREAD)


def _mean_spread(
    sightings: Sightings, body: Body, cameras: tuple[Camera, ...], kept: NDArray[np.bool_]
) -> Array:
    """Return the spread (cameras,) by all views kept, corrected for the unknowns fitted to them."""
    squares = _squares(sightings, body, cameras)
    unknowns = 6 * (len(np.unique(sightings.frame[kept])) + len(body.nominal) - 1)
    left = max(1.0 - unknowns / max(CORNERS * int(kept.sum()), 1), 0.1)
    spread = np.ones(len(cameras))
    for index in np.unique(sightings.camera[kept]):
        own = kept & (sightings.camera == index)
        spread[index] = np.sqrt(squares[own].mean() / CORNERS / left)
    return np.maximum(spread, LEAST_SPREAD)
