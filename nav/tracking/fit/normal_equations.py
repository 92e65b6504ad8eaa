"""The algebra of one pass over a tool's views, compiled: many small matrices, one loop each.

Arrays have one row per view. Information is (n, PLACE, PLACE) of a view's flow and response,
gradient (n, PLACE), weight (n,) one by the noise's variance and 0 for a view that has no weight.
"""

import math
from typing import Any

import numpy as np

from nav.core.compiled import njit
from nav.tracking.fit.pixel_moments import BLUR, BRIGHTNESS, GEOMETRY, RESPONSE
from nav.tracking.fit.plane_projection import MOTION
from nav.tracking.fit.view_solver import PLACE, bound_blur, quantile

OF_ONE_VIEW = (
    MOTION + RESPONSE
)  # unknowns that one view knows of: the tool's motion, its camera's curve
FIRM = 1e-9  # share of the diagonal added, so that what is not seen stays solvable
TIMES = 3  # that the views are reweighted
AGREE = 20.0  # chi-square by its median at which a view has half its weight
MOST_BLURRED = 4.0  # px^2 that a blur may change in a pass
STILL = 0.1  # change of weight at which it is enough


@njit(nogil=True, cache=True)
def marginalised(information, gradient, weight, prior_information):
    """Marginalise an offset of each view's plane.

    Parameters
    ----------
    information, gradient : ndarray, shape (n, PLACE, PLACE) and (n, PLACE)
        Of each view.
    weight : ndarray, shape (n,)
        Of each view.
    prior_information : ndarray, shape (n, GEOMETRY, GEOMETRY)
        Prior information that its flow off the pose is zero.

    Returns
    -------
    information, gradient : ndarray, shape (n, PLACE, PLACE) and (n, PLACE)
        What views say of the pose when each of their planes may lie off by itself.
    """
    less_information, less_gradient = np.empty_like(information), np.empty_like(gradient)
    for k in range(len(information)):
        cross = np.ascontiguousarray(information[k, :, :GEOMETRY])
        joint = cross[:GEOMETRY] + prior_information[k] / max(weight[k], 1e-12)
        less = np.linalg.solve(joint, cross.T)
        less_information[k] = information[k] - cross @ less
        less_gradient[k] = gradient[k] - less.T @ gradient[k, :GEOMETRY].copy()
    return less_information, less_gradient


@njit(nogil=True, cache=True)
def step(information, gradient, weight, flow, camera, prior, toward):
    """Solve for the motion and the cameras' curves that suit most views.

    Parameters
    ----------
    information, gradient : ndarray, shape (n, PLACE, PLACE) and (n, PLACE)
        Of each view.
    weight : ndarray, shape (n,)
        Of each view; views that disagree get less.
    flow : ndarray, shape (n, GEOMETRY, MOTION)
        By motion.
    camera : ndarray, shape (n,), int
        Of each view.
    prior, toward : ndarray, shape (cameras, RESPONSE, RESPONSE) and (cameras, RESPONSE)
        Of the curves; of no cameras where curves stay as they are.

    Returns
    -------
    solved : bool
        Whether there is a solution.
    motion : ndarray, shape (MOTION,)
        About the pivot, mm and rad.
    responses : ndarray, shape (cameras, RESPONSE)
        Change of the curves.
    """
    count, cameras = len(information), len(prior)
    own, pull = _by_unknowns(information, gradient, weight, flow)
    unknowns = MOTION + RESPONSE * cameras
    share = np.ones(count)
    solution: Any = np.zeros(unknowns)
    for _ in range(TIMES):
        normal, right = np.zeros((unknowns, unknowns)), np.zeros(unknowns)
        for c in range(cameras):
            at = MOTION + RESPONSE * c
            normal[at : at + RESPONSE, at : at + RESPONSE] = prior[c]
            right[at : at + RESPONSE] = toward[c]
        for k in range(count):
            at = MOTION + RESPONSE * camera[k]
            for a in range(OF_ONE_VIEW if cameras > 0 else MOTION):
                i = a if a < MOTION else at + a - MOTION
                right[i] += share[k] * pull[k, a]
                for b in range(OF_ONE_VIEW if cameras > 0 else MOTION):
                    j = b if b < MOTION else at + b - MOTION
                    normal[i, j] += share[k] * own[k, a, b]
        for i in range(unknowns):
            normal[i, i] += FIRM * normal[i, i]
            if not normal[i, i] > 0.0:
                return False, solution[:MOTION].copy(), np.zeros((cameras, RESPONSE))
        solution = np.linalg.solve(normal, right)
        if not np.isfinite(solution).all():
            return False, solution[:MOTION].copy(), np.zeros((cameras, RESPONSE))
        if count < 3:
            break
        chi2 = _disagreement(information, gradient, weight, flow, camera, solution, cameras)
        usual = max(quantile(chi2[weight > 0.0], 0.5), 8.0)
        change = 0.0
        for k in range(count):
            before, share[k] = share[k], 1.0 / (1.0 + (chi2[k] / usual / AGREE) ** 2)
            change = max(change, abs(share[k] - before))
        if change < STILL:
            break
    return True, solution[:MOTION].copy(), solution[MOTION:].copy().reshape(cameras, RESPONSE)


@njit(nogil=True, cache=True)
def _by_unknowns(information, gradient, weight, flow):
    """Compute each view's information and gradient of motion and its camera's curve."""
    own, pull = (
        np.empty((len(information), OF_ONE_VIEW, OF_ONE_VIEW)),
        np.empty((len(information), OF_ONE_VIEW)),
    )
    jacobian = np.zeros((PLACE, OF_ONE_VIEW))
    for a in range(RESPONSE):
        jacobian[GEOMETRY + a, MOTION + a] = 1.0
    for k in range(len(information)):
        jacobian[:GEOMETRY, :MOTION] = flow[k]
        half = information[k] @ jacobian
        own[k] = (jacobian.T @ half) * weight[k]
        pull[k] = (jacobian.T @ gradient[k]) * weight[k]
    return own, pull


@njit(nogil=True, cache=True)
def _disagreement(information, gradient, weight, flow, camera, solution, cameras):
    """Compute the chi-square (n,) by which each view's own flow fits better than the common one."""
    chi2 = np.zeros(len(information))
    expected = np.zeros(PLACE)
    for k in range(len(information)):
        if weight[k] == 0.0:
            continue
        expected[:GEOMETRY] = flow[k] @ solution[:MOTION]
        for a in range(RESPONSE if cameras > 0 else 0):
            expected[GEOMETRY + a] = solution[MOTION + RESPONSE * camera[k] + a]
        left = (gradient[k] - information[k] @ expected)[:GEOMETRY].copy()
        firm = firm_flow(information[k])
        chi2[k] = (left @ np.linalg.solve(firm, left)) * weight[k]
    return chi2


@njit(nogil=True, cache=True)
def firm_flow(information):
    """Return a view's information of its flow, regularised so that it can be solved.

    Parameters
    ----------
    information : ndarray, shape (PLACE, PLACE)
        Of one view.

    Returns
    -------
    ndarray, shape (GEOMETRY, GEOMETRY)
        With a share FIRM of its trace added to the diagonal.
    """
    own = information[:GEOMETRY, :GEOMETRY].copy()
    firm = FIRM * np.trace(own) + 1e-12
    for a in range(GEOMETRY):
        own[a, a] += firm
    return own


@njit(nogil=True, cache=True)
def own_flow(information, gradient, flow, responses, camera, by_flow, noise):
    """Compute how far each view's own pixels have it off the common step.

    Parameters
    ----------
    information, gradient : ndarray, shape (n, PLACE, PLACE) and (n, PLACE)
        Of each view.
    flow : ndarray, shape (n, GEOMETRY)
        Of the common step.
    responses : ndarray, shape (cameras, RESPONSE)
        Of the common step.
    camera : ndarray, shape (n,), int
        Of each view.
    by_flow : ndarray, shape (n, 8, 8)
        Corners, px, by flow.
    noise : ndarray, shape (n,)
        Variance of the grey levels.

    Returns
    -------
    left : ndarray, shape (n, GEOMETRY)
        Gradient left over.
    excess : ndarray, shape (n,)
        Mean square of the corners' displacement, px^2, above chance.
    """
    left, excess = np.empty((len(flow), GEOMETRY)), np.empty(len(flow))
    for k in range(len(flow)):
        expected = np.empty(PLACE)
        expected[:GEOMETRY] = flow[k]
        expected[GEOMETRY:] = responses[camera[k]]
        left[k] = (gradient[k] - information[k] @ expected)[:GEOMETRY]
        inverse = np.linalg.inv(firm_flow(information[k]))
        pixels = by_flow[k] @ (inverse @ left[k])
        covariance = by_flow[k] @ inverse @ by_flow[k].T
        excess[k] = (pixels @ pixels - np.trace(covariance) * noise[k]) / 8.0
    return left, excess


@njit(nogil=True, cache=True)
def offset_flow(information, left, prior_information):
    """Compute the flow off the pose that suits what is left over, each view held to the pose.

    Parameters
    ----------
    information : ndarray, shape (n, PLACE, PLACE)
        Of each view.
    left : ndarray, shape (n, GEOMETRY)
        Gradient left over, see `own_flow`.
    prior_information : ndarray, shape (n, GEOMETRY, GEOMETRY)
        Prior information that the flow is zero.

    Returns
    -------
    ndarray, shape (n, GEOMETRY)
    """
    offset = np.empty_like(left)
    for k in range(len(left)):
        own = information[k, :GEOMETRY, :GEOMETRY].copy() + prior_information[k]
        offset[k] = np.linalg.solve(own, left[k])
    return offset


@njit(nogil=True, cache=True)
def follow(flow, responses, camera, by_place, rest, brightness, blur, swing):
    """Update brightness and blur of each view after a step, in place.

    Parameters
    ----------
    flow : ndarray, shape (n, GEOMETRY)
        Of the step.
    responses : ndarray, shape (cameras, RESPONSE)
        Changes of the curves.
    camera : ndarray, shape (n,), int
        Of each view.
    by_place, rest : ndarray
        What was eliminated, see `solve_view`.
    brightness : ndarray, shape (n, BRIGHTNESS)
        Changed in place.
    blur : ndarray, shape (n, BLUR)
        In px^2; changed in place.
    swing : ndarray, shape (n, BLUR)
        Its last change; changed in place. A change back is halved, as small blurs would oscillate.

    Returns
    -------
    ndarray, shape (n,)
        Largest change of the blur's standard deviation, px.
    """
    change = np.empty(len(flow))
    for k in range(len(flow)):
        own = rest[k].copy()
        for a in range(len(own)):
            for b in range(GEOMETRY):
                own[a] -= by_place[k, a, b] * flow[k, b]
            for b in range(RESPONSE):
                own[a] -= by_place[k, a, GEOMETRY + b] * responses[camera[k], b]
        brightness[k] += own[:BRIGHTNESS]
        before = math.sqrt(abs(blur[k, 0])), math.sqrt(abs(blur[k, 2]))
        for a in range(BLUR):
            way = min(max(own[BRIGHTNESS + a], -MOST_BLURRED), MOST_BLURRED)
            swing[k, a] = way / 2.0 if way * swing[k, a] < 0.0 else way
            blur[k, a] += swing[k, a]
        bound_blur(blur[k])
        change[k] = max(
            abs(math.sqrt(blur[k, 0]) - before[0]), abs(math.sqrt(blur[k, 2]) - before[1])
        )
    return change


@njit(nogil=True, cache=True)
def usual_of_each_camera(change, pixels, camera, cameras):
    """Return the largest of the cameras' weighted medians of a change.

    Not the largest of all: a view too poor to determine its blur never converges.

    Parameters
    ----------
    change : ndarray, shape (n,)
        Of each view.
    pixels : ndarray, shape (n,)
        Weight of each view: its number of pixels.
    camera : ndarray, shape (n,), int
        Of each view.
    cameras : int
        Number of cameras.

    Returns
    -------
    float
    """
    largest, order = 0.0, np.argsort(change)
    for c in range(cameras):
        half, below = pixels[camera == c].sum() / 2.0, 0.0
        for k in order:
            if camera[k] == c and pixels[k] > 0.0:
                below += pixels[k]
                if below >= half:
                    largest = max(largest, change[k])
                    break
    return largest


@njit(nogil=True, cache=True)
def curve_information(information, chosen):
    """Compute what some views of one camera say of its response curve, their flow eliminated.

    Parameters
    ----------
    information : ndarray, shape (n, PLACE, PLACE)
        Of all views.
    chosen : ndarray of int
        Indices of the views.

    Returns
    -------
    ndarray, shape (RESPONSE, RESPONSE)
        Information of the curve's parameters.
    """
    said = np.zeros((RESPONSE, RESPONSE))
    for k in chosen:
        cross = information[k, :GEOMETRY, GEOMETRY:].copy()
        said += information[k, GEOMETRY:, GEOMETRY:]
        said -= cross.T @ np.linalg.solve(firm_flow(information[k]), cross)
    return said


@njit(nogil=True, cache=True)
def corner_covariance(information, by_flow, least):
    """Compute the covariance of corners by each view's own information.

    Parameters
    ----------
    information : ndarray, shape (n, PLACE, PLACE)
        Of each view.
    by_flow : ndarray, shape (n, 8, 8)
        Corners, px, by flow.
    least : float
        Prior information of every corner coordinate, px^-2.

    Returns
    -------
    ndarray, shape (n, 8, 8)
        In px^2.
    """
    covariance = np.empty_like(by_flow)
    for k in range(len(by_flow)):
        back = np.linalg.inv(by_flow[k])
        own = information[k, :GEOMETRY, :GEOMETRY].copy()
        known = back.T @ own @ back
        for a in range(8):
            known[a, a] += least
        covariance[k] = np.linalg.inv(known)
    return covariance
