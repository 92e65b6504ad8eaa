"""The neck's own skin and mastoids, for a patient's CT.

A wet kit's skin is the gel's surface, cut off flat in front by the base. The rest of it still shows
how wide and deep the neck is, and these two numbers determine its whole outline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nav.core.frames import Array
from phantoms.anatomy.mesh import Mesh, mesh_rings
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.skin_model import MASTOID, NECK_BOTTOM, NECK_TOP, outline, skin_x
from phantoms.twin.ct_section import Closed, Surface

RING_SPACING, CORNERS = 3.0, 160  # mm; of the skin that is drawn
ENDS = 0.05  # mm, from NECK_BOTTOM and NECK_TOP
ALIKE = 0.6  # mm, largest distance between a neck's skin and its fitted outline
TRIED, LIKELY = (100.0, 130.0), (80.0, 160.0)  # mm, widths and depths of a neck
CUT = 14.0  # mm behind the foremost point: there a base may have cut it off
UNDER = 6.0  # mm, skin and fat over the mastoid
# The mastoid process: mm over its tip; half width, half depth, how far behind the tip, mm.
PROCESS = ((0.0, 1.5, 2.5, 0.0), (3.0, 4.0, 5.5, 0.0), (12.0, 6.5, 9.5, 1.0), (40.0, 8.5, 14.0, 4))


def neck_size(skin: Closed) -> AnatomyParameters | None:
    """Estimate the parameters `neck_width` and `neck_ap` that give this skin.

    Parameters
    ----------
    skin : Closed
        The skin, mm.

    Returns
    -------
    AnatomyParameters or None
        None where no parameters fit.
    """
    v = skin.vertices
    if abs(v[:, 2].min() - NECK_BOTTOM) > ENDS or abs(v[:, 2].max() - NECK_TOP) > ENDS:
        return None
    # both are straight lines in the parameter
    _, y, z = v[v[:, 1].argmax()]
    p = AnatomyParameters()
    deep = _solved([outline(replace(p, neck_ap=ap), z)[:, 1].max() for ap in TRIED], y)
    if not LIKELY[0] < deep < LIKELY[1]:
        return None
    p = replace(p, neck_ap=deep)
    x, y, z = v[v[:, 0].argmax()]
    wide = _solved([skin_x(replace(p, neck_width=w), y, z) for w in TRIED], x)
    if not LIKELY[0] < wide < LIKELY[1]:
        return None
    p = replace(p, neck_width=wide)
    # in front it may be cut off; on the midline x tells little, and the ends' centres are there
    told = v[(v[:, 1] > v[:, 1].min() + CUT) & (np.abs(v[:, 0]) > 5.0)]
    off = np.abs(np.abs(told[:, 0]) - skin_x(p, told[:, 1], told[:, 2]))
    return p if len(told) and off.max() < ALIKE else None


def _solved(values: Sequence[Any], wanted: float) -> float:
    low, high = (float(value) for value in values)
    if low == high:
        return np.inf  # the point is not on any neck
    return TRIED[0] + (TRIED[1] - TRIED[0]) * (float(wanted) - low) / (high - low)


def whole_skin(p: AnatomyParameters) -> Surface:
    """Build the skin all around.

    Parameters
    ----------
    p : AnatomyParameters
        Size of the neck.

    Returns
    -------
    Surface
        The skin, mm.
    """
    z = np.linspace(NECK_BOTTOM, NECK_TOP, round((NECK_TOP - NECK_BOTTOM) / RING_SPACING) + 1)
    rings = [np.column_stack([outline(p, h, CORNERS), np.full(CORNERS, h)]) for h in z]
    return drawn("skin", "skin", np.array(rings))


def mastoids(p: AnatomyParameters) -> tuple[Surface, Surface]:
    """Build the bone below the skin's mastoid bulges, up to above the neck's end.

    Parameters
    ----------
    p : AnatomyParameters
        Size of the neck.

    Returns
    -------
    tuple of 2 Surface
        Left and right, mm.
    """
    tip_y, tip_z = MASTOID[0] - 0.5, MASTOID[1] + 4.0
    z = np.arange(tip_z, NECK_TOP + 3.0, 1.0)
    over, *sizes = np.array(PROCESS).T
    wide, deep, back = (np.interp(z - tip_z, over, size) for size in sizes)
    y = tip_y + back
    x = skin_x(p, y, np.minimum(z, NECK_TOP)) - UNDER - wide
    t = np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False)
    left = np.stack(
        [
            x[:, None] + wide[:, None] * np.cos(t),
            y[:, None] + deep[:, None] * np.sin(t),
            np.repeat(z[:, None], len(t), axis=1),
        ],
        axis=-1,
    )
    right = left[:, ::-1] * (-1.0, 1.0, 1.0)
    return drawn("mastoid left", "bone", left), drawn("mastoid right", "bone", right)


def drawn(name: str, role: str, rings: Array) -> Surface:
    """Build a closed tube through rings.

    Parameters
    ----------
    name, role : str
        Of the surface.
    rings : ndarray, shape (n, k, 3)
        From below, counter-clockwise from above, mm.

    Returns
    -------
    Surface
        The tube.
    """
    mesh: Mesh = mesh_rings(rings)
    return Surface(name, role, mesh.vertices, mesh.triangles)
