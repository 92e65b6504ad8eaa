"""From what every marker's pixels say to one pose with an honest covariance.

All is linear here: each view says how its marker's plane lies (eight numbers, with their
information), a common motion of the tool explains what they share, and what is left over is judged.
Noise explains little of it where markers are misaligned or a camera has moved or refocused. Then
each marker has a misplacement of its own, the same in all cameras, and each camera a small turn and
a small growth of its image, the same for all markers, and each corner in each image is seen off
a little: random effects whose sizes are estimated by expectation and maximisation (Dempster, Laird
and Rubin 1977), and the pose's covariance grows with them.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from nav.frames import Array
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.linear import Linear
from nav.tracking.fit.marker_views import CORNER_FLOW
from nav.tracking.fit.pixel_moments import GEOMETRY, RESPONSE
from nav.tracking.fit.printed_size import (
    SizeEstimate,
    estimate_size,
    estimated_with_effects,
    flow_by_size,
)

SIGNIFICANCE = 1e-4  # of the chi-square test that finds geometry doubtful
ODD = 1.6  # chi-square of a view by its usual value, above which it has less weight
AGREEING = 3.0  # chi-square by its degrees of freedom of the usual view, below which most agree
NO_WEIGHT = 0.1  # of its own weight
REWEIGHTINGS = 3
MIN_KEPT = 0.6  # share of the views that must agree for the others to be left out
FEW_STEPS, MANY_STEPS = 3, 25  # of expectation and maximisation: with sizes from before, without
COHERENT, LEFT_OUT = 2, 0.5  # views of a camera, and share of them: not left out without doubt
CREDIBLE = 10.0  # sd of the file's scale: a print that is off by more is not what it is about
STILL = 0.15  # px that cameras are turned, if the tool has another size: they hardly are
SURE_PIXELS = 2.0  # px of residual at which a marker is left out regardless of the others


@dataclass(frozen=True)
class Sizes:
    """Standard deviations of the random effects, per axis.

    Parameters
    ----------
    marker : float
        Misplacement of a marker, mm.
    camera : float
        Turn of a camera, rad.
    zoom : float
        Relative growth of a camera's focal length.
    corner : float
        Offset of a corner in one image, as by a wrong lens model, px.
    scale : float
        Relative growth of the tool against its file.
    """

    marker: float = 0.03
    camera: float = 5e-5
    zoom: float = 1e-4
    corner: float = 0.05
    scale: float = 1e-3


LEAST = Sizes(1e-4, 1e-6, 1e-6, 1e-3, 1e-6)
FREE_CAMERAS = Sizes(LEAST.marker, 1e-2, 1e-2, LEAST.corner, LEAST.scale)


@dataclass(frozen=True)
class Consensus:
    """The motion about the pivot that all views share, with its covariance.

    Parameters
    ----------
    motion : ndarray, shape (6,)
        About the pivot, mm and rad.
    velocity : ndarray, shape (6,)
        About the pivot, mm/s and rad/s; zeros where the views are of one time.
    covariance : ndarray, shape (6, 6)
        Of the motion, from the pixels' noise, times the growth of their variance where the geometry
        does not fit.
    systematic : ndarray, shape (6, 6)
        Of the motion, from the misplaced geometry; much the same in the next frame. Without that
        of the tool's size.
    used : ndarray, shape (n,), bool
        Views that contribute.
    chi2 : float
        Their chi-square.
    left : ndarray, shape (n, 8)
        Flow by which each view is off from the consensus.
    fits : bool
        Whether noise explains what is left.
    sizes : Sizes or None
        Of the random effects; None where noise explains what is left.
    turns : ndarray, shape (cameras, 3)
        Estimated camera turns, rad; zeros where noise explains what is left.
    zooms : ndarray, shape (cameras,)
        Estimated relative growth of focal lengths; zeros where noise explains what is left.
    responses : ndarray, shape (cameras, RESPONSE)
        Changes of the cameras' response parameters.
    size : SizeEstimate
        What the views say of the tool's size, and how it acts on the motion.
    """

    motion: Array
    velocity: Array
    covariance: Array
    systematic: Array
    used: NDArray[np.bool_]
    chi2: float
    left: Array
    fits: bool
    sizes: Sizes | None
    turns: Array
    zooms: Array
    responses: Array
    size: SizeEstimate


def estimate_consensus(
    evidence: FitResult,
    velocity_information: Array | None,
    before: Sizes | None,
    scale_sd: float,
) -> Consensus:
    """Estimate the motion that the good views of a fit agree on.

    Parameters
    ----------
    evidence : FitResult
        What each view's pixels say.
    velocity_information : ndarray, shape (6, 6), or None
        Prior information of the tool's velocity, where views are of different times.
    before : Sizes or None
        Sizes of random effects found in an earlier frame, to begin with.
    scale_sd : float
        Standard deviation of the scale at which the tool was printed, relative to its file.

    Returns
    -------
    Consensus
        With views that disagree left out, if most of the others agree.

    References
    ----------
    Dempster, Laird and Rubin, Journal of the Royal Statistical Society B 39(1), 1977.
    """
    full = Linear(evidence, velocity_information)
    linear = _with_less_of_the_odd(full)
    used, fits = _consistent(linear, linear.evidence.good.copy())
    if not _scattered(evidence, used):
        # what a whole camera says is no outlier, however well the others agree without it
        linear, used, fits = full, evidence.good.copy(), False
    elif fits and _in_one_camera(evidence, used):
        everyone = evidence.good.copy()
        if Effects(full, everyone, scale_sd).moved_cameras_explain():
            linear, used, fits = full, everyone, False
    unknowns, normal = linear.solve(used)
    chi2, freedom = float(linear.chi2(unknowns)[used].sum()), _freedom(used)
    size = estimate_size(linear, used, (unknowns, normal), (chi2, freedom), scale_sd)
    fits = fits and not size.wrong
    sizes, turns, zooms = None, np.zeros((linear.cameras, 3)), np.zeros(linear.cameras)
    systematic = np.zeros((6, 6))
    if fits:
        covariance = np.linalg.inv(normal) * max(1.0, chi2 / max(freedom, 1))
    else:
        doubtful = _doubtful(linear, used, before, scale_sd, size)
        sizes, unknowns, systematic, covariance, turns, zooms, size = doubtful
        covariance = covariance * linear.growth(unknowns, used)
    first = linear.first
    left, chi_squares = linear.left_over(unknowns)
    return Consensus(
        unknowns[:6],
        unknowns[6:12] if linear.timed else np.zeros(6),
        (covariance[:6, :6] + covariance[:6, :6].T) / 2,
        systematic,
        used,
        float(chi_squares[used].sum()),
        np.einsum("nab,nb->na", linear.flow_covariance, left),
        fits,
        sizes,
        turns,
        zooms,
        unknowns[first : first + RESPONSE * linear.cameras].reshape(-1, RESPONSE),
        size,
    )


class Doubtful(NamedTuple):
    """A solution with random effects: their sizes, `Linear`'s unknowns, and as of `Consensus`."""

    sizes: Sizes
    unknowns: Array
    systematic: Array
    covariance: Array
    turns: Array
    zooms: Array
    size: SizeEstimate


def _doubtful(
    linear: Linear,
    used: NDArray[np.bool_],
    before: Sizes | None,
    scale_sd: float,
    size: SizeEstimate,
) -> Doubtful:
    """Solve with random effects, and with another size of the tool where that may be the reason.

    Cameras that converge a little more see a smaller tool: the two can hardly be told apart, so the
    pose is as uncertain as they differ.

    size : as the fit without effects has it.
    """
    effects = Effects(linear, used, scale_sd)
    plain = effects.explained(before)
    if not effects.turning:
        return plain
    plain = plain._replace(size=replace(size, motion=plain.size.motion))
    if not size.wrong:
        return plain
    sized = Effects(linear, used, scale_sd, free_size=True).explained(None)
    if not sized.size.wrong:
        return plain._replace(size=replace(plain.size, pixel_sd=sized.size.pixel_sd))
    focal = np.array([eye.camera.matrix[0, 0] for eye in linear.evidence.marker_views.eyes])
    turned = float(np.linalg.norm(sized.turns, axis=1) @ focal)
    likely = abs(sized.size.change) < CREDIBLE * scale_sd and turned < STILL
    chosen = sized if likely else plain
    apart = sized.unknowns[:6] - plain.unknowns[:6]
    return chosen._replace(systematic=chosen.systematic + np.outer(apart, apart))


def _with_less_of_the_odd(linear: Linear) -> Linear:
    """Weight down views that disagree more than chance (Huber's weights), if most do agree.

    A finger's edge on a marker moves it by more than its noise, and not by enough to be left out. A
    view that would have next to no weight is left out.
    """
    evidence, good = linear.evidence, linear.evidence.good
    weights = np.ones(len(good))
    for _ in range(REWEIGHTINGS if good.sum() > 2 else 0):
        chi2 = linear.chi2(linear.solve(good, weights)[0]) / GEOMETRY
        usual = float(np.sort(chi2[good])[good.sum() // 2])
        if usual > AGREEING:
            return linear
        before, weights = weights, np.minimum(1.0, ODD * max(usual, 1.0) / np.maximum(chi2, 1e-9))
        if np.abs(weights - before)[good].max() < 0.05:
            break
    if weights[good].min(initial=1.0) > 0.95:
        return linear
    weighted = replace(
        evidence,
        good=good & (weights > NO_WEIGHT),
        information=evidence.information * weights[:, None, None],
        gradient=evidence.gradient * weights[:, None],
    )
    return Linear(weighted, linear.velocity_information)


def whole(matrix: Array) -> Array:
    """Remove the negative part of a symmetric matrix.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Symmetric up to rounding.

    Returns
    -------
    ndarray, shape (n, n)
        Positive semidefinite.
    """
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T, float)


def _freedom(used: NDArray[np.bool_]) -> int:
    return GEOMETRY * int(used.sum()) - 6


def _consistent(linear: Linear, everyone: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], bool]:
    """Return the views that agree within their noise, and whether they do.

    A few that do not (a finger, glare, a bent corner) are left out, at each step the one that
    spoils the fit most, if then all the others agree. Where that does not help, the fault is in all
    of them and all are kept, except those that are grossly wrong.
    """
    kept = everyone.copy()
    least = max(3, int(np.ceil(everyone.sum() * MIN_KEPT)))
    while True:
        unknowns, normal = linear.solve(kept)
        chi2 = linear.chi2(unknowns)
        if chi2[kept].sum() <= chdtri(max(_freedom(kept), 1), SIGNIFICANCE):
            return kept, True
        if kept.sum() <= least:
            return _without_gross(linear, everyone), False
        kept[int(np.argmax(linear.gains(unknowns, normal, kept)))] = False


def _scattered(evidence: FitResult, used: NDArray[np.bool_]) -> bool:
    """Return whether the views left out are single ones, not most of what one camera sees."""
    camera = evidence.marker_views.camera
    for index in np.unique(camera[evidence.good]):
        own = evidence.good & (camera == index)
        out = int((own & ~used).sum())
        if out >= COHERENT and out > LEFT_OUT * own.sum():
            return False
    return True


def _in_one_camera(evidence: FitResult, used: NDArray[np.bool_]) -> bool:
    """Return whether one camera alone has views left out, several of them."""
    cameras = evidence.marker_views.camera[evidence.good & ~used]
    return len(cameras) >= COHERENT and len(np.unique(cameras)) == 1


def _without_gross(linear: Linear, everyone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return all views but those whose corners are off by pixels while most are not."""
    kept = everyone.copy()
    while kept.sum() > 3:
        unknowns, normal = linear.solve(kept)
        off = _pixels_off(linear, unknowns)
        usual = float(np.median(off[kept]))
        worst = int(np.argmax(linear.gains(unknowns, normal, kept)))
        if off[worst] < max(SURE_PIXELS, 6.0 * usual):
            return kept
        kept[worst] = False
    return kept


def _pixels_off(linear: Linear, unknowns: Array) -> Array:
    """Return (n,) about how far each view is from the consensus, px."""
    evidence = linear.evidence
    flow = np.einsum("nab,nb->na", linear.flow_covariance, linear.left_over(unknowns)[0])
    moved = np.einsum("nab,nb->na", evidence.by_flow, flow)
    return np.sqrt((moved**2).mean(axis=1))


class Effects:
    """Random effects as further unknowns: misplaced markers, turned cameras, corners seen off.

    The tool's scale is one more: as well known as its file says where one camera alone sees the
    tool, else the file's own, or free.
    """

    def __init__(
        self,
        linear: Linear,
        used: NDArray[np.bool_],
        scale_sd: float,
        free_size: bool = False,
    ) -> None:
        self.linear, self.base, self.scale_sd = linear, linear.unknowns, scale_sd
        self.free_size = free_size
        evidence = linear.evidence
        marker_views = evidence.marker_views
        rows = self.rows = np.flatnonzero(used)
        markers, which = np.unique(marker_views.marker[rows], return_inverse=True)
        self.cameras, seen_by = np.unique(marker_views.camera[rows], return_inverse=True)
        turning = self.turning = (
            len(self.cameras) > 1
        )  # of one camera alone a turn is the tool's motion
        self.misplaced = slice(self.base, self.base + 6 * len(markers))
        turned = self.misplaced.stop + (3 * len(self.cameras) if turning else 0)
        self.turned = slice(self.misplaced.stop, turned)
        after = turned + (len(self.cameras) if turning else 0)
        self.zoomed = slice(turned, after)
        by_place = marker_views.by_misplacement(evidence.flow, evidence.poses, evidence.pivot)[rows]
        by_turn = marker_views.by_camera_turn(evidence.poses, evidence.plane)[rows]
        by_zoom = marker_views.by_camera_zoom(evidence.plane)[rows]
        self.jacobian = np.zeros((len(rows), GEOMETRY + RESPONSE, after + 1))
        self.jacobian[:, :, : self.base] = linear.jacobian[rows]
        self.jacobian[:, :GEOMETRY, after] = flow_by_size(evidence)[rows]
        for k in range(len(rows)):
            at = self.base + 6 * which[k]
            self.jacobian[k, :GEOMETRY, at : at + 6] = by_place[k]
            if turning:
                at = self.turned.start + 3 * seen_by[k]
                self.jacobian[k, :GEOMETRY, at : at + 3] = by_turn[k]
                self.jacobian[k, :GEOMETRY, self.zoomed.start + seen_by[k]] = by_zoom[k, :, 0]
        self.information = evidence.information[rows]
        self.gradient = evidence.gradient[rows]
        # corners' displacement, px, by flow
        self.corners = CORNER_FLOW * evidence.scale[rows, None, None]

    def sizes(self, before: Sizes | None) -> Sizes:
        """Estimate the effects' sizes from what is left over, by expectation and maximisation."""
        sizes = Sizes() if before is None else before
        for _ in range(MANY_STEPS if before is None else FEW_STEPS):
            weak = self._weakened(sizes)
            solution, covariance = self._posterior(sizes, weak)
            sizes = self._suggested(solution, covariance, weak, sizes)
        return sizes

    def moved_cameras_explain(self) -> bool:
        """Return whether turned and zoomed cameras alone make all views agree."""
        weak = self._weakened(FREE_CAMERAS)
        solution, _ = self._posterior(FREE_CAMERAS, weak)
        left = self.gradient - np.einsum("nab,nb->na", self.information, self.jacobian @ solution)
        own = left[:, :GEOMETRY]
        flow_covariance = self.linear.flow_covariance[self.rows]
        chi2 = float(np.einsum("na,nab,nb->", own, flow_covariance, own))
        freedom = GEOMETRY * len(own) - 6 - (self.zoomed.stop - self.turned.start)
        return freedom > 0 and chi2 <= chdtri(freedom, SIGNIFICANCE)

    def explained(self, before: Sizes | None) -> Doubtful:
        """Estimate the effects' sizes, and solve with them."""
        sizes = self.sizes(before)
        unknowns, total, covariance, turns, zooms, size = self.solve(sizes)
        systematic = (total - covariance)[:6, :6]
        if self.free_size or not self.turning:
            by_size = size.sd * size.motion
            systematic = systematic - np.outer(by_size, by_size)
        return Doubtful(sizes, unknowns, whole(systematic), covariance, turns, zooms, size)

    def solve(self, sizes: Sizes) -> tuple[Array, Array, Array, Array, Array, SizeEstimate]:
        """Solve for all unknowns with given sizes of the effects.

        Parameters
        ----------
        sizes : Sizes
            Of the random effects.

        Returns
        -------
        unknowns : ndarray
            Those of `Linear`.
        total : ndarray
            Their covariance with the random effects.
        covariance : ndarray
            Their covariance from the noise alone.
        turns : ndarray, shape (cameras, 3)
            In rad.
        zooms : ndarray, shape (cameras,)
            Relative growth of focal lengths.
        size : SizeEstimate
            Of the tool.
        """
        weak = self._weakened(sizes)
        solution, covariance = self._posterior(sizes, weak)
        _, less, _, _ = weak
        # what noise alone does to the estimate: its information carried through
        kept = self.jacobian - _embed(less @ self.jacobian)
        heard = np.einsum("nau,nab,nbw->uw", kept, self.information, kept)
        heard[: self.base, : self.base] += self.linear.prior
        noise = covariance @ heard @ covariance
        turns, zooms = np.zeros((self.linear.cameras, 3)), np.zeros(self.linear.cameras)
        if self.turned.stop > self.turned.start:
            turns[self.cameras] = solution[self.turned].reshape(-1, 3)
            zooms[self.cameras] = solution[self.zoomed]
        own = slice(0, self.base)
        size = estimated_with_effects(
            float(solution[-1]),
            covariance[[*range(6), -1], -1],
            self._scale_prior(sizes),
            self.scale_sd,
        )
        return solution[own], covariance[own, own], noise[own, own], turns, zooms, size

    def _weakened(self, sizes: Sizes) -> tuple[Array, Array, Array, Array]:
        """Marginalise corners seen off: covariance, how they follow, information, gradient."""
        held = self.corners.swapaxes(1, 2) @ self.corners / sizes.corner**2
        cross = self.information[:, :, :GEOMETRY]
        joint = np.asarray(np.linalg.inv(cross[:, :GEOMETRY] + held), float)
        less = joint @ cross.swapaxes(1, 2)
        information = self.information - cross @ less
        gradient = self.gradient - np.einsum("nab,na->nb", less, self.gradient[:, :GEOMETRY])
        return joint, less, information, gradient

    def _posterior(
        self, sizes: Sizes, weak: tuple[Array, Array, Array, Array]
    ) -> tuple[Array, Array]:
        _, _, information, gradient = weak
        total = self.jacobian.shape[2]
        flat = self.jacobian.reshape(-1, total)
        normal = flat.T @ (information @ self.jacobian).reshape(-1, total)
        normal[: self.base, : self.base] += self.linear.prior
        normal[np.diag_indices(total)] += self._firmness(sizes)
        right = flat.T @ gradient.ravel()
        right[: self.base] += self.linear.toward
        covariance = np.asarray(np.linalg.inv(normal), float)
        return covariance @ right, covariance

    def _firmness(self, sizes: Sizes) -> Array:
        firm = np.zeros(self.jacobian.shape[2])
        firm[self.misplaced] = 1.0 / sizes.marker**2
        firm[self.turned] = 1.0 / sizes.camera**2
        firm[self.zoomed] = 1.0 / sizes.zoom**2
        firm[-1] = self._scale_prior(sizes) ** -2.0
        return firm

    def _scale_prior(self, sizes: Sizes) -> float:
        if self.turning:
            return sizes.scale if self.free_size else LEAST.scale
        return max(self.scale_sd, LEAST.scale)

    def _suggested(
        self,
        solution: Array,
        covariance: Array,
        weak: tuple[Array, Array, Array, Array],
        sizes: Sizes,
    ) -> Sizes:
        """Return root mean squares of all effects in the solution, its own errors included."""
        joint, less, _, _ = weak
        second = solution**2 + np.diag(covariance)
        marker = float(np.sqrt(second[self.misplaced].mean()))
        camera, zoom, scale = sizes.camera, sizes.zoom, sizes.scale
        if self.turned.stop > self.turned.start:
            camera = float(np.sqrt(second[self.turned].mean()))
            zoom = float(np.sqrt(second[self.zoomed].mean()))
            scale = float(np.sqrt(second[-1])) if self.free_size else scale
        left = self.gradient - np.einsum("nab,nb->na", self.information, self.jacobian @ solution)
        off = np.einsum("nab,nb->na", joint, left[:, :GEOMETRY])
        follows = less @ self.jacobian
        spread = joint + follows @ covariance @ follows.swapaxes(1, 2)
        pixels = np.einsum("nab,nb->na", self.corners, off)
        chance = np.einsum("nab,nbc,nac->na", self.corners, spread, self.corners)
        corner = float(np.sqrt((pixels**2 + chance).mean()))
        return Sizes(
            max(marker, LEAST.marker),
            max(camera, LEAST.camera),
            max(zoom, LEAST.zoom),
            max(corner, LEAST.corner),
            max(scale, LEAST.scale),
        )


def _embed(flow: Array) -> Array:
    """Pad (n, 8, u) to (n, 10, u) with zeros for the response."""
    return np.concatenate([flow, np.zeros((len(flow), RESPONSE, flow.shape[2]))], axis=1)
