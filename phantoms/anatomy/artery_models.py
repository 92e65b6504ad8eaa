"""The vertebral arteries: from below C4 through the foramina and over C1 into the dura."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from phantoms.anatomy.bone_poses import BonePoses
from phantoms.anatomy.parameters import SIDES, AnatomyParameters, ArteryParameters
from phantoms.anatomy.sdf import Array, Solid, moved, union
from phantoms.anatomy.thecal_sac import Sac
from phantoms.anatomy.vessel import Vessel, bend_radii
from phantoms.anatomy.vessel_routes import Route, Side, crossings, relaxed, sides

HYPOPLASTIC = 3.0  # mm: one side may be thinner, not both
LIMB = 0.6  # diameter of a fenestration's limb in the canal, share of the trunk's; chosen
THINNEST = 1.8  # mm, least diameter of a limb
LEAST_CORD, LEAST_DURA = 0.5, 0.25  # mm, from a vessel to the cord and to the sac's wall
LEAST_BEND_BUILT = 1.12  # least radius of a bend that is built, in radii of the vessel
PICA = 1.8  # mm, diameter of the posterior inferior cerebellar artery; chosen


def vessels(p: AnatomyParameters, poses: BonePoses) -> tuple[Vessel, ...]:
    """Route all vessels of a neck through its bones and dura.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    poses : BonePoses
        Where its bones lie.

    Returns
    -------
    tuple of Vessel
        Left ones first; model frame, mm.

    Raises
    ------
    InputError
        There is no room for a vessel: which, and where.
    """
    return tuple(vessel for side in SIDES for vessel in _of_side(p, poses, side))


def rooms(p: AnatomyParameters, poses: BonePoses, side: str, bone_pose: RigidTransform) -> Solid:
    """Return the space that a side's vessels take, wall gap included, in the frame of a bone.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    poses : BonePoses
        Where its bones lie.
    side : str
        "left" or "right".
    bone_pose : RigidTransform
        model_from_bone.

    Returns
    -------
    Solid
        Union of the side's vessels, `artery_wall_gap` thicker all round; the bone's frame, mm.

    Raises
    ------
    InputError
        There is no room for a vessel: which, and where.
    """
    return room_of(_of_side(p, poses, side), p.artery_wall_gap, bone_pose)


def room_of(made: Sequence[Vessel], gap: float, bone_pose: RigidTransform) -> Solid:
    """Return the space that vessels take with a gap all round, in the frame of a bone.

    Parameters
    ----------
    made : sequence of Vessel
        The vessels, model frame, mm.
    gap : float
        Added to their radii, mm.
    bone_pose : RigidTransform
        model_from_bone.

    Returns
    -------
    Solid
        Their union in the bone's frame, mm.
    """
    room = union([vessel.solid(gap) for vessel in made], 0.0)
    return moved(room, bone_pose.inv())


def check_possible(p: AnatomyParameters) -> None:
    """Check that each artery fits through the bones that it passes, and goes with the other one.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Raises
    ------
    InputError
        The parameter that does not fit, and what was expected.
    """
    if max(p.artery(side).diameter for side in SIDES) < HYPOPLASTIC:
        raise InputError(
            f"artery_left.diameter, artery_right.diameter: both under {HYPOPLASTIC:g}; one artery"
            " may be thin, not both"
        )
    for side in SIDES:
        artery, name = p.artery(side), f"artery_{side}"
        _check_fluid(p, name)
        if artery.course == "intersegmental":
            if artery.ponticulus != "none":
                raise InputError(
                    f"{name}.ponticulus: expected none, as the artery does not run over C1 with"
                    f" {name}.course intersegmental, got {artery.ponticulus}"
                )
            continue
        foramen = min(p.c1_foramen_width, p.c1_foramen_ap)
        widest = foramen - 2.0 * p.artery_wall_gap
        if artery.diameter > widest + 1e-9:
            raise InputError(
                f"{name}.diameter: {artery.diameter:g} and artery_wall_gap {p.artery_wall_gap:g} on"
                f" both sides do not go through C1's foramen of {foramen:g} (c1_foramen_width,"
                f" c1_foramen_ap); expected at most {widest:.2f}"
            )


def _check_fluid(p: AnatomyParameters, name: str) -> None:
    """Check that the sac has room for what runs in it."""
    artery: ArteryParameters = getattr(p, name)
    free = LEAST_CORD + LEAST_DURA
    if artery.course != "normal":
        limb = artery.diameter if artery.course == "intersegmental" else LIMB * artery.diameter
        beside = min((s - c) / 2 for s, c in zip(p.sac_width[:2], p.cord_width[:2], strict=True))
        if limb > beside - free:
            raise InputError(
                f"{name}.diameter: {artery.diameter:g} with the course {artery.course} does not fit"
                f" beside the cord in the canal; expected at most"
                f" {artery.diameter / limb * (beside - free):.1f} (sac_width, cord_width)"
            )
    if artery.pica == "low" and p.dorsal_csf < PICA + free + 0.1:
        raise InputError(
            f"dorsal_csf: {p.dorsal_csf:g} has no room for a low PICA of {PICA:g} ({name}.pica);"
            f" expected at least {PICA + free + 0.1:.2f}"
        )


@lru_cache(maxsize=16)
def _of_side(p: AnatomyParameters, poses: BonePoses, side: str) -> tuple[Vessel, ...]:
    artery, sac = p.artery(side), Sac(p, poses)
    points = Side(p, poses, sac, side)
    intersegmental = artery.course == "intersegmental"
    route = points.intersegmental() if intersegmental else points.normal()
    trunk = _vessel(f"vertebral artery {side}", side, route, sac, artery.diameter)
    made = [trunk]
    if artery.course == "fenestrated":
        thin = max(LIMB * artery.diameter, THINNEST)
        limb = points.limb(trunk.line)
        made.append(_vessel(f"vertebral artery {side}, limb in the canal", side, limb, sac, thin))
    if artery.pica == "low":
        made.append(_vessel(f"PICA {side}", side, points.low_pica(trunk.line), sac, PICA))
    return tuple(made)


def _vessel(name: str, side: str, route: Route, sac: Sac, diameter: float) -> Vessel:
    line = relaxed(route, sac, diameter)
    _check_room(name, side, route, line, sac, diameter)
    trunk = f"vertebral artery {side}"
    joins = "" if name == trunk else trunk
    return Vessel(name, side, line, diameter, crossings(sac, line), joins)


def _check_room(name: str, side: str, route: Route, line: Array, sac: Sac, diameter: float) -> None:
    radius = diameter / 2
    where = sides(route, line, diameter)
    within = line[where > 0]
    depth, cord = sac.depth(within), sac.from_cord(within)
    short = np.minimum(depth - radius - LEAST_DURA, cord - radius - LEAST_CORD)
    if np.min(short, initial=0.0) < 0.0:
        widest = float((depth + cord).min()) - LEAST_DURA - LEAST_CORD
        what = "dorsal_csf or sac_ap" if name.startswith("PICA") else "sac_width"
        own = "" if name.startswith("PICA") else f"artery_{side}.diameter: "
        raise InputError(
            f"{own}{name}, {diameter:g} wide, does not fit between cord and sac; expected at most"
            f" {widest:.1f}, or a larger {what}"
        )
    outside = line[where < 0]
    if len(outside) and -sac.depth(outside).max() < radius + LEAST_DURA:
        raise InputError(
            f"artery_{side}.diameter: {name}, {diameter:g} wide, runs into the sac before it enters"
            " it; expected a thinner artery or a smaller sac_width"
        )
    bends = bend_radii(line)
    if bends.min() < LEAST_BEND_BUILT * radius:
        x, y, z = line[bends.argmin()]
        raise InputError(
            f"artery_{side}.diameter: {name}, {diameter:g} wide, cannot bend as it must at"
            f" ({x:.0f}, {y:.0f}, {z:.0f}); expected a thinner artery, or less loop, rise or"
            " c1_rotation"
        )
