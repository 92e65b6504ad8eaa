"""The commands on bad sessions: one line each, an exit code that says so, and nothing is lost."""

import shutil
from pathlib import Path

import pytest

from nav.cli import main
from tests.record.example_session import write_example_session

# of every kind of fault, how it is made from the content of a session that is well
SPOILT = {
    "empty": lambda content: b"",
    "foreign": lambda content: b"\x89PNG\r\n\x1a\n" + bytes(3000),
    "head only": lambda content: content[:300],
    "zeros": lambda content: bytes(len(content)),
    "later version": lambda content: content.replace(b"c1c2nav/session/1", b"c1c2nav/session/7"),
    "other schema": lambda content: content.replace(b"c1c2nav/session/1", b"c1c2nav/lesson7/1"),
    "cut": lambda content: content[: len(content) * 2 // 3],
    "flipped": lambda content: flipped(content, len(content) // 2),
    "noise in the middle": lambda content: (
        content[: len(content) // 2] + bytes(range(256)) * 8 + content[len(content) // 2 + 2048 :]
    ),
}
UNREADABLE = ("empty", "foreign", "head only", "zeros", "later version", "other schema")
READING = ("show", "check")  # commands that change nothing
# commands that write something else, and with what
WRITING = {
    "csv": ("export", "--output", "out/poses.csv"),
    "slicer": ("export", "--output", "out/poses.seq.mha"),
    "report": ("report", "--output", "out/report.html"),
}
NONE, BAD_INPUT, INCOMPLETE = 0, 2, 3


def flipped(content: bytes, at: int) -> bytes:
    spoiling = bytearray(content)
    spoiling[at] ^= 16
    return bytes(spoiling)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return write_example_session(tmp_path_factory.mktemp("sessions"), steps=16)


@pytest.fixture
def spoilt(recorded, tmp_path, request):
    """A folder of sessions with one that is well and one that is not; returns the latter."""
    folder = tmp_path / "sessions"
    folder.mkdir()
    shutil.copytree(recorded, folder / recorded.name)
    bad = shutil.copytree(recorded, folder / "bad")
    path = bad / "session.mcap"
    path.write_bytes(SPOILT[request.param](path.read_bytes()))
    return bad


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder with what is in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def run(capsys):
    """Call nav; exit code, output, and lines of errors."""

    def call(*words):
        code = 0
        try:
            main([str(word) for word in words])
        except SystemExit as end:
            code = end.code or 0
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err.splitlines()

    return call


@pytest.mark.parametrize("spoilt", UNREADABLE, indirect=True)
@pytest.mark.parametrize("command", [*READING, "repair"])
def test_what_cannot_be_read_is_one_line_and_stays(spoilt, run, command):
    before = tree(spoilt.parent)
    code, _, errors = run("session", command, spoilt)
    assert code == BAD_INPUT
    (line,) = errors
    assert line.startswith("nav: ")
    assert str(spoilt) in line
    assert tree(spoilt.parent) == before


@pytest.mark.parametrize("spoilt", UNREADABLE, indirect=True)
@pytest.mark.parametrize("command", WRITING)
def test_of_what_cannot_be_read_nothing_is_written(spoilt, run, command, monkeypatch):
    monkeypatch.chdir(spoilt.parent.parent)
    before = tree(spoilt.parent.parent)
    word, *options = WRITING[command]
    code, _, errors = run("session", word, spoilt, *options)
    assert code == BAD_INPUT
    (line,) = errors
    assert str(spoilt) in line
    assert tree(spoilt.parent.parent) == before


@pytest.mark.parametrize("spoilt", ["cut", "flipped"], indirect=True)
@pytest.mark.parametrize("command", WRITING)
def test_what_can_be_read_is_written(spoilt, run, command, monkeypatch):
    monkeypatch.chdir(spoilt.parent.parent)
    before = tree(spoilt.parent)
    word, *options = WRITING[command]
    code, _, errors = run("session", word, spoilt, *options)
    assert code in (NONE, INCOMPLETE), errors
    assert len(errors) <= 1
    assert Path(options[-1]).stat().st_size > 1000
    assert tree(spoilt.parent) == before


@pytest.mark.parametrize("spoilt", ["cut", "flipped", "noise in the middle"], indirect=True)
@pytest.mark.parametrize("command", READING)
def test_what_can_be_read_is_read_and_the_rest_is_told(spoilt, run, command):
    before = tree(spoilt.parent)
    code, out, errors = run("session", command, spoilt)
    assert code in ((NONE, INCOMPLETE) if command == "show" else (INCOMPLETE,)), errors
    assert out
    assert len(errors) <= 1
    assert tree(spoilt.parent) == before


@pytest.mark.parametrize("spoilt", SPOILT, indirect=True)
def test_one_bad_session_does_not_hide_the_others(spoilt, recorded, run):
    before = tree(spoilt.parent)
    code, out, errors = run("session", "list", spoilt.parent)
    assert (code, errors) == (NONE, [])
    assert recorded.name in out.replace("\n", "") or "live" in out
    assert "bad" in out
    assert tree(spoilt.parent) == before


@pytest.mark.parametrize("spoilt", ["cut", "flipped", "noise in the middle"], indirect=True)
def test_repair_keeps_what_was_there(spoilt, run):
    damaged = (spoilt / "session.mcap").read_bytes()
    code, _, errors = run("session", "repair", spoilt)
    assert code in (NONE, INCOMPLETE), errors
    assert (spoilt / "session.1.mcap").read_bytes() == damaged
    assert run("session", "show", spoilt)[0] in (NONE, INCOMPLETE)
    again = tree(spoilt)
    run("session", "repair", spoilt)  # there is nothing left to repair
    assert tree(spoilt) == again


@pytest.mark.parametrize("spoilt", SPOILT, indirect=True)
def test_delete_takes_only_sessions_of_the_code(spoilt, recorded, run):
    """What cannot be read does not say whose it is, so it stays."""
    code, _, errors = run("session", "delete", spoilt.parent, "--code", "p9", "--yes")
    assert code in (NONE, BAD_INPUT)
    assert len(errors) <= 1
    assert (spoilt / "session.mcap").exists()
    assert (spoilt.parent / recorded.name / "session.mcap").exists()


@pytest.mark.parametrize("spoilt", UNREADABLE, indirect=True)
@pytest.mark.parametrize("options", [(), ("--compare",), ("--from", "pictures", "--compare")])
def test_a_replay_of_what_cannot_be_read_is_one_line(spoilt, run, options):
    before = tree(spoilt.parent)
    code, _, errors = run("replay", spoilt, *options)
    assert code == BAD_INPUT
    (line,) = errors
    assert str(spoilt) in line
    assert tree(spoilt.parent) == before


@pytest.mark.parametrize("spoilt", ["cut", "flipped", "noise in the middle"], indirect=True)
def test_a_replay_goes_as_far_as_the_session(spoilt, run):
    """And says what is missing: without a command of the user a replay comes out otherwise."""
    before = tree(spoilt.parent)
    code, out, errors = run("replay", spoilt, "--compare")
    assert code in (NONE, 1), errors
    assert "the recording is not complete: session.mcap is " in out
    assert len(errors) <= 1
    assert tree(spoilt.parent) == before


@pytest.mark.parametrize("name", ["nothing", "file", "folder"])
@pytest.mark.parametrize("command", [*READING, "repair"])
def test_what_is_no_session_is_one_line(tmp_path, run, command, name):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    before = tree(tmp_path)
    code, _, errors = run("session", command, tmp_path / name)
    assert code == BAD_INPUT
    assert len(errors) == 1
    assert tree(tmp_path) == before


@pytest.mark.parametrize("spoilt", ["cut"], indirect=True)
def test_a_case_that_has_changed_since_is_told(recorded, spoilt, run):
    good = spoilt.parent / recorded.name
    case = recorded.parent / "files" / "case"
    assert run("session", "check", good, "--case", case)[0] == NONE
    changed = shutil.copytree(case, spoilt.parent.parent / "case")
    text = (changed / "case.toml").read_text()
    (changed / "case.toml").write_text(text.replace("caution = 2.0", "caution = 1.5"))
    before = tree(spoilt.parent)
    code, out, _ = run("session", "check", good, "--case", changed)
    assert code == 1
    assert "case.toml" in out
    assert tree(spoilt.parent) == before
