"""Paint strokes, seeds and the brush over a slice."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker, QPen

from nav.core.frames import Array
from nav.core.notice import Notice
from nav.reconstruction.guidance import Stroke
from nav.text.catalogue import sentence
from nav.view.case.case_text import short_name
from nav.view.case.draft import Draft, Tool, shown_role
from nav.view.case.marks import paint_cross, paint_label
from nav.view.case.planes import Picture
from nav.view.theme import ACCENT, BACK, ROLE, TEXT, Metrics, faded

SEED_NEAR, SEED_FAR = 1.5, 8.0  # mm from the slice: a seed shows fully to here, faintly to there
FAINT, WASH = 0.35, 0.45
ERASED = QColor("#0b0f14")
PROPOSED = QColor("#ffffff")


def paint_draft(
    painter: QPainter, draft: Draft, cross: Array, picture: Picture, m: Metrics
) -> None:
    """Paint all strokes where they cross the slice, and seeds near it.

    Parameters
    ----------
    painter : QPainter
        Of the slice.
    draft : Draft
        To show.
    cross : ndarray, shape (3,)
        The slice passes through it, model frame, mm.
    picture : Picture
        Of the slice.
    m : Metrics
        Of the window.
    """
    position = float(cross[picture.plane.normal])
    for stroke in draft.guidance.strokes:
        _paint_stroke(painter, stroke, position, picture, m)
    for seed in draft.guidance.seeds:
        off = abs(seed.point[picture.plane.normal] - position)
        if off > SEED_FAR:
            continue
        alpha = 1.0 if off <= SEED_NEAR else FAINT
        x, y = picture.pixels(seed.point)
        colour = faded(ROLE.get(shown_role(seed.name), TEXT).lighter(130), alpha)
        paint_cross(painter, QPointF(x, y), 2.2 * m.grid, faded(BACK, alpha), 3.4 * m.hair)
        paint_cross(painter, QPointF(x, y), 2.2 * m.grid, colour, 1.7 * m.hair)
        at = QPointF(x, y) + QPointF(1.2, -1.2) * m.grid
        named = Notice("seed_named", {"structure": short_name(seed.name)})
        paint_label(painter, at, sentence(named), colour, m)


def paint_brush(
    painter: QPainter, draft: Draft, tool: Tool, at: Array, picture: Picture, m: Metrics
) -> None:
    """Paint the brush under the mouse.

    Parameters
    ----------
    painter : QPainter
        Of the slice.
    draft : Draft
        Structure and radius.
    tool : Tool
        Only "add" and "erase" have a brush.
    at : ndarray, shape (3,)
        The mouse, model frame, mm.
    picture : Picture
        Of the slice.
    m : Metrics
        Of the window.
    """
    if tool not in ("add", "erase") or not draft.can_paint:
        return
    x, y = picture.pixels(at)
    radius = draft.radius * picture.scale
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((faded(BACK, 0.8), 3.0), (ACCENT if tool == "add" else TEXT, 1.5)):
        pen = QPen(colour, width * m.hair)
        if tool == "erase":
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawEllipse(QPointF(x, y), radius, radius)


def _paint_stroke(
    painter: QPainter, stroke: Stroke, position: float, picture: Picture, m: Metrics
) -> None:
    points = np.array(stroke.points)
    off = np.abs(points[:, picture.plane.normal] - position)
    near = off < stroke.radius
    if not near.any():
        return
    radii = np.sqrt(np.maximum(stroke.radius**2 - off**2, 0.0)) * picture.scale
    pixels = picture.pixels(points)
    colour = ERASED if stroke.erase else ROLE.get(shown_role(stroke.structure), TEXT)
    wash = faded(colour, 0.7 if stroke.erase else WASH)
    # one layer, so that places that the brush passed twice are not painted twice
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    for k in np.flatnonzero(near):
        centre = QPointF(*(float(v) for v in pixels[k]))
        path.addEllipse(centre, float(radii[k]), float(radii[k]))
        if k > 0 and near[k - 1]:
            line = QPainterPath(QPointF(*(float(v) for v in pixels[k - 1])))
            line.lineTo(centre)
            wide = QPainterPathStroker()
            wide.setCapStyle(Qt.PenCapStyle.RoundCap)
            wide.setWidth(float(radii[k - 1] + radii[k]))
            path.addPath(wide.createStroke(line))
    shape = path.simplified()
    painter.fillPath(shape, wash)
    pen = QPen(faded(TEXT if stroke.erase else colour.lighter(140), 0.9), 1.2 * m.hair)
    if stroke.erase:
        pen.setStyle(Qt.PenStyle.DashLine)
    painter.strokePath(shape, pen)
    painter.restore()
