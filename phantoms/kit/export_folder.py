"""A whole folder written at once: built beside, and renamed into place when all of it is there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from nav.errors import InputError
from nav.files import read_toml

OWN = "c1c2nav/"  # what the format of our files begins with
UNMINDED = {".DS_Store", "Thumbs.db", "desktop.ini"}  # left by file managers, never by a person


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """A new folder to write into, renamed to `path` at the end, removed on any failure.

    What is at `path` may be nothing, an empty folder, or an earlier kit or case as it was written:
    then it stays whole until the new one replaces it. A link is followed: what it points to is
    replaced.

    Raises
    ------
    InputError
        `path` is a file, a mount point, the current folder, or one that holds anything else; it
        cannot be written; the disk is full. An error of the file system inside the block becomes
        one too.
    """
    path = Path(path)
    try:
        target = path.resolve()
        _refuse_fixed(path, target)
        _refuse_foreign(path, target)
        parents = _made_parents(target.parent)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise _unwritable(path, error) from None
    beside = target.parent / f".{target.name}-{token_hex(4)}"
    try:
        beside.mkdir()
        yield beside
        _refuse_foreign(path, target)
        _exchange(beside, target)
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
    """Makes the folder; which ones had to be made, the deepest first."""
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


def _exchange(new: Path, target: Path) -> None:
    """Put the new folder in the target's place; the old one is put back if that fails."""
    if not target.exists():
        new.rename(target)
        return
    old = new.with_name(f"{new.name}-old")
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _refuse_fixed(path: Path, target: Path) -> None:
    """Folders that cannot be renamed, or would be pulled from under the command."""
    if target.is_mount():
        raise InputError(f"{path}: is a mount point, never replaced; give a new folder in it")
    with suppress(OSError):
        if target == Path.cwd() or target in Path.cwd().parents:
            raise InputError(f"{path}: is the current folder or holds it; give another one")


def _refuse_foreign(path: Path, target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{path}: is a file, expected a folder")
    own = _own_files(target)
    for entry in sorted(target.rglob("*")):
        name = entry.relative_to(target).as_posix()
        if entry.is_dir() and not entry.is_symlink():
            continue
        if name not in own and entry.name not in UNMINDED:
            raise InputError(
                f"{path}: holds {name}, which no earlier kit wrote there;"
                " expected an empty folder, a new one, or a kit's"
            )


def _own_files(folder: Path) -> set[str]:
    """What an earlier kit or case says that it consists of; relative, with slashes."""
    own: set[str] = set()
    kit, case = _table(folder / "kit.toml"), _table(folder / "case.toml")
    if kit:
        own |= {"kit.toml", *_texts(kit.get("files"))}
    if case:
        own |= {"case.toml", *_texts([_entry(s, "mesh") for s in _list(case.get("structure"))])}
    return own


def _table(path: Path) -> dict[str, Any]:
    """A TOML file of ours; empty where it is missing, unreadable or another's."""
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
