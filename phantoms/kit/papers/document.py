"""A document as blocks, written once and rendered as HTML and as PDF.

Texts may hold **bold** and `code`; nothing else is markup. Only characters of Windows-1252 are
used, which the PDF's built-in fonts have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal

_MARKED = re.compile(r"\*\*(.+?)\*\*|`(.+?)`")


@dataclass(frozen=True)
class Heading:
    """A heading.

    Attributes
    ----------
    level : int
        1 begins a chapter, on a page of its own; 2 a section.
    text : str
        Its text.
    name : str
        To link to.
    """

    level: Literal[1, 2]
    text: str
    name: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph.

    Attributes
    ----------
    text : str
        With **bold** and `code`.
    """

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list.

    Attributes
    ----------
    items : tuple of str
        Its entries.
    numbered : bool
        Where the order counts.
    """

    items: tuple[str, ...]
    numbered: bool = False


@dataclass(frozen=True)
class Note:
    """Text in a box.

    Attributes
    ----------
    kind : str
        "care" for a danger, "hint".
    text : str
        With **bold** and `code`.
    """

    kind: Literal["care", "hint"]
    text: str


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    head : tuple of k str
        The columns' titles.
    rows : tuple of tuple of k str
        The cells.
    shares : tuple of k float
        Of the width.
    numbers : tuple of int
        Indices of the columns of numbers, which are aligned right.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes
    ----------
    file : str
        Relative to the document.
    caption : str
        May be empty.
    width, height : int
        Pixels.
    share : float
        Of the text's width.
    """

    file: str
    caption: str
    width: int
    height: int
    share: float = 1.0


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side.

    Attributes
    ----------
    pictures : tuple of Picture
        In order.
    columns : int
        How many in a row.
    """

    pictures: tuple[Picture, ...]
    columns: int


@dataclass(frozen=True)
class Step:
    """A numbered step of the work, its picture beside its text.

    Attributes
    ----------
    number : int
        From 1.
    title : str
        Of the step.
    lines : tuple of str
        What to do.
    picture : Picture
        Beside the text.
    """

    number: int
    title: str
    lines: tuple[str, ...]
    picture: Picture


@dataclass(frozen=True)
class Cover:
    """The first page.

    Attributes
    ----------
    title, subtitle : str
        Its headings.
    picture : Picture
        Under them.
    facts : tuple of tuple of 2 str
        Rows of a name and a value.
    notice : str
        A warning.
    """

    title: str
    subtitle: str
    picture: Picture
    facts: tuple[tuple[str, str], ...]
    notice: str


Block = (
    Heading | Paragraph | Bullets | Note | Table | Picture | Gallery | Step | Cover
)  # what a document is made of


@dataclass(frozen=True)
class Document:
    """A document.

    Attributes
    ----------
    title : str
        Of the window or the file.
    running : str
        At the foot of every page.
    blocks : tuple of Block
        Its content.
    """

    title: str
    running: str
    blocks: tuple[Block, ...]

    @property
    def chapters(self) -> tuple[Heading, ...]:
        """The headings of level 1."""
        return tuple(b for b in self.blocks if isinstance(b, Heading) and b.level == 1)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in order."""
        return tuple(b for b in self.blocks if isinstance(b, Step))

    def pictures(self) -> Iterator[Picture]:
        """Yield every picture, as often as it is shown."""
        for block in self.blocks:
            if isinstance(block, Picture):
                yield block
            elif isinstance(block, Step | Cover):
                yield block.picture
            elif isinstance(block, Gallery):
                yield from block.pictures


def marked_up(text: str, bold: Callable[[str], str], code: Callable[[str], str]) -> str:
    """Convert text for a language with tags: escaped, with bold and code as the functions say.

    Parameters
    ----------
    text : str
        With **bold** and `code`.
    bold, code : callable
        Return marked text with its tags.

    Returns
    -------
    str
        HTML or a dialect of it.
    """

    def tag(found: re.Match[str]) -> str:
        return bold(found[1]) if found[1] is not None else code(found[2])

    return _MARKED.sub(tag, escape(text))
