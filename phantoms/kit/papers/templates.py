"""Render the guide and the bill of materials from the Markdown and CSV templates in `text/`."""

from __future__ import annotations

import csv
import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from nav.core.errors import InputError
from phantoms.kit.papers.amounts import filament_grams, round_to, size_text, tube_size
from phantoms.kit.papers.needles import needed

TEXT = Path(__file__).parent / "text"  # what a lab edits
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


@dataclass(frozen=True)
class Item:
    """A row of the bill of materials.

    Attributes
    ----------
    group : str
        Such as "print", "fasteners" or "tools".
    name : str
        What it is.
    quantity : float
        How many or how much, in `unit`.
    unit : str
        Such as "pieces", "mm" or "g".
    size, material, purpose : str
        For people; may be empty.
    """

    group: str
    name: str
    quantity: float
    unit: str
    size: str
    material: str
    purpose: str


HEAD = ("group", "item", "quantity", "unit", "size", "material", "for")


@dataclass(frozen=True)
class Chapter:
    """A chapter of the guide.

    Attributes
    ----------
    name : str
        To link to.
    text : str
        Its heading.
    """

    name: str
    text: str


def render_bom(facts: Mapping[str, Any], text: Path = TEXT) -> tuple[Item, ...]:
    """Render text/bom.csv and read its rows.

    Parameters
    ----------
    facts : mapping of str to object
        What the template names.
    text : Path, optional
        Folder of the templates.

    Returns
    -------
    tuple of Item
        In the template's order.

    Raises
    ------
    InputError
        A template that cannot be rendered, a row without the seven columns, a quantity that is
        not a number.
    """
    head, *rows = csv.reader(StringIO(_rendered("bom.csv", facts, text)))
    if tuple(head) != HEAD:
        raise InputError(f"{text / 'bom.csv'}: expected the columns {', '.join(HEAD)}")
    return tuple(_item(row, text / "bom.csv") for row in rows if row)


def _item(row: list[str], path: Path) -> Item:
    try:
        group, name, quantity, *rest = row
        unit, size, material, purpose = rest
        return Item(group, name, float(quantity), unit, size, material, purpose)
    except ValueError:
        expected = f"{len(HEAD)} columns with a number as the third"
        raise InputError(f"{path}: expected {expected}, got {','.join(row)}") from None


def bom_csv(rows: tuple[Item, ...]) -> str:
    """Format the bill of materials as CSV.

    Parameters
    ----------
    rows : tuple of Item
        Its rows.

    Returns
    -------
    str
        With a header.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for item in rows:
        writer.writerow(f"{v:g}" if isinstance(v, float) else v for v in asdict(item).values())
    return text.getvalue()


def render_guide(facts: Mapping[str, Any], text: Path = TEXT) -> str:
    """Render the guide as one HTML file; the same facts give the same text.

    Its style is inside and also says how it is printed; its pictures lie beside it.

    Parameters
    ----------
    facts : mapping of str to object
        What the templates name.
    text : Path, optional
        Folder of the templates.

    Returns
    -------
    str
        The whole file.

    Raises
    ------
    InputError
        A template that cannot be rendered; steps that are missing or in another order than their
        pictures, each of which shows what the steps before it added.
    """
    cover, _ = markdown_html(_rendered("cover.md", facts, text))
    guide, chapters = markdown_html(_rendered("guide.md", facts, text))
    _check_steps(guide, facts["steps"], text)
    style = (text / "guide.css").read_text(encoding="utf-8")
    page = {"cover": cover, "guide": guide, "chapters": chapters, "style": style}
    return _rendered("guide.html", {**facts, **page}, text)


def _check_steps(guide: str, steps: Mapping[str, int], text: Path) -> None:
    names = {number: name for name, number in steps.items()}
    shown = [names[int(n)] for n in re.findall(r'<section class="step" id="step-(\d+)">', guide)]
    if shown != list(steps):
        raise InputError(
            f"{text / 'assembly.md'}: expected the steps {', '.join(steps)} in this order, "
            f"got {', '.join(shown)}"
        )


def markdown_html(markdown: str) -> tuple[str, tuple[Chapter, ...]]:
    """Convert CommonMark with tables and HTML to HTML.

    Parameters
    ----------
    markdown : str
        The text.

    Returns
    -------
    html : str
        Each heading of the second level can be linked to.
    chapters : tuple of Chapter
        Those headings, in order.
    """
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.add_render_rule("code_inline", _code)
    tokens = parser.parse(markdown)
    chapters = []
    for opening, heading in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag == "h2":
            words = re.findall(r"\w+", heading.content.lower())
            chapters.append(Chapter("-".join(words), heading.content))
            opening.attrSet("id", chapters[-1].name)
    return parser.renderer.render(tokens, parser.options, {}), tuple(chapters)


def _code(renderer: RendererHTML, tokens: Sequence[Token], at: int, *_: Any) -> str:
    """Return code as HTML whose words stay whole: no line ends within --tool or guide.html."""
    words = (f"<span>{escape(word)}</span>" for word in tokens[at].content.split())
    return f"<code>{' '.join(words)}</code>"


def plain(text: str) -> str:
    """Escape text so that neither HTML nor Markdown sees markup in it.

    Parameters
    ----------
    text : str
        From a user, such as a neck's name.

    Returns
    -------
    str
        Punctuation as numeric character references.
    """
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", text)


def _rendered(name: str, facts: Mapping[str, Any], text: Path) -> str:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(text),
        undefined=jinja2.StrictUndefined,  # a misspelt name is an error, not a gap in the text
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {
        "begin": lambda words: words[:1].upper() + words[1:],
        "bore": tube_size,
        "cell": lambda words: '"' + words.replace('"', '""') + '"',
        "extent": size_text,
        "fixed": lambda value, digits: f"{value:.{digits}f}",
        "grams": filament_grams,
        "needed": needed,
        "number": lambda value: f"{value:g}",
        "plain": plain,
        "up_to": round_to,
    }
    try:
        return templates.get_template(name).render(facts)
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"{text / (error.name or name)}:{error.lineno}: {error.message}") from None
    except (jinja2.TemplateError, TypeError, ValueError) as error:
        raise InputError(f"{_place(error, text) or text / name}: {error}") from None


def _place(error: Exception, text: Path) -> str:
    """Return file and line of the template in which an error was raised, or nothing."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{f.filename}:{f.lineno}" for f in frames if Path(f.filename).parent == text]
    return lines[-1] if lines else ""
