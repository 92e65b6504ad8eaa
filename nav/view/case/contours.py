"""Compute contours: where surfaces cross the plane of a slice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.compiled import njit
from nav.core.frames import Array
from nav.model.case import Structure
from nav.view.case.planes import Plane
from nav.view.case.slices import ROUNDED

CACHED = 400  # contours of one structure in one slice


@dataclass(frozen=True, eq=False)
class Contour:
    """The lines in which a closed surface crosses a plane.

    Parameters
    ----------
    lines : tuple of ndarray, shape (n, 2)
        Model coordinates along the plane's axes, mm; the first point is also the last.
    sigma : tuple of ndarray, shape (n,)
        One standard deviation of the surface at these points, mm.
    """

    lines: tuple[Array, ...]
    sigma: tuple[Array, ...]


class Crossing:
    """A surface, sorted so that the triangles that cross a plane are found at once.

    Parameters
    ----------
    vertices : ndarray, shape (n, 3)
        Model frame, mm.
    triangles : ndarray of int32, shape (m, 3)
        Closed.
    sigma : ndarray, shape (n,)
        One standard deviation at the vertices, mm.
    """

    def __init__(self, vertices: Array, triangles: NDArray[np.int32], sigma: Array) -> None:
        self.vertices, self.triangles, self.sigma = vertices, triangles.astype(np.int64), sigma
        corners = vertices[triangles]
        self._lowest, self._highest = corners.min(axis=1), corners.max(axis=1)

    def at(self, plane: Plane, position: float) -> Contour:
        """Return the contour at a coordinate along the plane's normal, mm."""
        axis = plane.normal
        crossing = (self._lowest[:, axis] < position) & (self._highest[:, axis] >= position)
        corners = self.triangles[crossing]
        if not len(corners):
            return Contour((), ())
        above = self.vertices[:, axis][corners] >= position
        # the corner that is alone on its side, then the two others: two edges cross the plane
        alone = np.where(above.sum(axis=1) == 1, above.argmax(axis=1), above.argmin(axis=1))
        rows = np.arange(len(corners))
        tip = corners[rows, alone]
        edges = np.stack(
            [
                np.sort(np.stack([tip, corners[rows, (alone + k) % 3]], axis=1), axis=1)
                for k in (1, 2)
            ],
            axis=1,
        )
        keys, which = np.unique(
            edges[..., 0] * len(self.vertices) + edges[..., 1], return_inverse=True
        )
        ends = np.stack([keys // len(self.vertices), keys % len(self.vertices)], axis=1)
        off = self.vertices[:, axis][ends] - position
        share = off[:, 0] / (off[:, 0] - off[:, 1])
        axes = [plane.across, plane.down]
        start, end = self.vertices[ends[:, 0]][:, axes], self.vertices[ends[:, 1]][:, axes]
        points = start + share[:, None] * (end - start)
        sigma = self.sigma[ends]
        sigma = sigma[:, 0] + share * (sigma[:, 1] - sigma[:, 0])
        loops = joined(which.reshape(-1, 2))
        return Contour(tuple(points[loop] for loop in loops), tuple(sigma[loop] for loop in loops))


def joined(segments: NDArray[np.intp]) -> list[NDArray[np.int64]]:
    """Join segments between numbered points to lines.

    Parameters
    ----------
    segments : ndarray of int, shape (n, 2)
        Numbers of their ends.

    Returns
    -------
    list of ndarray of int64, shape (k,)
        Numbers of the points along each line. Closed lines, where each point is the end of two
        segments, begin and end with the same point.
    """
    pairs = np.ascontiguousarray(segments, np.int64)
    order = np.argsort(pairs.ravel(), kind="stable")
    count = int(pairs.max(initial=-1)) + 1
    first = np.searchsorted(pairs.ravel()[order], np.arange(count + 1))
    numbers, ends = _walk(pairs, order // 2, first.astype(np.int64))
    return np.split(numbers, ends[:-1]) if len(ends) else []


@njit(nogil=True, cache=True)
def _walk(pairs, owner, first):
    """Follow segments from one to the next: the points of all lines, and where each line ends.

    owner[first[p] : first[p + 1]] : the segments that end at point p.
    """
    used = np.zeros(len(pairs), np.bool_)
    numbers = np.empty(2 * len(pairs), np.int64)
    ends = np.empty(len(pairs), np.int64)
    filled = lines = 0
    points = len(first) - 1
    # open lines first, from one of their ends, so that none is begun in its middle
    for head in range(points + len(pairs)):
        if head < points:
            if first[head + 1] - first[head] != 1:
                continue
            segment, point = owner[first[head]], head
        else:
            segment = head - points
            point = pairs[segment, 0]
        if used[segment]:
            continue
        numbers[filled] = point
        filled += 1
        while segment >= 0:
            used[segment] = True
            point = pairs[segment, 0] + pairs[segment, 1] - point
            numbers[filled] = point
            filled += 1
            segment = -1
            for k in range(first[point], first[point + 1]):
                if not used[owner[k]]:
                    segment = owner[k]
                    break
        ends[lines] = filled
        lines += 1
    return numbers[:filled], ends[:lines]


class Contours:
    """Contours of a case's structures, cached for the most recent slices.

    Parameters
    ----------
    structures : sequence of Structure
        Closed surfaces, model frame, mm.
    """

    def __init__(self, structures: Sequence[Structure]) -> None:
        self.crossings = {
            s.name: Crossing(
                s.surface.vertices, s.surface.triangles, s.sigma_at(s.surface.vertices)
            )
            for s in structures
        }
        self._kept: OrderedDict[tuple[str, str, int], Contour] = OrderedDict()

    def contour(self, structure: str, plane: Plane, position: float) -> Contour:
        """Return a structure's contour in a slice at a coordinate along the normal, mm."""
        key = (structure, plane.name, round(position / ROUNDED))
        if key not in self._kept:
            self._kept[key] = self.crossings[structure].at(plane, position)
        self._kept.move_to_end(key)
        while len(self._kept) > CACHED:
            self._kept.popitem(last=False)
        return self._kept[key]
