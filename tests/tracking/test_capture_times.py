"""Delays and readouts of the rig in tracking: times, motion, and what their errors do."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from nav.camera.rig import Rig, load_rig, write_rig
from nav.core.errors import InputError, Lost
from nav.core.frameset import Frame, FrameSet
from nav.tracking.follow.capture_times import without_delays
from nav.tracking.tracker import Tracker
from phantoms.twin.simulated_tools import needle_tool
from tests.swung_needle import recording, swung, timed_rig
from tests.synthetic import small_rig

LAG = 0.010  # s
SPEED = 50.0  # mm/s
COUNT = 8


def delayed(rig, delay, delay_sd=0.0, readout_sd=0.0):
    left, right = rig.cameras
    right = replace(right, delay=delay, delay_sd=delay_sd, readout_sd=readout_sd)
    return replace(rig, cameras=(left, right))


def frame_set(time=5.0):
    image = np.zeros((240, 288), np.uint8)
    return FrameSet(3, time, {n: Frame(n, time, image) for n in ("left", "right")})


def test_without_delays_is_the_same_object_where_there_are_none():
    frames = frame_set()
    assert without_delays(frames, small_rig(2)) is frames


def test_delays_are_subtracted_and_the_time_stays_in_the_middle():
    found = without_delays(frame_set(), delayed(small_rig(2), 0.02))
    assert found.frames["left"].time == 5.0
    assert found.frames["right"].time == pytest.approx(4.98)
    assert found.time == pytest.approx(4.99)


def test_a_missing_camera_does_not_move_the_time():
    frames = frame_set()
    alone = replace(frames, frames={"left": frames.frames["left"]})
    assert without_delays(alone, delayed(small_rig(2), 0.02)) is alone


def test_rig_keeps_what_was_measured(tmp_path):
    rig = delayed(small_rig(2, readout=-0.012), 0.02, 1e-4, 3e-4)
    timed = tuple(replace(c, timing={"recording": "swung"}) for c in rig.cameras)
    write_rig(tmp_path / "rig.toml", Rig(timed))
    again = load_rig(tmp_path / "rig.toml")
    for before, after in zip(timed, again.cameras, strict=True):
        assert after.delay == pytest.approx(before.delay)
        assert after.delay_sd == pytest.approx(before.delay_sd)
        assert after.readout == pytest.approx(-0.012)
        assert after.readout_sd == pytest.approx(before.readout_sd)
        assert after.timing == {"recording": "swung"}
    assert not again.warnings


def test_rig_without_these_fields_is_written_as_before(tmp_path):
    write_rig(tmp_path / "rig.toml", small_rig(2))
    text = (tmp_path / "rig.toml").read_text()
    assert "readout_ms" in text
    for name in ("delay", "timing", "readout_sd"):
        assert name not in text


def test_a_delay_in_microseconds_is_refused(tmp_path):
    write_rig(tmp_path / "rig.toml", delayed(small_rig(2), 20.0))
    with pytest.raises(InputError, match=r"delay_ms.*microseconds"):
        load_rig(tmp_path / "rig.toml")


@pytest.fixture(scope="module")
def images():
    rig = timed_rig((0.0, 0.0))
    return rig, list(recording(swung(SPEED), rig, (0.0, LAG), COUNT / 30.0))


def tracked(rig, frames):
    """Times, tips and their systematic covariances, from the third frame set on."""
    needle = needle_tool()
    with closing(Tracker(rig, [needle])) as tracker:
        results = [tracker.track(each) for each in frames][2:]
    tools = [result.tools[needle.name] for result in results]
    assert not [tool for tool in tools if isinstance(tool, Lost)]
    tips = [tool.rig_from_tool.apply(needle.tip.position)[0] for tool in tools]
    systematic = [tool.systematic_pose.apply(needle.tip.position)[1] for tool in tools]
    return [result.time for result in results], np.array(tips), np.array(systematic)


def test_a_known_delay_is_corrected(images):
    rig, frames = images
    truth = swung(SPEED)(0.0).apply(needle_tool().tip.position)
    times, tips, _ = tracked(delayed(rig, LAG), frames)
    assert times[-1] == pytest.approx((COUNT - 1) / 30 - LAG / 2)
    _, late, _ = tracked(rig, frames)  # the cameras disagree then, by little
    error, error_before = (np.linalg.norm(each - truth, axis=1) for each in (tips, late))
    assert np.sqrt((error**2).mean()) < 0.2 * np.sqrt((error_before**2).mean())


def test_an_uncertain_delay_is_in_the_systematic_covariance(images):
    rig, frames = images
    sd = 3e-3
    _, tips, none = tracked(delayed(rig, LAG), frames)
    _, same, stated = tracked(delayed(rig, LAG, sd), frames)
    assert np.array_equal(tips, same)  # the estimate does not change
    _, off, _ = tracked(delayed(rig, LAG + sd), frames)
    # the tip rests: what differs is the effect of the time
    shift = np.sqrt(((off - tips) ** 2).sum(axis=1).mean())
    predicted = np.sqrt(np.trace(stated - none, axis1=1, axis2=2).mean())
    assert shift > 0.02
    assert shift < 1.2 * predicted
    assert predicted < 2.5 * shift


def test_an_uncertain_delay_says_nothing_of_a_resting_tool():
    rig = timed_rig((0.0, 0.0))
    frames = list(recording(swung(0.0), rig, (0.0, LAG), 4 / 30.0))
    _, _, none = tracked(delayed(rig, LAG), frames)
    _, _, stated = tracked(delayed(rig, LAG, 3e-3), frames)
    assert np.trace(stated[-1] - none[-1]) < 1e-4
