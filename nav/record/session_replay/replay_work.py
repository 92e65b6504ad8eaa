"""The replay of a session as the tracking process's work: the live pipeline on recorded frames."""

import logging
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nav.camera.source import file_remark
from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.feed import Progress, silent
from nav.live.messages import Command
from nav.live.observers import Observer
from nav.live.session import Session, State
from nav.record.session.session_format import PICTURES_FILE
from nav.record.session.session_reader import SessionReader, open_session
from nav.record.session_replay.fast_forward import repeated_commands, session_before
from nav.record.session_replay.frame_stores import PictureTracking, RecordedFrames, TrackedPictures
from nav.record.session_replay.picture_index import NoPictures, PictureIndex, PictureStore
from nav.record.session_replay.recorded_use import RecordedUse, read_use
from nav.record.session_replay.replay_playback import SessionSource
from nav.record.session_replay.replay_setup import ReplayOptions, ReplaySetup, load_setup
from nav.record.session_replay.replay_timeline import recorded_samples, session_timeline
from nav.record.session_replay.session_unpacking import unpack

log = logging.getLogger(__name__)
READING = Notice("replay_reading")


@dataclass(frozen=True)
class OpenedSession:
    """A session, and what it is replayed with.

    Parameters
    ----------
    reader : SessionReader
        Of the session.
    setup : ReplaySetup
        Case, tools, rig, registration.
    """

    reader: SessionReader
    setup: ReplaySetup


def open_for_replay(options: ReplayOptions) -> OpenedSession:
    """Open a session, and load the files that it is replayed with.

    Parameters
    ----------
    options : ReplayOptions
        Session and files given.

    Returns
    -------
    OpenedSession

    Raises
    ------
    InputError
        The session cannot be read, or a file is wrong or does not fit.
    """
    reader = open_session(options.session)
    with tempfile.TemporaryDirectory(prefix="c1c2nav-") as name:
        folder = Path(name)
        unpack(options.session, reader.attachments, reader.about, folder)
        setup = load_setup(options, folder, reader.about, reader.attachments)
    return OpenedSession(reader, setup)


def frame_store(
    opened: OpenedSession, use: RecordedUse, from_pictures: bool
) -> RecordedFrames | TrackedPictures:
    """Return the frames of a replay.

    Parameters
    ----------
    opened : OpenedSession
        The session.
    use : RecordedUse
        What happened in it.
    from_pictures : bool
        Track the recorded pictures again.

    Returns
    -------
    RecordedFrames or TrackedPictures

    Raises
    ------
    InputError
        It was recorded without pictures.
    """
    if not from_pictures:
        return RecordedFrames(use, _pictures(opened.reader))
    return TrackedPictures(use, picture_tracking(opened))


def picture_tracking(opened: OpenedSession) -> PictureTracking:
    """Return what tracks a session's pictures again.

    Parameters
    ----------
    opened : OpenedSession
        The session.

    Returns
    -------
    PictureTracking

    Raises
    ------
    InputError
        It was recorded without pictures.
    """
    pictures, setup = _pictures(opened.reader), opened.setup
    if isinstance(pictures, NoPictures):
        raise InputError(
            f"{opened.reader.folder}: was recorded without images; leave out --from pictures"
        )
    assert setup.rig is not None
    tools, recorded = list(setup.tools.values()), setup.recorded_rig or setup.rig
    return PictureTracking(pictures, setup.rig, tools, recorded)


def _pictures(reader: SessionReader) -> PictureStore:
    path = reader.folder / PICTURES_FILE
    try:
        pictures = PictureIndex(path, reader.clock)
    except OSError:
        return NoPictures()  # there are none, or they were left on another disk
    return pictures if len(pictures) else NoPictures()


@dataclass(frozen=True)
class ReplayJob:
    """Recipe for a replay; sent to the tracking process.

    Parameters
    ----------
    options : ReplayOptions
        Session and files given.
    """

    options: ReplayOptions

    def open(self, progress: Progress = silent) -> "ReplayWork":
        """Read the session."""
        progress(READING, 0.0)
        opened = open_for_replay(self.options)
        use = read_use(opened.reader, lambda share: progress(READING, share))
        return ReplayWork(opened, use, self.options.pictures)


class ReplayWork:
    """A recorded session through the live pipeline; what the user did is done again.

    Parameters
    ----------
    opened : OpenedSession
        The session, and what it is replayed with.
    use : RecordedUse
        What happened in it.
    from_pictures : bool
        Track the recorded pictures again.

    Attributes
    ----------
    session : Session
        Another one after each jump.
    """

    simulated = False
    observers: tuple[Observer, ...] = ()

    def __init__(self, opened: OpenedSession, use: RecordedUse, from_pictures: bool) -> None:
        self.setup, self.use = opened.setup, use
        self.commands = repeated_commands(use, self.setup)
        self.frames = frame_store(opened, use, from_pictures)
        about = opened.reader.about
        tools = (self.setup.needle, self.setup.reference)
        recorded = f"{about.get('started_utc', '')[:16].replace('T', ' ')} {about.get('code', '')}"
        ends = () if use.cut is None else (Notice("replay_of_cut", {"reason": use.cut}),)
        remarks = (*ends, *use.damage, *self.setup.notices)
        timeline = session_timeline(use, tools, recorded.strip(), remarks)
        if not from_pictures and not self.setup.notices:
            timeline = replace(timeline, samples=recorded_samples(use))
        self.recording = SessionSource(self.frames, self.go_to, timeline)
        self.source = self.recording
        self.session: Session = self.setup.new_session()
        of_tools = (warning for tool in self.setup.tools.values() for warning in tool.warnings)
        self.warnings = tuple(map(file_remark, (*of_tools, *self.setup.case.warnings)))

    def go_to(self, index: int) -> None:
        """Put the user's work into the state that it had before a frame."""
        self.session = session_before(index, self.setup, self.commands, self.frames.bare)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What speaks against the registration, and warnings about files."""
        return (*self.warnings, *self.session.doubts, *self.recording.timeline.notices)

    def listen(self, tracked: TrackedFrame, state: State) -> Iterable[Command]:
        """Return what the user did after this frame."""
        return self.commands.get(self.recording.playback.shown, ())

    def finish(self) -> Any:
        """Return nothing: a replay makes no result."""
        return None
