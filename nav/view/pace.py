"""Determine how soon a number can be taken off the screen, and so how old a shown one may be.

On a machine that other programs keep busy, the window polls late. A number that is recent when it
is shown would then grow old before the next poll. So the later the window has polled recently, the
more recent a number must be to be shown.
"""

from collections import deque

STALE_AFTER = 0.3  # s: numbers whose pictures are older are not shown even by a prompt window
OLDEST = 0.45  # s: age that a shown number should never reach; 0.5 s less the screen's share
# s without a message from a simulation, after which its numbers are blanked. They do not age
# between its results, because simulated time stands still, but a hung simulation must be noticed
SIMULATION_SILENT = 2.0
MEMORY = 5.0  # s that a late poll is remembered


class Pace:
    """Records when the window polls."""

    def __init__(self) -> None:
        self.steps: deque[tuple[float, float]] = deque()  # when, and time since the poll before
        self.last: float | None = None

    def look(self, now: float) -> None:
        """Record a poll at `now`, s."""
        if self.last is not None and now > self.last:
            self.steps.append((now, now - self.last))
        self.last = now
        while self.steps and self.steps[0][0] < now - MEMORY:
            self.steps.popleft()

    @property
    def stale_after(self) -> float:
        """Largest age, s, of what is shown: it must last until the poll after next.

        The next poll finds that it is too old, and its painting may take as long as a poll.
        """
        longest = max((step for _, step in self.steps), default=0.0)
        return min(STALE_AFTER, max(0.0, OLDEST - 2.0 * longest))
