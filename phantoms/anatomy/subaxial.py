"""C3 and C4.

Their own frame, LPS: origin on the midline on the spinolaminar line, at the height of the middle of
the body's back, along which z runs. Built for the left side, x >= 0, and mirrored; only the
arteries' rooms differ by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from nav.core.errors import InputError
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

Level = Literal["C3", "C4"]

END_PLATES = 13.0  # degrees that both end plates' fronts hang below their backs
BRIDGE = 1.8  # mm of bone round a foramen
OUTSIDE = 2.4  # mm of bone outside it


@dataclass(frozen=True)
class _Sizes:
    """A level's own numbers, mm: half of the width over all, canal, height; set of the back.

    stretch : heights relative to those that the shape is given for (a body 14 high at its back).
    lamina, lamina_half : height of the lamina's middle, half of its own. droop, tip : of the
    spinous process.
    """

    half_width: float
    canal_ap: float
    canal_half: float
    foramen: float
    stretch: float
    lamina: float
    lamina_half: float
    droop: float
    tip: float


def subaxial_solid(
    p: AnatomyParameters, level: Level, room_left: Solid, room_right: Solid
) -> Solid:
    """Build the bone, with its canal and foramina.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    level : str
        "C3" or "C4".
    room_left, room_right : Solid
        The space that the arteries take, wall gap included, in the bone's frame.

    Returns
    -------
    Solid
        The bone in its own frame, mm.

    Raises
    ------
    InputError
        The transverse processes end before the outer edge of the foramina.
    """
    s = _sizes(p, level)
    _check_width(s, level)
    bone = union([_body(s), _pedicle(s)], 3.0)
    bone = union([bone, _arch(s)], 2.5)
    bone = union([bone, _spinous_process(s)], 2.5)
    bone = union([bone, _transverse_process(s)], 1.5)
    bone = both_sides(subtract(bone, _canal(s), 1.5))
    passage = union([both_sides(_foramen(s)), room_left, room_right], 0.0)
    return subtract(bone, passage, 1.0)


def _check_width(s: _Sizes, level: Level) -> None:
    least = 2 * (_foramen_centre(s)[0] + s.foramen + OUTSIDE)
    if 2 * s.half_width < least:
        name = level.lower()
        raise InputError(
            f"{name}_width {2 * s.half_width:g}: no bone is left outside the foramina;"
            f" expected {least:.1f} or more with {name}_canal_width {2 * s.canal_half:g}"
        )


def subaxial_box(p: AnatomyParameters, level: Level) -> tuple[Array, Array]:
    """Return the bounds of a box that holds the bone.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    level : str
        "C3" or "C4".

    Returns
    -------
    low, high : ndarray, shape (3,)
        Its lowest and highest corner, the bone's frame, mm.
    """
    s = _sizes(p, level)
    x = s.half_width + 3.0
    return (
        np.array([-x, -s.canal_ap - 20.0, -18.0 * s.stretch - 4.0]),
        np.array([x, s.tip + 4.0, 12.0 * s.stretch + 5.0]),
    )


def foramen_centre(p: AnatomyParameters, level: Level) -> Array:
    """Return the middle of the left foramen transversarium.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    level : str
        "C3" or "C4".

    Returns
    -------
    ndarray, shape (3,)
        The bone's frame, mm.
    """
    return _foramen_centre(_sizes(p, level))


def upper_facet(p: AnatomyParameters, level: Level) -> tuple[Array, Array]:
    """Return the middle of the left upper facet and its outward normal.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    level : str
        "C3" or "C4".

    Returns
    -------
    point : ndarray, shape (3,)
        Middle of the facet, the bone's frame, mm.
    normal : ndarray, shape (3,)
        Outward unit normal.
    """
    return _upper_facet(_sizes(p, level))


def lower_facet(p: AnatomyParameters, level: Level) -> tuple[Array, Array]:
    """Return the middle of the left lower facet and its outward normal.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    level : str
        "C3" or "C4".

    Returns
    -------
    point : ndarray, shape (3,)
        Middle of the facet, the bone's frame, mm.
    normal : ndarray, shape (3,)
        Outward unit normal.
    """
    return _lower_facet(_sizes(p, level))


def upper_plate(p: AnatomyParameters, level: Level) -> Array:
    """Return the middle of the body's upper end plate.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    level : str
        "C3" or "C4".

    Returns
    -------
    ndarray, shape (3,)
        The bone's frame, mm.
    """
    s = _sizes(p, level)
    return np.array([0.0, -s.canal_ap - 7.0, 5.0 * s.stretch])


def lower_plate(p: AnatomyParameters, level: Level) -> Array:
    """Return the middle of the body's lower end plate.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    level : str
        "C3" or "C4".

    Returns
    -------
    ndarray, shape (3,)
        The bone's frame, mm.
    """
    s = _sizes(p, level)
    return np.array([0.0, -s.canal_ap - 7.0, -7.0 * s.stretch])


def lamina_edges(p: AnatomyParameters, level: Level) -> tuple[Array, Array]:
    """Return the upper and lower edge of the lamina's front on the midline.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    level : str
        "C3" or "C4".

    Returns
    -------
    upper, lower : ndarray, shape (3,)
        The bone's frame, mm.
    """
    s = _sizes(p, level)
    high = s.lamina_half
    return (
        np.array([0.0, 1.2, s.lamina + high]),
        np.array([0.0, 0.4, s.lamina - high]),
    )


def _sizes(p: AnatomyParameters, level: Level) -> _Sizes:
    stretch = p.body_height / 14.0
    if level == "C3":
        return _Sizes(
            p.c3_width / 2, p.c3_canal_ap, p.c3_canal_width / 2, p.lower_foramen / 2,
            stretch, -2.8 * stretch, 5.3 * stretch, -2.6 * stretch, 10.0,
        )  # fmt: skip
    return _Sizes(
        p.c4_width / 2, p.c4_canal_ap, p.c4_canal_width / 2, p.lower_foramen / 2,
        stretch, -3.8 * stretch, 5.8 * stretch, -5.4 * stretch, 9.0,
    )  # fmt: skip


def _foramen_centre(s: _Sizes) -> Array:
    return np.array([s.canal_half + 4.1, -s.canal_ap - 4.6, 2.0 * s.stretch])


def _upper_facet(s: _Sizes) -> tuple[Array, Array]:
    middle = np.array([s.half_width - 7.2, -9.6, 8.0 * s.stretch])
    return middle, Rotation.from_euler("x", -45.0, degrees=True).apply((0.0, 0.0, 1.0))


def _lower_facet(s: _Sizes) -> tuple[Array, Array]:
    middle = np.array([s.half_width - 6.6, -9.4, -6.6 * s.stretch])
    return middle, Rotation.from_euler("x", -40.0, degrees=True).apply((0.0, 0.0, -1.0))


def _body(s: _Sizes) -> Solid:
    back, h = -s.canal_ap, s.stretch
    middle = back - 7.1
    body = tube(
        [
            (0, middle - 0.6, -9 * h),
            (0, middle - 0.2, -5 * h),
            (0, middle, -1 * h),
            (0, middle + 0.4, 9 * h),
        ],
        [(7.6, 7.2), (7.4, 9.2), (7.2, 10.5), (6.8, 11.4)],
        up=(1, 0, 0),
        exponent=2.6,
    )
    # The uncinate processes: the upper plate's raised sides.
    uncus = ellipsoid((10.6, middle + 1.6, 4.8 * h), (2.2, 5.4, 4.4 * h))
    lean = np.tan(np.radians(END_PLATES))
    top = half_space((0, back, 6.4 * h), (0, -lean, 1))
    bottom = half_space((0, back, -7.2 * h), (0, lean, -1))
    body = intersect(intersect(body, top, 1.5), bottom, 1.5)
    hollow = ellipsoid((0, middle + 0.6, -13.4 * h), (8.4, 6.0, 6.4 * h))
    return subtract(union([body, uncus], 2.5), hollow, 1.5)


def _pedicle(s: _Sizes) -> Solid:
    h, back = s.stretch, -s.canal_ap
    return tube(
        [
            (7.0, back - 6.5, 2.8 * h),
            (s.canal_half + 1.5, back - 0.4, 2.6 * h),
            (s.half_width - 7.0, -11.5, 1.6 * h),
        ],
        [(3.0, 3.6 * h), (2.8, 3.6 * h), (4.0, 4.0 * h)],
        exponent=2.4,
    )


def _arch(s: _Sizes) -> Solid:
    """Build pillar and lamina; the lamina must not bulge over the lower facet."""
    both = union([_pillar(s), _lamina(s)], 3.0)
    return intersect(both, half_space(*_lower_facet(s)), 1.2)


def _pillar(s: _Sizes) -> Solid:
    h = s.stretch
    # From the canal to nearly the tip of the transverse process.
    inner, outer = s.canal_half + 0.4, s.half_width - 0.9
    x, half = (inner + outer) / 2, (outer - inner) / 2
    pillar = tube(
        [(x, -11.6, 9.6 * h), (x, -11.2, 3.0 * h), (x + 0.2, -8.8, -3.0 * h), (x, -7.2, -9.0 * h)],
        [(half, 4.8), (half - 0.3, 4.6), (half, 3.6), (half - 0.3, 3.0)],
        up=(0, 1, 0),
        exponent=2.1,
    )
    return intersect(pillar, half_space(*_upper_facet(s)), 1.2)


def _lamina(s: _Sizes) -> Solid:
    high, z = s.lamina_half, s.lamina
    x = s.half_width
    return tube(
        [
            (x - 8.4, -8.0, z + 1.6),
            (0.62 * s.canal_half + 2.6, -4.2, z + 1.0),
            (3.2, 1.4, z + 0.2),
            (0, 2.6, z),
            (-3.2, 1.4, z + 0.2),
        ],
        [(2.6, high - 0.4), (2.3, high - 0.6), (2.4, high - 0.8), (2.8, high), (2.4, high - 0.8)],
        up=(0, -0.25, 1),
        exponent=2.5,
    )


def _spinous_process(s: _Sizes) -> Solid:
    z, tip = s.lamina, s.tip
    keel = tube(
        [(0, 2.0, z - 0.6), (0, 0.55 * tip, z + 0.45 * s.droop), (0, tip - 2.2, z + s.droop)],
        [(2.6, 4.2), (2.2, 3.4), (2.4, 2.4)],
        exponent=2.2,
    )
    lip = tube(
        [(0.8, 0.5 * tip, z + 0.5 * s.droop - 1.4), (3.0, tip - 2.4, z + s.droop - 1.8)],
        [(1.8, 2.0), (1.7, 1.9)],
    )
    cleft = ellipsoid((0, tip + 0.4, z + s.droop - 4.6), (1.5, 4.0, 3.4))
    return subtract(union([keel, lip], 2.0), cleft, 1.2)


def _transverse_process(s: _Sizes) -> Solid:
    centre, h = _foramen_centre(s), s.stretch
    wall = s.foramen + BRIDGE / 2 + 0.5
    out = min(wall + 0.2, s.half_width - centre[0] - 1.9)
    anterior, lateral = (out, -2.0, -1.2 * h), (out + 0.1, 3.0, -1.2 * h)
    posterior = np.array((s.half_width - 2.0, -12.4, 0.4 * h)) - centre
    front = tube(
        centre + np.array([(-4.8, -wall - 0.4, 1.6 * h), (0.2, -wall, 0.6), anterior]),
        [(1.5, 2.4), (1.4, 2.2), (1.9, 2.6)],
    )
    side = tube(
        centre + np.array([anterior, lateral, posterior]),
        [(1.9, 2.6), (1.6, 2.0), (2.0, 2.3)],
    )
    back = tube(
        centre + np.array([(-3.6, 4.4, 0.6), (0.4, wall + 0.2, 0.4), lateral]),
        [(2.0, 2.6), (1.8, 2.4), (1.6, 2.0)],
    )
    return union([front, side, back], 1.2)


def _foramen(s: _Sizes) -> Solid:
    centre = _foramen_centre(s)
    lean = np.array([-0.05, 0.10, 1.0])
    ends = [centre - 12 * lean, centre, centre + 12 * lean]
    return tube(ends, [(s.foramen, s.foramen)] * 3, up=(0, 1, 0))


def _canal(s: _Sizes) -> Solid:
    """Build a rounded triangle, its base on the body's back."""
    ap, half = s.canal_ap, s.canal_half
    lean = np.array([0.0, 0.06, 1.0])
    ends = [np.array([0.0, -ap + 5.4, 0.0]) + t * lean for t in (-24.0, 0.0, 24.0)]
    round_part = tube(ends, [(5.4 * 1.0, half)] * 3, up=(1, 0, 0), exponent=2.6)
    ends = [e + np.array((0.0, 2.2, 0.0)) for e in ends]
    peak = tube(
        [e + np.array((0.0, ap - 12.8, 0.0)) for e in ends],
        [(5.2, 0.40 * half)] * 3,
        up=(1, 0, 0),
    )
    return union([round_part, peak], 5.5)
