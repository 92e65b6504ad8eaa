"""How far two values of a session's messages are apart."""

import math
from typing import Any

import numpy as np


def nested_difference(one: Any, other: Any) -> float | None:
    """Return the largest difference between two messages of the same form.

    Parameters
    ----------
    one, other : object
        Of values that JSON has.

    Returns
    -------
    float or None
        None where they differ in anything but numbers.
    """
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return 0.0 if one is other else None
    if isinstance(one, int | float) and isinstance(other, int | float):
        difference = 0.0 if one == other else abs(one - other)
        return None if math.isnan(difference) else difference
    if isinstance(one, dict) and isinstance(other, dict):
        return _largest(one, other, one.keys()) if one.keys() == other.keys() else None
    if isinstance(one, list) and isinstance(other, list):
        return _largest(one, other, range(len(one))) if len(one) == len(other) else None
    return 0.0 if one == other else None


def _largest(one: Any, other: Any, keys: Any) -> float | None:
    found = [nested_difference(one[key], other[key]) for key in keys]
    known = [value for value in found if value is not None]
    return None if len(known) < len(found) else max(known, default=0.0)


def sd_difference(one: Any, other: Any) -> float:
    """Return the largest difference of two covariances' standard deviations (mm, or rad).

    One of a covariance counts as the change of a standard deviation that it is worth.

    Parameters
    ----------
    one, other : ndarray, shape (n, n)
        Covariances.

    Returns
    -------
    float
    """
    first, second = (np.sqrt(np.maximum(np.diagonal(each), 0.0)) for each in (one, other))
    larger = np.maximum(first, second)
    sums = np.add.outer(larger, larger)
    off = np.divide(np.abs(one - other), sums, out=np.zeros_like(sums), where=sums > 0.0)
    return float(np.maximum(np.abs(first - second).max(), off.max()))
