"""Distances with their 95 % bound, the way ahead, and the way along the plan."""

import numpy as np
import pytest
from hypothesis import assume, given

from nav.core.errors import Lost
from nav.core.frames import Array
from nav.core.tracked_frame import Tip
from nav.guidance.proximity import (
    PlanDeviation,
    Proximity,
    StructureProximity,
    plan_deviation,
    proximity,
)
from nav.model.case import Case, Plan
from tests.solids import box, structure
from tests.synthetic import covariances, floats, vectors

# the quantile is written to three decimals: one-sided 95 % is 1.64485
Z = 1.645
NONE = np.zeros((3, 3))
# a face so wide that errors of a millimetre never come near its edges
SLAB = box([-80.0, -80.0, -20.0], [80.0, 80.0, 0.0])
NORMAL = np.array([0.0, 0.0, 1.0])


def tip(
    position: Array | list[float],
    random: Array = NONE,
    systematic: Array = NONE,
    heading: Array | list[float] | None = None,
) -> Tip:
    way = None if heading is None else np.array(heading)
    return Tip(np.array(position, float), way, random, systematic)


def only(near: Proximity | Lost) -> StructureProximity:
    assert isinstance(near, Proximity)
    (found,) = near.structures
    return found


def slab_case(sigma: float = 0.0) -> Case:
    return Case("slab", (structure(surface=SLAB, sigma=sigma),))


directions = vectors(1.0).filter(lambda v: bool(np.linalg.norm(v) > 0.1))
units = directions.map(lambda v: v / np.linalg.norm(v))


@given(vectors(30.0), covariances(3, 0.3), covariances(3, 0.2), floats(0.0, 0.5))
def test_the_bound_is_a_one_sided_95_percent_of_all_errors_along_the_way(
    position, random, systematic, sigma
):
    found = only(proximity(slab_case(sigma), tip(position, random, systematic)))
    away = position - found.nearest
    assume(np.linalg.norm(away) > 0.01)
    n = away / np.linalg.norm(away)
    sd = np.sqrt(n @ random @ n + n @ systematic @ n + sigma**2)
    assert found.sd == pytest.approx(sd, rel=1e-9)
    assert found.bound == pytest.approx(found.distance - Z * sd, rel=1e-9)


@pytest.mark.parametrize(
    ("random", "systematic", "sigma"),
    [
        (np.diag([0.01, 0.02, 0.16]), NONE, 0.0),
        (NONE, np.diag([0.5, 0.3, 0.09]), 0.0),
        (NONE, NONE, 0.3),
        (
            np.array([[0.2, 0.05, 0.1], [0.05, 0.1, 0.0], [0.1, 0.0, 0.2]]),
            np.array([[0.1, 0.0, -0.05], [0.0, 0.2, 0.03], [-0.05, 0.03, 0.1]]),
            0.3,
        ),
    ],
    ids=["random", "systematic", "surface", "all"],
)
@pytest.mark.parametrize("height", [6.0, -6.0], ids=["outside", "inside"])
def test_the_true_distance_is_beyond_the_bound_in_95_percent(random, systematic, sigma, height):
    """The tip is at `height`, measured with error; the true face lies off the mesh by sigma."""
    draws = 4000
    rng = np.random.default_rng(11)
    case = slab_case(sigma)
    offsets = rng.normal(0.0, 1.0, draws) * sigma
    errors = rng.multivariate_normal(np.zeros(3), random, draws)
    errors += rng.multivariate_normal(np.zeros(3), systematic, draws)
    held, true = 0, np.array([3.0, -2.0, height])
    for error, offset in zip(errors, offsets, strict=True):
        measured = tip(true + error, random, systematic)
        held += height - offset >= only(proximity(case, measured)).bound
    # 4 sd of a binomial share, either way: too timid a bound is wrong as well
    assert held / draws == pytest.approx(0.95, abs=4.0 * np.sqrt(0.95 * 0.05 / draws))


@given(floats(-60.0, 60.0), floats(-60.0, 60.0), covariances(3, 0.3))
def test_on_the_surface_the_worst_direction_counts(x, y, covariance):
    found = only(proximity(slab_case(), tip([x, y, 0.0], covariance / 2, covariance / 2)))
    assert found.distance == pytest.approx(0.0, abs=1e-4)
    assert found.sd == pytest.approx(np.sqrt(np.linalg.eigvalsh(covariance).max()), rel=1e-9)


@given(vectors(50.0), units)
def test_ahead_is_along_the_heading(position, heading):
    ahead = only(proximity(slab_case(), tip(position, heading=heading))).ahead
    assert ahead == SLAB.first_hit(position, heading)


@pytest.mark.parametrize(
    ("heading", "ahead"),
    [
        ([0.0, 0.0, -1.0], 6.0),
        ([0.6, 0.0, -0.8], 7.5),
        ([0.0, 0.0, 1.0], None),
        ([1.0, 0.0, 0.0], None),
    ],
)
def test_ahead_is_none_where_the_needle_would_miss(heading, ahead):
    found = only(proximity(slab_case(), tip([0.0, 0.0, 6.0], heading=heading)))
    assert found.ahead == (None if ahead is None else pytest.approx(ahead, abs=1e-4))


def test_without_a_heading_there_is_no_ahead():
    found = only(proximity(slab_case(), tip([0.0, 0.0, 6.0])))
    assert found.ahead is None
    assert found.distance == pytest.approx(6.0)


def test_a_lost_tip_has_no_distances_but_its_reason():
    lost = Lost("hidden", {"cameras": ["left"]})
    assert proximity(slab_case(), lost) is lost
    plan = Plan("left", np.zeros(3), np.ones(3))
    assert plan_deviation(plan, lost) is lost
    assert plan_deviation(None, lost) is lost


def test_all_structures_are_told_in_the_cases_order_and_nearest_is_by_bound():
    """The farther artery has the larger error: its bound is what is nearer."""
    near = box([-80.0, -80.0, -20.0], [80.0, 80.0, 0.0])
    far = box([-80.0, -80.0, 10.5], [80.0, 80.0, 30.0])
    case = Case(
        "two",
        (
            structure("left", surface=near, sigma=0.1),
            structure("cord", "cord", surface=far, sigma=0.1),
            structure("right", surface=far, sigma=1.0),
        ),
    )
    found = proximity(case, tip([0.0, 0.0, 5.0]))
    assert isinstance(found, Proximity)
    assert [s.name for s in found.structures] == ["left", "cord", "right"]
    assert [s.distance for s in found.structures] == pytest.approx([5.0, 5.5, 5.5])
    nearest = found.nearest("artery")
    assert nearest is not None
    assert nearest.name == "right"
    assert found.nearest("dura") is None


@given(vectors(80.0), directions, floats(-1.0, 1.5), floats(0.0, 20.0), vectors(1.0), units)
def test_deviation_from_a_plan_is_along_it_and_off_it(entry, way, share, off, side, heading):
    """The tip at a share of the way from entry to target, and `off` mm beside the line."""
    along = way / np.linalg.norm(way)
    across = np.cross(side, along)
    assume(np.linalg.norm(across) > 0.01)
    across /= np.linalg.norm(across)
    length = 60.0 * np.linalg.norm(way)
    plan = Plan("left", entry, entry + length * along)
    position = entry + share * length * along + off * across
    found = plan_deviation(plan, tip(position, heading=heading))
    assert isinstance(found, PlanDeviation)
    assert found.name == "left"
    assert found.remaining == pytest.approx((1.0 - share) * length, abs=1e-9)
    # both are roots of differences of squares: exact to about the root of float64
    assert found.off_axis == pytest.approx(off, abs=1e-6)
    assert found.to_target == pytest.approx(np.hypot((1 - share) * length, off), abs=1e-9)
    assert found.angle is not None
    assert np.cos(found.angle) == pytest.approx(heading @ along, abs=1e-12)
    assert 0.0 <= found.angle <= np.pi


@given(vectors(20.0), covariances(3, 0.3), covariances(3, 0.2))
def test_a_plans_error_is_that_towards_the_target(position, random, systematic):
    assume(np.linalg.norm(position) > 0.1)
    plan = Plan("left", np.array([60.0, 0.0, 0.0]), np.zeros(3))
    found = plan_deviation(plan, tip(position, random, systematic))
    assert isinstance(found, PlanDeviation)
    n = position / np.linalg.norm(position)
    assert found.sd**2 == pytest.approx(n @ (random + systematic) @ n, rel=1e-9)


def test_at_the_target_the_error_is_along_the_plan():
    plan = Plan("left", np.array([60.0, 0.0, 0.0]), np.zeros(3))
    found = plan_deviation(plan, tip([0.0, 0.0, 0.0], np.diag([0.04, 1.0, 2.0])))
    assert isinstance(found, PlanDeviation)
    assert (found.to_target, found.sd) == (0.0, pytest.approx(0.2))
    assert found.angle is None


def test_without_a_plan_the_reason_is_told():
    assert plan_deviation(None, tip([0.0, 0.0, 0.0])) == Lost("no_plan")
