"""Sources whose names or places are doubtful are refused or named; names that no case may hold."""

import shutil

import pytest

from nav.core.errors import InputError
from nav.exchange.case_export import export_case
from nav.exchange.casefolder import write_imported
from nav.exchange.importer import ImportOptions, import_case
from nav.exchange.shared_words import names_in_case
from tests.exchange.small import SHAPES, write_case

SIGMA = ("0.5",)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A case as models, points and a segmentation of coarse voxels."""
    folder = tmp_path_factory.mktemp("exchange")
    export_case(write_case(folder / "case"), folder / "out", ("stl", "mrk.json", "seg.nrrd"), 1.0)
    return folder / "out"


@pytest.fixture
def models(exported, tmp_path):
    """A folder of STL models, with fiducials and a line."""
    folder = tmp_path / "models"
    folder.mkdir()
    for path in [*exported.glob("*.stl"), *exported.glob("*.mrk.json")]:
        shutil.copy(path, folder)
    return folder


def test_a_patients_name_in_all_file_names_is_left_out(models, tmp_path):
    for path in list(models.iterdir()):
        path.rename(models / f"ROE_Jane-1947 {path.name}")
    found = import_case(models, "x", ImportOptions(sigma=SIGMA))
    write_imported(found, tmp_path / "case")
    assert {s.name for s in found.case.structures} == set(SHAPES)
    assert [p.name for p in found.case.plans] == ["plan_left"]
    for path in (tmp_path / "case").rglob("*"):
        assert "ROE" not in path.name
        assert path.is_dir() or b"ROE" not in path.read_bytes()


def test_words_without_which_no_role_is_known_are_kept():
    def names(*given):
        return names_in_case(given)

    assert names("artery left", "artery right") == ["artery left", "artery right"]
    assert names("ROE C1", "ROE skin", "ROE") == ["ROE C1", "ROE skin", "ROE"]
    assert names("Roe_C1", "ROE_C2") == ["C1", "C2"]
    assert names("Roe_C1") == ["Roe_C1"]


def changed_segments(exported, tmp_path, *pairs):
    """The exported segmentation with other words in its header."""
    content = (exported / "segmentation.seg.nrrd").read_bytes()
    for old, new in pairs:
        assert old in content
        content = content.replace(old, new, 1)
    path = tmp_path / "changed.seg.nrrd"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "pair",
    [
        (b"left-posterior-superior", b"right-anterior-superior"),
        (b"Segment0_LabelValue:=1", b"Segment0_LabelValue:=2"),
    ],
)
def test_a_label_map_whose_sides_are_exchanged_is_refused(exported, tmp_path, pair):
    pairs = [pair]
    if b"LabelValue" in pair[0]:
        pairs.append((b"Segment1_LabelValue:=2", b"Segment1_LabelValue:=1"))
    path = changed_segments(exported, tmp_path, *pairs)
    with pytest.raises(InputError, match=r"sides seem to be exchanged .*--space lps"):
        import_case(path, "x", ImportOptions())
    assert import_case(path, "x", ImportOptions(is_ras=False)).case.structures


def test_segments_of_one_label_and_empty_ones_are_named(exported, tmp_path):
    old = b"Segment1_LabelValue:=2"
    path = changed_segments(exported, tmp_path, (old, b"Segment1_LabelValue:=1"))
    with pytest.raises(InputError, match="have the same layer and LabelValue"):
        import_case(path, "x", ImportOptions())
    path = changed_segments(exported, tmp_path, (old, b"Segment1_LabelValue:=99"))
    assert "vertebral artery right (empty)" in import_case(path, "x", ImportOptions()).left_out


def test_vertebrae_in_the_wrong_order_are_named(models):
    (models / "C1.stl").rename(models / "x.stl")
    (models / "C2.stl").rename(models / "C1.stl")
    (models / "x.stl").rename(models / "C2.stl")
    found = import_case(models, "x", ImportOptions(sigma=SIGMA))
    assert any("structure C2: lies above C1" in line for line in found.case.warnings)
