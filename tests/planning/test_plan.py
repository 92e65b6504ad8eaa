"""Plans of whole necks: both sides, what blocks a side, what a case lacks."""

from dataclasses import replace

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.guidance.bending import DIAMETER
from nav.model.case import Plan
from nav.planning.obstacles import Limits
from nav.planning.path_candidates import SearchSettings
from nav.planning.plan import PlanSettings, plan_trajectories
from nav.planning.plan_text import side_lines, why_best
from tests.planning.necks import brute_force_distance, neck, without

RADIUS = DIAMETER[17] / 2.0


@pytest.fixture(scope="module")
def standard():
    return plan_trajectories(neck())


def one_side(side, **settings):
    return PlanSettings(search=SearchSettings(sides=(side,)), **settings)


def side_of(plan, side):
    return next(s for s in plan.sides if s.side == side)


def test_both_sides_are_planned_from_many_paths(standard):
    assert sum(side.candidates for side in standard.sides) >= 20_000
    for side in standard.sides:
        assert side.verdict == "safe"
        assert 2 <= len(side.paths) <= 3
        sign = 1.0 if side.side == "left" else -1.0
        for path in side.paths:
            local = standard.gap.to_level(path.target)
            assert sign * standard.gap.to_level(path.entry)[0] > 30.0
            assert local[1] >= standard.gap.third
            assert local[1] > standard.gap.cord_back
            assert not path.problems
    assert why_best(standard).startswith("best: ")


def test_paths_keep_their_limits_by_brute_force(standard):
    surfaces = {s.name: s.surface for s in neck().structures}
    for side in standard.sides:
        path = side.paths[0]
        end = path.target + 3.0 * (path.target - path.entry) / path.depth
        for clearance in path.clearances:
            brute = brute_force_distance(surfaces[clearance.structure], path.entry, end) - RADIUS
            if clearance.distance < 12.0:
                assert clearance.distance == pytest.approx(brute, abs=0.02)
            assert brute >= clearance.limit - 0.02


def test_the_offered_paths_differ_and_the_best_is_first(standard):
    for side in standard.sides:
        costs = [path.cost for path in side.paths]
        assert costs == sorted(costs)
        for path, other in zip(side.paths, side.paths[1:], strict=False):
            ways = [(p.target - p.entry) / p.depth for p in (path, other)]
            assert (
                np.linalg.norm(path.entry - other.entry) >= 6.0
                or np.arccos(np.clip(ways[0] @ ways[1], -1, 1)) >= np.radians(6.0)
                or np.linalg.norm(path.target - other.target) >= 2.5
            )


def test_a_mirrored_neck_gives_mirrored_risks(standard):
    left, right = (side_of(standard, side).paths[0] for side in ("left", "right"))
    assert left.probability.total.value == pytest.approx(right.probability.total.value, rel=0.35)


def test_the_same_seed_gives_the_same_plan_whatever_plans_the_case_has(standard):
    case = replace(neck(), plans=(Plan("x", np.array([70.0, 30.0, 9.0]), np.zeros(3)),))
    again = plan_trajectories(case)
    for one, other in zip(standard.sides, again.sides, strict=True):
        assert [p.target.tolist() for p in one.paths] == [p.target.tolist() for p in other.paths]


@pytest.mark.parametrize(
    ("variant", "cause"),
    [
        (
            "intersegmental:right",
            "the vertebral artery right enters the canal below C1: it lies in the gap",
        ),
        pytest.param(
            "intersegmental",
            "the vertebral artery left enters the canal below C1: it lies in the",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "fenestrated",
            "limb in the canal enters the canal below C1: it lies in the gap",
            marks=pytest.mark.slow,
        ),
        ("low-pica", "the PICA left runs behind the cord between C1 and C2"),
    ],
)
def test_an_artery_in_the_gap_is_refused_with_its_cause(variant, cause):
    side = "right" if variant.endswith("right") else "left"
    plan = plan_trajectories(neck(variant), one_side(side))
    refused = side_of(plan, side)
    assert refused.verdict == "refused"
    assert any(cause in line for line in side_lines(refused))
    assert not any(np.isfinite(r.probability).any() for r in plan.skin if r.side == side)


def test_such_a_side_is_offered_only_on_demand_and_with_a_warning():
    settings = one_side("right", limits=Limits(accept_artery_in_gap=True))
    side = side_of(plan_trajectories(neck("intersegmental:right"), settings), "right")
    assert side.verdict == "safe"
    assert any(line.startswith("warning: the vertebral artery right") for line in side_lines(side))
    artery = next(c for c in side.paths[0].clearances if c.structure == "vertebral artery right")
    assert artery.limit == 5.0  # its caution limit
    assert artery.distance >= 5.0


def test_limits_that_nothing_keeps_name_what_blocks():
    plan = plan_trajectories(neck(), PlanSettings(limits=Limits(cord=6.0)))
    for side in plan.sides:
        assert side.verdict == "refused"
        assert side.blocking[0].structure == "cord"
        assert side.blocking[0].alone
        assert any("cord is in the way" in line for line in side_lines(side))
    assert plan.best is None


def test_no_artery_on_a_side_is_an_unknown_risk_not_a_safe_side():
    plan = plan_trajectories(without(neck(), "vertebral artery left"))
    left, right = side_of(plan, "left"), side_of(plan, "right")
    assert (left.verdict, right.verdict) == ("unknown", "safe")
    assert any("the risk to it is unknown, not none" in line for line in side_lines(left))
    assert plan.best.side == "right"


def test_no_cord_is_an_unknown_risk_too():
    plan = plan_trajectories(without(neck(), "cord"), one_side("left"))
    assert {side.verdict for side in plan.sides} == {"unknown"}
    assert plan.sides[0].paths[0].probability.cord is None
    assert any("no cord in this case" in line for line in side_lines(plan.sides[0]))


def test_no_skin_is_refused():
    with pytest.raises(InputError, match='"skin"'):
        plan_trajectories(without(neck(), "skin"))


def test_a_line_is_judged_like_a_path(standard):
    best = side_of(standard, "left").paths[0]
    through = Plan("through C2", best.entry, best.target - [0.0, 0.0, 9.0])
    lines = [Plan("mine", best.entry, best.target), through]
    same, bad = plan_trajectories(neck(), None, lines).lines
    assert same.clearances[0].distance == pytest.approx(best.clearances[0].distance, abs=1e-6)
    assert same.probability.total.value == pytest.approx(best.probability.total.value, rel=1e-6)
    assert not same.problems
    assert {"clearance", "target"} <= {p.kind for p in bad.problems}
