"""Transcripts of Perk Tutor (TransformRecorderLog, XML) as a source of poses."""

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError, Lost
from nav.core.frames import Pose
from nav.core.textfile import MEGABYTE, MOST_NUMBER, printable, read_bytes
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.recorded_transforms import rigid_transform, transforms_of_tools
from nav.tracking.pose_source import PoseSource, ReportedPose, StatedErrors, tracked_tool

TRANSCRIPT_SUFFIX = ".xml"
ROOT, ENTRY = "TransformRecorderLog", "log"
LARGEST = 256 * MEGABYTE
MOST_SAMPLES = 1_000_000
TOGETHER = 0.05  # s: what was recorded at most so far apart is of one instant
NANOSECONDS = 1e9
# Perk Tutor writes messages as they were typed, also with < and &; no pose depends on them
MESSAGE = re.compile(rb'[ \t]*<log\b[^<]*?\btype="message".*/>[ \t\r]*')


class TranscriptSample(NamedTuple):
    """One transform of a transcript.

    Parameters
    ----------
    time : float
        s.
    transform : RigidTransform
        As it was written, mm.
    """

    time: float
    transform: RigidTransform


class PerkTutorTranscript(PoseSource):
    """The poses of a transcript, as fast as they are taken; iterating again starts again.

    An entry ``DeviceName="StylusToReference"`` is the matrix reference_from_stylus, by rows, mm: it
    maps coordinates of the stylus to those of the reference body. No axis is flipped. A frame is
    one sample of the first tool that is no origin; of the others it has the sample nearest in time,
    if that is at most 0.05 s away. The format has no lost tools: a tool without samples is one.

    Parameters
    ----------
    path : Path
        The file, .xml. Its entries may be in any order.
    tools : sequence of str
        Names of the tools that are needed. All need transforms to one common frame; a tool whose
        frame is that one has the identity as its pose.
    stated : StatedErrors, optional
        The tracker's errors, which such a file does not hold.

    Attributes
    ----------
    times : dict of int to float
        Of each frame, s.

    Raises
    ------
    InputError
        The file is missing, no transcript, cut off, or has a document type declaration; a tool is
        not in it; a matrix is not rigid; no errors are stated.
    """

    def __init__(
        self, path: Path, tools: Sequence[str], stated: StatedErrors | None = None
    ) -> None:
        if stated is None:
            raise InputError(
                f"{path}: a transcript has no errors of its poses; state the tracker's, with "
                "--position-sd and --rotation-sd-deg"
            )
        devices = _TranscriptParser(Path(path)).parse()
        chosen = transforms_of_tools(Path(path), devices, tools)
        self.stated = stated
        self.samples = {
            tool: None if name is None else _in_order(devices[name])
            for tool, name in chosen.items()
        }
        clock = next(samples for samples in self.samples.values() if samples is not None)
        self.times = {number: sample.time for number, sample in enumerate(clock)}

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[TrackedFrame]:
        moments = {
            tool: [sample.time for sample in samples or ()]
            for tool, samples in self.samples.items()
        }
        for number, time in self.times.items():
            tools = {tool: self._tool(tool, moments[tool], time) for tool in self.samples}
            yield TrackedFrame(number, time, tools)

    def close(self) -> None:
        """Do nothing: the file was read whole."""

    def _tool(self, tool: str, moments: Sequence[float], time: float) -> TrackedTool | Lost:
        samples = self.samples[tool]
        if samples is None:  # its own frame is the common one
            return TrackedTool(Pose(RigidTransform.identity()))
        after = bisect_left(moments, time)
        near = samples[max(after - 1, 0) : after + 1]
        sample = min(near, key=lambda one: abs(one.time - time))
        if abs(sample.time - time) > TOGETHER:
            return Lost("not_reported", {"tool": tool})
        return tracked_tool(tool, ReportedPose(time, sample.transform), time, self.stated)


def _in_order(samples: Sequence[TranscriptSample]) -> list[TranscriptSample]:
    """Return samples in the order of time; of several at one time the last, as Perk Tutor does."""
    by_time = {sample.time: sample for sample in samples}
    return [by_time[time] for time in sorted(by_time)]


class _TranscriptParser:
    """Collects the transforms of one file by DeviceName.

    A document type declaration is refused where it begins: no entity is ever defined.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.count, self.depth = path, 0, 0
        self.devices: dict[str, list[TranscriptSample]] = {}
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse_declaration

    def parse(self) -> dict[str, list[TranscriptSample]]:
        lines = read_bytes(self.path, LARGEST).split(b"\n")
        try:
            for line in lines:
                self.parser.Parse(b"\n" if MESSAGE.fullmatch(line) else line + b"\n", False)
            self.parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise self._damaged(error, len(lines)) from None
        except (ValueError, LookupError) as error:  # an encoding that is unknown
            raise InputError(f"{self.path}: not XML that is read: {error}") from None
        if not self.devices:
            raise InputError(f"{self.path}: has no transforms")
        return self.devices

    def _damaged(self, error: expat.ExpatError, lines: int) -> InputError:
        words = expat.ErrorString(error.code)
        if error.lineno >= lines:
            return InputError(
                f"{self.path}: line {error.lineno}: ends before </{ROOT}>; the file was cut off: "
                f"remove what is left of its last line, and end it with </{ROOT}>"
            )
        return InputError(f"{self.path}: line {error.lineno}: not XML: {words}")

    def _refuse_declaration(self, *_: object) -> None:
        raise self._refusal("has a document type declaration, which no transcript needs; remove it")

    def _refusal(self, problem: str) -> InputError:
        return InputError(f"{self.path}: line {self.parser.CurrentLineNumber}: {problem}")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1 and name != ROOT:
            raise self._refusal(
                f"expected a transcript of Perk Tutor, <{ROOT}>, got <{printable(name):.40}>"
            )
        if self.depth != 2 or name != ENTRY or attributes.get("type") != "transform":
            return
        self.count += 1
        if self.count > MOST_SAMPLES:
            raise InputError(f"{self.path}: has more than {MOST_SAMPLES} transforms; cut it")
        device = attributes.get("DeviceName", "")
        if not device:
            raise self._refusal("DeviceName: is missing")
        seconds = self._numbers(attributes, "TimeStampSec", 1)[0]
        fraction = self._numbers(attributes, "TimeStampNSec", 1)[0] / NANOSECONDS
        numbers = self._numbers(attributes, "transform", 16)
        try:
            transform = rigid_transform(numbers)
        except ValueError as error:
            raise self._refusal(f"{printable(device):.40}: {error}") from None
        self.devices.setdefault(device, []).append(TranscriptSample(seconds + fraction, transform))

    def _end(self, _: str) -> None:
        self.depth -= 1

    def _numbers(self, attributes: dict[str, str], name: str, count: int) -> list[float]:
        words = attributes.get(name, "").split()
        if len(words) != count:
            wanted = "a number" if count == 1 else f"{count} numbers"
            raise self._refusal(f"{name}: expected {wanted}, got {len(words)}")
        numbers = []
        for word in words:
            try:
                value = float(word)
            except ValueError:
                value = math.nan
            if not abs(value) <= MOST_NUMBER:
                raise self._refusal(f"{name}: expected a finite number, got {printable(word):.40}")
            numbers.append(value)
        return numbers
