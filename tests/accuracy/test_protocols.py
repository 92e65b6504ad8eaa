"""The tests on the divot block against figures computed by hand."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import RigidTransform, Rotation

from nav.accuracy.block_location import locate_block
from nav.accuracy.protocols import jitter, multi_point, rotation_test, single_point
from nav.accuracy.uncertainty_budget import expansion_sd, uncertainty_budget
from nav.accuracy.warm_up import warm_up
from nav.core.errors import InputError
from nav.registration.touch_source import DwellTouch, TipSeries
from phantoms.kit.block import block_divots

approx = pytest.approx
DIVOTS = {divot.label: divot.apex for divot in block_divots()}
REFERENCE_FROM_BLOCK = RigidTransform.from_components(
    [40.0, -120.0, 15.0], Rotation.from_rotvec([0.3, -0.2, 1.1])
)


def touch(position):
    zero = np.zeros((3, 3))
    return DwellTouch(0.0, 1.0, np.asarray(position, float), zero, zero, zero, 0.0, 30, 30.0)


def touches_of(points):
    return [touch(REFERENCE_FROM_BLOCK.apply(point)) for point in points]


def located(points=None):
    given = list(DIVOTS.values()) if points is None else points
    return locate_block(DIVOTS, touches_of(given), tuple(DIVOTS), "points")


def samples(positions, rotations=None, step=0.1):
    count = len(positions)
    turns = Rotation.identity(count) if rotations is None else rotations
    zero = np.zeros((count, 3, 3))
    where = np.asarray(positions, float)
    times = step * np.arange(count)
    return TipSeries(
        times, where, turns.as_matrix(), zero, zero, np.zeros((3, 3)), np.zeros((count, 3))
    )


def at_divot(points):
    """The single-point test of touches at these points of the block."""
    return single_point(samples(np.zeros((5, 3))), touches_of(points), located(), DIVOTS["P"], "P")


def test_a_single_point_test_is_computed_as_by_hand():
    off = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0], [0, 0, 0]])
    shift = np.array([0.3, 0.0, -0.4])
    found = at_divot(DIVOTS["P"] + shift + off)
    assert found.errors == approx(shift + off, abs=1e-9)
    assert found.statistics.bias.value == approx(0.5)
    assert found.statistics.largest == approx(np.hypot(1.3, 0.4))
    assert found.span == approx(2.0)
    assert found.rms == approx(np.sqrt(4 / 5))
    assert found.left_out == 0


def test_a_divot_is_measured_against_the_others():
    """Touched 1 mm off every time, it would draw a location that it belongs to towards itself."""
    off = np.array([1.0, 0.0, 0.0])
    moved = [point + off * (label == "P") for label, point in DIVOTS.items()]
    found = single_point(
        samples(np.zeros((5, 3))),
        touches_of([DIVOTS["P"] + off] * 5),
        located(moved),
        DIVOTS["P"],
        "P",
    )
    assert found.errors == approx(np.tile(off, (5, 1)), abs=1e-9)


def test_rests_elsewhere_are_left_out_and_counted():
    points = [DIVOTS["P"]] * 5 + [DIVOTS["A1"], DIVOTS["P"] + [0, 0, 6.0]]
    found = at_divot(points)
    assert (found.statistics.count, found.left_out) == (5, 2)
    with pytest.raises(InputError, match="4 touches of divot P"):
        at_divot(points[1:])


def test_a_scale_error_is_found_in_the_distances():
    found = multi_point(located([1.01 * point for point in DIVOTS.values()]))
    apart = [np.linalg.norm(DIVOTS[first] - DIVOTS[second]) for first, second in found.pairs]
    assert found.distance_errors == approx(0.01 * np.array(apart))
    assert len(apart) == 16 * 15 // 2
    assert found.distances.rms.value == approx(0.01 * np.sqrt(np.mean(np.square(apart))))
    assert found.distances.largest == approx(0.01 * max(apart))
    assert found.scale.value == approx(0.01)
    assert found.scale.low == approx(0.01)
    assert found.fre == approx(
        0.01 * np.sqrt(np.var(list(DIVOTS.values()), axis=0).sum()), rel=1e-6
    )


def test_intervals_of_distances_cover_their_expectation():
    """By resampling divots; distances taken as independent would cover far less."""
    rng = np.random.default_rng(1)
    nominal = np.array(list(DIVOTS.values()))
    days = [multi_point(located(nominal + 0.2 * rng.normal(size=nominal.shape))) for _ in range(40)]
    expected = np.mean([day.distances.mean.value for day in days])
    covered = [day.distances.mean.low <= expected <= day.distances.mean.high for day in days]
    assert np.mean(covered) >= 0.85


@pytest.mark.parametrize("roll", [True, False])
def test_a_wrong_tip_moves_by_its_chord_when_turned(roll):
    """A tip 0.5 mm off the axis, turned through 60 degrees, moves on a chord of 0.5 mm."""
    shaft = np.array([0.0, 0.0, 1.0])
    axis = shaft if roll else np.array([0.6, 0.8, 0.0])
    off = np.array([0.5, 0, 0]) if roll else np.array([0.0, 0.0, 0.5])
    angles = np.linspace(-30.0, 30.0, 61)
    turns = Rotation.from_rotvec(np.radians(angles)[:, None] * axis)
    seen = samples(REFERENCE_FROM_BLOCK.apply(DIVOTS["P"] + turns.apply(off)), turns)
    found = rotation_test(seen, located(), shaft, roll, None)
    assert np.sort(np.abs(found.angles)) == approx(np.sort(np.abs(angles)), abs=1e-6)
    assert np.ptp(found.angles) == approx(60.0)
    assert found.span == approx(0.5)
    assert found.left_out == 0
    base = DIVOTS["P"]
    assert rotation_test(seen, located(), shaft, roll, base).rms == approx(0.5)


def test_jitter_is_the_spread_of_a_tool_at_rest():
    rng = np.random.default_rng(2)
    found = jitter(samples(rng.normal(0.0, [0.01, 0.02, 0.05], (4000, 3))), 0)
    assert found.sd == approx([0.01, 0.02, 0.05], rel=0.05)
    assert found.rms.low < np.sqrt(0.01**2 + 0.02**2 + 0.05**2) < found.rms.high
    assert found.independent > 2500


def test_the_time_constant_of_a_drift_is_found_within_its_interval():
    rng = np.random.default_rng(4)
    t = np.arange(0.0, 900.0, 2.0)
    inside = 0
    for _ in range(40):
        p = np.outer(1.0 - np.exp(-t / 150.0), [0.2, 0.0, -0.1])
        found = warm_up(t, p + rng.normal(0.0, 0.03, p.shape))
        assert found.amplitude == approx(np.hypot(0.2, 0.1), rel=0.25)
        inside += found.time_constant.low <= 150.0 <= found.time_constant.high
    assert inside >= 34


def test_noise_is_no_drift():
    rng = np.random.default_rng(5)
    t = np.arange(0.0, 900.0, 2.0)
    found = [warm_up(t, rng.normal(0.0, 0.03, (len(t), 3))) for _ in range(40)]
    assert sum(one.time_constant is not None for one in found) <= 4


def test_a_recording_that_is_too_short_gives_no_upper_limit():
    t = np.arange(0.0, 60.0, 0.5)
    rng = np.random.default_rng(6)
    p = np.outer(1.0 - np.exp(-t / 300.0), [1.0, 0.0, 0.0]) + rng.normal(0.0, 0.02, (len(t), 3))
    assert warm_up(t, p).time_constant.high == np.inf
    with pytest.raises(InputError, match="20 frames"):
        warm_up(t[:20], p[:20])


def test_a_budget_is_a_root_sum_of_squares():
    budget = uncertainty_budget({"random": 0.03, "print": 0.04}, {"random": float("inf")}, 0.05)
    assert budget.combined == approx(0.05)
    assert budget.expanded == approx(0.10)
    assert [(c.source, c.measured) for c in budget.contributions] == [
        ("random", True), ("print", False)
    ]  # fmt: skip
    assert budget.share(budget.contributions[1]) == approx(0.64)
    # Welch and Satterthwaite: 12 degrees of freedom of 0.36 of the variance; Student's 95.45 %
    few = uncertainty_budget({"random": 0.03, "print": 0.04}, {"random": 12}, 0.05)
    assert few.freedom == approx(12 / 0.36**2)
    assert few.coverage == approx(stats.t.ppf(0.977250, 12 / 0.36**2), abs=1e-4)
    alone = uncertainty_budget({"random": 0.03}, {"random": 4}, 0.05)
    assert alone.coverage == approx(2.869, abs=1e-3)  # GUM, table G.2
    # 50 mm from the middle, 2 K, rectangular
    ends = np.array([[50.0, 0, 0], [-50.0, 0, 0]])
    assert expansion_sd(ends, 68e-6, 2.0) == approx(68e-6 * 2.0 * 50.0 / 3.0)


def swapped(points):
    return [points[1], points[0], *points[2:]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: [0.001 * one for one in p], "are the poses in metres"),
        (lambda p: [one / 25.4 for one in p], "are the poses in inches"),
        (lambda p: [one * [1, 1, -1] for one in p], "mirror image"),
        (lambda p: [*p[:3], p[2], *p[3:]], "A2 was touched twice"),
        (lambda p: [*p[:5], *p[6:]], "A5 was not touched"),
        (lambda p: p[:9], "9 touches, expected 16"),
        (swapped, "P and A1 were touched in exchanged order"),
        (lambda p: [*p[:5], p[4], *p[6:]], "touches 5 and 6 are in one divot"),
        (lambda p: [1.2 * one for one in p[::-1]], "is it another block"),
    ],
)
def test_wrong_touches_are_one_line_that_says_what_is_wrong(change, message):
    with pytest.raises(InputError, match=message) as refused:
        located(change(list(DIVOTS.values())))
    assert str(refused.value).startswith("points: ")
    assert "\n" not in str(refused.value)
