"""nav session list, show and delete."""

import json
import os
from io import StringIO

import numpy as np
import pytest
from mcap.opcode import Opcode
from rich.console import Console

from nav import cli
from nav.core.errors import InputError
from nav.record.session.session_format import SESSION_FILE
from nav.record.session_tools import session_overview
from nav.record.session_tools.mcap_scan import scan_spans
from nav.record.session_tools.session_delete import delete_sessions
from nav.record.session_tools.session_list import length_text
from nav.record.session_tools.session_overview import overview
from nav.record.session_tools.session_timeline import _shares


def run(capsys, *arguments) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main([str(one) for one in arguments])
    return (int(end.value.code or 0), *capsys.readouterr())


def test_sessions_are_listed_with_what_their_ends_say(sessions, capsys):
    parent = sessions["ended"].parent
    (parent / "notes").mkdir()
    code, out, _ = run(capsys, "session", "list", parent)
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()[1:5]}
    ended = lines[sessions["ended"].name]
    assert " p1 " in ended
    assert " complete " in ended
    assert " off " in ended
    assert ended.rstrip().endswith("mm cord")
    assert " cut " in lines[sessions["cut"].name]
    assert " JPEG " in lines[sessions["pictured"].name]
    assert " lossless " in lines[sessions["lossless"].name]
    assert "notes" not in out


def test_a_finished_session_is_not_read_to_be_listed(sessions, monkeypatch):
    def fail(*_):
        raise AssertionError("the whole session was read")

    expected = overview(sessions["cut"]).totals
    monkeypatch.setattr(session_overview, "open_session", fail)
    found = overview(sessions["ended"])
    assert found.state == "complete"
    assert found.totals.least == expected.least  # the same use, not ended
    assert found.totals.frames == expected.frames
    assert found.totals.seconds == pytest.approx(expected.seconds, abs=0.05)


def test_the_list_as_json_has_the_numbers(sessions, capsys):
    code, out, _ = run(capsys, "session", "list", sessions["ended"].parent, "--json")
    assert code == 0
    table = {one["code"]: one for one in json.loads(out)}
    assert table["p1"]["state"] == "complete"
    assert table["p3"]["pictures_by_camera"] == {"left": 49, "right": 49}
    assert table["p1"]["least_bounds"]["cord"]["bound"] == overview(sessions["ended"]).least.bound


def test_sessions_are_sorted_as_asked(sessions, capsys):
    parent = sessions["ended"].parent
    for order in ("start", "code", "length", "size", "bound", "state"):
        code, out, _ = run(capsys, "session", "list", parent, "--sort", order)
        assert code == 0
    _, out, _ = run(capsys, "session", "list", parent, "--sort", "code")
    assert [line.split()[1] for line in out.splitlines()[1:5]] == ["p1", "p2", "p3", "p4"]
    code, _, err = run(capsys, "session", "list", parent, "--sort", "colour")
    assert code == 2
    assert "--sort: expected one of" in err


def test_a_session_that_cannot_be_read_does_not_hide_the_others(sessions, capsys):
    (sessions["cut"] / SESSION_FILE).write_bytes(b"")
    code, out, _ = run(capsys, "session", "list", sessions["cut"].parent)
    assert code == 0
    assert " unreadable " in out
    assert " complete " in out


def test_an_index_that_leads_out_of_the_file_is_not_followed(sessions):
    path = sessions["ended"] / SESSION_FILE
    data = bytearray(path.read_bytes())
    for span in scan_spans(bytes(data)):
        if span.opcode == Opcode.METADATA_INDEX:
            data[span.start + 9 : span.start + 17] = b"\xff" * 8
    path.write_bytes(data)
    assert overview(sessions["ended"]).totals.frames > 50


def test_show_tells_what_is_in_a_session(sessions, capsys):
    code, out, _ = run(capsys, "session", "show", sessions["ended"])
    assert code == 0
    for said in (
        "FRE 0.00 mm", "D1 touched", "check K1", "cord: danger", "Haut", "hidden from left",
        "numpy", "case/case.toml", "needle    |",
    ):  # fmt: skip
        assert said in out, said
    assert "NOT COMPLETE" not in out
    _, out, _ = run(capsys, "session", "show", sessions["cut"])
    assert "NOT COMPLETE: session.mcap has no end" in out


def test_the_time_line_is_blank_where_there_are_no_frames(sessions, capsys):
    _, out, _ = run(capsys, "session", "show", sessions["pictured"])
    line = next(one for one in out.splitlines() if one.startswith("reference |"))
    assert "█    " in line
    assert "gaps           1." in out


def deleted(folder, code, answer=None) -> str:
    text, asked = StringIO(), []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    delete_sessions(folder, code, answer is None, ask, Console(file=text, width=10_000))
    assert len(asked) == (answer is not None)
    return text.getvalue()


def test_all_sessions_of_a_code_are_deleted_and_no_others(sessions):
    parent = sessions["ended"].parent
    said = deleted(parent, "p3", "p3")
    assert sessions["pictured"].name in said
    assert not sessions["pictured"].exists()
    assert sessions["ended"].exists()
    (sessions["cut"] / SESSION_FILE).write_bytes(b"")  # its code stands in its name only
    deleted(parent, "p2")
    assert not sessions["cut"].exists()
    with pytest.raises(InputError, match="no session has the code"):
        deleted(parent, "p3")


@pytest.mark.parametrize("answer", ["", "yes", "p1 p2"])
def test_another_answer_than_the_code_deletes_nothing(sessions, answer):
    assert "nothing was deleted" in deleted(sessions["ended"].parent, "p1", answer)
    assert sessions["ended"].exists()


def test_without_anyone_to_answer_nothing_is_deleted(sessions, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO(""))
    parent = sessions["ended"].parent
    code, _, err = run(capsys, "session", "delete", parent, "--code", "p1")
    assert code == 2
    assert "--yes" in err
    assert sessions["ended"].exists()
    assert run(capsys, "session", "delete", parent, "--code", "p1", "--yes")[0] == 0
    assert not sessions["ended"].exists()


def test_links_are_not_followed(sessions, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "data.txt").write_text("mine")
    (sessions["ended"] / "link").symlink_to(outside)
    linked = sessions["ended"].parent / "2026-01-01T00-00-00-p1"
    linked.symlink_to(sessions["cut"])
    deleted(sessions["ended"].parent, "p1")
    assert (outside / "data.txt").read_text() == "mine"
    assert os.path.lexists(linked)
    assert sessions["cut"].exists()


def test_a_session_with_more_in_it_than_a_session_is_refused(sessions):
    (sessions["ended"] / "session.1.mcap").write_bytes(b"an original")
    notes = sessions["ended"] / "notes.txt"
    for make in (notes.mkdir, lambda: notes.write_text("mine")):
        make()
        with pytest.raises(InputError, match=r"notes\.txt"):
            deleted(sessions["ended"].parent, "p1")
        assert (sessions["ended"] / SESSION_FILE).exists()
        if notes.is_dir():
            notes.rmdir()
    notes.unlink()
    deleted(sessions["ended"].parent, "p1")
    assert not sessions["ended"].exists()


@pytest.mark.parametrize("code", ["../p1", "p1*", "", "p 1"])
def test_a_code_is_no_path_and_no_pattern(sessions, code):
    with pytest.raises(InputError, match="--code"):
        deleted(sessions["ended"].parent, code)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0.0 s"), (0.25, "0.25 s"), (12.34, "12.3 s"), (245, "4:05"),
                          (3730, "1:02:10")]
)  # fmt: skip
def test_lengths_are_told_shortly(seconds, text):
    assert length_text(seconds) == text


@pytest.mark.parametrize(
    ("name", "content", "gone"),
    [
        ("2026-09-21T14-13-20-p7", b"\x89MCAP0\r\n\x01" + b"another program's" * 9, False),
        ("a-b-c-d-e-p7", b"c1c2nav" * 9, False),
        ("2026-09-21T14-13-20-p7", b"", True),
        ("2026-09-21T14-13-20-p7.1", b"\x89MCAP0\r\n\x01c1c2nav" + b"?" * 99, True),
    ],
)
def test_what_cannot_be_read_is_deleted_only_if_it_is_ours(tmp_path, name, content, gone):
    (tmp_path / name).mkdir()
    (tmp_path / name / "session.mcap").write_bytes(content)
    if gone:
        deleted(tmp_path, "p7", "p7")
    else:
        with pytest.raises(InputError, match="no session has the code p7"):
            deleted(tmp_path, "p7", "p7")
    assert (tmp_path / name).exists() is not gone


def test_a_full_block_has_no_frame_without_a_pose():
    seen = np.ones(3 * 100, bool)
    seen[150] = False
    drawn = _shares(np.repeat([0, 1, 2], 100), seen)
    assert drawn[:4] == "█▇█ "
