"""Statistics of accuracy testing against published examples and simulated truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nav.accuracy.bland_altman import bland_altman
from nav.accuracy.control_chart import Limits, baseline_limits, chart, judge
from nav.accuracy.error_statistics import error_statistics, percentile
from nav.accuracy.gauge_study import gauge_study
from nav.core.errors import InputError

# the example of the measurement systems analysis manual (AIAG), 3 operators x 10 parts x 3 trials
AIAG = np.array(
    [
        [
            [0.29, 0.41, 0.64], [-0.56, -0.68, -0.58], [1.34, 1.17, 1.27], [0.47, 0.50, 0.64],
            [-0.80, -0.92, -0.84], [0.02, -0.11, -0.21], [0.59, 0.75, 0.66], [-0.31, -0.20, -0.17],
            [2.26, 1.99, 2.01], [-1.36, -1.25, -1.31],
        ],
        [
            [0.08, 0.25, 0.07], [-0.47, -1.22, -0.68], [1.19, 0.94, 1.34], [0.01, 1.03, 0.20],
            [-0.56, -1.20, -1.28], [-0.20, 0.22, 0.06], [0.47, 0.55, 0.83], [-0.63, 0.08, -0.34],
            [1.80, 2.12, 2.19], [-1.68, -1.62, -1.50],
        ],
        [
            [0.04, -0.11, -0.15], [-1.38, -1.13, -0.96], [0.88, 1.09, 0.67], [0.14, 0.20, 0.11],
            [-1.46, -1.07, -1.45], [-0.29, -0.67, -0.49], [0.02, 0.01, 0.21], [-0.46, -0.56, -0.49],
            [1.77, 1.45, 1.87], [-1.49, -1.77, -2.16],
        ],
    ]
)  # fmt: skip


def test_the_published_gauge_study():
    found = gauge_study(AIAG)
    assert found.repeatability == pytest.approx(0.199933, abs=1e-6)
    assert found.operator == pytest.approx(0.226838, abs=1e-6)
    assert found.interaction == 0.0
    assert found.gauge == pytest.approx(0.302373, abs=5e-6)
    assert found.part == pytest.approx(1.042327, abs=5e-6)
    assert found.percent_of_variation == pytest.approx(27.86, abs=0.01)
    assert found.categories == 4
    assert found.word == "conditional"


def test_the_tolerance_decides_where_it_is_given():
    assert gauge_study(AIAG, tolerance=100.0).word == "good"
    assert gauge_study(AIAG, tolerance=2.0).word == "not acceptable"


def test_components_of_variance_are_recovered():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(200):
        x = (
            rng.normal(0, 0.3, (3, 1, 1))
            + rng.normal(0, 2.0, (1, 10, 1))
            + rng.normal(0, 0.4, (3, 10, 1))
            + rng.normal(0, 0.2, (3, 10, 3))
        )
        study = gauge_study(x)
        found.append([study.repeatability**2, study.interaction**2, study.part**2])
    assert np.mean(found, axis=0) == pytest.approx([0.04, 0.16, 4.0], rel=0.1)


# NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.4
NIST = [
    52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8, 51.2,
    52.6, 52.4, 53.6, 52.1,
]  # fmt: skip
NIST_EWMA = [
    50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33, 50.11, 49.36, 49.52,
    50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99,
]  # fmt: skip


def test_the_published_ewma_chart():
    points = chart(NIST, Limits(50.0, 2.0539, 100), weight=0.3, width=3.0)
    assert [50.0 + 2.0539 * p.ewma for p in points] == pytest.approx(NIST_EWMA, abs=0.006)
    assert 50.0 + 2.0539 * points[-1].ewma_limit == pytest.approx(52.5884, abs=1e-3)
    assert not any(p.signals for p in points)


def test_a_drift_is_found_soon_and_false_alarms_are_rare():
    rng = np.random.default_rng(2)
    found, alarms = [], []
    for _ in range(400):
        limits = baseline_limits(rng.normal(0, 1, 25))
        drifted = chart(rng.normal(1.0, 1, 400), limits)
        found.append(next((k for k, p in enumerate(drifted, 1) if p.signals), 400))
        quiet = chart(rng.normal(0, 1, 1000), limits)
        alarms.append(next((k for k, p in enumerate(quiet, 1) if p.signals), 1000))
    assert np.median(found) <= 8
    assert np.median(alarms) >= 80


def test_one_signal_asks_for_a_repeat_and_two_are_an_alert():
    history = list(np.random.default_rng(3).normal(1.0, 0.1, 25))
    assert judge(history[:5], [9.0]) == "no limits yet"
    assert judge(history, [1.0]) == "in control"
    assert judge(history, [2.0]) == "repeat"
    assert judge(history, [2.0, 1.0]) == "in control"
    assert judge(history, [2.0, 2.1]) == "alert"
    assert baseline_limits(history[:10]).provisional
    assert not baseline_limits(history).provisional


def test_intervals_cover_as_they_say():
    rng = np.random.default_rng(4)
    inside = {"mean": 0, "sd": 0, "rms": 0, "bias": 0}
    trials = 400
    distances = np.linalg.norm(rng.normal([0.5, 0, 0], 0.3, (1_000_000, 3)), axis=1)
    truth = {
        "mean": distances.mean(),
        "rms": np.sqrt(0.25 + 3 * 0.09),
        "bias": 0.5,
        "sd": distances.std(),
    }
    for _ in range(trials):
        found = error_statistics(rng.normal([0.5, 0.0, 0.0], 0.3, (40, 3)))
        for name, value in truth.items():
            figure = getattr(found, name)
            inside[name] += figure.low <= value <= figure.high
    assert min(inside.values()) / trials >= 0.92
    assert max(inside.values()) / trials <= 0.98


@pytest.mark.parametrize("spread", [(0.2, 0.2, 0.2), (0.4, 0.02, 0.02)])
@pytest.mark.parametrize("bias", [0.0, 0.3, 3.0])
def test_intervals_of_few_samples_miss_the_truth_rarely(spread, bias):
    rng = np.random.default_rng(4)
    true_rms = np.sqrt(np.sum(np.square(spread)) + bias**2)
    trials, above = 150, np.zeros(3)
    for _ in range(trials):
        errors = rng.normal([bias, 0.0, 0.0], spread, (5, 3))
        found = error_statistics(errors)
        above += [
            found.rms.high < true_rms,
            found.bias.high < bias,
            found.bias.low > bias,
        ]
        centred = errors - [bias, 0.0, 0.0]
        lengths = error_statistics(np.linalg.norm(centred, axis=1)).rms
        assert lengths.low < lengths.value < lengths.high
    # 2.5 % each; a bootstrap of five misses 15 % at the upper end
    assert above.max() / trials <= 0.08


def test_a_bias_that_is_chance_may_be_none():
    rng = np.random.default_rng(8)
    low = [error_statistics(rng.normal(0.0, 0.2, (10, 3))).bias.low for _ in range(60)]
    assert np.mean(np.array(low) == 0.0) >= 0.9
    far = error_statistics(np.full((5, 3), 2.0)).bias
    assert far.low == far.value == far.high == pytest.approx(2.0 * 3**0.5)


def test_a_percentile_of_few_samples_has_no_upper_limit():
    assert np.isinf(percentile(np.arange(20.0), 99.0).high)
    wide = percentile(np.random.default_rng(5).random(2000), 95.0)
    assert wide.low < 0.95 < wide.high
    assert wide.high - wide.low < 0.03


def test_limits_of_agreement_are_those_of_the_differences():
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(300):
        first = rng.normal(50, 10, 30)
        found = bland_altman(first, first + rng.normal(0.2, 0.5, 30))
        z = stats.norm.ppf(0.975) * 0.5
        covered.append(
            [found.upper.low <= 0.2 + z <= found.upper.high,
             found.lower.low <= 0.2 - z <= found.lower.high,
             found.bias.low <= 0.2 <= found.bias.high]
        )  # fmt: skip
    assert np.mean(covered, axis=0) == pytest.approx([0.95] * 3, abs=0.04)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_statistics_of_any_finite_errors_are_ordered(values):
    found = error_statistics(values)
    assert found.largest >= found.p95.value - 1e-9
    assert found.rms.value >= found.mean.value - 1e-6 * max(1.0, found.mean.value)
    assert found.mean.low <= found.mean.value <= found.mean.high


@pytest.mark.parametrize(
    "call",
    [
        lambda: error_statistics([1.0]),
        lambda: error_statistics([[1.0, 2.0]]),
        lambda: error_statistics([1.0, np.nan]),
        lambda: bland_altman([1, 2], [1, 2, 3]),
        lambda: bland_altman([1, 2], [1, 2]),
        lambda: gauge_study(np.zeros((1, 3, 3))),
        lambda: gauge_study(AIAG, tolerance=0.0),
        lambda: baseline_limits([1.0] * 9),
        lambda: baseline_limits([1.0] * 30),
        lambda: baseline_limits([-1.0, *range(1, 20)], logarithm=True),
        lambda: judge([1.0] * 30, []),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(call):
    with pytest.raises(InputError) as error:
        call()
    assert "\n" not in str(error.value)
