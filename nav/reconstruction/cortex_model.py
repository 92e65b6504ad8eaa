"""Grey values across a thin cortex, blurred: the model, and its fit to many profiles at once.

Along an outward normal, t, a bone's grey values are steps blurred by the scanner: from marrow to
cortex, from cortex to soft tissue, and, where another bone is near, from soft tissue to it [1]_:

f(t) = S + (C - S) E(x - t) + (M - C) E(x - tau - t) + (N - S) E(t - x - g)

E is the scanner's step response, a Gaussian one with edge enhancement; that of the inner step may
be wider, as bone becomes porous towards the marrow, or narrower. With a prior on the
cortex's grey value the position x of the surface is determined even where the cortex is thinner
than the blur, where any threshold is biased.

References
----------
.. [1] Treece et al., High resolution cortical bone thickness measurement from clinical CT data,
   Medical Image Analysis 14, 2010.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.reconstruction.volume import Array

# indices in the vector of parameters
PLACE, LOG_THICKNESS, CORTEX, MARROW, SOFT, GAP, LOG_BLUR, OTHER = range(8)
COUNT = 8
WIDER = 2.0  # width of what an edge-enhancing kernel subtracts, times the blur in the slices
LEAST_NARROW = 0.3  # of the blur, where an edge is narrower than the outer one
ITERATIONS = 40  # with rejected steps; most profiles need less than 15
ENOUGH = 1e-3  # of a prior's standard deviation: smaller steps end the fit


@dataclass(frozen=True)
class ProfileFit:
    """Fits of n profiles.

    Parameters
    ----------
    values, sd : ndarray, shape (n, 8)
        The parameters (PLACE and so on) and their posterior standard deviations.
    cost : ndarray, shape (n,)
        Half the sum of squares, including the prior's.
    residuals : ndarray, shape (n, k)
        HU, NaN where unused.
    """

    values: Array
    sd: Array
    cost: Array
    residuals: Array


def fit_profiles(
    at: Array,
    profiles: Array,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    prior: Array,
    prior_sd: Array,
    near: NDArray[np.bool_],
    noise: Array,
    enhancement: float,
    wider: Array,
    inner_edge: float = 0.0,
) -> ProfileFit:
    """Fit the model to profiles, maximum a posteriori, with the Levenberg-Marquardt method.

    Parameters
    ----------
    at : ndarray, shape (k,)
        Positions of the samples along the normal, mm.
    profiles : ndarray, shape (n, k)
        HU.
    first, last : ndarray of int, shape (n,)
        The samples used, from first to before last.
    prior, prior_sd : ndarray, shape (n, 8)
        Gaussian prior of the parameters; the fit starts at its mean.
    near : ndarray of bool, shape (n,)
        Whether another surface is in reach.
    noise : ndarray, shape (n,)
        Standard deviation of a sample as if samples were independent, HU.
    enhancement : float
        Of the edges, from 0.
    wider : ndarray, shape (n,)
        Width of the blur that edge enhancement subtracts, as a multiple of the blur.
    inner_edge : float
        Variance by which the edge towards the marrow is wider than the blur, mm^2; may be negative.

    Returns
    -------
    ProfileFit
        Of the n profiles.
    """
    count = len(profiles)
    values = prior.copy()
    sd = np.empty((count, COUNT))
    cost = np.empty(count)
    residuals = np.full(profiles.shape, np.nan)
    _fit_all(
        at, profiles, first, last, prior, prior_sd, near, noise, enhancement, wider, inner_edge,
        values, sd, cost, residuals,
    )  # fmt: skip
    return ProfileFit(values, sd, cost, residuals)


@njit(nogil=True, cache=True)
def _step(u, blur, enhancement, wider, spread):
    """Return the response to a step at distance u inside, its derivatives by u and by log blur.

    The step itself has the variance `spread`, mm^2.
    """
    narrow = sqrt(max(blur * blur + spread, (LEAST_NARROW * blur) ** 2))
    a = u / narrow
    value = 0.5 * (1.0 + erf(a / sqrt(2.0)))
    density = exp(-0.5 * a * a) / sqrt(2.0 * pi)
    by_u = density / narrow
    by_blur = -a * density * (blur / narrow) ** 2
    if enhancement > 0.0:
        broad = sqrt(max((wider * blur) ** 2 + spread, (LEAST_NARROW * blur) ** 2))
        b = u / broad
        wide = exp(-0.5 * b * b) / sqrt(2.0 * pi)
        more = 1.0 + enhancement
        value = more * value - enhancement * 0.5 * (1.0 + erf(b / sqrt(2.0)))
        by_u = more * by_u - enhancement * wide / broad
        by_blur = more * by_blur + enhancement * b * wide * (wider * blur / broad) ** 2
    return value, by_u, by_blur


@njit(nogil=True, cache=True)
def _model(t, p, near, enhancement, wider, inner_edge, slope):
    blur = exp(p[LOG_BLUR])
    tau = exp(p[LOG_THICKNESS])
    outer, outer_u, outer_b = _step(p[PLACE] - t, blur, enhancement, wider, 0.0)
    inner, inner_u, inner_b = _step(p[PLACE] - tau - t, blur, enhancement, wider, inner_edge)
    high, low = p[CORTEX] - p[SOFT], p[MARROW] - p[CORTEX]
    value = p[SOFT] + high * outer + low * inner
    slope[PLACE] = high * outer_u + low * inner_u
    slope[LOG_THICKNESS] = -low * inner_u * tau
    slope[CORTEX] = outer - inner
    slope[MARROW] = inner
    slope[SOFT] = 1.0 - outer
    slope[GAP] = 0.0
    slope[OTHER] = 0.0
    slope[LOG_BLUR] = high * outer_b + low * inner_b
    if near:
        other, other_u, other_b = _step(t - p[PLACE] - p[GAP], blur, enhancement, wider, 0.0)
        more = p[OTHER] - p[SOFT]
        value += more * other
        slope[PLACE] -= more * other_u
        slope[GAP] = -more * other_u
        slope[OTHER] = other
        slope[SOFT] -= other
        slope[LOG_BLUR] += more * other_b
    return value


@njit(nogil=True, cache=True)
def _cost(at, y, first, last, p, prior, weight, near, noise, enhancement, wider, inner_edge, slope):
    total = 0.0
    for k in range(first, last):
        r = (y[k] - _model(at[k], p, near, enhancement, wider, inner_edge, slope)) / noise
        total += r * r
    for j in range(COUNT):
        total += weight[j] * (p[j] - prior[j]) ** 2
    return 0.5 * total


@njit(nogil=True, cache=True)
def _fit_all(
    at, profiles, first, last, prior, prior_sd, near, noise, enhancement, wider, inner_edge,
    values, sd, cost, residuals,
):  # fmt: skip
    slope = np.empty(COUNT)
    for i in range(len(profiles)):
        y, p = profiles[i], values[i]
        weight = 1.0 / prior_sd[i] ** 2
        args = (near[i], noise[i], enhancement, wider[i], inner_edge, slope)
        now = _cost(at, y, first[i], last[i], p, prior[i], weight, *args)
        damping = 1e-3
        hessian = np.zeros((COUNT, COUNT))
        gradient = np.zeros(COUNT)
        fresh = True
        for _ in range(ITERATIONS):
            if fresh:
                hessian[:] = np.diag(weight)
                gradient[:] = weight * (prior[i] - p)
                for k in range(first[i], last[i]):
                    f = _model(at[k], p, near[i], enhancement, wider[i], inner_edge, slope)
                    r = (y[k] - f) / noise[i] ** 2
                    for a in range(COUNT):
                        gradient[a] += slope[a] * r
                        part = slope[a] / noise[i] ** 2
                        for b in range(COUNT):
                            hessian[a, b] += part * slope[b]
            damped = hessian.copy()
            for a in range(COUNT):
                damped[a, a] *= 1.0 + damping
            move = np.linalg.solve(damped, gradient)
            trial = p + move
            then = _cost(at, y, first[i], last[i], trial, prior[i], weight, *args)
            if then <= now:
                now = then
                p[:] = trial
                damping = max(damping * 0.2, 1e-6)
                fresh = True
                if np.max(np.abs(move) / prior_sd[i]) < ENOUGH:
                    break
            else:
                damping = damping * 6.0 + 1e-3
                fresh = False
                if damping > 1e6:
                    break
        covariance = np.linalg.inv(hessian)
        for a in range(COUNT):
            sd[i, a] = sqrt(max(covariance[a, a], 0.0))
        cost[i] = now
        for k in range(first[i], last[i]):
            f = _model(at[k], p, near[i], enhancement, wider[i], inner_edge, slope)
            residuals[i, k] = y[k] - f
