"""Read the text header of an NRRD sequence of transforms (.seq.nrrd): the fields of each frame."""

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

MAGIC = b"NRRD000"


def read_nrrd_header(path: Path) -> SequenceHeader:
    """Read the header of an NRRD sequence; what follows it (images) is not read.

    Parameters
    ----------
    path : Path
        The file, .nrrd.

    Returns
    -------
    SequenceHeader
        Its frames.

    Raises
    ------
    InputError
        Missing, not NRRD, cut off, without frames, a frame or a field that is missing or appears
        twice, or another number of frames than its sizes say.
    """
    path = Path(path)
    with open_regular(path) as file:
        return header_of_lines(path, _lines(path, file), "sizes")


def _lines(path: Path, file: BinaryIO) -> list[Line]:
    """Return the header's lines, up to the empty one that ends it."""
    lines: list[Line] = []
    texts = text_lines(path, file)
    while True:
        number, raw = next(texts)
        if number == 1:
            if not raw.startswith(MAGIC):
                raise InputError(f"{path}: is not an NRRD file: expected it to begin with NRRD000")
            continue
        if raw in (b"\n", b"\r\n"):
            return lines
        if len(raw) <= LONGEST_LINE and not raw.endswith(b"\n"):
            raise InputError(
                f"{path}: line {number}: ends before the header's end; the file was cut off"
            )
        if raw.startswith(b"#"):
            continue
        text = raw.decode("utf-8", "replace")
        key, found, value = text.partition(":")
        if not found or len(raw) > LONGEST_LINE:
            raise InputError(
                f"{path}: line {number}: expected an NRRD header's KEY: VALUE, got "
                f"{printable(text[:40].strip())!r:.60}"
            )
        lines.append(Line(number, key.strip(), value.removeprefix("=").strip()))
