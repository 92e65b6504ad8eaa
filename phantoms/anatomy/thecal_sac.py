"""Thecal sac and cord: sections by height, from below C4 to the foramen magnum, model frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from nav.core.errors import InputError
from phantoms.anatomy import bone_poses, c2
from phantoms.anatomy.bone_poses import ORIGIN_IN_FRONT, BonePoses
from phantoms.anatomy.canal_clearance import STEP, fitted
from phantoms.anatomy.mesh import Mesh, mesh_rings
from phantoms.anatomy.parameters import LEVELS, AnatomyParameters
from phantoms.anatomy.sdf import Array

BOTTOM, TOP = -52.0, 26.0  # mm, ends of the cord; the sac is END longer at both
END = 1.0
LEAST_CSF = 0.95  # mm, all round the cord
TWISTED = 9.0  # mm per radian: what C1's turn takes of the sac's AP half way up, times four
LEAST_GAP = 0.3  # mm, sac to bone

FITTED_AT = np.arange(BOTTOM, TOP + 0.5, STEP)  # mm, heights where the sac is fitted between bones

# Behind the cord the sac is deepest at C1-C2: PAM50 template, 4.5, 3.7 to 4.2, 2, 2, 2.5; as
# shares of `dorsal_csf`.
_DORSAL = (1.05, 1.0, 0.62, 0.55, 0.60)
# How much narrower the back of the sac is than its front: PAM50, row just behind the cord.
_EGG = (0.06, 0.10, 0.20, 0.24, 0.22)
# Behind the laminae the sac lies closer than behind the window, where it bulges: mm, added to
# `epidural_gap`; and where on the spinolaminar line that is, mm, in the bone's frame.
_CLOSER = {"C4": 0.7, "C3": 0.8, "C2": 1.6, "C1": -0.45}
_LAMINA = {"C4": -4.0, "C3": -4.0, "C2": -5.0, "C1": 0.0}
# Over C1's arch the sac opens into the cisterna magna: PAM50, 6.5 and 10.5 behind the cord at 16
# and 22 over the window. Heights over C1's level; what is added behind; at each side: mm.
_CISTERN = (
    (0.0, 1.5, 3.8, 6.5, 9.8, 13.5, 17.0),
    (0.0, 0.3, 1.9, 4.1, 5.9, 6.9, 7.2),
    (0.0, 0.1, 0.4, 0.9, 1.4, 1.8, 2.0),
)


@dataclass(frozen=True)
class Sac:
    """Thecal sac and cord as egg-shaped sections by height, model frame, mm.

    The sac hangs at the front of the posterior arches; where C1 is turned on C2, it shifts and
    turns with C1.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    poses : BonePoses
        Where its bones lie.
    shift : tuple of float, optional
        How far behind its hanging position it lies at the heights FITTED_AT, mm.
    thinner : tuple of float, optional
        How much smaller its AP is there, mm. If either is None, both are fitted so that the sac
        keeps off the bones.
    """

    p: AnatomyParameters
    poses: BonePoses
    shift: tuple[float, ...] | None = None
    thinner: tuple[float, ...] | None = None

    @cached_property
    def heights(self) -> Array:
        """z where the parameters of `LEVELS` hold, from above, shape (5,)."""
        c1, c2, c3, c4 = (self.poses.of(name).translation[2] for name in ("C1", "C2", "C3", "C4"))
        return np.array([c1 + 4.0, 0.0, c2 - 5.0, c3 - 2.0, c4 - 2.0])

    def back(self, z: ArrayLike) -> Array:
        """Return y of the sac's back wall on the midline at heights z, mm."""
        return self._place(z, -self._cistern(z)[0])[..., 1]

    def turn(self, z: ArrayLike) -> Array:
        """Return how far the sections at heights z are turned to the left, radians."""
        share = self._share(z)
        return self._yaw * share**2 * (3.0 - 2.0 * share)

    def sac(self, z: ArrayLike) -> tuple[Array, Array, Array]:
        """Return y of the sac's middle, its half AP and its half width at heights z, mm."""
        middle, half, width = self._sac(z)
        return middle[..., 1], half, width

    def cord(self, z: ArrayLike) -> tuple[Array, Array, Array]:
        """Return y of the cord's middle, its half AP and its half width at heights z, mm."""
        middle, half, width = self._cord(z)
        return middle[..., 1], half, width

    def target(self, z: float = 0.0) -> Array:
        """Return the aim in the dorsal subarachnoid space, on the midline.

        It lies a little behind the middle of that space: a 17G needle's wall is then 1.5 mm from
        the cord.

        Parameters
        ----------
        z : float, optional
            Height, mm; half way between C1 and C2 by default.

        Returns
        -------
        ndarray, shape (3,)
            Model frame, mm.
        """
        return np.append(self._place(z, np.array(0.45 * self.p.dorsal_csf)), z)

    def sac_rings(self, z: ArrayLike, corners: int) -> Array:
        """Return the sections of the sac.

        Parameters
        ----------
        z : array_like, shape (n,)
            Heights, mm.
        corners : int
            Number of points of each section.

        Returns
        -------
        ndarray, shape (n, corners, 3)
            Counter-clockwise seen from above, model frame, mm.
        """
        return self._rings(z, *self._sac(z), self._by_level(_EGG, z), corners)

    def cord_rings(self, z: ArrayLike, corners: int) -> Array:
        """Return the sections of the cord; parameters and result as those of `sac_rings`."""
        return self._rings(z, *self._cord(z), np.zeros_like(z, float), corners)

    def meshes(self) -> tuple[Mesh, Mesh]:
        """Mesh cord and dura, cut off flat; the dura is a little longer at both ends.

        Returns
        -------
        cord, dura : Mesh
            Model frame, mm.
        """
        z = np.arange(BOTTOM, TOP + 0.5, 1.0)
        longer = np.concatenate([[BOTTOM - END], z, [TOP + END]])
        return mesh_rings(self.cord_rings(z, 36)), mesh_rings(self.sac_rings(longer, 56))

    def depth(self, points: Array) -> Array:
        """Return how far points (n, 3) lie within the sac, horizontally to its wall, mm, (n,)."""
        return -_beyond(self.sac_rings(points[:, 2], 64), points)

    def from_cord(self, points: Array) -> Array:
        """Return how far points (n, 3) lie outside the cord, measured horizontally, mm, (n,)."""
        return _beyond(self.cord_rings(points[:, 2], 64), points)

    def _sac(self, z: ArrayLike) -> tuple[Array, Array, Array]:
        """Return middle (x, y), half AP and half width."""
        behind, beside = self._cistern(z)
        # Where it is twisted its front gives way to C2's shoulder.
        share = self._share(z)
        twisted = TWISTED * np.abs(self._yaw) * share * (1.0 - share)
        twisted = twisted + self._between(self._fit[1], z)
        half = (self._by_level(self.p.sac_ap, z) + behind - twisted) / 2
        width = self._by_level(self.p.sac_width, z) / 2 + beside
        return self._place(z, half - behind), half, width

    def _cord(self, z: ArrayLike) -> tuple[Array, Array, Array]:
        half = self._by_level(self.p.cord_ap, z) / 2
        asked = np.multiply(_DORSAL, self.p.dorsal_csf)
        # Where the sac is tight the cord stays clear of its front.
        room = np.subtract(self.p.sac_ap, self.p.cord_ap) - LEAST_CSF
        behind = self._by_level(np.maximum(np.minimum(asked, room), LEAST_CSF), z)
        return self._place(z, behind + half), half, self._by_level(self.p.cord_width, z) / 2

    def _place(self, z: ArrayLike, forwards: Array) -> Array:
        """Return x, y of a point so far in front of the back wall, cistern left out: (..., 2)."""
        z = np.asarray(z, float)
        at, *wall = self._stations.T
        x, y = (PchipInterpolator(at, w)(np.clip(z, at[0], at[-1])) for w in wall)
        point = np.stack([x, y + self._between(self._fit[0], z) - forwards], axis=-1)
        return self._pivot + _turned(point - self._pivot, self.turn(z))

    @cached_property
    def _fit(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if self.shift is None or self.thinner is None:
            return _fitted(self.p, self.poses)
        return self.shift, self.thinner

    @staticmethod
    def _between(fit: tuple[float, ...], z: ArrayLike) -> Array:
        """Interpolate what is given at FITTED_AT to heights z."""
        return np.asarray(PchipInterpolator(FITTED_AT, fit)(np.clip(z, BOTTOM, TOP)))

    @cached_property
    def _stations(self) -> Array:
        """z, x, y of the sac's back wall behind C4, C3, C2, in the window, behind C1: (k, 3).

        x and y are those before C1's turn about the dens.
        """
        gap = self.p.epidural_gap
        behind = {
            name: self.poses.of(name).apply(np.array([0.0, 0.0, _LAMINA[name]])) for name in _LAMINA
        }
        behind["C1"][:2] = self._pivot + _turned(behind["C1"][:2] - self._pivot, -self._yaw)
        rows = [(z, x, y - gap - _CLOSER[name]) for name, (x, y, z) in behind.items()]
        rows.insert(3, (0.0, 0.0, ORIGIN_IN_FRONT - gap))
        (low, _, front), (high, _, back) = rows[-2:]
        # As the canal leans up to C1's upper edge, straight up from there.
        lean = min(max((back - front) / (high - low), 0.0), 0.3)
        rows += [(high + 4.0, 0.0, back + 4.0 * lean), (high + 25.0, 0.0, back + 4.0 * lean)]
        return np.array(rows)

    @cached_property
    def _yaw(self) -> float:
        """C1's turn to the left against C2, radians."""
        c1_in_c2 = self.poses.c2.rotation.inv() * self.poses.c1.rotation
        return float(c1_in_c2.as_euler("zyx")[0])

    @cached_property
    def _pivot(self) -> Array:
        """x, y of the axis that C1 turns about: the dens."""
        return np.asarray(self.poses.c2.apply(c2.dens_axis(self.p, 0.6 * self.p.dens_height))[:2])

    def _share(self, z: ArrayLike) -> Array:
        """Return how far up a height is from where the sac follows C2 to where it follows C1."""
        low, high = -2.5, float(self.poses.c1.translation[2]) + 0.5
        return np.clip((np.asarray(z, float) - low) / (high - low), 0.0, 1.0)

    def _by_level(self, values: ArrayLike, z: ArrayLike) -> Array:
        """Interpolate a measure given at `LEVELS` to heights z; constant beyond the ends."""
        line = PchipInterpolator(self.heights[::-1], np.asarray(values, float)[::-1])
        return line(np.clip(np.asarray(z, float), self.heights[-1], self.heights[0]))

    def _cistern(self, z: ArrayLike) -> tuple[Array, Array]:
        """Return what is added behind and at each side."""
        over = np.clip(np.asarray(z, float) - self.heights[0], 0.0, _CISTERN[0][-1])
        at, back, side = _CISTERN
        return PchipInterpolator(at, back)(over), PchipInterpolator(at, side)(over)

    def _rings(
        self, z: ArrayLike, middle: Array, half: Array, width: Array, egg: Array, corners: int
    ) -> Array:
        t = np.linspace(0.0, 2.0 * np.pi, corners, endpoint=False)
        egg = egg[:, None]
        # Widest where the derivative of cos t (1 - egg sin t) is zero; scaled to the width there.
        widest = -2.0 * egg / (1.0 + np.sqrt(1.0 + 8.0 * egg**2))
        full = np.sqrt(1.0 - widest**2) * (1.0 - egg * widest)
        x = width[:, None] * np.cos(t) * (1.0 - egg * np.sin(t)) / full
        flat = _turned(np.stack([x, half[:, None] * np.sin(t)], axis=-1), self.turn(z)[:, None])
        rings = np.empty((len(flat), corners, 3))
        rings[..., :2] = middle[:, None] + flat
        rings[..., 2] = np.asarray(z, float)[:, None]
        return rings


@lru_cache(maxsize=16)
def _fitted(p: AnatomyParameters, poses: BonePoses) -> tuple[tuple[float, ...], tuple[float, ...]]:
    bones = {
        name: poses.of(name).apply(bone_poses._surface(p, name).points)
        for name in ("occiput", "C1", "C2", "C3", "C4")
    }
    shift, thinner = fitted(
        lambda shift, thinner: Sac(p, poses, tuple(shift), tuple(thinner)), FITTED_AT, bones
    )
    return tuple(map(float, shift)), tuple(map(float, thinner))


def check_possible(p: AnatomyParameters) -> None:
    """Check that cord, sac and canal fit in each other.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Raises
    ------
    InputError
        Which does not fit, where, and how large it may be.
    """
    for i, level in enumerate(LEVELS):
        for name, least in (("ap", LEAST_CSF), ("width", LEAST_CSF)):
            cord, sac = getattr(p, f"cord_{name}")[i], getattr(p, f"sac_{name}")[i]
            if sac - cord < 2.0 * least:
                raise InputError(
                    f"cord_{name} at {level}: {cord:g} leaves less than {least:g} mm of fluid on"
                    f" both sides in a sac of {sac:g}; expected at most {sac - 2 * least:.2f}"
                )
    free = p.sac_ap[1] - p.cord_ap[1] - LEAST_CSF
    if p.dorsal_csf > free:
        raise InputError(
            f"dorsal_csf: {p.dorsal_csf:g} does not fit behind a cord of {p.cord_ap[1]:g} in a sac"
            f" of {p.sac_ap[1]:g} (sac_ap, cord_ap at C1-C2); expected at most {free:.2f}"
        )
    for (kind, i), (room, name) in rooms(p).items():
        sac = getattr(p, f"sac_{kind}")[i]
        if sac > room:
            raise InputError(
                f"sac_{kind} at {LEVELS[i]}: {sac:g} is too large beside {name}; expected at most"
                f" {room:.2f}"
            )


def rooms(p: AnatomyParameters) -> dict[tuple[str, int], tuple[float, str]]:
    """Return how large the sac may be in the bony canals.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    dict of tuple of (str, int) to tuple of (float, str)
        The largest size, mm, and the parameter that limits it; by "ap" or "width" and index in
        LEVELS.
    """
    found = {}
    for level, ap in (
        ("C1", _behind_dens(p)),
        ("C2", p.c2_canal_ap),
        ("C3", p.c3_canal_ap),
        ("C4", p.c4_canal_ap),
    ):
        bone, i = level.lower(), LEVELS.index(level)
        width = getattr(p, f"{bone}_canal_width")
        found["ap", i] = (ap - 2 * LEAST_GAP, f"{bone}_canal_ap")
        found["width", i] = (width - 2 * LEAST_GAP, f"{bone}_canal_width")
    return found


def _behind_dens(p: AnatomyParameters) -> float:
    """Return what C1's canal has behind the dens, without the gap in front of the dens, mm."""
    return p.c1_canal_ap - p.dens_gap - p.dens_ap


def _turned(xy: Array, angle: ArrayLike) -> Array:
    """Rotate points (..., 2) to the left about the origin, seen from above, radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * xy[..., 0] - s * xy[..., 1], s * xy[..., 0] + c * xy[..., 1]], axis=-1)


def _beyond(rings: Array, points: Array) -> Array:
    """Return the distance of point i to ring i, in its plane; negative inside: (n,)."""
    a = rings[..., :2]
    b = np.roll(a, -1, axis=1)
    along, to = b - a, points[:, None, :2] - a
    share = np.clip((to * along).sum(-1) / (along**2).sum(-1), 0.0, 1.0)
    nearest = np.linalg.norm(to - share[..., None] * along, axis=-1).min(axis=1)
    # Rings are convex and run counter-clockwise: inside is to the left of every side.
    inside = (along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0] > 0.0).all(axis=1)
    return np.where(inside, -nearest, nearest)
