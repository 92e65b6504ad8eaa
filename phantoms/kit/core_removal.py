"""How the core is drawn out of the gel at the cranial end, past the bones."""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection, Manifold

from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.sdf import Array
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.column import bones_of
from phantoms.kit.loft import Upright
from phantoms.kit.solid import solid_of, united

# To posterior, y per z, that are tried: never to anterior, where the end plate stands on the base.
LEANS = (0.0, 0.04, 0.08)
COARSE = 0.1  # mm, bones are simplified to
STEP, FIRST_STEP = 2.0, 8.0  # mm, from place to place on the way out; while the lean is chosen
TOUCH = 0.01  # mm^3


def drawn_bones(anatomy: Anatomy) -> Manifold:
    """All bones, a little simplified, model frame."""
    return united(bones_of(anatomy).values()).simplify(COARSE)


def drawing_lean(core: Manifold, bones: Manifold) -> float:
    """The straight way out that meets least bone."""

    def met(lean: float) -> float:
        return sum((core ^ bones.translate(way)).volume() for way in _ways(core, lean, FIRST_STEP))

    return min(LEANS, key=met)


def shaved_for_drawing(solid: Manifold, bones: Manifold, lean: float) -> Manifold:
    """A solid less all that bone would hold as it is drawn cranially."""
    for way in _ways(solid, lean, STEP):
        moved = bones.translate(way)
        if (solid ^ moved).volume() > TOUCH:
            solid = solid - moved
    return max(solid.decompose(), key=lambda piece: piece.volume())


def _ways(solid: Manifold, lean: float, step: float) -> list[tuple[float, float, float]]:
    """Places of the bones as seen from the solid, from its seat until it is out."""
    _, _, low, _, _, high = solid.bounding_box()
    return [(0.0, float(-lean * t), float(-t)) for t in np.arange(0.0, high - low, step)]


def drawn_undercut(anatomy: Anatomy) -> float:
    """How far sleeve and gel must give way for the core to be drawn, mm.

    The most that a section of the sac stands out of those that it passes on its way, along the
    straight line that is best for that.
    """
    s = anatomy.structure("dura")
    dura = Upright(solid_of(Mesh(s.vertices, s.triangles)), 72)
    z = dura.heights(dura.low, dura.high)[::2]
    sections = [dura.section(float(height)) for height in z]
    return min(_undercut(sections, z, lean) for lean in LEANS)


def _undercut(sections: list[CrossSection], z: Array, lean: float) -> float:
    """Largest distance that a lower section stands out of one over it, at the latter's place."""
    worst = 0.0
    for i, lower in enumerate(sections):
        for j in range(i + 1, len(sections)):
            shift = np.array([0.0, lean * (z[j] - z[i])])
            moved = np.asarray(lower.to_polygons()[0]) + shift
            worst = max(worst, _beyond(moved, np.asarray(sections[j].to_polygons()[0])))
    return worst


def _beyond(points: Array, outline: Array) -> float:
    """How far points (n, 2) lie outside of a convex outline (k, 2), counter-clockwise."""
    side = np.roll(outline, -1, axis=0) - outline
    normal = np.column_stack([side[:, 1], -side[:, 0]])
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    outside = ((points[:, None] - outline[None]) * normal[None]).sum(axis=2).max(axis=1)
    return max(0.0, float(outside.max()))
