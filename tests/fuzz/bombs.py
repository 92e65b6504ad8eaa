"""Files that are small and unpack to a lot: gzip, DEFLATE, zip, and entities of XML."""

import struct
import zlib
from functools import cache

PIECE = 16 * 2**20  # bytes that one piece of a bomb unpacks to
MOST_PIECES = 160  # 2.5 GB; packed still less than what a damaged file may have
DEFLATE = 8
UTF_8_BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaa">'
    + b"".join(
        b'<!ENTITY %c "%s">' % (97 + k, b"&%c;" % (96 + k) * 16) for k in range(1, 12)
    )
    + b"]>"
)  # fmt: skip
LAST_ENTITY = b"&l;"


@cache
def _piece() -> bytes:
    pack = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return pack.compress(bytes(PIECE)) + pack.flush(zlib.Z_FULL_FLUSH)


def deflate_bomb(start: bytes, pieces: int) -> bytes:
    """Return a raw DEFLATE stream of `start` and many zeros."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    begin = pack.compress(start) + pack.flush(zlib.Z_FULL_FLUSH)
    return begin + _piece() * pieces + b"\x03\x00"


def gzip_bomb(start: bytes, pieces: int) -> bytes:
    """Return a gzip file of `start` and many zeros; its checksum is wrong."""
    size = (len(start) + pieces * PIECE) & 0xFFFFFFFF
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    return head + deflate_bomb(start, pieces) + struct.pack("<II", 0, size)


def zlib_bomb(start: bytes, pieces: int) -> bytes:
    """Return a zlib stream of `start` and many zeros; its checksum is wrong."""
    return b"\x78\xda" + deflate_bomb(start, pieces) + bytes(4)


def zip_bomb(name: bytes, start: bytes, pieces: int, told: int | None = None) -> bytes:
    """Return a zip file with one entry; told : size that its headers claim, if another one."""
    packed = deflate_bomb(start, pieces)
    size = min(len(start) + pieces * PIECE if told is None else told, 0xFFFFFFFE)
    common = struct.pack("<HHHHHIII", 20, 0, DEFLATE, 0, 33, 0, len(packed), size)
    local = b"PK\x03\x04" + common + struct.pack("<HH", len(name), 0) + name + packed
    central = b"PK\x01\x02" + struct.pack("<H", 20) + common
    central += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + b"PK\x05\x06" + end
