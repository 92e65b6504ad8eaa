"""Read MCAP files that are finished, unfinished, cut or damaged, with bounded memory.

The readers of the `mcap` package stop at the first irregularity, and need the summary that only a
finished file has. This one goes from record to record, checks every length and checksum, and says
where and why a file ends early.
"""

import io
import os
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
SHORTEST_MESSAGE = 22  # bytes: channel, sequence, two times
LONGEST_SOUGHT = 8 * 1024 * 1024  # bytes of a chunk that is searched for behind a damaged record
ZSTD_CHUNK = struct.pack("<I", 4) + b"zstd"  # how the compression of a chunk is written
BEFORE_COMPRESSION = HEAD.size + 28  # bytes from a chunk record's begin to it
KINDS = {
    Opcode.HEADER: Header,
    Opcode.SCHEMA: Schema,
    Opcode.CHANNEL: Channel,
    Opcode.CHUNK: Chunk,
    Opcode.ATTACHMENT: Attachment,
    Opcode.METADATA: Metadata,
}
INDEXES = (Opcode.MESSAGE_INDEX, Opcode.DATA_END)
BROKEN = (EndOfFile, ValueError, struct.error, IndexError, zstandard.ZstdError, MemoryError)


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
        offset = len(MAGIC)
        while True:
            file.seek(offset)
            head = file.read(HEAD.size)
            if len(head) < HEAD.size:
                self.cut = Notice("session_unfinished", {"file": self.path.name})
                return
            opcode, length = HEAD.unpack(head)
            end = offset + HEAD.size + length
            if opcode == Opcode.FOOTER:
                self._end(file, size, end)
                return
            known = opcode in KINDS or Opcode.MESSAGE <= opcode <= Opcode.DATA_END
            if not known or length > self.longest:
                resumed = self._damaged(file, offset, size)
            elif end > size:
                facts = {"file": self.path.name, "bytes": size - offset}
                self.cut = Notice("session_cut", facts)
                resumed = None if opcode == Opcode.CHUNK else self._next_chunk(file, offset, size)
                if resumed is not None:
                    self.cut = None
                    self._note(offset)
            else:
                yield from self._read(file, offset, opcode, length)
                self.whole = resumed = end
            if resumed is None:
                return
            offset = resumed

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
                if length < SHORTEST_MESSAGE:
                    raise ValueError
                records = [Message.read(ReadDataStream(io.BytesIO(body)), length)]
            else:
                record = kind.read(ReadDataStream(io.BytesIO(body)))  # type: ignore[attr-defined]
                records = self._unpack(record) if isinstance(record, Chunk) else [record]
        except BROKEN:
            self._note(offset)
            return
        for record in records:
            yield Placed(offset, end, record)

    def _unpack(self, chunk: Chunk) -> list[McapRecord]:
        data, records, at = self._content(chunk), [], 0
        while at < len(data):
            opcode, length = HEAD.unpack_from(data, at)
            at += HEAD.size
            body = data[at : at + length]
            if len(body) < length:
                raise ValueError("a record longer than its chunk")
            stream = ReadDataStream(io.BytesIO(body))
            if opcode == Opcode.MESSAGE:
                if length < SHORTEST_MESSAGE:
                    raise ValueError("a message without a time")
                records.append(Message.read(stream, length))
            elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
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
        at, step, overlap = offset + 1, 1 << 20, len(ZSTD_CHUNK) - 1
        while at < size:
            file.seek(at)
            block = file.read(step)
            found = block.find(ZSTD_CHUNK)
            while found >= 0:
                begin = at + found - BEFORE_COMPRESSION
                if begin > offset and self._is_chunk(file, begin, size):
                    return begin
                found = block.find(ZSTD_CHUNK, found + 1)
            at += max(len(block) - overlap, 1)
        return None

    def _is_chunk(self, file: BinaryIO, offset: int, size: int) -> bool:
        file.seek(offset)
        opcode, length = HEAD.unpack(file.read(HEAD.size))
        if opcode != Opcode.CHUNK or length > min(LONGEST_SOUGHT, size - offset - HEAD.size):
            return False
        try:
            self._unpack(Chunk.read(ReadDataStream(io.BytesIO(file.read(length)))))
        except BROKEN:
            return False
        return True


def _attachment_is_whole(body: bytes) -> bool:
    (crc,) = struct.unpack("<I", body[-4:])
    return crc == 0 or crc == zlib.crc32(body[:-4])
