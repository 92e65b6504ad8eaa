"""The core's way out of the gel at the cranial end, past the bones."""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection, Manifold

from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.sdf import Array
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.column import bones_of
from phantoms.kit.loft import Upright
from phantoms.kit.solid import solid_of, united

# Posterior shifts, y per z, that are tried: never to anterior, where the end plate stands on the
# base.
LEANS = (0.0, 0.04, 0.08)
COARSE = 0.1  # mm, tolerance to which bones are simplified
STEP, FIRST_STEP = 2.0, 8.0  # mm, from place to place on the way out; while the lean is chosen
TOUCH = 0.01  # mm^3


def drawn_bones(anatomy: Anatomy) -> Manifold:
    """Unite all bones, a little simplified.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    Manifold
        Model frame, mm.
    """
    return united(bones_of(anatomy).values()).simplify(COARSE)


def drawing_lean(core: Manifold, bones: Manifold) -> float:
    """Choose the straight way out on which the core meets least bone.

    Parameters
    ----------
    core : Manifold
        Model frame, mm.
    bones : Manifold
        Of `drawn_bones`.

    Returns
    -------
    float
        Posterior shift per mm cranially, one of LEANS.
    """

    def met(lean: float) -> float:
        return sum((core ^ bones.translate(way)).volume() for way in _ways(core, lean, FIRST_STEP))

    return min(LEANS, key=met)


def shaved_for_drawing(solid: Manifold, bones: Manifold, lean: float) -> Manifold:
    """Subtract from a solid all that would catch on bone as it is drawn cranially.

    Parameters
    ----------
    solid : Manifold
        Model frame, mm.
    bones : Manifold
        Of `drawn_bones`.
    lean : float
        Posterior shift per mm cranially.

    Returns
    -------
    Manifold
        Its largest piece.
    """
    for way in _ways(solid, lean, STEP):
        moved = bones.translate(way)
        if (solid ^ moved).volume() > TOUCH:
            solid = solid - moved
    return max(solid.decompose(), key=lambda piece: piece.volume())


def _ways(solid: Manifold, lean: float, step: float) -> list[tuple[float, float, float]]:
    """List the bones' offsets as seen from the solid, from its seat until it is out."""
    _, _, low, _, _, high = solid.bounding_box()
    return [(0.0, float(-lean * t), float(-t)) for t in np.arange(0.0, high - low, step)]


def drawn_undercut(anatomy: Anatomy) -> float:
    """Return how far sleeve and gel must give way for the core to be drawn.

    It is the largest distance by which a section of the sac protrudes beyond those that it passes
    on its way, along the best of the straight ways out.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    float
        mm.
    """
    s = anatomy.structure("dura")
    dura = Upright(solid_of(Mesh(s.vertices, s.triangles)), 72)
    z = dura.heights(dura.low, dura.high)[::2]
    sections = [dura.section(float(height)) for height in z]
    return min(_undercut(sections, z, lean) for lean in LEANS)


def _undercut(sections: list[CrossSection], z: Array, lean: float) -> float:
    """Return the largest distance by which a section protrudes beyond one above it, there."""
    worst = 0.0
    for i, lower in enumerate(sections):
        for j in range(i + 1, len(sections)):
            shift = np.array([0.0, lean * (z[j] - z[i])])
            moved = np.asarray(lower.to_polygons()[0]) + shift
            worst = max(worst, _beyond(moved, np.asarray(sections[j].to_polygons()[0])))
    return worst


def _beyond(points: Array, outline: Array) -> float:
    """Return how far points (n, 2) lie outside a convex counter-clockwise outline (k, 2)."""
    side = np.roll(outline, -1, axis=0) - outline
    normal = np.column_stack([side[:, 1], -side[:, 0]])
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    outside = ((points[:, None] - outline[None]) * normal[None]).sum(axis=2).max(axis=1)
    return max(0.0, float(outside.max()))
