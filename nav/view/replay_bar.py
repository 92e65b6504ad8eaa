"""The controls of a replay, above its time line."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from nav.core.notice import Notice
from nav.live.messages import Tick, Timeline
from nav.text.catalogue import label, sentence
from nav.view.fitted import ElidedLabel
from nav.view.header import button_style
from nav.view.replay_lanes import ReplayLanes, clock_text, tick_text
from nav.view.sized import Sized
from nav.view.theme import QUIET, TEXT, Metrics, font

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
CONTROLS = 4.2  # height of the buttons' row, in grid units
SKIP = 5.0  # s of one press of an arrow key
BEFORE = 0.6  # s that must have passed for the same event to be gone back to
# what a button asks for, its sign, its tool tip, its key
BUTTONS: tuple[tuple[str, str, str, str, Notice | str], ...] = (
    ("restart", "", "▮◀", "replay_start", Notice("key_home")),
    ("step", "-1", "◀▮", "replay_back", Notice("key_left")),
    ("pause", "", "▶", "replay_pause", Notice("key_space")),
    ("step", "1", "▮▶", "replay_on", Notice("key_right")),
)


class ReplayBar(Sized):
    """Buttons, place and speed, the newest event; below them the time line.

    `asked` is emitted with a command's kind and argument.
    """

    asked = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.speed = 1.0
        self.lanes = ReplayLanes()
        self.lanes.wanted.connect(lambda at: self.asked.emit("seek", repr(at)))
        self.buttons: list[QPushButton] = []
        self.speeds: dict[float, QPushButton] = {}
        self.row = QHBoxLayout()
        for kind, argument, sign, hint, key in BUTTONS:
            button = self._button(sign, sentence(Notice(hint, {"key": key})))
            button.clicked.connect(lambda _=False, k=kind, a=argument: self.asked.emit(k, a))
            self.buttons.append(button)
        self.pause = self.buttons[2]
        self.row.addSpacing(1)
        for speed in SPEEDS:
            facts = {"speed": f"{speed:g}", "key": Notice("key_up_down")}
            button = self._button(f"×{speed:g}", sentence(Notice("replay_speed", facts)))
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, s=speed: self.set_speed(s))
            self.speeds[speed] = button
        self.place, self.event_text = ElidedLabel(), ElidedLabel()
        self.keys = ElidedLabel(label("replay_keys"))
        self.row.addWidget(self.place, 4)
        self.row.addWidget(self.event_text, 8)
        self.row.addWidget(self.keys, 7)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.top = QWidget()
        self.top.setLayout(self.row)
        column.addWidget(self.top)
        column.addWidget(self.lanes)
        self._light_speed()
        self.set_metrics(self.metrics)

    def _button(self, text: str, hint: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(hint)
        button.setAccessibleName(hint)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.row.addWidget(button)
        return button

    def show_timeline(self, timeline: Timeline) -> None:
        """Show another session."""
        self.lanes.show_timeline(timeline)

    def show_place(self, seconds: float | None, playing: bool) -> None:
        """Show where the replay is.

        Parameters
        ----------
        seconds : float or None
            Since the first frame; None where it is not known.
        playing : bool
            Whether it goes on.
        """
        self.lanes.show_position(seconds)
        self.pause.setText("▮▮" if playing else "▶")
        timeline = self.lanes.timeline
        if timeline is None or seconds is None:
            self.place.setText("")
            self.event_text.setText("")
            return
        facts = {
            "at": clock_text(seconds), "end": clock_text(timeline.seconds),
            "speed": f"{self.speed:g}",
        }  # fmt: skip
        text = sentence(Notice("replay_at", facts))
        words = round(QFontMetricsF(self.place.font()).horizontalAdvance(text)) + self.metrics.grid
        self.place.setMinimumWidth(max(words, self.place.minimumWidth()))  # it never shrinks
        self.place.setText(text)
        before = [tick for tick in timeline.ticks if tick.at <= seconds + 1e-6]
        self.event_text.setText(tick_text(before[-1]) if before else "")

    def set_speed(self, speed: float) -> None:
        """Ask for another speed, as many times as fast as it was."""
        self.speed = speed
        self._light_speed()
        self.asked.emit("speed", f"{speed:g}")

    def change_speed(self, by: int) -> None:
        """Ask for the next higher (1) or lower (-1) speed."""
        index = SPEEDS.index(self.speed) + by
        self.set_speed(SPEEDS[min(max(index, 0), len(SPEEDS) - 1)])

    def go(self, seconds: float) -> None:
        """Ask for a place so many seconds on, or back."""
        timeline, now = self.lanes.timeline, self.lanes.position
        if timeline is not None:
            at = timeline.seconds if now is None else now
            self.asked.emit("seek", repr(min(max(at + seconds, 0.0), timeline.seconds)))

    def go_to_event(self, way: int) -> None:
        """Ask for the next (1) event, or the one before (-1)."""
        timeline, now = self.lanes.timeline, self.lanes.position
        if timeline is None:
            return
        at = timeline.seconds if now is None else now
        ticks: list[Tick] = [
            t for t in timeline.ticks if (t.at > at + 1e-3 if way > 0 else t.at < at - BEFORE)
        ]
        if ticks:
            self.asked.emit("seek", repr((ticks[0] if way > 0 else ticks[-1]).at))
        elif way < 0:
            self.asked.emit("seek", "0")

    def _light_speed(self) -> None:
        for speed, button in self.speeds.items():
            button.setChecked(speed == self.speed)

    @property
    def wanted_height(self) -> int:
        """Height that it needs, px."""
        return round(CONTROLS * self.metrics.grid) + self.lanes.wanted_height

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        super().set_metrics(metrics)
        g = metrics.grid
        self.lanes.set_metrics(metrics)
        self.top.setFixedHeight(round(CONTROLS * g))
        self.row.setContentsMargins(0, 0, g, g // 2)
        self.row.setSpacing(g // 2)
        for button in (*self.buttons, *self.speeds.values()):
            button.setFont(font(metrics.small))
            button.setStyleSheet(button_style(metrics))
        self.place.setMinimumWidth(0)
        self.place.setFont(font(metrics.small, bold=True))
        self.place.setStyleSheet(f"color: {TEXT.name()}")
        for quiet in (self.event_text, self.keys):
            quiet.setFont(font(metrics.small))
            quiet.setStyleSheet(f"color: {QUIET.name()}")
