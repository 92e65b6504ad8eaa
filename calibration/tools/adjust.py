"""Bundle adjustment of a marker body: a pose for each frame, a displacement for each marker.

Gauss-Newton with Levenberg's damping on whitened residuals, Huber weights, and the Schur complement
over the frames (Triggs et al. 2000), so that only the markers' unknowns stay coupled.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from calibration.tools.unknowns import CORNERS, Body, Sightings, derivatives_of, residuals_of
from nav.camera.rig import Camera
from nav.core.frames import Array
from nav.core.gauss_newton import damped_trial

SHIFT_SD, TURN_SD = 0.5, np.radians(1.0)  # mm, rad: how far from its place a marker is glued
PRIOR = np.array([SHIFT_SD] * 3 + [TURN_SD] * 3)
SCALE_SD = 0.01  # of the printed size
HUBER = float(np.sqrt(chdtri(CORNERS, 0.01)))  # Mahalanobis distance
STEPS = 30
CONVERGED = 1e-7  # relative decrease of the cost
DAMPING, MOST_DAMPING = 1e-4, 1e6
NOTHING = 1e-9


@dataclass(frozen=True)
class Free:
    """What is estimated besides the poses.

    Attributes
    ----------
    markers : bool
        The markers' displacements.
    scale : bool
        The markers' common scale.
    """

    markers: bool = True
    scale: bool = True


@dataclass(frozen=True)
class Adjusted:
    """The body that fits the sightings best.

    Attributes
    ----------
    body : Body
        The body and its poses.
    covariance : ndarray, shape (6 m, 6 m) or (6 m + 1, 6 m + 1)
        Of what is free: shifts and turns of the markers, and the scale as the last; mm, rad.
    squares : ndarray, shape (v,)
        Squared Mahalanobis distances of the views.
    residuals : ndarray, shape (v, 4, 2)
        Observed minus predicted corners, px.
    """

    body: Body
    covariance: Array
    squares: Array
    residuals: Array


def adjust(sightings: Sightings, body: Body, cameras: tuple[Camera, ...], free: Free) -> Adjusted:
    """Fit a body and its poses to the sightings, from an initial estimate.

    Parameters
    ----------
    sightings : Sightings
        All views.
    body : Body
        Initial body and poses.
    cameras : tuple of Camera
        Of the rig, taken as exact.
    free : Free
        What is estimated besides the poses.

    Returns
    -------
    Adjusted
        The body, the covariance of what was free, and the residuals.
    """
    damping = 0.0
    whitened, _ = residuals_of(sightings, body, cameras)
    cost = _cost(whitened, body, free)
    for _ in range(STEPS):
        normal = _Normal(sightings, body, cameras, free)
        trial = partial(_trial, sightings, cameras, free, body, normal)
        moved, after, damping = damped_trial(trial, cost, damping, DAMPING, MOST_DAMPING)
        fell = cost - after
        if fell >= 0.0:
            body, cost = moved, after
        damping = 0.0 if damping <= DAMPING else damping / 10.0
        if fell <= CONVERGED * cost:
            break
    whitened, residuals = residuals_of(sightings, body, cameras)
    normal = _Normal(sightings, body, cameras, free)
    squares = (whitened**2).sum(axis=1)
    return Adjusted(body, normal.covariance(), squares, residuals)


def _trial(
    sightings: Sightings,
    cameras: tuple[Camera, ...],
    free: Free,
    body: Body,
    normal: "_Normal",
    damping: float,
) -> tuple[Body, float]:
    """Return the body after a damped step, and its cost."""
    moved = body.moved(*normal.step(damping))
    return moved, _cost(residuals_of(sightings, moved, cameras)[0], moved, free)


def _cost(whitened: Array, body: Body, free: Free) -> float:
    """Return the Huber cost of all views plus that of the displacements."""
    distance = np.sqrt((whitened**2).sum(axis=1))
    far = np.maximum(distance - HUBER, 0.0)
    cost = float((distance**2 - far**2).sum()) / 2
    if free.markers:
        cost += float(((body.displacements / PRIOR) ** 2).sum()) / 2
    if free.scale:
        cost += (body.scale / SCALE_SD) ** 2 / 2
    return cost if np.isfinite(cost) else np.inf


class _Normal:
    """Normal equations: a block per frame, one for the shared unknowns, and the cross blocks."""

    def __init__(
        self, sightings: Sightings, body: Body, cameras: tuple[Camera, ...], free: Free
    ) -> None:
        self.frames, self.markers = len(body.poses), len(body.nominal)
        self.shared = 6 * self.markers  # the scale comes after
        self.free = np.r_[np.full(self.shared, free.markers), free.scale]
        *derivatives, whitened = derivatives_of(sightings, body, cameras)
        distance = np.maximum(np.linalg.norm(whitened, axis=1), 1e-9)
        root = np.sqrt(np.minimum(1.0, HUBER / distance))[:, None]
        by_pose, by_marker, by_scale = (d * root[..., None] for d in derivatives)
        self._sum_frames(sightings, by_pose, by_marker, by_scale, whitened * root)
        self._sum_shared(sightings.marker, by_marker, by_scale, whitened * root)
        self._hold(body)

    def _sum_frames(
        self,
        sightings: Sightings,
        by_pose: Array,
        by_marker: Array,
        by_scale: Array,
        whitened: Array,
    ) -> None:
        """Sum each frame's block, and the cross blocks between it and the shared unknowns."""
        frame, shared, count = sightings.frame, self.shared, (self.frames,)
        self.own = _summed(count, frame, _times(by_pose, by_pose))
        self.pull = _summed(count, frame, _times(by_pose, whitened[..., None])[..., 0])
        at = frame, sightings.marker
        blocks = _summed((self.frames, self.markers), at, _times(by_pose, by_marker))
        self.cross = np.zeros((self.frames, 6, shared + 1))
        self.cross[:, :, :shared] = blocks.swapaxes(1, 2).reshape(self.frames, 6, shared)
        self.cross[:, :, shared] = _summed(count, frame, _times(by_pose, by_scale)[..., 0])

    def _sum_shared(
        self, marker: NDArray[np.int64], by_marker: Array, by_scale: Array, whitened: Array
    ) -> None:
        """Sum the block of the unknowns that all frames share."""
        shared, count = self.shared, (self.markers,)
        self.all, self.right = np.zeros((shared + 1, shared + 1)), np.zeros(shared + 1)
        for m, block in enumerate(_summed(count, marker, _times(by_marker, by_marker))):
            self.all[6 * m : 6 * m + 6, 6 * m : 6 * m + 6] = block
        side = _summed(count, marker, _times(by_marker, by_scale)).ravel()
        self.all[:shared, shared] = self.all[shared, :shared] = side
        self.all[shared, shared] = (by_scale**2).sum()
        pulls = _summed(count, marker, _times(by_marker, whitened[..., None]))
        self.right[:shared] = pulls.ravel()
        self.right[shared] = (by_scale[..., 0] * whitened).sum()

    def _hold(self, body: Body) -> None:
        """Add the prior information."""
        firm = np.r_[np.tile(PRIOR**-2.0, self.markers), SCALE_SD**-2.0]
        self.all[np.diag_indices(len(firm))] += firm
        self.right -= firm * np.r_[body.displacements.ravel(), body.scale]

    def _reduced(self, damping: float) -> tuple[Array, Array, Array, Array]:
        """Return the Schur complement of the shared unknowns, and how each frame follows them."""
        own = self.own.copy()
        own[:, np.arange(6), np.arange(6)] *= 1.0 + damping
        own[:, np.arange(6), np.arange(6)] += NOTHING  # a frame that is left out stays where it is
        cross = self.cross[:, :, self.free]
        follows = np.linalg.solve(own, cross)
        alone = np.linalg.solve(own, self.pull[..., None])[..., 0]
        both = self.all[np.ix_(self.free, self.free)].copy()
        both[np.diag_indices(len(both))] *= 1.0 + damping
        both -= np.einsum("fai,faj->ij", cross, follows)
        right = self.right[self.free] - np.einsum("fai,fa->i", cross, alone)
        return both, right, np.asarray(follows, float), np.asarray(alone, float)

    def step(self, damping: float) -> tuple[Array, Array, float]:
        """Return the steps of poses (f, 6), markers (m, 6) and scale."""
        both, right, follows, alone = self._reduced(damping)
        shared = np.zeros(len(self.free))
        shared[self.free] = np.linalg.solve(both, right)
        poses = np.asarray(alone - follows @ shared[self.free], float)
        return poses, shared[:-1].reshape(-1, 6), float(shared[-1])

    def covariance(self) -> Array:
        """Return the covariance of the shared unknowns that are free."""
        inverse = np.linalg.inv(self._reduced(0.0)[0])
        return np.asarray((inverse + inverse.T) / 2, float)


def _times(first: Array, second: Array) -> Array:
    return np.asarray(first.swapaxes(1, 2) @ second, float)


def _summed(
    shape: tuple[int, ...],
    at: NDArray[np.int64] | tuple[NDArray[np.int64], ...],
    values: Array,
) -> Array:
    """Sum values (v, ...) by their indices."""
    total = np.zeros(shape + values.shape[1:])
    np.add.at(total, at, values)
    return total
