"""Find the gap between C1 and C2, with the canal behind it, from a case's anatomy alone."""

import re
from dataclasses import dataclass

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Case, Structure
from nav.planning.symmetry import lateral_direction

UP = np.array([0.0, 0.0, 1.0])  # model frame LPS
LEFT = np.array([1.0, 0.0, 0.0])
SLICE = 3.0  # mm: thickness of the slices whose middles make the canal's axis
AROUND = 14.0  # mm above and below the level that the axis is fitted to
STRIP = 9.0  # mm to each side of the middle, in which the laminae bound the gap
BIN = 1.5  # mm: width of the sagittal strips in which the gap's height is measured
RAY_HEIGHTS = 1.0  # mm between rays that look for the spinolaminar points
LONGEST_ARCH = 28.0  # mm above or below the level that an arch is looked for


@dataclass(frozen=True)
class Gap:
    """The level at which a lateral C1-C2 puncture goes in.

    Parameters
    ----------
    centre : ndarray, shape (3,)
        Of the canal at the level, halfway between C1's arch and C2's lamina; model frame, mm.
    left, back, up : ndarray, shape (3,)
        Unit vectors, model frame: lateral to the left, dorsal, cranial.
    front_wall, back_wall : float
        Of the canal in the midline, along `back` from the centre, mm.
    half_width : float
        Of the canal, mm.
    third : float
        Where its posterior third begins, along `back` from the centre, mm.
    cord_back : float or None
        The cord's dorsal margin in the midline likewise, mm; None without a cord.
    lower, upper : float
        Heights of C2's and of C1's edge along `up` from the centre, mm.
    spinolaminar : tuple of two ndarray, shape (3,)
        Spinolaminar points of C1 and of C2, model frame, mm.
    canal : str
        Name of the structure that the canal was measured on.
    """

    centre: Array
    left: Array
    back: Array
    up: Array
    front_wall: float
    back_wall: float
    half_width: float
    third: float
    cord_back: float | None
    lower: float
    upper: float
    spinolaminar: tuple[Array, Array]
    canal: str

    @property
    def axes(self) -> Array:
        """Left, back and up as the rows of a (3, 3) matrix."""
        return np.stack([self.left, self.back, self.up])

    def to_level(self, points: Array) -> Array:
        """Return points (..., 3) of the model frame as left, back, up from the centre, mm."""
        return (points - self.centre) @ self.axes.T

    def to_model(self, points: Array) -> Array:
        """Return points (..., 3), given as left, back, up from the centre, in the model frame."""
        return self.centre + np.asarray(points, float) @ self.axes


def bone_named(case: Case, level: str) -> Structure | None:
    """Return the bone of a vertebral level, found by its name.

    Parameters
    ----------
    case : Case
        Its structures of role bone are searched.
    level : str
        "C1" to "C7". Letter case is ignored; the level may stand anywhere in the name as a word, as
        segmentations and people write it.

    Returns
    -------
    Structure or None
        The first that fits; None where there is none.
    """
    pattern = re.compile(rf"(?<![a-z0-9]){level.lower()}(?![0-9])")
    found = [s for s in case.of_role("bone") if pattern.search(s.name.lower())]
    return found[0] if found else None


def find_gap(case: Case) -> Gap:
    """Find the level between C1 and C2, the canal's directions and its posterior third.

    Parameters
    ----------
    case : Case
        With bones named C1 and C2, and dura or cord.

    Returns
    -------
    Gap
        Where the case has no dura, the canal's back wall is estimated from the laminae, and the
        posterior third is what is behind the cord.

    Raises
    ------
    InputError
        No bone is named C1 or C2, there is neither dura nor cord, or they do not lie together.
    """
    c1, c2 = (_needed(case, level) for level in ("C1", "C2"))
    canal = next(iter(case.of_role("dura") or case.of_role("cord")), None)
    if canal is None:
        raise InputError(
            f'{case.name}: no structure has role "dura" or "cord"; planning needs one of them to '
            "know where the canal is"
        )
    cord = next(iter(case.of_role("cord")), None)
    bones = c1.surface.vertices, c2.surface.vertices
    up, centre = _canal_axis(canal, (bones[0].mean(axis=0) + bones[1].mean(axis=0)) / 2.0)
    left = _lateral(bones, centre, up)
    back = np.cross(up, left)
    edges: tuple[float, float] | None = None
    for _ in range(3):
        edges = _edges(bones, centre, np.stack([left, back, up]))
        if edges is None:
            raise InputError(
                f"{case.name}: no lamina of {c1.name} lies above one of {c2.name} behind "
                f"{canal.name}; are these the right bones?"
            )
        middle = 0.5 * (edges[0] + edges[1])
        centre = _section(canal, centre + middle * up, np.stack([left, back, up]))[0]
    assert edges is not None
    half = 0.5 * (edges[1] - edges[0])
    centre, half_width = _section(canal, centre, np.stack([left, back, up]))
    front = canal.surface.first_hit(centre, -back)
    behind = canal.surface.first_hit(centre, back)
    if front is None or behind is None:
        raise InputError(f"{case.name}: {canal.name} does not surround the canal at C1-C2")
    walls = -front, behind
    cord_back = _cord_back(cord, centre, back, walls[1])
    third = walls[1] - (walls[1] - walls[0]) / 3.0
    if canal.role == "cord" and cord_back is not None:
        third = cord_back
    spinolaminar = tuple(
        _spinolaminar(bone, centre, back, up, side) for bone, side in ((c1, 1.0), (c2, -1.0))
    )
    if canal.role == "cord":  # the canal itself is not known: estimated from the laminae
        walls = walls[0], float(min((p - centre) @ back for p in spinolaminar)) - 2.0
    return Gap(
        centre, left, back, up, walls[0], walls[1], half_width, third, cord_back, -half, half,
        (spinolaminar[0], spinolaminar[1]), canal.name,
    )  # fmt: skip


def _needed(case: Case, level: str) -> Structure:
    bone = bone_named(case, level)
    if bone is None:
        names = ", ".join(s.name for s in case.of_role("bone")) or "there are no bones"
        raise InputError(
            f'{case.name}: no structure of role "bone" is named {level}; planning needs C1 and C2 '
            f"to find the gap between them ({names})"
        )
    return bone


def _canal_axis(canal: Structure, level: Array) -> tuple[Array, Array]:
    """Return the unit vector upwards along the canal near a level, and the canal's middle there."""
    vertices, up, centre = canal.surface.vertices, UP, level
    for _ in range(2):
        heights = (vertices - centre) @ up
        middles = []
        for low in np.arange(-AROUND, AROUND, SLICE):
            inside = vertices[(heights >= low) & (heights < low + SLICE)]
            if len(inside) >= 8:
                middles.append((inside.min(axis=0) + inside.max(axis=0)) / 2.0)
        if len(middles) < 3:
            raise InputError(f"{canal.name}: does not reach along the canal from C1 to C2")
        line = np.array(middles)
        _, _, directions = np.linalg.svd(line - line.mean(axis=0))
        up = directions[0] * np.sign(directions[0] @ UP)
        centre = line.mean(axis=0)
    return up, centre


def _lateral(bones: tuple[Array, Array], centre: Array, up: Array) -> Array:
    """Return the direction to the left, halfway between C1's and C2's, which may be rotated."""
    total = np.sum([lateral_direction(v, centre, up, LEFT) for v in bones], axis=0)
    total -= (total @ up) * up
    direction: Array = total / np.linalg.norm(total)
    return direction


def _edges(bones: tuple[Array, Array], centre: Array, axes: Array) -> tuple[float, float] | None:
    """Return the heights of C2's upper and C1's lower edge behind the canal, median of strips."""
    upper, lower = ((v - centre) @ axes.T for v in bones)
    found = []
    for left in np.arange(-STRIP, STRIP, BIN):
        strips = [
            p[(p[:, 0] >= left) & (p[:, 0] < left + BIN) & (p[:, 1] > 0.0)] for p in (upper, lower)
        ]
        if len(strips[0]) and len(strips[1]):
            found.append((strips[1][:, 2].max(), strips[0][:, 2].min()))
    if len(found) < 3:
        return None
    low, high = np.median(np.array(found), axis=0)
    return float(low), float(high)


def _section(canal: Structure, centre: Array, axes: Array) -> tuple[Array, float]:
    """Return the middle of the canal in the plane of a point, and its half width."""
    local = (canal.surface.vertices - centre) @ axes.T
    near = local[np.abs(local[:, 2]) < SLICE / 2.0]
    if len(near) < 8:
        raise InputError(f"{canal.name}: does not reach the level between C1 and C2")
    low, high = near.min(axis=0), near.max(axis=0)
    middle = centre + np.array([*(0.5 * (low + high))[:2], 0.0]) @ axes
    return middle, float(0.5 * (high - low)[0])


def _cord_back(cord: Structure | None, centre: Array, back: Array, wall: float) -> float | None:
    """Return the cord's dorsal margin in the midline, along `back` from the centre."""
    if cord is None:
        return None
    way = cord.surface.first_hit(centre + wall * back, -back)
    return None if way is None else wall - way


def _spinolaminar(bone: Structure, centre: Array, back: Array, up: Array, side: float) -> Array:
    """Return the most ventral point of an arch behind the canal, in the midline."""
    heights = side * np.arange(0.0, LONGEST_ARCH, RAY_HEIGHTS)
    origins = centre + heights[:, None] * up
    ways = bone.surface.first_hits(origins, back)
    if not np.isfinite(ways).any():
        raise InputError(
            f"{bone.name}: has no arch behind the canal: is it another structure's mesh?"
        )
    k = int(np.argmin(ways))
    return origins[k] + ways[k] * back
