"""Mistakes that explain why touched points fit nowhere on a surface."""

import numpy as np

from nav.core.frames import Array
from nav.registration.goodness_of_fit import LEAST_POINTS
from nav.registration.prepared_surface import PreparedSurface
from nav.registration.surface_registration import SurfaceNotRegistered, register_surface

MIRROR = (-1.0, 1.0, 1.0)
# what points are multiplied by, and what they were then
MISTAKES: tuple[tuple[tuple[float, float, float], str], ...] = (
    ((1000.0, 1000.0, 1000.0), "they are in metres; give millimetres"),
    ((25.4, 25.4, 25.4), "they are in inches; give millimetres"),
    ((10.0, 10.0, 10.0), "they are in centimetres; give millimetres"),
    ((0.001, 0.001, 0.001), "they are in micrometres; give millimetres"),
    (
        MIRROR,
        "they are a mirror image: one axis has the wrong sign, or two axes are exchanged",
    ),
)
MOST_EXTENT = 500.0  # mm: of touched points in any right unit


def explain_misfit(
    surface: PreparedSurface,
    points: Array,
    sigma: float,
    landmarks: tuple[Array, Array] | None = None,
) -> str | None:
    """Find the mistake with which points would fit.

    Parameters
    ----------
    surface : PreparedSurface
        Where they should have been touched.
    points : ndarray, shape (n, 3)
        That fit nowhere, mm.
    sigma : float
        Error of a touch, mm.
    landmarks : pair of ndarray, shape (m, 3), optional
        Rough landmarks that were given with them, model frame and touched.

    Returns
    -------
    str or None
        One line for people; None where no such mistake explains them.
    """
    if len(points) < LEAST_POINTS:
        return None
    tried = MISTAKES if landmarks is None else (((1.0, 1.0, 1.0), ""), *MISTAKES)
    for factors, mistake in tried:
        changed = points * factors
        extent = float(np.linalg.norm(np.ptp(changed, axis=0)))
        if extent <= MOST_EXTENT and _fits(surface, changed, sigma):
            if not mistake:
                return (
                    "the points fit the bones, but not where the rough landmarks say; touch the "
                    "landmarks again, or leave --landmarks out"
                )
            return f"the points fit these bones only if {mistake}"
    return None


def mirror_fits(surface: PreparedSurface, points: Array, sigma: float) -> bool:
    """Return whether a mirror image of touched points fits as well, as on symmetric bones.

    Parameters
    ----------
    surface : PreparedSurface
        Where they were touched.
    points : ndarray, shape (n, 3)
        Reference frame, mm.
    sigma : float
        Error of a touch, mm.

    Returns
    -------
    bool
    """
    return _fits(surface, points * MIRROR, sigma)


def _fits(surface: PreparedSurface, points: Array, sigma: float) -> bool:
    try:
        register_surface(surface, points, sigma=sigma, effort=1)
    except SurfaceNotRegistered:
        return False
    return True
