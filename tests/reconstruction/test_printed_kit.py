"""A printed kit's files, and scans that do not show it."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.cli import main
from nav.core.errors import InputError
from nav.model.case import load_case
from nav.reconstruction.printed.edges import Edges
from nav.reconstruction.printed.kit import read_kit
from nav.reconstruction.printed.kit_case_files import write_printed_case
from nav.reconstruction.printed.kit_location import (
    LocatedKit,
    locate_kit,
    spread_rotations,
    surface_in_air,
)
from nav.reconstruction.printed.print_deviation import DeviationMap
from nav.reconstruction.printed.reconstruct import (
    LEAST_LEAD,
    LEAST_SUPPORT,
    PlacedDivot,
    PrintedReconstruction,
)
from nav.reconstruction.printed.structures import FoundStructure
from nav.reconstruction.reading import ReadResult, SeriesInfo
from nav.reconstruction.volume import Volume
from nav.registration.registration_result import load_registration
from phantoms.recipe import named_recipe
from phantoms.twin.kit_scan import draw_kit_scan, simulate_kit_scan
from tests.reconstruction.kits import exit_code, write_touches, written_kit


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return written_kit(tmp_path_factory.mktemp("kit"), named_recipe("standard"))


def test_divots_are_the_cases_fiducials_and_their_cones_point_outwards(kit):
    case = load_case(kit.path.parent / "case.toml")
    assert {d.label for d in kit.divots} == {f.label for f in case.fiducials}
    for d in kit.divots:
        assert np.linalg.norm(d.axis) == pytest.approx(1.0)
        assert d.depth == pytest.approx(2.2, abs=0.01)
    k = next(d for d in kit.divots if d.label == "K2")
    assert k.axis == pytest.approx([0.0, 1.0, 0.0], abs=1e-6)


def test_what_only_makes_the_phantom_does_not_stand_in_it(kit):
    names = {part.name for part in kit.parts}
    assert {"base", "column", "arch_cranial", "arch_caudal", "bar"} <= names
    assert not any(n.startswith(("mould", "sac_core", "needle")) for n in names)


def test_points_of_the_surface_in_air_lie_on_parts_and_not_under_gel(kit):
    points, normals = surface_in_air(kit)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(np.ones(len(points)))
    bones = kit.case.of_role("bone")[1].surface.vertices
    low, high = bones.min(axis=0), bones.max(axis=0)
    assert not ((points > low) & (points < high)).all(axis=1).any()


def test_rotations_leave_no_gap():
    turns = spread_rotations(2400)
    rng = np.random.default_rng(5)
    for turn in Rotation.random(40, random_state=rng):
        assert np.degrees((turns * turn.inv()).magnitude().min()) < 18.0


def test_an_stl_that_was_changed_is_refused(kit, tmp_path):
    folder = tmp_path / "kit"
    shutil.copytree(kit.path.parent, folder)
    stl = folder / "stl" / "bar.stl"
    stl.write_bytes(stl.read_bytes()[:-1] + b"\1")
    with pytest.raises(InputError, match=r"bar\.stl: is not the file"):
        read_kit(folder)
    (folder / "case.toml").unlink()
    with pytest.raises(InputError, match=r"case\.toml beside it"):
        read_kit(folder)


def test_a_file_that_is_no_kit_is_refused_in_one_line(tmp_path, capsys):
    other = tmp_path / "kit.toml"
    other.write_text('format = "c1c2nav/case/1"\n')
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes(b"")
    with pytest.raises(SystemExit) as end:
        main(
            ["reconstruct", str(scan), "--output", str(tmp_path / "case"), "--phantom", str(other)]
        )
    assert end.value.code == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "kit.toml: format" in error
    assert not (tmp_path / "case").exists()


def test_the_written_cases_divots_register_touches(kit, tmp_path):
    rng = np.random.default_rng(11)
    divots = tuple(
        PlacedDivot(
            d.label, d.use, d.apex + rng.normal(0.0, 0.05, 3), 0.0025 * np.eye(3), 0.05, 0.1
        )
        for d in kit.divots
    )
    case = write_printed_case(as_reconstructed(kit, divots), tmp_path / "case", "print")
    points, result = tmp_path / "touched.csv", tmp_path / "registration.toml"
    reference_from_model = RigidTransform.from_components(
        [10.0, -200.0, 50.0], Rotation.from_rotvec([0.3, 2.0, -0.6])
    )
    write_touches(points, {d.label: d.apex for d in kit.divots}, reference_from_model, 0.15, 2)
    register = ["register", "--case", case, "--points", points, "--output", result]
    assert exit_code(*register) == 0
    off = load_registration(result).model_from_reference.transform * reference_from_model
    target = load_case(case).default_plan.target
    assert np.linalg.norm(off.apply(target) - target) < 0.3
    assert [f.sigma for f in load_case(case).fiducials] == [0.05] * len(divots)


def as_reconstructed(kit, divots):
    """A reconstruction that found all where the kit has it, in a scan without anything."""
    here = RigidTransform.identity()
    edges = Edges(None, np.zeros(0), np.zeros(0), np.zeros(0))
    structures = tuple(
        FoundStructure(
            s,
            np.asarray(s.surface.vertices, float),
            np.asarray(s.surface.triangles, np.int32),
            np.full(len(s.surface.vertices), 0.1),
            here,
            None,
            edges,
            1.0,
        )
        for s in kit.case.structures
    )
    corners = np.vstack([s.vertices for s in structures])
    low, high = corners.min(axis=0), corners.max(axis=0)
    model_from_voxel = np.diag([4.0, 4.0, 4.0, 1.0])
    model_from_voxel[:3, 3] = low
    nx, ny, nz = np.ceil((high - low) / 4.0).astype(int) + 1
    volume = Volume(np.zeros((nz, ny, nx), np.int16), model_from_voxel)
    series = SeriesInfo("1", "CT", int(nz), (int(nx), int(ny)), (4.0, 4.0, 4.0), 4.0 * nz)
    read = ReadResult(volume, (), "nifti", series)
    maps = tuple(
        DeviationMap(s.structure.name, s.vertices, s.triangles, np.zeros(len(s.vertices)))
        for s in structures
    )
    located = LocatedKit(here, 1.0, 1.0, 0.0)
    return PrintedReconstruction(
        kit, here, structures, divots, (), (), maps, volume, (), read, located
    )


@pytest.mark.slow
def test_a_kit_is_found_in_any_attitude_and_no_other_body_is(kit):
    drawn = replace(draw_kit_scan(kit, 8, hard=True), spacing_mm=(2.0, 2.0, 2.0))
    scan = simulate_kit_scan(kit, drawn)
    matrix = np.diag([*scan.volume.spacing, 1.0])
    matrix[:3, 3] = scan.volume.origin
    volume = Volume(scan.volume.values, matrix)
    found = locate_kit(volume, kit)
    assert found.supported > LEAST_SUPPORT
    assert found.supported > LEAST_LEAD * found.rival
    off = found.scan_from_model * scan.scan_from_model.inv()
    assert np.degrees(off.rotation.magnitude()) < 3.0
    middle = scan.scan_from_model.translation
    assert np.linalg.norm(off.apply(middle) - middle) < 4.0
    # a ball of the phantom's size: material and air, but no kit
    z, y, x = np.mgrid[:100, :100, :100]
    ball = np.where((x - 50) ** 2 + (y - 50) ** 2 + (z - 50) ** 2 < 45**2, 40.0, -1000.0)
    nothing = locate_kit(Volume(ball.astype(np.float32), np.diag([2.0, 2.0, 2.0, 1.0])), kit)
    assert nothing.supported < LEAST_SUPPORT
