"""Measures of sac, cord, artery, and the planned needle among them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phantoms.anatomy import c1
from phantoms.anatomy.artery_models import vessels
from phantoms.anatomy.parameters import LEVELS
from phantoms.anatomy.plans import NEEDLE_RADIUS, way
from phantoms.anatomy.sdf import Array, spline_samples
from phantoms.anatomy.skin_model import landmarks
from phantoms.anatomy.thecal_sac import Sac
from phantoms.measure.neck_measures import CRUZ, EBR, KAUR23, VALOSEK, Measured, Neck, X, Y


def sac_measures(neck: Neck) -> Iterator[Measured]:
    """Measure cord and dura.

    Parameters
    ----------
    neck : Neck
        The neck.

    Yields
    ------
    Measured
        Their rows of the table.
    """
    sac = Sac(neck.p, neck.poses)
    published = {
        "cord": ((8.11, 7.94, 7.76, 7.59, 7.62), (11.37, 11.59, 11.73, 12.14, 12.93)),
        "dura": ((16.0, 15.8, 14.5, 13.1, 12.8), (23.3, 22.6, 22.2, 20.8, 21.0)),
    }
    for name, (aps, widths) in published.items():
        g = neck.gauges[name]
        for level, z, ap, width in zip(LEVELS, sac.heights, aps, widths, strict=True):
            y = float(sac.cord(z)[0])
            yield Measured(name, f"AP at {level}", g.across((0, y, z), Y), (ap,), VALOSEK)
            middle = y + (g.reach((0, y, z), Y) - g.reach((0, y, z), -Y)) / 2
            yield Measured(
                name, f"width at {level}", g.across((0, middle, z), X), (width,), VALOSEK
            )
    y = float(sac.cord(0.0)[0])
    behind = neck.gauges["dura"].reach((0, y, 0), Y) - neck.gauges["cord"].reach((0, y, 0), Y)
    yield Measured(
        "dura", "free space behind the cord, C1-C2", behind, (3.6, 5.0), "10.3174/ajnr.A4564"
    )
    side = neck.gauges["dura"].reach((0, y, 0), X) - neck.gauges["cord"].reach((0, y, 0), X)
    yield Measured("dura", "free space beside the cord, C1-C2", side, (5.5,), VALOSEK)


def artery_measures(neck: Neck) -> Iterator[Measured]:
    """Measure the left vertebral artery.

    Parameters
    ----------
    neck : Neck
        The neck.

    Yields
    ------
    Measured
        Its rows of the table.
    """
    trunk = next(v for v in vessels(neck.p, neck.poses) if v.name == "vertebral artery left")
    line, _, _ = spline_samples(trunk.line, np.zeros((len(trunk.line), 1)))
    g = neck.gauges["vertebral artery left"]

    def row(quantity: str, value: float, published: tuple[float, ...], source: str) -> Measured:
        return Measured("vertebral artery", quantity, value, published, source)

    inside = line[len(line) // 2]
    radius = float(-g.signed_distance([inside])[0])
    yield row("outer diameter", 2 * radius, (4.4, 5.4), "10.4103/jcvjs.JCVJS_125_17; NapS 2024")
    enters_c2, leaves_c2, at_c1, dural = _stations(neck, line)
    length = _length(line, enters_c2, at_c1)
    yield row("from below C2 to C1's foramen, length", length, (26.9, 38.1), f"{CRUZ} (32.5 ± 5.6)")
    length = _length(line, at_c1, dural)
    yield row("C1's foramen to the dura, length", length, (29.1, 36.3), f"{CRUZ} (32.7 ± 3.6)")
    inner, outer = _groove(neck, line[at_c1:dural])
    yield row("inner end of its groove from the midline", inner, (8.0, 13.1), f"{EBR}; {KAUR23}")
    yield row("outer end of its groove from the midline", outer, (18.0, 26.2), f"{EBR}; {KAUR23}")
    pierces = float(line[dural][0])
    source = "droracle.ai 685090, unsure"
    yield row("where it pierces the dura, from midline", pierces, (11.0,), source)
    bone = neck.gauges["C2"].vertices
    spine = bone[bone[:, 1].argmax()]
    reach = float(np.linalg.norm(line[(leaves_c2 + at_c1) // 2] - spine))
    yield row(
        "C2's spinous process to the loop's middle", reach, (39.6, 48.0), f"{CRUZ} (43.8 ± 4.2)"
    )


def _stations(neck: Neck, line: Array) -> tuple[int, int, int, int]:
    """Find where the trunk's line enters and leaves C2, passes C1's foramen, pierces the dura."""
    foramen = neck.poses.of("C1").apply(c1.foramen_centre(neck.p))
    at_c1 = int(np.linalg.norm(line - foramen, axis=1).argmin())
    to_c2 = neck.gauges["C2"].signed_distance(line[:at_c1])
    within = np.flatnonzero(to_c2 < neck.p.artery_left.diameter / 2 + 1.0)
    to_dura = neck.gauges["dura"].signed_distance(line[at_c1:])
    inside = np.flatnonzero(to_dura < 0.0)
    dural = at_c1 + (int(inside[0]) if len(inside) else len(line) - at_c1 - 1)
    return int(within.min()), int(within.max()), at_c1, dural


def _groove(neck: Neck, line: Array) -> tuple[float, float]:
    """Return x of both ends of what lies on the posterior arch, behind the lateral mass, mm."""
    near = neck.gauges["C1"].distance(line) < neck.p.artery_left.diameter / 2 + 1.5
    behind = line[:, 1] > line[0, 1] + 6.0  # the foramen's back wall and the mass are in front
    on_arch = line[near & behind]
    return float(on_arch[:, 0].min()), float(on_arch[:, 0].max())


def _length(line: Array, first: int, last: int) -> float:
    return float(np.linalg.norm(np.diff(line[first : last + 1], axis=0), axis=1).sum())


def needle_measures(neck: Neck) -> Iterator[Measured]:
    """Measure the planned needles: depth and distances.

    Parameters
    ----------
    neck : Neck
        The neck.

    Yields
    ------
    Measured
        Their rows of the table.
    """
    plan = neck.anatomy.plans[0]
    entry, target = np.array(plan.entry), np.array(plan.target)

    def row(quantity: str, value: float, published: tuple[float, ...], source: str) -> Measured:
        return Measured("planned needle, 17G", quantity, value, published, source)

    wall = neck.gauges["dura"].reach(target, X)
    depth = float(entry[0] - target[0]) - wall
    yield row("skin to dura", depth, (40.0, 70.0), "assumed, 52 (40 to 70)")
    cord_back = target - [0.0, neck.gauges["cord"].reach(target, -Y) - 0.5, 0.0]
    beside = neck.gauges["dura"].reach(cord_back, X)
    yield row("midline to dura just behind the cord", beside, (9.0, 9.8), "PAM50 template")
    axes = [way(plan.entry, plan.target) for plan in neck.anatomy.plans]

    def clear(*names: str) -> float:
        """Return the clearance of the nearer of the planned needles, from either side."""
        walls = [neck.gauges[name].signed_distance(axis).min() for name in names for axis in axes]
        return float(min(walls)) - NEEDLE_RADIUS

    arteries = [s.name for s in neck.anatomy.structures if s.role == "artery"]
    yield row("its wall to the artery", clear(*arteries), (8.0, 11.0),
              "derived from the rows above, no posterior loop")  # fmt: skip
    for name in ("C1", "C2", "cord"):
        yield row(f"its wall to {name}", clear(name), (), "none published")
    marks = landmarks(neck.p, neck.poses)
    mastoid = np.asarray(marks["mastoid tip left"])
    tip = "accessemergencymedicine ch. 98"
    yield row("entry below the mastoid's tip", float(mastoid[2] - entry[2]), (10.0,), tip)
    yield row("entry behind the mastoid's tip", float(entry[1] - mastoid[1]), (10.0,), tip)
