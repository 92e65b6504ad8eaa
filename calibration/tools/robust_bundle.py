"""All views of a body together: how much they are believed, and which do not fit at all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from calibration.tools.adjust import Adjusted, Free, adjust
from calibration.tools.body_views import BodyView
from calibration.tools.unknowns import CORNERS, Body, Sightings, residuals_of
from nav.camera.rig import Camera, Rig
from nav.frames import Array

ODD = float(chdtri(CORNERS, 1e-6))  # squared Mahalanobis distance of a view that is left out
USUAL = float(chdtri(CORNERS, 0.5))
MOST_OUT = 0.5  # share of a frame set's views, above which it is left out as a whole
ROBUST, ROUNDS = 3, 12  # rounds with all views; at most
SETTLED = 0.01  # change of the spreads
LEAST_SPREAD = 0.1  # of residuals by their covariance


@dataclass(frozen=True)
class Solved:
    """The body that most views agree on.

    kept : (v,) views that it is of; out : (f,) frame sets that are left out.
    spread : (cameras,) by how much residuals exceed the corners' own sd.
    residuals : (v, 4, 2) px of all views, seen less expected.
    """

    adjusted: Adjusted
    kept: NDArray[np.bool_]
    out: NDArray[np.bool_]
    spread: Array
    residuals: Array


def sightings_of(views: Sequence[BodyView], rig: Rig, ids: Sequence[int]) -> Sightings:
    """Views as arrays; frames are counted in the order of their numbers."""
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
    """Only the poses are fitted: what the file's geometry leaves unexplained."""
    spread = _usual_spread(sightings, body, cameras)
    return adjust(sightings.scaled(spread), body, cameras, Free(markers=False, scale=False))


def solved(sightings: Sightings, body: Body, cameras: tuple[Camera, ...], free: Free) -> Solved:
    """The body that most views agree on.

    First all views have their say, the odd ones less (Huber); how far residuals exceed their
    covariances is taken from the usual view of each camera. Then those are left out that chance
    would hardly make, and frame sets of which most views are.
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
    """(cameras,) by the usual view of each."""
    squares = _squares(sightings, body, cameras)
    spread = np.ones(len(cameras))
    for index in np.unique(sightings.camera):
        spread[index] = np.sqrt(np.median(squares[sightings.camera == index]) / USUAL)
    return np.maximum(spread, LEAST_SPREAD)


def _mean_spread(
    sightings: Sightings, body: Body, cameras: tuple[Camera, ...], kept: NDArray[np.bool_]
) -> Array:
    """(cameras,) by all views kept, less what the unknowns take of their residuals."""
    squares = _squares(sightings, body, cameras)
    unknowns = 6 * (len(np.unique(sightings.frame[kept])) + len(body.nominal) - 1)
    left = max(1.0 - unknowns / max(CORNERS * int(kept.sum()), 1), 0.1)
    spread = np.ones(len(cameras))
    for index in np.unique(sightings.camera[kept]):
        own = kept & (sightings.camera == index)
        spread[index] = np.sqrt(squares[own].mean() / CORNERS / left)
    return np.maximum(spread, LEAST_SPREAD)
