"""Spherical markers on the skin that a scan shows: fiducials that come with the case.

A marker is a ball of plastic, glass or ceramic, 3 to 9 mm wide, on the skin and surrounded by air
on most sides. Its centre is where the tip is placed later: a cap with a divot replaces the ball
(Maurer and others 1997, doi 10.1109/42.611354). All balls of a scan are of one size and material;
anything else is not a marker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.model.surface import Surface
from nav.reconstruction.neck_region import SKIN_TOP, NeckRegion
from nav.reconstruction.sampling import Field, as_field, coarser, cropped
from nav.reconstruction.volume import Array, Volume

LEAST_HU = 250.0  # HU of a ball over soft tissue, at least
SOFT = 80.0  # HU: brighter is not soft tissue
BODY = -300.0  # HU
GRID = 0.7  # mm, of the voxels in which balls are searched
DIAMETERS = (2.5, 9.0)  # mm
LONGEST = 1.6  # largest to smallest extent of a ball's bright voxels
LEAST_AIR = 0.3  # share of a shell round a ball that is air
SHELL = (2.5, 4.5)  # mm beyond a ball's wall, of that shell
ABOVE, BELOW, ASIDE = 25.0, 10.0, 125.0  # mm round the neck's region, where markers may be
OFF_SKIN, SUNK = 12.0, 1.5  # mm from skin to a ball's wall; and of its radius, sunk into it
AXIS_Y = -10.0  # mm, head's frame: about the neck's axis
LEAST_RING = 2
RAYS = 192
STEP = 0.1  # mm along a ray
REACH = 2.5  # mm past the wall, in which a ray must fall to what surrounds the ball
IN_AIR = -800.0  # HU at a ray's end: less is only air
LEAST_RAYS = 0.5  # share of rays that show an edge
MOST_OFF = 0.25  # mm rms of the edges from the fitted ball
ALIKE_SIZE, ALIKE_HU = 0.15, 0.25  # relative: balls of one kind
LEAST_COUNT = 3
FIRM = 0.03  # mm, error of a centre besides that from its edges' scatter
BURIED = 0.15  # mm, likewise of a ball with little air round it (measured)
MOST_CHECKS, CHECK_SHARE = 4, 0.3  # most check points, and their largest share of all markers


@dataclass(frozen=True)
class FoundMarker:
    """A spherical marker.

    Parameters
    ----------
    label : str
        M1, M2, ...: those above the largest gap in height first; each group round the neck from its
        front over its left and back to its right.
    position : ndarray, shape (3,)
        Centre, model frame, mm.
    diameter : float
        mm.
    sigma : float
        One standard deviation of each of the centre's coordinates, mm.
    use : {"register", "check"}
        Registered with, or only checked.
    """

    label: str
    position: Array
    diameter: float
    sigma: float
    use: Literal["register", "check"]


@dataclass(frozen=True)
class FoundMarkers:
    """All markers of a scan.

    Parameters
    ----------
    markers : tuple of FoundMarker
        Of one kind.
    others : int
        How many balls of other kinds were left out.
    """

    markers: tuple[FoundMarker, ...] = ()
    others: int = 0


NO_MARKERS = FoundMarkers()


@dataclass(frozen=True)
class _Ball:
    middle: Array
    radius: float
    hu: float
    sigma: float


def find_markers(
    volume: Volume, region: NeckRegion, target: Array, skin: Surface | None = None
) -> FoundMarkers:
    """Find the spherical markers on the skin round a neck.

    Parameters
    ----------
    volume : Volume
        The whole scan, HU.
    region : NeckRegion
        Of the neck.
    target : ndarray, shape (3,)
        Where the registration shall be best, model frame, mm: it decides which markers are kept
        as check points.
    skin : Surface, optional
        Of the neck, model frame: balls that do not stand on it are not markers. Without it all that
        stand in air count.

    Returns
    -------
    FoundMarkers
        Without markers where the scan shows fewer than three balls of one kind.
    """
    corners = np.array(
        np.meshgrid((-ASIDE, ASIDE), (-ASIDE, ASIDE), (region.bottom - BELOW, SKIN_TOP + ABOVE))
    )
    box = region.head_from_model.inv().apply(corners.reshape(3, -1).T)
    near = cropped(volume, box.min(axis=0), box.max(axis=0))
    if min(near.values.shape) < 8:
        return NO_MARKERS
    field = as_field(near)
    balls = [
        ball
        for place, radius in _candidates(near)
        if (ball := _fitted(field, place, radius)) is not None
    ]
    if skin is not None:
        balls = [ball for ball in balls if _on_skin(ball, skin)]
    alike = _largest_kind(balls)
    if len(alike) < LEAST_COUNT:
        return FoundMarkers((), len(balls))
    others = len(balls) - len(alike)
    radius = float(np.median([ball.radius for ball in alike]))
    alike = [_of_radius(field, ball, radius) for ball in alike]
    return FoundMarkers(_labelled(alike, region, target), others)


def _on_skin(ball: _Ball, skin: Surface) -> bool:
    """Return whether a ball stands on the skin, or is hardly sunk into it."""
    away = skin.distance(ball.middle)[0] - ball.radius
    return bool(-SUNK * ball.radius <= away <= OFF_SKIN)


def _candidates(volume: Volume) -> list[tuple[Array, float]]:
    """Return centres and radii of bright blobs that stand in air beside the body."""
    grid = coarser(volume, GRID)
    values = np.asarray(grid.values, np.float32)
    voxel = float(np.prod(grid.spacing))
    bright, count = ndimage.label(values > SOFT + LEAST_HU)
    found: list[tuple[Array, float]] = []
    boxes = ndimage.find_objects(bright)
    sizes = np.bincount(bright.ravel(), minlength=count + 1)
    low, high = (np.pi / 6.0 * d**3 / voxel for d in DIAMETERS)
    for number, box in enumerate(boxes, start=1):
        if not 0.3 * low <= sizes[number] <= 1.5 * high:
            continue
        extents = np.array([s.stop - s.start for s in box[::-1]]) * grid.spacing
        if extents.max() > LONGEST * extents.min() + 2.0 * GRID:
            continue
        radius = (sizes[number] * voxel * 3.0 / 4.0 / np.pi) ** (1.0 / 3.0)
        at = np.array(ndimage.center_of_mass(bright[box] == number))[::-1]
        index = at + [s.start for s in box[::-1]]
        if _in_air(values, grid.spacing, index, radius):
            found.append((grid.to_model(index), radius))
    return found


def _in_air(values: NDArray[np.float32], spacing: Array, index: Array, radius: float) -> bool:
    reach = np.ceil((radius + SHELL[1]) / spacing).astype(int)
    low = np.maximum(np.round(index).astype(int) - reach, 0)
    high = np.minimum(np.round(index).astype(int) + reach + 1, values.shape[::-1])
    axes = [spacing[k] * (np.arange(low[k], high[k]) - index[k]) for k in range(3)]
    off = np.sqrt(axes[0] ** 2 + axes[1][:, None] ** 2 + axes[2][:, None, None] ** 2)
    shell = (off > radius + SHELL[0]) & (off < radius + SHELL[1])
    part = values[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    return bool(shell.any() and (part[shell] < BODY).mean() >= LEAST_AIR)


def _fitted(field: Field, place: Array, radius: float) -> _Ball | None:
    """Fit a ball to the half heights along rays from its centre; None where it is not a ball."""
    fitted = None
    for _ in range(3):
        edges = _edges(field, place, radius)
        if edges is None:
            return None
        fitted = _sphere(edges.points, edges.top)
        if fitted is None:
            return None
        place, radius = fitted.middle, fitted.radius
    if fitted is None or not DIAMETERS[0] <= 2.0 * fitted.radius <= DIAMETERS[1]:
        return None
    return fitted


@dataclass(frozen=True)
class _Edges:
    """Edges of a ball.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Model frame, mm.
    in_air : ndarray of bool, shape (n,)
        Whether there is only air beyond.
    top : float
        Within the ball, HU.
    """

    points: Array
    in_air: NDArray[np.bool_]
    top: float


def _edges(field: Field, middle: Array, radius: float) -> _Edges | None:
    ways = _directions()
    along = np.arange(0.0, radius + REACH, STEP)
    values = field.at(middle + along[:, None, None] * ways)  # (steps, rays)
    top = float(np.median(values[along < 0.5 * radius]))
    lowest = values.min(axis=0)
    half = 0.5 * (top + lowest)
    below = values < half
    at = np.argmax(below, axis=0)
    good = below.any(axis=0) & (at > 0) & (lowest < top - 0.5 * LEAST_HU)
    if good.mean() < LEAST_RAYS:
        return None
    rays = np.flatnonzero(good)
    last, first = values[at[rays] - 1, rays], values[at[rays], rays]
    edge = along[at[rays] - 1] + STEP * (last - half[rays]) / np.maximum(last - first, 1e-6)
    in_air = values[-1, rays] < IN_AIR
    return _Edges(middle + edge[:, None] * ways[rays], in_air, top)


def _of_radius(field: Field, ball: _Ball, radius: float) -> _Ball:
    """Locate a ball of known radius by its edges against air alone: skin beside it biases it."""
    edges = _edges(field, ball.middle, radius)
    if edges is None or edges.in_air.mean() < LEAST_AIR:
        return replace(ball, sigma=float(np.hypot(ball.sigma, BURIED)))
    points, middle = edges.points[edges.in_air], ball.middle
    for _ in range(10):
        away = points - middle
        far = np.linalg.norm(away, axis=1)
        ways = away / far[:, None]
        step = np.linalg.lstsq(ways, far - radius, rcond=None)[0]
        middle = middle + step
        if np.linalg.norm(step) < 1e-5:
            break
    moved = float(np.linalg.norm(middle - ball.middle))
    # two estimates that differ: each may be the wrong one
    return replace(ball, middle=middle, sigma=float(np.hypot(ball.sigma, moved / np.sqrt(3.0))))


def _sphere(points: Array, hu: float) -> _Ball | None:
    """Fit a sphere by least squares, outliers and points on the skin left out."""
    kept = np.ones(len(points), bool)
    middle, radius, off = points.mean(axis=0), 0.0, np.zeros(len(points))
    for _ in range(6):
        if kept.sum() < 0.4 * len(points):
            return None
        q = points[kept]
        design = np.column_stack([2.0 * q, np.ones(len(q))])
        solution = np.linalg.lstsq(design, (q**2).sum(axis=1), rcond=None)[0]
        middle = solution[:3]
        radius = float(np.sqrt(max(solution[3] + middle @ middle, 0.0)))
        off = np.linalg.norm(points - middle, axis=1) - radius
        scatter = 1.4826 * float(np.median(np.abs(off[kept]))) + 0.01
        kept = np.abs(off) < 3.0 * scatter
    rms = float(np.sqrt(np.mean(off[kept] ** 2)))
    if rms > MOST_OFF:
        return None
    # neighbouring rays share voxels: about so many edges are independent
    independent = max(4.0, 4.0 * np.pi * radius**2 / 1.0)
    return _Ball(middle, radius, hu, float(np.hypot(FIRM, rms * np.sqrt(3.0 / independent))))


def _directions() -> Array:
    """Return evenly spread unit vectors (RAYS, 3): a spiral with the golden angle."""
    z = 1.0 - (2.0 * np.arange(RAYS) + 1.0) / RAYS
    turn = np.pi * (3.0 - np.sqrt(5.0)) * np.arange(RAYS)
    flat = np.sqrt(1.0 - z**2)
    return np.column_stack([flat * np.cos(turn), flat * np.sin(turn), z])


def _largest_kind(balls: list[_Ball]) -> list[_Ball]:
    """Return the largest set of balls that are of one size and brightness."""
    best: list[_Ball] = []
    for one in balls:
        kind = [
            b
            for b in balls
            if abs(b.radius - one.radius) < ALIKE_SIZE * one.radius
            and abs(b.hu - one.hu) < ALIKE_HU * abs(one.hu)
        ]
        if len(kind) > len(best):
            best = kind
    return best


def _labelled(balls: list[_Ball], region: NeckRegion, target: Array) -> tuple[FoundMarker, ...]:
    x, y, z = region.head_from_model.apply(np.array([b.middle for b in balls])).T
    # the cut is in front, where nobody glues a marker
    turned = np.mod(np.arctan2(y - AXIS_Y, x) + np.pi / 2.0, 2.0 * np.pi)
    order = np.lexsort([turned, z < _between_rings(z)])
    ordered = [balls[k] for k in order]
    checks = _checks(np.array([b.middle for b in ordered]), target)
    return tuple(
        FoundMarker(
            f"M{k + 1}", b.middle, 2.0 * b.radius, b.sigma, "check" if k in checks else "register"
        )
        for k, b in enumerate(ordered)
    )


def _between_rings(z: Array) -> float:
    """Return the middle of the largest gap in height, mm, that leaves two on each side."""
    heights = np.sort(z)
    if len(heights) < 2 * LEAST_RING:
        return -np.inf
    gaps = np.diff(heights)[LEAST_RING - 1 : 1 - LEAST_RING]
    k = int(np.argmax(gaps)) + LEAST_RING - 1
    return float(0.5 * (heights[k] + heights[k + 1]))


def _checks(points: Array, target: Array) -> set[int]:
    """Return which markers are kept as check points: those that the registration needs least.

    None of five or fewer.
    """
    from nav.registration.points import DegenerateLayout, register_points

    checks: set[int] = set()
    count = min(MOST_CHECKS, int(CHECK_SHARE * len(points))) if len(points) > 5 else 0
    while len(checks) < count:
        scores: dict[int, Any] = {}
        for k in range(len(points)):
            if k in checks:
                continue
            rest = points[[j for j in range(len(points)) if j not in checks | {k}]]
            try:
                scores[k] = register_points(rest, rest, fle=1.0).predicted_tre(target[None])[0]
            except DegenerateLayout:
                continue
        if not scores:
            break
        checks.add(min(scores, key=lambda k: float(scores[k])))
    return checks
