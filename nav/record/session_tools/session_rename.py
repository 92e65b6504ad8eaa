"""`nav session rename`: another pseudonym for a session, in its folder's name and in its files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from nav.core.errors import InputError
from nav.core.output_checks import cannot_be_written
from nav.core.unfinished import remove_unfinished, unfinished_name
from nav.record.session.record_setup import check_code
from nav.record.session.session_about import session_folders
from nav.record.session.session_format import SESSION_FILE
from nav.record.session.session_reader import open_session
from nav.record.session_tools.mcap_content import known_channels
from nav.record.session_tools.mcap_rewrite import rewrite
from nav.record.session_tools.part_repair import ExaminedPart, examine_part
from nav.record.session_tools.session_delete import NAMED, OWN
from nav.record.session_tools.session_files import (
    opened,
    refuse_recording,
    session_folder,
    session_parts,
)
from nav.record.session_tools.session_head import ABOUT, metadata_called


def rename_session(session: Path, code: str, console: Console) -> Path:
    """Give a session another pseudonym; nothing is overwritten.

    Parameters
    ----------
    session : Path
        Its folder.
    code : str
        The new pseudonym.
    console : Console
        Is told the new folder, and which files in it were not changed.

    Returns
    -------
    Path
        The new folder.

    Raises
    ------
    InputError
        It is no session, is being recorded, cut or damaged, has that pseudonym already, or cannot
        be written; no pseudonym is given.
    """
    folder = session_folder(session)
    check_code(code)
    refuse_recording(folder)
    if folder.is_symlink():
        raise InputError(f"{folder}: is a link; rename the session where it is")
    former = [entry.name for entry in os.scandir(folder) if _is_original(entry.name)]
    if former:
        raise InputError(
            f"{folder}: holds {former[0]}, from before a repair, with the former code in it; move "
            "it away or delete it first"
        )
    parts = [examine_part(path) for path in session_parts(folder)]
    if not all(part.is_whole for part in parts):
        raise InputError(f"{folder}: is cut or damaged; nav session repair first")
    reader = open_session(folder)
    named = NAMED.fullmatch(folder.resolve().name)
    if reader.about.get("code") == code and (named is None or named[1] == code):
        raise InputError(f"{folder}: has the code {code} already")
    try:
        remove_unfinished(folder)
        _write(parts, code)
        target = next(path for path in session_folders(folder.resolve().parent, code, reader.clock)
                      if not os.path.lexists(path))  # fmt: skip
        folder.resolve().rename(target)  # the current folder cannot be renamed as "."
    except OSError as error:
        raise cannot_be_written(folder, error) from None
    console.print(f"{folder} is {target} now", markup=False, soft_wrap=True)
    others = sorted(entry.name for entry in os.scandir(target) if not OWN.fullmatch(entry.name))
    if others:
        what = f"{others[0]} and {len(others) - 1} more" if len(others) > 1 else others[0]
        console.print(
            f"warning: {target} holds {what}, not of the recording, which may name the former "
            "code: look, and delete or export again",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    return target


def _is_original(name: str) -> bool:
    match = OWN.fullmatch(name)
    return match is not None and match[2] is not None


def _write(parts: list[ExaminedPart], code: str) -> None:
    """Write all files with the new code beside the former ones, then put them in their place."""
    beside: dict[Path, Path] = {}
    try:
        for part in parts:
            beside[part.path] = unfinished_name(part.path)
            _rewrite(part, beside[part.path], code)
        # the session's own file last: until then another attempt begins anew
        for path in sorted(beside, key=lambda one: one.name == SESSION_FILE):
            beside[path].replace(path)
    finally:
        for temporary in beside.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _rewrite(part: ExaminedPart, target: Path, code: str) -> None:
    with opened(part.path) as data, target.open("xb") as stream:
        (about,) = metadata_called(ABOUT, data, part.spans)
        known = known_channels(data, part.spans)
        rewrite(
            data,
            part.spans,
            known,
            stream,
            lambda channel, message: None,
            lambda kept: {},
            {ABOUT},
            {ABOUT: {**about, "code": code}},
        )
        stream.flush()
        os.fsync(stream.fileno())
