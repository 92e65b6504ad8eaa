"""Find the landmarks of a lateral radiograph: spinolaminar line, flare point, the cord's margin."""

from dataclasses import dataclass

import numpy as np

from nav.core.frames import Array
from nav.model.case import Case
from nav.planning.gap import Gap, bone_named

BIN = 0.5  # mm along the lateral view
ARCH_FROM, ARCH_TO = 0.5, 5.0  # mm ventral of the spinolaminar line: where the arch is a bar
RISE = 1.5  # mm over the arch's upper edge: there the flare begins
LIKELY = 5.0  # mm from the cord's dorsal margin; beyond, C1 is rotated out of a true lateral
MASS_RISE = 6.0  # mm over it: the flank of the flare's triangle up to here


@dataclass(frozen=True)
class Landmarks:
    """Points in the midline plane that a lateral radiograph is read by.

    Parameters
    ----------
    spinolaminar : tuple of two ndarray, shape (3,)
        Of C1 and C2, model frame, mm.
    flare : ndarray, shape (3,), or None
        Where C1's posterior arch flares into its lateral mass, on the lateral view; model frame,
        mm. None where it cannot be determined.
    cord_margin : ndarray, shape (3,), or None
        The cord's dorsal margin at the level, model frame, mm; None without a cord.
    flare_behind_cord : float or None
        How far the flare point lies behind that margin, mm.
    """

    spinolaminar: tuple[Array, Array]
    flare: Array | None
    cord_margin: Array | None
    flare_behind_cord: float | None


def find_landmarks(case: Case, gap: Gap) -> Landmarks:
    """Find the landmarks of a lateral view.

    The flare point is where the line along the upper edge of C1's posterior arch meets the one
    along the flank of what is ventral of it, both on the lateral silhouette [1]_.

    Parameters
    ----------
    case : Case
        The flare point needs a bone named C1.
    gap : Gap
        Its gap between C1 and C2.

    Returns
    -------
    Landmarks
        Without a flare point where it cannot be determined, or is further than LIKELY from the
        cord's margin.

    References
    ----------
    .. [1] Peckham et al., AJNR 39, 2018, doi 10.3174/ajnr.A5706.
    """
    flare = _flare(case, gap)
    margin = None if gap.cord_back is None else gap.to_model(np.array([0.0, gap.cord_back, 0.0]))
    behind = None
    if flare is not None and gap.cord_back is not None:
        behind = float(gap.to_level(flare)[1]) - gap.cord_back
        if abs(behind) > LIKELY:
            flare = behind = None
    return Landmarks(gap.spinolaminar, flare, margin, behind)


def _flare(case: Case, gap: Gap) -> Array | None:
    c1 = bone_named(case, "C1")
    if c1 is None:
        return None
    local = gap.to_level(c1.surface.vertices)
    line = float(gap.to_level(gap.spinolaminar[0])[1])
    ventral = line - local[:, 1]  # mm ventral of the spinolaminar line
    edges = np.arange(0.0, 30.0, BIN)
    tops = np.array(
        [local[(ventral >= low) & (ventral < low + BIN), 2].max(initial=-np.inf) for low in edges]
    )
    places = edges + BIN / 2.0
    arch = (places >= ARCH_FROM) & (places <= ARCH_TO) & np.isfinite(tops)
    if arch.sum() < 4:
        return None
    slope, height = np.polyfit(places[arch], tops[arch], 1)
    over = tops - (height + slope * places)
    flank = (places > ARCH_FROM) & (over >= RISE) & (over <= MASS_RISE)
    at = np.flatnonzero(flank)
    if len(at) < 2:
        return None
    at = at[: np.flatnonzero(np.append(np.diff(at) > 2, True))[0] + 1]  # the first rise only
    if len(at) < 2:
        return None
    rise, foot = np.polyfit(places[at], over[at], 1)
    if rise <= 0.05:
        return None
    where = -foot / rise
    return gap.to_model(np.array([0.0, line - where, height + slope * where]))
