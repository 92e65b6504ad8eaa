"""The error that a registration makes at target, cord and arteries, and which touch lowers it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from nav.core.frames import Array, point_jacobian
from nav.model.case import Fiducial
from nav.registration.critical_points import CriticalPoint
from nav.registration.registration_result import Registration

QUANTILE = float(chdtri(3, 0.05))
WORTH = 0.1  # share by which a further touch has to lower the error to be advised
DIRECTIONS = {
    "left": (1.0, 0.0, 0.0),
    "right": (-1.0, 0.0, 0.0),
    "posterior": (0.0, 1.0, 0.0),
    "anterior": (0.0, -1.0, 0.0),
    "superior": (0.0, 0.0, 1.0),
    "inferior": (0.0, 0.0, -1.0),
}


@dataclass(frozen=True)
class PredictedError:
    """The error of a registration at one place.

    Parameters
    ----------
    name : str
        Of the place.
    position : ndarray, shape (3,)
        Model frame, mm.
    rms : float
        Predicted TRE, mm.
    semi_axes : ndarray, shape (3,)
        Of the ellipsoid that holds 95 % of the errors, longest first, mm.
    directions : ndarray, shape (3, 3)
        Row k is the direction of the k-th axis, model frame.
    """

    name: str
    position: Array
    rms: float
    semi_axes: Array
    directions: Array


@dataclass(frozen=True)
class FurtherTouch:
    """A touch that would lower the error at cord and arteries.

    Parameters
    ----------
    label : str
        Of a fiducial that was not touched; empty where a new one has to be made.
    position : ndarray, shape (3,)
        Model frame, mm.
    direction : str
        From the touched ones, in anatomical words.
    before, after : float
        Largest predicted TRE (rms, mm) at cord and arteries.
    """

    label: str
    position: Array
    direction: str
    before: float
    after: float

    @property
    def worth(self) -> bool:
        """Whether it lowers the error by a share worth touching for."""
        return self.after < (1.0 - WORTH) * self.before


def predict_errors(
    registration: Registration, places: Sequence[CriticalPoint]
) -> tuple[PredictedError, ...]:
    """Predict the error of a registration at some places.

    Parameters
    ----------
    registration : Registration
        With its covariance.
    places : sequence of CriticalPoint
        Where.

    Returns
    -------
    tuple of PredictedError
    """
    found = []
    for place in places:
        jacobian = point_jacobian(place.position)[0]
        spread = jacobian @ registration.model_from_reference.covariance @ jacobian.T
        values, vectors = np.linalg.eigh(spread)
        found.append(
            PredictedError(
                place.name,
                place.position,
                float(np.sqrt(values.sum())),
                np.sqrt(QUANTILE * np.maximum(values[::-1], 0.0)),
                vectors.T[::-1],
            )
        )
    return tuple(found)


def best_further_touch(
    registration: Registration,
    touched: Sequence[str],
    fiducials: Sequence[Fiducial],
    places: Sequence[CriticalPoint],
    sd: float,
) -> FurtherTouch | None:
    """Find the further touch that lowers the error at cord and arteries most.

    Parameters
    ----------
    registration : Registration
        With its covariance.
    touched : sequence of str
        Labels of the fiducials that it was made with.
    fiducials : sequence of Fiducial
        To register with; where none is left, new ones are tried at the touched ones' distance in
        the six anatomical directions.
    places : sequence of CriticalPoint
        Where the error counts.
    sd : float
        Of each coordinate of the further touch, mm.

    Returns
    -------
    FurtherTouch or None
        None without places.
    """
    known = {f.label: f.position for f in fiducials}
    used = np.array([known[label] for label in touched if label in known]).reshape(-1, 3)
    if not places or not len(used):
        return None
    middle = used.mean(axis=0)
    left = [(f.label, f.position) for f in fiducials if f.label not in touched]
    if not left:
        far = float(np.linalg.norm(used - middle, axis=1).max())
        left = [("", middle + far * np.array(way)) for way in DIRECTIONS.values()]
    covariance = registration.model_from_reference.covariance
    at = point_jacobian(np.array([place.position for place in places]))
    before = _largest(covariance, at)

    def after(position: Array) -> float:
        jacobian = point_jacobian(position)[0]
        carried = covariance @ jacobian.T
        total = jacobian @ carried + sd**2 * np.eye(3)
        return _largest(covariance - carried @ np.linalg.solve(total, carried.T), at)

    label, position = min(left, key=lambda one: after(one[1]))
    return FurtherTouch(label, position, _direction(position - middle), before, after(position))


def _largest(covariance: Array, jacobians: Array) -> float:
    return float(np.sqrt(np.einsum("nia,ab,nib->n", jacobians, covariance, jacobians).max()))


def _direction(way: Array) -> str:
    return max(DIRECTIONS, key=lambda name: float(way @ np.array(DIRECTIONS[name])))
