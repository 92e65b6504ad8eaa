"""List all straight paths that are considered: targets behind the cord, entries on the skin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Case, Structure
from nav.planning.gap import Gap

SIDES = {"left": 1.0, "right": -1.0}
OUTSIDE = 300.0  # mm from the canal: beyond any neck
# mm between targets: to the side, dorsal, along the canal; then finer, until there are enough
TARGET_STEPS = np.array([1.5, 0.7, 2.0])
FINER = (1.0, 0.75, 0.5, 0.35)
ENOUGH_TARGETS = 60
TARGET_SIDE = 3.0  # mm from the midline, at most
TARGET_HEIGHT = 4.0  # mm from the level, at most, and within the gap
ROUNDING = 1e-6  # mm
WALL = 0.3  # mm that a needle's wall is to keep from the dura at the target; about its thickness


@dataclass(frozen=True)
class SearchSettings:
    """The extent of the search.

    Parameters
    ----------
    angle : float
        Largest angle to the lateral direction, cranial, caudal, ventral or dorsal, rad. Landmarks
        on a lateral view hold near 0; with more than 20 degrees it is not a lateral puncture
        (chosen).
    spacing : float
        Between entries as seen from the target, rad.
    ahead : float
        mm beyond the tip that are to be clear as the shaft is: the dura is pushed ahead by about so
        much before it gives way.
    sides : tuple of str
        "left", "right" or both.
    """

    angle: float = np.radians(20.0)
    spacing: float = np.radians(2.5)
    ahead: float = 3.0
    sides: tuple[str, ...] = ("left", "right")


@dataclass(frozen=True, eq=False)
class Space:
    """Where a tip may end: inside the dura, behind the cord, in the canal's posterior third.

    Parameters
    ----------
    gap : Gap
        The gap between C1 and C2.
    dura, cord : Structure or None
        None where the case has none.
    radius : float
        Of the needle, mm.
    """

    gap: Gap
    dura: Structure | None
    cord: Structure | None
    radius: float

    def holds(self, points: Array) -> NDArray[np.bool_]:
        """Return whether points (n, 3), model frame, mm, may be targets, shape (n,)."""
        local = self.gap.to_level(points)
        front = self.gap.third
        if self.gap.cord_back is not None:
            front = max(front, self.gap.cord_back + self.radius)
        inside = (
            (local[:, 1] >= front - ROUNDING)
            & (local[:, 1] <= self.gap.back_wall - self.radius - WALL + ROUNDING)
            & (np.abs(local[:, 0]) <= TARGET_SIDE + ROUNDING)
            & (np.abs(local[:, 2]) <= TARGET_HEIGHT + ROUNDING)
            & (local[:, 2] >= self.gap.lower)
            & (local[:, 2] <= self.gap.upper)
        )
        at = np.flatnonzero(inside)
        if self.dura is not None and len(at):
            depth = -self.dura.surface.distances(points[at])[0]
            inside[at] &= depth >= self.radius + WALL
        at = np.flatnonzero(inside)
        if self.cord is not None and len(at):
            inside[at] &= self.cord.surface.distances(points[at])[0] >= self.radius
        return np.asarray(inside, bool)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Straight paths of one side.

    Parameters
    ----------
    side : str
        "left" or "right".
    entries, targets : ndarray, shape (n, 3)
        Model frame, mm.
    entry_index : ndarray of int64, shape (n,)
        Number of each path's entry on the skin, which several paths share.
    """

    side: str
    entries: Array
    targets: Array
    entry_index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.entries)


def target_space(case: Case, gap: Gap, radius: float) -> Space:
    """Return the space in which a needle's tip may end, from the case's dura and cord.

    Parameters
    ----------
    case : Case
        Of several duras or cords the first is taken.
    gap : Gap
        Its gap between C1 and C2.
    radius : float
        Of the needle, mm.

    Returns
    -------
    Space
        Without what the case does not have.
    """
    dura, cord = (next(iter(case.of_role(role)), None) for role in ("dura", "cord"))
    return Space(gap, dura, cord, radius)


def find_targets(space: Space) -> Array:
    """Return targets on a grid in the space, finer where it is small.

    Parameters
    ----------
    space : Space
        Where a tip may end.

    Returns
    -------
    ndarray, shape (n, 3)
        Model frame, mm.

    Raises
    ------
    InputError
        There is no room for a needle behind the cord.
    """
    gap = space.gap
    found = np.zeros((0, 3))
    for finer in FINER:
        sideways, backs, heights = (
            np.arange(low, high + 1e-6, finer * step)
            for (low, high), step in zip(
                (
                    (-TARGET_SIDE, TARGET_SIDE),
                    (gap.third, gap.back_wall),
                    (-TARGET_HEIGHT, TARGET_HEIGHT),
                ),
                TARGET_STEPS,
                strict=True,
            )
        )
        grid = np.stack(np.meshgrid(sideways, backs, heights, indexing="ij"), axis=-1)
        points = gap.to_model(grid.reshape(-1, 3))
        found = points[space.holds(points)]
        if len(found) >= ENOUGH_TARGETS:
            break
    if not len(found):
        behind = "behind the cord " if space.cord is not None else ""
        raise InputError(
            f"there is no room for this needle {behind}in the posterior third of the canal at "
            f"C1-C2: {gap.back_wall - max(gap.third, gap.cord_back or -np.inf):.1f} mm"
        )
    return found


def skin_of(case: Case) -> Structure:
    """Return the outermost structure of role skin, which the needle enters.

    Parameters
    ----------
    case : Case
        Of several skins the one with the largest bounding box is taken.

    Returns
    -------
    Structure
        The skin.

    Raises
    ------
    InputError
        The case has none of role skin.
    """
    skins = case.of_role("skin")
    if not skins:
        raise InputError(
            f'{case.name}: no structure has role "skin"; planning needs it to know where the '
            "needle enters"
        )
    return max(skins, key=lambda s: float(np.ptp(s.surface.vertices, axis=0).prod()))


def entries_along(skin: Structure, targets: Array, outwards: Array) -> Array:
    """Return where lines from targets outwards leave the skin.

    It is the outermost place: an ear or a chin in the way is gone through from there.

    Parameters
    ----------
    skin : Structure
        Its surface is intersected.
    targets : ndarray, shape (n, 3)
        Model frame, mm.
    outwards : ndarray, shape (n, 3)
        Unit vectors.

    Returns
    -------
    ndarray, shape (n, 3)
        Entries, mm; nan where a line does not meet the skin.
    """
    starts = targets + OUTSIDE * outwards
    ways = skin.surface.first_hits(starts, -outwards)
    ways = np.where(ways < OUTSIDE, ways, np.nan)
    entries: Array = starts - ways[:, None] * outwards
    return entries


def outward_directions(gap: Gap, side: str, cranial: Array, dorsal: Array) -> Array:
    """Return unit vectors from the target to the side.

    Parameters
    ----------
    gap : Gap
        Its axes define the directions.
    side : str
        "left" or "right".
    cranial, dorsal : ndarray, shape (n,)
        Angles to the lateral direction, rad.

    Returns
    -------
    ndarray, shape (n, 3)
        Model frame.
    """
    outwards = np.stack([SIDES[side] * np.ones(len(cranial)), np.tan(dorsal), np.tan(cranial)], 1)
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    result: Array = outwards @ gap.axes
    return result


def angles_of(gap: Gap, side: str, entries: Array, targets: Array) -> tuple[Array, Array]:
    """Return by how much entries lie cranial and dorsal of the lateral line through the target.

    Parameters
    ----------
    gap : Gap
        Its axes define the directions.
    side : str
        "left" or "right".
    entries, targets : ndarray, shape (n, 3)
        Model frame, mm.

    Returns
    -------
    cranial, dorsal : ndarray, shape (n,)
        rad.
    """
    out = (entries - targets) @ gap.axes.T
    lateral = SIDES[side] * out[:, 0]
    return np.arctan2(out[:, 2], lateral), np.arctan2(out[:, 1], lateral)


def side_candidates(
    gap: Gap, skin: Structure, targets: Array, side: str, settings: SearchSettings
) -> Candidates:
    """Return all paths of a side: from each entry on the skin to each target within the angle.

    Parameters
    ----------
    gap : Gap
        The gap between C1 and C2.
    skin : Structure
        The structure that the needle enters.
    targets : ndarray, shape (n, 3)
        Model frame, mm.
    side : str
        "left" or "right".
    settings : SearchSettings
        Angle and spacing.

    Returns
    -------
    Candidates
        Entries, targets, and the entries' numbers.

    Raises
    ------
    InputError
        The skin does not reach to that side.
    """
    steps = np.arange(-settings.angle, settings.angle + 1e-9, settings.spacing)
    cranial, dorsal = (a.ravel() for a in np.meshgrid(steps, steps, indexing="ij"))
    outwards = outward_directions(gap, side, cranial, dorsal)
    middle = targets.mean(axis=0)
    skin_points = entries_along(skin, np.repeat(middle[None], len(outwards), axis=0), outwards)
    skin_points = skin_points[np.isfinite(skin_points).all(axis=1)]
    if not len(skin_points):
        raise InputError(f"{skin.name}: does not reach to the {side} of C1-C2")
    entry = np.repeat(np.arange(len(skin_points)), len(targets))
    target = np.tile(np.arange(len(targets)), len(skin_points))
    entries, ends = skin_points[entry], targets[target]
    angles = angles_of(gap, side, entries, ends)
    kept = np.hypot(*angles) <= settings.angle
    return Candidates(side, entries[kept], ends[kept], entry[kept])
