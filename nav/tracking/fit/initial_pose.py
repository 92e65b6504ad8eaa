"""Where to begin: a tool's pose right to about a pixel, whichever marker was misread."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nav.core.frames import Array
from nav.core.gauss_newton import gauss_newton
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.fit.reprojection import ViewStack

STEPS = 10
CONVERGED = 1e-4  # mm and rad
MOST_TURN = 1.0  # rad in a step
FIRM = 1e-9  # share of the trace added, so that what is not seen stays solvable
ROBUST = 3.0  # px: a marker off by more has little weight
POOR = ROBUST**2 / 2  # px^2, mean bounded square, above which every marker is tried alone
GOOD = 1.0  # px^2, below which the last pose needs no rival
MOST_STARTS = 6
APART = np.radians(3.0)  # rotations further apart are two poses
FLAT = 1e-3  # thickness by width below which markers count as in one plane


@dataclass(frozen=True)
class Start:
    """Where to begin.

    Parameters
    ----------
    pose : ndarray, shape (4, 4)
        rig_from_tool near the best one.
    rival : ndarray, shape (4, 4), or None
        The other pose that may look the same.
    """

    pose: Array
    rival: Array | None


def find_start(views: Sequence[MarkerView], guess: Array | None) -> Start | None:
    """Find a pose to begin with, by all the evidence.

    Flat markers seen by one camera have two poses that look much the same [1]_, so there a second
    pose is always returned if one is found, even where the guess fits.

    Parameters
    ----------
    views : sequence of MarkerView
        Of one tool.
    guess : ndarray, shape (4, 4), or None
        rig_from_tool that is tried too.

    Returns
    -------
    Start or None
        None where there is no pose at all.

    References
    ----------
    .. [1] Schweighofer and Pinz, IEEE PAMI 28(12), 2006.
    """
    stack = ViewStack(views)
    single_flat = len(stack.cameras) == 1 and flat(stack.corners.reshape(-1, 3))
    tried = []
    if guess is not None:
        tried = _improved([guess], stack)
        if tried and not single_flat and tried[0][0] < GOOD:
            return Start(tried[0][1], None)
    cameras = [[view for view in views if view.camera == camera] for camera, _ in stack.cameras]
    for group in cameras:
        tried += _improved(_candidates(group), stack)
    if not tried or min(tried, key=lambda pair: pair[0])[0] > POOR:
        # one misread marker can spoil the rest: try each alone
        for view in views:
            tried += _improved(_candidates([view]), stack)
    if not tried:
        return None
    ranked = [pose for _, pose in sorted(tried, key=lambda pair: pair[0])]
    others = (pose for pose in ranked if angle_between(pose, ranked[0]) > APART)
    return Start(ranked[0], next(others, None) if single_flat else None)


def all_starts(views: Sequence[MarkerView]) -> list[Array]:
    """Return poses that any marker by itself would have.

    Parameters
    ----------
    views : sequence of MarkerView
        Of one tool.

    Returns
    -------
    list of ndarray, shape (4, 4)
        rig_from_tool, the likeliest first; at most MOST_STARTS, whose rotations differ.
    """
    stack = ViewStack(views)
    tried = [pair for view in views for pair in _improved(_candidates([view]), stack)]
    distinct: list[Array] = []
    for _, pose in sorted(tried, key=lambda pair: pair[0]):
        if all(angle_between(pose, other) > APART for other in distinct):
            distinct.append(pose)
    return distinct[:MOST_STARTS]


def angle_between(pose: Array, other: Array) -> float:
    """Return the angle between two poses' rotations.

    Parameters
    ----------
    pose, other : ndarray, shape (4, 4)
        In the same frames.

    Returns
    -------
    float
        In rad, 0 to pi.
    """
    turn = (np.trace(pose[:3, :3].T @ other[:3, :3]) - 1.0) / 2.0
    return float(np.arccos(np.clip(turn, -1.0, 1.0)))


def _candidates(views: Sequence[MarkerView]) -> list[Array]:
    """Return poses from one camera's views; both solutions of a flat target."""
    camera = views[0].camera
    points = np.concatenate([view.marker.corners for view in views])
    pixels = np.concatenate([view.corners for view in views])
    method = cv2.SOLVEPNP_IPPE if flat(points) else cv2.SOLVEPNP_SQPNP
    try:
        _, rotations, translations, _ = cv2.solvePnPGeneric(
            points, pixels, camera.matrix, camera.distortion, flags=method
        )
    except cv2.error:
        return []
    rig_from_camera = np.linalg.inv(camera.camera_from_rig.as_matrix())
    poses = []
    for rotation, translation in zip(rotations, translations, strict=True):
        camera_from_tool = np.eye(4)
        camera_from_tool[:3, :3] = cv2.Rodrigues(rotation)[0]
        camera_from_tool[:3, 3] = np.ravel(translation)
        if np.isfinite(camera_from_tool).all():
            poses.append(rig_from_camera @ camera_from_tool)
    return poses


def flat(points: Array) -> bool:
    """Return whether points lie in one plane.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        In mm.

    Returns
    -------
    bool
        By the ratio of their least to their largest extent.
    """
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[2] < FLAT * spread[0])


def _improved(candidates: Sequence[Array], stack: ViewStack) -> list[tuple[float, Array]]:
    """Return (cost, pose) of candidates after a few robust steps, without those behind a camera."""
    better = [_improve(candidate, stack) for candidate in candidates]
    return [(_cost(pose, stack), pose) for pose in better if stack.in_front(pose)]


def _squares(residuals: Array) -> Array:
    return (residuals**2).mean(axis=1)


def _cost(pose: Array, stack: ViewStack) -> float:
    """Return the mean over the markers of a bounded squared residual, px^2."""
    squares = _squares(stack.residuals(pose))
    return float(np.mean(squares / (1.0 + squares / ROBUST**2)))


def _improve(pose: Array, stack: ViewStack) -> Array:
    """Take a few robust steps with all corners weighted alike."""

    def linearise(at: Array) -> tuple[Array, Array]:
        residuals, jacobian = stack.linearised(at)
        weight = (1.0 + _squares(residuals) / ROBUST**2) ** -2
        weighted = jacobian * weight[:, None, None]
        normal = np.einsum("nia,nib->ab", jacobian, weighted)
        return normal, np.einsum("nia,ni->a", weighted, residuals)

    return gauss_newton(
        pose, linearise, stack.moved, steps=STEPS, converged=CONVERGED, solve=_plausible_step
    )


def _plausible_step(normal: Array, gradient: Array) -> Array | None:
    """Return a step; None where there is none, or it turns the tool by more than a radian."""
    try:
        step = np.linalg.solve(normal + FIRM * np.trace(normal) * np.eye(6), gradient)
    except np.linalg.LinAlgError:
        return None
    plausible = np.isfinite(step).all() and np.linalg.norm(step[3:]) <= MOST_TURN
    return np.asarray(step, float) if plausible else None
