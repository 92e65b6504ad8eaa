"""Headers that contradict the pixels, the patient or each other: corrected and said, or refused."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from rich.console import Console

from nav.core.errors import InputError
from nav.reconstruction.case_files import origin_table
from nav.reconstruction.reading import describe, list_series, read_volume
from nav.reconstruction.reading import headers as reading_headers
from nav.reconstruction.reading.hounsfield import check_values
from nav.reconstruction.reconstruct_command import show_series
from tests.reconstruction.dicom_writer import make_series, scene_for, set_pixels, write_series
from tests.reconstruction.test_reading_values import neck

LONG = make_series(0.9 * np.arange(40))
SCENE = scene_for(LONG, 2)
SERIES = replace(LONG, positions=LONG.positions[17:25])
TRUTH = np.array([np.rint(SCENE.hounsfield(SERIES.points(k))) for k in range(8)]).astype(int)


def codes(result):
    return {finding.code for finding in result.findings}


def storing(values, **elements):
    """A change of a dataset: pixels stored as they are, and elements of the header."""

    def change(dataset, k):
        set_pixels(dataset, values[k].astype(np.int32))
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    return change


def write(folder, change, **options):
    write_series(folder, SERIES, SCENE, change=change, **options)


def test_slices_without_scale_have_that_of_the_others(tmp_path):
    def change(dataset, k):
        if k % 3 == 0:
            del dataset.RescaleSlope, dataset.RescaleIntercept

    write(tmp_path, change)
    result = read_volume(tmp_path)
    assert np.array_equal(result.volume.values, TRUTH)
    assert codes(result) == {"rescale_filled"}


def test_no_scale_is_guessed_where_those_of_the_others_differ(tmp_path):
    def change(dataset, k):
        set_pixels(dataset, (TRUTH[k] + 1024 + 8 * (k % 2)).astype(np.int32))
        dataset.RescaleIntercept = -1024 - 8 * (k % 2)
        if k == 4:
            del dataset.RescaleSlope, dataset.RescaleIntercept

    write(tmp_path, change)
    with pytest.raises(InputError, match="1 of 8 slices have no rescale slope and intercept"):
        read_volume(tmp_path)


@pytest.mark.parametrize("intercept", [0, None])
def test_scale_that_is_not_that_of_the_pixels(tmp_path, intercept):
    """Half of the slices say an intercept of 0, or none, and hold values with and without it."""

    def change(dataset, k):
        if k >= 4 and intercept is None:
            del dataset.RescaleIntercept, dataset.RescaleSlope
            set_pixels(dataset, TRUTH[k].astype(np.int32))
            dataset.PixelRepresentation = 1
        elif k >= 4:
            dataset.RescaleIntercept = intercept

    write(tmp_path, change)
    with pytest.raises(InputError, match=r"jump by 10[0-9]{2} HU after slice 4"):
        read_volume(tmp_path)


@pytest.mark.parametrize(
    ("elements", "mask", "extra"),
    [
        # bone above 1024 HU in the upper half of 12 bits, which a sign takes away
        ({"PixelRepresentation": 1, "RescaleIntercept": -1024}, 0xFFF, 1500),
        # negative values, without their sign
        ({"PixelRepresentation": 0, "RescaleIntercept": 0}, 0xFFF, 0),
        # 16 bits, of which 12 are declared
        ({"PixelRepresentation": 1, "RescaleIntercept": 0}, 0xFFFF, 1500),
    ],
    ids=["sign invented", "sign denied", "bits denied"],
)
def test_bits_that_the_header_denies(tmp_path, elements, mask, extra):
    bright = np.where(TRUTH > 500, extra, 0)
    stored = (TRUTH + bright - elements["RescaleIntercept"]) & mask
    write(tmp_path, storing(stored, BitsStored=12, HighBit=11, **elements))
    result = read_volume(tmp_path)
    assert codes(result) == {"layout_corrected"}
    assert np.array_equal(result.volume.values, TRUTH + bright)


def test_dark_streaks_are_no_reason_to_change_the_sign(tmp_path):
    random = np.random.default_rng(0)
    streak = np.where(random.random(TRUTH.shape) < 0.004, -180.0 * random.random(TRUTH.shape), 0)
    values = np.rint(TRUTH + np.where(TRUTH < -900, streak, 0)).astype(int)
    assert values.min() < -1150
    write(
        tmp_path,
        storing(values + 1024, PixelRepresentation=1, BitsStored=12, HighBit=11),
    )
    result = read_volume(tmp_path)
    assert not codes(result)
    assert np.array_equal(result.volume.values, np.maximum(values, -1024))


def test_tissue_with_the_value_of_padding_is_kept_within_the_image(tmp_path):
    def change(dataset, k):
        stored = np.frombuffer(dataset.PixelData, "<i2").copy().reshape(TRUTH[k].shape)
        stored[:5], stored[-5:], stored[:, :5], stored[:, -5:] = 0, 0, 0, 0
        stored[40:44, 40:44] = 0  # water
        dataset.PixelData = stored.tobytes()
        dataset.add_new(0x00280120, "SS", 0)

    write(tmp_path, change, signed=True, intercept=0.0)
    values = read_volume(tmp_path).volume.values
    assert np.all(values[:, 40:44, 40:44] == 0)
    assert np.all(values[:, :5] == -1024)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_inverted_values_are_refused(tmp_path, photometric):
    change = storing(3000 - TRUTH, PhotometricInterpretation=photometric)
    write(tmp_path, change)
    with pytest.raises(InputError, match="are inverted, air is brightest"):
        read_volume(tmp_path)


def test_a_file_of_inverted_values_is_refused(tmp_path):
    """Symmetric ones, too, in which bone then looks like air."""
    path = tmp_path / "scan.mha"
    sitk.WriteImage(sitk.GetImageFromArray((-TRUTH).astype(np.int16)), str(path))
    with pytest.raises(InputError, match="are inverted, air is brightest"):
        read_volume(path)


@pytest.mark.parametrize(
    ("scale", "offset", "verdict", "has_tissue"),
    [(1.0, 0, "hu", True), (0.6, 500, "unclear", True), (0.1, 0, "unclear", True),
     (1.3, 300, "hu", False)],
)  # fmt: skip
def test_grey_values_on_another_scale(scale, offset, verdict, has_tissue):
    """As of cone-beam CT."""
    values = np.rint(scale * neck(0) + offset).astype(np.int16)
    found = check_values(values)
    assert (found.verdict, found.has_tissue) == (verdict, has_tissue)


@pytest.mark.parametrize("code", ["LPI", "RAI", "RAS"])
@pytest.mark.parametrize("has_matrix", [True, False])
def test_metaimage_whose_letters_contradict_its_directions(tmp_path, code, has_matrix):
    path = tmp_path / "scan.mha"
    sitk.WriteImage(sitk.GetImageFromArray(TRUTH.astype(np.int16)), str(path))
    data = path.read_bytes().replace(b"AnatomicalOrientation = RAI", b"AnatomicalOrientation = %b")
    if not has_matrix:
        data = data.replace(b"TransformMatrix", b"Comment")
    path.write_bytes(data.replace(b"%b", code.encode()))
    said = [line for line in describe(read_volume(path)) if "AnatomicalOrientation" in line]
    assert len(said) == (code != "RAI")
    assert all(f"{code} contradicts TransformMatrix (RAI)" in line for line in said)


def test_nifti_whose_matrices_are_mirror_images(tmp_path):
    path = tmp_path / "scan.nii"
    sitk.WriteImage(sitk.GetImageFromArray(TRUTH.astype(np.int16)), str(path))
    data = bytearray(path.read_bytes())
    data[283] ^= 0x80  # the sign of the sform's first number
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"mirror images.*left and right are unknown"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_volume_without_any_number(tmp_path, suffix):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(np.full((4, 5, 6), np.nan, np.float32)), str(path))
    with pytest.raises(InputError, match="none of its voxels is a number"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_a_file_that_was_compressed_as_a_whole(tmp_path, suffix):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(TRUTH.astype(np.int16)), str(path))
    packed = tmp_path / f"scan{suffix}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputError, match="compressed NRRD or MetaImage; unpack it"):
        read_volume(packed)


def patient(name, **elements):
    def change(dataset, k):
        dataset.PatientID = dataset.PatientName = name
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    return change


def test_scans_of_two_patients_are_not_chosen_between(tmp_path):
    write(tmp_path / "a", patient("ROE^JANE"), number=3)
    write(tmp_path / "b", patient("DOE^JOHN"), number=4)
    with pytest.raises(InputError, match=r"scans of 2 patients \(series 3; series 4\)") as caught:
        read_volume(tmp_path)
    assert "ROE" not in str(caught.value)
    assert read_volume(tmp_path, series="4").series.name == "4"


def test_patients_are_numbered_in_the_table(tmp_path, capsys):
    write(tmp_path / "a", patient("ROE^JANE"), number=3)
    write(tmp_path / "b", patient("DOE^JOHN"), number=4)
    write(tmp_path / "c", patient("ROE^JANE"), number=5)
    assert [row.patient for row in list_series(tmp_path)] == [1, 2, 1]
    show_series(tmp_path, Console(width=200))
    assert "patient" in capsys.readouterr().out
    show_series(tmp_path / "a", Console(width=200))
    said = capsys.readouterr().out
    assert "patient" not in said
    assert "ROE" not in said


def test_patients_are_separate_even_in_one_series(tmp_path):
    write(tmp_path / "a", patient("ROE^JANE"), series_uid="1.2.3")
    upper = replace(SERIES, positions=SERIES.positions + np.array([0.0, 0.0, 7.2]))
    write_series(
        tmp_path / "b", upper, SCENE, change=patient("DOE^JOHN"), series_uid="1.2.3", first=50
    )
    assert [row.slices for row in list_series(tmp_path)] == [8, 8]
    with pytest.raises(InputError, match="scans of 2 patients"):
        read_volume(tmp_path)


def test_slices_of_another_coordinate_system_are_separate(tmp_path):
    def change(dataset, k):
        dataset.FrameOfReferenceUID = f"1.2.{k // 4}"

    write(tmp_path, change)
    assert [row.slices for row in list_series(tmp_path)] == [4, 4]


def test_a_patient_for_each_slice_was_made_up(tmp_path):
    def change(dataset, k):
        dataset.PatientID = f"{k}"
        dataset.FrameOfReferenceUID = f"1.2.{k}"

    write(tmp_path, change)
    assert [row.slices for row in list_series(tmp_path)] == [8]


def test_nothing_of_a_patient_is_in_a_header_that_was_read(tmp_path):
    paths = write_series(tmp_path, SERIES, SCENE, change=patient("ROE^JANE", PatientComments="R"))
    (header,) = reading_headers.read_headers(paths[0])
    assert header.patient
    assert "ROE" not in repr(replace(header, path=header.path.parent))


def test_a_damaged_file_is_named_on_the_screen_only(tmp_path):
    """Its name is often that of the patient."""
    paths = write_series(tmp_path, SERIES, SCENE)
    broken = paths[3].rename(tmp_path / "ROE_JANE.dcm")
    broken.write_bytes(broken.read_bytes()[:150] + b"\xff" * 40)
    result = read_volume(tmp_path)
    assert any("ROE_JANE.dcm" in line for line in describe(result))
    assert "ROE" not in repr(origin_table(result, (), ()))
    assert any("1 file left out" in line for line in origin_table(result, (), ())["findings"])


def test_kernel_with_characters_that_no_case_may_hold(tmp_path):
    def change(dataset, k):
        dataset.ConvolutionKernel = "B3\x1b\t0f\x07"

    write(tmp_path, change)
    assert read_volume(tmp_path).series.kernel == "B30f"


@pytest.mark.parametrize("upwards", [True, False])
@pytest.mark.parametrize("error", ["exchanged", "location", None])
def test_a_position_that_its_number_or_location_contradicts(tmp_path, upwards, error):
    """Two slices exchanged, or one beside its place, look like an even series."""
    heights = SERIES.positions[:, 2].copy()
    if error == "exchanged":
        heights[[3, 4]] = heights[[4, 3]]

    def change(dataset, k):
        dataset.InstanceNumber = k + 1 if upwards else 8 - k
        dataset.SliceLocation = 40.0 - SERIES.positions[k, 2]
        dataset.ImagePositionPatient[2] = heights[k]
        if error == "location" and k == 5:
            dataset.SliceLocation += 0.9

    write(tmp_path, change)
    found = [f for f in read_volume(tmp_path).findings if f.code == "order_contradicts"]
    assert len(found) == (error is not None)
    assert all(f.facts["count"] <= 2 for f in found)


def test_slices_numbered_in_any_order_are_no_error(tmp_path):
    order = np.random.default_rng(1).permutation(8)

    def change(dataset, k):
        dataset.InstanceNumber = int(order[k])

    write(tmp_path, change)
    assert not codes(read_volume(tmp_path))
