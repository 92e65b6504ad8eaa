"""Reconstruction of a printed kit from its scan: surfaces, divots and deviations, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError, Lost
from nav.reconstruction.grey_surface import Mesh
from nav.reconstruction.printed.divots import FoundDivot, find_divot
from nav.reconstruction.printed.fine_pose import (
    FoundPart,
    by_name,
    column_pose,
    find_part,
    matched_share,
    refine_pose,
)
from nav.reconstruction.printed.kit import BONES_PART, NEEDED_BONES, PrintedKit
from nav.reconstruction.printed.kit_location import LocatedKit, locate_kit, surface_in_air
from nav.reconstruction.printed.print_deviation import Deviation, DeviationMap, deviations
from nav.reconstruction.printed.structures import FoundStructure, find_structures
from nav.reconstruction.reading import ReadResult
from nav.reconstruction.reading.axes import to_model_axes
from nav.reconstruction.reconstruction_result import Remark
from nav.reconstruction.sampling import cropped
from nav.reconstruction.volume import Array, Volume

Tell = Callable[[str, float], None]
STEPS = ("locate", "parts", "divots", "structures", "deviation")
LEAST_SUPPORT = 0.7  # of the surface in air: fewer means that the kit is not there
LEAST_MATCHED = 0.85  # of it, after refinement: fewer means a similar kit
LEAST_LEAD = 1.15  # times the support of the next best pose
LEAST_VIEW = 0.75  # share of that surface that must be in the scan
BONE_IN_VIEW = 0.98  # of a needed bone's vertices
LEAST_PART_SEEN = 0.2  # of a part's surface, least for a pose
MOST_RMS = 0.45  # mm, of a needed bone's edges about its pose: more means another bone
MOST_MOVED, MOST_TURNED = 3.0, 4.0  # mm, degrees: a bone farther off is not this kit's
TOLD_MOVED, TOLD_TURNED = 0.3, 0.7  # mm, degrees: a bone farther off is reported
TOLD_SD = 3.0  # times its sd
LEAST_DIVOTS = 4  # to register with
MARGIN = 6.0  # mm of the stored scan round the phantom


@dataclass(frozen=True)
class PlacedDivot:
    """A divot of the case.

    Parameters
    ----------
    label, use : str
        Of the fiducial.
    position : ndarray, shape (3,)
        Model frame, mm.
    covariance : ndarray, shape (3, 3)
        Model frame, mm^2.
    sigma : float
        Standard deviation of each coordinate, mm.
    off : float
        Distance from the designed position, mm.
    """

    label: str
    use: str
    position: Array
    covariance: Array
    sigma: float
    off: float


@dataclass(frozen=True)
class PrintedReconstruction:
    """A printed phantom as its scan shows it.

    Parameters
    ----------
    kit : PrintedKit
        What was printed.
    model_from_scan : RigidTransform
        The model frame is the kit's, aligned with the bone column.
    structures : tuple of FoundStructure
        Scan frame.
    divots : tuple of PlacedDivot
        Model frame.
    parts : tuple of FoundPart
        Those that the scan shows.
    rows : tuple of Deviation
        Of the table of deviations.
    maps : tuple of DeviationMap
        Of the parts' surfaces.
    volume : Volume
        The scan, cropped, in the model frame; its grid may be tilted in it.
    remarks : tuple of Remark
        What is missing, displaced or uncertain.
    read : ReadResult
        How the scan was read.
    located : LocatedKit
        The pose from the search.
    """

    kit: PrintedKit
    model_from_scan: RigidTransform
    structures: tuple[FoundStructure, ...]
    divots: tuple[PlacedDivot, ...]
    parts: tuple[FoundPart, ...]
    rows: tuple[Deviation, ...]
    maps: tuple[DeviationMap, ...]
    volume: Volume
    remarks: tuple[Remark, ...]
    read: ReadResult
    located: LocatedKit


def reconstruct_kit(
    read: ReadResult, kit: PrintedKit, report: Tell | None = None
) -> PrintedReconstruction:
    """Reconstruct a printed phantom from its scan.

    Parameters
    ----------
    read : ReadResult
        The scan.
    kit : PrintedKit
        What was printed.
    report : callable, optional
        Called with the name of the step (one of STEPS) and the fraction of it that is done.

    Returns
    -------
    PrintedReconstruction
        Surfaces, divots and deviations.

    Raises
    ------
    InputError
        The scan does not show this kit, or not enough of it.
    """
    report = report or (lambda step, share: None)
    volume = read.volume
    report("locate", 0.0)
    located = locate_kit(volume, kit, lambda share: report("locate", share))
    _recognised(located, kit)
    pose = refine_pose(volume, kit, located.scan_from_model)
    matched = matched_share(volume, kit, pose)
    if matched < LEAST_MATCHED:
        raise InputError(
            f"the scan is not of kit {kit.name}, but of one like it: {100 * matched:.0f} % of its "
            f"surface is where this kit has it; expected {100 * LEAST_MATCHED:.0f} %"
        )
    _covered(volume, kit, pose)
    report("parts", 0.0)
    parts = find_parts(volume, kit, pose, lambda share: report("parts", share))
    report("divots", 0.0)
    divots, divot_remarks = _divots(volume, kit, parts)
    report("structures", 0.0)
    structures = find_structures(volume, kit, parts)
    _same_bones(structures, parts, kit)
    report("deviation", 0.0)
    rows, maps = deviations(parts, structures)
    remarks = [*_part_remarks(kit, parts), *divot_remarks, *_structure_remarks(structures, rows)]
    if read.unmeasured:
        length = sum(i.high - i.low for i in read.unmeasured)
        remarks.append(Remark("interpolated", {"length": length}))
    return PrintedReconstruction(
        kit,
        column_pose(parts).inv(),
        tuple(structures),
        divots,
        tuple(parts),
        tuple(rows),
        tuple(maps),
        _in_model(volume, parts, structures),
        tuple(remarks),
        read,
        located,
    )


def find_parts(
    volume: Volume,
    kit: PrintedKit,
    pose: RigidTransform,
    report: Callable[[float], None] | None = None,
) -> list[FoundPart]:
    """Find the parts that the scan shows, the largest first: its blur is used for the others.

    Parameters
    ----------
    volume : Volume
        The scan, HU.
    kit : PrintedKit
        What was printed.
    pose : RigidTransform
        scan_from_model of the whole kit.
    report : callable, optional
        Called with the fraction that is done.

    Returns
    -------
    list of FoundPart
        Those of which enough is seen.

    Raises
    ------
    InputError
        The part with the bones is not among them.
    """
    ordered = sorted(kit.parts, key=lambda p: -float(np.prod(np.ptp(p.mesh.vertices, axis=0))))
    ordered.sort(key=lambda p: p.name == BONES_PART)  # that one is embedded in gel
    found: list[FoundPart] = []
    for number, part in enumerate(ordered):
        near = [other.placed for other in kit.parts if other.name != part.name]
        if part.name == BONES_PART:
            near += [
                Mesh(s.surface.vertices, np.asarray(s.surface.triangles, np.int32))
                for s in (*kit.case.of_role("artery"), *kit.case.of_role("dura"))
            ]
        known = found[0].look if found else None
        made = find_part(volume, part, pose, near, known)
        if made.fit is not None and made.edges.seen.mean() >= LEAST_PART_SEEN:
            found.append(made)
        if report is not None:
            report((number + 1) / len(ordered))
    if BONES_PART not in by_name(found):
        raise InputError(
            f"the scan does not show the bones of kit {kit.name}; expected its CT, of voxels of "
            "1 mm or less"
        )
    return found


def _recognised(located: LocatedKit, kit: PrintedKit) -> None:
    share = 100 * located.supported
    if located.supported < LEAST_SUPPORT or located.supported < LEAST_LEAD * located.rival:
        raise InputError(
            f"the scan does not show kit {kit.name}: at the best place only {share:.0f} % of its "
            f"surface is there; expected {100 * LEAST_SUPPORT:.0f} %, of the whole phantom with "
            "base, arches and bar; is it another kit?"
        )


def _covered(volume: Volume, kit: PrintedKit, pose: RigidTransform) -> None:
    """Refuse a scan that ends before the kit does."""
    points, _ = surface_in_air(kit)
    in_view = float(_within(volume, pose.apply(points)).mean())
    cut = [
        name
        for name in NEEDED_BONES
        if _within(volume, pose.apply(_structure(kit, name))).mean() < BONE_IN_VIEW
    ]
    outside = [d.label for d in kit.divots if not _within(volume, pose.apply(d.apex[None])).all()]
    left = sum(d.use == "register" and d.label not in outside for d in kit.divots)
    if cut:
        raise InputError(
            f"the scan cuts off {' and '.join(cut)} of kit {kit.name}; expected the whole phantom"
        )
    if in_view < LEAST_VIEW or left < LEAST_DIVOTS:
        raise InputError(
            f"the scan holds only {100 * in_view:.0f} % of kit {kit.name}, without divots "
            f"{', '.join(outside) or 'none'}; expected the whole phantom"
        )


def _within(volume: Volume, points: Array) -> Array:
    index, last = volume.to_voxel(points), np.array(volume.values.shape[::-1]) - 1
    return np.asarray(((index >= 0) & (index <= last)).all(axis=1))


def _structure(kit: PrintedKit, name: str) -> Array:
    return next(
        np.asarray(s.surface.vertices, float) for s in kit.case.structures if s.name == name
    )


def _same_bones(
    structures: Sequence[FoundStructure], parts: Sequence[FoundPart], kit: PrintedKit
) -> None:
    """Refuse bones whose shape or position is that of another kit."""
    column = column_pose(parts)
    for s in structures:
        name = s.structure.name
        if name not in NEEDED_BONES:
            continue
        if s.fit is None:
            raise InputError(f"the scan does not show {name} of kit {kit.name}: no contrast there")
        moved, turned = _off(s, column)
        if s.fit.rms > MOST_RMS or moved > MOST_MOVED or turned > MOST_TURNED:
            raise InputError(
                f"the scan is not of kit {kit.name}: its {name} is {moved:.1f} mm and "
                f"{turned:.1f}° off and fits with {s.fit.rms:.2f} mm; is it another kit?"
            )


def _off(s: FoundStructure, column: RigidTransform) -> tuple[float, float]:
    off = s.scan_from_model * column.inv()
    middle = s.edges.probe.vertices.mean(axis=0)
    moved = float(np.linalg.norm(off.apply(middle) - middle))
    return moved, float(np.degrees(off.rotation.magnitude()))


def _divots(
    volume: Volume, kit: PrintedKit, parts: Sequence[FoundPart]
) -> tuple[tuple[PlacedDivot, ...], list[Remark]]:
    column = column_pose(parts)
    back, held = column.inv(), by_name(parts)
    placed, remarks = [], []
    for divot in kit.divots:
        part = held.get(divot.holder)
        found = Lost("divot_part") if part is None else find_divot(volume, divot, part)
        if isinstance(found, Lost):
            remarks.append(Remark("print_divot_missing", {"label": divot.label}))
            continue
        placed.append(_placed(found, back))
    left = sum(d.use == "register" for d in placed)
    if left < LEAST_DIVOTS:
        raise InputError(
            f"the scan shows only {left} of the divots to register with of kit {kit.name}; "
            f"expected {LEAST_DIVOTS}"
        )
    return tuple(placed), remarks


def _placed(found: FoundDivot, model_from_scan: RigidTransform) -> PlacedDivot:
    turn = model_from_scan.rotation.as_matrix()
    position = model_from_scan.apply(found.apex)
    covariance = turn @ found.covariance @ turn.T
    return PlacedDivot(
        found.divot.label,
        found.divot.use,
        position,
        covariance,
        float(np.sqrt(np.trace(covariance) / 3.0)),
        float(np.linalg.norm(position - found.divot.apex)),
    )


def _part_remarks(kit: PrintedKit, parts: Sequence[FoundPart]) -> list[Remark]:
    held = by_name(parts)
    return [
        Remark("print_part_missing", {"name": part.title})
        for part in kit.parts
        if part.name not in held
    ]


def _structure_remarks(
    structures: Sequence[FoundStructure], rows: Sequence[Deviation]
) -> list[Remark]:
    remarks = []
    for s in structures:
        if not s.measured:
            facts = {"name": s.structure.name, "sigma": float(np.median(s.sigma)), "seen": s.seen}
            remarks.append(Remark("print_unseen", facts))
    for row in rows:
        far = row.moved > max(TOLD_MOVED, TOLD_SD * row.moved_sd)
        far |= row.turned > max(TOLD_TURNED, TOLD_SD * row.turned_sd)
        if row.kind == "bone" and far:
            facts = {"name": row.name, "moved": row.moved, "turned": row.turned}
            remarks.append(Remark("print_moved", facts))
    return remarks


def _in_model(
    volume: Volume, parts: Sequence[FoundPart], structures: Sequence[FoundStructure]
) -> Volume:
    """Return the scan round the phantom in the model frame; no value changes."""
    corners = np.vstack([p.edges.probe.vertices for p in parts] + [s.vertices for s in structures])
    part = cropped(volume, corners.min(axis=0) - MARGIN, corners.max(axis=0) + MARGIN)
    model_from_voxel = column_pose(parts).inv().as_matrix() @ part.model_from_voxel
    return to_model_axes(np.asarray(part.values), model_from_voxel)[0]
