"""A page with a marker body's net: markers, lines to cut and fold, and how to assemble it."""

from dataclasses import dataclass

import numpy as np

from calibration.printing.cells import marker_areas
from calibration.printing.endview import end_view
from calibration.printing.faces import Face
from calibration.printing.footer import LINE, SMALL, draw_footer
from calibration.printing.outline import CUT_WIDTH, Outline, outline_of
from calibration.printing.page import Page, text_width
from calibration.printing.paper import Paper
from calibration.printing.unfolding import Net, net_of
from nav.core.frames import Array
from nav.tracking.tool import Tool

HEAD = 4.0  # mm from the top of the area to the net's fold marks
STEPS_GAP = 15.0  # mm from the net to what is below it
LEGEND = 12.0  # mm, length of the sample lines
COLUMN, COLUMN_GAP = 84.0, 6.0  # mm, width of the column with the end view, of it left free
VIEW_TOP = 11.0  # mm from that view's title to its lines
CLEARANCE = 1.2  # mm between its lines and their ids
IF_NOT_100 = (
    "If it is not 100.0 mm, set the printer to 100 % and print again:",
    "the tool's file holds for true size only.",
)


@dataclass(frozen=True)
class Sheet:
    """Contents of a sheet.

    Attributes
    ----------
    title : str
        Title of the page.
    tool : Tool
        The marker body.
    below : str
        What the net's lower edge is turned to.
    steps : tuple of str
        How to build the body, a line each.
    """

    title: str
    tool: Tool
    below: str
    steps: tuple[str, ...]


def sheet_page(paper: Paper, sheet: Sheet) -> bytes:
    """Draw a PDF of one page: the net, ids above it, steps below it, ruler and text at the foot.

    Parameters
    ----------
    paper : Paper
        The paper.
    sheet : Sheet
        What to draw.

    Returns
    -------
    bytes
        The PDF file.
    """
    name = sheet.tool.name
    file = f"{name}.pdf"
    page = Page(paper, f"{sheet.title} ({file})")
    net = net_of(sheet.tool)
    outline = outline_of(net)
    low, high = outline.bounds
    place = paper.area.centred(*(high - low))
    offset = np.array([place.left, paper.area.top + HEAD]) - low
    _draw_net(page, sheet.tool, net, outline, offset)
    top = paper.area.top + HEAD + float(high[1] - low[1])
    page.text((paper.width / 2, top + 4.0), sheet.below, SMALL, centred=True)
    _draw_end_view(page, (paper.footer.left, top + STEPS_GAP), net, outline)
    _draw_steps(page, (paper.footer.left + COLUMN, top + STEPS_GAP), sheet.steps)
    facts = (*tool_facts(sheet.tool), f"Goes with {name}.toml, which holds these sizes.")
    draw_footer(page, paper.footer, file, sheet.title, facts, IF_NOT_100)
    return page.finished()


def tool_facts(tool: Tool) -> tuple[str, ...]:
    """Describe a marker body.

    Parameters
    ----------
    tool : Tool
        The marker body.

    Returns
    -------
    tuple of str
        Two lines.
    """
    ids = sorted(tool.by_id)
    gaps = len(ids) != ids[-1] - ids[0] + 1
    named = ", ".join(map(str, ids)) if gaps else f"{ids[0]} to {ids[-1]}"
    side = tool.markers[0].side
    zone = "" if tool.quiet is None else f", white zone {tool.quiet:g} mm"
    return f"{len(ids)} markers of {side:g} mm{zone}", f"{tool.dictionary}, ids {named}"


def _draw_net(page: Page, tool: Tool, net: Net, outline: Outline, offset: Array) -> None:
    for marker_id, corners in net.markers.items():
        page.fill(marker_areas(tool.dictionary, marker_id, corners + offset))
    for start, end in outline.cuts:
        page.line(start + offset, end + offset, CUT_WIDTH)
    for start, end in outline.folds:
        page.line(start + offset, end + offset, CUT_WIDTH, dashed=True)
    for tab in outline.tabs:
        x, y = tab.mean(axis=0) + offset
        page.text((x, y + SMALL / 3), "glue", SMALL, centred=True)
    for face, panel in zip(net.faces, outline.panels, strict=True):
        middle, top = panel.polygon.mean(axis=0)[0], panel.polygon[:, 1].min()
        page.text((middle + offset[0], top + offset[1] - 2.0), _ids(face), SMALL, centred=True)


def _ids(face: Face) -> str:
    return ", ".join(str(marker.id) for marker in face.markers)


def _draw_steps(page: Page, at: tuple[float, float], steps: tuple[str, ...]) -> None:
    """Draw the steps and the legend of the lines, from a base line's left end, mm."""
    left, top = at
    for number, step in enumerate(steps):
        page.text((left, top + number * LINE), f"{number + 1}", SMALL, bold=True)
        page.text((left + 4.0, top + number * LINE), step, SMALL)
    for number, (dashed, words) in enumerate([(False, "cut"), (True, "fold back")]):
        y = top + (len(steps) + 1 + number) * LINE
        page.line((left, y - 1.0), (left + LEGEND, y - 1.0), CUT_WIDTH, dashed)
        page.text((left + LEGEND + 3.0, y), words, SMALL)


def _draw_end_view(page: Page, at: tuple[float, float], net: Net, outline: Outline) -> None:
    """Draw the built body along its folds, at true size, with ids outside; `at` as for steps."""
    view = end_view(net, outline)
    if view is None:
        return
    low, high = view.bounds
    middle = at[0] + (COLUMN - COLUMN_GAP) / 2
    page.text((middle, at[1]), "end view from below, true size", SMALL, centred=True)
    offset = np.array([middle - (low[0] + high[0]) / 2, at[1] + VIEW_TOP - low[1]])
    for face, (start, end), normal in zip(net.faces, view.lines, view.normals, strict=True):
        page.line(start + offset, end + offset, CUT_WIDTH)
        words = _ids(face)
        reach = np.abs(normal) @ [text_width(words, SMALL) / 2, SMALL / 2] + CLEARANCE
        x, y = (start + end) / 2 + offset + normal * reach
        page.text((x, y + SMALL / 3), words, SMALL, centred=True)
