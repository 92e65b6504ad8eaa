"""Score the line that is moved: clearances at once, its probability a moment later."""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.model.case import Case, Plan
from nav.planning.judging import SOON, LineJudge, LineMeasures
from nav.planning.path_search import SAMPLES
from nav.planning.plan_result import PlannedPath
from nav.text.catalogue import label, sentence

REST = 0.25  # s that a line has to rest before its probability is estimated finely


class Scorer(QObject):
    """Judges the newest line that is requested, in a thread of its own.

    `ready` is emitted when the judge can measure, or `problem` has the reason why not; `judged`
    with a line and its PlannedPath, or the reason why there is none.

    Parameters
    ----------
    case : Case
        With what planning needs.
    make : callable
        Makes the judge; takes some seconds.
    """

    ready = Signal()  # the judge can measure, or `problem` says why not
    judged = Signal(object, object)  # Plan, PlannedPath or the reason for none

    def __init__(self, case: Case, make: Callable[[Case], LineJudge] = LineJudge) -> None:
        super().__init__()
        self.case, self.make = case, make
        self.judge: LineJudge | None = None
        self.problem = ""
        self._wanted: Plan | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def want(self, line: Plan | None) -> None:
        """Request the probability of a line; the newest counts.

        The first call starts the thread.
        """
        if line is not None and self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="scoring", daemon=True)
            self._thread.start()
        with self._changed:
            self._wanted = line
            self._changed.notify_all()

    def measure(self, line: Plan) -> LineMeasures | str:
        """Return what is known of a line at once, or why it is not."""
        if self.judge is None:
            return self.problem or label("score_measuring")
        try:
            return self.judge.measure(line)
        except InputError as error:
            return str(error)
        except Exception as error:
            return _reason(error)

    def prepare(self) -> None:
        """Make the judge now, in this thread; for pictures and tests."""
        try:
            self.judge = self.judge or self.make(self.case)
        except Exception as error:  # else the thread would end and the window wait forever
            self.problem = _reason(error)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def path(self, line: Plan, samples: int = SAMPLES) -> PlannedPath | str:
        """Judge a line with its probability.

        Parameters
        ----------
        line : Plan
            Model frame, mm.
        samples : int
            Of the probability.

        Returns
        -------
        PlannedPath or str
            The line judged, or why it is not.
        """
        if self.judge is None:
            return self.problem
        try:
            return self.judge.judge(line, samples)
        except InputError as error:
            return str(error)
        except Exception as error:
            return _reason(error)

    def _run(self) -> None:
        self.prepare()
        if self._closed:
            return
        self.ready.emit()
        while self.judge is not None:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted is not None or self._closed)
                line, self._wanted = self._wanted, None
            if self._closed or line is None:
                return
            self._tell(line, SOON)
            with self._changed:
                newer = self._changed.wait_for(
                    lambda: self._wanted is not None or self._closed, REST
                )
            if not newer:
                self._tell(line, SAMPLES)

    def _tell(self, line: Plan, samples: int) -> None:
        found = self.path(line, samples)
        if not self._closed:
            self.judged.emit(line, found)


def _reason(error: Exception) -> str:
    """Return why there is no score; an unforeseen error is named by its type."""
    if isinstance(error, InputError):
        return sentence(Notice("score_failed", {"why": str(error)}))
    return sentence(Notice("score_not_computed", {"error": type(error).__name__}))
