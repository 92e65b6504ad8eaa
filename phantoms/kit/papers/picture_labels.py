"""Labels at a picture's sides, each with a line to what it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

LETTERS = 0.029  # height of letters, as a share of the picture's width
WIDEST = 15  # letters in a line
INK, LINE, PAPER = (29, 39, 51), (91, 103, 117), (255, 255, 255)


@dataclass(frozen=True)
class Label:
    """A label.

    Attributes
    ----------
    text : str
        Its words.
    x, y : float
        The pixel that they name, x right, y down.
    """

    text: str
    x: float
    y: float


def with_labels(
    image: Image.Image, labels: Sequence[Label], letters: float = LETTERS
) -> Image.Image:
    """Draw labels into a picture: left ones at its left, right ones at its right.

    Parameters
    ----------
    image : PIL.Image.Image
        Is drawn on.
    labels : sequence of Label
        May be empty.
    letters : float, optional
        Height of the letters, as a share of the picture's width.

    Returns
    -------
    PIL.Image.Image
        The same picture.
    """
    if not labels:
        return image
    size = letters * image.width
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(image)
    ordered = sorted(labels, key=lambda label: label.x)
    half = _left_count(ordered, image.width)
    for side, group in (("left", ordered[:half]), ("right", ordered[half:])):
        group = sorted(group, key=lambda label: label.y)
        heights = _apart(
            [label.y for label in group],
            [size * (0.8 + 1.2 * len(_lines(label))) for label in group],
            image.height,
        )
        for label, y in zip(group, heights, strict=True):
            _draw(draw, label, y, side == "left", image.width, font)
    return image


def _left_count(ordered: Sequence[Label], width: int) -> int:
    """Return how many are placed at the left: those of the left half, at most two thirds a side."""
    count = sum(label.x < width / 2 for label in ordered)
    most = -(-2 * len(ordered) // 3)
    return min(max(count, len(ordered) - most), most)


def _lines(label: Label) -> list[str]:
    return wrap(label.text, WIDEST)


def _apart(middles: Sequence[float], sizes: Sequence[float], bottom: float) -> list[float]:
    """Return middles in order, so far apart that labels of those sizes fit without touching."""
    placed: list[float] = []
    free = 0.0
    for y, size in zip(middles, sizes, strict=True):
        placed.append(max(y, free + size / 2))
        free = placed[-1] + size / 2
    limit = bottom
    for i in range(len(placed) - 1, -1, -1):
        placed[i] = min(placed[i], limit - sizes[i] / 2)
        limit = placed[i] - sizes[i] / 2
    return placed


def _draw(
    draw: ImageDraw.ImageDraw,
    label: Label,
    y: float,
    left: bool,
    width: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    margin, gap = 0.012 * width, 0.008 * width
    text = "\n".join(_lines(label))
    low, _, high, _ = draw.multiline_textbbox((0.0, 0.0), text, font)
    length = high - low
    x = margin if left else width - margin - length
    end = x + length + gap if left else x - gap
    line = max(1, round(width / 700))
    draw.line([(end, y), (label.x, label.y)], LINE, line)
    dot = 0.0035 * width
    draw.ellipse(
        [label.x - dot, label.y - dot, label.x + dot, label.y + dot], (255, 255, 255), LINE, line
    )
    align, spacing = "left" if left else "right", 0.006 * width
    # labels have a background, to be legible over anything
    x0, y0, x1, y1 = draw.multiline_textbbox((x, y), text, font, "lm", spacing, align)
    draw.rounded_rectangle([x0 - gap, y0 - gap, x1 + gap, y1 + gap], gap, PAPER)
    draw.multiline_text((x, y), text, INK, font, "lm", spacing, align)
