"""What a list of sessions shows of each, read from the two ends of its file."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mcap.opcode import Opcode
from mcap.records import Metadata, MetadataIndex, SummaryOffset

from nav.core.errors import InputError
from nav.record.session.session_about import check_format
from nav.record.session.session_format import SESSION_FILE
from nav.record.session.session_pictures import (
    PictureReader,
    check_session_of_pictures,
    has_pictures,
)
from nav.record.session.session_reader import open_session
from nav.record.session.whole_blocks import is_being_written
from nav.record.session_tools.mcap_scan import HEAD, MAGIC, Bytes, Span, State, read_record
from nav.record.session_tools.part_repair import REPAIRED as REPAIRED_RECORD
from nav.record.session_tools.session_files import opened
from nav.record.session_tools.session_head import ABOUT
from nav.record.session_totals import (
    EVENTS,
    FRAMES,
    GUIDANCE,
    TOTALS,
    LeastBound,
    SessionTotals,
    totals_from_metadata,
)

FOOTER = struct.Struct("<BQQQI")
COMPLETE, CUT, REPAIRED, DAMAGED, RECORDING, UNREADABLE = (
    "complete", "cut", "repaired", "damaged", "recording", "unreadable",
)  # fmt: skip
LOOKED_AT = 6  # pictures that tell how the cameras' pictures are kept


@dataclass(frozen=True)
class SessionOverview:
    """One line of the list.

    Parameters
    ----------
    folder : Path
        Of the session.
    state : str
        "complete", "cut", "repaired" (the file is whole, but something of the
        session may be missing), "damaged", "recording" (now) or "unreadable".
    about : dict of str to str
        Its metadata; empty where it cannot be read.
    totals : SessionTotals
        Its counts; zero where they cannot be read.
    pictures : str
        "off", or how its first ones are kept, as of `picture_kind`.
    size : int
        Bytes of its files.
    problem : str
        Why it cannot be read, else empty.
    """

    folder: Path
    state: str
    about: dict[str, str]
    totals: SessionTotals
    pictures: str
    size: int
    problem: str = ""

    @property
    def code(self) -> str:
        """Its pseudonym."""
        return self.about.get("code", "?")

    @property
    def started(self) -> str:
        """When it was started, UTC, to the second."""
        return self.about.get("started_utc", "?")[:19]

    @property
    def least(self) -> LeastBound | None:
        """The smallest bound of arteries and cord, else of anything."""
        least = self.totals.least
        found = [least[r] for r in ("artery", "cord") if r in least] or list(least.values())
        return min(found, key=lambda one: one.bound, default=None)


def overview(folder: Path) -> SessionOverview:
    """Look at a session as quickly as possible; one that was not ended is read as a whole.

    Parameters
    ----------
    folder : Path
        Of the session.

    Returns
    -------
    SessionOverview
        Whatever is wrong with the session: this never fails.
    """
    path = folder / SESSION_FILE
    size = sum(p.stat().st_size for p in folder.iterdir() if p.is_file())
    try:
        with opened(path) as data:
            ends = _ends(data)
        if ends is not None:
            check_format(ends[0], path)
            about, totals, repaired = ends
            check_session_of_pictures(folder, about)
            pictures = picture_kind(folder, totals.pictures.total())
            state = REPAIRED if repaired or not totals.events["ended"] else COMPLETE
            return SessionOverview(folder, state, about, totals, pictures, size)
        reader = open_session(folder)
        totals = _read_totals(folder)
    except InputError as error:
        problem, pictures = str(error), picture_kind(folder)
        return SessionOverview(folder, UNREADABLE, {}, SessionTotals(), pictures, size, problem)
    state = DAMAGED if reader.damage else CUT if reader.cut is not None else COMPLETE
    if is_being_written(path):
        state = RECORDING
    return SessionOverview(folder, state, reader.about, totals, picture_kind(folder), size)


def picture_kind(folder: Path, recorded: int = 0) -> str:
    """Return how a session's pictures are kept.

    Parameters
    ----------
    folder : Path
        Of the session.
    recorded : int
        How many there are, as the session's end says.

    Returns
    -------
    str
        "off", or one or more of "camera JPEG", "JPEG" and "lossless"; "missing" where they were
        recorded and their file is not there, "none" where it has none, "?" where it cannot be read.
    """
    if not has_pictures(folder):
        return "missing" if recorded else "off"
    try:
        first = list(islice(PictureReader(folder), LOOKED_AT))
    except (InputError, OSError):
        return "?"
    return ", ".join(sorted({picture.coding for picture in first})) or "none"


def overview_json(one: SessionOverview) -> dict[str, object]:
    """Return an overview as values that JSON has.

    Parameters
    ----------
    one : SessionOverview
        Of a session.

    Returns
    -------
    dict
    """
    return {
        "folder": one.folder.name,
        "code": one.code,
        "started_utc": one.about.get("started_utc"),
        "source": one.about.get("source"),
        "seconds": one.totals.seconds,
        "frames": one.totals.frames,
        "share_tracked": one.totals.share_tracked,
        "pictures": one.pictures,
        "pictures_by_camera": dict(one.totals.pictures),
        "bytes": one.size,
        "state": one.state,
        "least_bounds": {role: vars(least) for role, least in one.totals.least.items()},
        "events": dict(one.totals.events),
        "problem": one.problem or None,
    }


def _ends(data: Bytes) -> tuple[dict[str, str], SessionTotals, bool] | None:
    """Return a finished file's metadata, totals, whether it was repaired; None for any other."""
    tail = len(data) - len(MAGIC) - FOOTER.size
    if tail < len(MAGIC) or data[: len(MAGIC)] != MAGIC or data[-len(MAGIC) :] != MAGIC:
        return None
    opcode, length, _, offsets, _ = FOOTER.unpack_from(data, tail)
    if opcode != Opcode.FOOTER or length != FOOTER.size - HEAD.size or not 0 < offsets <= tail:
        return None
    found: dict[str, dict[str, str]] = {}
    try:
        for span in _records(data, offsets, tail):
            group = read_record(data, span, SummaryOffset)
            if group.group_opcode != Opcode.METADATA_INDEX:
                continue
            for entry in _records(data, group.group_start, group.group_start + group.group_length):
                index = read_record(data, entry, MetadataIndex)
                (place,) = _records(data, index.offset, index.offset + index.length)
                table = read_record(data, place, Metadata)
                found.setdefault(table.name, table.metadata)
        return found[ABOUT], totals_from_metadata(found[TOTALS]), REPAIRED_RECORD in found
    except (KeyError, ValueError, struct.error, json.JSONDecodeError):
        return None


def _records(data: Bytes, start: int, stop: int) -> list[Span]:
    """Return the records between two offsets, which must fit."""
    spans = []
    if not 0 <= start <= stop <= len(data):
        raise ValueError("the summary's offsets lie outside the file")
    while start < stop:
        opcode, length = HEAD.unpack_from(data, start)
        end = start + HEAD.size + length
        if end > stop:
            raise ValueError("the summary's offsets disagree with its records")
        spans.append(Span(opcode, start, end, State.GOOD))
        start = end
    return spans


def _read_totals(folder: Path) -> SessionTotals:
    """Count a session's messages one by one."""
    totals = SessionTotals()
    for message in open_session(folder).messages(FRAMES, GUIDANCE, EVENTS):
        try:
            totals.add(message.topic, message.log_time, message.data)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"{folder}: {message.topic} is not as c1c2nav writes it: {error!r}"
            ) from None
    return totals
