"""The window of a replayed session: the live window, framed, with a time line for its commands."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from nav.core.notice import Notice
from nav.live.messages import Command, Message, Preparing, Ready, Sample, Timeline, Update
from nav.text.catalogue import label, sentence
from nav.view.history import SPAN
from nav.view.live_display import Banner, DisplayState
from nav.view.live_window import LiveWindow
from nav.view.pace import SIMULATION_SILENT
from nav.view.replay_bar import SKIP, ReplayBar
from nav.view.replay_lanes import clock_text
from nav.view.sized import Sized
from nav.view.theme import BACK, REPLAY, Metrics, font
from nav.view.window_layout import Box, places

JUMP = 1.0  # s between two results after which the chart begins anew
PLAYER = frozenset({"pause", "restart", "seek", "step", "speed"})


class ReplayBadge(Sized):
    """The word REPLAY in the header; a frame around the whole window says it as well."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.text = label("replay_badge")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_text(self, text: str) -> None:
        """Show when it was recorded."""
        self.text = text
        self.setAccessibleName(text)
        self.update()

    @property
    def wanted_width(self) -> int:
        """Width that the words need, px."""
        metrics = QFontMetricsF(font(self.metrics.medium, bold=True))
        return round(metrics.horizontalAdvance(self.text) + 4 * self.metrics.grid)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the words, dark on the colour of replays."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(REPLAY)
        g = self.metrics.grid
        painter.drawRoundedRect(QRectF(self.rect()), g / 2, g / 2)
        painter.setPen(BACK)
        painter.setFont(font(self.metrics.medium, bold=True))
        metrics = QFontMetricsF(painter.font())
        room = self.width() - 2 * g
        text = metrics.elidedText(self.text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
        painter.end()


class ReplayFrame(Sized):
    """A frame around the window; the mouse goes through it."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        width = max(3.0, 3.0 * self.metrics.hair)
        painter.setPen(QPen(REPLAY, width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        half = width / 2
        painter.drawRect(QRectF(self.rect()).adjusted(half, half, -half, -half))
        painter.end()


class ReplayWindow(LiveWindow):
    """A recorded session: parameters as of `LiveWindow`."""

    def _build(self, *given: Any) -> None:
        self.timeline: Timeline | None = None
        self.bar = ReplayBar()
        super()._build(*given)
        self.setWindowTitle(sentence(Notice("replay_title", {"case": self.case.name})))
        self.record.hide()  # a replay is not recorded
        body = self.centralWidget()
        self.parts["replay"] = self.bar
        self.bar.setParent(body)
        self.bar.asked.connect(self.ask_player)
        self.badge, self.frame = ReplayBadge(body), ReplayFrame(body)

    def places(self) -> dict[str, Box]:
        """Return the box of every part, with room for the time line."""
        self.bar.set_metrics(Metrics(self.height()))
        grid = self.bar.metrics.grid
        return places(self.width(), self.height(), self.bar.wanted_height + grid)

    def _arrange(self) -> None:
        super()._arrange()
        metrics = Metrics(self.height())
        g = metrics.grid
        self.badge.set_metrics(metrics)
        self.frame.set_metrics(metrics)
        width = min(self.badge.wanted_width, self.width() // 2)
        self.badge.setGeometry(self.width() - width - 2 * g, g // 2, width, 4 * g)
        self.badge.raise_()
        self.frame.setGeometry(0, 0, self.width(), self.height())
        self.frame.raise_()

    def chart_time(self) -> float:
        """Return the recorded time that is shown, s."""
        return self.clock() if self.newest is None else self.newest.guidance.time

    def usable(self, state: DisplayState) -> frozenset[str]:
        """Return none: what the user did is done again, and the time line has the rest."""
        return frozenset()

    @property
    def place(self) -> float | None:
        """Where the replay is, s since the first frame; None where nothing is shown."""
        if self.timeline is None or self.newest is None:
            return None
        return self.newest.guidance.time - self.timeline.began

    @property
    def playing(self) -> bool:
        """Whether it goes on."""
        still = self.standstill is not None and self.standstill.why in ("paused", "over")
        return self.newest is not None and not still

    def _take(self, message: Message | None) -> None:
        if isinstance(message, Ready) and message.timeline is not None:
            self.timeline = message.timeline
            self.bar.show_timeline(message.timeline)
            facts = {"recorded": message.timeline.recorded}
            self.badge.show_text(sentence(Notice("replay_of", facts)))
            self._arrange()
        elif isinstance(message, Update):
            message = replace(message, samples=self._charted(message.samples))
        elif isinstance(message, Preparing) and self.timeline is not None:
            self.newest = self.standstill = None  # of before the jump
        super()._take(message)

    def _charted(self, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        """Return the samples since the last jump; before one the chart begins anew."""
        before = self.strip.history.samples
        most = JUMP * max(self.bar.speed, 1.0)
        last = before[-1].at if before else None
        start = 0
        for index, sample in enumerate(samples):
            if last is not None and not 0.0 <= sample.at - last <= most:
                start = index
                before.clear()
                before.extend(self._recorded_before(sample.at))
            last = sample.at
        return samples[start:]

    def _recorded_before(self, at: float) -> list[Sample]:
        """Return what was recorded in the half minute before a time."""
        recorded = () if self.timeline is None else self.timeline.samples
        return [sample for sample in recorded if at - SPAN <= sample.at < at]

    def _display(self) -> DisplayState:
        state = super()._display()
        banner = state.banner
        why = "" if self.standstill is None else self.standstill.why
        if why == "paused" and state.live and self.place is not None:
            at = Notice("replay_paused", {"at": clock_text(self.place)})
            banner = Banner(sentence(at), False)
        elif why == "over" and self.ended is None:
            banner = Banner(label("replay_end"), False)
        elif self._is_silent():
            banner = Banner(label("replay_silent"), True)
        age = label("replay_recorded_light") if state.age else ""
        asked = Notice("replay_prompt", {"prompt": state.prompt})
        prompt = sentence(asked) if state.prompt else ""
        return replace(state, banner=banner, prompt=prompt, age=age, delay="", rate="")

    def _is_silent(self) -> bool:
        """Return whether the process that replays has said nothing for too long."""
        waiting = self.newest is None or self.ended is not None or not self.feed.alive()
        if waiting or self.newest is None:
            return False
        return self.clock() - self.newest.captured_at > SIMULATION_SILENT

    def _show(self, state: DisplayState) -> None:
        super()._show(state)
        self.bar.show_place(self.place, self.playing)
        self.speed.setText(label("replay_nothing_live"))

    def ask(self, kind: str) -> None:
        """Send pause or restart; ignore what is for the user's work."""
        if kind in PLAYER:
            self.ask_player(kind, "")

    def ask_player(self, kind: str, argument: str) -> None:
        """Send a command to what plays the session.

        Parameters
        ----------
        kind : str
            "pause", "restart", "seek", "step" or "speed".
        argument : str
            As of `Command`.
        """
        if self.plays and self.ended is None:
            self.feed.send(Command(kind, argument))  # type: ignore[arg-type]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Handle the keys of a player; the views have theirs as in the live window."""
        key = Qt.Key(event.key())
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        ways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if key in ways and shift:
            self.ask_player("step", str(ways[key]))
        elif key in ways:
            self.bar.go(ways[key] * SKIP)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.bar.go_to_event(1 if key == Qt.Key.Key_PageDown else -1)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.bar.change_speed(1 if key == Qt.Key.Key_Up else -1)
        elif key == Qt.Key.Key_End:
            self.bar.go(float("inf"))
        elif key == Qt.Key.Key_Space:
            self.ask_player("pause", "")
        else:
            super().keyPressEvent(event)
