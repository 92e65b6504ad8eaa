"""A session as a sequence of transforms of PLUS and 3D Slicer: MetaIO or NRRD."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scipy.spatial.transform import RigidTransform

from nav.core.filekinds import SEQUENCE_SIGN
from nav.core.outputs import written_whole
from nav.record.session_export.export_format import ExportOptions
from nav.record.session_export.session_content import ExportedFrame, SessionContent
from nav.record.session_export.transform_chain import (
    FrameNames,
    Transform,
    frame_names,
    transforms_of_frame,
)

SEEN, MISSING = "OK", "MISSING"  # of PLUS
DIGITS = 6  # of times, s
COUNT_WIDTH = 9  # characters: the number of frames is written when it is known
UNITS, FRAMES = "mm, s", "axes of the devices; Ras is the patient's, RAS"
MHA_HEAD = (
    "ObjectType = Image",
    f"Comment = {SEQUENCE_SIGN}",
    "NDims = 3",
    "AnatomicalOrientation = RAI",
    "BinaryData = True",
    "BinaryDataByteOrderMSB = False",
    "CompressedData = False",
    "DimSize = 0 0 {count}",
    "ElementSpacing = 1 1 1",
    "Offset = 0 0 0",
    "TransformMatrix = 1 0 0 0 1 0 0 0 1",
    "ElementType = MET_UCHAR",
    "Kinds = domain domain list",
)
NRRD_HEAD = (
    "NRRD0004",
    f"# {SEQUENCE_SIGN}",
    "type: uint8",
    "dimension: 4",
    "space dimension: 3",
    "sizes: 1 1 1 {count}",
    "space directions: (1,0,0) (0,1,0) (0,0,1) none",
    "kinds: domain domain domain list",
    "encoding: raw",
    "space origin: (0,0,0)",
)


@dataclass(frozen=True)
class SequenceNotation:
    """How a format writes the header of a sequence.

    Parameters
    ----------
    head : tuple of str
        Its first lines; one has ``{count}``.
    field : str
        Between a key and its value.
    end : str
        Behind the last line of the header.
    voxel : bytes
        That each frame has as its image.
    """

    head: tuple[str, ...]
    field: str
    end: str
    voxel: bytes


MHA = SequenceNotation(MHA_HEAD, " = ", "ElementDataFile = LOCAL\n", b"")
NRRD = SequenceNotation(NRRD_HEAD, ":=", "\n", b"\0")


def export_mha(content: SessionContent, output: Path, _: ExportOptions) -> list[str]:
    """Write a MetaIO sequence without images, as PLUS and 3D Slicer do.

    Parameters
    ----------
    content : SessionContent
        The session.
    output : Path
        The file, .igs.mha or .seq.mha.
    _ : ExportOptions
        None has a meaning.

    Returns
    -------
    list of str
        How many frames were left out because their times do not increase.

    Raises
    ------
    InputError
        Names of tools that the format cannot tell apart; the file cannot be written, or would
        replace another.
    """
    return _export(content, output, MHA)


def export_nrrd(content: SessionContent, output: Path, _: ExportOptions) -> list[str]:
    """Write an NRRD sequence, one black voxel per frame, as `export_mha` a MetaIO sequence.

    Parameters
    ----------
    content : SessionContent
        The session.
    output : Path
        The file, .seq.nrrd.
    _ : ExportOptions
        None has a meaning.

    Returns
    -------
    list of str
        As of `export_mha`.

    Raises
    ------
    InputError
        As of `export_mha`.
    """
    return _export(content, output, NRRD)


def _export(content: SessionContent, output: Path, notation: SequenceNotation) -> list[str]:
    names = frame_names(content.tools)
    with written_whole(output) as beside, beside.open("wb") as file:
        count = _write(content, names, notation, file)
    return left_out(content.frames_count - count)


def left_out(frames: int) -> list[str]:
    """Return a remark about frames that a format with increasing times cannot hold.

    Parameters
    ----------
    frames : int
        How many were left out.

    Returns
    -------
    list of str
        Empty where none was.
    """
    return [f"{frames} frames are left out: their times do not increase"] if frames else []


def increasing(content: SessionContent) -> Iterator[ExportedFrame]:
    """Iterate over the frames whose times increase by at least a microsecond.

    Parameters
    ----------
    content : SessionContent
        The session.

    Yields
    ------
    ExportedFrame
        In the order of time.
    """
    before = None
    for frame in content.frames():
        time = round(frame.seconds, DIGITS)
        if before is None or time > before:
            before = time
            yield frame


def _write(
    content: SessionContent, names: FrameNames, notation: SequenceNotation, file: BinaryIO
) -> int:
    """Write a sequence; return its number of frames."""

    def write(line: str) -> None:
        file.write(f"{line}\n".encode())

    place = 0
    for line in notation.head:
        if "{count}" in line:
            place = file.tell() + line.index("{")
        write(line.format(count=" " * COUNT_WIDTH))
    about = {**content.made_texts, "units": UNITS, "frames": FRAMES}
    for key, value in about.items():
        write(f"c1c2nav_{key}{notation.field}{value}")
    count = 0
    for frame in increasing(content):
        start = f"Seq_Frame{count:04d}_"
        transforms = transforms_of_frame(content, frame, names)
        for key, value in _fields(frame, transforms):
            write(f"{start}{key}{notation.field}{value}")
        count += 1
    file.write(notation.end.encode() + notation.voxel * count)
    file.seek(place)
    file.write(f"{count:>{COUNT_WIDTH}}".encode())
    return count


def _fields(frame: ExportedFrame, transforms: Mapping[str, Transform]) -> Iterator[tuple[str, str]]:
    for name, transform in transforms.items():
        # Slicer takes every matrix for a pose, whatever its status: a lost tool has none
        if transform is not None:
            yield f"{name}Transform", matrix_text(transform)
        yield f"{name}TransformStatus", MISSING if transform is None else SEEN
    yield "FrameNumber", str(frame.tracked.number)
    yield "Timestamp", f"{frame.seconds:.{DIGITS}f}"


def matrix_text(transform: RigidTransform) -> str:
    """Return the 16 numbers of a matrix, so that they are read back as they are.

    Parameters
    ----------
    transform : RigidTransform
        mm.

    Returns
    -------
    str
        By rows, separated by spaces.
    """
    return " ".join(repr(float(number)) for number in transform.as_matrix().ravel())
