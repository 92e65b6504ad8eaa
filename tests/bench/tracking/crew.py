"""The trackers that are compared, each in a process of its own."""

import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nav.camera.rig import Rig, write_rig
from nav.core.frames import Array
from nav.core.frameset import FrameSet
from nav.tracking.tool import Tool, write_tool
from tests.bench.tracking.channel import Channel
from tests.bench.tracking.conventions import convention
from tests.bench.tracking.estimators import Corners

ROOT = Path(__file__).parents[3]
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
WORKER = Path(__file__).with_name("worker.py")
REFINEMENTS = ("none", "subpix", "contour", "apriltag")
OURS, SURGERY = "ours", "scikit-surgeryarucotracker"


@dataclass(frozen=True)
class Look:
    """What a tracker found in one frame set.

    corners : in our convention. camera_poses : camera -> camera_from_tool (4, 4), of a peer that
    gives poses rather than corners. pose, covariance : rig_from_tool (4, 4), (6, 6), with a
    warning if there is one; ours alone.
    """

    seconds: float
    memory_mb: float
    corners: Corners = field(default_factory=dict)
    camera_poses: Mapping[str, Array] | None = None
    pose: Array | None = None
    covariance: Array | None = None
    mode: str = ""
    warning: str = ""


class Member(ABC):
    """One tracker; `missing` says why it cannot take part, or is empty.

    named_only : it only takes part in the scenes that have a name, to save time.
    """

    named_only = False

    def __init__(self, name: str, label: str) -> None:
        self.name, self.label = name, label
        self.missing = ""
        self.channel: Channel | None = None

    def start(self, command: Sequence[str]) -> None:
        """Start its process."""
        if not Path(command[0]).exists():
            self.missing = "not installed"
            return
        self.channel = Channel(command, ROOT)
        if "missing" in self.channel.greeting:
            self.missing = "not installed"

    @abstractmethod
    def setup(self, rig: Rig, tools: Sequence[Tool], tool: Tool) -> str:
        """Get ready for a rig and its tools, `tool` being compared; says what it cannot do."""

    @abstractmethod
    def look(self, frames: FrameSet, tool: Tool) -> Look:
        """What it finds of `tool` in one frame set."""

    def close(self) -> None:
        """End its process."""
        if self.channel is not None:
            self.channel.close()


class Peer(Member):
    """A tracker of others, run by worker.py."""

    def __init__(self, name: str, python: Path, family: str) -> None:
        detail = name.removeprefix("pupil-apriltags").rpartition("-")[2]
        detail = "" if name == SURGERY else detail
        super().__init__(name, f"{family} {detail}".strip())
        self.convention = convention(name)
        self.start([str(python), "-P", str(WORKER), name])
        if self.channel is not None and not self.missing:
            self.label = f"{family} {self.channel.greeting['version']} {detail}".strip()

    def setup(self, rig: Rig, tools: Sequence[Tool], tool: Tool) -> str:
        """See Member; only `tool` is told."""
        assert self.channel is not None
        told = {
            "name": tool.name,
            "ids": [m.id for m in tool.markers],
            "corners": [m.corners.tolist() for m in tool.markers],
        }
        cameras = [
            {"matrix": c.matrix.tolist(), "distortion": c.distortion.tolist()} for c in rig.cameras
        ]
        answer = self.channel.ask(
            {"do": "setup", "dictionary": tool.dictionary, "cameras": cameras, "tools": [told]}
        )
        return "" if answer["done"] else str(answer["error"])

    def look(self, frames: FrameSet, tool: Tool) -> Look:
        """See Member."""
        assert self.channel is not None
        pictures = [frame.image for frame in frames.frames.values()]
        answer = self.channel.ask({"do": "look"}, pictures)
        corners: dict[str, dict[int, Array]] = {}
        poses: dict[str, Array] = {}
        for camera, view in zip(frames.frames, answer["views"], strict=True):
            for i, quad in zip(view["ids"], view["corners"], strict=True):
                corners.setdefault(camera, {})[i] = self.convention.ours(quad)
            if tool.name in view.get("poses", {}):
                poses[camera] = np.reshape(view["poses"][tool.name], (4, 4))
        own = poses if self.name == SURGERY else None
        return Look(answer["seconds"], answer["memory_mb"], corners, own)


class Ours(Member):
    """Our tracker, run by ours.py."""

    def __init__(self) -> None:
        super().__init__(OURS, OURS)
        self.start([sys.executable, "-m", "tests.bench.tracking.ours"])

    def setup(self, rig: Rig, tools: Sequence[Tool], tool: Tool) -> str:
        """See Member; all tools are told."""
        assert self.channel is not None
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_rig(folder / "rig.toml", rig)
            paths = [folder / f"{each.name}.toml" for each in tools]
            for path, each in zip(paths, tools, strict=True):
                write_tool(path, each)
            told: dict[str, Any] = {"do": "setup", "rig": str(folder / "rig.toml")}
            self.channel.ask({**told, "tools": [str(path) for path in paths]})
        return ""

    def look(self, frames: FrameSet, tool: Tool) -> Look:
        """See Member."""
        assert self.channel is not None
        seen = list(frames.frames.values())
        message = {
            "do": "look",
            "number": frames.number,
            "cameras": [frame.camera for frame in seen],
            "times": [frame.time for frame in seen],
        }
        answer = self.channel.ask(message, [frame.image for frame in seen])
        found, cost = answer["tools"][tool.name], (answer["seconds"], answer["memory_mb"])
        if "lost" in found:
            return Look(*cost, mode=answer["mode"])
        corners = {
            camera: {int(i): np.array(quad) for i, quad in quads.items()}
            for camera, quads in found["corners"].items()
        }
        pose, covariance = np.array(found["pose"]), np.array(found["covariance"])
        said = found["warning"]
        return Look(*cost, corners, None, pose, covariance, answer["mode"], said)


def everybody() -> list[Member]:
    """Our tracker, this environment's OpenCV with its defaults, and all others; `close` each."""
    members: list[Member] = [Ours()]
    for python in (Path(sys.executable), PEERS_PYTHON):
        members += [Peer(f"opencv-{how}", python, "OpenCV") for how in REFINEMENTS]
    for member in members[1 + len(REFINEMENTS) :]:
        member.named_only = True  # its corners are much like those of the newer one
    members.append(Peer("pupil-apriltags", PEERS_PYTHON, "pupil-apriltags"))
    members.append(Peer("pupil-apriltags-decimated", PEERS_PYTHON, "pupil-apriltags"))
    members.append(Peer(SURGERY, PEERS_PYTHON, SURGERY))
    return members
