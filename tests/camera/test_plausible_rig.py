"""Rigs that cannot be are refused with what was likely meant; unusual ones are said."""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera, Rig, check_picture_size, load_rig, write_rig
from nav.core.errors import InputError
from phantoms.twin.default_rig import default_rig

Change = Callable[[Camera], Camera]


def loaded(tmp_path: Path, left: Change | None = None, right: Change | None = None) -> Rig:
    """The usual two cameras, changed, written to a file and read again."""
    first, second = default_rig().cameras
    cameras = (first if left is None else left(first), second if right is None else right(second))
    write_rig(tmp_path / "rig.toml", Rig(cameras))
    return load_rig(tmp_path / "rig.toml")


def refused(tmp_path: Path, left: Change | None = None, right: Change | None = None) -> str:
    with pytest.raises(InputError) as error:
        loaded(tmp_path, left, right)
    line = str(error.value)
    assert line.startswith(f"{tmp_path / 'rig.toml'}: ")
    assert "\n" not in line
    return line


def matrix(factor: float = 1.0, **entries: float) -> Change:
    places = {"fx": (0, 0), "fy": (1, 1), "cx": (0, 2), "cy": (1, 2)}

    def change(camera: Camera) -> Camera:
        made = camera.matrix.copy()
        made[[0, 1], [0, 1]] *= factor
        for name, value in entries.items():
            made[places[name]] = value
        return replace(camera, matrix=made)

    return change


def size(width: int, height: int) -> Change:
    return lambda camera: replace(camera, size=(width, height))


def distortion(*numbers: float) -> Change:
    return lambda camera: replace(camera, distortion=np.array(numbers))


def moved(factor: float) -> Change:
    """The translation of camera_from_rig in another unit."""

    def change(camera: Camera) -> Camera:
        place = camera.camera_from_rig
        return replace(
            camera,
            camera_from_rig=RigidTransform.from_components(
                place.translation * factor, place.rotation
            ),
        )

    return change


def placed(place: RigidTransform) -> Change:
    return lambda camera: replace(camera, camera_from_rig=place)


def test_a_usual_rig_has_no_warnings(tmp_path):
    assert loaded(tmp_path).warnings == ()


@pytest.mark.parametrize("given", [(960, 600), (1280, 800), (1280, 720), (640, 480), (3840, 2400)])
def test_only_size_edited_is_told_with_the_size_that_was_meant(tmp_path, given):
    line = refused(tmp_path, size(*given))
    assert "camera left: matrix: the principal point" in line
    assert f"but size says {given[0]} x {given[1]}: was only size changed?" in line
    scale = float(line.split("multiply fx and cx by ")[1].split(",")[0])
    assert scale == pytest.approx(given[0] / 1920, rel=0.01)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (matrix(cx=2500.0), "is outside the image of 1920 x 1200"),
        (matrix(cy=-40.0), "is outside the image"),
        (matrix(1 / 450), "expected fx and fy in pixels, not in millimetres"),  # 3.6 mm
        (matrix(100.0), "is a field of view of 0."),
        (matrix(fy=100.0), "differ too much"),
        (distortion(-3.0, 0.0, 0.0, 0.0), "distortion: pixels of the image's middle have no ray"),
        (distortion(0.0, 0.0, 9.0, -7.0), "distortion: pixels of the image's middle have no ray"),
        (lambda c: replace(c, readout=16.0), "16000 ms from the first row to the last: are these"),
    ],
)
def test_a_lens_that_cannot_be_is_refused(tmp_path, change, said):
    assert said in refused(tmp_path, change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (matrix(cx=1300.0), "is far from the middle of 1920 x 1200, which is unusual"),
        (matrix(0.2), "is a field of view of 14"),
        (matrix(fy=1500.0), "differ by 7%, which is unusual: a stretched image?"),
        (distortion(-0.3, 0.0, 0.0, 0.0, -0.1), "of the image, towards its corners, has no ray"),
        (lambda c: replace(c, readout=1.6e-5), "if these are seconds, write milliseconds"),
    ],
)
def test_an_unusual_lens_is_said_and_used(tmp_path, change, said):
    assert said in "; ".join(loaded(tmp_path, change).warnings)


@pytest.mark.parametrize(("unit", "factor"), [("metres", 1e-3), ("micrometres", 1e3)])
def test_places_in_another_unit_are_refused_by_its_name(tmp_path, unit, factor):
    line = refused(tmp_path, moved(factor), moved(factor))
    assert f"are these {unit}? Write millimetres" in line


def test_places_in_inches_are_said(tmp_path):
    warnings = loaded(tmp_path, moved(1 / 25.4), moved(1 / 25.4)).warnings
    assert any(
        "if these are inches or centimetres, write millimetres" in warning for warning in warnings
    )


def test_cameras_at_one_place_are_refused(tmp_path):
    here = default_rig().cameras[0].camera_from_rig
    line = refused(tmp_path, None, placed(here))
    assert "cameras left and right are at the same place" in line


def test_cameras_that_face_away_from_each_other_are_refused(tmp_path):
    here = default_rig().cameras[0].camera_from_rig
    away = RigidTransform.from_components(
        [0, 0, 0], Rotation.from_rotvec([0, np.pi, 0])
    ) * RigidTransform.from_translation([-300, 0, 0])
    assert "sees nothing that right sees" in refused(tmp_path, None, placed(away * here))


def test_a_turn_in_degrees_is_refused(tmp_path):
    loaded(tmp_path)
    path = tmp_path / "rig.toml"
    text = path.read_text()
    at = text.index("rotation_vector = [", text.index('"right"'))
    end = text.index("]", at)
    path.write_text(text[:at] + "rotation_vector = [0.0, 34.0, 0.0" + text[end:])
    with pytest.raises(InputError, match="rotation_vector: a turn by 34 rad: are these degrees"):
        load_rig(path)


@pytest.mark.parametrize("factor", [0.5, 2 / 3, 2.0])
def test_a_scaled_picture_is_refused_with_the_rig_that_fits(factor):
    left = default_rig().cameras[0]
    scaled = (round(1200 * factor), round(1920 * factor))
    with pytest.raises(InputError) as error:
        check_picture_size(left, scaled, "0.png")
    line = str(error.value)
    fitting = np.array(tomllib.loads(line[line.index("matrix = ") :])["matrix"])
    point = np.array([30.0, -20.0, 600.0])
    pixel = left.project_rays([point])[0]
    matrix = np.array([[fitting[0], 0, fitting[2]], [0, fitting[1], fitting[3]], [0, 0, 1]])
    again = replace(left, matrix=matrix).project_rays([point])[0]
    # centres of pixels are whole numbers: the pictures' edges stay where they are
    assert again == pytest.approx((pixel + 0.5) * factor - 0.5, abs=0.01)
    assert f"size = [{scaled[1]}, {scaled[0]}]" in line


def test_a_picture_on_its_side_is_named():
    with pytest.raises(InputError, match="is it turned"):
        check_picture_size(default_rig().cameras[0], (1920, 1200), "0.png")
