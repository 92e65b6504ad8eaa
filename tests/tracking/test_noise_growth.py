"""Errors that neighbouring pixels share make covariances grow; independent ones do not."""

from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest

from nav.tracking.fit.noise_growth import DIFFERENT, NoiseGrowth, _windowed
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body, needle_tool
from tests.bench.degraded.alter import enlarged, jpeg
from tests.said import codes
from tests.synthetic import Studio, needle_poses, small_rig, spread
from tests.tracking.expect import seen, sigmas

HEIGHT, WIDTH, REACH = 40, 50, 3


def smooth(picture):
    return cv2.GaussianBlur(picture, (0, 0), 1.0)


def derivatives(seed=0):
    """Orthonormal smooth derivatives (p, 8), as those of a plane are."""
    rng = np.random.default_rng(seed)
    maps = [cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)), (0, 0), 1.5) for _ in range(8)]
    return np.linalg.qr(np.stack([m.ravel() for m in maps], axis=1))[0]


def left_over(noise, jacobian):
    """What a fit leaves of noise (height, width), in its sd."""
    flat = noise.ravel() - jacobian @ (jacobian.T @ noise.ravel())
    return flat / flat.std()


def growth(jacobian, draw, count=60):
    rng = np.random.default_rng(1)
    sums = sum(
        _windowed(jacobian, left_over(draw(rng), jacobian), HEIGHT, WIDTH, REACH)
        for _ in range(count)
    )
    return sums[0] / sums[1]


def white(rng):
    return rng.normal(size=(HEIGHT, WIDTH))


def smoothed(rng):
    return cv2.blur(white(rng), (2, 2), borderType=cv2.BORDER_REFLECT)


def test_independent_errors_do_not_grow():
    assert growth(derivatives(), white) == pytest.approx(1.0, abs=0.05)


def test_shared_errors_grow_by_what_they_do_to_an_estimate():
    jacobian, rng = derivatives(), np.random.default_rng(2)
    drawn = [smoothed(rng) for _ in range(400)]
    estimates = np.array([jacobian.T @ noise.ravel() for noise in drawn])
    true = (estimates**2).mean() / np.mean([noise.var() for noise in drawn])
    assert true > 2.0
    # Bartlett's window leaves some of what is shared out
    assert 0.7 * true < growth(jacobian, smoothed) < 1.1 * true


def test_errors_that_gather_where_derivatives_are_large_grow():
    jacobian = derivatives()
    where = (jacobian**2).sum(axis=1).reshape(HEIGHT, WIDTH)
    size = np.sqrt(where / where.mean())
    assert growth(jacobian, lambda rng: size * white(rng)) > 1.3


def test_what_was_learnt_is_never_less_than_independent():
    known = NoiseGrowth()
    assert not known.learn(80.0, 100.0)
    assert known.factor == 1.0
    assert not known.learn(0.0, 0.0)
    assert known.looks == 1
    assert known.learn(400.0, 100.0)
    assert known.factor > 1.0 + DIFFERENT


@pytest.fixture(scope="module")
def scene():
    tool, rig = needle_tool(), small_rig(2)
    studio = Studio(rig, Optics(blur=0.8, noise=2.0, gradient=(0.02, -0.02)), 8)
    places = list(needle_poses(12, np.random.default_rng(8)))
    frames = [studio.frames([Placed(needle_body(tool), at, np.zeros(6))]) for at in places]
    return tool, rig, places, frames


SHARED = ("noise_shared", "sharpened_noise_shared")


def followed(scene, alter):
    """Growth by camera, the notices, and of each frame the warning and squared error."""
    tool, rig, places, frames = scene
    tracker, warnings, squares = Tracker(rig, [tool]), [], []
    for place, shot in zip(places, frames, strict=True):
        pictures = {n: replace(f, image=alter(f.image)) for n, f in shot.frames.items()}
        found = tracker.track(replace(shot, frames=pictures))
        warnings.append(codes(seen(found, tool.name).warnings))
        squares.append(sigmas(found, tool, place) ** 2)
    tracker.close()
    factors = [state.growth.factor for state in tracker.camera_states.values()]
    return factors, tracker.notices, warnings, squares


def test_a_sensors_own_pixels_share_nothing(scene):
    factors, notices, _, _ = followed(scene, lambda picture: picture)
    assert factors == [1.0, 1.0]
    assert not notices


@pytest.mark.parametrize(
    ("alter", "least"),
    [
        (smooth, 2.0),
        (partial(jpeg, quality=30), 1.25),
        (partial(enlarged, how=cv2.INTER_CUBIC), 1.25),
        (partial(enlarged, how=cv2.INTER_CUBIC, factor=1.5), 1.4),
    ],
    ids=["smoothed", "JPEG 30", "2 x bicubic", "1.5 x bicubic"],
)
def test_pixels_that_share_errors_make_larger_covariances_and_no_doubt(scene, alter, least):
    factors, notices, warnings, squares = followed(scene, alter)
    assert min(factors) > least
    if min(factors) > 1.5:
        assert all(
            any(n.facts["camera"] == name and n.code in SHARED for n in notices)
            for name in ("left", "right")
        )
    # the geometry is right, and says so
    assert sum("geometry_doubtful_at_tip" in warning for warning in warnings) <= 1
    assert np.mean(squares) / 3.0 < 1.0 + 3.0 * spread(len(squares), 3)
