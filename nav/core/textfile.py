"""Read files that others wrote: bounded, decoded, and refused in one line where that fails."""

import errno
import json
import os
import stat
from collections import Counter
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

from nav.core.errors import InputError
from nav.core.signatures import other_kind

MEGABYTE = 2**20
# larger than any that a person or a program of this field writes; reading stays within seconds
MOST_TOML_BYTES = MEGABYTE
MOST_JSON_BYTES = 4 * MEGABYTE  # Slicer writes about 1 kB per point
MOST_NESTED = 32  # our formats nest five levels, Slicer's Markups eight
# nanoseconds since 1970 are below it, and its eighth power is still finite
MOST_NUMBER = 1e19
MOST_DIGITS = 400  # of an integer: more than a finite double can have
# a pipe that nobody writes to would block without O_NONBLOCK; Windows alone has O_BINARY
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def read_bytes(path: Path, most: int) -> bytes:
    """Read the content of a regular file.

    Parameters
    ----------
    path : Path
        What to read; a link is followed.
    most : int
        Largest size accepted, bytes.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        It is missing, not a regular file (a pipe would block, a device never ends), too large, or
        cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            content = file.read(most + 1)
        except (OSError, MemoryError) as error:
            raise InputError(f"{path}: cannot be read: {_reason(error)}") from None
    if len(content) > most:
        size = max(size, len(content))
        raise InputError(
            f"{path}: is too large: {size / MEGABYTE:.1f} MB, at most {most / MEGABYTE:g} MB are "
            "read"
        )
    return content


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading.

    Parameters
    ----------
    path : Path
        What to read; a link is followed.

    Returns
    -------
    binary file
        To be closed by the caller.

    Raises
    ------
    InputError
        It is missing or not a regular file (a pipe would block, a device never ends).
    """
    try:
        handle = os.open(path, OPEN_FLAGS)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {_reason(error)}") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise InputError(f"{path}: cannot be read: {_kind(status.st_mode)}; expected a file")
    return os.fdopen(handle, "rb")


def _kind(mode: int) -> str:
    return next((f"it is {name}" for test, name in KINDS if test(mode)), "it is not a regular file")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EISDIR:
        return "it is a folder; expected a file"
    if isinstance(error, OSError) and error.errno == errno.ENXIO:
        return "it is a socket or a device that is not there; expected a file"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def read_text(path: Path, most: int, utf16: bool = True) -> str:
    r"""Read the text of a file.

    Parameters
    ----------
    path : Path
        What to read; a link is followed.
    most : int
        Largest size accepted, bytes.
    utf16 : bool
        Whether UTF-16 with a byte order mark is read too (spreadsheets write it).

    Returns
    -------
    str
        Lines end with ``\n``; without byte order mark.

    Raises
    ------
    InputError
        As `read_bytes`, or it is not text in an encoding that is read.
    """
    content = read_bytes(path, most)
    if other := other_kind(content, binary=True):
        raise InputError(f"{path}: {other}")
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    if encoding == "utf-32" or (encoding == "utf-16" and not utf16):
        raise InputError(f"{path}: is {encoding.upper()} text; save it as UTF-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise InputError(f"{path}: line {line}: not {what} text; save it as UTF-8") from None
    if "\x00" in text:
        raise InputError(f"{path}: is not text, or UTF-16 without a mark; save it as UTF-8")
    text = text.replace("\r\n", "\n")
    # the only line ends there are, or stray ones in fields, as in some of Slicer's tables
    return text.replace("\r", " " if "\n" in text else "\n")


def read_json(path: Path, most: int = MOST_JSON_BYTES) -> Any:
    """Read the data of a JSON file, bounded in size, depth and magnitude of numbers.

    Parameters
    ----------
    path : Path
        What to read.
    most : int
        Largest size accepted, bytes.

    Returns
    -------
    object
        As `json.loads` returns it.

    Raises
    ------
    InputError
        As `read_text`, not JSON, a key twice in one object, or beyond the bounds.
    """
    text = read_text(path, most)
    try:
        data = json.loads(text, parse_int=_integer, object_pairs_hook=_keys_once)
    except RecursionError:
        raise InputError(f"{path}: not valid JSON: nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON: {error}") from None
    check_values(data, str(path))
    return data


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < MOST_DIGITS else float("inf")


def _keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"key {twice!r:.60} appears twice in one object")
    return result


def check_values(data: Any, name: str) -> None:
    """Refuse parsed data that nests too deeply or has a number too large to compute with.

    Numbers that are not finite pass: the check for finite ones names the field.

    Parameters
    ----------
    data : object
        Mappings and lists, as parsers return them.
    name : str
        The file, with which the message begins.

    Raises
    ------
    InputError
        With `name`, and the key of the offending value.
    """
    left: list[tuple[Any, str, int]] = [(data, "", 0)]
    while left:
        value, key, depth = left.pop()
        if isinstance(value, Mapping | list):
            if depth >= MOST_NESTED:
                raise InputError(f"{name}: {key:.60}: nested more than {MOST_NESTED} levels deep")
            entries = value.items() if isinstance(value, Mapping) else ((key, v) for v in value)
            left += [(entry, str(inner), depth + 1) for inner, entry in entries]
        elif isinstance(value, int | float) and MOST_NUMBER < abs(value) < float("inf"):
            raise InputError(
                f"{name}: {key:.60}: {_shown(value)} is too large; expected at most {MOST_NUMBER:g}"
            )


def _shown(number: float) -> str:
    try:
        return f"{float(number):g}"
    except OverflowError:
        return "an integer of hundreds of digits"


def printable(text: str) -> str:
    """Return text of a file in a form that a terminal shows as it is.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Characters that cannot be printed, line breaks included, are question marks.
    """
    return "".join(c if c.isprintable() else "?" for c in text)
