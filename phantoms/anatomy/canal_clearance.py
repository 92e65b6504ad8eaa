"""Fit the sac into the bony canal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from nav.core.errors import InputError
from phantoms.anatomy.sdf import Array

STEP = 2.0  # mm between the heights that are examined
REACH = 1.3  # mm, bone within this distance above and below a height is considered there
WANTED, LEAST = 0.6, 0.15  # mm from bone: aimed at; refused below. Bone is sampled, so less is left
NEAR = 5.0  # mm from the sac where it hangs: bone further away is ignored
ROUNDS = 6
GIVES, LEFT = 1.0, 0.4  # mm: largest thinning of the sac; gap that it aims at


class Shifted(Protocol):
    """A sac that is shifted and made thinner by given amounts at given heights."""

    def depth(self, points: Array) -> Array:
        """Return how deep points (n, 3) lie within the sac's wall, mm, (n,)."""
        ...

    def sac(self, z: Array) -> tuple[Array, Array, Array]:
        """Return y of the middle, half AP and half width at heights z, mm."""
        ...


def fitted(
    sac: Callable[[Array, Array], Shifted], heights: Array, bones: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Shift the sac off the bones and, where that is not enough, make it thinner too.

    Parameters
    ----------
    sac : callable
        Makes the sac that is shifted backwards by its first argument and whose AP is smaller by its
        second; both ndarray, shape (k,), mm, at `heights`.
    heights : ndarray, shape (k,)
        Evenly spaced, model frame, mm.
    bones : mapping of str to ndarray, shape (n, 3)
        Points of each bone's surface by its name, model frame, mm.

    Returns
    -------
    shift, thinner : ndarray, shape (k,)
        The two arguments of `sac`, mm.

    Raises
    ------
    InputError
        It touches a bone in every position: which, at which height, and what would help.
    """
    thinner = np.zeros(len(heights))
    hanging = sac(thinner, thinner)
    near = {name: _near(hanging, points, heights) for name, points in bones.items()}
    every = np.concatenate(list(near.values()))
    shift = _shifted(lambda shift: sac(shift, thinner), every, heights)
    if _worst(sac(shift, thinner), near)[0] < LEAST:
        front, back = _gaps(sac(shift, thinner), every, heights)
        lacking = maximum_filter1d(np.clip(2 * LEFT - front - back, 0.0, GIVES), 3)
        thinner = gaussian_filter1d(lacking, 1.0, mode="nearest")
        shift = _shifted(lambda shift: sac(shift, thinner), every, heights)
    gap, name, z = _worst(sac(shift, thinner), near)
    if gap < LEAST:
        raise InputError(
            f"sac_ap, sac_width: the sac comes within {max(gap, 0.0):.2f} mm of {name}"
            f" at z = {z:.0f}; expected a smaller sac, a larger canal or less c1_rotation"
        )
    return shift, thinner


def _shifted(sac: Callable[[Array], Shifted], every: Array, heights: Array) -> Array:
    shift = np.zeros(len(heights))
    for _ in range(ROUNDS):
        front, back = _gaps(sac(shift), every, heights)
        # Walls slope: a step backwards opens a gap in front by about 0.7 of it.
        least, most = (WANTED - front) / 0.7, (back - WANTED) / 0.7
        tight = least > most
        step = np.where(tight, 0.5 * (least + most), np.clip(0.0, least, most))
        shift = shift + gaussian_filter1d(step, 1.0, mode="nearest")
    return shift


def _worst(sac: Shifted, near: Mapping[str, Array]) -> tuple[float, str, float]:
    """Return the smallest gap to a bone, mm, which one, and at which height."""
    found = (np.inf, "", 0.0)
    for name, points in near.items():
        depth = sac.depth(points)
        if len(depth) and -depth.max() < found[0]:
            found = (float(-depth.max()), name, float(points[depth.argmax(), 2]))
    return found


def _near(sac: Shifted, points: Array, heights: Array) -> Array:
    points = points[(points[:, 2] > heights[0] - STEP) & (points[:, 2] < heights[-1] + STEP)]
    return points[sac.depth(points) > -NEAR]


def _gaps(sac: Shifted, points: Array, heights: Array) -> tuple[Array, Array]:
    """Return the smallest gap to bone in front of the sac's middle and behind it, by height."""
    gap = -sac.depth(points)
    behind = points[:, 1] > sac.sac(points[:, 2])[0]
    front, back = np.full(len(heights), 50.0), np.full(len(heights), 50.0)
    for i, z in enumerate(heights):
        here = np.abs(points[:, 2] - z) < REACH
        front[i] = np.min(gap[here & ~behind], initial=50.0)
        back[i] = np.min(gap[here & behind], initial=50.0)
    return front, back
