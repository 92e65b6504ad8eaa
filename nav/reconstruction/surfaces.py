"""Results of the steps as surfaces with a sigma and a source each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError, Lost
from nav.reconstruction.artery_tubes import Artery
from nav.reconstruction.bone_edits import held_vertices
from nav.reconstruction.bone_labels import cut_off
from nav.reconstruction.canal_surfaces import reconstruct_canal
from nav.reconstruction.chain import Chain
from nav.reconstruction.guidance import HAND_SIGMA, GuideLabel, ReconstructionGuidance, Role
from nav.reconstruction.label_surfaces import surface_from_label
from nav.reconstruction.labelmap import LabelMask, cut_mask
from nav.reconstruction.neck_region import neck_region
from nav.reconstruction.prior import ShapePrior
from nav.reconstruction.reconstruction_result import ReconstructedSurface, Remark
from nav.reconstruction.reconstruction_steps import BoneRegion, point_spread
from nav.reconstruction.sampling import as_field
from nav.reconstruction.scan_model import ScanModel
from nav.reconstruction.skin_surface import skin_surface
from nav.reconstruction.surface_refinement import RefinedSurface
from nav.reconstruction.tube import tube_mesh
from nav.reconstruction.volume import Array, Volume
from nav.text.catalogue import ENGLISH

CAP_SIGMA = 5.0  # mm, where the scan's border closes a surface
LEAST_CUT = 0.02  # share of the neck's height over which the field of view cuts the skin
# 1/mm, of point spread times voxel: sd of an artery's wall at a bone; mm, sd of the Gaussian by
# which it falls off. Found on simulated scans, like the other sizes in nav/reconstruction/tube.py.
AT_BONE, BONE_REACH = 0.6, 1.3
CUT_REACH = 1.6  # voxels of a label from where it was cut, within which nothing is claimed

Found = tuple[list[ReconstructedSurface], list[Remark]]


def bone_surfaces(
    region: BoneRegion, refined: Mapping[str, RefinedSurface], guidance: ReconstructionGuidance
) -> list[ReconstructedSurface]:
    """Return the bones' surfaces.

    Where the scan or a bone's model ends, sigma is CAP_SIGMA; where a bone was painted, it is at
    least HAND_SIGMA.

    Parameters
    ----------
    region : BoneRegion
        The scan round the bones.
    refined : mapping of str to RefinedSurface
        By bone.
    guidance : ReconstructionGuidance
        With labels, seeds and strokes.

    Returns
    -------
    list of ReconstructedSurface
        Model frame.
    """
    surfaces = []
    for name, surface in refined.items():
        cut = cut_off(region.near, region.distances, name, surface.vertices)
        sigma = surface.sigma
        by_hand = held_vertices(name, surface.vertices, guidance.strokes_of("bone"))
        sigma = np.where(by_hand, np.maximum(sigma, HAND_SIGMA), sigma)
        closed = _at_border(region.near, surface.vertices) | cut
        surfaces.append(
            ReconstructedSurface(
                name,
                "bone",
                surface.vertices,
                surface.triangles,
                np.where(closed, CAP_SIGMA, sigma),
                _bone_source(name, guidance),
            )
        )
    return surfaces


def labelled_surfaces(
    surfaces: Sequence[ReconstructedSurface],
    guidance: ReconstructionGuidance,
    prior: ShapePrior,
    chain: Chain,
) -> list[ReconstructedSurface]:
    """Replace surfaces by those of the label map.

    Parameters
    ----------
    surfaces : sequence of ReconstructedSurface
        As reconstructed.
    guidance : ReconstructionGuidance
        With labels; those of bones are used only with `keep_labels`.
    prior : ShapePrior
        Of the bones.
    chain : Chain
        As fitted.

    Returns
    -------
    list of ReconstructedSurface
        Model frame.

    Raises
    ------
    InputError
        A label has no piece that is large enough, or that of the skin nothing at the height of the
        neck.
    """
    found = {surface.name: surface for surface in surfaces}
    for label in guidance.labels:
        if label.role == "skin":
            found[label.name] = _label_skin(label, prior, chain)
        elif label.role != "bone" or guidance.keep_labels:
            found[label.name] = _label_surface(label)
    return list(found.values())


def without_face(label: GuideLabel, prior: ShapePrior, chain: Chain) -> GuideLabel:
    """Return a label of the skin cut to the neck, so that neither face nor head are in it.

    Parameters
    ----------
    label : GuideLabel
        Of the skin.
    prior : ShapePrior
        Of the bones.
    chain : Chain
        As fitted.

    Returns
    -------
    GuideLabel
        Within the neck's region.

    Raises
    ------
    InputError
        Nothing of it is left.
    """
    mask = label.mask
    kept = neck_region(prior, chain).kept_on_grid(Volume(_hounsfield(mask), mask.model_from_voxel))
    values = mask.values & (kept > 0.0)
    if not values.any():
        raise InputError(f"label {mask.name}: has nothing at the height of the neck")
    return replace(label, mask=cut_mask(mask.name, values, mask.model_from_voxel))


def _label_skin(label: GuideLabel, prior: ShapePrior, chain: Chain) -> ReconstructedSurface:
    """Return the skin of a label, with CAP_SIGMA where face, head and trunk were cut off."""
    neck = without_face(label, prior, chain)
    surface = _label_surface(neck)
    inside = neck_region(prior, chain).kept(surface.vertices)
    end = inside < CUT_REACH * float(label.mask.spacing.max())
    return replace(surface, sigma=np.where(end, CAP_SIGMA, surface.sigma))


def _hounsfield(mask: LabelMask) -> NDArray[np.int16]:
    return np.asarray(mask.values, np.int16)


def canal_surfaces(volume: Volume, prior: ShapePrior, chain: Chain, scan: ScanModel) -> Found:
    """Return cord and dura, and remarks about them.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    prior : ShapePrior
        Of the bones.
    chain : Chain
        As fitted to the scan.
    scan : ScanModel
        How the scan shows bone, for its kernel.

    Returns
    -------
    surfaces : list of ReconstructedSurface
        Model frame; empty where too little of the canal is in view.
    remarks : list of Remark
        Where the surfaces are missing or follow the prior.
    """
    found = reconstruct_canal(volume, prior, chain, scan=scan)
    if isinstance(found, Lost):
        return [], [Remark("canal_missing", {"why": ENGLISH.sentence(found)})]
    surfaces, remarks = [], []
    for name, surface in (("cord", found.cord), ("dura", found.dura)):
        role: Role = "cord" if name == "cord" else "dura"
        # the structures continue beyond these flat ends
        sigma = np.where(surface.ends, CAP_SIGMA, surface.sigma)
        surfaces.append(
            ReconstructedSurface(
                name, role, surface.vertices, surface.triangles, sigma, surface.source
            )
        )
        measured = float(surface.measured.mean())
        if measured < 0.5:
            facts = {"name": name, "measured": measured, "sigma": float(np.median(surface.sigma))}
            remarks.append(Remark("canal_from_prior", facts))
    return surfaces, remarks


def skin_surfaces(volume: Volume, prior: ShapePrior, chain: Chain) -> Found:
    """Return the skin, and remarks about it.

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
    surfaces : list of ReconstructedSurface
        Model frame; empty where there is no body in the neck's region.
    remarks : list of Remark
        Where the skin is missing or cut.
    """
    found = skin_surface(volume, prior, chain)
    if isinstance(found, Lost):
        return [], [Remark("skin_missing", {"why": ENGLISH.sentence(found)})]
    sigma = np.where(found.claimed, found.sigma, CAP_SIGMA)
    surface = ReconstructedSurface(
        "skin", "skin", found.vertices, found.triangles, sigma, "grey values"
    )
    if found.cut_by_view > LEAST_CUT:
        where = f"its sides over {100 * found.cut_by_view:.0f} % of the neck's height"
        return [surface], [Remark("skin_cut", {"where": where})]
    return [surface], []


def vessel_surface(
    region: BoneRegion, artery: Artery, guidance: ReconstructionGuidance
) -> ReconstructedSurface:
    """Return the surface of an artery or branch that was seen.

    Its sigma is the tube's, and larger on the side where bone is near: what lies between is not
    resolved there, and the wall may be further out.

    Parameters
    ----------
    region : BoneRegion
        The scan round the bones.
    artery : Artery
        With a tube.
    guidance : ReconstructionGuidance
        With seeds.

    Returns
    -------
    ReconstructedSurface
        Model frame.
    """
    assert artery.tube is not None
    mesh, sigma = tube_mesh(artery.tube, CAP_SIGMA)
    sigma = np.minimum(np.hypot(sigma, _sd_at_bone(region, mesh.vertices)), CAP_SIGMA)
    trunk = artery.of or artery.name
    seeded = any(seed.name == trunk for seed in guidance.seeds)
    source = "contrast, from seeds" if seeded else "contrast"
    return ReconstructedSurface(artery.name, "artery", mesh.vertices, mesh.triangles, sigma, source)


def _sd_at_bone(region: BoneRegion, points: Array) -> Array:
    """Return by how much bone nearby makes the wall of a vessel uncertain (n,), mm."""
    distance = as_field(Volume(region.distance, region.near.model_from_voxel)).at(points)
    away = np.clip(np.nan_to_num(distance, nan=np.inf), 0.0, 10.0 * BONE_REACH)  # inf: none near
    at_bone = AT_BONE * point_spread(region.near) * float(region.near.spacing.mean())
    return np.asarray(at_bone * np.exp(-0.5 * (away / BONE_REACH) ** 2), float)


def _bone_source(name: str, guidance: ReconstructionGuidance) -> str:
    source = "grey values"
    if guidance.label(name) is not None:
        source = "label map, then grey values"
    elif any(seed.name == name for seed in guidance.seeds):
        source = "grey values, placed by a seed"
    return f"{source}, painted" if guidance.painted(name) else source


def _label_surface(label: GuideLabel) -> ReconstructedSurface:
    made = surface_from_label(label.mask)
    if made is None:
        raise InputError(f"label {label.mask.name}: has no piece that is large enough")
    sigma = np.hypot(made.sigma, label.sigma)
    surface = ReconstructedSurface(
        label.name, label.role, made.vertices, made.triangles, sigma, "label map"
    )
    if not label.mask.touches_border:
        return surface
    return replace(surface, sigma=np.where(_at_end(label, made.vertices), CAP_SIGMA, sigma))


def _at_end(label: GuideLabel, vertices: Array) -> NDArray[np.bool_]:
    """Return which vertices may close a label that its map's border cuts: those at its ends."""
    matrix = label.mask.model_from_voxel
    index = (vertices - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T
    filled = np.argwhere(label.mask.values)[:, ::-1]
    low, high = filled.min(axis=0), filled.max(axis=0)
    return np.asarray(((index < low + 0.2) | (index > high - 0.2)).any(axis=1))


def _at_border(volume: Volume, vertices: Array) -> NDArray[np.bool_]:
    """Return which vertices the scan's border produces, not the bone."""
    index, last = volume.to_voxel(vertices), np.array(volume.values.shape[::-1]) - 1
    return np.asarray(((index < 0.7) | (index > last - 0.7)).any(axis=1))
