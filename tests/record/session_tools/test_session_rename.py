"""Another pseudonym for a session: nothing else of it changes, and nothing is overwritten."""

import os
import shutil
from pathlib import Path

import pytest
from mcap.records import Metadata
from rich.console import Console

from nav.cli import main
from nav.core.errors import InputError
from nav.record.session.mcap_records import McapRecords
from nav.record.session.session_format import PICTURES_FILE, SESSION_FILE
from nav.record.session.session_reader import open_session
from nav.record.session.whole_blocks import WholeBlocks
from nav.record.session_tools import session_rename
from nav.record.session_tools.session_check import Weight, findings
from nav.record.session_tools.session_overview import overview
from nav.terminal import console


def renamed(session, code):
    return session_rename.rename_session(session, code, console())


def content(folder):
    reader = open_session(folder)
    about = {key: value for key, value in reader.about.items() if key != "code"}
    pictures = [(p.camera, p.log_time, p.data) for p in reader.pictures()]
    return about, list(reader.messages()), reader.attachments, pictures


@pytest.mark.parametrize("name", ["ended", "pictured", "lossless"])
def test_only_the_code_is_another_one(sessions, name):
    folder = sessions[name]
    before, former = content(folder), open_session(folder).about["code"]
    totals = overview(folder).totals
    found = renamed(folder, "Other-7")
    assert not folder.exists()
    assert found.name == folder.name.replace(former, "Other-7")
    assert content(found) == before
    assert open_session(found).about["code"] == "Other-7"
    assert (overview(found).totals, overview(found).state) == (totals, "complete")
    assert max(finding.weight for finding in findings(found)) <= Weight.NOTE
    for path in found.iterdir():
        records = [placed.record for placed in McapRecords(path)]
        said = [record.metadata for record in records if isinstance(record, Metadata)]
        assert said
        assert not any(former in table.values() for table in said)


def test_a_name_that_is_taken_gets_a_number(sessions):
    folder = sessions["ended"]
    taken = folder.with_name(folder.name.replace("p1", "q"))
    taken.mkdir()
    assert renamed(folder, "q").name == f"{taken.name}.2"
    assert not list(taken.iterdir())


def test_the_current_folder_is_renamed_and_what_may_name_the_former_code_is_told(
    sessions, monkeypatch, capsys
):
    folder = sessions["ended"]
    (folder / "poses.csv.toml").write_text(f'session = "{folder.name}"\n')
    monkeypatch.chdir(folder)
    found = session_rename.rename_session(Path(), "q", Console(width=500))
    assert open_session(found).about["code"] == "q"
    assert not folder.exists()
    assert "holds poses.csv.toml, not of the recording, which may name" in capsys.readouterr().out


def test_what_cannot_be_renamed_stays_as_it_is(sessions, tmp_path):
    folder, cut = sessions["ended"], sessions["cut"]
    with pytest.raises(InputError, match="has the code p1 already"):
        renamed(folder, "p1")
    with pytest.raises(InputError, match="code"):
        renamed(folder, "Anna Muster")
    with pytest.raises(InputError, match="is cut or damaged; nav session repair first"):
        renamed(cut, "q")
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(InputError, match="is a link"):
        renamed(link, "q")
    shutil.copy(folder / SESSION_FILE, folder / "session.1.mcap")
    with pytest.raises(InputError, match=r"holds session.1.mcap, from before a repair"):
        renamed(folder, "q")
    with pytest.raises(InputError, match="does not exist"):
        renamed(tmp_path / "nowhere", "q")
    assert {path.name for path in folder.iterdir()} == {SESSION_FILE, "session.1.mcap"}


def test_a_session_that_is_being_recorded_is_refused(tmp_path):
    folder = tmp_path / "2026-11-30T09-12-05-p1"
    folder.mkdir()
    file = WholeBlocks(folder / SESSION_FILE)
    try:
        with pytest.raises(InputError, match="is being recorded now"):
            renamed(folder, "q")
    finally:
        file.close()


def test_an_attempt_that_failed_can_be_made_again(sessions, monkeypatch, capsys):
    folder = sessions["pictured"]
    before, write = content(folder), session_rename._rewrite

    def fails(part, target, code):
        write(part, target, code)
        if part.path.name == PICTURES_FILE:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(session_rename, "_rewrite", fails)
    with pytest.raises(InputError, match="No space left"):
        renamed(folder, "q")
    assert content(folder) == before
    assert len(list(folder.iterdir())) == 2
    monkeypatch.setattr(session_rename, "_rewrite", write)
    session_rename._write([session_rename.examine_part(folder / SESSION_FILE)], "q")
    with pytest.raises(SystemExit) as end:  # as if ended before the folder had its name
        main(["session", "rename", str(folder), "q"])
    assert not end.value.code
    found = folder.with_name(folder.name.replace("p3", "q"))
    assert f"is {found} now" in capsys.readouterr().out
    assert content(found) == before
