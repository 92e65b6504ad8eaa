"""Cameras that stop giving new images: repeated ones, or none."""

from dataclasses import dataclass

import numpy as np

from nav.core.frameset import Frame, FrameSet, Picture

SILENCE = 0.5  # s without a picture, after which a camera that gave some counts as stopped
SPARSE = 1009  # every SPARSE-th pixel is compared first: noise differs in nearly all


@dataclass(frozen=True)
class Freshness:
    """Cameras that give nothing new, by name.

    Parameters
    ----------
    repeated : tuple of str
        Those whose image repeats the one before.
    stopped : tuple of str
        Those that gave images before, and have given none for a while.
    """

    repeated: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()


class FreshnessMonitor:
    """Compare each frame set with the images before it."""

    def __init__(self) -> None:
        self._last: dict[str, Frame] = {}

    def check(self, frames: FrameSet) -> Freshness:
        """Return which cameras give nothing new in a frame set.

        No sensor gives the same grey levels twice, so an identical image is an old one.
        """
        repeated = []
        for name, frame in frames.frames.items():
            last = self._last.get(name)
            if last is not None and frame.time != last.time and _same(last.image, frame.image):
                repeated.append(name)
            self._last[name] = frame
        stopped = [
            name
            for name, last in self._last.items()
            if name not in frames.frames and frames.time - last.time > SILENCE
        ]
        return Freshness(tuple(repeated), tuple(stopped))


def _same(first: Picture, second: Picture) -> bool:
    if first.shape != second.shape:
        return False
    sparse = np.array_equal(first.ravel()[::SPARSE], second.ravel()[::SPARSE])
    return sparse and (first is second or np.array_equal(first, second))
