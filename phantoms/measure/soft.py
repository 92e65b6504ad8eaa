"""Sac, cord, artery, and the planned needle among them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phantoms.anatomy import c1
from phantoms.anatomy.arteries import vessels
from phantoms.anatomy.parameters import LEVELS
from phantoms.anatomy.sac import Sac
from phantoms.anatomy.sdf import Array, spline_samples
from phantoms.anatomy.skin import landmarks
from phantoms.measure.neck import CRUZ, VALOSEK, Measured, Neck, X, Y

NEEDLE_RADIUS = 0.735  # mm, 17G


def sac_measures(neck: Neck) -> Iterator[Measured]:
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
    trunk = next(v for v in vessels(neck.p, neck.poses) if v.name == "vertebral artery left")
    line, _, _ = spline_samples(trunk.line, np.zeros((len(trunk.line), 1)))
    g = neck.gauges["vertebral artery left"]

    def row(quantity: str, value: float, published: tuple[float, ...], source: str) -> Measured:
        return Measured("vertebral artery", quantity, value, published, source)

    inside = line[len(line) // 2]
    radius = float(-g.signed_distance([inside])[0])
    yield row("outer diameter", 2 * radius, (4.4, 5.4), "10.4103/jcvjs.JCVJS_125_17; NapS 2024")
    leaves_c2, at_c1, dural = _stations(neck, line)
    yield row(
        "C2 to C1's foramen, length",
        _length(line, leaves_c2, at_c1),
        (26.9, 38.1),
        f"{CRUZ} (32.5 ± 5.6)",
    )
    yield row(
        "C1's foramen to the dura, length",
        _length(line, at_c1, dural),
        (29.1, 36.3),
        f"{CRUZ} (32.7 ± 3.6)",
    )
    groove = line[at_c1:dural]
    on_arch = groove[np.argmax(groove[:, 1])]
    yield row(
        "midline to the artery in the groove",
        float(on_arch[0]),
        (18.4, 31.0),
        f"{CRUZ} (24.7 ± 6.3)",
    )
    yield row(
        "midline to where it pierces the dura",
        float(line[dural][0]),
        (11.0,),
        "droracle.ai/articles/685090",
    )
    spine = landmarks(neck.p, neck.poses)["spinous process C2"]
    reach = float(np.linalg.norm(line[leaves_c2:at_c1] - np.asarray(spine), axis=1).max())
    yield row("C2's spinous process to the loop", reach, (39.6, 48.0), f"{CRUZ} (43.8 ± 4.2)")


def _stations(neck: Neck, line: Array) -> tuple[int, int, int]:
    """Where the trunk's line leaves C2's foramen, passes C1's foramen and pierces the dura."""
    foramen = neck.poses.of("C1").apply(c1.foramen_centre(neck.p))
    at_c1 = int(np.linalg.norm(line - foramen, axis=1).argmin())
    to_c2 = neck.gauges["C2"].signed_distance(line[:at_c1])
    leaves = int(np.flatnonzero(to_c2 < neck.p.artery_left.diameter / 2 + 1.0).max())
    to_dura = neck.gauges["dura"].signed_distance(line[at_c1:])
    inside = np.flatnonzero(to_dura < 0.0)
    return leaves, at_c1, at_c1 + (int(inside[0]) if len(inside) else len(line) - at_c1 - 1)


def _length(line: Array, first: int, last: int) -> float:
    return float(np.linalg.norm(np.diff(line[first : last + 1], axis=0), axis=1).sum())


def needle_measures(neck: Neck) -> Iterator[Measured]:
    plan = neck.anatomy.plans[0]
    entry, target = np.array(plan.entry), np.array(plan.target)
    way = entry + np.linspace(0, 1, 600)[:, None] * (target - entry)

    def row(quantity: str, value: float, published: tuple[float, ...], source: str) -> Measured:
        return Measured("planned needle, 17G", quantity, value, published, source)

    wall = neck.gauges["dura"].reach(target, X)
    yield row(
        "skin to dura", float(entry[0] - target[0]) - wall, (40.0, 70.0), "assumed, 52 (40 to 70)"
    )
    yield row(
        "midline to dura beside the target",
        wall,
        (9.0, 10.0),
        "PAM50 template, 10.1016/j.neuroimage.2017.10.041",
    )
    for name, published in (
        ("vertebral artery left", (8.0, 11.0)),
        ("C1", ()),
        ("C2", ()),
        ("cord", ()),
    ):
        clear = float(neck.gauges[name].signed_distance(way).min()) - NEEDLE_RADIUS
        yield row(
            f"its wall to {name}",
            clear,
            published,
            "from the rows above, without a posterior loop" if published else "no published value",
        )
    marks = landmarks(neck.p, neck.poses)
    mastoid = np.asarray(marks["mastoid tip left"])
    yield row(
        "entry below the mastoid's tip",
        float(mastoid[2] - entry[2]),
        (10.0,),
        "accessemergencymedicine ch. 98",
    )
    yield row("entry behind the mastoid's tip", float(entry[1] - mastoid[1]), (10.0,), "the same")
