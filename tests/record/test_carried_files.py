"""What a session carries along: nothing else is needed, and no place of the computer is named."""

import tomllib
from dataclasses import replace

import tomli_w

from nav.model.case import load_case
from nav.record.session.carried_files import CASE
from nav.record.session_replay.session_unpacking import unpack
from tests.record.test_session_recorder import Recorded


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
