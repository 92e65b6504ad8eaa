"""The arteries: silicone tubes that can be bought, and a former to bend their wire on.

A tube is led through the bones' foramina, which hold it in C4 to C1. Between C2 and C1, and round
C1's lateral mass, nothing holds it: there it keeps the course of an annealed copper wire in its
lumen. A former shows that course in full size. Clips on the struts would have to stand in the
puncture window, where needle and eye must meet nothing but anatomy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from manifold3d import Manifold

from nav.core.errors import InputError
from phantoms.anatomy.artery_models import vessels
from phantoms.anatomy.bone_poses import bone_poses
from phantoms.anatomy.sdf import Array
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.anatomy.vessel import Vessel
from phantoms.kit.fasteners import hole
from phantoms.kit.solid import box, united, without

BORES = {2.0: 1.0, 3.0: 2.0, 4.0: 2.0, 5.0: 3.0, 6.0: 4.0}  # mm, inner by outer diameter
SPARE = 60.0  # mm, extra length of a tube, to be led out of the kit
TUBE_HOLE = 0.5  # mm, difference in diameter of a hole and its tube
WIRE, WIRE_PLAY = 1.5, 0.5  # mm, annealed copper; how much wider the former's groove is
CREST = 4.8  # mm, half thickness of the former's ridge
FORMER_STEP = 2.0  # mm, along the course
FORMER_BASE = 3.0  # mm
FOLD = 9.0  # mm, parts of the course farther from each other may hide each other,
HIDDEN = 8.4  # mm, when they lie so near to each other as seen from the side
NEAR = 0.55  # mm, largest difference in diameter of a tube and its artery

_TURN = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
_BALL = np.array(
    [
        (np.sin(tilt), np.cos(tilt) * np.cos(turn), np.cos(tilt) * np.sin(turn))
        for tilt in np.radians([-90.0, -45.0, 0.0, 45.0, 90.0])
        for turn in _TURN
    ]
)


@dataclass(frozen=True)
class Tube:
    """A silicone tube to buy.

    Attributes
    ----------
    name : str
        Of its artery.
    inner, outer, length : float
        Inner and outer diameter, length, mm.
    """

    name: str
    inner: float
    outer: float
    length: float


@dataclass(frozen=True)
class TubeEnd:
    """Where a tube leaves the neck caudally.

    Attributes
    ----------
    at : tuple of 2 float
        x and y, model frame, mm.
    diameter : float
        Of the artery, mm.
    """

    at: tuple[float, float]
    diameter: float


def tubes(anatomy: Anatomy) -> tuple[Tube, ...]:
    """List what to buy for the arteries of an anatomy.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    tuple of Tube
        One for each vessel.

    Raises
    ------
    InputError
        An artery for which no tube exists.
    """
    p = anatomy.parameters
    return tuple(
        Tube(v.name, *_stocked(v.name, v.diameter), round(v.length + SPARE))
        for v in vessels(p, bone_poses(p))
    )


def tube_ends(anatomy: Anatomy) -> tuple[TubeEnd, ...]:
    """Find where the arteries that come from below leave the neck.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    tuple of TubeEnd
        Model frame, mm.
    """
    p = anatomy.parameters
    low = float(anatomy.structure("dura").vertices[:, 2].min())
    return tuple(
        TubeEnd((float(v.line[0, 0]), float(v.line[0, 1])), v.diameter)
        for v in vessels(p, bone_poses(p))
        if v.line[0, 2] < low
    )


def tube_holes(ends: Sequence[TubeEnd], low: float, high: float) -> list[Manifold]:
    """Build the cutters of the tubes' holes through a wall.

    Parameters
    ----------
    ends : sequence of TubeEnd
        Of the tubes.
    low, high : float
        z of the wall's faces, mm.

    Returns
    -------
    list of Manifold
        Model frame, mm.
    """
    return [hole((*e.at, low), (*e.at, high), e.diameter + TUBE_HOLE) for e in ends]


def former_solids(anatomy: Anatomy) -> dict[str, Manifold]:
    """Build a former for every artery that comes from below.

    It is a ridge on a plate, as high as the artery lies from the midline. The wire is pressed into
    the groove on the ridge's crest.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    dict of str to Manifold
        By part name; model frame, mm: the plate is towards the midline.
    """
    p = anatomy.parameters
    low = float(anatomy.structure("dura").vertices[:, 2].min())
    found = {}
    for v in vessels(p, bone_poses(p)):
        if v.line[0, 2] < low:
            side = 1.0 if v.side == "left" else -1.0
            flipped = _former(_laid(v) * (side, 1.0, 1.0))
            found[f"artery_former_{v.side}"] = flipped if side > 0 else flipped.mirror((1, 0, 0))
    return found


def _laid(vessel: Vessel) -> Array:
    """Return the part of the centre line, (m, 3), along which a wire can be laid.

    It ends at the dura, or where the line runs under itself as seen from the side: no wire could
    be laid there, and the last millimetres are bent by hand.
    """
    line = vessel.line
    if len(vessel.pierces):
        line = line[: int(np.linalg.norm(line - vessel.pierces[0], axis=1).argmin()) + 1]
    for i in range(len(line)):
        way = line[i] - line[:i]
        under = (np.abs(line[i, 0]) < np.abs(line[:i, 0])) & (np.linalg.norm(way, axis=1) > FOLD)
        if (np.linalg.norm(way[under, 1:], axis=1) < HIDDEN).any():
            return line[:i]
    return line


def _former(line: Array) -> Manifold:
    """Build the left side's former, x outwards."""
    count = int(np.ceil(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() / FORMER_STEP))
    points = line[np.unique(np.linspace(0, len(line) - 1, count).round().astype(int))]
    floor = float(points[:, 0].min()) - 2 * CREST - FORMER_BASE
    low, high = points.min(axis=0) - CREST - 2.0, points.max(axis=0) + CREST + 2.0
    plate = box((floor, low[1], low[2]), (floor + FORMER_BASE, high[1], high[2]))
    down = np.array([floor + 1.0, 0.0, 0.0])
    ridge = [
        _swept(a, b, CREST, (down - (a[0], 0, 0), down - (b[0], 0, 0))) for a, b in pairwise(points)
    ]
    up = np.array([60.0, 0.0, 0.0])
    groove = [_swept(a, b, (WIRE + WIRE_PLAY) / 2, (up, up)) for a, b in pairwise(points)]
    solid = united([plate, *ridge]).trim_by_plane((1.0, 0.0, 0.0), floor)
    return without(solid, groove)


def _swept(a: Array, b: Array, radius: float, ways: tuple[Array, Array]) -> Manifold:
    """Build a rod with round ends from a to b, swept along x at each end by its own vector."""
    ball = radius * _BALL
    points = [a + ball, b + ball, a + ways[0] + ball, b + ways[1] + ball]
    return Manifold.hull_points(np.concatenate(points))


def _stocked(name: str, diameter: float) -> tuple[float, float]:
    """Return inner and outer diameter of the tube nearest to an artery's."""
    nearest = min(BORES, key=lambda outer: abs(outer - diameter))
    if abs(nearest - diameter) > NEAR:
        raise InputError(
            f"{name}: no silicone tube is {diameter:g} wide; expected one of "
            + ", ".join(f"{outer:g}" for outer in BORES)
        )
    return BORES[nearest], nearest
