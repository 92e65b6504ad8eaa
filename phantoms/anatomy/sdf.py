"""Solids as signed distance functions: negative inside, millimetres.

A `Solid` maps points (n, 3) to values (n,). Near the surface the value is close to the distance;
far away only its sign is right, which is all that meshing and smooth blending need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.spatial import cKDTree
from scipy.spatial.transform import RigidTransform

Array = NDArray[np.float64]
Solid = Callable[[Array], Array]

_STEP = 0.2  # mm between the samples of a tube's centre line
_FAR = 6.0  # mm: value wherever the surface is at least this far away; more than any blend


def ellipsoid(
    centre: ArrayLike, radii: ArrayLike, axes: ArrayLike | None = None, exponent: float = 2.0
) -> Solid:
    """Build a superellipsoid: exponent 2 is an ellipsoid, larger is closer to a box.

    Parameters
    ----------
    centre, radii : array_like, shape (3,)
        mm.
    axes : array_like, shape (3, 3), optional
        Rows are the unit vectors along which the radii run; the frame's own axes by default.
    exponent : float, optional
        Of the implicit equation.

    Returns
    -------
    Solid
        In the frame of `centre`.
    """
    c, r = np.asarray(centre, float), np.asarray(radii, float)
    rows = np.eye(3) if axes is None else np.asarray(axes, float)
    # A box round the superellipsoid, which itself fills at most a box turned with it.
    half = np.abs(rows).T @ r

    def solid(p: Array) -> Array:
        value = np.full(len(p), _FAR)
        near = _within(p, c - half, c + half)
        value[near] = _first_order_distance((p[near] - c) @ rows.T, r, exponent)
        return value

    return solid


def tube(
    points: ArrayLike, half_sizes: ArrayLike, up: ArrayLike = (0, 0, 1), exponent: float = 2.0
) -> Solid:
    """Sweep a superellipse along a cubic spline, both ends rounded.

    Parameters
    ----------
    points : array_like, shape (n, 3)
        The centre line goes through them, mm.
    half_sizes : array_like, shape (n, 2)
        Half width (across `up`) and half height (along `up`) at each point, mm.
    up : array_like, shape (3,), optional
        Direction of the height all along, made perpendicular to the centre line.
    exponent : float, optional
        Of the section: 2 is an ellipse, larger is closer to a rectangle.

    Returns
    -------
    Solid
        In the frame of `points`.
    """
    centres, tangents, sizes = spline_samples(points, half_sizes)
    hint = np.asarray(up, float)
    height = hint - (tangents @ hint)[:, None] * tangents
    height /= np.linalg.norm(height, axis=1)[:, None]
    width = np.cross(tangents, height)
    radii = np.column_stack([sizes, sizes.min(axis=1)])
    tree = cKDTree(centres)
    thickest = float(radii.max())
    low, high = centres.min(axis=0) - thickest, centres.max(axis=0) + thickest

    def solid(p: Array) -> Array:
        near = _within(p, low, high)
        _, i = tree.query(p[near], distance_upper_bound=thickest + _FAR)
        near, i = near[i < len(centres)], i[i < len(centres)]
        d = p[near] - centres[i]
        local = np.column_stack(
            [np.einsum("ij,ij->i", d, axis[i]) for axis in (width, height, tangents)]
        )
        value = np.full(len(p), _FAR)
        value[near] = _first_order_distance(local, radii[i], exponent)
        return value

    return solid


def spline_samples(points: ArrayLike, values: ArrayLike) -> tuple[Array, Array, Array]:
    """Sample the cubic spline through points at steps of about _STEP mm.

    Parameters
    ----------
    points : array_like, shape (n, 3)
        mm.
    values : array_like, shape (n, k)
        Given at the points, interpolated without overshoot.

    Returns
    -------
    centres : ndarray, shape (m, 3)
        Points on the spline, mm.
    tangents : ndarray, shape (m, 3)
        Unit tangents there.
    values : ndarray, shape (m, k)
        Values there.
    """
    p, v = np.asarray(points, float), np.asarray(values, float)
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
    s = np.linspace(0.0, at[-1], max(2, round(at[-1] / _STEP) + 1))
    line = CubicSpline(at, p)
    tangents = line(s, 1)
    tangents /= np.linalg.norm(tangents, axis=1)[:, None]
    # Sizes are interpolated without overshoot, so that no section is thinner than asked for.
    return line(s), tangents, PchipInterpolator(at, v)(s)


def half_space(point: ArrayLike, outward: ArrayLike) -> Solid:
    """Build the half space behind a plane.

    Parameters
    ----------
    point : array_like, shape (3,)
        On the plane, mm.
    outward : array_like, shape (3,)
        Normal of the plane, of any length, away from the solid.

    Returns
    -------
    Solid
        In the frame of `point`; its values are exact distances.
    """
    n = np.asarray(outward, float)
    n = n / np.linalg.norm(n)
    offset = float(n @ np.asarray(point, float))
    return lambda p: p @ n - offset


def union(solids: Sequence[Solid], blend: float) -> Solid:
    """Unite solids; inner corners are rounded over about `blend` mm.

    Parameters
    ----------
    solids : sequence of Solid
        At least one, all in the same frame.
    blend : float
        mm; 0 for sharp corners.

    Returns
    -------
    Solid
        In the same frame.
    """

    def solid(p: Array) -> Array:
        value = solids[0](p)
        for other in solids[1:]:
            value = _smooth_minimum(value, other(p), blend)
        return value

    return solid


def subtract(solid: Solid, tool: Solid, blend: float) -> Solid:
    """Subtract a tool from a solid; edges are rounded over about `blend` mm.

    Parameters
    ----------
    solid, tool : Solid
        In the same frame.
    blend : float
        mm; 0 for sharp edges.

    Returns
    -------
    Solid
        In the same frame.
    """
    return lambda p: -_smooth_minimum(-solid(p), tool(p), blend)


def intersect(solid: Solid, other: Solid, blend: float) -> Solid:
    """Intersect two solids; edges are rounded over about `blend` mm.

    Parameters
    ----------
    solid, other : Solid
        In the same frame.
    blend : float
        mm; 0 for sharp edges.

    Returns
    -------
    Solid
        In the same frame.
    """
    return lambda p: -_smooth_minimum(-solid(p), -other(p), blend)


def both_sides(left: Solid) -> Solid:
    """Add the mirror image of a solid that is given for x >= 0.

    Parameters
    ----------
    left : Solid
        Evaluated at x >= 0 only.

    Returns
    -------
    Solid
        Symmetric about x = 0.
    """
    return lambda p: left(np.column_stack([np.abs(p[:, 0]), p[:, 1:]]))


def moved(solid: Solid, b_from_a: RigidTransform) -> Solid:
    """Transform a solid given in frame a to frame b.

    Parameters
    ----------
    solid : Solid
        In frame a, mm.
    b_from_a : RigidTransform
        The transform, mm.

    Returns
    -------
    Solid
        In frame b, mm.
    """
    a_from_b = b_from_a.inv()
    return lambda p: solid(a_from_b.apply(p))


def _within(p: Array, low: Array, high: Array) -> NDArray[np.intp]:
    """Return the indices of points that lie in a box, or less than _FAR outside."""
    return np.flatnonzero(np.all((p > low - _FAR) & (p < high + _FAR), axis=1))


def _first_order_distance(local: Array, radii: Array, exponent: float) -> Array:
    """Return (k - 1) / |grad k| for the superellipsoid k = 1; first order exact at the surface."""
    q = np.abs(local) / radii
    steep = q if exponent == 2.0 else q ** (exponent - 1.0)
    k = np.einsum("ij,ij->i", steep, q) ** (1.0 / exponent)
    slope = np.linalg.norm(steep / radii, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        gradient = slope * k ** (1.0 - exponent)
    flattest = 1.0 / np.max(radii, axis=-1)
    return (k - 1.0) / np.where(k > 1e-9, np.maximum(gradient, flattest), flattest)


def _smooth_minimum(a: Array, b: Array, blend: float) -> Array:
    if blend <= 0.0:
        return np.minimum(a, b)
    h = np.maximum(blend - np.abs(a - b), 0.0) / blend
    return np.minimum(a, b) - 0.25 * blend * h * h
