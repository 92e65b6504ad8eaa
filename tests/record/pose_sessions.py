"""Sessions of poses only, of any frames, for tests of what reads or exports them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Pose
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.session.session_about import SessionClock, about_session
from nav.record.session.session_pictures import PictureWriter
from nav.record.session.session_writer import SessionWriter
from tests.synthetic import rigid_transforms

CLOCK = SessionClock(1_790_000_000_123_456_789, 1000.25)
PERIOD = 0.02  # s
HIDDEN = Lost("hidden", {"cameras": ["left"]})
MAYBE = st.one_of(st.none(), rigid_transforms())
# poses of needle and reference body, frame by frame; None: lost
MOTIONS = st.lists(st.tuples(MAYBE, MAYBE), min_size=1, max_size=6)
Motion = Sequence[tuple[RigidTransform | None, RigidTransform | None]]


def frames_of(motion: Motion, names: Sequence[str] = ("needle", "reference")) -> list[TrackedFrame]:
    frames = []
    for number, poses in enumerate(motion):
        tools: dict[str, TrackedTool | Lost] = {
            name: HIDDEN if pose is None else TrackedTool(Pose(pose, np.eye(6) * 1e-4), (1, 2))
            for name, pose in zip(names, poses, strict=True)
        }
        at = CLOCK.monotonic + number * PERIOD
        frames.append(TrackedFrame(number, 5.0 + number * PERIOD, tools, captured_at=at))
    return frames


def write_pose_session(
    folder: Path,
    frames: Sequence[TrackedFrame],
    marks: Sequence[str] = (),
    attachments: dict[str, bytes] | None = None,
) -> Path:
    """Record frames, and marks after the last one."""
    writer = SessionWriter(folder, about_session("poses", clock=CLOCK), attachments or {})
    for tracked in frames:
        writer.frame(tracked)
    end = frames[-1].captured_at if frames else CLOCK.monotonic
    for mark in marks:
        writer.event("mark", facts={"text": mark}, at=end)
    writer.close(at=end)
    return folder


def write_pictures(folder: Path, lossless: bool) -> None:
    """Record four small pictures of two cameras."""
    folder.mkdir(parents=True)
    writer = PictureWriter(
        folder, about_session("cameras", clock=CLOCK), ["left", "right"], lossless
    )
    rng = np.random.default_rng(3)
    for number in range(4):
        camera, at = ("left", "right")[number % 2], CLOCK.ns(CLOCK.monotonic + number * PERIOD)
        image = rng.integers(100, 120, (24, 31)).astype(np.uint8)
        writer.add(camera, at, writer.encoded(camera, at, image), at)
        writer.flush()
    writer.close()
