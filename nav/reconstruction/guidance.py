"""Guidance by a user or another program: seeds, a box, labels, and strokes of a brush.

All of it is optional. Each part replaces or limits one step, and a reconstruction reports which.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from nav.reconstruction.prior import BONES
from nav.reconstruction.volume import Array

if TYPE_CHECKING:
    from nav.reconstruction.labelmap import LabelMask  # loads all readers of scans

Point = tuple[float, float, float]
Role = Literal["bone", "cord", "dura", "artery", "skin"]

ROLES: dict[str, Role] = {
    **dict.fromkeys(BONES, "bone"),
    "vertebral artery left": "artery",
    "vertebral artery right": "artery",
    "cord": "cord",
    "dura": "dura",
    "skin": "skin",
}
SEEDED = tuple(name for name, role in ROLES.items() if role in ("bone", "artery"))
PAINTED = tuple(name for name, role in ROLES.items() if role != "skin")
LABEL_SIGMA = 0.5  # mm, of surfaces segmented by hand or by a program in a CT of usual resolution
HAND_SIGMA = 0.5  # mm, of a painted wall: half a brush step, and the eye's error


@dataclass(frozen=True)
class Seed:
    """A point within a bone, or within an artery's lumen.

    Parameters
    ----------
    name : str
        Of the structure, one of SEEDED.
    position : tuple of float
        Model frame, mm.
    """

    name: str
    position: Point

    @property
    def point(self) -> Array:
        """Return the position, shape (3,)."""
        return np.array(self.position, float)


@dataclass(frozen=True)
class Box:
    """A box in which C2 is searched; it may be rotated.

    Parameters
    ----------
    centre : tuple of float
        Model frame, mm.
    half : tuple of float
        From the centre to its faces along its own axes, mm.
    axes : tuple of tuple of float
        Its own axes in the model frame, one unit vector per row.
    """

    centre: Point
    half: Point
    axes: tuple[Point, Point, Point] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def holds(self, points: Array) -> NDArray[np.bool_]:
        """Return which points lie within.

        Parameters
        ----------
        points : ndarray, shape (..., 3)
            Model frame, mm.

        Returns
        -------
        ndarray of bool, shape (...)
            True within the box.
        """
        own = (points - np.array(self.centre)) @ np.array(self.axes).T
        return np.asarray((np.abs(own) <= np.array(self.half)).all(axis=-1))

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Return the opposite corners (3,), mm, of its bounding box along the model's axes."""
        reach = np.abs(np.array(self.axes)).T @ np.array(self.half)
        return np.array(self.centre) - reach, np.array(self.centre) + reach


@dataclass(frozen=True)
class Stroke:
    """A stroke of a round brush: what lies within `radius` of a line is added, or removed.

    Parameters
    ----------
    structure : str
        One of PAINTED.
    erase : bool
        Whether it removes.
    radius : float
        mm.
    points : tuple of tuple of float
        Of the line, model frame, mm; one point is a ball.
    """

    structure: str
    erase: bool
    radius: float
    points: tuple[Point, ...]

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Return the opposite corners (3,) of its bounding box, model frame, mm."""
        points = np.array(self.points)
        return points.min(axis=0) - self.radius, points.max(axis=0) + self.radius

    def distances(self, points: Array) -> Array:
        """Return the signed distances of points to the stroke's surface.

        Parameters
        ----------
        points : ndarray, shape (n, 3)
            Model frame, mm.

        Returns
        -------
        ndarray, shape (n,)
            mm, negative inside.
        """
        line = np.array(self.points)
        least = np.linalg.norm(points - line[0], axis=1)
        for start, end in pairwise(line):
            way = end - start
            length = float(way @ way)
            if length <= 0.0:
                continue
            share = np.clip((points - start) @ way / length, 0.0, 1.0)
            off = points - start - share[:, None] * way
            least = np.minimum(least, np.sqrt(np.einsum("ij,ij->i", off, off)))
        return np.asarray(least - self.radius)


@dataclass(frozen=True, eq=False)
class GuideLabel:
    """A structure of a label map; two are equal only if they are the same object.

    Parameters
    ----------
    name : str
        One of ROLES.
    mask : LabelMask
        Its voxels.
    sigma : float
        One standard deviation of the labels' own error, besides that of their voxels, mm.
    """

    name: str
    mask: LabelMask
    sigma: float = LABEL_SIGMA

    @property
    def role(self) -> Role:
        """Return its role in a case."""
        return ROLES[self.name]

    @cached_property
    def seed(self) -> Seed:
        """Return its innermost point, as a seed."""
        from scipy.ndimage import distance_transform_edt

        depth = distance_transform_edt(self.mask.values, sampling=self.mask.spacing[::-1])
        index = np.array(np.unravel_index(int(depth.argmax()), depth.shape))[::-1]
        matrix = self.mask.model_from_voxel
        x, y, z = (float(v) for v in matrix[:3, :3] @ index + matrix[:3, 3])
        return Seed(self.name, (x, y, z))


@dataclass(frozen=True)
class ReconstructionGuidance:
    """The whole guidance of a reconstruction; empty without arguments.

    Parameters
    ----------
    seeds : tuple of Seed
        Points within structures.
    box : Box, optional
        In which C2 is searched.
    labels : tuple of GuideLabel
        At most one per name. Bones' are refined by the grey values, unless `keep_labels`.
    keep_labels : bool
        Whether surfaces of bones are made from the labels alone.
    strokes : tuple of Stroke
        In the order in which they were painted: the later one counts.
    """

    seeds: tuple[Seed, ...] = ()
    box: Box | None = None
    labels: tuple[GuideLabel, ...] = ()
    keep_labels: bool = False
    strokes: tuple[Stroke, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.seeds or self.box or self.labels or self.strokes)

    def seeds_of(self, role: Role) -> tuple[Seed, ...]:
        """Return the seeds of structures of a role.

        Parameters
        ----------
        role : Role
            Of the structures.

        Returns
        -------
        tuple of Seed
            In order.
        """
        return tuple(seed for seed in self.seeds if ROLES[seed.name] == role)

    def strokes_of(self, *roles: Role) -> tuple[Stroke, ...]:
        """Return the strokes on structures of some roles.

        Parameters
        ----------
        *roles : Role
            Of the structures.

        Returns
        -------
        tuple of Stroke
            In order.
        """
        return tuple(stroke for stroke in self.strokes if ROLES[stroke.structure] in roles)

    def labels_of(self, *roles: Role) -> tuple[GuideLabel, ...]:
        """Return the labels of structures of some roles.

        Parameters
        ----------
        *roles : Role
            Of the structures.

        Returns
        -------
        tuple of GuideLabel
            In order.
        """
        return tuple(label for label in self.labels if label.role in roles)

    def label(self, name: str) -> GuideLabel | None:
        """Return the label of a structure, if there is one."""
        return next((label for label in self.labels if label.name == name), None)

    def painted(self, name: str) -> tuple[Stroke, ...]:
        """Return the strokes on a structure."""
        return tuple(stroke for stroke in self.strokes if stroke.structure == name)


NOTHING = ReconstructionGuidance()


def with_seed(
    guidance: ReconstructionGuidance, name: str, position: Iterable[float]
) -> ReconstructionGuidance:
    """Return the guidance with an additional seed.

    A bone has one seed, which is replaced; an artery may have several.

    Parameters
    ----------
    guidance : ReconstructionGuidance
        Before.
    name : str
        One of SEEDED.
    position : iterable of float
        Model frame, mm.

    Returns
    -------
    ReconstructionGuidance
        With the seed.
    """
    x, y, z = (float(v) for v in position)
    kept = guidance.seeds
    if ROLES[name] == "bone":
        kept = tuple(seed for seed in kept if seed.name != name)
    return replace(guidance, seeds=(*kept, Seed(name, (x, y, z))))
