"""A server's clock is known through delays, drift and jumps; what cannot be used is not used."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nav.link.remote_clock import DELAYED, JUMP, LATE_FOR, MOST_DRIFT, MOST_JUMPS, RemoteClock

LEAST = 0.002  # s: the part of the delay that all messages have


def messages(rng, seconds, rate=60.0, drift=0.0, ahead=0.0, mean=0.005):
    """True times of measurement, times by a server's clock, arrivals with delays of heavy tail."""
    true = np.arange(int(seconds * rate)) / rate + 5000.0
    delays = LEAST + rng.exponential(mean, len(true)) * (rng.random(len(true)) < 0.7)
    delays[rng.random(len(true)) < 0.02] += 0.1
    arrivals = np.maximum.accumulate(true + delays)  # TCP keeps their order
    stated = true * (1.0 + drift) + ahead
    return true, stated, arrivals


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(-1e-4, 1e-4),
    st.floats(-1e9, 2e9),
    st.sampled_from([20.0, 60.0]),
)
def test_times_are_known_to_the_constant_delay_whatever_offset_and_drift(seed, drift, ahead, rate):
    rng, clock = np.random.default_rng(seed), RemoteClock()
    true, stated, arrivals = messages(rng, 45.0, rate, drift, ahead)
    mapped = np.array([clock.measured_at(*pair) for pair in zip(stated, arrivals, strict=True)])
    assert not clock.jumps
    assert (mapped <= arrivals).all()
    off = (mapped - true - LEAST)[true > true[0] + 15.0]
    assert np.abs(off).max() < 0.0015
    assert clock.sd < 0.001
    assert clock.drift == pytest.approx(-drift, abs=3e-5)


def test_late_messages_keep_their_own_time():
    clock = RemoteClock()
    for k in range(60):
        clock.measured_at(k / 60.0, 100.0 + k / 60.0)
    assert clock.measured_at(1.0, 101.08) == pytest.approx(101.0, abs=1e-6)


def test_a_jump_forwards_is_noticed_at_once():
    clock = RemoteClock()
    for k in range(300):
        clock.measured_at(k / 60.0, 100.0 + k / 60.0)
    assert clock.measured_at(5.0 + 30.0, 105.0) == pytest.approx(105.0)
    (jump,) = clock.jumps
    assert jump.seconds == pytest.approx(30.0)
    assert clock.measured_at(5.1 + 30.0, 105.1) == pytest.approx(105.1)
    assert len(clock.jumps) == 1


def test_a_jump_backwards_is_old_until_it_has_lasted():
    clock = RemoteClock()
    for k in range(300):
        clock.measured_at(k / 60.0, 100.0 + k / 60.0)
    mapped, arrivals = [], []
    for k in range(300, 600):
        arrivals.append(100.0 + k / 60.0)
        mapped.append(clock.measured_at(k / 60.0 - 2.0, arrivals[-1]))
    late = np.array(arrivals) - mapped
    until = np.array(arrivals) < arrivals[0] + LATE_FOR - 0.01
    assert late[until] == pytest.approx(2.0, abs=0.01)
    assert late[~until][2:] == pytest.approx(0.0, abs=1e-3)
    (jump,) = clock.jumps
    assert jump.seconds == pytest.approx(-2.0, abs=0.01)


def test_a_clock_that_stands_is_never_taken_for_one_that_jumped():
    """A server that repeats its last message for a minute has nothing new."""
    clock = RemoteClock()
    for k in range(300):
        clock.measured_at(k / 60.0, 100.0 + k / 60.0)
    for k in range(300, 3900):
        arrival = 100.0 + k / 60.0
        mapped = clock.measured_at(299 / 60.0, arrival)
        assert mapped == pytest.approx(100.0 + 299 / 60.0, abs=0.05)  # what a drift may explain
    assert not clock.jumps


def test_a_stall_is_no_jump():
    """A network that stands for 2 s, then delivers everything at once."""
    clock = RemoteClock()
    for k in range(600):
        true = k / 60.0
        arrival = 7.0 if 5.0 <= true <= 7.0 else true
        assert clock.measured_at(true, arrival) == pytest.approx(true, abs=1e-6)
    assert not clock.jumps


def test_a_queue_that_lasts_makes_nothing_old_new():
    """Times of several tools, out of order by some milliseconds, that come 1.5 s late for long."""
    clock = RemoteClock()
    for k in range(60 * 150):
        true = k / 60.0 - 0.01 * (k % 2)
        queued = 1.5 * np.clip((true - 10.0) / 2.0, 0.0, 1.0) if true < 140.0 else 0.0
        assert clock.measured_at(true, k / 60.0 + queued) == pytest.approx(true, abs=0.2)
        if queued == 1.5 or true > 142.0:  # also what a drift may explain is not much
            assert clock.measured_at(true, k / 60.0 + queued) == pytest.approx(true, abs=0.05)
    assert not clock.jumps


def test_a_queue_that_grows_slowly_is_a_drift_only_as_far_as_clocks_drift():
    clock = RemoteClock()
    for k in range(20 * 600):
        true = k / 20.0
        mapped = clock.measured_at(true, true + 0.002 * true)
        assert mapped - true <= MOST_DRIFT * true * 1.01 + 1e-6
    assert not clock.jumps


def test_a_clock_that_jumps_again_and_again_is_not_used():
    clock, ahead = RemoteClock(), 0.0
    for k in range(60 * 10):
        if k % 60 == 59:
            ahead += 0.5
        mapped = clock.measured_at(k / 60.0 + ahead, k / 60.0 + 0.01 * (k % 2))
        if len(clock.jumps) > MOST_JUMPS:
            assert not clock.is_usable
            assert mapped == k / 60.0 + 0.01 * (k % 2)
    assert not clock.is_usable
    assert JUMP < DELAYED < 0.2  # a pose that is late by less is not called lost
