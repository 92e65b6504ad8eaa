"""Real scans: what is odd about each is recognised; geometry as other programs have it."""

import lzma
import shutil
import tarfile

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from scipy.ndimage import map_coordinates

from nav.core.errors import InputError
from nav.reconstruction.reading import list_series, read_volume
from nav.reconstruction.reading.headers import read_headers
from nav.reconstruction.reading.hounsfield import check_values
from nav.reconstruction.reading.pixels import decode_stack
from nav.reconstruction.reading.quiet_readers import quiet_libraries
from tests.reference_data import reference_data

LOSSLESS = ("Explicit", "Implicit", "BigEndian", "Deflated", "RLE", "2000LosslessOnly",
            "JPEGLSLossless", "14SV1", "14Transfer")  # fmt: skip


def codes(result):
    return {finding.code for finding in result.findings}


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """The folder of the tilted head CT."""
    packed = reference_data("ct", "ge-head-gantry-tilt") / "ge_head.tar.xz"
    folder = tmp_path_factory.mktemp("head")
    with lzma.open(packed) as stream, tarfile.open(fileobj=stream) as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_tilted_head_with_uneven_steps(head):
    result = read_volume(head)
    facts = {finding.code: finding.facts for finding in result.findings}
    assert facts["tilt"]["degrees"] == pytest.approx(18.5, abs=0.01)
    assert facts["uneven_steps"]["least"] == pytest.approx(
        1.14 * np.cos(np.radians(18.5)), abs=0.01
    )
    assert facts["uneven_steps"]["most"] == pytest.approx(7.38 * np.cos(np.radians(18.5)), abs=0.01)
    assert "tilt_contradicts" not in facts
    assert not result.unmeasured  # the thick slices lie as far apart as they are thick


def test_voxels_of_the_tilted_head_lie_where_their_slice_has_them(head):
    """Each pixel of a slice, placed by its own header alone, has its value in the volume."""
    volume = read_volume(head).volume
    for name in ("03.dcm", "09.dcm"):  # of the part whose steps are the grid's
        dataset = dcmread(next(head.rglob(name)))
        stored = dataset.pixel_array.astype(float)
        column, row = np.meshgrid(np.arange(60, 450, 7), np.arange(60, 450, 7))
        along, down = np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3))
        points = (
            np.array(dataset.ImagePositionPatient, float)
            + column[..., None] * float(dataset.PixelSpacing[1]) * along
            + row[..., None] * float(dataset.PixelSpacing[0]) * down
        )
        indices = volume.to_voxel(points.reshape(-1, 3))
        (plane,) = set(np.rint(indices[:, 2]).astype(int))
        assert indices[:, 2] == pytest.approx(plane, abs=0.01)
        found = map_coordinates(volume.values[plane].astype(float), indices[:, 1::-1].T, order=3)
        truth = np.maximum(stored[row, column].ravel(), -1024)
        flat = np.abs(truth) < 150  # soft tissue: little changes within half a pixel
        assert np.median(np.abs(found - truth)[flat]) < 4.0
        assert np.corrcoef(found, truth)[0, 1] > 0.999


def test_others_read_regular_series_alike(tmp_path):
    """A real series without tilt, against ITK's reader."""
    folder = reference_data("dicom", "seg-rtstruct") / "dcmqi" / "ct-3slice"
    volume = read_volume(folder).volume
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    assert np.array_equal(volume.values, np.maximum(sitk.GetArrayFromImage(image), -1024))
    assert volume.origin == pytest.approx(np.array(image.GetOrigin()), abs=1e-4)
    assert volume.spacing == pytest.approx(np.array(image.GetSpacing()), abs=1e-4)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        # their pixels were replaced by noise between air and lung
        ("failing/gantrytilting/001", {"tilt", "outside_set_to_air", "no_soft_tissue"}),
        ("failing/sliceincrement/001", {"missing_slices", "no_soft_tissue"}),
        (
            "failing/sliceincrement/002",
            {"tilt", "outside_set_to_air", "missing_slices", "no_soft_tissue"},
        ),
    ],
)
def test_irregular_series_of_other_makers_are_resampled(case, expected):
    result = read_volume(reference_data("dicom", "dicom2nifti-cases") / case)
    assert codes(result) == expected


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("failing/notavolume/001", "all slices at one position"),
        ("failing/sliceorientation/001", "not a CT .modality MR"),
        ("failing/slicecount/001", "not a CT .modality MR"),
        ("generic/rgb/001", "not a CT .modality MR"),
        ("generic/compressed_j2k/001", "not a CT .modality MR"),
    ],
)
def test_what_is_no_ct_is_refused(case, expected):
    with pytest.raises(InputError, match=expected):
        read_volume(reference_data("dicom", "dicom2nifti-cases") / case)


def test_every_kind_of_file_in_one_folder():
    """Reports, structures, segmentations, colours: a table, no error."""
    rows = list_series(reference_data("dicom"))
    assert any(row.suitable for row in rows)
    assert {"CT", "MR", "SEG", "US"} <= {row.modality for row in rows}
    assert all(row.modality == "CT" for row in rows if row.suitable)


def decoded(path):
    with quiet_libraries():
        (header,) = read_headers(path)
        values, _ = decode_stack([header], lambda share: None)
    return header, values[0].astype(int)


@pytest.mark.parametrize(
    "part",
    [*LOSSLESS, "JPEG2000Transfer", "JPEGLSLossy", "Process1Transfer"],
)
def test_transfer_syntaxes_of_one_slice(part):
    folder = reference_data("dicom", "transfer-syntaxes")
    path = next(p for p in sorted(folder.glob("CTImage.dcm_*")) if part in p.name)
    truth = np.maximum(dcmread(folder / "CTImage.dcm").pixel_array.astype(int) - 1024, -1024 * 4)
    header, found = decoded(path)
    inside = truth > -1024  # outside is padding
    worst = np.abs(found - truth)[inside].max()
    if part in LOSSLESS:
        assert worst == 0
        assert header.lossy is None
    else:
        assert header.lossy is not None
        assert worst <= 3 * max(header.slope, 2.0)  # scaled by its own slope, 8 bits included


@pytest.mark.parametrize("part", ["Process2_4", "Process6_8", "Process10_12"])
def test_lossy_syntaxes_without_decoder_are_refused_by_name(part):
    folder = reference_data("dicom", "transfer-syntaxes")
    path = next(folder.glob(f"CTImage.dcm_*{part}*"))
    with pytest.raises(InputError, match=r"JPEG.*export the series"):
        decoded(path)


@pytest.mark.parametrize(
    ("name", "slices"),
    [
        ("abdomen-totalseg/example_ct.nii.gz", 112),
        ("invesalius-cranium/cranium_raworder.nii.gz", 108),
        ("totalseg-cta-chest/ct_cropped.nii.gz", 164),
        ("verse-tptbox-labels/sub-ct_label-22_ct.nii.gz", 73),
    ],
)
def test_nifti_scans(name, slices):
    path = reference_data("ct") / name
    result = read_volume(path)
    assert slices in result.volume.values.shape
    image = sitk.ReadImage(str(path), sitk.sitkInt32)
    for index in ((5, 7, 9), (40, 33, 21)):
        place = image.TransformIndexToPhysicalPoint(index)
        x, y, z = np.rint(result.volume.to_voxel([place])[0]).astype(int)
        assert result.volume.values[z, y, x] == image[index]


def test_label_maps_are_told_from_scans():
    folder = reference_data("ct")
    for path in [*folder.glob("abdomen-totalseg/*seg*.nii.gz"), *folder.glob("*/*msk*.nii.gz")]:
        with pytest.raises(InputError, match="label map"):
            read_volume(path)


def test_shifted_real_scans_are_recognised(head):
    volumes = [read_volume(head).volume.values]
    for name in (
        "abdomen-totalseg/example_ct.nii.gz",
        "invesalius-cranium/cranium_raworder.nii.gz",
    ):
        volumes.append(read_volume(reference_data("ct") / name).volume.values)
    for values in volumes:
        assert check_values(values).verdict == "hu"
        for offset in (1024, -1024):
            check = check_values(np.maximum(values.astype(int) + offset, -2048).astype(np.int16))
            assert (check.verdict, check.offset) == ("shifted", offset)
        clipped = check_values(np.maximum(values + 1024, 0).astype(np.int16))
        assert (clipped.verdict, clipped.offset) == ("shifted", 1024)


def test_a_real_series_without_one_slice(head, tmp_path):
    paths = sorted(head.rglob("*.dcm"))[:14]
    for path in paths:
        if path.name != "07.dcm":
            shutil.copy(path, tmp_path)
    result = read_volume(tmp_path)
    whole = read_volume(head).volume
    facts = {finding.code: finding.facts for finding in result.findings}
    assert facts["missing_slices"]["after"] == 6
    shared = result.volume.values[8, 50:400, 60:450]
    place = result.volume.to_model([[60, 50, 8]])[0]
    x, y, z = np.rint(whole.to_voxel([place])[0]).astype(int)
    same = whole.values[z, y - 1 : y + 351, x : x + 390].astype(int)
    beside = np.abs(shared - same[:-2]).mean(), np.abs(shared - same[2:]).mean()
    assert np.abs(shared - same[1:-1]).mean() < 0.25 * min(beside)
