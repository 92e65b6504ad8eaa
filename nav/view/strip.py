"""The strip chart: the distances over the last half minute, with bounds and limits."""

from typing import Any

import numpy as np
import pyqtgraph
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout

from nav.guidance.alarms import Level
from nav.text.catalogue import label
from nav.view.history import SPAN, History
from nav.view.sized import Sized
from nav.view.theme import FAINT, LEVEL, LINE, PANEL, QUIET, ROLE, TEXT, Metrics, faded, font
from nav.view.words import role_word

# s between two updates: a chart of 30 s moves one pixel in this time
EVERY = 0.1


class Strip(Sized):
    """Charts one above the other, one for each role that has a gauge.

    Parameters
    ----------
    limits : dict of str to tuple
        By role: caution, danger and the scale's end, mm, as of `nav.view.live_state.gauge_limits`.
    """

    def __init__(self, limits: dict[str, tuple[float | None, float | None, float]]) -> None:
        super().__init__()
        self.history = History()
        self.limits = limits
        self._last = -np.inf
        self.graphics: Any = pyqtgraph.GraphicsLayoutWidget()
        self.graphics.setBackground(PANEL)
        self.graphics.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.graphics.setFrameShape(self.graphics.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.graphics)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.plots = {role: self._plot(row, role) for row, role in enumerate(limits)}
        self.lines = {role: self._lines(role) for role in self.plots}
        self.texts = {role: self._title(role) for role in self.plots}
        self.set_metrics(self.metrics)

    def _plot(self, row: int, role: str) -> Any:
        plot = self.graphics.addPlot(row=row, col=0)
        plot.setMouseEnabled(False, False)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        full = self.limits[role][2]
        plot.setXRange(-SPAN, 0.0, padding=0.0)
        plot.setYRange(min(-2.0, -0.15 * full), full, padding=0.0)
        for name in ("left", "bottom"):
            axis = plot.getAxis(name)
            axis.setPen(LINE)
            axis.setTextPen(QUIET)
        ticks = [(v, f"{v:g}") for v in np.arange(0.0, full - 0.1, 5.0)]
        plot.getAxis("left").setTicks([ticks])
        if row < len(self.limits) - 1:
            plot.hideAxis("bottom")
        else:
            seconds = [(-t, f"\u2212{t:g} s" if t else label("chart_now")) for t in (30, 20, 10, 0)]
            plot.getAxis("bottom").setTicks([seconds])
        return plot

    def _lines(self, role: str) -> tuple[Any, Any]:
        plot = self.plots[role]
        caution, danger, _ = self.limits[role]
        low = -10.0
        for limit, level in ((danger, Level.DANGER), (caution, Level.CAUTION)):
            if limit is None:
                continue
            zone = pyqtgraph.LinearRegionItem(
                (low, limit),
                "horizontal",
                movable=False,
                brush=faded(LEVEL[level], 0.16),
                pen=pyqtgraph.mkPen(None),
            )
            zone.setZValue(-10)
            plot.addItem(zone)
            plot.addItem(
                pyqtgraph.InfiniteLine(limit, 0, pen=pyqtgraph.mkPen(LEVEL[level], width=1))
            )
            low = limit
        plot.addItem(pyqtgraph.InfiniteLine(0.0, 0, pen=pyqtgraph.mkPen(FAINT, width=1)))
        bound = plot.plot(pen=_pen(faded(TEXT, 0.55), 1), connect="finite")
        value = plot.plot(pen=_pen(ROLE[role].lighter(120), 2), connect="finite")
        return value, bound

    def _title(self, role: str) -> Any:
        text = pyqtgraph.TextItem(role_word(role).upper(), color=TEXT, anchor=(0, 0))
        plot = self.plots[role]
        plot.addItem(text, ignoreBounds=True)
        text.setPos(-SPAN + 0.3, self.limits[role][2])
        return text

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        super().set_metrics(metrics)
        small = font(metrics.small)
        for role, plot in self.plots.items():
            for name in ("left", "bottom"):
                axis = plot.getAxis(name)
                axis.setStyle(tickFont=small, tickLength=-metrics.grid // 2)
            plot.getAxis("left").setWidth(3.2 * metrics.small)
            plot.getAxis("bottom").setHeight(1.8 * metrics.small)
            value, bound = self.lines[role]
            value.setPen(_pen(ROLE[role].lighter(120), 2 * metrics.hair))
            bound.setPen(_pen(faded(TEXT, 0.55), metrics.hair))
            self.texts[role].setFont(font(metrics.small, bold=True))
        g = metrics.grid
        self.graphics.ci.layout.setContentsMargins(g, g, 2 * g, g / 2)
        self.graphics.ci.layout.setVerticalSpacing(g / 2)

    def show_history(self, now: float, must: bool = False) -> None:
        """Draw the lines as of now, s, at most once in EVERY unless with `must`."""
        if abs(now - self._last) < EVERY and not must:  # a replay may go back
            return
        self._last = now
        for role, (value, bound) in self.lines.items():
            at, distance, lower = self.history.line(role, now)
            value.setData(at, distance)
            bound.setData(at, lower)


def _pen(colour: QColor, width: float) -> QPen:
    return pyqtgraph.mkPen(colour, width=width)
