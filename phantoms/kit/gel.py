"""The gel's surface: the skin, cut off flat by the base that it rests on."""

from __future__ import annotations

import numpy as np

from phantoms.anatomy.mesh import Mesh, mesh_rings
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import Array
from phantoms.anatomy.skin_model import NECK_BOTTOM, NECK_TOP, outline
from phantoms.kit.kit_layout import Layout

LIP = 1.5  # mm over the base, up to which the gel's edge is upright: no knife edge there
RING_SPACING = 3.0  # mm
FLAT, ARC = 10, 40  # points of half a ring: along the base, round the neck


def skin_on_base(p: AnatomyParameters, layout: Layout) -> Mesh:
    """Mesh the gel's surface in rings, closed.

    The mould's inside is the same to 0.03 mm in the mean, 0.5 mm along its edges.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    layout : Layout
        Where the kit's parts stand.

    Returns
    -------
    Mesh
        Model frame, mm.
    """
    heights = np.linspace(NECK_BOTTOM, NECK_TOP, round((NECK_TOP - NECK_BOTTOM) / RING_SPACING) + 1)
    rings = [np.column_stack([_ring(p, layout.base_top, z), np.full(_CORNERS, z)]) for z in heights]
    return mesh_rings(np.array(rings))


_CORNERS = 2 * (FLAT + ARC)


def _ring(p: AnatomyParameters, base: float, z: float) -> Array:
    """Return x and y of a section, (corners, 2), counter-clockwise from the front's middle."""
    whole = outline(p, z, 1600)
    left = whole[: len(whole) // 2 + 1]
    lip = base + LIP
    first = int(np.flatnonzero(left[:, 1] > lip)[0])
    before, after = left[first - 1], left[first]
    share = (lip - before[1]) / (after[1] - before[1])
    edge = before + share * (after - before)
    flat = np.column_stack([np.linspace(0.0, edge[0], FLAT, endpoint=False), np.full(FLAT, base)])
    round_neck = np.vstack([[edge[0], base], edge, left[first:]])
    half = np.vstack([flat, _evenly(round_neck, ARC + 1)])
    return np.concatenate([half, half[-2:0:-1] * (-1.0, 1.0)])


def _evenly(line: Array, count: int) -> Array:
    """Resample a line to so many points, its ends and its second point (the lip) among them."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    even = np.concatenate([[0.0], np.linspace(at[1], at[-1], count - 1)])
    return np.column_stack([np.interp(even, at, line[:, k]) for k in range(2)])
