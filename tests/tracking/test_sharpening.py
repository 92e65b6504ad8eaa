"""Pictures that the camera sharpened: taken back, learnt, and as good as if it had not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from nav.core.frameset import FrameSet
from nav.tracking.fit.sharpening import PLAIN, UNKNOWN, Sharpening, Unsharpened, unsharpened
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.synthetic import Studio, needle_poses, small_rig
from tests.tracking.expect import sigmas, tip_off

OPTICS = Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02))


def sharpened(picture, amount, width, gain=1.0):
    """As a camera does it: by the unsharp mask, then clipped."""
    grey = picture.astype(np.float32) * gain
    sharp = grey + amount * (grey - cv2.GaussianBlur(grey, (0, 0), width))
    return np.clip(np.rint(sharp), 0, 255).astype(np.uint8)


def altered(frames: FrameSet, alter) -> FrameSet:
    pictures = {name: replace(f, image=alter(f.image)) for name, f in frames.frames.items()}
    return replace(frames, frames=pictures)


def noisy(seed=0, low=60.0, high=160.0):
    rng = np.random.default_rng(seed)
    picture = np.full((80, 100), low, np.float32)
    picture[20:60, 30:70] = high
    return cv2.GaussianBlur(picture, (0, 0), 0.8) + rng.normal(0.0, 2.0, picture.shape)


@pytest.mark.parametrize("amount", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("width", [0.6, 1.5, 4.0])
def test_what_was_not_clipped_is_as_it_was_before(amount, width):
    plain = np.rint(noisy()).astype(np.float32)
    sharpening = Sharpening(amount, width)
    sharp = sharpening.apply(plain)
    low, high = sharp.min(), sharp.max()
    squeezed = (sharp - low) * (250.0 / max(high - low, 250.0)) + 2.0
    back = unsharpened(np.rint(squeezed).astype(np.uint8), sharpening).astype(float)
    expected = (plain - low) * (250.0 / max(high - low, 250.0)) + 2.0
    assert np.abs(back - expected).max() < 1.6
    assert np.sqrt(np.mean((back - expected) ** 2)) < 0.5


def test_a_halo_is_by_how_much_an_edge_overshoots():
    sharpening = Sharpening(1.0, 1.5)
    edge = np.zeros((9, 200), np.float32)
    edge[:, 100:] = 100.0
    edge = cv2.GaussianBlur(edge, (0, 0), 0.8)
    assert 100.0 * sharpening.halo == pytest.approx(sharpening.apply(edge).max() - 100.0, abs=1.5)
    assert PLAIN.halo == 0.0


def test_noise_grows_by_the_mean_gain_in_the_logarithm():
    """The determinant of the filter, by its eigenvalues on a torus."""
    sharpening = Sharpening(0.7, 1.2)
    impulse = np.zeros((64, 64), np.float32)
    impulse[32, 32] = 1.0
    spectrum = np.abs(np.fft.fft2(sharpening.apply(impulse)))
    assert sharpening.log_gain == pytest.approx(np.log(spectrum).mean(), abs=1e-4)


def test_clipped_pixels_are_held_to_what_is_expected_and_say_nothing():
    plain = noisy(low=30.0, high=235.0)
    sharp = sharpened(plain, 1.0, 1.5)
    assert (sharp == 255).any()
    corners = np.array([[30.0, 20.0], [70.0, 60.0]])
    taken = Unsharpened(sharp, corners, Sharpening(1.0, 1.5))
    before = np.abs(taken.plain - plain[taken.part]).max()
    rows, columns = taken.clipped_at.T
    assert (taken.picture[rows, columns] == UNKNOWN).all()
    for _ in range(4):
        taken.hold(plain[rows, columns], np.ones(len(rows), bool))
    after = np.abs(taken.plain - plain[taken.part]).max()
    assert after < 1.5 < before
    assert (taken.picture[rows, columns] == UNKNOWN).all()


@pytest.mark.parametrize(("amount", "width", "gain"), [(1.0, 3.0, 1.0), (0.5, 1.5, 1.15)])
def test_the_tip_is_right_and_honest_from_the_first_frame_set_on(amount, width, gain):
    tool, rig = needle_tool(), small_rig(2)
    studio, tracker = Studio(rig, OPTICS, 5), Tracker(rig, [tool])
    errors, off = [], []
    for place in needle_poses(2, np.random.default_rng(5)):
        frames = studio.frames([Placed(needle_body(tool), place, np.zeros(6))])
        frames = altered(frames, lambda p: sharpened(p, amount, width, gain))
        found = tracker.track(frames)
        errors.append(float(np.linalg.norm(tip_off(found, tool, place))))
        off.append(sigmas(found, tool, place) ** 2)
    tracker.close()
    assert np.sqrt(np.mean(np.square(errors))) < 0.02  # 0.2 to 1.5 mm if it is not taken back
    assert np.mean(off) < 3.0 + 5.0 * np.sqrt(6.0 / len(off))
    said = tracker.notices
    assert [notice.facts["camera"] for notice in said] == ["left", "right"]
    assert all(notice.facts["halo_percent"] > 0.0 for notice in said)


def test_pictures_as_they_are_teach_no_sharpening():
    tool, rig = needle_tool(), small_rig(2)
    studio, tracker = Studio(rig, OPTICS, 6), Tracker(rig, [tool])
    for place in needle_poses(2, np.random.default_rng(6)):
        tracker.track(studio.frames([Placed(needle_body(tool), place, np.zeros(6))]))
    tracker.close()
    assert tracker.notices == ()
    assert all(s.sharpness.sharpening == PLAIN for s in tracker.camera_states.values())
