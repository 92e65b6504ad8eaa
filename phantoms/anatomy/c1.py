"""C1, the atlas.

Its own frame, LPS: origin on the midline at the front of the posterior arch, half way up the arch;
the ring lies level. Given for the left side, x >= 0, and mirrored.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from nav.core.errors import InputError
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

# The lateral masses are longer from front-medial to back-lateral, as the upper facets converge.
MASS_TURN = Rotation.from_euler("z", -17.0, degrees=True)
GROOVE_MIDDLE = -2.6  # mm, middle of the arch under the artery, in height
RIM = 2.4  # mm, between artery and upper facet before edges are rounded
OUTSIDE = 2.4  # mm, of bone outside a foramen
PONTICULUS = 2.4  # mm, thickness of a bridge over the groove before edges are rounded


def c1_solid(p: AnatomyParameters, room_left: Solid, room_right: Solid) -> Solid:
    """Build the bone, with its canal, foramina and the grooves of the arteries.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    room_left, room_right : Solid
        The space that the arteries take, wall gap included, in C1's frame.

    Returns
    -------
    Solid
        C1 in its own frame, mm.

    Raises
    ------
    InputError
        The transverse processes end before the outer edge of the foramina.
    """
    _check_width(p)
    bone = union([_lateral_mass(p), _anterior_arch(p)], 3.0)
    # Upper facet: a trough for the occipital condyle, rim higher in front, behind and outside.
    bone = subtract(bone, ellipsoid(*upper_trough(p)), 2.2)
    bone = union([bone, _transverse_process(p)], 2.0)
    bone = union([bone, _posterior_arch(p)], 2.5)
    passage = union([both_sides(_foramen(p)), room_left, room_right], 0.0)
    bone = both_sides(bone)
    for side, room in zip(SIDES, (room_left, room_right), strict=True):
        bone = _with_bridge(p, side, bone, room)
    bone = subtract(bone, passage, 1.6)
    # A facet's rim is removed where an artery would leave it thinner than can be printed.
    facets = both_sides(ellipsoid(*upper_trough(p)))
    return subtract(bone, lambda q: passage(q) + facets(q) - RIM, 2.0)


def _check_width(p: AnatomyParameters) -> None:
    least = 2 * p.c1_foramen_lateral + p.c1_foramen_width + 2 * OUTSIDE
    if p.c1_width < least:
        raise InputError(
            f"c1_width {p.c1_width:g}: no bone is left outside the foramina;"
            f" expected {least:.1f} or more with c1_foramen_lateral {p.c1_foramen_lateral:g}"
        )


def c1_box(p: AnatomyParameters) -> tuple[Array, Array]:
    """Return the bounds of a box that holds the bone.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    low, high : ndarray, shape (3,)
        Its lowest and highest corner, C1's frame, mm.
    """
    x = p.c1_width / 2 + 3.0
    return np.array([-x, -p.c1_canal_ap - 11.0, -18.0]), np.array([x, 13.0, 15.0])


def foramen_centre(p: AnatomyParameters) -> Array:
    """Return the middle of the left foramen transversarium.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    ndarray, shape (3,)
        C1's frame, mm.
    """
    return np.array([p.c1_foramen_lateral, -p.c1_canal_ap + 8.8, -1.5])


def _anterior_arch(p: AnatomyParameters) -> Solid:
    front, high = -p.c1_canal_ap, p.c1_anterior_height / 2
    arch = tube(
        [
            (-6, front - 2.2, 0),
            (0, front - 2.5, 0),
            (6, front - 2.0, 0),
            (11, front - 0.2, 0),
            (15, front + 2.6, 0.5),
        ],
        [(2.6, high + 0.5), (2.5, high), (2.6, high + 0.5), (2.7, high + 1.3), (2.4, high)],
        exponent=2.4,
    )
    tubercle = ellipsoid((0, front - 4.8, -0.5), (2.8, 2.0, 3.0))
    # Where the dens turns against the arch.
    facet = ellipsoid((0, front + 8.0, 0.5), (6.0, 8.0, 5.0))
    return subtract(union([arch, tubercle], 2.0), facet, 1.0)


def _posterior_arch(p: AnatomyParameters) -> Solid:
    high, groove = p.c1_posterior_height / 2, p.c1_groove_thickness / 2
    thick = (p.c1_posterior_thickness - 1.2) / 2
    half = p.c1_canal_width / 2
    arch = tube(
        [
            (-6, thick - 0.7, 0),
            (0, thick, 0),
            (6, thick - 0.7, 0),
            (half - 2.4, -0.1, -1.0),
            (half + 1.7, -5.0, GROOVE_MIDDLE),
            (half + 3.9, -9.5, -2.4),
            (half + 4.2, -14.0, -1.0),
        ],
        [
            (thick - 0.1, high - 0.2),
            (thick, high),
            (thick - 0.1, high - 0.2),
            (2.8, high - 1.1),
            (3.0, groove + 0.2),
            (3.6, groove + 0.2),
            (3.8, groove + 1.0),
        ],
        exponent=2.3,
    )
    tubercle = ellipsoid((0, p.c1_posterior_thickness - 2.2, 0.3), (3.2, 2.2, 3.4))
    return union([arch, tubercle], 1.5)


def _lateral_mass(p: AnatomyParameters) -> Solid:
    half, middle = p.c1_canal_width / 2, -p.c1_canal_ap + 8.2
    axes = MASS_TURN.as_matrix().T
    centre = _mass_centre(p)
    mass = ellipsoid(centre, (5.9, 9.9, 12.0), axes, exponent=2.4)
    # Medial walls converge downwards: the lower facets reach further in than the upper.
    lower = ellipsoid(centre + np.array((-2.6, -1.0, -5.5)), (5.6, 8.2, 4.5), axes, exponent=2.6)
    mass = union([mass, lower], 3.0)
    # Flat above, where the upper facet's rim is to be.
    brow = half_space((half + 7.0, middle, 6.4), (0.22, -0.06, 1.0))
    mass = intersect(mass, brow, 3.0)
    # Lower facet: nearly flat, falling outwards; behind it the mass is bevelled.
    facet = half_space(*lower_facet(p))
    bevel = half_space((half + 4.0, middle + 8.4, -8.0), (0.1, 0.75, -0.65))
    return intersect(intersect(mass, bevel, 2.0), facet, 2.0)


def _transverse_process(p: AnatomyParameters) -> Solid:
    centre = foramen_centre(p)
    tip = p.c1_width / 2 - centre[0]
    middle = min(4.4, 0.45 * tip)
    back = tube(
        centre
        + np.array(
            [(-3.5, 6.3, -0.5), (0.5, 6.0, -1.0), (middle, 3.6, -2.4), (tip - 2.9, 0.8, -4.0)]
        ),
        [(2.4, 3.0), (2.1, 2.6), (2.2, 2.8), (2.9, 3.8)],
    )
    front = tube(
        centre
        + np.array(
            [(-4.5, -5.0, -0.5), (0.0, -5.4, -1.6), (middle, -3.2, -3.0), (tip - 3.2, -0.2, -4.2)]
        ),
        [(1.8, 2.6), (1.5, 2.0), (1.7, 2.2), (2.6, 3.4)],
    )
    floor = ellipsoid(centre + np.array((0.6, 0.2, -1.8)), (6.2, 6.6, 2.4))
    return union([back, front, floor], 1.5)


def _foramen(p: AnatomyParameters) -> Solid:
    centre = foramen_centre(p)
    lean = np.array([0.2, 0.0, 1.0])
    half = (p.c1_foramen_width / 2, p.c1_foramen_ap / 2)
    return tube([centre - 8 * lean, centre, centre + 6 * lean], [half] * 3, up=(0, 1, 0))


def _mass_centre(p: AnatomyParameters) -> Array:
    return np.array([p.c1_canal_width / 2 + 4.6, -p.c1_canal_ap + 8.2, -1.5])


def upper_trough(p: AnatomyParameters) -> tuple[Array, Array, Array]:
    """Return the ellipsoid that hollows the left upper facet.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    centre : ndarray, shape (3,)
        C1's frame, mm.
    radii : ndarray, shape (3,)
        mm.
    axes : ndarray, shape (3, 3)
        Rows are the unit vectors along which the radii run.
    """
    axes = (MASS_TURN * Rotation.from_euler("y", -20.0, degrees=True)).as_matrix().T
    centre = _mass_centre(p) + np.array((-5.4, 0.2, 12.6))
    return centre, np.array([7.6, 10.4, 10.4]), axes


def _with_bridge(p: AnatomyParameters, side: str, bone: Solid, room: Solid) -> Solid:
    """Add a side's ponticulus: from the lateral mass over the artery to the arch."""
    artery, half = p.artery(side), p.c1_canal_width / 2
    if artery.ponticulus == "none":
        return bone
    mirror = np.array((1.0 if side == "left" else -1.0, 1.0, 1.0))
    top = groove_floor(p) + artery.diameter + 2 * p.artery_wall_gap + PONTICULUS
    points = mirror * [
        (half + 5.2, -14.2, 0.5),
        (half + 4.6, -11.0, top - 1.6),
        (half + 3.0, -6.0, top),
        (half + 0.4, -1.2, top - 2.0),
        (half - 2.6, 0.8, 0.5),
    ]
    sizes = [(2.8, 3.0), (2.0, 1.5), (1.9, 1.3), (2.0, 1.5), (3.2, 3.2)]
    bridge = tube(points, sizes, up=mirror * (0.6, 0.0, 1.0))
    # Round the artery wherever it runs, so that its room leaves the bridge whole.
    along = (points[4] - points[0]) * (1.0, 1.0, 0.0)
    along /= np.linalg.norm(along)
    across = np.cross(along, (0.0, 0.0, 1.0))
    strap = intersect(lambda q: room(q) - PONTICULUS, _slab(points[2], across, 2.1), 1.0)
    strap = intersect(strap, _slab(points[2], along, 6.4), 1.0)
    strap = intersect(strap, half_space((0.0, 0.0, groove_floor(p)), (0, 0, -1)), 1.0)
    bridge = union([bridge, strap], 1.0)
    if artery.ponticulus == "incomplete":
        bridge = subtract(bridge, _slab(points[2], along, 2.6), 1.5)
    return union([bone, bridge], 1.5)


def _slab(middle: Array, normal: Array, half: float) -> Solid:
    """Return everything that lies within `half` of a plane."""
    return lambda q: np.abs((q - middle) @ normal) - half


def lower_facet(p: AnatomyParameters) -> tuple[Array, Array]:
    """Return the middle of the left lower facet and its outward normal.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    point : ndarray, shape (3,)
        Middle of the facet, C1's frame, mm.
    normal : ndarray, shape (3,)
        Outward unit normal.
    """
    # A smaller ring has lower masses; else C1 would have to nod for it.
    height = -9.6 + 0.27 * (29.0 - p.c1_canal_ap)
    point = np.array([p.c1_canal_width / 2 + 2.2, -p.c1_canal_ap + 8.2, height])
    normal = np.array([-0.46, 0.17, -0.87])
    return point, normal / np.linalg.norm(normal)


def arch_back(p: AnatomyParameters) -> Array:
    """Return the middle of the anterior arch's back.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    ndarray, shape (3,)
        C1's frame, mm.
    """
    return np.array([0.0, -p.c1_canal_ap, 0.0])


def window_edge(p: AnatomyParameters) -> Array:
    """Return the lowest point of the posterior arch where a lateral needle passes it.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    ndarray, shape (3,)
        C1's frame, mm.
    """
    return np.array([p.c1_canal_width / 2 + 2.6, -4.7, GROOVE_MIDDLE - p.c1_groove_thickness / 2])


def groove_floor(p: AnatomyParameters) -> float:
    """Return the height of the arch's upper side under the artery.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    float
        z in C1's frame, mm.
    """
    return GROOVE_MIDDLE + p.c1_groove_thickness / 2
