"""Tip and registration together, from pivots in known divots: simulated and real."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nav.core.errors import InputError
from nav.registration.contact_matching import match_contacts
from nav.registration.stylus_contacts import Contact, PoseSeries, find_contacts, pooled_pivot
from nav.registration.stylus_verdict import judge
from nav.registration.tip_and_registration import register_with_tip
from tests.bench.registration.stylus import (
    DIVOTS,
    INSIDE,
    SEAT,
    STATED_TIP,
    fre_with,
    real_series,
)
from tests.reference_data import reference_data
from tests.synthetic_stylus import PHANTOM, Hand, simulate_stylus

EXACT = Hand(seat=0.0, wander=0.0, position=0.0, rotation=0.0)
# frames of the contacts, as published with the recording
INTERVALS = (
    *((77, 163), (172, 254), (270, 353), (360, 457)),
    *((530, 613), (624, 716), (725, 820), (830, 930)),
)
LABELS = [f"D{k + 1}" for k in range(len(PHANTOM))]


def simulated(seed: int = 0, hand: Hand | None = None, divots=PHANTOM):
    return simulate_stylus(np.random.default_rng(seed), divots, hand or Hand())


@given(st.integers(0, 10_000), st.integers(25, 90))
@settings(deadline=None, max_examples=15)
def test_without_errors_tip_and_registration_are_exact(seed, swing):
    truth = simulated(seed, Hand(float(swing), 0.0, 0.0, 0.0, 0.0, 0.0))
    contacts = [
        Contact.of(truth.series.take(within(truth.series, *span))) for span in truth.contacts
    ]
    found = register_with_tip(contacts, PHANTOM)
    assert found.tip == pytest.approx(truth.tip, abs=1e-5)
    transform = found.registration.model_from_reference.transform
    expected = truth.model_from_reference.as_matrix()
    assert transform.as_matrix() == pytest.approx(expected, abs=1e-5)
    assert found.registration.fre < 1e-6


def within(series: PoseSeries, start: float, end: float):
    return (series.times >= start - 1e-9) & (series.times <= end + 1e-9)


@given(st.integers(0, 10_000), st.integers(25, 90))
@settings(deadline=None, max_examples=15)
def test_the_contacts_are_found_without_knowing_the_tip(seed, swing):
    truth = simulated(seed, Hand(swing=float(swing)))
    contacts = find_contacts(truth.series)
    assert len(contacts) == len(truth.contacts)
    for contact, (start, end) in zip(contacts, truth.contacts, strict=True):
        assert start - 0.4 < contact.start < start + 1.0
        assert end - 1.0 < contact.end < end + 0.4


def test_a_known_rigid_motion_of_reference_or_stylus_changes_nothing_else():
    truth = simulated(3)
    found = register_with_tip(find_contacts(truth.series), PHANTOM)
    turn = simulated(4).model_from_reference  # any rigid transform
    rotation, shift = turn.rotation.as_matrix(), turn.translation
    series = PoseSeries(
        truth.series.times,
        rotation @ truth.series.rotations,
        truth.series.translations @ rotation.T + shift,
    )
    again = register_with_tip(find_contacts(series), PHANTOM)
    assert again.tip == pytest.approx(found.tip, abs=1e-6)
    assert again.registration.fre == pytest.approx(found.registration.fre, abs=1e-6)
    both = again.registration.model_from_reference.transform * turn
    first = found.registration.model_from_reference.transform
    assert both.as_matrix() == pytest.approx(first.as_matrix(), abs=1e-6)


def test_the_tip_is_as_near_as_its_covariance_says():
    """A small sample of what the benchmark does at length."""
    inside = 0
    for seed in range(40):
        truth = simulated(seed, Hand(swing=25.0 + 1.6 * seed, bias=0.5 * (seed % 2)))
        found = register_with_tip(find_contacts(truth.series), PHANTOM)
        off = found.tip - truth.tip
        inside += off @ np.linalg.solve(found.tip_covariance, off) < INSIDE
    assert inside >= 34  # of 40 at 95 %: fewer once in 500 times


def test_a_bias_of_all_pivots_is_noticed_and_the_divots_decide():
    truth = simulated(5, Hand(bias=3.0))
    contacts = find_contacts(truth.series)
    found = register_with_tip(contacts, PHANTOM)
    assert np.linalg.norm(pooled_pivot(contacts) - truth.tip) > 2.0
    assert np.linalg.norm(found.tip - truth.tip) < 0.6
    assert found.pivot.probability < 0.01
    off = found.pivot.tip - truth.tip
    assert off @ np.linalg.solve(found.pivot.covariance, off) < INSIDE
    verdict = judge(found, LABELS, 0, ())
    assert verdict.startswith("usable: ")
    assert "pivots about a point" in verdict


def test_the_error_shared_by_all_contacts_is_in_the_tip_only():
    contacts = find_contacts(simulated(6).series)
    without, shared = (register_with_tip(contacts, PHANTOM, shared_sd=sd) for sd in (0.0, 0.3))
    added = shared.tip_covariance - without.tip_covariance
    assert added == pytest.approx(0.09 * np.eye(3))
    poses = [each.registration.model_from_reference for each in (without, shared)]
    assert np.array_equal(poses[0].covariance, poses[1].covariance)


def test_fewer_independent_contacts_are_known_less_well():
    truth = simulated(7)
    contacts = find_contacts(truth.series)
    traces = [
        np.trace(register_with_tip(contacts[:count], PHANTOM[:count], shared_sd=0.0).tip_covariance)
        for count in (8, 4)
    ]
    assert traces[0] < traces[1]
    # more poses of the same contacts repeat each other
    doubled = PoseSeries(
        np.sort(np.concatenate([truth.series.times, truth.series.times + 1e-6])),
        np.repeat(truth.series.rotations, 2, axis=0),
        np.repeat(truth.series.translations, 2, axis=0),
    )
    twice = register_with_tip(find_contacts(doubled), PHANTOM)
    assert np.trace(twice.tip_covariance) > 0.9 * traces[0]


def test_a_contact_beside_its_divot_is_named():
    truth = simulated(8)
    divots = PHANTOM.copy()
    divots[3] += [0.0, 2.5, 0.0]
    verdict = judge(register_with_tip(find_contacts(truth.series), divots), LABELS, 0, ())
    assert verdict.startswith("repeat: the contact in D4 is ")


def test_good_is_said_of_a_good_one():
    found = register_with_tip(find_contacts(simulated(9).series), PHANTOM)
    assert judge(found, LABELS, 0, ()) == "good"
    assert judge(found, LABELS, 1, ()) == "usable: 1 more contacts were in no divot"
    assert judge(found, LABELS, 0, ("D9",)) == "usable: no contact in D9"


def test_divots_in_any_order_left_out_and_contacts_elsewhere_are_told_apart():
    contacts = find_contacts(simulated(10).series)
    order = np.random.default_rng(1).permutation(8)
    match = match_contacts(contacts, PHANTOM[order], in_order=False)
    assert [int(order[k]) for k in match.divots] == list(range(8))
    more = np.insert(PHANTOM, 3, [30.0, 20.0, 40.0], axis=0)
    assert match_contacts(contacts, more).divots == (0, 1, 2, 4, 5, 6, 7, 8)
    fewer = match_contacts(contacts, np.delete(PHANTOM, 5, axis=0))
    assert fewer.contacts == (0, 1, 2, 3, 4, 6, 7)
    assert fewer.divots == (0, 1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d / 1000.0, "are the divots in metres"),
        (lambda d: d / 25.4, "are the divots in inches"),
        (lambda d: d * [-1.0, 1.0, 1.0], "mirror image"),
        (lambda d: d[[1, 0, 2, 3, 4, 5, 6, 7]], "another order"),
        (lambda d: d[::-1], "touched in the reverse order"),
        (lambda d: d[:3], "at least 4"),
        (
            lambda d: np.array([[0.0, 0, 0], [0, 9, 0], [90, 0, 0], [0, 0, 80], [7, 70, 50.0]]),
            "fit",
        ),
        (lambda d: np.concatenate([d[:1] + 0.3, d]), "not clear which divot"),
    ],
)
def test_divots_that_cannot_be_right_are_refused_in_one_line(change, said):
    contacts = find_contacts(simulated(11).series)
    with pytest.raises(InputError, match=said) as told:
        match_contacts(contacts, change(PHANTOM))
    assert "\n" not in str(told.value)


def test_recordings_without_pivots_are_refused():
    truth = simulated(12)
    still = truth.series.take(np.zeros(400, np.intp))
    still = PoseSeries(np.arange(400) / 20.0, still.rotations, still.translations)
    with pytest.raises(InputError, match="nowhere turned"):
        find_contacts(still)
    rng = np.random.default_rng(2)
    waved = PoseSeries(
        truth.series.times, truth.series.rotations, rng.normal(0.0, 200.0, (len(truth.series), 3))
    )
    with pytest.raises(InputError, match="pivot it in each divot"):
        find_contacts(waved)
    with pytest.raises(InputError, match="5 poses"):
        find_contacts(truth.series.take(slice(0, 5)))


def test_a_stylus_held_always_the_same_way_does_not_know_its_tip_better_than_by_pivoting():
    truth = simulated(13, Hand(tilt=0.0, swing=30.0))
    found = register_with_tip(find_contacts(truth.series), PHANTOM)
    off = found.tip - truth.tip
    assert off @ np.linalg.solve(found.tip_covariance, off) < INSIDE
    assert found.tip_sd.max() > 0.3


def test_divots_on_a_line_or_unequal_counts_are_refused():
    line = np.outer(np.arange(8.0), [20.0, 0.0, 0.0])
    contacts = find_contacts(simulated(14, EXACT, line).series)
    with pytest.raises(InputError, match="of a line"):
        register_with_tip(contacts, line)
    with pytest.raises(InputError, match="one finite place"):
        register_with_tip(contacts, PHANTOM[:7])
    with pytest.raises(InputError, match="at least 4"):
        register_with_tip(contacts[:3], PHANTOM[:3])


@pytest.fixture(scope="module")
def real():
    return real_series(reference_data("tracker", "plus-fcal-landmarks"))


def test_a_real_recordings_own_tip_has_the_published_fre(real):
    contacts = [Contact.of(real.take(slice(*interval))) for interval in INTERVALS]
    assert fre_with(contacts, DIVOTS, STATED_TIP) == pytest.approx(0.246, abs=0.02)
    assert fre_with(contacts, DIVOTS, pooled_pivot(contacts)) == pytest.approx(1.22, abs=0.03)


def test_a_real_recordings_contacts_are_found(real):
    contacts = find_contacts(real)
    assert len(contacts) == len(INTERVALS)
    for contact, (first, last) in zip(contacts, INTERVALS, strict=True):
        start, end = np.searchsorted(real.times, [contact.start, contact.end])
        assert first - 3 <= start <= first + 10
        assert last - 10 <= end <= last + 3


def test_a_real_tip_and_registration_are_better_than_any_two_steps(real):
    found = register_with_tip(find_contacts(real), DIVOTS, shared_sd=SEAT)
    assert found.registration.fre < 0.15
    assert max(each.distance for each in found.left_out) < 0.35
    assert min(each.probability for each in found.left_out) > 0.01
    off = found.tip - STATED_TIP
    assert off @ np.linalg.solve(found.tip_covariance, off) < INSIDE
    alone = found.pivot.tip - STATED_TIP
    assert np.linalg.norm(alone) > 1.2
    assert alone @ np.linalg.solve(found.pivot.covariance, alone) < INSIDE
    assert found.pivot.probability < 1e-3
