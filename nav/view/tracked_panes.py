"""The cameras' images with the tools that are tracked in them."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from nav.core.frameset import Picture
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.text.catalogue import label, sentence
from nav.view.ask_icons import DONE
from nav.view.camera_panes import CameraPanes
from nav.view.theme import BACK, TOOL, faded

KEPT = 0.4  # s that a camera's last image stays while it gives none


class TrackedPanes(CameraPanes):
    """All cameras side by side.

    Parameters
    ----------
    names : tuple of str
        The cameras' names.
    tools : sequence of str
        Names, in the order of their colours.
    """

    def __init__(self, names: tuple[str, ...], tools: Sequence[str]) -> None:
        super().__init__(names)
        self.tools = list(tools)
        self.frame: TrackedFrame | None = None
        self.taken = False
        self._images: dict[str, tuple[float, Picture]] = {}

    def show_frame(self, frame: TrackedFrame | None, taken: bool = False) -> None:
        """Show another frame; framed where it was taken."""
        if frame is self.frame and taken == self.taken:
            return
        self.frame, self.taken = frame, taken
        if frame is not None and frame.images is not None:
            for name, shot in frame.images.frames.items():
                self._images[name] = frame.time, shot.image
        self.update()

    def picture(self, index: int) -> Picture | str:
        """Return a camera's present image, or why there is none."""
        name, frame = self.names[index], self.frame
        if frame is None:
            return label("no_image")
        at, image = self._images.get(name, (float("-inf"), None))
        if image is not None and frame.time - at <= KEPT:
            return image
        if name not in frame.camera_lost:
            return label("no_image")
        return sentence(Notice("no_image_because", {"reason": frame.camera_lost[name]}))

    def heading(self, index: int) -> tuple[str, str]:
        """Return whether there is an image, and how many markers of each tool are in it."""
        if isinstance(self.picture(index), str):
            return "lost", label("no_image")
        counts = []
        for tool in self.tools:
            count = {"tool": tool, "count": len(self._markers(tool, index))}
            counts.append(sentence(Notice("tool_markers", count)))
        seen = any(self._markers(tool, index) for tool in self.tools)
        return "seen" if seen else "unknown", ", ".join(counts)

    def overlay(self, painter: QPainter, place: QRectF, scale: float, index: int) -> None:
        """Outline the markers of each tool."""
        m = self.metrics
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for k, tool in enumerate(self.tools):
            colour = TOOL[k % len(TOOL)]
            for corners in self._markers(tool, index).values():
                points = [
                    QPointF(place.left() + scale * (x + 0.5), place.top() + scale * (y + 0.5))
                    for x, y in corners
                ]
                for ink, width in ((faded(BACK, 0.8), 3.5), (colour, 2.0)):
                    painter.setPen(QPen(ink, width * m.hair))
                    painter.drawPolygon(QPolygonF(points))
        if self.taken:
            painter.setPen(QPen(DONE, m.grid))
            inset = m.grid / 2
            painter.drawRect(place.adjusted(inset, inset, -inset, -inset))

    def _markers(self, tool: str, index: int) -> dict[int, list[tuple[float, float]]]:
        seen = None if self.frame is None else self.frame.tools.get(tool)
        if not isinstance(seen, TrackedTool):
            return {}
        markers = seen.corners.get(self.names[index], {})
        return {number: [(float(x), float(y)) for x, y in quad] for number, quad in markers.items()}
