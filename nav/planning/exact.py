"""Exact clearances of single paths, structure by structure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from nav.frames import Array
from nav.model.case import Structure
from nav.planning.obstacles import Obstacles
from nav.planning.plan_result import Clearance
from nav.planning.shaft_distances import line_distances

REACH = 15.0  # mm beyond the grid's box: triangles further off are not looked at


@dataclass(frozen=True, eq=False)
class _Triangles:
    """A structure's triangles near the paths, and spheres round them."""

    structure: Structure
    limit: float
    corners: Array
    centres: Array
    radii: Array


class ExactClearances:
    """Distances of straight shafts to every structure, from the triangles themselves."""

    def __init__(self, obstacles: Obstacles) -> None:
        self._obstacles = obstacles
        box = obstacles.box
        low = box.origin - REACH
        high = box.origin + box.spacing * np.array(box.shape) + REACH
        self._near: list[_Triangles] = []
        for obstacle in obstacles.all:
            for structure in obstacle.structures:
                surface = structure.surface
                corners = surface.vertices[surface.triangles]
                inside = (
                    (corners.min(axis=1) < high).all(axis=1)
                    & (corners.max(axis=1) > low).all(axis=1)
                )  # fmt: skip
                if not inside.any():
                    continue
                corners = np.ascontiguousarray(corners[inside])
                centres = corners.mean(axis=1)
                radii = np.linalg.norm(corners - centres[:, None], axis=2).max(axis=1)
                self._near.append(_Triangles(structure, obstacle.limit, corners, centres, radii))

    def distances(self, starts: Array, ends: Array) -> tuple[Array, Array]:
        """Wall distances (n, structures) of axes from starts to ends, mm, and the shares of them.

        Negative where an axis runs within a structure: how deep, from the structure's surface.
        """
        least = np.empty((len(starts), len(self._near)))
        shares = np.empty_like(least)
        for k, near in enumerate(self._near):
            found, share = line_distances(near.corners, near.centres, near.radii, starts, ends)
            surface = near.structure.surface
            # an axis that meets the surface, or lies all within it
            inner = np.flatnonzero(
                (found == 0.0)
                | (surface.winding.of_many(starts) != 0)
                | (surface.winding.of_many(ends) != 0)
            )
            for n in inner:
                steps = np.linspace(0.0, 1.0, 241)
                depths = surface.distances(starts[n] + steps[:, None] * (ends[n] - starts[n]))[0]
                lowest = int(np.argmin(depths))
                found[n], share[n] = depths[lowest], steps[lowest]
            least[:, k], shares[:, k] = found, share
        return least, shares

    @property
    def limits(self) -> Array:
        """Least clearances asked for, mm: (structures,)."""
        return np.array([near.limit for near in self._near])

    def clearances(
        self, entry: Array, target: Array, radius: float, ahead: float
    ) -> tuple[Clearance, ...]:
        """All clearances of one path, in the case's order of importance."""
        way = target - entry
        length = float(np.linalg.norm(way))
        end = target + ahead / length * way
        distances, shares = self.distances(entry[None], end[None])
        found = []
        for k, near in enumerate(self._near):
            at = entry + shares[0, k] * (end - entry)
            nearest = near.structure.surface.distance(at)[1]
            found.append(
                Clearance(
                    near.structure.name,
                    near.structure.role,
                    float(distances[0, k]) - radius,
                    near.limit,
                    float(shares[0, k]) * (length + ahead),
                    at,
                    nearest,
                )
            )
        return tuple(found)


def different(
    entries: Array,
    targets: Array,
    order: NDArray[np.int64],
    count: int,
    apart: tuple[float, float, float],
) -> list[int]:
    """The first `count` of paths in an order that differ from those before them.

    apart : mm between entries, rad between directions, mm between targets: one is enough.
    """
    ways = targets - entries
    ways = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    tree = cKDTree(entries)
    chosen: list[int] = []
    taken = np.zeros(len(entries), bool)
    for k in order:
        if taken[k]:
            continue
        chosen.append(int(k))
        if len(chosen) == count:
            break
        alike = np.array(tree.query_ball_point(entries[k], apart[0]))
        turned = np.arccos(np.clip(ways[alike] @ ways[k], -1.0, 1.0)) < apart[1]
        near = np.linalg.norm(targets[alike] - targets[k], axis=1) < apart[2]
        taken[alike[turned & near]] = True
    return chosen
