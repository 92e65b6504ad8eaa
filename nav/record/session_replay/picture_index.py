"""The pictures of a session in any order: where each is in the file, and the picture itself.

Only the heads and indexes of the file's chunks are read beforehand: it may be larger than memory.
"""

import os
import struct
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

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
        self._places: dict[tuple[str, int], tuple[int, Coding]] = {}
        try:
            for channel, log_time, place in _indexed(self._file, self._channels):
                camera, coding = self._channels[channel]
                self._places[camera, log_time] = place, coding
                self.exact &= coding != "JPEG"
        except (struct.error, ValueError, OverflowError, EndOfFile):
            pass  # damaged from here on: what stands before is there

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
        found = self._places.get((camera, log_time))
        if found is None:
            return None
        place, coding = found
        with self._lock:
            data = _message_at(self._file, place)
        if data is None:
            return None
        try:
            return RecordedPicture(camera, log_time, 0, coding, data).image()
        except PictureError:
            return None

    def close(self) -> None:
        """Free the file."""
        self._file.close()


def _indexed(
    file: BinaryIO, channels: dict[int, tuple[str, Coding]]
) -> Iterator[tuple[int, int, int]]:
    """Yield channel, time and place of each message that the file's indexes tell of."""
    size = os.fstat(file.fileno()).st_size
    file.seek(len(MAGIC))
    records = 0  # where the records of the newest chunk begin
    while True:
        offset = file.tell()
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            return
        opcode, length = HEAD.unpack(head)
        if opcode in (Opcode.DATA_END, Opcode.FOOTER) or length > size:
            return
        if opcode == Opcode.CHUNK:
            records = _records_of_chunk(file, offset)
            if records:
                channels |= _channels_in(file, records, offset + HEAD.size + length)
        elif opcode == Opcode.MESSAGE_INDEX and records:
            body = file.read(length)
            if len(body) < length:
                return
            channel, _ = INDEX_HEAD.unpack_from(body)
            entries = body[INDEX_HEAD.size :]
            if channel in channels and len(entries) % INDEX_ENTRY.size == 0:
                for log_time, place in INDEX_ENTRY.iter_unpack(entries):
                    yield channel, log_time, records + place
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


def _records_of_chunk(file: BinaryIO, offset: int) -> int:
    """Return where a chunk's records begin; 0 where they are compressed."""
    head = file.read(CHUNK_HEAD.size)
    if len(head) < CHUNK_HEAD.size:
        return 0
    name = CHUNK_HEAD.unpack(head)[-1]
    return 0 if name else offset + HEAD.size + CHUNK_HEAD.size + CHUNK_SIZE.size


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
