"""Keep the last half minute of distances, with gaps where there was no data."""

from collections import deque
from itertools import islice, zip_longest

import numpy as np

from nav.core.frames import Array
from nav.live.messages import Sample

SPAN = 30.0  # s
# s without a sample after which the line is broken
BREAK = 0.25
# s that the last one before a break is drawn on
HOLD = 0.1


class History:
    """Keeps samples and returns them as lines; a gap stays a gap."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque()

    def add(self, samples: tuple[Sample, ...], now: float) -> None:
        """Append samples, oldest first, and forget those older than the span; now in s."""
        for sample in samples:
            if not self.samples or sample.at > self.samples[-1].at:
                self.samples.append(sample)
        while self.samples and self.samples[0].at < now - SPAN:
            self.samples.popleft()

    def line(self, role: str, now: float) -> tuple[Array, Array, Array]:
        """Return the line of a role.

        Parameters
        ----------
        role : str
            Of structures, such as "artery".
        now : float
            s, of the samples' clock.

        Returns
        -------
        times : ndarray, shape (n,)
            s; now is 0.
        distances, bounds : ndarray, shape (n,)
            mm; NaN in the gaps.
        """
        at: list[float] = []
        value: list[float | None] = []
        bound: list[float | None] = []
        for sample, following in zip_longest(self.samples, islice(self.samples, 1, None)):
            distance, lower = sample.nearest.get(role, (None, None))
            at.append(sample.at - now)
            value.append(distance)
            bound.append(lower)
            wait = following.at - sample.at if following is not None else BREAK + HOLD
            if wait > BREAK:
                # a lone sample is a dash, or it would not be seen; then nothing
                at += [sample.at + HOLD - now, sample.at + HOLD - now]
                value += [distance, None]
                bound += [lower, None]
        return np.array(at, float), np.array(value, float), np.array(bound, float)
