"""Sizes of paper in landscape, and where on it things are placed."""

from dataclasses import dataclass

from nav.core.errors import InputError

MARGIN = 10.0  # mm; office printers leave 3 to 6 mm of the edge white
FOOTER = (204.0, 27.0)  # mm, width and height of the strip with ruler and text
FOOTER_GAP = 7.0  # mm between that strip and what is above it


@dataclass(frozen=True)
class Box:
    """An upright rectangle on the page; y runs down.

    Attributes
    ----------
    left, top, width, height : float
        In mm.
    """

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge, mm."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Lower edge, mm."""
        return self.top + self.height

    def centred(self, width: float, height: float) -> "Box":
        """Return a box of that size, mm, in the middle of this one."""
        left = self.left + (self.width - width) / 2
        return Box(left, self.top + (self.height - height) / 2, width, height)


@dataclass(frozen=True)
class Paper:
    """A sheet of paper in landscape.

    Attributes
    ----------
    name : str
        Name of the size.
    width, height : float
        In mm.
    """

    name: str
    width: float
    height: float

    @property
    def area(self) -> Box:
        """Where the target is placed: within the margins, above the footer."""
        height = self.height - 2 * MARGIN - FOOTER[1] - FOOTER_GAP
        return Box(MARGIN, MARGIN, self.width - 2 * MARGIN, height)

    @property
    def footer(self) -> Box:
        """Where ruler and text are placed."""
        width, height = FOOTER
        return Box((self.width - width) / 2, self.height - MARGIN - height, width, height)


PAPERS = {
    paper.name: paper
    for paper in (
        Paper("a4", 297.0, 210.0),  # ISO 216
        Paper("letter", 279.4, 215.9),  # ANSI A
        Paper("a3", 420.0, 297.0),  # ISO 216
    )
}


def paper_named(name: str) -> Paper:
    """Look up a paper size by name.

    Parameters
    ----------
    name : str
        Upper or lower case.

    Returns
    -------
    Paper
        The size.

    Raises
    ------
    InputError
        The name is not in `PAPERS`.
    """
    paper = PAPERS.get(name.lower())
    if paper is None:
        raise InputError(f'paper: unknown "{name}"; expected one of {", ".join(PAPERS)}')
    return paper
