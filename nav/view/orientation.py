"""Show the patient's orientation in the view, and the length of ten millimetres."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from nav.view.parallel_camera import View
from nav.view.theme import BACK, FAINT, QUIET, TEXT, Metrics, faded, font

AXES = (("L", "R"), ("P", "A"), ("S", "I"))  # of +x, -x, ... in LPS


def paint_axes(painter: QPainter, view: View, middle: QPointF, metrics: Metrics) -> None:
    """Paint three axes with a letter at either end; those pointing away from the viewer are faint.

    Parameters
    ----------
    painter : QPainter
        Of the view.
    view : View
        Its orientation.
    middle : QPointF
        Where the axes meet, px.
    metrics : Metrics
        Of the window.
    """
    reach = 5.5 * metrics.grid
    ends = []
    for axis, letters in enumerate(AXES):
        for sign, letter in zip((1.0, -1.0), letters, strict=True):
            direction = np.zeros(3)
            direction[axis] = sign
            ends.append((float(direction @ view.backwards), direction, letter))
    painter.setFont(font(metrics.small, bold=True))
    for near, direction, letter in sorted(ends, key=lambda end: end[0]):
        x, y = float(direction @ view.right), -float(direction @ view.up)
        place = middle + QPointF(x, y) * reach
        front = near > -0.05
        painter.setPen(QPen(QUIET if front else FAINT, 1.5 * metrics.hair))
        painter.drawLine(middle, place)
        if np.hypot(x, y) < 0.25 and not front:
            continue  # hidden behind the one that points at the viewer
        disc = 0.75 * metrics.small
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(faded(BACK, 0.9))
        painter.drawEllipse(place, disc, disc)
        painter.setPen(TEXT if front else FAINT)
        painter.drawText(
            QRectF(place.x() - disc, place.y() - disc, 2 * disc, 2 * disc),
            Qt.AlignmentFlag.AlignCenter,
            letter,
        )


def paint_ruler(painter: QPainter, pixels_per_mm: float, right: QPointF, metrics: Metrics) -> None:
    """Paint a bar of 10 mm (or 1, 5, 20, 50: what fits).

    Parameters
    ----------
    painter : QPainter
        Of the view.
    pixels_per_mm : float
        Scale of the view.
    right : QPointF
        The bar's right end, px.
    metrics : Metrics
        Of the window.
    """
    wanted = 12 * metrics.grid / pixels_per_mm
    length = min((1.0, 5.0, 10.0, 20.0, 50.0), key=lambda mm: abs(np.log(mm / wanted)))
    left = right - QPointF(length * pixels_per_mm, 0)
    tick = QPointF(0, 0.6 * metrics.grid)
    painter.setPen(QPen(TEXT, 1.5 * metrics.hair))
    painter.drawLine(left, right)
    painter.drawLine(left - tick, left + tick)
    painter.drawLine(right - tick, right + tick)
    painter.setFont(font(metrics.small))
    room = QRectF(
        left.x() - 50,
        left.y() - 2.2 * metrics.small,
        right.x() - left.x() + 100,
        1.6 * metrics.small,
    )
    painter.drawText(room, Qt.AlignmentFlag.AlignCenter, f"{length:g} mm")
