"""A needle's axis from spinning it: the one direction that stays fixed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from calibration.needle.pivot_coverage import turning
from calibration.needle.pivot_verdict import LEAST_POSES, NotCalibrated
from calibration.needle.serial import repetition
from nav.core.errors import InputError
from nav.core.frames import Array

LEAST_SPIN = np.radians(60.0)  # from the first to the last of the turn
MOST_WOBBLE = np.radians(3.0)  # rms
MOST_LEFT_OUT = 0.3
OFF = 4.0  # sd of the median pose, beyond which a pose is left out
LEAST_OFF = np.radians(0.2)  # nearer is never left out
ROUNDING = 1e-6  # rad
CLEAR = 0.2  # cosine with `towards`, below which the sign is undetermined
ROUNDS = 20


@dataclass(frozen=True)
class SpinAxis:
    """The axis of a spun tool.

    Attributes
    ----------
    axis : ndarray, shape (3,)
        Unit vector, tool frame.
    covariance : ndarray, shape (3, 3)
        Across the axis, rad^2.
    wobble : float
        Rms angle of the axis's direction from its mean, rad.
    turn : float
        Range of the spin, rad.
    kept : ndarray of bool, shape (n,)
        Whether a pose was used.
    independent : float
        How many independent poses the used ones are worth.
    """

    axis: Array
    covariance: Array
    wobble: float
    turn: float
    kept: NDArray[np.bool_]
    independent: float

    @property
    def sd(self) -> float:
        """Standard deviation in the worst direction, rad."""
        return float(np.sqrt(np.linalg.eigvalsh(self.covariance)[-1]))


def spin_axis(rotations: ArrayLike, towards: ArrayLike | None = None) -> SpinAxis:
    """Estimate the common axis of rotations that differ only by a spin about it.

    It is the unit vector n of the tool frame whose images R_k n differ least from their mean, by
    least squares: the eigenvector of sum (R_k - R)' (R_k - R), R the mean, with the smallest
    eigenvalue. For small turns that is the direction perpendicular to which the relative rotation
    vectors are smallest. Poses that are off by more than four times as much as the median pose are
    left out. The covariance comes from the remaining wobble; wobble that persists from pose to pose
    is taken into account by `repetition`.

    Parameters
    ----------
    rotations : array_like, shape (n, 3, 3)
        a_from_tool, in the order of time.
    towards : array_like, shape (3,), optional
        Tool frame: the sign of the axis is chosen so that it points along it (hub to tip).

    Returns
    -------
    SpinAxis
        The axis, its covariance, and how the tool was spun.

    Raises
    ------
    NotCalibrated
        Fewer than ten poses, spun by less than 60 degrees, wobble above 3 degrees rms, more than 30
        % of the poses left out, or `towards` at right angles to the axis.
    InputError
        Wrong shape, or numbers that are not finite.
    """
    turns = np.asarray(rotations, float)
    if turns.ndim != 3 or turns.shape[1:] != (3, 3) or not np.isfinite(turns).all():
        raise InputError(f"spin: expected finite rotations (n, 3, 3), got {turns.shape}")
    if len(turns) < LEAST_POSES:
        raise NotCalibrated(f"repeat: {len(turns)} poses, at least {LEAST_POSES} are needed")
    axis, kept = _axis(turns)
    turn = spin_range(spin_angles(turns[kept], axis))
    images = turns @ axis
    off = images - images[kept].mean(axis=0)
    wobble = float(np.sqrt((off[kept] ** 2).sum(axis=1).mean()))
    _check(turn, wobble, float(1.0 - kept.mean()))
    covariance, repeated = _covariance(turns, axis, off, kept)
    independent = float(kept.sum() / repeated)
    return SpinAxis(_signed(axis, towards), covariance, wobble, turn, kept, independent)


def _axis(turns: Array) -> tuple[Array, NDArray[np.bool_]]:
    kept = np.ones(len(turns), bool)
    axis = turning(turns).directions[0]
    for _ in range(ROUNDS):
        images = turns @ axis
        angles = np.linalg.norm(images - np.median(images[kept], axis=0), axis=1)
        # the median length of two normal errors of sd 1 is 1.18
        now = angles <= max(OFF * float(np.median(angles)) / 1.18, LEAST_OFF)
        axis = turning(turns[now]).directions[0]
        if (now == kept).all():
            break
        kept = now
    return axis, kept


def spin_angles(rotations: Array, axis: Array) -> Array:
    """Return by how much a tool was turned about an axis since the first pose.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        a_from_tool.
    axis : ndarray, shape (3,)
        Unit vector, tool frame.

    Returns
    -------
    ndarray, shape (n,)
        rad; up to whole turns.
    """
    relative = Rotation.from_matrix(rotations[0].T @ rotations).as_quat()
    return np.asarray(2.0 * np.arctan2(relative[:, :3] @ axis, relative[:, 3]))


def spin_range(angles: Array) -> float:
    """Return the range of a spin, independent of where it begins.

    Parameters
    ----------
    angles : ndarray, shape (n,)
        rad; up to whole turns.

    Returns
    -------
    float
        rad, a whole turn at most.
    """
    angles = np.sort(angles % (2 * np.pi))
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    return float(2 * np.pi - gaps.max())


def _check(turn: float, wobble: float, left_out: float) -> None:
    if turn < LEAST_SPIN:
        raise NotCalibrated(
            f"repeat: the needle was spun by only {np.degrees(turn):.0f} degrees; spin it by half "
            "a turn or more"
        )
    if wobble > MOST_WOBBLE or left_out > MOST_LEFT_OUT:
        raise NotCalibrated(
            f"repeat: the needle was not spun about one axis (wobble "
            f"{np.degrees(wobble):.1f} degrees rms, {100 * left_out:.0f} % of the poses left out); "
            "hold its shaft in a groove or a tube"
        )


def _covariance(
    turns: Array, axis: Array, off: Array, kept: NDArray[np.bool_]
) -> tuple[Array, float]:
    """Return the covariance of the axis, (3, 3), rad^2, and the poses' repetition."""
    across = np.linalg.svd(axis[None])[2][1:].T
    count = int(kept.sum())
    design = np.concatenate([turns[kept] @ across, np.tile(-np.eye(3), (count, 1, 1))], axis=2)
    matrix = np.einsum("nia,nib->ab", design, design)
    repeated = repetition(off / ROUNDING, kept)
    # images differ across the axis only: two numbers per pose, two for the axis, two for the mean
    freedom = max(2.0 * count - 4.0 * repeated, float(count))
    variance = float((off[kept] ** 2).sum()) / freedom
    small = np.linalg.inv(matrix)[:2, :2] * variance * repeated
    return across @ small @ across.T, repeated


def _signed(axis: Array, towards: ArrayLike | None) -> Array:
    if towards is None:
        return axis
    direction = np.asarray(towards, float)
    along = float(axis @ direction) / max(float(np.linalg.norm(direction)), 1e-12)
    if abs(along) < CLEAR:
        raise NotCalibrated(
            "repeat: the axis of the spin is at right angles to the direction from the tool's "
            "origin to its tip; was it another tool, or turned end over end?"
        )
    return axis * np.sign(along)
