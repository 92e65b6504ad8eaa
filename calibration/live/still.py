"""Whether a board is held still: how far its corners moved over the last images."""

from collections import deque

import numpy as np

from calibration.live.quick import Glimpse
from nav.core.frames import Array

FRAMES = 4  # pictures over which it must not move
LEAST_TIME = 0.1  # s that these span at least
LONGEST = 0.5  # s between two of them: beyond, they do not show one motion
MOST_MOVED = 1.0  # px at WIDTH between any two of them; larger pictures may move more
WIDTH = 1280  # px


class Stillness:
    """One camera's last detections of the board.

    Parameters
    ----------
    width : int
        Width of the images, px.
    """

    def __init__(self, width: int) -> None:
        self.most = MOST_MOVED * max(1.0, width / WIDTH)
        self._seen: deque[tuple[float, Glimpse]] = deque()

    def add(self, time: float, glimpse: Glimpse | None) -> None:
        """Add the next image's detection, at a time in s; None if the board is not in it."""
        if glimpse is None or (self._seen and time - self._seen[-1][0] > LONGEST):
            self._seen.clear()
        if glimpse is not None:
            self._seen.append((time, glimpse))
        while len(self._seen) > FRAMES and time - self._seen[1][0] >= LEAST_TIME:
            self._seen.popleft()

    @property
    def still(self) -> bool:
        """Whether it has been seen long enough, and hardly moved."""
        if len(self._seen) < FRAMES or self._seen[-1][0] - self._seen[0][0] < LEAST_TIME:
            return False
        return self.moved <= self.most

    @property
    def moved(self) -> float:
        """The farthest that the board moved between the newest image and one of the others, px."""
        if len(self._seen) < 2:
            return float("inf")
        newest = self._seen[-1][1]
        return max(float(np.median(_distances(newest, other))) for _, other in self._others())

    def _others(self) -> list[tuple[float, Glimpse]]:
        return list(self._seen)[:-1]


def _distances(one: Glimpse, other: Glimpse) -> Array:
    """Return the distances, px, of the common corners; infinite where there are none."""
    _, here, there = np.intersect1d(one.ids, other.ids, return_indices=True)
    if not len(here):
        return np.array([np.inf])
    return np.asarray(np.linalg.norm(one.pixels[here] - other.pixels[there], axis=1), float)
