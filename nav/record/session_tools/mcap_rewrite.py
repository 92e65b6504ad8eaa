"""Write an MCAP file anew from what can be read of a cut or damaged one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO

from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    Channel,
    Chunk,
    ChunkIndex,
    Header,
    Message,
    Metadata,
)
from mcap.writer import CompressionType, Writer

import nav
from nav.record.session_tools.mcap_content import Known, messages_of
from nav.record.session_tools.mcap_scan import (
    LONGEST_CHUNK,
    Bytes,
    Span,
    State,
    message_count,
    read_record,
)

DAMAGED_FOLDER = "damaged"  # attachments whose checksum disagrees are kept under it
INDICES = {  # written anew
    Opcode.MESSAGE_INDEX,
    Opcode.DATA_END,
    Opcode.CHUNK_INDEX,
    Opcode.ATTACHMENT_INDEX,
    Opcode.METADATA_INDEX,
    Opcode.STATISTICS,
    Opcode.SUMMARY_OFFSET,
    Opcode.FOOTER,
}
Seen = Callable[[Channel, Message], None]


@dataclass(frozen=True)
class Loss:
    """What of a file could not be kept.

    Parameters
    ----------
    what : str
        In words.
    start : int
        Byte at which it begins.
    messages : int or None
        How many were lost; None where the file does not say.
    after, before : int or None
        Log times of the last message kept before it and the first kept behind it, ns.
    """

    what: str
    start: int
    messages: int | None = None
    after: int | None = None
    before: int | None = None

    @property
    def seconds(self) -> float | None:
        """Length of the gap that it leaves; None at the file's ends."""
        return (
            None if self.after is None or self.before is None else (self.before - self.after) / 1e9
        )


@dataclass
class Kept:
    """What was kept, and what was not.

    Attributes
    ----------
    messages : Counter of str
        By topic.
    losses : list of Loss
        In the file's order.
    first, last : int or None
        Least and greatest log time, ns.
    """

    messages: Counter[str] = field(default_factory=Counter)
    losses: list[Loss] = field(default_factory=list)
    first: int | None = None
    last: int | None = None

    def add(self, messages: Sequence[tuple[Channel, Message]]) -> None:
        """Count messages; the losses just before them end here."""
        if not messages:
            return
        times = [message.log_time for _, message in messages]
        self.messages.update(channel.topic for channel, _ in messages)
        for place, loss in enumerate(self.losses):
            if loss.before is None:
                self.losses[place] = replace(loss, before=min(times))
        self.first = min(times) if self.first is None else min(self.first, *times)
        self.last = max(times) if self.last is None else max(self.last, *times)


def rewrite(
    data: Bytes,
    spans: Sequence[Span],
    known: Known,
    stream: IO[bytes],
    seen: Seen,
    closing: Callable[[Kept], Mapping[str, dict[str, str]]],
    replaced: Collection[str] = (),
    opening: Mapping[str, dict[str, str]] | None = None,
) -> Kept:
    """Write a whole file with everything that can be read of another.

    Parameters
    ----------
    data : bytes or mmap
        The file that is cut or damaged.
    spans : sequence of Span
        As `scan_spans` found them.
    known : Known
        Its channels.
    stream : file
        To write to.
    seen : callable
        Called with the channel and each message that is kept.
    closing : callable
        Called when all is kept; returns the metadata records to end with, by name.
    replaced : collection of str
        Names of metadata records that are left out.
    opening : mapping, optional
        Metadata records to begin with, by name.

    Returns
    -------
    Kept
    """
    out, kept = _Writer(data, spans, stream, known), Kept()
    places = {span.start: place for place, span in enumerate(spans)}
    for name, metadata in (opening or {}).items():
        out.writer.add_metadata(name, metadata)
    for found in messages_of(data, spans, known):
        span = found.span
        for channel, message in found.messages:
            out.message(channel, message)
            seen(channel, message)
        kept.add(found.messages)
        if found.messages:
            out.writer.flush()  # chunks stay as they were
        if found.orphans:
            lost = Loss("messages whose channel is not known", span.start, found.orphans)
            kept.losses.append(replace(lost, after=kept.last))
        if span.opcode == Opcode.METADATA and span.state is State.GOOD:
            table = read_record(data, span, Metadata)
            if table.name not in replaced:
                out.writer.add_metadata(table.name, table.metadata)
        elif span.opcode == Opcode.ATTACHMENT and span.state in (State.GOOD, State.DAMAGED):
            out.attachment(read_record(data, span, Attachment), span.state)
        loss = loss_of(data, spans, places[span.start], len(found.messages))
        if loss is not None:
            kept.losses.append(replace(loss, after=kept.last))
    for name, metadata in closing(kept).items():
        out.writer.add_metadata(name, metadata)
    out.writer.finish()
    return kept


def loss_of(data: Bytes, spans: Sequence[Span], place: int, kept: int) -> Loss | None:
    """Return what is lost with a span, or None where all of it can be used.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    spans : sequence of Span
        As `scan_spans` found them.
    place : int
        Of the span in them.
    kept : int
        How many of its messages can be trusted.

    Returns
    -------
    Loss or None
    """
    span = spans[place]
    if span.state is State.GOOD or (span.state is State.CUT and span.opcode in INDICES):
        return None
    if span.opcode == Opcode.CHUNK and span.state is State.DAMAGED:
        count = message_count(data, spans, place)
        return Loss("a block of messages whose checksum disagrees", span.start, count)
    if span.opcode == Opcode.CHUNK and span.state is State.CUT:
        return Loss(f"the last block of messages, cut after {kept} of them", span.start)
    if span.opcode == Opcode.ATTACHMENT and span.state is State.DAMAGED:
        name = read_record(data, span, Attachment).name
        return Loss(f"{name}: the attachment's checksum disagrees", span.start, 0)
    size = span.end - span.start
    if span.state is State.CUT:
        return Loss(f"the last record, cut after {size} bytes", span.start)
    starts = _chunk_starts(data, spans)
    none_there = starts is not None and not any(span.start <= s < span.end for s in starts)
    return Loss(f"{size} bytes that cannot be read", span.start, 0 if none_there else None)


def _chunk_starts(data: Bytes, spans: Sequence[Span]) -> list[int] | None:
    found = [
        read_record(data, span, ChunkIndex).chunk_start_offset
        for span in spans
        if span.opcode == Opcode.CHUNK_INDEX and span.state is State.GOOD
    ]
    return found or None


class _Writer:
    """Writes messages and attachments, each channel with its schema before its first message."""

    def __init__(self, data: Bytes, spans: Sequence[Span], stream: IO[bytes], known: Known) -> None:
        heads = [span for span in spans if span.state is State.GOOD]
        chunks = (read_record(data, s, Chunk) for s in heads if s.opcode == Opcode.CHUNK)
        first = next(chunks, None)
        packed = first is not None and first.compression == "zstd"
        headers = (read_record(data, s, Header) for s in heads if s.opcode == Opcode.HEADER)
        header = next(headers, Header("", f"c1c2nav {nav.__version__}"))
        self.writer = Writer(
            stream,
            chunk_size=LONGEST_CHUNK,
            compression=CompressionType.ZSTD if packed else CompressionType.NONE,
            enable_data_crcs=True,
        )
        self.writer.start(header.profile, header.library)
        self._known = known
        self._channels: dict[int, int] = {}
        self._schemas: dict[int, int] = {0: 0}

    def message(self, channel: Channel, message: Message) -> None:
        if channel.id not in self._channels:
            self._channels[channel.id] = self.writer.register_channel(
                channel.topic, channel.message_encoding, self._schema(channel), channel.metadata
            )
        self.writer.add_message(
            self._channels[channel.id],
            message.log_time,
            message.data,
            message.publish_time,
            message.sequence,
        )

    def attachment(self, kept: Attachment, state: State) -> None:
        name = kept.name if state is State.GOOD else f"{DAMAGED_FOLDER}/{kept.name}"
        self.writer.add_attachment(
            kept.create_time, kept.log_time, name, kept.media_type, kept.data
        )

    def _schema(self, channel: Channel) -> int:
        schema = self._known.schemas.get(channel.schema_id)
        if schema is None:
            return 0
        if schema.id not in self._schemas:
            self._schemas[schema.id] = self.writer.register_schema(
                schema.name, schema.encoding, schema.data
            )
        return self._schemas[schema.id]
