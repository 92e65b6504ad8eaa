"""Examine one file of a session, and write it anew from what can be read of it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from mcap.opcode import Opcode
from mcap.records import Channel, Message, Schema, Statistics

import nav
from nav.record.session.session_format import SESSION_FILE
from nav.record.session.session_json import from_bytes
from nav.record.session.session_schemas import SCHEMAS
from nav.record.session_tools.mcap_content import Known, known_channels, message_total, messages_of
from nav.record.session_tools.mcap_rewrite import Kept, Loss, loss_of, rewrite
from nav.record.session_tools.mcap_scan import (
    DATA_DISAGREE,
    Bytes,
    Span,
    State,
    index_faults,
    read_record,
    scan_spans,
)
from nav.record.session_tools.session_files import opened
from nav.record.session_tools.session_head import (
    ABOUT,
    metadata_called,
    new_head,
    refuse_unknown,
)
from nav.record.session_totals import EVENTS, FRAMES, GUIDANCE, TOTALS, SessionTotals

REPAIRED = "c1c2nav.repair"  # the metadata record that says what was lost
CAMERA = "/camera/"
COUNTED = (FRAMES, GUIDANCE, EVENTS)


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
    repairs : tuple of dict
        Metadata records of earlier repairs.
    """

    path: Path
    spans: list[Span]
    faults: tuple[str, ...]
    losses: tuple[Loss, ...]
    total: int | None
    pictures: Counter[str]
    repairs: tuple[dict[str, str], ...] = ()

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
        faults = index_faults(data, spans)
        refuse_unknown(data, spans, path, DATA_DISAGREE in faults)
        losses = [loss_of(data, spans, place, 0) for place in range(len(spans))]
        return ExaminedPart(
            path,
            spans,
            tuple(faults),
            tuple(loss for loss in losses if loss is not None),
            message_total(data, spans),
            _pictures(data, spans),
            tuple(metadata_called(REPAIRED, data, spans)),
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
            with suppress(AttributeError, KeyError, TypeError, ValueError):  # not of this program
                totals.add(channel.topic, message.log_time, from_bytes(message.data))

    def closing(kept: Kept) -> Mapping[str, dict[str, str]]:
        records = {REPAIRED: _repair_record(part.path.name, digest, kept)}
        if part.path.name == SESSION_FILE:
            records[TOTALS] = totals.to_metadata()
        return records

    with opened(part.path) as data, target.open("xb") as stream:
        digest = sha256(data).hexdigest()
        known = _known(data, part.spans, part.path)
        head = new_head(data, part.spans, known, part.path)
        opening = {} if head is None else {ABOUT: head}
        kept = rewrite(data, part.spans, known, stream, count, closing, {TOTALS, *opening}, opening)
        stream.flush()
        os.fsync(stream.fileno())
    return kept


def lost_in(repair: Mapping[str, str]) -> list[str]:
    """Return what a repair could not keep.

    Parameters
    ----------
    repair : mapping of str to str
        Metadata record of the repair.

    Returns
    -------
    list of str
        In words, one for each loss.
    """
    try:
        return [str(loss["what"]) for loss in json.loads(repair["lost"])]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return ["what its record does not say"]


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
