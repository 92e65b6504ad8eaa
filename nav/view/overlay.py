"""Paint what moves in the 3D view over the anatomy: needle, plan, shortest connections, labels."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QLinearGradient,
    QPainter,
    QPen,
    QPolygonF,
)

from nav.core.frames import Array
from nav.guidance.alarms import Level
from nav.model.case import Case
from nav.view.anatomy import Drawn
from nav.view.label_placement import LabelPlacer
from nav.view.live_display import SceneState, Segment
from nav.view.theme import ACCENT, BACK, LEVEL, QUIET, ROLE, STEEL, TEXT, Metrics, faded, font
from nav.view.words import role_word

# opacity of the needle: in front of everything, within the dura, behind bone
FREE, VEILED, HIDDEN = 1.0, 0.78, 0.33
DEPTH_TOLERANCE = 0.3  # mm
PIECE = 1.0  # mm of shaft that is tested as a whole for being in front of or behind something


class Overlay:
    """Paints a SceneState over a rendered anatomy.

    Parameters
    ----------
    drawn : Drawn
        The anatomy, with its view and depth.
    width, height : int
        Of the widget, px.
    metrics : Metrics
        Of the window.
    diameter, length : float
        Of the shaft, mm.
    labels : LabelPlacer
        Kept from picture to picture.
    """

    def __init__(
        self,
        drawn: Drawn,
        width: int,
        height: int,
        metrics: Metrics,
        diameter: float,
        length: float,
        labels: LabelPlacer,
    ) -> None:
        self.drawn, self.width, self.height, self.metrics = drawn, width, height, metrics
        self.diameter, self.length = diameter, length
        self.scale = height / 2 / drawn.view.half_height
        self.labels = labels

    def paint(self, painter: QPainter, case: Case, scene: SceneState) -> None:
        """Paint plan, fiducials, needle, connections and labels, in this order.

        Parameters
        ----------
        painter : QPainter
            Of the widget.
        case : Case
            Its plans and fiducials are shown.
        scene : SceneState
            What is shown of them, and the needle.
        """
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._plan(painter, case, scene)
        self._fiducials(painter, case, scene)
        if scene.tip is None:
            return
        if scene.heading is not None:
            if scene.ahead is not None:
                self._ahead(painter, scene.tip, scene.tip + scene.ahead * scene.heading)
            self._shaft(painter, scene.tip, scene.heading)
        for segment in scene.segments:
            self._way(painter, segment)
        self._tip(painter, scene.tip)
        self._labels(painter, case, scene)

    def _project(self, points: ArrayLike) -> Array:
        return self.drawn.view.project(points, self.width, self.height)

    def _point(self, point: ArrayLike) -> QPointF:
        x, y, _ = self._project(point)[0]
        return QPointF(x, y)

    def _strength(self, points: Array) -> Array:
        """Return the opacity of points (n, 3) of the picture (x, y, depth), 0 to 1."""
        rows, columns = self.drawn.solid.shape
        x = np.clip((points[:, 0] * columns / self.width).astype(int), 0, columns - 1)
        y = np.clip((points[:, 1] * rows / self.height).astype(int), 0, rows - 1)
        depth = points[:, 2] - DEPTH_TOLERANCE
        strength = np.full(len(points), FREE)
        strength[depth > self.drawn.veil[y, x]] = VEILED
        strength[depth > self.drawn.solid[y, x]] = HIDDEN
        return strength

    def _runs(self, start: Array, end: Array) -> list[tuple[Array, Array, float]]:
        """Return a line cut where it passes behind or before something: ends and opacity."""
        count = max(2, int(np.linalg.norm(end - start) / PIECE) + 1)
        along = np.linspace(0.0, 1.0, count + 1)
        points = start + along[:, None] * (end - start)
        projected = self._project(points)
        strength = self._strength((projected[1:] + projected[:-1]) / 2)
        cuts = np.flatnonzero(np.diff(strength)) + 1
        edges = [0, *cuts.tolist(), count]
        return [(projected[a], projected[b], float(strength[a])) for a, b in pairwise(edges)]

    def _shaft(self, painter: QPainter, tip: Array, heading: Array) -> None:
        half = max(1.25 * self.metrics.hair, self.scale * self.diameter / 2)
        hub = tip - heading * self.length
        for a, b, strength in self._runs(hub, tip):
            start, end = QPointF(a[0], a[1]), QPointF(b[0], b[1])
            along = end - start
            length = float(np.hypot(along.x(), along.y()))
            if length < 0.5:
                painter.setPen(QPen(BACK, self.metrics.hair))
                painter.setBrush(faded(STEEL, strength))
                painter.drawEllipse(end, half, half)
                continue
            across = QPointF(-along.y(), along.x()) / length * half
            # lit from the upper left, as the anatomy is
            if across.y() > 0 or (across.y() == 0 and across.x() > 0):
                across = -across
            gradient = QLinearGradient(start + across, start - across)
            for place, grey in ((0.0, 0.55), (0.3, 1.0), (0.45, 0.95), (1.0, 0.32)):
                colour = QColor.fromRgbF(
                    STEEL.redF() * grey, STEEL.greenF() * grey, STEEL.blueF() * grey, strength
                )
                gradient.setColorAt(place, colour)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(gradient)
            painter.drawPolygon(
                QPolygonF([start + across, end + across, end - across, start - across])
            )
            painter.setPen(QPen(faded(BACK, 0.8 * strength), self.metrics.hair))
            painter.drawLine(start + across, end + across)
            painter.drawLine(start - across, end - across)

    def _ahead(self, painter: QPainter, tip: Array, hit: Array) -> None:
        """Paint dots along the heading, and a cross where it would first hit something."""
        g = self.metrics.grid
        start, end = self._point(tip), self._point(hit)
        pen = QPen(faded(TEXT, 0.75), 0.25 * g, Qt.PenStyle.DotLine, Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLine(start, end)
        painter.setPen(QPen(TEXT, 0.25 * g, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        arm = 0.6 * g
        painter.drawLine(end + QPointF(-arm, -arm), end + QPointF(arm, arm))
        painter.drawLine(end + QPointF(-arm, arm), end + QPointF(arm, -arm))

    def _tip(self, painter: QPainter, tip: Array) -> None:
        g = self.metrics.grid
        place = self._point(tip)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((faded(BACK, 0.8), 0.6 * g), (TEXT, 0.28 * g)):
            painter.setPen(QPen(colour, width))
            painter.drawEllipse(place, 1.1 * g, 1.1 * g)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(TEXT)
        painter.drawEllipse(place, 0.28 * g, 0.28 * g)

    def _plan(self, painter: QPainter, case: Case, scene: SceneState) -> None:
        plan = next((p for p in case.plans if p.name == scene.plan), None)
        if plan is None:
            return
        m = self.metrics
        for a, b, strength in self._runs(plan.entry, plan.target):
            pen = QPen(faded(ACCENT, strength), 0.3 * m.grid)
            pen.setDashPattern([4.0, 3.0])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawLine(QPointF(a[0], a[1]), QPointF(b[0], b[1]))
        target = self._point(plan.target)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((faded(BACK, 0.7), 0.55 * m.grid), (ACCENT, 0.28 * m.grid)):
            painter.setPen(QPen(colour, width))
            painter.drawEllipse(target, 1.6 * m.grid, 1.6 * m.grid)
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                way = QPointF(dx, dy) * m.grid
                painter.drawLine(target + way * 1.0, target + way * 2.4)

    def _fiducials(self, painter: QPainter, case: Case, scene: SceneState) -> None:
        m = self.metrics
        for fiducial in case.fiducials:
            if fiducial.label not in scene.fiducials:
                continue
            wanted = fiducial.label == scene.wanted
            place = self._point(fiducial.position)
            size = (1.0 if wanted else 0.55) * m.grid
            painter.setPen(QPen(BACK, m.hair))
            painter.setBrush(ACCENT if wanted else QUIET)
            painter.drawPolygon(
                QPolygonF(
                    [
                        place + QPointF(0, -size),
                        place + QPointF(size, 0),
                        place + QPointF(0, size),
                        place + QPointF(-size, 0),
                    ]
                )
            )
            painter.setFont(font(m.medium if wanted else m.small, bold=wanted))
            painter.setPen(TEXT if wanted else QUIET)
            painter.drawText(place + QPointF(1.4 * m.grid, 0.4 * m.small), fiducial.label)

    def _way(self, painter: QPainter, segment: Segment) -> None:
        g = self.metrics.grid
        start, end = self._point(segment.start), self._point(segment.end)
        for colour, width in ((faded(BACK, 0.7), 0.6 * g), (LEVEL[segment.level], 0.3 * g)):
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(start, end)
        painter.setPen(QPen(BACK, self.metrics.hair))
        painter.setBrush(LEVEL[segment.level])
        painter.drawEllipse(end, 0.45 * g, 0.45 * g)

    def _labels(self, painter: QPainter, case: Case, scene: SceneState) -> None:
        """Paint the millimetres to each structure on a plate that covers nothing of interest."""
        if scene.tip is None:
            return
        g = self.metrics.grid
        tip = self._point(scene.tip)
        ends = [self._point(segment.end) for segment in scene.segments]
        lines = [QLineF(tip, end) for end in ends]
        if scene.heading is not None:
            lines.append(QLineF(self._point(scene.tip - 50.0 * scene.heading), tip))
            lines.append(QLineF(tip, self._point(scene.tip + 10.0 * scene.heading)))
        for plan in case.plans:
            if plan.name == scene.plan:
                lines.append(QLineF(self._point(plan.entry), self._point(plan.target)))
        room = QRectF(0, 0, self.width, self.height).adjusted(g, g, -g, -8 * g)
        taken: list[QRectF] = []
        for segment, end in zip(scene.segments, ends, strict=True):
            taken.append(self._label(painter, segment, end, room, taken, lines))

    def _label(
        self,
        painter: QPainter,
        segment: Segment,
        end: QPointF,
        room: QRectF,
        taken: list[QRectF],
        lines: list[QLineF],
    ) -> QRectF:
        m, g = self.metrics, self.metrics.grid
        urgent = segment.level > Level.CLEAR
        small, medium = font(m.small), font(m.medium if urgent else m.small, bold=True)
        name = QFontMetricsF(small).horizontalAdvance(role_word(segment.role))
        number = QFontMetricsF(medium).horizontalAdvance(segment.text)
        size = (name + number + 5 * g, 1.6 * (m.medium if urgent else m.small))
        plate = self.labels.place(segment.role, end, size, room, taken, lines, g)
        colour = LEVEL[segment.level]
        painter.setPen(QPen(faded(colour, 0.6), m.hair))
        painter.drawLine(end, _nearest(plate, end))
        painter.setPen(QPen(colour, 1.5 * m.hair))
        painter.setBrush(faded(BACK, 0.9))
        painter.drawRoundedRect(plate, 0.5 * g, 0.5 * g)
        chip = QRectF(plate.left() + g, plate.center().y() - 0.6 * g, 1.2 * g, 1.2 * g)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ROLE[segment.role])
        painter.drawRect(chip)
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(small)
        painter.setPen(QUIET)
        painter.drawText(plate.adjusted(2.75 * g, 0, 0, 0), flags, role_word(segment.role))
        painter.setFont(medium)
        painter.setPen(colour)
        painter.drawText(
            plate.adjusted(0, 0, -g, 0), flags | Qt.AlignmentFlag.AlignRight, segment.text
        )
        return plate


def _nearest(box: QRectF, point: QPointF) -> QPointF:
    """Return the point of a box nearest to a point."""
    return QPointF(
        min(max(point.x(), box.left()), box.right()), min(max(point.y(), box.top()), box.bottom())
    )
