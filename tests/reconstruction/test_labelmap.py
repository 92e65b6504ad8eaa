"""Label maps of other programs: names, numbers, places; a real pair that lies apart."""

import gzip
import struct

import numpy as np
import pytest
import SimpleITK as sitk

from nav.core.errors import InputError
from nav.reconstruction.labelmap import cut_mask, names_in_nifti, read_labels
from nav.reconstruction.labelmap_check import compare_with_scan
from nav.reconstruction.reading import read_volume
from nav.reconstruction.volume import Volume
from tests.reference_data import reference_data

LEVELS = ("T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")


def labels(size=(20, 22, 24)):
    """Values (nz, ny, nx) with labels 1, 2 and 44 in boxes."""
    values = np.zeros(size[::-1], np.uint8)
    values[3:8, 4:10, 5:12] = 1
    values[10:15, 4:10, 5:12] = 2
    values[18:22, 12:20, 12:18] = 44
    return values


def write(path, values, direction=(1, 0, 0, 0, 1, 0, 0, 0, 1), is_vector=False):
    image = sitk.GetImageFromArray(values, isVector=is_vector)
    image.SetSpacing((0.5, 0.6, 0.8))
    image.SetOrigin((-10.0, 5.0, 100.0))
    image.SetDirection(direction)
    sitk.WriteImage(image, str(path), useCompression=True)
    return path


def corners(mask):
    points = mask.centres()
    return [*points.min(axis=0), *points.max(axis=0)]


def place(values, label):
    """Lowest and highest centres of a label in LPS, for the identity direction."""
    filled = np.argwhere(values == label)[:, ::-1] * (0.5, 0.6, 0.8) + (-10.0, 5.0, 100.0)
    return [*filled.min(axis=0), *filled.max(axis=0)]


@pytest.mark.parametrize(
    ("numbering", "names"),
    [
        ("verse", {"vertebra C1": 1, "vertebra C2": 2}),
        ("totalsegmentator", {"vertebrae_C7": 44}),
        ({1: "C1", 2: "C2", 44: "cord"}, {"C1": 1, "C2": 2, "cord": 44}),
    ],
)
@pytest.mark.parametrize("ending", ["nii.gz", "nii", "nrrd"])
def test_numbers_mean_what_the_numbering_says(tmp_path, numbering, names, ending):
    values = labels()
    found = read_labels(write(tmp_path / f"x.{ending}", values), numbering)
    assert set(found.masks) == set(names)
    for name, label in names.items():
        assert corners(found.masks[name]) == pytest.approx(place(values, label), abs=1e-4)


def test_numbers_without_a_meaning_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"does not say what its labels 1, 2, 44 are.*--labels"):
        read_labels(write(tmp_path / "x.nii.gz", labels()))
    with pytest.raises(InputError, match="none of those named"):
        read_labels(tmp_path / "x.nii.gz", {7: "C7"})


@pytest.mark.parametrize(
    "direction",
    [(-1, 0, 0, 0, -1, 0, 0, 0, 1), (0, 0, 1, 0, 1, 0, 1, 0, 0), (0, 1, 0, 0, 0, -1, 1, 0, 0)],
)
def test_axes_in_any_order_and_direction(tmp_path, direction):
    values = labels()
    path = write(tmp_path / "x.nii.gz", values, direction)
    index = np.argwhere(values == 1)[:, ::-1] * (0.5, 0.6, 0.8)
    expected = index @ np.reshape(direction, (3, 3)).T + (-10.0, 5.0, 100.0)
    mask = read_labels(path, {1: "C1"}).masks["C1"]
    assert corners(mask) == pytest.approx([*expected.min(axis=0), *expected.max(axis=0)], abs=1e-4)


def test_a_folder_of_masks_is_named_by_its_files(tmp_path):
    values = labels()
    write(tmp_path / "vertebrae_C1.nii.gz", (values == 1).astype(np.uint8))
    write(tmp_path / "spinal_cord.nii.gz", (values == 44).astype(np.uint8))
    write(tmp_path / "liver.nii.gz", (values == 2).astype(np.uint8))
    write(tmp_path / "vertebrae_C2.nii.gz", np.zeros_like(values))  # not in the picture
    found = read_labels(tmp_path, wanted=lambda name: name != "liver")
    assert set(found.masks) == {"vertebrae_C1", "spinal_cord"}
    assert found.skipped == ("liver",)


def test_segments_of_slicer_before_and_after_layers(tmp_path):
    values = labels()
    path = tmp_path / "x.seg.nrrd"
    image = sitk.GetImageFromArray(values)
    image.SetMetaData("Segment0_Name", "C1")
    image.SetMetaData("Segment0_LabelValue", "1")
    image.SetMetaData("Segment0_Layer", "0")
    image.SetMetaData("Segment1_Name", "spinal cord")
    image.SetMetaData("Segment1_LabelValue", "44")
    image.SetMetaData("Segment1_Layer", "0")
    sitk.WriteImage(image, str(path))
    found = read_labels(path).masks
    assert {n: int(m.values.sum()) for n, m in found.items()} == {
        "C1": int((values == 1).sum()),
        "spinal cord": int((values == 44).sum()),
    }
    layered = np.stack([values == 1, values > 0], axis=-1).astype(np.uint8)
    image = sitk.GetImageFromArray(layered, isVector=True)
    image.SetMetaData("Segment0_Name", "C1")
    image.SetMetaData("Segment1_Name", "all")  # overlaps
    sitk.WriteImage(image, str(path))
    found = read_labels(path).masks
    assert int(found["all"].values.sum()) == int((values > 0).sum())


@pytest.mark.parametrize("step", [1e-9, 1e-5, 1e5, 1e300])
@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz"])
def test_voxels_that_no_scan_has_are_refused(tmp_path, step, suffix, recwarn):
    image = sitk.GetImageFromArray(labels())
    path = tmp_path / f"x{suffix}"
    sitk.WriteImage(image, str(path))
    if suffix == ".nrrd":
        head, middle, rest = path.read_bytes().partition(b"\n\n")
        lines = [line for line in head.split(b"\n") if not line.startswith(b"space directions")]
        vectors = f"space directions: ({step},0,0) (0,{step},0) (0,0,{step})".encode()
        path.write_bytes(b"\n".join([*lines, vectors]) + middle + rest)
    else:
        data = bytearray(gzip.decompress(path.read_bytes()))
        step = min(step, 1e38)
        for row, axis in enumerate(range(3)):
            struct.pack_into("<f", data, 280 + 16 * row + 4 * axis, step)
        struct.pack_into("<h", data, 254, 1)
        struct.pack_into("<h", data, 252, 0)
        path.write_bytes(gzip.compress(bytes(data)))
    with pytest.raises(InputError, match=r"no valid directions|no scan has|gives neither"):
        read_labels(path, {1: "C1", 2: "C2", 44: "spinal cord"})
    assert not list(recwarn)


def test_a_scan_is_no_label_map(tmp_path):
    noise = np.random.default_rng(0).integers(-1000, 2000, (10, 20, 20)).astype(np.int16)
    with pytest.raises(InputError, match="this is a scan"):
        read_labels(write(tmp_path / "x.nii.gz", noise))
    with pytest.raises(InputError, match="floating-point numbers"):
        read_labels(write(tmp_path / "x.nrrd", noise.astype(np.float32) + 0.5))
    with pytest.raises(InputError, match="all its labels are 0"):
        read_labels(write(tmp_path / "y.nii.gz", np.zeros((5, 6, 7), np.uint8)))


def test_cut_off_files_are_refused(tmp_path):
    path = write(tmp_path / "x.nrrd", labels())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="is cut off"):
        read_labels(path, "verse")


def test_names_in_a_damaged_header_are_none(tmp_path):
    path = tmp_path / "x.nii.gz"
    path.write_bytes(b"\x1f\x8b\x00\x00")
    assert names_in_nifti(path) is None
    with gzip.open(path, "wb") as file:
        file.write(struct.pack("<i", 348) + bytes(400))
    assert names_in_nifti(path) is None


def scan_and_bone():
    """A scan with one bone of 400 HU, and its label."""
    values = np.full((60, 40, 40), 30, np.int16)
    values[25:35, 15:25, 15:25] = 400
    return Volume(values, np.eye(4)), cut_mask("C2", values == 400, np.eye(4))


@pytest.mark.parametrize("shift", [-12.0, 0.0, 15.0, 200.0])
def test_a_shift_against_the_scan_is_found(shift):
    volume, bone = scan_and_bone()
    matrix = bone.model_from_voxel.copy()
    matrix[2, 3] += shift
    moved = type(bone)(bone.name, bone.values, matrix)
    found = compare_with_scan([moved], volume)
    assert found.agrees == (shift == 0.0)
    assert found.shift == (None if shift == 0.0 else pytest.approx(-shift))


def test_totalsegmentator_names_its_labels():
    folder = reference_data("ct", "abdomen-totalseg")
    path = folder / "example_seg_fast_force_split.nii.gz"
    named = read_labels(path).masks
    numbered = read_labels(path, "totalsegmentator").masks
    assert len(named) == 61
    assert {"vertebrae_L1", "vertebrae_T11", "spinal_cord"} <= set(numbered) <= set(named)
    for name, mask in numbered.items():
        assert np.array_equal(mask.values, named[name].values)


def test_a_real_pair_that_lies_246_mm_apart():
    folder = reference_data("ct", "abdomen-totalseg")
    volume = read_volume(folder / "example_ct.nii.gz").volume
    masks = read_labels(folder / "example_seg_realigned.nii.gz", "totalsegmentator").masks
    bones = [mask for name, mask in masks.items() if name.startswith("vertebrae")]
    assert compare_with_scan(bones, volume).agrees
    lower = []
    for mask in bones:
        matrix = mask.model_from_voxel.copy()
        matrix[2, 3] -= 246.0
        lower.append(type(mask)(mask.name, mask.values, matrix))
    found = compare_with_scan(lower, volume)
    assert not found.agrees
    assert found.shift == pytest.approx(246.0, abs=3.0)


def test_verse_numbers_and_permuted_axes():
    folder = reference_data("ct", "verse-tptbox-labels")
    masks = read_labels(folder / "sub-verse004_seg-vert_msk.nii.gz", "verse").masks
    assert list(masks) == [f"vertebra {k}" for k in LEVELS]
    heights = [mask.centres()[:, 2].mean() for mask in masks.values()]
    assert heights == sorted(heights, reverse=True)  # from the head downwards


@pytest.mark.parametrize("size", ["24x38x3", "23x38x3"])
def test_dicom_seg_and_nrrd_of_the_same(size):
    folder = reference_data("dicom", "seg-rtstruct", "dcmqi", size)
    seg = read_labels(folder / "seg" / "label.seg").masks["Liver"]
    nrrd = read_labels(folder / "nrrd" / "label.nrrd").masks["label"]
    assert seg.volume == pytest.approx(nrrd.volume)
    assert corners(seg) == pytest.approx(corners(nrrd), abs=1e-3)


def test_overlapping_dicom_segments():
    folder = reference_data("dicom", "seg-rtstruct", "dcmqi")
    masks = read_labels(folder / "partial_overlaps.dcm").masks
    assert set(masks) == {"GREEN", "ORANGE", "PURPLE", "LIGHT_BLUE", "DARK_BLUE"}
    parts = [read_labels(folder / f"partial_overlaps-{k}.nrrd", {n: str(n) for n in range(1, 99)})
             for k in (1, 2, 3)]  # fmt: skip
    expected = sorted(mask.volume for part in parts for mask in part.masks.values())
    assert sorted(mask.volume for mask in masks.values()) == pytest.approx(expected)


def test_other_dicom_is_refused():
    folder = reference_data("dicom", "seg-rtstruct", "highdicom")
    with pytest.raises(InputError, match="is not a DICOM SEG"):
        read_labels(folder / "ct_image.dcm")
    with pytest.raises(InputError, match="give one of them"):
        read_labels(folder)
