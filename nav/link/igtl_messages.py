"""Messages of OpenIGTLink: header, metadata and content, to and from bytes.

Header version 1 is that of protocols 1 and 2, header version 2 that of protocol 3: an extended
header comes before the content, and metadata (text by name) after it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from nav.link import igtl_content as content
from nav.link.igtl_content import TYPE_SIZE, Content, RawContent
from nav.link.igtl_crc import crc64
from nav.link.igtl_fields import (
    UTF_8,
    BadMessage,
    encoded,
    fixed_text,
    lenient_text,
    name_of,
    text_of,
)
from nav.link.igtl_points import Points
from nav.link.igtl_polydata import PolyData

NAME_SIZE = 20  # bytes of a device's name
VERSIONS = (1, 2, 3)  # of the header; PLUS and Slicer write 1 or 2, and 3 is laid out as 2 is

_HEADER = struct.Struct(f">H{TYPE_SIZE}s{NAME_SIZE}sQQQ")
_EXTENDED = struct.Struct(">HHII")
_COUNT = struct.Struct(">H")
_ENTRY = struct.Struct(">HHI")
HEADER_SIZE = _HEADER.size
_SECOND = 1_000_000_000  # ns

_DECODERS: dict[str, Callable[[bytes], Content]] = {
    "TRANSFORM": content.Transform.decode,
    "TDATA": content.TrackingData.decode,
    "STATUS": content.Status.decode,
    "POSITION": content.Position.decode,
    "STRING": content.Text.decode,
    "POINT": Points.decode,
    "POLYDATA": PolyData.decode,
    "CAPABILITY": content.Capability.decode,
    "STT_TDATA": content.StartTrackingData.decode,
}
# the others mean, without a body, that there is nothing to tell
_MAY_BE_EMPTY = ("TDATA", "POINT", "CAPABILITY", "STT_TDATA")


def timestamp_of(nanoseconds: int) -> int:
    """Return a time as OpenIGTLink writes it.

    Parameters
    ----------
    nanoseconds : int
        Since 1970, UTC.

    Returns
    -------
    int
        Seconds in the upper 32 bits, 2^-32 s in the lower ones.
    """
    seconds, rest = divmod(nanoseconds, _SECOND)
    return seconds << 32 | (rest << 32) // _SECOND


def nanoseconds_of(timestamp: int) -> int:
    """Return the time that OpenIGTLink's number stands for.

    Parameters
    ----------
    timestamp : int
        As of `timestamp_of`.

    Returns
    -------
    int
        ns since 1970, UTC, rounded up: what `timestamp_of` was given comes back.
    """
    seconds, rest = timestamp >> 32, timestamp & 0xFFFFFFFF
    return seconds * _SECOND + -(-rest * _SECOND >> 32)


@dataclass(frozen=True)
class Message:
    """A message of OpenIGTLink.

    Parameters
    ----------
    content : Content
        What it says.
    device : str
        What it is about: the name of a transform, of a device; at most 20 bytes.
    timestamp : int
        When it was measured, as of `timestamp_of`; 0 where that is not known.
    metadata : mapping of str to str
        Text by name; sent with header version 2 only.
    version : int
        Of the header.
    number : int
        Of the message, as the sender counts; sent with header version 2 only.
    """

    content: Content
    device: str = ""
    timestamp: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    version: int = 2
    number: int = 0

    @property
    def kind(self) -> str:
        """The message type, as "TRANSFORM"."""
        return self.content.kind

    def encoded(self) -> bytes:
        """Return the whole message.

        Returns
        -------
        bytes

        Raises
        ------
        ValueError
            A name or text that is too long.
        """
        body = self.content.encoded()
        if self.version >= 2:
            index, text = _pack_metadata(tuple(self.metadata.items()))
            extended = _EXTENDED.pack(_EXTENDED.size, len(index), len(text), self.number)
            body = b"".join((extended, body, index, text))
        kind, device = fixed_text(self.kind, TYPE_SIZE), fixed_text(self.device, NAME_SIZE)
        head = _HEADER.pack(self.version, kind, device, self.timestamp, len(body), crc64(body))
        return head + body


@dataclass(frozen=True)
class Header:
    """The first 58 bytes of a message.

    Parameters
    ----------
    version : int
        Of the header.
    kind : str
        The message type.
    device : str
        What it is about.
    timestamp : int
        As of `timestamp_of`.
    body_size : int
        Bytes that follow.
    crc : int
        Of those.
    """

    version: int
    kind: str
    device: str
    timestamp: int
    body_size: int
    crc: int

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """Return the header at the beginning of some bytes.

        Parameters
        ----------
        data : bytes
            At least `HEADER_SIZE` of them.

        Returns
        -------
        Header

        Raises
        ------
        BadMessage
            They are no header.
        """
        version, kind, device, timestamp, size, crc = _HEADER.unpack_from(data)
        if version not in VERSIONS:
            raise BadMessage(f"not OpenIGTLink: header version {version}, expected 1 to 3")
        name = text_of(kind)
        if not name or not all(
            c.isascii() and (c.isupper() or c.isdigit() or c == "_") for c in name
        ):
            raise BadMessage(f"not OpenIGTLink: message type {name!r}, expected a word in capitals")
        return cls(version, name, name_of(device), timestamp, size, crc)

    def message(self, body: bytes) -> Message:
        """Return the message of this header.

        Parameters
        ----------
        body : bytes
            What follows the header.

        Returns
        -------
        Message

        Raises
        ------
        BadMessage
            The CRC is wrong, or the body contradicts itself.
        """
        if len(body) != self.body_size:
            raise BadMessage(f"{self.kind}: has {len(body)} bytes, expected {self.body_size}")
        if crc64(body) != self.crc:
            raise BadMessage(f"{self.kind} {self.device!r}: the CRC is wrong")
        number, metadata = 0, {}
        if self.version >= 2:
            body, index, text, number = self._parts(body)
            metadata = _unpack_metadata(self.kind, index, text)
        decode = _DECODERS.get(self.kind)
        if decode is None or (not body and self.kind not in _MAY_BE_EMPTY):
            found: Content = RawContent(self.kind, body)
        else:
            found = decode(body)
        return Message(found, self.device, self.timestamp, metadata, self.version, number)

    def _parts(self, body: bytes) -> tuple[bytes, bytes, bytes, int]:
        """Return content, index of metadata, its text, and the message's number."""
        if len(body) < _EXTENDED.size:
            raise BadMessage(f"{self.kind}: has {len(body)} bytes, less than an extended header")
        begin, index, text, number = _EXTENDED.unpack_from(body)
        end = len(body) - index - text
        if not _EXTENDED.size <= begin <= end:
            raise BadMessage(f"{self.kind}: extended header and metadata are longer than its body")
        return body[begin:end], body[end : end + index], body[end + index :], number


def decode_message(data: bytes) -> Message:
    """Return the message that some bytes are.

    A message without a body, where its type has one, is the answer that there is nothing to send;
    its content is then `RawContent` without bytes.

    Parameters
    ----------
    data : bytes
        One whole message.

    Returns
    -------
    Message

    Raises
    ------
    BadMessage
        They are none.
    """
    if len(data) < HEADER_SIZE:
        raise BadMessage(f"not OpenIGTLink: {len(data)} bytes, expected at least {HEADER_SIZE}")
    return Header.decode(data).message(data[HEADER_SIZE:])


@lru_cache(maxsize=64)  # mostly one of two statuses
def _pack_metadata(metadata: tuple[tuple[str, str], ...]) -> tuple[bytes, bytes]:
    """Return the index of metadata, and its text."""
    index, text = [_COUNT.pack(len(metadata))], []
    for key, value in metadata:
        name, (data, encoding) = key.encode("utf-8", "surrogateescape"), encoded(value)
        index.append(_ENTRY.pack(len(name), encoding, len(data)))
        text += [name, data]
    return b"".join(index), b"".join(text)


def _unpack_metadata(kind: str, index: bytes, text: bytes) -> dict[str, str]:
    if not index:
        return {}
    if len(index) < _COUNT.size or len(index) != _COUNT.size + _COUNT.unpack_from(index)[0] * 8:
        raise BadMessage(f"{kind}: the index of its metadata has {len(index)} bytes")
    metadata: dict[str, str] = {}
    at = 0
    for key_size, encoding, size in _ENTRY.iter_unpack(index[_COUNT.size :]):
        key = lenient_text(text[at : at + key_size], UTF_8)
        at += key_size
        value = lenient_text(text[at : at + size], encoding)
        at += size
        # of a key that appears twice neither text is more right than the other
        same = metadata.get(key, value) == value
        metadata[key] = value if same else f"{metadata[key]}, {value}"
    if at != len(text):
        raise BadMessage(f"{kind}: its metadata has {len(text)} bytes, expected {at}")
    return metadata
