"""Bundle adjustment: lenses, places of cameras and boards, and the board's bow, all at once.

Gauss-Newton with Levenberg's damping on the corners' residuals, weighted by their covariances and
by how well the model fits (Huber 1964), over all unknowns together (Triggs et al. 2000).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.cameras.lens_models import MODELS, Lens
from calibration.cameras.shape import heights, shaped
from nav.frames import Array, orthonormal

INTRINSICS = 12
HUBER = 3.0  # sd
BOW_SD = 3.0  # mm: what is known of a board before it is seen
DISTORTION_SD = np.array([2.0, 4.0, 0.05, 0.05, 8.0, 4.0, 8.0, 8.0])
STEPS, CONVERGED = 40, 1e-4  # largest change of a residual, sd
MEDIAN = 1.386  # of a chi-square with two degrees of freedom
UNTOLD = 1e-13  # share of information, above what rounding makes of none


@dataclass(frozen=True)
class Sighting:
    """Corners of the board in one picture.

    instant, camera : which. ids (n,). pixels (n, 2). covariance (n, 2, 2), px^2.
    """

    instant: int
    camera: int
    ids: NDArray[np.int64]
    pixels: Array
    covariance: Array


@dataclass(frozen=True)
class Setup:
    """What is estimated.

    cameras : camera_from_rig, (4, 4) each; the first is the rig's frame and stays.
    boards : rig_from_board of every instant, (4, 4). bow : (k,) mm, see `shape`.
    """

    lenses: tuple[Lens, ...]
    cameras: tuple[Array, ...]
    boards: dict[int, Array]
    bow: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Fit:
    """A setup that suits the sightings best.

    floor : (cameras,) px, sd an axis of what corners are off beyond their own covariances.
    residuals : px, (n, 2) of every sighting.
    covariance : of the unknowns in the order of `unknowns`. log_likelihood : of all residuals.
    """

    setup: Setup
    models: tuple[str, ...]
    floor: Array
    residuals: tuple[Array, ...]
    covariance: Array
    unknowns: "Unknowns"
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


class Unknowns:
    """Where each unknown stands among all of them."""

    def __init__(self, models: Sequence[str], instants: Sequence[int], bow: int) -> None:
        self.free = [np.array([0, 1, 2, 3, *(4 + k for k in MODELS[m])]) for m in models]
        at = 0
        self.lens: list[slice] = []
        self.place: list[slice] = []
        for index, free in enumerate(self.free):
            self.lens.append(slice(at, at + len(free)))
            at += len(free)
            size = 6 if index else 0
            self.place.append(slice(at, at + size))
            at += size
        self.bow = slice(at, at + bow)
        at += bow
        self.board = {k: slice(at + 6 * n, at + 6 * n + 6) for n, k in enumerate(instants)}
        self.count = at + 6 * len(instants)


@dataclass(frozen=True)
class Linearised:
    """Equations of one sighting at a fit, whitened and weighted.

    rows : (2 n, u) derivative of the corners by the unknowns at `places` (u,). right : (2 n,)
    residuals. weight : (2 n,) that wrong corners count less by. root : (n, 2, 2) whitening.
    """

    sighting: Sighting
    rows: Array
    right: Array
    weight: Array
    places: NDArray[np.int64]
    root: Array


class Bundle:
    """The sightings of one board, and how a setup explains them.

    points : (n, 3) corners of the flat board, mm, by id. size : its width and height, mm.
    """

    def __init__(
        self, points: Array, size: tuple[float, float], sightings: Sequence[Sighting]
    ) -> None:
        self.points, self.size, self.sightings = points, size, tuple(sightings)
        self.terms = heights(points, size)
        self.of = np.array([sighting.camera for sighting in sightings])

    def fit(self, setup: Setup, models: Sequence[str], floor: Array | None = None) -> Fit:
        """The best setup near a start.

        floor : (cameras,) px, as found before; measured where None.
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
            while True:
                damped = normal + damping * np.diag(np.diag(normal))
                change = np.asarray(np.linalg.solve(damped, right), float)
                moved_on = self._moved(setup, change, unknowns)
                after = self._residuals(moved_on)
                if self._cost(moved_on, after, roots) <= cost * (1 + 1e-12) or damping > 1e8:
                    break
                damping *= 10.0
            step = max(
                float(np.abs(root @ (a - b)[..., None]).max())
                for root, a, b in zip(roots, after, residuals, strict=True)
            )
            setup, residuals, damping = moved_on, after, max(damping / 10.0, 1e-12)
            if given is None:
                floor = self._floor(residuals)
            if step < CONVERGED:
                break
        roots = self._roots(floor)
        normal, _ = self._normal(setup, residuals, roots, unknowns)
        chi = self._chi(residuals, roots)
        return Fit(setup, tuple(models), floor, residuals, inverse_of(normal), unknowns, chi)

    def without(self, left_out: Sequence[int]) -> "Bundle":
        """Without some sightings, by their index."""
        kept = [s for k, s in enumerate(self.sightings) if k not in set(left_out)]
        return Bundle(self.points, self.size, kept)

    def whitened(self, fit: Fit) -> list[Array]:
        """Residuals (n, 2) of every sighting, sd."""
        roots = self._roots(fit.floor)
        return [
            (root @ off[..., None])[..., 0] for root, off in zip(roots, fit.residuals, strict=True)
        ]

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
        """Whitening (n, 2, 2) of every sighting's residuals."""
        return [
            np.linalg.inv(np.linalg.cholesky(s.covariance + floor[s.camera] ** 2 * np.eye(2)))
            for s in self.sightings
        ]

    def _floor(self, residuals: Sequence[Array]) -> Array:
        """(cameras,) px by which corners are off besides their noise, by the usual residual."""
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
        """Normal matrix and right side of all unknowns, what was known beforehand included."""
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
        """Every sighting's whitened equations at a fit."""
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
        """Whitened and weighted: (2 n, u) derivative, (2 n,) residuals; weights (2 n,), places."""
        jacobian, places = self._jacobian(setup, sighting, flat, unknowns)
        white = (root @ residual[..., None])[..., 0]
        off = np.sqrt((white**2).sum(axis=1))
        weight = np.repeat(np.sqrt(np.minimum(1.0, HUBER / np.maximum(off, 1e-12))), 2)
        rows = (root @ jacobian).reshape(-1, jacobian.shape[2]) * weight[:, None]
        return rows, white.ravel() * weight, weight, places

    def _jacobian(
        self, setup: Setup, sighting: Sighting, flat: Array, unknowns: Unknowns
    ) -> tuple[Array, NDArray[np.int64]]:
        """(n, 2, u) derivative of pixels by the unknowns at `places` (u,)."""
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

    def _moved(self, setup: Setup, change: Array, unknowns: Unknowns) -> Setup:
        lenses, cameras = [], []
        for index, lens in enumerate(setup.lenses):
            by = np.zeros(INTRINSICS)
            by[unknowns.free[index]] = change[unknowns.lens[index]]
            lenses.append(lens.moved(by))
            place = change[unknowns.place[index]]
            cameras.append(moved(setup.cameras[index], place) if index else setup.cameras[index])
        boards = {k: moved(b, change[unknowns.board[k]]) for k, b in setup.boards.items()}
        bow = setup.bow + change[unknowns.bow]
        return replace(setup, lenses=tuple(lenses), cameras=tuple(cameras), boards=boards, bow=bow)


def prior_of(setup: Setup, unknowns: Unknowns) -> tuple[Array, Array]:
    """What is known of all unknowns beforehand: (u,) information, (u,) its pull to what is likely.

    Of the bow and of the distortion only.
    """
    known, pull = np.zeros(unknowns.count), np.zeros(unknowns.count)
    known[unknowns.bow] = 1.0 / BOW_SD**2
    pull[unknowns.bow] = -setup.bow / BOW_SD**2
    for lens, free, at in zip(setup.lenses, unknowns.free, unknowns.lens, strict=True):
        which, places = free[4:] - 4, slice(at.start + 4, at.stop)
        known[places] = 1.0 / DISTORTION_SD[which] ** 2
        pull[places] = -lens.distortion[which] / DISTORTION_SD[which] ** 2
    return known, pull


def inverse_of(normal: Array) -> Array:
    """The inverse (u, u) of a normal matrix, symmetric and positive definite.

    Unknowns are scaled to one size first; what the sightings do not tell (a direction of less than
    `UNTOLD` of the best told one's information) is known no better than that.
    """
    scale = 1.0 / np.sqrt(np.maximum(np.diag(normal), 1e-300))
    values, vectors = np.linalg.eigh((normal + normal.T) / 2 * np.outer(scale, scale))
    values = np.maximum(values, UNTOLD * values[-1])
    half = scale[:, None] * vectors / np.sqrt(values)
    return np.asarray(half @ half.T, float)


def moved(pose: Array, motion: Array) -> Array:
    """A pose (4, 4) after a motion (6,): shift and small rotation, in the frame it leads to."""
    by = np.eye(4)
    by[:3, :3] = Rotation.from_rotvec(motion[3:]).as_matrix()
    by[:3, 3] = motion[:3]
    return orthonormal(by @ pose)


def _by_motion(by_point: Array, points: Array) -> Array:
    """(n, 2, 6) derivative by a motion of the points (n, 3)."""
    x, y, z = points.T
    o = np.zeros(len(points))
    # the cross product of the rotation and the point
    turn = np.stack([o, z, -y, -z, o, x, y, -x, o], axis=1).reshape(-1, 3, 3)
    return np.concatenate([by_point, by_point @ turn], axis=2)
