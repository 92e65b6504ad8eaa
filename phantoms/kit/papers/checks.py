"""Checks of a print: lengths for a caliper, and errors to expect at divots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from phantoms.anatomy.anatomy_files import SIGMA
from phantoms.anatomy.mesh import Array
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.kit_layout import Divot

SHORTEST, LONGEST = 45.0, 148.0  # mm: long enough to show a scale error; what a caliper spans
LEAN = 42.0  # degrees that a caliper's point may lean in a cone of 90
PER_PART, ACROSS = 3, 5  # how many lengths within each part, and between parts
FLE = 0.25  # mm, one sd per axis, that a divot is touched with by hand
PRINT_SIGMA = SIGMA["bone"]
OUTLIER = 2.5  # times the expected error: a divot is then touched again


@dataclass(frozen=True)
class Length:
    """A distance from one divot's apex to another's.

    Attributes
    ----------
    first, second : str
        Labels of the divots.
    holder : str
        The part that holds both, "" where they are on two.
    length : float
        mm.
    """

    first: str
    second: str
    holder: str
    length: float


def lengths(divots: Sequence[Divot]) -> tuple[Length, ...]:
    """Choose lengths to measure: the longest within each part, then the longest between parts.

    Only those whose two apexes a caliper's points reach. Each divot is an end of at most two of
    them, so that one bad divot can be told from a bad scale.

    Parameters
    ----------
    divots : sequence of Divot
        Of the frame, model frame, mm.

    Returns
    -------
    tuple of Length
        At most PER_PART for each part and ACROSS between parts.
    """
    pairs = [
        Length(a.label, b.label, a.holder if a.holder == b.holder else "", _apart(a, b))
        for a, b in combinations(divots, 2)
        if _reached_together(a, b)
    ]
    pairs = [p for p in pairs if SHORTEST <= p.length <= LONGEST]
    pairs.sort(key=lambda p: -p.length)
    holders = sorted({p.holder for p in pairs if p.holder})
    chosen: list[Length] = []
    for holder in (*holders, ""):
        most = PER_PART if holder else ACROSS
        used: dict[str, int] = {}
        for pair in (p for p in pairs if p.holder == holder):
            ends = (pair.first, pair.second)
            if most and all(used.get(end, 0) < 2 for end in ends):
                chosen.append(pair)
                most -= 1
                used |= {end: used.get(end, 0) + 1 for end in ends}
    return tuple(chosen)


def _reached_together(a: Divot, b: Divot) -> bool:
    """Return whether parallel points, perpendicular to the apexes' line, fit into both cones."""
    line = np.subtract(b.apex, a.apex)
    line /= np.linalg.norm(line)
    axes = np.array([a.axis, b.axis])
    way = axes.sum(axis=0)
    way -= (way @ line) * line
    size = float(np.linalg.norm(way))
    return size > 0.0 and bool((axes @ way / size >= np.cos(np.radians(LEAN))).all())


def _apart(a: Divot, b: Divot) -> float:
    return float(np.linalg.norm(np.subtract(a.apex, b.apex)))


def predicted_tre(fiducials: Array, point: Array, fle: float = FLE) -> float:
    """Predict the rms target registration error at a point [1]_.

    Parameters
    ----------
    fiducials : ndarray, shape (n, 3)
        mm.
    point : ndarray, shape (3,)
        In the same frame, mm.
    fle : float, optional
        One standard deviation per axis of each fiducial, mm.

    Returns
    -------
    float
        Rms length of the error, mm.

    References
    ----------
    .. [1] Fitzpatrick, West and Maurer, IEEE TMI 17(5), 1998.
    """
    centred = fiducials - fiducials.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    along, aim = centred @ axes.T, (point - fiducials.mean(axis=0)) @ axes.T
    square, aim_square = along**2, aim**2
    # Squared distances from each principal axis: of the fiducials, their mean; of the point.
    spread = square.mean(axis=0).sum() - square.mean(axis=0)
    lever = aim_square.sum() - aim_square
    return float(fle * np.sqrt(3.0 / len(fiducials) * (1.0 + (lever / spread).mean())))


@dataclass(frozen=True)
class ExpectedError:
    """Error to expect at a point.

    Attributes
    ----------
    label : str
        Of the point.
    tre : float
        Rms target registration error, mm.
    seen : float
        What is seen when it is touched: with the touch's error and the print's, mm.
    """

    label: str
    tre: float
    seen: float


@dataclass(frozen=True)
class ExpectedErrors:
    """Errors to expect of a registration by hand.

    Attributes
    ----------
    registered : tuple of str
        Labels of the divots that are touched.
    target : ExpectedError
        At the first plan's target.
    checks : tuple of ExpectedError
        At the check divots.
    fre : float
        Rms fiducial registration error, mm.
    outlier : float
        Error at a check divot that is not to be expected, mm.
    fle : float
        What each divot is touched with, one sd per axis, mm.
    """

    registered: tuple[str, ...]
    target: ExpectedError
    checks: tuple[ExpectedError, ...]
    fre: float
    outlier: float
    fle: float = FLE


def expected_errors(anatomy: Anatomy) -> ExpectedErrors:
    """Predict the errors of registering a phantom by its divots.

    Parameters
    ----------
    anatomy : Anatomy
        The phantom's case, with fiducials and plans.

    Returns
    -------
    ExpectedErrors
        For divots touched with FLE.
    """
    registered = [f for f in anatomy.fiducials if f.use == "register"]
    fiducials = np.array([f.position for f in registered])

    def error(label: str, point: Sequence[float]) -> ExpectedError:
        tre = predicted_tre(fiducials, np.asarray(point, float))
        return ExpectedError(label, tre, float(np.sqrt(tre**2 + 3 * FLE**2 + PRINT_SIGMA**2)))

    checks = tuple(error(f.label, f.position) for f in anatomy.fiducials if f.use == "check")
    return ExpectedErrors(
        registered=tuple(f.label for f in registered),
        target=error(anatomy.plans[0].name, anatomy.plans[0].target),
        checks=checks,
        fre=float(FLE * np.sqrt(3 * (1 - 2 / len(fiducials)))),
        outlier=OUTLIER * max((check.seen for check in checks), default=1.0),
    )
