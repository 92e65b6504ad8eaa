"""A document as one HTML file: its style is inside, its pictures lie beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from html import escape

from phantoms.kit.papers.document import (
    Block,
    Bullets,
    Cover,
    Document,
    Gallery,
    Heading,
    Note,
    Paragraph,
    Picture,
    Step,
    Table,
    marked_up,
)

STYLE = """
:root { --ink: #1d2733; --soft: #5b6775; --line: #d5dbe1; --accent: #0b6e75; --care: #a4471b; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff;
  font: 16px/1.5 "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 24px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 24px; margin: 56px 0 12px; padding-top: 12px; border-top: 3px solid var(--accent); }
h3 { font-size: 18px; margin: 28px 0 8px; }
p { margin: 8px 0; }
ul, ol { margin: 8px 0; padding-left: 24px; }
li { margin: 3px 0; }
code { font: 0.9em/1.4 Consolas, "DejaVu Sans Mono", monospace; background: #eef2f4;
  padding: 1px 4px; border-radius: 3px; overflow-wrap: anywhere; }
img { display: block; max-width: 100%; height: auto; }
figure { margin: 12px auto; }
figcaption, .subtitle { color: var(--soft); font-size: 14px; }
.subtitle { font-size: 19px; margin: 0 0 12px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; margin: 10px 0 16px; }
th { text-align: left; background: #eef2f4; }
th, td { padding: 5px 8px; border-bottom: 1px solid var(--line); vertical-align: top; }
.number { text-align: right; white-space: nowrap; }
nav ol { columns: 2; }
a { color: var(--accent); }
.note { border-left: 4px solid var(--accent); background: #eef6f6; padding: 8px 14px;
  margin: 12px 0; }
.note.care { border-color: var(--care); background: #fbf1ec; }
.gallery { display: grid; gap: 14px; }
.gallery figure { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: 6px; }
.step { display: grid; grid-template-columns: 11fr 9fr; gap: 22px; padding: 18px 0;
  border-bottom: 1px solid var(--line); }
.step h3 { margin-top: 0; }
.step figure { margin: 0; }
.count { display: inline-block; min-width: 30px; padding: 0 8px; margin-right: 8px; color: #fff;
  background: var(--accent); border-radius: 15px; text-align: center; }
.notice { font-weight: 600; color: var(--care); }
@media (max-width: 700px) { .step, .gallery { grid-template-columns: 1fr !important; }
  nav ol { columns: 1; } }
@media print {
  @page { size: A4; margin: 15mm; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2 { break-before: page; margin-top: 0; }
  h2, h3 { break-after: avoid; }
  nav { display: none; }
  tr, .step, .note, figure { break-inside: avoid; }
}
"""


def as_html(document: Document) -> str:
    """Render the document as one HTML file; the same document gives the same text.

    Parameters
    ----------
    document : Document
        To be written.

    Returns
    -------
    str
        The whole file.
    """
    body = "\n".join(_html(block) for block in document.blocks)
    contents = _contents(document)
    first, rest = body.split("</header>", 1) if "</header>" in body else ("", body)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(document.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<main>\n{first}{'</header>' if first else ''}\n{contents}{rest}\n"
        f'<p class="subtitle">{escape(document.running)}</p>\n</main>\n</body>\n</html>\n'
    )


def _contents(document: Document) -> str:
    items = "".join(
        f'<li><a href="#{escape(h.name)}">{_words(h.text)}</a></li>' for h in document.chapters
    )
    return f'<nav aria-label="Contents"><ol>{items}</ol></nav>'


def _words(text: str) -> str:
    return marked_up(text, lambda t: f"<b>{t}</b>", lambda t: f"<code>{t}</code>")


@singledispatch
def _html(block: Block) -> str:
    raise TypeError(type(block).__name__)


@_html.register
def _(block: Heading) -> str:
    tag = f"h{block.level + 1}"
    name = f' id="{escape(block.name)}"' if block.name else ""
    return f"<{tag}{name}>{_words(block.text)}</{tag}>"


@_html.register
def _(block: Paragraph) -> str:
    return f"<p>{_words(block.text)}</p>"


@_html.register
def _(block: Bullets) -> str:
    tag = "ol" if block.numbered else "ul"
    return f"<{tag}>{_items(block.items)}</{tag}>"


def _items(items: Sequence[str]) -> str:
    return "".join(f"<li>{_words(item)}</li>" for item in items)


@_html.register
def _(block: Note) -> str:
    return f'<p class="note {block.kind}">{_words(block.text)}</p>'


@_html.register
def _(block: Table) -> str:
    head = "".join(_cell("th", i, text, block) for i, text in enumerate(block.head))
    rows = "".join(
        f"<tr>{''.join(_cell('td', i, text, block) for i, text in enumerate(row))}</tr>"
        for row in block.rows
    )
    inside = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f'<div class="scroll"><table>{inside}</table></div>'


def _cell(tag: str, column: int, text: str, table: Table) -> str:
    kind = ' class="number"' if column in table.numbers else ""
    width = f' style="width:{100 * table.shares[column] / sum(table.shares):.0f}%"'
    return f"<{tag}{kind}{width if tag == 'th' else ''}>{_words(text)}</{tag}>"


@_html.register
def _(block: Picture) -> str:
    caption = f"<figcaption>{_words(block.caption)}</figcaption>" if block.caption else ""
    return (
        f'<figure style="width:{100 * block.share:.0f}%">'
        f'<img src="{escape(block.file)}" alt="{escape(block.caption)}"'
        f' width="{block.width}" height="{block.height}">{caption}</figure>'
    )


@_html.register
def _(block: Gallery) -> str:
    inside = "".join(_html(picture) for picture in block.pictures)
    columns = f"grid-template-columns: repeat({block.columns}, 1fr)"
    return f'<div class="gallery" style="{columns}">{inside}</div>'


@_html.register
def _(block: Step) -> str:
    return (
        f'<section class="step" id="step-{block.number}">{_html(block.picture)}<div>'
        f'<h3><span class="count">{block.number}</span>{_words(block.title)}</h3>'
        f"<ul>{_items(block.lines)}</ul></div></section>"
    )


@_html.register
def _(block: Cover) -> str:
    facts = "".join(f"<tr><th>{_words(k)}</th><td>{_words(v)}</td></tr>" for k, v in block.facts)
    return (
        f"<header><h1>{_words(block.title)}</h1>"
        f'<p class="subtitle">{_words(block.subtitle)}</p>{_html(block.picture)}'
        f'<table>{facts}</table><p class="notice">{_words(block.notice)}</p></header>'
    )
