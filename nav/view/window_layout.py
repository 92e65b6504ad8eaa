"""Lay out the parts of a window of a size, on the grid."""

from dataclasses import dataclass

from nav.view.live_display import GAUGE_ROLES
from nav.view.theme import Metrics

GAUGES_SHARE = 0.6  # of the right column's height


@dataclass(frozen=True)
class Box:
    """A rectangle in a window.

    Parameters
    ----------
    x, y : int
        Left and top, px.
    width, height : int
        px.
    """

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First pixel to the right of it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First pixel below it."""
        return self.y + self.height


def places(width: int, height: int, reserved: int = 0) -> dict[str, Box]:
    """Return the box of every part of the window; none overlaps another.

    Parameters
    ----------
    width, height : int
        Of the window, px.
    reserved : int
        Height kept free above the footer, for "replay", px.

    Returns
    -------
    dict of str to Box
        By the part's name.
    """
    m = Metrics(height)
    g = m.grid
    column = min(max(round(0.46 * height), width // 4), 2 * width // 5)
    x = width - column - g
    head, prompt, foot = 5 * g, 6 * g, 3 * g
    bottom = height - foot - reserved
    chart = round(0.235 * (height - reserved))
    left = x - 2 * g
    strip = round(0.44 * left)
    top = head + prompt
    boxes = {
        "steps": Box(0, 0, x, head),
        "record": Box(x, 0, column, head),
        "prompt": Box(0, head, x, prompt),
        "scene": Box(g, top, left, bottom - chart - g - top),
        "strip": Box(g, bottom - chart, strip, chart),
        "pictures": Box(2 * g + strip, bottom - chart, left - strip - g, chart),
        "notice": Box(2 * g, height - foot, x // 2, foot),
        "footer": Box(2 * g + x // 2, height - foot, x // 2 - 3 * g, foot),
        "speed": Box(x, height - foot, column - g, foot),
    }
    y = head + g
    if reserved:
        boxes["replay"] = Box(g, bottom + g, width - 2 * g, reserved - g)
    room = bottom - y - 4 * g
    gauges = ((role, GAUGES_SHARE / len(GAUGE_ROLES)) for role in GAUGE_ROLES)
    for name, share in (("lights", 0.095), *gauges, ("ahead", 0.135)):
        boxes[name] = Box(x, y, column, round(share * room))
        y = boxes[name].bottom + g
    boxes["target"] = Box(x, y, column, bottom - y)
    return boxes
