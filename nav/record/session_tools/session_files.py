"""The files of a session's folder, opened as bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path

from nav.core.errors import InputError
from nav.record.session.session_format import PICTURES_FILE, SESSION_FILE
from nav.record.session.whole_blocks import is_being_written
from nav.record.session_tools.mcap_scan import Bytes

PARTS = (SESSION_FILE, PICTURES_FILE)


def session_folder(path: Path) -> Path:
    """Return the folder of a session.

    Parameters
    ----------
    path : Path
        It, or its session.mcap.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        There is no session.
    """
    folder = path.parent if path.name == SESSION_FILE else path
    if not folder.exists():
        raise InputError(f"{path}: does not exist; expected the folder of a session")
    if not (folder / SESSION_FILE).is_file():
        raise InputError(f"{folder}: is not a session: expected a folder with {SESSION_FILE}")
    return folder


def session_parts(folder: Path) -> list[Path]:
    """Return the MCAP files of a session that there are, `session.mcap` first.

    Parameters
    ----------
    folder : Path
        Of the session.

    Returns
    -------
    list of Path
    """
    return [folder / name for name in PARTS if (folder / name).is_file()]


def refuse_recording(folder: Path) -> None:
    """Refuse a session that a program is recording now.

    Parameters
    ----------
    folder : Path
        Of the session.

    Raises
    ------
    InputError
        It is being recorded.
    """
    if any(is_being_written(path) for path in session_parts(folder)):
        raise InputError(f"{folder}: is being recorded now; end that first")


def sessions_in(folder: Path) -> list[Path]:
    """Return the sessions in a folder, sorted by name; those behind links are left out.

    Parameters
    ----------
    folder : Path
        That holds sessions, or is one.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        It is not a folder that can be read.
    """
    if (folder / SESSION_FILE).is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder that holds sessions")
    with os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return sorted(path for path in found if (path / SESSION_FILE).is_file())


@contextmanager
def opened(path: Path) -> Iterator[Bytes]:
    """Open a file as bytes without reading it into memory.

    Parameters
    ----------
    path : Path
        A file.

    Yields
    ------
    bytes or mmap

    Raises
    ------
    InputError
        It cannot be read.
    """
    with ExitStack() as stack:
        data: Bytes = b""
        try:
            file = stack.enter_context(path.open("rb"))
            if os.fstat(file.fileno()).st_size:
                data = stack.enter_context(mmap(file.fileno(), 0, access=ACCESS_READ))
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
        yield data


def size_text(size: float) -> str:
    """Return a number of bytes with a unit, for people.

    Parameters
    ----------
    size : float
        Bytes.

    Returns
    -------
    str
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("B", "kB") else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
