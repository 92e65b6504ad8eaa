"""Check that a case is plausible for a neck: sizes of its structures, limits, points near them."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.plausibility import Limits, check_same_unit

if TYPE_CHECKING:
    from nav.model.case import Case

# mm, over all structures: two vertebrae are 60 wide, a person 2 m tall
EXTENT = Limits(10.0, 40.0, 600.0, 2500.0)
STRUCTURE = Limits(0.5, 3.0, 600.0, 2500.0)  # mm, over one structure
# mm, of a point from the box round all structures: holders of divots stand beside a neck
POINT = Limits(0.0, 0.0, 250.0, 2000.0)
MOST_SIGMA = 10.0  # mm: a surface that is less sure than this shows nothing
MOST_LIMIT = 100.0  # mm: an alarm that is always on
LEAST_SIGMA = 0.01  # mm, unless it is 0: no segmentation or print is as sure; metres
LEAST_LIMIT = 0.05  # mm: an alarm that is never on; metres
# mm between the boxes round a structure and its nearest other one: a neck's lie within each other
MOST_APART = 60.0
RAS = np.array([-1.0, -1.0, 1.0])
SIDE, SWAPPED = re.compile(r"\b(left|right)\b"), {"left": "right", "right": "left"}
MOST_SPREAD = 200.0  # extents of the largest to the smallest structure; one is in another unit


def check_case(case: "Case", where: str) -> tuple[str, ...]:
    """Check that the sizes and places of a case are plausible.

    Parameters
    ----------
    case : Case
        As its files have it.
    where : str
        The file, for the sentences.

    Returns
    -------
    tuple of str
        Warnings for what is unusual, a sentence each.

    Raises
    ------
    InputError
        What is impossible, with the unit that was likely meant.
    """
    found: list[str | None] = []
    extents = {}
    for structure in case.structures:
        place = f"{where}: structure {structure.name}"
        extents[structure.name] = extent = _extent(structure.surface.vertices)
        found.append(STRUCTURE.judge(extent, f"{place}: mesh: reaches over {extent:.3g} mm"))
        if structure.sigma > MOST_SIGMA:
            raise InputError(
                f"{place}: sigma: {structure.sigma:g} mm; expected one standard deviation of the "
                f"surface's own error, {MOST_SIGMA:g} mm at most"
            )
        if 0.0 < structure.sigma < LEAST_SIGMA:
            found.append(f"{place}: sigma: {structure.sigma:g} mm is unusual; write millimetres")
        for name, limit in (("caution", structure.caution), ("danger", structure.danger)):
            if limit is not None and (limit > MOST_LIMIT or 0.0 < limit < LEAST_LIMIT):
                found.append(f"{place}: {name}: {limit:g} mm is unusual; write millimetres")
    check_same_unit(extents, MOST_SPREAD, where, "structure {} reaches over {:.4g} mm")
    low = np.min([s.surface.vertices.min(axis=0) for s in case.structures], axis=0)
    high = np.max([s.surface.vertices.max(axis=0) for s in case.structures], axis=0)
    extent = float(np.linalg.norm(high - low))
    found.append(EXTENT.judge(extent, f"{where}: the structures reach over {extent:.3g} mm"))
    points = [(f"fiducial {f.label}: position", f.position) for f in case.fiducials]
    points += [(f"plan {p.name}: entry", p.entry) for p in case.plans]
    points += [(f"plan {p.name}: target", p.target) for p in case.plans]
    for name, point in points:
        off = float(np.linalg.norm(np.maximum(np.maximum(low - point, point - high), 0.0)))
        if off > POINT.most:
            raise InputError(
                f"{where}: {name}: is {off:.4g} mm from all structures: are these micrometres, or "
                "is it another frame? Write millimetres of the meshes' frame"
            )
        if off > POINT.high:
            found.append(f"{where}: {name}: is {off:.4g} mm from all structures, which is unusual")
    found.append(_shrunk([point for _, point in points], extent, where))
    boxes = {
        s.name: np.array([s.surface.vertices.min(axis=0), s.surface.vertices.max(axis=0)])
        for s in case.structures
    }
    found += [_apart(name, boxes, where) for name in boxes]
    found.append(_sides_exchanged(boxes, where))
    found.append(_levels_exchanged(boxes, where))
    return tuple(sentence for sentence in found if sentence)


def _extent(vertices: Array) -> float:
    return float(np.linalg.norm(np.ptp(vertices, axis=0)))


def _shrunk(points: list[Array], extent: float, where: str) -> str | None:
    """Warn of points that all lie within a hundredth of the structures' extent: in metres."""
    if len(points) < 3:
        return None
    spread = _extent(np.array(points))
    if spread < extent / MOST_SPREAD:
        return (
            f"{where}: fiducials and plans lie within {spread:.3g} mm of each other, the "
            f"structures reach over {extent:.4g} mm; if these are metres, write millimetres"
        )
    return None


def _gap(box: Array, other: Array) -> float:
    """Return the distance between two boxes (2, 3), mm; 0 where they meet."""
    return float(np.linalg.norm(np.maximum(np.maximum(box[0] - other[1], other[0] - box[1]), 0.0)))


def _apart(name: str, boxes: Mapping[str, Array], where: str) -> str | None:
    """Warn of a structure that lies far from every other one: it is in another frame."""
    others = [box for other, box in boxes.items() if other != name]
    gap = min((_gap(boxes[name], box) for box in others), default=0.0)
    if gap <= MOST_APART:
        return None
    turned = np.sort(boxes[name] * RAS, axis=0)
    is_ras = min(_gap(turned, box) for box in others) <= MOST_APART
    hint = "its mesh is in RAS: export it in LPS" if is_ras else "is its mesh in another frame?"
    return f"{where}: structure {name}: lies {gap:.3g} mm from all others, which is unusual; {hint}"


def _sides_exchanged(boxes: Mapping[str, Array], where: str) -> str | None:
    """Warn where left does not lie at larger x than right, as LPS has it."""
    for name, box in boxes.items():
        other = SIDE.sub(lambda side: SWAPPED[side[0].lower()], name.lower())
        right = next((b for n, b in boxes.items() if n.lower() == other), None)
        if right is None or other == name.lower() or "left" not in name.lower():
            continue
        if box.sum(axis=0)[0] < right.sum(axis=0)[0]:
            return (
                f"{where}: structure {name}: lies to the right of its counterpart: are the meshes "
                "in RAS, or mirrored? x goes to the patient's left (LPS)"
            )
    return None


def _levels_exchanged(boxes: Mapping[str, Array], where: str) -> str | None:
    """Warn where a cervical vertebra does not lie below the one before it."""
    heights = [(n, boxes[f"C{n}"].mean(axis=0)[2]) for n in range(1, 8) if f"C{n}" in boxes]
    for (upper, above), (lower, below) in pairwise(heights):
        if below > above:
            return (
                f"{where}: structure C{lower}: lies above C{upper}: are their names exchanged, or "
                "is a mesh in another frame? z goes up (LPS)"
            )
    return None
