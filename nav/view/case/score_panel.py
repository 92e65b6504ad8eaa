"""Show the score of the line that is moved, as a block of rows."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout

from nav.guidance.alarms import Level
from nav.view.case.score_text import ScoreText
from nav.view.sized import Sized
from nav.view.theme import LEVEL, QUIET, TEXT, Metrics, font


class ScorePanel(Sized):
    """Shows a ScoreText; hidden where there is no line."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: ScoreText | None = None
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.RichText)
        self.label.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.label)
        self.show_score(None)

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        super().set_metrics(metrics)
        self.label.setFont(font(metrics.small))
        self.label.setStyleSheet(f"color: {TEXT.name()}")
        self._keep_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep all lines in view in another width."""
        super().resizeEvent(event)
        self._keep_height()

    def _keep_height(self) -> None:
        """Take the height of all lines: the lists above can be scrolled, a score is read whole."""
        self.setMinimumHeight(max(0, self.label.heightForWidth(self.width())))

    def show_score(self, text: ScoreText | None) -> None:
        """Show a line's score; None hides it."""
        self.shown = text
        self.setVisible(text is not None)
        if text is None:
            return
        amber = LEVEL[Level.CAUTION].name()
        rows = "".join(
            f"<tr><td style='color:{QUIET.name()}; padding-right:8px'>{escape(word)}</td>"
            f"<td style='color:{amber if bad else TEXT.name()}'>{escape(value)}</td></tr>"
            for word, value, bad in text.rows
        )
        said = "<br>".join(escape(line) for line in text.problems)
        problems = f"<div style='color:{amber}'>{said}</div>" if said else ""
        self.label.setText(f"<b>{escape(text.title)}</b><table>{rows}</table>{problems}")
        self._keep_height()
