"""Record any simulated work as a session, without the threads of the live recorder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import Command
from nav.live.session import Session, State
from nav.record.session.session_about import SessionClock, about_session, new_session_folder
from nav.record.session.session_events import EventFinder
from nav.record.session.session_pictures import PictureWriter
from nav.record.session.session_writer import SessionWriter
from nav.registration.registration_result import write_registration

START = SessionClock(1_790_000_000_123_456_789, 1000.25)  # 2026-09-21T14:13:20 UTC


def attached(folder: Path, *names: str) -> dict[str, bytes]:
    """Files of a folder as attachments; of case/ all that is in it."""
    of_case = sorted(path for path in (folder / "case").rglob("*") if path.is_file())
    paths = [*(folder / name for name in names), *of_case]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


class Recording:
    """A session that is being written; a frame's time counts as when it was taken.

    Parameters
    ----------
    parent : Path
        Where its folder is made.
    attachments : mapping of str to bytes
        By name.
    session : Session
        Of the work; only read.
    cameras : tuple of str
        Whose pictures are kept, lossless or as the camera's own JPEG; none by default.
    code, source : str
        As of `about_session`.
    """

    def __init__(
        self,
        parent: Path,
        attachments: Mapping[str, bytes],
        session: Session,
        cameras: tuple[str, ...] = (),
        code: str = "live",
        source: str = "poses",
    ) -> None:
        about = about_session(source, code, clock=START)
        self.folder = new_session_folder(parent, code, START)
        self.writer = SessionWriter(self.folder, about, attachments)
        self.pictures = None
        if cameras:
            self.pictures = PictureWriter(self.folder, about, cameras, lossless=True)
        self.found, self.at = EventFinder(session), START.monotonic
        self.frames: list[TrackedFrame] = []
        self.states: list[State] = []

    def frame(self, tracked: TrackedFrame, state: State) -> None:
        """Keep a frame with its pictures, and what was shown after it."""
        self.at = (
            START.monotonic + tracked.time if tracked.captured_at is None else (tracked.captured_at)
        )
        self.frames.append(tracked.without_images())
        self.states.append(state)
        self._events(self.found.after_frame(tracked, state))
        self.writer.frame(tracked, self.at)
        self.writer.guidance(state, self.found.in_use, self.at)
        if self.pictures is not None and tracked.images is not None:
            for camera, frame in tracked.images.frames.items():
                at = START.ns(frame.time)
                data = self.pictures.encoded(camera, at, frame.image, frame.jpeg)
                self.pictures.add(camera, at, data, at, frame.jpeg is not None)
        if len(self.frames) % 8 == 0:
            self.writer.flush()
            if self.pictures is not None:
                self.pictures.flush()

    def command(self, command: Command) -> None:
        """Keep a command that was carried out, or the user's mark."""
        self._events(self.found.after_command(command))

    def close(self) -> Path:
        """End the session; return its folder."""
        self.writer.close()
        if self.pictures is not None:
            self.pictures.close()
        return self.folder

    def _events(self, events: Any) -> None:
        for event in events:
            self.writer.event(event.kind, event.code, event.facts, at=self.at)
            if (event.kind, event.code) == ("registration", "made"):
                number = event.facts["registration"]
                made = self.folder / "made.toml"
                write_registration(made, self.found.registrations[number])
                self.writer.attach(f"registration-{number}.toml", made.read_bytes())
                made.unlink()
