"""What a case lacks is said, and what is wrong with its files is one line."""

from types import SimpleNamespace

import numpy as np
import pytest
import pyvista
from PIL import Image

from nav.core.errors import InputError
from nav.model.case import Case, Structure
from nav.model.surface import Surface
from nav.reconstruction.volume import Volume
from nav.view.case.case_state import initial_state, moved, plan_moved, plan_shown, shown, stepped
from nav.view.case.case_text import reading_parts, shortcomings
from nav.view.case.loading import _refuse_elsewhere, load_viewed_case
from nav.view.case.planes import AXIAL, SAGITTAL
from nav.view.case.view_command import ViewOptions, first_state, picture_size
from tests.view.case.cases import write_case


@pytest.fixture(scope="module")
def viewed(tmp_path_factory):
    return load_viewed_case(write_case(tmp_path_factory.mktemp("case") / "a", remarks=("C4 cut",)))


def test_folder_and_file_are_the_same_case(tmp_path):
    path = write_case(tmp_path / "a")
    assert load_viewed_case(path).path == load_viewed_case(path.parent).path


def test_remarks_and_what_is_missing_are_said(viewed):
    said = shortcomings(viewed)
    assert "C4 cut" in said
    assert any("C2" in line and "vertebral artery right" in line for line in said)
    assert not any("C1" in line for line in said if line.startswith("not in this case"))


def test_a_case_without_scan_opens_and_says_so(tmp_path):
    viewed = load_viewed_case(write_case(tmp_path / "a", scan=False))
    assert viewed.volume is None
    assert any("no scan" in line for line in shortcomings(viewed))


def _refused(path):
    with pytest.raises(InputError) as refused:
        load_viewed_case(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_no_case_there(tmp_path):
    assert "case.toml" in _refused(tmp_path)
    scan = write_case(tmp_path / "a").parent / "volume.nii.gz"
    assert "is not a case; expected case.toml" in _refused(scan)
    assert "missing.toml" in _refused(tmp_path / "missing.toml")


def test_a_scan_that_is_not_there(tmp_path):
    path = write_case(tmp_path / "a")
    (path.parent / "volume.nii.gz").unlink()
    assert "volume.nii.gz: not found" in _refused(path)


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08 cut off", b"hello, no scan here" * 30])
def test_a_scan_that_is_none(tmp_path, content):
    path = write_case(tmp_path / "a")
    (path.parent / "volume.nii.gz").write_bytes(content)
    assert "reconstruction: volume" in _refused(path)


def test_a_scan_cut_off(tmp_path):
    path = write_case(tmp_path / "a")
    file = path.parent / "volume.nii.gz"
    file.write_bytes(file.read_bytes()[:-2000])
    assert "reconstruction: volume" in _refused(path)


def test_a_picture_as_scan(tmp_path):
    path = write_case(tmp_path / "a")
    Image.new("L", (40, 40)).save(path.parent / "picture.png")
    path.write_text(path.read_text().replace("volume.nii.gz", "picture.png"))
    assert "picture.png" in _refused(path)


def test_another_cases_scan(tmp_path):
    import SimpleITK as sitk

    path = write_case(tmp_path / "a")
    image = sitk.ReadImage(str(path.parent / "volume.nii.gz"))
    image.SetOrigin((300.0, 0.0, 0.0))
    sitk.WriteImage(image, str(path.parent / "volume.nii.gz"))
    assert "does not overlap" in _refused(path)


def test_the_cross_hair_stays_in_the_scan(viewed):
    state = initial_state(viewed)
    low, high = viewed.box
    far = moved(state, viewed, [500.0, -500.0, 0.0])
    assert far.cross == pytest.approx([high[0], low[1], 0.0])


def test_a_step_is_a_voxel_of_the_scan(viewed):
    state = initial_state(viewed)
    assert stepped(state, viewed, AXIAL, 3.0).cross[2] - state.cross[2] == pytest.approx(6.0)
    assert stepped(state, viewed, SAGITTAL, -2.0).cross[0] - state.cross[0] == pytest.approx(-2.0)


def test_the_skin_and_later_plans_are_hidden_at_first(viewed):
    state = initial_state(viewed)
    assert state.hidden == {"skin"}
    assert shown(state, "skin", True).hidden == frozenset()
    assert shown(state, "C1", False).hidden == {"skin", "C1"}
    assert [p.name for p in state.shown_plans] == ["lateral"]
    assert plan_shown(state, "lateral", False).shown_plans == ()


def test_a_plans_end_is_moved_but_not_onto_the_other(viewed):
    state = initial_state(viewed)
    moved_state = plan_moved(state, "lateral", "entry", [30.0, 5.0, 11.0])
    assert moved_state.plans[0].entry == pytest.approx([30.0, 5.0, 11.0])
    assert moved_state.plans[0].target == pytest.approx(state.plans[0].target)
    assert plan_moved(state, "lateral", "entry", state.plans[0].target) is state
    assert viewed.case.plans[0].entry == pytest.approx([36.0, 6.0, 10.0])


def test_options(viewed):
    state = first_state(viewed, ViewOptions((1.0, 2.0, 3.0), "artery", True, ("C1",), ("skin",)))
    assert state.cross == pytest.approx([1.0, 2.0, 3.0])
    assert state.hidden == {"C1"}
    assert state.by_sigma
    assert state.window.width == 700.0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (ViewOptions(window="lung"), "soft tissue"),
        (ViewOptions(hide=("C9",)), "C9"),
        (ViewOptions(show=("C9",)), "C9"),
        (ViewOptions(at=(0.0, 0.0, 999.0)), "--at"),
        (ViewOptions(at=(0.0, float("nan"), 0.0)), "--at"),
    ],
)
def test_options_that_cannot_be(viewed, options, named):
    with pytest.raises(InputError, match=named):
        first_state(viewed, options)


def test_sizes_of_pictures():
    assert picture_size("1280x800") == (1280, 800)
    for wrong in ("1280", "10x10", "99999x400", "1280 x", ""):
        with pytest.raises(InputError, match="WIDTHxHEIGHT"):
            picture_size(wrong)


def test_a_reading_in_words(viewed):
    from nav.view.case.probe import Probe

    reading = Probe(viewed.case.structures, viewed.volume).at(np.array([4.0, -3.0, 25.0]))
    place, units, surface = reading_parts(reading, True)
    assert "LPS 4.0, -3.0, 25.0 mm" in place
    assert "A 3.0" in place
    assert "L 4.0" in place
    assert units.endswith("HU")
    assert surface.startswith("C1: 3.0 mm outside, sigma 0.10 mm")
    outside = Probe((), viewed.volume).at(np.array([0.0, 0.0, 500.0]))
    assert reading_parts(outside, True)[1:] == ("outside the scan", "no structure shown")


def test_a_scan_that_shows_other_bones_is_refused(tmp_path):
    """It overlaps the structures, as any neck does, but does not end where they end."""
    bone = pyvista.Sphere(radius=12.0, theta_resolution=40, phi_resolution=40)
    surface = Surface(bone.points, bone.faces.reshape(-1, 4)[:, 1:])
    case = Case("x", (Structure("C1", "bone", surface, None, None, 0.1),))
    made = SimpleNamespace(volume="volume.nii.gz", chain=SimpleNamespace(pose={"C1": None}))
    places = np.linalg.norm(np.mgrid[-30:31, -30:31, -30:31], axis=0)
    matrix = np.eye(4)
    matrix[:3, 3] = -30.0
    right = Volume(np.where(places < 12.0, 500, 40).astype(np.int16), matrix)
    other = Volume(np.where(places < 24.0, 500, 40).astype(np.int16), matrix)
    _refuse_elsewhere(tmp_path, made, case, right)
    with pytest.raises(InputError, match="does not show the bones where the case has them"):
        _refuse_elsewhere(tmp_path, made, case, other)
