"""The look: colours, three text sizes, an 8 px grid at 1080 px that grows with the window."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase

from nav.guidance.alarms import Level

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
WRAPPED = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)

BACK = QColor("#0f151b")
PANEL = QColor("#161e26")
LINE = QColor("#2b3742")
FAINT = QColor("#5d6c79")
QUIET = QColor("#9db0bf")
TEXT = QColor("#f1f5f8")
ACCENT = QColor("#7fb4ff")

LEVEL = {
    Level.UNKNOWN: QColor("#8897a4"),
    Level.CLEAR: QColor("#2fd0c0"),
    Level.CAUTION: QColor("#ffb81f"),
    Level.DANGER: QColor("#ff4a4a"),
}
ROLE = {
    "bone": QColor("#e6dcc3"),
    "cord": QColor("#f0d048"),
    "dura": QColor("#5f9fdd"),
    "artery": QColor("#d0383c"),
    "skin": QColor("#d9a58a"),
    "support": QColor("#7c8790"),
    "other": QColor("#7c8790"),
}
STEEL = QColor("#c9d6e2")
# tools in the camera pictures: none of them a colour of an alarm
TOOL = (QColor("#6fd3ff"), QColor("#d79bff"), QColor("#a8e05f"))
LOST = QColor("#ff8f6b")
# what is not live: a colour of nothing else
REPLAY = QColor("#f27fe0")


@dataclass(frozen=True)
class Metrics:
    """Sizes for a window of a height, px: grid, the three text sizes, line width.

    Parameters
    ----------
    height : int
        Of the window, px.
    """

    height: int

    @property
    def grid(self) -> int:
        """8 px at 1080."""
        return max(5, round(self.height / 135))

    @property
    def large(self) -> int:
        """Font size of the two distances: capitals 5 % of the window's height."""
        return max(30, round(0.068 * self.height))

    @property
    def medium(self) -> int:
        """Font size of words that must be read at a glance."""
        return max(15, round(0.0245 * self.height))

    @property
    def small(self) -> int:
        """Font size of everything else."""
        return max(11, round(0.0165 * self.height))

    @property
    def hair(self) -> float:
        """Width of a thin line."""
        return max(1.0, self.height / 1080)


@cache
def family() -> str:
    """Load the one typeface: DejaVu Sans of Matplotlib, so that it looks the same everywhere.

    Qt brings no fonts, and a bare system has none. Needs a running QGuiApplication.

    Returns
    -------
    str
        The family's name; the system's own where it cannot be loaded.
    """
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    families: list[str] = []
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        number = QFontDatabase.addApplicationFont(str(folder / name))
        families += QFontDatabase.applicationFontFamilies(number)
    return (
        families[0]
        if families
        else QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
    )


def font(pixels: int, bold: bool = False) -> QFont:
    """Return the typeface in a size.

    Parameters
    ----------
    pixels : int
        Font size, px.
    bold : bool
        Whether it is bold.

    Returns
    -------
    QFont
        A new one.
    """
    chosen = QFont(family())
    chosen.setPixelSize(pixels)
    chosen.setBold(bold)
    return chosen


def faded(colour: QColor, alpha: float) -> QColor:
    """Return a colour made translucent.

    Parameters
    ----------
    colour : QColor
        Not changed.
    alpha : float
        0 to 1.

    Returns
    -------
    QColor
        A new one.
    """
    result = QColor(colour)
    result.setAlphaF(alpha)
    return result
