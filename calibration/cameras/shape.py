"""The bow of a board: a smooth surface over the flat sheet, on which paper keeps its lengths."""

import numpy as np

from nav.core.frames import Array

# powers of the two coordinates, from -1 to 1 over the board, of every term; flat and tilted
# boards are a matter of pose
TERMS = tuple((order - j, j) for order in range(2, 6) for j in range(order + 1))
BENT = 3  # how many terms are those of one even bow
ORDERS = (0, BENT, 7, 12, len(TERMS))  # how many are those up to an order, flat first
NODES, WEIGHTS = np.polynomial.legendre.leggauss(5)


def heights(points: Array, size: tuple[float, float]) -> Array:
    """Compute the height of points for one mm of each bow term.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Of the flat board, mm.
    size : tuple of 2 floats
        Width and height of the board, mm.

    Returns
    -------
    ndarray, shape (n, terms)
        Height z per term.
    """
    u, v = _centred(points, size)
    return np.column_stack([u**i * v**j for i, j in TERMS])


def shaped(points: Array, size: tuple[float, float], bow: Array) -> Array:
    """Bend the flat board's points by a bow.

    A sheet does not stretch: where it rises, it covers less of the plane (to second order).

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Of the flat board, mm.
    size : tuple of 2 floats
        Width and height of the board, mm.
    bow : ndarray, shape (k,)
        Coefficients of the first terms, mm.

    Returns
    -------
    ndarray, shape (n, 3)
        Points of the bowed board, mm.
    """
    if not np.any(bow):
        return points
    result = points.copy()
    result[:, 2] = heights(points, size)[:, : len(bow)] @ bow
    u, v = _centred(points, size)
    for axis, half in enumerate(np.array(size) / 2):
        # from the middle to each point along this axis
        for node, weight in zip((NODES + 1) / 2, WEIGHTS / 2, strict=True):
            at = (u * node, v) if axis == 0 else (u, v * node)
            slope = _slope(at[0], at[1], bow, axis) / half
            result[:, axis] -= 0.5 * weight * slope**2 * (u, v)[axis] * half
    return result


def most_bowed(points: Array, size: tuple[float, float], bow: Array) -> float:
    """Compute the range of the heights of some points above their best-fitting plane.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Of the flat board, mm; where no corner was seen, the shape is unknown.
    size : tuple of 2 floats
        Width and height of the board, mm.
    bow : ndarray, shape (k,)
        Coefficients of the first terms, mm.

    Returns
    -------
    float
        From the lowest to the highest, mm.
    """
    z = heights(points, size)[:, : len(bow)] @ bow
    plane = np.column_stack([np.ones(len(z)), points[:, :2]])
    return float(np.ptp(z - plane @ np.linalg.lstsq(plane, z, rcond=None)[0]))


def _centred(points: Array, size: tuple[float, float]) -> tuple[Array, Array]:
    return 2 * points[:, 0] / size[0] - 1, 2 * points[:, 1] / size[1] - 1


def _slope(u: Array, v: Array, bow: Array, axis: int) -> Array:
    slope = np.zeros(len(u))
    for (i, j), height in zip(TERMS, bow, strict=False):
        if axis == 0 and i > 0:
            slope += height * i * u ** (i - 1) * v**j
        if axis == 1 and j > 0:
            slope += height * j * u**i * v ** (j - 1)
    return slope
