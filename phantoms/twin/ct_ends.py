"""Continuation of a case's meshes beyond their ends, for a patient's CT.

The case ends square: cord and sac above C1 and below C4, the occiput in a flat top. Here the cord
continues into the medulla, the sac into the cisterna magna, within the skull whose inner surface
the occiput begins. Everything is sketched, so that a slice looks real: nothing is measured on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nav.core.frames import Array
from phantoms.anatomy.mesh_rays import Gauge
from phantoms.twin.ct_section import Closed, Surface, angles, first_hit, section, sections
from phantoms.twin.ct_skin import drawn

BEYOND = 3.0  # mm that everything extends beyond the volume's end
INTO = 0.5  # mm below a mesh's end, where its continuation begins
GOES_ON = 16.0  # mm from the volume's end: what ends farther away ends in a patient, too
STEP = 1.0  # mm
FADES = 6.0  # mm, over which a downward continuation finds its place
# Skull: how far below the flat top it is whole, and how much above that is extended, mm; how its
# wall leans outwards per mm upwards, and less at the clivus.
ROUNDED, EDGE, LEANS, AT_CLIVUS = 2.5, 0.8, 0.65, 0.35
THINS, THINNEST = 0.022, 0.55  # share of the wall's thickness lost per mm upwards, at most
WALL = 1.0  # mm that the fluid's sketch reaches into the bone, which is painted over it
# Medulla: growth and the height over which it happens, mm; lean to the clivus, mm per mm.
LARGER, OVER, FORWARDS = 0.35, 20.0, 0.12
BESIDE, MEETS = 1.0, np.radians(22.0)  # mm, artery off the medulla; off its front where they meet
# Cerebellum, left: off the midline, behind the medulla's middle, over the skull's top; radii; mm.
LOBE, LOBE_RADII = (13.0, 17.0, 15.0), (11.5, 12.0, 13.0)


def extended(structures: Sequence[Closed], low: float, high: float) -> list[Closed]:
    """Continue structures to the lower and upper end of a volume.

    Parameters
    ----------
    structures : sequence of Closed
        The case's structures, mm.
    low, high : float
        Heights to continue to, mm.

    Returns
    -------
    list of Closed
        The structures and their continuations.
    """
    named = {s.name: s for s in structures}
    dura = next((s for s in structures if s.role == "dura"), None)
    over = above(structures, high)
    raised = {s.name: s for s in over}
    found: list[Closed] = []
    step = np.array([0.0, 0.0, -15.0])
    if "C3" in named and "C4" in named:
        step = named["C4"].vertices.mean(axis=0) - named["C3"].vertices.mean(axis=0)
    for s in structures:
        found.append(raised.get(s.name, s))
        bottom = float(s.vertices[:, 2].min())
        if _is_tube(s) and low < bottom < low + GOES_ON:
            found.append(_down(s, step, low))
    if "C3" in named and "C4" in named and dura is not None:
        low_end = [s.vertices[s.vertices[:, 2] > low] for s in found if s.role == "dura"]
        found.append(_next_bone(named["C4"], step, low_end))
    return found + [s for s in over if s.name not in named]


def above(structures: Sequence[Closed], high: float) -> list[Surface]:
    """Raise the occiput to a height, under its own name, and continue what else goes upwards.

    Cistern, medulla, arteries and cerebellum are added only where the height is above the sac's
    end, by no more than twice `GOES_ON`.

    Parameters
    ----------
    structures : sequence of Closed
        The case's structures, mm.
    high : float
        Height to continue to, mm.

    Returns
    -------
    list of Surface
        The occiput and what is added.
    """
    named = {s.name: s for s in structures}
    cord = next((s for s in structures if s.role == "cord"), None)
    dura = next((s for s in structures if s.role == "dura"), None)
    skull = _skull(named["occiput"], cord) if "occiput" in named and cord else None
    found = [_raised(named["occiput"], skull, high)] if skull else []
    if cord is None or dura is None or not high - 2 * GOES_ON < dura.vertices[:, 2].max() < high:
        return found
    medulla = _Medulla.over(cord, skull)
    found += [_cistern(dura, skull, high), medulla.drawn(high)]
    found += [
        medulla.artery(s, high)
        for s in structures
        if s.role == "artery" and _top(s) > _top(dura) - GOES_ON / 4 and _is_tube(s)
    ]
    if skull is not None:
        found += _cerebellum(skull, medulla)
    return found


@dataclass(frozen=True)
class _Skull:
    """The occiput's flat top.

    Attributes
    ----------
    middle : ndarray, shape (3,)
        Centre of its hole, mm.
    axes : ndarray, shape (3, 3)
        Rows: across, to the back, and up, perpendicular to it.
    inner : ndarray, shape (CORNERS,)
        Half width of the hole from across over the back, mm.
    front : float
        Direction of the clivus, rad.
    """

    middle: Array
    axes: Array
    inner: Array
    front: float

    def height(self, points: Array) -> Array:
        """Return the height of points (n, 3) above the flat top, mm."""
        return np.asarray((points - self.middle) @ self.axes[2])

    def leans(self, angle: Array) -> Array:
        """Return how far the wall leans outwards, mm per mm upwards."""
        return LEANS - AT_CLIVUS * np.clip(np.cos(angle - self.front), 0.0, 1.0) ** 2

    def ring(self, height: float) -> Array:
        """Return the inner surface of the wall at a height, (CORNERS, 3), mm."""
        angle = angles()
        radius = self.inner + WALL + self.leans(angle) * max(height + ROUNDED, 0.0)
        flat = radius[:, None] * (
            np.cos(angle)[:, None] * self.axes[0] + np.sin(angle)[:, None] * self.axes[1]
        )
        return np.asarray(self.middle + height * self.axes[2] + flat)


def _skull(occiput: Closed, cord: Closed) -> _Skull | None:
    """Return None where the bone does not end in a flat ring."""
    v = occiput.vertices
    corners = v[occiput.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1)
    up = np.array([0.0, 0.0, 1.0])
    for most in (40.0, 20.0, 8.0, 3.0):
        facing = normals @ up > np.cos(np.radians(most)) * area
        if not facing.any():
            return None
        up = normals[facing].sum(axis=0)
        up /= np.linalg.norm(up)
    # its edges are rounded: a fitted plane is more accurate than the triangles' mean direction
    flat = v[np.unique(occiput.triangles[facing])]
    up = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)[2][2]
    up *= np.sign(up[2])
    middle = 0.5 * (flat.min(axis=0) + flat.max(axis=0))
    middle += ((v @ up).max() - middle @ up) * up
    across = np.array([1.0, 0.0, 0.0]) - up[0] * up
    across /= np.linalg.norm(across)
    axes = np.array([across, np.cross(up, across), up])
    inner = first_hit(occiput, middle - (ROUNDED + 1.0) * up, axes)
    if not np.isfinite(inner).all() or inner.max() > 2.5 * inner.min():
        return None
    # the cord comes up through the hole's front half, also where the head is turned
    ahead = section(cord, _top(cord) - INTO).mean(axis=0) - middle
    return _Skull(middle, axes, inner, float(np.arctan2(ahead @ axes[1], ahead @ axes[0])))


def _raised(occiput: Closed, skull: _Skull, high: float) -> Surface:
    """Raise the bone's walls up and outwards from under its flat top, beyond the scan."""
    v = np.array(occiput.vertices, float)
    over = skull.height(v) + ROUNDED
    rises = over > 0.0
    most = (high + BEYOND - v[over > ROUNDED - 0.6, 2].min()) / skull.axes[2, 2] + ROUNDED
    if most <= ROUNDED:
        return Surface(occiput.name, occiput.role, v, occiput.triangles)
    x, y = ((v - skull.middle) @ axis for axis in skull.axes[:2])
    angle = np.arctan2(y, x)
    out = np.cos(angle)[:, None] * skull.axes[0] + np.sin(angle)[:, None] * skull.axes[1]
    # of the rounded edge only the lowest part is drawn out: above the wall gets thin
    taller = np.minimum(over / EDGE, 1.0) * most
    # the wall gets thinner upwards: what is outside leans less than what is inside
    inner = np.interp(angle, angles(), skull.inner, period=2.0 * np.pi)
    thinner = np.minimum(THINS * taller, THINNEST) * np.maximum(np.hypot(x, y) - inner, 0.0)
    outwards = skull.leans(angle) * taller - thinner
    step = (taller - over)[:, None] * skull.axes[2] + outwards[:, None] * out
    v[rises] += step[rises]
    return Surface(occiput.name, occiput.role, v, occiput.triangles)


def _cistern(dura: Closed, skull: _Skull | None, high: float) -> Surface:
    """Return the fluid from the sac's end up to the volume's, as wide as the skull's inside."""
    start = section(dura, _top(dura) - INTO)
    rings = [start]
    if skull is not None:
        height = -ROUNDED - 1.0
        while rings[-1][:, 2].min() < high + BEYOND:
            rings.append(skull.ring(height))
            height += 2.0
        return drawn("cisterna magna", "dura", np.array(rings))
    middle = start.mean(axis=0)
    for rise in np.arange(STEP, high + BEYOND - middle[2] + STEP, STEP):
        rings.append(middle + (start - middle) * (1.0 + 0.01 * rise) + [0.0, 0.0, rise])
    return drawn("cisterna magna", "dura", np.array(rings))


@dataclass(frozen=True)
class _Medulla:
    """Continuation of the cord.

    Attributes
    ----------
    ring : ndarray, shape (CORNERS, 3)
        Where it begins, mm.
    lean : ndarray, shape (2,)
        x and y, mm per mm upwards.
    front : float
        Direction of the front, rad, from x to y.
    """

    ring: Array
    lean: Array
    front: float

    @classmethod
    def over(cls, cord: Closed, skull: _Skull | None) -> _Medulla:
        """Begin where the cord ends, with the lean of the head."""
        ring = section(cord, _top(cord) - INTO)
        if skull is None:
            return cls(ring, np.zeros(2), -0.5 * np.pi)
        up = skull.axes[2]
        ahead = np.cos(skull.front) * skull.axes[0] + np.sin(skull.front) * skull.axes[1]
        lean = up[:2] / up[2] + FORWARDS * ahead[:2]
        return cls(ring, lean, float(np.arctan2(ahead[1], ahead[0])))

    @property
    def start(self) -> Array:
        """Centre of the first ring, (3,), mm."""
        return np.asarray(self.ring.mean(axis=0))

    def middle(self, rise: float) -> Array:
        """Return the centre (3,), mm, at a height above the beginning."""
        # the lean begins gently
        return self.start + np.append(self.lean * rise * min(rise / 8.0, 1.0), rise)

    def larger(self, rise: float) -> float:
        """Return the size relative to the beginning, at a height above it."""
        share = min(rise / OVER, 1.0)
        return 1.0 + LARGER * share**2 * (3.0 - 2.0 * share)

    def drawn(self, high: float) -> Surface:
        """Return the surface up to above the volume's end."""
        rises = np.arange(0.0, high + BEYOND - self.start[2] + STEP, STEP)
        rings = [self.middle(r) + (self.ring - self.start) * self.larger(r) for r in rises]
        return drawn("medulla", "cord", np.array(rings))

    def artery(self, artery: Closed, high: float) -> Surface:
        """Continue a vertebral artery from its end, around the medulla to its front."""
        ring = section(artery, _top(artery) - 2.0)
        begins = ring.mean(axis=0)
        size = np.linalg.norm(ring - begins, axis=1).min()
        off = begins[:2] - self.start[:2]
        angle = float(np.arctan2(off[1], off[0]))
        turn = float((angle - self.front + np.pi) % (2.0 * np.pi) - np.pi)
        t = angles()
        circle = size * np.column_stack([np.cos(t), np.sin(t), np.zeros(len(t))])
        radii = np.linalg.norm(self.ring[:, :2] - self.start[:2], axis=1)
        rings = []
        for rise in np.arange(0.0, high + BEYOND - begins[2] + STEP, STEP):
            share = min(rise / OVER, 1.0)
            at = self.front + turn + share * (np.sign(turn) * MEETS - turn)
            over = max(begins[2] + rise - self.start[2], 0.0)
            beside = float(np.interp(at % (2 * np.pi), t, radii, period=2 * np.pi))
            beside = beside * self.larger(over) + size + BESIDE
            away = np.linalg.norm(off) + min(rise / 8.0, 1.0) * (beside - np.linalg.norm(off))
            middle = self.middle(over) + away * np.array([np.cos(at), np.sin(at), 0.0])
            middle[2] = begins[2] + rise
            rings.append(middle + circle)
        return drawn(f"{artery.name} in the skull", "artery", np.array(rings))


def _cerebellum(skull: _Skull, medulla: _Medulla) -> list[Surface]:
    """Return its two lobes; the cistern is between and behind them."""
    t = angles()
    behind = -np.array([np.cos(medulla.front), np.sin(medulla.front), 0.0])
    across = np.array([-behind[1], behind[0], 0.0])
    off, back, up = LOBE
    base = medulla.middle(max(float(skull.middle[2]) + up - medulla.start[2], 0.0))
    lobes = []
    for side, name in ((1.0, "left"), (-1.0, "right")):
        middle = base + side * off * across + back * behind
        latitude = np.linspace(-0.48, 0.48, 25) * np.pi
        flat = np.column_stack([LOBE_RADII[0] * np.cos(t), LOBE_RADII[1] * np.sin(t), 0.0 * t])
        rings = [middle + np.cos(a) * flat + [0, 0, LOBE_RADII[2] * np.sin(a)] for a in latitude]
        lobes.append(drawn(f"cerebellum {name}", "cord", np.array(rings)))
    return lobes


def _down(s: Closed, step: Array, low: float) -> Surface:
    """Continue a tube downwards with the shape that it has one bone higher."""
    bottom = float(s.vertices[:, 2].min()) + INTO + 1.0
    heights = np.arange(bottom, low - BEYOND - STEP, -STEP)
    higher = np.maximum(heights - step[2], bottom)
    end, above_it, *rings = sections(s, [bottom, bottom - step[2], *higher])
    off = end - above_it - step
    for ring, z in zip(rings, heights, strict=True):
        left = max(1.0 - (bottom - z) / FADES, 0.0)
        ring[:] = ring + step + left * off
        ring[:, 2] = z
    return drawn(f"{s.name} going on", s.role, np.array(rings[::-1]))


def _next_bone(last: Closed, step: Array, sac: Sequence[Array]) -> Surface:
    """Return C5, under C4 as C4 is under C3, shifted forwards or backwards until the sac is clear.

    `sac` holds points (n, 3) of it, mm.
    """
    points = np.concatenate(sac)
    shifts = step + np.outer(np.arange(-2.5, 2.6, 0.5), (0.0, 1.0, 0.0))
    bone = Gauge(last.vertices, last.triangles)
    gaps = [bone.signed_distance(points - shift).min() for shift in shifts]
    return Surface("C5", "bone", last.vertices + shifts[int(np.argmax(gaps))], last.triangles)


def _is_tube(s: Closed) -> bool:
    """Return whether it is cord, sac or a vertebral artery itself, not a branch or second limb."""
    return s.role in ("cord", "dura") or (
        s.role == "artery" and s.name in ("vertebral artery left", "vertebral artery right")
    )


def _top(s: Closed) -> float:
    return float(s.vertices[:, 2].max())
