"""Leave-one-out cross-validation: how well a fit predicts instants that it does not contain.

For every instant the unknowns that all instants share (lenses, poses of cameras, bow) are estimated
without it, by one Gauss-Newton step from the fit of all; the board's pose at that instant is free,
as it is in use. In a linear problem that is exact: the residuals of a deleted block of rows follow
from the normal matrix without it (Cook and Weisberg 1982, chapter 3.8). A distortion parameter that
the images do not determine predicts badly, however well it fits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from calibration.cameras.bundle import HUBER, Bundle, Fit, Linearised, inverse_of
from calibration.cameras.rig_setup import prior_of
from nav.core.frames import Array

POSE = 6  # parameters of a board's pose


@dataclass(frozen=True)
class Reduced:
    """One instant's equations with the board's pose eliminated, whitened.

    Attributes
    ----------
    rows : ndarray, shape (m, s)
        By the shared unknowns.
    right : ndarray, shape (m,)
        Residuals.
    weight : ndarray, shape (m,)
        See `Linearised`.
    parts : tuple of Linearised
        The sightings in the order of the rows.
    """

    rows: Array
    right: Array
    weight: Array
    parts: tuple[Linearised, ...]


@dataclass(frozen=True)
class HeldOut:
    """Residuals of instants that did not contribute to the fit.

    Attributes
    ----------
    losses : ndarray, shape (instants,)
        Huber's loss of whitened residuals.
    rms : ndarray, shape (cameras,)
        Px per axis.
    inflation : float
        Factor by which the covariance of the shared unknowns is too small, as instants differ from
        each other by more than the errors of their corners explain (a cluster-robust variance,
        Liang and Zeger 1986, as one factor).
    """

    losses: Array
    rms: Array
    inflation: float


def reduce_poses(
    bundle: Bundle, fit: Fit, more: Mapping[int, Array] | None = None
) -> dict[int, Reduced]:
    """Eliminate the board's pose from every instant's equations.

    Parameters
    ----------
    bundle : Bundle
        All sightings.
    fit : Fit
        Their fit.
    more : mapping of int to ndarray, shape (m, k), optional
        Further columns by instant, whitened and weighted as the rows are; appended to the shared
        ones.

    Returns
    -------
    dict of int to Reduced
        By instant.
    """
    shared = fit.unknowns.bow.stop
    of: dict[int, list[Linearised]] = {}
    for part in bundle.linearised(fit):
        of.setdefault(part.sighting.instant, []).append(part)
    result = {}
    for instant, parts in of.items():
        board = fit.unknowns.board[instant]
        rows = np.zeros((sum(len(p.right) for p in parts), shared + POSE))
        start = 0
        for part in parts:
            at = np.where(part.places < shared, part.places, part.places - board.start + shared)
            rows[start : start + len(part.right), at] = part.rows
            start += len(part.right)
        right = np.concatenate([p.right for p in parts])
        basis, _ = np.linalg.qr(rows[:, shared:])
        free = rows[:, :shared]
        if more is not None:
            free = np.column_stack([free, more[instant]])
        free = free - basis @ (basis.T @ free)
        weight = np.concatenate([p.weight for p in parts])
        result[instant] = Reduced(free, right - basis @ (basis.T @ right), weight, tuple(parts))
    return result


def predict_held_out(bundle: Bundle, fit: Fit) -> HeldOut:
    """Predict every instant from a fit to all others.

    Parameters
    ----------
    bundle : Bundle
        All sightings.
    fit : Fit
        Their fit.

    Returns
    -------
    HeldOut
        Losses and residuals of the predictions.
    """
    reduced = list(reduce_poses(bundle, fit).values())
    shared = fit.unknowns.bow.stop
    normal = np.diag(prior_of(fit.setup, fit.unknowns)[0][:shared])
    normal += sum(r.rows.T @ r.rows for r in reduced)
    inverse = inverse_of(normal)
    pull, expected = 0.0, 0.0
    losses: list[float] = []
    squares: list[list[Array]] = [[] for _ in fit.setup.lenses]
    for one in reduced:
        gradient = one.rows.T @ one.right
        pull += float(gradient @ inverse @ gradient)
        expected += float(np.einsum("ij,jk,ik->", one.rows, inverse, one.rows))
        without = inverse_of(normal - one.rows.T @ one.rows)
        off = one.right + one.rows @ (without @ gradient)
        white = (off / one.weight).reshape(-1, 2)
        losses.append(_loss(white))
        start = 0
        for part in one.parts:
            own = white[start : start + len(part.root)]
            start += len(part.root)
            pixels = np.linalg.solve(part.root, own[..., None])[..., 0]
            squares[part.sighting.camera].append(np.asarray(pixels**2, float).ravel())
    rms = [np.sqrt(np.concatenate(own).mean()) if own else 0.0 for own in squares]
    count = len(reduced)
    inflation = pull / max(expected * (1.0 - 1.0 / count), 1e-300) if count > 1 else 1.0
    return HeldOut(np.array(losses), np.array(rms), inflation)


def simplest_that_predicts(losses: Mapping[str, Array]) -> str:
    """Choose the first candidate that predicts as well as the best, within the statistical error.

    The tolerance is one standard error of the paired differences (the 1-SE rule [1]_).

    Parameters
    ----------
    losses : mapping of str to ndarray, shape (instants,)
        Of each candidate, the simplest first.

    Returns
    -------
    str
        Name of the candidate.

    References
    ----------
    .. [1] Breiman et al., 1984.
    """
    best = min(losses, key=lambda name: losses[name].sum())
    for name, own in losses.items():
        worse = own - losses[best]
        if worse.sum() <= worse.std(ddof=1) * np.sqrt(len(worse)):
            return name
    return best


def _loss(white: Array) -> float:
    off = np.sqrt((white**2).sum(axis=1))
    return float(np.where(off < HUBER, off**2, HUBER * (2 * off - HUBER)).sum())
