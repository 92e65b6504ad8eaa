"""How long the shutter is open, from smeared markers; what an accelerating hand leaves open."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frameset import Frame, FrameSet
from nav.tracking.follow.exposure import Exposure, mean_or_middle
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body
from tests.synthetic import Studio, floats, needle_poses
from tests.tracking.expect import sigmas

OPTICS = Optics(blur=0.8, noise=2.0, exposure=0.02)
FPS = 30.0
INSTANTS = 8  # of an exposure


@given(floats(0.002, 0.04), floats(0.3, 4.0))
def test_smears_tell_the_exposure_whatever_the_lens(seconds, lens):
    rng, exposure = np.random.default_rng(0), Exposure()
    for _ in range(20):
        u, v = rng.normal(size=(2, 6)) * 200.0
        share = seconds**2 / 12.0
        blur = np.stack([lens + share * u * u, share * u * v, lens + share * v * v], axis=1)
        exposure.learn(blur, np.stack([u, v], axis=1))
    assert exposure.seconds == pytest.approx(seconds, rel=0.01)


def test_what_stands_still_tells_nothing():
    exposure = Exposure()
    for _ in range(100):
        exposure.learn(np.array([[1.3, 0.2, 0.7]]), np.array([[0.5, -0.3]]))
    assert exposure.seconds < 1e-3


def test_the_middle_of_a_fall_is_where_it_is_said_to_be():
    """Mean way less way at half time, of a body that falls, is what is most open."""
    acceleration, seconds = np.array([200.0, -80.0, 40.0, 1.0, 0.0, -2.0]), 0.03
    times = (np.arange(2000) + 0.5) / 2000 * seconds - seconds / 2
    off = acceleration * (times**2).mean() / 2
    covariance = mean_or_middle(acceleration, seconds, np.zeros(3))
    assert 0.8 < off @ np.linalg.solve(covariance, off) < 1.0
    assert np.trace(covariance) == pytest.approx(off @ off, rel=0.2)
    assert not mean_or_middle(acceleration, 0.0, np.zeros(3)).any()
    # two cameras, one before and one after the pose's time, see it where it is at neither
    before_and_after = mean_or_middle(acceleration, 0.0, np.array([-0.004, 0.004]))
    assert np.sqrt(before_and_after[0, 0]) == pytest.approx(200.0 * 0.004**2 / 2, rel=0.05)


def test_a_hand_that_goes_round_is_as_uncertain_as_it_says(rig, needle):
    """Pictures are means over the exposure, the truth is the pose in its middle."""
    start = next(needle_poses(1, np.random.default_rng(1), wander=0.0))

    def hand(time: float) -> RigidTransform:
        """40 mm/s round a circle of 6 mm."""
        angle, across, up = 40.0 / 6.0 * time, np.array([0.8, 0.0, 0.6]), np.array([0.0, 1.0, 0.0])
        at = 6.0 * (np.cos(angle) * across + np.sin(angle) * up)
        turned = Rotation.from_rotvec(0.5 * time * np.array([0.6, 0.0, 0.8]))
        return RigidTransform.from_components(start.translation + at, turned * start.rotation)

    body = needle_body(needle)
    studio = Studio(rig, replace(OPTICS, noise=1.0), 5)
    squares = []
    with closing(Tracker(rig, [needle])) as tracker:
        for number in range(40):
            time, frames = number / FPS, {}
            within = ((np.arange(INSTANTS) + 0.5) / INSTANTS - 0.5) * OPTICS.exposure
            for seen_by in studio.cameras:
                light = np.mean(
                    [seen_by.light([Placed(body, hand(time + off))]) for off in within], axis=0
                )
                name = seen_by.camera.name
                picture = seen_by.optics.digitise(light.astype(np.float32), seen_by.rng)
                frames[name] = Frame(name, time, picture)
            tracked = tracker.track(FrameSet(number, time, frames, {}))
            if number > 3:  # until the shutter and the way are known
                squares.append(sigmas(tracked, needle, hand(time)) ** 2)
        for state in tracker.camera_states.values():
            assert state.exposure.seconds == pytest.approx(OPTICS.exposure, rel=0.1)
    assert 2.0 < np.mean(squares) < 4.0
