"""Atomic replacement of a whole folder: built beside it, and renamed when complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nav.core.errors import InputError
from nav.core.filekinds import SUMMARY, file_kind
from nav.core.files import read_toml
from nav.core.output_checks import refuse_folder
from nav.core.outputs import numbered_folder, report_backup
from nav.core.unfinished import remove_unfinished, unfinished_name

OWN = "c1c2nav/"  # what the format of our files begins with
# what `nav demo` writes; pictures and tables of its calibration are in a folder of their own
DEMONSTRATION = {
    *("summary.json", "poses.csv", "poses.toml", "truth.csv", "truth.toml"),
    *("live.png", "distances.png", "rig.toml", "rig.png", "needle.toml", "reference.toml"),
    "reference.calibration.toml",
}
TAKEN = (".png", ".csv", ".toml")
UNMINDED = {".DS_Store", "Thumbs.db", "desktop.ini"}  # left by file managers, never by a person


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Make a new folder to write into, renamed to `path` at the end, removed on any failure.

    What is at `path` may be nothing, an empty folder, or an earlier kit, case or demonstration:
    then it is left as it is until the new one is complete, and is kept under a number. A link is
    followed: what it points to is replaced.

    Parameters
    ----------
    path : Path
        Where the folder is to be.

    Yields
    ------
    Path
        The unfinished folder to write into.

    Raises
    ------
    InputError
        `path` is a file, a mount point, the current folder, or one that holds anything else; it
        cannot be written; the disk is full. An error of the file system inside the block becomes
        one too.
    """
    path = Path(path)
    refuse_foreign(path)
    try:
        target = path.resolve()
        parents = _made_parents(target.parent)
        remove_unfinished(target.parent)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise _unwritable(path, error) from None
    beside = unfinished_name(target)
    try:
        beside.mkdir()
        yield beside
        refuse_foreign(path)
        _exchange(path, beside, target)
    except OSError as error:
        raise _unwritable(path, error) from None
    except InputError as error:
        raise InputError(str(error).replace(str(beside), str(path))) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        for parent in parents:
            with suppress(OSError):  # not empty: all went well
                parent.rmdir()


def _unwritable(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or error
    return InputError(f"{path}: cannot be written: {reason}")


def _made_parents(folder: Path) -> list[Path]:
    """Make the folder; return which ones had to be made, the deepest first."""
    made: list[Path] = []
    for parent in reversed([folder, *folder.parents]):
        if not parent.is_dir():
            try:
                parent.mkdir()
            except OSError:
                for earlier in made:
                    earlier.rmdir()
                raise
            made.insert(0, parent)
    return made


def _exchange(path: Path, new: Path, target: Path) -> None:
    """Put the new folder in the target's place; the old one is kept, and put back on failure."""
    if target.exists() and not any(target.iterdir()):
        target.rmdir()
    if not target.exists():
        new.rename(target)
        return
    old = numbered_folder(target)
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise
    report_backup(path, old)


def _refuse_fixed(path: Path, target: Path) -> None:
    """Refuse folders that cannot be renamed, or that the command itself runs in."""
    if target.is_mount():
        raise InputError(f"{path}: is a mount point, never replaced; give a new folder in it")
    with suppress(OSError):
        if target == Path.cwd() or target in Path.cwd().parents:
            raise InputError(f"{path}: is the current folder or holds it; give another one")


def refuse_foreign(path: Path) -> None:
    """Refuse a folder that cannot be replaced, or that holds what none of our commands wrote.

    Parameters
    ----------
    path : Path
        The folder; need not exist.

    Raises
    ------
    InputError
        It is a file, a mount point, the current folder, or holds a user's file; it or the folder
        that it is to be in cannot be read or written.
    """
    try:
        target = Path(path).resolve()
        _refuse_fixed(path, target)
        _refuse_content(path, target)
        refuse_folder(target)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise _unwritable(path, error) from None


def _refuse_content(path: Path, target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{path}: is a file, expected a folder")
    if not os.access(target, os.R_OK | os.W_OK | os.X_OK):
        raise InputError(f"{path}: is write-protected or may not be read; give a new folder")
    own = _own_files(target)
    for entry in sorted(target.rglob("*")):
        name = entry.relative_to(target).as_posix()
        if entry.is_dir() and not entry.is_symlink():
            continue
        if name not in own and entry.name not in UNMINDED:
            raise InputError(
                f"{path}: holds {name}, which no earlier run of this command wrote there; "
                "give a new folder"
            )


def _own_files(folder: Path) -> set[str]:
    """List what an earlier kit or case says that it consists of; relative, with slashes."""
    own: set[str] = set()
    kit, case = _table(folder / "kit.toml"), _table(folder / "case.toml")
    if kit:
        own |= {"kit.toml", *_texts(kit.get("files"))}
    if _is_demonstration(folder):
        own |= _demonstration_files(folder)
    if case:
        own |= {"case.toml", *_texts([_entry(s, "mesh") for s in _list(case.get("structure"))])}
    return own


def _is_demonstration(folder: Path) -> bool:
    """Return whether `nav demo` wrote a folder: its summary comes last, so it is complete."""
    try:
        return file_kind(folder / "summary.json") == SUMMARY
    except OSError:
        return False


def _demonstration_files(folder: Path) -> set[str]:
    """List everything that `nav demo` writes, also with --calibrated, and that is there."""
    case = _table(folder / "case" / "case.toml")
    meshes = _texts([_entry(s, "mesh") for s in _list(case.get("structure"))])
    own = {*DEMONSTRATION, "case/case.toml", *(f"case/{mesh}" for mesh in meshes)}
    taken = (folder / "calibration").rglob("*")
    return own | {p.relative_to(folder).as_posix() for p in taken if p.suffix in TAKEN}


def _table(path: Path) -> dict[str, Any]:
    """Read a TOML file of ours; empty where it is missing, unreadable or another program's."""
    try:
        table = read_toml(path)
    except InputError:
        return {}
    return table if str(table.get("format", "")).startswith(OWN) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _entry(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _texts(value: Any) -> list[str]:
    return [text for text in _list(value) if isinstance(text, str)]
