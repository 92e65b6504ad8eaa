"""`nav calibrate check`: known divots are touched, and the errors are reported."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from rich.console import Console
from rich.table import Table
from rich.text import Text
from scipy.stats import t as student

from nav.core.errors import InputError
from nav.core.files import load_toml
from nav.core.frames import Array
from nav.model.case import CaseFile
from nav.registration.pointfile import load_points
from nav.registration.points import register_points

LEAST_DIVOTS = 3
LEAST_REGISTERED = 4  # three of them map the fourth
SURE = 0.95


@dataclass(frozen=True)
class TouchErrors:
    """How far touched points are off the known ones, in the frame of the known ones, mm.

    Attributes
    ----------
    errors : ndarray, shape (n, 3)
        Touched minus known, mm.
    distances : ndarray, shape (n,)
        Lengths of the errors, mm.
    mean : ndarray, shape (3,)
        Mean error, which all touches share, mm.
    rms, largest : float
        Of the distances, mm.
    bound : float
        Upper 95 % bound (one-sided, by Student's t) of the mean distance, mm. Distances are skewed,
        so that with six divots and isotropic errors it holds in 92 % of cases.
    """

    errors: Array
    distances: Array
    mean: Array
    rms: float
    largest: float
    bound: float

    def within(self, limit: float) -> bool:
        """Return whether the largest distance and the mean's bound are at most the limit, mm."""
        return self.largest <= limit and self.bound <= limit


def touch_errors(touched: ArrayLike, known: ArrayLike, register: bool = False) -> TouchErrors:
    """Compute the errors of touched divots.

    Parameters
    ----------
    touched, known : array_like, shape (n, 3)
        The same divots, mm, in one frame unless `register` is set.
    register : bool, optional
        The frames differ: each divot is mapped by the rigid transform that all others give (leave
        one out), since one that took part in a registration would look better than it is. A rigid
        error that all touches share is not visible then.

    Returns
    -------
    TouchErrors
        In the frame of the known divots.

    Raises
    ------
    InputError
        Unequal shapes, numbers that are not finite, fewer than three divots (four with `register`),
        or a layout for which the registration is undetermined.
    """
    found, true = np.asarray(touched, float), np.asarray(known, float)
    if found.shape != true.shape or found.ndim != 2 or found.shape[1] != 3:
        raise InputError(f"check: expected two arrays (n, 3), got {found.shape}, {true.shape}")
    if not (np.isfinite(found).all() and np.isfinite(true).all()):
        raise InputError("check: a point has a number that is not finite")
    least = LEAST_REGISTERED if register else LEAST_DIVOTS
    if len(found) < least:
        raise InputError(f"check: {len(found)} divots, at least {least} are needed (better 8)")
    if register:
        found = _carried_by_others(found, true)
    errors = found - true
    distances = np.linalg.norm(errors, axis=1)
    spread = float(distances.std(ddof=1)) / np.sqrt(len(distances))
    return TouchErrors(
        errors,
        distances,
        errors.mean(axis=0),
        float(np.sqrt((distances**2).mean())),
        float(distances.max()),
        float(distances.mean() + student.ppf(SURE, len(distances) - 1) * spread),
    )


def _carried_by_others(touched: Array, known: Array) -> Array:
    result = np.empty_like(touched)
    for k in range(len(touched)):
        others = np.arange(len(touched)) != k
        found = register_points(known[others], touched[others])
        result[k] = found.model_from_reference.transform.apply(touched[k])
    return result


def calibrate_check(
    touched: Path, known: Path, limit: float, console: Console, register: bool = False
) -> bool:
    """Compare touched divots with their known positions; print the errors.

    Parameters
    ----------
    touched : Path
        Points (CSV label,x,y,z or Slicer Markups) as touched with the tip.
    known : Path
        Points, or case.toml: its fiducials. Labels as in `touched`; others are not used.
    limit : float
        Largest error that passes, mm.
    console : Console
        Where the errors are printed.
    register : bool, optional
        The two files are in different frames: see `touch_errors`.

    Returns
    -------
    bool
        Whether the largest error and the mean error's 95 % bound are within the limit.

    Raises
    ------
    InputError
        A file is wrong, a label is not known, there are too few divots, or the limit is not above
        0.
    """
    if not (np.isfinite(limit) and limit > 0):
        raise InputError(f"--limit: expected more than 0, mm, got {limit}")
    found, true = load_points(touched), _known(known)
    strange = [label for label in found if label not in true]
    if strange:
        raise InputError(
            f"{touched}: point {strange[0]}: {known} has no such divot; it has {', '.join(true)}"
        )
    labels = list(found)
    try:
        errors = touch_errors(
            np.array([found[label] for label in labels]),
            np.array([true[label] for label in labels]),
            register,
        )
    except InputError as error:
        raise InputError(f"{touched}: {error}") from None
    passed = errors.within(limit)
    _print_errors(labels, errors, register, console)
    missed = [label for label in true if label not in found]
    if missed:
        console.print(f"not touched: {', '.join(missed)}", markup=False)
    console.print(f"{'pass' if passed else 'fail'}: limit {limit:g} mm")
    return passed


def _known(path: Path) -> dict[str, Array]:
    if Path(path).suffix != ".toml":
        return load_points(path)
    fiducials = load_toml(path, CaseFile).fiducial
    if not fiducials:
        raise InputError(f"{path}: has no fiducials")
    return {fiducial.label: np.array(fiducial.position) for fiducial in fiducials}


def _print_errors(labels: list[str], errors: TouchErrors, register: bool, console: Console) -> None:
    table = Table("divot", "dx", "dy", "dz", "distance", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for label, error, distance in zip(labels, errors.errors, errors.distances, strict=True):
        table.add_row(Text(label), *(f"{number:.3f}" for number in (*error, distance)))
    console.print(table)
    dx, dy, dz = errors.mean
    console.print(f"mean error {dx:.3f}, {dy:.3f}, {dz:.3f} mm (x, y, z)")
    console.print(
        f"rms {errors.rms:.3f} mm, largest {errors.largest:.3f} mm, mean distance at most "
        f"{errors.bound:.3f} mm (95 %), {len(labels)} divots"
    )
    if register:
        console.print(
            "each divot was mapped by a registration to all others: errors that they share, such "
            "as a wrong tip calibration, show only in part"
        )
