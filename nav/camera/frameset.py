"""Pictures of one instant from all cameras of a rig."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Frame:
    """One picture: grey (height, width) uint8; time in s, middle of the exposure."""

    camera: str
    time: float
    image: Picture


@dataclass(frozen=True)
class FrameSet:
    """The frames of one instant by camera name; `missing` says why a camera has none.

    captured_at : s, this machine's monotonic clock, when live pictures were taken; else None.
    """

    number: int
    time: float
    frames: Mapping[str, Frame]
    missing: Mapping[str, str] = field(default_factory=dict)
    read_seconds: float = 0.0
    captured_at: float | None = None


class FrameSource(Protocol):
    """Where frame sets come from: webcams, video files, picture folders or the twin."""

    def __iter__(self) -> Iterator[FrameSet]: ...

    def __len__(self) -> int:
        """Number of frame sets; 0 where it is not known beforehand (live cameras)."""
        ...

    def close(self) -> None:
        """Free the devices and files."""
        ...
