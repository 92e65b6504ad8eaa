"""Read MCAP files that are finished, unfinished, cut or damaged, with bounded memory.

The readers of the `mcap` package stop at the first irregularity, and need the summary that only a
finished file has. This one goes from record to record, checks every length and checksum, and says
where and why a file ends early.
"""

import io
import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    Channel,
    Chunk,
    Header,
    McapRecord,
    Message,
    Metadata,
    Schema,
)

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.textfile import open_regular

MAGIC = b"\x89MCAP0\r\n"
HEAD = struct.Struct("<BQ")  # a record's kind and length
LONGEST = 128 * 1024 * 1024  # bytes of a record, and of a chunk when unpacked
MESSAGE_HEAD = struct.Struct("<HIQQ")  # channel, sequence, two times
LONGEST_SOUGHT = 8 * 1024 * 1024  # bytes of a chunk that is searched for behind a damaged record
# how a chunk begins: its kind, and a length below 4 GB
CHUNK_BEGIN = re.compile(rb"\x06(?=[\x00-\xff]{4}\x00{4})")
CHUNK_FIELDS = struct.Struct("<QQQII")  # times, size and checksum, length of compression's name
COMPRESSIONS = ("", "zstd", "lz4")
KINDS = {
    Opcode.HEADER: Header,
    Opcode.SCHEMA: Schema,
    Opcode.CHANNEL: Channel,
    Opcode.CHUNK: Chunk,
    Opcode.ATTACHMENT: Attachment,
    Opcode.METADATA: Metadata,
}
INDEXES = (Opcode.MESSAGE_INDEX, Opcode.DATA_END)
SUMMARY = (
    Opcode.CHUNK_INDEX, Opcode.ATTACHMENT_INDEX, Opcode.STATISTICS, Opcode.METADATA_INDEX,
    Opcode.SUMMARY_OFFSET,
)  # fmt: skip
LENGTHS: dict[int, int] = {Opcode.FOOTER: 20, Opcode.DATA_END: 4}  # bytes
BROKEN = (
    EndOfFile,
    ValueError,
    OverflowError,
    struct.error,
    IndexError,
    zstandard.ZstdError,
    MemoryError,
)


@dataclass(frozen=True)
class Placed:
    """A record and where it stands.

    Parameters
    ----------
    start, end : int
        Offsets of its first byte and of the next record's in the file; those of its chunk where it
        is in one.
    record : McapRecord
        Of `mcap.records`.
    """

    start: int
    end: int
    record: McapRecord


class McapRecords:
    """The records of an MCAP file in order; iterating again starts again.

    Chunks are unpacked. Records of the summary and indexes are left out.

    Parameters
    ----------
    path : Path
        The file.
    longest : int
        Bytes of the longest record that is read; a longer one counts as damage.

    Attributes
    ----------
    cut : Notice or None
        After an iteration: why the file ends early; None where it is complete.
    damage : list of Notice
        After an iteration: what was left out on the way.
    whole : int
        After an iteration: offset behind the last record that is whole.

    Raises
    ------
    InputError
        The file cannot be read, or is no MCAP file.
    """

    def __init__(self, path: Path, longest: int = LONGEST) -> None:
        self.path, self.longest = path, longest
        self.cut: Notice | None = None
        self.damage: list[Notice] = []
        self.whole = 0
        try:
            with open_regular(path) as file:
                head = file.read(len(MAGIC))
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
        if not head:
            raise InputError(f"{path}: is empty: the recording ended before it began")
        if head != MAGIC:
            raise InputError(f"{path}: is not an MCAP file; expected a session of c1c2nav")

    def __iter__(self) -> Iterator[Placed]:
        self.cut, self.damage, self.whole = None, [], len(MAGIC)
        try:
            with open_regular(self.path) as file:
                yield from self._records(file, os.fstat(file.fileno()).st_size)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror or error}") from None

    def _records(self, file: BinaryIO, size: int) -> Iterator[Placed]:
        offset, data_ended = len(MAGIC), False
        while True:
            file.seek(offset)
            head = file.read(HEAD.size)
            if len(head) < HEAD.size:
                self.cut = Notice("session_unfinished", {"file": self.path.name})
                return
            opcode, length = HEAD.unpack(head)
            end = offset + HEAD.size + length
            if not self._is_plausible(opcode, length, data_ended) or (
                opcode == Opcode.FOOTER and end + len(MAGIC) < size
            ):
                resumed = self._damaged(file, offset, size)
            elif opcode == Opcode.FOOTER:
                self._end(file, size, end)
                return
            elif end > size:
                resumed = self._next_chunk(file, offset, size)
                if resumed is None:
                    facts = {"file": self.path.name, "bytes": size - offset}
                    self.cut = Notice("session_cut", facts)
                else:
                    self._note(offset)
            elif opcode == Opcode.MESSAGE_INDEX and not _is_index(file.read(6), length):
                resumed = self._damaged(file, offset, size)
            else:
                resumed, known = end, len(self.damage)
                file.seek(offset + HEAD.size)
                yield from self._read(file, offset, opcode, length)
                if len(self.damage) > known:  # it may be the length that is wrong
                    resumed = min(end, self._next_chunk(file, offset, size) or end)
                self.whole = resumed
                data_ended = data_ended or opcode == Opcode.DATA_END
            if resumed is None:
                return
            offset = resumed

    def _is_plausible(self, opcode: int, length: int, data_ended: bool) -> bool:
        """Return whether a record may begin so; the summary's come after the end of the data."""
        if opcode in SUMMARY:
            return data_ended and length <= self.longest
        if opcode in LENGTHS:
            return length == LENGTHS[opcode]
        return Opcode.HEADER <= opcode <= Opcode.DATA_END and length <= self.longest

    def _end(self, file: BinaryIO, size: int, end: int) -> None:
        if end + len(MAGIC) <= size:
            file.seek(end)
            if file.read(len(MAGIC)) == MAGIC:
                self.whole = end + len(MAGIC)
                return
        self.cut = Notice("session_unfinished", {"file": self.path.name})

    def _read(self, file: BinaryIO, offset: int, opcode: int, length: int) -> Iterator[Placed]:
        kind, end = KINDS.get(Opcode(opcode)), offset + HEAD.size + length
        if opcode in INDEXES or (kind is None and opcode != Opcode.MESSAGE):
            return
        body = file.read(length)
        try:
            if opcode == Opcode.ATTACHMENT and not _attachment_is_whole(body):
                raise ValueError
            if kind is None:
                records: list[McapRecord] = [_message(body)]
            else:
                record = kind.read(ReadDataStream(io.BytesIO(body)))  # type: ignore[attr-defined]
                if isinstance(record, Chunk) and length != _length_of(record):
                    raise ValueError
                records = self._unpack(record) if isinstance(record, Chunk) else [record]
        except BROKEN:
            self._note(offset)
            return
        for record in records:
            yield Placed(offset, end, record)

    def _unpack(self, chunk: Chunk) -> list[McapRecord]:
        data, at = self._content(chunk), 0
        records: list[McapRecord] = []
        while at < len(data):
            opcode, length = HEAD.unpack_from(data, at)
            at += HEAD.size
            body = data[at : at + length]
            if len(body) < length:
                raise ValueError("a record longer than its chunk")
            if opcode == Opcode.MESSAGE:
                records.append(_message(body))
            elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
                stream = ReadDataStream(io.BytesIO(body))
                records.append(KINDS[Opcode(opcode)].read(stream))  # type: ignore[attr-defined]
            at += length
        return records

    def _content(self, chunk: Chunk) -> bytes:
        if chunk.uncompressed_size > self.longest:
            raise ValueError("a chunk too long")
        data = chunk.data
        if chunk.compression == "zstd":
            # the library takes the size from the packed bytes themselves, however large it is
            stated = zstandard.get_frame_parameters(data).content_size
            if stated not in (chunk.uncompressed_size, zstandard.CONTENTSIZE_UNKNOWN):
                raise ValueError("a chunk of another size")
            data = zstandard.ZstdDecompressor().decompress(data, chunk.uncompressed_size)
        elif chunk.compression:
            raise ValueError(f"unknown compression {chunk.compression}")
        if len(data) != chunk.uncompressed_size or (
            chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc
        ):
            raise ValueError("wrong checksum")
        return data

    def _note(self, offset: int) -> None:
        self.damage.append(Notice("session_damaged", {"file": self.path.name, "at": offset}))

    def _damaged(self, file: BinaryIO, offset: int, size: int) -> int | None:
        """Leave out a record whose head makes no sense; return where the next chunk is, if any."""
        self._note(offset)
        found = self._next_chunk(file, offset, size)
        if found is None:
            facts = {"file": self.path.name, "bytes": size - offset}
            self.cut = Notice("session_cut", facts)
        return found

    def _next_chunk(self, file: BinaryIO, offset: int, size: int) -> int | None:
        """Return the offset of the next chunk behind `offset` that is whole."""
        at, step, overlap = offset + 1, 1 << 20, HEAD.size - 1
        while at < size:
            file.seek(at)
            block = file.read(step)
            for found in CHUNK_BEGIN.finditer(block):
                if self._is_chunk(file, at + found.start(), size):
                    return at + found.start()
            at += max(len(block) - overlap, 1)
        return None

    def _is_chunk(self, file: BinaryIO, offset: int, size: int) -> bool:
        file.seek(offset)
        opcode, length = HEAD.unpack(file.read(HEAD.size))
        if opcode != Opcode.CHUNK or length > min(LONGEST_SOUGHT, size - offset - HEAD.size):
            return False
        if length < CHUNK_FIELDS.size:
            return False
        *_, named = CHUNK_FIELDS.unpack(file.read(CHUNK_FIELDS.size))
        if named not in map(len, COMPRESSIONS):
            return False
        file.seek(offset + HEAD.size)
        try:
            self._unpack(Chunk.read(ReadDataStream(io.BytesIO(file.read(length)))))
        except BROKEN:
            return False
        return True


def _message(body: bytes) -> Message:
    """Return a message; the package's own reader takes four times as long."""
    channel, sequence, log_time, publish_time = MESSAGE_HEAD.unpack_from(body)
    return Message(
        channel_id=channel,
        sequence=sequence,
        log_time=log_time,
        publish_time=publish_time,
        data=body[MESSAGE_HEAD.size :],
    )


def _length_of(chunk: Chunk) -> int:
    """Return the length that a chunk's record must have."""
    return CHUNK_FIELDS.size + len(chunk.compression) + 8 + len(chunk.data)


def _is_index(begin: bytes, length: int) -> bool:
    """Return whether a record of this length, that begins so, is the index of a chunk's channel."""
    return length >= len(begin) and length == 6 + int.from_bytes(begin[2:6], "little")


def _attachment_is_whole(body: bytes) -> bool:
    (crc,) = struct.unpack("<I", body[-4:])
    return crc == 0 or crc == zlib.crc32(body[:-4])
