"""The window in which cameras are calibrated: images taken, calibrated, judged, saved."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from PySide6.QtGui import QCloseEvent

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
from nav.core.background import run_in_background
from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.view.guided_window import Action, GuidedWindow
from nav.view.quitting import QUIT_KEY

log = logging.getLogger(__name__)

STALE = 0.6  # s: older pictures are not shown as present
TAKING, CALIBRATING, RESULT, SAVING = "taking", "calibrating", "result", "saving"
ACTIONS = (
    Action("cancel", "action_cancel", QUIT_KEY),
    Action("calibrate", "action_calibrate", "Ctrl+Return", "Ctrl+Enter"),
    Action("save", "action_save", "Ctrl+Return", "Ctrl+Enter"),
    Action("more", "action_more", "Backspace", "key_backspace"),
)
# when each is there
SHOWN = {
    "cancel": (TAKING, CALIBRATING, RESULT, SAVING),
    "calibrate": (TAKING, CALIBRATING),
    "save": (RESULT, SAVING),
    "more": (RESULT, SAVING),
}


class CalibrateWindow(GuidedWindow):
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
        self.panes, self.table = Panes(taking.names), VerdictTable()
        name = title or "c1c2nav - calibrate cameras"
        super().__init__(name, (self.panes, self.table), ACTIONS, draw_ask)
        self.source, self.taking, self.scale = source, taking, scale
        self._write, self._clock = save, clock
        self.state = TAKING
        self.result: RigCalibration | None = None
        self.saved: RigCalibration | None = None
        self.problem, self._told_at = "", 0  # said until there are more captures than then
        self._job: Future[Any] | None = None
        self.watch = Watch(source, taking)
        self.timer.start()
        self.poll()

    def poll(self) -> None:
        """Update what is shown; called about 30 times a second."""
        if self._job is not None and self._job.done():
            job, self._job = self._job, None
            self._after(job)
        if self.state == TAKING:
            self._show_taking()
            self._show_buttons()
            return
        self.show_foot("")
        if self.state in (CALIBRATING, SAVING):
            action = "Calibrating" if self.state == CALIBRATING else "Saving"
            self.show_request(self.busy(action), "this may take a minute")
        elif self.result is not None:
            word = self.result.found.word
            self.show_request(Ask(word, MEANING[word]), self.problem or WHAT_NEXT[word])
        self._show_buttons()

    def _show_taking(self) -> None:
        shown, problem = self.watch.newest, self.watch.problem
        notices: tuple[Notice, ...] = ()
        age = self._clock() - shown.at if shown is not None else 0.0
        if problem:
            self.show_request(Ask("lost", "The cameras have stopped"), problem)
            self.panes.show_panes(shown, problem)
        elif shown is None:
            self.show_request(Ask("busy", "Starting the cameras"), "")
        elif age > STALE:
            why = f"no image for {age:.0f} s"
            self.show_request(Ask("lost", "No images arrive"), why)
            self.panes.show_panes(shown, why)
        else:
            self.show_request(shown.ask, self.problem or shown.detail)
            self.panes.show_panes(shown, "")
            notices = shown.notices
            if shown.progress.captures > self._told_at:
                self.problem = ""
        self.show_foot(self._counted(shown), notices)

    def _counted(self, shown: Shown | None) -> str:
        if shown is None:
            return ""
        progress = shown.progress
        text = f"{progress.captures} captured"
        if len(progress.cameras) > 1 and progress.captures:
            text += f", {progress.together} by two cameras at once"
        return text

    def _show_buttons(self) -> None:
        usable = self.taking.progress.usable
        enabled = {
            "calibrate": self.state == TAKING and usable,
            "save": self.state == RESULT,
            "more": self.state == RESULT,
            "cancel": self.state != SAVING,
        }
        word = "" if self.result is None else self.result.found.word
        main = {
            "calibrate": self.taking.progress.done,
            "save": word == "good",
            "more": word == "repeat",
        }
        self.show_actions(
            {name: enabled[name] for name, states in SHOWN.items() if self.state in states},
            [name for name, lit in main.items() if lit],
        )
        taking = self.state in (TAKING, CALIBRATING)
        self.panes.setVisible(taking)
        self.table.setVisible(not taking)

    def act(self, name: str) -> None:
        """Calibrate, save, take more, or cancel."""
        {
            "calibrate": self._calibrate,
            "save": self._save,
            "more": self._more,
            "cancel": self.close,
        }[name]()

    def _calibrate(self) -> None:
        self.watch.stop()
        self.panes.show_panes(self.watch.newest, "not looked at while calibrating")
        try:
            gathered = self.taking.gathered()
        except InputError as error:
            self._go_on(str(error))
            return
        self.state, self.problem = CALIBRATING, ""
        self._job = run_in_background(
            lambda: calibrate_gathered(gathered, self.taking.board, self.scale)
        )

    def _save(self) -> None:
        result = self.result
        assert result is not None
        self.state, self.problem = SAVING, ""
        self._job = run_in_background(lambda: self._write(result))

    def _more(self) -> None:
        self.taking.ask_for_more()
        assert self.result is not None
        self._go_on("; ".join(advice(self.result)))

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
