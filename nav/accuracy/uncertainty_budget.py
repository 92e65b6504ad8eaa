"""What a measured position of the tip is worth: U = k u, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from nav.core.frames import Array

COVERAGE = 2.0  # k, of a normal distribution
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
    freedom : float
        Degrees of freedom of a measured one; infinite for a stated one.
    """

    source: str
    sd: float
    measured: bool
    freedom: float = float("inf")


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
    def freedom(self) -> float:
        """Effective degrees of freedom of u, by Welch and Satterthwaite; may be infinite."""
        spread = sum(part.sd**4 / part.freedom for part in self.contributions)
        return self.combined**4 / spread if spread > 0.0 else float("inf")

    @property
    def coverage(self) -> float:
        """Coverage factor k: of Student's distribution, as probable as 2 of a normal one."""
        if not np.isfinite(self.freedom):
            return COVERAGE
        return float(stats.t.isf(stats.norm.sf(COVERAGE), self.freedom))

    @property
    def expanded(self) -> float:
        """U = k u, mm per axis."""
        return self.coverage * self.combined

    def share(self, part: Contribution) -> float:
        """Return a contribution's part of the combined variance, 0 to 1."""
        return part.sd**2 / self.combined**2 if self.combined > 0.0 else 0.0


def uncertainty_budget(
    sds: Mapping[str, float], measured: Mapping[str, float], observed: float
) -> Budget:
    """Build the budget.

    Parameters
    ----------
    sds : mapping of str to float
        Standard uncertainty per axis by key of `SOURCES`, mm.
    measured : mapping of str to float
        Degrees of freedom of those that come from this day's samples.
    observed : float
        Rms error per axis that was found, mm.

    Returns
    -------
    Budget
        In the order of `SOURCES`.
    """
    parts = [
        Contribution(name, sds[name], name in measured, measured.get(name, float("inf")))
        for name in SOURCES
        if name in sds
    ]
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
