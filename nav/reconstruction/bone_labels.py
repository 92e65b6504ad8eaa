"""Labelling of voxels by bone: distances to the fitted models, and a watershed between them.

Between two bones the fitted models show roughly where the border runs; where they are close, the
grey values' valley decides (watershed from the models' eroded insides).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.reconstruction.chain import Chain
from nav.reconstruction.local_fit import deformed
from nav.reconstruction.prior import BONES, ShapePrior
from nav.reconstruction.sampling import as_field
from nav.reconstruction.volume import Array, Volume

LATTICE = 1.2  # mm, on which the models' distances are exact; between them linear
NEAR = 7.0  # mm outside a model, of the farthest voxels that belong to it: bony bridges
AROUND, CROWDED = (2.0, 6.0), 0.05  # mm outside; share of bright voxels that means vessels
CROWDED_NEAR = 1.5  # mm, instead of NEAR in that case
SURE_INSIDE = 0.5  # mm under a model's surface, below which any HU is bone (marrow)
LAST = ("occiput", "C5")  # ends of the chain: bone beyond them has no model
BEYOND = 1.5  # mm outside their models, where they are cut off
CUT_WIDTH = 0.9  # mm round that cut, where a surface has no claim
STRAY = 2.5  # mm farther from a bone's model than from another's: belongs to that one
SEED = 0.8  # mm under a model's surface, where the watershed begins
SOFT_SHELL = (2.5, 6.0)  # mm outside, where soft tissue is measured
HALF_HEIGHT = 0.45  # of the step from soft tissue to cortex: the threshold
WINDOW = 7.5  # mm, round a bone's model


@dataclass(frozen=True)
class Levels:
    """Grey values of a scan's bone.

    Parameters
    ----------
    soft : float
        Of the surrounding soft tissue, HU.
    cortex : float
        Peak of the usual cortical profile, HU.
    threshold : float
        Between the two, HU.
    """

    soft: float
    cortex: float
    threshold: float


# by bone: a window of the grid (slices z, y, x), and the signed distances there, mm
Distances = dict[str, tuple[tuple[slice, slice, slice], NDArray[np.float32]]]


@dataclass(frozen=True)
class BoneLabels:
    """Labels on a volume's grid.

    Parameters
    ----------
    names : tuple of str
        Of the bones.
    labels : ndarray of uint8, shape (nz, ny, nx)
        0, or 1 + index in `names`.
    distances : dict
        For each name a window of the grid (slices z, y, x) and the signed distances to the model
        there, mm, negative inside.
    levels : Levels
        Grey values of bone and soft tissue.
    """

    names: tuple[str, ...]
    labels: NDArray[np.uint8]
    distances: Distances
    levels: Levels


def label_bones(
    volume: Volume,
    distances: Distances,
    names: Sequence[str],
    excluded: NDArray[np.bool_] | None = None,
    levels: Levels | None = None,
) -> BoneLabels:
    """Label the voxels of a volume that belong to each bone.

    Parameters
    ----------
    volume : Volume
        HU, cropped to the bones.
    distances : dict
        See `bone_distances`.
    names : sequence of str
        Bones that are in the volume.
    excluded : ndarray of bool, shape (nz, ny, nx), optional
        Voxels that belong to something else, such as arteries.
    levels : Levels, optional
        Of the scan; measured round the models if None.

    Returns
    -------
    BoneLabels
        On the volume's grid.
    """
    shape = volume.values.shape
    nearest = np.full(shape, np.inf, np.float32)
    labels = np.zeros(shape, np.uint8)
    seeds = np.zeros(shape, np.int32)
    for number, name in enumerate(names, start=1):
        window, distance = distances[name]
        closer = distance < nearest[window]
        nearest[window][closer] = distance[closer]
        labels[window][closer] = number
    levels = levels or grey_levels(volume, nearest)
    hu = volume.values
    bone = hu > levels.threshold
    if excluded is not None:
        bone &= ~(excluded & (nearest > -0.5))
    bone &= nearest < (CROWDED_NEAR if _crowded(bone, nearest) else NEAR)
    bone |= nearest < -SURE_INSIDE
    sure = (nearest < -SEED) & bone
    seeds[sure] = labels[sure]
    flooded = _watershed(hu, bone, seeds, nearest)
    for number, name in enumerate(names, start=1):
        # where bones are fused the flood may enter the neighbour: the models limit it
        window, distance = distances[name]
        stray = (flooded[window] == number) & (distance - nearest[window] > STRAY)
        flooded[window][stray] = labels[window][stray]
        if name in LAST:
            beyond = (flooded[window] == number) & (distance > BEYOND)
            flooded[window][beyond] = 0
        outside = flooded == number
        outside[window] = False
        flooded[outside] = labels[outside]
    return BoneLabels(tuple(names), flooded, distances, levels)


def bone_distances(volume: Volume, prior: ShapePrior, chain: Chain) -> Distances:
    """Return the signed distances to each fitted bone, locally deformed, in a window round it.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    prior : ShapePrior
        Of the bones.
    chain : Chain
        As fitted to the scan.

    Returns
    -------
    dict
        For each bone a window of the grid (slices z, y, x) and the distances there, mm, negative
        inside.
    """
    field = as_field(volume)
    found = {}
    for name in BONES:
        triangles = prior.bone(name).triangles
        vertices = deformed(field, chain.vertices(prior, name), triangles)
        found[name] = signed_distance(volume, vertices, triangles)
    return found


def nearest_of(volume: Volume, distances: Distances) -> NDArray[np.float32]:
    """Return the signed distance of every voxel to the nearest bone.

    Parameters
    ----------
    volume : Volume
        With the grid.
    distances : dict
        See `bone_distances`.

    Returns
    -------
    ndarray of float32, shape (nz, ny, nx)
        mm, negative inside; inf far away.
    """
    nearest = np.full(volume.values.shape, np.inf, np.float32)
    for window, distance in distances.values():
        nearest[window] = np.minimum(nearest[window], distance)
    return nearest


def cut_off(volume: Volume, distances: Distances, name: str, vertices: Array) -> NDArray[np.bool_]:
    """Return which vertices of a bone lie where it was cut off at the end of its model.

    Parameters
    ----------
    volume : Volume
        With the grid.
    distances : dict
        See `bone_distances`.
    name : str
        Of the bone.
    vertices : ndarray, shape (n, 3)
        Model frame, mm.

    Returns
    -------
    ndarray of bool, shape (n,)
        All False for bones other than the first and last of the chain.
    """
    if name not in LAST:
        return np.zeros(len(vertices), bool)
    window, distance = distances[name]
    index = np.rint(volume.to_voxel(vertices)).astype(int)
    index -= [window[2].start, window[1].start, window[0].start]
    index = np.clip(index, 0, np.array(distance.shape[::-1]) - 1)
    x, y, z = index.T
    return np.asarray(distance[z, y, x] > BEYOND - CUT_WIDTH)


def signed_distance(
    volume: Volume, vertices: Array, triangles: NDArray[np.int32], margin: float = WINDOW
) -> tuple[tuple[slice, slice, slice], NDArray[np.float32]]:
    """Return the signed distances of voxels round a closed surface.

    Parameters
    ----------
    volume : Volume
        With the grid.
    vertices : ndarray, shape (n, 3)
        Model frame, mm.
    triangles : ndarray, shape (m, 3)
        int32.
    margin : float
        Of the window round the surface, mm.

    Returns
    -------
    window : tuple of slice
        Of the grid, z, y, x.
    distance : ndarray of float32, shape of the window
        mm, negative inside; linear between points LATTICE mm apart.
    """
    import open3d as o3d  # over a second to import

    index = volume.to_voxel(vertices)
    pad = margin / volume.spacing
    size = np.array(volume.values.shape[::-1])
    first = np.clip(np.floor(index.min(axis=0) - pad).astype(int), 0, size - 1)
    last = np.clip(np.ceil(index.max(axis=0) + pad).astype(int) + 1, first + 1, size)
    stride = np.maximum(1, np.floor(LATTICE / volume.spacing)).astype(int)
    counts = np.ceil((last - 1 - first) / stride).astype(int) + 1
    axes = [first[k] + stride[k] * np.arange(counts[k]) for k in range(3)]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    points = volume.to_model(lattice.reshape(-1, 3)).astype(np.float32)
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(vertices.astype(np.float32)),
        o3d.core.Tensor(np.ascontiguousarray(triangles).astype(np.uint32)),
    )
    coarse = scene.compute_signed_distance(o3d.core.Tensor(points)).numpy().reshape(counts)
    fine = _stretched(coarse, stride, last - first)
    x, y, z = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return (z, y, x), np.ascontiguousarray(fine.transpose(2, 1, 0))


def grey_levels(volume: Volume, nearest: NDArray[np.float32]) -> Levels:
    """Measure a scan's soft tissue and cortex round the models, and the threshold between.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    nearest : ndarray, shape (nz, ny, nx)
        Signed distance to the nearest bone, mm.

    Returns
    -------
    Levels
        Grey values, HU.
    """
    hu = np.asarray(volume.values, np.float32)
    shell = (nearest > SOFT_SHELL[0]) & (nearest < SOFT_SHELL[1])
    around = hu[shell]
    around = around[(around > -50) & (around < 200)]
    soft = float(np.median(around)) if len(around) else 50.0
    peaks = ndimage.maximum_filter(np.where(np.abs(nearest) < 1.5, hu, -1024), 3)
    rim = np.abs(nearest) < 0.4
    cortex = float(np.median(peaks[rim])) if rim.any() else 700.0
    cortex = max(cortex, soft + 150.0)
    return Levels(soft, cortex, soft + HALF_HEIGHT * (cortex - soft))


def _crowded(bright: NDArray[np.bool_], nearest: NDArray[np.float32]) -> bool:
    """Return whether vessels are as bright as bone: too much round the models is bright."""
    around = (nearest > AROUND[0]) & (nearest < AROUND[1])
    return bool(bright[around].mean() > CROWDED) if around.any() else False


def _watershed(
    hu: NDArray, bone: NDArray[np.bool_], seeds: NDArray[np.int32], nearest: NDArray[np.float32]
) -> NDArray[np.uint8]:
    from skimage.segmentation import watershed  # half a second to import

    # darker voxels come later, and so do those farther outside the models
    order = -hu.astype(np.float32) + 60.0 * np.clip(nearest, 0.0, NEAR)
    return watershed(order, seeds, mask=bone).astype(np.uint8)


def _stretched(coarse: NDArray, stride: Array, size: Array) -> NDArray[np.float32]:
    """Interpolate a lattice linearly to every grid point that it spans, `size` of them."""
    fine = np.asarray(coarse, np.float32)
    for axis, (step, count) in enumerate(zip(stride, size, strict=True)):
        at = np.arange(count) / step
        low = np.minimum(at.astype(int), fine.shape[axis] - 1)
        high = np.minimum(low + 1, fine.shape[axis] - 1)
        shape = [1, 1, 1]
        shape[axis] = int(count)
        part = (at - low).astype(np.float32).reshape(shape)
        fine = np.take(fine, low, axis) * (1 - part) + np.take(fine, high, axis) * part
    return fine
