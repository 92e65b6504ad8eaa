"""C2, the axis.

Its own frame, LPS: origin on the midline at the upper front edge of the lamina (spinolaminar line),
z square to the lower end plate. Given for the left side, x >= 0, and mirrored.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from phantoms.anatomy.parameters import SIDES, AnatomyParameters
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

# The upper facets fall outwards and backwards from the shoulders of the dens.
FACET_AXES = Rotation.from_euler("yx", [27.0, -16.0], degrees=True)
SHOULDERS = 18.5  # mm, height of the shoulders of the dens over the lower end plate's front
CANAL_LEAN = 0.30  # backwards for each mm up, against the lower end plate's normal
USUAL_WINDOW = 11.0  # mm, height of the window between C1 and C2 that the bone is shaped for
DENS_LEAN = np.tan(np.radians(22.0))  # against the lower end plate's normal


def c2_solid(p: AnatomyParameters, room_left: Solid, room_right: Solid) -> Solid:
    """Build the bone, with its canal and foramina.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    room_left, room_right : Solid
        The space that the arteries take, wall gap included, in C2's frame.

    Returns
    -------
    Solid
        C2 in its own frame, mm.
    """
    bone = union([_body(p), _upper_joint(p)], 3.0)
    bone = union([bone, _dens(p)], 2.0)
    bone = union([bone, _arch(p)], 3.0)
    bone = union([bone, _transverse_process(p)], 1.5)
    bone = union([bone, _spinous_process(p)], 3.0)
    bone = both_sides(subtract(bone, _canal(p), 2.0))
    floors = [_floor(p, side) for side in SIDES if p.artery(side).rise > 0.0]
    if floors:
        bone = union([bone, *floors], 1.0)
    return subtract(bone, union([room_left, room_right], 0.0), 1.6)


def c2_box(p: AnatomyParameters) -> tuple[Array, Array]:
    """Return the bounds of a box that holds the bone.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    low, high : ndarray, shape (3,)
        Its lowest and highest corner, C2's frame, mm.
    """
    back = _back(p)
    y = p.c2_spinous_length + 5.0
    return np.array([-33.0, back - 26.0, -20.0]), np.array(
        [33.0, y, 26.0 + p.dens_height + _rise(p)]
    )


def dens_axis(p: AnatomyParameters, height: float) -> Array:
    """Return the middle of the dens at a height above the shoulders.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    height : float
        Along the axis of the dens, from its shoulders, mm.

    Returns
    -------
    ndarray, shape (3,)
        C2's frame, mm.
    """
    base = np.array([0.0, _back(p) - 3.0, SHOULDERS + _rise(p)])
    return base + height * np.array([0.0, DENS_LEAN, 1.0]) / np.hypot(1.0, DENS_LEAN)


def dens_front(p: AnatomyParameters, height: float) -> Array:
    """Return the foremost point of the dens at a height above the shoulders.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    height : float
        Along the axis of the dens, from its shoulders, mm.

    Returns
    -------
    ndarray, shape (3,)
        C2's frame, mm.
    """
    forwards = np.array([0.0, -1.0, DENS_LEAN]) / np.hypot(1.0, DENS_LEAN)
    return dens_axis(p, height) + p.dens_ap / 2 * forwards


def upper_facet(p: AnatomyParameters) -> tuple[Array, Array]:
    """Return the middle of the left upper facet and its outward normal.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    point : ndarray, shape (3,)
        Middle of the facet, C2's frame, mm.
    normal : ndarray, shape (3,)
        Outward unit normal.
    """
    normal = FACET_AXES.as_matrix()[:, 2]
    # As far out as C1's lower facets.
    middle = np.array([p.c1_canal_width / 2 - 0.35, _back(p) - 6.2, 12.9 + _rise(p)])
    return middle + 5.2 * normal, normal


def lower_facet(p: AnatomyParameters) -> tuple[Array, Array]:
    """Return the middle of the left lower facet and its outward normal.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    point : ndarray, shape (3,)
        Middle of the facet, C2's frame, mm.
    normal : ndarray, shape (3,)
        Outward unit normal.
    """
    normal = Rotation.from_euler("x", -58.0, degrees=True).apply((0.0, 0.0, -1.0))
    return np.array([p.c2_canal_width / 2 + 6.0, -11.2, -4.2]), normal


def lower_plate(p: AnatomyParameters) -> Array:
    """Return the middle of the body's lower end plate.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    ndarray, shape (3,)
        C2's frame, mm.
    """
    return np.array([0.0, -p.c2_canal_ap + 0.6 - p.c2_body_ap / 2, -0.4])


def lower_lamina_edge(p: AnatomyParameters) -> Array:
    """Return the lower edge of the lamina's front on the midline.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    ndarray, shape (3,)
        C2's frame, mm.
    """
    low = _lamina_middle(p) - p.c2_lamina_height / 2
    return np.array([0.0, 1.6 + CANAL_LEAN * (low + 0.5), low + 2.3])


def window_edge(p: AnatomyParameters) -> Array:
    """Return the highest point of the lamina where a lateral needle passes it.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    ndarray, shape (3,)
        C2's frame, mm.
    """
    return np.array([0.0, 0.0, _lamina_middle(p) + 0.3 + p.c2_lamina_height / 2])


def _rise(p: AnatomyParameters) -> float:
    """Return how much taller the body is for a high window, so that C1 nods for part of it only."""
    return 0.5 * max(p.window_height - USUAL_WINDOW, 0.0)


def _lamina_middle(p: AnatomyParameters) -> float:
    """Return the height of the lamina's middle: a fixed upper edge, higher for low windows."""
    return 2.25 + 0.5 * max(USUAL_WINDOW - p.window_height, 0.0) - p.c2_lamina_height / 2


def _back(p: AnatomyParameters) -> float:
    """Return y of the back of the body, at the height of the shoulders."""
    return -p.c2_canal_ap + 5.0


def _dens(p: AnatomyParameters) -> Solid:
    ap, width = p.dens_ap / 2, p.dens_width / 2
    tip = p.dens_height
    return tube(
        [dens_axis(p, h) for h in (-9.0, -3.0, 0.2 * tip, 0.5 * tip, tip - 4.1)],
        [
            (ap + 1.2, width + 2.0),
            (ap + 0.4, width + 1.2),
            (ap - 0.3, width - 0.6),
            (ap + 0.2, width + 0.1),
            (ap - 1.2, width - 0.8),
        ],
        up=(1, 0, 0),
    )


def _body(p: AnatomyParameters) -> Solid:
    ap, back = p.c2_body_ap / 2, -p.c2_canal_ap + 0.6
    body = tube(
        [(0, back - ap, 3.6), (0, back - ap + 0.6, 7.0), (0, back - ap + 2.6, 11.0)],
        [(ap, 8.4), (ap - 0.4, 9.0), (ap - 1.6, 10.5)],
        up=(1, 0, 0),
        exponent=2.8,
    )
    lip = ellipsoid((0, back - 2 * ap + 2.0, 1.4), (5.5, 2.2, 2.2))
    plate = ellipsoid((0, back - ap + 0.5, -10.0), (8.0, 7.6, 11.0))
    # Flat below, hollowed a little.
    flat = half_space((0, 0, -0.4), (0, 0, -1))
    return subtract(intersect(union([body, lip], 2.0), flat, 1.5), plate, 1.0)


def _upper_joint(p: AnatomyParameters) -> Solid:
    axes = FACET_AXES.as_matrix().T
    top, normal = upper_facet(p)
    return ellipsoid(top - 5.2 * normal, (9.4, 7.6, 5.2), axes, exponent=2.5)


def _arch(p: AnatomyParameters) -> Solid:
    """Build pillar and lamina; the lower facet cuts them off in front."""
    return intersect(union([_pillar(p), _lamina(p)], 3.0), half_space(*lower_facet(p)), 1.2)


def _pillar(p: AnatomyParameters) -> Solid:
    x = p.c2_canal_width / 2
    pillar = tube(
        [(x + 3.4, -13.6, 10.5), (x + 4.0, -11.0, 5.0), (x + 4.0, -8.6, 1.0), (x + 3.0, -7.6, -2)],
        [(3.8, 3.8), (3.5, 3.4), (3.6, 3.2), (3.6, 3.0)],
        up=(0, 1, 0),
        exponent=2.3,
    )
    # Lower joint: a blade that stands out sideways, its facet turned down and forwards.
    axes = Rotation.from_euler("xz", [-30.0, 18.0], degrees=True).as_matrix().T
    lower = ellipsoid((x + 6.6, -10.8, -2.2), (5.4, 3.0, 5.0), axes, exponent=2.3)
    return union([pillar, lower], 2.5)


def _transverse_process(p: AnatomyParameters) -> Solid:
    x = p.c2_canal_width / 2
    tip = (x + 11.0, -20.4, 4.8)
    front = tube(
        [(x - 1.0, -21.5, 11.0), (x + 5.0, -22.6, 8.6), tip],
        [(1.8, 2.8), (1.6, 2.6), (2.1, 2.3)],
    )
    back = tube(
        [tip, (x + 9.2, -14.6, 4.6), (x + 6.0, -10.5, 4.0)], [(2.1, 2.3), (2.0, 2.4), (2.4, 3.0)]
    )
    return union([front, back], 1.5)


def _floor(p: AnatomyParameters, side: str) -> Solid:
    """Build the floor under the exit of a high-riding artery, where the process is a thin skin."""
    x, mirror = p.c2_canal_width / 2, np.array([1.0 if side == "left" else -1.0, 1.0, 1.0])
    points = [(x + 7.2, -21.4, 5.6), (x + 7.6, -18.0, 5.0), (x + 7.2, -14.2, 5.0)]
    return tube(np.multiply(points, mirror), [(1.8, 1.8)] * 3, up=(0, 0, 1))


def _lamina(p: AnatomyParameters) -> Solid:
    # The canal is cut out of it afterwards.
    thick, high = p.c2_lamina_thickness / 2 + 0.4, p.c2_lamina_height / 2
    x, z = p.c2_canal_width / 2, _lamina_middle(p)
    return tube(
        [
            (x + 4.0, -10.6, z + 3.4),
            (x - 0.7, -4.9, z + 2.0),
            (5.3, 1.5, z + 0.5),
            (0, 3.6, z),
            (-5.3, 1.5, z + 0.5),
        ],
        [(thick, high - 1.2), (thick, high - 0.8), (thick, high), (thick, high), (thick, high)],
        up=(0, -0.2, 1),
        exponent=2.5,
    )


def _spinous_process(p: AnatomyParameters) -> Solid:
    tip, z = p.c2_spinous_length, _lamina_middle(p)
    keel = tube(
        [(0, 2.5, z + 0.4), (0, 0.6 * tip, z - 1.0), (0, tip - 4.0, z - 2.8)],
        [(3.8, 5.6), (2.9, 4.8), (3.2, 3.4)],
        exponent=2.2,
    )
    # Two lips, from the lower edges of the laminae.
    lip = tube(
        [(6.5, 0.0, z - 2.8), (4.4, 0.4 * tip, z - 4.4), (4.4, tip - 2.4, z - 5.6)],
        [(2.0, 2.4), (2.1, 2.6), (2.0, 2.3)],
    )
    cleft = ellipsoid((0, tip - 0.5, z - 9.2), (2.4, 6.5, 4.2))
    return subtract(union([keel, lip], 3.0), cleft, 2.0)


def _canal(p: AnatomyParameters) -> Solid:
    """Build the canal that is cut out, so that it is as wide as asked for after all blending."""
    ap, width = p.c2_canal_ap / 2, p.c2_canal_width / 2
    lean = np.array([0.0, CANAL_LEAN, 1.0])
    centre = np.array([0.0, -ap - 0.6, -0.5])
    upper, lower = centre + 20 * lean, centre - 18 * lean
    canal = tube([lower, centre, upper], [(ap, width)] * 3, up=(1, 0, 0), exponent=2.0)
    return intersect(canal, half_space((0, -15.9, 8.0), (0, -1.0, 0.45)), 2.0)
