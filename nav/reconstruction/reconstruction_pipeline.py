"""From a scan to closed surfaces with their own error, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nav.model.surface import Surface
from nav.reconstruction.artery_tubes import Artery
from nav.reconstruction.bone_labels import Levels
from nav.reconstruction.chain import Chain
from nav.reconstruction.clock import Clock, Tell
from nav.reconstruction.grey_surface import without_fins
from nav.reconstruction.guidance import NOTHING, ReconstructionGuidance
from nav.reconstruction.markers import FoundMarkers, find_markers
from nav.reconstruction.neck_location import locate_neck
from nav.reconstruction.neck_region import crop_to_neck, neck_region
from nav.reconstruction.prior import ShapePrior, load_prior
from nav.reconstruction.reading import ReadResult
from nav.reconstruction.reconstruction_result import Learnt, ReconstructedSurface, Reconstruction
from nav.reconstruction.reconstruction_steps import (
    MARGIN,
    LabelledBones,
    bone_region,
    bones_of,
    follow_arteries,
    held_by_hand,
    point_spread,
    probe_bones,
    rough_surfaces,
    separate_bones,
)
from nav.reconstruction.remarks import (
    artery_remarks,
    bone_remarks,
    gap_remarks,
    guidance_remarks,
    marker_remarks,
    scan_remarks,
)
from nav.reconstruction.sculpt import sculpted
from nav.reconstruction.step_names import STEPS
from nav.reconstruction.step_reuse import (
    Made,
    Stages,
    arteries_key,
    bones_key,
    levels_key,
    location_key,
    plain_guidance,
    scan_key,
)
from nav.reconstruction.surface_refinement import ProbedSurfaces, learn_scan, refine_probed
from nav.reconstruction.surfaces import (
    CAP_SIGMA,
    bone_surfaces,
    canal_surfaces,
    labelled_surfaces,
    skin_surfaces,
    vessel_surface,
)
from nav.reconstruction.volume import Volume

__all__ = ["CAP_SIGMA", "MARGIN", "STEPS", "locate_neck", "point_spread", "reconstruct"]


def reconstruct(
    read: ReadResult,
    tell: Tell | None = None,
    guidance: ReconstructionGuidance = NOTHING,
    before: Made | None = None,
) -> Reconstruction:
    """Reconstruct the upper cervical spine of a scan.

    Parameters
    ----------
    read : ReadResult
        The scan.
    tell : callable, optional
        Called with each step's name (one of STEPS) and the fraction of it that is done.
    guidance : ReconstructionGuidance
        Seeds, a box, labels and strokes that replace or limit steps.
    before : mapping, optional
        `made` of an earlier result on this scan: results of steps whose guidance and predecessors
        are the same are reused.

    Returns
    -------
    Reconstruction
        Surfaces, cropped volume, remarks, and what the steps made.

    Raises
    ------
    InputError
        The scan does not show C1 and C2, or not where the guidance says.
    """
    clock = Clock(tell)
    stages = Stages(clock, before or {})
    prior, volume = load_prior(), read.volume

    located = location_key(guidance)
    neck = stages.run(located, "locate", lambda: locate_neck(volume, prior, clock, guidance))
    levels: Levels | None = stages.known(levels_key(guidance))
    region = stages.run(
        ("region", located),
        "levels",
        lambda: bone_region(volume, prior, neck, guidance, levels),
    )
    stages.made[levels_key(guidance)] = region.levels

    def arteries_of(said: ReconstructionGuidance) -> tuple[Artery, ...]:
        return stages.run(
            arteries_key(said), "arteries", lambda: follow_arteries(region, prior, neck, said)
        )

    def separated(said: ReconstructionGuidance) -> LabelledBones:
        key, others = bones_key(said), arteries_of(said)
        labels = stages.run(key, "labels", lambda: separate_bones(region, others, said))
        names = bones_of(neck, guidance)
        return stages.run(
            ("rough", key), "surfaces", lambda: rough_surfaces(region, labels, names, said)
        )

    def profiles(said: ReconstructionGuidance) -> ProbedSurfaces:
        bones = separated(said)
        return stages.run(("probed", bones_key(said)), "refine", lambda: probe_bones(region, bones))

    scan = stages.run(
        scan_key(guidance),
        "refine",
        lambda: learn_scan(region.near, profiles(plain_guidance(guidance)), region.levels),
    )
    arteries = arteries_of(guidance)
    bones = separated(guidance)
    refined = stages.run(
        ("refined", bones_key(guidance), scan_key(guidance)),
        "refine",
        lambda: refine_probed(
            profiles(guidance), scan, region.near, held_by_hand(profiles(guidance), guidance)
        ),
    )
    soft, soft_remarks = stages.run(
        ("canal", located, scan_key(guidance)),
        "canal",
        lambda: canal_surfaces(volume, prior, neck.chain, scan),
    )
    skin, skin_remarks = stages.run(
        ("skin", located), "skin", lambda: skin_surfaces(volume, prior, neck.chain)
    )

    found = stages.run(
        ("markers", located), "skin", lambda: _markers(volume, prior, neck.chain, skin)
    )
    surfaces = [
        *bone_surfaces(region, refined, guidance),
        *soft,
        *(
            vessel_surface(region, artery, guidance)
            for artery in arteries
            if artery.tube is not None
        ),
        *skin,
    ]
    surfaces = labelled_surfaces(surfaces, guidance, prior, neck.chain)
    remarks = [
        *bone_remarks(neck, [label.name for label in guidance.labels_of("bone")]),
        *gap_remarks(refined),
        *artery_remarks(arteries, prior, neck.chain),
        *(r for r in soft_remarks if guidance.label(r.facts.get("name", "cord")) is None),
        *(r for r in skin_remarks if guidance.label("skin") is None),
        *scan_remarks(read),
        *marker_remarks(found),
        *guidance_remarks(guidance, bones.apart),
    ]
    return Reconstruction(
        tuple(_clean(surface) for surface in _painted(surfaces, guidance)),
        crop_to_neck(volume, prior, neck.chain).volume,
        neck.chain,
        tuple(remarks),
        read,
        dict(clock.finished()),
        found.markers,
        guidance,
        dict(stages.made),
        Learnt(region.levels, scan),
    )


def _markers(
    volume: Volume, prior: ShapePrior, chain: Chain, skin: list[ReconstructedSurface]
) -> FoundMarkers:
    """Return the markers on the skin round the gap between the arches of C1 and C2."""
    region = neck_region(prior, chain)
    gap = region.head_from_model.inv().apply(np.zeros(3))
    surface = Surface(skin[0].vertices, skin[0].triangles) if skin else None
    return find_markers(volume, region, gap, surface)


def _painted(
    surfaces: list[ReconstructedSurface], guidance: ReconstructionGuidance
) -> list[ReconstructedSurface]:
    """Return the surfaces as changed by strokes on structures other than bones."""
    found = {surface.name: surface for surface in surfaces}
    strokes = guidance.strokes_of("artery", "cord", "dura")
    for name in dict.fromkeys(stroke.structure for stroke in strokes):
        changed = sculpted(found.pop(name, None), name, guidance.painted(name))
        if changed is not None:
            found[name] = changed
    return list(found.values())


def _clean(surface: ReconstructedSurface) -> ReconstructedSurface:
    """Return a surface as a case takes it."""
    kept, triangles = without_fins(surface.triangles)
    return replace(
        surface, vertices=surface.vertices[kept], triangles=triangles, sigma=surface.sigma[kept]
    )
