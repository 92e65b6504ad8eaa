"""How soon a number can be taken off the screen, and so how old one may be that is put on it.

On a machine that other programs keep busy, the window comes to look late. A number that is young
when it is shown would then grow old before the next look. So what the window shows must be the
younger, the later it has come of late.
"""

from collections import deque

STALE_AFTER = 0.3  # s: numbers whose pictures are older are not shown even by a prompt window
OLDEST = 0.45  # s: age that a shown number should never reach; half a second less the screen's part
# s without a message from a simulation, after which its numbers are blanked. They do not age
# between its results, because simulated time stands still, but a hung simulation must be noticed
SIMULATION_SILENT = 2.0
MEMORY = 5.0  # s that a late look is remembered


class Pace:
    """Notes when the window looks."""

    def __init__(self) -> None:
        self.steps: deque[tuple[float, float]] = deque()  # when, and since the look before
        self.last: float | None = None

    def look(self, now: float) -> None:
        """Note a look at `now`, s."""
        if self.last is not None and now > self.last:
            self.steps.append((now, now - self.last))
        self.last = now
        while self.steps and self.steps[0][0] < now - MEMORY:
            self.steps.popleft()

    @property
    def stale_after(self) -> float:
        """Age, s, beyond which nothing is to be shown: it must last until the look after next.

        The next look finds that it is too old, and its painting may take as long as a look.
        """
        longest = max((step for _, step in self.steps), default=0.0)
        return min(STALE_AFTER, max(0.0, OLDEST - 2.0 * longest))
