"""Bundle adjustment of a marker body: a pose for each frame, a displacement for each marker.

Gauss-Newton with Levenberg's damping on whitened residuals, Huber's weights, and the Schur
complement over the frames (Triggs et al. 2000), so that only the markers' unknowns stay together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from calibration.tools.unknowns import CORNERS, Body, Sightings, derivatives_of, residuals_of
from nav.camera.rig import Camera
from nav.frames import Array

SHIFT_SD, TURN_SD = 0.5, np.radians(1.0)  # mm, rad: how far off a marker is glued
PRIOR = np.array([SHIFT_SD] * 3 + [TURN_SD] * 3)
SCALE_SD = 0.01  # of the printed size
HUBER = float(np.sqrt(chdtri(CORNERS, 0.01)))  # Mahalanobis distance
STEPS = 30
CONVERGED = 1e-7  # share by which the cost still falls
DAMPING, MOST_DAMPING = 1e-4, 1e6
NOTHING = 1e-9


@dataclass(frozen=True)
class Free:
    """What is estimated beside the poses: the markers' displacements, their common scale."""

    markers: bool = True
    scale: bool = True


@dataclass(frozen=True)
class Adjusted:
    """A body that suits the sightings best.

    covariance : of shifts and turns (6 m) and, if it is free, the scale; mm, rad.
    squares : (v,) squared Mahalanobis distances. residuals : (v, 4, 2) px, seen less expected.
    """

    body: Body
    covariance: Array
    squares: Array
    residuals: Array


def adjust(sightings: Sightings, body: Body, cameras: tuple[Camera, ...], free: Free) -> Adjusted:
    """The body and poses that suit the sightings best, from a body near it."""
    damping = 0.0
    whitened, _ = residuals_of(sightings, body, cameras)
    cost = _cost(whitened, body, free)
    for _ in range(STEPS):
        normal = _Normal(sightings, body, cameras, free)
        while True:
            trial = body.moved(*normal.step(damping))
            whitened, _ = residuals_of(sightings, trial, cameras)
            after = _cost(whitened, trial, free)
            if after <= cost * (1.0 + 1e-12) or damping > MOST_DAMPING:
                break
            damping = max(10.0 * damping, DAMPING)
        fell = cost - after
        if fell >= 0.0:
            body, cost = trial, after
        damping = 0.0 if damping <= DAMPING else damping / 10.0
        if fell <= CONVERGED * cost:
            break
    whitened, residuals = residuals_of(sightings, body, cameras)
    normal = _Normal(sightings, body, cameras, free)
    squares = (whitened**2).sum(axis=1)
    return Adjusted(body, normal.covariance(), squares, residuals)


def _cost(whitened: Array, body: Body, free: Free) -> float:
    """Huber's of all views, and that of the displacements."""
    distance = np.sqrt((whitened**2).sum(axis=1))
    far = np.maximum(distance - HUBER, 0.0)
    cost = float((distance**2 - far**2).sum()) / 2
    if free.markers:
        cost += float(((body.displacements / PRIOR) ** 2).sum()) / 2
    if free.scale:
        cost += (body.scale / SCALE_SD) ** 2 / 2
    return cost if np.isfinite(cost) else np.inf


class _Normal:
    """Normal equations: a block a frame, one for all that the frames share, and between them."""

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
        """Each frame's block, and what lies between it and what all share."""
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
        """The block of what all frames share."""
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
        """What is known beforehand."""
        firm = np.r_[np.tile(PRIOR**-2.0, self.markers), SCALE_SD**-2.0]
        self.all[np.diag_indices(len(firm))] += firm
        self.right -= firm * np.r_[body.displacements.ravel(), body.scale]

    def _reduced(self, damping: float) -> tuple[Array, Array, Array, Array]:
        """What the frames leave to say of what they share, and how each frame follows."""
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
        """Steps of poses (f, 6), markers (m, 6) and scale."""
        both, right, follows, alone = self._reduced(damping)
        shared = np.zeros(len(self.free))
        shared[self.free] = np.linalg.solve(both, right)
        poses = np.asarray(alone - follows @ shared[self.free], float)
        return poses, shared[:-1].reshape(-1, 6), float(shared[-1])

    def covariance(self) -> Array:
        """Of what the frames share and is free."""
        inverse = np.linalg.inv(self._reduced(0.0)[0])
        return np.asarray((inverse + inverse.T) / 2, float)


def _times(first: Array, second: Array) -> Array:
    return np.asarray(first.swapaxes(1, 2) @ second, float)


def _summed(
    shape: tuple[int, ...],
    at: NDArray[np.int64] | tuple[NDArray[np.int64], ...],
    values: Array,
) -> Array:
    """Values (v, ...) summed by their places."""
    total = np.zeros(shape + values.shape[1:])
    np.add.at(total, at, values)
    return total
