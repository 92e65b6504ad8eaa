"""What a session carries along: nothing else is needed, and no place of the computer is named."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from nav.core.frames import Pose
from nav.model.case import load_case
from nav.record.session import carried_files
from nav.record.session.carried_files import CASE, without_comments
from nav.record.session.record_setup import RecordOptions
from nav.record.session.session_about import ORIGINAL, about_session
from nav.record.session.session_reader import open_session
from nav.record.session.session_writer import SessionWriter
from nav.record.session_replay.replay_setup import ReplayOptions
from nav.record.session_replay.replay_work import open_for_replay
from nav.record.session_replay.session_unpacking import changed_files, unpack
from nav.record.session_tools.session_check import Weight, findings
from nav.registration.registration_result import Registration, write_registration
from nav.registration.reuse import describe_registration
from tests.record.example_session import example_files
from tests.record.test_record_setup import Recorded


def test_meshes_elsewhere_are_carried_without_their_place(tmp_path):
    work, elsewhere = Recorded(tmp_path / "files"), tmp_path / "Anna Muster"
    elsewhere.mkdir()
    case = work.files.case
    case.with_name("cord.ply").rename(elsewhere / "cord.ply")
    table = tomllib.loads(case.read_text())
    (structure,) = table["structure"]
    table["structure"] = [
        {**structure, "mesh": str(elsewhere / "cord.ply")},
        {**structure, "mesh": "../../Anna Muster/cord.ply", "name": "again"},
    ]
    case.write_text(tomli_w.dumps(table))
    attached = work.files.read()
    for content in attached.values():
        assert b"Anna" not in content
        assert bytes(tmp_path) not in content
    unpack(tmp_path, attached, {}, tmp_path / "out")
    assert [s.name for s in load_case(tmp_path / "out" / CASE).structures] == ["cord", "again"]


def test_tools_of_any_name_are_carried(tmp_path):
    work = Recorded(tmp_path / "files")
    names = ("../a", "x" * 300, "Nädel 2", "nädel 2", "a/b", "reference")
    given = tuple((name, work.files.tools[0][1]) for name in names)
    attached = replace(work.files, tools=given).read()
    assert sum(name.startswith("tools/") for name in attached) == len(names)
    assert {"tools/Nädel 2.toml", "tools/reference.toml"} <= attached.keys()
    unpack(tmp_path, attached, {}, tmp_path / "out")
    assert len(list((tmp_path / "out" / "tools").iterdir())) == len(names)


PRIVATE = "# Anna Muster, born 1970\n"


def with_comments(work):
    """Put comments into all files of a work; return their paths."""
    case = work.files.case
    paths = [work.files.rig, case, *(path for _, path in work.files.tools)]
    for path in paths:
        path.write_text(f"{PRIVATE}{path.read_text()}  # Anna\n", encoding="utf-8")
    return paths


def test_comments_stay_behind(tmp_path):
    work = Recorded(tmp_path / "files")
    plain = work.files.read()
    with_comments(work)
    attached = work.files.read()
    assert attached.keys() == plain.keys()
    for name, content in attached.items():
        assert b"Anna" not in content
        if name.endswith(".toml"):
            assert tomllib.loads(content.decode()) == tomllib.loads(plain[name].decode())
    assert work.files.originals(plain).keys() == {n for n in plain if n.endswith(".toml")}


def test_a_sign_of_comments_in_a_text_is_no_comment():
    text = 'name = "needle #3"\nmade = 2026-11-30T09:12:05Z\nsd = 1e-17\n'
    path = Path("needle.toml")
    assert tomllib.loads(without_comments(text.encode(), path).decode()) == tomllib.loads(text)
    assert without_comments(b"a = 1\n", path) == b"a = 1\n"


@pytest.mark.parametrize("broken", [b"a = # half an edit\n", b"a = 1 # \xff\n"])
def test_a_file_that_was_broken_since_it_was_loaded_is_named(tmp_path, broken):
    work = Recorded(tmp_path / "files")
    _, path = work.files.tools[0]
    path.write_bytes(broken)
    with pytest.raises(InputError, match=f"{path.name}: not valid TOML.* since it was loaded"):
        work.files.read()


def test_a_case_with_a_mark_of_byte_order_and_meshes_elsewhere_is_carried(tmp_path):
    work = Recorded(tmp_path / "files")
    case = work.files.case
    case.with_name("cord.ply").rename(case.parent.parent / "cord.ply")
    text = case.read_text().replace('"cord.ply"', '"../cord.ply"')
    case.write_text(text, encoding="utf-8-sig")
    unpack(tmp_path, work.files.read(), {}, tmp_path / "out")
    assert [s.name for s in load_case(tmp_path / "out" / CASE).structures] == ["cord"]


def test_a_case_that_no_reader_would_take_is_not_recorded(tmp_path, monkeypatch):
    """It would be found out when the session is opened, too late."""
    work = Recorded(tmp_path / "files")
    size = sum(map(len, work.files.read().values()))
    monkeypatch.setattr(carried_files, "MOST_MADE", 100)
    monkeypatch.setattr(carried_files, "MOST_ATTACHED", size + 100)
    assert work.files.read()
    monkeypatch.setattr(carried_files, "MOST_ATTACHED", size + 99)
    with pytest.raises(InputError, match="with its meshes, too large to be recorded"):
        work.files.read()


def test_the_case_on_the_disk_is_still_the_one_that_was_recorded(tmp_path):
    """Though its comments are not in the session."""
    work = Recorded(tmp_path / "files")
    _, case, *_ = with_comments(work)
    (setup,) = RecordOptions(tmp_path / "out").setups("poses")
    setup.open(work).close()
    (session,) = (tmp_path / "out").iterdir()
    reader = open_session(session)
    assert not reader.damage
    assert changed_files(case, reader.attachments, reader.about) == ()
    found = [finding for finding in findings(session, case) if finding.weight is not Weight.GOOD]
    assert [finding.text for finding in found if "case" in finding.text] == []
    case.write_text(case.read_text().replace("phantom", "other"))
    assert changed_files(case, reader.attachments, reader.about) == ("case.toml",)
    worst = max(finding.weight for finding in findings(session, case))
    assert worst is Weight.DIFFERENT


def test_a_registration_of_the_original_files_is_accepted_in_a_replay(tmp_path):
    work = Recorded(tmp_path / "files")
    _, case, _, reference = with_comments(work)
    table = describe_registration(None, ("phantom", case), ("reference", reference))
    made = Registration(Pose(RigidTransform.identity()), 0.1, np.zeros(0))
    write_registration(tmp_path / "registration.toml", made, (), table)
    (setup,) = RecordOptions(tmp_path / "out").setups("poses")
    setup.open(work).close()
    (session,) = (tmp_path / "out").iterdir()
    options = ReplayOptions(session, registration=tmp_path / "registration.toml")
    assert open_for_replay(options).setup.replaces_registration
    reader = open_session(session)
    about = {key: value for key, value in reader.about.items() if not key.startswith(ORIGINAL)}
    SessionWriter(tmp_path / "unknown", about, reader.attachments).close()
    with pytest.raises(InputError, match="was made for another case"):
        open_for_replay(replace(options, session=tmp_path / "unknown"))


def test_comments_in_a_session_of_an_earlier_version_are_told(tmp_path):
    files = example_files(tmp_path / "files")
    files["rig.toml"] = PRIVATE.encode() + files["rig.toml"]
    SessionWriter(tmp_path / "s", about_session("poses"), files).close()
    said = [finding for finding in findings(tmp_path / "s") if "comments" in finding.text]
    assert [(one.weight, "rig.toml" in one.text) for one in said] == [(Weight.NOTE, True)]
