"""Turn results into what the window is sent: small images, chart samples, rate and delay."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection

import cv2

from nav.core.errors import Lost
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import KEPT_SAMPLES, Preparing, Sample, Standstill, Thumbnail, Update
from nav.live.session import State
from nav.pipeline import Guidance

THUMBNAIL_WIDTH = 480  # px
RATE_WINDOW = 30  # results
STILL_EVERY = 0.1  # s between two messages that time stands still


def thumbnails(tracked: TrackedFrame) -> tuple[Thumbnail, ...]:
    """Shrink all cameras' images, and add the corners that were used.

    Parameters
    ----------
    tracked : TrackedFrame
        With its images, if it was measured in some.

    Returns
    -------
    tuple of Thumbnail
        One for each camera, those without an image last.
    """
    if tracked.images is None:
        return ()
    made = []
    for name, frame in tracked.images.frames.items():
        scale = min(1.0, THUMBNAIL_WIDTH / frame.image.shape[1])
        small = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        corners = {
            tool: seen.corners.get(name, {})
            for tool, seen in tracked.tools.items()
            if not isinstance(seen, Lost)
        }
        made.append(Thumbnail(name, small, scale, corners))
    made += [Thumbnail(name, None, 1.0, lost=why) for name, why in tracked.images.missing.items()]
    return tuple(made)


def chart_sample(guidance: Guidance, captured_at: float) -> Sample:
    """Return the nearest structure of each role of one result, for the strip chart.

    Parameters
    ----------
    guidance : Guidance
        The result.
    captured_at : float
        When its images were taken, s, monotonic clock.

    Returns
    -------
    Sample
    """
    near = guidance.proximity
    if isinstance(near, Lost):
        return Sample(captured_at)
    of_roles = (near.nearest(role) for role in {s.role for s in near.structures})
    return Sample(captured_at, {s.role: (s.distance, s.bound) for s in of_roles if s is not None})


class RateMeter:
    """Rate of results as they come."""

    def __init__(self) -> None:
        self.ends: deque[float] = deque(maxlen=RATE_WINDOW)

    def result(self) -> float:
        """Count a result; return results per second over the last ones."""
        self.ends.append(time.monotonic())
        if len(self.ends) < 2:
            return 0.0
        return (len(self.ends) - 1) / max(self.ends[-1] - self.ends[0], 1e-9)


class Publisher:
    """Send the newest result to the window from a thread of its own.

    Tracking only leaves its result here and goes on; what the window has no time for is skipped,
    except for the chart's samples.

    Parameters
    ----------
    connection : Connection
        To the window.
    standstill : callable
        Called ten times per second; what it returns is sent to the window.
    simulated : bool
        Whether time stands still until the next result.
    replayed : bool
        Whether a recorded session is played: its time is the chart's, and does not age.
    """

    def __init__(
        self,
        connection: Connection,
        standstill: Callable[[], Standstill | Preparing | None] = lambda: None,
        simulated: bool = False,
        replayed: bool = False,
    ) -> None:
        self.connection, self.standstill, self.simulated = connection, standstill, simulated
        self.replayed = replayed
        self.rate = RateMeter()
        self.samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self.latest: tuple[TrackedFrame, State, float, float, float, tuple[Notice, ...]] | None = (
            None
        )
        self.changed = threading.Condition()
        self.closing = False
        self.thread = threading.Thread(target=self._send, name="publisher", daemon=True)
        self.thread.start()

    def publish(
        self,
        tracked: TrackedFrame,
        state: State,
        captured_at: float,
        notices: tuple[Notice, ...] = (),
    ) -> None:
        """Leave a result to be sent; never wait for the window.

        Parameters
        ----------
        tracked : TrackedFrame
            The poses, with their images if there are some.
        state : State
            Of the session after them.
        captured_at : float
            When they were measured, s, monotonic clock.
        notices : tuple of Notice
            Warnings of the work so far.
        """
        rate, delay = self.rate.result(), time.monotonic() - captured_at
        with self.changed:
            charted = tracked.time if self.replayed else captured_at
            self.samples.append(chart_sample(state.guidance, charted))
            self.latest = (tracked, state, captured_at, rate, delay, notices)
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
            message: Update | Standstill | Preparing | None
            if latest is None:
                message = self.standstill()
            else:
                tracked, state, captured_at, rate, delay, notices = latest
                message = make_update(tracked, state, captured_at, samples, rate, delay, notices)
                if self.simulated or self.replayed:
                    message = replace(message, captured_at=message.sent_at, simulated=True)
            if message is None:
                continue
            try:
                self.connection.send(message)
            except (BrokenPipeError, OSError):
                return  # the window is closed


def make_update(
    tracked: TrackedFrame,
    state: State,
    captured_at: float,
    samples: tuple[Sample, ...],
    rate: float,
    delay: float,
    notices: tuple[Notice, ...] = (),
) -> Update:
    """Make the message for one result.

    Parameters
    ----------
    tracked : TrackedFrame
        The poses, with their images if there are some.
    state : State
        Of the session after them.
    captured_at : float
        When they were measured, s, monotonic clock.
    samples : tuple of Sample
        Every result since the last update.
    rate : float
        Results per second.
    delay : float
        From measurement to result, s.
    notices : tuple of Notice
        Warnings of the work so far.

    Returns
    -------
    Update
    """
    shown = notices if state.message is None else (*notices, state.message)
    return Update(
        state.guidance,
        captured_at,
        time.monotonic(),
        samples,
        thumbnails(tracked),
        state.stage,
        state.prompt,
        rate,
        delay,
        shown,
        next_fiducial=state.next_fiducial,
        alarm=state.alarm,
    )
