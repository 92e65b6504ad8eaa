"""Skin of the neck as a closed surface, without couch and without face."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.core.errors import Lost
from nav.reconstruction.chain import Chain
from nav.reconstruction.decimate import decimated
from nav.reconstruction.grey_surface import Mesh, iso_surface, signed_volume
from nav.reconstruction.neck_region import ASIDE, BACK, FRONT, SKIN_TOP, NeckRegion, neck_region
from nav.reconstruction.prior import ShapePrior
from nav.reconstruction.sampling import Field, as_field, coarser, cropped
from nav.reconstruction.volume import Array, Volume

GRID = 1.0  # mm, of the surface's voxels
ROUGH = 2.0  # mm, of the voxels in which body, couch and airway are distinguished
THIN = 5.0  # mm, half of the largest thickness of a plate
REGROWN = 2.0  # mm beyond its opened shape, within which the body is kept as seen
SEALED, HOLLOW = 11.0, 3.0  # mm, half width of openings that are closed, and of hollows behind
AIRWAY_X, AIRWAY_Y = 40.0, -25.0  # mm, head's frame: no airway beside and behind
CELLS_Y = 15.0  # mm, head's frame: the mastoid's air cells lie in front of it
AIR, SOFT = -1000.0, 30.0  # HU, defaults where a scan has too little of either
BODY, NO_TISSUE = -300.0, -700.0  # HU, rough
TRIANGLES = 50_000
EDGE_SLOPE = 0.5  # step height per mm, of cuts: as soft as a scan's edge
NEAR_END = 1.6  # mm (voxels of GRID): a vertex closer to an end of scan or cut has no claim
LEAST_STEP = 0.5  # of the step from air to skin, least at a vertex
STEP_MM = 1.2  # mm, least width of the step from air to skin
FIRM = 0.14  # mm, error of the surface besides noise


@dataclass(frozen=True)
class SkinSurface:
    """The skin as a closed surface.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Model frame, mm.
    triangles : ndarray of int32, shape (m, 3)
        Counter-clockwise from outside.
    sigma : ndarray, shape (n,)
        Standard deviation along the normal, mm; NaN where nothing is claimed.
    claimed : ndarray of bool, shape (n,)
        False where the surface only closes: at cuts, at the scan's border, over sealed openings,
        where something touches the skin.
    cut_by_view : float
        Share of the neck's height at which the field of view cuts its sides.
    levels : tuple of float
        Of air, of skin, and the threshold between, HU.
    """

    vertices: Array
    triangles: NDArray[np.int32]
    sigma: Array
    claimed: NDArray[np.bool_]
    cut_by_view: float
    levels: tuple[float, float, float]


def skin_surface(volume: Volume, prior: ShapePrior, chain: Chain) -> SkinSurface | Lost:
    """Reconstruct the skin of the neck.

    Parameters
    ----------
    volume : Volume
        HU.
    prior : ShapePrior
        Of the bones.
    chain : Chain
        As fitted to the volume.

    Returns
    -------
    SkinSurface or Lost
        Lost where there is no body in the neck's region.
    """
    region = neck_region(prior, chain)
    part = coarser(_around(volume, region), GRID)
    grey = np.asarray(part.values, np.float32)
    if min(grey.shape) < 4:
        return Lost("neck_too_short")
    body, touching = _body(part, region, chain)
    if not body.any():
        return Lost("only_air")
    levels = _levels(grey, body)
    air, soft, threshold = levels
    height = soft - air
    interior = ndimage.binary_erosion(body, iterations=2, border_value=1)
    filled = body & (interior | (grey > threshold))
    step = np.clip((grey - threshold) / height, -0.5, 0.5)
    step = np.where(ndimage.binary_dilation(filled, iterations=1), step, -0.5)
    step = np.where(interior, 0.5, step).astype(np.float32)
    kept = region.kept_on_grid(part)
    step = np.minimum(step, np.clip(EDGE_SLOPE * kept, -0.5, 0.5))
    window = tuple(slice(0, n) for n in step.shape)
    mesh = _largest(iso_surface(step, 0.0, part, (window[0], window[1], window[2])))
    mesh = _decimated(mesh)
    claimed = _claimed(part, region, mesh.vertices, body, touching)
    noise = _noise(grey, body)
    sigma = np.full(len(mesh.vertices), np.hypot(FIRM, noise * STEP_MM / height))
    cut = _cut_by_view(body & (kept > 0.0))
    return SkinSurface(
        mesh.vertices,
        mesh.triangles,
        np.where(claimed, sigma, np.nan),
        claimed,
        cut,
        levels,
    )


def _around(volume: Volume, region: NeckRegion) -> Volume:
    corners = (
        np.array(
            np.meshgrid((-ASIDE, ASIDE), (-FRONT, BACK), (region.bottom - 4.0, SKIN_TOP + 4.0))
        )
        .reshape(3, -1)
        .T
    )
    box = region.head_from_model.inv().apply(corners)
    return cropped(volume, box.min(axis=0), box.max(axis=0))


def _body(
    part: Volume, region: NeckRegion, chain: Chain
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the body, airway filled, and what touches it (couch, headrest), on the grid."""
    rough = coarser(part, ROUGH)
    solid = np.asarray(rough.values, np.float32) > BODY
    steps = rough.spacing[::-1]
    mask = _airway_filled(solid, rough, region)
    # thin things end in air, not at the scan's border
    padded = np.pad(mask, 4, mode="edge")
    core = np.asarray(ndimage.distance_transform_edt(padded, sampling=steps)) > THIN
    core = _holding(core, rough, chain)
    if not core.any():
        nothing = np.zeros(part.values.shape, bool)
        return nothing, nothing
    grown = ndimage.distance_transform_edt(~core, sampling=steps) <= THIN + REGROWN
    inner = (slice(4, -4),) * 3
    # sealed only now: the gap to a couch is not a hollow of the body
    body = _sealed((grown & padded)[inner], steps)
    other = solid & ~body
    return _finer(body, rough, part), _finer(other, rough, part)


def _holding(core: NDArray[np.bool_], rough: Volume, chain: Chain) -> NDArray[np.bool_]:
    """Return the component round the vertebrae, else the largest."""
    pieces, count = ndimage.label(core)
    if count == 0:
        return core
    found = []
    for name in ("C1", "C2", "C3", "C4"):
        index = np.round(rough.to_voxel(chain.poses[name].translation[None])[0]).astype(int) + 4
        if ((index >= 0) & (index < np.array(core.shape[::-1]))).all():
            found.append(int(pieces[index[2], index[1], index[0]]))
    found = [number for number in found if number]
    if found:
        return np.asarray(pieces == max(set(found), key=found.count))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == int(sizes.argmax()))


def _airway_filled(
    solid: NDArray[np.bool_], rough: Volume, region: NeckRegion
) -> NDArray[np.bool_]:
    """Fill closed hollows slice by slice: airway and mastoid, not what couch and neck enclose."""
    holes = np.array([ndimage.binary_fill_holes(plane) for plane in solid]) & ~solid
    place = np.argwhere(holes)
    q = region.head_from_model.apply(rough.to_model(place[:, ::-1])) if len(place) else place
    airway = (np.abs(q[:, 0]) < AIRWAY_X) & (q[:, 1] < AIRWAY_Y)
    cells = (q[:, 1] < CELLS_Y) & (q[:, 2] > 0.0) & ~airway
    filled = solid.copy()
    filled[tuple(place[airway | cells].T)] = True
    return filled


def _sealed(mask: NDArray[np.bool_], steps: Array) -> NDArray[np.bool_]:
    """Fill the airway and other hollows, also those that open to the outside.

    Outside is where a ball of radius SEALED fits; a hollow is deeper than HOLLOW.
    """
    pad = int(np.ceil((SEALED + ROUGH) / steps.min()))
    solid = np.pad(mask, ((pad, pad), (0, 0), (0, 0)), mode="edge")
    solid = np.pad(solid, ((0, 0), (pad, pad), (pad, pad)))
    free = ndimage.distance_transform_edt(solid == 0, sampling=steps) > SEALED
    outside = ndimage.distance_transform_edt(~free, sampling=steps) <= SEALED
    hollow = ~solid & ~outside
    deep = ndimage.distance_transform_edt(hollow, sampling=steps) > HOLLOW
    if deep.any():
        deep = ndimage.distance_transform_edt(~deep, sampling=steps) <= HOLLOW + ROUGH
    return np.asarray((solid | (deep & hollow))[pad:-pad, pad:-pad, pad:-pad])


def _finer(mask: NDArray[np.bool_], rough: Volume, part: Volume) -> NDArray[np.bool_]:
    """Return a rough mask on a finer grid of the same axes, nearest voxel."""
    index = []
    for axis, column in ((0, 2), (1, 1), (2, 0)):
        count = part.values.shape[axis]
        places = np.zeros((count, 3))
        places[:, column] = np.arange(count)
        at = rough.to_voxel(part.to_model(places))[:, column]
        index.append(np.clip(np.round(at).astype(int), 0, mask.shape[axis] - 1))
    return mask[np.ix_(*index)]


def _levels(grey: NDArray[np.float32], body: NDArray[np.bool_]) -> tuple[float, float, float]:
    outside = grey[~ndimage.binary_dilation(body, iterations=4)]
    outside = outside[outside < NO_TISSUE]
    rim = body & ~ndimage.binary_erosion(body, iterations=4)
    rim &= ndimage.binary_erosion(body, iterations=2)
    inside = grey[rim]
    inside = inside[(inside > -200.0) & (inside < 150.0)]
    air = float(np.median(outside)) if len(outside) > 500 else AIR
    soft = float(np.median(inside)) if len(inside) > 500 else SOFT
    return air, soft, 0.5 * (air + soft)


def _noise(grey: NDArray[np.float32], body: NDArray[np.bool_]) -> float:
    """Return the noise's sd from differences between neighbouring voxels in the body, HU."""
    deep = ndimage.binary_erosion(body, iterations=3)
    pair = deep[:, :, 1:] & deep[:, :, :-1]
    if not pair.any():
        return 30.0
    difference = (grey[:, :, 1:] - grey[:, :, :-1])[pair]
    return float(1.4826 * np.median(np.abs(difference)) / np.sqrt(2.0))


def _largest(mesh: Mesh) -> Mesh:
    import pyvista as pv

    surface = pv.make_tri_mesh(mesh.vertices, _faces(mesh))
    surface = surface.connectivity("largest").extract_surface(algorithm="dataset_surface").clean()
    triangles = np.asarray(surface.faces, np.int32).reshape(-1, 4)[:, 1:].copy()
    vertices = np.asarray(surface.points, float)
    if signed_volume(vertices, triangles) < 0.0:
        triangles = np.ascontiguousarray(triangles[:, ::-1])
    return Mesh(vertices, triangles)


def _decimated(mesh: Mesh) -> Mesh:
    """Return the surface with at most TRIANGLES triangles, closed as before."""
    return decimated(mesh, 1.0 - TRIANGLES / len(mesh.triangles))


def _faces(mesh: Mesh) -> Any:
    return mesh.triangles  # the declared parameter type is narrower than what is accepted


def _claimed(
    part: Volume,
    region: NeckRegion,
    vertices: Array,
    body: NDArray[np.bool_],
    touching: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    size = np.array(part.values.shape[::-1])
    index = part.to_voxel(vertices)
    within = ((index > 1.0) & (index < size - 2.0)).all(axis=1)
    uncut = region.kept(vertices) > NEAR_END
    beside = ndimage.binary_dilation(touching, iterations=3).astype(np.float32)
    free = _at(beside, part, vertices) < 0.5
    outside = ndimage.binary_dilation(~body, iterations=2).astype(np.float32)
    free &= _at(outside, part, vertices) > 0.5
    # the scan shows no step over a sealed opening
    grey = as_field(part)
    steep = _contrast(grey, vertices, part) > LEAST_STEP * (SOFT - AIR)
    return np.asarray(within & uncut & free & steep)


def _at(values: NDArray[np.float32], part: Volume, points: Array) -> Array:
    return np.asarray(as_field(replace(part, values=values)).at(points), float)


def _contrast(grey: Field, vertices: Array, part: Volume) -> Array:
    """Return the range of HU within 2 mm round each vertex, NaN outside the scan."""
    reach = 1.5 * part.spacing.max()
    offsets = reach * np.vstack([np.eye(3), -np.eye(3)])
    values = grey.at(vertices[:, None] + offsets)
    return np.asarray(values.max(axis=1) - values.min(axis=1), float)


def _cut_by_view(body: NDArray[np.bool_]) -> float:
    """Return the share of slices with body in which it reaches the scan's left or right border."""
    rows = body.any(axis=(1, 2))
    if not rows.any():
        return 0.0
    sides = body[:, :, [0, -1]].any(axis=(1, 2)) | body[:, [0, -1], :].any(axis=(1, 2))
    return float((sides & rows).sum() / rows.sum())
