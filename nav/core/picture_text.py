"""Draw users' names with Matplotlib as they are."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def picture_text(name: str) -> str:
    r"""Escape a name so that Matplotlib draws it literally.

    Parameters
    ----------
    name : str
        Of a divot, an operator, a design, ...

    Returns
    -------
    str
        Dollars do not begin a formula; a leading underscore does not hide it in a legend.

    Examples
    --------
    >>> picture_text("$5 bill")
    '\\$5 bill'
    """
    shown = name.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


@contextmanager
def missing_glyphs_drawn_as_boxes() -> Iterator[None]:
    """Draw letters that the font lacks as boxes, without a warning for each.

    Yields
    ------
    None
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield
