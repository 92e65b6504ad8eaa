"""What is no CT volume is refused in one line; nothing of a patient and no warning gets out."""

import logging
import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from nav.core.errors import InputError
from nav.reconstruction.reading import describe, list_series, read_volume
from tests.reconstruction.dicom_writer import (
    SECRETS,
    make_series,
    scene_for,
    set_pixels,
    write_series,
)

EVEN = make_series(0.9 * np.arange(40), rows=40, columns=44, pixel=(1.6, 1.7))
SCENE = scene_for(EVEN, 2)
SHORT = replace(EVEN, positions=EVEN.positions[17:23])


def removed(*keywords):
    def change(dataset, k):
        for keyword in keywords:
            delattr(dataset, keyword)

    return change


def set_to(**elements):
    def change(dataset, k):
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    return change


def eight_bits(dataset, k):
    """A secondary capture: a window of the CT as grey levels."""
    values = np.frombuffer(dataset.PixelData, "<u2").astype(float) - 1024
    set_pixels(dataset, np.clip((values + 160) / 400 * 255, 0, 255).astype(int).reshape(40, 44))
    dataset.RescaleIntercept = 0


def colour(dataset, k):
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = bytes(40 * 44 * 3)
    dataset["PixelData"].VR = "OB"


def encrypted(dataset, k):
    dataset.EncryptedAttributesSequence = []
    del dataset.ImagePositionPatient, dataset.ImageOrientationPatient


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (set_to(Modality="MR"), r"not a CT \(modality MR\)"),
        (set_to(Modality="PT"), r"not a CT \(modality PT\)"),
        (set_to(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "a localiser"),
        (removed("ImageOrientationPatient"), "no slice orientation"),
        (removed("ImagePositionPatient"), "without position"),
        (removed("PixelSpacing"), "no pixel spacing"),
        (set_to(PixelSpacing=[0, 0]), "no pixel spacing"),
        (set_to(ImageOrientationPatient=[1, 0, 0, 0.5, 0.9, 0]), "not perpendicular"),
        (set_to(ImageOrientationPatient=[0, 0, 0, 0, 0, 0]), "not perpendicular"),
        (set_to(ImagePositionPatient=[1, 2, 3]), "all slices at one position"),
        (set_to(ImageType=["DERIVED", "SECONDARY", "MIP"]), "projections"),
        (set_to(RescaleType="Z_EFF"), "another quantity"),
        (encrypted, "encrypted"),
        (colour, "colour images"),
        (eight_bits, "few grey levels, not Hounsfield units"),
        (removed("PixelData"), "has no pixels"),
        (set_to(BitsAllocated=12), "pixels of 12 bits"),
    ],
)
def test_series_that_is_no_ct_volume(tmp_path, change, expected):
    write_series(tmp_path, SHORT, SCENE, change=change)
    with pytest.raises(InputError, match=expected) as caught:
        read_volume(tmp_path)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)
    assert list_series(tmp_path)  # the table says the same, or knows no better


@pytest.mark.parametrize(("count", "expected"), [(1, "a single slice"), (2, "only two slices")])
def test_too_few_slices(tmp_path, count, expected):
    write_series(tmp_path, replace(EVEN, positions=EVEN.positions[:count]), SCENE)
    with pytest.raises(InputError, match=expected):
        read_volume(tmp_path)


def test_one_file_of_a_series(tmp_path):
    path = write_series(tmp_path, EVEN, SCENE)[0]
    with pytest.raises(InputError, match="is a single slice; give the folder"):
        read_volume(path)


def test_size_is_refused_before_memory_is_taken(tmp_path):
    def change(dataset, k):
        dataset.Rows = dataset.Columns = 60_000

    write_series(tmp_path, SHORT, SCENE, change=change)
    with pytest.raises(InputError, match=r"43\.2 GB; expected at most 4 GB"):
        read_volume(tmp_path)


def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "scan.nii")
    with pytest.raises(InputError, match="device or pipe"):
        read_volume(tmp_path / "scan.nii")


def test_sparse_series_does_not_grow_without_bound(tmp_path):
    """Very fine and very coarse steps in one series."""
    heights = np.concatenate([0.01 * np.arange(20), 0.2 + 3.0 * np.arange(1, 8)])
    series = make_series(heights, rows=40, columns=44, pixel=(1.6, 1.7))
    write_series(tmp_path, series, SCENE)
    assert len(read_volume(tmp_path).volume.values) <= 6 * len(heights) + 1


def test_damaged_header_is_left_out_and_named(tmp_path):
    paths = write_series(tmp_path, EVEN, SCENE)
    paths[20].write_bytes(paths[20].read_bytes()[:150] + b"\xff" * 40)
    result = read_volume(tmp_path)
    facts = {finding.code: finding.facts for finding in result.findings}
    assert facts["damaged_files"]["count"] == 1
    assert facts["damaged_files"]["first"] == paths[20].name
    assert facts["missing_slices"]["after"] == 20


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "has no DICOM files among 0"),
        ({"notes.txt": b"hello hello hello"}, "has no DICOM files among 1"),
        ({"scan.zip": b"PK\x03\x04" + bytes(200)}, "packed archive; unpack it"),
        ({"scan.nii.gz": b"\x1f\x8b" + bytes(200)}, "to read scan.nii.gz, give that file"),
        ({"x.dcm": bytes(128) + b"DICM" + b"\xff" * 300}, "no DICOM slice can be read; x.dcm"),
    ],
)
def test_folder_without_slices(tmp_path, files, expected):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for reading in (read_volume, list_series):
        with pytest.raises(InputError, match=re.escape(expected)):
            reading(tmp_path)


def everything_said(tmp_path, caplog, capfd, *series):
    """Result, lines, table, log and terminal of reading a folder, as one text."""
    said = ""
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        for name in (None, *series):
            try:
                result = read_volume(tmp_path, series=name)
                said += repr(result) + "\n".join(describe(result))
            except InputError as error:
                said += str(error)
        said += repr(list_series(tmp_path))
    terminal = capfd.readouterr()
    assert (terminal.out, terminal.err) == ("", "")
    assert not caught
    return said + caplog.text


@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless, RLELossless, JPEGLSLossless])
def test_nothing_of_the_patient_and_no_warning(tmp_path, caplog, capfd, syntax):
    """Headers against the rules, which libraries like to quote in their warnings."""

    def change(dataset, k):
        dataset.ContrastBolusAgent = SECRETS[0]
        dataset.SeriesNumber = int(SECRETS[2])
        dataset.AcquisitionTime = "111111"
        dataset.InstanceNumber = k

    folder = tmp_path / "scan"
    paths = write_series(
        folder, EVEN, SCENE, change=change, **({} if syntax is None else {"syntax": syntax})
    )
    data = paths[3].read_bytes()
    paths[3].write_bytes(data.replace(b"19470811", b"a b!c/d?"))
    paths[5].write_bytes(data[: len(data) // 2])
    (folder / "broken").write_bytes(data[:700])
    said = everything_said(folder, caplog, capfd, "1")
    for secret in (*SECRETS, "111111"):
        assert secret not in said
    assert not re.search(r"\d+\.\d+\.\d+\.\d+\.\d+", said.replace(str(tmp_path), ""))


def test_settings_of_libraries_are_as_before(tmp_path):
    from pydicom import config

    before = config.settings.reading_validation_mode, logging.getLogger("pydicom").level
    write_series(tmp_path, SHORT, SCENE)
    read_volume(tmp_path)
    with pytest.raises(InputError):
        read_volume(tmp_path / "nothing")
    assert before == (config.settings.reading_validation_mode, logging.getLogger("pydicom").level)
    assert sitk.ProcessObject.GetGlobalWarningDisplay()


FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@FUZZ
@given(
    seed=st.integers(0, 10**6),
    flips=st.integers(1, 40),
    compressed=st.booleans(),
    cut=st.booleans(),
)
def test_any_damage_to_a_dicom_file_gives_one_line_or_a_volume(
    fuzz_series, capfd, seed, flips, compressed, cut
):
    folder, originals = fuzz_series.made[compressed]
    random = np.random.default_rng(seed)
    path = sorted(originals)[int(random.integers(len(originals)))]
    try:
        data = bytearray(originals[path])
        header = bytes(data).rindex(b"\xe0\x7f\x10\x00") + 40
        for place in random.integers(132, header, flips):
            data[place] = random.integers(256)
        path.write_bytes(bytes(data[: random.integers(200, len(data))]) if cut else bytes(data))
        _read_or_one_line(folder)
        assert capfd.readouterr().err == ""
    finally:
        path.write_bytes(originals[path])


class FuzzSeries:
    """Folders with their files' bytes, by whether they are compressed; with a short repr."""

    def __init__(self, made):
        self.made = made


@pytest.fixture(scope="module")
def fuzz_series(tmp_path_factory):
    made = {}
    for compressed in (False, True):
        folder = tmp_path_factory.mktemp("fuzz")
        syntax = {"syntax": JPEG2000Lossless} if compressed else {}
        paths = write_series(folder, SHORT, SCENE, **syntax)
        made[compressed] = (folder, {path: path.read_bytes() for path in paths})
    return FuzzSeries(made)


def _read_or_one_line(source):
    said = ""
    try:
        result = read_volume(source)
        assert np.isfinite(result.volume.model_from_voxel).all()
        lines = describe(result)
    except InputError as error:
        lines = [said := str(error)]
    assert not said or said.startswith(str(source))
    assert all("\n" not in line for line in lines)


@FUZZ
@given(
    seed=st.integers(0, 10**6),
    flips=st.integers(1, 12),
    suffix=st.sampled_from([".nii", ".nii.gz", ".nrrd", ".mha"]),
)
def test_any_damage_to_a_file_gives_one_line_or_a_volume(tmp_path, capfd, seed, flips, suffix):
    path = tmp_path / f"scan{suffix}"
    made = sitk.GetImageFromArray(
        np.random.default_rng(0).choice([-1000, 50, 900], (6, 9, 8)).astype(np.int16)
    )
    sitk.WriteImage(made, str(path))
    capfd.readouterr()
    random = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    for place in random.integers(0, min(len(data), 360), flips):
        data[place] = random.integers(256)
    path.write_bytes(bytes(data))
    _read_or_one_line(path)
    terminal = capfd.readouterr()
    assert (terminal.out, terminal.err) == ("", "")


def test_instance_numbers_and_names_say_nothing(tmp_path):
    """Order comes from positions alone."""
    paths = write_series(tmp_path, EVEN, SCENE, seed=3)
    truth = read_volume(tmp_path).volume
    for k, path in enumerate(paths):
        dataset = dcmread(path)
        dataset.InstanceNumber = (k * 17) % len(paths)
        dataset.save_as(path)
    again = read_volume(tmp_path).volume
    assert np.array_equal(again.values, truth.values)
    assert np.array_equal(again.model_from_voxel, truth.model_from_voxel)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"ElementType = MET_SHORT", b"ElementTipe = MET_SHORT"),
        (b"NDims = 3", b"NDums = 3"),
        (b"TransformMatrix = 1", b"TransformMatrix = x"),
        (b"CompressedData = False", b"CompressedData = True"),
    ],
)
def test_what_compiled_readers_print_is_silenced(tmp_path, before, after):
    """MetaIO writes to both standard streams, some of it only when the process ends."""
    path = tmp_path / "scan.mha"
    values = np.random.default_rng(0).choice([-1000, 50, 900], (6, 9, 8)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    assert before in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(before, after))
    code = (
        "import sys; from pathlib import Path; from nav.core.errors import InputError\n"
        "from nav.reconstruction.reading import read_volume\n"
        "try: read_volume(Path(sys.argv[1]))\n"
        "except InputError: print('refused')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("refused\n", "")
