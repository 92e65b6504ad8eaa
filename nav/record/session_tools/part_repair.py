"""Examine one file of a session, and write it anew from what can be read of it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from mcap.opcode import Opcode
from mcap.records import Channel, Message, Metadata, Schema, Statistics

import nav
from nav.core.errors import InputError
from nav.record.session.session_about import BILLION, about_session, check_format
from nav.record.session.session_format import FRAME, SESSION_FILE
from nav.record.session.session_json import from_bytes
from nav.record.session.session_pictures import PICTURES_FORMAT
from nav.record.session.session_schemas import SCHEMAS
from nav.record.session_tools.mcap_content import Known, known_channels, message_total, messages_of
from nav.record.session_tools.mcap_rewrite import Kept, Loss, loss_of, rewrite
from nav.record.session_tools.mcap_scan import (
    Bytes,
    Span,
    State,
    index_faults,
    read_record,
    scan_spans,
)
from nav.record.session_tools.session_files import opened
from nav.record.session_totals import EVENTS, FRAMES, GUIDANCE, TOTALS, SessionTotals

ABOUT, REPAIRED = "c1c2nav", "c1c2nav.repair"  # metadata records
CAMERA = "/camera/"
COUNTED = (FRAMES, GUIDANCE, EVENTS)
HEAD = 4096  # bytes in which a session names its program


@dataclass(frozen=True)
class ExaminedPart:
    """One file of a session, looked at record by record.

    Parameters
    ----------
    path : Path
        The file.
    spans : list of Span
        What it consists of.
    faults : tuple of str
        What is wrong with it as a whole; one line each.
    losses : tuple of Loss
        Parts of it that cannot be read.
    total : int or None
        How many messages its writer counted; None where it was not ended.
    pictures : Counter of str
        How many pictures it has, by camera.
    """

    path: Path
    spans: list[Span]
    faults: tuple[str, ...]
    losses: tuple[Loss, ...]
    total: int | None
    pictures: Counter[str]

    @property
    def is_whole(self) -> bool:
        """Whether it was ended by its writer and nothing in it is damaged."""
        return not self.faults and not self.losses


def examine_part(path: Path) -> ExaminedPart:
    """Look at all records of a session's file.

    Parameters
    ----------
    path : Path
        session.mcap or pictures.mcap.

    Returns
    -------
    ExaminedPart

    Raises
    ------
    InputError
        It cannot be read, is not of a session, or of a later version.
    """
    with opened(path) as data:
        spans = scan_spans(data)
        about = _about(data, spans)
        if about is None:
            _refuse_foreign(data, spans, path)
        elif path.name == SESSION_FILE:
            check_format(about, path)
        elif about.get("format") != PICTURES_FORMAT:
            found = about.get("format", "missing")
            raise InputError(f"{path}: format is {found!r}, expected {PICTURES_FORMAT}")
        losses = [loss_of(data, spans, place, 0) for place in range(len(spans))]
        return ExaminedPart(
            path,
            spans,
            tuple(index_faults(data, spans)),
            tuple(loss for loss in losses if loss is not None),
            message_total(data, spans),
            _pictures(data, spans),
        )


def rewrite_part(part: ExaminedPart, target: Path, pictures: Counter[str]) -> Kept:
    """Write a file anew with all that can be read of a damaged one.

    It ends with a record of the repair and, if it is session.mcap, with new totals.

    Parameters
    ----------
    part : ExaminedPart
        The damaged file.
    target : Path
        To write; must not exist.
    pictures : Counter of str
        How many pictures the session has, by camera.

    Returns
    -------
    Kept

    Raises
    ------
    OSError
        It cannot be written.
    """
    totals = SessionTotals(pictures=Counter(pictures))

    def count(channel: Channel, message: Message) -> None:
        if channel.topic in COUNTED:
            totals.add(channel.topic, message.log_time, from_bytes(message.data))

    def closing(kept: Kept) -> Mapping[str, dict[str, str]]:
        records = {REPAIRED: _repair_record(part.path.name, digest, kept)}
        if part.path.name == SESSION_FILE:
            records[TOTALS] = totals.to_metadata()
        return records

    with opened(part.path) as data, target.open("xb") as stream:
        digest = sha256(data).hexdigest()
        known, opening = _known(data, part.spans, part.path), {}
        if part.path.name == SESSION_FILE and _about(data, part.spans) is None:
            opening = {ABOUT: _rebuilt_about(data, part.spans, known, part.path.parent.name)}
        elif _about(data, part.spans) is None:
            opening = {ABOUT: {"format": PICTURES_FORMAT}}
        kept = rewrite(data, part.spans, known, stream, count, closing, (TOTALS,), opening)
        stream.flush()
        os.fsync(stream.fileno())
    return kept


def _refuse_foreign(data: Bytes, spans: Sequence[Span], path: Path) -> None:
    """Refuse a file without a word of ours; one of ours whose head is damaged is not."""
    if b"c1c2nav" not in data[:HEAD] or not any(s.opcode == Opcode.CHUNK for s in spans):
        raise InputError(f"{path}: nothing of a session of c1c2nav can be read in it")


def _about(data: Bytes, spans: Sequence[Span]) -> dict[str, str] | None:
    for span in spans:
        if span.opcode == Opcode.METADATA and span.state is State.GOOD:
            table = read_record(data, span, Metadata)
            if table.name == ABOUT:
                return table.metadata
    return None


def _known(data: Bytes, spans: Sequence[Span], path: Path) -> Known:
    """Return a file's channels; those of session.mcap are always the same."""
    known = known_channels(data, spans)
    if path.name != SESSION_FILE:
        return known
    channels, schemas = dict(known.channels), dict(known.schemas)
    for number, (topic, (name, text)) in enumerate(SCHEMAS.items(), start=1):
        schemas.setdefault(number, Schema(number, text, "jsonschema", name))
        channels.setdefault(number, Channel(number, topic, "json", {}, number))
    return Known(channels, schemas)


def _rebuilt_about(data: Bytes, spans: Sequence[Span], known: Known, name: str) -> dict[str, str]:
    """Return what a session must say of itself, from its messages, where that was damaged."""
    code = name.split("-", 5)[5] if name.count("-") >= 5 else "live"
    about = about_session("unknown", code.split(".")[0])
    start = None
    for found in messages_of(data, spans, known):
        for channel, message in found.messages:
            start = message.log_time if start is None else start
            captured = from_bytes(message.data)["captured_at"] if channel.topic == FRAME else None
            if captured is not None:
                about["started_ns"] = str(start)
                about["monotonic_start"] = repr(captured - (message.log_time - start) / BILLION)
                about["rebuilt"] = "true"
                return about
    raise InputError(f"{name}: its head is damaged, and no frame in it says when it was started")


def _pictures(data: Bytes, spans: Sequence[Span]) -> Counter[str]:
    """Return how many pictures a file has by its own count, else by counting them."""
    known, counts = known_channels(data, spans), Counter[str]()
    for span in spans:
        if span.opcode == Opcode.STATISTICS and span.state is State.GOOD:
            counted = read_record(data, span, Statistics).channel_message_counts
            topics = {number: channel.topic for number, channel in known.channels.items()}
            for number, count in counted.items():
                counts[topics.get(number, "")] += count
            break
    else:
        if any(channel.topic.startswith(CAMERA) for channel in known.channels.values()):
            for found in messages_of(data, spans, known):
                counts.update(channel.topic for channel, _ in found.messages)
    return Counter({t.removeprefix(CAMERA): n for t, n in counts.items() if t.startswith(CAMERA)})


def _repair_record(name: str, digest: str, kept: Kept) -> dict[str, str]:
    return {
        "made_by": f"c1c2nav {nav.__version__}",
        "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"sha256:{name}": digest,
        "messages": json.dumps(kept.messages),
        "lost": json.dumps([vars(loss) for loss in kept.losses]),
    }
