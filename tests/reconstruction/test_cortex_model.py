"""The model of a thin, blurred cortex: profiles whose truth is known, drawn by another formula."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from nav.reconstruction.cortex_model import (
    CORTEX,
    COUNT,
    GAP,
    LOG_BLUR,
    LOG_THICKNESS,
    MARROW,
    OTHER,
    PLACE,
    SOFT,
    WIDER,
    fit_profiles,
)
from nav.reconstruction.surface_probe import profile_places

CORTEX_HU, MARROW_HU, SOFT_HU = 1000.0, 250.0, 40.0
AT = profile_places()


def slab(place, thickness, blur, gap=None, enhancement=0.0, inner_sd=0.0, wider=WIDER):
    """A slab of cortex, by differences of cumulated normals; another cortex beyond the gap."""

    def step(u, sd=0.0):
        narrow, wide = ndtr(u / np.hypot(blur, sd)), ndtr(u / np.hypot(wider * blur, sd))
        return (1.0 + enhancement) * narrow - enhancement * wide

    outer, inner = step(place - AT), step(place - thickness - AT, inner_sd)
    values = SOFT_HU + (CORTEX_HU - SOFT_HU) * outer - (CORTEX_HU - MARROW_HU) * inner
    if gap is not None:
        values += (CORTEX_HU - SOFT_HU) * step(AT - place - gap)
    return values


def priors(count, blur, near=False):
    mean, sd = np.zeros((count, COUNT)), np.ones((count, COUNT))
    for which, m, s in (
        (PLACE, 0.0, 0.7),
        (LOG_THICKNESS, 0.0, 0.6),
        (CORTEX, CORTEX_HU, 80.0),
        (MARROW, MARROW_HU, 100.0),
        (SOFT, SOFT_HU, 60.0),
        (GAP, 1.0, 0.6),
        (LOG_BLUR, np.log(blur), 0.05),
        (OTHER, CORTEX_HU, 150.0),
    ):
        mean[:, which], sd[:, which] = m, s
    return mean, sd


def fitted(profiles, blur, noise, near=False, enhancement=0.0, inner_edge=0.0):
    count = len(profiles)
    mean, sd = priors(count, blur, near)
    return fit_profiles(
        AT,
        np.ascontiguousarray(profiles),
        np.zeros(count, np.int64),
        np.full(count, len(AT), np.int64),
        mean,
        sd,
        np.full(count, near),
        np.full(count, noise),
        enhancement,
        np.full(count, WIDER),
        inner_edge,
    )


def half_height(profile):
    """Where a profile passes half of the step from soft tissue to cortex, from outside."""
    level = 0.5 * (CORTEX_HU + SOFT_HU)
    above = np.flatnonzero(profile >= level)
    if not len(above):
        return np.nan
    k = above[-1]
    return AT[k] + (profile[k] - level) / (profile[k] - profile[k + 1]) * (AT[k + 1] - AT[k])


@pytest.mark.parametrize(("thickness", "gap"), [(0.4, None), (1.2, None), (1.0, 0.5), (0.4, 0.8)])
def test_places_are_unbiased_and_their_sd_covers(thickness, gap):
    rng = np.random.default_rng(3)
    blur, noise, count = 0.4, 20.0, 400
    places = rng.uniform(-0.3, 0.3, count)
    profiles = np.array([slab(p, thickness, blur, gap) for p in places])
    profiles += rng.normal(0.0, noise, profiles.shape)
    fit = fitted(profiles, blur, noise, gap is not None)
    error = fit.values[:, PLACE] - places
    assert abs(np.median(error)) < 0.03
    covered = np.mean(np.abs(error) < 1.96 * fit.sd[:, PLACE])
    assert covered >= 0.93


def test_a_threshold_is_biased_where_cortex_is_thinner_than_the_blur():
    blur = 0.6
    profile = slab(0.1, 0.5, blur)
    by_threshold = half_height(profile) - 0.1
    by_model = fitted(profile[None], blur, 10.0).values[0, PLACE] - 0.1
    assert not abs(by_threshold) < 0.15  # or nowhere at all
    assert abs(by_model) < 0.04


def test_sd_grows_with_thin_cortex_and_narrow_gap():
    blur, noise = 0.5, 20.0

    def sd(thickness, gap=None):
        return fitted(slab(0.0, thickness, blur, gap)[None], blur, noise, gap is not None).sd[0]

    assert sd(0.3)[PLACE] > 1.2 * sd(1.5)[PLACE]
    assert sd(1.0, 0.3)[PLACE] > sd(1.0)[PLACE]


@given(
    place=st.floats(-0.5, 0.5),
    thickness=st.floats(0.4, 2.0),
    blur=st.floats(0.25, 0.7),
    enhancement=st.floats(0.0, 1.0),
)
@example(place=0.4375, thickness=0.5, blur=0.25, enhancement=1.0)  # needs the most iterations
@settings(max_examples=60, deadline=None)
def test_a_profile_without_noise_gives_its_place(place, thickness, blur, enhancement):
    profile = slab(place, thickness, blur, None, enhancement)
    fit = fitted(profile[None], blur, 5.0, enhancement=enhancement)
    assert abs(fit.values[0, PLACE] - place) < 0.05


@pytest.mark.parametrize("enhancement", [0.0, 0.75])
def test_a_gradual_inner_edge_is_fitted_as_such(enhancement):
    profile = slab(0.2, 1.2, 0.4, None, enhancement, inner_sd=0.3)
    fit = fitted(profile[None], 0.4, 5.0, enhancement=enhancement, inner_edge=0.3**2)
    assert np.abs(fit.residuals).max() < 2.0  # HU
    assert abs(fit.values[0, PLACE] - 0.2) < 0.01
    assert np.exp(fit.values[0, LOG_THICKNESS]) == pytest.approx(1.2, abs=0.03)
    alike = fitted(profile[None], 0.4, 5.0, enhancement=enhancement)
    assert alike.cost[0] > 1.2 * fit.cost[0]


@given(shift=st.floats(-200.0, 200.0), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_the_cost_at_the_end_is_no_larger_than_at_the_start(shift, seed):
    rng = np.random.default_rng(seed)
    profile = slab(0.2, 0.8, 0.4) + shift + rng.normal(0.0, 30.0, len(AT))
    fit = fitted(profile[None], 0.4, 30.0)
    start = slab(0.0, 1.0, 0.4)  # the prior's mean
    assert fit.cost[0] <= 0.5 * np.sum((profile - start) ** 2) / 30.0**2 + 1e-6
    assert np.isfinite(fit.values).all()
    assert (fit.sd > 0.0).all()
