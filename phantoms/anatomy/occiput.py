"""A stub of the occipital bone: condyles and surroundings of the foramen magnum, cut off flat.

Its own frame is C1's while the head is in neutral. Given for the left side, x >= 0, and mirrored.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.anatomy import c1
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import (
    Array,
    Solid,
    both_sides,
    ellipsoid,
    half_space,
    intersect,
    moved,
    subtract,
    tube,
    union,
)

FORAMEN_AP, FORAMEN_WIDTH = 35.0, 30.0  # mm, the foramen magnum; chosen, a usual adult's
TILT = 15.0  # degrees that C1's front stands up in neutral while the skull's base is level
CUT = 21.0  # mm, height of the flat top, about 20 over the condyles


def occiput_solid(p: AnatomyParameters) -> Solid:
    """Build the bone; its condyles lie `joint_gap` over C1's upper facets.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    Solid
        The bone in its own frame, mm.
    """
    level = _frame_from_level(p)
    bone = moved(union([_rim(), _clivus()], 4.0), level)
    bone = union([bone, _condyle(p)], 5.0)
    bone = subtract(bone, moved(_foramen(), level), 3.0)
    top = half_space((0, 0, CUT), (0, 0, 1))
    return both_sides(intersect(bone, moved(top, level), 1.6))


def occiput_box(p: AnatomyParameters) -> tuple[Array, Array]:
    """Return the bounds of a box that holds the bone.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    low, high : ndarray, shape (3,)
        Its lowest and highest corner, the bone's frame, mm.
    """
    y = condyle_axis(p)[1]
    return np.array([-35.0, y - 32.0, -3.0]), np.array([35.0, y + 60.0, 42.0])


def condyle_axis(p: AnatomyParameters) -> Array:
    """Return a point of the transverse axis about which the head nods on C1.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    ndarray, shape (3,)
        The bone's frame, mm.
    """
    centre, _, _ = c1.upper_trough(p)
    return np.array([0.0, centre[1], centre[2]])


def _frame_from_level(p: AnatomyParameters) -> RigidTransform:
    """Return the pose of rim, clivus and foramen.

    They are given level, from the middle of the foramen's front edge.
    """
    basion = np.array([0.0, -p.c1_canal_ap + 3.0, 0.0])
    return RigidTransform.from_components(basion, Rotation.from_euler("x", TILT, degrees=True))


def _rim() -> Solid:
    """Build the rim of the foramen: lateral parts, jugular processes, and the squama behind."""
    ring = tube(
        [
            (-6.0, -3.4, 16.0),
            (0.0, -4.4, 16.0),
            (10.0, -2.0, 16.4),
            (18.6, 6.0, 16.6),
            (21.6, 16.0, 16.6),
            (20.0, 27.0, 16.6),
            (13.0, 36.6, 16.6),
            (5.0, 40.8, 16.4),
            (-5.0, 40.8, 16.4),
        ],
        [(5.0, 4.4)] * 3 + [(6.6, 4.6), (6.8, 4.4), (6.6, 4.2), (6.8, 4.4)] + [(7.4, 5.0)] * 2,
        exponent=2.6,
    )
    jugular = ellipsoid((26.0, 12.0, 17.0), (5.0, 5.4, 4.4), exponent=2.3)
    crest = tube([(0, 44.0, 13.6), (0, 50.0, 17.0)], [(2.0, 2.4), (2.6, 3.4)])
    return union([ring, jugular, crest], 4.0)


def _clivus() -> Solid:
    return tube(
        [(0, -3.6, 15.0), (0, -6.4, 22.0), (0, -9.0, 31.0)],
        [(10.0, 3.6), (11.0, 4.0), (12.0, 4.4)],
        up=(0, 1, 0),
        exponent=2.4,
    )


def _condyle(p: AnatomyParameters) -> Solid:
    """Build the ellipsoid that hollows C1's upper facet, smaller by the gap, with a root."""
    centre, radii, axes = c1.upper_trough(p)
    ball = ellipsoid(centre, radii - p.joint_gap, axes)
    root = tube(
        centre + np.array([(2.0, 1.0, 2.0), (4.5, 2.0, 14.0)]),
        [(5.6, 7.6), (7.0, 9.0)],
        up=(0, 1, 0),
    )
    return union([ball, root], 3.0)


def _foramen() -> Solid:
    ends = [(0.0, FORAMEN_AP / 2, z) for z in (-40.0, 10.0, 60.0)]
    return tube(ends, [(FORAMEN_AP / 2, FORAMEN_WIDTH / 2)] * 3, up=(1, 0, 0))
