"""A thread that passes poses on, while a window shows the newest."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.tracking.pose_source import PoseSource

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


class PoseRun(Generic[Answer]):
    """Passes frames of a source on until it is closed or the source ends.

    Parameters
    ----------
    source : PoseSource
        Cameras and tracker, or a recording; closed at the end.
    take : callable
        Called with each frame, in the thread, holding `lock`.

    Attributes
    ----------
    lock : threading.RLock
        To be held while anything is changed that `take` uses.
    newest : (TrackedFrame, Answer) or None
        The last frame and what `take` made of it.
    over : bool
        Whether the source has ended.
    problem : Notice or None
        Why it has ended early.
    """

    def __init__(self, source: PoseSource, take: Callable[[TrackedFrame], Answer]) -> None:
        self.source, self._take = source, take
        self.lock = threading.RLock()
        self.newest: tuple[TrackedFrame, Answer] | None = None
        self.over = False
        self.problem: Notice | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poses", daemon=True)
        self._thread.start()

    def wait_for_first(self, seconds: float) -> None:
        """Wait until there is a frame, or none will come: code may have to be compiled first."""
        until = time.monotonic() + seconds
        while self.newest is None and not self.over and time.monotonic() < until:
            time.sleep(0.02)

    def close(self) -> None:
        """End the thread and the source."""
        self._stopped.set()
        self.source.close()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        try:
            for frame in self.source:
                if self._stopped.is_set():
                    return
                with self.lock:
                    answer = self._take(frame)
                self.newest = frame, answer
        except InputError as error:
            self.problem = Notice("tracking_stopped", {"why": str(error)})
        except Exception as error:
            if not self._stopped.is_set():
                log.exception("tracking failed")
                self.problem = Notice("tracking_stopped", {"why": str(error)})
        self.over = True
