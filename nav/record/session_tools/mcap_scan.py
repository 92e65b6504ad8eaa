"""Read MCAP files that are cut or damaged: find every record that is whole, and what is not.

The reader of the `mcap` package gives up at the first fault. Here a file is a row of spans; after a
fault the scan goes on at the next record whose lengths agree with each other.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from io import BytesIO
from mmap import mmap
from typing import TypeVar

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile, McapError
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    McapRecord,
    Message,
    MessageIndex,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)
from mcap.writer import MCAP0_MAGIC as MAGIC

Bytes = bytes | mmap
HEAD = struct.Struct("<BQ")  # opcode and length of a record
CHUNK_HEAD = struct.Struct("<QQQII")  # start, end, size, CRC, length of the compression's name
READERS = {
    Opcode.HEADER: Header,
    Opcode.FOOTER: Footer,
    Opcode.SCHEMA: Schema,
    Opcode.CHANNEL: Channel,
    Opcode.CHUNK: Chunk,
    Opcode.MESSAGE_INDEX: MessageIndex,
    Opcode.CHUNK_INDEX: ChunkIndex,
    Opcode.ATTACHMENT: Attachment,
    Opcode.ATTACHMENT_INDEX: AttachmentIndex,
    Opcode.STATISTICS: Statistics,
    Opcode.METADATA: Metadata,
    Opcode.METADATA_INDEX: MetadataIndex,
    Opcode.SUMMARY_OFFSET: SummaryOffset,
    Opcode.DATA_END: DataEnd,
}
# what a scan can go on with: chunk, attachment, metadata, end of the data
SYNC = re.compile(
    rb"\x06.{5}\x00{3}.{21}\x00{3}.{4}(?:\x00{4}|\x04\x00{3}zstd|\x03\x00{3}lz4).{5}\x00{3}"
    rb"|\x09.{5}\x00{3}.{16}.{2}\x00\x00|\x0c.{5}\x00{3}.{2}\x00\x00|\x0f\x04\x00{7}",
    re.DOTALL,
)
LONGEST_CHUNK = 1 << 30  # bytes, uncompressed
DATA_DISAGREE = "the checksum of all its data disagrees with them"
FAULTS = (McapError, ValueError, OverflowError, struct.error, MemoryError)
Record = TypeVar("Record", bound=McapRecord)


class State(Enum):
    """What is known of a span: `GOOD`, or which way it is not."""

    GOOD = "good"
    DAMAGED = "damaged"  # its checksum disagrees with its data
    CUT = "cut"  # the file ends within it
    UNREADABLE = "unreadable"  # no record begins where one should


@dataclass(frozen=True)
class Span:
    """A part of a file: one record, or bytes in which none was found.

    Parameters
    ----------
    opcode : int
        Of the record; what stands there, where none was found.
    start, end : int
        Its bytes, with the record's head.
    state : State
        Whether it can be trusted.
    """

    opcode: int
    start: int
    end: int
    state: State


class StrictStream(ReadDataStream):
    """A stream that never returns less than it was asked for."""

    def read(self, length: int) -> bytes:
        """Read bytes, or raise EndOfFile."""
        data = super().read(length)
        if len(data) < length:
            raise EndOfFile
        return data


def scan_spans(data: Bytes) -> list[Span]:
    """Find all records of an MCAP file, and all that is wrong with it.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.

    Returns
    -------
    list of Span
        In the file's order, without gaps, from behind the first 8 bytes to the end.
    """
    spans: list[Span] = []
    position, chunked, size = min(len(MAGIC), len(data)), False, len(data)
    while position < size:
        span = _record_at(data, position, chunked)
        if span is None:
            following = _next_record(data, position + 1)
            if following is None:
                spans.append(_tail(data, position))
                break
            span = Span(data[position], position, following, State.UNREADABLE)
        elif span.state is State.DAMAGED and _record_at(data, span.end, True) is None:
            # bytes may be missing in it: then it ends where the next record begins
            following = _next_record(data, position + 1) or span.end
            if following < span.end:
                state = State.DAMAGED if span.opcode == Opcode.CHUNK else State.UNREADABLE
                span = replace(span, end=following, state=state)
        chunked = chunked or span.opcode == Opcode.CHUNK
        spans.append(span)
        position = span.end
    return spans


def index_faults(data: Bytes, spans: Sequence[Span]) -> list[str]:
    """Return what is wrong with a file apart from single records: its ends, its index.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    spans : sequence of Span
        As `scan_spans` found them.

    Returns
    -------
    list of str
        One line each; empty for a file that was ended by its writer and is whole.
    """
    faults = []
    if data[: len(MAGIC)] != MAGIC:
        faults.append("its first 8 bytes are not those of an MCAP file")
    footers = [span for span in spans if span.opcode == Opcode.FOOTER]
    if not footers:
        return [*faults, "it was not ended"]
    footer = footers[0]
    if footer is not spans[-1] or data[footer.end - len(MAGIC) : footer.end] != MAGIC:
        faults.append("its last 8 bytes are not those of an MCAP file")
    if not _summary_agrees(data, footer):
        faults.append("the summary at its end is damaged")
    faults += _data_faults(data, spans)
    return faults


def read_record(data: Bytes, span: Span, kind: type[Record]) -> Record:
    """Read the record of a span.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    span : Span
        With a record that is structurally whole.
    kind : type
        Class of `mcap.records` that it is.

    Returns
    -------
    McapRecord

    Raises
    ------
    ValueError
        It is another kind of record.
    """
    record = _parse(span.opcode, data[span.start + HEAD.size : span.end])
    if not isinstance(record, kind):
        raise ValueError(f"expected {kind.__name__}, found {type(record).__name__}")
    return record


def chunk_records(data: Bytes, span: Span) -> Iterator[Schema | Channel | Message]:
    """Return what a chunk holds, as far as it can be read: of a cut one, what is before the cut.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    span : Span
        Of a chunk, whatever its state.

    Yields
    ------
    Schema, Channel or Message
    """
    content = _content(data[span.start + HEAD.size : span.end])
    position = 0
    while position + HEAD.size <= len(content):
        opcode, length = HEAD.unpack_from(content, position)
        start, position = position + HEAD.size, position + HEAD.size + length
        if position > len(content):
            return
        record = _parse(opcode, content[start:position])
        if isinstance(record, Schema | Channel | Message):
            yield record
        elif record is None:
            return


def message_count(data: Bytes, spans: Sequence[Span], chunk: int) -> int | None:
    """Return how many messages a chunk had, by the indices that follow it.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    spans : sequence of Span
        As `scan_spans` found them.
    chunk : int
        Place of the chunk in `spans`.

    Returns
    -------
    int or None
        None where no index follows.
    """
    count = None
    for span in spans[chunk + 1 :]:
        if span.opcode != Opcode.MESSAGE_INDEX or span.state is not State.GOOD:
            break
        count = (count or 0) + len(read_record(data, span, MessageIndex).records)
    return count


def _parse(opcode: int, payload: bytes) -> McapRecord | None:
    """Return a record, or None where its lengths do not agree with each other."""
    stream = StrictStream(BytesIO(payload))
    with suppress(*FAULTS):
        if opcode == Opcode.MESSAGE:
            return Message.read(stream, len(payload)) if len(payload) >= 22 else None
        record = READERS[Opcode(opcode)].read(stream)  # type: ignore[attr-defined]
        return record if stream.count == len(payload) else None
    return None


def _record_at(data: Bytes, position: int, chunked: bool) -> Span | None:
    if position + HEAD.size > len(data):
        return None
    opcode, length = HEAD.unpack(data[position : position + HEAD.size])
    end = position + HEAD.size + length
    if end > len(data) or (opcode == Opcode.MESSAGE and chunked):
        return None
    payload = data[position + HEAD.size : end]
    record = _parse(opcode, payload)
    if record is None:
        return None
    agrees = True
    if isinstance(record, Chunk):
        agrees = _chunk_agrees(record)
    elif isinstance(record, Attachment):
        agrees = int.from_bytes(payload[-4:], "little") in (0, zlib.crc32(payload[:-4]))
    if opcode == Opcode.FOOTER:
        end = min(end + len(MAGIC), len(data))
    return Span(opcode, position, end, State.GOOD if agrees else State.DAMAGED)


def _chunk_agrees(chunk: Chunk) -> bool:
    with suppress(*FAULTS, zstandard.ZstdError):
        content = chunk.data
        if chunk.compression == "zstd":
            if chunk.uncompressed_size > LONGEST_CHUNK:
                return False
            content = zstandard.decompress(chunk.data, chunk.uncompressed_size)
        elif chunk.compression:
            return False
        if len(content) != chunk.uncompressed_size:
            return False
        return chunk.uncompressed_crc in (0, zlib.crc32(content))
    return False


def _content(payload: bytes) -> bytes:
    """Return a chunk's records uncompressed, as many as there are."""
    if len(payload) < CHUNK_HEAD.size:
        return b""
    *_, name_length = CHUNK_HEAD.unpack_from(payload)
    begin = CHUNK_HEAD.size + name_length + 8
    compression = payload[CHUNK_HEAD.size : begin - 8]
    packed = payload[begin:]
    if not compression:
        return packed
    if compression == b"zstd":
        with suppress(zstandard.ZstdError):
            out = zstandard.ZstdDecompressor().decompressobj()
            return b"".join(_by_parts(out, packed))
    return b""


def _by_parts(out: zstandard.ZstdDecompressionObj, packed: bytes) -> Iterator[bytes]:
    with suppress(zstandard.ZstdError):  # what was unpacked before the fault is kept
        for start in range(0, len(packed), 4096):
            yield out.decompress(packed[start : start + 4096])


def _next_record(data: Bytes, position: int) -> int | None:
    """Return where the next record begins whose lengths agree with each other."""
    while (found := SYNC.search(data, position)) is not None:
        start = found.start()
        if _record_at(data, start, True) is not None or _cut_chunk(data, start):
            return start
        position = start + 1
    return None


def _cut_chunk(data: Bytes, position: int) -> bool:
    """Return whether a chunk begins here that the file's end cuts."""
    opcode, length = HEAD.unpack(data[position : position + HEAD.size])
    start = position + HEAD.size
    if opcode != Opcode.CHUNK or start + length <= len(data):
        return False
    if start + CHUNK_HEAD.size > len(data):
        return False
    *_, name_length = CHUNK_HEAD.unpack(data[start : start + CHUNK_HEAD.size])
    at = start + CHUNK_HEAD.size + name_length
    packed = int.from_bytes(data[at : at + 8], "little")
    return CHUNK_HEAD.size + name_length + 8 + packed == length


def _tail(data: Bytes, position: int) -> Span:
    """Return the span of a file's last bytes, in which no whole record begins."""
    opcode = data[position]
    known = opcode == Opcode.MESSAGE or any(opcode == one for one in READERS)
    return Span(opcode, position, len(data), State.CUT if known else State.UNREADABLE)


def _summary_agrees(data: Bytes, footer: Span) -> bool:
    """Return whether the summary at the end is as its writer left it."""
    stop = footer.start + HEAD.size + 20
    (start, _, crc) = struct.unpack("<QQI", data[footer.start + HEAD.size : stop])
    if not len(MAGIC) <= start <= footer.start:
        return False
    return crc in (0, zlib.crc32(data[start : stop - 4]))


def _data_faults(data: Bytes, spans: Sequence[Span]) -> list[str]:
    """Compare the checksum of all data, and the summary's entry of each chunk."""
    faults = []
    for span in spans:
        if span.opcode == Opcode.DATA_END and span.state is State.GOOD:
            crc = read_record(data, span, DataEnd).data_section_crc
            if crc and zlib.crc32(memoryview(data)[: span.start]) != crc:
                faults.append(DATA_DISAGREE)
    indices = {
        index.chunk_start_offset: (index.message_start_time, index.message_end_time)
        for span in spans
        if span.opcode == Opcode.CHUNK_INDEX and span.state is State.GOOD
        for index in [read_record(data, span, ChunkIndex)]
    }
    heads = {
        span.start: CHUNK_HEAD.unpack_from(data, span.start + HEAD.size)[:2]
        for span in spans
        if span.opcode == Opcode.CHUNK and span.state is not State.CUT
    }
    if indices != heads:
        faults.append("its index disagrees with its chunks")
    return faults
