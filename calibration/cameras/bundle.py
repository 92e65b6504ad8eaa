"""Bundle adjustment: lenses, poses of cameras and boards, and the board's bow, jointly.

Gauss-Newton with Levenberg's damping on the corners' residuals, weighted by their covariances and
by how well the model fits (Huber 1964), over all unknowns together (Triggs et al. 2000).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from calibration.cameras.rig_setup import (
    BOW_SD,
    DISTORTION_SD,
    Setup,
    Unknowns,
    moved_setup,
    prior_of,
)
from calibration.cameras.shape import heights, shaped
from nav.core.frames import Array
from nav.core.gauss_newton import damped_trial, solved_step

HUBER = 3.0  # sd
STEPS, CONVERGED = 40, 1e-4  # largest change of a residual, sd
LEAST_DAMPING, MOST_DAMPING = 1e-12, 1e8
MEDIAN = 1.386  # of a chi-square with two degrees of freedom
UNTOLD = 1e-13  # share of information, above the rounding errors of zero


@dataclass(frozen=True)
class Sighting:
    """Corners of the board in one image.

    Attributes
    ----------
    instant, camera : int
        Indices of instant and camera.
    ids : ndarray of int, shape (n,)
        Ids of the corners.
    pixels : ndarray, shape (n, 2)
        Where they are, px.
    covariance : ndarray, shape (n, 2, 2)
        Of each, px^2.
    """

    instant: int
    camera: int
    ids: NDArray[np.int64]
    pixels: Array
    covariance: Array


@dataclass(frozen=True)
class Fit:
    """The setup that fits the sightings best.

    Attributes
    ----------
    setup : Setup
        The estimate.
    models : tuple of str
        Lens model of each camera, a key of `MODELS`.
    floor : ndarray, shape (cameras,)
        Standard deviation per axis of the corners' errors beyond their own covariances, px.
    residuals : tuple of ndarray, shape (n, 2)
        Of every sighting, px.
    covariance : ndarray, shape (u, u)
        Of the unknowns, in the order of `unknowns`.
    unknowns : Unknowns
        Indices of the unknowns.
    chi : float
        Sum of Huber losses of all whitened residuals.
    """

    setup: Setup
    models: tuple[str, ...]
    floor: Array
    residuals: tuple[Array, ...]
    covariance: Array
    unknowns: Unknowns
    chi: float

    @property
    def evidence(self) -> float:
        """Bayesian information criterion (Schwarz 1978): the lower, the better."""
        count = 2 * sum(len(r) for r in self.residuals)
        return self.chi + self.unknowns.count * float(np.log(count))

    @property
    def akaike(self) -> float:
        """Akaike's criterion (1974), of what predicts best: the lower, the better."""
        return self.chi + 2.0 * self.unknowns.count


@dataclass(frozen=True)
class Linearised:
    """Equations of one sighting at a fit, whitened and weighted.

    Attributes
    ----------
    sighting : Sighting
        The sighting.
    rows : ndarray, shape (2 n, u)
        Derivative of the corners by the unknowns at `places`.
    right : ndarray, shape (2 n,)
        Residuals.
    weight : ndarray, shape (2 n,)
        Factor by which wrong corners count less.
    places : ndarray of int, shape (u,)
        Indices of the unknowns.
    root : ndarray, shape (n, 2, 2)
        Whitening matrices.
    """

    sighting: Sighting
    rows: Array
    right: Array
    weight: Array
    places: NDArray[np.int64]
    root: Array


class Bundle:
    """The sightings of one board, and how well a setup explains them.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Corners of the flat board by id, mm.
    size : tuple of 2 floats
        Width and height of the board, mm.
    sightings : sequence of Sighting
        All of them.
    """

    def __init__(
        self, points: Array, size: tuple[float, float], sightings: Sequence[Sighting]
    ) -> None:
        self.points, self.size, self.sightings = points, size, tuple(sightings)
        self.terms = heights(points, size)
        self.of = np.array([sighting.camera for sighting in sightings])

    def fit(self, setup: Setup, models: Sequence[str], floor: Array | None = None) -> Fit:
        """Fit the best setup near an initial one.

        Parameters
        ----------
        setup : Setup
            Initial estimate.
        models : sequence of str
            Lens model of each camera.
        floor : ndarray, shape (cameras,), optional
            As found before, px; estimated where None.

        Returns
        -------
        Fit
            The setup, its residuals and its covariance.
        """
        unknowns, given, damping = (
            Unknowns(models, sorted(setup.boards), len(setup.bow)),
            floor,
            1e-4,
        )
        residuals = self._residuals(setup)
        floor = self._floor(residuals) if given is None else given
        for _ in range(STEPS):
            roots = self._roots(floor)
            cost = self._cost(setup, residuals, roots)
            normal, right = self._normal(setup, residuals, roots, unknowns)
            trial = partial(self._trial, setup, roots, unknowns, normal, right)
            (moved_on, after), _, damping = damped_trial(
                trial, cost, damping, LEAST_DAMPING, MOST_DAMPING
            )
            step = max(
                float(np.abs(root @ (a - b)[..., None]).max())
                for root, a, b in zip(roots, after, residuals, strict=True)
            )
            setup, residuals, damping = moved_on, after, max(damping / 10.0, LEAST_DAMPING)
            if given is None:
                floor = self._floor(residuals)
            if step < CONVERGED:
                break
        roots = self._roots(floor)
        normal, _ = self._normal(setup, residuals, roots, unknowns)
        chi = self._chi(residuals, roots)
        return Fit(setup, tuple(models), floor, residuals, inverse_of(normal), unknowns, chi)

    def without(self, left_out: Sequence[int]) -> "Bundle":
        """Return the bundle without some sightings, given by their index."""
        kept = [s for k, s in enumerate(self.sightings) if k not in set(left_out)]
        return Bundle(self.points, self.size, kept)

    def whitened(self, fit: Fit) -> list[Array]:
        """Return the whitened residuals (n, 2) of every sighting, sd."""
        roots = self._roots(fit.floor)
        return [
            (root @ off[..., None])[..., 0] for root, off in zip(roots, fit.residuals, strict=True)
        ]

    def _trial(
        self,
        setup: Setup,
        roots: Sequence[Array],
        unknowns: Unknowns,
        normal: Array,
        right: Array,
        damping: float,
    ) -> tuple[tuple[Setup, tuple[Array, ...]], float]:
        """Return the setup after a damped step with its residuals, and its cost."""
        step = solved_step(normal + damping * np.diag(np.diag(normal)), right)
        moved = moved_setup(setup, step, unknowns)
        residuals = self._residuals(moved)
        return (moved, residuals), self._cost(moved, residuals, roots)

    def _residuals(self, setup: Setup) -> tuple[Array, ...]:
        points = shaped(self.points, self.size, setup.bow)
        result = []
        for sighting in self.sightings:
            in_camera = setup.cameras[sighting.camera] @ setup.boards[sighting.instant]
            at = points[sighting.ids] @ in_camera[:3, :3].T + in_camera[:3, 3]
            at[:, 2] = np.maximum(at[:, 2], 1.0)
            result.append(sighting.pixels - setup.lenses[sighting.camera].project(at)[0])
        return tuple(result)

    def _roots(self, floor: Array) -> list[Array]:
        """Return the whitening matrices (n, 2, 2) of every sighting's residuals."""
        return [
            np.linalg.inv(np.linalg.cholesky(s.covariance + floor[s.camera] ** 2 * np.eye(2)))
            for s in self.sightings
        ]

    def _floor(self, residuals: Sequence[Array]) -> Array:
        """Estimate the excess error (cameras,), px, of corners beyond their noise, robustly."""
        floor = np.zeros(self.of.max() + 1)
        for camera in np.unique(self.of):
            own = [k for k, c in enumerate(self.of) if c == camera]
            off = np.concatenate([residuals[k] for k in own])
            covariance = np.concatenate([self.sightings[k].covariance for k in own])
            low, high = 0.0, float(np.sqrt((off**2).mean())) + 1e-9
            for _ in range(30):
                middle = (low + high) / 2
                spread = covariance + middle**2 * np.eye(2)
                chi = np.einsum("na,na->n", off, np.linalg.solve(spread, off[..., None])[..., 0])
                low, high = (middle, high) if np.median(chi) > MEDIAN else (low, middle)
            floor[camera] = low
        return floor

    def _cost(self, setup: Setup, residuals: Sequence[Array], roots: Sequence[Array]) -> float:
        total = self._chi(residuals, roots)
        total += float((setup.bow**2).sum() / BOW_SD**2)
        for lens in setup.lenses:
            total += float(((lens.distortion / DISTORTION_SD) ** 2).sum())
        return total

    def _chi(self, residuals: Sequence[Array], roots: Sequence[Array]) -> float:
        total = 0.0
        for own, root in zip(residuals, roots, strict=True):
            off = np.sqrt(((root @ own[..., None]) ** 2).sum(axis=(1, 2)))
            total += float(np.where(off < HUBER, off**2, HUBER * (2 * off - HUBER)).sum())
        return total

    def _normal(
        self,
        setup: Setup,
        residuals: Sequence[Array],
        roots: Sequence[Array],
        unknowns: Unknowns,
    ) -> tuple[Array, Array]:
        """Return normal matrix and right-hand side of all unknowns, including the prior."""
        normal = np.zeros((unknowns.count, unknowns.count))
        right = np.zeros(unknowns.count)
        flat = shaped(self.points, self.size, setup.bow)
        for sighting, root, own in zip(self.sightings, roots, residuals, strict=True):
            rows, right_rows, _, places = self._rows(setup, sighting, root, own, flat, unknowns)
            normal[np.ix_(places, places)] += rows.T @ rows
            right[places] += rows.T @ right_rows
        known, pull = prior_of(setup, unknowns)
        return normal + np.diag(known), right + pull

    def linearised(self, fit: Fit) -> list[Linearised]:
        """Return every sighting's whitened equations at a fit."""
        flat = shaped(self.points, self.size, fit.setup.bow)
        found = []
        for sighting, root, own in zip(
            self.sightings, self._roots(fit.floor), fit.residuals, strict=True
        ):
            rows = self._rows(fit.setup, sighting, root, own, flat, fit.unknowns)
            found.append(Linearised(sighting, *rows, root))
        return found

    def _rows(
        self, setup: Setup, sighting: Sighting, root: Array, residual: Array, flat: Array,
        unknowns: Unknowns,
    ) -> tuple[Array, Array, Array, NDArray[np.int64]]:  # fmt: skip
        """Return whitened, weighted rows (2 n, u) and residuals (2 n,); weights (2 n,), places."""
        jacobian, places = self._jacobian(setup, sighting, flat, unknowns)
        white = (root @ residual[..., None])[..., 0]
        off = np.sqrt((white**2).sum(axis=1))
        weight = np.repeat(np.sqrt(np.minimum(1.0, HUBER / np.maximum(off, 1e-12))), 2)
        rows = (root @ jacobian).reshape(-1, jacobian.shape[2]) * weight[:, None]
        return rows, white.ravel() * weight, weight, places

    def _jacobian(
        self, setup: Setup, sighting: Sighting, flat: Array, unknowns: Unknowns
    ) -> tuple[Array, NDArray[np.int64]]:
        """Return the derivative (n, 2, u) of pixels by the unknowns at `places` (u,)."""
        camera, board = setup.cameras[sighting.camera], setup.boards[sighting.instant]
        in_rig = flat[sighting.ids] @ board[:3, :3].T + board[:3, 3]
        in_camera = in_rig @ camera[:3, :3].T + camera[:3, 3]
        _, by_point, by_lens = setup.lenses[sighting.camera].project(in_camera)
        by_rig = by_point @ camera[:3, :3]
        parts = [by_lens[:, :, unknowns.free[sighting.camera]]]
        places = [unknowns.lens[sighting.camera]]
        if sighting.camera:
            parts.append(_by_motion(by_point, in_camera))
            places.append(unknowns.place[sighting.camera])
        parts.append(_by_motion(by_rig, in_rig))
        places.append(unknowns.board[sighting.instant])
        if len(setup.bow):
            up = by_rig @ board[:3, 2]
            terms = self.terms[sighting.ids, : len(setup.bow)]
            parts.append(up[:, :, None] * terms[:, None, :])
            places.append(unknowns.bow)
        every = np.arange(unknowns.count)
        return np.concatenate(parts, axis=2), np.concatenate([every[p] for p in places])


def inverse_of(normal: Array) -> Array:
    """Invert a normal matrix, symmetric and positive definite.

    Unknowns are scaled to equal size first; directions that the sightings do not determine (with
    less than `UNTOLD` of the information of the best-determined one) are known no better than that.

    Parameters
    ----------
    normal : ndarray, shape (u, u)
        The normal matrix.

    Returns
    -------
    ndarray, shape (u, u)
        Its inverse, symmetric.
    """
    scale = 1.0 / np.sqrt(np.maximum(np.diag(normal), 1e-300))
    values, vectors = np.linalg.eigh((normal + normal.T) / 2 * np.outer(scale, scale))
    values = np.maximum(values, UNTOLD * values[-1])
    half = scale[:, None] * vectors / np.sqrt(values)
    return np.asarray(half @ half.T, float)


def _by_motion(by_point: Array, points: Array) -> Array:
    """Return the derivative (n, 2, 6) by a motion of the points (n, 3)."""
    x, y, z = points.T
    o = np.zeros(len(points))
    # the cross product of the rotation and the point
    turn = np.stack([o, z, -y, -z, o, x, y, -x, o], axis=1).reshape(-1, 3, 3)
    return np.concatenate([by_point, by_point @ turn], axis=2)
