"""A small session with pictures, each of which shows where its markers are."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from nav.core.tracked_frame import TrackedTool
from nav.record.session.session_about import about_session, new_session_folder
from nav.record.session.session_pictures import PictureWriter
from nav.record.session.session_writer import SessionWriter
from tests.record.example_session import POSITIONS, START, ExampleUse, example_files

CAMERAS = ("left", "right")
SIZE = (160, 120)
SQUARE = np.array([[40.0, 30.0], [72.0, 30.0], [72.0, 62.0], [40.0, 62.0]])


class PicturedWriter(SessionWriter):
    """Records with each frame the pictures that it could have been measured in."""

    def __init__(self, folder: Path, about, attachments, lossless: bool) -> None:
        super().__init__(folder, about, attachments)
        self.pictures = PictureWriter(folder, about, CAMERAS, lossless)

    def frame(self, tracked, at=None, pictures=None) -> None:
        taken = tracked.captured_at - 0.002
        tools = {
            name: replace(seen, corners={"left": {3: SQUARE}})
            if isinstance(seen, TrackedTool)
            else seen
            for name, seen in tracked.tools.items()
        }
        super().frame(replace(tracked, tools=tools), at, dict.fromkeys(CAMERAS, taken))
        for camera in CAMERAS:
            at_ns = self.clock.ns(taken)
            self.pictures.add(
                camera, at_ns, self.pictures.encoded(camera, at_ns, image(tracked.number)), at_ns
            )
            self.totals.add_picture(camera, at_ns)

    def flush(self) -> None:
        super().flush()
        if hasattr(self, "pictures"):
            self.pictures.flush()


def image(number: int) -> np.ndarray:
    """A black square on grey, a little brighter from frame to frame."""
    grey = np.full(SIZE[::-1], 120 + number % 60, np.uint8)
    return cv2.fillConvexPoly(grey, SQUARE.astype(int), 20)


def write_pictured_session(
    parent: Path, lossless: bool = False, code: str = "p3", gap: bool = True
) -> Path:
    """Record a session with pictures; with `gap`, frames are missing for a second."""
    attachments = example_files(parent / "files")
    about = about_session("cameras", code, clock=START)
    folder = new_session_folder(parent, code, START)
    writer = PicturedWriter(folder, about, attachments, lossless)
    use = ExampleUse(writer, parent / "files")
    use.step(np.array([0.0, 0.0, 50.0]))
    for label in POSITIONS:
        use.touch(label)
    for k in range(16):
        if gap and k == 8:
            use.frames += [use.frames[-1]] * 30  # their numbers are left out
        use.step(np.array([0.0, 0.0, 40.0 - k]))
    writer.close(at=use.frames[-1].captured_at)
    writer.pictures.close()
    return folder
