"""Begin to record a live use, in the tracking process."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from nav.camera.live_source import LiveSource
from nav.camera.rig import load_rig
from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.live.observers import Observer
from nav.live.session import Session
from nav.record.session.carried_files import CarriedFiles
from nav.record.session.picture_recorder import PictureRecorder
from nav.record.session.record_setup import RecordSetup
from nav.record.session.session_about import (
    ORIGINAL,
    SessionClock,
    about_session,
    new_session_folder,
)
from nav.record.session.session_recorder import NotRecording, SessionRecorder
from nav.record.session.session_writer import SessionWriter
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.pose_source import PoseSource


class RecordedWork(Protocol):
    """What the recorder needs of the tracking process's work."""

    @property
    def session(self) -> Session:
        """The work step by step."""
        ...

    @property
    def notices(self) -> Sequence[Notice]:
        """What the user is told."""
        ...

    @property
    def source(self) -> PoseSource:
        """Where the poses come from."""
        ...

    def carried_files(self) -> CarriedFiles:
        """Return its files and limits."""
        ...


def begin_recording(setup: RecordSetup, work: RecordedWork) -> Observer:
    """Begin a session.

    Parameters
    ----------
    setup : RecordSetup
        Whether, where and how.
    work : RecordedWork
        What is recorded.

    Returns
    -------
    Observer

    Raises
    ------
    InputError
        Recording is required and not possible.
    """
    if setup.parent is None:
        return NotRecording(Notice("record_off"))
    try:
        return _recorder(setup, work, setup.parent)
    except InputError as error:
        if setup.required:
            raise
        return NotRecording(Notice("disk_problem", {"problem": str(error)}))


def _recorder(setup: RecordSetup, work: RecordedWork, parent: Path) -> SessionRecorder:
    clock, files, pipeline = SessionClock.now(), work.carried_files(), work.session.pipeline
    attachments = files.read()
    images = work.source.images if isinstance(work.source, CameraPoses) else None
    live = images if isinstance(images, LiveSource) else None
    options = {"pictures": setup.pictures, "camera_jpeg": [] if live is None else live.jpeg_cameras}
    about = about_session(
        setup.source,
        setup.code,
        pipeline.needle.name,
        pipeline.reference,
        options,
        clock,
        files.limits.to_json(),
    )
    about |= {f"{ORIGINAL}{name}": digest for name, digest in files.originals(attachments).items()}
    folder = new_session_folder(parent, setup.code, clock)
    writer = None
    try:
        writer = SessionWriter(folder, about, attachments)
        pictures = _pictures(setup, folder, about, clock, files)
    except InputError:
        if writer is not None:
            writer.file.close()
        shutil.rmtree(folder, ignore_errors=True)  # made a moment ago
        raise
    recorder = SessionRecorder(
        work.session, writer, pictures, tapped=live is not None, told=lambda: work.notices
    )
    if live is not None:
        live.watch(recorder.picture)
    return recorder


def _pictures(
    setup: RecordSetup,
    folder: Path,
    about: dict[str, str],
    clock: SessionClock,
    files: CarriedFiles,
) -> PictureRecorder | None:
    if setup.pictures == "off" or files.rig is None:
        return None
    rig = load_rig(files.rig)
    largest = max(camera.size[0] * camera.size[1] for camera in rig.cameras)
    return PictureRecorder(folder, about, rig.names, largest, setup.pictures == "lossless", clock)
