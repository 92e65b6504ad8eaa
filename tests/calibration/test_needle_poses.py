"""A tool's poses from poses.csv, as tracking writes them and as others might."""

import csv

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.needle.pivot_poses import SYSTEMATIC, load_poses
from nav.cli import main
from nav.core.errors import InputError, Lost
from nav.record.pose_rows import COLUMNS, UPPER
from nav.record.session.session_reader import open_session
from tests.record.example_session import write_example_session


def rows_of(rotations, translations, covariances=None, tool="needle", code=""):
    """Rows as poses.csv has them."""
    result = []
    for k, (matrix, at) in enumerate(zip(rotations, translations, strict=True)):
        row = dict.fromkeys(COLUMNS, "")
        row |= {"frame": k, "time": k / 30, "tool": tool, "status": "tracked", "reason_code": code}
        quaternion = Rotation.from_matrix(matrix).as_quat(canonical=True)
        numbers = (*at, *quaternion)
        row |= dict(zip(("tx", "ty", "tz", "qx", "qy", "qz", "qw"), numbers, strict=True))
        if covariances is not None:
            row |= {f"p{i}{j}": covariances[k][i, j] for i, j in UPPER}
        result.append(row)
    return result


def lost_row(tool="needle"):
    return dict.fromkeys(COLUMNS, "") | {"frame": 0, "tool": tool, "status": "lost"}


def write_rows(path, rows, columns=COLUMNS):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def some(count=5, seed=0):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(count, 6, 6))
    turns = Rotation.random(count, rng=rng).as_matrix()
    return turns, rng.normal(size=(count, 3)), roots @ roots.transpose(0, 2, 1)


def test_what_was_written_is_read(tmp_path):
    turns, places, covariances = some()
    rows = [*rows_of(turns, places, covariances), *rows_of(turns[:2], places[:2], tool="other")]
    found = load_poses(write_rows(tmp_path / "poses.csv", rows), "needle")
    assert found.rotations == pytest.approx(turns)
    assert found.translations == pytest.approx(places)
    assert found.covariances == pytest.approx(covariances)
    assert found.lost == found.doubtful == 0


def test_lost_rows_are_skipped_and_counted(tmp_path):
    rows = rows_of(*some())
    rows[2:2] = [lost_row()] * 3
    rows += [lost_row("other")]
    found = load_poses(write_rows(tmp_path / "poses.csv", rows), "needle")
    assert len(found.rotations) == 5
    assert found.lost == 3
    only_lost = load_poses(write_rows(tmp_path / "lost.csv", [lost_row()] * 4), "needle")
    assert only_lost.rotations.shape == (0, 3, 3)
    assert only_lost.lost == 4


def test_doubtful_rows_are_counted(tmp_path):
    for code in ("geometry_doubtful", "geometry_doubtful_at_tip marker_left_out"):
        path = write_rows(tmp_path / "poses.csv", rows_of(*some(), code=code))
        assert load_poses(path, "needle").doubtful == 5
    path = write_rows(tmp_path / "poses.csv", rows_of(*some(), code="marker_left_out"))
    assert load_poses(path, "needle").doubtful == 0


def test_doubtful_rows_of_files_without_codes_are_counted_by_their_reason(tmp_path):
    rows = [{**row, "reason": "geometry doubtful: 0.1 px"} for row in rows_of(*some())]
    before = [name for name in COLUMNS if name != "reason_code"]
    path = write_rows(tmp_path / "poses.csv", rows, before)
    assert load_poses(path, "needle").doubtful == 5


def test_without_covariances_there_are_none(tmp_path):
    turns, places, covariances = some()
    short = [name for name in COLUMNS if not name.startswith("p")]
    path = write_rows(tmp_path / "short.csv", rows_of(turns, places, covariances), short)
    assert load_poses(path, "needle").covariances is None
    rows = rows_of(turns, places, covariances)
    rows[3]["p45"] = ""
    path = write_rows(tmp_path / "gap.csv", rows)
    assert load_poses(path, "needle").covariances is None


def test_an_unknown_tool_is_refused_with_the_names_that_are_there(tmp_path):
    rows = [*rows_of(*some(), tool="reference"), *rows_of(*some(), tool="needle")]
    path = write_rows(tmp_path / "poses.csv", rows)
    with pytest.raises(InputError, match="no tool is called nedle; it has needle, reference"):
        load_poses(path, "nedle")
    with pytest.raises(InputError, match="it has no rows"):
        load_poses(write_rows(tmp_path / "empty.csv", []), "needle")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("tx", "", r"line 3 \(frame 1\): tx: expected a finite number"),
        ("qw", "one", r"line 3 \(frame 1\): qw: expected a finite number, got 'one'"),
        ("tz", "nan", r"line 3 \(frame 1\): tz: expected a finite number"),
        ("qx", "3", r"line 3 \(frame 1\): qx to qw are not a unit quaternion"),
        ("p33", "inf", r"line 3 \(frame 1\): p33: expected a finite number"),
        ("p33", "-5", r"line 3 \(frame 1\): p00 to p55 are not a covariance"),
        ("tip_syy", "-1", r"line 3 \(frame 1\): tip_sxx to tip_szz are not a covariance"),
    ],
)
def test_a_row_with_a_number_that_is_none_is_refused(tmp_path, column, value, words):
    rows = [row | dict.fromkeys(SYSTEMATIC, 0.0) for row in rows_of(*some())]
    rows[1][column] = value
    with pytest.raises(InputError, match=words) as refused:
        load_poses(write_rows(tmp_path / "poses.csv", rows), "needle")
    assert "poses.csv" in str(refused.value)


def test_what_is_no_poses_table_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_poses(tmp_path / "none.csv", "needle")
    (tmp_path / "points.csv").write_text("label,x,y,z\nD1,1,2,3\n")
    with pytest.raises(InputError, match="lacks tool"):
        load_poses(tmp_path / "points.csv", "needle")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="lacks tool"):
        load_poses(tmp_path / "empty.csv", "needle")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\x80\x00\x01")
    with pytest.raises(InputError, match="not UTF-8 text"):
        load_poses(tmp_path / "bytes.csv", "needle")
    with pytest.raises(InputError, match="cannot be read: it is a folder"):
        load_poses(tmp_path, "needle")
    long = write_rows(tmp_path / "long.csv", rows_of(*some()))
    long.write_text(long.read_text().replace("\n", ",,7\n").replace(",,7\n", "\n", 1))
    with pytest.raises(InputError, match=r"long\.csv: line 2: has \d+ fields, but there are"):
        load_poses(long, "needle")


def test_a_session_gives_the_poses_of_its_table(tmp_path):
    session = write_example_session(tmp_path, steps=30)
    table = tmp_path / "poses.csv"
    with pytest.raises(SystemExit) as end:
        main(["session", "export", str(session), "--output", str(table)])
    assert not end.value.code
    found, wanted = load_poses(session, "needle"), load_poses(table, "needle")
    assert (found.lost, found.doubtful) == (wanted.lost, wanted.doubtful)
    assert found.lost > 0
    assert len(found.rotations) > 60
    for name, digits in (("rotations", 1e-8), ("translations", 1e-6), ("covariances", 1e-7),
                         ("systematic", 1e-5)):  # fmt: skip
        assert getattr(found, name) == pytest.approx(getattr(wanted, name), rel=digits, abs=1e-8)
    with pytest.raises(InputError, match="no tool is called drill"):
        load_poses(session, "drill")


def test_recordings_without_errors_give_poses_that_count_alike(tmp_path):
    session = write_example_session(tmp_path, steps=30)
    sequence = tmp_path / "poses.seq.nrrd"
    with pytest.raises(SystemExit) as end:
        main(["session", "export", str(session), "--output", str(sequence)])
    assert not end.value.code
    found = load_poses(sequence, "needle")
    assert found.covariances is found.systematic is None
    tracked = [f for f in open_session(session).frames() if not isinstance(f.pose("needle"), Lost)]
    both = [f.pose("needle", "reference") for f in tracked]
    places = [pose.transform.translation for pose in both if not isinstance(pose, Lost)]
    assert found.translations == pytest.approx(np.array(places), abs=1e-6)
