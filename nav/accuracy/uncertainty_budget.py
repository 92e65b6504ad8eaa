"""What a measured position of the tip is worth: U = k u, and what it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nav.core.frames import Array

COVERAGE = 2.0  # k
SOURCES = {
    "random": "tracking and seating, random: touches of one divot",
    "rig": "cameras and marker bodies, systematic: as tracking states it",
    "tip": "the tip's place on the needle: as its calibration states it",
    "print": "places of the block's divots: as printed",
    "location": "location of the block by its touches",
    "temperature": "the block's expansion by temperature",
}


@dataclass(frozen=True)
class Contribution:
    """One source of uncertainty.

    Parameters
    ----------
    source : str
        Key of `SOURCES`.
    sd : float
        Standard uncertainty u_i, mm per axis.
    measured : bool
        By statistics of this day's samples (type A), or stated (type B).
    """

    source: str
    sd: float
    measured: bool


@dataclass(frozen=True)
class Budget:
    """Uncertainty of the position of the tip against the block, per axis.

    Parameters
    ----------
    contributions : tuple of Contribution
        Independent of each other.
    observed : float
        Rms error per axis that was found, for comparison, mm.
    """

    contributions: tuple[Contribution, ...]
    observed: float

    @property
    def combined(self) -> float:
        """Combined standard uncertainty u, mm per axis."""
        return float(np.sqrt(sum(part.sd**2 for part in self.contributions)))

    @property
    def expanded(self) -> float:
        """U = k u, mm per axis."""
        return COVERAGE * self.combined

    def share(self, part: Contribution) -> float:
        """Return a contribution's part of the combined variance, 0 to 1."""
        return part.sd**2 / self.combined**2 if self.combined > 0.0 else 0.0


def uncertainty_budget(
    sds: Mapping[str, float], measured: Sequence[str], observed: float
) -> Budget:
    """Build the budget.

    Parameters
    ----------
    sds : mapping of str to float
        Standard uncertainty per axis by key of `SOURCES`, mm.
    measured : sequence of str
        Those that come from this day's samples.
    observed : float
        Rms error per axis that was found, mm.

    Returns
    -------
    Budget
        In the order of `SOURCES`.
    """
    parts = [Contribution(name, sds[name], name in measured) for name in SOURCES if name in sds]
    return Budget(tuple(parts), observed)


def expansion_sd(nominal: Array, expansion: float, change: float) -> float:
    """Return the uncertainty that a temperature not known better than +-change causes.

    Parameters
    ----------
    nominal : ndarray, shape (n, 3)
        Divots, mm.
    expansion : float
        Coefficient of linear expansion, 1/K.
    change : float
        Half width of the temperature's interval, K; all values in it are alike.

    Returns
    -------
    float
        Per axis, mm, rms over the divots.
    """
    off = nominal - nominal.mean(axis=0)
    return float(expansion * change / np.sqrt(3.0) * np.sqrt((off**2).mean()))
