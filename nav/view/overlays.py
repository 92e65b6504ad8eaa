"""Widgets over the 3D view: the banner, a notice, the buttons of the views."""

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from nav.core.notice import Notice
from nav.text.catalogue import label, sentence
from nav.view.fitted import ElidedLabel
from nav.view.header import button_style
from nav.view.live_display import Banner
from nav.view.sized import Sized
from nav.view.status_shapes import draw_status
from nav.view.theme import ACCENT, BACK, LINE, LOST, PANEL, QUIET, TEXT, Metrics, faded, font
from nav.view.viewpoints import VIEWPOINTS

VIEWS = {
    "standard": "view_standard",
    "left": "view_left",
    "right": "view_right",
    "back": "view_back",
    "top": "view_top",
    "needle": "view_needle",
}


class BannerBar(Sized):
    """A message across the view; hidden when there is none.

    Parameters
    ----------
    parent : QWidget
        Of the view.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.banner: Banner | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_banner(self, banner: Banner | None) -> None:
        """Show another message, or none."""
        if banner != self.banner:
            self.banner = banner
            self.fit()
            self.setAccessibleName(banner.text if banner is not None else "")
            self.setVisible(banner is not None)
            self.update()

    def fit(self) -> None:
        """Set the height to what the words need."""
        m, g = self.metrics, self.metrics.grid
        room = QRectF(0, 0, self.width() - 5.5 * g - m.medium, 20 * m.medium)
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap)
        text = self.banner.text if self.banner is not None else ""
        words = QFontMetricsF(font(m.medium, bold=True)).boundingRect(room, flags, text)
        self.resize(self.width(), round(words.height() + 2.5 * g))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint a cross or dashed circle, and the words."""
        if self.banner is None:
            return
        m, g = self.metrics, self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = LOST if self.banner.alarming else QUIET
        box = QRectF(self.rect()).adjusted(m.hair, m.hair, -m.hair, -m.hair)
        painter.setPen(QPen(colour, 2 * m.hair))
        painter.setBrush(faded(BACK, 0.94))
        painter.drawRoundedRect(box, g / 2, g / 2)
        mark = QRectF(2 * g, 0, m.medium, m.medium)
        mark.moveTop(box.center().y() - mark.height() / 2)
        draw_status(painter, mark, "lost" if self.banner.alarming else "unknown")
        painter.setFont(font(m.medium, bold=True))
        painter.setPen(TEXT)
        room = box.adjusted(mark.right() + 1.5 * g, 0, -2 * g, 0)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(room, int(flags | Qt.TextFlag.TextWordWrap), self.banner.text)
        painter.end()


class Notices(Sized):
    """The newest notice that was not dismissed, on one line.

    Parameters
    ----------
    parent : QWidget
        Of the view.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.dismissed: set[Notice] = set()  # subjects
        self.notices: tuple[Notice, ...] = ()
        self.widest = 400
        self.row = QHBoxLayout(self)
        self.text = ElidedLabel()
        self.button = QPushButton(label("dismiss"))
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.clicked.connect(self.dismiss)
        self.row.addWidget(self.text, 1)
        self.row.addWidget(self.button)
        self.hide()

    def show_notices(self, notices: tuple[Notice, ...]) -> None:
        """Show the newest of the notices that were not dismissed; the tool tip has all."""
        self.dismissed &= {n.subject for n in notices}  # what comes again is shown again
        self.notices = tuple(n for n in notices if n.subject not in self.dismissed)
        text = sentence(self.notices[-1]) if self.notices else ""
        if len(self.notices) > 1:
            more = {"notice": text, "count": len(self.notices) - 1}
            text = sentence(Notice("notice_and_more", more))
        if self.text.text() != text:
            self.text.setText(text, "\n".join(map(sentence, self.notices)))
            self.fit()
        self.setVisible(bool(self.notices))

    def fit(self, widest: int = 0) -> None:
        """Set the width to what the words need, up to the widest, px, that was given last."""
        self.widest = widest or self.widest
        g = self.metrics.grid
        words = QFontMetricsF(self.text.font()).horizontalAdvance(self.text.text())
        width = round(words + self.button.sizeHint().width() + 7 * g)
        self.resize(min(width, self.widest), round(2.6 * self.metrics.small))

    def dismiss(self) -> None:
        """Dismiss the notice: it is not shown again."""
        if self.notices:
            self.dismissed.add(self.notices[-1].subject)
            self.show_notices(self.notices)

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        super().set_metrics(metrics)
        g = metrics.grid
        self.row.setContentsMargins(2 * g, g // 2, g, g // 2)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(
            f"Notices {{ background: {PANEL.name()}; border: 1px solid {LINE.name()};"
            f" border-left: {g // 2}px solid {ACCENT.name()}; border-radius: {g // 2}px }}"
        )
        self.text.setFont(font(metrics.small))
        self.text.setStyleSheet(f"color: {TEXT.name()}; border: 0")
        self.button.setFont(font(metrics.small))
        self.button.setStyleSheet(button_style(metrics))


class ViewButtons(Sized):
    """Buttons for the named views, with their keys, and for the skin.

    `chosen` is emitted with the name of a view, `skin` with whether it is shown.

    Parameters
    ----------
    parent : QWidget
        Of the view.
    """

    chosen = Signal(str)
    skin = Signal(bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.row = QHBoxLayout(self)
        self.buttons: list[QPushButton] = []
        for number, name in enumerate(VIEWPOINTS, 1):
            button = QPushButton(f"{number} {label(VIEWS[name])}")
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, name=name: self.chosen.emit(name))
            self.buttons.append(button)
        skin = QPushButton(f"{len(VIEWPOINTS) + 1} {label('view_skin')}")
        skin.setCheckable(True)
        skin.toggled.connect(self.skin)
        self.skin_button = skin
        self.buttons.append(skin)
        for button in self.buttons:
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self.row.addWidget(button)

    def show_active(self, name: str) -> None:
        """Light the button of the current view; a view turned by hand has none."""
        for view, button in zip(VIEWPOINTS, self.buttons, strict=False):
            button.setChecked(view == name)

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        super().set_metrics(metrics)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(metrics.grid // 2)
        for button in self.buttons:
            button.setFont(font(metrics.small))
            button.setStyleSheet(button_style(metrics))
