"""Frames and names as they leave by OpenIGTLink: RAS, needles along +Z, at most 20 bytes."""

import math
import re
from collections.abc import Iterable, Mapping

import numpy as np

from nav.core.frames import Array, cross_matrix
from nav.link.igtl_messages import NAME_SIZE
from nav.tracking.tool import Tool

ALONG = 0.9  # cosine from which an axis says too little of the directions across another
FLIP = np.array([-1.0, -1.0, 1.0, 1.0])  # LPS to RAS and back; a rotation by half a turn
_FLIPS = np.outer(FLIP, FLIP)  # of both frames of a transform


def to_ras(matrix: Array) -> Array:
    """Return a transform between two frames, both of them in RAS instead of LPS.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        a_from_b, mm.

    Returns
    -------
    ndarray, shape (4, 4)
        The z axes of both frames stay.
    """
    return _FLIPS * matrix


def inverse(matrix: Array) -> Array:
    """Return the inverse of a rigid transform.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        a_from_b.

    Returns
    -------
    ndarray, shape (4, 4)
        b_from_a.
    """
    result = np.eye(4)
    result[:3, :3] = matrix[:3, :3].T
    result[:3, 3] = -matrix[:3, :3].T @ matrix[:3, 3]
    return result


def tool_from_tip(tool: Tool) -> Array:
    """Return the frame of a tool's tip: origin there, +Z along the shaft towards the tip.

    Parameters
    ----------
    tool : Tool
        Without a tip its own frame is returned; without an axis, its own directions.

    Returns
    -------
    ndarray, shape (4, 4)
        x is the tool's own x, made perpendicular (its y where x is along the shaft).
    """
    frame = np.eye(4)
    if tool.tip is None:
        return frame
    frame[:3, 3] = tool.tip.position
    if tool.tip.axis is not None:
        frame[:3, :3] = along(np.eye(3), tool.tip.axis)
    return frame


def along(rotation: Array, axis: Array) -> Array:
    """Return a rotation with the given z axis, and x as near as possible to that of another.

    Parameters
    ----------
    rotation : ndarray, shape (3, 3)
        Its columns are the axes.
    axis : ndarray, shape (3,)
        Unit vector.

    Returns
    -------
    ndarray, shape (3, 3)
        Where x is along `axis`, within 25 degrees, y takes its part.
    """
    z = axis / math.sqrt(axis @ axis)
    guide = rotation[:, 0] if abs(rotation[:, 0] @ z) < ALONG else rotation[:, 1]
    x = guide - (guide @ z) * z
    x /= math.sqrt(x @ x)
    return np.column_stack((x, cross_matrix(z) @ x, z))


def frame_names(
    tools: Iterable[str], known: Mapping[str, str], most: int, taken: Iterable[str] = ()
) -> dict[str, str]:
    """Return short names for tools' frames, as "Needle" for "needle".

    Parameters
    ----------
    tools : iterable of str
        Their names.
    known : mapping of str to str
        Names of frames that are decided already, by the tools' names.
    most : int
        Characters that may be used.
    taken : iterable of str
        Names of other frames.

    Returns
    -------
    dict of str to str
        Letters and digits of ASCII, each word with a capital; all differ.
    """
    wanted = dict(known)
    for name in tools:
        words = re.findall(r"[A-Za-z0-9]+", name)
        camel = "".join(word[0].upper() + word[1:] for word in words)
        wanted.setdefault(name, camel or "Tool")
    return shortened(wanted, most, taken)


def device_names(names: Iterable[str]) -> dict[str, str]:
    """Return names that a message can carry: the same, where they are not too long.

    Parameters
    ----------
    names : iterable of str
        As of structures.

    Returns
    -------
    dict of str to str
        At most 20 bytes each; all differ.
    """
    return shortened({name: name.replace("\0", "") for name in names}, NAME_SIZE)


def shortened(wanted: Mapping[str, str], most: int, taken: Iterable[str] = ()) -> dict[str, str]:
    """Cut names to a number of bytes, and number those that would then be the same.

    Parameters
    ----------
    wanted : mapping of str to str
        What each is to be called.
    most : int
        Bytes of each name.
    taken : iterable of str
        Names that none is to have.

    Returns
    -------
    dict of str to str
    """
    found: dict[str, str] = {}
    others = frozenset(taken)
    for name, want in wanted.items():
        cut, number = _cut(want, most), 1
        while cut in others or cut in found.values():
            number += 1
            cut = _cut(want, most - len(str(number))) + str(number)
        found[name] = cut
    return found


def _cut(text: str, size: int) -> str:
    """Shorten the longest words from their ends: which side an artery is on stays."""
    words = text.split(" ")
    while len(" ".join(words).encode("utf-8")) > size and any(words):
        longest = max(range(len(words)), key=lambda k: len(words[k]))
        words[longest] = words[longest][:-1]
    return " ".join(words).encode("utf-8")[:size].decode("utf-8", "ignore")
