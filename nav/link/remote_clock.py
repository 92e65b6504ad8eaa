"""The clock of a server, from the times that its messages state and those of their arrival."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

BLOCK = 1.0  # s of which the message with the least delay is kept
BLOCKS = 60  # of these the line is fitted to
FEWEST = 3  # blocks that show how well the line is known
LEAST_SPAN = 10.0  # s of blocks from which on a drift is estimated
MOST_DRIFT = 5e-4  # of two clocks, s per s: what a time service corrects by at most
JUMP = 0.05  # s by which a message cannot have come earlier than all before it
DELAYED = 0.15  # s by which all messages of `LATE_FOR` s must be late to be a jump backwards
LATE_FOR = 3.0  # s
BACK = 0.25  # of that delay that the stated times must have gone back by
MOST_JUMPS = 3  # within `JUMPS_WITHIN` s; with more the clock is of no use
JUMPS_WITHIN = 60.0  # s


@dataclass(frozen=True)
class ClockJump:
    """A jump of the server's clock against ours.

    Parameters
    ----------
    at : float
        When it was noticed, our clock, s.
    seconds : float
        Forwards; negative: backwards.
    """

    at: float
    seconds: float


@dataclass(frozen=True)
class _Line:
    """offset(t) = level + slope * (t - origin)."""

    origin: float
    level: float
    slope: float

    def at(self, time: float) -> float:
        return self.level + self.slope * (time - self.origin)


class RemoteClock:
    """Map a server's times to ours by the messages with the least delay.

    A message comes later than it was measured, by a delay that is never below some constant. So
    the least differences between arrival and stated time show how far the clocks are apart, and
    how they drift. The constant itself cannot be seen in messages of one direction: it stays in the
    mapped times, which are late by it.

    Attributes
    ----------
    jumps : deque of ClockJump
        The latest ones.
    """

    def __init__(self) -> None:
        self.jumps: deque[ClockJump] = deque(maxlen=MOST_JUMPS + 1)
        self._restart()

    def _restart(self) -> None:
        self._blocks: deque[tuple[float, float]] = deque(maxlen=BLOCKS)
        self._line: _Line | None = None
        self._block: tuple[float, float] | None = None  # arrival and offset of its least delay
        self._block_began = self._late_since = -np.inf
        self._least_late, self._late_stated = np.inf, 0.0
        self._latest_stated, self._went_back = -np.inf, False
        self._least = np.inf  # offset at time 0, as the strongest drift would have it

    @property
    def is_usable(self) -> bool:
        """Whether its times can be used; else those of arrival are."""
        if len(self.jumps) <= MOST_JUMPS:
            return True
        return self.jumps[-1].at - self.jumps[0].at > JUMPS_WITHIN

    @property
    def sd(self) -> float | None:
        """Standard deviation of a mapped time, s, without the constant delay; None: not known."""
        line = self._line
        if line is None or len(self._blocks) < FEWEST:
            return None
        off = [offset - line.at(at) for at, offset in self._blocks]
        return float(np.sqrt(np.mean(np.square(off))))

    @property
    def drift(self) -> float:
        """By how much our clock runs faster than the server's, s per s."""
        return 0.0 if self._line is None else self._line.slope

    def measured_at(self, stated: float, arrival: float) -> float:
        """Return when a message was measured, and learn from it.

        Parameters
        ----------
        stated : float
            By the server's clock, s, from any origin.
        arrival : float
            By ours, s.

        Returns
        -------
        float
            By ours, s; never after its arrival.
        """
        offset = arrival - stated
        line = self._line
        if line is None:
            line = self._line = _Line(arrival, offset, 0.0)
        elif line.at(arrival) - offset > JUMP:
            line = self._jump(arrival, line.at(arrival) - offset)
        elif self._is_late_for_long(stated, arrival, offset - line.at(arrival)):
            line = self._jump(arrival, -self._least_late)
        self._latest_stated = max(self._latest_stated, stated)
        if offset < line.at(arrival):
            line = self._line = _Line(arrival, offset, line.slope)
        self._least = min(self._least, offset - MOST_DRIFT * arrival)
        if offset - line.at(arrival) <= DELAYED:  # what is that late tells nothing of the clock
            self._keep(arrival, offset)
        if not self.is_usable:
            return arrival
        return min(arrival, stated + line.at(arrival))

    def _jump(self, arrival: float, seconds: float) -> _Line:
        self.jumps.append(ClockJump(arrival, seconds))
        before = self._line
        self._restart()
        assert before is not None
        line = self._line = _Line(arrival, before.at(arrival) - seconds, 0.0)
        return line

    def _is_late_for_long(self, stated: float, arrival: float, late: float) -> bool:
        """Return whether everything has come late for long, from a clock that was put back.

        Where the stated times did not go back, it is the messages that are late: what waits in a
        queue for ever so long does not become new by that.
        """
        if late <= DELAYED:
            self._late_since, self._least_late, self._went_back = -np.inf, np.inf, False
            return False
        self._went_back |= self._latest_stated - stated > BACK * late
        if self._late_since == -np.inf:
            self._late_since, self._late_stated = arrival, stated
        self._least_late = min(self._least_late, late)
        runs = stated - self._late_stated >= 0.5 * (arrival - self._late_since)
        return self._went_back and runs and arrival - self._late_since >= LATE_FOR

    def _keep(self, arrival: float, offset: float) -> None:
        """Keep the least delay of each block; fit the line anew when one is complete."""
        if self._block is not None and arrival - self._block_began >= BLOCK:
            self._blocks.append(self._block)
            self._block = None
            line = _below(np.array(self._blocks))
            # a queue that grows is no drift
            above = line.at(arrival) - (self._least + MOST_DRIFT * arrival)
            self._line = replace(line, level=line.level - max(above, 0.0))
        if self._block is None:
            self._block, self._block_began = (arrival, offset), arrival
        elif offset < self._block[1]:
            self._block = (arrival, offset)


def _below(blocks: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> _Line:
    """Return the highest line that lies below all points, at the middle of their times."""
    times, offsets = blocks.T
    origin = float(times[-1])
    slope = 0.0
    if times[-1] - times[0] >= LEAST_SPAN:
        slope = float(np.clip(_hull_slope(times, offsets), -MOST_DRIFT, MOST_DRIFT))
    level = float((offsets - slope * (times - origin)).min())
    return _Line(origin, level, slope)


def _hull_slope(
    times: np.ndarray[tuple[int], np.dtype[np.float64]],
    offsets: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> float:
    """Return the slope of the lower convex hull's edge over the middle of the times."""
    hull: list[int] = []
    for k in range(len(times)):
        while len(hull) >= 2:
            a, b = hull[-2], hull[-1]
            left = (offsets[b] - offsets[a]) * (times[k] - times[a])
            if left < (offsets[k] - offsets[a]) * (times[b] - times[a]):
                break
            hull.pop()
        hull.append(k)
    middle = 0.5 * (times[0] + times[-1])
    for a, b in pairwise(hull):
        if times[b] >= middle:
            return float((offsets[b] - offsets[a]) / (times[b] - times[a]))
    return 0.0
