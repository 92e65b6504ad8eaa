"""Fit words to their room: what is too long ends in … and has a tool tip."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy


class ElidedLabel(QLabel):
    """Text that is as wide as its room; `text` is the whole of it.

    Parameters
    ----------
    text : str
        To show, on one line, or on two smaller ones where `set_fonts` gave a font for these.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._whole, self._hint = text, ""
        self._one_line, self._two_lines = self.font(), self.font()
        self._may_wrap = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._fit()

    def text(self) -> str:
        """Return the whole text."""
        return self._whole

    def setText(self, text: str, hint: str = "") -> None:
        """Show another text; `hint` is its tool tip even where all of it is seen."""
        if (text, hint) != (self._whole, self._hint):
            self._whole, self._hint = text, hint
            self._fit()

    def setFont(self, font: QFont | str | Sequence[str]) -> None:
        """Show it on one line in another font."""
        self._one_line = font if isinstance(font, QFont) else QFont(font)
        self._may_wrap = False
        self._fit()

    def set_fonts(self, one_line: QFont, two_lines: QFont) -> None:
        """Show it on one line, or in the second font on two where it is too long for that."""
        self._one_line, self._two_lines, self._may_wrap = one_line, two_lines, True
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as much as fits now."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room, font = float(self.contentsRect().width()), self._one_line
        shown = elided(self._whole, QFontMetricsF(font), room)
        if shown != self._whole and self._may_wrap:
            font = self._two_lines
            box = QRectF(0.0, 0.0, room, 2.0 * QFontMetricsF(font).lineSpacing())
            shown = fitted(self._whole, font, box)
        super().setFont(font)
        super().setText(shown)
        whole = " ".join(shown.split()) == " ".join(self._whole.split())
        self.setToolTip(self._hint or ("" if whole else self._whole))


def fitted(text: str, font: QFont, box: QRectF) -> str:
    """Return as much of a text as fits into a box, over several lines if need be.

    Parameters
    ----------
    text : str
        One line.
    font : QFont
        It is painted with.
    box : QRectF
        The room, px.

    Returns
    -------
    str
        The lines; the last one ends in … where there was more.
    """
    metrics = QFontMetricsF(font)
    most = max(1, int(box.height() / metrics.lineSpacing() + 1e-6))
    lines: list[str] = []
    words = text.split()
    while words:
        line = words.pop(0)
        while words and painted_width(f"{line} {words[0]}", metrics) <= box.width():
            line = f"{line} {words.pop(0)}"
        if len(lines) + 1 == most:
            line, words = " ".join([line, *words]), []
        lines.append(elided(line, metrics, box.width()))
    return "\n".join(lines)


def elided(text: str, metrics: QFontMetricsF, width: float) -> str:
    """Return a text that ends in … where it is longer than a width.

    Qt's own may be a pixel too long, as it does not measure the last letter and … together.

    Parameters
    ----------
    text : str
        One line.
    metrics : QFontMetricsF
        Of its font.
    width : float
        px.

    Returns
    -------
    str
    """
    room, shown = width, text
    while room > 0.0 and painted_width(shown, metrics) > width:
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        room -= 1.0
    return shown


def painted_width(text: str, metrics: QFontMetricsF) -> float:
    """Return how wide a text is when it is painted into a box: letters may lean out of their place.

    Parameters
    ----------
    text : str
        One line.
    metrics : QFontMetricsF
        Of its font.

    Returns
    -------
    float
        px.
    """
    return metrics.boundingRect(QRectF(0.0, 0.0, 1e5, 1e5), 0, text).width()
