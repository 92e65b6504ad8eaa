"""Errors of a printed part: a little off in scale, wide at its foot, warped, in layers.

The difference of a printed part from its STL is a map of the part's frame, in which it lies on the
bed; what is attached to the part, such as the bones' own meshes, is mapped in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from manifold3d import Manifold, Mesh64
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import RigidTransform, Rotation

from nav.reconstruction.printed.kit import BONES_PART, KitPart, PrintedKit
from phantoms.anatomy.mesh import Array, Mesh

BLEND = 6.0  # mm, over which a strut gives way to a bone that is displaced
FOOT_HEIGHT = 0.8  # mm, up to which the first layers are squeezed out
LONGEST_EDGE = (
    2.5  # mm, of a printed part's triangles: what is straight in the STL is not straight in print
)


@dataclass(frozen=True)
class PrintErrors:
    """How one part's print differs from its STL.

    Parameters
    ----------
    scale : tuple of 3 floats
        Relative error of each axis of the bed: 0.002 is two parts in a thousand too large.
    foot_mm : float
        How far the lowest layers stand out sideways, mm.
    warp_mm : float
        How far the ends curl up from the bed, at the farthest corner, mm.
    layer_mm : float
        Height of a layer, mm.
    roughness_mm : float
        Standard deviation over the surface, mm.
    place : RigidTransform
        Displacement of the assembled part from its place in the kit, model frame, about its centre.
    """

    scale: tuple[float, float, float] = (0.0, 0.0, 0.0)
    foot_mm: float = 0.0
    warp_mm: float = 0.0
    layer_mm: float = 0.2
    roughness_mm: float = 0.0
    place: RigidTransform = field(default_factory=RigidTransform.identity)


@dataclass(frozen=True)
class PrintedPart:
    """A part as printed and assembled.

    Attributes
    ----------
    name : str
        Name of the part.
    mesh : Mesh
        Model frame, mm, with the triangles of `source`.
    source : Mesh
        The same surface as designed.
    errors : PrintErrors
        Of the print.
    """

    name: str
    mesh: Mesh
    source: Mesh
    errors: PrintErrors


@dataclass(frozen=True)
class PartMap:
    """Maps points of a part as designed, model frame, to where they are in the phantom.

    Attributes
    ----------
    part : KitPart
        The part.
    errors : PrintErrors
        Of its print.
    bones : mapping of str to (cKDTree, RigidTransform)
        Vertices of single bones, and their extra poses.
    seed : int
        Of the roughness.
    """

    part: KitPart
    errors: PrintErrors
    bones: Mapping[str, tuple[cKDTree, RigidTransform]]
    seed: int

    def points(self, designed: Array) -> Array:
        """Map points (n, 3), without foot and roughness, which apply to surfaces only."""
        e, turn = self.errors, self.part.model_from_part
        p = turn.inv().apply(self._glued(designed))
        low, high = self.part.mesh.vertices.min(axis=0), self.part.mesh.vertices.max(axis=0)
        middle = 0.5 * (low + high)
        middle[2] = low[2]
        off = p - middle
        reach = float(np.linalg.norm((high - low)[:2]) / 2)
        rise = e.warp_mm * (off[:, :2] ** 2).sum(axis=1) / reach**2
        q = middle + off * (1.0 + np.array(e.scale))
        q[:, 2] += rise
        placed = turn.apply(q)
        centre = turn.apply(middle)
        return e.place.apply(placed - centre) + centre

    def surface(self, designed: Mesh) -> Mesh:
        """Map a surface, with foot, layer steps and roughness."""
        vertices = self.points(designed.vertices)
        turn = self.part.model_from_part
        normals = _normals(designed)
        on_bed = turn.inv().apply(designed.vertices)
        up = turn.rotation.inv().apply(normals)
        low = float(self.part.mesh.vertices[:, 2].min())
        high = on_bed[:, 2] - low
        sideways = up * (1.0, 1.0, 0.0)
        foot = self.errors.foot_mm * np.clip(1.0 - high / FOOT_HEIGHT, 0.0, 1.0)
        vertices += turn.rotation.apply(foot[:, None] * sideways)
        # steps of sloping faces; upright and flat ones have none
        height = self.errors.layer_mm
        saw = np.mod(high / height, 1.0) - 0.5
        step = height * np.abs(up[:, 2]) * np.sqrt(np.clip(1.0 - up[:, 2] ** 2, 0.0, 1.0))
        rough = np.random.default_rng([self.seed, 31]).standard_normal(len(vertices))
        along = saw * step + self.errors.roughness_mm * rough
        return Mesh(vertices + along[:, None] * normals, designed.triangles)

    def _glued(self, points: Array) -> Array:
        moved = points.copy()
        for tree, pose in self.bones.values():
            away, _ = tree.query(points, distance_upper_bound=BLEND)
            share = np.clip(1.0 - away / BLEND, 0.0, 1.0)
            share = share * share * (3.0 - 2.0 * share)
            centre = np.asarray(tree.data).mean(axis=0)
            moved += share[:, None] * (pose.apply(points - centre) + centre - points)
        return moved


def part_map(
    kit: PrintedKit,
    part: KitPart,
    errors: PrintErrors,
    bones: Mapping[str, RigidTransform] | None = None,
    seed: int = 0,
) -> PartMap:
    """Build the map of a part from its design to the phantom.

    Parameters
    ----------
    kit : PrintedKit
        The kit.
    part : KitPart
        One of its parts.
    errors : PrintErrors
        Of the part's print.
    bones : mapping of str to RigidTransform, optional
        Extra pose of single bones about their centres, model frame; used for the bones' part only.
    seed : int, optional
        Of the roughness.

    Returns
    -------
    PartMap
        The map.
    """
    trees = {}
    if part.name == BONES_PART:
        surfaces = {s.name: s.surface for s in kit.case.structures}
        trees = {n: (cKDTree(surfaces[n].vertices), t) for n, t in (bones or {}).items()}
    return PartMap(part, errors, trees, seed)


def printed_part(made: PartMap) -> PrintedPart:
    """Print a part: its STL's surface with edges of at most `LONGEST_EDGE`, mapped.

    Parameters
    ----------
    made : PartMap
        The map of the part.

    Returns
    -------
    PrintedPart
        The part in the phantom.
    """
    placed = made.part.placed
    solid = Manifold(
        Mesh64(
            np.ascontiguousarray(placed.vertices, float),
            np.ascontiguousarray(placed.triangles, np.uint64),
        )
    ).refine_to_length(LONGEST_EDGE)
    fine = solid.to_mesh64()
    source = Mesh(np.array(fine.vert_properties, float)[:, :3], np.array(fine.tri_verts, np.int32))
    return PrintedPart(made.part.name, made.surface(source), source, made.errors)


def draw_errors(rng: np.random.Generator, hard: bool) -> PrintErrors:
    """Draw how one part comes out of a good printer, or of one that nobody has calibrated.

    Parameters
    ----------
    rng : numpy.random.Generator
        For the draws.
    hard : bool
        An uncalibrated printer.

    Returns
    -------
    PrintErrors
        The errors.
    """
    size = 0.005 if hard else 0.002
    off = Rotation.from_rotvec(rng.normal(0.0, np.radians(0.15), 3))
    return PrintErrors(
        tuple(rng.uniform(-size, size, 3).tolist()),
        float(rng.uniform(0.05, 0.3 if hard else 0.15)),
        float(rng.uniform(0.0, 0.5 if hard else 0.15)),
        0.2 if hard else 0.15,
        0.03,
        RigidTransform.from_components(rng.normal(0.0, 0.15, 3), off),
    )


def _normals(mesh: Mesh) -> NDArray[np.float64]:
    corners = mesh.vertices[mesh.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(mesh.vertices)
    for k in range(3):
        np.add.at(normals, mesh.triangles[:, k], faces)
    return normals / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)[:, None]
