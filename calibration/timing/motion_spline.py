"""A tool's motion as a cubic spline of its pose."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_banded
from scipy.spatial.transform import Rotation

from nav.core.frames import Array

ORDER = 4  # control points that act at one time
POSE = 6


@dataclass(frozen=True)
class MotionSpline:
    """A uniform cubic B-spline of a tool's pose.

    Attributes
    ----------
    start, step : float
        Time of the first knot and between knots, s.
    base : ndarray, shape (3, 3)
        Rotation that rotation vectors are relative to.
    control : ndarray, shape (m, 6)
        Control points: the middle of the tool in the rig's frame (mm), rotation vector (rad) with
        rig_from_tool = exp(vector) base.
    """

    start: float
    step: float
    base: Array
    control: Array

    def places(self, times: Array) -> tuple[np.ndarray, Array]:
        """Return the first control point that acts at each time, and the time since its knot.

        Parameters
        ----------
        times : ndarray, shape (n,)
            In s.

        Returns
        -------
        first : ndarray of int, shape (n,)
        since : ndarray, shape (n,)
            In steps, 0 to 1.
        """
        steps = (times - self.start) / self.step
        first = np.clip(np.floor(steps).astype(int), 0, len(self.control) - ORDER)
        return first, steps - first

    def at(self, first: np.ndarray, since: Array) -> tuple[Array, Array]:
        """Return the six numbers of the pose and their change per second.

        Parameters
        ----------
        first : ndarray of int, shape (n,)
            As of `places`.
        since : ndarray, shape (n, ...)
            In steps; a little outside 0 to 1 is continued smoothly.

        Returns
        -------
        pose, velocity : ndarray, shape (n, ..., 6)
        """
        near = self.control[first[:, None] + np.arange(ORDER)]
        pose = np.einsum("n...k,nka->n...a", weights(since), near)
        velocity = np.einsum("n...k,nka->n...a", slopes(since), near) / self.step
        return pose, velocity


def weights(since: Array) -> Array:
    """Return the weights (..., 4) of the control points, by the time since the knot, in steps."""
    u = since
    terms = [(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3]
    return np.stack(terms, axis=-1) / 6


def slopes(since: Array) -> Array:
    """Return the derivatives (..., 4) of `weights`, per step."""
    u = since
    terms = [-3 * (1 - u) ** 2, 9 * u**2 - 12 * u, -9 * u**2 + 6 * u + 3, 3 * u**2]
    return np.stack(terms, axis=-1) / 6


def left_jacobian(vectors: Array) -> Array:
    """Return the left Jacobian of rotation vectors.

    Parameters
    ----------
    vectors : ndarray, shape (n, 3)
        In rad.

    Returns
    -------
    ndarray, shape (n, 3, 3)
        Maps a change of the vector to the small rotation in front of exp(vector).
    """
    angle = np.linalg.norm(vectors, axis=1)
    small = angle < 1e-4
    safe = np.where(small, 1.0, angle)
    first = np.where(small, 0.5 - angle**2 / 24, (1 - np.cos(safe)) / safe**2)
    second = np.where(small, 1 / 6 - angle**2 / 120, (safe - np.sin(safe)) / safe**3)
    cross = cross_matrices(vectors)
    return np.asarray(
        np.eye(3) + first[:, None, None] * cross + second[:, None, None] * (cross @ cross)
    )


def cross_matrices(vectors: Array) -> Array:
    """Return the matrices (n, 3, 3) of the cross product with vectors (n, 3) from the left."""
    x, y, z = vectors.T
    o = np.zeros_like(x)
    return np.stack([o, -z, y, z, o, -x, -y, x, o], axis=-1).reshape(-1, 3, 3)


def spline_through(times: Array, poses: Array, middle: Array, step: float) -> MotionSpline:
    """Fit a spline to poses that are not quite right.

    Parameters
    ----------
    times : ndarray, shape (n,)
        In s, ascending.
    poses : ndarray, shape (n, 4, 4)
        rig_from_tool.
    middle : ndarray, shape (3,)
        The point whose path is followed, tool frame, mm.
    step : float
        Between knots, s.

    Returns
    -------
    MotionSpline
        With three knots more than needed at both ends.
    """
    rotations = Rotation.from_matrix(poses[:, :3, :3])
    base = rotations.mean()
    values = np.concatenate(
        [poses[:, :3, :3] @ middle + poses[:, :3, 3], (rotations * base.inv()).as_rotvec()], axis=1
    )
    start = times[0] - ORDER * step
    count = int(np.ceil((times[-1] - start) / step)) + 2 * ORDER
    empty = MotionSpline(start, step, np.asarray(base.as_matrix()), np.zeros((count, POSE)))
    first, since = empty.places(times)
    parts = weights(since)
    normal, right = np.zeros((count, count)), np.zeros((count, POSE))
    for k in range(ORDER):
        np.add.at(right, first + k, parts[:, k, None] * values)
        for j in range(ORDER):
            np.add.at(normal, (first + k, first + j), parts[:, k] * parts[:, j])
    bend = np.diff(np.eye(count), 3, axis=0)
    normal += 1e-3 * bend.T @ bend
    band = np.zeros((2 * ORDER - 1, count))
    for offset in range(-ORDER + 1, ORDER):
        diagonal = np.diag(normal, offset)
        place = slice(offset, None) if offset >= 0 else slice(None, offset)
        band[ORDER - 1 - offset, place] = diagonal
    control = solve_banded((ORDER - 1, ORDER - 1), band, right)
    return MotionSpline(start, step, empty.base, np.asarray(control))
