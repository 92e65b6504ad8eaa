"""Pages of a PDF: footers, bookmarks, contents; pictures drawn once only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reportlab import rl_config  # type: ignore[import-untyped]
from reportlab.lib.colors import HexColor  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.platypus import (  # type: ignore[import-untyped]
    BaseDocTemplate,
    Flowable,
    Frame,
    Image,
    PageTemplate,
)

import nav
from phantoms.kit.papers.document import Document

MARGIN, FOOT = 16.0, 14.0  # mm
INK, SOFT, LINE = HexColor("#1d2733"), HexColor("#5b6775"), HexColor("#d5dbe1")
ACCENT, CARE = HexColor("#0b6e75"), HexColor("#a4471b")
HEAD_FILL, HINT_FILL, CARE_FILL = HexColor("#eef2f4"), HexColor("#eef6f6"), HexColor("#fbf1ec")
WIDTH = A4[0] - 2 * MARGIN * mm


class PagesOf(BaseDocTemplate):
    """Template of the pages: footers, bookmarks, and the entries of the table of contents.

    Parameters
    ----------
    path : Path
        Of the PDF.
    document : Document
        Gives title, footer and chapters.
    """

    def __init__(self, path: Path, document: Document) -> None:
        super().__init__(
            str(path),
            pagesize=A4,
            title=document.title,
            author=f"c1c2nav {nav.__version__}",
            subject=nav.NOTICE,
            creator="nav phantom",
            invariant=1,  # neither the time nor a random number gets into the file
            pageCompression=1,
        )
        self._running = document.running
        # The contents' page numbers come from a first pass, which needs no pictures.
        self.only_counts = bool(document.chapters)
        high = A4[1] - (MARGIN + FOOT + 4) * mm
        frame = Frame(MARGIN * mm, (FOOT + 4) * mm, WIDTH, high, 0, 0, 0, 0)
        self.addPageTemplates(PageTemplate("page", [frame], onPage=self._foot))

    def _endBuild(self) -> None:
        super()._endBuild()
        self.only_counts = False

    def _foot(self, canvas: Any, _: Any) -> None:
        canvas.saveState()
        canvas.setStrokeColor(LINE)
        canvas.line(MARGIN * mm, FOOT * mm, A4[0] - MARGIN * mm, FOOT * mm)
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(SOFT)
        canvas.drawString(MARGIN * mm, (FOOT - 4) * mm, self._running)
        canvas.drawRightString(A4[0] - MARGIN * mm, (FOOT - 4) * mm, str(canvas.getPageNumber()))
        canvas.restoreState()

    def afterFlowable(self, flowable: Flowable) -> None:
        """Bookmark a flowable that has an outline level."""
        level = getattr(flowable, "outline", None)
        if level is None:
            return
        text = flowable.getPlainText()
        key = f"{level}-{text}"
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(text, key, level=level, closed=level > 0)
        if level == 0:
            self.notify("TOCEntry", (0, text, self.page, key))


class CountedImage(Image):
    """A picture that is left out while pages are only counted."""

    def draw(self) -> None:
        """Draw the image; called with the canvas set."""
        if not self.canv._doctemplate.only_counts:
            super().draw()


@contextmanager
def binary_streams() -> Iterator[None]:
    """Embed pictures as bytes instead of letters, which are slow and a quarter larger.

    Yields
    ------
    None
        The setting of reportlab is restored at the end.
    """
    before = rl_config.useA85
    rl_config.useA85 = 0
    try:
        yield
    finally:
        rl_config.useA85 = before
