"""A widget whose sizes follow the window's height."""

from PySide6.QtWidgets import QWidget

from nav.view.theme import Metrics


class Sized(QWidget):
    """Holds the metrics that it is painted with."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.metrics = Metrics(1080)

    def set_metrics(self, metrics: Metrics) -> None:
        """Sizes for another window height."""
        self.metrics = metrics
        self.update()
