"""Steps of the work as scenes: what is added is coloured, what is already there is pale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from phantoms.kit.papers.studio import Colour, Shown, Studio, View, shifted

# Seen as from the table's left side at the phantom's feet; the phantom lies prone.
VIEWS = {
    "left": View((0.80, 0.62, -0.58), (0.0, 1.0, 0.0)),
    "right": View((-0.80, 0.62, -0.58), (0.0, 1.0, 0.0)),
    "head": View((0.62, 0.55, 0.85), (0.0, 1.0, 0.0)),
    "side": View((1.0, 0.28, -0.12), (0.0, 1.0, 0.0)),
    "low": View((1.0, 0.22, -0.35), (0.0, 1.0, 0.0)),
    "above": View((0.10, 1.0, -0.18), (0.0, 0.0, 1.0)),
    "below": View((0.62, -0.72, -0.50), (0.0, 1.0, 0.0)),
    "needle": View((0.62, 0.70, -0.62), (0.0, 1.0, 0.0)),
    "bed": View((0.55, -0.80, 0.62), (0.0, 0.0, 1.0)),
    "tool": View((0.40, 1.0, 0.42), (1.0, 0.0, 0.0)),
}
HIGHLIGHTS: tuple[Colour, ...] = (
    (0.07, 0.56, 0.62),
    (0.93, 0.52, 0.12),
    (0.45, 0.36, 0.72),
    (0.30, 0.62, 0.25),
)
PALE = 0.72  # how far the colour of what is there already goes towards PAPER
PAPER: Colour = (0.93, 0.935, 0.94)

Piece = tuple[Shown, ...]


@dataclass(frozen=True)
class Stage:
    """A step of the work.

    Attributes
    ----------
    name : str
        Stem of its picture; its words are under this name in text/assembly.md.
    adds, drops : tuple of str
        Names of pieces, or patterns as of files, that are added and removed.
    focus : tuple of str
        What fills the picture, as names or patterns; everything if empty.
    zoom : float
        How many times larger than that.
    view : str
        A key of VIEWS.
    apart : tuple of tuple of (str, tuple of 3 float)
        Pieces that are shifted off their place in this picture, mm.
    extras : Piece
        Shown in this picture only.
    aside : bool
        Work on the bench: nothing of it is kept, and nothing of before is shown.
    tried : bool
        What is added is put on and taken off again.
    """

    name: str
    adds: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    focus: tuple[str, ...] = ()
    zoom: float = 1.0
    view: str = "left"
    apart: tuple[tuple[str, tuple[float, float, float]], ...] = ()
    extras: Piece = ()
    aside: bool = False
    tried: bool = False


def take_stage(
    studio: Studio,
    path: Path,
    stage: Stage,
    before: Sequence[str],
    pieces: Mapping[str, Piece],
) -> None:
    """Take the picture of a stage.

    Parameters
    ----------
    studio : Studio
        Takes the picture.
    path : Path
        Of the PNG.
    stage : Stage
        The step.
    before : sequence of str
        Names of the pieces that are already there.
    pieces : mapping of str to Piece
        All by name, in the scene's frame, mm.
    """
    added = matching(stage.adds, pieces)
    pieces = {name: _moved(name, piece, stage) for name, piece in pieces.items()}
    shown: list[Shown] = []
    for name in before:
        if name not in added:
            shown += [pale(solid) for solid in pieces[name]]
    number = 0
    for name in added:
        shown += [coloured(solid, number) for solid in pieces[name]]
        number += any(made(solid) for solid in pieces[name])
    frame = [s for name in matching(stage.focus, pieces) for s in pieces[name]]
    everything = [*shown, *stage.extras]
    studio.take(path, everything, VIEWS[stage.view], frame or everything, stage.zoom)


def walked(
    stages: Sequence[Stage], pieces: Mapping[str, Piece]
) -> list[tuple[Stage, tuple[str, ...]]]:
    """Go through the stages and note what is there before each.

    Parameters
    ----------
    stages : sequence of Stage
        In order.
    pieces : mapping of str to Piece
        All by name.

    Returns
    -------
    list of tuple of (Stage, tuple of str)
        Each stage with the names of the pieces that are shown as already there.
    """
    there: list[str] = []
    walked_through = []
    for stage in stages:
        gone = matching(stage.drops, pieces)
        there = [name for name in there if name not in gone]
        walked_through.append((stage, () if stage.aside else tuple(there)))
        if not (stage.aside or stage.tried):
            there += [name for name in matching(stage.adds, pieces) if name not in there]
    return walked_through


def matching(patterns: Sequence[str], pieces: Mapping[str, Piece]) -> list[str]:
    """Find the pieces that patterns mean.

    Parameters
    ----------
    patterns : sequence of str
        Names, or patterns as of files.
    pieces : mapping of str to Piece
        All by name.

    Returns
    -------
    list of str
        Names in the patterns' order, each once.
    """
    found = [name for pattern in patterns for name in pieces if fnmatchcase(name, pattern)]
    return list(dict.fromkeys(found))


def pale(solid: Shown) -> Shown:
    """Show a solid as already there: pale and without label.

    Parameters
    ----------
    solid : Shown
        In its own colour.

    Returns
    -------
    Shown
        A changed copy.
    """
    red, green, blue = (
        (1.0 - PALE) * own + PALE * paper for own, paper in zip(solid.colour, PAPER, strict=True)
    )
    return replace(solid, colour=(red, green, blue), label="")


def coloured(solid: Shown, number: int) -> Shown:
    """Show a solid as added: a printed part in one of HIGHLIGHTS, anything else as it is.

    Parameters
    ----------
    solid : Shown
        In its own colour.
    number : int
        Which highlight, repeating.

    Returns
    -------
    Shown
        A copy, or the solid itself.
    """
    return replace(solid, colour=HIGHLIGHTS[number % len(HIGHLIGHTS)]) if made(solid) else solid


def made(solid: Shown) -> bool:
    """Return whether a solid is a printed part, which may have any colour.

    Parameters
    ----------
    solid : Shown
        In a picture.

    Returns
    -------
    bool
        Its `printed`.
    """
    return solid.printed


def _moved(name: str, piece: Piece, stage: Stage) -> Piece:
    for pattern, shift in stage.apart:
        if fnmatchcase(name, pattern):
            return tuple(replace(s, place=shifted(s.place, shift)) for s in piece)
    return piece
