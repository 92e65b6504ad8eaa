"""What the window shows while images are taken, as values."""

from dataclasses import dataclass

from calibration.live.capture_guide import Ask
from calibration.live.progress import Progress
from nav.core.frames import Array
from nav.core.frameset import Picture
from nav.core.notice import Notice


@dataclass(frozen=True)
class Pane:
    """One camera's pane.

    Attributes
    ----------
    camera : str
        Name of the camera.
    image : ndarray of uint8, shape (height, width), or None
        Its present image; None: see `why`.
    why : str
        Why there is no image.
    corners : ndarray, shape (n, 2)
        Of the board, px.
    """

    camera: str
    image: Picture | None
    why: str
    corners: Array


@dataclass(frozen=True)
class Shown:
    """Everything that is visible.

    Attributes
    ----------
    at : float
        When the images were taken, monotonic clock, s.
    panes : tuple of Pane
        Of each camera.
    ask : Ask
        What the person is asked to do.
    detail : str
        A less prominent line below the request.
    progress : Progress
        Of the captures.
    captured : bool
        Whether an image was taken just now.
    notices : tuple of Notice
        Warnings of the cameras.
    """

    at: float
    panes: tuple[Pane, ...]
    ask: Ask
    detail: str
    progress: Progress
    captured: bool
    notices: tuple[Notice, ...] = ()
