"""Paint a slice: grey values, contours, marks, cross-hair, patient directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPen, QTransform

from nav.core.frames import Array
from nav.guidance.alarms import Level
from nav.model.case import Plan
from nav.text.catalogue import label
from nav.view.case.case_state import ViewState
from nav.view.case.case_text import short_name, slice_title, window_text
from nav.view.case.draft_painting import paint_draft
from nav.view.case.marks import paint_cross, paint_fiducials, paint_label, paint_plan
from nav.view.case.planes import Picture
from nav.view.case.proposal import paint_proposal
from nav.view.orientation import paint_ruler
from nav.view.theme import ACCENT, BACK, LEVEL, QUIET, ROLE, TEXT, Metrics, faded, font

if TYPE_CHECKING:
    from nav.view.case.slice_widget import Sources

NEAR, FAR = 3.0, 12.0  # mm from the slice: marks show fully to NEAR, faintly to FAR
FAINT_MARK = 0.3
GAP = 2.2  # of the grid: half the hole in the middle of the cross-hair
LABELLED = ("bone", "artery")  # roles whose names are written in the slices
SHORTEST_LABELLED = 8.0  # mm of length: shorter contours have no name beside them


def paint_slice(
    painter: QPainter, sources: Sources, state: ViewState, picture: Picture, m: Metrics
) -> None:
    """Paint one slice of a case.

    Parameters
    ----------
    painter : QPainter
        Of the slice.
    sources : Sources
        Of the case.
    state : ViewState
        What is shown.
    picture : Picture
        Of the slice.
    m : Metrics
        Of the window.
    """
    painter.fillRect(QRectF(0, 0, picture.width, picture.height), BACK)
    _greys(painter, sources, state, picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _contours(painter, sources, state, picture, m)
    if state.proposal is not None:
        paint_proposal(painter, state.proposal, state.cross, picture, m, state.stale)
    _names(painter, sources, state, picture, m)
    if state.draft is not None:
        paint_draft(painter, state.draft, state.cross, picture, m)

    def strength(points: Array) -> Array:
        return strength_off_slice(points, picture, state.cross)

    for plan in state.shown_plans:
        paint_plan(painter, plan, picture.pixels, strength, m)
        _crossing(painter, plan, state, picture, m)
    if state.begun is not None:
        x, y = picture.pixels(state.begun)
        paint_cross(painter, QPointF(x, y), 1.8 * m.grid, ACCENT, 1.5 * m.hair)
    paint_fiducials(painter, sources.viewed.case.fiducials, picture.pixels, strength, m)
    _cross_hair(painter, state, picture, m)
    _frame(painter, sources, state, picture, m)


def strength_off_slice(points: Array, picture: Picture, cross: Array) -> Array:
    """Return the opacity of points in a slice, by their distance from it.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Model frame, mm.
    picture : Picture
        Of the slice.
    cross : ndarray, shape (3,)
        The slice passes through it, model frame, mm.

    Returns
    -------
    ndarray, shape (n,)
        0 to 1.
    """
    axis = picture.plane.normal
    off = np.abs(points[:, axis] - cross[axis])
    return np.where(off <= NEAR, 1.0, np.where(off <= FAR, FAINT_MARK, 0.0))


def crossing(plan: Plan, axis: int, position: float) -> Array | None:
    """Return where a plan's line crosses a slice.

    Parameters
    ----------
    plan : Plan
        Model frame, mm.
    axis : int
        Model axis that the slice is perpendicular to.
    position : float
        Of the slice along it, mm.

    Returns
    -------
    ndarray, shape (3,), or None
        Model frame, mm; None where it does not cross it.
    """
    start, end = plan.entry[axis] - position, plan.target[axis] - position
    if start * end > 0.0 or start == end:
        return None
    return np.asarray(plan.entry + start / (start - end) * (plan.target - plan.entry), float)


def _crossing(
    painter: QPainter, plan: Plan, state: ViewState, picture: Picture, m: Metrics
) -> None:
    axis = picture.plane.normal
    point = crossing(plan, axis, float(state.cross[axis]))
    if point is None:
        return
    x, y = picture.pixels(point)
    painter.setPen(QPen(BACK, m.hair))
    painter.setBrush(ACCENT)
    painter.drawEllipse(QPointF(x, y), 0.5 * m.grid, 0.5 * m.grid)


def _greys(painter: QPainter, sources: Sources, state: ViewState, picture: Picture) -> None:
    if sources.slices is None:
        return
    plane = picture.plane
    shown = sources.slices.slice(plane, float(state.cross[plane.normal]))
    greys = np.ascontiguousarray(state.window.greys(shown.values))
    rows, columns = greys.shape
    image = QImage(greys.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
    (left, top), (right, bottom) = picture.pixels_in_plane(np.array([shown.low, shown.high]))
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(left, top, right - left, bottom - top), image)


def _contours(
    painter: QPainter, sources: Sources, state: ViewState, picture: Picture, m: Metrics
) -> None:
    plane, scale = picture.plane, picture.scale
    position = float(state.cross[plane.normal])
    x, y = picture.pixels_in_plane(np.zeros(2))
    sx, sy = plane.signs
    painter.save()
    painter.setTransform(QTransform(sx * scale, 0, 0, sy * scale, x, y), True)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for structure in sources.viewed.case.structures:
        if structure.name in state.hidden:
            continue
        paths = sources.paths.paths(structure.name, plane, position, state.by_sigma)
        role = ROLE.get(structure.role, ROLE["other"])
        for dark, width in ((True, 3.4), (False, 1.6)):
            for colour, path in paths:
                pen = QPen(faded(BACK, 0.75) if dark else colour or role, width * m.hair)
                pen.setCosmetic(True)
                painter.setPen(pen)
                painter.drawPath(path)
    painter.restore()


def _names(
    painter: QPainter, sources: Sources, state: ViewState, picture: Picture, m: Metrics
) -> None:
    """Paint the names of structures beside their longest contour."""
    plane = picture.plane
    position = float(state.cross[plane.normal])
    painter.setFont(font(m.small))
    words = QFontMetricsF(font(m.small))
    taken: list[QRectF] = []
    low, high = sources.viewed.focus
    middle = float(picture.pixels((low + high) / 2.0)[0])
    for structure in sources.viewed.case.structures:
        if structure.name in state.hidden or structure.role not in LABELLED:
            continue
        lines = sources.contours.contour(structure.name, plane, position).lines
        if not lines:
            continue
        lengths = [float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum()) for line in lines]
        longest = int(np.argmax(lengths))
        if lengths[longest] < SHORTEST_LABELLED:
            continue
        pixels = picture.pixels_in_plane(lines[longest])
        name = short_name(structure.name)
        width = words.horizontalAdvance(name)
        ends = [(int(pixels[:, 0].argmin()), -width - m.grid), (int(pixels[:, 0].argmax()), m.grid)]
        if pixels[:, 0].mean() > middle:  # outwards, where there is room
            ends.reverse()
        for number, shift in ends:
            px, py = pixels[number]
            left = px + shift
            box = QRectF(left, py - 0.8 * m.small, width, 1.2 * m.small)
            inside = QRectF(0, 0, picture.width, picture.height).contains(box)
            if inside and not any(box.intersects(other) for other in taken):
                taken.append(box)
                colour = ROLE.get(structure.role, ROLE["other"]).lighter(115)
                paint_label(painter, QPointF(left, py + 0.3 * m.small), name, colour, m)
                break


def _cross_hair(painter: QPainter, state: ViewState, picture: Picture, m: Metrics) -> None:
    x, y = (float(v) for v in picture.pixels(state.cross))
    gap = GAP * m.grid
    painter.setPen(QPen(faded(ACCENT, 0.55), m.hair))
    for a, b in (
        ((0.0, y), (x - gap, y)),
        ((x + gap, y), (picture.width, y)),
        ((x, 0.0), (x, y - gap)),
        ((x, y + gap), (x, picture.height)),
    ):
        if a[0] <= b[0] and a[1] <= b[1]:
            painter.drawLine(QPointF(*a), QPointF(*b))


def _frame(
    painter: QPainter, sources: Sources, state: ViewState, picture: Picture, m: Metrics
) -> None:
    """Paint title, directions, window and ruler."""
    g, width, height = m.grid, picture.width, picture.height
    paint_label(
        painter,
        QPointF(1.5 * g, 1.2 * g + m.small),
        slice_title(picture.plane, state.cross),
        TEXT,
        m,
    )
    below = window_text(state.window) if sources.slices is not None else label("case_no_scan")
    colour = QUIET if sources.slices is not None else LEVEL[Level.CAUTION]
    paint_label(painter, QPointF(1.5 * g, height - 1.5 * g), below, colour, m)
    painter.setFont(font(m.medium, bold=True))
    size = 2.0 * m.medium
    left, right, upper, lower = picture.plane.letters
    for letter, x, y in (
        (left, 0.4 * g + size / 2, height / 2),
        (right, width - 0.4 * g - size / 2, height / 2),
        (upper, width / 2, 0.4 * g + size / 2),
        (lower, width / 2, height - 0.4 * g - size / 2),
    ):
        box = QRectF(x - size / 2, y - size / 2, size, size)
        painter.setPen(faded(BACK, 0.9))
        painter.drawText(
            box.translated(1.5 * m.hair, 1.5 * m.hair), Qt.AlignmentFlag.AlignCenter, letter
        )
        painter.setPen(TEXT)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, letter)
    paint_ruler(painter, picture.scale, QPointF(width - 2.5 * g, height - 2.0 * g), m)
