"""What may have happened to the numbers of one touched point that does not fit the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from nav.core.frames import Array
from nav.registration.points import closed_form
from nav.registration.touched import TouchedPoints

AXES = "xyz"
SAME = 5.0  # standard deviations within which two positions are the same
POWERS = tuple(10.0**k for k in range(-7, 8) if k)  # a decimal point that was moved or lost
UNITS = (25.4, 1.0 / 25.4)


@dataclass(frozen=True)
class Slip:
    """What would explain a wrong point.

    Parameters
    ----------
    kind : {"repeated", "sign", "factor", "exchanged"}
        'repeated': it is where another fiducial was touched; 'sign' or 'factor' of the numbers of
        `axes`; 'exchanged': two axes.
    axes : str
        Of "x", "y", "z".
    label : str
        The other fiducial.
    factor : float
        By which the numbers are too large.
    got, expected : float
        The first of these numbers, mm.
    """

    kind: Literal["repeated", "sign", "factor", "exchanged"]
    axes: str = ""
    label: str = ""
    factor: float = 1.0
    got: float = 0.0
    expected: float = 0.0


def find_slip(points: TouchedPoints, wrong: int) -> tuple[float, Slip | None]:
    """Find out how far one point is off where the others have it, and why.

    Parameters
    ----------
    points : TouchedPoints
        All of them.
    wrong : int
        Index of the point.

    Returns
    -------
    distance : float
        In mm.
    slip : Slip or None
        None where nothing simple explains it.
    """
    kept = np.arange(len(points.labels)) != wrong
    model_from_reference = closed_form(points.model[kept], points.touched[kept])
    given = points.touched[wrong]
    expected = model_from_reference.inv().apply(points.model[wrong])
    near = SAME * float(1.0 / np.sqrt(points.weights.min()))
    for other in np.flatnonzero(kept):
        if np.linalg.norm(points.touched[other] - given) < near:
            return _distance(given, expected), Slip("repeated", label=points.labels[other])
    for slip, righted in _slips(given):
        if np.linalg.norm(righted - expected) < near:
            axis = AXES.index(slip.axes[0])
            found = Slip(
                slip.kind, slip.axes, "", slip.factor, float(given[axis]), float(expected[axis])
            )
            return _distance(given, expected), found
    return _distance(given, expected), None


def _distance(given: Array, expected: Array) -> float:
    return float(np.linalg.norm(given - expected))


def _slips(given: Array) -> Iterator[tuple[Slip, Array]]:
    """Yield each slip of the numbers with the numbers as they would be without it."""
    groups = [c for size in (1, 2, 3) for c in combinations(range(3), size)]
    for group in groups:
        axes = "".join(AXES[k] for k in group)
        righted = given.copy()
        righted[list(group)] *= -1.0
        yield Slip("sign", axes), righted
    for first, second in combinations(range(3), 2):
        righted = given.copy()
        righted[[first, second]] = given[[second, first]]
        yield Slip("exchanged", AXES[first] + AXES[second]), righted
    for group in groups:
        axes = "".join(AXES[k] for k in group)
        for factor in (*POWERS, *UNITS):
            righted = given.copy()
            righted[list(group)] /= factor
            yield Slip("factor", axes, factor=factor), righted
