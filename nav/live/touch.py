"""A fiducial touched with the tip: the mean of several results, with its covariance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nav.core.frames import Array
from nav.model.case import Fiducial
from nav.registration.assessment import Assessment

TOUCH_FRAMES = 8  # results averaged for one touch
MAX_WANDER = 1.0  # mm rms of the tip while it should be held still


@dataclass(frozen=True)
class Touch:
    """A fiducial touched with the tip.

    Parameters
    ----------
    fiducial : Fiducial
        Which was touched.
    position : ndarray, shape (3,)
        Mean, reference frame, mm.
    covariance : ndarray, shape (3, 3)
        Reference frame, mm^2.
    wander : float
        Rms of the tip about the mean, mm.
    """

    fiducial: Fiducial
    position: Array
    covariance: Array
    wander: float


def mean_touch(fiducial: Fiducial, gathered: Sequence[tuple[Array, Array, Array]]) -> Touch:
    """Average the results of a touch.

    Parameters
    ----------
    fiducial : Fiducial
        Which is touched.
    gathered : sequence of (ndarray, ndarray, ndarray)
        Position (3,), random and systematic covariance (3, 3) of the tip, reference frame, mm.

    Returns
    -------
    Touch
        The random error shrinks with the number of results, the systematic one does not.
    """
    positions, random, systematic = (np.array(part) for part in zip(*gathered, strict=True))
    position = positions.mean(axis=0)
    wander = float(np.sqrt(((positions - position) ** 2).sum(axis=1).mean()))
    covariance = random.mean(axis=0) / len(gathered) + systematic.mean(axis=0)
    return Touch(fiducial, position, covariance, wander)


def labels_to_touch_again(found: Assessment) -> set[str]:
    """Return labels of the touches that the only explanation blames; all where it is unclear.

    Parameters
    ----------
    found : Assessment
        Of touched fiducials that were refused.

    Returns
    -------
    set of str
    """
    if len(found.explanations) == 1:
        (only,) = found.explanations
        if only.kind in ("point", "points", "labels") and only.factor == 1.0:
            return set(only.labels)
    return set(found.labels)
