"""The linear algebra of a pivot: R_k tip + t_k = pivot for all poses k."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from nav.frames import Array, point_jacobian

RIDGE = 1e-12  # keeps normal equations of degenerate samples solvable
RELATIVE_RIDGE = 1e-15
ROUNDING = 1e-4  # mm: no point of a pose is better known than that
MAX_STEPS = 30


def algebraic_pivot(rotations: Array, translations: Array) -> tuple[Array, Array]:
    """Tip and pivot by linear least squares of ``R_k tip - pivot = -t_k``, all poses equal.

    The one-step algebraic variant of Yaniv, Which pivot calibration? (Proc. SPIE 9415, 2015).

    rotations : (n, 3, 3). translations : (n, 3), mm. Returns tip (3,), tool frame, and pivot (3,),
    the poses' frame, mm; where the poses leave one free, the shortest.
    """
    design, right = _design(rotations), -translations.reshape(-1)
    solution = np.asarray(np.linalg.lstsq(design.reshape(-1, 6), right, rcond=None)[0], float)
    return solution[:3], solution[3:]


def normal_equations(rotations: Array, translations: Array) -> tuple[Array, Array]:
    """Each pose's share of the equal-weight normal equations: (n, 6, 6) and (n, 6)."""
    design = _design(rotations)
    matrix = np.einsum("nia,nib->nab", design, design)
    return matrix, -np.einsum("nia,ni->na", design, translations)


def solved(matrix: Array, right: Array) -> Array:
    """Tip and pivot (..., 6) of normal equations (..., 6, 6) and (..., 6)."""
    return np.asarray(np.linalg.solve(matrix + RIDGE * np.eye(6), right[..., None])[..., 0], float)


def misses(rotations: Array, translations: Array, tip: Array, pivot: Array) -> Array:
    """(n, 3) by which each pose's tip is off the pivot, the poses' frame, mm."""
    return np.asarray(rotations @ tip + translations - pivot, float)


@dataclass(frozen=True)
class Noise:
    """Covariance of each pose's tip by the pose's own, as eigenvalues (n, 3), mm^2, and vectors."""

    values: Array
    vectors: Array

    @classmethod
    def of(cls, points: Array, covariances: Array | None) -> "Noise":
        """At points (n, 3) in the poses' frame; J C J' with J = [I, -[p]x]."""
        if covariances is None:
            spread = np.zeros((len(points), 3, 3))
        else:
            jacobian = point_jacobian(points)
            spread = jacobian @ covariances @ jacobian.transpose(0, 2, 1)
        values, vectors = np.linalg.eigh(spread)
        return cls(np.maximum(values, 0.0) + ROUNDING**2, vectors)

    def turned(self, residuals: Array) -> Array:
        """Residuals (n, 3) along each pose's principal directions."""
        return np.einsum("nij,ni->nj", self.vectors, residuals)

    def squared(self, residuals: Array, play: float) -> Array:
        """(n,) Mahalanobis distances, squared, with `play` mm more on every axis."""
        return np.asarray((self.turned(residuals) ** 2 / (self.values + play**2)).sum(axis=1))

    def white(self, residuals: Array, play: float) -> Array:
        """(n, 3) of unit variance, in the poses' frame."""
        scaled = self.turned(residuals) / np.sqrt(self.values + play**2)
        return np.einsum("nij,nj->ni", self.vectors, scaled)

    def weights(self, play: float) -> Array:
        """(n, 3, 3) inverse covariances."""
        return np.einsum(
            "nij,nj,nkj->nik", self.vectors, 1.0 / (self.values + play**2), self.vectors
        )


def play_for(noise: Noise, residuals: Array, freedom: float) -> float:
    """Standard deviation per axis, mm, that makes the sum of squared distances `freedom`.

    0 where the noise alone explains the residuals.
    """

    def excess(variance: float) -> float:
        return float(noise.squared(residuals, np.sqrt(variance)).sum()) - freedom

    if excess(0.0) <= 0.0:
        return 0.0
    most = float((residuals**2).sum()) / freedom
    return float(np.sqrt(brentq(excess, 0.0, most * (1 + 1e-9))))


@dataclass(frozen=True)
class Fit:
    """Weighted fit: tip, pivot (3,), mm; information (6, 6); play (sd per axis), mm."""

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
    """Least squares weighted by each pose's covariance at the tip, and play of the tip.

    The play (errors that the poses' covariances do not hold: a tip that moves in its divot) is the
    same on all axes and as large as makes chi-square equal to its degrees of freedom, 3 n - 6, or
    zero; of poses that repeat each other (`repetition`, see there) 3 n - 6 repetition.
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
        # held up by next to nothing where these poses leave something free
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
    """(n, 3, 6): [R, -I]."""
    design = np.zeros((len(rotations), 3, 6))
    design[:, :, :3] = rotations
    design[:, :, 3:] = -np.eye(3)
    return design
