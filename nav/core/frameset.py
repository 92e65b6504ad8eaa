"""Images of one instant from all cameras of a rig."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nav.core.notice import Notice

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Frame:
    """One camera's image.

    Parameters
    ----------
    camera : str
        Its name in the rig.
    time : float
        Middle of the exposure, s.
    image : ndarray of uint8, shape (height, width)
        Grey levels.
    jpeg : bytes, optional
        The camera's own JPEG, from which the image was decoded, where it is known.
    """

    camera: str
    time: float
    image: Picture
    jpeg: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class FrameSet:
    """The images of one instant.

    Parameters
    ----------
    number : int
        From 0.
    time : float
        Of the instant, s.
    frames : mapping
        Frame by camera name.
    missing : mapping
        Why a camera has none, by its name.
    read_seconds : float
        How long reading took, s.
    captured_at : float, optional
        When live images were taken, by this machine's monotonic clock, s.
    """

    number: int
    time: float
    frames: Mapping[str, Frame]
    missing: Mapping[str, Notice] = field(default_factory=dict)
    read_seconds: float = 0.0
    captured_at: float | None = None


class FrameSource(Protocol):
    """Where frame sets come from: webcams, video files, image folders or the twin."""

    def __iter__(self) -> Iterator[FrameSet]: ...

    def __len__(self) -> int:
        """Return the number of frame sets; 0 where it is not known beforehand (live cameras)."""
        ...

    @property
    def warnings(self) -> Sequence[Notice]:
        """What is unusual about the images so far, a sentence each."""
        ...

    def close(self) -> None:
        """Free the devices and files."""
        ...
