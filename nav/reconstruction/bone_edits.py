"""Changes to the bones' voxels by label maps of other programs and by strokes of a brush."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.reconstruction.bone_labels import LAST, WINDOW, Distances, Levels
from nav.reconstruction.guidance import GuideLabel, Stroke
from nav.reconstruction.labelmap import LabelMask
from nav.reconstruction.volume import Array, Volume

Window = tuple[slice, slice, slice]

LABEL_REACH = 1.5  # mm outside a label, beyond which bright voxels do not belong to it
ROUNDED = 0.5  # of a label's voxel: sd of the Gaussian that smooths its steps
RAMP = 0.8  # mm from a stroke's edge, over which grey values change
PAINTED_REACH = 1.0  # mm from a stroke's edge, within which a bone's wall counts as painted
FAR = 99.0  # mm


def labelled_distances(
    volume: Volume, distances: Distances, labels: Sequence[GuideLabel]
) -> Distances:
    """Replace the signed distances to bones by those to their labels, where they have one.

    No other bone extends into a label.

    Parameters
    ----------
    volume : Volume
        The scan.
    distances : dict
        Signed distances to the fitted models, see `Distances`, mm.
    labels : sequence of GuideLabel
        Of bones.

    Returns
    -------
    dict
        Distances in which labelled bones are replaced.
    """
    found = dict(distances)
    for label in labels:
        window, own = label_distance(volume, label.mask)
        found[label.name] = (window, own)
        for name in found:
            if name != label.name:
                _kept_out(found, name, window, own)
    return found


def painted_distances(volume: Volume, distances: Distances, strokes: Sequence[Stroke]) -> Distances:
    """Apply strokes to the signed distances to bones.

    A stroke adds to its bone and removes from the others, or removes from its bone.

    Parameters
    ----------
    volume : Volume
        The scan.
    distances : dict
        Signed distances to bones, see `Distances`, mm.
    strokes : sequence of Stroke
        On bones, in order.

    Returns
    -------
    dict
        Changed distances.
    """
    found = dict(distances)
    for stroke in strokes:
        window, own = stroke_distance(volume, stroke)
        name = stroke.structure
        if stroke.erase:
            _kept_out(found, name, window, own)
            continue
        _joined(found, name, window, own)
        for other in found:
            if other != name:
                _kept_out(found, other, window, own)
    return found


def edited_labels(
    volume: Volume,
    labelled: NDArray[np.uint8],
    names: Sequence[str],
    distances: Distances,
    labels: Sequence[GuideLabel],
    strokes: Sequence[Stroke],
) -> NDArray[np.uint8]:
    """Apply label maps and strokes to the labels of bones.

    Parameters
    ----------
    volume : Volume
        The scan.
    labelled : ndarray of uint8, shape (nz, ny, nx)
        0, or 1 + index in `names`.
    names : sequence of str
        Of the bones.
    distances : dict
        Signed distances to bones, see `Distances`, mm.
    labels : sequence of GuideLabel
        Of bones: voxels of a labelled bone far outside its label are removed from it.
    strokes : sequence of Stroke
        On bones, in order.

    Returns
    -------
    ndarray of uint8, shape (nz, ny, nx)
        Changed labels.
    """
    if not labels and not strokes:
        return labelled
    result = labelled.copy()
    for label in labels:
        if label.name in LAST:
            continue  # already cut off where their models end
        number = names.index(label.name) + 1
        window, distance = distances[label.name]
        stray = (result[window] == number) & (distance > LABEL_REACH)
        result[window][stray] = 0
    for stroke in strokes:
        number = names.index(stroke.structure) + 1
        window, distance = stroke_distance(volume, stroke)
        inside = distance <= 0.0
        if stroke.erase:
            inside &= result[window] == number
        result[window][inside] = 0 if stroke.erase else number
    return result


def painted_greys(volume: Volume, name: str, strokes: Sequence[Stroke], levels: Levels) -> Volume:
    """Return the scan with grey values that cross the threshold of bone at the brush's edge.

    What was added to the bone is bright; what was removed from it, or given to another, is dark.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    name : str
        Bone whose surface is to be made.
    strokes : sequence of Stroke
        On bones, in order.
    levels : Levels
        Grey values of the scan's bone.

    Returns
    -------
    Volume
        HU; the given one where there are no strokes.
    """
    if not strokes:
        return volume
    values = np.array(volume.values, np.float32)
    height = levels.threshold - levels.soft
    for stroke in strokes:
        window, distance = stroke_distance(volume, stroke)
        part = values[window]
        if stroke.structure == name and not stroke.erase:
            ramp = levels.threshold - height * np.clip(distance / RAMP, -1.0, 1.0)
            values[window] = np.maximum(part, np.where(distance < RAMP, ramp, part))
        elif stroke.structure == name or not stroke.erase:
            ramp = levels.threshold + height * np.clip(distance / RAMP, -1.0, 1.0)
            values[window] = np.minimum(part, np.where(distance < RAMP, ramp, part))
    return Volume(values, volume.model_from_voxel)


def held_vertices(name: str, vertices: Array, strokes: Sequence[Stroke]) -> NDArray[np.bool_]:
    """Return which vertices of a bone lie at the edge of a stroke, where the user put them.

    Parameters
    ----------
    name : str
        Of the bone.
    vertices : ndarray, shape (n, 3)
        Model frame, mm.
    strokes : sequence of Stroke
        On bones.

    Returns
    -------
    ndarray of bool, shape (n,)
        True within PAINTED_REACH mm of the edge of a stroke that concerns the bone.
    """
    held = np.zeros(len(vertices), bool)
    for stroke in strokes:
        if stroke.structure == name or not stroke.erase:
            held |= np.abs(stroke.distances(vertices)) < PAINTED_REACH
    return held


def label_distance(volume: Volume, mask: LabelMask) -> tuple[Window, NDArray[np.float32]]:
    """Return the signed distances of voxels round a label.

    Parameters
    ----------
    volume : Volume
        The scan.
    mask : LabelMask
        The label.

    Returns
    -------
    window : tuple of slice
        Of the grid, z, y, x.
    distance : ndarray of float32, shape of the window
        To the label's smoothed boundary, mm, negative inside.
    """
    points = mask.centres()
    window = grid_window(volume, points.min(axis=0) - WINDOW, points.max(axis=0) + WINDOW)
    inside = mask_on_grid(volume, window, mask)
    steps = volume.spacing[::-1]
    if not inside.any():
        return window, np.full(inside.shape, FAR, np.float32)
    away = ndimage.distance_transform_edt(~inside, sampling=steps)
    depth = ndimage.distance_transform_edt(inside, sampling=steps)
    signed = np.where(inside, -depth, away) + np.where(inside, 0.5, -0.5) * steps.mean()
    sd = ROUNDED * mask.spacing[::-1] / steps
    return window, ndimage.gaussian_filter(signed.astype(np.float32), sd, mode="nearest")


def mask_on_grid(volume: Volume, window: Window, mask: LabelMask) -> NDArray[np.bool_]:
    """Resample a label onto a window of a grid, by nearest neighbour.

    Parameters
    ----------
    volume : Volume
        With the grid.
    window : tuple of slice
        Of the grid, z, y, x.
    mask : LabelMask
        The label.

    Returns
    -------
    ndarray of bool, shape of the window
        True within the label.
    """
    mask_from_voxel = np.linalg.inv(mask.model_from_voxel) @ volume.model_from_voxel
    first = np.array([part.start for part in window])
    shape = tuple(part.stop - part.start for part in window)
    turned = mask_from_voxel[:3, :3][::-1, ::-1]
    offset = mask_from_voxel[:3, 3][::-1] + turned @ first
    found = ndimage.affine_transform(
        mask.values.astype(np.uint8), turned, offset, output_shape=shape, order=0, cval=0
    )
    return np.asarray(found, bool)


def stroke_distance(volume: Volume, stroke: Stroke) -> tuple[Window, NDArray[np.float32]]:
    """Return the signed distances of voxels round a stroke.

    Parameters
    ----------
    volume : Volume
        The scan.
    stroke : Stroke
        Of the brush.

    Returns
    -------
    window : tuple of slice
        Of the grid, z, y, x.
    distance : ndarray of float32, shape of the window
        To the stroke's surface, mm, negative inside.
    """
    low, high = stroke.bounds
    margin = float(volume.spacing.max()) + 1.0
    window = grid_window(volume, low - margin, high + margin)
    axes = [np.arange(part.start, part.stop) for part in window]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)[:, ::-1]
    distance = stroke.distances(volume.to_model(index))
    return window, distance.reshape([len(axis) for axis in axes]).astype(np.float32)


def grid_window(volume: Volume, low: Array, high: Array) -> Window:
    """Return the window of a grid that contains a box of the model frame.

    Parameters
    ----------
    volume : Volume
        With the grid.
    low, high : ndarray, shape (3,)
        Opposite corners of the box, model frame, mm.

    Returns
    -------
    tuple of slice
        Of the grid, z, y, x; clipped to it.
    """
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    index = volume.to_voxel(corners)
    size = np.array(volume.values.shape[::-1])
    first = np.clip(np.floor(index.min(axis=0)).astype(int), 0, size - 1)
    last = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, first + 1, size)
    x, y, z = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return z, y, x


def _joined(found: Distances, name: str, window: Window, own: NDArray[np.float32]) -> None:
    before, distance = found[name]
    wide: Window = tuple(  # type: ignore[assignment]
        slice(min(a.start, b.start), max(a.stop, b.stop))
        for a, b in zip(before, window, strict=True)
    )
    grown = np.full([part.stop - part.start for part in wide], FAR, np.float32)
    grown[_within(before, wide)] = distance
    inner = _within(window, wide)
    grown[inner] = np.minimum(grown[inner], own)
    found[name] = (wide, grown)


def _kept_out(found: Distances, name: str, window: Window, own: NDArray[np.float32]) -> None:
    before, distance = found[name]
    both: list[slice] = [
        slice(max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(before, window, strict=True)
    ]
    if any(part.stop <= part.start for part in both):
        return
    shared: Window = (both[0], both[1], both[2])
    changed = distance.copy()
    inner = _within(shared, before)
    changed[inner] = np.maximum(changed[inner], -own[_within(shared, window)])
    found[name] = (before, changed)


def _within(window: Window, outer: Window) -> Window:
    z, y, x = (
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(window, outer, strict=True)
    )
    return z, y, x
