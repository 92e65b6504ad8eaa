"""The pictures of a session in any order: where each is in the file, and the picture itself.

Only the heads and indexes of the file's chunks are read beforehand: it may be larger than memory.
"""

import os
import struct
import threading
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from mcap.opcode import Opcode

from nav.core.frameset import Picture
from nav.record.session.mcap_records import HEAD, MAGIC
from nav.record.session.picture_codec import LOSSLESS_ENCODING, PictureError
from nav.record.session.session_about import SessionClock
from nav.record.session.session_pictures import TOPIC, RecordedPicture

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


@dataclass(frozen=True, eq=False)
class _Places:
    """Where a camera's pictures are: 17 bytes of memory each."""

    times: np.ndarray[Any, np.dtype[np.uint64]]  # ns, increasing
    places: np.ndarray[Any, np.dtype[np.uint64]]
    lossless: np.ndarray[Any, np.dtype[np.bool_]]

    def find(self, log_time: int) -> tuple[int, bool] | None:
        """Return the place of the picture of a time, and whether it is lossless."""
        k = int(np.searchsorted(self.times, np.uint64(log_time)))
        if k == len(self.times) or int(self.times[k]) != log_time:
            return None
        return int(self.places[k]), bool(self.lossless[k])


class _Listed:
    """Places in the order of the file."""

    def __init__(self) -> None:
        self.times, self.places, self.lossless = array("Q"), array("Q"), array("B")

    def add(self, log_time: int, place: int, lossless: bool) -> None:
        self.times.append(log_time)
        self.places.append(place)
        self.lossless.append(lossless)

    def sorted(self) -> _Places:
        """Return them by time; of two pictures of one time the later one in the file."""
        backwards = np.array(self.times, np.uint64)[::-1]
        times, first = np.unique(backwards, return_index=True)
        kept = len(backwards) - 1 - first
        lossless = np.array(self.lossless, np.bool_)[kept]
        return _Places(times, np.array(self.places, np.uint64)[kept], lossless)


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
    lossless : bool
        Whether every picture is what the camera gave.
    """

    def __init__(self, path: Path, clock: SessionClock) -> None:
        self.clock, self.lossless = clock, True
        self._file = path.open("rb")
        self._lock = threading.Lock()
        self._channels: dict[int, tuple[str, bool]] = {}
        listed: dict[str, _Listed] = defaultdict(_Listed)
        try:
            for channel, log_time, place in _indexed(self._file, self._channels):
                camera, lossless = self._channels[channel]
                listed[camera].add(log_time, place, lossless)
                self.lossless &= lossless
        except (struct.error, ValueError, OverflowError):
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
        found = self._places[camera].find(log_time) if camera in self._places else None
        if found is None:
            return None
        place, lossless = found
        with self._lock:
            data = _message_at(self._file, place)
        if data is None:
            return None
        try:
            return RecordedPicture(camera, log_time, 0, lossless, data).image()
        except PictureError:
            return None

    def close(self) -> None:
        """Free the file."""
        self._file.close()


def _indexed(
    file: BinaryIO, channels: dict[int, tuple[str, bool]]
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


def _channels_in(file: BinaryIO, start: int, end: int) -> dict[int, tuple[str, bool]]:
    """Return the cameras whose channels stand at the begin of a chunk, by number."""
    found: dict[int, tuple[str, bool]] = {}
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
            body = file.read(length)
            number, _, size = struct.unpack_from("<HHI", body)
            topic, rest = body[8 : 8 + size].decode(), body[8 + size :]
            (size,) = struct.unpack_from("<I", rest)
            lossless = rest[4 : 4 + size].decode() == LOSSLESS_ENCODING
            if topic.startswith(TOPIC):
                found[number] = topic.removeprefix(TOPIC), lossless
        at += HEAD.size + length
    return found
