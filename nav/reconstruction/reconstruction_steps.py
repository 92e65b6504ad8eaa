"""Steps of a reconstruction, each a function from what it needs to what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.reconstruction.artery_tubes import Artery, find_arteries, lumen_mask
from nav.reconstruction.bone_edits import (
    edited_labels,
    held_vertices,
    labelled_distances,
    mask_on_grid,
    painted_distances,
    painted_greys,
)
from nav.reconstruction.bone_edits import stroke_distance as distance_of_stroke
from nav.reconstruction.bone_labels import (
    BoneLabels,
    Distances,
    Levels,
    bone_distances,
    grey_levels,
    label_bones,
    nearest_of,
)
from nav.reconstruction.grey_surface import Mesh, bone_surface
from nav.reconstruction.guidance import ReconstructionGuidance, Stroke
from nav.reconstruction.neck_location import LocatedNeck
from nav.reconstruction.prior import BONES, ShapePrior
from nav.reconstruction.sampling import cropped
from nav.reconstruction.surface_refinement import ProbedSurfaces, probe_surfaces
from nav.reconstruction.volume import Volume

MARGIN = 14.0  # mm round the bones
LUMEN_MARGIN = 0.5  # mm round an artery's wall, where no bone is searched
LEAST_SPREAD, VOXEL_SPREAD = 0.3, 0.45  # mm, and of the voxel: the point spread's sd


@dataclass(frozen=True, eq=False)
class BoneRegion:
    """The scan round the bones.

    Parameters
    ----------
    near : Volume
        HU, cropped.
    distances : dict
        Signed distances to each bone, see `Distances`, mm.
    distance : ndarray of float32, shape (nz, ny, nx)
        Signed distance to the nearest bone, mm.
    levels : Levels
        Grey values of bone and of its surroundings.
    """

    near: Volume
    distances: Distances
    distance: NDArray[np.float32]
    levels: Levels


@dataclass(frozen=True, eq=False)
class LabelledBones:
    """Voxels of bones, and their surfaces before they are refined.

    Parameters
    ----------
    labels : BoneLabels
        Of the voxels.
    rough : mapping of str to Mesh
        By bone, model frame.
    apart : tuple of str
        Bones with a painted piece that does not touch them.
    """

    labels: BoneLabels
    rough: Mapping[str, Mesh]
    apart: tuple[str, ...]


def bone_region(
    volume: Volume,
    prior: ShapePrior,
    neck: LocatedNeck,
    guidance: ReconstructionGuidance,
    levels: Levels | None = None,
) -> BoneRegion:
    """Measure the grey values round the fitted bones, or round their labels.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    prior : ShapePrior
        Of the bones.
    neck : LocatedNeck
        As fitted.
    guidance : ReconstructionGuidance
        With labels of bones.
    levels : Levels, optional
        Of the scan where they are known already, for example from a larger part of it.

    Returns
    -------
    BoneRegion
        The cropped scan with distances and levels.
    """
    chain = neck.chain
    corners = np.vstack([chain.vertices(prior, name) for name in bones_of(neck, guidance)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    for low_too, high_too in _reaches(guidance):
        low, high = np.minimum(low, low_too), np.maximum(high, high_too)
    near = cropped(volume, low - MARGIN, high + MARGIN)
    distances = labelled_distances(
        near, bone_distances(near, prior, chain), guidance.labels_of("bone")
    )
    distance = nearest_of(near, distances)
    return BoneRegion(near, distances, distance, levels or grey_levels(near, distance))


def bones_of(neck: LocatedNeck, guidance: ReconstructionGuidance) -> tuple[str, ...]:
    """Return the bones that are reconstructed: those the scan holds, and those of a label map.

    Parameters
    ----------
    neck : LocatedNeck
        As fitted.
    guidance : ReconstructionGuidance
        With labels of bones.

    Returns
    -------
    tuple of str
        In the order of BONES.
    """
    labelled = {label.name for label in guidance.labels_of("bone")}
    return tuple(name for name in BONES if neck.has(name) or name in labelled)


def follow_arteries(
    region: BoneRegion, prior: ShapePrior, neck: LocatedNeck, guidance: ReconstructionGuidance
) -> tuple[Artery, ...]:
    """Find the arteries that no label map contains.

    Parameters
    ----------
    region : BoneRegion
        The scan round the bones.
    prior : ShapePrior
        Of the bones and the arteries' course.
    neck : LocatedNeck
        As fitted.
    guidance : ReconstructionGuidance
        With seeds and labels of arteries.

    Returns
    -------
    tuple of Artery
        Found or not.
    """
    given = {label.name.rpartition(" ")[2] for label in guidance.labels_of("artery")}
    seeds: dict[str, NDArray[np.float64]] = {}
    for seed in guidance.seeds_of("artery"):
        side = seed.name.rpartition(" ")[2]
        seeds[side] = np.vstack([*seeds.get(side, np.zeros((0, 3))), seed.point])
    return find_arteries(
        region.near,
        prior,
        neck.chain,
        region.distance,
        region.levels.soft,
        point_spread(region.near),
        seeds,
        given,
    )


def separate_bones(
    region: BoneRegion, arteries: tuple[Artery, ...], guidance: ReconstructionGuidance
) -> BoneLabels:
    """Assign every voxel of bone to a bone.

    Strokes change only the voxels that the brush has passed: thresholds and watershed are those of
    the scan, so that a stroke changes nothing elsewhere.

    Parameters
    ----------
    region : BoneRegion
        The scan round the bones.
    arteries : tuple of Artery
        Whose lumen is not bone.
    guidance : ReconstructionGuidance
        With labels and strokes.

    Returns
    -------
    BoneLabels
        On the region's grid.
    """
    near = region.near
    excluded = lumen_mask(near, arteries, LUMEN_MARGIN)
    excluded |= _given_lumen(near, guidance)
    # a bone that is hardly in view gets its voxels, too: otherwise its neighbour would
    found = label_bones(near, region.distances, BONES, excluded, region.levels)
    strokes = guidance.strokes_of("bone")
    edited = edited_labels(
        near, found.labels, BONES, region.distances, guidance.labels_of("bone"), strokes
    )
    distances = painted_distances(near, region.distances, strokes)
    return replace(found, labels=edited, distances=distances)


def rough_surfaces(
    region: BoneRegion, labels: BoneLabels, names: tuple[str, ...], guidance: ReconstructionGuidance
) -> LabelledBones:
    """Make a surface of each bone's voxels.

    Parameters
    ----------
    region : BoneRegion
        The scan round the bones.
    labels : BoneLabels
        Of its voxels.
    names : tuple of str
        Bones to make.
    guidance : ReconstructionGuidance
        With strokes on bones.

    Returns
    -------
    LabelledBones
        With the surfaces of the bones that have voxels.
    """
    near, strokes = region.near, guidance.strokes_of("bone")
    meshes = {
        name: bone_surface(painted_greys(near, name, strokes, region.levels), labels, name)
        for name in names
    }
    apart = tuple(
        dict.fromkeys(s.structure for s in strokes if not s.erase and _is_apart(near, labels, s))
    )
    return LabelledBones(labels, {k: mesh for k, mesh in meshes.items() if mesh is not None}, apart)


def probe_bones(region: BoneRegion, bones: LabelledBones) -> ProbedSurfaces:
    """Sample the scan along the normals of the bones' surfaces.

    Parameters
    ----------
    region : BoneRegion
        The scan round the bones.
    bones : LabelledBones
        With their surfaces.

    Returns
    -------
    ProbedSurfaces
        Of all bones.
    """
    return probe_surfaces(region.near, bones.rough, list(bones.rough))


def held_by_hand(
    probed: ProbedSurfaces, guidance: ReconstructionGuidance
) -> dict[str, NDArray[np.bool_]]:
    """Return the vertices of bones that were painted: the grey values do not move them.

    Parameters
    ----------
    probed : ProbedSurfaces
        Of the bones.
    guidance : ReconstructionGuidance
        With strokes on bones.

    Returns
    -------
    dict of str to ndarray of bool, shape (n,)
        By bone; empty without strokes.
    """
    strokes = guidance.strokes_of("bone")
    if not strokes:
        return {}
    return {
        name: held_vertices(name, probe.vertices, strokes) for name, probe in probed.probes.items()
    }


def point_spread(volume: Volume) -> float:
    """Return the usual standard deviation of the point spread of a scan with such voxels.

    Parameters
    ----------
    volume : Volume
        With the voxels.

    Returns
    -------
    float
        mm.
    """
    voxel = float(np.prod(volume.spacing) ** (1.0 / 3.0))
    return float(np.hypot(LEAST_SPREAD, VOXEL_SPREAD * voxel))


def _reaches(
    guidance: ReconstructionGuidance,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the boxes of labels of bones."""
    found = []
    for label in guidance.labels_of("bone"):
        centres = label.mask.centres()
        found.append((centres.min(axis=0), centres.max(axis=0)))
    return found


def _given_lumen(near: Volume, guidance: ReconstructionGuidance) -> NDArray[np.bool_]:
    """Return the voxels of arteries given by labels and strokes, which do not belong to bones."""
    nz, ny, nx = near.values.shape
    mask = np.zeros((nz, ny, nx), bool)
    for label in guidance.labels_of("artery"):
        inside = mask_on_grid(near, (slice(0, nz), slice(0, ny), slice(0, nx)), label.mask)
        reach = np.maximum(1, np.rint(LUMEN_MARGIN / near.spacing)).astype(int)
        mask |= ndimage.binary_dilation(inside, iterations=int(reach.min()))
    for stroke in guidance.strokes_of("artery"):
        window, distance = distance_of_stroke(near, stroke)
        mask[window][distance <= LUMEN_MARGIN] = not stroke.erase
    return mask


def _is_apart(near: Volume, labels: BoneLabels, stroke: Stroke) -> bool:
    """Return whether none of a stroke's voxels is in the piece that its bone is made of."""
    window, distance = distance_of_stroke(near, stroke)
    inside = distance <= 0.0
    pieces, count = ndimage.label(labels.labels == labels.names.index(stroke.structure) + 1)
    if count == 0 or not inside.any():
        return True
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return not (pieces[window][inside] == sizes.argmax()).any()
