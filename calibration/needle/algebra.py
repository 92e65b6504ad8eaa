"""The linear algebra of a pivot: R_k tip + t_k = pivot for all poses k."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from nav.core.frames import Array, point_jacobian

RIDGE = 1e-12  # keeps normal equations of degenerate samples solvable
RELATIVE_RIDGE = 1e-15
ROUNDING = 1e-4  # mm: no point of a pose is better known than that
MAX_STEPS = 30


def algebraic_pivot(rotations: Array, translations: Array) -> tuple[Array, Array]:
    """Estimate tip and pivot by linear least squares of ``R_k tip - pivot = -t_k``.

    All poses have equal weight: the one-step algebraic variant compared in [1]_.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        Of the poses a_from_tool.
    translations : ndarray, shape (n, 3)
        Of the poses, mm.

    Returns
    -------
    tip : ndarray, shape (3,)
        Tool frame, mm.
    pivot : ndarray, shape (3,)
        Frame a of the poses, mm. Where the poses leave a component undetermined, the solution is
        the one of minimum norm.

    References
    ----------
    .. [1] Yaniv, Which pivot calibration?, Proc. SPIE 9415, 2015.
    """
    design, right = _design(rotations), -translations.reshape(-1)
    solution = np.asarray(np.linalg.lstsq(design.reshape(-1, 6), right, rcond=None)[0], float)
    return solution[:3], solution[3:]


def normal_equations(rotations: Array, translations: Array) -> tuple[Array, Array]:
    """Compute each pose's contribution to the equal-weight normal equations.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        Of the poses a_from_tool.
    translations : ndarray, shape (n, 3)
        Of the poses, mm.

    Returns
    -------
    matrix : ndarray, shape (n, 6, 6)
        Normal matrix of each pose, for tip and pivot.
    right : ndarray, shape (n, 6)
        Right-hand side of each pose, mm.
    """
    design = _design(rotations)
    matrix = np.einsum("nia,nib->nab", design, design)
    return matrix, -np.einsum("nia,ni->na", design, translations)


def solved(matrix: Array, right: Array) -> Array:
    """Solve normal equations for tip and pivot, with a negligible ridge.

    Parameters
    ----------
    matrix : ndarray, shape (..., 6, 6)
        Sums of normal matrices.
    right : ndarray, shape (..., 6)
        Sums of right-hand sides, mm.

    Returns
    -------
    ndarray, shape (..., 6)
        Tip (tool frame) and pivot (the poses' frame), mm.
    """
    return np.asarray(np.linalg.solve(matrix + RIDGE * np.eye(6), right[..., None])[..., 0], float)


def misses(rotations: Array, translations: Array, tip: Array, pivot: Array) -> Array:
    """Compute how far each pose's tip is off the pivot.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        Of the poses a_from_tool.
    translations : ndarray, shape (n, 3)
        Of the poses, mm.
    tip : ndarray, shape (3,)
        Tool frame, mm.
    pivot : ndarray, shape (3,)
        Frame a, mm.

    Returns
    -------
    ndarray, shape (n, 3)
        Residuals in frame a, mm.
    """
    return np.asarray(rotations @ tip + translations - pivot, float)


@dataclass(frozen=True)
class Noise:
    """Covariance of each pose's tip that follows from the covariance of the pose.

    Attributes
    ----------
    values : ndarray, shape (n, 3)
        Eigenvalues, mm^2.
    vectors : ndarray, shape (n, 3, 3)
        Eigenvectors as columns, the poses' frame.
    """

    values: Array
    vectors: Array

    @classmethod
    def of(cls, points: Array, covariances: Array | None) -> "Noise":
        """Propagate pose covariances to points: J C J' with J = [I, -[p]x].

        Parameters
        ----------
        points : ndarray, shape (n, 3)
            One point per pose, the poses' frame, mm.
        covariances : ndarray, shape (n, 6, 6), or None
            Of the poses, mm and rad; None for no noise but rounding.

        Returns
        -------
        Noise
            Of the points.
        """
        if covariances is None:
            spread = np.zeros((len(points), 3, 3))
        else:
            jacobian = point_jacobian(points)
            spread = jacobian @ covariances @ jacobian.transpose(0, 2, 1)
        values, vectors = np.linalg.eigh(spread)
        return cls(np.maximum(values, 0.0) + ROUNDING**2, vectors)

    def turned(self, residuals: Array) -> Array:
        """Resolve residuals (n, 3) along each pose's principal directions."""
        return np.einsum("nij,ni->nj", self.vectors, residuals)

    def squared(self, residuals: Array, play: float) -> Array:
        """Return squared Mahalanobis distances (n,), with `play` mm added on every axis."""
        return np.asarray((self.turned(residuals) ** 2 / (self.values + play**2)).sum(axis=1))

    def white(self, residuals: Array, play: float) -> Array:
        """Return residuals whitened to unit variance, (n, 3), in the poses' frame."""
        scaled = self.turned(residuals) / np.sqrt(self.values + play**2)
        return np.einsum("nij,nj->ni", self.vectors, scaled)

    def weights(self, play: float) -> Array:
        """Return inverse covariances (n, 3, 3), 1/mm^2."""
        return np.einsum(
            "nij,nj,nkj->nik", self.vectors, 1.0 / (self.values + play**2), self.vectors
        )


def play_for(noise: Noise, residuals: Array, freedom: float) -> float:
    """Estimate the play that makes the sum of squared distances equal `freedom`.

    Parameters
    ----------
    noise : Noise
        Covariances of the tips.
    residuals : ndarray, shape (n, 3)
        Tips off the pivot, the poses' frame, mm.
    freedom : float
        Degrees of freedom, the expected sum of squared distances.

    Returns
    -------
    float
        Standard deviation per axis, mm; 0 where the noise alone explains the residuals.
    """

    def excess(variance: float) -> float:
        return float(noise.squared(residuals, np.sqrt(variance)).sum()) - freedom

    if excess(0.0) <= 0.0:
        return 0.0
    most = float((residuals**2).sum()) / freedom
    return float(np.sqrt(brentq(excess, 0.0, most * (1 + 1e-9))))


@dataclass(frozen=True)
class Fit:
    """A weighted fit of tip and pivot.

    Attributes
    ----------
    tip : ndarray, shape (3,)
        Tool frame, mm.
    pivot : ndarray, shape (3,)
        The poses' frame, mm.
    information : ndarray, shape (6, 6)
        Inverse covariance of tip and pivot, 1/mm^2.
    play : float
        Standard deviation per axis of what the poses' covariances do not explain, mm.
    """

    tip: Array
    pivot: Array
    information: Array
    play: float


def weighted_fit(
    rotations: Array,
    translations: Array,
    covariances: Array | None,
    start: Array,
    repetition: float = 1.0,
) -> Fit:
    """Fit tip and pivot, weighted by each pose's covariance at the tip plus play of the tip.

    The play (errors that the poses' covariances do not contain, such as a tip that moves in its
    divot) is the same on all axes. It is as large as makes chi-square equal to its degrees of
    freedom, 3 n - 6, or zero; for poses that repeat each other, 3 n - 6 `repetition`.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        Of the poses a_from_tool.
    translations : ndarray, shape (n, 3)
        Of the poses, mm.
    covariances : ndarray, shape (n, 6, 6), or None
        Of the poses, mm and rad, left perturbation in frame a; None for equal weights.
    start : ndarray, shape (3,)
        Tip to begin with, tool frame, mm.
    repetition : float, optional
        Number of poses that together tell as much as one independent pose (see
        `serial.repetition`).

    Returns
    -------
    Fit
        Tip, pivot, information and play.
    """
    tip, count = start, len(rotations)
    freedom = max(3.0 * count - 6.0 * repetition, float(count))
    design = _design(rotations)
    pivot, play, information = np.zeros(3), 0.0, np.eye(6)
    residuals: Array | None = None
    for _ in range(MAX_STEPS):
        noise = Noise.of(rotations @ tip + translations, covariances)
        if residuals is not None:
            play = play_for(noise, residuals, freedom)
        weighted = noise.weights(play) @ design
        information = np.einsum("nia,nib->ab", design, weighted)
        # a negligible ridge where these poses leave something undetermined
        ridge = RELATIVE_RIDGE * np.trace(information) * np.eye(6)
        right = -np.einsum("nia,ni->a", weighted, translations)
        solution = np.linalg.solve(information + ridge, right)
        step = np.abs(solution - np.concatenate([tip, pivot])).max()
        tip, pivot = solution[:3], solution[3:]
        first, residuals = residuals is None, misses(rotations, translations, tip, pivot)
        if step < 1e-9 and not first:
            break
    return Fit(tip, pivot, information, play)


def _design(rotations: Array) -> Array:
    """Return the design matrices (n, 3, 6): [R, -I]."""
    design = np.zeros((len(rotations), 3, 6))
    design[:, :, :3] = rotations
    design[:, :, 3:] = -np.eye(3)
    return design
