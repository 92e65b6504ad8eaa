"""Sessions as tables: what `nav track` would have written, read back by spreadsheets' libraries."""

import csv
import json
import sys
import tomllib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform

from nav.cli import main
from nav.core.files import sha256
from nav.record.pose_recording import PoseRecording
from nav.record.pose_rows import COLUMNS, pose_rows
from nav.record.pose_table import open_pose_table
from nav.record.session import session_reader
from nav.record.session.session_about import about_session
from nav.record.session.session_format import FRAME, GUIDANCE
from nav.record.session.session_json import from_bytes
from nav.record.session.session_reader import open_session
from nav.record.session.session_writer import SessionWriter
from nav.record.session_export import session_content, xlsx_export
from nav.record.session_export.csv_export import THOUSAND, _with_comma
from nav.record.session_export.session_content import SessionContent
from nav.record.session_export.session_tables import TABLES, table_rows
from tests.live.test_session import NEEDLE
from tests.record.example_session import REFERENCE, ExampleUse, example_use
from tests.record.pose_sessions import CLOCK, MOTIONS, frames_of, write_pose_session

TOOLS = (NEEDLE, REFERENCE)
NAMES = ("needle", "reference")


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> tuple[Path, ExampleUse]:
    return example_use(tmp_path_factory.mktemp("sessions"))


def export(session: Path, *more: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        main(["session", "export", str(session), *map(str, more)])
    return int(end.value.code or 0)


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def by_nav_track(path: Path, use: ExampleUse, relative_to: str | None) -> bytes:
    writer = open_pose_table(path, TOOLS, relative_to)
    for tracked in use.frames:
        writer.write(tracked)
    writer.close()
    return path.read_bytes()


@pytest.mark.parametrize("relative_to", [None, "reference"])
def test_poses_csv_is_what_nav_track_writes(tmp_path, example, relative_to):
    session, use = example
    more = () if relative_to is None else ("--relative-to", relative_to)
    assert export(session, "--output", tmp_path / "poses.csv", *more) == 0
    wanted = by_nav_track(tmp_path / "wanted.csv", use, relative_to)
    assert (tmp_path / "poses.csv").read_bytes() == wanted
    found = list(PoseRecording(tmp_path / "poses.csv", NAMES))
    assert [f.number for f in found] == [f.number for f in use.frames]
    assert any(not f.tools["needle"] for f in found)  # the hidden needle stays lost


def test_the_sidecars_say_what_was_exported(tmp_path, example):
    session, _ = example
    assert export(session, "--output", tmp_path / "t.csv", "--relative-to", "reference") == 0
    for name, made in (("t", "poses"), ("t-distances", "distances"), ("t-events", "events")):
        table = tomllib.loads((tmp_path / f"{name}.toml").read_text())
        assert table["format"] == f"c1c2nav/{made}/1"
        assert table["made_by"].startswith("c1c2nav ")
        assert isinstance(table["made_at"], datetime)
        assert table["session"] == session.name
        (source,) = table["input"]
        assert source == {"file": "session.mcap", "sha256": sha256(session / "session.mcap")}
        assert set(table["units"].values()) <= {"s", "mm", "mm^2", "mm rad", "rad^2", "px"}
    assert tomllib.loads((tmp_path / "t.toml").read_text())["relative_to"] == "reference"


def test_decimal_commas_are_read_back_as_the_same_numbers(tmp_path, example):
    session, use = example
    german, plain = tmp_path / "german", tmp_path / "plain"
    assert export(session, "--output", plain, "--format", "csv") == 0
    assert export(session, "--output", german, "--format", "csv", "--decimal-comma") == 0
    assert b"0,033333;needle;tracked;" in (german / "poses.csv").read_bytes()
    for a, b in zip(
        PoseRecording(plain / "poses.csv", NAMES), PoseRecording(german / "poses.csv", NAMES),
        strict=True,
    ):  # fmt: skip
        assert (a.number, a.time) == (b.number, b.time)
        for name in NAMES:
            pose, other = a.pose(name), b.pose(name)
            assert bool(pose) == bool(other)
            if pose:
                assert np.array_equal(pose.transform.as_matrix(), other.transform.as_matrix())
                assert np.array_equal(pose.covariance, other.covariance)
    for name in ("distances", "events"):
        english = rows(plain / f"{name}.csv")
        for row, other in zip(english, rows(german / f"{name}.csv", ";"), strict=True):
            assert [v.replace(",", ".") for v in row.values()] == [
                v.replace(",", ".") for v in other.values()
            ]
    assert len(rows(plain / "distances.csv")) == len(use.frames)


@given(st.floats(-1e6, 1e6).map(lambda x: f"{x:.9g}") | st.integers(-9999, 9999).map(
    lambda n: f"{n / 1000:.3f}"))  # fmt: skip
def test_no_number_with_a_comma_can_mean_thousands(text):
    comma = _with_comma(text)
    assert float(comma.replace(",", ".")) == float(text)
    assert not THOUSAND.fullmatch(comma)


def test_distances_are_those_that_were_shown(tmp_path, example):
    session, use = example
    assert export(session, "--output", tmp_path, "--format", "csv") == 0
    found = rows(tmp_path / "distances.csv")
    for row, state, tracked in zip(found, use.states, use.frames, strict=True):
        near = state.guidance.proximity
        assert int(row["frame"]) == tracked.number
        assert float(row["time"]) == pytest.approx(tracked.time, rel=1e-8)
        if not near:
            numbers = ("distance", "bound", "sd", "ahead", "tip_x", "nearest_x", "structure")
            assert row["status"] == "lost"
            assert not any(row[name] for name in numbers)
            assert row["reason"]
            continue
        (cord,) = near.structures
        assert (row["structure"], row["role"]) == ("cord", "cord")
        assert float(row["bound"]) == pytest.approx(cord.bound, rel=1e-8)
        tip = [float(row[f"tip_{axis}"]) for axis in "xyz"]
        assert tip == pytest.approx(state.guidance.model_tip.position, rel=1e-8)
        assert row["level"] == state.guidance.alarms.levels["cord"].name.lower()
    assert {"danger", "clear"} <= {row["level"] for row in found}


def test_events_have_their_times_and_facts(tmp_path, example):
    session, _ = example
    assert export(session, "--output", tmp_path, "--format", "csv") == 0
    found = rows(tmp_path / "events.csv")
    assert (found[0]["kind"], found[-1]["kind"]) == ("started", "ended")
    (mark,) = (row for row in found if row["kind"] == "mark")
    assert mark["text"] == "Haut"
    assert json.loads(mark["facts"]) == {"text": "Haut"}
    began = datetime.fromisoformat(found[0]["utc"])
    passed = datetime.fromisoformat(mark["utc"]) - began
    assert passed.total_seconds() == pytest.approx(float(mark["seconds"]), abs=1e-5)
    (fiducials,) = (row for row in found if row["code"] == "made")
    assert json.loads(fiducials["facts"])["labels"] == ["D1", "D2", "D3", "D4"]


def test_the_workbook_has_numbers_times_and_texts(tmp_path, example):
    session, _ = example
    assert export(session, "--output", tmp_path / "t.csv") == 0
    assert export(session, "--output", tmp_path / "t.xlsx") == 0
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book.sheetnames == ["session", "poses", "distances", "events"]
    assert book.properties.creator.startswith("c1c2nav ")
    about = {row[0]: row[1] for row in book["session"].iter_rows(values_only=True)}
    assert about["source_sha256"] == sha256(session / "session.mcap")
    assert about["unit of poses: tx"] == "mm"
    assert about["started (UTC)"].replace(microsecond=0) == datetime(2026, 9, 21, 14, 13, 20)
    for sheet, name in (("poses", "t.csv"), ("distances", "t-distances.csv")):
        header, *found = book[sheet].iter_rows(values_only=True)
        table = rows(tmp_path / name)
        assert len(found) == len(table)
        for row, wanted in zip(found, table, strict=True):
            for column, value in zip(header, row, strict=True):
                text = wanted[column]
                if isinstance(value, int | float):
                    assert value == pytest.approx(float(text), rel=1e-8)
                else:
                    assert (value or "") == text
    assert isinstance(book["poses"]["E2"].value, float)
    at = book["events"]["B2"].value
    assert at.replace(tzinfo=UTC) == pytest.approx(
        datetime(2026, 9, 21, 14, 13, 20, 123000, UTC), abs=np.timedelta64(1, "ms").item()
    )


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@SUM(A1)", '=HYPERLINK("x")'])
def test_a_label_that_looks_like_a_formula_stays_text(tmp_path, text):
    session = write_pose_session(tmp_path / "s", frames_of([(None, None)]), [text])
    assert export(session, "--output", tmp_path / "t.xlsx") == 0
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    (cell,) = (row[5] for row in book["events"].iter_rows() if row[3].value == "mark")
    assert (cell.data_type, cell.value) == ("s", text)
    assert cell.quotePrefix
    assert export(session, "--output", tmp_path / "t.csv") == 0
    (mark,) = (row for row in rows(tmp_path / "t-events.csv") if row["kind"] == "mark")
    assert mark["text"] == f"'{text}"


def test_a_tools_name_is_no_formula_either(tmp_path):
    same = RigidTransform.identity()
    session = write_pose_session(tmp_path / "s", frames_of([(same, same)], ("=1+1", "reference")))
    assert export(session, "--output", tmp_path / "t.csv") == 0
    assert [row["tool"] for row in rows(tmp_path / "t.csv")] == ["'=1+1", "reference"]
    assert rows(tmp_path / "t.csv")[0]["tx"] == "0"


def test_events_before_the_first_frame_have_times_below_0(tmp_path):
    writer = SessionWriter(tmp_path / "s", about_session("poses", clock=CLOCK), {})
    writer.event("mark", facts={"text": "early"}, at=CLOCK.monotonic + 1.0)
    writer.event("mark", facts={"text": "before"}, at=CLOCK.monotonic + 2.5)
    (frame,) = frames_of([(None, None)])
    writer.frame(replace(frame, captured_at=CLOCK.monotonic + 3.0))
    writer.close(at=CLOCK.monotonic + 3.0)
    assert export(tmp_path / "s", "--output", tmp_path / "t.csv") == 0
    marks = [row for row in rows(tmp_path / "t-events.csv") if row["kind"] == "mark"]
    assert [float(row["seconds"]) for row in marks] == [-2.0, -0.5]


def test_half_a_letter_is_a_question_mark_in_every_table(tmp_path):
    session = write_pose_session(tmp_path / "s", frames_of([(None, None)]), ["a\ud800\U0001f600"])
    for name in ("t.csv", "t.xlsx", "t.parquet", "t.xml"):
        assert export(session, "--output", tmp_path / name) == 0
    (mark,) = (row for row in rows(tmp_path / "t-events.csv") if row["kind"] == "mark")
    assert mark["text"] == "a?\U0001f600"


def test_text_that_a_workbook_cannot_hold_is_replaced(tmp_path):
    session = write_pose_session(
        tmp_path / "s", frames_of([(None, None)]), ["a\x0bb" + "x" * 40_000]
    )
    assert export(session, "--output", tmp_path / "t.xlsx") == 0
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    (text,) = (r[5] for r in book["events"].iter_rows(values_only=True) if r[3] == "mark")
    assert text.startswith("a\N{REPLACEMENT CHARACTER}b")
    assert len(text) == xlsx_export.LONGEST_TEXT


def test_more_rows_than_a_sheet_has_are_refused(tmp_path, example, monkeypatch, capsys):
    monkeypatch.setattr(xlsx_export, "MOST_ROWS", 100)
    assert export(example[0], "--output", tmp_path / "t.xlsx") == 2
    line = " ".join(capsys.readouterr().err.split())
    assert "219 rows of poses, but a sheet has at most 100; export CSV or Parquet" in line
    assert list(tmp_path.iterdir()) == []


def test_parquet_has_the_same_tables(tmp_path, example):
    session, _ = example
    assert export(session, "--output", tmp_path / "t.csv") == 0
    assert export(session, "--output", tmp_path / "t.parquet") == 0
    for name in ("t", "t-distances", "t-events"):
        table = pyarrow.parquet.read_table(tmp_path / f"{name}.parquet")
        assert table.schema.metadata[b"source_sha256"].decode() == sha256(session / "session.mcap")
        assert table.schema.metadata[b"made_by"].startswith(b"c1c2nav ")
        assert b"frame" in table.schema.metadata
        wanted = rows(tmp_path / f"{name}.csv")
        for row, texts in zip(table.to_pylist(), wanted, strict=True):
            for column, value in row.items():
                if value is None:
                    assert texts[column] == ""
                elif isinstance(value, float):
                    assert value == pytest.approx(float(texts[column]), rel=1e-8)
                elif isinstance(value, datetime):
                    assert value == datetime.fromisoformat(texts[column])
                else:
                    assert str(value) == texts[column]
    poses = pyarrow.parquet.read_schema(tmp_path / "t.parquet")
    assert poses.field("tx").metadata == {b"unit": b"mm"}


def test_without_pyarrow_one_line_says_how_to_install_it(tmp_path, example, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert export(example[0], "--output", tmp_path / "t.parquet") == 2
    line = " ".join(capsys.readouterr().err.split())
    assert (
        "Parquet needs the package pyarrow; install it with: pip install 'c1c2nav[parquet]'" in line
    )
    assert list(tmp_path.iterdir()) == []


@given(MOTIONS)
@settings(deadline=None, max_examples=25)
def test_any_motion_comes_back_from_every_table(tmp_path_factory, motion):
    folder = tmp_path_factory.mktemp("motion")
    session = write_pose_session(folder / "s", frames_of(motion))
    for suffix in ("csv", "parquet", "xlsx"):
        assert export(session, "--output", folder / f"t.{suffix}") == 0
    book = openpyxl.load_workbook(folder / "t.xlsx")
    header, *cells = book["poses"].iter_rows(values_only=True)
    tables = (
        [{k: v or None for k, v in row.items()} for row in rows(folder / "t.csv")],
        pyarrow.parquet.read_table(folder / "t.parquet").to_pylist(),
        [dict(zip(header, row, strict=True)) for row in cells],
    )
    for table in tables:
        assert len(table) == 2 * len(motion)
        for k, row in enumerate(table):
            pose = motion[k // 2][k % 2]
            place = [row[name] for name in ("tx", "ty", "tz")]
            turn = [row[name] for name in ("qx", "qy", "qz", "qw")]
            if pose is None:
                assert row["status"] == "lost"
                assert set(place + turn) == {None}
                continue
            assert list(map(float, place)) == pytest.approx(pose.translation, abs=1e-6)
            wanted = pose.rotation.as_quat(canonical=True)
            assert list(map(float, turn)) == pytest.approx(wanted, abs=1e-8)


def test_an_export_says_how_far_it_is(example, monkeypatch):
    monkeypatch.setattr(session_content, "COUNTED", 10)
    told: list[tuple[str, float]] = []
    content = SessionContent(example[0], lambda step, share: told.append((step, share)))
    for table in TABLES:
        assert sum(1 for _ in table_rows(content, table))
    steps = ("session", "poses", "distances", "events")
    assert tuple(dict.fromkeys(step for step, _ in told)) == steps
    for name in steps:
        shares = [share for step, share in told if step == name]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        assert len(shares) > content.frames_count // 10 > 5


def test_an_export_reads_the_text_of_each_message_twice_at_most(example, tmp_path, monkeypatch):
    """Which is what most of its time would be spent on."""
    read: Counter[bytes] = Counter()

    def counted(data):
        read[data] += 1
        return from_bytes(data)

    monkeypatch.setattr(session_reader, "from_bytes", counted)
    assert export(example[0], "--output", tmp_path / "tables", "--format", "csv") == 0
    counts = open_session(example[0]).counts
    assert len(read) >= counts[FRAME] + counts[GUIDANCE]
    assert max(read.values()) == 2


@pytest.mark.parametrize("relative_to", [None, "reference"])
def test_rows_of_many_frames_are_those_of_each(example, relative_to):
    frames = example[1].frames
    single = [row for frame in frames for row in pose_rows([frame], TOOLS, relative_to)]
    assert pose_rows(frames, TOOLS, relative_to) == single
    seen = frames[0].tools["needle"]
    row = dict(zip(COLUMNS, single[0], strict=True))
    pose = frames[0].pose("needle", relative_to)
    tip, covariance = pose.apply(NEEDLE.tip.position, NEEDLE.tip.covariance)
    assert [float(row[f"tip_{axis}"]) for axis in "xyz"] == pytest.approx(tip, rel=1e-6)
    spread = [float(row[f"tip_c{axes}"]) for axes in ("xx", "xy", "xz", "yy", "yz", "zz")]
    assert spread == pytest.approx(covariance[np.triu_indices(3)], rel=1e-5, abs=1e-12)
    base = frames[0].systematic_pose("needle", relative_to)
    scaled = seen.tip_scale_sd * NEEDLE.tip.position
    _, systematic = base.apply(NEEDLE.tip.position, np.outer(scaled, scaled))
    spread = [float(row[f"tip_s{axes}"]) for axes in ("xx", "xy", "xz", "yy", "yz", "zz")]
    assert spread == pytest.approx(systematic[np.triu_indices(3)], rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet", "seq.nrrd", "igs.mha", "mcap", "xml"])
@pytest.mark.parametrize("number", [2**60, 10**400], ids=["large", "huge"])
def test_frames_of_absurd_numbers_are_exported_or_refused_in_a_line(
    tmp_path, capsys, ending, number
):
    """A spoilt file: their number is no reason to lose the poses, or to fail with a traceback."""
    same = RigidTransform.identity()
    frames = [
        replace(each, number=number + k) for k, each in enumerate(frames_of([(same, same)] * 2))
    ]
    session = write_pose_session(tmp_path / "s", frames)
    code = export(session, "--output", tmp_path / f"t.{ending}")
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert code in (0, 2), lines
    if code == 0 and ending == "xlsx":
        book = openpyxl.load_workbook(tmp_path / "t.xlsx")
        header, first, *_ = book["poses"].iter_rows(values_only=True)
        assert first[header.index("frame")] == str(number)
    if code == 2:
        assert len(lines) == 1
        assert "Traceback" not in lines[0]
