"""Transforms that other programs recorded, by name: which tool's pose one is, in which frame."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError
from nav.core.rigid_matrix import FARTHEST, rigid_fault
from nav.core.textfile import printable

USUAL_BASE = "tracker"  # of PLUS: the frame in which a tracker reports all its tools
NOT_IN_NAMES = re.compile(r"[^0-9a-z]+")


def plain_name(tool: str) -> str:
    """Return a tool's name as it is compared with others: small letters and digits only.

    Parameters
    ----------
    tool : str
        Its name.

    Returns
    -------
    str
    """
    return NOT_IN_NAMES.sub("", tool.casefold()) or tool.casefold()


def transforms_of_tools(
    path: Path, names: Iterable[str], tools: Sequence[str]
) -> dict[str, str | None]:
    """Choose the transforms of all tools to one common frame, by their names.

    Parameters
    ----------
    path : Path
        Where they were recorded, for messages.
    names : iterable of str
        Of the transforms that there are, such as ``StylusToTracker``.
    tools : sequence of str
        Names of the tools that are needed, in upper or lower case, with or without hyphens.

    Returns
    -------
    dict of str to (str or None)
        A transform's name by tool; None for the tool whose frame is the common one.

    Raises
    ------
    InputError
        There is no common frame: the transforms that are there are listed.
    """
    present = list(dict.fromkeys(names))
    bases: dict[str, dict[str, str]] = {}
    for tool in tools:
        start = f"{plain_name(tool)}to"
        found = {plain_name(name): name for name in present}
        bases[tool] = {
            plain[len(start) :]: name for plain, name in found.items() if plain.startswith(start)
        }
    common: set[str] | None = None
    for tool, found in bases.items():
        reached = {*found, plain_name(tool)}
        common = reached if common is None else common & reached
    if not common or not any(bases.values()):
        there = f"it has {', '.join(map(printable, present[:12]))}" if present else "it has none"
        raise InputError(
            f"{path}: expected transforms of {' and '.join(tools)} to one frame, such as "
            f"{tools[0]}ToTracker; {there}"
        )
    base = min(common, key=lambda name: (name != USUAL_BASE, name not in bases[tools[0]], name))
    return {tool: bases[tool].get(base) for tool in tools}


def rigid_transform(numbers: Sequence[float]) -> RigidTransform:
    """Return the rigid transform of a matrix that another program wrote.

    Parameters
    ----------
    numbers : sequence of 16 floats
        The matrix, by rows, mm.

    Returns
    -------
    RigidTransform
        With the nearest rotation to a rounded one.

    Raises
    ------
    ValueError
        Why it is none, as the rest of a sentence.
    """
    matrix = np.reshape(numbers, (4, 4))
    rotation, translation = matrix[:3, :3], matrix[:3, 3]
    fault = rigid_fault(matrix)
    if fault == "last row":
        raise ValueError("its last row is not 0 0 0 1; expected a rigid transform")
    if fault == "far":
        raise ValueError(
            f"{np.abs(translation).max():.3g} mm away; expected at most {FARTHEST:g} mm"
        )
    if fault:
        what = "is not finite" if fault == "not finite" else fault
        raise ValueError(f"the matrix {what}; expected a rigid transform (give a tracked tool's)")
    return RigidTransform.from_components(translation, Rotation.from_matrix(rotation))
