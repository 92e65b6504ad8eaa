"""Read errors.toml: the standard deviations that a plan is judged with."""

from pathlib import Path
from typing import Literal

import numpy as np

from nav.core.files import NotNegative, PublicFile, load_toml
from nav.planning.needle_deviation import ErrorModel


class ErrorFile(PublicFile):
    """The contents of errors.toml: standard deviations; a field left out keeps its default.

    Attributes
    ----------
    format : str
        "c1c2nav/errors/1".
    tip_mm, angle_deg, bend, fle_mm, translation_mm, rotation_deg, surface : float, optional
        As of `ErrorModel`, in the unit that the name ends in; `bend` and `surface` are factors.
    """

    format: Literal["c1c2nav/errors/1"]
    tip_mm: NotNegative | None = None
    angle_deg: NotNegative | None = None
    bend: NotNegative | None = None
    fle_mm: NotNegative | None = None
    translation_mm: NotNegative | None = None
    rotation_deg: NotNegative | None = None
    surface: NotNegative | None = None


def load_errors(path: Path) -> ErrorModel:
    """Read the error model of an errors.toml.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ErrorModel
        Angles in rad; defaults where the file has no value.

    Raises
    ------
    InputError
        The file cannot be read or breaks the format.
    """
    table = load_toml(path, ErrorFile)
    given = {
        "tip": table.tip_mm,
        "angle": None if table.angle_deg is None else np.radians(table.angle_deg),
        "bend": table.bend,
        "fle": table.fle_mm,
        "translation": table.translation_mm,
        "rotation": None if table.rotation_deg is None else np.radians(table.rotation_deg),
        "surface": table.surface,
    }
    return ErrorModel(**{name: float(value) for name, value in given.items() if value is not None})
