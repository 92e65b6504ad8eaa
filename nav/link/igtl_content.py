"""Contents of OpenIGTLink's messages, with their encodings. Lengths in mm, numbers as float32.

Each class has the message types that it is the content of, `encoded` and `decode`. What has no
class here is kept as bytes (`RawContent`).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from nav.core.frames import Array
from nav.link.igtl_fields import (
    BadMessage,
    decoded,
    encoded,
    expect_multiple,
    expect_size,
    fixed_text,
    name_of,
    text_of,
)

_MATRIX = struct.Struct(">12f")
_STATUS = struct.Struct(">Hq20s")
_INSTRUMENT = struct.Struct(">20sBx48s")
_STRING = struct.Struct(">HH")
_START_TRACKING = struct.Struct(">I32s")
TYPE_SIZE = 12  # bytes of a message type's name
LONGEST_STRING = 0xFFFF  # bytes: what its length field holds


class Content(Protocol):
    """The content of a message."""

    @property
    def kind(self) -> str:
        """The message type, as "TRANSFORM"."""
        ...

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        ...


@dataclass(frozen=True)
class RawContent:
    """Content that is kept as bytes: queries without parameters, images, whatever is not known.

    Parameters
    ----------
    kind : str
        The message type, at most 12 characters.
    body : bytes
        As in the message.
    """

    kind: str
    body: bytes = b""

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        return self.body


@dataclass(frozen=True, eq=False)
class Transform:
    """TRANSFORM: one rigid transform.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Homogeneous, mm; its last row is not sent.
    """

    matrix: Array
    kind: ClassVar[str] = "TRANSFORM"

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        return _pack_matrix(self.matrix)

    @classmethod
    def decode(cls, body: bytes) -> Transform:
        """Return the content of a message's bytes.

        Raises
        ------
        BadMessage
            Wrong length.
        """
        expect_size("TRANSFORM", body, _MATRIX.size)
        return cls(_unpack_matrix(body))


@dataclass(frozen=True, eq=False)
class Instrument:
    """One instrument of TDATA.

    Parameters
    ----------
    name : str
        At most 20 bytes.
    matrix : ndarray, shape (4, 4)
        Homogeneous, mm.
    type : int
        1: tracker, 2: instrument with six degrees of freedom, 3: only its tip, 4: tip and axis.
    """

    name: str
    matrix: Array
    type: int = 2


@dataclass(frozen=True, eq=False)
class TrackingData:
    """TDATA: all instruments that were seen in one frame.

    Parameters
    ----------
    instruments : tuple of Instrument
        Those not seen are left out.
    """

    instruments: tuple[Instrument, ...]
    kind: ClassVar[str] = "TDATA"

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        return b"".join(
            _INSTRUMENT.pack(fixed_text(one.name, 20), one.type, _pack_matrix(one.matrix))
            for one in self.instruments
        )

    @classmethod
    def decode(cls, body: bytes) -> TrackingData:
        """Return the content of a message's bytes.

        Raises
        ------
        BadMessage
            Wrong length.
        """
        expect_multiple("TDATA", body, _INSTRUMENT.size)
        rows = _INSTRUMENT.iter_unpack(body)
        return cls(tuple(Instrument(name_of(n), _unpack_matrix(m), t) for n, t, m in rows))


@dataclass(frozen=True)
class Status:
    """STATUS: how the sender, or the device that the message is named after, is.

    Parameters
    ----------
    code : int
        1: all is well; others are errors (`OK` and the like in this module).
    text : str
        For people.
    error_name : str
        At most 20 bytes.
    subcode : int
        The device's own.
    """

    code: int
    text: str = ""
    error_name: str = ""
    subcode: int = 0
    kind: ClassVar[str] = "STATUS"

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        head = _STATUS.pack(self.code, self.subcode, fixed_text(self.error_name, 20))
        return head + self.text.encode("utf-8") + b"\0"

    @classmethod
    def decode(cls, body: bytes) -> Status:
        """Return the content of a message's bytes.

        Raises
        ------
        BadMessage
            Too short.
        """
        if len(body) < _STATUS.size:
            raise BadMessage(f"STATUS: has {len(body)} bytes, expected at least {_STATUS.size}")
        code, subcode, name = _STATUS.unpack_from(body)
        return cls(code, name_of(body[_STATUS.size :]), name_of(name), subcode)


# codes of STATUS that are sent or understood here
OK, UNKNOWN_ERROR, NOT_FOUND, CONNECTION_LOST, NOT_READY, EXITING = 1, 2, 4, 7, 13, 19


@dataclass(frozen=True, eq=False)
class Position:
    """POSITION: a position, and mostly an orientation.

    Parameters
    ----------
    position : ndarray, shape (3,)
        mm.
    quaternion : ndarray, shape (4,), or None
        x, y, z, w; None where only the position is sent.
    """

    position: Array
    quaternion: Array | None = None
    kind: ClassVar[str] = "POSITION"

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        numbers = self.position if self.quaternion is None else (*self.position, *self.quaternion)
        return struct.pack(f">{len(numbers)}f", *numbers)

    @classmethod
    def decode(cls, body: bytes) -> Position:
        """Return the content of a message's bytes; w is completed where it is not sent.

        Raises
        ------
        BadMessage
            Wrong length.
        """
        if len(body) not in (12, 24, 28):
            raise BadMessage(f"POSITION: has {len(body)} bytes, expected 12, 24 or 28")
        numbers = np.array(struct.unpack(f">{len(body) // 4}f", body))
        if len(numbers) == 6:
            w = math.sqrt(max(0.0, 1.0 - float(numbers[3:] @ numbers[3:])))
            numbers = np.append(numbers, w)
        return cls(numbers[:3], numbers[3:] if len(numbers) == 7 else None)


@dataclass(frozen=True)
class Text:
    """STRING: text for people or programs.

    Parameters
    ----------
    text : str
        At most 65535 bytes.
    """

    text: str
    kind: ClassVar[str] = "STRING"

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        data, encoding = encoded(self.text)
        if len(data) > LONGEST_STRING:
            raise ValueError(f"STRING: has {len(data)} bytes, expected at most {LONGEST_STRING}")
        return _STRING.pack(encoding, len(data)) + data

    @classmethod
    def decode(cls, body: bytes) -> Text:
        """Return the content of a message's bytes.

        Raises
        ------
        BadMessage
            Wrong length, or not text.
        """
        if len(body) < _STRING.size:
            raise BadMessage(f"STRING: has {len(body)} bytes, expected at least {_STRING.size}")
        encoding, size = _STRING.unpack_from(body)
        expect_size("STRING", body, _STRING.size + size)
        return cls(decoded(body[_STRING.size :], encoding))


@dataclass(frozen=True)
class Capability:
    """CAPABILITY: the message types that the sender understands or sends.

    Parameters
    ----------
    types : tuple of str
        At most 12 bytes each.
    """

    types: tuple[str, ...]
    kind: ClassVar[str] = "CAPABILITY"

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        return b"".join(fixed_text(name, TYPE_SIZE) for name in self.types)

    @classmethod
    def decode(cls, body: bytes) -> Capability:
        """Return the content of a message's bytes.

        Raises
        ------
        BadMessage
            Wrong length, or not text.
        """
        expect_multiple("CAPABILITY", body, TYPE_SIZE)
        fields = [body[i : i + TYPE_SIZE] for i in range(0, len(body), TYPE_SIZE)]
        return cls(tuple(map(text_of, fields)))


@dataclass(frozen=True)
class StartTrackingData:
    """STT_TDATA: ask for a series of TDATA.

    Parameters
    ----------
    interval_ms : int
        Least time between two messages; 0 for as fast as possible.
    coordinates : str
        Name of the coordinate system, at most 32 bytes; empty for the sender's own.
    """

    interval_ms: int = 0
    coordinates: str = ""
    kind: ClassVar[str] = "STT_TDATA"

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        return _START_TRACKING.pack(self.interval_ms, fixed_text(self.coordinates, 32))

    @classmethod
    def decode(cls, body: bytes) -> StartTrackingData:
        """Return the content of a message's bytes; nothing asks for the sender's own choice.

        Raises
        ------
        BadMessage
            Wrong length, or not text.
        """
        if not body:
            return cls()
        expect_size("STT_TDATA", body, _START_TRACKING.size)
        interval, coordinates = _START_TRACKING.unpack(body)
        return cls(interval, text_of(coordinates))


def _pack_matrix(matrix: Array) -> bytes:
    return matrix[:3].T.astype(">f4").tobytes()


def _unpack_matrix(data: bytes) -> Array:
    matrix = np.eye(4)
    matrix[:3] = np.reshape(_MATRIX.unpack(data), (4, 3)).T
    return matrix
