"""How far a placed needle may deviate from its plan: one joint model of all errors."""

from dataclasses import dataclass, field

import numpy as np

from nav.bevels import Bevel
from nav.core.errors import InputError
from nav.core.frames import Array, cross_matrix
from nav.guidance.bending import MEASURED_DEPTH, SHARE, drift_size
from nav.model.case import Case
from nav.registration.assessment import FLE
from nav.registration.points import DegenerateLayout, register_points
from nav.tracking.needle import NeedleKind

# order of the independent standard normal numbers of a sample; surfaces follow
TIP, ANGLE, BEND, REGISTRATION = slice(0, 3), slice(3, 5), slice(5, 7), slice(7, 13)
SHARED = 13


@dataclass(frozen=True)
class Needle:
    """The needle of a plan.

    Parameters
    ----------
    gauge : int
        Outer diameter by `nav.guidance.bending.DIAMETER`.
    bevel : str
        "tuohy", "cutting" or "pencil".
    length : float
        Hub to tip, mm.
    bevel_known : bool
        The opening faces caudad as the plan has it, so that guidance takes the mean drift into
        account; else it may drift to any side.
    """

    gauge: int = 17
    bevel: Bevel = "tuohy"
    length: float = 90.0
    bevel_known: bool = True

    @property
    def kind(self) -> NeedleKind:
        """Gauge and bevel: what determines how it bends."""
        return NeedleKind(self.gauge, self.bevel)


@dataclass(frozen=True)
class ErrorModel:
    """Standard deviations of what moves a needle off its plan; all are drawn together.

    Parameters
    ----------
    tip : float
        mm per axis. Where the tip of a straight needle ends: 0.34 mm rms in the simulated puncture
        of README.md, 0.2 per axis.
    angle : float
        rad per axis, of the shaft about the tip. 2.25 degrees on the mean in robot-guided C1-C2
        screws of patients (10.1186/s12893-022-01826-2), 1.8 per axis.
    bend : float
        Share of the drift of docs/bending.md that stays unknown where the bevel's direction is
        known (`nav.guidance.bending.SHARE`, assumed); where not, all of the drift.
    fle : float
        mm per axis, of a touched fiducial: the registration's default.
    translation, rotation : float
        mm and rad per axis of the registration where the case has no fiducials to compute it from:
        what eight fiducials of a kit give with that FLE.
    surface : float
        Factor on each structure's own sigma.
    """

    tip: float = 0.2
    angle: float = np.radians(1.8)
    bend: float = SHARE
    fle: float = FLE
    translation: float = 0.09
    rotation: float = 0.0013
    surface: float = 1.0


@dataclass(frozen=True, eq=False)
class Deviations:
    """The error model of one case and needle.

    Parameters
    ----------
    model : ErrorModel
        Standard deviations.
    needle : Needle
        Of the plan.
    registration : ndarray, shape (6, 6)
        Factor F of the covariance F F' of a left perturbation, mm and rad.
    registration_source : str
        Where that is from, in words.
    """

    model: ErrorModel
    needle: Needle
    registration: Array = field(repr=False)
    registration_source: str = ""

    def bend_sd(self, length: float) -> float:
        """Return the standard deviation of the tip's drift across the shaft, mm per axis."""
        share = self.model.bend if self.needle.bevel_known else 1.0
        return share * drift_size(self.needle.kind, length)

    def shared_factor(self, entry: Array, target: Array) -> Array:
        """Return the matrix from normal numbers to the displacement of a path.

        Parameters
        ----------
        entry, target : ndarray, shape (3,)
            Of the path, model frame, mm.

        Returns
        -------
        ndarray, shape (12, 13)
            Its product with 13 standard normal numbers is a row of `moved` of
            `nav.planning.field.walk_bent`.
        """
        length = float(np.linalg.norm(target - entry))
        across = across_axes((target - entry) / length)
        factor = np.zeros((12, SHARED))
        factor[0:3, TIP] = self.model.tip * np.eye(3)
        factor[3:6, ANGLE] = self.model.angle * across.T
        factor[6:9, BEND] = self.bend_sd(length) * across.T
        factor[0:3, REGISTRATION] = self.registration[:3]
        factor[9:12, REGISTRATION] = self.registration[3:]
        return factor

    def point_factor(self, entry: Array, target: Array, depth: float) -> Array:
        """Return the matrix from normal numbers to the displacement of a point of the shaft.

        Parameters
        ----------
        entry, target : ndarray, shape (3,)
            Of the path, model frame, mm.
        depth : float
            Of the point, mm from the entry.

        Returns
        -------
        ndarray, shape (3, 13)
            mm, model frame.
        """
        length = float(np.linalg.norm(target - entry))
        factor = self.shared_factor(entry, target)
        point = entry + depth / length * (target - entry)
        moved: Array = (
            factor[0:3]
            + (length - depth) * factor[3:6]
            + bend_share(depth, length) * factor[6:9]
            - cross_matrix(point) @ factor[9:12]
        )
        return moved

    def sd_across(self, depth: Array, length: Array, near: Array) -> Array:
        """Return one standard deviation of the shaft's position across itself.

        The surface's own error is not included.

        Parameters
        ----------
        depth, length : ndarray, shape (n,)
            Of places on shafts from the entry, and of the shafts, mm.
        near : ndarray, shape (3,)
            Where the registration's error is taken, model frame, mm.

        Returns
        -------
        ndarray, shape (n,)
            mm per axis.
        """
        bends = np.vectorize(self.bend_sd)(length)
        moved = self.registration[:3] - cross_matrix(near) @ self.registration[3:]
        registration = float(np.trace(moved @ moved.T)) / 3.0
        spread: Array = np.sqrt(
            self.model.tip**2
            + ((length - depth) * self.model.angle) ** 2
            + (bend_share(depth, length) * bends) ** 2
            + registration
        )
        return spread


def bend_share(depth: Array | float, length: Array | float) -> Array:
    """Return the share of the tip's drift that a shaft has at a depth.

    It grows as the drift grows with depth: linearly, and parabolically beyond MEASURED_DEPTH.

    Parameters
    ----------
    depth, length : ndarray or float
        From the entry, and of the whole shaft, mm.

    Returns
    -------
    ndarray
        1 at the tip.
    """

    def drift(d: Array | float) -> Array:
        return np.asarray(d * np.maximum(1.0, np.asarray(d) / MEASURED_DEPTH))

    return drift(depth) / drift(length)


def across_axes(direction: Array) -> Array:
    """Return two unit vectors perpendicular to a direction and to each other.

    Parameters
    ----------
    direction : ndarray, shape (3,)
        Unit vector.

    Returns
    -------
    ndarray, shape (2, 3)
        As rows.
    """
    first = np.cross(direction, np.eye(3)[np.argmin(np.abs(direction))])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(direction, first)])


def deviations_of(
    case: Case, model: ErrorModel, needle: Needle, registered: Array | None = None
) -> Deviations:
    """Return the error model of a case.

    Parameters
    ----------
    case : Case
        Its fiducials predict the registration's covariance.
    model : ErrorModel
        Standard deviations.
    needle : Needle
        Of the plan.
    registered : ndarray, shape (6, 6), optional
        Covariance of a registration that was done, mm and rad; else the one that the case's
        fiducials would give, or, without enough of them, `model.translation` and `model.rotation`.

    Returns
    -------
    Deviations
        The model with the registration's covariance, and where that is from.

    Raises
    ------
    InputError
        The covariance is not positive semidefinite, or not finite.
    """
    if registered is not None:
        return Deviations(model, needle, _factor(registered), "of the registration given")
    touched = case.fiducials_for("register")
    fiducials = np.array([f.position for f in touched])
    own = np.array([(f.sigma or 0.0) ** 2 * np.eye(3) for f in touched]).reshape(-1, 3, 3)
    try:
        predicted = register_points(fiducials, fiducials, own, fle=model.fle)
    except (DegenerateLayout, InputError):
        diagonal = np.diag([model.translation] * 3 + [model.rotation] * 3)
        return Deviations(model, needle, diagonal, "assumed: the case has no fiducials")
    covariance = predicted.model_from_reference.covariance
    source = f"of the case's {len(fiducials)} fiducials with an FLE of {model.fle:g} mm"
    return Deviations(model, needle, _factor(covariance), source)


def _factor(covariance: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    if not np.isfinite(values).all() or values.min() < -1e-9 * max(values.max(), 1e-12):
        raise InputError("registration: its covariance is not positive")
    factor: Array = vectors * np.sqrt(np.maximum(values, 0.0))
    return factor
