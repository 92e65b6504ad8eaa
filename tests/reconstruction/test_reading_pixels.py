"""Stored pixels become the Hounsfield units that they stand for, however they are stored."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from nav.core.errors import InputError
from nav.reconstruction.reading import read_volume, sentence
from tests.reconstruction.dicom_writer import (
    make_series,
    scene_for,
    set_pixels,
    stored_values,
    write_series,
)

LONG = make_series(0.9 * np.arange(40))
SCENE = scene_for(LONG, 2)
SERIES = replace(LONG, positions=LONG.positions[17:22])
TRUTH = np.array([np.rint(SCENE.hounsfield(SERIES.points(k))) for k in range(5)])


def codes(result):
    return {finding.code for finding in result.findings}


def named(result, code):
    return next(finding for finding in result.findings if finding.code == code)


def values(folder):
    return read_volume(folder).volume.values


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
        UID("1.2.840.10008.1.2.4.57"),
        UID("1.2.840.10008.1.2.4.70"),
    ],
    ids=lambda syntax: syntax.name,
)
@pytest.mark.parametrize("signed", [False, True])
def test_every_lossless_syntax(tmp_path, syntax, signed):
    intercept = 0.0 if signed else -1024.0
    write_series(
        tmp_path, SERIES, SCENE, syntax=syntax, signed=signed, intercept=intercept, bits=16
    )
    result = read_volume(tmp_path)
    assert np.array_equal(result.volume.values, TRUTH)
    assert not codes(result)


def test_lossy_syntax_is_named(tmp_path):
    write_series(tmp_path, SERIES, SCENE, syntax=JPEGLSNearLossless)
    result = read_volume(tmp_path)
    assert named(result, "lossy").facts["count"] == 5
    assert sentence(named(result, "lossy")).startswith(
        "compressed with loss (JPEG-LS near-lossless"
    )
    assert np.abs(result.volume.values - TRUTH).max() <= 8


def test_lossy_in_the_past_is_named(tmp_path):
    def change(dataset, k):
        dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", 12

    write_series(tmp_path, SERIES, SCENE, change=change)
    assert "ratio 12" in named(read_volume(tmp_path), "lossy").facts["how"]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("signed", [False, True])
def test_twelve_bits_with_other_things_in_the_high_ones(tmp_path, syntax, signed):
    intercept = 1000.0 if signed else -1024.0  # signed: -2048 to 2047

    def change(dataset, k):
        stored = np.frombuffer(dataset.PixelData, "<u2").copy() & 0x0FFF
        stored |= np.random.default_rng(k).integers(0, 16, stored.size).astype(np.uint16) << 12
        dataset.PixelData = stored.tobytes()

    clean = stored_values(TRUTH, 1.0, intercept, 12, signed)
    folder = tmp_path / "series"
    write_series(
        folder, SERIES, SCENE, bits=12, signed=signed, intercept=intercept, syntax=syntax,
        change=change,
    )  # fmt: skip
    assert np.array_equal(values(folder), clean + intercept)


def test_scale_of_each_slice(tmp_path):
    def change(dataset, k):
        dataset.RescaleSlope, dataset.RescaleIntercept = 0.5 + 0.25 * k, -1024 - 10 * k
        set_pixels(
            dataset,
            stored_values(TRUTH[k], 0.5 + 0.25 * k, -1024.0 - 10 * k, 16, False).reshape(
                TRUTH[k].shape
            ),
        )

    write_series(tmp_path, SERIES, SCENE, change=change)
    assert np.abs(values(tmp_path) - TRUTH).max() <= 1


@pytest.mark.parametrize(("signed", "padding"), [(True, -2000), (True, 63536), (False, 0)])
def test_padding_is_air(tmp_path, signed, padding):
    """As it is stored, and as some write a negative one without its sign."""

    def change(dataset, k):
        stored = np.frombuffer(dataset.PixelData, "<u2").copy().reshape(TRUTH[k].shape)
        stored[:9] = padding & 0xFFFF
        dataset.PixelData = stored.tobytes()
        dataset.add_new(0x00280120, "US", padding & 0xFFFF)

    intercept = 0.0 if signed else -1024.0
    write_series(tmp_path, SERIES, SCENE, signed=signed, intercept=intercept, change=change)
    found = values(tmp_path)
    assert np.all(found[:, :9] == -1024)
    assert np.array_equal(found[:, 9:], TRUTH[:, 9:])


def test_padding_value_that_tissue_has(tmp_path):
    """0 HU named as padding, with air in the corners: then it is a value like any other."""

    def change(dataset, k):
        stored = np.frombuffer(dataset.PixelData, "<i2").copy().reshape(TRUTH[k].shape)
        stored[40:44, 40:44] = 0
        dataset.PixelData = stored.tobytes()
        dataset.add_new(0x00280120, "SS", 0)

    write_series(tmp_path, SERIES, SCENE, signed=True, intercept=0.0, change=change)
    assert np.all(values(tmp_path)[:, 40:44, 40:44] == 0)


def test_sign_that_the_header_denies(tmp_path):
    def change(dataset, k):
        dataset.PixelRepresentation = 0

    write_series(tmp_path, SERIES, SCENE, signed=True, intercept=0.0, change=change)
    result = read_volume(tmp_path)
    assert np.array_equal(result.volume.values, TRUTH)
    assert named(result, "bits_reinterpreted").facts["count"] == 5


def test_without_rescale_shifted_values_are_recognised(tmp_path):
    def change(dataset, k):
        del dataset.RescaleSlope, dataset.RescaleIntercept

    write_series(tmp_path, SERIES, SCENE, change=change)
    result = read_volume(tmp_path)
    assert codes(result) == {"no_rescale", "shifted_values"}
    assert np.array_equal(result.volume.values, TRUTH)


def test_grey_levels_far_apart_are_named(tmp_path):
    write_series(tmp_path, SERIES, SCENE, slope=16.0)
    result = read_volume(tmp_path)
    assert named(result, "coarse_values").facts["step"] == 16.0
    assert np.abs(result.volume.values - TRUTH).max() <= 8


def test_damaged_deflated_slice_is_left_out_and_named(tmp_path):
    """Its header is packed with its pixels: it cannot be known what it is."""
    paths = write_series(tmp_path, SERIES, SCENE, syntax=DeflatedExplicitVRLittleEndian)
    paths[2].write_bytes(paths[2].read_bytes()[:-900])
    result = read_volume(tmp_path)
    assert named(result, "damaged_files").facts["first"] == paths[2].name
    assert named(result, "missing_slices").facts["count"] == 1


@pytest.mark.parametrize("how", ["cut", "no pixels", "garbage"])
@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        JPEG2000Lossless,
        RLELossless,
        JPEGLSLossless,
        UID("1.2.840.10008.1.2.4.70"),
    ],
    ids=lambda syntax: syntax.name,
)
def test_damaged_slice_is_named(tmp_path, how, syntax):
    paths = write_series(tmp_path, SERIES, SCENE, syntax=syntax)
    whole = paths[2].read_bytes()
    start = whole.rindex(b"\xe0\x7f\x10\x00")
    if how == "cut":
        paths[2].write_bytes(whole[: start + (len(whole) - start) // 3])
    elif how == "no pixels":
        paths[2].write_bytes(whole[:start])
    elif syntax == ExplicitVRLittleEndian:
        pytest.skip("any bytes are pixels")
    else:
        garbage = np.random.default_rng(0).bytes(len(whole) - start - 40)
        paths[2].write_bytes(whole[: start + 40] + garbage)
    with pytest.raises(InputError) as caught:
        read_volume(tmp_path)
    assert str(caught.value).startswith(f"{paths[2]}: ")
    assert "\n" not in str(caught.value)
