"""Cord, thecal sac, vertebral arteries and skin: swept along centre lines, model frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import RigidTransform

from phantoms.anatomy import c1
from phantoms.anatomy.mesh import Mesh, mesh_rings
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import Array, Solid, spline_samples, tube

BOTTOM, TOP = -35.0, 25.0  # mm, ends of cord and sac
NECK_BOTTOM, NECK_TOP = -45.0, 38.0
# Heights of C1, of the middle between C1 and C2, of C2 and of C3: where cord and sac were measured.
LEVELS = (13.0, 0.0, -13.0, -28.0)


@dataclass(frozen=True)
class Sac:
    """Thecal sac and cord as ellipses by height, model frame, mm."""

    p: AnatomyParameters

    def back(self, z: ArrayLike) -> Array:
        """y of the sac's back wall on the midline.

        It leans back with the canal between C1 and C2 and runs straight down behind C2.
        """
        gap = 5.0 - self.p.epidural_gap
        return _by_level((gap + 2.4, gap, gap - 1.5, gap - 1.9), z, steady=False)

    def sac(self, z: ArrayLike) -> tuple[Array, Array, Array]:
        """y of the middle, half AP, half width."""
        ap = _by_level(self.p.sac_ap, z) / 2
        return self.back(z) - ap, ap, _by_level(self.p.sac_width, z) / 2

    def cord(self, z: ArrayLike) -> tuple[Array, Array, Array]:
        """y of the middle, half AP, half width."""
        ap = _by_level(self.p.cord_ap, z) / 2
        # Behind the cord the sac is deepest at C1-C2: PAM50 template, 4.5, 3.7 to 4.2, 2, 2.
        dorsal = _by_level(np.multiply((1.05, 1.0, 0.62, 0.55), self.p.dorsal_csf), z)
        return self.back(z) - dorsal - ap, ap, _by_level(self.p.cord_width, z) / 2

    def target(self) -> Array:
        """In the dorsal subarachnoid space, on the midline, half way between C1 and C2.

        A little behind its middle: a 17G needle's wall is then 1.5 from the cord.
        """
        return np.array([0.0, float(self.back(0.0)) - 0.45 * self.p.dorsal_csf, 0.0])

    def meshes(self) -> tuple[Mesh, Mesh]:
        """Cord and dura, cut off flat; the dura a little longer at both ends."""
        z = np.arange(BOTTOM, TOP + 0.5, 1.0)
        longer = np.concatenate([[BOTTOM - 1.0], z, [TOP + 1.0]])
        return _column(*self.cord(z), z, 32), _column(*self.sac(longer), longer, 48)


def skin_mesh(p: AnatomyParameters) -> Mesh:
    """Neck: an upright elliptic cylinder, closed at both ends."""
    z = np.linspace(NECK_BOTTOM, NECK_TOP, 15)
    y, ap, width = (np.full(len(z), v) for v in (skin_middle(p), p.neck_ap / 2, p.neck_width / 2))
    return _column(y, ap, width, z, 96)


def skin_middle(p: AnatomyParameters) -> float:
    """y of the neck's axis: the spine lies in its back half."""
    return 48.0 - p.neck_ap / 2


def skin_x(p: AnatomyParameters, y: float) -> float:
    """Half width of the neck at y, mm."""
    return p.neck_width / 2 * float(np.sqrt(1.0 - ((y - skin_middle(p)) / (p.neck_ap / 2)) ** 2))


def artery_line(
    p: AnatomyParameters, model_from_c1: RigidTransform, model_from_c2: RigidTransform
) -> Array:
    """Points of the left artery's centre line from C3 to its entry into the dura, model frame."""
    low = [(15.4, -15.5, BOTTOM), (14.8, -15.5, -22.0)]
    through_c2 = [(14.4, -17.8, 2.0), (15.2, -17.6, 7.0), (20.2, -17.6, 10.8)]
    foramen = c1.foramen_centre(p)
    through_c1 = foramen + np.array([(-1.2, 0.3, -7.0), (0.0, 0.0, 0.0), (0.2, 0.9, 5.2)])
    half = p.c1_canal_width / 2
    groove_top = c1.groove_floor(p) + p.artery_left.diameter / 2 + p.artery_wall_gap
    over_c1 = [
        (half + 9.0, -10.0, groove_top + 1.6),
        (half + 5.0, -6.0, groove_top + 0.2),
        (half + 1.6, -4.0, groove_top + 0.4),
        (half - 0.4, -4.8, groove_top + 2.8),
    ]
    return np.concatenate(
        [
            low,
            model_from_c2.apply(np.array(through_c2)),
            [(24.6, -13.5, 2.5)],  # the loop between C2 and C1
            model_from_c1.apply(np.array([*through_c1, *over_c1])),
        ]
    )


def artery_solid(line: Array, radius: float) -> Solid:
    """Round tube along a centre line."""
    return tube(line, np.full((len(line), 2), radius), up=(0.3, 1.0, 0.2))


def artery_mesh(line: Array, radius: float) -> Mesh:
    """Round tube along a centre line, both ends hemispheres."""
    centres, tangents, _ = spline_samples(line, np.zeros((len(line), 1)))
    keep = np.unique(np.r_[np.arange(0, len(centres), 5), len(centres) - 1])
    centres, tangents = centres[keep], tangents[keep]
    across = _steady_normals(tangents)
    along = np.cross(tangents, across)
    # The hemispheres' rings, from nearly the pole to nearly the equator.
    cap = np.radians([75.0, 50.0, 25.0])
    first = [(0, -radius * np.sin(a), radius * np.cos(a)) for a in cap]
    last = [(-1, radius * np.sin(a), radius * np.cos(a)) for a in cap[::-1]]
    body = [(i, 0.0, radius) for i in range(len(centres))]
    turn = np.linspace(0.0, 2.0 * np.pi, 20, endpoint=False)
    rings = [
        centres[i]
        + shift * tangents[i]
        + r * (np.cos(turn)[:, None] * across[i] + np.sin(turn)[:, None] * along[i])
        for i, shift, r in first + body + last
    ]
    return mesh_rings(np.array(rings))


def mirrored(mesh: Mesh) -> Mesh:
    """The other side's."""
    return Mesh(mesh.vertices * (-1.0, 1.0, 1.0), np.ascontiguousarray(mesh.triangles[:, ::-1]))


def _column(y: Array, ap: Array, width: Array, z: Array, corners: int) -> Mesh:
    turn = np.linspace(0.0, 2.0 * np.pi, corners, endpoint=False)
    rings = np.empty((len(z), corners, 3))
    rings[..., 0] = width[:, None] * np.cos(turn)
    rings[..., 1] = y[:, None] + ap[:, None] * np.sin(turn)
    rings[..., 2] = z[:, None]
    return mesh_rings(rings)


def _by_level(values: ArrayLike, z: ArrayLike, steady: bool = True) -> Array:
    """A measure given at LEVELS, at heights z; beyond the ends constant, or on as it was."""
    z = np.asarray(z, float)
    line = PchipInterpolator(LEVELS[::-1], np.asarray(values, float)[:4][::-1])
    inside = np.clip(z, LEVELS[-1], LEVELS[0])
    return line(inside) if steady else line(inside) + line(inside, 1) * (z - inside)


def _steady_normals(tangents: Array) -> Array:
    """Unit normals along a line that turn no more than it does itself."""
    normal = np.cross(tangents[0], (0.0, 1.0, 0.0))
    normals = []
    for t in tangents:
        normal = normal - (normal @ t) * t
        normal = normal / np.linalg.norm(normal)
        normals.append(normal)
    return np.array(normals)
