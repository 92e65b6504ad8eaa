"""Write files from the case's window: pictures of itself, and plans as lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from nav.core.filekinds import PNG_METADATA
from nav.core.outputs import written_together, written_whole
from nav.model.case import Plan
from nav.registration.markupsline import line_json

if TYPE_CHECKING:
    from nav.view.case.case_window import CaseWindow


def write_png(image: QImage, path: Path) -> None:
    """Write an image as PNG, whole or not at all, with the mark of our own pictures.

    Parameters
    ----------
    image : QImage
        The text of the mark is set in it.
    path : Path
        To write.

    Raises
    ------
    InputError
        It cannot be written, or another file is there.
    """
    for key, text in PNG_METADATA.items():
        image.setText(key, text)
    with written_whole(path) as beside:
        if not image.save(str(beside), "PNG"):  # type: ignore[call-overload]
            raise OSError("the disk may be full")


def picture_of(window: CaseWindow) -> QImage:
    """Return what a window shows, finely rendered.

    Parameters
    ----------
    window : CaseWindow
        Laid out.

    Returns
    -------
    QImage
        Of the window's size.
    """
    window.finish()
    return window.grab().toImage()


def save_picture(window: CaseWindow, folder: Path) -> Path:
    """Write a picture of a window into a folder, under the first free number.

    Parameters
    ----------
    window : CaseWindow
        Laid out.
    folder : Path
        To write to.

    Returns
    -------
    Path
        Of the picture.

    Raises
    ------
    InputError
        It cannot be written.
    """
    stem = safe_name(window.viewed.case.name)
    path = next(p for n in count(1) if not (p := folder / f"{stem}-view-{n}.png").exists())
    write_png(picture_of(window), path)
    return path


def save_plans(plans: Sequence[Plan], folder: Path) -> list[Path]:
    """Write plans as lines for 3D Slicer, together, each under the first number that is free.

    Parameters
    ----------
    plans : sequence of Plan
        Model frame, mm.
    folder : Path
        To write to.

    Returns
    -------
    list of Path
        In the order of the plans.

    Raises
    ------
    InputError
        One cannot be written; then none is.
    """
    names = [safe_name(plan.name) for plan in plans]
    number = next(
        n for n in count(1) if not any((folder / _line_file(name, n)).exists() for name in names)
    )
    paths = [folder / _line_file(name, number) for name in names]
    with written_together(*paths) as beside:
        for temporary, plan in zip(beside, plans, strict=True):
            text = line_json(plan.name, plan.entry, plan.target)
            temporary.write_text(text, encoding="utf-8")
    return paths


def _line_file(name: str, number: int) -> str:
    return f"{name}-{number}.mrk.json"


def safe_name(name: str) -> str:
    """Return a name that can be a file's: letters, digits, dash and underscore.

    Parameters
    ----------
    name : str
        Any text.

    Returns
    -------
    str
        At most 80 characters; "case" where none is left.
    """
    return re.sub(r"[^\w-]+", "_", name)[:80].strip("_") or "case"
