"""Read a folder of models and points as sources of a case."""

from __future__ import annotations

import os
from pathlib import Path

from nav.core.errors import InputError
from nav.exchange.import_sources import (
    MODEL_SUFFIXES,
    POINT_SUFFIXES,
    SourceFile,
    Sources,
    file_name,
    has_suffix,
)

MOST_FILES = 5000


def read_model_folder(folder: Path) -> Sources:
    """Return the models and points of a folder and of the folders in it.

    Parameters
    ----------
    folder : Path
        Searched to any depth; hidden files are left out.

    Returns
    -------
    Sources
        Models and points.

    Raises
    ------
    InputError
        It has too many files to be a folder of models.
    """
    models, points = [], []
    for path in files_below(folder):
        if has_suffix(path, MODEL_SUFFIXES):
            models.append(SourceFile(file_name(path), path))
        elif has_suffix(path, POINT_SUFFIXES):
            points.append(SourceFile(file_name(path), path))
    return Sources(tuple(models), tuple(points))


def files_below(folder: Path) -> list[Path]:
    """Return the files in a folder and its folders, sorted; hidden ones are left out.

    Parameters
    ----------
    folder : Path
        Searched to any depth.

    Returns
    -------
    list of Path
        Files, folder by folder.

    Raises
    ------
    InputError
        There are more than MOST_FILES.
    """
    found: list[Path] = []
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [Path(at) / name for name in sorted(names) if not name.startswith(".")]
        if len(found) > MOST_FILES:
            raise InputError(
                f"{folder}: has more than {MOST_FILES} files; give the folder of the models itself"
            )
    return found
