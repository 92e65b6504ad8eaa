"""Routes of the arteries: points on their way, made into lines that tubes can follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import uniform_filter1d

from phantoms.anatomy import c1, subaxial
from phantoms.anatomy.bone_poses import BonePoses
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import Array
from phantoms.anatomy.thecal_sac import BOTTOM, TOP, Sac
from phantoms.anatomy.vessel import LEAST_BEND, bend_radii, evenly, resampled

CORNERS = 96  # of the sections that vessels are laid between
STEPS, POLISH = 240, 6
VESSEL_BOTTOM = BOTTOM - 4.0  # mm: a tube there passes the wall of a mould
VESSEL_TOP = TOP - 2.0  # mm: the arteries end within the dura
OFF_DURA = 0.5  # mm, vessel to dura on either side of it
OFF_CORD = 0.6  # mm
THROUGH = 1.2  # diameters before and after its wall: there a vessel may touch it

# Points on the way, left side, mm, in a bone's frame. Through C2: 10.4067/S0717-95022020000100140
# and the foramina of its neighbours; it turns outwards by about 60 degrees within the bone.
_THROUGH_C2 = ((14.4, -17.8, 2.0), (15.2, -17.6, 7.0), (20.4, -17.6, 10.8))
# What a high-riding artery's points are moved by, for each mm of rise: its medial bend goes up, its
# way out not, as the upper facet lies over that. Chosen, so that up to the largest rise 1.2 mm of
# bone is left under the facet; the isthmus behind the artery, 5.5 mm, thins by 0.5 mm for each.
_RISEN = ((0.0, 0.0, 0.0), (-0.15, 0.2, 1.2), (0.0, -0.3, -0.15))
# Round the back of the joint of C1 and C2 to the window's lateral opening, model frame.
_BEHIND_JOINT = ((24.2, -13.0, 0.2), (20.6, -4.4, 0.9), (15.4, -2.2, 0.7))


@dataclass(frozen=True)
class Route:
    """Points on a vessel's way.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Model frame, mm.
    pierce : int
        Index of the point in the dura's wall; those before it lie outside, those after it inside.
        -1 if all lie inside.
    """

    points: Array
    pierce: int


class Side:
    """A side's points on the way, given for the left side and mirrored for the right one.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    poses : BonePoses
        Where its bones lie.
    sac : Sac
        Its thecal sac and cord.
    side : str
        "left" or "right".
    """

    def __init__(self, p: AnatomyParameters, poses: BonePoses, sac: Sac, side: str) -> None:
        self.p, self.poses, self.sac = p, poses, sac
        self.artery = p.artery(side)
        self._mirror = np.array([1.0 if side == "left" else -1.0, 1.0, 1.0])

    def normal(self) -> Route:
        """Route it through the foramina, round C1's lateral mass, over its arch, into the dura."""
        outside = [*self._to_c2(), *self._loop(), *self._over_c1()]
        inside = self._into_the_dura()
        return Route(np.array([*outside, *inside]), len(outside))

    def intersegmental(self) -> Route:
        """Route it from C2 behind the joint into the canal below C1, and up beside the cord."""
        outside = [*self._to_c2(), *self._behind_joint()]
        inside = self._up_the_canal()
        return Route(np.array([*outside, *inside]), len(outside))

    def limb(self, trunk: Array) -> Route:
        """Route a second limb that leaves the trunk at C2 and joins it again within the dura.

        Parameters
        ----------
        trunk : ndarray, shape (n, 3)
            The trunk's centre line, model frame, mm.

        Returns
        -------
        Route
            Model frame, mm.
        """
        start = trunk[np.linalg.norm(trunk - self._through_c2()[-1], axis=1).argmin()]
        outside = [start, *self._behind_joint()]
        inside = self._up_the_canal()[:-1]
        return Route(np.array([*outside, *inside, trunk[-2]]), len(outside))

    def low_pica(self, trunk: Array) -> Route:
        """Route a PICA from the trunk's end down behind the cord to the window and up again.

        Parameters
        ----------
        trunk : ndarray, shape (n, 3)
            The trunk's centre line, model frame, mm.

        Returns
        -------
        Route
            All of it inside the dura; model frame, mm.
        """
        top = trunk[-2]
        # How far from the midline, as a share of the cord's half width, and how high.
        down = ((0.95, 14.0), (0.86, 8.0), (0.76, 2.5), (0.48, -1.2))
        up = ((0.20, 2.5), (0.20, 9.0), (0.22, 16.0), (0.30, 21.0))
        way = [self._behind_cord(share, z) for share, z in (*down, *up)]
        beside = np.array([0.5 * (top[0] + way[0][0]), 0.5 * (top[1] + way[0][1]) + 0.5, 18.5])
        return Route(np.array([top, beside, *way]), -1)

    def _to_c2(self) -> list[Array]:
        c4, c3 = (
            self.poses.of(level).apply(self._mirror * subaxial.foramen_centre(self.p, level))
            for level in ("C4", "C3")
        )
        return [np.array([c4[0], c4[1], VESSEL_BOTTOM]), c4, c3, *self._through_c2()]

    def _through_c2(self) -> list[Array]:
        """Route it within C2; a high-riding artery keeps its entry, and leaves below the facet."""
        points = np.array(_THROUGH_C2) + self.artery.rise * np.array(_RISEN)
        points[:, 0] += self._wider
        return [self.poses.c2.apply(self._mirror * q) for q in points]

    def _behind_joint(self) -> Array:
        return self._model(np.add(_BEHIND_JOINT, (self._wider, 0.0, 0.0)))

    @property
    def _wider(self) -> float:
        """How much farther out than usual C2's sides stand, mm."""
        return (self.p.c2_canal_width - 23.6) / 2

    def _loop(self) -> list[Array]:
        """Route it outside the middle between C2 and C1; a larger loop has a rounder back."""
        loop = self.artery.loop
        middle = 0.5 * (self._through_c2()[-1] + self._over_c1()[0]) - self._model(
            (0, 0.15 * loop, 0.1 * loop)
        )
        turns = [(2.1, 3.0 + loop, 0.0)]
        if loop >= 1.0:
            turns = [
                (0.8, 2.6 + 0.5 * loop, -2.0 - 0.24 * loop),
                (1.8, 2.5 + loop, -0.8 - 0.16 * loop),
                (2.4, 3.3 + loop, 0.6),
                (2.4, 2.9 + 0.88 * loop, 2.0 + 0.16 * loop),
            ]
        return [middle + self._model(turn) for turn in turns]

    def _over_c1(self) -> list[Array]:
        foramen, loop = c1.foramen_centre(self.p), self.artery.loop
        half = self.p.c1_canal_width / 2
        top = c1.groove_floor(self.p) + self.artery.diameter / 2 + self.p.artery_wall_gap
        points = [
            *(
                foramen
                + np.array(
                    [(-1.0, 0.3 + 0.3 * loop, -6.0 + 0.2 * loop), (0, 0, 0), (0.4, 0.9, 5.6)]
                )
            ),
            (half + 9.2, -9.6, top + 1.8),
            (half + 5.0, -5.4, top + 0.2),
            (half + 1.8, -3.8, top + 0.5),
        ]
        return [self.poses.c1.apply(self._mirror * np.array(q)) for q in points]

    def _into_the_dura(self) -> list[Array]:
        """Route it through the sac's side above C1's arch, and a short way up beside the cord."""
        at = float(self.sac.heights[0]) + 4.2
        wall, _ = self._beside(at)
        return [wall, *(self._between(z) for z in (at + 0.5 * (VESSEL_TOP - at), VESSEL_TOP))]

    def _up_the_canal(self) -> list[Array]:
        """Route it through the sac's side in the window, and up beside the cord."""
        wall, _ = self._beside(0.8, 0.3)
        return [wall, *(self._between(z) for z in (5.0, 9.0, 14.0, 19.0, VESSEL_TOP))]

    def _between(self, z: float) -> Array:
        return 0.5 * np.sum(self._beside(z), axis=0)

    def _beside(self, z: float, back: float = 0.0) -> tuple[Array, Array]:
        """Return the sac's wall and the cord's at the side, or a little further back (radians)."""
        angle = np.where(self._mirror[0] > 0, back, np.pi - back)
        n = round(float(angle) / (2.0 * np.pi) * CORNERS)
        rings = (
            self.sac.sac_rings(np.array([z]), CORNERS),
            self.sac.cord_rings(np.array([z]), CORNERS),
        )
        return rings[0][0, n], rings[1][0, n]

    def _behind_cord(self, share: float, z: float) -> Array:
        """Return the point half way between the cord's back and the sac's.

        It is `share` of the cord's half width off the midline.
        """
        angle = np.arccos(share)
        angle = angle if self._mirror[0] > 0 else np.pi - angle
        n = round(float(angle) / (2.0 * np.pi) * CORNERS)
        cord = self.sac.cord_rings(np.array([z]), CORNERS)[0, n]
        wall = self.sac.sac_rings(np.array([z]), CORNERS)[0]
        behind = wall[: CORNERS // 2]
        return 0.5 * (cord + behind[np.abs(behind[:, 0] - cord[0]).argmin()])

    def _model(self, points: ArrayLike) -> Array:
        """Mirror points given in the model frame for the left side to this side."""
        return self._mirror * np.asarray(points, float)


def relaxed(route: Route, sac: Sac, diameter: float) -> Array:
    """Relax a route to a line that a tube of a diameter can follow.

    Bends are opened to LEAST_BEND radii, and the line is pushed off the dura, on its own side of
    it, and off the cord, until both hold; only its start is fixed. Where that is impossible the
    line comes as near to it as it can.

    Parameters
    ----------
    route : Route
        The points to follow, model frame, mm.
    sac : Sac
        Thecal sac and cord.
    diameter : float
        Of the tube, mm.

    Returns
    -------
    ndarray, shape (n, 3)
        Evenly spaced points, model frame, mm.
    """
    # Fine against the sharpest bend, which is measured over four steps.
    spacing = min(1.0, 0.18 * diameter)
    line = resampled(route.points, spacing)
    for step in range(STEPS):
        side = sides(route, line, diameter)
        push = _pushes(sac, line, side, diameter / 2) if step % 3 == 0 else np.zeros(len(line))
        bent = bend_radii(line) < 1.04 * LEAST_BEND * diameter / 2
        if not bent.any() and step % 3 == 0 and np.abs(push).max() < 0.02:
            break
        line = _outwards(sac, line, push)
        ease = uniform_filter1d(bent.astype(float), 7, mode="nearest")[1:-1, None]
        straight = 0.5 * (line[:-2] + line[2:]) - line[1:-1]
        line[1:-1] += 0.9 * np.minimum(3.0 * ease, 1.0) * straight
        line = evenly(line, spacing)
    for _ in range(POLISH):
        line[1:-1] += 0.25 * (line[:-2] + line[2:] - 2.0 * line[1:-1])
    return line


def crossings(sac: Sac, line: Array) -> Array:
    """Find where a line goes through the sac's wall.

    Parameters
    ----------
    sac : Sac
        Thecal sac and cord.
    line : ndarray, shape (n, 3)
        Model frame, mm.

    Returns
    -------
    ndarray, shape (k, 3)
        Model frame, mm.
    """
    depth = sac.depth(line)
    i = np.flatnonzero((depth[:-1] > 0.0) != (depth[1:] > 0.0))
    share = (depth[i] / (depth[i] - depth[i + 1]))[:, None]
    return line[i] + share * (line[i + 1] - line[i])


def sides(route: Route, line: Array, diameter: float) -> Array:
    """Return the side of the sac's wall on which each point of a line has to stay.

    Parameters
    ----------
    route : Route
        What the line follows.
    line : ndarray, shape (n, 3)
        Model frame, mm.
    diameter : float
        Of the tube, mm.

    Returns
    -------
    ndarray, shape (n,)
        -1 outside the sac, 1 within it, 0 where the line goes through the wall.
    """
    if route.pierce < 0:
        return np.ones(len(line))
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    pierce = np.linalg.norm(line - route.points[route.pierce], axis=1).argmin()
    beyond = along - along[pierce]
    return np.where(np.abs(beyond) < THROUGH * diameter, 0.0, np.sign(beyond))


def _pushes(sac: Sac, line: Array, side: Array, radius: float) -> Array:
    """Return how far each point is to move away from the cord, mm; negative towards it: (n,)."""
    depth, cord = sac.depth(line), sac.from_cord(line)
    least = np.where(side < 0, radius + OFF_DURA + depth, radius + OFF_CORD - cord)
    most = np.where(side > 0, depth - radius - OFF_DURA, np.inf)
    # Where there is not room for both gaps they share what there is.
    push = np.where(least > most, 0.5 * (least + most), np.clip(0.0, least, most))
    return uniform_filter1d(push, 3, mode="nearest")


def _outwards(sac: Sac, line: Array, push: Array) -> Array:
    """Move points but the first away from the middle of the cord, in their horizontal plane."""
    away = line[:, :2] - sac.cord_rings(line[:, 2], 4)[..., :2].mean(axis=1)
    away /= np.maximum(np.linalg.norm(away, axis=1), 1e-6)[:, None]
    moved = line.copy()
    moved[1:, :2] += (push[:, None] * away)[1:]
    return moved
