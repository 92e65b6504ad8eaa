"""The text header of a MetaIO sequence: what it says of each frame."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nav.core.errors import InputError
from nav.core.textfile import MEGABYTE, MOST_NUMBER, open_regular, printable

LONGEST_HEADER = 128 * MEGABYTE  # half an hour of four tools at 60 /s
LONGEST_LINE = 64 * 1024  # bytes
MOST_FRAMES = 250_000
SEQUENCE = re.compile(r"Seq_Frame(\d{1,9})_(\w+)", re.ASCII)
WHOLE = re.compile(r"\d{1,9}", re.ASCII)
END = "elementdatafile"  # the last key of every MetaIO header


class FrameField(NamedTuple):
    """A field of one frame.

    Parameters
    ----------
    number : int
        Of the frame.
    name : str
        Of the field, such as ``StylusToTrackerTransform``.
    """

    number: int
    name: str


@dataclass(frozen=True)
class MetaIOHeader:
    """The frames that a header describes.

    Parameters
    ----------
    path : Path
        The file.
    frames : int
        Their number; they are numbered from 0.
    fields : dict
        By the field's name: its text by the frame's number.
    """

    path: Path
    frames: int
    fields: dict[str, dict[int, str]]

    def refusal(self, place: FrameField, problem: str) -> InputError:
        """Return the error for a field of a frame."""
        return InputError(f"{self.path}: frame {place.number}: {place.name}: {problem}")

    def numbers(self, place: FrameField, count: int) -> list[float]:
        """Return the numbers of a field.

        Parameters
        ----------
        place : FrameField
            Which one.
        count : int
            How many numbers are expected.

        Returns
        -------
        list of float

        Raises
        ------
        InputError
            Another count, or what is not a finite number.
        """
        words = self.fields[place.name][place.number].split()
        if len(words) != count:
            wanted = "a number" if count == 1 else f"{count} numbers"
            raise self.refusal(place, f"expected {wanted}, got {len(words)}")
        numbers = []
        for word in words:
            try:
                value = float(word)
            except ValueError:
                value = math.nan
            if not abs(value) <= MOST_NUMBER:
                raise self.refusal(place, f"expected a finite number, got {printable(word):.40}")
            numbers.append(value)
        return numbers


def read_metaio_header(path: Path) -> MetaIOHeader:
    """Read the header of a MetaIO sequence; what follows it (images) is not read.

    Parameters
    ----------
    path : Path
        The file, .mha or .mhd.

    Returns
    -------
    MetaIOHeader
        Its frames.

    Raises
    ------
    InputError
        Missing, not MetaIO, cut off, without frames, a frame or a field that is missing or appears
        twice, or another number of frames than DimSize says.
    """
    path = Path(path)
    fields: dict[str, dict[int, str]] = {}
    sizes: list[str] = []
    with open_regular(path) as file:
        for number, key, value in _lines(path, file):
            match = SEQUENCE.fullmatch(key)
            if match is None:
                sizes = value.split() if key == "DimSize" else sizes
                continue
            frame = int(match[1])
            texts = fields.setdefault(match[2], {})
            if frame in texts:
                raise InputError(f"{path}: line {number}: {key:.60} appears twice")
            texts[frame] = value
    numbers = {number for texts in fields.values() for number in texts}
    if not numbers:
        raise InputError(
            f"{path}: has no fields Seq_Frame0000_...; expected a sequence with transforms, as "
            "PLUS and 3D Slicer write it"
        )
    count = len(numbers)
    if count > MOST_FRAMES:
        raise InputError(f"{path}: has {count} frames; at most {MOST_FRAMES} are read")
    if max(numbers) != count - 1:
        gap = next(number for number in range(count) if number not in numbers)
        raise InputError(
            f"{path}: frame {gap} is missing, but there is frame {max(numbers)}; was the file "
            "edited or cut?"
        )
    if sizes and WHOLE.fullmatch(sizes[-1]) and int(sizes[-1]) != count:
        raise InputError(
            f"{path}: DimSize says {sizes[-1]} frames, but there are fields of {count}; was the "
            "file edited or cut?"
        )
    return MetaIOHeader(path, count, fields)


def _lines(path: Path, file: BinaryIO) -> list[tuple[int, str, str]]:
    """Return the header's lines: number, key, value."""
    lines: list[tuple[int, str, str]] = []
    left, number = LONGEST_HEADER, 0
    while True:
        number += 1
        try:
            raw = file.readline(LONGEST_LINE + 1)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
        left -= len(raw)
        if left < 0:
            raise InputError(
                f"{path}: its header is longer than {LONGEST_HEADER // MEGABYTE} MB; record in "
                "parts"
            )
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
        lines.append((number, key, value.strip()))
