"""A tool found in one frame set: its pose with all errors, and whether it is to be believed."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform

from nav.core.frames import Array, Pose
from nav.tracking.fit.consensus import Consensus
from nav.tracking.fit.corner_pose import DECISIVE
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.initial_pose import APART, angle_between
from nav.tracking.fit.normal_equations import corner_covariance
from nav.tracking.fit.printed_size import SizeError

LOOSE = np.array([10.0] * 3 + [0.1] * 3)  # mm, rad: sd above which a pose is undetermined
# mm, rad: the same where the views agree, or are few. From few half-hidden markers errors are no
# longer linear: of 121 such poses those vaguer than this were up to 21 mm and seven sd off.
VAGUE = np.array([3.0] * 3 + [0.015] * 3)
FEW = 4  # views: if so few disagree, it cannot be told which are wrong
UNSEEN = 100.0  # px that a corner may be off that a view does not show at all
CELL = 1 / 8  # of a marker's side; further off than a cell, patterns fit by chance only
HALF, SURE = 0.35, 0.85  # share of the views used; of the variance that a sure one explains
MOST_SEEN = 0.6  # of the markers that should be seen; if fewer fit, it is tried again


@dataclass(frozen=True)
class PoseCandidate:
    """A tool found in one frame set.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        rig_from_tool.
    random : ndarray, shape (6, 6)
        Covariance of its errors of this frame set, mm^2 and rad^2.
    systematic : ndarray, shape (6, 6)
        Covariance of the systematic errors.
    fit_result : FitResult
        What the pixels of its views say.
    consensus : Consensus
        What these agree on.
    corners : ndarray, shape (n, 4, 2)
        Where each view's pixels have them, px.
    projected : ndarray, shape (n, 4, 2)
        Where the pose has them, px.
    residuals : ndarray, shape (n, 8)
        Difference of the two, px.
    size : SizeError
        How the pose depends on the tool's printed size; in `systematic` too.
    """

    matrix: Array
    random: Array
    systematic: Array
    fit_result: FitResult
    consensus: Consensus
    corners: Array
    projected: Array
    residuals: Array
    size: SizeError = field(default_factory=SizeError)

    @cached_property
    def corner_covariance(self) -> Array:
        """Covariance of each view's corners by its own pixels, (n, 8, 8), px^2."""
        seen = self.fit_result
        by_flow = seen.projection.by_flow
        return np.asarray(corner_covariance(seen.information, by_flow, UNSEEN**-2.0), float)

    @property
    def corner_variance(self) -> Array:
        """Mean over each view's corners and axes, (n,), px^2."""
        return np.asarray(np.trace(self.corner_covariance, axis1=1, axis2=2) / 8, float)

    @property
    def pose(self) -> Pose:
        """rig_from_tool with its random errors."""
        return Pose(RigidTransform(self.matrix, normalize=False), self.random)

    @property
    def loose(self) -> bool:
        """Whether what is seen does not hold the tool: millimetres or a degree are open."""
        agreed = self.consensus
        total = np.sqrt(np.diag(agreed.covariance + agreed.systematic))
        return bool((total > (LOOSE if self.misaligned else VAGUE)).any())

    @property
    def misaligned(self) -> bool:
        """Whether many views disagree: a wrong rig or tool makes them vague alike, and says so."""
        return bool(not self.consensus.fits and self.consensus.used.sum() > FEW)

    @property
    def apart(self) -> bool:
        """Whether its markers lie a cell and more off where the tool has them.

        Half a cell where less than half of them are sure: all of them may be off by a wrong rig.
        """
        used = self.sure if self.sure.any() else self.consensus.used
        residual = np.sqrt((self.residuals[used] ** 2).mean(axis=1))
        around = self.projected[used] - np.roll(self.projected[used], 1, axis=1)
        sides = np.linalg.norm(around, axis=2).mean(axis=1)
        return bool(np.median(residual / sides) > (CELL if self.sure.mean() >= 0.5 else CELL / 2))

    @property
    def convincing(self) -> bool:
        """Whether so much looks like the tool that chance cannot have done it.

        Half a marker's variance is explained by chance now and then: where a jerk throws the tool
        far off its predicted place, a third of the views may do so, and agree.
        """
        return bool(self.sure.sum() >= 2 or (self.sure.any() and len(self.sure) <= 3))

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Views that contribute and look so much like their markers that they are theirs."""
        return np.asarray(self.consensus.used & (self.fit_result.quality.explained > SURE), bool)

    @property
    def share(self) -> float:
        """Share of the views that face a camera which contribute."""
        return float(self.consensus.used.mean())

    @property
    def log_likelihood(self) -> float:
        """Log likelihood of the pixels by this pose, above that of plain paper."""
        seen = self.fit_result
        used = self.consensus.used
        gain = -0.5 * np.log(np.maximum(1.0 - seen.quality.explained[used], 1e-6))
        return float((seen.quality.pixels[used] * gain).sum() - 0.5 * self.consensus.chi2)


def better(first: PoseCandidate | None, second: PoseCandidate | None) -> PoseCandidate | None:
    """Return the candidate that explains the pixels better.

    Parameters
    ----------
    first, second : PoseCandidate or None
        Of the same tool and frame set.

    Returns
    -------
    PoseCandidate or None
        One whose markers lie where the tool has them comes first; None where both are.
    """
    if first is None or second is None:
        return first or second
    if first.apart != second.apart:
        return first if second.apart else second
    return second if second.log_likelihood > first.log_likelihood else first


def is_same_pose(first: PoseCandidate, second: PoseCandidate) -> bool:
    """Return whether two different poses explain the pixels about as well.

    Parameters
    ----------
    first, second : PoseCandidate
        Of the same tool and frame set.

    Returns
    -------
    bool
        False where the poses' rotations hardly differ.
    """
    angle = angle_between(first.matrix, second.matrix)
    return bool(angle > APART and abs(first.log_likelihood - second.log_likelihood) < DECISIVE / 2)
