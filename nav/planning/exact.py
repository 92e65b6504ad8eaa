"""Exact clearances of single paths, for each structure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from nav.core.frames import Array
from nav.model.case import Structure
from nav.planning.obstacles import Obstacles
from nav.planning.plan_result import Clearance
from nav.planning.shaft_distances import line_distances

REACH = 15.0  # mm beyond the grid's box: triangles further away are left out


@dataclass(frozen=True, eq=False)
class _Triangles:
    """A structure's triangles near the paths, and their bounding spheres."""

    structure: Structure
    limit: float
    corners: Array
    centres: Array
    radii: Array


class ExactClearances:
    """Distances of straight shafts to every structure, from the triangles themselves.

    Parameters
    ----------
    obstacles : Obstacles
        Triangles further than REACH from their grid's box are left out.
    """

    def __init__(self, obstacles: Obstacles) -> None:
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
        """Return the distances of shaft axes to the structures' walls, and where they are least.

        Parameters
        ----------
        starts, ends : ndarray, shape (n, 3)
            Of the axes, model frame, mm.

        Returns
        -------
        distances : ndarray, shape (n, structures)
            mm; negative where an axis runs within a structure: how deep, from the structure's
            surface.
        shares : ndarray, shape (n, structures)
            Of the axis, 0 at its start and 1 at its end, where the distance is least.
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
        """Least clearances required, shape (structures,), mm."""
        return np.array([near.limit for near in self._near])

    def clearances(
        self, entry: Array, target: Array, radius: float, ahead: float
    ) -> tuple[Clearance, ...]:
        """Return all clearances of one path, in the case's order of importance.

        Parameters
        ----------
        entry, target : ndarray, shape (3,)
            Of the path, model frame, mm.
        radius : float
            Of the shaft, mm.
        ahead : float
            Length beyond the target that is to be clear as well, mm.

        Returns
        -------
        tuple of Clearance
            One per structure near the paths.
        """
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
    """Return the first paths in an order that differ from those before them.

    Parameters
    ----------
    entries, targets : ndarray, shape (n, 3)
        Of the paths, mm.
    order : ndarray of int
        Indices of paths, the best first.
    count : int
        Paths that are wanted, at most.
    apart : tuple of three float
        mm between entries, rad between directions, mm between targets: a path differs if one of
        them is exceeded.

    Returns
    -------
    list of int
        Indices of the paths chosen, in the order given.
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
