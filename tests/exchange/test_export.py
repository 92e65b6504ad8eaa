"""Files for other programs, read back by other readers than ours."""

import json

import highdicom
import lib3mf
import numpy as np
import pydicom
import pytest
import pyvista
import SimpleITK as sitk

from nav.core.errors import InputError
from nav.core.filekinds import file_kind
from nav.exchange.case_export import FORMATS, export_case
from nav.model.surface import load_surface
from nav.reconstruction.reading import read_volume
from tests.exchange.small import SHAPES, surface, true_volume, volume_of, write_case


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A case in all formats."""
    folder = tmp_path_factory.mktemp("exchange")
    case = write_case(folder / "case")
    export_case(case, folder / "out", FORMATS)
    return folder / "out"


@pytest.mark.parametrize("ending", ["stl", "obj", "ply", "vtp"])
def test_meshes_keep_their_place_and_volume(exported, ending):
    for name in SHAPES:
        mesh = pyvista.read(exported / f"{name.replace(' ', '_')}.{ending}").clean()
        assert mesh.is_manifold
        assert mesh.volume == pytest.approx(true_volume(name), rel=1e-4)
        own = surface(name).vertices
        assert mesh.bounds[::2] == pytest.approx(own.min(axis=0), abs=1e-4)
        assert mesh.bounds[1::2] == pytest.approx(own.max(axis=0), abs=1e-4)


def test_meshes_hold_sigma(exported):
    assert np.asarray(pyvista.read(exported / "C1.vtp")["sigma"]) == pytest.approx(0.3)
    own = load_surface(exported / "C1.ply", "mesh").sigma  # VTK leaves such properties out
    assert own is not None
    assert own.values == pytest.approx(0.3)


@pytest.mark.parametrize("ending", ["stl", "obj", "ply", "vtp"])
def test_meshes_say_their_space_and_are_read_by_us(exported, ending):
    path = exported / f"C2.{ending}"
    own = surface("C2")
    again = load_surface(path, "mesh")
    assert again.vertices.min(axis=0) == pytest.approx(own.vertices.min(axis=0), abs=1e-4)
    assert b"SPACE" in path.read_bytes()[:4096]


def test_3mf_holds_every_structure_in_millimetres(exported):
    model = lib3mf.get_wrapper().CreateModel()
    model.QueryReader("3mf").ReadFromFile(str(exported / "small_neck.3mf"))
    assert model.GetUnit() == lib3mf.ModelUnit.MilliMeter
    objects = model.GetMeshObjects()
    volumes = {}
    while objects.MoveNext():
        mesh = objects.GetCurrentMeshObject()
        points = np.array([p.Coordinates[:] for p in mesh.GetVertices()])
        corners = np.array([t.Indices[:] for t in mesh.GetTriangleIndices()])
        volumes[mesh.GetName()] = volume_of(points, corners)
    assert volumes == pytest.approx({name: true_volume(name) for name in SHAPES}, rel=1e-4)


def test_segmentation_has_each_structure_within_one_per_cent(exported):
    image = sitk.ReadImage(str(exported / "segmentation.seg.nrrd"))
    values = sitk.GetArrayFromImage(image)
    told = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    assert told["NRRD_space"] == "left-posterior-superior"
    assert told["Segmentation_ContainedRepresentationNames"] == "Binary labelmap|"
    for k, (name, (role, _)) in enumerate(SHAPES.items()):
        assert told[f"Segment{k}_Name"] == name
        assert len(told[f"Segment{k}_Color"].split()) == 3
        assert "SCT^" in told[f"Segment{k}_Tags"], role
        layer = values[..., int(told[f"Segment{k}_Layer"])]
        mask = layer == int(told[f"Segment{k}_LabelValue"])
        volume = mask.sum() * np.prod(image.GetSpacing())
        assert volume == pytest.approx(true_volume(name), rel=0.01)
        filled = np.argwhere(mask)[:, ::-1]
        extent = np.stack([filled.min(axis=0), filled.max(axis=0)], axis=1).ravel()
        assert told[f"Segment{k}_Extent"] == " ".join(map(str, extent))
        centre = image.TransformContinuousIndexToPhysicalPoint(filled.mean(axis=0).tolist())
        middle = (surface(name).vertices.min(axis=0) + surface(name).vertices.max(axis=0)) / 2
        assert list(centre) == pytest.approx(middle.tolist(), abs=0.25)  # half a voxel


def test_dicom_segmentation_refers_to_its_series_and_keeps_volumes(exported):
    seg = highdicom.seg.segread(exported / "dicom" / "segmentation.dcm")
    assert seg.SegmentationType == "BINARY"
    slices = {
        pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID
        for path in (exported / "dicom").glob("CT*.dcm")
    }
    (series,) = seg.ReferencedSeriesSequence
    referred = {r.ReferencedSOPInstanceUID for r in series.ReferencedInstanceSequence}
    assert referred
    assert referred <= slices
    for k, name in enumerate(SHAPES, start=1):
        assert seg.get_segment_description(k).segment_label == name
        volume = seg.get_volume(segment_numbers=[k])
        measured = np.count_nonzero(volume.array) * np.prod(volume.spacing)
        assert measured == pytest.approx(true_volume(name), rel=0.01)


def test_dicom_has_the_same_identifiers_for_the_same_case(exported, tmp_path):
    export_case(write_case(tmp_path / "case"), tmp_path / "out", ["dicom-seg"])
    for name in ("CT0001.dcm", "segmentation.dcm"):
        first, second = (
            pydicom.dcmread(folder / "dicom" / name, stop_before_pixels=True)
            for folder in (exported, tmp_path / "out")
        )
        for word in ("SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            assert first[word].value == second[word].value
            assert first[word].value.is_valid


def test_dicom_names_nobody(exported):
    for path in (exported / "dicom" / "segmentation.dcm", exported / "dicom" / "CT0001.dcm"):
        data = pydicom.dcmread(path, stop_before_pixels=True)
        assert str(data.PatientName) == data.PatientID == "ANONYMOUS"
        assert not data.PatientBirthDate
        assert not data.StudyDate
        assert not data.AccessionNumber


def test_the_series_is_a_regular_one(exported):
    read = read_volume(exported / "dicom")
    image = sitk.ReadImage(str(exported / "segmentation.seg.nrrd"))
    assert read.volume.values.shape == image.GetSize()[::-1]
    assert read.volume.origin == pytest.approx(image.GetOrigin(), abs=1e-6)


def test_points_and_plans_are_markups(exported):
    fiducials = json.loads((exported / "fiducials.mrk.json").read_text())["markups"][0]
    assert fiducials["coordinateSystem"] == "LPS"
    assert [p["label"] for p in fiducials["controlPoints"]] == ["D1", "D2", "D3", "V1"]
    line = json.loads((exported / "plan_left.mrk.json").read_text())["markups"][0]
    assert line["type"] == "Line"


def test_what_was_exported_is_known_as_ours(exported):
    kinds = {path.suffix: file_kind(path) for path in exported.rglob("*") if path.is_file()}
    assert None not in kinds.values()


def test_a_second_export_keeps_the_first(tmp_path):
    case = write_case(tmp_path / "case")
    export_case(case, tmp_path / "out", ["seg.nrrd", "3mf"])
    other = case.read_text().replace("small neck", "other neck").replace('"C1"', '"C3"')
    case.write_text(other)
    export_case(case, tmp_path / "out", ["seg.nrrd"])
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"segmentation.seg.nrrd", "segmentation.1.seg.nrrd"} <= names


def test_files_of_others_are_not_overwritten(tmp_path):
    case = write_case(tmp_path / "case")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "C1.stl").write_bytes(b"solid of somebody\n")
    with pytest.raises(InputError, match=r"C1\.stl: would be overwritten"):
        export_case(case, tmp_path / "out", ["stl"])
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["C1.stl"]


def test_two_series_are_not_mixed(tmp_path):
    case = write_case(tmp_path / "case")
    (tmp_path / "out" / "dicom").mkdir(parents=True)
    (tmp_path / "out" / "dicom" / "other.dcm").write_bytes(b"")
    with pytest.raises(InputError, match="is not empty"):
        export_case(case, tmp_path / "out", ["dicom-seg"])


@pytest.mark.parametrize(
    ("formats", "spacing", "said"),
    [([], 0.5, "give one"), (["fbx"], 0.5, "'fbx' is not supported"), (["stl"], 50.0, "--spacing")],
)
def test_what_cannot_be_written_is_refused(tmp_path, formats, spacing, said):
    with pytest.raises(InputError, match=said):
        export_case(write_case(tmp_path / "case"), tmp_path / "out", formats, spacing)
    assert not (tmp_path / "out").exists()
