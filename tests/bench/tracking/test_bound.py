"""The Cramér-Rao bound: its image model, and figures that are known otherwise."""

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.core.frames import point_jacobian
from nav.tracking.marker_dictionaries import marker_pattern
from nav.tracking.tool import Tool
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body
from tests.bench.tracking.bound import Sight, pose_bound
from tests.bench.tracking.patch import Patch
from tests.synthetic import DICTIONARY, Studio, needle_poses, small_rig, square_marker

BLUR, NOISE = 0.8, 2.0


def test_the_image_model_is_what_a_simulator_draws(needle):
    """Gain, offset and the light from beyond fitted, little but noise is left inside a marker."""
    rig = small_rig(1)
    (camera,) = rig.cameras
    (pose,) = needle_poses(1, np.random.default_rng(4))
    picture = Studio(rig, Optics(BLUR, NOISE, gradient=(0, 0)), 1).frames(
        [Placed(needle_body(needle), pose)]
    )
    image = picture.frames["left"].image
    facing = 0
    for marker in needle.markers:
        patch = Patch.around(camera, needle, marker, pose.as_matrix(), image.shape, BLUR)
        if patch is None:
            continue
        inside = patch.inside(pose.as_matrix())
        if inside.sum() < 500:
            continue
        light = patch.drawn(pose.as_matrix(), BLUR)[inside]
        beyond = patch.beyond(pose.as_matrix(), BLUR)[:, inside]
        grey = image[patch.rows, patch.columns][inside].astype(float)
        model = np.stack([light, np.ones_like(light), *beyond], axis=1)
        found = np.linalg.lstsq(model, grey)[0]
        assert found[0] > 60
        # the simulator takes pixels' means before it blurs: some aliasing stays
        assert np.std(grey - model @ found) == pytest.approx(np.sqrt(NOISE**2 + 1 / 12), rel=0.15)
        facing += 1
    assert facing >= 4


def test_information_is_that_of_the_patterns_edges():
    """A blurred straight edge of length L has L / (2 sqrt(pi) sd) of squared slope, in pixels."""
    rig = small_rig(1, size=(400, 400))
    (camera,) = rig.cameras
    marker = square_marker(5, side=90.0)
    tool = Tool("tag", DICTIONARY, (marker,), quiet=20.0)
    pose = RigidTransform.from_translation([0.0, 0.0, 600.0])
    away = camera.camera_from_rig.inv() * pose
    patch = Patch.around(camera, tool, marker, away.as_matrix(), (400, 400), BLUR)
    assert patch is not None
    step = 0.01
    ends = [
        patch.drawn((camera.camera_from_rig.inv() * pose * _shift(s * step)).as_matrix(), BLUR)
        for s in (1, -1)
    ]
    slope = (ends[0] - ends[1]) / (2 * step)  # of the light by a shift to the right, a mm
    pattern = np.pad(marker_pattern(DICTIONARY, 5).astype(int), 1, constant_values=1)
    cells = np.abs(np.diff(pattern, axis=1)).sum()
    corners = camera.project(away.apply(marker.corners))
    side = np.linalg.norm(corners[1] - corners[0])
    length = cells * side / (len(pattern) - 2)
    sd = np.sqrt(BLUR**2 + 1 / 12)
    expected = (side / marker.side) ** 2 * length / (2 * np.sqrt(np.pi) * sd)
    assert (slope**2).sum() == pytest.approx(expected, rel=0.02)


def _shift(millimetres: float) -> RigidTransform:
    return RigidTransform.from_translation([millimetres, 0.0, 0.0])


@pytest.fixture(scope="module")
def tip_bounds(needle):
    """Rms bound of the tip, mm, by number of cameras and noise told."""

    def bound(cameras: int, noise: float) -> float:
        rig = small_rig(cameras)
        studio = Studio(rig, Optics(BLUR, NOISE), 1)
        variances = []
        for pose in needle_poses(2, np.random.default_rng(5)):
            frames = studio.frames([Placed(needle_body(needle), pose)]).frames
            pictures = {name: frame.image for name, frame in frames.items()}
            least = pose_bound(rig, needle, pose.as_matrix(), pictures, Sight(BLUR, noise))
            assert least is not None
            jacobian = point_jacobian(pose.apply(needle.tip.position))[0]
            variances.append(np.trace(jacobian @ least @ jacobian.T))
        return float(np.sqrt(np.mean(variances)))

    return {key: bound(*key) for key in ((2, NOISE), (1, NOISE), (2, 2 * NOISE))}


def test_the_tips_bound_of_the_usual_pictures(tip_bounds):
    """Computed elsewhere for such pictures: 0.005 mm with two cameras, 0.0165 with one."""
    assert tip_bounds[2, NOISE] == pytest.approx(0.005, rel=0.3)
    assert tip_bounds[1, NOISE] == pytest.approx(0.0165, rel=0.3)


def test_twice_the_noise_is_twice_the_bound(tip_bounds):
    ratio = np.sqrt((4 * NOISE**2 + 1 / 12) / (NOISE**2 + 1 / 12))
    assert tip_bounds[2, 2 * NOISE] / tip_bounds[2, NOISE] == pytest.approx(ratio, rel=0.02)


def test_hidden_pixels_tell_nothing(needle, rig):
    (pose,) = needle_poses(1, np.random.default_rng(5))
    frames = Studio(rig, Optics(BLUR, NOISE), 1).frames([Placed(needle_body(needle), pose)]).frames
    seen = {name: frame.image for name, frame in frames.items()}
    hidden = {name: image.copy() for name, image in seen.items()}
    for image in hidden.values():
        image[: image.shape[0] // 2] = 120
    whole, half = (
        pose_bound(rig, needle, pose.as_matrix(), pictures, Sight(BLUR, NOISE))
        for pictures in (seen, hidden)
    )
    assert whole is not None
    assert half is not None
    assert np.linalg.eigvalsh(half - whole).min() > 0


def test_a_tool_that_nobody_sees_has_no_bound(needle, rig):
    pose = RigidTransform.from_translation([0.0, 0.0, -600.0])
    blank = {camera.name: np.full(camera.size[::-1], 90, np.uint8) for camera in rig.cameras}
    assert pose_bound(rig, needle, pose.as_matrix(), blank, Sight(BLUR, NOISE)) is None
