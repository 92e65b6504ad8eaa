"""One page of a PDF, drawn in millimetres from its top left corner, y down."""

from collections.abc import Iterable
from io import BytesIO

import numpy as np
from numpy.typing import ArrayLike
from reportlab.pdfbase.pdfmetrics import stringWidth  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

import nav
from calibration.printing.paper import Paper

POINTS = 72 / 25.4  # of PDF in a millimetre
PLAIN, BOLD = "Helvetica", "Helvetica-Bold"
DASHES = (1.6, 1.2)  # mm, drawn and left out
EVEN_ODD = 0  # reportlab's number for the fill rule that leaves holes


class Page:
    """A page without images: areas, lines and text in black, nothing else.

    Parameters
    ----------
    paper : Paper
        Size of the page.
    title : str
        Title of the PDF file.
    """

    def __init__(self, paper: Paper, title: str) -> None:
        self._bytes = BytesIO()
        self._height = paper.height
        size = (paper.width * POINTS, paper.height * POINTS)
        # invariant: neither the time nor a random number gets into the file
        self._canvas = Canvas(
            self._bytes, pagesize=size, invariant=1, pageCompression=1, pdfVersion=(1, 6)
        )
        self._canvas.setTitle(title)
        self._canvas.setAuthor(f"c1c2nav {nav.__version__}")
        self._canvas.setSubject(nav.NOTICE)
        self._canvas.setCreator("nav print")
        # viewers then offer the actual size first
        self._canvas.setViewerPreference("PrintScaling", "None")
        self._canvas.setFillGray(0)
        self._canvas.setStrokeGray(0)

    def _at(self, place: ArrayLike) -> tuple[float, float]:
        x, y = np.asarray(place, float).tolist()
        return x * POINTS, (self._height - y) * POINTS

    def fill(self, polygons: Iterable[ArrayLike]) -> None:
        """Fill closed polygons, each (n, 2) mm, with black as one area, by the even-odd rule."""
        path = self._canvas.beginPath()
        for polygon in polygons:
            first, *rest = np.asarray(polygon, float)
            path.moveTo(*self._at(first))
            for point in rest:
                path.lineTo(*self._at(point))
            path.close()
        self._canvas.drawPath(path, stroke=0, fill=1, fillMode=EVEN_ODD)

    def line(
        self, start: ArrayLike, end: ArrayLike, width: float = 0.15, dashed: bool = False
    ) -> None:
        """Draw a straight line with blunt ends.

        Parameters
        ----------
        start, end : array_like, shape (2,)
            Ends, mm.
        width : float, optional
            Width, mm.
        dashed : bool, optional
            Draw it dashed.
        """
        self._canvas.setLineWidth(width * POINTS)
        self._canvas.setDash(*([[d * POINTS for d in DASHES], 0] if dashed else [[], 0]))
        self._canvas.line(*self._at(start), *self._at(end))

    def text(
        self,
        at: tuple[float, float],
        words: str,
        size: float = 3.0,
        bold: bool = False,
        centred: bool = False,
    ) -> None:
        """Draw one line of text.

        Parameters
        ----------
        at : tuple of 2 floats
            Left end of the base line, or its centre, mm.
        words : str
            The text.
        size : float, optional
            Size of the letters, mm.
        bold : bool, optional
            Use the bold font.
        centred : bool, optional
            `at` is the centre of the base line.
        """
        left, base = at
        if centred:
            left -= text_width(words, size, bold) / 2
        self._canvas.setFont(BOLD if bold else PLAIN, size * POINTS)
        self._canvas.drawString(*self._at((left, base)), words)

    def finished(self) -> bytes:
        """Close the page and return the PDF file."""
        self._canvas.showPage()
        self._canvas.save()
        return self._bytes.getvalue()


def text_width(words: str, size: float, bold: bool = False) -> float:
    """Compute the length of a line of text.

    Parameters
    ----------
    words : str
        The text.
    size : float
        Size of the letters, mm.
    bold : bool, optional
        In the bold font.

    Returns
    -------
    float
        Length, mm.
    """
    return float(stringWidth(words, BOLD if bold else PLAIN, size))
