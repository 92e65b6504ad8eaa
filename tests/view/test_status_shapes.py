"""Hatching is drawn where it should be, and costs next to nothing once it was drawn."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from nav.view import status_shapes
from nav.view.status_shapes import hatch

STEP = 8.0


def painted(box: QRectF, colour: str = "#ffffff", ratio: float = 1.0) -> np.ndarray:
    """Grey levels (240, 320) of hatching on black."""
    image = QImage(320, 240, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    hatch(painter, box, QColor(colour), STEP)
    painter.end()
    return np.array(image.constBits()).reshape(240, 320, 4)[..., 0].astype(int)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("place", [(20.0, 30.0), (20.4, 29.7)])
def test_lines_fill_the_box_and_nothing_else(qapp, place, ratio):
    box = QRectF(*place, 80.0, 50.0)
    grey = painted(box, ratio=ratio)
    left, top, right, bottom = (
        round(v * ratio) for v in (box.left(), box.top(), box.right(), box.bottom())
    )
    inside = grey[top + 2 : bottom - 2, left + 2 : right - 2]
    outside = grey.copy()
    outside[top - 1 : bottom + 1, left - 1 : right + 1] = 0
    assert not outside.any()
    # as many lines in every row as steps fit, at 55 %, each as wide as a fifth of a step
    starts = (inside[:, 1:] >= 64) & (inside[:, :-1] < 64)
    assert np.abs(starts.sum(axis=1) - inside.shape[1] / (STEP * ratio)).max() <= 1.5
    assert inside.mean() == pytest.approx(0.55 * 255 * np.sqrt(2.0) / 5.0, rel=0.05)


def test_what_was_drawn_before_is_the_same_when_it_is_drawn_again(qapp):
    status_shapes._hatched.cache_clear()
    box = QRectF(20.5, 29.75, 80.0, 50.0)
    first = painted(box)
    assert (painted(box) == first).all()
    moved = painted(box.translated(QPointF(100.0, 60.0)))
    assert (moved[60:, 100:] == first[:-60, :-100]).all()
    assert status_shapes._hatched.cache_info().misses == 1
    assert painted(box, "#808080").max() < 0.6 * first.max()
    assert status_shapes._hatched.cache_info().misses == 2
