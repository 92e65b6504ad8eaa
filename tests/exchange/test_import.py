"""Models, points and label maps of other programs as a case; everything wrong is said at once."""

import json
import shutil
import zipfile

import numpy as np
import pytest
import pyvista
import SimpleITK as sitk

from nav import cli
from nav.core.errors import InputError
from nav.exchange.case_export import FORMATS, export_case
from nav.exchange.casefolder import write_imported
from nav.exchange.imported_shapes import MANY_TRIANGLES, surface_of_label
from nav.exchange.importer import ImportOptions, import_case
from nav.model.case import load_case
from nav.reconstruction.label_surfaces import surface_from_label
from nav.reconstruction.labelmap import cut_mask
from tests.exchange.small import (
    ENTRY,
    FIDUCIALS,
    SHAPES,
    TARGET,
    surface,
    true_volume,
    volume_of,
    write_case,
)
from tests.fuzz.archive_damage import zipped
from tests.fuzz.bombs import UTF_8_BOMB, zip_bomb
from tests.reference_data import reference_data

SIGMA = ("0.5",)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A case in all formats."""
    folder = tmp_path_factory.mktemp("exchange")
    export_case(write_case(folder / "case"), folder / "out", FORMATS)
    return folder / "out"


@pytest.fixture
def models(exported, tmp_path):
    """A folder of STL models, with fiducials and a line."""
    folder = tmp_path / "models"
    folder.mkdir()
    for path in [*exported.glob("*.stl"), *exported.glob("*.mrk.json")]:
        shutil.copy(path, folder)
    return folder


def volumes(case):
    return {s.name: volume_of(s.surface.vertices, s.surface.triangles) for s in case.structures}


@pytest.mark.parametrize("ending", ["stl", "obj", "ply", "vtp"])
def test_a_folder_of_models_comes_back_as_the_same_case(exported, tmp_path, ending):
    folder = tmp_path / "models"
    folder.mkdir()
    for path in [*exported.glob(f"*.{ending}"), *exported.glob("*.mrk.json")]:
        shutil.copy(path, folder)
    sigma = () if ending == "ply" else SIGMA  # only our PLY says it
    found = import_case(folder, "again", ImportOptions(sigma=sigma))
    case = load_case(write_imported(found, tmp_path / "case"))
    assert {s.name: s.role for s in case.structures} == {n: r for n, (r, _) in SHAPES.items()}
    assert volumes(case) == pytest.approx({n: true_volume(n) for n in SHAPES}, rel=1e-4)
    assert {s.sigma for s in case.structures} == {0.3 if ending == "ply" else 0.5}
    for fiducial in case.fiducials:
        position, use = FIDUCIALS[fiducial.label]
        assert fiducial.position == pytest.approx(position, abs=1e-3)
        assert fiducial.use == use
    text = (tmp_path / "case" / "case.toml").read_text()
    assert text.count("sha256 = ") == len(SHAPES) + 2
    (plan,) = case.plans
    assert plan.entry == pytest.approx(ENTRY, abs=1e-3)
    assert plan.target == pytest.approx(TARGET, abs=1e-3)


@pytest.mark.parametrize("source", ["segmentation.seg.nrrd", "dicom"])
def test_a_segmentation_alone_becomes_a_case(exported, tmp_path, source):
    found = import_case(exported / source, "from labels", ImportOptions())
    case = load_case(write_imported(found, tmp_path / "case"))
    assert {s.name: s.role for s in case.structures} == {n: r for n, (r, _) in SHAPES.items()}
    # ends of rods become rounded, on both sides of them by less than half a voxel
    assert volumes(case) == pytest.approx({n: true_volume(n) for n in SHAPES}, rel=0.02)
    assert all(0.05 < s.sigma < 0.15 for s in case.structures)
    assert any("voxels of the label map alone" in w for w in case.warnings)


def test_sigma_of_models_must_be_given(models):
    with pytest.raises(InputError, match=r"sigma of C1, .* is not known.*--sigma"):
        import_case(models, "x", ImportOptions())
    with pytest.raises(InputError, match=r"sigma of C2, cord.* is not known"):
        import_case(models, "x", ImportOptions(sigma=("C1=0.2",)))
    case = import_case(models, "x", ImportOptions(sigma=("0.4", "C1=0.2"))).case
    assert {s.name: s.sigma for s in case.structures}["C1"] == 0.2
    assert {s.name: s.sigma for s in case.structures}["cord"] == 0.4


def test_everything_wrong_is_said_at_once(models):
    open_one = pyvista.read(models / "cord.stl").clean()
    open_one.remove_cells([0, 1]).save(models / "cord.stl")
    (models / "dura.stl").rename(models / "thing 7.stl")
    options = ImportOptions(sigma=("zero", "Q=1"), roles=("C9=bone",), checks=("V9",))
    with pytest.raises(InputError) as error:
        import_case(models, "x", options)
    said = str(error.value)
    assert "\n" not in said
    for part in (
        "6 problems",
        'role of thing 7 is not known: add --role "thing 7=ROLE"',
        "--role C9=bone: there is no structure 'C9'",
        "--sigma zero: expected mm",
        "--sigma Q=1: there is no structure 'Q'",
        "model cord: cord.stl is not closed",
        "--check V9: no fiducial has this label",
    ):
        assert part in said


def test_roles_that_are_given_count(models):
    (models / "dura.stl").rename(models / "thing 7.stl")
    options = ImportOptions(sigma=SIGMA, roles=("thing 7=dura", "skin=none"))
    found = import_case(models, "x", options)
    roles = {s.name: s.role for s in found.case.structures}
    assert roles["thing 7"] == "dura"
    assert "skin" not in roles
    assert "skin" in found.left_out
    rest = import_case(models, "x", ImportOptions(sigma=SIGMA, roles=("*=none",)))
    assert "thing 7" not in {s.name for s in rest.case.structures}


def test_two_of_one_name_are_refused(models):
    shutil.copy(models / "C1.stl", models / "atlas.stl")
    with pytest.raises(InputError, match="C1, atlas would all be C1"):
        import_case(models, "x", ImportOptions(sigma=SIGMA))


def test_check_points_are_never_registered(models):
    case = import_case(models, "x", ImportOptions(sigma=SIGMA, checks=("D2",))).case
    assert {f.label for f in case.fiducials_for("check")} == {"D2", "V1"}


def turned(folder):
    """Models in RAS whose files say nothing of it."""
    for path in folder.glob("*.stl"):
        mesh = pyvista.read(path).clean()
        mesh.points = mesh.points * [-1.0, -1.0, 1.0]
        mesh.save(path)


def test_models_in_ras_are_noticed_and_turned(models):
    turned(models)
    with pytest.raises(InputError, match=r"seem to be in RAS .*left lies at the right.*--space"):
        import_case(models, "x", ImportOptions(sigma=SIGMA))
    case = import_case(models, "x", ImportOptions(sigma=SIGMA, is_ras=True)).case
    left = next(s for s in case.structures if s.name == "vertebral artery left")
    assert left.surface.vertices.mean(axis=0)[0] == pytest.approx(22.3, abs=0.5)


def test_metres_are_noticed(models):
    for path in models.glob("*.stl"):
        mesh = pyvista.read(path).clean()
        mesh.points = mesh.points / 1000.0
        mesh.save(path)
    with pytest.raises(InputError, match="metres"):
        import_case(models, "x", ImportOptions(sigma=SIGMA))


def test_a_folder_without_models_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match="has no"):
        import_case(tmp_path, "x", ImportOptions())


MOVED = np.array([-5.0, 0.0, 7.0])  # LPS, by the scene's transform, which is in RAS
SCENE = """<MRML version="Slicer4.4.0" userTags="">
<LinearTransform id="T1" name="Up" {parent}
 matrixTransformToParent="1 0 0 5 0 1 0 0 0 0 1 {up} 0 0 0 1"></LinearTransform>
{nodes}
</MRML>
"""


def scene(folder, exported, system='coordinateSystem="LPS"', up=0.0, parent=""):
    """A scene of VTK models that do not name their coordinate system, all below a transform."""
    folder.mkdir()
    nodes = []
    for k, name in enumerate(SHAPES):
        file = f"{name.replace(' ', '_')}.vtk"
        mesh = pyvista.read(exported / f"{name.replace(' ', '_')}.stl").clean()
        if "LPS" not in system:
            mesh.points = mesh.points * [-1.0, -1.0, 1.0]
        mesh.save(folder / file)
        nodes.append(
            f'<ModelStorage id="S{k}" fileName="{file.replace("_", "%5F")}" {system}>'
            f'</ModelStorage><Model id="M{k}" name="{name}" '
            f'references="storage:S{k};transform:T1;"></Model>'
        )
    shutil.copy(exported / "fiducials.mrk.json", folder)
    nodes.append(
        '<MarkupsFiducialStorage id="F1" fileName="fiducials.mrk.json"/>'
        '<MarkupsFiducial id="F2" name="F" references="storage:F1;transform:T1;"/>'
    )
    (folder / "s.mrml").write_text(SCENE.format(parent=parent, up=up, nodes="\n".join(nodes)))
    return folder / "s.mrml"


@pytest.mark.parametrize("system", ['coordinateSystem="LPS"', 'coordinateSystem="RAS"', ""])
def test_a_scene_places_what_it_transforms(exported, tmp_path, system):
    path = scene(tmp_path / "scene", exported, system, up=7.0)
    case = import_case(path, "x", ImportOptions(sigma=SIGMA)).case
    for structure in case.structures:
        own = surface(structure.name).vertices.min(axis=0)
        assert structure.surface.vertices.min(axis=0) - own == pytest.approx(MOVED, abs=1e-3)
    for fiducial in case.fiducials:
        moved = np.array(FIDUCIALS[fiducial.label][0]) + MOVED
        assert fiducial.position == pytest.approx(moved, abs=1e-3)


def test_a_packed_scene_with_a_segmentation(exported, tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    shutil.copy(exported / "segmentation.seg.nrrd", folder)
    nodes = (
        '<SegmentationStorage id="S" fileName="segmentation.seg.nrrd"/>'
        '<Segmentation id="G" name="Segmentation" references="storage:S;transform:T1;"/>'
    )
    (folder / "s.mrml").write_text(SCENE.format(parent="", up=7.0, nodes=nodes))
    packed = tmp_path / "s.mrb"
    with zipfile.ZipFile(packed, "w") as file:
        for path in folder.iterdir():
            file.write(path, f"s/{path.name}")
    case = import_case(packed, "x", ImportOptions()).case
    cord = next(s for s in case.structures if s.name == "cord").surface.vertices
    own = surface("cord").vertices
    middle = (cord.min(axis=0) + cord.max(axis=0) - own.min(axis=0) - own.max(axis=0)) / 2.0
    assert middle == pytest.approx(MOVED, abs=0.25)


def test_scenes_that_cannot_be_trusted_are_refused(exported, tmp_path):
    circle = scene(tmp_path / "a", exported, parent='references="transform:T1;"')
    with pytest.raises(InputError, match="form a cycle"):
        import_case(circle, "x", ImportOptions(sigma=SIGMA))
    path = scene(tmp_path / "b", exported)
    (tmp_path / "b" / "C1.vtk").unlink()
    with pytest.raises(InputError, match=r"model C1: its file C1\.vtk is not there"):
        import_case(path, "x", ImportOptions(sigma=SIGMA))
    entity = tmp_path / "e.mrml"
    entity.write_text('<!DOCTYPE x [<!ENTITY a "b">]><MRML>&a;</MRML>')
    with pytest.raises(InputError, match="declares entities"):
        import_case(entity, "x", ImportOptions())
    bad = tmp_path / "bad.mrb"
    with zipfile.ZipFile(bad, "w") as file:
        file.writestr("../../out.mrml", "<MRML/>")
    with pytest.raises(InputError, match="file outside of it"):
        import_case(bad, "x", ImportOptions())
    bad.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InputError, match="is damaged"):
        import_case(bad, "x", ImportOptions())


@pytest.mark.parametrize("up", ["1e308", "-2e5", "1e6"])
def test_a_scene_that_places_models_out_of_any_room_is_refused(exported, tmp_path, up, recwarn):
    path = scene(tmp_path / "scene", exported, up=up)
    with pytest.raises(InputError, match="Up moves it too far"):
        import_case(path, "x", ImportOptions(sigma=SIGMA))
    assert not list(recwarn)


def test_points_that_are_not_placed_are_a_problem(models):
    path = models / "fiducials.mrk.json"
    data = json.loads(path.read_text())
    data["markups"][0]["controlPoints"][1]["positionStatus"] = "undefined"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match="point D2: is not placed"):
        import_case(models, "x", ImportOptions(sigma=SIGMA))


def test_large_label_surfaces_are_decimated_and_stay_true():
    matrix = np.eye(4)
    matrix[:3, 3] = -85.0
    z, y, x = np.meshgrid(*(np.arange(-85, 86),) * 3, indexing="ij")
    mask = cut_mask("skin", x**2 + y**2 + z**2 <= 80.0**2, matrix)
    found = surface_from_label(mask)
    assert len(found.triangles) > MANY_TRIANGLES
    made = surface_of_label(found)
    assert len(made.triangles) <= MANY_TRIANGLES * 1.01
    radii = np.linalg.norm(made.vertices, axis=1)
    assert np.sqrt(np.mean((radii - 80.0) ** 2)) < found.sigma.mean()


def test_another_part_of_the_body_is_no_neck():
    folder = reference_data("ct", "abdomen-totalseg")
    with pytest.raises(InputError, match=r"shows vertebrae_S1, vertebrae_L5.*no cervical vertebra"):
        import_case(folder / "example_seg_fast_force_split.nii.gz", "x", ImportOptions())


def test_a_label_map_of_another_scan_is_refused(tmp_path):
    folder = reference_data("ct", "abdomen-totalseg")
    low = sitk.ReadImage(str(folder / "example_seg_realigned.nii.gz"))
    x, y, z = low.GetOrigin()
    low.SetOrigin((x, y, z - 246.0))
    sitk.WriteImage(low, str(tmp_path / "labels.nii.gz"))
    options = ImportOptions(
        numbering={31: "L1", 30: "L2"},
        roles=("L1=bone", "L2=bone"),
        scan=folder / "example_ct.nii.gz",
    )
    with pytest.raises(InputError, match=r"is not where .* is: .*would fit 246 mm higher"):
        import_case(tmp_path / "labels.nii.gz", "x", options)
    found = import_case(folder / "example_seg_realigned.nii.gz", "x", options)
    assert {s.name for s in found.case.structures} == {"L1", "L2"}


def test_the_commands_end_to_end(tmp_path, capsys):
    case = write_case(tmp_path / "case")

    def nav(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main([str(a) for a in arguments])
        printed = capsys.readouterr()
        return end.value.code, " ".join((printed.out + printed.err).split())

    code, _ = nav("case", "export", case, "--output", tmp_path / "out", "--format", "seg.nrrd")
    assert not code
    source = tmp_path / "out" / "segmentation.seg.nrrd"
    code, said = nav("case", "import", source, "--output", tmp_path / "again", "--sigma", "0.4")
    assert not code
    assert "written" in said
    assert {s.sigma for s in load_case(tmp_path / "again" / "case.toml").structures} == {0.4}
    code, said = nav("case", "import", source, "--output", tmp_path / "bad", "--space", "up")
    assert code == 2
    assert "expected lps or ras" in said
    code, said = nav("case", "import", source, "--output", tmp_path / "bad", "--role", "C1=organ")
    assert code == 2
    assert "--role C1=organ: expected one of bone" in said
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_a_scene_whose_entities_grow_is_refused(tmp_path, coding):
    path = tmp_path / "s.mrml"
    path.write_bytes((UTF_8_BOMB + b"<MRML>&l;</MRML>").decode().encode(coding))
    with pytest.raises(InputError, match="is not a scene of 3D Slicer"):
        import_case(path, "x", ImportOptions())


def test_a_scene_that_names_too_long_a_file_says_that_it_is_not_there(tmp_path):
    path = tmp_path / "s.mrml"
    path.write_text(
        f'<MRML><ModelStorage id="S" fileName="{"a" * 5000}.stl"/>'
        '<Model id="M" name="C1" references="storage:S;"/></MRML>'
    )
    with pytest.raises(InputError, match=r"its file a+ is not there"):
        import_case(path, "x", ImportOptions())


@pytest.mark.parametrize("name", ["", "a" * 300, "a\0b", "s.mrml/x", "./."])
def test_packed_scenes_with_odd_names_are_refused_in_a_line(tmp_path, name):
    path = tmp_path / "s.mrb"
    path.write_bytes(zipped([("s.mrml", b"<MRML/>"), (name, b"x")]))
    with pytest.raises(InputError) as caught:
        import_case(path, "x", ImportOptions())
    assert "\n" not in str(caught.value)


def test_a_packed_scene_that_unpacks_to_a_lot_is_refused(tmp_path):
    path = tmp_path / "s.mrb"
    path.write_bytes(zip_bomb(b"s.mrml", b"<MRML/>", 8))
    with pytest.raises(InputError, match="times its own size"):
        import_case(path, "x", ImportOptions())
