"""`import nav`: public names, loaded when used; plain images in, distances out."""

import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

import nav
from nav.core.errors import InputError
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body
from tests.synthetic import Studio, needle_poses, small_rig
from tests.tracking.expect import seen


def test_every_public_name_is_there():
    for name in nav.__all__:
        assert getattr(nav, name) is not None
    assert set(nav.__all__) <= set(dir(nav))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nav.nothing


@pytest.mark.parametrize("name", ["nav", "nav.cli"])
def test_importing_loads_nothing_heavy(name):
    """Nor does a command's name, help or mistyped option."""
    code = f"import sys, {name}; print(sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "cv2", "numba", "vtk", "scipy", "pydantic"} & set(eval(done.stdout))


@pytest.fixture(scope="module")
def rig():
    return small_rig(2)


def test_plain_images_are_tracked_as_frame_sets_are(needle, rig):
    place = next(needle_poses(1, np.random.default_rng(1), 0.0))
    frames = Studio(rig, Optics(blur=0.8, noise=2.0), 3).frames(
        [Placed(needle_body(needle), place)]
    )
    images = {name: frame.image for name, frame in frames.frames.items()}
    with closing(nav.Tracker(rig, [needle])) as one, closing(nav.Tracker(rig, [needle])) as other:
        expected = seen(one.track(frames), needle.name).rig_from_tool.transform.as_matrix()
        for given in (images, list(images.values()), [np.dstack([i] * 3) for i in images.values()]):
            found = seen(other.track(given), needle.name).rig_from_tool.transform.as_matrix()
            assert found == pytest.approx(expected, abs=0.01)
        half = {"left": images["left"], "right": None}
        assert other.track(half).camera_lost == {"right": nav.Notice("no_image_given")}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([np.zeros((240, 288), np.uint8)], "expected 2, one for each of left, right, got 1"),
        ({"middle": np.zeros((240, 288), np.uint8)}, "has no camera 'middle'"),
        ({"left": np.zeros((240, 288))}, "expected uint8 or uint16"),
        ({"left": np.zeros(5, np.uint8)}, "expected uint8 or uint16"),
        ({"left": np.zeros((24, 28), np.uint8)}, "image is 28 x 24 but rig.toml says"),
    ],
)
def test_images_that_are_not_the_rigs_are_refused(needle, rig, given, said):
    with closing(nav.Tracker(rig, [needle])) as tracker, pytest.raises(InputError, match=said):
        tracker.track(given)


def test_a_phantom_and_the_distances_in_it(tmp_path):
    path = nav.build_phantom(tmp_path / "kit", anatomy_only=True)
    case = nav.load_case(path)
    artery = next(s for s in case.structures if s.role == "artery")
    point = artery.surface.vertices[100] + np.array([0.0, 0.0, 0.0])
    near = {s.name: s for s in nav.proximity(case, point, np.eye(3) * 0.01).structures}
    assert near[artery.name].distance == pytest.approx(0.0, abs=1e-3)
    assert near[artery.name].sd == pytest.approx(np.hypot(0.1, artery.sigma), rel=0.05)
    with pytest.raises(InputError, match="a preset or a seed"):
        nav.build_phantom(tmp_path / "other", preset="standard", seed=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([0.0, 1.0], None, None), "tip_position: expected 3 finite numbers"),
        (([0.0, 1.0, np.nan], None, None), "tip_position: expected 3 finite numbers"),
        (([0.0, 0.0, 0.0], -np.eye(3), None), "tip_covariance: not a covariance"),
        (([0.0, 0.0, 0.0], np.eye(2), None), "tip_covariance: not a covariance"),
        (([0.0, 0.0, 0.0], None, [0.0, 0.0, 0.0]), "expected a direction"),
    ],
)
def test_what_is_no_tip_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        nav.proximity(nav.Case("empty", (), (), ()), *arguments)
