"""Every finding and every problem has its sentence; what a user sees after reading."""

from typing import get_args

import numpy as np
import pytest

from nav.reconstruction.reading import (
    Finding,
    FindingCode,
    SeriesInfo,
    describe,
    describe_problem,
    describe_series,
    read_volume,
    sentence,
)
from nav.reconstruction.reading.sentences import PROBLEMS
from phantoms.twin.ct_write import write_volume
from tests.reconstruction.dicom_writer import make_series, scene_for, write_series

FACTS = {
    "bits_reinterpreted": {"count": 5},
    "clipped_values": {"count": 5},
    "coarse_values": {"step": 16.0},
    "damaged_files": {"count": 1, "first": "a.dcm", "why": "its header is cut off"},
    "different_duplicates": {"count": 1},
    "identical_duplicates": {"count": 2},
    "inverted_grey": {},
    "lateral_offsets": {"largest": 1.234},
    "layout_corrected": {"count": 5},
    "localisers_left_out": {"count": 1},
    "lossy": {"count": 3, "of": 9, "how": "JPEG-LS near-lossless"},
    "missing_slices": {"count": 2, "after": 40, "axis": "z", "place": 12.0, "length": 1.8},
    "no_rescale": {},
    "no_soft_tissue": {},
    "not_finite": {"count": 3},
    "oblique": {"degrees": 12.3},
    "order_contradicts": {"count": 2},
    "orientation_contradicts": {"stated": "LPI", "used": "LPS"},
    "orientation_varies": {"degrees": 0.04},
    "other_files": {"others": 1, "without_pictures": 2},
    "other_slices": {"count": 3},
    "outside_set_to_air": {"share": 0.123},
    "qform_disagrees": {"distance": 7.0},
    "rescale_filled": {"count": 2, "of": 40},
    "rounded_positions": {"step": 0.625},
    "series_chosen": {"name": "5", "count": 3, "suitable": 2, "reason": "thinnest"},
    "several_volumes": {"count": 2, "name": "5.1"},
    "sheared": {"degrees": 12.0},
    "shifted_values": {"offset": -1024},
    "slices_apart": {"thickness": 1.0, "step": 2.0},
    "tilt": {"degrees": 18.5},
    "tilt_contradicts": {"stated": 15.0, "found": 0.0},
    "unclear_values": {"low": 0, "high": 70},
    "uneven_steps": {"least": 1.08, "most": 7.0, "step": 4.0},
    "unit_assumed": {},
    "unit_converted": {"unit": "µm"},
}


def test_every_code_is_spoken_of():
    assert set(FACTS) == set(get_args(FindingCode))


@pytest.mark.parametrize("code", get_args(FindingCode))
def test_sentence(code):
    line = sentence(Finding(code, FACTS[code]))
    assert line
    assert not set("{}\n") & set(line)
    for value in FACTS[code].values():
        if isinstance(value, str) and code != "series_chosen" and len(value) > 1:
            assert value in line


def test_sentences_as_they_are_read():
    said = {code: sentence(Finding(code, facts)) for code, facts in FACTS.items()}
    assert said["missing_slices"] == (
        "2 slices missing after slice 40 (z = 12.0 mm, 1.8 mm not measured): interpolated"
    )
    assert said["shifted_values"] == "values are HU - 1024: corrected"
    assert said["other_files"] == (
        "1 file that is not DICOM and 2 DICOM files without images left out"
    )
    assert said["uneven_steps"] == (
        "steps between slices from 1.08 to 7.00 mm: resampled to 4.00 mm"
    )


@pytest.mark.parametrize("code", [*PROBLEMS, "not_ct:MR", "not_ct:unknown"])
def test_every_problem_is_spoken_of(code):
    assert "\n" not in describe_problem(code)


def test_lines_after_reading(tmp_path):
    series = make_series(np.delete(0.9 * np.arange(50), [20]), np.radians(12.0))
    write_series(tmp_path, series, scene_for(series))
    seen = []
    result = read_volume(tmp_path, progress=lambda what, share: seen.append((what, share)))
    lines = describe(result)
    assert lines[0] == (
        "series 3: CT, 49 slices of 100 x 96, 0.7 x 0.8 x 0.9 mm, 44 mm long, kernel B30f"
    )
    assert lines[1].startswith("volume of 100 x 108 x 50 voxels of 0.700 x 0.800 x 0.900 mm")
    assert lines[2] == "gantry tilt 12.0°: resampled"
    assert any(line.startswith("1 slice missing after slice 20 ") for line in lines)
    for what in ("reading headers", "decoding slices", "resampling"):
        shares = [share for name, share in seen if name == what]
        assert shares == sorted(shares)
        assert 0.0 <= shares[0] <= shares[-1] <= 1.0


def test_series_of_which_little_is_known():
    info = SeriesInfo("1", "", 1, (0, 0), (0.0, 0.0, 0.0), 0.0, problem="no_position")
    assert describe_series(info) == "unknown kind, 1 slice of 0 x 0"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha"])
def test_volumes_of_the_twin(tmp_path, suffix):
    random = np.random.default_rng(0)
    values = random.choice([-1000, 40, 60, 900], (7, 9, 8)).astype(np.int16)
    origin, spacing = np.array([-3.0, 4.0, 50.0]), np.array([0.4, 0.5, 0.6])
    path = tmp_path / f"ct{suffix}"
    write_volume(path, values, origin, spacing)
    volume = read_volume(path).volume
    assert np.array_equal(volume.values, values)
    assert volume.origin == pytest.approx(origin, abs=1e-5)
    assert volume.spacing == pytest.approx(spacing, abs=1e-6)
