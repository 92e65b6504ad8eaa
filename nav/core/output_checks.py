"""Refuse, before any work, to write where a file could not be written or one would be lost."""

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from unicodedata import normalize

from nav.core.errors import InputError
from nav.core.filekinds import file_kind
from nav.core.unfinished import LONGEST_NAME


def cannot_be_written(path: Path, error: Exception) -> InputError:
    """Return the error for a file that the system does not let us write.

    Parameters
    ----------
    path : Path
        The file, as the user named it.
    error : Exception
        The system's error.

    Returns
    -------
    InputError
        To be raised.
    """
    reason = getattr(error, "strerror", None) or error
    return InputError(f"{path}: cannot be written: {reason}")


def followed(path: Path) -> Path:
    """Return where a path leads, with links resolved.

    Parameters
    ----------
    path : Path
        A path that may not exist.

    Returns
    -------
    Path
        Absolute; may not exist.

    Raises
    ------
    InputError
        Links in a circle, or a name that the system does not accept.
    """
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise cannot_be_written(path, error) from None


def refuse_special(path: Path) -> None:
    """Refuse what cannot be a file to write: a folder, a device, a pipe, a write-protected file.

    Parameters
    ----------
    path : Path
        File to write; may not exist.

    Raises
    ------
    InputError
        It is one of these, or its folder cannot be created or written.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        refuse_folder(path)
        return
    except OSError as error:
        raise cannot_be_written(path, error) from None
    if stat.S_ISDIR(mode):
        raise InputError(f"{path}: cannot be written: is a folder, expected a file")
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: cannot be written: is a device or pipe, expected a file")
    if not mode & 0o222:
        raise InputError(f"{path}: is write-protected; give another name, or remove the protection")
    refuse_folder(path)


def refuse_folder(path: Path) -> None:
    """Refuse a path to write whose folder cannot be created or written.

    Parameters
    ----------
    path : Path
        File to write; may not exist.

    Raises
    ------
    InputError
        That, or a name that is too long.
    """
    if Path(path).name == "" or len(os.fsencode(Path(path).name)) > LONGEST_NAME:
        raise cannot_be_written(path, OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG)))
    folder = followed(path).parent
    try:
        while not folder.exists():
            folder = folder.parent
    except OSError as error:
        raise cannot_be_written(path, error) from None
    if not folder.is_dir():
        raise InputError(f"{path}: cannot be written: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{path}: cannot be written: folder {folder} is write-protected")


def refuse_replacing(path: Path, kind: str | None) -> None:
    """Refuse to replace a file that is not an earlier one of the same kind.

    An empty file may be replaced.

    Parameters
    ----------
    path : Path
        File to write; may not exist.
    kind : str or None
        Kind of what would be written, see `nav.core.filekinds.file_kind`.

    Raises
    ------
    InputError
        Another file is there, or one that cannot be read.
    """
    try:
        if not Path(path).exists() or Path(path).stat().st_size == 0:
            return
        present = file_kind(path)
    except OSError as error:
        raise cannot_be_written(path, error) from None
    if present is not None and present == kind:
        return
    what = f"is a {present}" if present else "was not written by c1c2nav"
    wanted = f" where a {kind} would be written" if kind else ""
    raise InputError(
        f"{path}: would be overwritten, but {what}{wanted}; "
        "give another output name, or move that file away"
    )


def refuse_collisions(paths: Sequence[Path]) -> None:
    """Refuse outputs that are the same file, however they are spelled.

    Parameters
    ----------
    paths : sequence of Path
        Outputs of one command.

    Raises
    ------
    InputError
        Two of them are the same file.
    """
    for i, path in enumerate(paths):
        for other in paths[:i]:
            if is_same_file(path, other):
                raise InputError(
                    f"{path}: would be written twice by this command; give different names"
                )


def is_same_file(path: Path, other: Path) -> bool:
    """Return whether two paths are one file, following links, hard links and spellings.

    Parameters
    ----------
    path, other : Path
        Either may not exist.

    Returns
    -------
    bool
        True also for names that differ only in capitals or in how accents are encoded, unless both
        exist: on many file systems they are the same.
    """
    with suppress(OSError, ValueError):
        if os.path.samefile(path, other):
            return True
    return _spelled(path) == _spelled(other) and not (path.exists() and other.exists())


def _spelled(path: Path) -> str:
    return normalize("NFC", str(followed(path))).casefold()
