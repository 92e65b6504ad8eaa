"""Nothing of the user's is lost: what is written over, kept, refused, and what is cleaned up."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App

from nav import cli
from nav.core.errors import InputError
from nav.core.filekinds import file_kind
from nav.core.outputs import (
    backups_reported_to,
    numbered,
    written_together,
    written_whole,
)
from nav.core.unfinished import remove_unfinished, unfinished_name
from nav.options import Input, Output, OutputFolder, path_roles

REGISTRATION = 'format = "c1c2nav/registration/1"\nfre = 0.3\n'
TOOL = 'format = "c1c2nav/tool/1"\nname = "needle"\n'
POSES = "frame,time,tool,status,tx,ty,tz,qx,qy,qz,qw,tip_x\n0,0.0,needle,lost\n"
# a file of each kind that an output may be, enough to know it by
EARLIER = {
    "table of poses": POSES.encode(),
    "table of processing times": b"frame,read_ms,track_ms,mode\n",
    "PNG image": b"\x89PNG\r\n\x1a\n\0\0\0\x10tEXtSoftware\0c1c2nav",
    "volume": b"ObjectType = Image\nComment = c1c2nav\nElementDataFile = LOCAL\n",
    "table of points": b"label,x,y,z\n",
    "summary": b'{\n "made_by": "c1c2nav 0.2.0"\n}\n',
    "HTML report": b'<!DOCTYPE html>\n<meta name="generator" content="c1c2nav 0.2.0">\n',
    "printed sheet": b"%PDF-1.4\n/Author (c1c2nav 0.2.0)\n",
    "database of daily checks": b"SQLite format 3\0" + bytes(52) + b"c1c2" + bytes(28),
}
NAMES = {
    "table of poses": "x.csv",
    "table of processing times": "x.csv",
    "volume": "x.mha",
    "PNG image": "x.png",
    "table of points": "x.csv",
    "summary": "x.json",
    "HTML report": "x.html",
    "printed sheet": "x.pdf",
    "database of daily checks": "x.db",
}
OTHERS = {
    "notes": b"dear diary",
    "another program's table": b"frame,time,x\n1,2,3\n",
    "another program's TOML": b'[tool]\nformat = "c1c2nav/rig/1"\n',
    "another of ours": b'format = "c1c2nav/somethingelse/1"\n',
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\x10tEXtSoftware\0GIMP",
}


def commands(app: App, name: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every command of the program that does something, by its words."""
    for word in app:
        if word.startswith("-"):
            continue
        inner = app[word]
        if inner.default_command is not None:
            yield f"{name} {word}".strip(), inner.default_command
        else:
            yield from commands(inner, f"{name} {word}".strip())


COMMANDS = dict(commands(cli.app))
OUTPUTS = [
    (name, option, role)
    for name, command in COMMANDS.items()
    for option, role in path_roles(command).items()
    if isinstance(role, Output)
]
by_output = pytest.mark.parametrize(
    ("name", "option", "role"), OUTPUTS, ids=[f"{name} --{option}" for name, option, _ in OUTPUTS]
)


def earlier(kind: str) -> bytes:
    """What is enough to be known as a file of a kind."""
    if kind.endswith(" file"):
        return f'format = "c1c2nav/{kind[:-5]}/1"\n'.encode()
    return EARLIER[kind]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder; commands run in it."""
    (tmp_path / "bench").mkdir()
    monkeypatch.chdir(tmp_path / "bench")
    return tmp_path / "bench"


NEEDED = {
    "phantom scan": ("--seed", "0"),
    "record": ("--camera", "left=0", "--no-window"),
}  # what is no path, and has no default


def words(name: str, folder: Path, **values: Path) -> list[str]:
    """A command with everything that it needs: a file that is none of ours for each input."""
    given = [*name.split(), *NEEDED.get(name, ())]
    for option, role in path_roles(COMMANDS[name]).items():
        if option in values:
            path: Path | None = values[option]
        elif isinstance(role, Input):
            path = folder / f"{option}.input"
            path.write_text(f"input {option}")
        elif isinstance(role, Output):
            path = folder / f"new {option}{Path(NAMES.get(role.kind, 'x.toml')).suffix}"
        else:
            path = folder / f"new {option}"
        given += [f"--{option.replace('_', '-')}", str(path)]
    return given


def refused(capsys, folder: Path, arguments: list[str], *said: str) -> None:
    """Exit code 2, one line that holds what is said, and nothing changed."""
    before = tree(folder)
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    line = capsys.readouterr().err
    assert ended.value.code == 2, line
    assert line.startswith("nav: ")
    assert len(line.splitlines()) == 1
    for part in said:
        assert part in line
    assert tree(folder) == before


# every command


def test_every_path_of_every_command_is_an_input_or_an_output():
    assert len(COMMANDS) > 15
    assert len(OUTPUTS) >= 8
    for name, command in COMMANDS.items():
        for option, role in path_roles(command).items():
            assert isinstance(role, Input | Output | OutputFolder), f"nav {name} --{option}"


def name_of(role: Output) -> str:
    return NAMES.get(role.kind, "x.toml")


@by_output
def test_no_output_replaces_an_input(name, option, role, folder, capsys):
    inputs = [o for o, r in path_roles(COMMANDS[name]).items() if isinstance(r, Input)]
    for read in inputs:
        path = folder / name_of(role)
        path.write_bytes(earlier(role.kind))  # its kind alone would let it be replaced
        if read == role.renews:
            continue
        arguments = words(name, folder, **{read: path, option: path})
        refused(capsys, folder, arguments, str(path), "input")


@by_output
@pytest.mark.parametrize("way", ["link", "hard link", "spelling", "link to the folder"])
def test_an_input_is_known_by_any_name(name, option, role, way, folder, capsys):
    reads = [o for o, r in path_roles(COMMANDS[name]).items() if isinstance(r, Input)]
    read = next(o for o in reads if o != role.renews)
    path = folder / name_of(role)
    path.write_bytes(earlier(role.kind))
    other = folder / f"other{path.suffix}"
    if way == "link":
        other.symlink_to(path)
    elif way == "hard link":
        os.link(path, other)
    elif way == "spelling":
        other = Path("..") / "bench" / path.name
    else:
        (folder / "way").symlink_to(folder)
        other = folder / "way" / path.name
    refused(capsys, folder, words(name, folder, **{read: path, option: other}), "input")


@by_output
@pytest.mark.parametrize("what", [*OTHERS, "folder", "pipe", "protected"])
def test_what_is_not_ours_is_not_replaced(name, option, role, what, folder, capsys):
    arguments = words(name, folder)
    path = folder / name_of(role)
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "protected":
        path.write_bytes(earlier(role.kind))
        path.chmod(0o444)
    else:
        path.write_bytes(OTHERS[what])
    refused(capsys, folder, words(name, folder, **{option: path}), str(path))
    assert arguments[0] in name


@by_output
def test_what_is_written_beside_is_guarded_as_well(name, option, role, folder, capsys):
    path = folder / name_of(role)
    for beside, _ in role.files(path)[1:]:
        beside.write_bytes(b"of the user")
        refused(capsys, folder, words(name, folder, **{option: path}), str(beside))
        beside.unlink()


@by_output
def test_a_device_and_a_wrong_suffix_are_refused(name, option, role, folder, capsys):
    arguments = words(name, folder, **{option: Path("/dev/null")})
    refused(capsys, folder, arguments, "/dev/null")
    arguments = words(name, folder, **{option: folder / "x.jpg"})
    refused(capsys, folder, arguments, "x.jpg", "expected a name that ends in")


@by_output
def test_a_file_in_the_way_of_the_folder_is_refused_before_the_work(
    name, option, role, folder, capsys
):
    (folder / "file").write_text("")
    arguments = words(name, folder, **{option: folder / "file" / name_of(role)})
    refused(capsys, folder, arguments, "cannot be written")
    long = folder / ("n" * 260 + Path(name_of(role)).suffix)
    refused(capsys, folder, words(name, folder, **{option: long}), "cannot be written")


FOLDERS = [
    (name, option)
    for name, command in COMMANDS.items()
    for option, role in path_roles(command).items()
    if isinstance(role, OutputFolder) and role.check is not None
]


@pytest.mark.parametrize(("name", "option"), FOLDERS)
def test_a_folder_with_a_users_files_is_refused(name, option, folder, capsys):
    out = folder / "mine"
    (out / "case").mkdir(parents=True)
    for file in ("rig.toml", "needle.toml", "reference.toml", "poses.csv", "case/case.toml"):
        (out / file).write_text("mine")
    needed = {"phantom random": ["--seed", "1"]}.get(name, NEEDED.get(name, ()))
    headless = ["--headless"] if name == "demo" else []
    arguments = [*name.split(), f"--{option}", str(out), *needed, *headless]
    refused(capsys, folder, arguments, str(out))


@pytest.mark.parametrize("command", ["targets", "tools"])
def test_sheets_are_written_all_or_none(command, folder, capsys):
    out = folder / "sheets"
    out.mkdir()
    names = {"targets": "chessboard.toml", "tools": "reference.pdf"}
    (out / names[command]).write_text("of the user")
    refused(capsys, folder, ["print", command, "--out", str(out)], names[command])


def test_sheets_are_printed_again_and_the_old_ones_kept(folder, capsys):
    out = folder / "sheets"
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            cli.main(["print", "tools", "--out", str(out)])
        assert ended.value.code == 0
        for path in out.glob("*.toml"):
            path.write_text(f"{path.read_text()}# measured\n")
    said = capsys.readouterr().out
    assert "the old needle.toml is kept as needle.1.toml" in said
    # the sheets themselves are the same again
    names = {path.name for path in out.iterdir()}
    assert names == {
        *("needle.pdf", "needle.toml", "needle.1.toml"),
        *("reference.pdf", "reference.toml", "reference.1.toml"),
    }


def test_two_outputs_are_not_one_file(folder, capsys):
    for other in ("x.csv", "./x.csv", "X.csv"):
        arguments = words("track", folder, output=Path("x.csv"), timing=Path(other))
        refused(capsys, folder, arguments, "twice")


def test_a_table_of_times_in_the_pictures_is_not_replaced(folder, capsys):
    (folder / "images.input").mkdir()
    arguments = words("track", folder, images=folder / "images.input")
    at = arguments.index("--output") + 1
    arguments[at] = str(folder / "images.input" / "times.csv")
    refused(capsys, folder, arguments, "times.csv", "input")


# the writer


def write(path: Path, text: str) -> None:
    with written_whole(path) as beside:
        beside.write_text(text)


def test_earlier_files_are_kept_under_numbers(tmp_path):
    told = []
    path = tmp_path / "r.toml"
    with backups_reported_to(lambda old, copy: told.append((old.name, copy.name))):
        for number in range(3):
            write(path, f"{REGISTRATION}n = {number}\n")
    assert told == [("r.toml", "r.1.toml"), ("r.toml", "r.2.toml")]
    kept = [path.with_name(name).read_text()[-2] for name in ("r.1.toml", "r.2.toml", "r.toml")]
    assert kept == ["0", "1", "2"]


def test_the_same_again_is_not_kept_twice(tmp_path):
    for _ in range(2):
        write(tmp_path / "r.toml", REGISTRATION)
    assert [p.name for p in tmp_path.iterdir()] == ["r.toml"]


@pytest.mark.parametrize(
    "present", [TOOL, "notes", 'x = 1\n[a]\nformat = "c1c2nav/registration/1"']
)
def test_another_kind_is_never_replaced(tmp_path, present):
    path = tmp_path / "r.toml"
    path.write_text(present)
    with pytest.raises(InputError, match=r"r\.toml: would be overwritten"):
        write(path, REGISTRATION)
    assert tree(tmp_path) == {"r.toml": present.encode()}


def test_files_that_belong_together_are_kept_under_one_number(tmp_path):
    paths = tmp_path / "p.csv", tmp_path / "p.toml"
    (tmp_path / "p.1.toml").write_text("of the user")
    for number in range(2):
        with written_together(*paths) as (table, facts):
            table.write_text(f"{POSES}{number}\n")
            facts.write_text(f'format = "c1c2nav/poses/1"\nn = {number}\n')
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("p.1.toml", "p.2.csv", "p.2.toml", "p.csv", "p.toml")
    ]
    assert (tmp_path / "p.1.toml").read_text() == "of the user"


def write_pair(folder: Path) -> None:
    with written_together(folder / "p.csv", folder / "p.toml") as (table, facts):
        table.write_text(f"{POSES}1\n")
        facts.write_text('format = "c1c2nav/poses/1"\nn = 1\n')


def test_of_files_that_belong_together_all_appear_or_none(tmp_path):
    (tmp_path / "p.csv").write_text(POSES)
    (tmp_path / "p.toml").write_text(TOOL)
    before = tree(tmp_path)
    with pytest.raises(InputError, match=r"p\.toml: would be overwritten, but is a tool file"):
        write_pair(tmp_path)
    assert tree(tmp_path) == before


def test_a_replacement_that_fails_is_undone(tmp_path, monkeypatch):
    paths = tmp_path / "p.csv", tmp_path / "p.toml"
    paths[0].write_text(POSES)
    paths[1].write_text('format = "c1c2nav/poses/1"\n')
    before = tree(tmp_path)
    replace = Path.replace

    def fails(self, target):
        if Path(target).name == "p.toml" and ".c1c2nav-" in self.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(InputError, match=r"p\.toml: cannot be written: Input/output error"):
        write_pair(tmp_path)
    assert tree(tmp_path) == before


def test_a_link_is_followed_and_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "r.toml", tmp_path / "link.toml"
    real.write_text(REGISTRATION)
    link.symlink_to(real)
    write(link, f"{REGISTRATION}n = 1\n")
    assert link.is_symlink()
    assert real.read_text().endswith("n = 1\n")
    assert (tmp_path / "real" / "r.1.toml").read_text() == REGISTRATION


def test_a_long_name_is_written(tmp_path):
    path = tmp_path / ("ä" * 120 + ".toml")
    write(path, REGISTRATION)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_numbers_stand_before_what_names_the_format(tmp_path):
    assert numbered(Path("a/neck.nii.gz"), 2) == Path("a/neck.2.nii.gz")
    assert numbered(Path("rig.toml"), 1) == Path("rig.1.toml")


@pytest.mark.skipif(os.name != "posix", reason="asks for processes as POSIX does")
def test_what_a_killed_command_leaves_is_removed_at_the_next_run(tmp_path):
    code = (
        "import os, sys, signal\nfrom pathlib import Path\n"
        "from nav.core.outputs import written_whole\n"
        "with written_whole(Path(sys.argv[1])) as beside:\n"
        "    beside.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "r.toml")], check=False)
    assert done.returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    write(tmp_path / "other.toml", REGISTRATION)
    assert [p.name for p in tmp_path.iterdir()] == ["other.toml"]


def test_only_our_own_abandoned_files_are_removed(tmp_path, monkeypatch):
    present = unfinished_name(tmp_path / "r.toml")  # of this process, which lives
    with monkeypatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "another")
        patch.setattr(os, "getpid", lambda: 2**22 + 1)
        elsewhere = unfinished_name(tmp_path / "r.toml")
    users = [tmp_path / ".r.c1c2nav-backup.toml", tmp_path / ".r-abcdefgh.toml"]
    for path in (present, elsewhere, *users):
        path.write_text("x")
    os.utime(users[0], (0, 0))
    remove_unfinished(tmp_path)
    assert set(tmp_path.iterdir()) == {present, elsewhere, *users}
    os.utime(elsewhere, (0, 0))  # nobody writes for years
    remove_unfinished(tmp_path)
    assert set(tmp_path.iterdir()) == {present, *users}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("\ufeff# mine\nname = 'x'\nformat = 'c1c2nav/tool/1'\n", "tool file"),
        ("name = 'x'\n[a]\nformat = 'c1c2nav/tool/1'\n", None),
        ("label,x,y,z\nD1,1,2,3\n", "table of points"),
        ("label;x;y;z\n", None),
        ("", None),
        ("{}", None),
        ('{\n  "made_by": "c1c2nav 1.0"\n}', "summary"),
    ],
)
def test_kinds_are_told_by_content(tmp_path, content, kind):
    (tmp_path / "file").write_text(content, encoding="utf-8")
    assert file_kind(tmp_path / "file") == kind
