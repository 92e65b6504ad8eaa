"""Landmarks in series that are tilted, uneven, incomplete or oblique are where they were."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nav.reconstruction.reading import Finding, ReadResult, read_volume, sentence
from nav.reconstruction.reading.assembly import assemble
from nav.reconstruction.reading.placement import place
from nav.reconstruction.reading.regular import shift_pixels
from tests.reconstruction.dicom_writer import Scene, Series, make_series, scene_for, write_series
from tests.reconstruction.landmarks import landmark_errors

LARGEST = 0.05  # mm
EVEN = 0.9 * np.arange(56)
FINE = 0.6 * np.arange(80)
UNEVEN = np.cumsum(np.random.default_rng(1).uniform(0.7, 1.3, 50))
STEPPED = np.append(np.arange(25.0), 24.0 + 2.0 * np.arange(1, 14))
FEW = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking writes series for minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check_grid(result: ReadResult) -> None:
    """The volume's promise: perpendicular, right-handed, to the left, to posterior, upwards."""
    directions = result.volume.model_from_voxel[:3, :3] / result.volume.spacing
    assert directions.T @ directions == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(directions) == pytest.approx(1.0)
    # no grid is more than 62.8 degrees from the axes if these are named after the nearest
    assert np.trace(directions) >= 1.0 + 2.0 * np.cos(np.radians(62.9))


def read_balls(tmp_path, series: Series, seed: int = 0) -> tuple[ReadResult, np.ndarray]:
    scene = scene_for(series, seed)
    write_series(tmp_path, series, scene, seed=seed)
    result = read_volume(tmp_path)
    return result, landmark_errors(result.volume, scene)


def codes(result: ReadResult) -> set[str]:
    return {finding.code for finding in result.findings}


def named(result: ReadResult, code: str) -> Finding:
    return next(finding for finding in result.findings if finding.code == code)


@pytest.mark.parametrize(
    ("name", "heights", "tilt", "expected"),
    [
        ("even", EVEN, 0.0, set()),
        ("tilted 15 degrees", EVEN, 0.2618, {"tilt", "outside_set_to_air"}),
        ("tilted -20 degrees", EVEN, -0.349, {"tilt", "outside_set_to_air"}),
        ("one missing", np.delete(EVEN, 25), 0.0, {"missing_slices"}),
        ("two missing", np.delete(FINE, [40, 41]), 0.0, {"missing_slices"}),
        ("1 mm, then 2 mm", STEPPED, 0.0, {"uneven_steps"}),
        ("uneven", UNEVEN, 0.0, {"uneven_steps"}),
        ("tilted, uneven", UNEVEN, 0.3, {"tilt", "outside_set_to_air", "uneven_steps"}),
    ],
)
def test_landmarks_stay_and_defects_are_named(tmp_path, name, heights, tilt, expected):
    result, errors = read_balls(tmp_path, make_series(heights, tilt), seed=1)
    assert errors.max() <= LARGEST, name
    assert codes(result) == expected
    check_grid(result)


@FEW
@given(
    turned=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    tilt=st.floats(-0.5, 0.5),
    missing=st.sets(st.integers(5, 50), max_size=2),
    seed=st.integers(0, 1000),
)
def test_any_orientation(tmp_path_factory, turned, tilt, missing, seed):
    whole = Rotation.from_rotvec(turned)
    apart = [k for k in sorted(missing) if k + 1 not in missing]
    series = make_series(np.delete(EVEN, apart), tilt, whole)
    result, errors = read_balls(tmp_path_factory.mktemp("series"), series, seed)
    assert errors.max() <= LARGEST
    check_grid(result)


@pytest.mark.parametrize(("step", "missing"), [(0.6, 2), (1.0, 1), (1.0, 2)])
def test_surface_within_a_gap_is_off_by_a_share_of_it(step, missing):
    """A ball that ends somewhere between two slices: nobody can know where exactly."""
    count = int(36 / step)
    first = count // 2
    series = make_series(
        np.delete(step * np.arange(count), range(first, first + missing)), rows=60, columns=60
    )
    gap = series.positions[[first - 1, first], 2]
    worst = 0.0
    for end in np.linspace(*gap, 7):
        scene = Scene(np.array([[0.1, 0.2, end - 5.0]]), body=np.zeros(3))
        values = [np.rint(scene.hounsfield(series.points(k))) for k in range(count - missing)]
        placement = place(series.axes, series.pixel, series.positions)
        volume = assemble(np.array(values, np.int16), placement, "balls").volume
        worst = max(worst, landmark_errors(volume, scene)[0])
    assert worst <= 0.05 * np.ptp(gap)


def test_regular_slices_keep_their_values(tmp_path):
    """Nothing is interpolated where nothing needs to be, whatever the order of the files."""
    series = make_series(EVEN[:12])
    scene = scene_for(make_series(EVEN))
    write_series(tmp_path, series, scene, seed=5)
    volume = read_volume(tmp_path).volume
    assert volume.spacing == pytest.approx([0.7, 0.8, 0.9])
    assert volume.origin == pytest.approx(series.positions[0])
    for k in range(12):
        truth = np.maximum(np.rint(scene.hounsfield(series.points(k))), -1024)
        assert np.abs(volume.values[k] - truth).max() <= 1  # rounded twice


def test_slices_beside_a_gap_keep_their_values(tmp_path):
    series = make_series(np.delete(EVEN, [20, 21]))
    scene = scene_for(make_series(EVEN))
    write_series(tmp_path, series, scene)
    result = read_volume(tmp_path)
    assert len(result.volume.values) == len(EVEN)
    for k, truth in ((19, 19), (22, 20)):
        expected = np.rint(scene.hounsfield(series.points(truth)))
        assert np.abs(result.volume.values[k] - expected).max() <= 1


def test_tilt_and_gap_in_words(tmp_path):
    series = make_series(np.delete(EVEN, [30, 31]), np.radians(18.5))
    result, _ = read_balls(tmp_path, series)
    assert named(result, "tilt").facts["degrees"] == pytest.approx(18.5, abs=1e-3)
    assert sentence(named(result, "tilt")) == "gantry tilt 18.5°: resampled"
    gap = named(result, "missing_slices")
    assert (gap.facts["count"], gap.facts["after"]) == (2, 30)
    # heights 26.1 and 28.8 about the middle 24.75, along the table: 1.35 ... 4.05, over cos(tilt)
    assert sentence(gap).startswith("2 slices missing after slice 30 (z = ")


@pytest.mark.parametrize("turned", [[0, 0, 0], [np.pi, 0, 0], [0, -np.pi / 2, 0]])
def test_unmeasured_planes_are_told(tmp_path, turned):
    """Those of the missing slices and no others, along whichever axis slices were stacked."""
    series = make_series(np.delete(EVEN, [30, 31, 32]), 0.0, Rotation.from_rotvec(turned))
    result, _ = read_balls(tmp_path, series)
    (interval,) = result.unmeasured
    normal = result.volume.model_from_voxel[:3, :3].T @ series.axes[:, 2]
    assert interval.axis == np.abs(normal).argmax()
    assert interval.high - interval.low == pytest.approx(2.7)
    middle = result.volume.spacing[interval.axis] * (
        31 if normal[interval.axis] > 0 else len(EVEN) - 1 - 31
    )
    assert 0.5 * (interval.low + interval.high) == pytest.approx(middle)
    measured = result.measured_planes(interval.axis)
    assert np.count_nonzero(~measured) == 3
    assert all(result.measured_planes(axis).all() for axis in {0, 1, 2} - {interval.axis})


def test_thick_gaps_between_thin_slices(tmp_path):
    """Slices 1 mm thick every 2 mm: half of the volume was never measured."""
    result, _ = read_balls(tmp_path, make_series(2.0 * np.arange(24), thickness=1.0))
    assert named(result, "slices_apart").facts == {"thickness": 1.0, "step": pytest.approx(2.0)}
    assert len(result.unmeasured) == 23
    assert result.unmeasured[0].low == pytest.approx(0.5)
    assert result.unmeasured[0].high == pytest.approx(1.5)


def test_single_slices_off_the_line_are_shifted_back(tmp_path):
    """A field of view that was moved between slices."""
    series = make_series(EVEN)
    moved = series.positions.copy()
    moved[20:35] += 1.37 * series.axes[:, 0] - 2.21 * series.axes[:, 1]
    series = Series(series.axes, moved)
    result, errors = read_balls(tmp_path, series)
    assert errors.max() <= LARGEST
    assert "lateral_offsets" in codes(result)


@pytest.mark.parametrize("missing", [[], [30]])
def test_positions_rounded_to_tenths(tmp_path, missing):
    """Each is off by up to 0.05 mm; the line through all is not, and no slice is blurred."""
    heights = np.delete(0.625 * np.arange(80), missing)
    truth = make_series(heights)
    scene = scene_for(truth, 3)
    rounded = np.round(truth.positions[:, 2], 1) - truth.positions[:, 2]
    assert np.abs(rounded).max() > 0.03

    def change(dataset, k):
        place = [float(x) for x in dataset.ImagePositionPatient]
        dataset.ImagePositionPatient = [*place[:2], round(place[2], 1)]

    write_series(tmp_path, truth, scene, change=change)
    result = read_volume(tmp_path)
    assert landmark_errors(result.volume, scene).max() < 0.02
    assert named(result, "rounded_positions").facts["step"] == pytest.approx(0.625, abs=1e-3)
    assert ("missing_slices" in codes(result)) == bool(missing)
    assert "uneven_steps" not in codes(result)
    expected = np.maximum(np.rint(scene.hounsfield(truth.points(12))), -1024)
    assert np.abs(result.volume.values[12] - expected).max() <= 1


def test_overshoot_of_the_spline_is_bounded(tmp_path):
    """Two steps of very different length would let a cubic spline swing far out between."""
    heights = np.concatenate([np.arange(10) * 1.0, 9.0 + 0.2 + 5.0 * np.arange(8)])
    series = make_series(heights)
    scene = scene_for(make_series(EVEN), balls=1)
    write_series(tmp_path, series, scene)
    values = read_volume(tmp_path).volume.values
    assert values.min() >= -1024
    assert values.max() <= 1000 + 0.15 * 2000 + 1


@given(shift=st.floats(0.0, 7.0), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_shifted_wave_is_the_wave_shifted(shift, seed):
    phase = np.random.default_rng(seed).uniform(0, 6)
    place = np.arange(60)

    def wave(at):
        return np.sin(0.7 * at + phase)

    image = np.repeat(wave(place)[:, None], 3, axis=1).astype(np.float32)
    moved = shift_pixels(image, shift, 70, axis=0)
    inner = np.arange(20, 45)
    assert moved[inner, 1] == pytest.approx(wave(inner - shift), abs=2e-3)
    assert moved[: int(np.floor(shift))] == pytest.approx(0.0)
    across = shift_pixels(image.T, shift, 70, axis=1)
    assert pytest.approx(moved, abs=1e-6) == across.T
