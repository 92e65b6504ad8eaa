"""Small sessions to be replayed: one from pictures, one with a second registration and alarms."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tomli_w
from rich.console import Console
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import load_rig, write_rig
from nav.camera.source import RecordedSource, open_source
from nav.camera.webcam_image import webcam_image
from nav.core.errors import Lost
from nav.core.frames import Pose
from nav.core.frameset import Frame, FrameSet
from nav.core.notice import Notice
from nav.live.messages import Command
from nav.live.session import Session
from nav.model.case import load_case
from nav.pipeline import Pipeline
from nav.record.session.session_about import about_session, new_session_folder
from nav.record.session.session_writer import SessionWriter
from nav.registration.registration_result import (
    Registration,
    load_registration_file,
    write_registration,
)
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import load_tool
from nav.tracking.tracker import Tracker
from phantoms.twin.default_rig import default_rig
from phantoms.twin.images import ImageSettings, write_images
from phantoms.twin.sensor import Optics
from tests.camera.jpeg_webcam import jpeg_of, without_tables
from tests.record.example_session import START, ExampleUse, example_files
from tests.record.session_replay.recorded_work import Recording, attached
from tests.solids import write_box

SIZE = (480, 300)  # px: the markers are just found
FRAMES, SEED = 8, 3
TOOLS = ("needle", "reference")


def picture_files(folder: Path) -> None:
    """Rig, tools, a case of two boxes, and a registration that puts the tip beside them."""
    write_rig(folder / "wanted.toml", default_rig(SIZE))
    # no noise: it cannot be compressed, and the file is kept
    optics = Optics(blur=0.4, exposure=0.0, noise=0.0)
    settings = ImageSettings(FRAMES, SEED, folder / "wanted.toml", optics, 0.0, 40.0, plain=True)
    write_images(folder / "images", settings, Console(quiet=True))
    (folder / "tools").mkdir()
    for name in TOOLS:
        (folder / "images" / f"{name}.toml").rename(folder / "tools" / f"{name}.toml")
    (folder / "images" / "rig.toml").rename(folder / "rig.toml")
    (folder / "case").mkdir()
    write_box(folder / "case" / "cord.ply", [-5.0, -5.0, -20.0], [5.0, 5.0, 20.0])
    write_box(folder / "case" / "artery.ply", [12.0, -3.0, -20.0], [15.0, 3.0, 20.0])
    structures = [
        {"name": f"{role} box", "role": role, "mesh": f"{role}.ply", "sigma": 0.2}
        for role in ("cord", "artery")
    ]
    plans = [
        {"name": name, "entry": [x, 40.0, 0.0], "target": [0.0, 6.0, 0.0]}
        for name, x in (("left", 20.0), ("right", -20.0))
    ]
    table = {
        "format": "c1c2nav/case/1", "name": "boxes", "structure": structures, "plan": plans
    }  # fmt: skip
    (folder / "case" / "case.toml").write_text(tomli_w.dumps(table))


class JpegCameras:
    """Frame sets in which some cameras send JPEG, as `LiveSource` gives them."""

    def __init__(self, source: RecordedSource, cameras: Sequence[str]) -> None:
        self.source, self.cameras = source, cameras

    def __iter__(self) -> Iterator[FrameSet]:
        for frames in self.source:
            sent = {n: as_sent(f) for n, f in frames.frames.items() if n in self.cameras}
            yield replace(frames, frames={**frames.frames, **sent})

    def __len__(self) -> int:
        return len(self.source)

    @property
    def warnings(self) -> Sequence[Notice]:
        return self.source.warnings

    def close(self) -> None:
        self.source.close()


def as_sent(frame: Frame) -> Frame:
    """Return a frame as of a camera that sends JPEG without tables, in a padded buffer."""
    buffer = without_tables(jpeg_of(frame.image, 92)) + bytes(64)
    taken = webcam_image(np.frombuffer(buffer, np.uint8)[None])
    assert taken is not None
    return replace(frame, image=taken.grey, jpeg=taken.data)


def write_picture_session(parent: Path, jpeg_cameras: Sequence[str] = ()) -> Path:
    """A session of a few pictures of the twin, tracked and guided as `nav live` does.

    Lossless, or as some cameras have sent them.
    """
    folder = parent / "picture-files"
    folder.mkdir(parents=True)
    picture_files(folder)
    rig = load_rig(folder / "rig.toml")
    tools = [load_tool(folder / "tools" / f"{name}.toml") for name in TOOLS]
    images = JpegCameras(open_source(folder / "images", rig), jpeg_cameras)
    source = CameraPoses(images, Tracker(rig, tools))
    tracked_frames = list(source)
    source.close()
    tips = [tip_in_reference(tracked, tools[0], "reference") for tracked in tracked_frames]
    seen = [tip.position for tip in tips if not isinstance(tip, Lost)]
    assert len(seen) > FRAMES // 2
    shift = np.array([0.0, 7.0, 0.0]) - seen[len(seen) // 2]
    placed = Pose(RigidTransform.from_translation(shift), np.eye(6) * 1e-4)
    write_registration(folder / "registration.toml", Registration(placed, 0.1, np.zeros(0)))
    registration, _ = load_registration_file(folder / "registration.toml")
    case = load_case(folder / "case" / "case.toml")
    session = Session(Pipeline(tools[0], case, registration))
    names = ("rig.toml", "tools/needle.toml", "tools/reference.toml", "registration.toml")
    made = Recording(parent, attached(folder, *names), session, rig.names, "pictures", "images")
    for tracked in tracked_frames:
        tracked = replace(tracked, captured_at=START.monotonic + tracked.time)
        made.frame(tracked, session.step(tracked))
        if tracked.number == FRAMES // 2:
            command = Command("plan", "right")
            session.command(command)
            made.command(command)
    return made.close()


def write_second_registration_session(parent: Path, code: str = "twice") -> Path:
    """Registered, verified; a divot is off when touched again; registered again, then to the cord.

    A touch is given up in between, because the needle is hidden, and one is taken back.
    """
    attachments = example_files(parent / "files")
    about = about_session("poses", code, clock=START)
    folder = new_session_folder(parent, code, START)
    use = ExampleUse(SessionWriter(folder, about, attachments), parent / "files")
    positions = dict(use.work.positions)
    use.step(np.array([0.0, 0.0, 50.0]))
    use.ask("capture")
    use.step(positions["D1"])
    use.step(None)
    for label in ("D1", "D2", "D3"):
        use.touch(label)
    use.ask("undo")
    for label in ("D3", "D4", "K1", "K2"):
        use.touch(label)
    use.ask("check")
    use.work.positions["K1"] = positions["K1"] + np.array([0.0, 4.0, 0.0])
    use.touch("K1")
    use.work.positions["K1"] = positions["K1"]
    use.ask("register")
    for label in ("D1", "D2", "D3", "D4", "K1", "K2"):
        use.touch(label)
    for k in range(24):
        if k == 12:
            use.ask("mark", "close now")
        use.step(None if k == 6 else np.array([0.0, 0.0, 40.0 - 21.0 * k / 24]))
    use.writer.close()
    return folder
