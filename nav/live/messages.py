"""What the tracking process tells the window, and the window the tracking process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # heavy: the tracking process is started before it is imported
    from nav.pipeline import Guidance

KEPT_SAMPLES = 4096  # for a window that does not listen


class Stage(Enum):
    """Where in the work the user is; the window's header shows them in this order."""

    CASE = "Case"
    CAMERAS = "Cameras"
    NEEDLE = "Needle"
    REGISTER = "Register"
    VERIFY = "Verify"
    NAVIGATE = "NAVIGATE"


@dataclass(frozen=True)
class Thumbnail:
    """A camera's picture made small for the window.

    image : (h, w) uint8, grey. scale : its pixels per full pixel.
    corners : tool name -> {marker id: (4, 2) refined corners in full pixels}.
    lost : why there is no current picture, or empty.
    """

    camera: str
    image: NDArray[np.uint8] | None
    scale: float
    corners: Mapping[str, Mapping[int, NDArray[np.float64]]] = field(default_factory=dict)
    lost: str = ""


@dataclass(frozen=True)
class Sample:
    """One point of the strip chart, mm; None where there is no distance.

    at : s on this machine's monotonic clock, when the pictures were taken.
    """

    at: float
    artery: float | None
    artery_bound: float | None
    cord: float | None
    cord_bound: float | None


@dataclass(frozen=True)
class Update:
    """The newest result and what happened since the last update.

    captured_at, sent_at : s, monotonic clock; when the pictures were taken, when this was sent.
    samples : every result since the last update, for the strip chart, oldest first.
    prompt : what the user should do now, in words (empty: nothing).
    next_fiducial : label of the fiducial to touch now, None where there is none.
    notices : warnings of the work so far (a camera's focus not locked, cameras swapped, ...).
    rate : results per second; delay : s from pictures to result.
    simulated : time stands still until the next result; captured_at is when this was sent.
    """

    guidance: Guidance
    captured_at: float
    sent_at: float
    samples: tuple[Sample, ...]
    thumbnails: tuple[Thumbnail, ...]
    stage: Stage
    prompt: str
    rate: float
    delay: float
    notices: tuple[str, ...] = ()
    simulated: bool = False
    next_fiducial: str | None = None


@dataclass(frozen=True)
class Preparing:
    """What the tracking process is doing before its first result; share : done, 0 to 1."""

    text: str
    share: float = 0.0


@dataclass(frozen=True)
class Ready:
    """A recording is open, and waits for the window's `play`."""


@dataclass(frozen=True)
class Standstill:
    """Recorded or simulated time stands still: no newer pictures exist than the newest ones.

    at : s, monotonic clock. why : the next simulated frame set is being drawn or tracked, the user
    has paused, or the recording is over (then nothing is present any more).
    """

    at: float
    why: Literal["simulated", "paused", "over"]


@dataclass(frozen=True)
class Ended:
    """The source came to its end, or the tracking process failed; `problem` is empty at an end.

    result : what the tracking process was asked to bring back, if anything.
    """

    problem: str = ""
    result: Any = None


Message = Update | Preparing | Ready | Standstill | Ended


@dataclass(frozen=True)
class Command:
    """What the window asks of the tracking process.

    capture: take the fiducial that is touched now; undo: forget the last one; plan: follow the plan
    named in `argument`; skip: go on without verifying; quit: end. For recordings, play: begin;
    pause: stop or go on; restart: from the start, with nothing touched yet.
    """

    kind: Literal["capture", "undo", "plan", "skip", "quit", "play", "pause", "restart"]
    argument: str = ""


class Feed(Protocol):
    """The window's end of the line to the tracking process."""

    def newest(self) -> Message | None:
        """The newest message since the last call, with the samples of skipped ones; None: none."""
        ...

    def alive(self) -> bool:
        """Whether the tracking process runs."""
        ...

    def send(self, command: Command) -> None:
        """Pass a command on; never waits."""
        ...

    def close(self) -> None:
        """End the tracking process."""
        ...
