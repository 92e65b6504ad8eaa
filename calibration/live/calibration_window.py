"""The window in which cameras are calibrated: images taken, calibrated, judged, saved."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QLabel, QMainWindow, QPushButton, QWidget

from calibration.cameras.rig_calibration import RigCalibration, Scale, calibrate_gathered
from calibration.cameras.rig_report import advice
from calibration.live.capture_display import Shown
from calibration.live.capture_guide import Ask
from calibration.live.hint_icons import draw_ask
from calibration.live.live_result import MEANING, WHAT_NEXT
from calibration.live.panes import Panes
from calibration.live.taking import Taking
from calibration.live.verdict_table import VerdictTable
from calibration.live.watch import Watch
from nav.camera.uncalibrated import UncalibratedCameras
from nav.core.background import aside
from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.view.ask_bar import AskBar
from nav.view.header import button_style
from nav.view.overlays import Notices
from nav.view.quitting import QUIT_KEY
from nav.view.sized import Sized
from nav.view.theme import BACK, QUIET, Metrics, font

log = logging.getLogger(__name__)

POLL_MS = 33
STALE = 0.6  # s: older pictures are not shown as present
ROUND = 270.0  # degrees per second, of the busy arc
TAKING, CALIBRATING, RESULT, SAVING = "taking", "calibrating", "result", "saving"
# key, label, and when it is there
BUTTONS = {
    "calibrate": ("Calibrate", (TAKING, CALIBRATING)),
    "save": ("Save", (RESULT, SAVING)),
    "more": ("Take more", (RESULT, SAVING)),
    "cancel": (f"Cancel ({QUIT_KEY})", (TAKING, CALIBRATING, RESULT, SAVING)),
}


class CalibrateWindow(QMainWindow):
    """Window that takes images automatically, then calibrates and shows the verdict.

    Parameters
    ----------
    source : UncalibratedCameras
        The cameras.
    taking : Taking
        Decides which images are taken.
    save : callable
        Writes the result; it may raise InputError.
    scale : Scale
        What determines the size of the board.
    title : str, optional
        Title of the window.
    clock : callable, optional
        Monotonic clock, s; for tests.

    Attributes
    ----------
    saved : RigCalibration or None
        At the end, the result that was written; None if nothing was.
    """

    def __init__(
        self,
        source: UncalibratedCameras,
        taking: Taking,
        save: Callable[[RigCalibration], Any],
        scale: Scale,
        *,
        title: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.source, self.taking, self.scale = source, taking, scale
        self._write, self._clock = save, clock
        self.state = TAKING
        self.result: RigCalibration | None = None
        self.saved: RigCalibration | None = None
        self.problem, self._told_at = "", 0  # said until there are more captures than then
        self._job: Future[Any] | None = None
        self.setWindowTitle(title or "c1c2nav - calibrate cameras")
        self.resize(1280, 800)
        self._build()
        self.watch = Watch(source, taking)
        self.timer = QTimer(self)
        self.timer.setInterval(POLL_MS)
        self.timer.timeout.connect(self.poll)
        self.timer.start()
        self.poll()

    def _build(self) -> None:
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, BACK)
        self.setPalette(palette)
        body = QWidget()
        self.setCentralWidget(body)
        self.bar, self.panes, self.table = (
            AskBar(draw_ask, Ask("busy", "Starting the cameras")),
            Panes(self.taking.names),
            VerdictTable(),
        )
        self.count = QLabel("")
        self.buttons: dict[str, QPushButton] = {}
        for key, (label, _) in BUTTONS.items():
            button = QPushButton(label)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(getattr(self, f"_{key}"))
            self.buttons[key] = button
        for part in (self.bar, self.panes, self.table, self.count, *self.buttons.values()):
            part.setParent(body)
        self.notices = Notices(body)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out all parts."""
        self._arrange()

    def _arrange(self) -> None:
        m = Metrics(self.height())
        g, width, height = m.grid, self.width(), self.height()
        ask, foot = AskBar.wanted_height(m), round(2.4 * m.medium)
        self.bar.setGeometry(g, g, width - 2 * g, ask)
        below, bottom = ask + 2 * g, height - foot - 2 * g
        for over in (self.panes, self.table):
            over.setGeometry(g, below, width - 2 * g, bottom - below)
        sized: tuple[Sized, ...] = (self.bar, self.panes, self.table, self.notices)
        for part in sized:
            part.set_metrics(m)
        self.count.setFont(font(m.medium))
        self.count.setStyleSheet(f"color: {QUIET.name()}")
        self.count.setGeometry(2 * g, bottom + g, round(0.35 * width), foot)
        x = width - g
        for key in ("cancel", "calibrate", "save", "more"):
            button = self.buttons[key]
            button.setFont(font(m.medium, bold=key in ("calibrate", "save")))
            button.setStyleSheet(button_style(m) + _main_style(m))
            if button.isVisibleTo(self):
                wide = button.sizeHint().width() + 2 * g
                x -= wide
                button.setGeometry(x, bottom + g, wide, foot)
                x -= g
        counted = round(0.36 * width)
        self.notices.fit(x - counted - g)
        self.notices.move(counted, bottom + g + (foot - self.notices.height()) // 2)

    def poll(self) -> None:
        """Update what is shown; called about 30 times a second."""
        if self._job is not None and self._job.done():
            job, self._job = self._job, None
            self._after(job)
        if self.state == TAKING:
            self._show_taking()
        elif self.state in (CALIBRATING, SAVING):
            angle = int(self._clock() * ROUND) % 360
            say = "Calibrating" if self.state == CALIBRATING else "Saving"
            self.bar.show_ask(Ask("busy", say, way=(angle, 0)), "this may take a minute")
        elif self.result is not None:
            word = self.result.found.word
            self.bar.show_ask(Ask(word, MEANING[word]), self.problem or WHAT_NEXT[word])
        self._show_buttons()

    def _show_taking(self) -> None:
        shown, problem = self.watch.newest, self.watch.problem
        age = self._clock() - shown.at if shown is not None else 0.0
        if problem:
            self.bar.show_ask(Ask("lost", "The cameras have stopped"), problem)
            self.panes.show_panes(shown, problem)
        elif shown is None:
            self.bar.show_ask(Ask("busy", "Starting the cameras"), "")
        elif age > STALE:
            why = f"no image for {age:.0f} s"
            self.bar.show_ask(Ask("lost", "No images arrive"), why)
            self.panes.show_panes(shown, why)
        else:
            self.bar.show_ask(shown.ask, self.problem or shown.detail)
            self.panes.show_panes(shown, "")
            self._notice(shown.notices)
            if shown.progress.captures > self._told_at:
                self.problem = ""
        self._count(shown)

    def _notice(self, notices: tuple[Notice, ...]) -> None:
        width = self.notices.width()
        self.notices.show_notices(notices)
        if self.notices.width() != width:
            self._arrange()

    def _count(self, shown: Shown | None) -> None:
        if shown is None:
            return
        progress = shown.progress
        text = f"{progress.captures} captured"
        if len(progress.cameras) > 1 and progress.captures:
            text += f", {progress.together} by two cameras at once"
        self.count.setText(text)

    def _show_buttons(self) -> None:
        usable = self.taking.progress.usable
        enabled = {
            "calibrate": self.state == TAKING and usable,
            "save": self.state == RESULT,
            "more": self.state == RESULT,
            "cancel": self.state != SAVING,
        }
        main = {
            "calibrate": self.taking.progress.done,
            "save": self.result is not None and self.result.found.word == "good",
            "more": self.result is not None and self.result.found.word == "repeat",
        }
        changed = False
        for key, button in self.buttons.items():
            visible = self.state in BUTTONS[key][1]
            changed |= visible != button.isVisibleTo(self)
            button.setVisible(visible)
            button.setEnabled(enabled[key])
            lit = main.get(key, False) and enabled[key]
            if button.property("main") is not lit:
                button.setProperty("main", lit)
                button.setStyleSheet(button.styleSheet())
        taking = self.state in (TAKING, CALIBRATING)
        self.panes.setVisible(taking)
        self.table.setVisible(not taking)
        self.count.setVisible(taking)
        self.notices.setVisible(self.state == TAKING and bool(self.notices.notices))
        if changed:
            self._arrange()

    def _calibrate(self) -> None:
        self.watch.stop()
        self.panes.show_panes(self.watch.newest, "not looked at while calibrating")
        try:
            gathered = self.taking.gathered()
        except InputError as error:
            self._go_on(str(error))
            return
        self.state, self.problem = CALIBRATING, ""
        self._job = aside(lambda: calibrate_gathered(gathered, self.taking.board, self.scale))

    def _save(self) -> None:
        result = self.result
        assert result is not None
        self.state, self.problem = SAVING, ""
        self._job = aside(lambda: self._write(result))

    def _more(self) -> None:
        self.taking.ask_for_more()
        assert self.result is not None
        self._go_on("; ".join(advice(self.result)))

    def _cancel(self) -> None:
        self.close()

    def _go_on(self, problem: str) -> None:
        """Take images again; `problem` is shown below the request until one is taken."""
        self.state, self.problem, self._told_at = TAKING, problem, self.taking.captures
        self.watch = Watch(self.source, self.taking)

    def _after(self, job: Future[Any]) -> None:
        """Handle the outcome of calibrating or saving."""
        error = job.exception()
        if error is not None and not isinstance(error, InputError):
            log.error("it failed", exc_info=error)
        if self.state == CALIBRATING:
            if error is not None:
                self._go_on(f"cannot be calibrated yet: {error}")
                return
            self.state, self.result = RESULT, job.result()
            self.table.show_result(self.result)
        elif error is not None:
            self.state, self.problem = RESULT, str(error)
        else:
            self.state, self.saved = RESULT, self.result
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Release the cameras; a file that is being written is waited for."""
        if self.state == SAVING:
            event.ignore()
            return
        self.timer.stop()
        self.source.close()
        self.watch.stop()
        self.taking.close()
        super().closeEvent(event)


def _main_style(m: Metrics) -> str:
    """Return a style that highlights the button to press now."""
    return (
        'QPushButton[main="true"] { background: #7fb4ff; color: #0f151b; }'
        f"QPushButton:focus {{ border: {max(1, round(2 * m.hair))}px solid #7fb4ff; }}"
    )
