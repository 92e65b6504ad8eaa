"""From the scan of a printed kit through the commands: case and registration, or one line."""

import numpy as np
import pytest
import SimpleITK
from scipy.spatial.transform import RigidTransform, Rotation

from nav.model.case import load_case
from nav.registration.registration_result import load_registration
from phantoms.recipe import named_recipe, random_recipe
from phantoms.twin.ct_write import write_volume
from phantoms.twin.kit_scan import draw_kit_scan, simulate_kit_scan
from tests.bench.reconstruction import distances
from tests.reconstruction.kits import exit_code, write_touches, written_kit

pytestmark = pytest.mark.slow
REFERENCE_FROM_SCAN = RigidTransform.from_components(
    [40.0, -250.0, 90.0], Rotation.from_rotvec([0.7, -1.9, 0.4])
)
TOUCH = 0.15  # mm


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return written_kit(tmp_path_factory.mktemp("kit"), named_recipe("standard"))


@pytest.fixture(scope="module")
def scan(kit, tmp_path_factory):
    """A scan's file and truth; the phantom lies in it as it likes."""
    made = simulate_kit_scan(kit, draw_kit_scan(kit, 33, hard=True))
    file = tmp_path_factory.mktemp("scan") / "scan.nii.gz"
    write_volume(file, made.volume.values, made.volume.origin, made.volume.spacing)
    return file, made


def refused(arguments, capsys):
    """The one line in which a command refuses."""
    assert exit_code(*arguments) == 2
    error = capsys.readouterr().err.strip()
    assert error
    assert "\n" not in error
    return error


def test_a_phantom_is_scanned_reconstructed_and_registered_by_touching_its_divots(
    kit, scan, tmp_path
):
    file, truth = scan
    case, points, result = tmp_path / "case", tmp_path / "touched.csv", tmp_path / "reg.toml"
    reconstruct = ["reconstruct", file, "--output", case, "--phantom", kit.path]
    assert exit_code(*reconstruct) == 0
    write_touches(points, truth.divots, REFERENCE_FROM_SCAN, TOUCH, 4)
    register = ["register", "--case", case / "case.toml", "--points", points, "--output", result]
    assert exit_code(*register) == 0
    model_from_reference = load_registration(result).model_from_reference.transform
    model_from_scan = model_from_reference * REFERENCE_FROM_SCAN
    true = {s.name: s for s in truth.structures}
    for s in load_case(case / "case.toml").of_role("bone"):
        if s.name in ("C1", "C2"):
            there = model_from_scan.inv().apply(s.surface.vertices)
            off = distances(true[s.name].vertices, true[s.name].triangles, there)
            # 0.15 mm of each of eight touches, and of the surface
            assert np.abs(off).mean() < 0.3


def test_half_a_kit_is_refused_in_one_line(kit, scan, tmp_path, capsys):
    image = SimpleITK.ReadImage(str(scan[0]))
    half = tmp_path / "half.nii.gz"
    SimpleITK.WriteImage(image[: image.GetWidth() // 2], str(half))
    case = tmp_path / "case"
    error = refused(["reconstruct", half, "--output", case, "--phantom", kit.path], capsys)
    assert "half.nii.gz" in error
    assert not case.exists()


def test_another_kit_is_refused_in_one_line(scan, tmp_path, tmp_path_factory, capsys):
    other = written_kit(tmp_path_factory.mktemp("other"), random_recipe(7))
    case = tmp_path / "case"
    error = refused(["reconstruct", scan[0], "--output", case, "--phantom", other.path], capsys)
    assert other.name in error
    assert not case.exists()
