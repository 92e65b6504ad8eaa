"""Surfaces from running steps again, beside those of the case until they are saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPen, QTransform

from nav.core.frames import Array
from nav.core.notice import Notice
from nav.model.case import Structure
from nav.model.local_sigma import LocalSigma
from nav.model.surface import Surface
from nav.text.catalogue import label, sentence
from nav.view.case.contour_paths import ContourPaths
from nav.view.case.contours import Contours
from nav.view.case.planes import Picture
from nav.view.theme import BACK, Metrics, faded

if TYPE_CHECKING:
    from nav.reconstruction.comparison import Correction, Moved

PROPOSED = QColor("#7dff9b")  # no structure has it
STALE_STRENGTH = 0.3  # opacity of surfaces that do not match what was painted last


class Proposal:
    """The changes of a correction, with their contours.

    Parameters
    ----------
    correction : Correction
        As computed.
    """

    def __init__(self, correction: Correction) -> None:
        self.correction = correction
        self.structures = tuple(
            Structure(
                s.name,
                s.role,
                Surface(s.vertices, s.triangles, LocalSigma(s.vertices, s.sigma)),
                None,
                None,
                float(np.median(s.sigma)),
            )
            for s in correction.surfaces
        )
        self.paths = ContourPaths(Contours(self.structures))

    @property
    def lines(self) -> tuple[str, ...]:
        """The changes, a line each."""
        if self.correction.is_nothing:
            return (label("correct_nothing"),)
        moved = [_moved(name, m) for name, m in self.correction.moved.items()]
        gone = [Notice("correct_gone", {"structure": name}) for name in self.correction.removed]
        before, now = self.correction.remarks_before, self.correction.remarks
        new = [Notice("correct_new_remark", {"remark": r}) for r in now if r not in before]
        over = [Notice("correct_remark_over", {"remark": r}) for r in before if r not in now]
        return tuple(map(sentence, (*moved, *gone, *new, *over)))


def _moved(name: str, moved: Moved) -> Notice:
    facts = {"structure": name, "volume_cm3": moved.volume / 1000.0}
    if moved.is_new:
        return Notice("correct_new", facts)
    if not moved.shape_kept:
        how_far = {"mean_mm": moved.mean, "largest_mm": moved.largest}
        change = Notice("correct_moved", {**facts, **how_far})
    elif moved.sigma:
        change = Notice("correct_kept_sigma", {**facts, "sigma_mm": moved.sigma})
    else:
        change = Notice("correct_kept", facts)
    if not moved.source:
        return change
    return Notice("correct_from", {"change": change, "source": moved.source})


def paint_proposal(
    painter: QPainter,
    proposal: Proposal,
    cross: Array,
    picture: Picture,
    m: Metrics,
    stale: bool = False,
) -> None:
    """Paint the contours of the proposed surfaces, dashed, over those of the case.

    Parameters
    ----------
    painter : QPainter
        Of the slice.
    proposal : Proposal
        To show.
    cross : ndarray, shape (3,)
        The slice passes through it, model frame, mm.
    picture : Picture
        Of the slice.
    m : Metrics
        Of the window.
    stale : bool
        The surfaces do not match the draft, and are painted faintly.
    """
    strength = STALE_STRENGTH if stale else 1.0
    plane, scale = picture.plane, picture.scale
    x, y = picture.pixels_in_plane(np.zeros(2))
    sx, sy = plane.signs
    painter.save()
    painter.setTransform(QTransform(sx * scale, 0, 0, sy * scale, x, y), True)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for structure in proposal.structures:
        position = float(cross[plane.normal])
        for _, path in proposal.paths.paths(structure.name, plane, position, False):
            for colour, width in (
                (faded(BACK, 0.75 * strength), 3.0),
                (faded(PROPOSED, strength), 1.6),
            ):
                pen = QPen(colour, width * m.hair)
                pen.setCosmetic(True)
                pen.setDashPattern([4.0, 2.0])
                painter.setPen(pen)
                painter.drawPath(path)
    painter.restore()
