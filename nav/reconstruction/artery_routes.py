"""The cheapest route through voxels as bright as a vessel's lumen, from station to station."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.reconstruction.sampling import cropped, smoothed
from nav.reconstruction.volume import Array, Volume

LOWER = ("C4", "C3", "C2low")  # stations that the way passes
SMOOTH = 0.5  # mm, of the grey values that the way follows
WIDTH = 0.22  # of the contrast, by which a lumen's grey values may differ
MOST_COST = 60.0
INSIDE_BONE = 0.3  # mm under a bone's surface, where no way runs
TOP_REACH = 7.0  # mm round the upper end's usual place
BELOW_C4 = 14.0  # mm, how far the artery is followed downwards


def cut_out(
    volume: Volume, distance: NDArray[np.float32], low: Array, high: Array
) -> tuple[Volume, NDArray[np.float32]]:
    """Cut a box out of a scan and of the distances to bone.

    Parameters
    ----------
    volume : Volume
        HU.
    distance : ndarray, shape (nz, ny, nx)
        Signed distance to the nearest fitted bone, mm.
    low, high : ndarray, shape (3,)
        Corners of the box, model frame, mm.

    Returns
    -------
    part : Volume
        The scan in the box.
    distance : ndarray, shape (mz, my, mx)
        The distances there, mm.
    """
    part = cropped(volume, low, high)
    same = cropped(Volume(distance, volume.model_from_voxel), low, high)
    return part, np.asarray(same.values, np.float32)


def travel_cost(
    part: Volume,
    distance: NDArray[np.float32],
    lumen: float | NDArray[np.float32],
    soft: float,
) -> NDArray[np.float32]:
    """Return the cost of a step through each voxel: 1 in the lumen, much elsewhere.

    Parameters
    ----------
    part : Volume
        HU.
    distance : ndarray, shape (nz, ny, nx)
        Signed distance to the nearest fitted bone, mm.
    lumen : float or ndarray, shape (nz, ny, nx)
        HU of the lumen, of all of it or at each voxel.
    soft : float
        HU of soft tissue.

    Returns
    -------
    ndarray, shape (nz, ny, nx)
        Cost per mm.
    """
    hu = np.asarray(smoothed(part, SMOOTH).values, np.float32)
    off = (hu - lumen) / (WIDTH * (lumen - soft))
    # brighter than the lumen is less wrong than darker, as contrast decays and calcium shines
    cost = 1.0 + np.where(off < 0.0, off**2, 0.6 * off**2)
    cost += np.clip(1.2 - distance, 0.0, 1.5) * 4.0
    cost[distance < -INSIDE_BONE] = MOST_COST
    return np.minimum(cost, MOST_COST)


def cheapest_route(
    part: Volume, cost: NDArray[np.float32], stations: dict[str, Array], lumen: float, soft: float
) -> Array | None:
    """Find the cheapest way from below C4 up to the dura.

    Parameters
    ----------
    part : Volume
        HU.
    cost : ndarray, shape (nz, ny, nx)
        See `travel_cost`.
    stations : dict
        Places that the artery passes, by name, model frame, mm: foramina, seeds, where it pierces
        the dura.
    lumen, soft : float
        HU of the lumen and of soft tissue.

    Returns
    -------
    ndarray, shape (n, 3), or None
        Model frame, mm; None where fewer than two stations are in the scan.
    """
    ends = [point for name, point in stations.items() if name in LOWER or name.startswith("seed")]
    bottom = ends[0] - [0.0, 0.0, BELOW_C4]
    points = [p for p in (bottom, *ends) if _inside(part, p)]
    if len(points) < 2:
        return None
    top = _upper_end(part, stations["pierce"], lumen, soft)
    if top is not None:
        points.append(top)
    snapped = [_snapped(part, cost, p, 3.0) for p in points]
    ways = [cheapest_path(part, cost, a, b) for a, b in pairwise(snapped)]
    return np.vstack([ways[0], *(w[1:] for w in ways[1:])])


def _upper_end(part: Volume, usual: Array, lumen: float, soft: float) -> Array | None:
    """Return where the lumen is, near its usual upper end; None where nothing is filled."""
    hu = np.asarray(smoothed(part, SMOOTH).values, np.float32)
    filled = np.abs(hu - lumen) < 0.4 * (lumen - soft)
    index = np.argwhere(filled)[:, ::-1]
    if not len(index):
        return None
    off = np.linalg.norm(part.to_model(index) - usual, axis=1)
    near = off < TOP_REACH
    if near.sum() < 10:
        return None
    i, j, k = index[near].T
    score = np.abs(hu[k, j, i] - lumen) / (lumen - soft) + off[near] / TOP_REACH
    return part.to_model(index[near][np.argmin(score)][None])[0]


def _inside(part: Volume, point: Array) -> bool:
    index = part.to_voxel(point[None])[0]
    return bool((index >= 0).all() and (index <= np.array(part.values.shape[::-1]) - 1).all())


def _snapped(
    part: Volume, cost: NDArray[np.float32], point: Array, reach: float
) -> tuple[int, int, int]:
    """Return the cheapest voxel (z, y, x) near a point."""
    centre = part.to_voxel(point[None])[0]
    size = np.array(part.values.shape[::-1])
    span = np.ceil(reach / part.spacing).astype(int)
    first = np.clip(np.rint(centre).astype(int) - span, 0, size - 1)
    last = np.clip(np.rint(centre).astype(int) + span + 1, first + 1, size)
    x, y, z = (slice(a, b) for a, b in zip(first, last, strict=True))
    window = ndimage.uniform_filter(cost, 3)[z, y, x]
    grid = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in (z, y, x)), indexing="ij"))
    off = (grid[::-1] - centre[:, None, None, None]) * part.spacing[:, None, None, None]
    away = np.sqrt((off**2).sum(axis=0))
    best = np.unravel_index(
        int(np.argmin(window + 2.0 * away + np.where(away > reach, 1e3, 0))), window.shape
    )
    return (int(best[0] + z.start), int(best[1] + y.start), int(best[2] + x.start))


def cheapest_path(
    part: Volume,
    cost: NDArray[np.float32],
    start: tuple[int, int, int],
    end: tuple[int, int, int],
) -> Array:
    """Find the cheapest path between two voxels.

    Parameters
    ----------
    part : Volume
        The grid.
    cost : ndarray, shape (nz, ny, nx)
        See `travel_cost`.
    start, end : tuple of int
        Indices (z, y, x).

    Returns
    -------
    ndarray, shape (n, 3)
        Model frame, mm.
    """
    from skimage.graph import MCP_Geometric

    search = MCP_Geometric(cost, sampling=tuple(part.spacing[::-1]))
    search.find_costs([start], [end])
    return part.to_model(np.array(search.traceback(end))[:, ::-1])
