"""What misplaced geometry does to a pose, as random effects of sizes to be estimated.

Each marker has a misplacement of its own, each camera a small turn and growth of its image, each
corner in each image is seen off a little, and the tool may have another size than its file says.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from nav.core.frames import Array
from nav.tracking.fit.linear import Linear
from nav.tracking.fit.marker_views import CORNER_FLOW
from nav.tracking.fit.pixel_moments import GEOMETRY, RESPONSE
from nav.tracking.fit.printed_size import SizeEstimate, estimated_with_effects, flow_by_size

SIGNIFICANCE = 1e-4  # of the chi-square test that finds geometry doubtful
FEW_STEPS, MANY_STEPS = 3, 25  # of expectation and maximisation: with sizes from before, without
CREDIBLE = 10.0  # sd of the file's scale: a print that is off by more is not what it is about
STILL = 0.15  # px that cameras are turned, if the tool has another size: they hardly are


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


class Doubtful(NamedTuple):
    """A solution with random effects: their sizes, `Linear`'s unknowns, and as of `Consensus`."""

    sizes: Sizes
    unknowns: Array
    systematic: Array
    covariance: Array
    turns: Array
    zooms: Array
    size: SizeEstimate


def solve_doubtful(
    linear: Linear,
    used: NDArray[np.bool_],
    before: Sizes | None,
    scale_sd: float,
    size: SizeEstimate,
) -> Doubtful:
    """Solve with random effects, and with another size of the tool where that may be the reason.

    Cameras that converge a little more see a smaller tool: the two can hardly be told apart, so the
    pose is as uncertain as they differ.

    Parameters
    ----------
    linear : Linear
        Of the views.
    used : ndarray, shape (n,), bool
        Views that contribute.
    before : Sizes or None
        Sizes of random effects found in an earlier frame, to begin with.
    scale_sd : float
        Of the tool's scale, relative to its file.
    size : SizeEstimate
        As the fit without effects has it.

    Returns
    -------
    Doubtful
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
    focal = np.array(
        [model.camera.matrix[0, 0] for model in linear.fit_result.marker_views.cameras]
    )
    turned = float(np.linalg.norm(sized.turns, axis=1) @ focal)
    likely = abs(sized.size.change) < CREDIBLE * scale_sd and turned < STILL
    chosen = sized if likely else plain
    apart = sized.unknowns[:6] - plain.unknowns[:6]
    return chosen._replace(systematic=chosen.systematic + np.outer(apart, apart))


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
        fit_result = linear.fit_result
        marker_views = fit_result.marker_views
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
        by_place = marker_views.by_misplacement(
            fit_result.projection.flow, fit_result.projection.poses, fit_result.projection.pivot
        )[rows]
        by_turn = marker_views.by_camera_turn(
            fit_result.projection.poses, fit_result.projection.plane
        )[rows]
        by_zoom = marker_views.by_camera_zoom(fit_result.projection.plane)[rows]
        self.jacobian = np.zeros((len(rows), GEOMETRY + RESPONSE, after + 1))
        self.jacobian[:, :, : self.base] = linear.jacobian[rows]
        self.jacobian[:, :GEOMETRY, after] = flow_by_size(fit_result)[rows]
        for k in range(len(rows)):
            at = self.base + 6 * which[k]
            self.jacobian[k, :GEOMETRY, at : at + 6] = by_place[k]
            if turning:
                at = self.turned.start + 3 * seen_by[k]
                self.jacobian[k, :GEOMETRY, at : at + 3] = by_turn[k]
                self.jacobian[k, :GEOMETRY, self.zoomed.start + seen_by[k]] = by_zoom[k, :, 0]
        self.information = fit_result.information[rows]
        self.gradient = fit_result.gradient[rows]
        # corners' displacement, px, by flow
        self.corners = CORNER_FLOW * fit_result.projection.scale[rows, None, None]

    def sizes(self, before: Sizes | None) -> Sizes:
        """Estimate the effects' sizes from what is left over, by expectation and maximisation."""
        sizes = Sizes() if before is None else before
        for _ in range(MANY_STEPS if before is None else FEW_STEPS):
            marginal = self._marginalised(sizes)
            solution, covariance = self._posterior(sizes, marginal)
            sizes = self._suggested(solution, covariance, marginal, sizes)
        return sizes

    def moved_cameras_explain(self) -> bool:
        """Return whether turned and zoomed cameras alone make all views agree."""
        marginal = self._marginalised(FREE_CAMERAS)
        solution, _ = self._posterior(FREE_CAMERAS, marginal)
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
        marginal = self._marginalised(sizes)
        solution, covariance = self._posterior(sizes, marginal)
        _, less, _, _ = marginal
        # what noise alone does to the estimate: its information carried through
        kept = self.jacobian - _embed(less @ self.jacobian)
        noise_information = np.einsum("nau,nab,nbw->uw", kept, self.information, kept)
        noise_information[: self.base, : self.base] += self.linear.prior
        noise = covariance @ noise_information @ covariance
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

    def _marginalised(self, sizes: Sizes) -> tuple[Array, Array, Array, Array]:
        """Marginalise corners seen off: covariance, how they follow, information, gradient."""
        prior_information = self.corners.swapaxes(1, 2) @ self.corners / sizes.corner**2
        cross = self.information[:, :, :GEOMETRY]
        joint = np.asarray(np.linalg.inv(cross[:, :GEOMETRY] + prior_information), float)
        less = joint @ cross.swapaxes(1, 2)
        information = self.information - cross @ less
        gradient = self.gradient - np.einsum("nab,na->nb", less, self.gradient[:, :GEOMETRY])
        return joint, less, information, gradient

    def _posterior(
        self, sizes: Sizes, marginal: tuple[Array, Array, Array, Array]
    ) -> tuple[Array, Array]:
        _, _, information, gradient = marginal
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
        marginal: tuple[Array, Array, Array, Array],
        sizes: Sizes,
    ) -> Sizes:
        """Return root mean squares of all effects in the solution, its own errors included."""
        joint, less, _, _ = marginal
        second = solution**2 + np.diag(covariance)
        marker = float(np.sqrt(second[self.misplaced].mean()))
        camera, zoom, scale = sizes.camera, sizes.zoom, sizes.scale
        if self.turned.stop > self.turned.start:
            camera = float(np.sqrt(second[self.turned].mean()))
            zoom = float(np.sqrt(second[self.zoomed].mean()))
            scale = float(np.sqrt(second[-1])) if self.free_size else scale
        left = self.gradient - np.einsum("nab,nb->na", self.information, self.jacobian @ solution)
        offset = np.einsum("nab,nb->na", joint, left[:, :GEOMETRY])
        follows = less @ self.jacobian
        spread = joint + follows @ covariance @ follows.swapaxes(1, 2)
        pixels = np.einsum("nab,nb->na", self.corners, offset)
        chance = np.einsum("nab,nbc,nac->na", self.corners, spread, self.corners)
        corner = float(np.sqrt((pixels**2 + chance).mean()))
        return Sizes(
            max(marker, LEAST.marker),
            max(camera, LEAST.camera),
            max(zoom, LEAST.zoom),
            max(corner, LEAST.corner),
            max(scale, LEAST.scale),
        )


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


def _embed(flow: Array) -> Array:
    """Pad (n, 8, u) to (n, 10, u) with zeros for the response."""
    return np.concatenate([flow, np.zeros((len(flow), RESPONSE, flow.shape[2]))], axis=1)
