"""Write files so that nothing of the user's is lost.

An existing file is replaced only by a file of the same kind, and then kept under a number.
Files appear whole, or not at all; several that belong together appear together.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from filecmp import cmp
from itertools import count
from pathlib import Path

from nav.core.errors import InputError
from nav.core.filekinds import file_kind
from nav.core.output_checks import cannot_be_written, followed, refuse_replacing, refuse_special
from nav.core.unfinished import remove_unfinished, unfinished_name

DOUBLE_SUFFIXES = (
    *(".nii.gz", ".seg.nrrd", ".mrk.json", ".igs.mha", ".seq.mha", ".seq.nrrd"),
)  # that other programs know only as a whole
Kept = Callable[[Path, Path], None]
_listeners: list[Kept] = []


@contextmanager
def backups_reported_to(listener: Kept) -> Iterator[None]:
    """Call a function for every earlier file that is kept while the context is active.

    Parameters
    ----------
    listener : callable
        Called as ``listener(old, copy)`` with two paths.

    Yields
    ------
    None
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : Path
        File to write.

    Yields
    ------
    Path
        Temporary file beside `path` to write to; renamed to it at the end, removed on any failure.

    Raises
    ------
    InputError
        See `written_together`.
    """
    with written_together(path) as (beside,):
        yield beside


@contextmanager
def written_together(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Write several files together, all of them or none.

    A link is followed. An existing file must be of the kind that was written: it is kept under the
    first number that is free for all of them (`numbered`). Files that an interrupted command has
    left unfinished in the folders are removed.

    Parameters
    ----------
    *paths : Path
        Files to write.

    Yields
    ------
    tuple of Path
        Temporary files beside `paths` to write to; all are renamed at the end, or none is.

    Raises
    ------
    InputError
        The folder does not exist or cannot be written, the disk is full, or something else than
        an earlier file of the same kind is in the way.
    """
    shown = [Path(path) for path in paths]
    beside: list[Path] = []
    try:
        for path in shown:
            beside.append(_begin(path))
        try:
            yield tuple(beside)
        except OSError as error:
            raise _refusal(shown, beside, error) from None
        umask = os.umask(0)
        os.umask(umask)
        for temporary in beside:
            temporary.chmod(0o666 & ~umask)
        _finish(shown, beside)
    finally:
        for temporary in beside:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _begin(path: Path) -> Path:
    refuse_special(path)
    target = followed(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(target.parent)
        beside = unfinished_name(target)
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise cannot_be_written(path, error) from None
    return beside


def _refusal(paths: Sequence[Path], beside: Sequence[Path], error: OSError) -> InputError:
    """Blame the file that the error names, else the first that was being written."""
    named = None if error.filename is None else Path(os.fsdecode(error.filename))
    if named is None or error.errno in (errno.ENOSPC, errno.EDQUOT):
        return cannot_be_written(paths[0], error)
    for path, temporary in zip(paths, beside, strict=False):
        if named == temporary:
            return cannot_be_written(path, error)
    return InputError(f"{named}: {error.strerror or error}")


def _finish(paths: Sequence[Path], beside: Sequence[Path]) -> None:
    """Keep earlier files, and put the new ones in their place; undo all if one cannot be moved."""
    changed = []
    for path, temporary in zip(paths, beside, strict=True):
        refuse_special(path)
        target = followed(path)
        try:
            if target.exists():
                if cmp(target, temporary, shallow=False):
                    continue  # the same already
                refuse_replacing(path, file_kind(temporary))
                shutil.copymode(target, temporary)
        except OSError as error:
            raise cannot_be_written(path, error) from None
        changed.append((path, target, temporary))
    copies = keep_earlier([target for _, target, _ in changed])
    done: list[Path] = []
    try:
        for _, target, temporary in changed:
            temporary.replace(target)
            done.append(target)
    except OSError as error:
        for target in done:
            with suppress(OSError):
                if target in copies:
                    copies.pop(target).replace(target)
                else:
                    target.unlink()
        for copy in copies.values():
            copy.unlink(missing_ok=True)
        raise cannot_be_written(changed[len(done)][0], error) from None
    for path, target, _ in changed:
        if target in copies:
            report_backup(path, copies[target])


def report_backup(old: Path, copy: Path) -> None:
    """Report to the listeners of `backups_reported_to` that an earlier file or folder is kept.

    Parameters
    ----------
    old : Path
        The file or folder that was replaced.
    copy : Path
        Where it is kept.
    """
    for listener in _listeners:
        listener(old, copy)


def numbered(path: Path, number: int) -> Path:
    """Return the name under which an earlier file is kept, ``stem.NUMBER.suffix``.

    Parameters
    ----------
    path : Path
        The file.
    number : int
        NUMBER.

    Returns
    -------
    Path
        In the same folder. Double suffixes that other programs need (.nii.gz) stay together.
    """
    suffix = next((s for s in DOUBLE_SUFFIXES if path.name.lower().endswith(s)), path.suffix)
    stem = path.name[: len(path.name) - len(suffix)]
    ending = path.name[len(stem) :]
    return path.with_name(f"{stem}.{number}{ending}")


def numbered_folder(folder: Path) -> Path:
    """Return the first free of ``NAME.1``, ``NAME.2`` and so on beside a folder.

    Parameters
    ----------
    folder : Path
        A folder called NAME.

    Returns
    -------
    Path
        Does not exist yet.
    """
    return next(
        path
        for number in count(1)
        if not os.path.lexists(path := folder.with_name(f"{folder.name}.{number}"))
    )


def keep_earlier(paths: Sequence[Path]) -> dict[Path, Path]:
    """Keep files that are about to be replaced, under the first number free for all of them.

    Parameters
    ----------
    paths : sequence of Path
        Files that will be replaced; some may not exist.

    Returns
    -------
    dict of Path to Path
        Copy by file; without files that do not exist or are empty.

    Raises
    ------
    InputError
        One cannot be copied; then there are no copies.
    """
    present = [path for path in paths if path.exists() and path.stat().st_size > 0]
    for number in count(1):
        made: dict[Path, Path] = {}
        try:
            for path in present:
                copy = numbered(path, number)
                _copy(path, copy)
                made[path] = copy
        except FileExistsError:
            for copy in made.values():
                copy.unlink()
            continue
        except OSError as error:
            for copy in made.values():
                copy.unlink()
            path = present[len(made)]
            raise InputError(
                f"{path}: no backup could be made as {numbered(path, number).name}: "
                f"{error.strerror or error}"
            ) from None
        return made
    raise AssertionError("there is always a number")


def _copy(path: Path, copy: Path) -> None:
    """Make a hard link where the file system supports it, else a copy."""
    with suppress(OSError, NotImplementedError):
        if not copy.exists():
            os.link(path, copy)
            return
    made = False
    try:
        with path.open("rb") as here, copy.open("xb") as there:
            made = True
            shutil.copyfileobj(here, there)
        shutil.copystat(path, copy)
    except OSError:
        if made:
            copy.unlink(missing_ok=True)
        raise
