"""Plan the catheter's path: from the needle's opening down behind the cord to C4."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Case
from nav.model.distance_grid import Box, distance_grid
from nav.planning.field import distances_at, gradients
from nav.planning.gap import Gap
from nav.planning.levels import canal_below, level_heights
from nav.planning.needle_deviation import Needle

# rad between the shaft and the way that a Tuohy's curved tip leads a catheter, assumed
TUOHY_ANGLE = np.radians(25.0)
RADII = (10.0, 8.0, 6.5, 5.0, 4.0, 3.0, 2.0)  # mm, bends that are tried, the widest first
MARGIN = 14.0  # mm around the first guess
POINT_STEP = 1.0  # mm between points of the path
BACK_TO_MIDDLE = 10.0  # mm on which a first guess comes back to the midline
# weights of the minimised energy: per millimetre of length, of bending (times mm), of missing
# clearance, and of too small a radius; the last two are barriers, the first two only choose
# between paths
LENGTH, BENDING, ROOM, RADIUS, EVEN, START, END = 0.02, 0.5, 40.0, 4000.0, 2.0, 40.0, 20.0
TOLERANCE = 0.1  # mm of clearance, and share of a radius, that may be missing at the end


@dataclass(frozen=True)
class Catheter:
    """The catheter that is led through the needle.

    Parameters
    ----------
    diameter : float
        mm.
    smallest_bend : float
        Radius of the tightest bend that it takes without kinking, mm (assumed).
    """

    diameter: float = 0.9
    smallest_bend: float = 5.0


@dataclass(frozen=True)
class Mark:
    """The length of catheter that is in when its tip lies at a level.

    Parameters
    ----------
    level : str
        C2, C3 or C4: the height of its arch's spinolaminar point.
    along : float
        From the needle's opening to the tip, mm.
    at_hub, at_skin : float
        Catheter from its tip to the needle's hub, and to the skin along the needle's path, mm.
    """

    level: str
    along: float
    at_hub: float
    at_skin: float


@dataclass(frozen=True, eq=False)
class CatheterPath:
    """A path in the dorsal subarachnoid space.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Model frame, mm, from the needle's opening.
    opening : ndarray, shape (3,)
        Unit vector, model frame: where the bevel's opening faces.
    smallest_radius : float
        Of its bends, mm.
    radius_at : ndarray, shape (3,)
        Where the tightest bend is, model frame, mm.
    room : float
        Least distance from the catheter's wall to dura or cord, mm.
    marks : tuple of Mark
        Lengths to read, by level.
    end : str
        The level that it reaches, C4 or C3.
    """

    points: Array
    opening: Array
    smallest_radius: float
    radius_at: Array
    room: float
    marks: tuple[Mark, ...]
    end: str

    @property
    def length(self) -> float:
        """Length from the needle's opening to the path's end, mm."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())


def catheter_path(
    case: Case, gap: Gap, path: tuple[Array, Array], needle: Needle, catheter: Catheter
) -> CatheterPath:
    """Find the smoothest path from a needle's tip down to C4 between dura and cord.

    It searches for the path that bends least, with as wide a bend as there is room for.

    Parameters
    ----------
    case : Case
        With dura, and bones named C4 or C3.
    gap : Gap
        Its gap between C1 and C2.
    path : tuple of two ndarray, shape (3,)
        Entry and target of the needle, model frame, mm.
    needle : Needle
        Its length sets what is read at the hub.
    catheter : Catheter
        Its diameter sets the clearance.

    Returns
    -------
    CatheterPath
        The first whose bends are as wide as intended and that keeps clear; else the one that bends
        least, which may come too near: see its `room`.

    Raises
    ------
    InputError
        The case has no dura, or neither C4 nor C3, so that there is no way to follow.
    """
    if not case.of_role("dura"):
        raise InputError(f'{case.name}: no structure has role "dura": no catheter path without')
    canal = canal_below(case, gap)
    levels = level_heights(case, canal)
    end = next((level for level in ("C4", "C3") if level in levels), None)
    if end is None:
        raise InputError(f"{case.name}: neither C4 nor C3 lies behind the canal")
    entry, target = path
    heading = (target - entry) / np.linalg.norm(target - entry)
    opening = -gap.up + (gap.up @ heading) * heading
    opening /= np.linalg.norm(opening)
    start = np.cos(TUOHY_ANGLE) * heading + np.sin(TUOHY_ANGLE) * opening
    top = float(gap.to_level(target)[2])
    heights = np.arange(top - 1.0, levels[end] - 1e-9, -POINT_STEP)
    behind = _behind_cord(case, gap, canal.middle_at(heights))
    room = _Room(case, np.vstack([target, behind]), catheter.diameter / 2.0)
    found: tuple[Array, float] | None = None
    for radius in RADII:
        guess = _first_guess(target, (heading, opening), behind, gap, radius)
        points = _smoothed(guess, start, gap, levels[end], room, radius)
        bend = bend_radii(points).min()
        least = room.clearance(points[2:]).min()
        if found is None or bend > found[1]:
            found = points, bend
        if bend >= (1.0 - TOLERANCE) * radius and least >= -TOLERANCE:
            found = points, bend
            break
    assert found is not None
    points = found[0]
    radii = bend_radii(points)
    k = int(np.argmin(radii))
    return CatheterPath(
        points,
        opening,
        float(radii[k]),
        points[k + 1],
        float(room.clearance(points[2:]).min()),
        _marks(gap, points, levels, needle, float(np.linalg.norm(target - entry))),
        end,
    )


def bend_radii(points: Array) -> Array:
    """Return the radii of the circles through each three successive points.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        mm.

    Returns
    -------
    ndarray, shape (n - 2,)
        Radii, mm; very large where the three lie on a line.
    """
    a, b, c = points[:-2], points[1:-1], points[2:]
    sides = [np.linalg.norm(v, axis=1) for v in (b - a, c - b, c - a)]
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    radii: Array = sides[0] * sides[1] * sides[2] / np.maximum(4.0 * area, 1e-9)
    return radii


def _behind_cord(case: Case, gap: Gap, middles: Array) -> Array:
    """Return points halfway between cord and dura behind the middles (n, 3), in the midline."""
    wall = case.of_role("dura")[0].surface.first_hits(middles, gap.back)
    cord = next(iter(case.of_role("cord")), None)
    front = 0.4 * wall
    if cord is not None:
        ways = cord.surface.first_hits(middles + wall[:, None] * gap.back, -gap.back)
        front = np.where(np.isfinite(ways), wall - ways, front)
    middle: Array = middles + (0.5 * (wall + front))[:, None] * gap.back
    return middle[np.isfinite(middle).all(axis=1)]


def _first_guess(
    target: Array, bend: tuple[Array, Array], behind: Array, gap: Gap, radius: float
) -> Array:
    """Return an arc out of the needle's opening until it leads caudad, then back to the midline."""
    heading, opening = bend
    turns = np.linspace(TUOHY_ANGLE, np.pi / 2.0, 12)[:, None]
    arc = target + radius * (
        (np.sin(turns) - np.sin(TUOHY_ANGLE)) * heading
        + (np.cos(TUOHY_ANGLE) - np.cos(turns)) * opening
    )
    below = behind[(behind - arc[-1]) @ gap.up < -POINT_STEP]
    aside = float((arc[-1] - below[0]) @ gap.left) if len(below) else 0.0
    down = (arc[-1] - below) @ gap.up
    back = below + (aside * np.exp(-down / BACK_TO_MIDDLE))[:, None] * gap.left
    line = np.vstack([arc, back])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    even = np.linspace(0.0, along[-1], max(int(along[-1] / POINT_STEP), 8))
    return np.stack([np.interp(even, along, line[:, k]) for k in range(3)], axis=1)


class _Room:
    """Distances of points from dura and cord, less a catheter's radius."""

    def __init__(self, case: Case, guess: Array, radius: float) -> None:
        self.radius = radius
        self.box = Box.around(guess, MARGIN, 1.0)
        self.grids = [-distance_grid(case.of_role("dura")[0].surface, self.box)]
        self.grids += [distance_grid(s.surface, self.box) for s in case.of_role("cord")[:1]]

    def clearance(self, points: Array) -> Array:
        """Return the least distances of points (n, 3), mm."""
        return self._all(points).min(axis=0) - self.radius

    def _all(self, points: Array) -> Array:
        points = np.ascontiguousarray(points)
        return np.array(
            [distances_at(g, self.box.origin, self.box.spacing, points) for g in self.grids]
        )

    def wall(self, points: Array, wanted: float) -> tuple[float, Array]:
        """Return the sum of squared shortfalls from a wanted distance, and its gradient (n, 3)."""
        total, slope = 0.0, np.zeros_like(points)
        for grid, values in zip(self.grids, self._all(points), strict=True):
            lack = np.maximum(wanted + self.radius - values, 0.0)
            total += float((lack**2).sum())
            short = lack > 0.0
            if short.any():
                inner = np.ascontiguousarray(points[short])
                away = gradients(grid, self.box.origin, self.box.spacing, inner)
                slope[short] -= 2.0 * lack[short, None] * away
        return total, slope


def _smoothed(
    guess: Array, start: Array, gap: Gap, end: float, room: _Room, radius: float
) -> Array:
    """Return the path that bends least, from a first guess (n, 3)."""
    first = guess[0]
    count = len(guess)
    step = float(np.linalg.norm(np.diff(guess, axis=0), axis=1).mean())

    def energy(flat: Array) -> tuple[float, Array]:
        points = np.vstack([first, flat.reshape(-1, 3)])
        slope = np.zeros_like(points)
        ways = np.diff(points, axis=0)
        sizes = np.linalg.norm(ways, axis=1)
        units = ways / sizes[:, None]
        mean = sizes.mean()
        total = LENGTH * float(sizes.sum()) + EVEN * float(((sizes - mean) ** 2).sum())
        pull = (LENGTH + 2.0 * EVEN * (sizes - mean))[:, None] * units
        slope[1:] += pull
        slope[:-1] -= pull
        bows = points[:-2] - 2.0 * points[1:-1] + points[2:]
        bends = np.linalg.norm(bows, axis=1) / step**2
        excess = np.maximum(bends - 1.0 / radius, 0.0)
        total += BENDING * step * float((bends**2).sum()) + RADIUS * float((excess**2).sum())
        by_bend = 2.0 * BENDING * step * bends + 2.0 * RADIUS * excess
        turn = (by_bend / (np.maximum(bends, 1e-12) * step**4))[:, None] * bows
        slope[:-2] += turn
        slope[1:-1] -= 2.0 * turn
        slope[2:] += turn
        lack, push = room.wall(points[2:], 0.2)
        total += ROOM * lack
        slope[2:] += ROOM * push
        off = points[1] - first - step * start
        total += START * float(off @ off)
        slope[1] += 2.0 * START * off
        over = float((points[-1] - gap.centre) @ gap.up) - end
        total += END * over**2
        slope[-1] += 2.0 * END * over * gap.up
        return total, slope[1:].ravel()

    found = minimize(
        energy, guess[1:].ravel(), jac=True, method="CG", options={"maxiter": 500, "gtol": 1e-3}
    )
    points: Array = np.vstack([first, found.x.reshape(-1, 3)])
    assert len(points) == count
    return points


def _marks(
    gap: Gap, points: Array, levels: dict[str, float], needle: Needle, depth: float
) -> tuple[Mark, ...]:
    """Return how much catheter is in when its tip is at each level."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    heights = gap.to_level(points)[:, 2]
    marks = []
    for level, height in sorted(levels.items()):
        below = np.flatnonzero(heights <= height + 0.5)
        if len(below):
            at = float(along[below[0]])
            marks.append(Mark(level, at, needle.length + at, depth + at))
    return tuple(marks)
