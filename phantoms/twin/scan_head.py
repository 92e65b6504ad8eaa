"""Skin of neck, head and shoulders; jaw, teeth, hyoid, temporal bones: sketched."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from nav.core.frames import Array
from phantoms.anatomy.mesh import Mesh, mesh_solid
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import Solid, both_sides, ellipsoid, tube, union
from phantoms.anatomy.skin_model import NECK_BOTTOM, NECK_TOP, outline
from phantoms.store import stored_meshes
from phantoms.twin.ct_section import Surface
from phantoms.twin.ct_skin import drawn, mastoids

LOWEST, HIGHEST, RING_SPACING, CORNERS = -112.0, 82.0, 2.5, 128  # mm
# The face: how far it protrudes before the neck's front, mm, at heights, mm.
FACE = (
    (-112.0, -64.0, -52.0, -44.0, -38.0, -30.0, -18.0, -4.0, 8.0, 20.0, 34.0, 50.0, 82.0),
    (0.0, 1.0, 9.0, 22.0, 33.0, 38.0, 38.0, 36.0, 38.0, 43.0, 46.0, 40.0, 34.0),
)
# How much fuller the sides of the face are than an ellipse, share.
FULLER = ((-56.0, -36.0, 30.0, 60.0), (0.0, 0.14, 0.10, 0.0))
# How much wider than the neck at the end: shoulders below.
SHOULDERS = ((-112.0, -96.0, -80.0, -66.0, -56.0), (1.75, 1.42, 1.15, 1.03, 1.0))
MESH_SPACING = 1.3  # mm
TEETH = 8  # on each side of a jaw
ENAMEL = 2200.0  # HU
JAWS = ((-9.0, -14.0), (1.0, 4.0))  # mm: heights of crowns and roots, lower and upper


@lru_cache(maxsize=4)
def skin(p: AnatomyParameters) -> Surface:
    """Build the skin of the neck, the lower half of the head and the beginning of the shoulders.

    Parameters
    ----------
    p : AnatomyParameters
        Size of the neck.

    Returns
    -------
    Surface
        Anatomy's frame, mm.
    """
    rings = []
    for z in np.arange(LOWEST, HIGHEST + 1e-6, RING_SPACING):
        ring = outline(p, float(np.clip(z, NECK_BOTTOM, NECK_TOP)), CORNERS)
        front, back = ring[:, 1].min(), ring[:, 1].max()
        middle = 0.5 * (front + back)
        out = np.clip((middle - ring[:, 1]) / (middle - front), 0.0, 1.0)
        ring[:, 1] -= np.interp(z, *FACE) * out
        # the jaw is fuller than the neck's front, the shoulders are wider
        fuller = np.interp(z, *FULLER)
        ring[:, 0] *= 1.0 + fuller * np.sqrt(out) * np.clip((1.0 - out) / 0.3, 0.0, 1.0)
        ring[:, 0] *= np.interp(z, *SHOULDERS)
        rings.append(np.column_stack([ring, np.full(len(ring), z)]))
    return drawn("skin", "skin", np.array(rings))


def sketched_bones(p: AnatomyParameters) -> tuple[Surface, ...]:
    """Build mandible, hyoid, temporal bones with mastoids, upper jaw and palate.

    Parameters
    ----------
    p : AnatomyParameters
        Size of the neck.

    Returns
    -------
    tuple of Surface
        Closed surfaces, anatomy's frame, mm.
    """
    wide = p.neck_width / 120.0
    found = [
        Surface(name, "bone", mesh.vertices, mesh.triangles) for name, mesh in _solids(wide).items()
    ]
    return (*found, *mastoids(p))


def teeth(p: AnatomyParameters, metal: int, seed: int) -> tuple[tuple[Surface, bool], ...]:
    """Build crowns with their roots.

    Parameters
    ----------
    p : AnatomyParameters
        Size of the neck.
    metal : int
        Number of molars with a metal filling.
    seed : int
        Chooses those.

    Returns
    -------
    tuple of (Surface, bool)
        Each tooth, and whether it is filled with metal.
    """
    wide = p.neck_width / 120.0
    rng = np.random.default_rng([seed, 32])
    places = []
    for crown, root in JAWS:
        for side in (-1.0, 1.0):
            for k in range(TEETH):
                x, y = _arch(k + 0.5, wide)
                places.append((side * x, y, crown, root, k))
    molars = [i for i, place in enumerate(places) if place[4] >= 4]
    filled = set(rng.permutation(molars)[:metal].tolist())
    result = []
    for i, (x, y, crown, root, k) in enumerate(places):
        half = 2.6 + 0.35 * k
        z = 0.5 * (crown + root)
        t = np.linspace(0.0, 2.0 * np.pi, 20, endpoint=False)
        latitude = np.linspace(-0.48, 0.48, 11) * np.pi
        tall = 7.0
        rings = [
            np.column_stack(
                [
                    x + half * np.cos(a) * np.cos(t),
                    y + half * np.cos(a) * np.sin(t),
                    np.full(len(t), z + tall * np.sin(a)),
                ]
            )
            for a in latitude
        ]
        result.append((drawn(f"tooth {i}", "bone", np.array(rings)), i in filled))
    return tuple(result)


def _arch(k: float, wide: float) -> tuple[float, float]:
    """Return x and y of a tooth, k teeth from the midline, mm."""
    angle = np.radians(90.0 * min(k / 6.2, 1.0))
    back = max(k - 6.2, 0.0) * 9.0
    return float(24.0 * wide * np.sin(angle)), float(-92.0 + 30.0 * (1 - np.cos(angle)) + back)


def _solids(wide: float) -> dict[str, Mesh]:
    def make() -> dict[str, Mesh]:
        return {name: _meshed(solid, box) for name, (solid, box) in _shapes(wide).items()}

    return stored_meshes(f"head sketched 4 {wide:.6f} {MESH_SPACING}", make)


def _shapes(wide: float) -> dict[str, tuple[Solid, tuple[Array, Array]]]:
    w = wide
    ramus = tube(
        [(48 * w, -27, 33), (47 * w, -30, 12), (43 * w, -36, -12), (39 * w, -46, -20)],
        [(3.4, 4.5), (2.6, 8.0), (3.2, 9.0), (4.0, 7.5)],
        up=(0, 1, 0),
    )
    crown = tube(
        [(46 * w, -36, 8), (45 * w, -44, 22), (44 * w, -47, 31)],
        [(2.4, 5.0), (2.0, 4.0), (1.4, 2.4)],
        up=(0, 1, 0),
    )
    body = tube(
        [
            (40 * w, -42, -19),
            (33 * w, -60, -23),
            (24 * w, -78, -25),
            (11 * w, -89, -27),
            (0, -92, -27),
        ],
        [(4.4, 9.0), (5.0, 10.5), (5.2, 11.0), (5.4, 11.5), (5.6, 11.5)],
    )
    hyoid = union(
        [
            tube(
                [(0, -66, -42), (9 * w, -64, -42), (17 * w, -54, -40), (20 * w, -42, -37)],
                [(2.6, 4.4), (2.4, 3.8), (1.6, 2.6), (1.4, 1.8)],
            )
        ],
        0.0,
    )
    petrous = tube(
        [(63 * w, -6, 46), (45 * w, -15, 46), (30 * w, -25, 49), (17 * w, -33, 52)],
        [(9.5, 11.0), (8.5, 10.0), (6.5, 8.5), (4.5, 6.0)],
    )
    styloid = tube(
        [(35 * w, -25, 40), (34 * w, -30, 24), (32 * w, -36, 10)],
        [(2.0, 2.0), (1.5, 1.5), (0.9, 0.9)],
        up=(0, 1, 0),
    )
    maxilla = tube(
        [(27 * w, -56, 11), (25 * w, -72, 11), (15 * w, -88, 11), (0, -92, 11)],
        [(4.5, 5.5)] * 4,
    )
    palate = ellipsoid((0, -70, 17), (22 * w, 24, 1.6))
    pterygoid = tube(
        [(15 * w, -51, 8), (15.5 * w, -50, 26), (17 * w, -47, 46)],
        [(1.4, 4.0), (1.6, 5.5), (4.0, 7.0)],
        up=(0, 1, 0),
    )
    sphenoid = ellipsoid((0, -42, 62), (15 * w, 13, 11))
    return {
        "mandible": (
            both_sides(union([union([ramus, crown], 4.0), body], 5.0)),
            _box((-58, -106, -45), (58, -12, 44), w),
        ),
        "hyoid": (both_sides(hyoid), _box((-26, -74, -50), (26, -34, -30), w)),
        "temporal bones": (
            both_sides(union([petrous, styloid], 2.0)),
            _box((-82, -52, 0), (82, 14, 66), w),
        ),
        "upper jaw": (
            both_sides(union([union([maxilla, palate], 3.0), pterygoid], 2.0)),
            _box((-38, -104, -4), (38, -36, 60), w),
        ),
        "sphenoid": (both_sides(sphenoid), _box((-20, -60, 46), (20, -24, 78), w)),
    }


def _box(low: Sequence[float], high: Sequence[float], wide: float) -> tuple[Array, Array]:
    scale = np.array([wide, 1.0, 1.0])
    return np.asarray(low, float) * scale, np.asarray(high, float) * scale


def _meshed(solid: Solid, box: tuple[Array, Array]) -> Mesh:
    return mesh_solid(solid, *box, MESH_SPACING)
