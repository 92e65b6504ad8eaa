"""The bone column: bones, the struts that hold them from in front, and a foot; one print.

Stiffness, by beam formulas, PLA printed with 2500 N/mm2: a push of 1 N along the neck at C1's
posterior arch bends its two arms (30 mm long, 3.9 by 7 mm under the arteries' grooves) by 0.05 mm
as cantilevers, 0.015 mm as the closed arch that they are; a push sideways turns keel and web under
C1 (5 by 42 mm, 30 mm high) by less than 0.005 mm there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from manifold3d import Manifold

from nav.core.errors import InputError
from nav.openthreed import import_open3d
from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.sdf import Array
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.fasteners import M3_NUT, M3_NUT_DEPTH, hole
from phantoms.kit.kit_layout import Layout
from phantoms.kit.solid import box, prism, solid_of, united, without

KEEL = 5.0  # mm, thickness of keel and webs
SINK = 1.5  # mm, how deep struts go into bone
FOOT = (22.0, -48.0, 42.0)  # half width; z of its ends
FOOT_RECESS = 1.5  # mm, how deep it stands in the base
FOOT_HEIGHT = 5.0  # mm, over the base's top
NUT_ABOVE = 2.2  # mm, its nuts over its underside
WINDOW = 25.0  # mm over and under the plan's level: no strut is seen there from the side
WINDOW_FRONT = -14.0  # y behind which that holds
OFF_ARTERY, OFF_SAC = 0.6, 1.0  # mm
OFF_BASE = 4.0  # mm, bones


def bones_of(anatomy: Anatomy) -> dict[str, Manifold]:
    """Convert every bone to a solid.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    dict of str to Manifold
        By name; model frame, mm.
    """
    return {
        s.name: solid_of(Mesh(s.vertices, s.triangles))
        for s in anatomy.structures
        if s.role == "bone"
    }


def column_solid(anatomy: Anatomy, layout: Layout) -> Manifold:
    """Unite bones, struts and foot.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.
    layout : Layout
        Where the kit's parts stand.

    Returns
    -------
    Manifold
        Model frame, mm.

    Raises
    ------
    InputError
        A bone would touch the base.
    """
    bones = bones_of(anatomy)
    for name, bone in bones.items():
        if bone.bounding_box()[1] < layout.base_top + OFF_BASE:
            raise InputError(
                f"neck_ap {anatomy.parameters.neck_ap:g}: {name} would touch the kit's base; "
                "expected a deeper neck"
            )
    return united([*bones.values(), struts(anatomy, layout)])


def struts(anatomy: Anatomy, layout: Layout) -> Manifold:
    """Build the foot, a median keel, a web to C1's lateral masses and one to the occiput.

    They end in the bones.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.
    layout : Layout
        Where the kit's parts stand.

    Returns
    -------
    Manifold
        Model frame, mm; clear of arteries, sac and the lateral view of the window.
    """
    front = _Front(anatomy)
    pieces = [_keel(front, layout), _foot(layout)]
    half = anatomy.parameters.c1_canal_width / 2
    for name, reach in (("C1", half + 7.5), ("occiput", half)):
        if name in front.names:
            pieces.append(_web(front, layout, name, reach))
    rooms = [
        _grown(Mesh(s.vertices, s.triangles), {"artery": OFF_ARTERY, "dura": OFF_SAC}[s.role])
        for s in anatomy.structures
        if s.role in ("artery", "dura")
    ]
    seen = box((-100, WINDOW_FRONT, -WINDOW), (100, 100, WINDOW))
    solid = without(united(pieces), [*rooms, seen, *_foot_holes(layout)])
    return max(solid.decompose(), key=lambda piece: piece.volume())


class _Front:
    """The bones' surface as seen from in front."""

    def __init__(self, anatomy: Anatomy) -> None:
        bones = [s for s in anatomy.structures if s.role == "bone"]
        self.names = [s.name for s in bones]
        self._scene: Any = import_open3d().t.geometry.RaycastingScene(nthreads=1)
        for s in bones:
            self._scene.add_triangles(s.vertices.astype(np.float32), s.triangles.astype(np.uint32))
        sac = next(s for s in anatomy.structures if s.role == "dura")
        self._sac = sac.vertices

    def reach(self, x: Array, z: Array, name: str | None = None) -> Array:
        """Return y of the first surface at x, z (n,); nan where there is none in front of the sac.

        name : only where that bone is the first.
        """
        rays = np.zeros((len(x), 6), np.float32)
        rays[:, 0], rays[:, 1], rays[:, 2], rays[:, 4] = x, -200.0, z, 1.0
        found = self._scene.cast_rays(import_open3d().core.Tensor(rays))
        y = np.asarray(found["t_hit"].numpy(), float) - 200.0
        hit = y < self._limit(z)
        if name is not None:
            hit &= found["geometry_ids"].numpy() == self.names.index(name)
        return np.where(hit, y, np.nan)

    def heights(self, name: str) -> Array:
        """Return z on the midline where a bone is the first to be seen, mm."""
        z = np.arange(-70.0, 60.0, 0.5)
        return z[~np.isnan(self.reach(np.zeros(len(z)), z, name))]

    def _limit(self, z: Array) -> Array:
        """Return y in front of the sac, and of the window as it is seen from the side."""
        order = np.argsort(self._sac[:, 2], kind="stable")
        heights, y = self._sac[order, 2], self._sac[order, 1]
        first = np.searchsorted(heights, z - 1.5)
        last = np.searchsorted(heights, z + 1.5)
        ends = (y[heights < heights[0] + 1.0].min(), y[heights > heights[-1] - 1.0].min())
        front = np.array(
            [
                y[i:j].min() if j > i else ends[int(at > 0)]
                for i, j, at in zip(first, last, z, strict=True)
            ]
        )
        return np.minimum(front - 1.0, np.where(np.abs(z) < WINDOW, WINDOW_FRONT - 1.0, np.inf))


def _keel(front: _Front, layout: Layout) -> Manifold:
    z = np.arange(FOOT[1] + 1.0, FOOT[2] - 0.5, 1.0)
    y = _filled(z, front.reach(np.zeros(len(z)), z))
    keep = ~np.isnan(y)
    return prism(_down_to_foot(y[keep], z[keep], layout), -KEEL / 2, KEEL / 2, "x")


def _web(front: _Front, layout: Layout, name: str, reach: float) -> Manifold:
    heights = front.heights(name)
    middle = float(np.round(heights.mean(), 3))
    x = np.arange(-np.floor(reach), np.floor(reach) + 0.5, 1.0)
    y = _filled(x, front.reach(x, np.full(len(x), middle), name))
    keep = ~np.isnan(y)
    outline = _down_to_foot(y[keep], x[keep], layout)[:, ::-1]
    return prism(outline, middle - KEEL / 2, middle + KEEL / 2, "z")


def _filled(at: Array, y: Array) -> Array:
    """Sink a profile into the bone; straight over gaps between, nan beyond the ends."""
    seen = ~np.isnan(y)
    return np.interp(at, at[seen], y[seen] + SINK, left=np.nan, right=np.nan)


def _down_to_foot(y: Array, along: Array, layout: Layout) -> Array:
    low = layout.base_top
    return np.concatenate([[(low, along[0])], np.column_stack([y, along]), [(low, along[-1])]])


def _foot(layout: Layout) -> Manifold:
    half, low, high = FOOT
    top = layout.base_top
    return box((-half, top - FOOT_RECESS, low), (half, top + FOOT_HEIGHT, high))


def _foot_holes(layout: Layout) -> list[Manifold]:
    """Build bolts from below and nut slots from the foot's sides, as webs stand on its top."""
    half, _, _ = FOOT
    low = layout.base_top - FOOT_RECESS + NUT_ABOVE
    cutters = []
    for x, z in layout.bolts["column"]:
        top = layout.base_top + FOOT_HEIGHT + 1.0  # through: not to end just at its face
        cutters.append(hole((x, layout.base_bottom, z), (x, top, z)))
        out = float(np.sign(x))
        ends = sorted((x - out * M3_NUT / np.sqrt(3.0), out * (half + 1.0)))
        flat = M3_NUT / 2
        cutters.append(box((ends[0], low, z - flat), (ends[1], low + M3_NUT_DEPTH, z + flat)))
    return cutters


def _grown(mesh: Mesh, by: float) -> Manifold:
    """Move the vertices of a mesh outwards along their normals."""
    corners = mesh.vertices[mesh.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(mesh.vertices)
    for k in range(3):
        np.add.at(normals, mesh.triangles[:, k], faces)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    return solid_of(Mesh(mesh.vertices + by * normals, mesh.triangles))
