"""A self-contained HTML page of tables and figures, for reports of accuracy tests."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nav
from nav.core.files import plain_values, provenance
from nav.core.outputs import written_together
from nav.core.picture_text import missing_glyphs_drawn_as_boxes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72em; margin: 2em auto; padding: 0 1em;
  color: #1a2226; background: #fff; }
h1 { font-size: 1.6em; } h2 { font-size: 1.2em; margin-top: 1.8em; }
table { border-collapse: collapse; margin: .5em 0; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #c8d0d3; padding: .25em .8em; text-align: right; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
.made { color: #55636a; font-size: .85em; }
"""
Cell = str | float | int


@dataclass(frozen=True)
class Section:
    """A heading with what is below it.

    Parameters
    ----------
    title : str
        The heading.
    text : sequence of str
        Paragraphs.
    columns : sequence of str
        Heads of the table; none: no table.
    rows : sequence of sequence of cells
        Numbers are shown with four significant digits.
    figure : matplotlib.figure.Figure, optional
        Above the table.
    """

    title: str
    text: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    figure: "Figure | None" = None


def html_page(title: str, sections: Sequence[Section], inputs: Sequence[Path] = ()) -> str:
    """Make a page that needs no other file.

    Parameters
    ----------
    title : str
        Of the page.
    sections : sequence of Section
        From top to bottom.
    inputs : sequence of Path
        Files that it is made from, named with their SHA-256.

    Returns
    -------
    str
        HTML.
    """
    made = provenance(inputs)
    sources = "".join(
        f"<br>{escape(plain_values(entry['file']))}: SHA-256 {entry['sha256']}"
        for entry in made.get("input", ())
    )
    body = "\n".join(_section(section) for section in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta name="generator" content="{made["made_by"]}">\n'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n"
        f'<p class="made">{made["made_by"]}, {made["made_at"]:%Y-%m-%d %H:%M} UTC. '
        f"{escape(nav.NOTICE)}.{sources}</p></body></html>\n"
    )


def write_report(
    path: Path,
    title: str,
    sections: Sequence[Section],
    data: Mapping[str, Any],
    inputs: Sequence[Path] = (),
) -> None:
    """Write a page and, beside it, its numbers as JSON; both or none.

    Parameters
    ----------
    path : Path
        The page; the numbers get its stem and .json.
    title : str
        Of the page.
    sections : sequence of Section
        Of the page.
    data : mapping
        Of the JSON file.
    inputs : sequence of Path
        Files that it is made from.
    """
    made = provenance(inputs)
    document = plain_values({**made, "made_at": made["made_at"].isoformat(), **data})
    with written_together(path, path.with_suffix(".json")) as (page, numbers):
        page.write_text(html_page(title, sections, inputs), encoding="utf-8")
        numbers.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def shown(value: Cell) -> str:
    """Return a cell as text: numbers with four significant digits.

    Parameters
    ----------
    value : str, float or int
        The cell.

    Returns
    -------
    str
        Words and whole numbers as they are.
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(paragraph)}</p>" for paragraph in section.text]
    if section.figure is not None:
        parts.append(_svg(section.figure))
    if section.columns:
        heads = "".join(f"<th>{escape(name)}</th>" for name in section.columns)
        rows = "\n".join(
            "<tr>" + "".join(f"<td>{escape(shown(cell))}</td>" for cell in row) + "</tr>"
            for row in section.rows
        )
        parts.append(f"<table><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>")
    return "\n".join(parts)


def _svg(figure: "Figure") -> str:
    from matplotlib import rc_context

    # the same bytes for the same figure
    with rc_context({"svg.hashsalt": "c1c2nav"}), missing_glyphs_drawn_as_boxes():
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]
