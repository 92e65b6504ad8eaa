"""The last half minute of distances, with holes where there was no data."""

from collections import deque

import numpy as np

from nav.frames import Array
from nav.live.messages import Sample

SPAN = 30.0  # s
# s without a sample after which the line is broken
BREAK = 0.25


class History:
    """Keeps samples and gives them as lines; a hole stays a hole."""

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
        """Times (n,), s, now is 0; distances and bounds (n,), mm; NaN in the holes."""
        at, value, bound = [], [], []
        last = None
        for sample in self.samples:
            if last is not None and sample.at - last > BREAK:
                at.append((sample.at + last) / 2 - now)
                value.append(None)
                bound.append(None)
            at.append(sample.at - now)
            value.append(sample.artery if role == "artery" else sample.cord)
            bound.append(sample.artery_bound if role == "artery" else sample.cord_bound)
            last = sample.at
        return np.array(at, float), np.array(value, float), np.array(bound, float)
