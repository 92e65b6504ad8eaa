"""A line that is moved is judged at once, and as `nav plan` judges it."""

import time

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.model.case import Plan
from nav.planning.judging import SOON, LineJudge, on_skin
from nav.planning.plan import plan_trajectories
from tests.planning.necks import brute_force_distance, neck, without

MEASURE_S, JUDGE_S = 0.03, 0.5  # processor time that a move, and a probability, may take


@pytest.fixture(scope="module")
def judge():
    return LineJudge(neck())


@pytest.fixture(scope="module")
def plan():
    """The best path, with its entry drawn back into the air, and one of chance."""
    found = plan_trajectories(neck())
    best = found.best
    away = best.entry + 15.0 * (best.entry - best.target) / best.depth
    return found, Plan("by hand", away, best.target)


def test_clearances_depth_and_angles_are_those_of_the_plan(judge, plan):
    found, line = plan
    measured = judge.measure(line)
    best = found.best
    assert measured.side == best.side
    assert measured.depth == pytest.approx(best.depth, abs=1e-3)
    assert (measured.cranial, measured.dorsal) == pytest.approx(
        (best.cranial, best.dorsal), abs=1e-6
    )
    of_plan = {c.structure: c.distance for c in best.clearances}
    own = {c.structure: c.distance for c in measured.clearances}
    assert len(own) > 4
    for name in own.keys() & of_plan.keys():
        assert own[name] == pytest.approx(of_plan[name], abs=1e-3)
    assert measured.within


def test_the_probability_is_that_of_a_line_given_to_the_plan(judge, plan):
    _, line = plan
    placed = on_skin(judge.ground.skin, line)
    of_plan = plan_trajectories(neck(), None, [placed]).lines[0]
    judged = judge.judge(line)
    assert judged.probability.total.value == pytest.approx(
        of_plan.probability.total.value, rel=0.05
    )
    assert [p.kind for p in judged.problems] == [p.kind for p in of_plan.problems]
    soon = judge.judge(line, SOON).probability.total
    assert abs(soon.value - judged.probability.total.value) < 4.0 * soon.error


@pytest.mark.parametrize("seed", range(4))
def test_a_line_anywhere_has_the_clearance_of_brute_force(judge, plan, seed):
    rng = np.random.default_rng(seed)
    line = plan[1]
    moved = Plan("m", line.entry + rng.normal(0, 8.0, 3), line.target + rng.normal(0, 5.0, 3))
    measured = judge.measure(moved)
    end = measured.target + judge.ground.settings.search.ahead * moved.direction
    for name in ("vertebral artery left", "cord"):
        own = next(c.distance for c in measured.clearances if c.structure == name)
        surface = next(s.surface for s in neck().structures if s.name == name)
        true = brute_force_distance(surface, measured.entry, end) - judge.ground.radius
        assert own == pytest.approx(true, abs=0.02)


def test_a_move_is_measured_at_once_and_judged_soon(judge, plan):
    line = plan[1]
    judge.measure(line), judge.judge(line, SOON)  # compiled
    began = time.thread_time()
    for _ in range(10):
        judge.measure(line)
    assert (time.thread_time() - began) / 10 < MEASURE_S
    began = time.process_time()
    judge.judge(line, SOON)
    assert time.process_time() - began < JUDGE_S


def test_lines_that_are_none_are_refused(judge, plan):
    line = plan[1]
    with pytest.raises(InputError, match="apart"):
        judge.measure(Plan("m", line.entry, line.entry + 1.0))
    aside = line.entry + np.array([0.0, 0.0, 900.0])
    with pytest.raises(InputError, match="does not pass through the skin"):
        judge.measure(Plan("m", aside, aside + np.array([10.0, 0.0, 0.0])))
    with pytest.raises(InputError, match='no structure has role "skin"'):
        LineJudge(without(neck(), "skin"))


def test_a_line_that_leaves_the_region_is_measured_but_not_judged(judge, plan):
    target = plan[1].target + np.array([0.0, 0.0, -60.0])  # at C5
    far = Plan("m", target + 90.0 * judge.ground.gap.left, target)
    assert judge.ground.skin.surface.distance(target)[0] < 0.0
    measured = judge.measure(far)
    assert not measured.within
    with pytest.raises(InputError, match="leaves the region"):
        judge.judge(far)
