"""Probabilities against closed forms: walls so large that a touch is one normal number."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from nav.guidance.bending import SHARE, drift_size
from nav.model.distance_grid import Box
from nav.planning.needle_deviation import (
    SHARED,
    Deviations,
    ErrorModel,
    Needle,
    across_axes,
    bend_share,
    deviations_of,
)
from nav.planning.obstacles import Limits, Obstacle, distance_field
from nav.planning.probability import plain_probability, touch_probability
from tests.planning.necks import neck
from tests.solids import box, structure

ENTRY, TARGET = np.array([50.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.0])
RADIUS = 0.7
NO_REGISTRATION = np.zeros((6, 6))
# only the tip is off, so that the shaft moves as a whole
TIP_ONLY = Deviations(
    ErrorModel(tip=1.0, angle=0.0, bend=0.0, surface=1.0), Needle(), NO_REGISTRATION
)


def obstacles(*walls, sigma=0.5):
    made = tuple(
        Obstacle(f"wall {k}", role, (structure(f"wall {k}", role, wall, sigma=sigma),), 1.0)
        for k, (role, wall) in enumerate(walls)
    )
    area = Box.around(np.array([ENTRY, TARGET]), 9.0, 1.0)
    return distance_field(made, Limits(), area)


def wall_at(y):
    """A wall behind the path, across `y`, larger than anything moves."""
    return box([-60.0, y, -60.0], [110.0, y + 20.0, 60.0])


@pytest.mark.parametrize("gap", [0.5, 1.5, 3.0, 4.2])
def test_a_wall_beside_the_shaft(gap):
    field = obstacles(("cord", wall_at(gap + RADIUS)))
    rng = np.random.default_rng(0)
    found = touch_probability(field, TIP_ONLY, (ENTRY, TARGET), RADIUS, 20_000, rng)
    expected = norm.sf(gap / np.hypot(1.0, 0.5))
    assert found.total.value == pytest.approx(expected, rel=0.05)
    assert abs(found.total.value - expected) < 4.0 * found.total.error
    assert found.artery is None
    assert found.cord.value == found.total.value


def test_the_whole_shaft_is_one_event():
    # along the wall for 50 mm: multiplied point by point, a touch would be all but certain
    field = obstacles(("cord", wall_at(1.5 + RADIUS)))
    rng = np.random.default_rng(0)
    found = touch_probability(field, TIP_ONLY, (ENTRY, TARGET), RADIUS, 20_000, rng)
    assert found.total.value == pytest.approx(norm.sf(1.5 / np.hypot(1.0, 0.5)), rel=0.05)


def test_two_walls_share_the_needles_errors():
    upper = box([-60.0, -60.0, 1.2 + RADIUS], [110.0, 60.0, 20.0])
    field = obstacles(("cord", wall_at(1.5 + RADIUS)), ("artery", upper))
    rng = np.random.default_rng(0)
    found = touch_probability(field, TIP_ONLY, (ENTRY, TARGET), RADIUS, 40_000, rng)
    sd = np.hypot(1.0, 0.5)
    both = norm.sf(1.5 / sd) * norm.sf(1.2 / sd)  # across each other: independent
    expected = norm.sf(1.5 / sd) + norm.sf(1.2 / sd) - both
    assert found.total.value == pytest.approx(expected, rel=0.03)
    same = obstacles(("cord", wall_at(1.5 + RADIUS)), ("artery", wall_at(1.5 + RADIUS)))
    found = touch_probability(same, TIP_ONLY, (ENTRY, TARGET), RADIUS, 40_000, rng)
    # the same wall twice, each with a surface error of its own: a bivariate normal
    share = 1.0 / sd**2
    neither = multivariate_normal(cov=[[1.0, share], [share, 1.0]]).cdf([1.5 / sd, 1.5 / sd])
    assert found.total.value == pytest.approx(1.0 - neither, rel=0.03)


def test_an_angle_counts_by_the_distance_from_the_tip():
    angle = Deviations(
        ErrorModel(tip=0.0, angle=0.03, bend=0.0, surface=0.0), Needle(), NO_REGISTRATION
    )
    # a wall beside the outer 10 mm of the shaft only
    wall = box([40.0, 1.5 + RADIUS, -60.0], [110.0, 40.0, 60.0])
    rng = np.random.default_rng(0)
    found = touch_probability(
        obstacles(("artery", wall)), angle, (ENTRY, TARGET), RADIUS, 20_000, rng
    )
    assert found.total.value == pytest.approx(norm.sf(1.5 / (50.0 * 0.03)), rel=0.05)


def test_what_is_far_off_is_never_touched():
    field = obstacles(("cord", wall_at(8.9)))
    rng = np.random.default_rng(0)
    found = touch_probability(field, TIP_ONLY, (ENTRY, TARGET), RADIUS, 1000, rng)
    assert found.total.value < 1e-9


def test_a_needle_through_an_artery_touches_it():
    field = obstacles(("artery", box([10.0, -15.0, -15.0], [20.0, 15.0, 15.0])))
    rng = np.random.default_rng(0)
    found = touch_probability(field, TIP_ONLY, (ENTRY, TARGET), RADIUS, 1000, rng)
    assert found.total.value == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("gap", [1.0, 2.5])
def test_importance_sampling_agrees_with_plain(gap):
    deviations = Deviations(ErrorModel(), Needle(), np.diag([0.1] * 3 + [0.001] * 3))
    vessel = box([20.0, gap + RADIUS, -1.0], [24.0, gap + RADIUS + 3.0, 2.0])
    field = obstacles(("artery", vessel), ("cord", wall_at(2.0 * gap + RADIUS)))
    path = ENTRY, TARGET
    ours = touch_probability(
        field, deviations, path, RADIUS, 20_000, np.random.default_rng(1)
    ).total
    plain = plain_probability(field, deviations, path, RADIUS, 60_000, np.random.default_rng(2))
    assert abs(ours.value - plain.value) < 4.0 * np.hypot(ours.error, plain.error)
    assert ours.value == pytest.approx(plain.value, rel=0.06)


def test_the_displacement_of_a_point_has_the_stated_spread():
    case = neck()
    deviations = deviations_of(case, ErrorModel(), Needle())
    entry, target = np.array([58.0, 2.0, 1.0]), np.array([1.0, 2.5, 0.5])
    length = np.linalg.norm(target - entry)
    across = across_axes((target - entry) / length)
    for depth in (0.0, 20.0, length):
        factor = deviations.point_factor(entry, target, depth)
        assert factor.shape == (3, SHARED)
        sd = np.sqrt(np.diag(across @ factor @ factor.T @ across.T))
        stated = deviations.sd_across(np.array([depth]), np.array([length]), target)
        assert sd == pytest.approx([stated[0]] * 2, rel=0.1)


def test_bending_is_that_of_the_live_window():
    deviations = deviations_of(neck(), ErrorModel(), Needle(gauge=18))
    assert deviations.bend_sd(50.0) == pytest.approx(SHARE * drift_size(Needle(18).kind, 50.0))
    unknown = deviations_of(neck(), ErrorModel(), Needle(gauge=18, bevel_known=False))
    assert unknown.bend_sd(50.0) == pytest.approx(drift_size(Needle(18).kind, 50.0))
    assert bend_share(0.0, 60.0) == 0.0
    assert bend_share(60.0, 60.0) == 1.0
    # in proportion to the depth while that was measured, more than that beyond
    assert bend_share(30.0, 60.0) == pytest.approx(0.5)
    assert bend_share(60.0, 120.0) < 0.5
