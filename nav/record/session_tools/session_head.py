"""Read a session file's description of itself, also where it is damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcap.opcode import Opcode
from mcap.records import Metadata

from nav.core.errors import InputError
from nav.record.session.session_about import (
    BILLION,
    SessionClock,
    about_session,
    check_format,
    clock_of,
)
from nav.record.session.session_format import FORMAT, FORMAT_NAME, FRAME, SESSION_FILE
from nav.record.session.session_json import from_bytes
from nav.record.session.session_pictures import PICTURES_FORMAT
from nav.record.session_tools.mcap_content import Known, messages_of
from nav.record.session_tools.mcap_scan import Bytes, Span, State, read_record

ABOUT = "c1c2nav"  # the metadata record
HEAD = 4096  # bytes in which a session names its program
TIMES = ("started_utc", "started_ns", "monotonic_start")


def read_about(data: Bytes, spans: Sequence[Span]) -> dict[str, str] | None:
    """Return a file's own metadata record, as it is.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    spans : sequence of Span
        As `scan_spans` found them.

    Returns
    -------
    dict of str to str or None
        None where there is none that can be read.
    """
    return next(iter(metadata_called(ABOUT, data, spans)), None)


def metadata_called(name: str, data: Bytes, spans: Sequence[Span]) -> list[dict[str, str]]:
    """Return all metadata records of a name.

    Parameters
    ----------
    name : str
        Of the records.
    data : bytes or mmap
        The whole file.
    spans : sequence of Span
        As `scan_spans` found them.

    Returns
    -------
    list of dict of str to str
        In the file's order.
    """
    tables = (
        read_record(data, span, Metadata)
        for span in spans
        if span.opcode == Opcode.METADATA and span.state is State.GOOD
    )
    return [table.metadata for table in tables if table.name == name]


def refuse_unknown(data: Bytes, spans: Sequence[Span], path: Path, damaged: bool) -> None:
    """Refuse files of other programs, and of later versions of this one.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    spans : sequence of Span
        As `scan_spans` found them.
    path : Path
        session.mcap or pictures.mcap.
    damaged : bool
        Whether the checksum of all its data disagrees: then its head may be, too.

    Raises
    ------
    InputError
        It cannot be repaired.
    """
    about = read_about(data, spans)
    begun = about is not None or any(span.opcode == Opcode.CHUNK for span in spans)
    # a session that was killed before its first picture has an empty file for them
    if path.name != SESSION_FILE:
        begun = begun or not len(data)
    if not begun or (len(data) and b"c1c2nav" not in data[:HEAD]):
        raise InputError(f"{path}: nothing of a session of c1c2nav can be read in it")
    if about is None:
        return
    if damaged and _is_damaged(about.get("format")):
        return
    if path.name == SESSION_FILE:
        check_format(about, path)
    elif about.get("format") != PICTURES_FORMAT:
        found = about.get("format", "missing")
        raise InputError(f"{path}: format is {found!r}, expected {PICTURES_FORMAT}")


def _is_damaged(found: str | None) -> bool:
    """Return whether a format is one that lost a letter, and not another one or a later version."""
    if found is None:
        return True
    differing = [a for a, b in zip(found, FORMAT, strict=False) if a != b]
    later = found.startswith(f"{FORMAT_NAME}/") and found[-1].isdigit()
    return len(found) == len(FORMAT) and len(differing) == 1 and not later


def new_head(data: Bytes, spans: Sequence[Span], known: Known, path: Path) -> dict[str, str] | None:
    """Return a metadata record to be written instead of one that is missing or damaged.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    spans : sequence of Span
        As `scan_spans` found them.
    known : Known
        Its channels.
    path : Path
        session.mcap or pictures.mcap, in the session's folder.

    Returns
    -------
    dict of str to str or None
        None where the present one is good. Else what is left of it; start and clock from the
        session's frames; marked as "rebuilt".

    Raises
    ------
    InputError
        No frame says when the session was started.
    """
    about = read_about(data, spans)
    if path.name != SESSION_FILE:
        good = about is not None and about.get("format") == PICTURES_FORMAT
        return None if good else {**(about or {}), "format": PICTURES_FORMAT}
    try:
        check_format(about or {}, path)
        clock_of(about or {})
    except (InputError, KeyError, ValueError, OverflowError):
        pass
    else:
        return None
    name = path.parent.name
    code = name.split("-", 5)[5] if name.count("-") >= 5 else "live"
    try:
        rebuilt = about_session("unknown", code.split(".")[0])
    except InputError:  # the folder was renamed
        rebuilt = about_session("unknown")
    rebuilt |= about or {}
    rebuilt |= {"format": FORMAT, "rebuilt": "true"} | _clock(data, spans, known, path)
    return rebuilt


def _clock(data: Bytes, spans: Sequence[Span], known: Known, path: Path) -> dict[str, str]:
    """Return when a session was started, from its first frame that says when it was captured."""
    start = None
    for found in messages_of(data, spans, known):
        for channel, message in found.messages:
            start = message.log_time if start is None else start
            if channel.topic != FRAME:
                continue
            table = from_bytes(message.data)
            captured = table.get("captured_at") if isinstance(table, dict) else None
            if isinstance(captured, float):
                clock = SessionClock(start, captured - (message.log_time - start) / BILLION)
                return dict(
                    zip(TIMES, (clock.utc, str(clock.utc_ns), repr(clock.monotonic)), strict=True)
                )
    raise InputError(f"{path}: its head is damaged, and no frame in it says when it was started")
