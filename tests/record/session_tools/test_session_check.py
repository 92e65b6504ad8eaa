"""nav session check: one line for each finding, and an exit code that says what to make of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from mcap.opcode import Opcode

from nav import cli
from nav.record.session.session_format import FRAME, PICTURES_FILE, SESSION_FILE
from nav.record.session.session_pictures import PictureWriter
from nav.record.session.session_reader import open_session
from nav.record.session_tools.mcap_scan import scan_spans
from nav.record.session_tools.session_check import Weight, _counts, findings
from nav.record.session_tools.session_overview import overview
from nav.record.session_tools.session_story import read_story


def run(capsys, *arguments) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main([str(one) for one in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return int(end.value.code or 0), out, err


def flip(path: Path, opcode: int, which: int, within: int) -> None:
    data = bytearray(path.read_bytes())
    span = [span for span in scan_spans(bytes(data)) if span.opcode == opcode][which]
    data[span.start + within] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["ended", "pictured", "lossless"])
def test_a_good_session_passes(sessions, capsys, kind):
    code, out, _ = run(capsys, "session", "check", sessions[kind])
    assert code == 0
    assert "is whole" in out
    assert ("can be decoded" in out) == (kind != "ended")


def test_pictures_that_were_recorded_and_taken_away_are_missed(sessions, capsys):
    (sessions["pictured"] / PICTURES_FILE).unlink()
    code, out, _ = run(capsys, "session", "check", sessions["pictured"])
    assert code == 3
    assert "MISSING:   pictures.mcap: is missing; 98 pictures were recorded" in out
    code, out, _ = run(capsys, "session", "show", sessions["pictured"])
    assert code == 0
    assert "recorded, but pictures.mcap is missing" in out
    code, out, _ = run(capsys, "session", "list", sessions["pictured"].parent)
    assert "missing" in next(line for line in out.splitlines() if "-p3" in line)


def test_a_session_whose_cameras_gave_no_picture_is_whole(sessions, capsys):
    folder = sessions["ended"]
    PictureWriter(folder, open_session(folder).about, ("left",)).close()
    code, out, _ = run(capsys, "session", "check", folder)
    assert code == 0
    assert "0 pictures can be decoded" in out
    code, out, _ = run(capsys, "session", "show", folder)
    assert "pictures       none" in out


def test_a_file_of_pictures_that_was_never_begun_hides_no_pose(sessions, capsys):
    """As of a session that was killed before its first picture was written."""
    folder = sessions["cut"]
    (folder / PICTURES_FILE).write_bytes(b"")
    frames = [message.data for message in open_session(folder).messages(FRAME)]
    code, out, _ = run(capsys, "session", "check", folder)
    assert code == 3
    assert "pictures.mcap: it was not ended" in out
    for command in (("show",), ("report", "--output", folder.parent / "page.html")):
        assert run(capsys, "session", command[0], folder, *command[1:])[0] == 0
    code, out, _ = run(capsys, "session", "repair", folder)
    assert code == 0
    assert [message.data for message in open_session(folder).messages(FRAME)] == frames
    assert open_session(folder).cut.code == "session_without_end"


@pytest.mark.parametrize("command", ["check", "show", "report", "export"])
def test_pictures_of_another_session_are_refused(sessions, capsys, tmp_path, command):
    """Else they would be shown, tracked again and exported as this session's."""
    folder = sessions["pictured"]
    (folder / PICTURES_FILE).unlink()
    about = {
        "started_utc": "2026-01-02T03:04:05Z",
        "started_ns": "1767323045000000000",
        "code": "x",
    }
    PictureWriter(folder, about, ("left", "right")).close()
    output = [] if command in ("check", "show") else ["--output", tmp_path / "out.html"]
    output = ["--output", tmp_path / "out.csv"] if command == "export" else output
    code, _, err = run(capsys, "session", command, folder, *output)
    assert code == 2
    assert "pictures.mcap: holds the pictures of another session, started 2026-01-02T03:04" in err
    code, out, _ = run(capsys, "session", "list", folder.parent)
    assert "unreadable" in next(line for line in out.splitlines() if "-p3" in line)


def test_gaps_are_told_and_do_not_fail(sessions):
    notes = [f.text for f in findings(sessions["pictured"]) if f.weight is Weight.NOTE]
    assert any(text.startswith("no frames from ") for text in notes)
    assert any("30 numbers of frames are left out" in text for text in notes)


def test_a_session_that_was_not_ended_is_incomplete(sessions, capsys):
    code, out, err = run(capsys, "session", "check", sessions["cut"])
    assert code == 3
    assert "MISSING:" in out
    assert "has no end" in out
    assert "repair" in err
    run(capsys, "session", "repair", sessions["cut"])
    code, out, err = run(capsys, "session", "check", sessions["cut"])
    assert code == 3
    assert "repaired" in out


@pytest.mark.parametrize(
    ("file", "opcode", "which", "said"),
    [
        (SESSION_FILE, Opcode.CHUNK, 2, "checksum disagrees"),
        (SESSION_FILE, Opcode.ATTACHMENT, 1, "tools/needle.toml"),
        (SESSION_FILE, Opcode.METADATA, 0, "checksum of all its data"),
        (SESSION_FILE, Opcode.MESSAGE_INDEX, 0, "checksum of all its data"),
        (SESSION_FILE, Opcode.STATISTICS, 0, "summary at its end"),
        (PICTURES_FILE, Opcode.CHUNK, 1, "pictures.mcap"),
        (PICTURES_FILE, Opcode.CHUNK_INDEX, 0, "pictures.mcap: the summary at its end"),
    ],
)
def test_a_flipped_bit_is_found_wherever_it_is(sessions, capsys, file, opcode, which, said):
    within = {Opcode.CHUNK: 60, Opcode.METADATA: 300}.get(opcode, 50)
    flip(sessions["pictured"] / file, opcode, which, within)
    code, out, _ = run(capsys, "session", "check", sessions["pictured"])
    assert code == 3
    assert said in out


def test_pictures_that_a_repair_could_not_keep_are_missed_ever_after(sessions, capsys):
    path = sessions["pictured"] / PICTURES_FILE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert run(capsys, "session", "check", sessions["pictured"])[0] == 3
    run(capsys, "session", "repair", sessions["pictured"])
    code, out, err = run(capsys, "session", "check", sessions["pictured"])
    assert code == 3
    assert "49 pictures of left were recorded" in out
    assert "pictures.mcap: repaired; lost: " in out
    assert "can be used" in err


def test_a_case_that_has_changed_is_told(sessions, recorded_once, capsys, tmp_path):
    case = tmp_path / "case"
    case.mkdir()
    for name in ("case.toml", "cord.ply"):
        recorded = recorded_once["ended"].parent / "files" / "case" / name
        (case / name).write_bytes(recorded.read_bytes())
    assert run(capsys, "session", "check", sessions["ended"], "--case", case)[0] == 0
    (case / "cord.ply").write_bytes((case / "cord.ply").read_bytes() + b"\n")
    code, out, err = run(capsys, "session", "check", sessions["ended"], "--case", case)
    assert code == 1
    assert "cord.ply" in out
    assert "changed" in err
    (case / "cord.ply").unlink()
    code, out, _ = run(capsys, "session", "check", sessions["ended"], "--case", case / "case.toml")
    assert code == 1
    assert "cannot be read" in out


def test_what_is_no_session_of_ours_is_one_line_and_code_2(sessions, capsys, tmp_path):
    code, _, err = run(capsys, "session", "check", tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    path = sessions["ended"] / SESSION_FILE
    path.write_bytes(path.read_bytes().replace(b"c1c2nav/session/1", b"c1c2nav/session/2"))
    code, _, err = run(capsys, "session", "check", sessions["ended"])
    assert (code, err.count("\n")) == (2, 1)
    assert "later version" in err


def test_an_end_that_says_other_numbers_than_the_frames_is_found(sessions):
    story = read_story(open_session(sessions["ended"]))
    found = overview(sessions["ended"])
    assert list(_counts(story, found)) == []
    found.totals.tracked["needle"] += 1
    found.totals.least["cord"] = replace(found.totals.least["cord"], bound=9.0)
    poses, bound = (one.text for one in _counts(story, found))
    assert "poses of needle, there are" in poses
    assert "smallest bound of cord: 9.00 mm, 0.65 mm" in bound
    del found.totals.least["cord"]
    assert "smallest bound of cord: none, 0.65 mm" in list(_counts(story, found))[-1].text
