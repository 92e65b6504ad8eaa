"""A tool's pose from all its markers in all cameras at once, with an honest covariance.

Gauss-Newton on the corners' reprojection, each marker weighted by its full corner covariance. Where
the corners disagree by more than their noise, a common geometric error (markers glued askew, rig moved)
is estimated from the residuals so that their chi-square is what it should be, and the covariance grows
with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.transform import RigidTransform
from scipy.stats import chi2 as chi2_distribution

from nav.camera.rig import Camera
from nav.frames import Array, Pose, perturbed, point_jacobian, rigid
from nav.tracking.views import MarkerView

MAX_STEPS = 30
CONVERGED = 1e-9  # mm and rad
COARSE_SD = 1.0  # px: all corners alike while the pose is only looked for
ROBUST = 3.0  # px: a marker off by more hardly counts while the pose is only looked for
OUTLIER_PIXELS = 2.0  # least corner residual of a marker that is left out
OUTLIER_FACTOR = 6.0  # times the other markers' median
SIGNIFICANCE = 1e-4  # of the chi-square test that finds geometry doubtful
WORTH_SAYING = 0.05  # px of geometric error below which nobody is told


@dataclass(frozen=True)
class PoseFit:
    """rig_from_tool with covariance; views used and left out; rms_px per axis.

    geometric_px : common corner error beyond the pixels' noise, sd per axis; doubtful: it is there.
    """

    rig_from_tool: Pose
    used: tuple[MarkerView, ...]
    left_out: tuple[MarkerView, ...]
    rms_px: float
    geometric_px: float
    doubtful: bool


def fit_pose(views: Sequence[MarkerView], guess: RigidTransform | None = None) -> PoseFit | None:
    """The pose that best explains the views; None where no start is found.

    guess : rig_from_tool to start from too, e.g. the last one.
    """
    start = _start(views, guess)
    if start is None:
        return None
    used, left_out = _without_outliers(views, start)
    pose, information, residuals = _refine(start, used, 0.0)
    freedom = 8 * len(used) - 6
    geometric, doubtful = 0.0, False
    if _chi2(residuals, used, 0.0) > chi2_distribution.isf(SIGNIFICANCE, freedom):
        geometric = _geometric_error(residuals, used, freedom)
        pose, information, residuals = _refine(pose, used, geometric)
        geometric = _geometric_error(residuals, used, freedom)
        doubtful = geometric > WORTH_SAYING
        information = _normal(pose, used, geometric)[0]
    rms = float(np.sqrt(np.mean(residuals**2)))
    covariance = np.linalg.inv(information)
    return PoseFit(
        Pose(pose, (covariance + covariance.T) / 2),
        tuple(used), tuple(left_out), rms, geometric, doubtful,
    )  # fmt: skip


def _start(views: Sequence[MarkerView], guess: RigidTransform | None) -> RigidTransform | None:
    candidates = [] if guess is None else [guess]
    cameras = {view.camera.name: view.camera for view in views}
    groups = [[v for v in views if v.camera.name == name] for name in cameras]
    for group in groups:
        candidates += _candidates(group)
    best = _best(candidates, views)
    if best is None or _robust_cost(best, views) > ROBUST**2 / 2:
        # one misread marker can spoil all of them: try each marker alone
        for view in views:
            candidates += _candidates([view])
        best = _best(candidates, views)
    return best


def _candidates(views: Sequence[MarkerView]) -> list[RigidTransform]:
    """Poses from one camera's views, both solutions of a planar target."""
    camera = views[0].camera
    points = np.concatenate([view.marker.corners for view in views])
    pixels = np.concatenate([view.corners for view in views])
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    planar = spread[2] < 1e-3 * spread[0]
    method = cv2.SOLVEPNP_IPPE if planar else cv2.SOLVEPNP_SQPNP
    try:
        _, rotations, translations, _ = cv2.solvePnPGeneric(
            points, pixels, camera.matrix, camera.distortion, flags=method
        )
    except cv2.error:
        return []
    rig_from_camera = camera.camera_from_rig.inv()
    return [
        rig_from_camera * rigid(np.ravel(r), np.ravel(t))
        for r, t in zip(rotations, translations, strict=True)
        if np.isfinite(r).all() and np.isfinite(t).all()
    ]


def _best(
    candidates: Sequence[RigidTransform], views: Sequence[MarkerView]
) -> RigidTransform | None:
    improved = [_improve(candidate, views) for candidate in candidates]
    seen = [pose for pose in improved if _in_front(pose, views)]
    return min(seen, key=lambda pose: _robust_cost(pose, views), default=None)


def _in_front(pose: RigidTransform, views: Sequence[MarkerView]) -> bool:
    centres = ((v.camera, pose.apply(v.marker.centre)) for v in views)
    return all(camera.from_rig(point)[2] > 1.0 for camera, point in centres)


def _robust_cost(pose: RigidTransform, views: Sequence[MarkerView]) -> float:
    """Mean over the markers of a bounded squared residual, px^2."""
    squares = (_residuals(pose, views).reshape(len(views), 8) ** 2).mean(axis=1)
    return float(np.mean(squares / (1.0 + squares / ROBUST**2)))


def _improve(pose: RigidTransform, views: Sequence[MarkerView]) -> RigidTransform:
    """A few robust steps with all corners alike."""
    for _ in range(10):
        residuals, jacobian = _linearised(pose, views)
        squares = (residuals.reshape(len(views), 8) ** 2).mean(axis=1)
        weight = np.repeat((1.0 + squares / ROBUST**2) ** -2, 8)
        normal = (jacobian * weight[:, None]).T @ jacobian
        gradient = jacobian.T @ (weight * residuals)
        damping = 1e-9 * np.trace(normal) / 6
        try:
            step = np.linalg.solve(normal + damping * np.eye(6), gradient)
        except np.linalg.LinAlgError:
            return pose
        if not np.isfinite(step).all() or np.linalg.norm(step[3:]) > 1.0:
            return pose
        pose = perturbed(pose, step)
        if np.abs(step).max() < 1e-6:
            break
    return pose


def _without_outliers(
    views: Sequence[MarkerView], pose: RigidTransform
) -> tuple[list[MarkerView], list[MarkerView]]:
    if len(views) < 3:
        return list(views), []
    rms = np.sqrt((_residuals(pose, views).reshape(len(views), 8) ** 2).mean(axis=1))
    limit = max(OUTLIER_PIXELS, OUTLIER_FACTOR * float(np.median(rms)))
    used = [view for view, off in zip(views, rms, strict=True) if off <= limit]
    left_out = [view for view, off in zip(views, rms, strict=True) if off > limit]
    return used, left_out


def _residuals(pose: RigidTransform, views: Sequence[MarkerView]) -> Array:
    """Measured less projected corners, (8 n,), px."""
    return _linearised(pose, views)[0]


def _linearised(pose: RigidTransform, views: Sequence[MarkerView]) -> tuple[Array, Array]:
    """Residuals (8 n,) and the projections' derivative by the pose (8 n, 6), in the views' order."""
    residuals = np.empty((len(views), 4, 2))
    jacobian = np.empty((len(views), 8, 6))
    points = pose.apply(np.concatenate([view.marker.corners for view in views]))
    by_pose = point_jacobian(points).reshape(len(views), 4, 3, 6)
    points = points.reshape(len(views), 4, 3)
    cameras: dict[str, Camera] = {view.camera.name: view.camera for view in views}
    for name, camera in cameras.items():
        own = [k for k, view in enumerate(views) if view.camera.name == name]
        pixels, by_point = camera.project_with_jacobian(points[own].reshape(-1, 3))
        measured = np.array([views[k].corners for k in own])
        residuals[own] = measured - pixels.reshape(-1, 4, 2)
        by_point = by_point.reshape(-1, 4, 2, 3)
        jacobian[own] = np.einsum("ncij,ncjk->ncik", by_point, by_pose[own]).reshape(-1, 8, 6)
    return residuals.ravel(), jacobian.reshape(-1, 6)


def _weights(views: Sequence[MarkerView], geometric: float) -> Array:
    noise = np.array([view.covariance for view in views])
    return np.linalg.inv(noise + np.eye(8) * max(geometric, 1e-6) ** 2)


def _normal(
    pose: RigidTransform, views: Sequence[MarkerView], geometric: float
) -> tuple[Array, Array, Array]:
    residuals, jacobian = _linearised(pose, views)
    weights = _weights(views, geometric)
    blocks = jacobian.reshape(-1, 8, 6)
    off = residuals.reshape(-1, 8)
    weighted = weights @ blocks
    return (
        np.einsum("nia,nib->ab", blocks, weighted),
        np.einsum("nia,ni->a", weighted, off),
        residuals,
    )


def _refine(
    pose: RigidTransform, views: Sequence[MarkerView], geometric: float
) -> tuple[RigidTransform, Array, Array]:
    for _ in range(MAX_STEPS):
        information, gradient, residuals = _normal(pose, views, geometric)
        step = np.linalg.solve(information, gradient)
        pose = perturbed(pose, step)
        if np.abs(step).max() < CONVERGED:
            break
    information, _, residuals = _normal(pose, views, geometric)
    return pose, information, residuals


def _chi2(residuals: Array, views: Sequence[MarkerView], geometric: float) -> float:
    off = residuals.reshape(-1, 8)
    return float(np.einsum("ni,nij,nj->", off, _weights(views, geometric), off))


def _geometric_error(residuals: Array, views: Sequence[MarkerView], freedom: int) -> float:
    """Sd of a common corner error, px, that brings chi-square to its expectation (bisection)."""
    low, high = 0.0, max(2.0 * float(np.sqrt(np.sum(residuals**2) / freedom)), 1e-3)
    for _ in range(40):
        middle = (low + high) / 2
        if _chi2(residuals, views, middle) > freedom:
            low = middle
        else:
            high = middle
    return high
