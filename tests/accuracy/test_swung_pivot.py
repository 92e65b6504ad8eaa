"""The swung pivot: a lag shows with the velocity, a wrong tip with the orientation."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nav.accuracy.swung_pivot import carrier_velocity, swung_pivot
from nav.core.errors import InputError

TIP = np.array([0.3, -0.2, 110.0])
DIVOT = np.array([10.0, 20.0, 500.0])


def swing(speed, seconds=30.0, seed=0):
    """Times, rotations, translations of a needle swung about DIVOT, and its rotation's rate."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(30 * seconds)) / 30
    phases, rates = rng.uniform(0, 6.28, 3), 2 * np.pi * rng.uniform(0.6, 1.0, 3)
    amplitude = speed / 110.0 / np.linalg.norm(rates[:2]) * np.sqrt(2)
    turns = Rotation.from_rotvec(amplitude * np.sin(phases + times[:, None] * rates))
    rotations = turns.as_matrix()
    return times, rotations, DIVOT - rotations @ TIP


def moved(places, times, lag):
    """The places with a displacement of the lag's share of the velocity, in one direction."""
    velocity = np.gradient(places, times, axis=0, edge_order=2)
    by = np.outer([0.0, 0.0, 1.0], [1.0, 0.0, 0.0]) * lag
    return places + velocity @ by.T, velocity


@pytest.mark.parametrize("lag", [0.005, 0.015])
def test_a_lag_is_found_within_its_interval(lag):
    times, rotations, places = swing(50.0)
    rng = np.random.default_rng(1)
    late, _ = moved(places, times, lag)
    late = late + 0.02 * rng.standard_normal(late.shape)
    found = swung_pivot(times, rotations, late, TIP)
    assert found.lag == pytest.approx(lag, rel=0.05)
    assert 0.0 < found.lag_low < lag * 1.02
    assert lag * 0.98 < found.lag_high
    assert np.allclose(found.divot, DIVOT, atol=0.05)


def test_the_wander_grows_with_the_speed_and_fails_above_the_limit():
    rms = []
    for speed in (20.0, 50.0, 100.0):
        times, rotations, places = swing(speed)
        late, velocity = moved(places, times, 0.015)
        found = swung_pivot(times, rotations, late, TIP, limit=0.3)
        middle = {w.speed: w for w in found.wander}[50.0]
        rms.append(np.sqrt(((late - places) ** 2).sum(axis=1).mean()))
        if speed == 50.0:
            own = np.linalg.norm(velocity, axis=1)
            share = (own >= 35.0) & (own < 75.0)
            expected = np.sqrt(((late - places)[share] ** 2).sum(axis=1).mean())
            assert middle.rms == pytest.approx(expected, rel=0.05)
            assert found.verdict == ("fail" if expected > 0.3 else "pass")
            assert swung_pivot(times, rotations, late, TIP, limit=1.0).verdict == "pass"
            assert swung_pivot(times, rotations, late, TIP, limit=0.1).verdict == "fail"
    assert rms[0] < rms[1] < rms[2]


def test_a_wrong_tip_is_no_lag():
    times, rotations, places = swing(50.0)
    found = swung_pivot(times, rotations, places, TIP + np.array([0.5, 0.0, 0.0]))
    assert found.lag < 1e-4
    assert found.tip_off == pytest.approx([0.5, 0.0, 0.0], abs=0.02)


def test_poses_of_a_resting_needle_are_refused():
    times, rotations, places = swing(3.0)
    with pytest.raises(InputError, match="swing it"):
        swung_pivot(times, rotations, places, TIP)


def test_slow_poses_are_too_few_to_tell():
    times, rotations, places = swing(15.0)
    assert swung_pivot(times, rotations, places, TIP).verdict == "too few to tell"


def test_gaps_are_no_velocity():
    times, _, places = swing(50.0)
    gone = np.ones(len(times), bool)
    gone[200:300] = False
    unknown = np.isnan(carrier_velocity(times[gone], places[gone])).any(axis=1)
    assert np.flatnonzero(unknown).tolist() == [0, 199, 200, len(times[gone]) - 1]
    true = np.gradient(places, times, axis=0)[gone]
    assert np.allclose(carrier_velocity(times[gone], places[gone])[~unknown], true[~unknown])
