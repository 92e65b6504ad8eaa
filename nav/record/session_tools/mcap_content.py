"""What the records of an MCAP file hold that is cut or damaged: channels, and messages to trust."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mcap.opcode import Opcode
from mcap.records import Channel, Message, Schema, Statistics

from nav.record.session.picture_codec import (
    JPEG_ENCODING,
    LOSSLESS_ENCODING,
    decode_jpeg,
    decode_lossless,
    read_jpeg_message,
)
from nav.record.session_tools.mcap_scan import Bytes, Span, State, chunk_records, read_record

TOPIC = re.compile(r"/(frame|guidance|event|tf|log|camera/[\w-]+)")  # that sessions have


@dataclass(frozen=True)
class Known:
    """Channels and schemas by their ids in the file, wherever a copy of them survived."""

    channels: Mapping[int, Channel]
    schemas: Mapping[int, Schema]


def known_channels(data: Bytes, spans: Sequence[Span]) -> Known:
    """Collect channels and schemas: they stand in the first chunk and again at the file's end.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    spans : sequence of Span
        As `scan_spans` found them.

    Returns
    -------
    Known
        Copies in damaged chunks are taken only where there is no other.
    """
    channels: dict[int, Channel] = {}
    schemas: dict[int, Schema] = {}
    for state in (State.GOOD, State.CUT, State.DAMAGED, State.UNREADABLE):
        for span in spans:
            if span.state is not state:
                continue
            for record in _definitions(data, span):
                if isinstance(record, Schema):
                    schemas.setdefault(record.id, record)
                elif state in (State.GOOD, State.CUT) or TOPIC.fullmatch(record.topic):
                    channels.setdefault(record.id, record)
    return Known(channels, schemas)


@dataclass(frozen=True)
class Found:
    """A span of the data, and what of it can be trusted.

    Parameters
    ----------
    span : Span
        In the file.
    messages : list of (Channel, Message)
        Empty for other records, and for what is damaged.
    orphans : int
        Messages that are whole but whose channel is not known any more.
    """

    span: Span
    messages: list[tuple[Channel, Message]] = field(default_factory=list)
    orphans: int = 0


def messages_of(data: Bytes, spans: Sequence[Span], known: Known) -> Iterator[Found]:
    """Return every span of the data with those of its messages that can be trusted.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    spans : sequence of Span
        As `scan_spans` found them.
    known : Known
        Its channels.

    Yields
    ------
    Found
    """
    for span in data_spans(spans):
        records: list[Message] = []
        if span.opcode == Opcode.CHUNK and span.state in (State.GOOD, State.CUT):
            records = [m for m in chunk_records(data, span) if isinstance(m, Message)]
        elif span.opcode == Opcode.MESSAGE and span.state is State.GOOD:
            records = [read_record(data, span, Message)]
        pairs = [(known.channels.get(record.channel_id), record) for record in records]
        found = [(channel, record) for channel, record in pairs if channel is not None]
        orphans = len(records) - len(found)
        if span.state is State.CUT:  # no checksum vouches for these
            found = [(channel, record) for channel, record in found if _is_whole(channel, record)]
        yield Found(span, found, orphans)


def data_spans(spans: Sequence[Span]) -> Iterator[Span]:
    """Return the spans before the index that a finished file has at its end.

    Parameters
    ----------
    spans : sequence of Span
        As `scan_spans` found them.

    Yields
    ------
    Span
    """
    for span in spans:
        if span.opcode == Opcode.DATA_END and span.state is State.GOOD:
            return
        yield span


def message_total(data: Bytes, spans: Sequence[Span]) -> int | None:
    """Return how many messages the file's writer counted.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    spans : sequence of Span
        As `scan_spans` found them.

    Returns
    -------
    int or None
        None where the file was not ended, or its end cannot be read.
    """
    for span in spans:
        if span.opcode == Opcode.STATISTICS and span.state is State.GOOD:
            return read_record(data, span, Statistics).message_count
    return None


def _definitions(data: Bytes, span: Span) -> Iterator[Schema | Channel]:
    """Return the channels and schemas that a span holds."""
    if span.opcode == Opcode.CHUNK:
        for record in chunk_records(data, span):
            if not isinstance(record, Message):
                yield record
    elif span.opcode == Opcode.CHANNEL and span.state is State.GOOD:
        yield read_record(data, span, Channel)
    elif span.opcode == Opcode.SCHEMA and span.state is State.GOOD:
        yield read_record(data, span, Schema)


def _is_whole(channel: Channel, message: Message) -> bool:
    """Return whether a message that no checksum vouches for can be read."""
    try:
        if channel.message_encoding == "json":
            json.loads(message.data)
        elif channel.message_encoding == JPEG_ENCODING:
            decode_jpeg(read_jpeg_message(message.data).jpeg)
        elif channel.message_encoding == LOSSLESS_ENCODING:
            decode_lossless(message.data)
    except ValueError:
        return False
    return True
