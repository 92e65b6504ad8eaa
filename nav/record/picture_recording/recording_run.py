"""Cameras, recorder and checks at work: the thread between them, and what it saw."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nav.core.errors import InputError
from nav.core.frameset import Frame, FrameSet, FrameSource
from nav.core.notice import Notice
from nav.record.picture_recording.picture_checks import PictureCheck, PictureChecker
from nav.record.picture_recording.source_recorder import PictureRecorder, RecorderStatus

AWAY = 0.5  # s without an image from which a camera counts as gone
SETTLED = 2.0  # s of recording that tell how much disk it takes
ESTIMATED = 0.6  # of a pixel's byte, that a lossless file takes before it is known
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CameraGap:
    """Images that a camera did not give while recording.

    Parameters
    ----------
    seconds : float
        The longest time without one, s.
    since : float
        When that began, s of the recording.
    reason : Notice
        As the camera gave it.
    """

    seconds: float
    since: float
    reason: Notice


class RecordingRun:
    """Passes frame sets to the recorder until it is closed; keeps what people want to see.

    Parameters
    ----------
    source : FrameSource
        Live cameras.
    recorder : PictureRecorder
        Records what is wanted.
    checker : PictureChecker
        Looks at the images.
    clock : callable, optional
        Monotonic clock, s.

    Attributes
    ----------
    newest : FrameSet or None
        The newest images.
    gaps : dict of str to CameraGap
        By camera.
    problem : Notice or None
        Why the cameras can be read no more.
    """

    def __init__(
        self,
        source: FrameSource,
        recorder: PictureRecorder,
        checker: PictureChecker,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self.recorder, self.checker, self.clock = source, recorder, checker, clock
        self.newest: FrameSet | None = None
        self.gaps: dict[str, CameraGap] = {}
        self.problem: Notice | None = None
        self._seen: dict[str, float] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="record pictures", daemon=True)
        self._thread.start()

    @property
    def names(self) -> tuple[str, ...]:
        """The cameras' names."""
        return self.recorder.writer.cameras

    @property
    def checks(self) -> Mapping[str, PictureCheck]:
        """What was seen in each camera's image last."""
        return dict(self.checker.checks)

    def away(self) -> dict[str, float]:
        """Return for how long each camera that is gone has given no image, s."""
        now = self.clock()
        return {n: now - at for n, at in self._seen.items() if now - at > AWAY}

    def free_minutes(self, status: RecorderStatus) -> float | None:
        """Return for how long the disk has room at the present rate.

        Parameters
        ----------
        status : RecorderStatus
            Of the recorder.

        Returns
        -------
        float or None
            Minutes; None where it is not known.
        """
        if status.seconds > SETTLED and status.written.size:
            rate = status.written.size / status.seconds
        else:
            frames = self.newest.frames if self.newest is not None else {}
            every = self.recorder.options.every
            rate = sum(
                _file_size(frame) / (every or 1.0 / max(status.rates.get(name, 0.0), 1))
                for name, frame in frames.items()
            )
        try:
            free = shutil.disk_usage(self.recorder.writer.folder).free
        except OSError:
            return None
        return free / rate / 60.0 if rate > 0.0 else None

    def close(self) -> None:
        """End the recording and release the cameras."""
        self._closed.set()
        self.source.close()
        self._thread.join(timeout=5.0)
        self.checker.close()
        self.recorder.close()

    def _run(self) -> None:
        try:
            for frames in self.source:
                if self._closed.is_set():
                    return
                self.recorder.step(frames)
                self._note_gaps(frames)
                if frames.frames:
                    self.checker.give(frames.frames)
                self.newest = frames
        except InputError as error:
            self.problem = Notice("recording_stopped", {"why": str(error)})
        except Exception as error:
            log.exception("recording failed")
            self.problem = Notice("recording_stopped", {"why": str(error)})

    def _note_gaps(self, frames: FrameSet) -> None:
        now, status = self.clock(), self.recorder.status
        for name in self.names:
            if name in frames.frames:
                self._seen[name] = now
                continue
            self._seen.setdefault(name, now)
            gap = now - self._seen[name]
            known = self.gaps.get(name)
            if status.state != "recording" or gap <= AWAY:
                continue
            if known is None or gap > known.seconds:
                since = max(0.0, status.seconds - gap) if known is None else known.since
                reason = frames.missing.get(name, Notice("camera_absent", {"camera": name}))
                self.gaps[name] = CameraGap(gap, since, reason)


def _file_size(frame: Frame) -> float:
    return ESTIMATED * frame.image.size if frame.jpeg is None else float(len(frame.jpeg))
