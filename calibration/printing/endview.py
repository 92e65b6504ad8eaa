"""A built body seen along its folds from the net's lower edge: each face is a line."""

from dataclasses import dataclass

import numpy as np

from calibration.printing.outline import Outline, Segment
from calibration.printing.unfolding import Net
from nav.core.frames import Array

ALONG = 1e-6  # largest part of a face's normal along the view


@dataclass(frozen=True, eq=False)
class EndView:
    """A body seen end on, x right, y down.

    Attributes
    ----------
    lines : tuple of (ndarray, ndarray), shape (2,)
        Start and end of each face, mm.
    normals : ndarray, shape (n, 2)
        Outward unit normals of the faces.
    """

    lines: tuple[Segment, ...]
    normals: Array

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Smallest and largest x and y, (2,) each, mm."""
        points = np.array(self.lines).reshape(-1, 2)
        return points.min(axis=0), points.max(axis=0)


def end_view(net: Net, outline: Outline) -> EndView | None:
    """Project a body from below, with its faces upwards if possible.

    Parameters
    ----------
    net : Net
        The body's net.
    outline : Outline
        The net's outline.

    Returns
    -------
    EndView or None
        None if a face is not seen edge on.
    """
    first = net.sheet_from_tool[0]
    normals = first.rotation.apply(np.array([face.normal for face in net.faces]))
    if np.abs(normals[:, 1]).max() > ALONG:
        return None
    turn = _turned(normals[:, [0, 2]].sum(axis=0))
    lines = []
    for panel, sheet_from_tool in zip(outline.panels, net.sheet_from_tool, strict=True):
        flat = np.column_stack([panel.polygon, np.zeros(len(panel.polygon))])
        seen = (first * sheet_from_tool.inv()).apply(flat)[:, [0, 2]] @ turn.T
        order = np.argsort(flat[:, 0])
        lines.append((seen[order[0]], seen[order[-1]]))
    return EndView(tuple(lines), normals[:, [0, 2]] @ turn.T)


def _turned(outward: Array) -> Array:
    """Return the rotation (2, 2) that turns a direction upwards; identity for no direction."""
    length = np.linalg.norm(outward)
    if length < ALONG:
        return np.eye(2)
    x, y = outward / length
    return np.array([[-y, x], [-x, -y]])
