"""The case in 3D: turned and zoomed with the mouse, with fiducials, plans and the cross-hair."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QMouseEvent, QPainter

from nav.core.frames import Array
from nav.view.anatomy import Drawn
from nav.view.case.case_state import ViewState
from nav.view.case.loading import ViewedCase
from nav.view.case.marks import paint_cross, paint_fiducials, paint_label, paint_plan
from nav.view.parallel_camera import View
from nav.view.render_process import Drawing, Wanted
from nav.view.scene_widget import SceneWidget
from nav.view.theme import ACCENT, QUIET, faded
from nav.view.viewpoints import UP

TITLE = "3D"
FROM = (0.62, 0.72, 0.34)  # from behind, the left and above
MARGIN = 1.08
BEHIND = 0.35  # opacity of what is behind a surface
DEPTH_TOLERANCE = 0.5  # mm


class CaseScene(SceneWidget):
    """Shows the structures of a ViewState in 3D.

    Parameters
    ----------
    viewed : ViewedCase
        The case.
    state : ViewState
        What is shown.
    drawing : Drawing, optional
        What renders the pictures; by default this process.
    """

    def __init__(
        self, viewed: ViewedCase, state: ViewState, drawing: Drawing | None = None
    ) -> None:
        super().__init__(viewed.case, 1.0, 1.0, drawing=drawing)
        self.viewed, self.state = viewed, state
        self.skin = True  # whether it shows is decided by the state
        self.reset()

    def show_state(self, state: ViewState) -> None:
        """Show another state; the picture is rendered again only if it changes."""
        old, self.state = self.state, state
        if old.hidden != state.hidden or old.by_sigma != state.by_sigma:
            self._look(self.view)
        self.update()

    def reset(self) -> None:
        """Look from behind, the left and above, at all bones."""
        bones = self.case.of_role("bone") or self.case.structures
        points = np.vstack([s.surface.vertices for s in bones])
        middle = (points.min(axis=0) + points.max(axis=0)) / 2.0
        view = View.towards(middle, FROM, UP, 1.0)
        away = points - middle
        tall, wide = np.abs(away @ view.up).max(), np.abs(away @ view.right).max()
        aspect = max(self.width(), 1) / max(self.height(), 1)
        half = max(float(tall), float(wide) / aspect) * MARGIN
        self._look(View.towards(middle, FROM, UP, half))

    def wanted(self, width: int, height: int) -> Wanted:
        """Return the request for the current view in a size, px."""
        return Wanted(self.view, width, height, True, self.state.hidden, self.state.by_sigma)

    def paint_over(self, painter: QPainter, drawn: Drawn) -> None:
        """Paint plans, fiducials and the cross-hair over the picture."""

        def pixels(points: Array) -> Array:
            return drawn.view.project(points, self.width(), self.height())[:, :2]

        def strength(points: Array) -> Array:
            return strength_in_depth(drawn, points, self.width(), self.height())

        m = self.metrics
        at = QPointF(1.5 * m.grid, 1.2 * m.grid + m.small)
        paint_label(painter, at, TITLE, QUIET, m)
        for plan in self.state.shown_plans:
            paint_plan(painter, plan, pixels, strength, m)
        paint_fiducials(painter, self.case.fiducials, pixels, strength, m)
        cross = self.state.cross[None]
        x, y = pixels(cross)[0]
        colour = faded(ACCENT, float(strength(cross)[0]))
        paint_cross(painter, QPointF(x, y), 2.0 * m.grid, colour, 1.5 * m.hair)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back to the view at the beginning."""
        self.reset()


def strength_in_depth(drawn: Drawn, points: Array, width: int, height: int) -> Array:
    """Return the opacity of points: full before all surfaces, weak behind.

    Parameters
    ----------
    drawn : Drawn
        The picture, with its depth.
    points : ndarray, shape (n, 3)
        Model frame, mm.
    width, height : int
        Of the widget, px.

    Returns
    -------
    ndarray, shape (n,)
        1, or BEHIND.
    """
    projected = drawn.view.project(points, width, height)
    rows, columns = drawn.solid.shape
    x = np.clip((projected[:, 0] * columns / width).astype(int), 0, columns - 1)
    y = np.clip((projected[:, 1] * rows / height).astype(int), 0, rows - 1)
    return np.where(projected[:, 2] - DEPTH_TOLERANCE > drawn.solid[y, x], BEHIND, 1.0)
