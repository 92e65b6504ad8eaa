"""Sequences of PLUS and 3D Slicer, MetaIO (.igs.mha) or NRRD, as a source of poses."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError, Lost
from nav.core.frames import Pose
from nav.core.textfile import printable
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.metaio_header import read_metaio_header
from nav.record.nrrd_header import read_nrrd_header
from nav.record.recorded_transforms import rigid_transform, transforms_of_tools
from nav.record.sequence_header import FrameField, SequenceHeader
from nav.tracking.pose_source import PoseSource, ReportedPose, StatedErrors, tracked_tool

Reader = Callable[[Path], SequenceHeader]
READERS: dict[str, Reader] = {
    ".mha": read_metaio_header,
    ".mhd": read_metaio_header,
    ".nrrd": read_nrrd_header,
}
SUFFIXES = tuple(READERS)
TRANSFORM = re.compile(r"(.+)Transform(?:Status)?")
OK = "ok"


class MetaIOSequence(PoseSource):
    """The poses of a sequence, MetaIO or NRRD, as fast as taken; iterating again starts again.

    A field ``Seq_Frame0012_StylusToTrackerTransform`` is the matrix tracker_from_stylus, by rows:
    it maps coordinates of the stylus to those of the tracker, mm. These are frames of devices, not
    of a patient: whether an image in the same file is in RAS or LPS says nothing about them, and
    no axis is flipped. A tool is called as in the file, in upper or lower case.

    Parameters
    ----------
    path : Path
        The file; images in it or beside it are not read.
    tools : sequence of str
        Names of the tools that are needed. All need transforms to one common frame: the tracker's,
        if there is a choice; a tool whose frame is that one has the identity as its pose.
    stated : StatedErrors, optional
        The tracker's errors, which such a file does not hold.

    Attributes
    ----------
    times : dict of int to float
        Timestamp of each frame, s, by the number in ``Seq_Frame0012``.

    Raises
    ------
    InputError
        The file is missing, not such a sequence or cut off; a tool is not in it; timestamps that
        do not increase; a matrix of a tool that was seen is not rigid; no errors are stated.
    """

    def __init__(
        self, path: Path, tools: Sequence[str], stated: StatedErrors | None = None
    ) -> None:
        if stated is None:
            raise InputError(
                f"{path}: such a sequence has no errors of its poses; state the tracker's, with "
                "--position-sd and --rotation-sd-deg"
            )
        header = READERS.get(Path(path).suffix.lower(), read_metaio_header)(path)
        self.stated, self.times = stated, _times(header)
        named = [match[1] for name in header.fields if (match := TRANSFORM.fullmatch(name))]
        chosen = transforms_of_tools(header.path, named, tools)
        self.reports = {
            tool: None if name is None else _reports(header, f"{name}Transform", self.times)
            for tool, name in chosen.items()
        }

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[TrackedFrame]:
        for number, time in self.times.items():
            tools = {name: self._tool(name, number, time) for name in self.reports}
            yield TrackedFrame(number, time, tools)

    def close(self) -> None:
        """Do nothing: the header was read whole."""

    def _tool(self, name: str, number: int, time: float) -> TrackedTool | Lost:
        reports = self.reports[name]
        if reports is None:  # its own frame is the common one
            return TrackedTool(Pose(RigidTransform.identity()))
        return tracked_tool(name, reports[number], time, self.stated)


def _times(header: SequenceHeader) -> dict[int, float]:
    """Return the timestamps, s, which must increase."""
    texts = header.fields.get("Timestamp", {})
    times: dict[int, float] = {}
    before = -np.inf
    for number in range(header.frames):
        if number not in texts:
            raise header.refusal(FrameField(number, "Timestamp"), "is missing")
        (time,) = header.numbers(FrameField(number, "Timestamp"), 1)
        if time == before:
            raise header.refusal(
                FrameField(number, "Timestamp"),
                f"{time:.6f} s is that of the frame before; leave out one of the two",
            )
        if not time > before:
            raise header.refusal(
                FrameField(number, "Timestamp"),
                f"{time:.6f} s is before {before:.6f} s, the time of the frame before; expected "
                "frames in the order of time",
            )
        before = times[number] = time
    return times


def _reports(
    header: SequenceHeader, field: str, times: dict[int, float]
) -> dict[int, ReportedPose | None]:
    """Return what the file reports of one tool, by frame."""
    statuses = header.fields.get(f"{field}Status", {})
    matrices = header.fields.get(field, {})
    reports: dict[int, ReportedPose | None] = {}
    for number, time in times.items():
        status = statuses.get(number, "" if statuses else OK)
        if status.casefold() == OK:
            place = FrameField(number, field)
            reports[number] = (
                ReportedPose(time, _pose(header, place)) if number in matrices else None
            )
        elif status or number in matrices:
            stated = printable(status)[:60] or "no status in this frame"
            reports[number] = ReportedPose(time, status=stated)
        else:
            reports[number] = None
    return reports


def _pose(header: SequenceHeader, place: FrameField) -> RigidTransform:
    try:
        return rigid_transform(header.numbers(place, 16))
    except ValueError as error:
        raise header.refusal(place, str(error)) from None
