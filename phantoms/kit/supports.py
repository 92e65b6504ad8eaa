"""The bones' supports, as a structure of the case."""

from __future__ import annotations

import numpy as np

from nav.core.errors import InputError
from phantoms.anatomy.crossing import uncrossed
from phantoms.anatomy.mesh import Mesh, largest_piece, rough_and_even
from phantoms.anatomy.mesh_rays import Gauge
from phantoms.anatomy.sdf import Array, Solid
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.column import struts
from phantoms.kit.kit_layout import Layout
from phantoms.kit.solid import mesh_of, on_grid

SPACING = 1.6  # mm, grid that the supports are meshed on


def supports_mesh(anatomy: Anatomy, layout: Layout) -> Mesh:
    """Mesh what holds the bones, ending at their surfaces.

    Remeshed in even triangles: a boolean's cut along the bones is full of slivers. Edges are
    rounded by half a millimetre. Where a strut runs out thin against a bone, two triangles may be
    slid through each other: those are put back.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.
    layout : Layout
        Where the kit's parts stand.

    Returns
    -------
    Mesh
        Model frame, mm.

    Raises
    ------
    InputError
        The surface still intersects itself.
    """
    whole = struts(anatomy, layout)
    low, high = np.array(whole.bounding_box()).reshape(2, 3)
    solid = _bare(Gauge.of(mesh_of(whole)), low, high, anatomy)
    room = 2 * SPACING
    both = rough_and_even(solid, low - room, high + room, SPACING, SPACING / 2)
    # Where a strut ends in a hollow of the bone, a crumb of it is left over there.
    pieces = [largest_piece(mesh) for mesh in both]
    mesh = uncrossed(*(Mesh(on_grid(piece.vertices), piece.triangles) for piece in pieces))
    if mesh is None:
        raise InputError(
            "supports: their surface cuts itself; expected a slightly different neck, for example"
            " another seed"
        )
    return mesh


def _bare(struts: Gauge, low: Array, high: Array, anatomy: Anatomy) -> Solid:
    """Return the signed distance of struts within the box from low to high less the bones."""
    bones = [Gauge.of(s.mesh).signed_distance for s in anatomy.structures if s.role == "bone"]

    def distance(points: Array) -> Array:
        value = struts.signed_distance(points)
        outside = (points < low).any(axis=1) | (points > high).any(axis=1)
        value[outside] = np.abs(value[outside])
        near = np.flatnonzero(value < 2 * SPACING)
        for bone in bones:
            value[near] = np.maximum(value[near], -bone(points[near]))
        return value

    return distance
