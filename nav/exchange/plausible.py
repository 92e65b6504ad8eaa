"""Check whether models that do not state their coordinate system are in LPS."""

from __future__ import annotations

import re

import numpy as np

from nav.core.frames import Array
from nav.model.case import Case
from nav.model.plausible_case import RAS

FAR, NEARER = 5.0, 0.5  # mm, and ratio: fiducials of a phantom or skull lie on or near a surface
BEHIND = 2.0  # mm
SIDE = re.compile(r"\b(left|right)\b")


def frame_problem(case: Case, of_labels: bool = False) -> str | None:
    """Return a sentence if the models of a case must be in RAS or mirrored.

    Evidence is where structures named left and right lie, whether the vertebral arteries lie
    ventral of the cord, and the distance of fiducials, whose coordinate system is known.

    Parameters
    ----------
    case : Case
        As if its models were in LPS.
    of_labels : bool
        Whether it is of a label map, which has a coordinate system of its own.

    Returns
    -------
    str or None
        None where nothing indicates it.
    """
    reasons = []
    if _sides_exchanged(case):
        reasons.append("what is called left lies at the right")
    arteries, cords = case.of_role("artery"), case.of_role("cord")
    paired = [a for a in arteries if "vertebral" in a.name]
    if len(paired) >= 2 and cords:
        before = np.mean([_middle(a.surface.vertices) for a in paired], axis=0)
        if before[1] > _middle(cords[0].surface.vertices)[1] + BEHIND:
            reasons.append("the vertebral arteries lie behind the cord")
    points = np.array([f.position for f in case.fiducials]).reshape(-1, 3)
    if len(points) and case.structures:
        vertices = np.concatenate([s.surface.vertices for s in case.structures])
        own, turned = _distance(points, vertices), _distance(points * RAS, vertices)
        if own > FAR and turned < NEARER * own:
            reasons.append(f"fiducials lie {own:.0f} mm away, in RAS {turned:.0f} mm")
    if not reasons:
        return None
    if of_labels:
        return (
            f"the label map's sides seem to be exchanged ({'; '.join(reasons)}): correct its names "
            "or its directions, or add --space lps if they are right"
        )
    return (
        f"the models seem to be in RAS ({'; '.join(reasons)}): add --space ras, or --space lps if "
        "they are not"
    )


def _middle(vertices: Array) -> Array:
    return np.asarray((vertices.min(axis=0) + vertices.max(axis=0)) / 2.0, float)


def _distance(points: Array, vertices: Array) -> float:
    from scipy.spatial import cKDTree

    return float(np.median(cKDTree(vertices).query(points)[0]))


def _sides_exchanged(case: Case) -> bool:
    """Return whether a left one lies to the right of its counterpart; x goes to the left in LPS."""
    places = {s.name.lower(): _middle(s.surface.vertices)[0] for s in case.structures}
    for name, x in places.items():
        if "left" in name:
            other = places.get(SIDE.sub("right", name))
            if other is not None and x < other:
                return True
    return False
