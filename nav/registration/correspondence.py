"""Which touched point is which fiducial: the assignments that fit, and the best wrong one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nav.core.frames import Array

Indices = NDArray[np.intp]
MOST_PARTIAL = 20_000  # partial assignments kept at a time: bounds the time for large layouts
MOST_FITS, FEWER = 1_000_000, 100  # after so many fits, so many are kept: for layouts all alike
CHUNK = 50_000  # fits at a time: bounds the memory


@dataclass(frozen=True)
class Correspondence:
    """An assignment of touched points to fiducials.

    Parameters
    ----------
    indices : ndarray, shape (n,), int
        The fiducial of each touched point.
    misfit : float
        Weighted sum of squared residuals of the best rigid transform.
    """

    indices: Indices
    misfit: float


@dataclass(frozen=True)
class Confusion:
    """The wrong correspondence that fits best.

    Parameters
    ----------
    fre : float
        Rms, mm, of points touched without error.
    indices : ndarray, shape (n,), int
        Which fiducial each is mistaken for.
    complete : bool
        Whether every assignment was tried; otherwise a smaller FRE may exist.
    """

    fre: float
    indices: Indices
    complete: bool


def rigid_misfits(to_points: Array, from_points: Array, weights: Array) -> tuple[Array, Array]:
    """Fit proper and improper rigid transforms to many sets of paired points in closed form.

    Weighted least squares by singular value decomposition [1]_; the improper one holds a
    reflection [2]_.

    Parameters
    ----------
    to_points, from_points : array, shape (count, n, 3)
        mm.
    weights : array, shape (n,)
        Inverse variances, mm^-2.

    Returns
    -------
    proper, improper : array, shape (count,)
        Weighted sums of squared residuals.

    References
    ----------
    .. [1] Arun et al., IEEE PAMI 9(5), 1987.  .. [2] Umeyama, PAMI 13(4), 1991.
    """
    share = weights / weights.sum()
    to_mean = np.einsum("n,bni->bi", share, to_points)[:, None, :]
    from_mean = np.einsum("n,bni->bi", share, from_points)[:, None, :]
    to_centred, from_centred = to_points - to_mean, from_points - from_mean
    size = np.einsum("n,bni->b", weights, to_centred**2 + from_centred**2)
    cross = np.einsum("n,bni,bnj->bij", weights, to_centred, from_centred)
    singular = np.linalg.svd(cross, compute_uv=False)
    # of the determinant; LAPACK's warns where a matrix is exactly singular
    volume = np.einsum("bi,bi->b", np.cross(cross[:, 0], cross[:, 1]), cross[:, 2])
    handed = np.where(volume < 0.0, -1.0, 1.0)
    first = singular[:, 0] + singular[:, 1]
    proper = size - 2.0 * (first + handed * singular[:, 2])
    improper = size - 2.0 * (first - handed * singular[:, 2])
    return np.maximum(proper, 0.0), np.maximum(improper, 0.0)


def correspondences(
    fiducials: ArrayLike, touched: ArrayLike, weights: ArrayLike, most: float
) -> tuple[list[Correspondence], bool]:
    """Find every assignment of touched points to different fiducials that a rigid transform fits.

    Branch and bound: the misfit of a part of the points never exceeds that of all.

    Parameters
    ----------
    fiducials : array_like, shape (m, 3)
        m >= n; mm.
    touched : array_like, shape (n, 3)
        n >= 3; mm.
    weights : array_like, shape (n,)
        Inverse variances of the touched points, mm^-2.
    most : float
        Largest weighted sum of squared residuals.

    Returns
    -------
    found : list of Correspondence
        Best first.
    complete : bool
        False where so many partial assignments fitted that the worst were left out.
    """
    model, points = np.asarray(fiducials, float), np.asarray(touched, float)
    weight = np.asarray(weights, float)
    order = _spread_order(points)
    partial = np.arange(len(model), dtype=np.intp)[:, None]
    misfits, complete, fits = np.zeros(len(model)), True, 0
    for depth in range(2, len(points) + 1):
        fits += len(partial) * len(model)
        kept = MOST_PARTIAL if fits < MOST_FITS else FEWER
        partial, misfits = _extended(partial, model, points, weight, order[:depth], most)
        if len(partial) > kept:
            best = np.argpartition(misfits, kept)[:kept]
            partial, misfits, complete = partial[best], misfits[best], False
    place = np.argsort(order)
    ranked = np.argsort(misfits, kind="stable")
    found = [Correspondence(partial[k][place], float(misfits[k])) for k in ranked]
    return found, complete


def smallest_confusion(
    fiducials: ArrayLike, count: int | None = None, most: float = 15.0
) -> Confusion | None:
    """Return the wrong correspondence with the smallest FRE, for points touched without error.

    Parameters
    ----------
    fiducials : array_like, shape (m, 3)
        All that a touched point may be taken for, mm.
    count : int, optional
        The first `count` are touched; all by default.
    most : float
        FRE that is searched up to, mm.

    Returns
    -------
    Confusion or None
        None where every wrong correspondence has a larger FRE than `most`.
    """
    model = np.asarray(fiducials, float)
    touched = model[:count]
    right, limit, complete = np.arange(len(touched)), 1.0, True
    # a tight limit is quick: loosen it until a wrong one is found
    while True:
        limit = min(limit, most)
        found, whole = correspondences(
            model, touched, np.ones(len(touched)), len(touched) * limit**2
        )
        complete = complete and whole
        for candidate in found:
            if not np.array_equal(candidate.indices, right):
                fre = float(np.sqrt(candidate.misfit / len(touched)))
                return Confusion(fre, candidate.indices, complete)
        if limit >= most:
            return None
        limit *= 1.6


def _extended(
    partial: Indices, model: Array, points: Array, weights: Array, order: Indices, most: float
) -> tuple[Indices, Array]:
    """Extend every partial assignment by one more fiducial; return those that fit."""
    kept, misfits = [], []
    rows = max(1, CHUNK // len(model))
    for start in range(0, len(partial), rows):
        block = partial[start : start + rows]
        longer = np.concatenate(
            [
                np.repeat(block, len(model), axis=0),
                np.tile(np.arange(len(model), dtype=np.intp), len(block))[:, None],
            ],
            axis=1,
        )
        longer = longer[(longer[:, :-1] != longer[:, -1:]).all(axis=1)]
        if len(longer) == 0:
            continue
        sources = np.broadcast_to(points[order], (len(longer), len(order), 3))
        misfit, _ = rigid_misfits(model[longer], sources, weights[order])
        fits = misfit <= most
        kept.append(longer[fits])
        misfits.append(misfit[fits])
    if not kept:
        return np.zeros((0, len(order)), np.intp), np.zeros(0)
    return np.concatenate(kept), np.concatenate(misfits)


def _spread_order(points: Array) -> Indices:
    """Order points so that the first ones determine most: each farthest from those before."""
    order = [int(np.argmax(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    nearest = np.linalg.norm(points - points[order[0]], axis=1)
    while len(order) < len(points):
        order.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[order[-1]], axis=1))
        nearest[order] = -1.0
    return np.array(order, np.intp)
