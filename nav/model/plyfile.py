"""Whether a PLY file is all there: VTK's reader crashes on a binary one that is cut short."""

from pathlib import Path

SIZES = {
    **dict.fromkeys(("char", "uchar", "int8", "uint8"), 1),
    **dict.fromkeys(("short", "ushort", "int16", "uint16"), 2),
    **dict.fromkeys(("int", "uint", "int32", "uint32", "float", "float32"), 4),
    **dict.fromkeys(("double", "float64"), 8),
}
CORNERS = ("vertex_indices", "vertex_index")  # a face has three at least; other lists may be empty


def ply_is_whole(path: Path) -> bool:
    """Whether a PLY file has as many bytes as its header promises at least.

    True for text and for what is no PLY: their reader tells by itself.
    """
    whole = path.read_bytes()
    header, end, body = whole.partition(b"end_header")
    if not end or not header.startswith(b"ply") or b"format ascii" in header:
        return True
    try:
        return len(body) > least_size(header.decode("ascii", "replace"))
    except (KeyError, ValueError, IndexError):
        return False


def least_size(header: str) -> int:
    """Bytes after a binary header, if every face were a triangle and every other list empty."""
    total = count = 0
    for line in header.splitlines():
        words = line.split()
        if words[:1] == ["element"]:
            count = int(words[2])
        elif words[:2] == ["property", "list"]:
            entries = 3 if words[4] in CORNERS else 0
            total += count * (SIZES[words[2]] + entries * SIZES[words[3]])
        elif words[:1] == ["property"]:
            total += count * SIZES[words[1]]
    return total
