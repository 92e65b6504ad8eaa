"""Delays and readouts from simulated images of a blinking light."""

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from calibration.timing.light_command import (
    LightJob,
    calibrate_by_light,
    light_lines,
    light_timing,
    timed_rig,
)
from calibration.timing.timing_command import timed_camera
from calibration.timing.timing_verdict import Estimate
from nav import cli
from nav.camera.image_files import is_picture
from nav.camera.rig import load_rig, write_rig
from nav.core.errors import InputError
from phantoms.twin.images import write_picture
from tests.calibration.blinking import Seen, blinking_rig, irregular, recorded, regular
from tests.camera.fake_webcams import FakeWebcams

LED = Seen(spot=(23.5, 30.0), exposure=0.012, period=0.040, jitter=3e-4)
SHEET = Seen(exposure=0.012, period=0.040, jitter=3e-4)
SECONDS = 15.0
LONG = 36.0


def timing(cameras, changes, rig=None, seed=0, seconds=SECONDS):
    rig = rig or blinking_rig(len(cameras))
    frames = recorded(cameras, changes, seconds, seed)
    return light_timing(frames, 0, rig, "blinking", Console(quiet=True))


def irregular_light(seed=0, seconds=SECONDS):
    return irregular(seed, seconds, 0.21, 0.45)


def late(seen, delay, **others):
    """Another camera that runs at a slightly different rate."""
    return replace(seen, delay=delay, phase=0.017, period=seen.period * 0.993, **others)


def test_an_led_tells_how_late_a_camera_is():
    first, second = timing([LED, late(LED, 0.043)], irregular_light(seconds=LONG), seconds=LONG)
    assert first.delay is None
    assert second.delay.verdict == "good"
    assert abs(second.delay.value - 0.043) < 3 * second.delay.sd
    assert "of the height only" in second.readout.problem
    assert not second.signals.saturated


def test_a_lit_sheet_also_tells_readouts():
    cameras = [replace(SHEET, readout=0.020), late(SHEET, -0.022, readout=-0.028)]
    first, second = timing(cameras, irregular_light(1), seed=1)
    assert second.delay.sd < 5e-4
    assert abs(second.delay.value + 0.022) < 3 * second.delay.sd
    for found, true in ((first, 0.020), (second, -0.028)):
        assert found.readout.sd < 2e-3
        assert abs(found.readout.value - true) < 3 * found.readout.sd
        assert found.exposure == pytest.approx(0.012, rel=0.25)


def test_a_light_that_blinks_regularly_leaves_whole_periods_open():
    first, second = timing([LED, late(LED, 0.043)], regular(0.45, SECONDS))
    assert "known only modulo 4" in second.delay.problem
    assert "blinks regularly" in second.delay.problem
    assert second.delay.verdict == "not determined"
    rig = blinking_rig()
    timed = timed_rig(rig, [first, second], "blinking")
    assert all(one is other for one, other in zip(timed.cameras, rig.cameras, strict=True))


def test_a_slow_regular_light_leaves_one_delay_that_is_possible():
    _, second = timing([LED, late(LED, 0.043)], regular(1.27, LONG), seconds=LONG)
    assert second.delay.problem == ""
    assert abs(second.delay.value - 0.043) < 3 * second.delay.sd


def test_cameras_that_see_different_lights_are_not_compared():
    rig = blinking_rig()
    frames = [list(recorded([LED, LED], irregular_light(seed), SECONDS)) for seed in (0, 1)]
    mixed = [
        replace(one, frames={"left": one.frames["left"], "right": other.frames["right"]})
        for one, other in zip(*frames, strict=True)
    ]
    _, second = light_timing(mixed, 0, rig, "blinking", Console(quiet=True))
    assert "does it see the same light as left" in second.delay.problem


def test_a_known_readout_shifts_an_led_by_its_row():
    high = replace(LED, spot=(5.5, 30.0), readout=0.030)
    low = late(replace(LED, spot=(41.5, 30.0)), 0.010, readout=0.030)
    cameras = [replace(each, readout=0.030, readout_sd=1e-4) for each in blinking_rig().cameras]
    changes = irregular_light()
    _, second = timing([high, low], changes, replace(blinking_rig(), cameras=tuple(cameras)))
    assert abs(second.delay.value - 0.010) < 3 * second.delay.sd
    assert second.remarks == ()
    _, unknown = timing([high, low], changes)
    # 0.75 of the height between both
    assert second.delay.value - unknown.delay.value == pytest.approx(0.75 * 0.030, abs=1e-3)
    assert "off the middle" in unknown.remarks[0]


def test_overexposed_images_tell_the_delay_and_say_so():
    bright = replace(SHEET, light=900.0)
    found = timing([bright, late(bright, 0.043)], irregular_light())
    assert abs(found[1].delay.value - 0.043) < 3 * found[1].delay.sd
    assert "overexposed everywhere" in light_lines(found)[1]


def test_three_cameras_are_compared_with_the_first():
    cameras = [SHEET, late(SHEET, 0.010), replace(SHEET, delay=-0.020, period=0.0507)]
    found = timing(cameras, irregular_light(3), seed=3)
    for each, true in zip(found[1:], (0.010, -0.020), strict=True):
        assert abs(each.delay.value - true) < 3 * each.delay.sd
        assert abs(each.readout.value) < 3 * each.readout.sd


@pytest.mark.parametrize(
    ("camera", "changes", "says"),
    [
        (LED, np.array([100.0, 101.0]), "left sees no light that blinks"),
        (replace(LED, light=8.0), irregular_light(), "left sees no light that blinks"),
        (LED, irregular(0, SECONDS, 0.05, 0.12), "left .* too seldom|left sees no light"),
    ],
)
def test_what_is_no_blinking_light_is_refused(camera, changes, says):
    with pytest.raises(InputError, match=says):
        timing([camera, camera], changes)


def test_few_images_and_few_changes_are_refused():
    with pytest.raises(InputError, match="images of left; expected 60 or more"):
        timing([LED, LED], irregular_light(), seconds=2.0)
    _, second = timing([LED, late(LED, 0.04)], irregular_light(), seconds=6.0)
    assert "changes of the light" in second.delay.problem


def test_changing_levels_are_refused():
    def drifting():
        for frames in recorded([LED, LED], irregular_light(), SECONDS):
            factor = 0.6 + 0.4 * np.sin(0.9 * frames.time) ** 2
            yield replace(frames, frames={
                name: replace(frame, image=(frame.image * factor).astype(np.uint8))
                for name, frame in frames.frames.items()
            })  # fmt: skip

    with pytest.raises(InputError, match="lock the exposure"):
        light_timing(drifting(), 0, blinking_rig(), "blinking", Console(quiet=True))


def changed(cameras, change, seconds=SECONDS):
    """Frame sets of an irregular light whose frames are changed: (name, frame, number) -> frame."""
    for frames in recorded(cameras, irregular_light(seconds=seconds), seconds):
        given = {name: change(name, own, frames.number) for name, own in frames.frames.items()}
        yield replace(frames, frames={name: own for name, own in given.items() if own is not None})


def timing_of(frames, count=2):
    return light_timing(frames, 0, blinking_rig(count), "blinking", Console(quiet=True))


@pytest.mark.parametrize(("jump", "drift"), [(0.040, 0.0), (0.0, 1.5e-3)])
def test_a_delay_that_changes_is_not_determined(jump, drift):
    def shifted(name, frame, number):
        if name == "left":
            return frame
        return replace(frame, time=frame.time * (1 + drift) + jump * (number > 190))

    _, second = timing_of(changed([SHEET, late(SHEET, 0.043)], shifted))
    assert "between the recording's halves" in second.delay.problem


def test_repeated_images_are_no_delay():
    last = {}

    def repeated(name, frame, number):
        if name == "right" and number % 2:
            return replace(frame, image=last[name])
        last[name] = frame.image
        return frame

    first, second = timing_of(changed([SHEET, late(SHEET, 0.043)], repeated))
    assert second.delay.verdict == "not determined"
    assert first.remarks == ()
    assert "of 375 images are the same as the one before" in second.remarks[0]


def test_a_light_that_flickers_too_is_refused():
    def flickering(_, frame, __):
        factor = 1.0 + 0.12 * np.sin(2 * np.pi * 100.3 * frame.time)
        return replace(frame, image=np.clip(frame.image * factor, 0, 255).astype(np.uint8))

    with pytest.raises(InputError, match="lock the exposure"):
        timing_of(changed([LED, LED], flickering))


def test_an_exposure_that_adapts_is_told():
    gain = [1.0]

    def adapting(name, frame, _):
        if name == "left":
            return frame
        image = np.clip(frame.image * gain[0], 0, 255)
        gain[0] *= (80.0 / image.mean()) ** 0.06
        return replace(frame, image=image.astype(np.uint8))

    first, second = timing_of(changed([SHEET, late(SHEET, 0.043)], adapting))
    assert first.remarks == ()
    assert "the light is brighter at first than later" in second.remarks[0]


def test_cameras_without_changes_in_common_are_told_so():
    def one_at_a_time(name, frame, number):
        if (name == "third" and number < 460) or (name == "right" and number > 450):
            return None
        return frame

    found = timing_of(changed([LED, LED, LED], one_at_a_time, LONG), 3)
    for each in found[1:]:
        assert "0 changes of the light in common only" in each.delay.problem
    assert not any("jitter" in line for line in light_lines(found))


def test_a_clock_that_is_set_back_is_told():
    def back(name, frame, number):
        earlier = 7.0 * (name == "right" and number > 250)
        return replace(frame, time=frame.time - earlier)

    _, second = timing_of(changed([SHEET, late(SHEET, 0.043)], back))
    assert "times are before that of an image before them" in second.remarks[0]


def test_nominal_times_are_told():
    _, second = timing_of(changed([LED, LED], lambda _, frame, k: replace(frame, time=k / 25.0)))
    assert "exactly the times of those of left" in second.remarks[0]


def test_delays_are_counted_from_the_first_cameras_own():
    rig = blinking_rig()
    left, right = rig.cameras
    rig = replace(rig, cameras=(replace(left, delay=0.020), right))
    found = timing([SHEET, late(SHEET, 0.043)], irregular_light(), rig)
    timed = timed_rig(rig, found, "blinking")
    assert timed["right"].delay == pytest.approx(0.020 + found[1].delay.value)
    assert timed["left"].delay == 0.020


def test_what_is_kept_keeps_its_verdict():
    camera = replace(blinking_rig().cameras[1], readout=0.02, timing={"readout": "good"})
    unknown = Estimate(0.0, float("inf"), "of the height only")
    kept = timed_camera(camera, Estimate(0.04, 2e-3), unknown, {"light": "blinking"})
    assert kept.readout == 0.02
    assert kept.timing == {"light": "blinking", "readout": "good", "delay": "usable"}
    fresh = timed_camera(replace(camera, timing=None), Estimate(0.04, 2e-3), unknown, {})
    assert fresh.timing["readout"] == "not determined"


def test_the_command_writes_rig_and_plot(tmp_path, capsys, monkeypatch):
    rig, folder = blinking_rig(), tmp_path / "blinking"
    rows = ["camera,frame,time"]
    for name in rig.names:
        (folder / name).mkdir(parents=True)
    cameras = [replace(SHEET, readout=0.020), late(SHEET, 0.043, readout=0.020)]
    for frames in recorded(cameras, irregular_light(4), SECONDS, 4):
        for name, frame in frames.frames.items():
            write_picture(folder / name / f"{frames.number:06d}.png", frame.image)
            rows.append(f"{name},{frames.number},{frame.time:.6f}")
    (folder / "times.csv").write_text("\n".join(rows) + "\n")
    write_rig(tmp_path / "rig.toml", rig)
    output = tmp_path / "timed.toml"
    results = []

    def once(*given):
        results.append(results[0] if results else light_timing(*given))
        return results[0]

    monkeypatch.setattr("calibration.timing.light_command.light_timing", once)
    calibrate_by_light(LightJob(tmp_path / "rig.toml", output, folder), Console(width=200))
    printed = capsys.readouterr().out
    assert "left: delay 0, the others are compared with it; readout" in printed
    assert "right: delay 4" in printed
    left, right = load_rig(output).cameras
    assert abs(right.delay - 0.043) < 3 * right.delay_sd
    assert abs(left.readout - 0.020) < 3 * left.readout_sd
    assert right.timing["light"] == "blinking"
    assert right.timing["delay"] == "good"
    assert is_picture(tmp_path / "timed.delay.png")
    # a rig that has the same already is no reason to say that nothing is determined
    again = tmp_path / "again.toml"
    calibrate_by_light(LightJob(output, again, folder), Console(quiet=True))
    assert load_rig(again)["right"].delay == right.delay


def test_nothing_is_written_where_nothing_is_known(tmp_path, capsys):
    rig, folder = blinking_rig(), tmp_path / "blinking"
    rows = ["camera,frame,time"]
    for name in rig.names:
        (folder / name).mkdir(parents=True)
    for frames in recorded([LED, late(LED, 0.043)], regular(0.45, SECONDS), SECONDS):
        for name, frame in frames.frames.items():
            write_picture(folder / name / f"{frames.number:06d}.png", frame.image)
            rows.append(f"{name},{frames.number},{frame.time:.6f}")
    (folder / "times.csv").write_text("\n".join(rows) + "\n")
    (folder / "right" / "000100.png").write_bytes((folder / "right" / "000099.png").read_bytes())
    write_rig(tmp_path / "rig.toml", rig)
    with pytest.raises(InputError, match="nothing is written"):
        calibrate_by_light(
            LightJob(tmp_path / "rig.toml", tmp_path / "timed.toml", folder), Console(width=300)
        )
    assert "warning: right: frozen in 1 of 375" in capsys.readouterr().out
    assert not (tmp_path / "timed.toml").exists()
    assert not (tmp_path / "timed.delay.png").exists()


def test_live_cameras_are_looked_at_for_as_long_as_asked(tmp_path):
    webcams = FakeWebcams(lambda index, time: np.full((48, 60), 60 + index, np.uint8), 30.0)
    write_rig(tmp_path / "rig.toml", blinking_rig())
    job = LightJob(tmp_path / "rig.toml", tmp_path / "timed.toml", None, ("left=0", "right=2"), 0.3)
    with pytest.raises(InputError, match=r"webcams: \d+ images of left; expected 60 or more"):
        calibrate_by_light(job, Console(quiet=True), webcams)
    assert sorted(webcams.opened) == [0, 2]
    assert not (tmp_path / "timed.toml").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "give either --tool FILE or --led"),
        (["--led", "--tool", "needle.toml"], "give either --tool FILE or --led"),
        (["--led"], "give --images DIR or --camera"),
        (["--led", "--images", "here", "--seconds", "20"], "--seconds and --images"),
        (["--led", "--camera", "left=0", "--seconds", "1"], "--seconds: expected 5 to 600"),
        (["--tool", "needle.toml", "--camera", "left=0"], "--camera and --tool"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        cli.main(["calibrate", "delay", "--rig", "rig.toml", "--output", "timed.toml", *options])
    assert end.value.code == 2
    assert says in capsys.readouterr().err
