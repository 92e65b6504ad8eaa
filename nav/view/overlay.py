"""What moves in the 3D view, painted over the anatomy: needle, plan, shortest ways, labels."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QLinearGradient,
    QPainter,
    QPen,
    QPolygonF,
)

from nav.frames import Array
from nav.model.case import Case
from nav.view.anatomy import Drawn
from nav.view.state import SceneState, Segment
from nav.view.theme import ACCENT, BACK, LEVEL, QUIET, ROLE, STEEL, TEXT, Metrics, faded, font

# how strongly the needle shows: in front of everything, within the dura, behind bone
FREE, VEILED, HIDDEN = 1.0, 0.78, 0.33
DEPTH_TOLERANCE = 0.3  # mm
PIECE = 1.0  # mm of shaft that is in front of or behind something as a whole


class Overlay:
    """Paints a SceneState over a drawn anatomy.

    width, height : of the widget, px. diameter, length : of the shaft, mm.
    """

    def __init__(
        self,
        drawn: Drawn,
        width: int,
        height: int,
        metrics: Metrics,
        diameter: float,
        length: float,
    ) -> None:
        self.drawn, self.width, self.height, self.metrics = drawn, width, height, metrics
        self.diameter, self.length = diameter, length
        self.scale = height / 2 / drawn.view.half_height
        self.taken: list[QRectF] = []

    def paint(self, painter: QPainter, case: Case, scene: SceneState) -> None:
        """Plan, fiducials, needle, ways and labels, in this order."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._plan(painter, case, scene)
        self._fiducials(painter, case, scene)
        if scene.tip is None:
            return
        if scene.heading is not None:
            self._shaft(painter, scene.tip, scene.heading)
        for segment in scene.segments:
            self._way(painter, segment)
        self._tip(painter, scene.tip)
        for segment in sorted(scene.segments, key=lambda s: s.level):
            self._label(painter, segment)

    def _project(self, points: ArrayLike) -> Array:
        return self.drawn.view.project(points, self.width, self.height)

    def _point(self, point: ArrayLike) -> QPointF:
        x, y, _ = self._project(point)[0]
        return QPointF(x, y)

    def _strength(self, points: Array) -> Array:
        """How strongly points (n, 3) of the picture (x, y, depth) show, 0 to 1."""
        rows, columns = self.drawn.solid.shape
        x = np.clip((points[:, 0] * columns / self.width).astype(int), 0, columns - 1)
        y = np.clip((points[:, 1] * rows / self.height).astype(int), 0, rows - 1)
        depth = points[:, 2] - DEPTH_TOLERANCE
        strength = np.full(len(points), FREE)
        strength[depth > self.drawn.veil[y, x]] = VEILED
        strength[depth > self.drawn.solid[y, x]] = HIDDEN
        return strength

    def _runs(self, start: Array, end: Array) -> list[tuple[Array, Array, float]]:
        """A straight way cut where it passes behind or before something: ends and strength."""
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

    def _label(self, painter: QPainter, segment: Segment) -> None:
        """The millimetres beside the structure's end, on a plate that covers no other one."""
        m, g = self.metrics, self.metrics.grid
        start, end = self._point(segment.start), self._point(segment.end)
        painter.setFont(font(m.medium, bold=True))
        text = segment.text
        width = QFontMetricsF(painter.font()).horizontalAdvance(text) + 3.5 * g
        plate = QRectF(0, 0, width, 1.5 * m.medium)
        way = end - start
        length = float(np.hypot(way.x(), way.y()))
        out = way / length if length > 1 else QPointF(0, -1 if segment.role == "artery" else 1)
        wanted = end + QPointF(
            out.x() * (plate.width() / 2 + 3 * g), out.y() * (plate.height() / 2 + 5 * g)
        )
        plate.moveCenter(wanted)
        plate = self._free(plate)
        self.taken.append(plate)
        painter.setPen(QPen(faded(LEVEL[segment.level], 0.7), self.metrics.hair))
        painter.drawLine(end, plate.center())
        painter.setPen(QPen(LEVEL[segment.level], 1.5 * self.metrics.hair))
        painter.setBrush(faded(BACK, 0.92))
        painter.drawRoundedRect(plate, 0.5 * g, 0.5 * g)
        chip = QRectF(plate.left() + g, plate.center().y() - 0.6 * g, 1.2 * g, 1.2 * g)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ROLE[segment.role])
        painter.drawRect(chip)
        painter.setPen(LEVEL[segment.level])
        painter.drawText(plate.adjusted(1.6 * g, 0, 0, 0), Qt.AlignmentFlag.AlignCenter, text)

    def _free(self, plate: QRectF) -> QRectF:
        """The plate moved the least way up or down that keeps it free and in the view."""
        g = self.metrics.grid
        room = QRectF(0, 0, self.width, self.height).adjusted(g, g, -g, -g)
        plate.moveLeft(min(max(plate.left(), room.left()), room.right() - plate.width()))
        steps = [0.0]
        for k in range(1, 40):
            steps += [k * g, -k * g]
        for step in steps:
            moved = plate.translated(0, step)
            if room.contains(moved) and not any(moved.intersects(t) for t in self.taken):
                return moved
        return plate
