"""Whether a case can be one of a neck: sizes of its structures, limits, points near them."""

from typing import TYPE_CHECKING

import numpy as np

from nav.errors import InputError
from nav.frames import Array
from nav.plausibility import Limits, check_same_unit

if TYPE_CHECKING:
    from nav.model.case import Case

# mm, over all structures: two vertebrae are 60 wide, a person 2 m tall
EXTENT = Limits(10.0, 40.0, 600.0, 2500.0)
STRUCTURE = Limits(0.5, 3.0, 600.0, 2500.0)  # mm, over one structure
# mm, of a point from the box round all structures: holders of divots stand beside a neck
POINT = Limits(0.0, 0.0, 250.0, 2000.0)
MOST_SIGMA = 10.0  # mm: a surface that is less sure than this shows nothing
MOST_LIMIT = 100.0  # mm: an alarm that is always on
LEAST_LIMIT = 0.05  # mm: an alarm that is never on; metres
MOST_SPREAD = 200.0  # extents of the largest to the smallest structure; one is in another unit


def check_case(case: "Case", where: str) -> tuple[str, ...]:
    """Judge the sizes and places of a case.

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
        What cannot be, with the unit that was likely meant.
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
    return tuple(sentence for sentence in found if sentence)


def _extent(vertices: Array) -> float:
    return float(np.linalg.norm(np.ptp(vertices, axis=0)))


def _shrunk(points: list[Array], extent: float, where: str) -> str | None:
    """Points that all lie within a hundredth of the structures' extent are in metres."""
    if len(points) < 3:
        return None
    spread = _extent(np.array(points))
    if spread < extent / MOST_SPREAD:
        return (
            f"{where}: fiducials and plans lie within {spread:.3g} mm of each other, the "
            f"structures reach over {extent:.4g} mm; if these are metres, write millimetres"
        )
    return None
