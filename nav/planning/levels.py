"""Follow the canal down to C4: its middle at each height, and where each arch lies behind it."""

from dataclasses import dataclass

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Case, Structure
from nav.planning.gap import Gap, bone_named

LEVELS = ("C2", "C3", "C4")
SLICE = 3.0  # mm
STEP = 1.0  # mm


@dataclass(frozen=True, eq=False)
class Canal:
    """The canal below the gap, along the gap's `up`.

    Parameters
    ----------
    gap : Gap
        The gap between C1 and C2.
    heights : ndarray, shape (n,)
        From the gap's centre along `up`, mm, falling.
    middles : ndarray, shape (n, 3)
        Of the canal at these heights, model frame, mm.
    """

    gap: Gap
    heights: Array
    middles: Array

    def middle_at(self, heights: Array) -> Array:
        """Return the canal's middles (k, 3) at heights (k,), mm."""
        order = np.argsort(self.heights)
        at = [
            np.interp(heights, self.heights[order], self.middles[order, axis]) for axis in range(3)
        ]
        return np.stack(at, axis=-1)


def canal_below(case: Case, gap: Gap) -> Canal:
    """Return the canal's middles from the gap as far down as the case has dura or cord.

    Parameters
    ----------
    case : Case
        With dura or cord.
    gap : Gap
        Its gap between C1 and C2.

    Returns
    -------
    Canal
        Heights and middles, in steps of STEP.

    Raises
    ------
    InputError
        Dura or cord ends at C1-C2.
    """
    canal: Structure = (case.of_role("dura") or case.of_role("cord"))[0]
    local = gap.to_level(canal.surface.vertices)
    lowest = float(local[:, 2].min())
    heights, middles = [], []
    for height in np.arange(0.0, lowest, -STEP):
        near = local[np.abs(local[:, 2] - height) < SLICE / 2.0]
        if len(near) < 6:
            continue
        middle = 0.5 * (near.min(axis=0) + near.max(axis=0))
        heights.append(height)
        middles.append(gap.to_model(np.array([middle[0], middle[1], height])))
    if len(heights) < 2:
        raise InputError(f"{case.name}: {canal.name} ends at C1-C2; no way down to C4 is known")
    return Canal(gap, np.array(heights), np.array(middles))


def level_heights(case: Case, canal: Canal) -> dict[str, float]:
    """Return the heights of the arches of C2, C3 and C4: their spinolaminar points.

    Parameters
    ----------
    case : Case
        With bones named by level.
    canal : Canal
        Its middles.

    Returns
    -------
    dict of str to float
        mm along the gap's `up` from its centre, by level. A level whose bone is not in the case, or
        does not lie behind the canal, is left out.
    """
    found: dict[str, float] = {}
    for level in LEVELS:
        bone = bone_named(case, level)
        if bone is None:
            continue
        local = canal.gap.to_level(bone.surface.vertices)[:, 2]
        low, high = max(local.min(), canal.heights[-1]), min(local.max(), canal.heights[0])
        heights = np.arange(low, high, STEP)
        if not len(heights):
            continue
        ways = bone.surface.first_hits(canal.middle_at(heights), canal.gap.back)
        if np.isfinite(ways).any():
            found[level] = float(heights[np.argmin(ways)])
    return found
