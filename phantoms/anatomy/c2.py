"""C2, the axis.

Its own frame, LPS: origin on the midline at the upper front edge of the lamina (spinolaminar line),
z square to the lower end plate. Given for the left side, x >= 0, and mirrored.
"""

from __future__ import annotations

import numpy as np

from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import (
    Array,
    Solid,
    both_sides,
    ellipsoid,
    half_space,
    intersect,
    subtract,
    tube,
    union,
)

BODY_HEIGHT = 14.0  # lower end plate to the level of the dens's shoulders at its back
DENS_LEAN = np.tan(np.radians(22.0))  # against the lower end plate's normal


def c2_solid(p: AnatomyParameters, artery_left: Solid) -> Solid:
    """The bone, with its canal and foramina.

    Parameters
    ----------
    artery_left : Solid
        The room that the left artery takes, wall gap included, in C2's frame.
    """
    bone = union([_body(p), _upper_joint(p)], 3.0)
    bone = union([bone, _dens(p)], 2.0)
    bone = union([bone, _pillar(p)], 3.0)
    bone = union([bone, _transverse_process(p)], 1.5)
    bone = union([bone, _lamina(p)], 3.0)
    bone = union([bone, _spinous_process(p)], 3.0)
    bone = subtract(bone, _canal(p), 2.0)
    return both_sides(subtract(bone, artery_left, 0.8))


def dens_axis(p: AnatomyParameters, height: float) -> Array:
    """Middle of the dens at a height above the shoulders, C2's frame, mm."""
    base = np.array([0.0, _back(p) - 5.0, -1.0 + BODY_HEIGHT])
    return base + height * np.array([0.0, DENS_LEAN, 1.0]) / np.hypot(1.0, DENS_LEAN)


def _back(p: AnatomyParameters) -> float:
    """y of the back of the body, at the height of the shoulders."""
    return -p.c2_canal_ap + 5.0


def _dens(p: AnatomyParameters) -> Solid:
    ap, width = p.dens_ap / 2, p.dens_width / 2
    tip = p.dens_height
    return tube(
        [dens_axis(p, h) for h in (-6.0, 0.0, 0.3 * tip, 0.65 * tip, tip - 3.6)],
        [
            (ap + 1.0, width + 1.2),
            (ap, width + 0.3),
            (ap - 0.5, width - 0.6),
            (ap, width),
            (ap - 1.4, width - 1.2),
        ],
        up=(1, 0, 0),
    )


def _body(p: AnatomyParameters) -> Solid:
    ap = p.c2_body_ap / 2
    bottom = -1.0
    back = -p.c2_canal_ap + 1.0
    body = tube(
        [
            (0, back - ap, bottom + 3.0),
            (0, back - ap + 0.5, bottom + 6.0),
            (0, back - ap + 2.5, bottom + 11.0),
        ],
        [(ap, 8.6), (ap - 0.4, 8.4), (ap - 1.0, 9.0)],
        up=(1, 0, 0),
        exponent=3.0,
    )
    lip = ellipsoid((0, back - 2 * ap + 1.8, bottom + 0.3), (5.5, 2.2, 2.4))
    plate = ellipsoid((0, back - ap, bottom - 9.6), (9.0, 8.5, 10.5))
    return subtract(union([body, lip], 2.0), plate, 1.0)


def _upper_joint(p: AnatomyParameters) -> Solid:
    middle = np.array([13.2, _back(p) - 4.0, 12.0])
    slope = np.radians(27.0)
    axes = np.array(
        [(np.cos(slope), 0, -np.sin(slope)), (0, 1, 0), (np.sin(slope), 0, np.cos(slope))]
    )
    return ellipsoid(middle, (9.6, 8.6, 5.2), axes, exponent=2.6)


def _pillar(p: AnatomyParameters) -> Solid:
    x = p.c2_canal_width / 2
    return tube(
        [(x + 3.6, -14.0, 10.0), (x + 4.4, -10.5, 4.0), (x + 5.0, -8.0, -1.5), (x + 4.0, -8, -5.5)],
        [(4.0, 4.0), (3.8, 3.8), (4.4, 3.6), (4.2, 2.6)],
        up=(0, 1, 0),
        exponent=2.4,
    )


def _transverse_process(p: AnatomyParameters) -> Solid:
    x = p.c2_canal_width / 2
    front = tube(
        [(x - 0.5, -22.5, 8.5), (x + 5.5, -23.5, 7.5), (x + 11.0, -21.0, 4.5)],
        [(1.8, 3.0), (1.6, 2.8), (2.0, 2.2)],
    )
    back = tube(
        [(x + 11.0, -21.0, 4.5), (x + 8.8, -15.5, 3.6), (x + 6.0, -11.5, 3.0)],
        [(2.0, 2.2), (1.6, 1.8), (2.0, 2.4)],
    )
    return union([front, back], 1.5)


def _lamina(p: AnatomyParameters) -> Solid:
    thick, high = p.c2_lamina_thickness / 2, p.c2_lamina_height / 2
    x = p.c2_canal_width / 2
    return tube(
        [
            (x + 4.5, -10.0, 0.0),
            (x - 1.0, -4.0, -2.6),
            (4.5, 2.4, -4.2),
            (0, 4.2, -4.6),
            (-4.5, 2.4, -4.2),
        ],
        [(thick, high - 1.0), (thick, high - 0.8), (thick, high), (thick, high), (thick, high)],
        up=(0, 0.3, 1),
        exponent=2.6,
    )


def _spinous_process(p: AnatomyParameters) -> Solid:
    tip = p.c2_spinous_length
    keel = tube(
        [(0, 2.5, -4.0), (0, 0.6 * tip, -5.2), (0, tip - 3.4, -6.4)],
        [(3.6, 5.6), (2.6, 5.0), (2.6, 4.2)],
        exponent=2.3,
    )
    lip = tube(
        [(1.2, 5.0, -7.5), (3.6, tip - 6.0, -9.2), (4.6, tip - 3.0, -10.6)],
        [(2.6, 2.8), (2.3, 2.4), (2.0, 2.2)],
    )
    cleft = ellipsoid((0, tip - 2.0, -13.6), (2.4, 9.0, 4.2))
    return subtract(union([keel, lip], 2.0), cleft, 1.5)


def _canal(p: AnatomyParameters) -> Solid:
    """Keeps the canal as wide as asked for, whatever was blended into it."""
    ap, width = p.c2_canal_ap / 2, p.c2_canal_width / 2
    lean = np.array([0.0, 0.30, 1.0])
    centre = np.array([0.0, -ap - 0.6, -0.5])
    upper, lower = centre + 20 * lean, centre - 18 * lean
    canal = tube([lower, centre, upper], [(ap, width)] * 3, up=(1, 0, 0), exponent=2.3)
    return intersect(canal, half_space((0, -13.4, 8.0), (0, -1.0, 0.42)), 2.0)
