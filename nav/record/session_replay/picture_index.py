"""The pictures of a session in any order: where each is in the file, and the picture itself.

Only the heads and indexes of the file's chunks are read beforehand: it may be larger than memory.
"""

import os
import struct
import threading
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
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
    """Where a picture's message is, its channel, and the number of its chunk."""

    message: int
    channel: int
    chunk: int


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


@dataclass(frozen=True, eq=False)
class _Places:
    """Where a camera's pictures are: 22 bytes of memory each."""

    times: np.ndarray[Any, np.dtype[np.uint64]]  # ns, increasing
    messages: np.ndarray[Any, np.dtype[np.uint64]]
    channels: np.ndarray[Any, np.dtype[np.uint16]]
    chunks: np.ndarray[Any, np.dtype[np.uint32]]

    def find(self, log_time: int) -> _Place | None:
        """Return the place of the picture of a time."""
        k = int(np.searchsorted(self.times, np.uint64(log_time)))
        if k == len(self.times) or int(self.times[k]) != log_time:
            return None
        return _Place(int(self.messages[k]), int(self.channels[k]), int(self.chunks[k]))


class _Listed:
    """Places in the order of the file."""

    def __init__(self) -> None:
        self.times, self.messages = array("Q"), array("Q")
        self.channels, self.chunks = array("H"), array("I")

    def add(self, log_time: int, place: _Place) -> None:
        self.times.append(log_time)
        self.messages.append(place.message)
        self.channels.append(place.channel)
        self.chunks.append(place.chunk)

    def sorted(self) -> _Places:
        """Return them by time; of two pictures of one time the later one in the file."""
        backwards = np.array(self.times, np.uint64)[::-1]
        times, first = np.unique(backwards, return_index=True)
        kept = len(backwards) - 1 - first
        return _Places(
            times,
            np.array(self.messages, np.uint64)[kept],
            np.array(self.channels, np.uint16)[kept],
            np.array(self.chunks, np.uint32)[kept],
        )


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
        self._chunks: list[_Chunk] = []
        self._sound: dict[int, bool] = {}  # chunks that were looked at, by number
        listed: dict[str, _Listed] = defaultdict(_Listed)
        try:
            for log_time, place in _indexed(self._file, self._channels, self._chunks):
                camera, coding = self._channels[place.channel]
                listed[camera].add(log_time, place)
                self.exact &= coding != "JPEG"
        except (struct.error, ValueError, OverflowError, EndOfFile):
            pass  # damaged from here on: what stands before is there
        self._places = {camera: places.sorted() for camera, places in listed.items()}

    def __len__(self) -> int:
        return sum(len(places.times) for places in self._places.values())

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
        place = self._places[camera].find(log_time) if camera in self._places else None
        if place is None:
            return None
        _, coding = self._channels[place.channel]
        with self._lock:
            # lossless pictures have checksums of their own
            sound = coding == "lossless" or self._is_sound(place.chunk)
            data = _message_at(self._file, place.message) if sound else None
        if data is None:
            return None
        try:
            return RecordedPicture(camera, log_time, 0, coding, data).image()
        except PictureError:
            return None

    def close(self) -> None:
        """Free the file."""
        self._file.close()

    def _is_sound(self, number: int) -> bool:
        """Return whether a chunk has its checksum; read once."""
        if number not in self._sound:
            chunk = self._chunks[number]
            self._file.seek(chunk.start)
            found = zlib.crc32(self._file.read(chunk.size))
            self._sound[number] = chunk.checksum in (0, found)
        return self._sound[number]


def _indexed(
    file: BinaryIO, channels: dict[int, tuple[str, Coding]], chunks: list[_Chunk]
) -> Iterator[tuple[int, _Place]]:
    """Yield time and place of each message that the file's indexes tell of; lists the chunks."""
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
                chunks.append(chunk)
                channels |= _channels_in(file, chunk.start, chunk.start + chunk.size)
        elif opcode == Opcode.MESSAGE_INDEX and chunk is not None:
            body = file.read(length)
            if len(body) < length:
                return
            channel, _ = INDEX_HEAD.unpack_from(body)
            entries = body[INDEX_HEAD.size :]
            if channel in channels and len(entries) % INDEX_ENTRY.size == 0:
                for log_time, place in INDEX_ENTRY.iter_unpack(entries):
                    yield log_time, _Place(chunk.start + place, channel, len(chunks) - 1)
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
