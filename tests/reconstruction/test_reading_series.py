"""Which slices make a volume: series, copies, phases, localisers, frames, and the choice."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from nav.cli import main
from nav.core.errors import InputError
from nav.reconstruction.reading import describe, describe_problem, list_series, read_volume
from tests.reconstruction.dicom_writer import make_series, scene_for, write_enhanced, write_series
from tests.reconstruction.landmarks import landmark_errors

EVEN = make_series(0.9 * np.arange(50))
SCENE = scene_for(EVEN, 2)
OTHER = scene_for(EVEN, 3)


def codes(result):
    return {finding.code for finding in result.findings}


def fact(result, code, key):
    return next(f for f in result.findings if f.code == code).facts[key]


def holds(result, scene):
    return landmark_errors(result.volume, scene).max() < 0.05


def test_the_same_files_twice(tmp_path):
    for name in ("a", "b/c"):
        write_series(tmp_path / name, EVEN, SCENE, series_uid="1.2.3", change=_numbered("1.2"))
    result = read_volume(tmp_path)
    assert len(result.volume.values) == 50
    assert fact(result, "identical_duplicates", "count") == 50
    assert holds(result, SCENE)


def _numbered(prefix):
    def change(dataset, k):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{prefix}.{k + 1}"

    return change


def test_copies_under_new_names_are_told_by_their_pixels(tmp_path):
    write_series(tmp_path, EVEN, SCENE, series_uid="1.2.3")
    part = replace(EVEN, positions=EVEN.positions[10:14])
    write_series(tmp_path, part, SCENE, series_uid="1.2.3", first=80)
    result = read_volume(tmp_path)
    assert fact(result, "identical_duplicates", "count") == 4
    assert len(result.volume.values) == 50


def test_all_slices_with_one_instance_uid_are_kept(tmp_path):
    """Some programs that remove names give all slices the same UID."""

    def change(dataset, k):
        dataset.SOPInstanceUID = "1.2.3.4"

    write_series(tmp_path, EVEN, SCENE, change=change)
    result = read_volume(tmp_path)
    assert len(result.volume.values) == 50
    assert not codes(result)


def test_a_few_slices_made_again_with_other_values(tmp_path):
    write_series(tmp_path, EVEN, SCENE, series_uid="1.2.3")
    part = replace(EVEN, positions=EVEN.positions[10:14])
    write_series(tmp_path, part, OTHER, series_uid="1.2.3", first=80)
    result = read_volume(tmp_path)
    assert fact(result, "different_duplicates", "count") == 4
    assert holds(result, SCENE)  # the first ones are kept


@pytest.mark.parametrize("told_by", ["TemporalPositionIdentifier", "AcquisitionNumber", None])
def test_phases_are_separate_volumes(tmp_path, told_by):
    for phase, scene in ((1, SCENE), (2, OTHER)):

        def change(dataset, k, phase=phase):
            if told_by:
                setattr(dataset, told_by, phase)

        write_series(
            tmp_path, EVEN, scene, series_uid="1.2.3", first=1 + 50 * (phase - 1), change=change
        )
    assert [info.name for info in list_series(tmp_path)] == ["3.1", "3.2"]
    assert all(info.slices == 50 for info in list_series(tmp_path))
    first = read_volume(tmp_path)
    assert fact(first, "several_volumes", "count") == 2
    assert holds(first, SCENE)
    assert holds(read_volume(tmp_path, series="3.2"), OTHER)
    assert holds(read_volume(tmp_path, series="3"), SCENE)


def test_two_reconstructions_between_each_other_are_separate(tmp_path):
    """Interleaved positions look like one uneven stack; the acquisition tells them apart."""
    between = replace(EVEN, positions=EVEN.positions + 0.3 * EVEN.axes[:, 2])
    for n, (series, scene) in enumerate(((EVEN, SCENE), (between, OTHER))):

        def change(dataset, k, n=n):
            dataset.AcquisitionNumber = n + 1

        write_series(tmp_path, series, scene, series_uid="1.2.3", first=1 + 60 * n, change=change)
    assert [info.spacing[2] for info in list_series(tmp_path)] == pytest.approx([0.9, 0.9])
    assert holds(read_volume(tmp_path), SCENE)


def test_parts_far_apart_are_separate(tmp_path):
    far = replace(EVEN, positions=EVEN.positions[:20] + np.array([0, 0, 200.0]))
    write_series(tmp_path, EVEN, SCENE, series_uid="1.2.3")
    write_series(tmp_path, far, SCENE, series_uid="1.2.3", first=60)
    assert [info.slices for info in list_series(tmp_path)] == [50, 20]
    assert len(read_volume(tmp_path).volume.values) == 50


def test_localiser_of_the_same_series_is_left_out(tmp_path):
    write_series(tmp_path, EVEN, SCENE, series_uid="1.2.3")
    scout = make_series([0.0], turned=Rotation.from_rotvec([np.pi / 2, 0, 0]), rows=120)

    def change(dataset, k):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    write_series(tmp_path, scout, SCENE, series_uid="1.2.3", first=99, change=change)
    rows = list_series(tmp_path)
    assert sorted(info.problem or "" for info in rows) == ["", "localiser"]
    result = read_volume(tmp_path)
    assert fact(result, "localisers_left_out", "count") == 1
    assert holds(result, SCENE)


def test_series_are_listed_without_a_folder_for_a_case(tmp_path, capsys):
    write_series(tmp_path / "thin", EVEN, SCENE, number=5)
    for given, code in ((["--list"], 0), ([], 2)):
        with pytest.raises(SystemExit) as end:
            main(["reconstruct", str(tmp_path), *given])
        assert (end.value.code or 0) == code
    told = capsys.readouterr()
    assert "50" in told.out
    assert "--output: missing; give the folder" in told.err


def test_best_series_and_its_reason(tmp_path):
    thick = make_series(3.0 * np.arange(16), thickness=3.0)

    def not_ct(dataset, k):
        dataset.Modality = "MR"

    write_series(tmp_path / "thick", thick, SCENE, number=2)
    write_series(tmp_path / "thin", EVEN, SCENE, number=5)
    write_series(tmp_path / "mr", EVEN, SCENE, number=7, change=not_ct)
    (tmp_path / "notes.txt").write_text("nothing")
    rows = list_series(tmp_path)
    assert [(r.name, r.suitable) for r in rows] == [("2", True), ("5", True), ("7", False)]
    assert describe_problem(rows[2].problem) == "not a CT (modality MR)"
    result = read_volume(tmp_path)
    assert result.series.name == "5"
    assert fact(result, "series_chosen", "reason") == "thinnest"
    assert fact(result, "other_files", "others") == 1
    assert "series 5 of 3 taken: thinnest slices (2 suitable)" in "\n".join(describe(result))
    assert read_volume(tmp_path, series="2").series.spacing[2] == pytest.approx(3.0)
    with pytest.raises(InputError, match=r"series 7 cannot be read.*MR"):
        read_volume(tmp_path, series="7")
    with pytest.raises(InputError, match=r"no series 4; there are 2, 5, 7"):
        read_volume(tmp_path, series="4")


def test_contrast_decides_between_equals(tmp_path):
    def contrast(dataset, k):
        dataset.ContrastBolusAgent = "agent"

    write_series(tmp_path / "a", EVEN, SCENE, number=2)
    write_series(tmp_path / "b", EVEN, OTHER, number=3, change=contrast)
    result = read_volume(tmp_path)
    assert (result.series.name, result.series.contrast) == ("3", True)
    assert fact(result, "series_chosen", "reason") == "contrast"


def test_two_series_of_one_number(tmp_path):
    write_series(tmp_path / "a", EVEN, SCENE)
    write_series(tmp_path / "b", make_series(3.0 * np.arange(9)), SCENE)
    assert sorted(info.name for info in list_series(tmp_path)) == ["3.1", "3.2"]


@pytest.mark.parametrize("gap", [False, True])
def test_enhanced_multi_frame(tmp_path, gap):
    series = replace(EVEN, positions=np.delete(EVEN.positions, [20], axis=0)) if gap else EVEN
    series = make_series(np.delete(0.9 * np.arange(50), [20] if gap else []), 0.2)
    order = np.random.default_rng(0).permutation(len(series.positions))
    scene = scene_for(make_series(0.9 * np.arange(50), 0.2), 4)
    write_enhanced(tmp_path / "one.dcm", series, scene, order.tolist())
    for source in (tmp_path, tmp_path / "one.dcm"):
        result = read_volume(source)
        assert landmark_errors(result.volume, scene).max() < 0.05
        assert len(result.volume.values) == 50
        assert ("missing_slices" in codes(result)) == gap


def test_without_preamble_and_nested(tmp_path):
    paths = write_series(tmp_path / "a" / "b", EVEN, SCENE)
    for path in paths:
        path.write_bytes(path.read_bytes()[132:])
    result = read_volume(tmp_path)
    assert holds(result, SCENE)


@pytest.mark.parametrize("implicit", [False, True])
def test_without_any_file_header(tmp_path, implicit):
    """Datasets as they go over a network, stored bare."""
    for path in write_series(tmp_path, EVEN, SCENE):
        dataset = dcmread(path)
        bare = Dataset({e.tag: e for e in dataset})
        dcmwrite(path, bare, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
        assert path.read_bytes()[:2] == b"\x08\x00"
    assert holds(read_volume(tmp_path), SCENE)


def test_dicomdir_leads_to_its_folder(tmp_path):
    write_series(tmp_path / "images", EVEN, SCENE)
    path = next((tmp_path / "images").iterdir())
    directory = dcmread(path)
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    directory.save_as(tmp_path / "DICOMDIR")
    result = read_volume(tmp_path / "DICOMDIR")
    assert holds(result, SCENE)
    assert fact(result, "other_files", "without_pictures") == 1


def test_slice_made_again_almost_at_the_same_place(tmp_path):
    write_series(tmp_path, EVEN, SCENE, series_uid="1.2.3")
    again = replace(EVEN, positions=EVEN.positions[[20]] + 0.03 * EVEN.axes[:, 2])
    write_series(tmp_path, again, OTHER, series_uid="1.2.3", first=90)
    result = read_volume(tmp_path)
    assert fact(result, "different_duplicates", "count") == 1
    assert len(result.volume.values) == 50
    assert holds(result, SCENE)


def test_slices_of_another_size_are_left_out_and_told(tmp_path):
    write_series(tmp_path, EVEN, SCENE, series_uid="1.2.3")
    smaller = replace(EVEN, positions=EVEN.positions[[20]], rows=64, columns=64)
    write_series(tmp_path, smaller, SCENE, series_uid="1.2.3", first=90)
    result = read_volume(tmp_path)
    assert fact(result, "other_slices", "count") == 1
    assert holds(result, SCENE)


def test_slices_turned_a_little_are_another_stack(tmp_path):
    turned = make_series(0.9 * np.arange(30), turned=Rotation.from_rotvec([0.02, 0, 0]))
    uid = generate_uid()
    write_series(tmp_path, EVEN, SCENE, series_uid=uid)
    write_series(tmp_path, turned, SCENE, series_uid=uid, first=90)
    assert [info.slices for info in list_series(tmp_path)] == [50, 30]


def test_header_that_tells_another_tilt(tmp_path):
    def change(dataset, k):
        dataset.GantryDetectorTilt = 15.0

    write_series(tmp_path, EVEN, SCENE, change=change)
    result = read_volume(tmp_path)
    assert fact(result, "tilt_contradicts", "stated") == pytest.approx(15.0)
    assert holds(result, SCENE)
