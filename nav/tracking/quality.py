"""Which views look like their markers, by what the other views of the same pictures show."""

import numpy as np
from numpy.typing import NDArray

from nav.frames import Array
from nav.tracking.fit import HUBER, LEAST_NOISE
from nav.tracking.passes import EXPLAINED, GOOD, LOOKED, NOISE, SPREAD, USED
from nav.tracking.sight import Sights

WORTH = 0.5  # of the grey levels' variance that a marker must explain to have a say
VISIBLE = 0.35  # of its pixels that must fit it
CAP = 1.5  # spread of a view's residuals by the camera's usual one, at which pixels are cut
CALM = 0.7  # the same, below which a spread is not believed
HOPELESS = 4.0  # the same, above which cutting would leave nothing
WORSE = 1.15  # the same, above which it is trusted less
SURE = 0.8  # of the variance explained by views that tell what is usual
FAINT, SMEARED = 0.25, 2.5  # contrast and blur of a view by the usual ones
ALIKE = 1.6  # noise of a camera by what it was before, and by another's
MISFIT = 2.0  # the same, above which a view does not look like its marker
USUAL = 0.2  # quantile of the views' spreads that is taken as the camera's noise


def quantile(values: Array, share: float) -> float:
    """A quantile by the nearest value: of few numbers, many times."""
    return float(np.sort(values)[int(share * (len(values) - 1) + 0.5)])


def worthy(stats: Array, worth: float) -> NDArray[np.bool_]:
    """Views (n,) that explain so much of their variance, and of which enough can be seen."""
    visible = stats[:, USED] / np.maximum(stats[:, LOOKED], 1.0)
    return (stats[:, GOOD] > 0) & (stats[:, EXPLAINED] > worth) & (visible > VISIBLE)


class Quality:
    """Judges a fit's views; `stats` (n, STATS) are those of `passes.look`.

    spread : (cameras,) grey levels of noise seen there before, or 0.
    """

    def __init__(self, sights: Sights, spread: Array) -> None:
        self.sights, self.spread = sights, spread

    @property
    def usual_cut(self) -> Array:
        """(n,) residuals from which pixels count less, by the noise seen before; 0: not known."""
        return HUBER * CAP * self.spread[self.sights.camera]

    def good(self, stats: Array, brightness: Array, blur: Array) -> NDArray[np.bool_]:
        """Views that look like their markers as well as others of the same picture."""
        good = worthy(stats, WORTH)
        usual = self.usual(stats, NOISE)[self.sights.camera]
        good &= stats[:, NOISE] < MISFIT * usual
        gain, spread = brightness[:, 0], blur[:, 0] + blur[:, 2]
        sure = good & (stats[:, EXPLAINED] > SURE)
        if sure.any():
            good &= gain > FAINT * np.median(gain[sure])
            good &= spread < SMEARED * np.median(spread[sure]) + 0.5
        return good

    def trust(self, stats: Array) -> Array:
        """(n,) weight of each view: less for one whose pixels fit worse than others'.

        Something covers a part of it, or it is bent: its own noise does not tell all of its error.
        """
        return np.minimum(1.0, np.maximum(self._ratio(stats) / WORSE, 1e-9) ** -4.0)

    def worse(self, stats: Array) -> NDArray[np.bool_]:
        """Views (n,) whose pixels fit worse than others', though not so much as to have no say."""
        ratio = self._ratio(stats)
        return (ratio > WORSE) & (ratio < MISFIT)

    def _ratio(self, stats: Array) -> Array:
        """(n,) noise of each view by what is usual in its camera."""
        return np.asarray(stats[:, NOISE] / self.usual(stats, NOISE)[self.sights.camera], float)

    def cuts(self, stats: Array, near: bool) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_]]:
        """Residuals from which pixels count less, whether blur may change, what begins anew.

        By each view's own spread of residuals and its camera's. near : whether the pose was near,
        so that what noise does not explain is the view's own fault.
        """
        cut, free = np.zeros(len(stats)), np.ones(len(stats), np.bool_)
        usuals = self.usual(stats, SPREAD)
        for index, first, last in self.sights.slices:
            own, usual = stats[first:last], usuals[index]
            spread = np.minimum(own[:, SPREAD], np.maximum(own[:, NOISE], LEAST_NOISE))
            capped = np.where(spread < HOPELESS * usual, np.minimum(spread, CAP * usual), spread)
            # a view of few pixels would cut until hardly any are left, and fit those
            cut[first:last] = HUBER * np.maximum(capped, CALM * usual)
            # a covered marker would blur itself beyond recognition
            fair = spread[worthy(own, WORTH)]
            if not near and len(fair):
                usual = max(usual, quantile(fair, USUAL))
            free[first:last] = spread < CAP * usual
        # what nearly all pixels contradict
        gone = stats[:, USED] < VISIBLE * stats[:, LOOKED]
        cut[gone] = 0.0
        return cut, free, gone

    def usual(self, stats: Array, column: int) -> Array:
        """Every camera's noise, grey levels: what the better ones of its views show.

        Where all its views are covered, what it was before and what others have bounds it.
        """
        fair = (stats[:, GOOD] > 0) & (stats[:, EXPLAINED] > WORTH)
        usual = np.full(len(self.sights.eyes), np.inf)
        for index, first, last in self.sights.slices:
            own = stats[first:last][fair[first:last], column]
            if len(own):
                usual[index] = quantile(own, USUAL)
        usual = np.minimum(usual, ALIKE * min(usual.min(), 1e3))
        known = np.where(self.spread > 0.0, ALIKE * self.spread, np.inf)
        return np.maximum(np.minimum(usual, known), LEAST_NOISE)
