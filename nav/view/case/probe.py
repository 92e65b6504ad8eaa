"""Read what is at a point: Hounsfield units, the nearest surface and its uncertainty there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from nav.core.frames import Array
from nav.model.case import Structure
from nav.reconstruction.volume import Volume
from nav.view.case.slices import value_at


@dataclass(frozen=True, eq=False)
class Reading:
    """The reading at a point.

    Parameters
    ----------
    point : ndarray, shape (3,)
        Model frame, mm.
    hounsfield : float or None
        None outside the scan, or without one.
    structure : str
        The one whose surface is nearest; empty where none is shown.
    distance : float
        To that surface, mm; negative inside.
    sigma : float
        One standard deviation of that surface at its nearest point, mm.
    """

    point: Array
    hounsfield: float | None
    structure: str = ""
    distance: float = float("nan")
    sigma: float = float("nan")


class Probe:
    """Reads what is at points of a case.

    Parameters
    ----------
    structures : sequence of Structure
        Closed surfaces, model frame, mm.
    volume : Volume or None
        The scan, HU.
    """

    def __init__(self, structures: Sequence[Structure], volume: Volume | None) -> None:
        self.structures, self.volume = tuple(structures), volume
        self._trees = {s.name: cKDTree(s.surface.vertices) for s in self.structures}
        self._reach = {s.name: longest_edge(s) for s in self.structures}

    def at(self, point: Array, hidden: frozenset[str] = frozenset()) -> Reading:
        """Return the reading at a model point (3,), mm; structures that are hidden do not count."""
        hounsfield = None if self.volume is None else value_at(self.volume, point)
        shown = [s for s in self.structures if s.name not in hidden]
        if not shown:
            return Reading(point, hounsfield)
        to_vertex = {s.name: float(self._trees[s.name].query(point)[0]) for s in shown}
        nearest_vertex = min(to_vertex.values())
        # no point of a triangle is further from its nearest corner than its longest edge
        near = [s for s in shown if to_vertex[s.name] - self._reach[s.name] <= nearest_vertex]
        found = [(s, *s.surface.distance(point)) for s in near]
        structure, distance, place = min(found, key=lambda item: abs(item[1]))
        sigma = float(structure.sigma_at(place))
        return Reading(point, hounsfield, structure.name, distance, sigma)


def longest_edge(structure: Structure) -> float:
    """Return the longest edge of a structure's triangles.

    Parameters
    ----------
    structure : Structure
        mm.

    Returns
    -------
    float
        mm.
    """
    corners = structure.surface.vertices[structure.surface.triangles]
    return float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max())
