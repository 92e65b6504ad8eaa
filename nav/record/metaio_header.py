"""Read the text header of a MetaIO sequence: the fields of each frame."""

from pathlib import Path
from typing import BinaryIO

from nav.core.errors import InputError
from nav.core.textfile import open_regular, printable
from nav.record.sequence_header import (
    LONGEST_LINE,
    Line,
    SequenceHeader,
    header_of_lines,
    text_lines,
)

END = "elementdatafile"  # the last key of every MetaIO header


def read_metaio_header(path: Path) -> SequenceHeader:
    """Read the header of a MetaIO sequence; what follows it (images) is not read.

    Parameters
    ----------
    path : Path
        The file, .mha or .mhd.

    Returns
    -------
    SequenceHeader
        Its frames.

    Raises
    ------
    InputError
        Missing, not MetaIO, cut off, without frames, a frame or a field that is missing or appears
        twice, or another number of frames than DimSize says.
    """
    path = Path(path)
    with open_regular(path) as file:
        return header_of_lines(path, _lines(path, file), "DimSize")


def _lines(path: Path, file: BinaryIO) -> list[Line]:
    """Return the header's lines."""
    lines: list[Line] = []
    texts = text_lines(path, file)
    while True:
        number, raw = next(texts)
        key, found, value = raw.decode("utf-8", "replace").partition("=")
        key = key.strip()
        if not raw or (number > 1 and found and key.casefold() != END and raw[-1:] != b"\n"
                       and len(raw) <= LONGEST_LINE):  # fmt: skip
            raise InputError(
                f"{path}: line {number}: ends before ElementDataFile; the file was cut off"
            )
        if not found or len(raw) > LONGEST_LINE:
            raise InputError(
                f"{path}: line {number}: expected a MetaIO header's KEY = VALUE, got "
                f"{printable(raw[:40].decode('utf-8', 'replace').strip())!r:.60}"
            )
        if key.casefold() == END:
            return lines
        lines.append(Line(number, key, value.strip()))
