"""What the window shows while pictures are taken, as values."""

from dataclasses import dataclass

from calibration.live.capture_guide import Ask
from calibration.live.progress import Progress
from nav.camera.frameset import Picture
from nav.frames import Array


@dataclass(frozen=True)
class Pane:
    """One camera. image : its present picture, None: `why`. corners : (n, 2) px, of the board."""

    camera: str
    image: Picture | None
    why: str
    corners: Array


@dataclass(frozen=True)
class Shown:
    """All that is to be seen.

    at : s, monotonic clock, when the pictures were taken. detail : a quieter line below what is
    asked for. captured : a picture was taken just now. notices : of the cameras.
    """

    at: float
    panes: tuple[Pane, ...]
    ask: Ask
    detail: str
    progress: Progress
    captured: bool
    notices: tuple[str, ...] = ()
