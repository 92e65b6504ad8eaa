"""The header: the present stage of the work; and below it what to do now, with the keys."""

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QPushButton

from nav.core.notice import Notice
from nav.live.messages import Stage
from nav.model.case import Case
from nav.text.catalogue import label, sentence
from nav.view.fitted import ElidedLabel
from nav.view.live_display import DisplayState
from nav.view.sized import Sized
from nav.view.theme import ACCENT, BACK, FAINT, LINE, PANEL, QUIET, TEXT, Metrics, font
from nav.view.words import STAGES

# command, what its button says, key
BUTTONS: tuple[tuple[str, str, Notice | str], ...] = (
    ("capture", "action_capture", Notice("key_space")),
    ("undo", "action_undo", Notice("key_backspace")),
    ("skip", "action_skip", "S"),
    ("check", "action_check", "C"),
    ("register", "action_register", "G"),
    ("plan", "action_plan", "P"),
    ("pause", "action_pause", "K"),
    ("restart", "action_restart", Notice("key_home")),
)

KEYS = {
    Qt.Key.Key_Space: "capture",
    Qt.Key.Key_Backspace: "undo",
    Qt.Key.Key_S: "skip",
    Qt.Key.Key_C: "check",
    Qt.Key.Key_G: "register",
    Qt.Key.Key_P: "plan",
    Qt.Key.Key_K: "pause",
    Qt.Key.Key_M: "mark",
    Qt.Key.Key_Home: "restart",
}
TOUCHING = {
    Stage.REGISTER: frozenset({"capture", "undo"}),
    Stage.VERIFY: frozenset({"capture", "undo", "skip"}),
}


def usable_commands(case: Case, state: DisplayState) -> frozenset[str]:
    """Return the commands that can be used in a state, besides those of recordings.

    Parameters
    ----------
    case : Case
        What is navigated.
    state : DisplayState
        What is shown.

    Returns
    -------
    frozenset of str
        As of `BUTTONS`.
    """
    if state.stage is not Stage.NAVIGATE:
        return TOUCHING.get(state.stage, frozenset())
    touching = bool(state.scene.wanted)
    offered = {
        "plan": len(case.plans) > 1,
        "check": bool(case.fiducials),
        "register": bool(case.fiducials_for("register")),
        "capture": touching,
        "undo": touching,
    }
    return frozenset(kind for kind, given in offered.items() if given)


class Steps(Sized):
    """Case > Cameras > Needle > Register > Verify > NAVIGATE, the present one lit."""

    def __init__(self) -> None:
        super().__init__()
        self.stage, self.live = Stage.CASE, False

    def show_stage(self, stage: Stage, live: bool) -> None:
        """Light another stage; it is only outlined when no data comes."""
        if (stage, live) != (self.stage, self.live):
            self.stage, self.live = stage, live
            self.setAccessibleName(sentence(Notice("stage_now", {"stage": label(STAGES[stage])})))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint words with arrows between; done ones bright, later ones faint."""
        m, g = self.metrics, self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), PANEL)
        x = 2.0 * g
        stages = list(Stage)
        now = stages.index(self.stage)
        middle = self.height() / 2
        for index, stage in enumerate(stages):
            lit, word = index == now, label(STAGES[stage])
            painter.setFont(font(m.small, bold=lit))
            width = QFontMetricsF(painter.font()).horizontalAdvance(word)
            box = QRectF(x, middle - 0.9 * m.small, width + 2.5 * g, 1.8 * m.small)
            if lit:
                painter.setPen(QPen(ACCENT if self.live else FAINT, 1.5 * m.hair))
                painter.setBrush(ACCENT if self.live else PANEL)
                painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
            ink = BACK if self.live else TEXT
            painter.setPen(ink if lit else (QUIET if index < now else FAINT))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
            x = box.right() + (g if lit else 0.25 * g)
            if index + 1 < len(stages):
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(FAINT if index >= now else QUIET)
                a = 0.45 * m.small
                painter.drawPolygon(
                    QPolygonF(
                        [
                            QPointF(x, middle - a),
                            QPointF(x + a, middle),
                            QPointF(x, middle + a),
                        ]
                    )
                )
                x += a + (g if index + 1 == now else 0.25 * g)
        painter.end()


class Prompt(Sized):
    """What to do now, in words, and buttons that show their keys.

    `asked` is emitted with the command of a button.
    """

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.text = ElidedLabel()
        self.row = QHBoxLayout(self)
        self.row.addWidget(self.text, 1)
        self.buttons: dict[str, QPushButton] = {}
        for kind, action, key in BUTTONS:
            said = Notice("button", {"action": Notice(action), "key": key})
            button = QPushButton(sentence(said))
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, kind=kind: self.asked.emit(kind))
            self.row.addWidget(button)
            self.buttons[kind] = button
        self.set_metrics(self.metrics)

    def show_prompt(self, text: str, usable: frozenset[str]) -> None:
        """Show what to do; only the buttons in `usable` are visible."""
        self.text.setText(text)
        for kind, button in self.buttons.items():
            button.setVisible(kind in usable)

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        super().set_metrics(metrics)
        g = metrics.grid
        self.row.setContentsMargins(2 * g, 0, g, 0)
        self.row.setSpacing(g)
        self.text.set_fonts(font(metrics.medium), font(metrics.small))
        self.text.setStyleSheet(f"color: {TEXT.name()}")
        for button in self.buttons.values():
            button.setFont(font(metrics.small))
            button.setStyleSheet(button_style(metrics))


def button_style(metrics: Metrics) -> str:
    """Return the style sheet of flat dark buttons.

    Parameters
    ----------
    metrics : Metrics
        Of the window.

    Returns
    -------
    str
        For `setStyleSheet`.
    """
    g = metrics.grid
    return (
        f"QPushButton {{ color: {TEXT.name()}; background: {LINE.name()}; border: 0;"
        f" border-radius: {g // 2}px; padding: {g // 2 + 1}px {3 * g // 2}px; }}"
        f"QPushButton:hover {{ background: {FAINT.name()}; }}"
        f"QPushButton:checked {{ background: {ACCENT.name()}; color: {BACK.name()}; }}"
        f"QPushButton:disabled {{ color: {FAINT.name()}; background: {PANEL.name()}; }}"
    )
