"""rig.toml and the cameras in it: projection, its derivative, its inverse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform

from nav.camera.ray_grid import RayGrid, ray_at
from nav.camera.rig import Camera, Rig, check_picture_size, load_rig, write_rig
from nav.core.errors import InputError
from tests.synthetic import camera, floats, rigid_transforms, vectors

LENSES = {
    "none": np.zeros(5),
    "usual": np.array([-0.11, 0.085, 0.0004, -0.0003, -0.01]),
    "wide": np.array([-0.32, 0.12, 0.001, -0.001, -0.02]),
    "rational": np.array([0.4, 0.1, 0.0, 0.0, 0.02, 0.6, 0.15, 0.03]),
    "four": np.array([-0.2, 0.05, 0.0, 0.0]),
}


def seen(lens: str, place: RigidTransform | None = None) -> Camera:
    matrix = np.array([[1601.3, 0.0, 957.3], [0.0, 1601.9, 603.8], [0.0, 0.0, 1.0]])
    place = RigidTransform.identity() if place is None else place
    return Camera("left", (1920, 1200), matrix, LENSES[lens], place)


@st.composite
def usual_cameras(draw: st.DrawFn) -> list[Camera]:
    """One to three cameras side by side, anywhere in the rig frame."""
    names = draw(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3, unique=True))
    frame = draw(rigid_transforms())
    cameras = []
    for number, name in enumerate(names):
        size = draw(st.tuples(st.integers(64, 8000), st.integers(64, 8000)))
        focal = np.array(draw(st.tuples(floats(0.98, 1.0), floats(0.98, 1.0)))) * max(size)
        cx, cy = np.array(draw(st.tuples(floats(0.46, 0.54), floats(0.46, 0.54)))) * size
        matrix = np.array([[focal[0], 0, cx], [0, focal[1], cy], [0, 0, 1.0]])
        distortion = draw(st.sampled_from([4, 5, 8, 12, 14]).flatmap(lambda n: vectors(0.01, n)))
        place = RigidTransform.from_translation([-90.0 * number, 0.0, 0.0]) * frame
        calibration = draw(st.none() | st.just({"rms_px": 0.2, "verdict": "good"}))
        readout = draw(floats(0.0, 0.1))
        cameras.append(Camera(name, size, matrix, distortion, place, readout, calibration))
    return cameras


@given(usual_cameras())
def test_a_rig_is_read_as_it_was_written(tmp_path_factory, cameras):
    path = tmp_path_factory.mktemp("rig") / "rig.toml"
    write_rig(path, Rig(tuple(cameras)))
    read = load_rig(path)
    assert read.names == tuple(made.name for made in cameras)
    for made in cameras:
        again = read[made.name]
        assert again.size == made.size
        assert np.array_equal(again.matrix, made.matrix)
        assert np.array_equal(again.distortion, made.distortion)
        assert again.readout == pytest.approx(made.readout)
        assert again.calibration == made.calibration
        place = again.camera_from_rig.as_matrix()
        assert place == pytest.approx(made.camera_from_rig.as_matrix(), abs=1e-9)


def test_a_rig_file_without_distortion_is_a_pinhole(tmp_path):
    path = tmp_path / "rig.toml"
    path.write_text(
        'format = "c1c2nav/rig/1"\n[[camera]]\nname = "left"\nsize = [64, 48]\n'
        "matrix = [50, 50.0, 31.5, 23.5]\n"
        "camera_from_rig = { rotation_vector = [0, 0, 0], translation = [0, 0, 10] }\n"
    )
    left = load_rig(path)["left"]
    assert left.readout == 0.0
    # the point (1, 2, 90) of the rig is (1, 2, 100) in the camera
    assert left.project([[1.0, 2.0, 90.0]])[0] == pytest.approx([32.0, 24.5])


def test_the_pixels_centre_is_whole_numbers():
    """A point on the optical axis is seen at cx and cy as the file has them."""
    assert seen("usual").project([[0.0, 0.0, 500.0]])[0] == pytest.approx([957.3, 603.8])


@pytest.mark.parametrize("lens", LENSES)
@given(pixel=st.tuples(floats(0, 1919), floats(0, 1199)))
def test_undistorting_undoes_projection_everywhere_in_the_picture(lens, pixel):
    left = seen(lens)
    ray = np.append(left.undistort([pixel])[0], 1.0)
    assert left.project_rays([ray * 600.0])[0] == pytest.approx(pixel, abs=1e-5)


@pytest.mark.parametrize("lens", LENSES)
@given(place=rigid_transforms(200.0), point=vectors(100.0))
def test_the_projections_derivative_is_that_of_small_steps(lens, place, point):
    left = seen(lens, place)
    in_rig = place.inv().apply(point + np.array([0.0, 0.0, 600.0]))
    pixels, jacobian = left.project_with_jacobian([in_rig])
    assert left.project([in_rig])[0] == pytest.approx(pixels[0])
    step = 1e-3
    for axis in np.eye(3):
        ahead, behind = left.project([in_rig + step * axis, in_rig - step * axis])
        assert jacobian[0] @ axis == pytest.approx((ahead - behind) / (2 * step), abs=1e-5)


@pytest.mark.parametrize("lens", LENSES)
def test_the_ray_grid_is_right_to_a_ten_thousandth_of_a_pixel(lens):
    left = seen(lens)
    rng = np.random.default_rng(1)
    pixels = rng.uniform(-0.5, np.array(left.size) - 0.5, (400, 2))
    grid = RayGrid(left).grid
    between = np.array([ray_at(grid, u, v) for u, v in pixels])
    assert left.project_rays(np.column_stack([between, np.ones(400)])) == pytest.approx(
        pixels, abs=1e-4
    )


def test_a_picture_of_another_size_is_refused_with_both_sizes():
    left = camera(size=(288, 240))
    check_picture_size(left, (240, 288), "left: 0.png")
    check_picture_size(left, (240, 288, 3), "left: 0.png")
    with pytest.raises(InputError) as caught:
        check_picture_size(left, (288, 240), "left: 0.png")
    assert str(caught.value) == (
        "left: 0.png: image is 240 x 288 but rig.toml says 288 x 240 for camera left; "
        "is it turned? Save it as the sensor has it, as in calibration"
    )
