"""The window of `nav record`: live images, what they are worth, what is recorded."""

import math

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QCloseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication

from nav.core.notice import Notice
from nav.record.picture_recording.recording_run import RecordingRun
from nav.record.picture_recording.source_recorder import RecorderStatus, recorded
from nav.text.catalogue import label, sentence
from nav.view.guided_window import Action, GuidedWindow, Request, run_guided
from nav.view.live_app import application
from nav.view.record_panes import RecordPanes, RecordView
from nav.view.sized import Sized
from nav.view.theme import BACK, TEXT, faded, font

FLASH = 0.4  # s that a recorded instant is framed, where they are recorded one by one
SEPARATOR = "  ·  "
ACTIONS = (
    Action("finish", "action_finish", "Ctrl+Return", "key_finish"),
    Action("mark", "action_mark", "M"),
    Action("stop", "action_stop", "Space", "key_space"),
    Action("record", "action_record", "Space", "key_space"),
)


class Countdown(Sized):
    """The seconds that are left, as large as the window allows."""

    def __init__(self) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.number = 0
        self.hide()

    def show_number(self, number: int) -> None:
        """Show another number; none at 0."""
        if number != self.number:
            self.number = number
            self.setAccessibleName(str(number))
            self.setVisible(number > 0)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it over what is below."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), faded(BACK, 0.55))
        painter.setFont(font(max(30, round(0.8 * self.height())), bold=True))
        painter.setPen(TEXT)
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignCenter, str(self.number))
        painter.end()


class RecordWindow(GuidedWindow):
    """Window of a recording.

    Parameters
    ----------
    run : RecordingRun
        Cameras, recorder and checks at work.
    """

    def __init__(self, run: RecordingRun) -> None:
        self.run = run
        self.panes, self.countdown = RecordPanes(run.names), Countdown()
        folder = run.recorder.writer.folder
        title = sentence(Notice("record_window", {"folder": folder.name}))
        super().__init__(title, (self.panes, self.countdown), ACTIONS)
        self._count, self._flash_until = 0, 0.0
        self.poll()

    def act(self, name: str) -> None:
        """Start, stop, mark or finish."""
        recorder = self.run.recorder
        if name == "record":
            recorder.start()
        elif name == "stop":
            recorder.stop()
        elif name == "mark":
            recorder.mark()
        else:
            self.close()
        self.poll()

    def place_body(self, room: QRect) -> None:
        """The images fill the middle, and so does the countdown over them."""
        super().place_body(room)
        self.countdown.raise_()

    def poll(self) -> None:
        """Show what is going on."""
        status, run = self.run.recorder.status, self.run
        away = run.away()
        self.show_request(*self._request(status, away))
        self.countdown.show_number(math.ceil(status.left) if status.state == "countdown" else 0)
        self.panes.show_view(
            RecordView(
                run.newest,
                run.checks,
                status.rates,
                status.missed,
                status.written.pictures,
                away,
                self._recorded_now(status),
            )
        )
        recording = status.state in ("recording", "countdown")
        ended = status.state == "ended" or run.problem is not None
        shown = {"finish": True}
        if not ended:
            shown |= {"stop": True} if recording else {"record": True}
            shown["mark"] = bool(status.written.accepted)
        self.show_foot(self._foot(status), run.source.warnings)
        self.show_actions(shown, ("finish",) if ended else ("record",))

    def _request(self, status: RecorderStatus, away: dict[str, float]) -> tuple[Request, str]:
        detail = self._detail(status)
        if self.run.problem is not None:
            return Request("lost", label("record_cameras_stopped")), sentence(self.run.problem)
        if status.state == "ended":
            if status.problem is not None:
                why = sentence(status.problem)
                return Request("lost", label("record_ended_early")), SEPARATOR.join([why, detail])
            return Request("done", label("record_enough")), detail
        frames = self.run.newest
        if frames is None:
            return self.busy(label("record_starting")), ""
        lost = [n for n in self.run.names if n in away]
        if lost:
            said = Notice("record_camera_gone", {"camera": lost[0].upper()})
            reason = [sentence(frames.missing[lost[0]])] if lost[0] in frames.missing else []
            return Request("lost", sentence(said)), SEPARATOR.join([*reason, detail])
        if status.state == "countdown":
            left = {"seconds": math.ceil(status.left)}
            return Request("ready", sentence(Notice("record_starts_in", left))), detail
        if status.state == "recording":
            return Request("recording", self._recording(status)), detail
        if status.state == "paused":
            return Request("paused", label("record_paused")), detail
        return Request("ready", label("record_ready")), detail

    def _recording(self, status: RecorderStatus) -> str:
        if self.run.recorder.options.every > 0.0:
            return sentence(Notice("record_every", {"instants": status.written.accepted}))
        return label("record_now")

    def _detail(self, status: RecorderStatus) -> str:
        parts = [sentence(recorded(status))]
        options = self.run.recorder.options
        if options.seconds is not None:
            parts.append(sentence(Notice("record_of_seconds", {"seconds": options.seconds})))
        if options.count is not None:
            parts.append(sentence(Notice("record_of_count", {"count": options.count})))
        return SEPARATOR.join(parts)

    def _foot(self, status: RecorderStatus) -> str:
        parts = []
        minutes = self.run.free_minutes(status)
        if minutes is not None:
            parts.append(sentence(Notice("disk_minutes", {"minutes": minutes})))
        if status.marks:
            parts.append(sentence(Notice("record_marked", {"marks": status.marks})))
        if status.written.waiting > 0.02:
            percent = 100.0 * status.written.waiting
            parts.append(sentence(Notice("record_waiting", {"percent": percent})))
        return SEPARATOR.join(parts)

    def _recorded_now(self, status: RecorderStatus) -> bool:
        """Return whether the images get a frame: a short one where few are recorded."""
        now = self.run.clock()
        if status.written.accepted != self._count:
            if self._count and self.run.recorder.options.every > 0.0:
                QApplication.beep()
            self._count, self._flash_until = status.written.accepted, now + FLASH
        if self.run.recorder.options.every > FLASH:
            return now < self._flash_until
        return status.state == "recording"

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop recording."""
        self.timer.stop()
        self.run.recorder.stop()
        super().closeEvent(event)


def show_record_window(run: RecordingRun) -> None:
    """Show the window until it is closed.

    Parameters
    ----------
    run : RecordingRun
        Cameras, recorder and checks at work.
    """
    application()
    run_guided(RecordWindow(run))
