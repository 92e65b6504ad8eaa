"""A fiducial touched with the tip: the mean of several results, with its covariance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.model.case import Case, Fiducial
from nav.pipeline import Guidance
from nav.registration.assessment import Assessment, assess_touches
from nav.tracking.tip import tip_error_columns
from nav.tracking.tool import Tool

TOUCH_FRAMES = 8  # results averaged for one touch
MAX_WANDER = 1.0  # mm rms of the tip while it should be held still


class TipSample(NamedTuple):
    """One result of a touch, reference frame, mm and mm^2."""

    position: Array  # (3,)
    random: Array  # (3, 3)
    systematic: Array  # (3, 3), with what the tip's calibration gives to it
    shared: Array  # (3, 4): the tip's calibration, one standard deviation in each column


@dataclass(frozen=True)
class Touch:
    """A fiducial touched with the tip.

    Parameters
    ----------
    fiducial : Fiducial
        Which was touched.
    position : ndarray, shape (3,)
        Mean, reference frame, mm.
    own : ndarray, shape (3, 3)
        Covariance of the errors that it shares with no other touch, reference frame, mm^2.
    shared : ndarray, shape (3, k)
        How the errors of the tip's calibration, which all touches share, move it by one standard
        deviation, mm.
    wander : float
        Rms of the tip about the mean, mm.
    """

    fiducial: Fiducial
    position: Array
    own: Array
    shared: Array
    wander: float

    @property
    def covariance(self) -> Array:
        """Total (3, 3), mm^2."""
        return self.own + self.shared @ self.shared.T


def sample_tip(guidance: Guidance, needle: Tool, reference: str) -> TipSample | Lost:
    """Return the tip of one result, its shared errors apart.

    Parameters
    ----------
    guidance : Guidance
        The result.
    needle : Tool
        With a tip.
    reference : str
        Name of the reference body.

    Returns
    -------
    TipSample or Lost
        Or why the tip is not known.
    """
    tip = guidance.reference_tip
    if isinstance(tip, Lost):
        return tip
    pose, seen = guidance.tracked.pose(needle.name, reference), guidance.tracked.tools[needle.name]
    if isinstance(pose, Lost):
        return pose
    rotation = pose.transform.rotation.as_matrix()
    scale_sd = 0.0 if isinstance(seen, Lost) else seen.tip_scale_sd
    return TipSample(
        tip.position, tip.random, tip.systematic, tip_error_columns(rotation, needle, scale_sd)
    )


def mean_touch(fiducial: Fiducial, gathered: Sequence[TipSample]) -> Touch:
    """Average the results of a touch.

    Parameters
    ----------
    fiducial : Fiducial
        Which is touched.
    gathered : sequence of TipSample
        The results.

    Returns
    -------
    Touch
        The random error shrinks with the number of results, the systematic one does not.
    """
    positions, random, systematic, shared = (np.array(part) for part in zip(*gathered, strict=True))
    position = positions.mean(axis=0)
    wander = float(np.sqrt(((positions - position) ** 2).sum(axis=1).mean()))
    common = shared.mean(axis=0)
    own = random.mean(axis=0) / len(gathered) + systematic.mean(axis=0) - common @ common.T
    return Touch(fiducial, position, own, common, wander)


def assess(case: Case, touches: Sequence[Touch], fle: float, target: Array | None) -> Assessment:
    """Register live touches and assess the result, as `nav register` does.

    Parameters
    ----------
    case : Case
        Whose fiducials were touched.
    touches : sequence of Touch
        Of fiducials and check points.
    fle : float
        Fiducial localisation error, mm, one standard deviation per axis.
    target : ndarray, shape (3,), or None
        Where the predicted TRE counts, model frame, mm.

    Returns
    -------
    Assessment

    Raises
    ------
    InputError
        As `assess_touches`.
    """
    return assess_touches(
        case.fiducials,
        {touch.fiducial.label: touch.position for touch in touches},
        {touch.fiducial.label: touch.own for touch in touches},
        fle,
        target,
        shared={touch.fiducial.label: touch.shared for touch in touches},
    )


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
