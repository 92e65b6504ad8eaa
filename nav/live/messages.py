"""Messages between the tracking process and the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from nav.core.notice import Notice

if TYPE_CHECKING:  # heavy: the tracking process is started before it is imported
    from nav.pipeline import Guidance

KEPT_SAMPLES = 4096  # for a window that does not read them


class Stage(Enum):
    """The stage of the user's work; the window's header shows them in this order."""

    CASE = "case"
    CAMERAS = "cameras"
    NEEDLE = "needle"
    REGISTER = "register"
    VERIFY = "verify"
    NAVIGATE = "navigate"


@dataclass(frozen=True)
class Thumbnail:
    """A camera's image made small for the window.

    Parameters
    ----------
    camera : str
        Its name.
    image : ndarray, shape (h, w), uint8, or None
        Grey levels; None where there is no current image.
    scale : float
        Its pixels per full pixel.
    corners : mapping
        Tool name to {marker id: refined corners (4, 2), full px}.
    lost : Notice, optional
        Why there is no current image.
    """

    camera: str
    image: NDArray[np.uint8] | None
    scale: float
    corners: Mapping[str, Mapping[int, NDArray[np.float64]]] = field(default_factory=dict)
    lost: Notice | None = None


@dataclass(frozen=True)
class Sample:
    """One point of the strip chart.

    Parameters
    ----------
    at : float
        When the images were taken, s on this machine's monotonic clock.
    nearest : mapping of str to tuple of float
        By role: distance of the nearest structure and its 95 % lower bound, mm; empty where the
        tip is lost.
    """

    at: float
    nearest: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Update:
    """The newest result and what happened since the last update.

    Parameters
    ----------
    guidance : Guidance
        The result.
    captured_at, sent_at : float
        When the images were taken and when this was sent, s, monotonic clock.
    samples : tuple of Sample
        Every result since the last update, for the strip chart, oldest first.
    thumbnails : tuple of Thumbnail
        Of all cameras.
    stage : Stage
        Of the work.
    prompt : Notice or None
        What the user should do now.
    rate : float
        Results per second.
    delay : float
        From images to result, s.
    notices : tuple of Notice
        Warnings of the work so far (a camera's focus not locked, cameras swapped, ...).
    simulated : bool
        Whether time stands still until the next result; captured_at is when this was sent.
    next_fiducial : str, optional
        Label of the fiducial to touch now; None where there is none.
    alarm : Notice, optional
        That the registration in use is doubtful.
    """

    guidance: Guidance
    captured_at: float
    sent_at: float
    samples: tuple[Sample, ...]
    thumbnails: tuple[Thumbnail, ...]
    stage: Stage
    prompt: Notice | None
    rate: float
    delay: float
    notices: tuple[Notice, ...] = ()
    simulated: bool = False
    next_fiducial: str | None = None
    alarm: Notice | None = None


@dataclass(frozen=True)
class Preparing:
    """What the tracking process is doing before its first result.

    Parameters
    ----------
    step : Notice
        What is being done.
    share : float
        How much of it is done, 0 to 1.
    """

    step: Notice
    share: float = 0.0


@dataclass(frozen=True)
class Span:
    """Part of a recorded session during which something lasted.

    Parameters
    ----------
    kind : {"stage", "lost", "alarm"}
        What it tells.
    start, end : float
        s since the first frame.
    value : str
        The stage; the tool that was lost; the alarm level, "caution" or "danger".
    """

    kind: Literal["stage", "lost", "alarm"]
    start: float
    end: float
    value: str


@dataclass(frozen=True)
class Tick:
    """Something that happened at one moment of a recorded session.

    Parameters
    ----------
    at : float
        s since the first frame.
    kind : str
        Of the recorded event, for example "touch", "mark", "alarm".
    notice : Notice
        What it was.
    """

    at: float
    kind: str
    notice: Notice


@dataclass(frozen=True)
class Timeline:
    """What a recorded session holds, for the line along the bottom of the window.

    Parameters
    ----------
    began : float
        Time of the first frame, s, as in its guidance.
    seconds : float
        From the first frame to the last.
    frames : int
        How many there are.
    recorded : str
        When it was recorded, and its code.
    spans : tuple of Span
        In order of their start.
    ticks : tuple of Tick
        In order of time.
    notices : tuple of Notice
        Notices about this replay.
    samples : tuple of Sample
        The recorded distances, for the chart after a jump; none where the replay may differ.
    """

    began: float
    seconds: float
    frames: int
    recorded: str = ""
    spans: tuple[Span, ...] = ()
    ticks: tuple[Tick, ...] = ()
    notices: tuple[Notice, ...] = ()
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class Ready:
    """A recording is open, and waits for the window's `play`.

    Parameters
    ----------
    timeline : Timeline, optional
        Of a recorded session, which can be played faster, slower and from anywhere.
    """

    timeline: Timeline | None = None


@dataclass(frozen=True)
class Standstill:
    """Recorded or simulated time stands still: no newer images exist than the newest ones.

    Parameters
    ----------
    at : float
        In s, monotonic clock.
    why : {"simulated", "paused", "over"}
        The next simulated frame set is being drawn or tracked, the user has paused, or the
        recording is over (then nothing is current any more).
    """

    at: float
    why: Literal["simulated", "paused", "over"]


@dataclass(frozen=True)
class Ended:
    """The source came to its end, or the tracking process failed.

    Parameters
    ----------
    problem : Notice, optional
        Why it failed; None at a normal end.
    result : object
        What the tracking process was asked to return, if anything.
    """

    problem: Notice | None = None
    result: Any = None


Message = Update | Preparing | Ready | Standstill | Ended


@dataclass(frozen=True)
class Command:
    """A request of the window to the tracking process.

    Parameters
    ----------
    kind : str
        capture: use the fiducial that is touched now; undo: forget the last one; plan: follow the
        plan named in `argument`; skip: go on without verifying; check: touch a divot again while
        navigating, or the next one; register: begin a new registration; mark: remember this moment
        in the record; quit: end. For recordings, play: begin; pause: stop or go on; restart: from
        the start, with nothing touched yet. For replayed sessions, seek: to the second in
        `argument`; step: pause, and so many frames on or (negative) back; speed: so many times as
        fast as it was.
    argument : str
        Of the command.
    """

    kind: Literal[
        "capture", "undo", "plan", "skip", "check", "register", "mark", "quit", "play", "pause",
        "restart", "seek", "step", "speed",
    ]  # fmt: skip
    argument: str = ""


class Feed(Protocol):
    """The window's end of the connection to the tracking process."""

    def newest(self) -> Message | None:
        """Return the newest message since the last call, with skipped samples, or None."""
        ...

    def alive(self) -> bool:
        """Return whether the tracking process runs."""
        ...

    def send(self, command: Command) -> None:
        """Pass a command on; never wait."""
        ...

    def close(self) -> None:
        """End the tracking process."""
        ...
