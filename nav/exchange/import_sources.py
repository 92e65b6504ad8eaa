"""What a source of another program holds, before it is a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nav.frames import Array
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
    lps_from_file : array, shape (4, 4)
        Of the transforms above the node in a scene.
    is_ras : bool or None
        What the scene says of a model's coordinates; None: nothing.
    """

    name: str
    path: Path
    lps_from_file: Array = field(default_factory=lambda: np.eye(4))
    is_ras: bool | None = None


@dataclass(frozen=True)
class Sources:
    """Files of a folder or scene, and what of it cannot be used.

    models, points : what they hold. segmentations : label maps. problems : sentences.
    left_out : what is of no use here, in words.
    """

    models: tuple[SourceFile, ...] = ()
    points: tuple[SourceFile, ...] = ()
    segmentations: tuple[SourceFile, ...] = ()
    problems: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportedShape:
    """A structure of a source: a surface with its own sigma, or None where that is unknown."""

    name: str
    role: str
    origin: str
    surface: Surface
    sigma: float | None
    mask: LabelMask | None = None


def file_name(path: Path) -> str:
    """Return a file's name without its endings."""
    name = path.name
    for ending in (*POINT_SUFFIXES, *MODEL_SUFFIXES):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return path.stem


def has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Return whether a file's name ends in one of the suffixes, capitals ignored."""
    return path.name.lower().endswith(suffixes)


def split_assignments(
    given: list[str], option: str, names: Mapping[str, str]
) -> tuple[dict[str, str], list[str], list[str]]:
    """Split words NAME=VALUE of an option.

    Parameters
    ----------
    given : list of str
    option : str
        For the sentences.
    names : mapping
        Of each structure's own name, and of others that mean it, to its own.

    Returns
    -------
    dict
        Values by a structure's own name, or by "*".
    list of str
        Words without a name.
    list of str
        Problems: names that are not there.
    """
    values: dict[str, str] = {}
    plain: list[str] = []
    problems: list[str] = []
    for word in given:
        name, found, value = word.rpartition("=")
        if not found:
            plain.append(word)
        elif name.strip() == "*":
            values["*"] = value.strip()
        elif name.strip() in names:
            values[names[name.strip()]] = value.strip()
        else:
            problems.append(f"{option} {word}: there is no structure {name.strip()!r}")
    return values, plain, problems
