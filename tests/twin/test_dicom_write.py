"""A scan as a DICOM series: what other programs read of it."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from scipy.ndimage import map_coordinates

from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.twin.dicom_write import write_series
from phantoms.twin.scan import simulate_scan
from phantoms.twin.scan_gantry import series_of, tilted_series
from phantoms.twin.scan_parameters import Artefacts, BoneLook, Kernel, ScanParameters, View

CLEAN = Artefacts(0.0, 0.0, 0, 0.0, 0.0)
SCAN = ScanParameters(
    spacing_mm=(0.7, 0.7, 0.9),
    bone=BoneLook(900.0, 3.0, 0.0, 900.0, 0.0),
    kernel=Kernel("sharp", 0.6, 1.5, 1.2),
    view=View(low_mm=-18.0, high_mm=24.0, side_mm=84.0, shift_mm=(9.0, -21.0, -140.0)),
    artefacts=CLEAN,
)


@pytest.fixture(scope="module")
def anatomy():
    return standard_anatomy()


@pytest.fixture(scope="module")
def straight(anatomy, tmp_path_factory):
    series = series_of(simulate_scan(anatomy, SCAN))
    folder = tmp_path_factory.mktemp("dicom")
    return series, write_series(folder, series, 5), folder


@pytest.fixture(scope="module")
def tilted(anatomy, tmp_path_factory):
    series = tilted_series(anatomy, SCAN, 17.0)
    folder = tmp_path_factory.mktemp("tilted")
    write_series(folder, series, 5)
    files = sorted(folder.iterdir())
    read = [pydicom.dcmread(path) for path in files]
    return series, sorted(read, key=lambda d: float(d.ImagePositionPatient[2]))


def test_itk_reads_spacing_place_and_values(straight):
    series, _, folder = straight
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = sitk.ReadImage(names)
    np.testing.assert_allclose(image.GetSpacing(), (0.7, 0.7, 0.9), atol=1e-6)
    np.testing.assert_allclose(image.GetOrigin(), series.positions[0], atol=1e-5)
    np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel(), atol=1e-9)
    assert np.array_equal(sitk.GetArrayFromImage(image), series.values)


def test_files_lie_in_no_order_and_hold_twelve_bits(straight):
    _, paths, _ = straight
    read = [pydicom.dcmread(path) for path in sorted(paths)]
    places = np.array([float(d.ImagePositionPatient[2]) for d in read])
    assert (np.diff(places) > 0).any()
    assert (np.diff(places) < 0).any()
    for d in read:
        assert (d.BitsAllocated, d.BitsStored, d.HighBit) == (16, 12, 11)
        assert float(d.RescaleIntercept) == -1024.0
        assert d.pixel_array.max() < 4096
    assert len({d.SOPInstanceUID for d in read}) == len(read)
    assert len({d.SeriesInstanceUID for d in read}) == 1


def test_the_header_says_how_it_was_taken_and_of_nobody(straight):
    series, paths, _ = straight
    d = pydicom.dcmread(paths[0])
    assert d.SliceThickness == series.parameters.kernel.slice_mm
    assert (d.KVP, d.ConvolutionKernel, d.Modality) == (120, "Br64", "CT")
    assert str(d.PatientName) == d.PatientID == "ANONYMOUS"
    for name in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber"):
        assert not getattr(d, name)


def test_tilted_slices_lean_and_follow_each_other_along_the_table(tilted):
    _, read = tilted
    places = np.array([[float(v) for v in d.ImagePositionPatient] for d in read])
    np.testing.assert_allclose(np.diff(places, axis=0), [[0, 0, 0.9]] * (len(read) - 1), atol=1e-6)
    way = np.array([float(v) for v in read[0].ImageOrientationPatient])
    normal = np.cross(way[:3], way[3:])
    assert np.degrees(np.arccos(normal[2])) == pytest.approx(17.0, abs=1e-4)
    assert read[0].GantryDetectorTilt == 17.0


def test_a_tilted_series_read_by_its_headers_has_c2_where_the_truth_has_it(tilted):
    series, read = tilted
    first = np.array([float(v) for v in read[0].ImagePositionPatient])
    step = np.array([float(v) for v in read[1].ImagePositionPatient]) - first
    way = np.array([float(v) for v in read[0].ImageOrientationPatient])
    down, across = (float(v) for v in read[0].PixelSpacing)
    columns = np.column_stack([step, way[3:] * down, way[:3] * across])
    values = np.array([d.pixel_array * float(d.RescaleSlope) - 1024.0 for d in read])
    v = series.truth.structure("C2").vertices

    def shown(points):
        at = np.linalg.solve(columns, (points - first).T)
        inside = np.all((at > 2) & (at < np.array(values.shape)[:, None] - 3), axis=0)
        return map_coordinates(values, at[:, inside], order=1)

    on = shown(v)
    # half way between bone and what lies around, everywhere: the spread is least where it is true
    assert np.median(on) == pytest.approx(440.0, abs=60.0)
    for axis in range(3):
        for off in (-0.7, 0.7):
            moved = v.copy()
            moved[:, axis] += off
            assert shown(moved).std() > on.std()


def test_the_field_of_view_of_a_tilted_series_is_its_slices(tilted):
    series, _ = tilted
    seen = {s.name: s.seen for s in series.truth.structures}
    assert seen["C6"] == "no"
    assert seen["skin"] == "cut"


def test_another_seed_gives_other_names_and_identifiers(straight, tmp_path):
    series, paths, _ = straight
    short = replace(series, values=series.values[:3], positions=series.positions[:3])
    again = write_series(tmp_path, short, 6)
    assert not {p.name for p in again} & {p.name for p in paths}
    assert (
        pydicom.dcmread(again[0]).SeriesInstanceUID != pydicom.dcmread(paths[0]).SeriesInstanceUID
    )
