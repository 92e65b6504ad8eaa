"""Threads that share the pixels of one fit."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

Part = TypeVar("Part")


@dataclass(frozen=True)
class Workers:
    """Threads that share the work of one frame set.

    Parameters
    ----------
    executor : Executor
        Where they run.
    count : int
        How many to use, the calling one included.
    """

    executor: Executor
    count: int

    def run(self, task: Callable[[Part], None], parts: Sequence[Part]) -> None:
        """Run a task for every part, the first of them in the calling thread.

        Parameters
        ----------
        task : callable
            Takes one part.
        parts : sequence
            At least one.
        """
        own, *others = parts
        running = [self.executor.submit(task, part) for part in others]
        task(own)
        for future in running:
            future.result()
