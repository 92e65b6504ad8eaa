"""Show the cameras' pictures with the markers found in them."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy

from nav.core.notice import Notice
from nav.live.messages import Thumbnail
from nav.text.catalogue import label, sentence
from nav.view.fitted import fitted
from nav.view.sized import Sized
from nav.view.status_shapes import draw_status, hatch
from nav.view.theme import BACK, FAINT, LINE, PANEL, QUIET, TEXT, TOOL, faded, font


class Pictures(Sized):
    """All cameras side by side.

    Parameters
    ----------
    tools : sequence of str
        Names, in the order of their colours.
    """

    def __init__(self, tools: Sequence[str]) -> None:
        super().__init__()
        self.tools = list(tools)
        self.thumbnails: tuple[Thumbnail, ...] = ()
        self.blank = label("no_data")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def show_pictures(self, thumbnails: tuple[Thumbnail, ...], blank: str) -> None:
        """Show other pictures; none of them if `blank` gives a reason."""
        if (thumbnails is self.thumbnails and blank == self.blank) or (
            blank and blank == self.blank and not thumbnails
        ):
            return
        self.thumbnails, self.blank = thumbnails, blank
        lost = [sentence(t.lost) for t in thumbnails if t.lost is not None]
        self.setToolTip("\n".join(lost))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the pictures side by side, each as large as fits."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        g = self.metrics.grid
        count = max(1, len(self.thumbnails))
        width = (self.width() - (count - 1) * g) / count
        for index in range(count):
            box = QRectF(index * (width + g), 0, width, self.height())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(PANEL)
            painter.drawRoundedRect(box, g / 2, g / 2)
            if index < len(self.thumbnails):
                self._one(painter, box, self.thumbnails[index])
            else:
                # numbers without images: of another source of poses
                empty = label("no_camera_yet") if self.blank else label("no_images")
                self._nothing(painter, box, empty)
        painter.end()

    def _one(self, painter: QPainter, box: QRectF, thumbnail: Thumbnail) -> None:
        m, g = self.metrics, self.metrics.grid
        head = QRectF(box.left() + g, box.top() + 0.5 * g, box.width() - 2 * g, 1.6 * m.small)
        room = QRectF(
            box.left() + g, head.bottom(), box.width() - 2 * g, box.bottom() - head.bottom() - g
        )
        lost = self.blank or thumbnail.lost is not None or thumbnail.image is None
        self._head(painter, head, thumbnail, bool(lost))
        if lost or thumbnail.image is None:
            why = Notice("none_sent") if thumbnail.lost is None else thumbnail.lost
            said = Notice("no_picture_because", {"reason": self.blank or why})
            self._nothing(painter, room, sentence(said))
            return
        image = np.ascontiguousarray(thumbnail.image)
        rows, columns = image.shape
        scale = min(room.width() / columns, room.height() / rows)
        place = QRectF(0, 0, columns * scale, rows * scale)
        place.moveCenter(room.center())
        picture = QImage(image.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
        painter.drawImage(place, picture)
        # the centre of the first pixel is (0, 0), its corner half a pixel before it
        full = scale * thumbnail.scale
        painter.save()
        painter.setClipRect(place)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for tool, markers in thumbnail.corners.items():
            colour = self._colour(tool)
            for corners in markers.values():
                outline = QPolygonF(
                    [
                        QPointF(place.left() + full * (x + 0.5), place.top() + full * (y + 0.5))
                        for x, y in corners
                    ]
                )
                for ink, width in ((faded(BACK, 0.8), 3.5), (colour, 2.0)):
                    painter.setPen(QPen(ink, width * m.hair))
                    painter.drawPolygon(outline)
        painter.restore()

    def _head(self, painter: QPainter, box: QRectF, thumbnail: Thumbnail, lost: bool) -> None:
        m, g = self.metrics, self.metrics.grid
        mark = QRectF(0, 0, 0.8 * m.small, 0.8 * m.small)
        mark.moveCenter(QPointF(box.left() + mark.width() / 2, box.center().y()))
        draw_status(painter, mark, "lost" if lost else "seen")
        painter.setFont(font(m.small, bold=True))
        painter.setPen(TEXT)
        metrics = QFontMetricsF(painter.font())
        text = box.adjusted(mark.width() + 0.75 * g, 0, 0, 0)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(text, flags, thumbnail.camera)
        if lost:
            return
        painter.setFont(font(m.small))
        right = text.right()
        start = text.left() + metrics.horizontalAdvance(thumbnail.camera) + g
        for tool in reversed(self.tools):
            found = len(thumbnail.corners.get(tool, {}))
            label = f"{tool} {found}"
            width = QFontMetricsF(painter.font()).horizontalAdvance(label)
            if right - width < start:
                break
            painter.setPen(self._colour(tool) if found else FAINT)
            painter.drawText(QRectF(right - width, text.top(), width, text.height()), flags, label)
            right -= width + 1.5 * g

    def _nothing(self, painter: QPainter, box: QRectF, text: str) -> None:
        m, g = self.metrics, self.metrics.grid
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(BACK)
        painter.drawRect(box)
        hatch(painter, box, LINE, 2 * g)
        painter.setFont(font(m.small))
        metrics = QFontMetricsF(painter.font())
        flags = Qt.AlignmentFlag.AlignCenter
        room = box.adjusted(2 * g, 0, -2 * g, 0)
        shown = fitted(text, painter.font(), room)
        words = metrics.boundingRect(room, int(flags), shown)
        painter.fillRect(words.adjusted(-g, -g / 2, g, g / 2), BACK)
        painter.setPen(QUIET)
        painter.drawText(room, int(flags), shown)

    def _colour(self, tool: str) -> QColor:
        index = self.tools.index(tool) if tool in self.tools else len(self.tools)
        return TOOL[index % len(TOOL)]
