"""Remarks of a reconstruction for its user: what is missing, cut, uncertain, or guided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nav.reconstruction.artery_tubes import Artery
from nav.reconstruction.chain import Chain
from nav.reconstruction.guidance import HAND_SIGMA, ReconstructionGuidance
from nav.reconstruction.markers import FoundMarkers
from nav.reconstruction.neck_location import LocatedNeck
from nav.reconstruction.prior import ShapePrior
from nav.reconstruction.reading import ReadResult
from nav.reconstruction.reconstruction_result import Remark
from nav.reconstruction.surface_refinement import RefinedSurface
from nav.reconstruction.tube import SECTION

WHOLE = 0.985  # share of a bone in view, above which it is not cut
FORAMEN_REACH = 7.0  # mm from C1's foramen, beyond which an artery does not pass it
LEAST_GAP_AREA = 3.0  # mm^2 of a fused or unresolved joint that is reported
UNSEEN_WALL, UNSEEN_LENGTH = 0.6, 8.0  # mm: sd of a wall, and length, from which it is reported
PAST_C1 = 6.0  # mm above C1's top, reached by an artery that is seen completely


def guidance_remarks(guidance: ReconstructionGuidance, apart: Sequence[str]) -> list[Remark]:
    """Return remarks about what a user or a label map has changed.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        Of the reconstruction.
    apart : sequence of str
        Bones with a painted piece that does not touch them.

    Returns
    -------
    list of Remark
        On labels, seeds, box and strokes.
    """
    remarks = []
    for label in guidance.labels:
        kept = label.role != "bone" or guidance.keep_labels
        facts = {"name": label.name, "kept": kept, "sigma": label.sigma}
        remarks.append(Remark("label_taken", facts))
    placed = [f"{seed.name} by a seed" for seed in guidance.seeds]
    placed += ["C2 by a box"] if guidance.box is not None else []
    if placed:
        remarks.append(Remark("placed_by", {"what": tuple(dict.fromkeys(placed))}))
    for name in dict.fromkeys(stroke.structure for stroke in guidance.strokes):
        remarks.append(Remark("painted", {"name": name, "sigma": HAND_SIGMA}))
    return [*remarks, *(Remark("painted_apart", {"name": name}) for name in apart)]


def bone_remarks(neck: LocatedNeck, labelled: Sequence[str]) -> list[Remark]:
    """Return which bones are missing or cut; those of a label map are present.

    Parameters
    ----------
    neck : LocatedNeck
        As fitted.
    labelled : sequence of str
        Bones of the label map.

    Returns
    -------
    list of Remark
        On C1 to C4.
    """
    remarks = []
    for name in ("C1", "C2", "C3", "C4"):
        in_view = neck.supports[name].in_view
        if not neck.has(name):
            if name not in labelled:
                remarks.append(Remark("bone_missing", {"name": name}))
        elif in_view < WHOLE:
            remarks.append(Remark("bone_cut", {"name": name, "in_view": in_view}))
    return remarks


def gap_remarks(refined: Mapping[str, RefinedSurface]) -> list[Remark]:
    """Return which bones touch, or lie closer than the scan resolves.

    Parameters
    ----------
    refined : mapping of str to RefinedSurface
        By bone.

    Returns
    -------
    list of Remark
        One per pair of bones.
    """
    names, remarks = list(refined), []
    reported: set[frozenset[str]] = set()
    for name, surface in refined.items():
        others = [other for other in names if other != name]
        areas: dict[str, float] = {}
        for gap in surface.unresolved:
            if gap.neighbour >= 0:
                other = others[gap.neighbour]
                areas[other] = areas.get(other, 0.0) + gap.area
        for other, area in areas.items():
            pair = frozenset({name, other})
            if area >= LEAST_GAP_AREA and pair not in reported:
                reported.add(pair)
                remarks.append(
                    Remark("gap_unresolved", {"one": name, "other": other, "area": area})
                )
    return remarks


def artery_remarks(arteries: tuple[Artery, ...], prior: ShapePrior, chain: Chain) -> list[Remark]:
    """Return how much of each artery is seen, and whether it runs where arteries usually do.

    Parameters
    ----------
    arteries : tuple of Artery
        Found or not.
    prior : ShapePrior
        Of the bones and the arteries' course.
    chain : Chain
        The fitted bones.

    Returns
    -------
    list of Remark
        At most two per artery.
    """
    remarks = []
    for artery in arteries:
        side, tube = artery.side, artery.tube
        if artery.of and tube is not None:
            facts = {
                "name": artery.name,
                "length": tube.length,
                "radius": float(np.median(tube.radii)),
            }
            remarks.append(Remark("artery_branch", facts))
        elif artery.state == "not in this scan":
            remarks.append(Remark("artery_absent", {"side": side}))
        elif tube is None:
            remarks.append(Remark("artery_not_seen", {"side": side, "contrast": artery.contrast}))
        else:
            top = float(chain.vertices(prior, "C1")[:, 2].max()) + PAST_C1
            # an artery that enters the canal below C1 may be filled only up to there
            if artery.state == "partly seen" or float(tube.centres[:, 2].max()) < top:
                remarks.append(Remark("artery_partly_seen", {"side": side, "length": tube.length}))
            unseen = tube.sd > UNSEEN_WALL
            if unseen.sum() * SECTION > UNSEEN_LENGTH:
                facts = {
                    "side": side,
                    "length": float(unseen.sum() * SECTION),
                    "sigma": float(tube.sd.max()),
                }
                remarks.append(Remark("artery_wall_unseen", facts))
            foramen = chain.station(prior, side, "C1")
            off = float(np.linalg.norm(tube.centres - foramen, axis=1).min())
            ends = tube.centres[[0, -1], 2]
            if off > FORAMEN_REACH and ends.min() < foramen[2] < ends.max():
                remarks.append(Remark("artery_leaves_foramina", {"side": side, "distance": off}))
    return remarks


def scan_remarks(read: ReadResult) -> list[Remark]:
    """Return how much of the scan was not measured.

    Parameters
    ----------
    read : ReadResult
        The scan.

    Returns
    -------
    list of Remark
        Empty where all of it was.
    """
    length = sum(interval.high - interval.low for interval in read.unmeasured)
    return [Remark("interpolated", {"length": length})] if length > 0.0 else []


def marker_remarks(found: FoundMarkers) -> list[Remark]:
    """Return whether balls on the skin were left out.

    Parameters
    ----------
    found : FoundMarkers
        Of the scan.

    Returns
    -------
    list of Remark
        Empty where none were.
    """
    if found.others == 0:
        return []
    return [Remark("markers_left", {"count": found.others, "taken": len(found.markers)})]
