"""A stub of the occipital bone: the condyles, what surrounds the foramen magnum, cut off flat.

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
CUT = 25.0  # mm, height of the flat top over the condyles' rims
WALL = 5.0  # mm, of the bowl


def occiput_solid(p: AnatomyParameters) -> Solid:
    """The bone; its condyles lie `joint_gap` over C1's upper facets."""
    level = _frame_from_level(p)
    bone = moved(union([_bowl(), _clivus()], 5.0), level)
    bone = union([bone, _condyle(p)], 5.0)
    bone = subtract(bone, moved(_foramen(), level), 3.0)
    top = half_space((0, 0, CUT), (0, 0, 1))
    return both_sides(intersect(bone, moved(top, level), 1.6))


def occiput_box(p: AnatomyParameters) -> tuple[Array, Array]:
    """Lowest and highest corner of a box that holds the bone, its own frame, mm."""
    y = condyle_axis(p)[1]
    return np.array([-35.0, y - 32.0, -3.0]), np.array([35.0, y + 62.0, 45.0])


def condyle_axis(p: AnatomyParameters) -> Array:
    """Point of the transverse axis that the head nods about on C1, its own frame, mm."""
    centre, _, _ = c1.upper_trough(p)
    return np.array([0.0, centre[1], centre[2]])


def _frame_from_level(p: AnatomyParameters) -> RigidTransform:
    """Bowl, clivus and foramen are given level, from the middle of the foramen's front edge."""
    basion = np.array([0.0, -p.c1_canal_ap + 3.0, 0.0])
    return RigidTransform.from_components(basion, Rotation.from_euler("x", TILT, degrees=True))


def _bowl() -> Solid:
    """The floor of the skull round the foramen, rising to all sides."""
    centre, radii = np.array([0.0, FORAMEN_AP / 2 + 4.0, 40.0]), np.array([32.0, 34.0, 28.0])
    outside = ellipsoid(centre, radii, exponent=2.5)
    return subtract(outside, ellipsoid(centre, radii - WALL, exponent=2.5), 1.0)


def _clivus() -> Solid:
    return tube(
        [(0, -3.6, 15.0), (0, -6.4, 22.0), (0, -9.0, 31.0)],
        [(10.0, 3.6), (11.0, 4.0), (12.0, 4.4)],
        up=(0, 1, 0),
        exponent=2.4,
    )


def _condyle(p: AnatomyParameters) -> Solid:
    """What C1's upper facet was hollowed out with, less the gap."""
    centre, radii, axes = c1.upper_trough(p)
    ball = ellipsoid(centre, radii - p.joint_gap, axes)
    root = tube(
        [centre + (2.0, 1.0, 2.0), centre + (4.5, 2.0, 14.0)], [(5.6, 7.6), (7.0, 9.0)], up=(0, 1, 0)
    )
    return union([ball, root], 3.0)


def _foramen() -> Solid:
    ends = [(0.0, FORAMEN_AP / 2, z) for z in (-40.0, 10.0, 60.0)]
    return tube(ends, [(FORAMEN_AP / 2, FORAMEN_WIDTH / 2)] * 3, up=(1, 0, 0))
