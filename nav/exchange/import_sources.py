"""The contents of another program's source, before it is a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nav.assignments import split_assignment
from nav.core.frames import Array
from nav.model.surface import Surface
from nav.reconstruction.labelmap import LabelMask

MODEL_SUFFIXES = (".stl", ".obj", ".ply", ".vtp", ".vtk")
POINT_SUFFIXES = (".mrk.json", ".fcsv")


@dataclass(frozen=True)
class SourceFile:
    """A file of a model or of markups.

    Parameters
    ----------
    name : str
        Of the node in a scene, or of the file without its endings.
    path : Path
        The file.
    lps_from_file : ndarray, shape (4, 4)
        Of the transforms above the node in a scene.
    is_ras : bool or None
        What the scene states about a model's coordinates; None where it states nothing.
    """

    name: str
    path: Path
    lps_from_file: Array = field(default_factory=lambda: np.eye(4))
    is_ras: bool | None = None


@dataclass(frozen=True)
class Sources:
    """Files of a folder or scene, and what of it cannot be used.

    Parameters
    ----------
    models, points, segmentations : tuple of SourceFile
        Models, markups and label maps.
    problems : tuple of str
        Sentences.
    left_out : tuple of str
        What is not used, in words.
    """

    models: tuple[SourceFile, ...] = ()
    points: tuple[SourceFile, ...] = ()
    segmentations: tuple[SourceFile, ...] = ()
    problems: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportedShape:
    """A structure of a source.

    Parameters
    ----------
    name, role : str
        In the case.
    origin : str
        "model" or "label map".
    surface : Surface
        Closed, model frame, mm.
    sigma : float or None
        Its own, mm; None where it is not known.
    mask : LabelMask, optional
        Of a label map.
    """

    name: str
    role: str
    origin: str
    surface: Surface
    sigma: float | None
    mask: LabelMask | None = None


def file_name(path: Path) -> str:
    """Return a file's name without its endings.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        Without ".mrk.json" and the like as a whole.
    """
    name = path.name
    for ending in (*POINT_SUFFIXES, *MODEL_SUFFIXES):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return path.stem


def has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Return whether a file's name ends in one of the suffixes, letter case ignored.

    Parameters
    ----------
    path : Path
        The file.
    suffixes : tuple of str
        In small letters, with the dot.

    Returns
    -------
    bool
        Whether it does.
    """
    return path.name.lower().endswith(suffixes)


def values_by_structure(
    given: list[str], option: str, names: Mapping[str, str]
) -> tuple[dict[str, str], list[str], list[str]]:
    """Split the words NAME=VALUE of an option.

    Parameters
    ----------
    given : list of str
        As given on the command line.
    option : str
        Its name, for messages.
    names : mapping of str to str
        From a structure's own name, and from others that mean it, to its own.

    Returns
    -------
    values : dict of str to str
        By a structure's own name, or by "*".
    plain : list of str
        Words without a name.
    problems : list of str
        About names that do not exist.
    """
    values: dict[str, str] = {}
    plain: list[str] = []
    problems: list[str] = []
    for word in given:
        name, value = split_assignment(word)
        if not name:
            plain.append(word)
        elif name == "*":
            values["*"] = value
        elif name in names:
            values[names[name]] = value
        else:
            problems.append(f"{option} {word}: there is no structure {name!r}")
    return values, plain, problems
