"""`nav session delete`: all sessions of a pseudonym."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from nav.core.errors import InputError
from nav.core.unfinished import UNFINISHED
from nav.record.session.record_setup import check_code
from nav.record.session.session_format import SESSION_FILE
from nav.record.session_tools.session_files import (
    refuse_recording,
    session_folder,
    sessions_in,
    size_text,
)
from nav.record.session_tools.session_head import HEAD
from nav.record.session_tools.session_list import length_text
from nav.record.session_tools.session_overview import SessionOverview, overview

OWN = re.compile(r"(session|pictures)(\.\d+)?\.mcap")  # a number: an original that was repaired

NAMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-([0-9A-Za-z-]+)(?:\.\d+)?", re.ASCII)


def delete_sessions(
    folder: Path, code: str, sure: bool, ask: Callable[[str], str], console: Console
) -> None:
    """Delete all sessions of a pseudonym, after saying which.

    Links are never followed: a link in a session is removed, what it leads to stays.

    Parameters
    ----------
    folder : Path
        That holds sessions.
    code : str
        The pseudonym.
    sure : bool
        Do not ask.
    ask : callable
        Called with a question; returns the answer.
    console : Console
        To print with.

    Raises
    ------
    InputError
        There is none of this code, one is being recorded, holds a folder, or cannot be deleted.
    """
    check_code(code)
    found = [one for one in map(overview, sessions_in(folder)) if _code(one) == code]
    if not found:
        raise InputError(f"{folder}: no session has the code {code}")
    for one in found:
        _refuse(one.folder)
        length, size = length_text(one.totals.seconds), size_text(one.size)
        console.print(f"{one.folder}: {one.started}, {length}, {size}", markup=False)
    if not sure:
        these = "this session" if len(found) == 1 else f"these {len(found)} sessions"
        try:
            answer = ask(f"Delete {these} for ever? Type {code} to confirm: ")
        except EOFError:
            raise InputError(
                "no answer to whether to delete; nothing was deleted: give --yes to delete without "
                "being asked"
            ) from None
        if answer.strip() != code:
            console.print("nothing was deleted", markup=False)
            return
    for one in found:
        _delete(one.folder)
    console.print(f"deleted, of {code}: {len(found)}", markup=False)


def _code(one: SessionOverview) -> str:
    """Return a session's code; of one that cannot be read, what its folder's name ends with."""
    if one.about:
        return one.code
    named = NAMED.fullmatch(one.folder.name)
    return named[1] if named and _may_be_ours(one.folder / SESSION_FILE) else "?"


def _may_be_ours(path: Path) -> bool:
    """Return whether a file that cannot be read is not that of another program."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    return b"c1c2nav" in head or not head.strip(b"\0")  # zeros: what a broken disk leaves


def _refuse(folder: Path) -> None:
    """Refuse to delete what is more than a session."""
    session_folder(folder)
    refuse_recording(folder)
    if folder.is_symlink():
        raise InputError(f"{folder}: is a link; delete the session where it is")
    for entry in os.scandir(folder):
        known = OWN.fullmatch(entry.name) or UNFINISHED.match(entry.name) or entry.is_symlink()
        if not known or entry.is_dir(follow_symlinks=False):
            raise InputError(
                f"{folder}: holds {entry.name}, which no session has; move it away first"
            )


def _delete(folder: Path) -> None:
    try:
        for entry in list(os.scandir(folder)):
            if not stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode):
                os.unlink(entry.path)
        folder.rmdir()
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be deleted: {error.strerror or error}; some of it may be gone"
        ) from None
