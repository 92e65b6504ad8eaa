"""Run an iterator ahead in a thread of its own, so that reading overlaps computing."""

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class ReadAhead(Generic[Item]):
    """Iterate over items that a thread reads ahead of the consumer.

    An exception of `items` is raised to the consumer, after the items before it. `close` ends the
    thread, also while it waits, and closes `items` if it is a generator.

    Parameters
    ----------
    items : iterator
        Read in the thread.
    depth : int
        How many items are read ahead, besides the one being read; 0 reads only what was asked for,
        and leaves the machine to the consumer meanwhile.
    name : str
        Of the thread.
    """

    def __init__(self, items: Iterator[Item], depth: int = 4, name: str = "read ahead") -> None:
        self._items, self._depth = items, depth
        self._read = self._taken = self._wanted = 0
        self._ready: deque[Item] = deque()
        self._changed = threading.Condition()
        self._ended = self._stopped = False
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def ask(self) -> None:
        """Announce that the next item will be wanted; `next` then waits for it."""
        with self._changed:
            self._wanted = self._taken + 1
            self._changed.notify_all()

    def __next__(self) -> Item:
        self.ask()
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended or self._stopped)
            if self._stopped:
                raise StopIteration
            if self._ready:
                self._taken += 1
                self._changed.notify_all()
                return self._ready.popleft()
            if self._problem is not None:
                raise self._problem
            raise StopIteration

    def close(self, timeout: float = 5.0) -> None:
        """End the thread; wait for the item that it is at, at most `timeout` s."""
        with self._changed:
            self._stopped = True
            self._ready.clear()
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _wait_for_room(self) -> bool:
        """Wait until another item is wanted; return False if none ever will be."""

        def wanted() -> bool:
            if self._depth == 0:
                return self._read < self._wanted
            return len(self._ready) <= self._depth

        with self._changed:
            self._changed.wait_for(lambda: self._stopped or wanted())
            return not self._stopped

    def _run(self) -> None:
        try:
            while self._wait_for_room():
                item = next(self._items)
                with self._changed:
                    self._read += 1
                    self._ready.append(item)
                    self._changed.notify_all()
        except StopIteration:
            pass
        except (
            BaseException
        ) as problem:  # passed on: a thread that dies silently hangs its consumer
            self._problem = problem
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()
