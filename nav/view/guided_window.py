"""A window that leads a person: one large request, what the cameras see, buttons with keys."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QPushButton, QWidget

from nav.core.notice import Notice
from nav.text.catalogue import label, sentence
from nav.view.ask_bar import AskBar, Asked
from nav.view.ask_icons import draw_state
from nav.view.fitted import ElidedLabel
from nav.view.header import button_style
from nav.view.live_app import application
from nav.view.overlays import Notices
from nav.view.quitting import add_quit_key, closed_by_signals
from nav.view.sized import Sized
from nav.view.theme import ACCENT, BACK, QUIET, Metrics, font

POLL_MS = 33
STARTING = "record_starting"
ROUND = 270.0  # degrees per second, of the busy arc


@dataclass(frozen=True)
class Request:
    """What a person is asked to do.

    Parameters
    ----------
    kind : str
        Chooses the drawing, as of `nav.view.ask_icons.STATES`.
    say : str
        Sentence for a person.
    way : tuple of 2 ints
        For the drawing.
    """

    kind: str
    say: str
    way: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Action:
    """A button with its key.

    Parameters
    ----------
    name : str
        In the code.
    says : str
        Code of its label.
    key : str
        As of QKeySequence.
    shown : str
        Code of the key's name, or the name itself.
    """

    name: str
    says: str
    key: str
    shown: str = ""

    @property
    def text(self) -> str:
        """Label and key."""
        key = Notice(self.shown) if self.shown.startswith("key_") else self.shown or self.key
        return sentence(Notice("button", {"action": Notice(self.says), "key": key}))


class GuidedWindow(QMainWindow):
    """Request above, body in the middle, a line and buttons below.

    Parameters
    ----------
    title : str
        Of the window.
    body : sequence of Sized
        What fills the middle; `place_body` arranges it.
    actions : sequence of Action
        From right to left.
    draw : callable, optional
        Draws what is asked.
    """

    def __init__(
        self,
        title: str,
        body: Sequence[Sized],
        actions: Sequence[Action],
        draw: Callable[[QPainter, QRectF, Any], None] = draw_state,
    ) -> None:
        super().__init__()
        self.setWindowTitle(title)
        self.resize(1280, 800)
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, BACK)
        self.setPalette(palette)
        centre = QWidget()
        self.setCentralWidget(centre)
        self.body, self._actions = tuple(body), {action.name: action for action in actions}
        self.bar = AskBar(draw, Request("busy", label(STARTING)))
        self.foot = ElidedLabel()
        self.buttons: dict[str, QPushButton] = {}
        for part in (self.bar, self.foot, *self.body):
            part.setParent(centre)
        for action in actions:
            button = QPushButton(action.text, centre)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, name=action.name: self._chosen(name))
            self.buttons[action.name] = button
        self.notices = Notices(centre)
        self.timer = QTimer(self)
        self.timer.setInterval(POLL_MS)
        self.timer.timeout.connect(self.poll)

    @staticmethod
    def busy(say: str) -> Request:
        """Return a request to wait, whose drawing goes round."""
        return Request("busy", say, (int(time.monotonic() * ROUND) % 360, 0))

    def poll(self) -> None:
        """Update what is shown; called about 30 times a second once the timer is started."""
        raise NotImplementedError

    def act(self, name: str) -> None:
        """Do what a button or its key asks for; only called while it is enabled."""
        raise NotImplementedError

    def place_body(self, room: QRect) -> None:
        """Lay out what is in the middle; by default each part fills it."""
        for part in self.body:
            part.setGeometry(room)

    def _usable(self, name: str) -> bool:
        return self.buttons[name].isVisibleTo(self) and self.buttons[name].isEnabled()

    def _chosen(self, name: str) -> None:
        if self._usable(name):
            self.act(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do what the key stands for now; a key that is held down counts once."""
        key = QKeySequence(event.keyCombination()).toString()
        known = [name for name, action in self._actions.items() if action.key == key]
        if not known:
            super().keyPressEvent(event)
        elif not event.isAutoRepeat():
            for name in [name for name in known if self._usable(name)][:1]:
                self.act(name)

    def show_request(self, request: Asked, detail: str) -> None:
        """Show another request with the line below it."""
        self.bar.show_ask(request, detail)

    def show_foot(self, text: str, notices: Sequence[Notice] = ()) -> None:
        """Show another line below, and warnings."""
        self.foot.setText(text)
        width = self.notices.width()
        self.notices.show_notices(tuple(notices))
        if self.notices.width() != width:
            self._arrange()

    def show_actions(self, enabled: Mapping[str, bool], main: Collection[str] = ()) -> None:
        """Show the buttons that are named, some of them lit."""
        changed = False
        for name, button in self.buttons.items():
            visible = name in enabled
            changed |= visible != button.isVisibleTo(self)
            button.setVisible(visible)
            button.setEnabled(enabled.get(name, False))
            lit = name in main and button.isEnabled()
            if button.property("main") is not lit:
                button.setProperty("main", lit)
                button.setStyleSheet(button.styleSheet())
        if changed:
            self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out all parts."""
        self._arrange()

    def _arrange(self) -> None:
        m = Metrics(self.height())
        g, width, height = m.grid, self.width(), self.height()
        ask, foot = AskBar.wanted_height(m), round(2.4 * m.medium)
        self.bar.setGeometry(g, g, width - 2 * g, ask)
        below, bottom = ask + 2 * g, height - foot - 2 * g
        sized: tuple[Sized, ...] = (self.bar, self.notices, *self.body)
        for part in sized:
            part.set_metrics(m)
        self.place_body(QRect(g, below, width - 2 * g, bottom - below))
        x = width - g
        for button in self.buttons.values():
            button.setFont(font(m.medium))
            button.setStyleSheet(button_style(m) + MAIN_STYLE)
            if button.isVisibleTo(self):
                wide = button.sizeHint().width() + 2 * g
                x -= wide
                button.setGeometry(x, bottom + g, wide, foot)
                x -= g
        self.notices.fit(round(0.4 * x))
        shown = self.notices.width() + g if self.notices.isVisibleTo(self) else 0
        self.foot.setFont(font(m.medium))
        self.foot.setStyleSheet(f"color: {QUIET.name()}")
        self.foot.setGeometry(2 * g, bottom + g, x - shown - 3 * g, foot)
        middle = bottom + g + (foot - self.notices.height()) // 2
        self.notices.move(x - self.notices.width(), middle)


MAIN_STYLE = (
    f'QPushButton[main="true"] {{ background: {ACCENT.name()}; color: {BACK.name()}; '
    "font-weight: bold; }"
)


def run_guided(window: GuidedWindow) -> None:
    """Show a window until it is closed, by its buttons, its key, or a signal.

    Parameters
    ----------
    window : GuidedWindow
        Not shown yet.

    Raises
    ------
    KeyboardInterrupt, SystemExit
        See `nav.view.quitting.closed_by_signals`.
    """
    app = application()
    window.resize(app.primaryScreen().availableSize() * 0.9)
    window.show()
    add_quit_key(window)
    window.timer.start()
    with closed_by_signals(window.close):
        app.exec()
