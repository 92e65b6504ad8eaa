"""To which sides a needle was tilted about its tip, as somebody before the cameras sees it."""

from dataclasses import dataclass

import numpy as np

from nav.core.frames import Array

SECTORS = 8
TILTED = np.radians(18.0)  # from the middle: to there a side counts as reached
MIDDLE_AFTER = 15  # poses that show where the middle is
# part of the middle along the left-out axis, over its largest part, from which on the axes stay:
# one that lies between two axes does not exchange them with every pose
STAYS = 0.5
WORDS = (("side_right", "side_left"), ("side_down", "side_up"), ("side_away", "side_near"))


@dataclass(frozen=True)
class Swing:
    """The directions from tip to hub, relative to their middle.

    Attributes
    ----------
    offsets : ndarray, shape (n, 2)
        Tilts along two axes of the rig, rad.
    axes : tuple of 2 ints
        Which of the rig's axes these are: right, down, away from the cameras.
    reached : tuple of bool
        Of each sector, counted from the first axis towards the second.
    """

    offsets: Array
    axes: tuple[int, int]
    reached: tuple[bool, ...]

    @property
    def missing(self) -> int | None:
        """The sector to tilt to next: the one with the least tilt; None where all are reached."""
        if all(self.reached):
            return None
        tilts = [_most_tilt(self.offsets, sector) for sector in range(SECTORS)]
        return min((k for k in range(SECTORS) if not self.reached[k]), key=lambda k: tilts[k])

    def words(self, sector: int) -> tuple[str, ...]:
        """Return the codes of a sector's sides, one or two."""
        way = way_of(sector)
        return tuple(
            WORDS[axis][0 if part > 0 else 1]
            for axis, part in zip(self.axes, way, strict=True)
            if abs(part) > 0.4
        )


def way_of(sector: int) -> tuple[float, float]:
    """Return the direction of a sector's middle.

    Parameters
    ----------
    sector : int
        From 0.

    Returns
    -------
    tuple of 2 floats
        Unit vector along the two axes.
    """
    angle = 2.0 * np.pi * sector / SECTORS
    return float(np.cos(angle)), float(np.sin(angle))


def swing_of(rotations: Array, tip: Array, axes: tuple[int, int] | None = None) -> Swing | None:
    """Return how a needle was swung about its tip.

    Parameters
    ----------
    rotations : ndarray, shape (n, 3, 3)
        rig_from_tool.
    tip : ndarray, shape (3,)
        About where the tip is, tool frame; only its direction counts.
    axes : tuple of 2 ints, optional
        Those of the swing before, which are kept while they are nearly as good as others.

    Returns
    -------
    Swing or None
        None for few poses.
    """
    if len(rotations) < MIDDLE_AFTER:
        return None
    hub = -(rotations @ (tip / np.linalg.norm(tip)))
    # the middle of what was reached, not of where it stayed longest
    middle = (hub.min(axis=0) + hub.max(axis=0)) / 2.0
    middle /= np.linalg.norm(middle)
    first, second = _axes(np.abs(middle), axes)
    basis: list[Array] = []
    for axis in (first, second):
        along = np.eye(3)[axis] - middle[axis] * middle
        for other in basis:
            along -= (along @ other) * other
        basis.append(along / np.linalg.norm(along))
    aside = hub @ np.array(basis).T
    lengths = np.linalg.norm(aside, axis=1)
    angles = np.arctan2(lengths, hub @ middle)
    offsets = aside * (angles / np.maximum(lengths, 1e-12))[:, None]
    reached = tuple(_most_tilt(offsets, sector) >= TILTED for sector in range(SECTORS))
    return Swing(offsets, (first, second), reached)


def _axes(middle: Array, before: tuple[int, int] | None) -> tuple[int, int]:
    """Return the two of the rig's axes that lie most across the middle."""
    if before is not None and middle[3 - sum(before)] >= STAYS * middle.max():
        return before
    first, second = sorted(np.argsort(middle)[:2])
    return int(first), int(second)


def _most_tilt(offsets: Array, sector: int) -> float:
    """Return the largest tilt within a sector; 0 where there is none."""
    lengths = np.linalg.norm(offsets, axis=1)
    along = offsets @ np.array(way_of(sector))
    inside = along >= lengths * np.cos(np.pi / SECTORS) - 1e-12
    return float(lengths[inside].max(initial=0.0))
