"""STL files, text and binary. VTK's reader takes damaged ones for empty ones."""

import re

import numpy as np

from nav.core.frames import Array
from nav.model.meshdata import MeshData, MeshError, parse_numbers

HEADER = 84  # bytes before the first triangle: 80 of any text, 4 of their number
RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
NAME_LINE = re.compile(rb"^[ \t]*(?:end[ \t]*)?solid[^\n]*$", re.MULTILINE)
WORDS = (b"endfacet", b"endloop", b"facet", b"normal", b"outer", b"loop", b"vertex")
WHITE = b" \t\r\n\x0b\x0c"


def read_stl(content: bytes) -> MeshData:
    """Read the triangles of an STL file.

    Text in capitals or after a byte order mark is read, and so is a binary file with other bytes
    after its last triangle.

    Parameters
    ----------
    content : bytes
        Of the file.

    Returns
    -------
    MeshData

    Raises
    ------
    MeshError
        It is neither, is cut short, or has no triangles.
    """
    is_ras = b"SPACE=RAS" in content[:2048]
    corners = _text_corners(content) if _is_text(content) else _binary_corners(content)
    if not len(corners):
        raise MeshError("has no triangles")
    count = len(corners)
    return MeshData(
        corners.reshape(-1, 3).astype(float), np.arange(3 * count), np.full(count, 3), is_ras
    )


def _is_text(content: bytes) -> bool:
    """Return whether it is text, by size or bytes: binary files may begin with 'solid' too."""
    if len(content) >= HEADER and len(content) == HEADER + RECORD.itemsize * _count(content):
        return False
    head = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip(WHITE)
    return head[:5].lower() == b"solid" and b"\0" not in content[:512]


def _count(content: bytes) -> int:
    return int.from_bytes(content[HEADER - 4 : HEADER], "little")


def _binary_corners(content: bytes) -> Array:
    if len(content) < HEADER:
        raise MeshError("is not STL: it has neither 'solid' at its beginning nor a binary header")
    count, room = _count(content), (len(content) - HEADER) // RECORD.itemsize
    if count > room:
        raise MeshError(
            f"is cut short, or not STL: its header says {count} triangles, it has {room}; "
            "copy or export it again"
        )
    rest = len(content) - HEADER - count * RECORD.itemsize
    if rest and rest % RECORD.itemsize == 0:
        raise MeshError(
            f"is damaged: its header says {count} triangles, it has {room}; export it again"
        )
    return np.frombuffer(content, RECORD, count, HEADER)["corners"]


def _text_corners(content: bytes) -> Array:
    text = (
        content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").lower()
    )
    last = max(text.rfind(b"endsolid"), text.rfind(b"end solid"))
    if last < 0 or text.rfind(b"endfacet") > last:
        raise MeshError("is cut short: it does not end with 'endsolid'; copy or export it again")
    text = NAME_LINE.sub(b"", text)
    counts = {text.count(b"facet") / 2, text.count(b"loop") / 2, text.count(b"vertex") / 3}
    for word in WORDS:
        text = text.replace(word, b" ")
    numbers = parse_numbers(text)
    if counts != {len(numbers) / 12}:
        raise MeshError(
            "is damaged: a facet lacks its normal or one of three vertices; export it again"
        )
    return numbers.reshape(-1, 4, 3)[:, 1:]
