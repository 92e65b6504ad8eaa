"""Estimate the cameras' delays and readouts together with the motion of tools.

All corners of all markers in all images are explained by one smooth motion of each tool, which each
camera sees at its own times: the image's time less the camera's delay, and for a corner in row y
(y + 1/2) / height - 1/2 of the readout more. The motion's control points are eliminated, so that
what is left says how well the times are known beside an unknown motion.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.spatial.transform import Rotation

from calibration.timing.motion_spline import (
    ORDER,
    POSE,
    MotionSpline,
    cross_matrices,
    left_jacobian,
    spline_through,
    weights,
)
from nav.camera.rig import Camera
from nav.core.frames import Array

KNOT = 0.06  # s between knots: a hand's motion is smooth over this
KNOT_FRAMES = 1.5  # the same, at least, in steps from image to image
JERK = np.array([1e5] * 3 + [1e3] * 3)  # mm/s^3, rad/s^3: sd of what a hand may do
FLOOR = 0.02  # px: no corner is better known
PASSES, SETTLED = 20, 1e-7  # s of change of a time, at which the passes end
HUBER = 2.0  # of a view's usual residual
PARTS = 10  # of the recording, which are compared
BLOCK = ORDER * POSE


@dataclass(frozen=True)
class ToolViews:
    """Corners of one tool's markers in n views of all cameras.

    Attributes
    ----------
    name : str
        The tool's.
    camera : ndarray of int, shape (n,)
        Index of the camera.
    time : ndarray, shape (n,)
        Of the image as it was recorded, s.
    points : ndarray, shape (n, 4, 3)
        Corners in the tool's frame, mm.
    corners : ndarray, shape (n, 4, 2)
        In the image, px.
    covariance : ndarray, shape (n, 8, 8)
        Of the corners, px^2.
    poses : ndarray, shape (n, 4, 4)
        rig_from_tool by that camera alone, mm.
    """

    name: str
    camera: np.ndarray
    time: Array
    points: Array
    corners: Array
    covariance: Array
    poses: Array


@dataclass(frozen=True)
class TimingFit:
    """Delays and readouts of all cameras.

    Attributes
    ----------
    delay, readout : ndarray, shape (c,)
        In s; the first camera's delay is 0.
    delay_sd, readout_sd : ndarray, shape (c,)
        The larger one of the two below, s.
    by_information : ndarray, shape (2 c - 1,)
        Standard deviations by the corners' errors: delays after the first, then readouts.
    by_parts : ndarray, shape (2 c - 1,)
        By how much parts of the recording disagree.
    rms_px : float
        Residuals of the corners, rms per axis.
    motions : tuple of MotionSpline
        Of the tools.
    """

    delay: Array
    readout: Array
    delay_sd: Array
    readout_sd: Array
    by_information: Array
    by_parts: Array
    rms_px: float
    motions: tuple[MotionSpline, ...]


@dataclass(frozen=True)
class _Equations:
    """Normal equations of one tool's motion and the times."""

    times: Array  # (p, p), motion eliminated
    right: Array  # (p,)
    change: Array  # (m, 6, p + 1): of the control points, by the times and by itself
    chi2: Array  # (n,) of each view
    square: float  # px^2, sum
    gradients: Array  # (n, p) of each view, motion eliminated


def fit_timing(
    cameras: Sequence[Camera], tools: Sequence[ToolViews], frame_step: float
) -> TimingFit:
    """Estimate delays and readouts by least squares over a smooth motion.

    Parameters
    ----------
    cameras : sequence of Camera
        Their own delays and readouts are not used.
    tools : sequence of ToolViews
        What was seen; each view's camera is an index into `cameras`.
    frame_step : float
        Usual time from one image of a camera to its next, s.

    Returns
    -------
    TimingFit
        With standard deviations that are large where the recording does not tell.

    Raises
    ------
    numpy.linalg.LinAlgError
        The recording says nothing of one of the unknowns.

    References
    ----------
    .. [1] Furgale, Rehder and Siegwart, IROS 2013: delays beside a motion in continuous time.
    .. [2] Liang and Zeger, Biometrika 73(1), 1986: the errors by parts that are independent.
    """
    step = max(KNOT, KNOT_FRAMES * frame_step)
    motions = [_start(tool, step) for tool in tools]
    unknowns = np.zeros(2 * len(cameras) - 1)
    heights = np.array([camera.size[1] for camera in cameras])
    rows = [(tool.corners[..., 1] + 0.5) / heights[tool.camera][:, None] - 0.5 for tool in tools]
    whitening = [_whitening(tool.covariance) for tool in tools]
    robust = [np.ones(len(tool.time)) for tool in tools]
    for _ in range(PASSES):
        made = [
            _equations(cameras, *each, unknowns)
            for each in zip(tools, motions, rows, whitening, robust, strict=True)
        ]
        change = np.linalg.solve(sum(m.times for m in made), sum(m.right for m in made))
        unknowns = unknowns + change
        by = np.append(-change, 1.0)
        motions = [
            replace(motion, control=motion.control + m.change @ by)
            for motion, m in zip(motions, made, strict=True)
        ]
        robust = [_huber(m.chi2) for m in made]
        if np.abs(change).max() < SETTLED:
            break
    return _result(cameras, tools, made, unknowns, robust, motions)


def _result(
    cameras: Sequence[Camera],
    tools: Sequence[ToolViews],
    made: Sequence[_Equations],
    unknowns: Array,
    robust: Sequence[Array],
    motions: Sequence[MotionSpline],
) -> TimingFit:
    inverse = np.linalg.inv(sum(m.times for m in made))
    rows = 8 * sum(len(tool.time) for tool in tools)
    free = max(rows - sum(motion.control.size for motion in motions), rows // 10)
    chi2 = sum(float(weight @ m.chi2) for weight, m in zip(robust, made, strict=True))
    information = np.sqrt(np.diag(inverse) * max(1.0, chi2 / free))
    moments = _part_moments(tools, made)
    parts = np.sqrt(np.diag(inverse @ moments @ inverse))
    sd = np.maximum(information, parts)
    count = len(cameras)
    return TimingFit(
        delay=np.append(0.0, unknowns[: count - 1]),
        readout=unknowns[count - 1 :],
        delay_sd=np.append(0.0, sd[: count - 1]),
        readout_sd=sd[count - 1 :],
        by_information=information,
        by_parts=parts,
        rms_px=float(np.sqrt(sum(m.square for m in made) / rows)),
        motions=tuple(motions),
    )


def _part_moments(tools: Sequence[ToolViews], made: Sequence[_Equations]) -> Array:
    """Return the sum of products of the gradients of parts of the recording."""
    begin = min(float(tool.time.min()) for tool in tools)
    length = max(float(tool.time.max()) for tool in tools) - begin
    sums = np.zeros((PARTS, made[0].gradients.shape[1]))
    for tool, m in zip(tools, made, strict=True):
        part = np.minimum((PARTS * (tool.time - begin) / length).astype(int), PARTS - 1)
        np.add.at(sums, part, m.gradients)
    return np.asarray(sums.T @ sums * PARTS / (PARTS - 1))


def _start(tool: ToolViews, step: float) -> MotionSpline:
    order = np.argsort(tool.time, kind="stable")
    middle = tool.points.mean(axis=(0, 1))
    return spline_through(tool.time[order], tool.poses[order], middle, step)


def _whitening(covariance: Array) -> Array:
    """Return matrices (n, 8, 8) that turn residuals into independent ones of variance 1."""
    return np.linalg.inv(np.linalg.cholesky(covariance + FLOOR**2 * np.eye(8)))


def _huber(chi2: Array) -> Array:
    usual = max(float(np.median(chi2)), 1e-9)
    return np.minimum(1.0, HUBER * np.sqrt(usual / np.maximum(chi2, 1e-12)))


def _equations(
    cameras: Sequence[Camera],
    tool: ToolViews,
    motion: MotionSpline,
    rows: Array,
    whitening: Array,
    robust: Array,
    unknowns: Array,
) -> _Equations:
    """Linearise all views about the present motion and times, and eliminate the motion."""
    count, views = len(cameras), len(tool.time)
    delays = np.append(0.0, unknowns[: count - 1])[tool.camera]
    readouts = unknowns[count - 1 :][tool.camera]
    first, since = motion.places(tool.time - delays + rows.mean(axis=1) * readouts)
    since = since[:, None] + (rows - rows.mean(axis=1, keepdims=True)) * (
        readouts[:, None] / motion.step
    )
    pose, velocity = motion.at(first, since)
    vectors = pose[..., 3:].reshape(-1, 3)
    turned = Rotation.from_rotvec(vectors).as_matrix() @ motion.base
    arms = (tool.points - tool.points.mean(axis=(0, 1))).reshape(-1, 3)
    arms = np.einsum("nij,nj->ni", turned, arms)
    points = arms + pose[..., :3].reshape(-1, 3)
    by_turn = -cross_matrices(arms) @ left_jacobian(vectors)
    pixels, slopes = np.empty((views, 4, 2)), np.empty((views, 4, 2, 3))
    for index, camera in enumerate(cameras):
        own = tool.camera == index
        if own.any():
            seen, slope = camera.project_with_jacobian(
                points.reshape(views, 4, 3)[own].reshape(-1, 3)
            )
            pixels[own], slopes[own] = seen.reshape(-1, 4, 2), slope.reshape(-1, 4, 2, 3)
    by_pose = np.concatenate([slopes, slopes @ by_turn.reshape(views, 4, 3, 3)], axis=-1)
    by_time = np.einsum("nkab,nkb->nka", by_pose, velocity)
    by_control = np.einsum("nka,nkxb->nkxab", weights(since), by_pose).reshape(views, 8, BLOCK)
    by_unknown = np.zeros((views, 4, 2, len(unknowns)))
    for index in range(count):
        own = tool.camera == index
        if index:
            by_unknown[own, :, :, index - 1] = -by_time[own]
        by_unknown[own, :, :, count - 1 + index] = by_time[own] * rows[own][..., None]
    off = (tool.corners - pixels).reshape(views, 8)
    scale = np.sqrt(robust)[:, None, None]
    control = scale * (whitening @ by_control)
    others = np.concatenate([by_unknown.reshape(views, 8, -1), off[..., None]], axis=2)
    others = scale * (whitening @ others)
    factor, coupling = _motion_normal(motion, first, control, others)
    change = cho_solve_banded((factor, True), coupling)
    reduced = others - np.einsum(
        "nxb,nbp->nxp", control, change.reshape(-1, POSE, others.shape[2])[
            first[:, None] + np.arange(ORDER)
        ].reshape(views, BLOCK, -1)
    )  # fmt: skip
    kept, left = reduced[..., :-1], reduced[..., -1]
    normal = np.einsum("nxp,nxq->pq", others[..., :-1], kept)
    gradients = np.einsum("nxp,nx->np", kept, others[..., -1])
    right = np.einsum("nxp,nx->p", others[..., :-1], left)
    return _Equations(
        (normal + normal.T) / 2,
        right,
        change.reshape(-1, POSE, others.shape[2]),
        np.asarray((np.einsum("nxy,ny->nx", whitening, off) ** 2).sum(axis=1)),
        float((off**2).sum()),
        np.asarray(gradients),
    )


def _motion_normal(
    motion: MotionSpline, first: np.ndarray, control: Array, others: Array
) -> tuple[Array, Array]:
    """Return the control points' normal matrix, factored (lower band), and its coupling."""
    count = len(motion.control)
    blocks, sides = np.zeros((count, BLOCK, BLOCK)), np.zeros((count, BLOCK, others.shape[2]))
    np.add.at(blocks, first, np.einsum("nxa,nxb->nab", control, control))
    np.add.at(sides, first, np.einsum("nxa,nxp->nap", control, others))
    stiff = np.array([-1.0, 3.0, -3.0, 1.0]) / motion.step**3
    prior = np.kron(np.outer(stiff, stiff), np.diag(JERK**-2.0))
    band, coupling = np.zeros((BLOCK, count * POSE)), np.zeros((count * POSE, others.shape[2]))
    row, column = np.tril_indices(BLOCK)
    for k in range(count - ORDER + 1):
        at = POSE * k
        near = motion.control[k : k + ORDER].ravel()
        band[row - column, at + column] += (blocks[k] + prior)[row, column]
        coupling[at : at + BLOCK] += sides[k]
        coupling[at : at + BLOCK, -1] -= prior @ near
    return cholesky_banded(band, lower=True), coupling
