"""The window in which a needle or a marker body is calibrated: led, judged, saved."""

import io
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QCloseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication
from rich.console import Console

from calibration.live.body_capture import BodyCapture
from calibration.live.coverage_chart import CoveragePanel
from calibration.live.needle_capture import NeedleCapture
from nav.core.background import run_in_background
from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.live.pose_run import PoseRun
from nav.text.catalogue import label, sentence
from nav.view.guided_window import Action, GuidedWindow, Request
from nav.view.sized import Sized
from nav.view.theme import PANEL, TEXT, WRAPPED, font
from nav.view.tracked_panes import TrackedPanes

log = logging.getLogger(__name__)

STALE = 1.0  # s without a new frame
FLASH = 0.4  # s that a capture is framed
PANEL_SHARE = 0.28  # of the window's width
WIDTH = 110  # columns of the result
COLLECTING, SAVING, RESULT = "collecting", "saving", "result"
ACTIONS = (
    Action("close", "action_close", "Ctrl+Return", "Ctrl+Enter"),
    Action("more", "action_more", "Backspace", "key_backspace"),
    Action("calibrate", "action_calibrate", "Ctrl+Return", "Ctrl+Enter"),
    Action("stop", "action_stop", "Space", "key_space"),
    Action("start", "action_collect", "Space", "key_space"),
    Action("axis", "action_axis", "A"),
    Action("tip", "action_tip", "A"),
)


class ResultText(Sized):
    """What the calibration found, as the terminal shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def show_text(self, text: str) -> None:
        """Show another text."""
        if text != self.text:
            self.text = text
            self.setAccessibleName(text)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it on a panel."""
        m, g = self.metrics, self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(self.rect(), g / 2, g / 2)
        painter.setFont(font(m.medium))
        painter.setPen(TEXT)
        painter.drawText(QRectF(self.rect()).adjusted(3 * g, 2 * g, -3 * g, -2 * g), WRAPPED,
                         self.text)  # fmt: skip
        painter.end()


class ToolWindow(GuidedWindow):
    """Window of a guided calibration.

    Parameters
    ----------
    run : PoseRun
        Of cameras and tracker; takes each frame to `capture`.
    capture : NeedleCapture or BodyCapture
        What is collected.
    cameras : tuple of str
        Their names.
    tool : str
        Name of the tool.
    clock : callable, optional
        Monotonic clock, s.

    Attributes
    ----------
    saved : str or None
        What was printed when the files were written; None where none were.
    """

    def __init__(
        self,
        run: PoseRun[None],
        capture: NeedleCapture | BodyCapture,
        cameras: tuple[str, ...],
        tool: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run, self.capture, self._clock = run, capture, clock
        self.panes, self.panel = TrackedPanes(cameras, (tool,)), CoveragePanel(capture)
        self.text = ResultText()
        self.state, self.problem = COLLECTING, ""
        self.saved: str | None = None
        self.verdict = ""
        self._job: Future[tuple[str, str]] | None = None
        self._newest, self._arrived = run.newest, clock()
        self._count, self._flash_until = 0, 0.0
        title = label("pivot_window" if isinstance(capture, NeedleCapture) else "body_window")
        super().__init__(title, (self.panes, self.panel, self.text), ACTIONS)
        self.poll()

    def place_body(self, room: QRect) -> None:
        """Place images at the left, coverage at the right, the result over both."""
        wide, g = round(PANEL_SHARE * room.width()), self.panes.metrics.grid
        self.panes.setGeometry(room.adjusted(0, 0, -wide - g, 0))
        self.panel.setGeometry(room.adjusted(room.width() - wide, 0, 0, 0))
        self.text.setGeometry(room)

    def act(self, name: str) -> None:
        """Begin, stop, change the step, calibrate, go on, or close."""
        if name in ("start", "stop"):
            self.problem = ""
            with self.run.lock:
                self.capture.toggle()
        elif name in ("axis", "tip") and isinstance(self.capture, NeedleCapture):
            self.problem = ""
            with self.run.lock:
                self.capture.change_step()
        elif name == "calibrate":
            with self.run.lock:
                self.capture.collecting = False
            self.state, self.problem = SAVING, ""
            self._job = run_in_background(self._save)
        elif name == "more":
            self.state = COLLECTING
        else:
            self.close()
        self.poll()

    def _save(self) -> tuple[str, str]:
        lines = io.StringIO()
        console = Console(file=lines, width=WIDTH, soft_wrap=True, highlight=False)
        verdict = self.capture.save(console)
        return verdict, lines.getvalue()

    def poll(self) -> None:
        """Show what is asked, what was collected, what came of it."""
        now = self._clock()
        if self.run.newest is not self._newest:
            self._newest, self._arrived = self.run.newest, now
        if self._job is not None and self._job.done():
            self._after(self._job)
        frame = self._newest[0] if self._newest is not None else None
        with self.run.lock:
            request, detail = self._request(now)
            bars, usable, done = self.capture.bars(), self.capture.usable, self.capture.done
            collecting, count = self.capture.collecting, self.capture.count
            shown = {"calibrate": usable, "stop" if collecting else "start": not self.run.over}
            main = ("calibrate",) if done else ("start",)
            if isinstance(self.capture, NeedleCapture) and self.capture.can_spin:
                shown["axis" if self.capture.step is self.capture.pivot else "tip"] = True
                main = ("axis",) if self.capture.asks_for_spin else main
        if count > self._count and isinstance(self.capture, BodyCapture):
            QApplication.beep()
            self._flash_until = now + FLASH
        self._count = count
        self.show_request(request, detail)
        self.panes.show_frame(frame, now < self._flash_until)
        self.panel.show_bars(bars)
        result = self.state == RESULT
        self.text.setVisible(result)
        self.panes.setVisible(not result)
        self.panel.setVisible(not result)
        self.show_foot("", () if frame is None else frame.notices)
        if self.state == SAVING:
            self.show_actions({})
        elif result:
            self.show_actions({"close": True, "more": True}, ("close",))
        else:
            self.show_actions(shown, main)

    def _request(self, now: float) -> tuple[Request, str]:
        if self.state == SAVING:
            return self.busy(label("calibrating")), label("calibrating_detail")
        if self.state == RESULT:
            if self.verdict == "good":
                return Request("good", label("calibration_saved")), ""
            return Request("usable", label("calibration_usable")), label(
                "calibration_usable_detail"
            )
        if self.run.problem is not None:
            return Request("lost", label("tracking_ended")), sentence(self.run.problem)
        if self._newest is None:
            return self.busy(label("record_starting")), ""
        if self.problem:
            return Request("again", label("calibration_refused")), self.problem
        if self.run.over:
            return Request("lost", label("tracking_ended")), ""
        if now - self._arrived > STALE:
            late = Notice("images_late", {"seconds": now - self._arrived})
            return Request("lost", sentence(late)), ""
        return self.capture.request()

    def _after(self, job: Future[tuple[str, str]]) -> None:
        self._job = None
        error = job.exception()
        if error is None:
            self.state = RESULT
            self.verdict, self.saved = job.result()
            self.text.show_text(self.saved)
            return
        self.state, self.problem = COLLECTING, str(error)
        if not isinstance(error, InputError):
            log.error("calibration failed", exc_info=error)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close, but not while files are written."""
        if self.state == SAVING:
            event.ignore()
            return
        self.timer.stop()
        super().closeEvent(event)
