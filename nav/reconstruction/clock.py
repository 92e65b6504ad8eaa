"""Progress of a reconstruction: the current step, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable

Tell = Callable[[str, float], None]


class Clock:
    """Reports the current step and the fraction of it that is done; measures the seconds of each.

    Parameters
    ----------
    tell : callable, optional
        Called with the name of the step and the fraction of it that is done.
    """

    def __init__(self, tell: Tell | None = None) -> None:
        self.tell = tell or (lambda step, share: None)
        self.name, self.start = "", time.perf_counter()
        self.seconds: dict[str, float] = {}

    def step(self, name: str) -> None:
        """Begin a step and end the one before.

        Parameters
        ----------
        name : str
            Of the step.
        """
        now = time.perf_counter()
        if self.name:
            self.seconds[self.name] = now - self.start
        self.name, self.start = name, now
        self.tell(name, 0.0)

    def share(self, share: float) -> None:
        """Report the fraction of the step that is done.

        Parameters
        ----------
        share : float
            0 to 1.
        """
        self.tell(self.name, share)

    def finished(self) -> dict[str, float]:
        """End the last step.

        Returns
        -------
        dict of str to float
            Seconds of each step.
        """
        self.step("")
        return self.seconds
