"""Check that the structures of a neck keep clear of each other; say what to change otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

from nav.core.errors import InputError
from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.mesh_rays import Gauge

BONES = 0.3  # mm, least gap between two bones
SOFT = 0.1  # mm, least gap between anything else and bone, and between vessels
CORD = 0.5  # mm, least free space round the cord
UNDER_SKIN = 2.0  # mm, least cover

# What makes room between two kinds of structure.
ADVICE = {
    frozenset({"bone"}): "give joint_gap, dens_gap, the lamina gaps or less rotation",
    frozenset({"bone", "dura"}): "make sac_ap or sac_width smaller, or the bones' canals larger",
    frozenset({"bone", "artery"}): "make the artery's diameter or loop smaller",
    frozenset({"artery", "cord"}): "make the artery's diameter smaller or dorsal_csf larger",
    frozenset({"artery"}): "make the artery's diameter smaller",
    frozenset({"cord", "dura"}): "make the cord smaller, the sac larger, or dorsal_csf fit both",
    frozenset({"cord", "bone"}): "make cord_ap or cord_width smaller",
}


@dataclass(frozen=True)
class Solid:
    """Surface and role of a structure.

    Attributes
    ----------
    role : str
        "bone", "cord", "dura", "artery" or "skin".
    mesh : Mesh
        Model frame, mm.
    """

    role: str
    mesh: Mesh


def check_clear(structures: Mapping[str, Solid], joined: Collection[frozenset[str]] = ()) -> None:
    """Check that no two structures touch, the cord lies in the dura, and all lies under the skin.

    An artery may pierce the dura. Gaps are measured exactly, from each surface's vertices and
    triangle middles to the other surface.

    Parameters
    ----------
    structures : mapping of str to Solid
        By name; model frame, mm.
    joined : collection of frozenset of str
        Pairs of names that are connected and may overlap: a branch and its trunk.

    Raises
    ------
    InputError
        The first two that do not keep clear: which, by how much, what to change.
    """
    gauges = {name: Gauge.of(s.mesh) for name, s in structures.items()}
    for a, b in combinations(structures, 2):
        roles = structures[a].role, structures[b].role
        meet = "skin" in roles or set(roles) == {"artery", "dura"} or frozenset({a, b}) in joined
        if meet or _far(gauges[a], gauges[b]):
            continue
        if set(roles) == {"cord", "dura"}:
            cord, dura = (a, b) if roles[0] == "cord" else (b, a)
            gap = gauges[dura].smallest_depth(gauges[cord].surface_points())
        else:
            gap = gauges[a].gap(gauges[b])
        least = BONES if set(roles) == {"bone"} else CORD if "cord" in roles else SOFT
        if gap < least:
            raise InputError(f"{a} and {b}: {_by(gap, least)}; {_advice(roles)}")
    for skin in (name for name, s in structures.items() if s.role == "skin"):
        for name, gauge in gauges.items():
            if name == skin:
                continue
            cover = gauges[skin].smallest_depth(gauge.vertices)
            if cover < UNDER_SKIN:
                raise InputError(
                    f"{name} and skin: {_by(cover, UNDER_SKIN)}; make neck_width or neck_ap larger"
                )


def _far(a: Gauge, b: Gauge) -> bool:
    """Return whether their boxes are further apart than any gap that is asked for."""
    low = [g.vertices.min(axis=0) for g in (a, b)]
    high = [g.vertices.max(axis=0) for g in (a, b)]
    return bool((low[0] > high[1] + CORD).any() or (low[1] > high[0] + CORD).any())


def _by(gap: float, least: float) -> str:
    if gap < 0.0:
        return f"overlap by {-gap:.2f} mm"
    return f"{gap:.2f} mm apart, at least {least:g} is needed"


def _advice(roles: tuple[str, str]) -> str:
    return ADVICE.get(frozenset(roles), "change their sizes")
