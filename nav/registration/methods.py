"""The methods of registration: one table, one row per method."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from nav.core.errors import InputError
from nav.registration.points import register_points
from nav.registration.registration_result import Registration
from nav.registration.touched import TouchedPoints


class RegistrationMethod(Protocol):
    """Estimates model_from_reference from touched fiducials.

    What it returns is assessed like any other method's result: by its residuals under the declared
    errors, by check points, and by the error that its covariance predicts at the target.
    """

    def __call__(self, points: TouchedPoints) -> Registration:
        """Register; raise DegenerateLayout where the points do not determine the transform."""
        ...


def paired_points(points: TouchedPoints) -> Registration:
    """Register by paired points, weighted by the covariance of each touch.

    Parameters
    ----------
    points : TouchedPoints
        The fiducials to register with.

    Returns
    -------
    Registration
        As of `nav.registration.points.register_points`.
    """
    return register_points(points.model, points.touched, points.covariance, shared=points.shared)


POINTS = "points"
# by the name that registration.toml has: `RegistrationFile.method` lists the same
METHODS: Mapping[str, RegistrationMethod] = {POINTS: paired_points}


def register_touches(points: TouchedPoints, method: str = POINTS) -> Registration:
    """Register touched fiducials by a method of the table.

    Parameters
    ----------
    points : TouchedPoints
        The fiducials to register with.
    method : str
        Its name in METHODS.

    Returns
    -------
    Registration
        With the method's name.

    Raises
    ------
    DegenerateLayout
        The points do not determine the transform.
    InputError
        There is no such method.
    """
    if method not in METHODS:
        raise InputError(
            f"no registration method is called {method}; there is {', '.join(METHODS)}"
        )
    return replace(METHODS[method](points), method=method)
