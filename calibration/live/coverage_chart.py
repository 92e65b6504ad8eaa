"""Drawings of what was covered: a needle's swing and spin, a body's markers and their pairs."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen

from calibration.live.body_capture import BodyCapture
from calibration.live.needle_capture import NeedleCapture
from calibration.live.spin_capture import WANTED_SPIN, SpinCapture
from calibration.live.swing import SECTORS, TILTED, Swing
from calibration.tools.body_verdict import GOOD_DIRECTIONS
from nav.text.catalogue import label
from nav.view.ask_icons import DONE
from nav.view.meter_bars import Meter, draw_meters
from nav.view.sized import Sized
from nav.view.theme import ACCENT, BACK, FAINT, LINE, PANEL, QUIET, TEXT, faded, font

WIDEST = 1.9  # of TILTED: the chart's radius
SHORT = {"side_near": "chart_near", "side_away": "chart_far"}
METER = 4.6  # height of a bar, small letters
MOST_DOTS = 400


class CoveragePanel(Sized):
    """A chart above, bars below.

    Parameters
    ----------
    capture : NeedleCapture or BodyCapture
        What is shown.
    """

    def __init__(self, capture: NeedleCapture | BodyCapture) -> None:
        super().__init__()
        self.capture = capture
        self.bars: tuple[Meter, ...] = ()

    def show_bars(self, bars: tuple[Meter, ...]) -> None:
        """Show other bars, and the present chart."""
        self.bars = bars
        self.setAccessibleName("; ".join(f"{bar.name} {bar.value}" for bar in bars))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw both."""
        m, g = self.metrics, self.metrics.grid
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(self.rect(), g / 2, g / 2)
        room = QRectF(self.rect()).adjusted(2 * g, 2 * g, -2 * g, -2 * g)
        rows = (len(self.bars) + 1) // 2
        high = METER * m.small
        foot = room.bottom() - rows * (high + g)
        side = min(room.width(), foot - room.top() - 2 * g)
        box = QRectF(0, 0, side, side)
        box.moveCenter(QPointF(room.center().x(), room.top() + side / 2))
        if isinstance(self.capture, BodyCapture):
            self._pairs(painter, box, self.capture)
        elif self.capture.step is self.capture.spin:
            self._spin(painter, box, self.capture.spin)
        else:
            self._swing(painter, box, self.capture.pivot.swing)
        for row in range(rows):
            place = QRectF(room.left(), foot + row * (high + g), room.width(), high)
            draw_meters(painter, place, self.bars[2 * row : 2 * row + 2], m)
        painter.end()

    def _swing(self, painter: QPainter, box: QRectF, swing: Swing | None) -> None:
        """Draw where the hub was seen from the tip; sectors that were reached are filled."""
        m = self.metrics
        middle, radius = box.center(), box.width() / 2 - 1.6 * m.small
        ring = QRectF(0, 0, 2 * radius, 2 * radius)
        ring.moveCenter(middle)
        step = 360.0 / SECTORS
        for sector in range(SECTORS):
            reached = swing is not None and swing.reached[sector]
            wanted = swing is not None and swing.missing == sector
            painter.setPen(QPen(LINE, m.hair))
            fill = faded(DONE, 0.35) if reached else faded(ACCENT, 0.5) if wanted else BACK
            painter.setBrush(fill)
            # Qt counts angles counter-clockwise, the picture's second axis goes down
            painter.drawPie(ring, round(16 * (-sector * step - step / 2)), round(16 * step))
        inner = QRectF(0, 0, 2 * radius / WIDEST, 2 * radius / WIDEST)
        inner.moveCenter(middle)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QUIET, 1.5 * m.hair, Qt.PenStyle.DashLine))
        painter.drawEllipse(inner)
        if swing is None:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(TEXT)
        scale = radius / (WIDEST * TILTED)
        offsets = swing.offsets[:: max(1, len(swing.offsets) // MOST_DOTS)]
        for x, y in offsets:
            painter.drawEllipse(middle + QPointF(scale * x, scale * y), 1.6 * m.hair, 1.6 * m.hair)
        x, y = scale * swing.offsets[-1]
        painter.setBrush(ACCENT)
        painter.drawEllipse(middle + QPointF(float(x), float(y)), 6 * m.hair, 6 * m.hair)
        painter.setFont(font(m.small))
        painter.setPen(QUIET)
        for sector in range(0, SECTORS, SECTORS // 4):
            words = ", ".join(label(SHORT.get(code, code)) for code in swing.words(sector))
            place = self.side_room(words, middle, radius, sector)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)

    def _spin(self, painter: QPainter, box: QRectF, spin: SpinCapture) -> None:
        """Draw how far the needle was turned, and where it is now."""
        m = self.metrics
        middle, radius = box.center(), box.width() / 2 - 1.6 * m.small
        ring = QRectF(0, 0, 2 * radius, 2 * radius)
        ring.moveCenter(middle)
        painter.setPen(QPen(LINE, m.hair))
        painter.setBrush(BACK)
        painter.drawEllipse(ring)
        if not spin.count:
            return
        angles, enough = np.degrees(spin.angles), spin.turn >= WANTED_SPIN
        painter.setBrush(faded(DONE, 0.35) if enough else faded(ACCENT, 0.5))
        wide = min(float(np.ptp(angles)), 360.0)
        # Qt counts sixteenths of a degree, counter-clockwise from three o'clock
        painter.drawPie(ring, round(16 * (90.0 + angles.min())), round(16 * wide))
        at = np.radians(90.0 + angles[-1])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ACCENT)
        place = middle + QPointF(float(radius * np.cos(at)), float(-radius * np.sin(at)))
        painter.drawEllipse(place, 6 * m.hair, 6 * m.hair)
        painter.setFont(font(m.large, bold=True))
        painter.setPen(TEXT)
        turned = f"{np.degrees(spin.turn):.0f}°"
        painter.drawText(ring, Qt.AlignmentFlag.AlignCenter, turned)

    def side_room(self, words: str, middle: QPointF, radius: float, sector: int) -> QRectF:
        """Return where the words of a side are drawn.

        Parameters
        ----------
        words : str
            Of the side.
        middle : QPointF
            Of the ring.
        radius : float
            Of the ring, px.
        sector : int
            Of the side.

        Returns
        -------
        QRectF
            As wide as they need, and inside the ring where it is wide enough.
        """
        m = self.metrics
        high, wide = 1.4 * m.small, QFontMetricsF(font(m.small)).horizontalAdvance(words) + 2.0
        corner = 0.5 * (high if sector % 4 == 0 else wide)
        depth = 0.5 * (wide if sector % 4 == 0 else high)
        # the two outer corners lie within the ring
        far = np.sqrt(max(radius**2 - corner**2, 0.0)) - depth - 0.4 * m.small
        at = 2 * np.pi * sector / SECTORS
        place = QRectF(0, 0, wide, high)
        place.moveCenter(middle + QPointF(far * np.cos(at), far * np.sin(at)))
        return place

    def _pairs(self, painter: QPainter, box: QRectF, capture: BodyCapture) -> None:
        """Draw the markers in a ring, a line between those that were seen together."""
        m = self.metrics
        ids = [marker.id for marker in capture.body.markers]
        size = min(2.2 * m.medium, 0.5 * np.pi * box.width() / max(len(ids), 1))
        radius = box.width() / 2 - size
        angles = 2 * np.pi * np.arange(len(ids)) / len(ids) - np.pi / 2
        places = {
            marker: box.center() + QPointF(radius * np.cos(a), radius * np.sin(a))
            for marker, a in zip(ids, angles, strict=True)
        }
        for (one, other), count in capture.pairs.items():
            painter.setPen(QPen(faded(DONE, 0.8 if count >= 3 else 0.35), 2 * m.hair))
            painter.drawLine(places[one], places[other])
        for marker, at in places.items():
            circle = QRectF(0, 0, size, size)
            circle.moveCenter(at)
            painter.setPen(QPen(LINE, m.hair))
            complete = capture.complete(marker)
            painter.setBrush(DONE if complete else PANEL if capture.pictures(marker) else BACK)
            painter.drawEllipse(circle)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(DONE, 4 * m.hair))
            share = min(capture.directions(marker) / GOOD_DIRECTIONS, 1.0)
            painter.drawArc(circle, 90 * 16, -round(5760 * share))
            painter.setFont(font(m.small, bold=True))
            painter.setPen(BACK if complete else TEXT if capture.pictures(marker) else FAINT)
            painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, str(marker))
