"""Which step of a reconstruction is on, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable

Tell = Callable[[str, float], None]


class Clock:
    """Tells a step's name and the share of it that is done; keeps the seconds of each."""

    def __init__(self, tell: Tell | None = None) -> None:
        self.tell = tell or (lambda step, share: None)
        self.name, self.start = "", time.perf_counter()
        self.seconds: dict[str, float] = {}

    def step(self, name: str) -> None:
        """Begin a step; the one before has ended."""
        now = time.perf_counter()
        if self.name:
            self.seconds[self.name] = now - self.start
        self.name, self.start = name, now
        self.tell(name, 0.0)

    def share(self, share: float) -> None:
        """Say how much of the step is done."""
        self.tell(self.name, share)

    def finished(self) -> dict[str, float]:
        """End the last step; return the seconds of all."""
        self.step("")
        return self.seconds
