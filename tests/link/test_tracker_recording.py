"""Poses of another tracker are written while they come; what is there stays on a full disk."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from nav.core.frames import Pose
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.link import tracker_recording
from nav.link.pose_input import PoseInput
from nav.record.recorded_poses import open_recorded_poses
from nav.tracking.pose_source import StatedErrors
from nav.tracking.tool import Tool
from tests.record.test_bad_disks import largest_file
from tests.synthetic import square_marker

NAMES = ("needle", "body")
TOOLS = [Tool(name, "DICT_4X4_50", (square_marker(k),)) for k, name in enumerate(NAMES)]
STATED = StatedErrors(0.2, 0.002)


class Tracker:
    """A source of poses that ends by itself."""

    def __iter__(self):
        for number in range(400):
            place = RigidTransform.from_translation([number, 0.0, 100.0])
            seen = TrackedTool(Pose(place, 1e-4 * np.eye(6)), (1,), 0.1)
            tools = {tool.name: seen for tool in TOOLS}
            yield TrackedFrame(number, number / 60.0, tools)

    def close(self):
        pass

    end = close


def test_what_was_recorded_until_the_disk_was_full_can_be_used(tmp_path, monkeypatch):
    monkeypatch.setattr(PoseInput, "connection", lambda self: Tracker())
    console = Console(file=io.StringIO())
    with largest_file(60_000), pytest.raises(InputError) as refused:
        tracker_recording.recorded_file(
            Path("igtl://localhost"), TOOLS, tmp_path / "registration.toml", console, STATED
        )
    path = tmp_path / "registration-poses.csv"
    assert str(refused.value).startswith(f"{path}: cannot be written: ")
    assert str(refused.value).endswith("it has the poses until then")
    recording = open_recorded_poses(path, ("needle",), STATED)
    seen = [frame.tools["needle"] for frame in recording]
    assert len(seen) > 20
    assert all(isinstance(tool, TrackedTool) for tool in seen)
