"""Gauge repeatability and reproducibility: how much of what is seen is the measuring itself."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from nav.core.errors import InputError

POOLED = 0.25  # significance above which operators and parts are taken not to interact
GOOD, CONDITIONAL = 10.0, 30.0  # percent of the tolerance
LEAST_CATEGORIES = 5
ROUNDING = 1e-12  # relative: repeats that differ by less are the same number
DISTINCT = np.sqrt(2.0)  # ratio of part to gauge variation that separates two categories


@dataclass(frozen=True)
class VarianceSource:
    """A row of the analysis of variance.

    Parameters
    ----------
    name : str
        "operator", "part", "interaction" or "repeatability".
    freedom : int
        Degrees of freedom.
    squares : float
        Sum of squares.
    """

    name: str
    freedom: int
    squares: float

    @property
    def mean(self) -> float:
        """Mean square."""
        return self.squares / self.freedom


@dataclass(frozen=True)
class GaugeStudy:
    """Components of variance of a crossed study: operators measure parts several times.

    Parameters
    ----------
    repeatability, operator, interaction, part : float
        Standard deviations, in the unit of the measurements.
    interaction_probability : float
        Of an interaction as large as this where there is none; pooled into repeatability above
        `POOLED`.
    tolerance : float or None
        Width that is allowed, same unit.
    sources : tuple of VarianceSource
        The analysis of variance, before anything is pooled.
    """

    repeatability: float
    operator: float
    interaction: float
    part: float
    interaction_probability: float
    tolerance: float | None = None
    sources: tuple[VarianceSource, ...] = ()

    @property
    def reproducibility(self) -> float:
        """Standard deviation between operators, with their interaction with parts."""
        return float(np.hypot(self.operator, self.interaction))

    @property
    def gauge(self) -> float:
        """Standard deviation of repeatability and reproducibility together."""
        return float(np.hypot(self.repeatability, self.reproducibility))

    @property
    def total(self) -> float:
        """Standard deviation of everything."""
        return float(np.hypot(self.gauge, self.part))

    @property
    def percent_of_variation(self) -> float:
        """%GRR of the total variation."""
        return 100.0 * self.gauge / self.total if self.total > 0.0 else 0.0

    @property
    def percent_of_tolerance(self) -> float | None:
        """Six standard deviations of the gauge, percent of the tolerance; None without one."""
        return None if self.tolerance is None else 600.0 * self.gauge / self.tolerance

    @property
    def categories(self) -> int:
        """Number of distinct categories (ndc)."""
        return max(1, int(DISTINCT * self.part / self.gauge))

    @property
    def word(self) -> Literal["good", "conditional", "not acceptable"]:
        """The verdict, by the tolerance where there is one, by the variation otherwise."""
        given = self.percent_of_tolerance
        percent = self.percent_of_variation if given is None else given
        if percent < GOOD:
            return "good"
        return "conditional" if percent <= CONDITIONAL else "not acceptable"


def gauge_study(measurements: ArrayLike, tolerance: float | None = None) -> GaugeStudy:
    """Estimate the components of variance by analysis of variance [1]_.

    Parameters
    ----------
    measurements : array_like, shape (operators, parts, repeats)
        Every operator measures every part equally often.
    tolerance : float, optional
        Width that is allowed, same unit.

    Returns
    -------
    GaugeStudy

    Raises
    ------
    InputError
        Fewer than two operators, parts or repeats; numbers that are not finite; repeats that are
        all identical; no tolerance above 0.

    References
    ----------
    .. [1] Burdick, Borror and Montgomery, Design and Analysis of Gauge R&R Studies, 2005, ch. 3.
    """
    x = np.asarray(measurements, float)
    if x.ndim != 3 or min(x.shape, default=0) < 2:
        raise InputError(
            "gauge study: expected (operators, parts, repeats), two of each at least, got "
            f"{x.shape}"
        )
    if not np.isfinite(x).all():
        raise InputError("gauge study: a number is not finite")
    if tolerance is not None and not 0.0 < tolerance < np.inf:
        raise InputError(f"gauge study: tolerance: expected a number above 0, got {tolerance:g}")
    operators, parts, repeats = x.shape
    grand, cells = x.mean(), x.mean(axis=2)
    by_operator, by_part = x.mean(axis=(1, 2)), x.mean(axis=(0, 2))
    crossed = cells - by_operator[:, None] - by_part[None, :] + grand
    free = {
        "operator": operators - 1,
        "part": parts - 1,
        "crossed": (operators - 1) * (parts - 1),
        "error": operators * parts * (repeats - 1),
    }
    squares = {
        "operator": parts * repeats * ((by_operator - grand) ** 2).sum(),
        "part": operators * repeats * ((by_part - grand) ** 2).sum(),
        "crossed": repeats * (crossed**2).sum(),
        "error": ((x - cells[:, :, None]) ** 2).sum(),
    }
    mean = {name: squares[name] / free[name] for name in squares}
    if mean["error"] <= (ROUNDING * float(np.abs(x).max())) ** 2:
        raise InputError(
            "gauge study: all repeats are identical; measure each part anew, and give the values "
            "with more digits"
        )
    ratio = mean["crossed"] / mean["error"]
    probability = float(stats.f.sf(ratio, free["crossed"], free["error"]))
    if probability > POOLED:
        error = (squares["crossed"] + squares["error"]) / (free["crossed"] + free["error"])
        against, interaction = error, 0.0
    else:
        error, against = mean["error"], mean["crossed"]
        interaction = max(0.0, (mean["crossed"] - mean["error"]) / repeats)
    operator = max(0.0, (mean["operator"] - against) / (parts * repeats))
    part = max(0.0, (mean["part"] - against) / (operators * repeats))
    sds = [float(np.sqrt(variance)) for variance in (error, operator, interaction, part)]
    names = {"crossed": "interaction", "error": "repeatability"}
    sources = tuple(
        VarianceSource(names.get(name, name), free[name], float(squares[name])) for name in free
    )
    return GaugeStudy(sds[0], sds[1], sds[2], sds[3], probability, tolerance, sources)
