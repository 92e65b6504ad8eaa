"""Which views look like their markers, by what the other views of the same pictures show."""

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.tracking.fit.accumulate_views import EXPLAINED, GOOD, LOOKED, NOISE, SPREAD, USED
from nav.tracking.fit.marker_views import MarkerViews
from nav.tracking.fit.view_solver import HUBER, LEAST_NOISE, quantile

WORTH = 0.5  # of the grey levels' variance that a marker must explain to contribute
VISIBLE = 0.35  # of its pixels that must fit it
ENTIRE = 0.98  # the same, of the usual view of a pose that is right
CAP = 1.5  # spread of a view's residuals by the camera's usual one, at which pixels are cut
CALM = 0.7  # the same, below which a spread is not believed
HOPELESS = 4.0  # the same, above which cutting would leave nothing
WORSE = 1.15  # the same, above which it is trusted less
SURE = 0.8  # of the variance explained by views that tell what is usual
FAINT, SMEARED = 0.25, 2.5  # contrast and blur of a view by the usual ones
ALIKE = 1.6  # noise of a camera by what it was before, and by another's
MISFIT = 2.0  # the same, above which a view does not look like its marker
USUAL = 0.2  # quantile of the views' spreads that is taken as the camera's noise


def worthy(stats: Array, worth: float) -> NDArray[np.bool_]:
    """Return which views are explained well enough by their marker, and visible enough.

    Parameters
    ----------
    stats : ndarray, shape (n, STATS)
        As `accumulate_views` fills it.
    worth : float
        Share of the variance that must be explained.

    Returns
    -------
    ndarray, shape (n,), bool
    """
    return np.asarray(_worthy(stats, worth), bool)


@njit(nogil=True, cache=True)
def _worthy(stats, worth):
    good = np.empty(len(stats), np.bool_)
    for k in range(len(stats)):
        visible = stats[k, USED] > VISIBLE * max(stats[k, LOOKED], 1.0)
        good[k] = stats[k, GOOD] > 0 and stats[k, EXPLAINED] > worth and visible
    return good


class Quality:
    """Judge a fit's views by what the other views of the same images show.

    `stats` of the methods are (n, STATS), as `accumulate_views` fills them.

    Parameters
    ----------
    marker_views : MarkerViews
        The n views.
    spread : ndarray, shape (cameras,)
        Noise seen there before, grey levels; 0 where not known.
    """

    def __init__(self, marker_views: MarkerViews, spread: Array) -> None:
        self.marker_views, self.spread = marker_views, spread

    @property
    def usual_cut(self) -> Array:
        """Residuals (n,) from which pixels count less, by earlier noise; 0 where not known."""
        return HUBER * CAP * self.spread[self.marker_views.camera]

    def good(self, stats: Array, brightness: Array, blur: Array) -> NDArray[np.bool_]:
        """Return views that look like their markers as well as others of the same image."""
        usual = self.usual(stats, NOISE)
        return np.asarray(_alike(stats, self.marker_views.camera, usual, brightness, blur), bool)

    def trust(self, stats: Array) -> Array:
        """Return (n,) weight of each view: less for one whose pixels fit worse than others'.

        Something covers a part of it, or it is bent: its own noise does not account for all of its
        error.
        """
        return np.minimum(1.0, np.maximum(self._ratio(stats) / WORSE, 1e-9) ** -4.0)

    def worse(self, stats: Array) -> NDArray[np.bool_]:
        """Return views (n,) whose pixels fit worse than others', but well enough to count."""
        ratio = self._ratio(stats)
        return (ratio > WORSE) & (ratio < MISFIT)

    def most_lose_pixels(self, stats: Array) -> bool:
        """Return whether most views that fit at all have pixels that do not."""
        fair = worthy(stats, WORTH)
        visible = stats[fair, USED] / np.maximum(stats[fair, LOOKED], 1.0)
        return bool(fair.any()) and float(quantile(visible, 0.5)) < ENTIRE

    def _ratio(self, stats: Array) -> Array:
        """Return (n,) noise of each view by what is usual in its camera."""
        return np.asarray(
            stats[:, NOISE] / self.usual(stats, NOISE)[self.marker_views.camera], float
        )

    def cuts(self, stats: Array, near: bool) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_]]:
        """Choose the cuts of each view by its own spread of residuals and its camera's.

        Parameters
        ----------
        stats : ndarray, shape (n, STATS)
            Of a pass.
        near : bool
            Whether the pose was near, so that what noise does not explain is the view's own fault.

        Returns
        -------
        cut : ndarray, shape (n,)
            Residuals, grey levels, from which pixels count less.
        free : ndarray, shape (n,), bool
            Whether blur may change.
        gone : ndarray, shape (n,), bool
            Views that begin anew.
        """
        usual = self.usual(stats, SPREAD)
        cut, free, gone = _cuts(stats, self.marker_views.camera, usual, near)
        return cut, free, gone

    def usual(self, stats: Array, column: int) -> Array:
        """Return every camera's noise: what the better ones of its views show.

        Where all its views are covered, what it was before and what others have bounds it.

        Parameters
        ----------
        stats : ndarray, shape (n, STATS)
            Of a pass.
        column : int
            NOISE or SPREAD.

        Returns
        -------
        ndarray, shape (cameras,)
            Grey levels.
        """
        return np.asarray(_usual(stats, self.marker_views.camera, column, self.spread), float)


@njit(nogil=True, cache=True)
def _usual(stats, camera, column, spread):
    usual = np.full(len(spread), np.inf)
    for c in range(len(spread)):
        own = np.empty(len(stats))
        found = 0
        for k in range(len(stats)):
            if camera[k] == c and stats[k, GOOD] > 0 and stats[k, EXPLAINED] > WORTH:
                own[found] = stats[k, column]
                found += 1
        if found > 0:
            usual[c] = quantile(own[:found], USUAL)
    most = ALIKE * min(usual.min(), 1e3)
    for c in range(len(spread)):
        usual[c] = min(usual[c], most)
        if spread[c] > 0.0:
            usual[c] = min(usual[c], ALIKE * spread[c])
        usual[c] = max(usual[c], LEAST_NOISE)
    return usual


@njit(nogil=True, cache=True)
def _alike(stats, camera, usual, brightness, blur):
    good = _worthy(stats, WORTH)
    sure = np.zeros(len(stats), np.bool_)
    for k in range(len(stats)):
        good[k] &= stats[k, NOISE] < MISFIT * usual[camera[k]]
        sure[k] = good[k] and stats[k, EXPLAINED] > SURE
    if sure.any():
        gain, spread = brightness[:, 0], blur[:, 0] + blur[:, 2]
        good &= gain > FAINT * np.median(gain[sure])
        good &= spread < SMEARED * np.median(spread[sure]) + 0.5
    return good


@njit(nogil=True, cache=True)
def _cuts(stats, camera, usuals, near):
    count = len(stats)
    cut, free, gone = np.zeros(count), np.ones(count, np.bool_), np.zeros(count, np.bool_)
    spread, fair = np.empty(count), _worthy(stats, WORTH)
    for k in range(count):
        spread[k] = min(stats[k, SPREAD], max(stats[k, NOISE], LEAST_NOISE))
    for c in range(len(usuals)):
        own = camera == c
        usual = usuals[c]
        # a covered marker would blur itself beyond recognition
        bound = usual
        if not near and (own & fair).any():
            bound = max(usual, quantile(spread[own & fair], USUAL))
        for k in range(count):
            if not own[k]:
                continue
            capped = spread[k]
            if capped < HOPELESS * usual:
                capped = min(capped, CAP * usual)
            # a view of few pixels would cut until hardly any are left, and fit those
            cut[k] = HUBER * max(capped, CALM * usual)
            free[k] = spread[k] < CAP * bound
            # what nearly all pixels contradict
            gone[k] = stats[k, USED] < VISIBLE * stats[k, LOOKED]
            if gone[k]:
                cut[k] = 0.0
    return cut, free, gone
