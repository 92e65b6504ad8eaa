"""Find the mistakes that would explain touched points that do not fit, by trying each kind."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb, log
from typing import Literal

import numpy as np
from scipy.special import chdtrc

from nav.core.frames import Array
from nav.registration.correspondence import correspondences, rigid_misfits
from nav.registration.slips import Slip, find_slip
from nav.registration.touched import TouchedPoints

Kind = Literal["unit", "mirrored", "scale", "labels", "turned", "point", "points", "moved"]
# touched times factor is mm, or the case's unit: any two of micrometre, mm, cm, dm, m, inch
LARGER = (2.54, 10.0, 25.4, 39.37, 100.0, 254.0, 1000.0, 25400.0, 1e6)
FACTORS = (*LARGER, *(1.0 / factor for factor in LARGER))
NEAR_FACTOR = 0.1  # relative: a ratio of sizes so near to a factor makes it worth trying
MOST_LEFT = 4.0  # chi-square per degree of freedom: touches twice as uncertain as declared
DECISIVE = 12.0  # by which minus twice the log of the posterior must differ: odds of 400 to 1
EXPECTED = 0.05  # a probability of the residuals above which there is nothing to explain
MOST_SCALE = 1.25  # and its inverse: what is further off is another unit
MOST_TURNED = 12  # points of which every subset is tried
MOST_SEARCHED = 40  # points, and fiducials, up to which labels and pairs are tried: bounds the time
COPIED = 1e-4  # mm: no touch is so near to the case's own numbers
NEGATED = np.array([-1.0, -1.0, 1.0])  # RAS to LPS and back


@dataclass(frozen=True)
class Explanation:
    """A mistake whose correction makes the touched points fit.

    Parameters
    ----------
    kind : str
        Of mistake.
    chi2, freedom : float and int
        Of the points once it is corrected.
    penalty : float
        For parameters and the number of alternatives, on the scale of chi2.
    fre : float
        Rms, mm, once it is corrected.
    labels : tuple of str
        The points that it concerns.
    others : tuple of str
        What each of them is, for wrong labels.
    factor : float
        Touched points times this are millimetres.
    scale, scale_sd : float
        Model size by touched size, and its standard deviation.
    distance : float
        How far a wrong point is off, mm.
    slip : Slip, optional
        What happened to its numbers.
    """

    kind: Kind
    chi2: float
    freedom: int
    penalty: float
    fre: float
    labels: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    factor: float = 1.0
    scale: float = 1.0
    scale_sd: float = 0.0
    distance: float = 0.0
    slip: Slip | None = None


def find_explanations(
    points: TouchedPoints, labels: tuple[str, ...], positions: Array
) -> tuple[Explanation, ...]:
    """Find the mistakes that explain touched points decisively better than none.

    Each kind is fitted in closed form; an explanation counts when the points then fit (chi-square
    per degree of freedom at most `MOST_LEFT`), and when its chi-square with a penalty for its
    parameters (Schwarz's criterion [1]_) and for the number of its kind is smaller by `DECISIVE`.

    Parameters
    ----------
    points : TouchedPoints
        All touched points, check points too.
    labels : tuple of str
        Of all fiducials of the case.
    positions : ndarray, shape (m, 3)
        Theirs, model frame, mm.

    Returns
    -------
    tuple of Explanation
        Best first; several where they explain the points equally well.

    References
    ----------
    .. [1] Schwarz, Annals of Statistics 6(2), 1978.
    """
    count = len(points.labels)
    proper, _ = rigid_misfits(points.model[None], points.touched[None], points.weights)
    null = float(proper[0])
    if chdtrc(3 * count - 6, null) > EXPECTED:
        return ()
    tried = [
        found
        for factor in _factors(points)
        for found in _with_factor(points, factor, labels, positions)
    ]
    fitting = [e for e in tried if e.freedom > 0 and e.chi2 <= MOST_LEFT * e.freedom]
    if not fitting:
        return ()
    best = min(fitting, key=lambda e: e.chi2 + e.penalty)
    # where even the best leaves more than was declared, all differences count less
    inflated = max(1.0, min(null / max(3 * count - 6, 1), best.chi2 / best.freedom))
    score = {id(e): e.chi2 / inflated + e.penalty for e in fitting}
    limit = min(
        min(score.values()) + DECISIVE, null / inflated - DECISIVE
    )  # decisively better than no mistake, and not decisively worse than the best
    chosen = sorted((e for e in fitting if score[id(e)] <= limit), key=lambda e: score[id(e)])
    simple = [e for e in chosen if not any(_generalises(e, other) for other in chosen)]
    return tuple(_detailed(points, e) for e in simple)


def is_copied(points: TouchedPoints) -> bool:
    """Return whether the touched points are the case's own numbers.

    Parameters
    ----------
    points : TouchedPoints
        All of them.

    Returns
    -------
    bool
        True also for their RAS.
    """
    given = (points.touched, points.touched * NEGATED)
    return any(bool(np.abs(own - points.model).max() < COPIED) for own in given)


def _generalises(general: Explanation, special: Explanation) -> bool:
    """Return whether the special one is the general one with fewer numbers free."""
    if general is special or special.factor != general.factor:
        return False
    if special.kind == "unit":
        return general.kind != "unit"
    inside = set(special.labels) <= set(general.labels)
    return bool(special.labels) and inside and special.freedom > general.freedom


def _factors(points: TouchedPoints) -> list[float]:
    """Return factors by which the touched points may be off, 1 first."""
    centred = [p - np.median(p, axis=0) for p in (points.model, points.touched)]
    ratios = [np.sqrt((centred[0] ** 2).sum() / max((centred[1] ** 2).sum(), 1e-300))]
    first, second = np.triu_indices(len(points.labels), 1)
    apart = [np.linalg.norm(p[first] - p[second], axis=1) for p in (points.model, points.touched)]
    ratios.append(np.median(apart[0] / np.maximum(apart[1], 1e-300)))
    near = [f for f in FACTORS if any(abs(ratio / f - 1.0) < NEAR_FACTOR for ratio in ratios)]
    return [1.0, *near]


def _with_factor(
    points: TouchedPoints, factor: float, labels: tuple[str, ...], positions: Array
) -> Iterator[Explanation]:
    """Try every kind of mistake, in points that are first multiplied by a factor."""
    scaled = replace(points, touched=points.touched * factor)
    extra = 0.0 if factor == 1.0 else 2.0 * log(len(FACTORS))
    found = [*_wholes(scaled), *_wrong_labels(scaled, labels, positions), *_turned(scaled)]
    found += [*_left_out(scaled, 1), *_left_out(scaled, 2), *_moved(scaled)]
    for explanation in found:
        if explanation.kind != "unit" or factor != 1.0:
            yield replace(explanation, factor=factor, penalty=explanation.penalty + extra)


def _wholes(points: TouchedPoints) -> Iterator[Explanation]:
    """Try no mistake, a mirror image, and another scale."""
    count, weights = len(points.labels), points.weights
    freedom = 3 * count - 6
    proper, improper = rigid_misfits(points.model[None], points.touched[None], weights)
    yield _explanation("unit", points, float(proper[0]), freedom, 0.0)
    if count >= 4:
        yield _explanation("mirrored", points, float(improper[0]), freedom, 2.0 * log(2.0))
    share = weights / weights.sum()
    sizes = [
        float(weights @ ((p - share @ p) ** 2).sum(axis=1)) for p in (points.model, points.touched)
    ]
    along = (sizes[0] + sizes[1] - float(proper[0])) / 2.0
    if not sizes[1] / MOST_SCALE < along < sizes[1] * MOST_SCALE:
        return  # also where all were touched at one place
    scale = along / sizes[1]
    left = max(sizes[0] - along * scale, 0.0)
    yield replace(
        _explanation("scale", points, left, freedom - 1, log(3.0 * count)),
        scale=scale,
        scale_sd=float(1.0 / np.sqrt(sizes[1])),
    )


def _wrong_labels(
    points: TouchedPoints, labels: tuple[str, ...], positions: Array
) -> Iterator[Explanation]:
    count = len(points.labels)
    freedom = 3 * count - 6
    if len(labels) > MOST_SEARCHED:
        return
    found, _ = correspondences(positions, points.touched, points.weights, MOST_LEFT * freedom)
    for candidate in found:
        named = [labels[k] for k in candidate.indices]
        wrong = [k for k in range(count) if named[k] != points.labels[k]]
        if not wrong:
            continue
        ways = log(comb(count, len(wrong))) + len(wrong) * log(len(labels))
        yield replace(
            _explanation("labels", points, candidate.misfit, freedom, 2.0 * ways),
            labels=tuple(points.labels[k] for k in wrong),
            others=tuple(named[k] for k in wrong),
        )


def _turned(points: TouchedPoints) -> Iterator[Explanation]:
    """Try some of the points with x and y negated, as RAS is of LPS."""
    count = len(points.labels)
    if not 4 <= count <= MOST_TURNED:
        return
    # one of a set and its complement: the same relative to each other
    which = [
        subset
        for size in range(1, count // 2 + 1)
        for subset in combinations(range(count), size)
        if 2 * size < count or 0 in subset
    ]
    signs = np.ones((len(which), count, 3))
    for k, subset in enumerate(which):
        signs[k, list(subset)] = NEGATED
    sources = np.broadcast_to(points.model, signs.shape)
    misfits, _ = rigid_misfits(sources, signs * points.touched, points.weights)
    for k in np.argsort(misfits)[:3]:
        subset = which[k]
        ways = 2.0 * log(comb(count, len(subset)))
        yield replace(
            _explanation("turned", points, float(misfits[k]), 3 * count - 6, ways),
            labels=tuple(points.labels[j] for j in subset),
        )


def _left_out(points: TouchedPoints, size: int) -> Iterator[Explanation]:
    """Try one or two points that fit nowhere."""
    count = len(points.labels)
    if count - size < 3 or (size > 1 and count > MOST_SEARCHED):
        return
    for subset in combinations(range(count), size):
        kept = np.setdiff1d(np.arange(count), subset)
        misfit, _ = rigid_misfits(
            points.model[kept][None], points.touched[kept][None], points.weights[kept]
        )
        cost = 3.0 * size * log(3.0 * count) + 2.0 * log(comb(count, size))
        freedom = 3 * (count - size) - 6
        kind: Kind = "point" if size == 1 else "points"
        yield replace(
            _explanation(kind, points, float(misfit[0]), freedom, cost, len(kept)),
            labels=tuple(points.labels[k] for k in subset),
        )


def _moved(points: TouchedPoints) -> Iterator[Explanation]:
    """Try two poses: the reference body was knocked after some of the touches."""
    count = len(points.labels)
    for first in range(3, count - 2):
        parts = [slice(None, first), slice(first, None)]
        misfit = sum(
            float(
                rigid_misfits(
                    points.model[part][None], points.touched[part][None], points.weights[part]
                )[0][0]
            )
            for part in parts
        )
        cost = 6.0 * log(3.0 * count) + 2.0 * log(count)
        yield replace(
            _explanation("moved", points, misfit, 3 * count - 12, cost),
            labels=points.labels[first:],
        )


def _explanation(
    kind: Kind,
    points: TouchedPoints,
    chi2: float,
    freedom: int,
    penalty: float,
    count: int | None = None,
) -> Explanation:
    mean = chi2 / (len(points.labels) if count is None else count)
    fre = float(np.sqrt(mean / points.weights.mean()))
    return Explanation(kind, chi2, freedom, penalty, fre)


def _detailed(points: TouchedPoints, found: Explanation) -> Explanation:
    """Add to a single wrong point how far it is off and what may have happened to its numbers."""
    if found.kind != "point":
        return found
    scaled = replace(points, touched=points.touched * found.factor)
    wrong = points.labels.index(found.labels[0])
    distance, slip = find_slip(scaled, wrong)
    return replace(found, distance=distance, slip=slip)
