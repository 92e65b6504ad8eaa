"""Rigid transforms with covariance, named a_from_b.

A pose's covariance is 6 x 6, order (tx, ty, tz, rx, ry, rz), of a perturbation applied on the left
in frame a: ``p_true = p + t + r x p``. SciPy's exponential coordinates put the rotation first; here
the translation comes first.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import RigidTransform, Rotation

Array = NDArray[np.float64]


def _no_covariance() -> Array:
    return np.zeros((6, 6))


def cross_matrix(v: ArrayLike) -> Array:
    """Return the cross product matrix of a vector, ``[v]x`` with ``[v]x @ p == cross(v, p)``.

    Parameters
    ----------
    v : array_like, shape (3,)
        The vector.

    Returns
    -------
    ndarray, shape (3, 3)
        Skew-symmetric.
    """
    x, y, z = np.asarray(v, float)
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def point_jacobian(points: ArrayLike) -> Array:
    """Return the derivative of points by a left perturbation of the pose that carried them.

    It is ``[I, -[p]x]``.

    Parameters
    ----------
    points : array_like, shape (n, 3) or (3,)
        Frame a, mm.

    Returns
    -------
    ndarray, shape (n, 3, 6)
        By (tx, ty, tz, rx, ry, rz), mm and rad.
    """
    points = np.atleast_2d(np.asarray(points, float))
    jacobian = np.zeros((len(points), 3, 6))
    jacobian[:, [0, 1, 2], [0, 1, 2]] = 1.0
    x, y, z = points.T
    jacobian[:, 0, 4], jacobian[:, 0, 5] = z, -y
    jacobian[:, 1, 3], jacobian[:, 1, 5] = -z, x
    jacobian[:, 2, 3], jacobian[:, 2, 4] = y, -x
    return jacobian


def adjoint(a_from_b: RigidTransform) -> Array:
    """Return the adjoint, which maps a perturbation in frame b to the same one in frame a.

    Parameters
    ----------
    a_from_b : RigidTransform
        In mm.

    Returns
    -------
    ndarray, shape (6, 6)
        For perturbations (tx, ty, tz, rx, ry, rz), mm and rad.
    """
    matrix = a_from_b.as_matrix()
    rotation = matrix[:3, :3]
    result = np.zeros((6, 6))
    result[:3, :3] = result[3:, 3:] = rotation
    result[:3, 3:] = cross_matrix(matrix[:3, 3]) @ rotation
    return result


def perturbed(a_from_b: RigidTransform, perturbation: ArrayLike) -> RigidTransform:
    """Apply a small left perturbation to a transform.

    Parameters
    ----------
    a_from_b : RigidTransform
        In mm.
    perturbation : array_like, shape (6,)
        (tx, ty, tz, rx, ry, rz), frame a, mm and rad.

    Returns
    -------
    RigidTransform
        The perturbed a_from_b.
    """
    step = np.asarray(perturbation, float)
    rotation = Rotation.from_rotvec(step[3:])
    return RigidTransform.from_components(step[:3], rotation) * a_from_b


def rigid(rotation_vector: ArrayLike, translation: ArrayLike) -> RigidTransform:
    """Make a transform from a rotation vector and a translation, as files hold them.

    Parameters
    ----------
    rotation_vector : array_like, shape (3,)
        Axis times angle, rad.
    translation : array_like, shape (3,)
        In mm.

    Returns
    -------
    RigidTransform
        Rotates first, then translates.
    """
    rotation = Rotation.from_rotvec(np.asarray(rotation_vector, float))
    return RigidTransform.from_components(np.asarray(translation, float), rotation)


def orthonormal(matrix: Array) -> Array:
    """Return a nearly rigid matrix with its rotation orthonormalised.

    One step of Newton's iteration for the polar decomposition.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Homogeneous, with a rotation that is orthonormal up to rounding.

    Returns
    -------
    ndarray, shape (4, 4)
        A corrected copy.
    """
    result = matrix.copy()
    rotation = matrix[:3, :3]
    result[:3, :3] = 1.5 * rotation - 0.5 * rotation @ (rotation.T @ rotation)
    return result


@dataclass(frozen=True)
class Pose:
    """A rigid transform a_from_b with its covariance.

    Parameters
    ----------
    transform : RigidTransform
        a_from_b, mm.
    covariance : ndarray, shape (6, 6)
        Of translation and rotation vector, mm^2 and rad^2: a small motion applied in frame a (left
        perturbation). Zeros if not given.
    """

    transform: RigidTransform
    covariance: Array = field(default_factory=_no_covariance)

    @classmethod
    def from_matrix(cls, matrix: ArrayLike, covariance: Array) -> "Pose":
        """Make a pose from a matrix.

        Parameters
        ----------
        matrix : array_like, shape (4, 4)
            Rigid, a_from_b, mm.
        covariance : ndarray, shape (6, 6)
            As of the class.

        Returns
        -------
        Pose
        """
        return cls(RigidTransform.from_matrix(np.asarray(matrix, float)), covariance)

    def __matmul__(self, other: "Pose") -> "Pose":
        """Compose ``a_from_c = a_from_b @ b_from_c``, errors taken as independent."""
        carry = adjoint(self.transform)
        covariance = self.covariance + carry @ other.covariance @ carry.T
        return Pose(self.transform * other.transform, covariance)

    def inv(self) -> "Pose":
        """Return ``b_from_a`` with its covariance.

        Returns
        -------
        Pose
            Its covariance is in frame b.
        """
        inverse = self.transform.inv()
        carry = adjoint(inverse)
        return Pose(inverse, carry @ self.covariance @ carry.T)

    def apply(self, point: ArrayLike, covariance: ArrayLike | None = None) -> tuple[Array, Array]:
        """Map a point of frame b to frame a.

        Parameters
        ----------
        point : array_like, shape (3,)
            Frame b, mm.
        covariance : array_like, shape (3, 3), optional
            Of the point, frame b, mm^2.

        Returns
        -------
        point : ndarray, shape (3,)
            Frame a, mm.
        covariance : ndarray, shape (3, 3)
            Of pose and point together, frame a, mm^2.
        """
        moved = self.transform.apply(np.asarray(point, float))
        jacobian = point_jacobian(moved)[0]
        total = jacobian @ self.covariance @ jacobian.T
        if covariance is not None:
            rotation = self.transform.as_matrix()[:3, :3]
            total = total + rotation @ np.asarray(covariance, float) @ rotation.T
        return moved, total
