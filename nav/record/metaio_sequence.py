"""MetaIO sequences of PLUS and 3D Slicer (.igs.mha) as a source of poses."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError, Lost
from nav.core.frames import Pose
from nav.core.rigid_matrix import FARTHEST, rigid_fault
from nav.core.textfile import printable
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.metaio_header import FrameField, MetaIOHeader, read_metaio_header
from nav.tracking.pose_source import PoseSource, ReportedPose, StatedErrors, tracked_tool

SUFFIXES = (".mha", ".mhd")
USUAL_BASE = "tracker"  # of PLUS: the frame in which a tracker reports all its tools
TRANSFORM = re.compile(r"(.+)Transform")
OK = "ok"


class MetaIOSequence(PoseSource):
    """The poses of a MetaIO sequence, as fast as they are taken; iterating again starts again.

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
                f"{path}: a MetaIO sequence has no errors of its poses; state the tracker's, with "
                "--position-sd and --rotation-sd-deg"
            )
        header = read_metaio_header(path)
        self.stated, self.times = stated, _times(header)
        self.reports = {
            name: _reports(header, field, self.times)
            for name, field in _fields_of_tools(header, tools).items()
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


def _times(header: MetaIOHeader) -> dict[int, float]:
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


def _fields_of_tools(header: MetaIOHeader, tools: Sequence[str]) -> dict[str, str | None]:
    """Return the field of each tool's transform to one frame; None for the tool of that frame."""
    names = [match[1] for name in header.fields if (match := TRANSFORM.fullmatch(name))]
    bases = {
        tool: {
            **{name[len(tool) + 2 :].casefold(): f"{name}Transform" for name in names
               if name.casefold().startswith(f"{tool.casefold()}to")},
        }
        for tool in tools
    }  # fmt: skip
    common: set[str] | None = None
    for tool, found in bases.items():
        reached = {*found, tool.casefold()}
        common = reached if common is None else common & reached
    if not common or not any(bases.values()):
        there = f"it has {', '.join(map(printable, names[:12]))}" if names else "it has none"
        raise InputError(
            f"{header.path}: expected transforms of {' and '.join(tools)} to one frame, such as "
            f"{tools[0]}ToTracker; {there}"
        )
    base = min(common, key=lambda name: (name != USUAL_BASE, name not in bases[tools[0]], name))
    return {tool: bases[tool].get(base) for tool in tools}


def _reports(
    header: MetaIOHeader, field: str | None, times: dict[int, float]
) -> dict[int, ReportedPose | None] | None:
    """Return what the file reports of one tool, by frame; None for the tool of the frame itself."""
    if field is None:
        return None
    statuses = header.fields.get(f"{field}Status", {})
    reports: dict[int, ReportedPose | None] = {}
    for number, time in times.items():
        status = statuses.get(number, "" if statuses else OK)
        if number not in header.fields[field]:
            reports[number] = None
        elif status.casefold() != OK:
            told = printable(status)[:60] or "no status in this frame"
            reports[number] = ReportedPose(time, status=told)
        else:
            reports[number] = ReportedPose(time, _pose(header, FrameField(number, field)))
    return reports


def _pose(header: MetaIOHeader, place: FrameField) -> RigidTransform:
    matrix = np.reshape(header.numbers(place, 16), (4, 4))
    rotation, translation = matrix[:3, :3], matrix[:3, 3]
    fault = rigid_fault(matrix)
    if fault == "last row":
        raise header.refusal(place, "its last row is not 0 0 0 1; expected a rigid transform")
    if fault == "far":
        raise header.refusal(
            place, f"{np.abs(translation).max():.3g} mm away; expected at most {FARTHEST:g} mm"
        )
    if fault:
        raise header.refusal(
            place,
            f"the matrix {'is not finite' if fault == 'not finite' else fault}; expected a rigid "
            "transform (give a tracked tool's)",
        )
    return RigidTransform.from_components(translation, Rotation.from_matrix(rotation))
