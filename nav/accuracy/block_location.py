"""Where the divot block stands, by its touched divots; and what is wrong with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from nav.core.frames import Array, point_jacobian
from nav.registration.points import closed_form, register_points
from nav.registration.registration_result import Registration
from nav.registration.touch_source import DwellTouch

WORST_FIT = 3.0  # mm, rms: touches of the block's divots fit better, other points do not
SAME_DIVOT = 2.0  # mm
LEAST_TOUCHES = 4
UNITS = {"metres": 1e-3, "centimetres": 0.1, "inches": 1 / 25.4, "micrometres": 1e3}
UNIT_OFF = 0.1  # relative


@dataclass(frozen=True)
class BlockLocation:
    """The block as located by touches of its divots.

    Parameters
    ----------
    labels : tuple of str
        Of the n divots.
    nominal : ndarray, shape (n, 3)
        Block frame, mm.
    touched : ndarray, shape (n, 3)
        Reference frame, mm.
    registration : Registration
        Its model_from_reference is block_from_reference.
    """

    labels: tuple[str, ...]
    nominal: Array
    touched: Array
    registration: Registration

    @property
    def block_from_reference(self) -> RigidTransform:
        """The transform."""
        return self.registration.model_from_reference.transform

    @property
    def in_block(self) -> Array:
        """Touched points, (n, 3), block frame, mm."""
        return np.asarray(self.block_from_reference.apply(self.touched), float)

    def sd_at(self, point: Array) -> float:
        """Return the location's standard deviation per axis at a point of the block, mm."""
        jacobian = point_jacobian(point)[0]
        covariance = jacobian @ self.registration.model_from_reference.covariance @ jacobian.T
        return float(np.sqrt(np.trace(covariance) / 3.0))

    def without(self, label: str) -> "BlockLocation":
        """Return the location without one divot, so that it can be tested against the others."""
        keep = np.array([name != label for name in self.labels])
        if keep.all() or keep.sum() < LEAST_TOUCHES:
            return self
        labels = tuple(name for name in self.labels if name != label)
        return _located(labels, self.nominal[keep], self.touched[keep])


def locate_block(
    divots: Mapping[str, Array], touches: Sequence[DwellTouch], order: Sequence[str], name: str
) -> BlockLocation:
    """Locate the block by touches of its divots in a known order.

    Parameters
    ----------
    divots : mapping of str to ndarray, shape (3,)
        Nominal places, block frame, mm.
    touches : sequence of DwellTouch
        In the order of touching.
    order : sequence of str
        Labels in that order.
    name : str
        The recording, with which errors begin.

    Returns
    -------
    BlockLocation

    Raises
    ------
    InputError
        Another number of touches (the divot that is missing or was touched twice is named), poses
        in another unit, a mirror image, two divots exchanged, or another block.
    """
    strange = next((label for label in order if label not in divots), None)
    if strange is not None:
        raise InputError(f"{name}: no divot is called {strange}; the block has {', '.join(divots)}")
    if len(set(order)) < len(order):
        twice = next(label for label in order if list(order).count(label) > 1)
        raise InputError(f"{name}: order: {twice} appears twice; each divot is touched once")
    if len(order) < LEAST_TOUCHES:
        raise InputError(f"{name}: order has {len(order)} divots; at least {LEAST_TOUCHES}")
    nominal = np.array([divots[label] for label in order])
    touched = np.array([touch.position for touch in touches]).reshape(-1, 3)
    _check_unit(nominal, touched, name)
    if len(touched) != len(order):
        raise InputError(f"{name}: {_count_problem(nominal, touched, order)}")
    if _fit(nominal, touched) > WORST_FIT:
        raise InputError(f"{name}: {_fit_problem(nominal, touched, order)}")
    return _located(tuple(order), nominal, touched)


def _located(labels: tuple[str, ...], nominal: Array, touched: Array) -> BlockLocation:
    return BlockLocation(labels, nominal, touched, register_points(nominal, touched))


def _fit(nominal: Array, touched: Array) -> float:
    off = closed_form(nominal, touched).apply(touched) - nominal
    return float(np.sqrt((off**2).sum(axis=1).mean()))


def _extent(points: Array) -> float:
    return float(np.linalg.norm(points - points.mean(axis=0), axis=1).max())


def _check_unit(nominal: Array, touched: Array, name: str) -> None:
    if len(touched) < 2:
        return
    ratio = _extent(touched) / _extent(nominal)
    for unit, factor in UNITS.items():
        if abs(ratio / factor - 1.0) < UNIT_OFF:
            raise InputError(
                f"{name}: the touches lie within {2 * _extent(touched):.3g} mm, the block's divots "
                f"within {2 * _extent(nominal):.3g} mm; are the poses in {unit}? expected mm"
            )


def _count_problem(nominal: Array, touched: Array, order: Sequence[str]) -> str:
    found = f"{len(touched)} touches, expected {len(order)} ({order[0]} to {order[-1]})"
    if len(touched) == len(order) - 1 and len(touched) >= LEAST_TOUCHES:
        fits = [_fit(np.delete(nominal, k, axis=0), touched) for k in range(len(order))]
        best = int(np.argmin(fits))
        if fits[best] <= WORST_FIT:
            return f"{found}: {order[best]} was not touched; record again, or leave it out of order"
    if len(touched) == len(order) + 1:
        for k, apart in enumerate(np.linalg.norm(np.diff(touched, axis=0), axis=1)):
            if apart < SAME_DIVOT and k < len(order):
                return f"{found}: {order[k]} was touched twice; record again, each divot once"
    return f"{found}; let the tip rest in each divot for a second, once, and nowhere else"


def _fit_problem(nominal: Array, touched: Array, order: Sequence[str]) -> str:
    fit = _fit(nominal, touched)
    if _fit(nominal * [-1.0, 1.0, 1.0], touched) <= WORST_FIT:
        return "the touches are the block's mirror image; are the poses left-handed?"
    apart = np.linalg.norm(np.diff(touched, axis=0), axis=1)
    k = int(np.argmin(apart))
    if apart[k] < SAME_DIVOT:
        return f"touches {k + 1} and {k + 2} are in one divot, {order[k]} or {order[k + 1]}"
    for first, second in combinations(range(len(order)), 2):
        swapped = np.arange(len(order))
        swapped[[first, second]] = second, first
        if _fit(nominal[swapped], touched) <= WORST_FIT:
            return f"{order[first]} and {order[second]} were touched in exchanged order"
    return (
        f"the touches fit the block's divots with {fit:.1f} mm rms, expected at most "
        f"{WORST_FIT:g} mm; is it another block, another order, or was the reference body moved?"
    )
