"""Turning results into what the window is sent: small pictures, chart samples, rate and delay."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection

import cv2

from nav.camera.frameset import FrameSet
from nav.errors import Lost
from nav.live.messages import KEPT_SAMPLES, Sample, Standstill, Thumbnail, Update
from nav.live.session import State
from nav.pipeline import Guidance

THUMBNAIL_WIDTH = 480  # px
RATE_WINDOW = 30  # results
STILL_EVERY = 0.1  # s between two messages that time stands still


def thumbnails(frames: FrameSet, guidance: Guidance) -> tuple[Thumbnail, ...]:
    """All cameras' pictures, made small, with the corners that were used."""
    made = []
    for name, frame in frames.frames.items():
        scale = min(1.0, THUMBNAIL_WIDTH / frame.image.shape[1])
        small = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        corners = {
            tool: seen.corners.get(name, {})
            for tool, seen in guidance.tracked.tools.items()
            if not isinstance(seen, Lost)
        }
        made.append(Thumbnail(name, small, scale, corners))
    made += [Thumbnail(name, None, 1.0, lost=why) for name, why in frames.missing.items()]
    return tuple(made)


def chart_sample(guidance: Guidance, captured_at: float) -> Sample:
    """Nearest artery and cord of one result, for the strip chart."""
    near = guidance.proximity
    if isinstance(near, Lost):
        return Sample(captured_at, None, None, None, None)
    artery, cord = near.nearest("artery"), near.nearest("cord")
    return Sample(
        captured_at,
        None if artery is None else artery.distance,
        None if artery is None else artery.bound,
        None if cord is None else cord.distance,
        None if cord is None else cord.bound,
    )


class Progress:
    """Rate and delay of results as they come."""

    def __init__(self) -> None:
        self.ends: deque[float] = deque(maxlen=RATE_WINDOW)

    def result(self) -> float:
        """Note a result; returns results per second over the last ones."""
        self.ends.append(time.monotonic())
        if len(self.ends) < 2:
            return 0.0
        return (len(self.ends) - 1) / max(self.ends[-1] - self.ends[0], 1e-9)


class Publisher:
    """Sends the newest result to the window from a thread of its own.

    Tracking only leaves its result here and goes on; what the window has no time for is skipped,
    but for the chart's samples.

    standstill : asked ten times a second; what it says goes to the window. simulated : time stands
    still until the next result.
    """

    def __init__(
        self,
        connection: Connection,
        standstill: Callable[[], Standstill | None] = lambda: None,
        simulated: bool = False,
    ) -> None:
        self.connection, self.standstill, self.simulated = connection, standstill, simulated
        self.progress = Progress()
        self.samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self.latest: tuple[FrameSet, State, float, float, float, tuple[str, ...]] | None = None
        self.changed = threading.Condition()
        self.closing = False
        self.thread = threading.Thread(target=self._send, name="publisher", daemon=True)
        self.thread.start()

    def publish(
        self, frames: FrameSet, state: State, captured_at: float, notices: tuple[str, ...] = ()
    ) -> None:
        """Leave a result; never waits for the window."""
        rate, delay = self.progress.result(), time.monotonic() - captured_at
        with self.changed:
            self.samples.append(chart_sample(state.guidance, captured_at))
            self.latest = (frames, state, captured_at, rate, delay, notices)
            self.changed.notify()

    def close(self) -> None:
        """Send what is left and end the thread."""
        with self.changed:
            self.closing = True
            self.changed.notify()
        self.thread.join(timeout=2.0)

    def _send(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.latest is not None or self.closing, STILL_EVERY)
                if self.latest is None and self.closing:
                    return
                latest, self.latest = self.latest, None
                samples = tuple(self.samples)
                if latest is not None:
                    self.samples.clear()
            message: Update | Standstill | None
            if latest is None:
                message = self.standstill()
            else:
                frames, state, captured_at, rate, delay, notices = latest
                message = make_update(frames, state, captured_at, samples, rate, delay, notices)
                if self.simulated:
                    message = replace(message, captured_at=message.sent_at, simulated=True)
            if message is None:
                continue
            try:
                self.connection.send(message)
            except (BrokenPipeError, OSError):
                return  # the window has gone


def make_update(
    frames: FrameSet,
    state: State,
    captured_at: float,
    samples: tuple[Sample, ...],
    rate: float,
    delay: float,
    notices: tuple[str, ...] = (),
) -> Update:
    """The message for one result."""
    said = (*notices, state.message) if state.message else notices
    return Update(
        state.guidance,
        captured_at,
        time.monotonic(),
        samples,
        thumbnails(frames, state.guidance),
        state.stage,
        state.prompt,
        rate,
        delay,
        said,
        next_fiducial=state.next_fiducial,
    )
