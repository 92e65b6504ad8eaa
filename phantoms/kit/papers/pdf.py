"""A document as a PDF on A4: the same document gives the same bytes."""

from __future__ import annotations

from functools import partial, singledispatchmethod
from pathlib import Path
from typing import Any

from reportlab.lib.colors import white  # type: ignore[import-untyped]
from reportlab.lib.enums import TA_CENTER, TA_RIGHT  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.platypus import (  # type: ignore[import-untyped]
    CondPageBreak,
    Flowable,
    Image,
    KeepTogether,
    ListFlowable,
    PageBreak,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Paragraph as Words
from reportlab.platypus import Table as Grid
from reportlab.platypus.tableofcontents import TableOfContents  # type: ignore[import-untyped]

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
from phantoms.kit.papers.pdf_pages import (
    ACCENT,
    CARE,
    CARE_FILL,
    HEAD_FILL,
    HINT_FILL,
    INK,
    LINE,
    SOFT,
    WIDTH,
    CountedImage,
    PagesOf,
    binary_streams,
)

STEP_SHARE, STEP_GAP = 0.55, 4 * mm

_BODY = ParagraphStyle(
    "body", fontName="Helvetica", fontSize=9.5, leading=13, textColor=INK, spaceAfter=4
)
_style = partial(ParagraphStyle, parent=_BODY)
_TITLE = _style("title", fontName="Helvetica-Bold", fontSize=25, leading=30, spaceAfter=2)
_SUBTITLE = _style("subtitle", fontSize=13, leading=17, textColor=SOFT, spaceAfter=8)
_H1 = _style("h1", fontName="Helvetica-Bold", fontSize=17, leading=21, spaceAfter=8)
_H2 = _style("h2", fontName="Helvetica-Bold", fontSize=12, leading=15, spaceBefore=8, spaceAfter=4)
_STEP = _style("step", fontName="Helvetica-Bold", fontSize=11, leading=14, spaceAfter=4)
_CELL = _style("cell", fontSize=8.3, leading=10.6, spaceAfter=0)
_HEAD = _style("head", fontName="Helvetica-Bold", fontSize=8.3, leading=10.6, spaceAfter=0)
_FACT = _style("fact", fontSize=10.5, leading=14, spaceAfter=0)
_FACT_NAME = _style("fact name", parent=_FACT, fontName="Helvetica-Bold")
_NUMBER = _style("number", parent=_CELL, alignment=TA_RIGHT)
_HEAD_NUMBER = _style("head number", parent=_HEAD, alignment=TA_RIGHT)
_CAPTION = _style("caption", fontSize=8, leading=10, textColor=SOFT, spaceAfter=2)
_SMALL_CAPTION = _style("small caption", parent=_CAPTION, fontSize=7.4, leading=9)
_NOTICE = _style("notice", fontName="Helvetica-Bold", textColor=CARE, alignment=TA_CENTER)
_CONTENTS = _style("contents", fontSize=10, leading=15)


def write_pdf(path: Path, document: Document) -> None:
    """Write the document as PDF; its pictures are found relative to the file's folder.

    Parameters
    ----------
    path : Path
        Of the PDF.
    document : Document
        To be written.
    """
    _Writer(path.parent, document).write(path)


class _Writer:
    def __init__(self, folder: Path, document: Document) -> None:
        self._folder = folder
        self._document = document

    def write(self, path: Path) -> None:
        story: list[Flowable] = []
        for block in self._document.blocks:
            story += self.flow(block)
        with binary_streams():
            PagesOf(path, self._document).multiBuild(story)

    @singledispatchmethod
    def flow(self, block: Block) -> list[Flowable]:
        raise TypeError(type(block).__name__)

    @flow.register
    def _(self, block: Cover) -> list[Flowable]:
        facts = [[_words(k, _FACT_NAME), _words(v, _FACT)] for k, v in block.facts]
        contents = TableOfContents(levelStyles=[_CONTENTS], dotsMinLevel=0)
        return [
            _words(block.title, _TITLE),
            _words(block.subtitle, _SUBTITLE),
            *self.flow(block.picture),
            Spacer(1, 3 * mm),
            Grid(facts, [0.22 * WIDTH, 0.78 * WIDTH], style=_grid(head=False)),
            Spacer(1, 4 * mm),
            _words(block.notice, _NOTICE),
            PageBreak(),
            _words("Contents", _H1),
            contents,
            Spacer(1, 6 * mm),
        ]

    @flow.register
    def _(self, block: Heading) -> list[Flowable]:
        heading = _words(block.text, _H1 if block.level == 1 else _H2)
        heading.outline = block.level - 1
        if block.level == 2:
            return [CondPageBreak(30 * mm), heading]
        first = block is self._document.chapters[0]  # under the contents
        return [heading] if first else [PageBreak(), heading]

    @flow.register
    def _(self, block: Paragraph) -> list[Flowable]:
        return [_words(block.text, _BODY)]

    @flow.register
    def _(self, block: Bullets) -> list[Flowable]:
        return [_bullets(block.items, block.numbered), Spacer(1, 2 * mm)]

    @flow.register
    def _(self, block: Note) -> list[Flowable]:
        colour, fill = (CARE, CARE_FILL) if block.kind == "care" else (ACCENT, HINT_FILL)
        style = TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), fill),
                ("LINEBEFORE", (0, 0), (0, -1), 3, colour),
                ("LEFTPADDING", (0, 0), (-1, -1), 10),
            ]
        )
        text = _words(block.text, _style("note", parent=_BODY, spaceAfter=0))
        return [
            Spacer(1, 1.5 * mm),
            KeepTogether(Grid([[text]], [WIDTH], style=style)),
            Spacer(1, 2.5 * mm),
        ]

    @flow.register
    def _(self, block: Table) -> list[Flowable]:
        def cells(row: tuple[str, ...], plain: Any, number: Any) -> list[Flowable]:
            return [_words(t, number if i in block.numbers else plain) for i, t in enumerate(row)]

        rows = [cells(block.head, _HEAD, _HEAD_NUMBER)]
        rows += [cells(row, _CELL, _NUMBER) for row in block.rows]
        widths = [WIDTH * share / sum(block.shares) for share in block.shares]
        grid = Grid(rows, widths, style=_grid(head=True), repeatRows=1)
        return [grid, Spacer(1, 4 * mm)]

    @flow.register
    def _(self, block: Picture) -> list[Flowable]:
        image = self._image(block, WIDTH * block.share)
        return [KeepTogether([image, _words(block.caption, _CAPTION)]) if block.caption else image]

    @flow.register
    def _(self, block: Gallery) -> list[Flowable]:
        gap = 3 * mm
        wide = (WIDTH - (block.columns - 1) * gap) / block.columns
        cells = [
            [self._image(picture, wide - gap), _words(picture.caption, _SMALL_CAPTION)]
            for picture in block.pictures
        ]
        cells += [[]] * (-len(cells) % block.columns)
        rows = [cells[i : i + block.columns] for i in range(0, len(cells), block.columns)]
        style = TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), gap),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4 * mm),
            ]
        )
        return [Grid(rows, [WIDTH / block.columns] * block.columns, style=style)]

    @flow.register
    def _(self, block: Step) -> list[Flowable]:
        left = STEP_SHARE * WIDTH
        title = _words(f"{block.number}. {block.title}", _STEP)
        title.outline = 1
        style = TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
            ]
        )
        image = self._image(block.picture, left - STEP_GAP)
        beside = [[image, _bullets(block.lines, False)]]
        return [
            KeepTogether([title, Grid(beside, [left, WIDTH - left], style=style)]),
            Spacer(1, 4 * mm),
        ]

    def _image(self, picture: Picture, width: float) -> Image:
        height = width * picture.height / picture.width
        return CountedImage(str(self._folder / picture.file), width, height)


def _words(text: str, style: ParagraphStyle) -> Words:
    tagged = marked_up(text, lambda t: f"<b>{t}</b>", lambda t: f'<font name="Courier">{t}</font>')
    return Words(tagged, style)


def _bullets(items: tuple[str, ...], numbered: bool) -> ListFlowable:
    style = _style("item", parent=_BODY, spaceAfter=2)
    kind = {"bulletType": "1"} if numbered else {"bulletType": "bullet", "start": "•"}
    return ListFlowable(
        [_words(item, style) for item in items], leftIndent=12, bulletFontSize=9, **kind
    )


def _grid(head: bool) -> TableStyle:
    commands: list[Any] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    if head:
        commands.append(("BACKGROUND", (0, 0), (-1, 0), HEAD_FILL))
    return TableStyle([*commands, ("BACKGROUND", (0, 1), (-1, -1), white)])
