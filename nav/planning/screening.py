"""Screen thousands of paths: distances on the grid, errors to first order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nav.core.frames import Array
from nav.planning.field import walk_straight
from nav.planning.gap import Gap
from nav.planning.needle_deviation import Deviations
from nav.planning.obstacles import Obstacles, surface_sigma
from nav.planning.path_candidates import SearchSettings, Space, angles_of

ENOUGH = 8.0  # mm: further obstacles need no exact distance in the screening
HAND = 10.0  # mm of a needle that must stay outside
COARSE, FINE = 0.5, 0.25  # mm along the shaft
# terms of the cost besides the logarithm of the probability (chosen): ten degrees off lateral, or
# ten millimetres deeper, are worth a probability 1.26 or 1.12 times as small
LEAST_PROBABILITY = 1e-4
# relative to a touch: a tip outside of the dura, or on bone, is harmless, but has to be redone
PER_HINDRANCE = 0.2
PER_ANGLE = 0.1 / np.radians(10.0) ** 2
PER_DEPTH = 0.05 / 10.0


@dataclass(frozen=True, eq=False)
class Screened:
    """Paths with their first judgement.

    Parameters
    ----------
    entries, targets : ndarray, shape (n, 3)
        Model frame, mm.
    clearances, depths : ndarray, shape (n, obstacles)
        Wall to wall, and where along the shaft, mm.
    probability : ndarray, shape (n,)
        Of touching artery or cord, to first order.
    hindered : ndarray, shape (n,)
        Probability that the tip ends outside of the dura or the shaft meets bone, to first order.
    fits : ndarray of bool, shape (n,)
        Whether all limits are kept except those of probabilities.
    cost : ndarray, shape (n,)
        The lower the better.
    """

    entries: Array
    targets: Array
    clearances: Array
    depths: Array
    probability: Array
    hindered: Array
    fits: NDArray[np.bool_]
    cost: Array

    def reserves(self, limits: Array) -> Array:
        """Return the least reserve of each path, mm, shape (n,), given the limits (obstacles,)."""
        least: Array = (self.clearances - limits).min(axis=1)
        return least


@dataclass(frozen=True, eq=False)
class Judge:
    """Judge paths of one side to first order.

    Parameters
    ----------
    gap : Gap
        The gap between C1 and C2.
    space : Space
        Where a tip may end.
    obstacles : Obstacles
        With their distances.
    deviations : Deviations
        Errors of case and needle.
    settings : SearchSettings
        Angle, and length that is to be clear ahead of the tip.
    side : str
        "left" or "right".
    radius : float
        Of the needle, mm.
    """

    gap: Gap
    space: Space
    obstacles: Obstacles
    deviations: Deviations
    settings: SearchSettings
    side: str
    radius: float

    @property
    def deepest(self) -> float:
        """Largest depth that the needle reaches, mm; some of its length stays out for the hand."""
        return self.deviations.needle.length - HAND

    def screen(self, entries: Array, targets: Array, fine: bool = False) -> Screened:
        """Judge paths on the grid.

        Parameters
        ----------
        entries, targets : ndarray, shape (n, 3)
            Model frame, mm.
        fine : bool
            With finer steps along the shaft, near or far from obstacles.

        Returns
        -------
        Screened
            The paths in the same order.
        """
        ways = targets - entries
        lengths = np.linalg.norm(ways, axis=1)
        ends = targets + self.settings.ahead * ways / lengths[:, None]
        # of the placed needle, which may touch, and of the length ahead of it, which is to be clear
        least, depths = self._walk(entries, targets, fine)
        ahead, beyond = self._walk(targets, ends, fine)
        places = entries[:, None] + (depths / lengths[:, None])[..., None] * ways[:, None]
        probability = self._probability(least - self.radius, depths, lengths, places)
        hindered = self.hindered(targets, least - self.radius, depths, lengths, places)
        clearances = np.minimum(least, ahead) - self.radius
        depths = np.where(ahead < least, lengths[:, None] + beyond, depths)
        angles = angles_of(self.gap, self.side, entries, targets)
        fits = (
            (clearances >= self.obstacles.limits).all(axis=1)
            & (lengths <= self.deepest)
            & (np.hypot(*angles) <= self.settings.angle + 1e-9)
        )
        return Screened(
            entries, targets, clearances, depths, probability, hindered, fits,
            cost_of(probability, hindered, *angles, lengths),
        )  # fmt: skip

    def _walk(self, starts: Array, ends: Array, fine: bool) -> tuple[Array, Array]:
        """Return least distances of axes (n, obstacles), and where along them, mm."""
        box = self.obstacles.box
        return walk_straight(
            self.obstacles.stack,
            box.origin,
            box.spacing,
            np.ascontiguousarray(starts),
            np.ascontiguousarray(ends),
            1e9 if fine else ENOUGH,
            FINE if fine else COARSE,
        )

    def hindered(
        self,
        targets: Array,
        clearances: Array,
        depths: Array,
        lengths: Array,
        places: Array,
    ) -> Array:
        """Return the probability that a tip ends outside of the dura, or its shaft meets bone.

        To first order: surfaces are taken as planes, and probabilities are summed.

        Parameters
        ----------
        targets : ndarray, shape (n, 3)
            Model frame, mm.
        clearances, depths : ndarray, shape (n, obstacles)
            Wall to wall, and where along the shaft, mm.
        lengths : ndarray, shape (n,)
            Of the shafts, mm.
        places : ndarray, shape (n, obstacles, 3)
            Of the shaft that are nearest to each obstacle, model frame, mm.

        Returns
        -------
        ndarray, shape (n,)
            At most 1.
        """
        total = np.zeros(len(targets))
        factor = self.deviations.model.surface
        sac = self.obstacles.sac
        if sac is not None:
            spread = self.deviations.sd_across(lengths, lengths, self.gap.centre)
            total += ndtr(-sac.depths(targets) / np.hypot(spread, factor * sac.sigma))
        for s, obstacle in enumerate(self.obstacles.all):
            if obstacle.role != "bone":
                continue
            spread = self.deviations.sd_across(depths[:, s], lengths, self.gap.centre)
            own = surface_sigma(obstacle.structures[0], places[:, s])
            total += ndtr(-clearances[:, s] / np.hypot(spread, factor * own))
        return np.minimum(total, 1.0)

    def _probability(
        self, clearances: Array, depths: Array, lengths: Array, places: Array
    ) -> Array:
        """Return the probability of touching, as of plane walls, summed: not too small."""
        total = np.zeros(len(clearances))
        for s, obstacle in enumerate(self.obstacles.vital):
            spread = self.deviations.sd_across(depths[:, s], lengths, self.gap.centre)
            own = surface_sigma(obstacle.structures[0], places[:, s])
            surface = self.deviations.model.surface * own
            total += ndtr(-clearances[:, s] / np.hypot(spread, surface))
        return np.minimum(total, 1.0)


def cost_of(
    probability: Array, hindered: Array, cranial: Array, dorsal: Array, depth: Array
) -> Array:
    """Return what paths are ranked by, the lower the better: see docs/planning.md.

    Parameters
    ----------
    probability, hindered : array_like, shape (n,) or ()
        Of touching artery or cord, and of having to place the needle again.
    cranial, dorsal : ndarray, shape (n,) or ()
        Angles to the lateral direction, rad.
    depth : ndarray, shape (n,) or ()
        mm.

    Returns
    -------
    ndarray, shape (n,) or ()
        Cost of each path, without a unit.
    """
    cost: Array = (
        np.log10(np.asarray(probability) + PER_HINDRANCE * np.asarray(hindered) + LEAST_PROBABILITY)
        + PER_ANGLE * (cranial**2 + dorsal**2)
        + PER_DEPTH * depth
    )
    return cost
