"""The methods of registration: one table, one row per method."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, TypeAlias, TypeVar

from nav.core.errors import InputError
from nav.registration.points import register_points
from nav.registration.registration_result import Registration
from nav.registration.touched import TouchedBone, TouchedPoints

Touched: TypeAlias = TouchedPoints | TouchedBone
Kind = TypeVar("Kind", TouchedPoints, TouchedBone)
POINTS, SURFACE, BOTH = "points", "surface", "points+surface"


class RegistrationMethod(Protocol):
    """Estimates model_from_reference from what was touched.

    What it returns is assessed like any other method's result: by its residuals under the declared
    errors, by check points, and by the error that its covariance predicts at the target.
    """

    def __call__(self, touched: Touched) -> Registration:
        """Register; raise InputError where what was touched does not determine the transform."""
        ...


def paired_points(touched: Touched) -> Registration:
    """Register by paired points, weighted by the covariance of each touch.

    Parameters
    ----------
    touched : TouchedPoints
        The fiducials to register with.

    Returns
    -------
    Registration
        As of `nav.registration.points.register_points`.
    """
    points = _of_kind(touched, TouchedPoints, "touched fiducials")
    return register_points(points.model, points.touched, points.covariance, shared=points.shared)


def bone_surface(touched: Touched) -> Registration:
    """Register by points touched on bone, with fiducials where some were touched too.

    Parameters
    ----------
    touched : TouchedBone
        The points.

    Returns
    -------
    Registration
        As of `nav.registration.surface_registration.register_surface`.
    """
    # compiled: loaded only where it is used
    from nav.registration.surface_registration import register_surface

    bone = _of_kind(touched, TouchedBone, "points touched on bone")
    return register_surface(
        bone.surface, bone.points, bone.covariance, bone.sigma, bone.landmarks, bone.fiducials
    ).registration


def _of_kind(touched: Touched, kind: type[Kind], words: str) -> Kind:
    if not isinstance(touched, kind):
        raise InputError(f"this registration method takes {words}")
    return touched


# by the name that registration.toml has: `RegistrationFile.method` lists the same
METHODS: Mapping[str, RegistrationMethod] = {
    POINTS: paired_points,
    SURFACE: bone_surface,
    BOTH: bone_surface,
}


def register_touches(points: Touched, method: str = POINTS) -> Registration:
    """Register what was touched by a method of the table.

    Parameters
    ----------
    points : TouchedPoints or TouchedBone
        The fiducials to register with, or points on bone.
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
        There is no such method, or it takes something else.
    """
    if method not in METHODS:
        raise InputError(
            f"no registration method is called {method}; there is {', '.join(METHODS)}"
        )
    return replace(METHODS[method](points), method=method)
