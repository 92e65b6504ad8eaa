"""Whether two senders give one name's poses in turn: it is back where it was again and again."""

from __future__ import annotations

from collections import deque

import numpy as np

from nav.core.frames import Array

# mm, and of a rotation matrix (10 degrees): no tool moves so far while a coarse clock stands still
ELSEWHERE, TURNED = 10.0, 0.174
# of a jump at least, so that no shaking hand is meant: mm/s, and 1/s of a rotation matrix
FAST, FAST_TURN = 1000.0, 10.0
BACK_WITHIN = 0.2  # of the jump, from where it was before
RETURNS = 6  # jumps back within `SPAN` s
SPAN = 1.0  # s
MOST_KEPT = 64
# single poses elsewhere, as of a second sender that is much slower, within so many s
VISITS, VISITS_SPAN = 3, 10.0


def is_elsewhere(one: Array, other: Array) -> bool:
    """Return whether two poses are too far apart to be of one tool at one time.

    Parameters
    ----------
    one, other : ndarray, shape (4, 4)
        mm.

    Returns
    -------
    bool
    """
    with np.errstate(invalid="ignore"):  # a sender's poses need not be finite
        off = np.abs(one - other)
    return bool(off[:3, 3].max() > ELSEWHERE or off[:3, :3].max() > TURNED)


class PlaceHistory:
    """The poses of one name in the last second, and when single ones were elsewhere."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, Array, bool]] = deque(maxlen=MOST_KEPT)
        self._last: deque[tuple[float, Array]] = deque(maxlen=3)
        self._visits: deque[float] = deque(maxlen=VISITS)

    def add(self, arrival: float, matrix: Array) -> bool:
        """Take a pose; return whether the name is in two places in turn.

        Parameters
        ----------
        arrival : float
            When it came, s.
        matrix : ndarray, shape (4, 4)
            The pose, mm.

        Returns
        -------
        bool
            Whether it has come back to where it was, from where nothing could have been, for
            `RETURNS` times within a second; or more seldom, with single poses elsewhere, for
            `VISITS` times: until no more come for twice as long as it took from one to the next.
        """
        self._last.append((arrival, matrix))
        if self._is_visit():
            self._visits.append(arrival)
            self._last = deque(((arrival, matrix),), maxlen=3)  # no pose counts for two visits
        while self._seen and arrival - self._seen[0][0] > SPAN:
            self._seen.popleft()
        self._seen.append((arrival, matrix, self._is_back(arrival, matrix)))
        return self._is_visited(arrival) or sum(back for *_, back in self._seen) >= RETURNS

    def _is_visited(self, arrival: float) -> bool:
        if len(self._visits) < VISITS:
            return False
        took = self._visits[-1] - self._visits[0]
        if took > VISITS_SPAN:
            return False
        return arrival - self._visits[-1] <= max(SPAN, 2.0 * took / (VISITS - 1))

    def _is_visit(self) -> bool:
        """Return whether the pose before this one was elsewhere, and those beside it were not."""
        if len(self._last) < 3:
            return False
        (began, before), (_, there), (ended, after) = self._last
        if not (is_elsewhere(before, there) and is_elsewhere(there, after)):
            return False
        took = ended - began
        out, back, off = (
            float(np.linalg.norm(one[:3, 3] - other[:3, 3]))
            for one, other in ((before, there), (there, after), (before, after))
        )
        if min(out, back) > ELSEWHERE:
            return out + back >= FAST * took and off < BACK_WITHIN * min(out, back)
        out, back, off = (
            float(np.abs(one - other)[:3, :3].max())
            for one, other in ((before, there), (there, after), (before, after))
        )
        return out + back >= FAST_TURN * took and off < BACK_WITHIN * min(out, back)

    def _is_back(self, arrival: float, matrix: Array) -> bool:
        if not self._seen:
            return False
        then, last, _ = self._seen[-1]
        if not is_elsewhere(last, matrix):
            return False
        took = arrival - then
        jump = float(np.linalg.norm(last[:3, 3] - matrix[:3, 3]))
        if jump > ELSEWHERE:
            return jump >= FAST * took and any(
                np.linalg.norm(before[:3, 3] - matrix[:3, 3]) < BACK_WITHIN * jump
                for _, before, _ in self._seen
            )
        turn = float(np.abs(last - matrix)[:3, :3].max())
        return turn >= FAST_TURN * took and any(
            np.abs(before - matrix)[:3, :3].max() < BACK_WITHIN * turn
            for _, before, _ in self._seen
        )
