"""The cameras' images while they are recorded, with what was found in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from nav.core.frameset import FrameSet, Picture
from nav.core.notice import Notice
from nav.record.picture_recording.picture_checks import (
    MOST_OVER,
    MOST_UNDER,
    SHARP,
    SOFT,
    PictureCheck,
)
from nav.text.catalogue import label, sentence
from nav.view.ask_icons import DONE
from nav.view.camera_panes import CameraPanes
from nav.view.meter_bars import FULL, Meter
from nav.view.theme import BACK, faded

USUAL_RATE = 30.0  # images per second
SLOW_RATE = 15.0


@dataclass(frozen=True)
class RecordView:
    """What the panes show.

    Parameters
    ----------
    frames : FrameSet or None
        The newest images.
    checks : mapping of str to PictureCheck
        By camera.
    rates : mapping of str to float
        Images per second.
    missed : mapping of str to int
        Images that a camera did not give in time.
    pictures : mapping of str to int
        In files.
    away : mapping of str to float
        s for which a camera that is gone has given no image.
    recorded : bool
        Whether the newest images are recorded.
    """

    frames: FrameSet | None = None
    checks: Mapping[str, PictureCheck] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    missed: Mapping[str, int] = field(default_factory=dict)
    pictures: Mapping[str, int] = field(default_factory=dict)
    away: Mapping[str, float] = field(default_factory=dict)
    recorded: bool = False


class RecordPanes(CameraPanes):
    """All cameras side by side.

    Parameters
    ----------
    names : tuple of str
        The cameras' names.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)
        self.view = RecordView()
        self._images: dict[str, Picture] = {}

    def show_view(self, view: RecordView) -> None:
        """Show other images; one that is missing for a moment stays."""
        self.view = view
        if view.frames is not None:
            for name, frame in view.frames.frames.items():
                self._images[name] = frame.image
        for name in view.away:
            self._images.pop(name, None)
        self.update()

    def picture(self, index: int) -> Picture | str:
        """Return a camera's present image, or why there is none."""
        name = self.names[index]
        if name in self._images:
            return self._images[name]
        missing = self.view.frames.missing if self.view.frames is not None else {}
        if name not in missing:
            return label("no_image")
        return sentence(Notice("no_image_because", {"reason": missing[name]}))

    def heading(self, index: int) -> tuple[str, str]:
        """Return whether there are images, and their size."""
        image = self.picture(index)
        if isinstance(image, str):
            return "lost", label("no_image")
        size = {"width": image.shape[1], "height": image.shape[0]}
        return "seen", sentence(Notice("image_size", size))

    def overlay(self, painter: QPainter, place: QRectF, scale: float, index: int) -> None:
        """Outline the markers; frame what is being recorded."""
        check = self.view.checks.get(self.names[index])
        m = self.metrics
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for corners in check.corners if check is not None else ():
            points = [
                QPointF(place.left() + scale * (x + 0.5), place.top() + scale * (y + 0.5))
                for x, y in corners
            ]
            for ink, width in ((faded(BACK, 0.8), 3.5), (DONE, 2.0)):
                painter.setPen(QPen(ink, width * m.hair))
                painter.drawPolygon(QPolygonF(points))
        if self.view.recorded:
            painter.setPen(QPen(DONE, m.grid))
            inset = m.grid / 2
            painter.drawRect(place.adjusted(inset, inset, -inset, -inset))

    def bars(self, index: int) -> tuple[Meter, ...]:
        """Return sharpness, exposure, markers and rate."""
        name = self.names[index]
        check = self.view.checks.get(name)
        rate, missed = self.view.rates.get(name, 0.0), self.view.missed.get(name, 0)
        status = "seen" if rate >= SLOW_RATE else "doubtful" if rate else "unknown"
        said = Notice("bar_rate_value", {"rate": rate})
        if missed:
            status, said = "doubtful", Notice("bar_rate_missed", {"rate": rate, "missed": missed})
        speed = Meter(label("bar_rate"), sentence(said), rate / USUAL_RATE, status)
        if check is None or name not in self._images:
            return (speed,)
        return (_sharpness(check), _exposure(check), _markers(check), speed)


def _sharpness(check: PictureCheck) -> Meter:
    name = sentence(Notice("bar_sharpness", {"most": SHARP}))
    if check.blur is None:
        return Meter(name, label("bar_no_edges"), 0.0, "unknown")
    status = "seen" if check.blur <= SHARP else "doubtful" if check.blur <= SOFT else "lost"
    said = Notice("bar_sharpness_value", {"blur": check.blur})
    share = float(np.clip(SHARP / check.blur, 0.0, FULL))
    return Meter(name, sentence(said), share, status)


def _exposure(check: PictureCheck) -> Meter:
    good = check.over <= MOST_OVER and check.under <= MOST_UNDER
    facts = {"over": 100.0 * check.over, "under": 100.0 * check.under}
    worst = max(check.over / MOST_OVER, check.under / MOST_UNDER)
    said = sentence(Notice("bar_exposure_value", facts))
    return Meter(label("bar_exposure"), said, 1.0 / max(worst, 1.0), "seen" if good else "doubtful")


def _markers(check: PictureCheck) -> Meter:
    count = len(check.markers)
    return Meter(label("bar_markers"), str(count), min(count, 1), "seen" if count else "unknown")
