"""Touches by dwell: each is found where it was, with an error that is true, and nothing else is."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Fiducial
from nav.record.recorded_poses import open_recorded_poses
from nav.registration.dwell_statistics import independent_samples
from nav.registration.identify import identify_touches
from nav.registration.points import register_points
from nav.registration.touch_set import touch_set
from nav.registration.touch_source import (
    DwellTouch,
    TipSeries,
    find_touches,
    tip_series,
)
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tool import Tool, ToolTip
from tests.reference_data import reference_data

RATE = 30.0
PLACES = np.array([[0.0, 0, 0], [60, 0, 0], [60, 3.5, 0], [0, 50, 10], [-40, 20, 30]])


def recording(
    places: Array = PLACES,
    noise: float = 0.1,
    hold: float = 2.0,
    speed: float = 60.0,
    correlation: float = 0.0,
    seed: int = 1,
) -> TipSeries:
    """The tip goes from place to place and stays at each."""
    rng = np.random.default_rng(seed)
    way = [places[0] + np.linspace(-40, 0, 30)[:, None] * [0, 0, 1]]
    for k, place in enumerate(places):
        way.append(np.tile(place, (round(hold * RATE), 1)))
        after = places[k + 1] if k + 1 < len(places) else place + np.array([0, 0, 40.0])
        steps = max(10, round(float(np.linalg.norm(after - place)) / speed * RATE))
        share = np.linspace(0, 1, steps)[1:-1, None]
        lifted = np.sin(np.pi * share) * [0, 0, 10.0]  # out of one divot, into the next
        way.append(place + share * (after - place) + lifted)
    true = np.concatenate(way)
    white = rng.normal(0.0, 1.0, true.shape)
    shaken = white.copy()
    for k in range(1, len(white)):
        shaken[k] = correlation * shaken[k - 1] + np.sqrt(1 - correlation**2) * white[k]
    return series_of(true + noise * shaken)


def series_of(positions: Array, times: Array | None = None) -> TipSeries:
    count = len(positions)
    times = np.arange(count) / RATE if times is None else times
    zero = np.zeros((count, 3, 3))
    turns = np.tile(np.eye(3), (count, 1, 1))
    return TipSeries(
        times, positions, turns, zero, zero, np.diag([0.04, 0.04, 0.25]), np.zeros((count, 3))
    )


def without(series: TipSeries, dropped: NDArray[np.bool_]) -> TipSeries:
    kept = ~dropped
    columns = (
        series.times, series.positions, series.rotations, series.random, series.systematic,
    )  # fmt: skip
    times, positions, rotations, random, systematic = (column[kept] for column in columns)
    return TipSeries(
        times, positions, rotations, random, systematic, series.tip_covariance,
        series.references[kept],
    )  # fmt: skip


def places(touches: tuple[DwellTouch, ...]) -> Array:
    return np.array([touch.position for touch in touches])


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("speed", [15.0, 60.0, 300.0])
def test_every_touch_is_found_and_nothing_else(noise: float, speed: float) -> None:
    found = find_touches(recording(noise=noise, speed=speed))
    assert found.refused == ()
    assert places(found.touches) == pytest.approx(PLACES, abs=0.05 + noise)
    assert all(1.6 < touch.end - touch.start < 2.3 for touch in found.touches)


def test_lost_frames_and_single_wild_samples_do_not_end_a_touch() -> None:
    series = recording()
    rng = np.random.default_rng(3)
    wild = rng.random(len(series)) < 0.02
    series.positions[wild] += rng.normal(0.0, 20.0, (int(wild.sum()), 3))
    lost = rng.random(len(series)) < 0.2
    lost[50:65] = True
    found = find_touches(without(series, lost))
    assert places(found.touches) == pytest.approx(PLACES, abs=0.12)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_the_error_of_the_mean_is_true(correlation: float) -> None:
    normalised = []
    for seed in range(30):
        found = find_touches(recording(noise=0.1, correlation=correlation, seed=seed, hold=3.0))
        off = places(found.touches) - PLACES
        spread = [t.random for t in found.touches]
        normalised += [d @ np.linalg.solve(c, d) / 3 for d, c in zip(off, spread, strict=True)]
    # the mean of 450 squares; estimating n from 90 correlated samples costs some
    assert 0.75 < np.mean(normalised) < 1.5


def test_white_noise_is_independent_and_correlated_is_not() -> None:
    rng = np.random.default_rng(0)
    white = rng.normal(size=(400, 3))
    assert independent_samples(white - white.mean(axis=0)) > 250
    walk = np.zeros((400, 3))
    for k in range(1, 400):
        walk[k] = 0.9 * walk[k - 1] + white[k]
    # an autoregression of 0.9 has (1 + 0.9) / (1 - 0.9) = 19 samples per independent one
    assert 10 < independent_samples(walk - walk.mean(axis=0)) < 45


def test_a_needle_that_turns_about_its_tip_shares_less_of_the_tips_error() -> None:
    series = recording()

    turning = Rotation.from_rotvec(np.linspace(0, 4 * np.pi, len(series))[:, None] * [0, 0, 1.0])
    series.rotations[:] = turning.as_matrix()
    found = find_touches(series)
    still = find_touches(recording())
    for turned, held in zip(found.touches, still.touches, strict=True):
        lateral = np.linalg.norm(turned.tip_error[:2])
        assert lateral < 0.9 * np.linalg.norm(held.tip_error[:2])
        assert np.linalg.norm(turned.tip_error[2]) == pytest.approx(0.5)


def test_a_jump_within_a_touch_is_refused() -> None:
    series = recording(noise=0.05)
    series.positions[60:90] += [0.7, 0.0, 0.0]
    found = find_touches(series)
    assert len(found.touches) == 4
    (refused,) = found.refused
    assert refused.kind == "jump"
    assert "jumped by 0.7 mm" in str(refused)


def test_a_knocked_reference_body_is_named() -> None:
    series = recording(noise=0.05)
    series.positions[60:] += [4.0, 0.0, 0.0]
    series.references[60:] += [-4.0, 0.0, 0.0]
    found = find_touches(series)
    assert [refused.kind for refused in found.refused] == ["knock", "knock"]
    assert "reference body moved by 4.0 mm" in str(found.refused[0])
    assert len(found.touches) == 4


def test_slow_motion_is_no_touch() -> None:
    way = np.linspace([0.0, 0, 0], [30.0, 20, 0], 900)  # 1.2 mm per second
    found = find_touches(series_of(way + np.random.default_rng(1).normal(0, 0.05, way.shape)))
    assert found.touches == ()


def test_metres_are_named() -> None:
    series = recording(noise=0.01)
    with pytest.raises(InputError, match="are the positions in millimetres"):
        find_touches(series_of(series.positions / 1000.0))


def test_shared_errors_are_those_of_tip_and_scale() -> None:
    found = find_touches(recording(noise=0.01))
    touches = touch_set(found).with_scale_error(0.001)
    positions, own, shared = touches.positions, touches.own, touches.shared
    assert shared.shape == (5, 3, 4)
    assert shared[:, :, 3] == pytest.approx(0.001 * positions)
    tips = np.einsum("nik,njk->nij", shared[:, :, :3], shared[:, :, :3])
    assert tips == pytest.approx(np.tile(np.diag([0.04, 0.04, 0.25]), (5, 1, 1)))
    assert np.trace(own, axis1=1, axis2=2).max() < 0.01


def test_a_real_stylus_in_seven_of_eight_divots_is_found_and_matched() -> None:
    """The recording's own tip wanders by 0.5 to 0.9 mm; in the first divot it jumps by 1.5 mm."""
    folder = reference_data("tracker", "plus-fcal-landmarks")
    recording = folder / "EightLandmarkPointsTrackedForPhantomRegistration.igs.mha"
    poses = open_recorded_poses(recording, ["Stylus", "Reference"], StatedErrors(0.2, 0.002))
    tip = ToolTip(np.array([108.565, 7.774, 2.539]), None, 0.04 * np.eye(3))
    found = find_touches(tip_series(poses, Tool("Stylus", "", (), tip=tip), "Reference"))
    divots = [
        *((104.3, 5, 20), (104.3, 45, 20), (104.3, 45, 0), (104.3, -5, 0)),
        *((-34.3, 45, 15), (-34.3, -5, 20), (-34.3, -5, 0), (-34.3, 45, 0)),
    ]
    fiducials = [Fiducial(f"#{k}", np.array(at), "register") for k, at in enumerate(divots, 1)]
    named, remarks = identify_touches(fiducials, touch_set(found), 0.25)
    assert named.labels == ("#2", "#3", "#4", "#5", "#6", "#7", "#8")
    assert sum("no fiducial" in remark for remark in remarks) == 1
    assert [refused.kind for refused in found.refused] == ["jump", "drift"]
    model = np.array([f.position for f in fiducials[1:]])
    registered = register_points(model, named.positions, named.own, 0.25, named.shared)
    assert registered.fre < 0.35
