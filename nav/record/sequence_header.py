"""The text header of a sequence, in MetaIO's notation or in NRRD's: the fields of each frame."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nav.core.errors import InputError
from nav.core.textfile import MEGABYTE, MOST_NUMBER, printable

LONGEST_HEADER = 128 * MEGABYTE  # half an hour of four tools at 60 /s
LONGEST_LINE = 64 * 1024  # bytes
MOST_FRAMES = 250_000
SEQUENCE = re.compile(r"Seq_Frame(\d{1,9})_(\w+)", re.ASCII)
WHOLE = re.compile(r"\d{1,9}", re.ASCII)


class Line(NamedTuple):
    """A line of a header.

    Parameters
    ----------
    number : int
        In the file, from 1.
    key, value : str
        What it says.
    """

    number: int
    key: str
    value: str


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
class SequenceHeader:
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


def text_lines(path: Path, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield a header's lines as they are read; the caller ends where the header does.

    Parameters
    ----------
    path : Path
        The file.
    file : file
        At its beginning.

    Yields
    ------
    int
        The line's number, from 1.
    bytes
        The line with its end; cut after `LONGEST_LINE` bytes and one more; empty after the last.

    Raises
    ------
    InputError
        It cannot be read, or is longer than any header.
    """
    left = LONGEST_HEADER
    for number in count(1):
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
        yield number, raw


def header_of_lines(path: Path, lines: Iterable[Line], size_key: str) -> SequenceHeader:
    """Gather a header's fields by frame.

    Parameters
    ----------
    path : Path
        The file.
    lines : iterable of Line
        All of the header.
    size_key : str
        Of the line whose last number is the number of frames.

    Returns
    -------
    SequenceHeader

    Raises
    ------
    InputError
        No frames, a frame that is missing, a field that appears twice, or another number of frames
        than the header says.
    """
    fields: dict[str, dict[int, str]] = {}
    sizes: list[str] = []
    for number, key, value in lines:
        match = SEQUENCE.fullmatch(key)
        if match is None:
            sizes = value.split() if key == size_key else sizes
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
    frames = len(numbers)
    if frames > MOST_FRAMES:
        raise InputError(f"{path}: has {frames} frames; at most {MOST_FRAMES} are read")
    if max(numbers) != frames - 1:
        gap = next(number for number in range(frames) if number not in numbers)
        raise InputError(
            f"{path}: frame {gap} is missing, but there is frame {max(numbers)}; was the file "
            "edited or cut?"
        )
    if sizes and WHOLE.fullmatch(sizes[-1]) and int(sizes[-1]) != frames:
        raise InputError(
            f"{path}: {size_key} says {sizes[-1]} frames, but there are fields of {frames}; was "
            "the file edited or cut?"
        )
    return SequenceHeader(path, frames, fields)
