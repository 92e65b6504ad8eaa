"""Delays and readouts from corners of a moving tool with known times."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.timing.motion_spline import left_jacobian
from calibration.timing.timing_command import timing_lines, timing_of_frames
from calibration.timing.timing_fit import ToolViews, fit_timing
from calibration.timing.timing_verdict import judge_timing, motion_problem
from nav.core.errors import InputError
from nav.core.frameset import Frame, FrameSet
from phantoms.twin.default_rig import AIM, default_rig, nominal_rig_from_model
from phantoms.twin.simulated_tools import needle_tool

RIG = default_rig()
TOOL = needle_tool()
NOISE = 0.02  # px
STEP = 2e-3  # s: of numerical derivatives
TURNED = Rotation.from_rotvec([0.0, -np.pi / 2, 0.0])  # the shaft across the view


def hand(seed, size=1.0, moving=(1.0,) * 6):
    """rig_from_tool by time, of a hand."""
    rng = np.random.default_rng(seed)
    phases, rates = rng.uniform(0, 6.28, 6), 2 * np.pi * rng.uniform(0.5, 1.1, 6)
    amplitude = size * np.array([12.0, 12.0, 12.0, 0.25, 0.25, 0.25]) * moving
    base = nominal_rig_from_model()

    def at(time):
        wave = amplitude * np.sin(phases + rates * time)
        turn = Rotation.from_rotvec(wave[3:]) * TURNED
        return base * RigidTransform.from_components(AIM + wave[:3], turn)

    return at


def views(delays, readouts, seed=0, seconds=3.0, **motion):
    """What cameras see of the needle, each corner when its row is read; and the images' times."""
    path, rng = hand(seed, **motion), np.random.default_rng(seed + 100)
    markers = np.array([marker.corners for marker in TOOL.markers])
    inwards = np.cross(markers[:, 1] - markers[:, 0], markers[:, 3] - markers[:, 0])
    inwards /= np.linalg.norm(inwards, axis=1, keepdims=True)
    parts, times = [], {}
    for index, (camera, delay, readout) in enumerate(
        zip(RIG.cameras, delays, readouts, strict=False)
    ):
        eye = camera.camera_from_rig.inv().translation
        times[camera.name] = [k / 30 for k in range(round(30 * seconds))]
        for stamp in times[camera.name]:
            pose = path(stamp - delay)
            towards = pose.inv().apply(eye) - markers.mean(axis=1)
            facing = (inwards * towards).sum(axis=1) / np.linalg.norm(towards, axis=1)
            own = markers[facing < -0.4]
            at = [
                camera.project(path(stamp - delay + s).apply(own.reshape(-1, 3)))
                for s in (-STEP, 0.0, STEP)
            ]
            speed, change = (at[2] - at[0]) / (2 * STEP), (at[2] - 2 * at[1] + at[0]) / STEP**2
            seen = at[1]
            for _ in range(3):
                late = ((seen[:, 1:] + 0.5) / camera.size[1] - 0.5) * readout
                seen = at[1] + speed * late + change * late**2 / 2
            seen = (seen + NOISE * rng.standard_normal(seen.shape)).reshape(-1, 4, 2)
            count = len(own)
            poses = np.tile(pose.as_matrix(), (count, 1, 1))
            parts.append((np.full(count, index), np.full(count, stamp), own, seen, poses))
    made = [np.concatenate(column) for column in zip(*parts, strict=True)]
    covariance = np.tile(NOISE**2 * np.eye(8), (len(made[0]), 1, 1))
    return ToolViews("needle", *made[:4], covariance, made[4]), times


@pytest.mark.parametrize(
    ("delay", "readouts"),
    [(0.005, (0.0, 0.0)), (0.015, (0.010, 0.020)), (-0.030, (-0.010, 0.020))],
)
def test_delays_and_readouts_are_found_within_their_errors(delay, readouts):
    for seed in range(2):
        seen, _ = views((0.0, delay), readouts, seed)
        fit = fit_timing(RIG.cameras, [seen], 1 / 30)
        assert abs(fit.delay[1] - delay) < 4 * fit.delay_sd[1]
        assert (np.abs(fit.readout - readouts) < 4 * fit.readout_sd).all()
        assert fit.delay_sd[1] < 1e-3
        assert (fit.readout_sd < 2e-3).all()
        assert fit.delay_sd[1] == max(fit.by_information[0], fit.by_parts[0])


def test_the_errors_are_of_the_size_that_is_said():
    squares = []
    for seed in range(10):
        seen, _ = views((0.0, 0.010), (0.015, 0.015), seed, 2.0)
        fit = fit_timing(RIG.cameras, [seen], 1 / 30)
        off = np.append(fit.delay[1] - 0.010, fit.readout - 0.015)
        squares.append((off / fit.by_information) ** 2)
    # 30 values: the mean of chi-square with 1 degree of freedom
    assert 0.4 < np.mean(squares) < 2.0


def test_one_camera_gives_its_readout():
    seen, times = views((0.0,), (0.015,))
    camera = RIG.cameras[:1]
    fit = fit_timing(camera, [seen], 1 / 30)
    assert abs(fit.readout[0] - 0.015) < 4 * fit.readout_sd[0]
    (found,) = judge_timing(camera, [seen], fit, times)
    assert found.delay is None
    assert found.readout.verdict in ("good", "usable")


def test_a_resting_tool_beside_does_no_harm():
    seen, _ = views((0.0, 0.010), (0.0, 0.0))
    still, _ = views((0.0, 0.010), (0.0, 0.0), seed=5, size=0.0)
    alone = fit_timing(RIG.cameras, [seen], 1 / 30)
    both = fit_timing(RIG.cameras, [seen, still], 1 / 30)
    assert both.delay[1] == pytest.approx(alone.delay[1], abs=0.5 * alone.delay_sd[1])


@pytest.mark.parametrize(
    ("motion", "why"),
    [
        ({"size": 0.02}, "mm/s only"),
        ({"moving": (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)}, "one direction only"),
    ],
)
def test_a_poor_motion_determines_nothing_and_says_so(motion, why):
    seen, times = views((0.0, 0.010), (0.0, 0.0), **motion)
    fit = fit_timing(RIG.cameras, [seen], 1 / 30)
    for found in judge_timing(RIG.cameras, [seen], fit, times):
        assert why in found.readout.problem
        assert found.readout.verdict == "not determined"
        assert found.delay is None or why in found.delay.problem


def test_few_images_determine_nothing():
    seen, times = views((0.0, 0.010), (0.0, 0.0), seconds=1.5)
    fit = fit_timing(RIG.cameras, [seen], 1 / 30)
    assert "images only" in judge_timing(RIG.cameras, [seen], fit, times)[1].delay.problem


def test_a_readout_longer_than_a_frame_is_not_believed():
    seen, times = views((0.0, 0.0), (0.010, 0.010))
    fit = fit_timing(RIG.cameras, [seen], 1 / 30)
    long = replace(fit, readout=np.array([0.050, 0.010]))
    assert "longer than" in judge_timing(RIG.cameras, [seen], long, times)[0].readout.problem


def test_a_readout_like_none_is_none_with_its_error():
    seen, times = views((0.0, 0.010), (0.0, 0.0))
    fit = fit_timing(RIG.cameras, [seen], 1 / 30)
    near = replace(fit, readout=np.array([5e-4, 5e-4]), readout_sd=np.array([4e-4, 1e-4]))
    first, second = (c.readout for c in judge_timing(RIG.cameras, [seen], near, times))
    assert first.value == 0.0
    assert first.sd == pytest.approx(np.hypot(5e-4, 4e-4))
    assert second.value == 5e-4


def test_motion_problem_of_ordinary_motion_is_none():
    rng = np.random.default_rng(0)
    assert motion_problem(rng.normal(0, [30.0, 20.0, 10.0], (100, 3))) == ""


def test_left_jacobian_is_the_derivative_of_the_rotation():
    rng = np.random.default_rng(1)
    vectors = np.concatenate([rng.normal(size=(5, 3)), [[0.0, 0.0, 0.0], [1e-6, 0.0, 0.0]]])
    step = 1e-6
    for vector, jacobian in zip(vectors, left_jacobian(vectors), strict=True):
        for axis in range(3):
            ends = [Rotation.from_rotvec(vector + s * step * np.eye(3)[axis]) for s in (1, -1)]
            turn = (ends[0] * ends[1].inv()).as_rotvec() / (2 * step)
            assert np.allclose(turn, jacobian[:, axis], atol=1e-6)


def test_images_without_the_tool_are_refused():
    grey = np.full((RIG.cameras[0].size[1], RIG.cameras[0].size[0]), 100, np.uint8)
    frames = [
        FrameSet(n, n / 30, {name: Frame(name, n / 30, grey) for name in RIG.names})
        for n in range(2)
    ]
    with pytest.raises(InputError, match="swung: left sees none of needle"):
        timing_of_frames(frames, 2, RIG, [TOOL], Console(quiet=True), Path("swung"))


def test_images_of_a_late_camera_give_its_delay():
    from tests.swung_needle import recording, swung, timed_rig

    rig = timed_rig((0.0, 0.0))
    frames = recording(swung(60.0), rig, (0.0, 0.012), 2.2)
    found = timing_of_frames(frames, 0, rig, [TOOL], Console(quiet=True), Path("swung"))
    assert abs(found.fit.delay[1] - 0.012) < 4 * found.fit.delay_sd[1]
    left, right = found.rig.cameras
    assert right.delay == found.fit.delay[1]
    assert right.delay_sd < 1e-3
    assert right.timing["recording"] == "swung"
    assert right.timing["delay"] == "good"
    assert left.delay == 0.0
    assert "right: delay 12.0" in timing_lines(found)[1]
