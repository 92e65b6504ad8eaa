"""The bones' poses relative to each other and in the model frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError
from phantoms.anatomy import c1, c2, occiput, subaxial
from phantoms.anatomy.gaps import Surface, sampled_surface, smallest_gap
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.sdf import Array

ORIGIN_IN_FRONT = 5.0  # mm, of the spinolaminar line
LEAST_GAP = 0.6  # share of joint_gap that a joint keeps in every pose
APART = 0.3  # mm between bones everywhere
DISC = 4.5  # mm, height of a disc at its middle
NODS = (-10.0, 40.0)  # degrees, C1's front up in neutral
OPENING = 3.0  # mm, largest extra opening of a joint where bones would touch
FACET_GAP = 1.0  # mm, between the facets below C2
STEEPEST = (-25.0, 35.0)  # degrees, tilt of C3 and C4


@dataclass(frozen=True)
class BonePoses:
    """Poses of the bones in the model frame, mm.

    Attributes
    ----------
    occiput, c1, c2, c3, c4 : RigidTransform
        model_from_bone of each.
    """

    occiput: RigidTransform
    c1: RigidTransform
    c2: RigidTransform
    c3: RigidTransform
    c4: RigidTransform

    def of(self, name: str) -> RigidTransform:
        """Return model_from_bone of a bone.

        Parameters
        ----------
        name : str
            "occiput", or "C1" to "C4".

        Returns
        -------
        RigidTransform
            model_from_bone, mm.
        """
        pose: RigidTransform = getattr(self, name.lower())
        return pose


def bone_poses(p: AnatomyParameters) -> BonePoses:
    """Place the bones on each other in the posture that the parameters ask for.

    In neutral C1 rests on C2's joints with `joint_gap`, its anterior arch `dens_gap` in front of
    the dens, nodded until the window is `window_height` high. From there it nods about the middle
    of the dens by half of `head_flexion` and turns about the dens by `c1_rotation`; then it is
    lifted along the dens until the joints are open by LEAST_GAP. The occiput goes with it and
    nods by the other half. C3 hangs under C2 and C4 under C3: discs DISC high, facets FACET_GAP
    apart, turned until the laminae are `lamina_gap_...` apart.

    The model's origin is the middle of the window before C1 turns, ORIGIN_IN_FRONT of the
    spinolaminar line.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    BonePoses
        model_from_bone of the occiput and C1 to C4.

    Raises
    ------
    InputError
        The window cannot be that high, or bones would touch: the parameter, and why.
    """
    left, right = (
        replace(artery, loop=0.0, course="normal", pica="normal")
        for artery in (p.artery_left, p.artery_right)
    )
    return _of_bones(replace(p, artery_left=left, artery_right=right))


@lru_cache(maxsize=16)
def _of_bones(p: AnatomyParameters) -> BonePoses:
    """Place the bones of a neck whatever way its arteries take: it is worked out once for all."""
    turn = Rotation.from_euler("x", p.c2_tilt, degrees=True)
    axis = RigidTransform.from_rotation(turn)
    neutral = _neutral(p, axis)
    nodded = _about(turn.apply(c2.dens_axis(p, p.dens_height / 2)), "x", p.head_flexion / 2)
    atlas_nodded = _lifted_atlas(p, axis, nodded * neutral, "head_flexion")
    atlas = atlas_nodded
    if p.c1_rotation:
        atlas = _lifted_atlas(p, axis, _turned(p, turn) * nodded * neutral, "c1_rotation")
    head = _occiput_on_c1(p, atlas)
    third = _hung(p, axis, "C2", "C3", p.lamina_gap_c2_c3)
    fourth = _hung(p, third, "C3", "C4", p.lamina_gap_c3_c4)
    shift = RigidTransform.from_translation(-_origin(p, atlas_nodded, axis))
    poses = BonePoses(*(shift * pose for pose in (head, atlas, axis, third, fourth)))
    _check_apart(p, poses)
    return poses


def _origin(p: AnatomyParameters, atlas: RigidTransform, axis: RigidTransform) -> Array:
    upper, lower = atlas.apply(c1.window_edge(p)), axis.apply(c2.window_edge(p))
    line = atlas.translation[1] / 2  # spinolaminar line, half way from C2's (0) to C1's origin
    return np.array([0.0, line - ORIGIN_IN_FRONT, (upper[2] + lower[2]) / 2])


def _neutral(p: AnatomyParameters, axis: RigidTransform) -> RigidTransform:
    """Place C1 on C2 with the head in neutral, C2 turned about its origin as in the model."""
    turn = axis.rotation
    lower = turn.apply(c2.window_edge(p))

    def excess(tilt: float, opening: float) -> float:
        upper = _c1_on_c2(p, turn, tilt, opening).apply(c1.window_edge(p))
        return float(upper[2] - lower[2]) - p.window_height

    def nodded(opening: float) -> RigidTransform:
        if excess(NODS[0], opening) * excess(NODS[1], opening) > 0.0:
            raise InputError(f"window_height {p.window_height:g}: C1 cannot nod that far on C2")
        tilt = float(brentq(excess, *NODS, args=(opening,), xtol=1e-10))
        return _c1_on_c2(p, turn, tilt, opening)

    def gap_left(opening: float) -> float:
        return smallest_gap(_surface(p, "C1"), nodded(opening), _surface(p, "C2"), axis)

    refusal = f"window_height {p.window_height:g}: C1 and C2 would touch"
    return nodded(_opening(gap_left, LEAST_GAP * p.joint_gap, refusal))


def _c1_on_c2(p: AnatomyParameters, turn: Rotation, tilt: float, opening: float) -> RigidTransform:
    """Place C1 on C2, which is turned as in the model; `tilt` in degrees, anterior end up."""
    nod = Rotation.from_euler("x", -tilt, degrees=True)
    # Heights first: the facets' planes are joint_gap apart, seen from C2's.
    top, _ = c2.upper_facet(p)
    facet, down = c1.lower_facet(p)
    n = nod.apply(down)
    # Arch against the dens: y as a linear function of z along the dens's front.
    front_low, front_high = (turn.apply(c2.dens_front(p, h)) for h in (6.0, 14.0))
    slope = (front_high[1] - front_low[1]) / (front_high[2] - front_low[2])
    arch, resting = nod.apply(c1.arch_back(p)), nod.apply(facet)
    # Unknown (y, z) of C1's origin: n . (top - resting - t) = joint_gap, and
    # arch_y + y = front_y(arch_z + z) - dens_gap.
    system = np.array([[-n[1], -n[2]], [1.0, -slope]])
    known = np.array(
        [
            p.joint_gap + opening - n @ (turn.apply(top) - resting),
            front_low[1] + slope * (arch[2] - front_low[2]) - arch[1] - p.dens_gap,
        ]
    )
    y, z = np.linalg.solve(system, known)
    return RigidTransform.from_components((0.0, y, z), nod)


def _about(point: Array, axis: str, degrees: float) -> RigidTransform:
    """Return a rotation about an axis of the frame through a point."""
    rotation = Rotation.from_euler(axis, degrees, degrees=True)
    return RigidTransform.from_components(point - rotation.apply(point), rotation)


def _dens_direction(p: AnatomyParameters, turn: Rotation) -> Array:
    return np.asarray(turn.apply(c2.dens_axis(p, 1.0) - c2.dens_axis(p, 0.0)))


def _turned(p: AnatomyParameters, turn: Rotation) -> RigidTransform:
    """Return C1's turn about the dens, positive with the face to the left."""
    point = turn.apply(c2.dens_axis(p, 0.0))
    rotation = Rotation.from_rotvec(np.radians(p.c1_rotation) * _dens_direction(p, turn))
    return RigidTransform.from_components(point - rotation.apply(point), rotation)


def _lifted_atlas(
    p: AnatomyParameters, axis: RigidTransform, atlas: RigidTransform, cause: str
) -> RigidTransform:
    """Move C1 along the dens until its joints with C2 are as open as they must be."""
    upper, lower = _surface(p, "C1"), _surface(p, "C2")
    return _lifted(
        upper, atlas, lower, axis, _dens_direction(p, axis.rotation), LEAST_GAP * p.joint_gap,
        f"{cause} {getattr(p, cause):g}: C1 cannot move that far on C2",
    )  # fmt: skip


def _occiput_on_c1(p: AnatomyParameters, atlas: RigidTransform) -> RigidTransform:
    head = atlas * _about(occiput.condyle_axis(p), "x", p.head_flexion / 2)
    up = np.asarray(atlas.rotation.apply((0.0, 0.0, 1.0)))
    return _lifted(
        _surface(p, "occiput"), head, _surface(p, "C1"), atlas, up, LEAST_GAP * p.joint_gap,
        f"head_flexion {p.head_flexion:g}: the occiput cannot nod that far on C1",
    )  # fmt: skip


def _lifted(
    upper: Surface, upper_pose: RigidTransform, lower: Surface, lower_pose: RigidTransform,
    direction: Array, least: float, refusal: str,
) -> RigidTransform:  # fmt: skip
    """Move the upper bone along a direction, no further than it takes to be `least` away."""

    def moved(lift: float) -> RigidTransform:
        return RigidTransform.from_translation(lift * direction) * upper_pose

    def gap_left(lift: float) -> float:
        return smallest_gap(upper, moved(lift), lower, lower_pose)

    return moved(_opening(gap_left, least, refusal))


def _hung(
    p: AnatomyParameters, upper_pose: RigidTransform, upper: str, lower: subaxial.Level, gap: float
) -> RigidTransform:
    """Place a bone under the one above."""
    if upper == "C2":
        facet, plate, edge = c2.lower_facet(p), c2.lower_plate(p), c2.lower_lamina_edge(p)
    else:
        facet, plate = subaxial.lower_facet(p, "C3"), subaxial.lower_plate(p, "C3")
        edge = subaxial.lamina_edges(p, "C3")[1]
    above, plate, edge = (upper_pose.apply(point) for point in (facet[0], plate, edge))
    down = upper_pose.rotation.apply(facet[1])

    def placed(tilt: float, opening: float) -> RigidTransform:
        turn = Rotation.from_euler("x", tilt, degrees=True)
        rest = turn.apply(subaxial.upper_facet(p, lower)[0])
        z = plate[2] - DISC - opening - turn.apply(subaxial.upper_plate(p, lower))[2]
        # down . (rest + t - above) = facet gap
        y = (FACET_GAP + opening - down @ (rest - above) - down[2] * z) / down[1]
        return RigidTransform.from_components((0.0, y, z), turn)

    def excess(tilt: float, opening: float) -> float:
        under = placed(tilt, opening).apply(subaxial.lamina_edges(p, lower)[0])
        return float(edge[2] - under[2]) - gap

    name = f"lamina_gap_{upper.lower()}_{lower.lower()} {gap:g}"

    def hung(opening: float) -> RigidTransform:
        if excess(STEEPEST[0], opening) * excess(STEEPEST[1], opening) > 0.0:
            raise InputError(f"{name}: {lower} cannot tilt that far under {upper}")
        return placed(float(brentq(excess, *STEEPEST, args=(opening,), xtol=1e-10)), opening)

    def gap_left(opening: float) -> float:
        return smallest_gap(_surface(p, upper), upper_pose, _surface(p, lower), hung(opening))

    return hung(
        _opening(gap_left, LEAST_GAP * FACET_GAP, f"{name}: {upper} and {lower} would touch")
    )


def _opening(gap_left: Callable[[float], float], least: float, refusal: str) -> float:
    """Return how much wider than usual a joint must be for its bones to be `least` apart."""
    if gap_left(0.0) >= least:
        return 0.0
    steps = np.arange(0.0, OPENING + 0.25, 0.5)
    for narrower, wider in pairwise(steps):
        if gap_left(wider) >= least:
            lacking = lambda opening: gap_left(opening) - least  # noqa: E731
            return float(brentq(lacking, narrower, wider, xtol=0.02))
    raise InputError(refusal)


def _check_apart(p: AnatomyParameters, poses: BonePoses) -> None:
    pairs = (
        ("occiput", "C1", "head_flexion"),
        ("occiput", "C2", "head_flexion"),
        ("C1", "C2", "c1_rotation" if p.c1_rotation else "window_height"),
        ("C2", "C3", "lamina_gap_c2_c3"),
        ("C3", "C4", "lamina_gap_c3_c4"),
    )
    for a, b, name in pairs:
        gap = smallest_gap(_surface(p, a), poses.of(a), _surface(p, b), poses.of(b))
        if gap < APART:
            raise InputError(f"{name} {getattr(p, name):g}: {a} and {b} would touch")


def _surface(p: AnatomyParameters, name: str) -> Surface:
    # The bones are the same in every posture.
    still = replace(p, head_flexion=0.0, c1_rotation=0.0)
    return _surfaces(replace(still, lamina_gap_c2_c3=0.0, lamina_gap_c3_c4=0.0))[name]


@lru_cache(maxsize=4)
def _surfaces(p: AnatomyParameters) -> dict[str, Surface]:
    def far(points: Array) -> Array:
        return np.full(len(points), 50.0)

    return {
        "occiput": sampled_surface(occiput.occiput_solid(p), *occiput.occiput_box(p)),
        "C1": sampled_surface(c1.c1_solid(p, far, far), *c1.c1_box(p)),
        "C2": sampled_surface(c2.c2_solid(p, far, far), *c2.c2_box(p)),
        "C3": sampled_surface(
            subaxial.subaxial_solid(p, "C3", far, far), *subaxial.subaxial_box(p, "C3")
        ),
        "C4": sampled_surface(
            subaxial.subaxial_solid(p, "C4", far, far), *subaxial.subaxial_box(p, "C4")
        ),
    }
