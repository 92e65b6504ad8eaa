"""The pictures of a session in any order: where each is in the file, and the picture itself.

Only the heads and indexes of the file's chunks are read beforehand: it may be larger than memory.
"""

import os
import struct
import threading
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile
from mcap.opcode import Opcode
from mcap.records import Channel

from nav.core.frameset import Picture
from nav.record.session.mcap_records import HEAD, MAGIC
from nav.record.session.picture_codec import PictureError
from nav.record.session.session_about import SessionClock
from nav.record.session.session_pictures import TOPIC, Coding, RecordedPicture, channel_coding

CHUNK_HEAD = struct.Struct("<QQQII")  # first and last time, size, checksum, length of a name
CHUNK_SIZE = struct.Struct("<Q")  # of its records
MESSAGE_HEAD = struct.Struct("<HIQQ")  # channel, sequence, two times
INDEX_HEAD, INDEX_ENTRY = struct.Struct("<HI"), struct.Struct("<QQ")
IN_CHUNK = 1 << 20  # bytes of a chunk's begin that are read for its channels


class _Chunk(NamedTuple):
    """Where a chunk's records are, and their CRC-32; 0 where the file does not say it."""

    start: int
    size: int
    checksum: int


class _Place(NamedTuple):
    """Where a picture's message is, and in which chunk."""

    message: int
    coding: Coding
    chunk: _Chunk


class _Places:
    """Where the pictures are, by camera and time; of two of one time the later one in the file.

    Plain arrays: a session of hours has a million pictures.
    """

    def __init__(self) -> None:
        self._chunks: list[tuple[Coding, _Chunk]] = []
        # by camera: times, messages, and which of the chunks
        self._columns: dict[str, tuple[array[int], array[int], array[int]]] = {}
        self._order: dict[str, np.ndarray[Any, np.dtype[np.intp]]] = {}

    def add(self, camera: str, log_time: int, place: _Place) -> None:
        kind = place.coding, place.chunk
        if not self._chunks or self._chunks[-1] != kind:
            self._chunks.append(kind)
        columns = self._columns.setdefault(camera, (array("Q"), array("Q"), array("I")))
        for column, value in zip(
            columns, (log_time, place.message, len(self._chunks) - 1), strict=True
        ):
            column.append(value)

    def sort(self) -> None:
        """Sort them; none is added afterwards."""
        for camera, (times, _, _) in self._columns.items():
            backwards = np.array(times, np.uint64)[::-1]
            _, first = np.unique(backwards, return_index=True)
            self._order[camera] = len(backwards) - 1 - first

    def __len__(self) -> int:
        return sum(map(len, self._order.values()))

    def get(self, camera: str, log_time: int) -> _Place | None:
        if camera not in self._order:
            return None
        times, messages, chunks = self._columns[camera]
        order = self._order[camera]
        k = bisect_left(order, log_time, key=lambda index: times[index])
        if k == len(order) or times[order[k]] != log_time:
            return None
        coding, chunk = self._chunks[chunks[order[k]]]
        return _Place(messages[order[k]], coding, chunk)


class PictureStore(Protocol):
    """The pictures of a session."""

    def picture(self, camera: str, at: float) -> Picture | None:
        """Return a camera's picture of a time, s; None: not recorded, or damaged. Any thread."""
        ...

    def close(self) -> None:
        """Free the file."""
        ...


class NoPictures:
    """Of a session that was recorded without pictures."""

    def picture(self, camera: str, at: float) -> Picture | None:
        """Return None."""
        return None

    def close(self) -> None:
        """Do nothing."""


class PictureIndex:
    """The pictures of one session.

    Parameters
    ----------
    path : Path
        pictures.mcap.
    clock : SessionClock
        Of the session.

    Attributes
    ----------
    exact : bool
        Whether every picture is bit for bit the one that was tracked.
    """

    def __init__(self, path: Path, clock: SessionClock) -> None:
        self.clock, self.exact = clock, True
        self._file = path.open("rb")
        self._lock = threading.Lock()
        self._channels: dict[int, tuple[str, Coding]] = {}
        self._places = _Places()
        self._sound: dict[_Chunk, bool] = {}  # those that were looked at
        try:
            for channel, log_time, place, chunk in _indexed(self._file, self._channels):
                camera, coding = self._channels[channel]
                self._places.add(camera, log_time, _Place(place, coding, chunk))
                self.exact &= coding != "JPEG"
        except (struct.error, ValueError, OverflowError, EndOfFile):
            pass  # damaged from here on: what stands before is there
        self._places.sort()

    def __len__(self) -> int:
        return len(self._places)

    def picture(self, camera: str, at: float) -> Picture | None:
        """Return a camera's picture.

        Parameters
        ----------
        camera : str
            Its name.
        at : float
            When it was taken, s, as in the frame that was measured in it.

        Returns
        -------
        ndarray, shape (h, w), uint8, or None
            Grey levels; None where it was not recorded or is damaged.
        """
        log_time = self.clock.ns(at)
        place = self._places.get(camera, log_time)
        if place is None:
            return None
        with self._lock:
            # lossless pictures have checksums of their own
            sound = place.coding == "lossless" or self._is_sound(place.chunk)
            data = _message_at(self._file, place.message) if sound else None
        if data is None:
            return None
        try:
            return RecordedPicture(camera, log_time, 0, place.coding, data).image()
        except PictureError:
            return None

    def close(self) -> None:
        """Free the file."""
        self._file.close()

    def _is_sound(self, chunk: _Chunk) -> bool:
        """Return whether a chunk has its checksum; read once."""
        if chunk not in self._sound:
            self._file.seek(chunk.start)
            found = zlib.crc32(self._file.read(chunk.size))
            self._sound[chunk] = chunk.checksum in (0, found)
        return self._sound[chunk]


def _indexed(
    file: BinaryIO, channels: dict[int, tuple[str, Coding]]
) -> Iterator[tuple[int, int, int, _Chunk]]:
    """Yield channel, time, place and chunk of each message that the file's indexes tell of."""
    size = os.fstat(file.fileno()).st_size
    file.seek(len(MAGIC))
    chunk: _Chunk | None = None  # the newest
    while True:
        offset = file.tell()
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            return
        opcode, length = HEAD.unpack(head)
        if opcode in (Opcode.DATA_END, Opcode.FOOTER) or length > size:
            return
        if opcode == Opcode.CHUNK:
            chunk = _chunk(file, offset, length)
            if chunk is not None:
                channels |= _channels_in(file, chunk.start, chunk.start + chunk.size)
        elif opcode == Opcode.MESSAGE_INDEX and chunk is not None:
            body = file.read(length)
            if len(body) < length:
                return
            channel, _ = INDEX_HEAD.unpack_from(body)
            entries = body[INDEX_HEAD.size :]
            if channel in channels and len(entries) % INDEX_ENTRY.size == 0:
                for log_time, place in INDEX_ENTRY.iter_unpack(entries):
                    yield channel, log_time, chunk.start + place, chunk
        file.seek(offset + HEAD.size + length)


def _message_at(file: BinaryIO, place: int) -> bytes | None:
    """Return the data of the message at a place; None where there is no whole one."""
    size = os.fstat(file.fileno()).st_size
    if place + HEAD.size > size:
        return None
    file.seek(place)
    opcode, length = HEAD.unpack(file.read(HEAD.size))
    if opcode != Opcode.MESSAGE or not MESSAGE_HEAD.size <= length <= size - file.tell():
        return None
    return file.read(length)[MESSAGE_HEAD.size :]


def _chunk(file: BinaryIO, offset: int, length: int) -> _Chunk | None:
    """Return the chunk whose record begins at an offset; None where it is compressed."""
    head = file.read(CHUNK_HEAD.size)
    if len(head) < CHUNK_HEAD.size:
        return None
    *_, checksum, name = CHUNK_HEAD.unpack(head)
    fields = CHUNK_HEAD.size + CHUNK_SIZE.size
    return None if name else _Chunk(offset + HEAD.size + fields, length - fields, checksum)


def _channels_in(file: BinaryIO, start: int, end: int) -> dict[int, tuple[str, Coding]]:
    """Return the cameras whose channels stand at the begin of a chunk, by number."""
    found: dict[int, tuple[str, Coding]] = {}
    at = start
    while at < min(end, start + IN_CHUNK):
        file.seek(at)
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            break
        opcode, length = HEAD.unpack(head)
        if opcode not in (Opcode.SCHEMA, Opcode.CHANNEL):
            break
        if opcode == Opcode.CHANNEL:
            channel = Channel.read(ReadDataStream(BytesIO(file.read(length))))
            if channel.topic.startswith(TOPIC):
                found[channel.id] = channel.topic.removeprefix(TOPIC), channel_coding(channel)
        at += HEAD.size + length
    return found
