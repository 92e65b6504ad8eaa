"""`nav session export`: whole or not at all, nothing of the user's lost, problems in one line."""

from itertools import islice, product
from pathlib import Path
from typing import Any

import pytest
from mcap.writer import Writer

from nav.cli import main
from nav.core.errors import InputError
from nav.core.filekinds import file_kind
from nav.record.pose_recording import PoseRecording
from nav.record.session.session_about import about_session
from nav.record.session.session_format import EVENT, FRAME, GUIDANCE
from nav.record.session.session_reader import open_session
from nav.record.session.session_writer import SessionWriter
from nav.record.session_export import csv_export
from nav.record.session_export.export_format import EXPORT_FORMATS, ExportOptions, export_format
from nav.record.session_export.session_content import SessionContent
from nav.record.session_totals import SessionTotals
from tests.record.example_session import write_example_session
from tests.record.pose_sessions import CLOCK, frames_of, write_pose_session
from tests.record.test_session_tables import export

OUTPUTS = {
    "csv": "t.csv",
    "xlsx": "t.xlsx",
    "parquet": "t.parquet",
    "plus": "t.igs.mha",
    "slicer": "t.seq.nrrd",
    "perktutor": "t.xml",
    "rosbag2": "bag",
}


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Path:
    return write_example_session(tmp_path_factory.mktemp("sessions"), steps=20)


def refused(capsys, session: Path, *more: str | Path) -> str:
    assert export(session, *more) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_format_has_a_way_out():
    assert {known.name for known in EXPORT_FORMATS} == set(OUTPUTS)
    for name, output in OUTPUTS.items():
        chosen = export_format(Path(output), None if "." in output else name)
        assert chosen.name == name


@pytest.mark.parametrize(
    ("output", "name", "said"),
    [
        ("t.doc", None, "no format has this suffix; give --format (csv, xlsx, parquet, plus"),
        ("bag.mcap", None, "a ROS 2 bag is a folder; give a name without .mcap"),
        ("t.csv", "json", "--format: expected one of csv, xlsx, parquet, plus, slicer, perktutor"),
        ("t.csv", "rosbag2", "for --format rosbag2 give a folder"),
        ("t.csv", "xlsx", "for --format xlsx give a name that ends in .xlsx"),
        ("folder", "plus", "give a name that ends in .igs.mha or .seq.mha or .mha"),
        ("t.xml", "csv", "for --format csv give a name that ends in .csv or a folder"),
    ],
)
def test_a_format_that_does_not_fit_is_refused(output, name, said):
    with pytest.raises(InputError) as told:
        export_format(Path(output), name)
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("output", "option", "said"),
    [
        ("t.xml", ("--decimal-comma",), "--decimal-comma: does not apply to perktutor"),
        ("t.xlsx", ("--no-pictures",), "--no-pictures: does not apply to xlsx"),
        ("t.mha", ("--relative-to", "needle"), "--relative-to: does not apply to plus"),
        ("t.csv", ("--relative-to", "probe"), "no tool of the session is called probe; it has "),
    ],
)
def test_options_that_do_not_apply_are_refused(tmp_path, session, capsys, output, option, said):
    assert said in refused(capsys, session, "--output", tmp_path / output, *option)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_earlier_export_is_replaced_and_kept(tmp_path, session, name):
    words = ("--output", tmp_path / OUTPUTS[name], "--format", name)
    assert export(session, *words) == 0
    first = files(tmp_path)
    assert all(file_kind(tmp_path / path) is not None for path in first)
    other = write_pose_session(tmp_path / "other", frames_of([(None, None)]))
    assert export(other, *words) == 0
    after = files(tmp_path)
    for path, content in first.items():
        assert after[path] != content
        assert content in after.values()  # under a number


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_file_of_the_users_is_not_replaced(tmp_path, session, capsys, name):
    output = tmp_path / OUTPUTS[name]
    words = ("--output", output, "--format", name)
    assert export(session, *words) == 0
    mine = output / "metadata.yaml" if name == "rosbag2" else output
    mine.write_text("my own notes\n")
    before = files(tmp_path)
    assert "was not written by c1c2nav" in refused(capsys, session, *words)
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_cut_session_is_exported_as_far_as_it_goes(tmp_path, capsys, name):
    session = write_example_session(tmp_path / "s", steps=20, ended=False)
    record = session / "session.mcap"
    record.write_bytes(record.read_bytes()[:-700])
    assert export(session, "--output", tmp_path / OUTPUTS[name], "--format", name) == 3
    line = capsys.readouterr().err.strip()
    assert "session.mcap is cut off" in line
    assert "exported as far as it goes" in line
    assert "\n" not in line
    if name == "csv":
        assert len(PoseRecording(tmp_path / "t.csv", ("needle",))) > 40


def test_a_session_that_is_being_recorded_is_exported_as_far_as_it_is(tmp_path, capsys):
    frames = frames_of([(None, None)] * 3)
    writer = SessionWriter(tmp_path / "s", about_session("poses", clock=CLOCK))
    writer.frame(frames[0])
    writer.flush()
    assert export(tmp_path / "s", "--output", tmp_path / "t.csv") == 3
    assert "is still being recorded" in capsys.readouterr().err
    writer.close()


def test_what_is_no_session_is_refused_in_one_line(tmp_path, capsys):
    words = ("--output", tmp_path / "t.csv")
    assert "holds no session.mcap" in refused(capsys, tmp_path, *words)
    empty = write_pose_session(tmp_path / "empty", [])
    assert "has no frames, so there is nothing to export" in refused(capsys, empty, *words)
    (tmp_path / "foreign").mkdir()
    with (tmp_path / "foreign" / "session.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start()
        writer.finish()
    assert "not a session of c1c2nav" in refused(capsys, tmp_path / "foreign", *words)
    assert not (tmp_path / "t.csv").exists()


def test_a_failure_half_way_leaves_nothing(tmp_path, session, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(csv_export, "write_toml", full)
    line = refused(capsys, session, "--output", tmp_path / "folder", "--format", "csv")
    assert "cannot be written: No space left on device" in line
    assert list(tmp_path.iterdir()) == []


def test_the_command_teaches_by_an_example(capsys):
    with pytest.raises(SystemExit) as end:
        main(["session", "export", "--help"])
    assert not end.value.code
    said = capsys.readouterr().out
    assert "Example: nav session export sessions/" in said
    for word in ("--decimal-comma", "--relative-to", "rosbag2", "perktutor"):
        assert word in said


CHANGES: tuple[Any, ...] = (None, -1, 2.5, float("nan"), "x", [], {"status": "tracked"})


def refusal_of(folder: Path, output: str) -> str | None:
    """Export; the line of an InputError, None if there is none."""
    try:
        content = SessionContent(folder)
        name = None if "." in output else "rosbag2"
        export_format(Path(output), name).export(content, folder / output, ExportOptions())
    except InputError as error:
        return str(error)
    return None


@pytest.mark.parametrize("topic", [FRAME, GUIDANCE, EVENT])
def test_messages_that_were_changed_are_refused_or_exported(tmp_path, session, topic, monkeypatch):
    """Right for every checksum, but with other values: from a program that writes them wrong."""
    monkeypatch.setattr(SessionTotals, "add", lambda *_: None)  # would not take them
    reader = open_session(session)
    messages = list(islice(reader.messages(FRAME, GUIDANCE, EVENT), 12))
    place = next(k for k, message in enumerate(messages) if k > 3 and message.topic == topic)
    cases = list(product(messages[place].data, CHANGES))
    refused = 0
    for number, (key, change) in enumerate(cases):
        folder = tmp_path / str(number)
        writer = SessionWriter(folder, about_session("poses", clock=CLOCK), reader.attachments)
        for k, message in enumerate(messages):
            data = {**message.data, key: change} if k == place else message.data
            writer._add(message.topic, data, message.log_time)
        writer.close()
        output = list(OUTPUTS.values())[number % len(OUTPUTS)]
        line = refusal_of(folder, output)
        if line is not None:
            refused += 1
            assert len(line.splitlines()) == 1
            assert not (folder / output).is_file()
    assert 0 < refused < len(cases)
