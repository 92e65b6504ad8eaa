"""The strip at a page's foot: a ruler to check the printer by, and what the page is."""

from collections.abc import Sequence

import nav
from calibration.board import RULER
from calibration.printing.page import Page, text_width
from calibration.printing.paper import Box

TICKS = {10: 5.0, 5: 3.5, 1: 2.2}  # mm between ticks: their length, mm
TICK_WIDTH = 0.15  # mm
TEXT_GAP = 14.0  # mm between ruler and text
LINE = 4.1  # mm from line to line
SMALL, TITLE = 2.9, 4.2  # mm, sizes of letters
BOTTOM = 0.8  # mm from the last base line to the lower edge


def draw_footer(
    page: Page, box: Box, file: str, title: str, facts: Sequence[str], if_not: Sequence[str]
) -> None:
    """Draw ruler at the left, name and facts (three lines) at the right of a footer's box.

    Parameters
    ----------
    page : Page
        The page to draw on.
    box : Box
        The footer.
    file : str
        Name of the file.
    title : str
        Title of the page.
    facts : sequence of str
        Lines that describe what is printed.
    if_not : sequence of str
        Two lines on what to do if the ruler is not 100 mm long.
    """
    _draw_ruler(page, box)
    words = ("Measure from 0 to 100 with a steel rule.", *if_not)
    for number, line in enumerate(reversed(words)):
        page.text((box.left, box.bottom - BOTTOM - number * LINE), line, SMALL)
    left = box.left + RULER + TEXT_GAP
    base = box.top + TITLE
    page.text((left, base), title, TITLE, bold=True)
    page.text((left + text_width(title, TITLE, True) + 3.0, base), file, SMALL)
    for number, fact in enumerate(facts, 1):
        page.text((left, base + 1.2 + number * LINE), fact, SMALL)
    last = box.bottom - BOTTOM
    page.text((left, last - LINE), "Print at 100 % (actual size), not “fit to page”.", SMALL, True)
    page.text((left, last), f"{nav.NOTICE}.", SMALL)


def _draw_ruler(page: Page, box: Box) -> None:
    """Draw 0 to 100 mm: the distance between the centres of the first and the last tick."""
    left, foot = box.left, box.top + max(TICKS.values())
    page.line((left - TICK_WIDTH / 2, foot), (left + RULER + TICK_WIDTH / 2, foot), TICK_WIDTH)
    for at in range(RULER + 1):
        length = next(length for step, length in TICKS.items() if at % step == 0)
        page.line((left + at, foot), (left + at, foot - length), TICK_WIDTH)
        if at % 10 == 0:
            page.text((left + at, foot + 3.6), str(at), SMALL, centred=True)
    page.text((left + RULER + 3.4, foot + 3.6), "mm", SMALL)
