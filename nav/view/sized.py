"""A widget whose sizes follow the window's height."""

from PySide6.QtWidgets import QWidget

from nav.view.theme import Metrics


class Sized(QWidget):
    """A widget that holds the metrics that it is painted with.

    Parameters
    ----------
    parent : QWidget, optional
        Of the widget.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.metrics = Metrics(1080)

    def set_metrics(self, metrics: Metrics) -> None:
        """Set the sizes for another window height."""
        self.metrics = metrics
        self.update()
