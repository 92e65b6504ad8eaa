"""The normal equations of what all views say together; the small matrices are compiled."""

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.normal_equations import FIRM, firm_flow
from nav.tracking.fit.pixel_moments import GEOMETRY, RESPONSE


class Linear:
    """The normal equations of a fit result: unknowns are motion, velocity and responses.

    Parameters
    ----------
    fit_result : FitResult
        What each view's pixels say.
    velocity_information : ndarray, shape (6, 6), or None
        Prior information of the velocity; None where views are of one time and it is no unknown.
    """

    def __init__(self, fit_result: FitResult, velocity_information: Array | None) -> None:
        self.fit_result, self.velocity_information = fit_result, velocity_information
        marker_views = fit_result.marker_views
        self.timed = velocity_information is not None
        self.cameras = len(marker_views.cameras)
        count, first = len(marker_views), 12 if self.timed else 6
        self.unknowns = first + RESPONSE * self.cameras
        self.jacobian = np.zeros((count, GEOMETRY + RESPONSE, self.unknowns))
        self.jacobian[:, :GEOMETRY, :6] = fit_result.projection.flow
        if self.timed:
            by_velocity = fit_result.projection.flow * marker_views.late[:, None, None]
            by_velocity += marker_views.rolled(
                fit_result.projection.flow, fit_result.projection.corners
            )
            self.jacobian[:, :GEOMETRY, 6:12] = by_velocity
        for a in range(RESPONSE):
            own = first + RESPONSE * marker_views.camera + a
            self.jacobian[np.arange(count), GEOMETRY + a, own] = 1.0
        self.prior = np.zeros((self.unknowns, self.unknowns))
        self.toward = np.zeros(self.unknowns)
        if velocity_information is not None:
            self.prior[6:12, 6:12] = velocity_information
        for index in range(self.cameras):
            place = slice(first + RESPONSE * index, first + RESPONSE * (index + 1))
            self.prior[place, place] = fit_result.responses[index].information
            self.toward[place] = fit_result.toward[index]
        self.first = first
        self.own, self.pull, self.flow_covariance = _said(
            self.jacobian, fit_result.information, fit_result.gradient
        )

    def solve(self, used: NDArray[np.bool_], weights: Array | None = None) -> tuple[Array, Array]:
        """Solve for the unknowns by the views used.

        Parameters
        ----------
        used : ndarray, shape (n,), bool
            Views that contribute.
        weights : ndarray, shape (n,), optional
            Theirs; 1 by default.

        Returns
        -------
        unknowns : ndarray, shape (u,)
            Motion, velocity (where views are of different times), responses.
        normal : ndarray, shape (u, u)
            Their normal matrix.
        """
        weight = used.astype(float) if weights is None else used * weights
        solution, normal = _solved(self.own, self.pull, weight, self.prior, self.toward)
        return solution, normal

    def left_over(self, unknowns: Array) -> tuple[Array, Array]:
        """Return what a solution leaves unexplained in each view.

        Parameters
        ----------
        unknowns : ndarray, shape (u,)
            A solution.

        Returns
        -------
        left : ndarray, shape (n, 8)
            Gradient of each view's flow.
        chi2 : ndarray, shape (n,)
            Chi-square, with 8 degrees of freedom less what the pose takes.
        """
        fit_result = self.fit_result
        left, chi2 = _left_over(
            self.jacobian,
            fit_result.information,
            fit_result.gradient,
            self.flow_covariance,
            unknowns,
        )
        return left, chi2

    def chi2(self, unknowns: Array) -> Array:
        """Return (n,) chi-square of each view."""
        return self.left_over(unknowns)[1]

    def growth(self, unknowns: Array, used: NDArray[np.bool_]) -> float:
        """Return by how much the pixels' variance about the pose exceeds that about the markers."""
        return 1.0 + float(
            self.chi2(unknowns)[used].sum() / self.fit_result.quality.pixels[used].sum()
        )

    def gains(self, unknowns: Array, normal: Array, used: NDArray[np.bool_]) -> Array:
        """Return by how much chi-square falls without each view, (n,), at the common solution.

        Not their own chi-squares: a view that pulls the pose to itself has a small one.
        """
        pull = self.pull - np.einsum("nab,b->na", self.own, unknowns)
        # the prior keeps what is left solvable
        rest = normal - self.own + FIRM * np.diag(np.diag(normal))
        moved = np.linalg.solve(rest, pull[..., None])[..., 0]
        gains = self.chi2(unknowns) + np.einsum("na,na->n", pull, moved)
        return np.where(used, gains, -np.inf)


@njit(nogil=True, cache=True)
def _said(jacobian, information, gradient):
    """Compute views' information on all unknowns (n, u, u), (n, u), and flows' covariance."""
    count, unknowns = len(jacobian), jacobian.shape[2]
    own, pull = np.empty((count, unknowns, unknowns)), np.empty((count, unknowns))
    covariance = np.empty((count, GEOMETRY, GEOMETRY))
    for k in range(count):
        own[k] = jacobian[k].T @ (information[k] @ jacobian[k])
        pull[k] = jacobian[k].T @ gradient[k]
        covariance[k] = np.linalg.inv(firm_flow(information[k]))
    return own, pull, covariance


@njit(nogil=True, cache=True)
def _solved(own, pull, weight, prior, toward):
    normal, right = prior.copy(), toward.copy()
    for k in range(len(own)):
        if weight[k] > 0.0:
            normal += weight[k] * own[k]
            right += weight[k] * pull[k]
    return np.linalg.solve(normal, right), normal


@njit(nogil=True, cache=True)
def _left_over(jacobian, information, gradient, covariance, unknowns):
    left, chi2 = np.empty((len(jacobian), GEOMETRY)), np.empty(len(jacobian))
    for k in range(len(jacobian)):
        over = gradient[k] - information[k] @ (jacobian[k] @ unknowns)
        own = over[:GEOMETRY].copy()
        left[k], chi2[k] = own, own @ (covariance[k] @ own)
    return left, chi2
