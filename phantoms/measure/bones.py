"""Measures of the bones, and of their poses relative to each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phantoms.anatomy import c1, c2, subaxial
from phantoms.anatomy.mesh_rays import Gauge
from phantoms.anatomy.sdf import Array
from phantoms.anatomy.thecal_sac import Sac
from phantoms.measure.neck_measures import (
    AX52,
    CHAN,
    KAUR17,
    KAUR23,
    SPAN,
    UMTRI,
    Measured,
    Neck,
    X,
    Y,
    Z,
)


def c1_measures(neck: Neck) -> Iterator[Measured]:
    """Measure C1.

    Parameters
    ----------
    neck : Neck
        The neck.

    Yields
    ------
    Measured
        Its rows of the table.
    """
    g, p = neck.own("C1"), neck.p
    middle = (0.0, -p.c1_canal_ap / 2, 0.0)
    front = -p.c1_canal_ap - 2.5

    def row(quantity: str, value: float, published: tuple[float, ...], source: str) -> Measured:
        return Measured("C1", quantity, value, published, source)

    yield row("width over the transverse processes", float(np.ptp(g.vertices[:, 0])), (69.4, 73.4),
              f"Patel; Rekha 2016; GosC1; {UMTRI}")  # fmt: skip
    outer = 100.0 - g.reach((0, -60, 0), Y) - g.reach((0, 40, 0), -Y)
    yield row("outer AP length", outer, (42.0, 42.8), f"Rekha 2016; {UMTRI}")
    yield row("canal AP", g.across(middle, Y), (28.2, 29.9), f"Patel; {KAUR17}")
    widths = [g.across((0, y, -2), X) for y in np.linspace(-20, -4, 33)]
    yield row("canal width, widest", max(widths), (26.6, 28.0), f"{KAUR17}; {UMTRI}")
    yield row("anterior arch, height", g.across((0, front, 0), Z), (10.2, 10.4), f"Patel; {UMTRI}")
    yield row("posterior arch, height", g.across((4, 3, 0), Z), (8.7, 9.8), f"Patel; {CHAN}")
    yield row(
        "posterior tubercle, thickness", g.across((0, 3, 0), Y), (7.2, 7.5), f"{CHAN}; {UMTRI}"
    )
    groove = [
        g.across((x, y, c1.GROOVE_MIDDLE), Z)
        for x, y in zip(np.linspace(14, 18, 9), np.linspace(-2.5, -6.5, 9), strict=True)
    ]
    yield row("arch under the artery, thickness", min(groove), (3.7, 4.2),
              "Ebraheim, Spine 1998;23:320; Patel; GosC1")  # fmt: skip
    middles = c1.foramen_centre(p) + np.outer((-2.0, -1.0, 0.0), Z)
    yield row(
        "foramen transversarium, width", min(g.across(m, X) for m in middles), (6.0, 6.1), KAUR23
    )
    yield row(
        "foramen transversarium, AP", min(g.across(m, Y) for m in middles), (7.6, 7.7), KAUR23
    )
    centre = c1.foramen_centre(p)
    off = (g.reach(centre, X) - g.reach(centre, -X)) / 2
    yield row("foramen transversarium, centre from midline", centre[0] + off, (25.1, 27.0),
              f"Patel; Rekha 2016; {UMTRI}")  # fmt: skip


def c2_measures(neck: Neck) -> Iterator[Measured]:
    """Measure C2.

    Parameters
    ----------
    neck : Neck
        The neck.

    Yields
    ------
    Measured
        Its rows of the table.
    """
    g, p = neck.own("C2"), neck.p
    middle = c2.dens_axis(p, 9.0)
    up = c2.dens_axis(p, 1.0) - c2.dens_axis(p, 0.0)
    forwards = np.array([0.0, -up[2], up[1]])

    def row(quantity: str, value: float, published: tuple[float, ...], source: str) -> Measured:
        return Measured("C2", quantity, value, published, source)

    yield row("dens, AP", g.across(middle, forwards), (10.6, 11.0), f"{AX52}; {UMTRI}")
    yield row("dens, width", g.across(middle, X), (9.6, 10.2), f"{AX52}; {UMTRI}")
    yield row("dens, height above its shoulders", 9.0 + g.reach(middle, up), (14.9, 17.8),
              f"Gosavi and Swamy 2012; {AX52}; Teo")  # fmt: skip
    yield row("body, AP", g.across((0, -25, 5), Y), (14.8, 14.9), f"{AX52}; Gosavi and Swamy 2012")
    yield row("body, width below", g.across((0, -25, 4), X), (15.8, 16.2), AX52)
    yield row("overall width", float(np.ptp(g.vertices[:, 0])), (50.4,), UMTRI)
    yield row("canal AP, square to it", g.across((0, -8, 0), (0, 1, -0.3)), (15.2, 19.1), KAUR17)
    widths = [g.across((0, y, 4), X) for y in (-12, -11, -10, -9)]
    yield row("canal width, widest", max(widths), (23.1, 23.9), KAUR17)
    yield row(
        "lamina, height", g.across((5, 1.2, -4), (0, -0.2, 1)), (11.8, 13.0), f"{CHAN}; {SPAN}"
    )
    yield row("lamina, thickness", g.across((6.6, -0.6, -3), (0.72, 0.7, 0)), (5.7, 7.2),
              f"10.4184/asj.2015.9.2.205; {CHAN}; {SPAN}")  # fmt: skip
    yield row("spinous process, length", 60.0 - g.reach((0, 60, -7), -Y), (15.7,), SPAN)


def lower_measures(neck: Neck) -> Iterator[Measured]:
    """Measure C3 and C4.

    Parameters
    ----------
    neck : Neck
        The neck.

    Yields
    ------
    Measured
        Their rows of the table.
    """
    published: dict[subaxial.Level, tuple[tuple[float, ...], ...]] = {
        "C3": ((15.5,), (21.8,), (49.9,), (41.1,)),
        "C4": ((15.0,), (23.0,), (51.7,), (39.6,)),
    }
    for name, (ap, width, wide, long) in published.items():
        g = neck.own(name)
        x, y, _ = g.vertices.T
        clear = _clear_opening(g)
        yield Measured(name, "canal, clear opening AP", clear[0], ap, UMTRI)
        yield Measured(name, "canal, clear opening width", clear[1], width, UMTRI)
        yield Measured(name, "width over the transverse processes", float(np.ptp(x)), wide, UMTRI)
        yield Measured(name, "overall AP length", float(np.ptp(y)), long, UMTRI)
        centre = subaxial.foramen_centre(neck.p, name)
        size = min(g.across(centre, way) for way in (X, Y))
        yield Measured(
            name,
            "foramen transversarium, diameter",
            size,
            (2.5, 7.8),
            "Anat Res Int 2015:391823 (5.5 ± 0.9)",
        )
        off = (g.reach(centre, X) - g.reach(centre, -X)) / 2
        mid = {"C3": (14.8,), "C4": (15.7,)}[name]
        yield Measured(name, "foramen, centre from midline", centre[0] + off, mid, UMTRI)


def _clear_opening(g: Gauge) -> tuple[float, float]:
    """Return AP and width of what is open through a canal that runs along the frame's z, mm."""
    heights = np.arange(g.vertices[:, 2].min() + 2, g.vertices[:, 2].max() - 2, 1.0)
    inside = np.array([0.0, -6.0])
    fronts, backs, sides = [], [], []
    for z in heights:
        at = (*inside, z)
        fronts.append(g.reach(at, -Y))
        backs.append(g.reach(at, Y))
    ap = min(fronts) + min(backs)
    for y in np.arange(inside[1] - min(fronts) + 1, inside[1] + min(backs) - 1, 0.5):
        sides.append(min(g.reach((0, y, z), X) for z in heights))
    return ap, 2 * max(sides)


def between_measures(neck: Neck) -> Iterator[Measured]:
    """Measure gaps and angles between the bones.

    Parameters
    ----------
    neck : Neck
        The neck.

    Yields
    ------
    Measured
        Their rows of the table.
    """
    anatomy, p, g = neck.anatomy, neck.p, neck.gauges
    y = anatomy.plans[0].target[1]

    def row(quantity: str, value: float, published: tuple[float, ...], source: str) -> Measured:
        return Measured("between the bones", quantity, value, published, source)

    top, bottom = _window(neck, y)
    yield row("window C1-C2 seen from the side", bottom - top, (10.0, 12.0),
              f"{UMTRI}, women and men, with open joints")  # fmt: skip
    c2_points = g["C2"].surface_points()
    lateral = np.abs(c2_points[:, 0]) > 9.0
    gap = float(g["C1"].signed_distance(c2_points[lateral]).min())
    yield row("lateral joints of C1 and C2, smallest gap", gap, (0.5, 1.0), f"{UMTRI}, shifted")
    arch = neck.poses.of("C1").apply(c1.arch_back(p))
    yield row(
        "anterior arch to dens",
        float(g["C2"].signed_distance([arch])[0]),
        (),
        "chosen; normal below 3",
    )
    for above, below, value in (("C2", "C3", (3.7, 4.2)), ("C3", "C4", (4.3, 4.8))):
        yield row(
            f"{above} to {below} on the spinolaminar line",
            _lamina_gap(neck, above, below),
            value,
            UMTRI,
        )
    middle = g["C4"].vertices[np.abs(g["C4"].vertices[:, 0]) < 3.0]
    front = middle[middle[:, 1] < np.quantile(middle[:, 1], 0.4)]
    yield row("middle of the window to middle of C4's body, vertical",
              -(front[:, 2].min() + front[:, 2].max()) / 2, (36.0, 41.0), UMTRI)  # fmt: skip
    turn = neck.poses.of("C1").rotation.as_matrix()
    pitch = float(np.degrees(np.arctan2(-turn[2, 1], turn[1, 1])))
    yield Measured("between the bones", "C1's ring, anterior end up", pitch, (11.0, 14.0),
                   f"{UMTRI}, seated", "degrees")  # fmt: skip
    up = neck.poses.of("C2").rotation.apply(c2.dens_axis(p, 1.0) - c2.dens_axis(p, 0.0))
    lean = float(np.degrees(np.arctan2(up[1], up[2])))
    source = "Spine 1987;12:515 (17.4 on films, up to 35)"
    yield Measured("between the bones", "dens, leaning back", lean, (0.0, 35.0), source, "degrees")


def _window(neck: Neck, y: float) -> tuple[float, float]:
    """Return the top of C2 and the bottom of C1's arch seen from the side at y, model z, mm."""
    near = {
        name: v[np.abs(v[:, 1] - y) < 0.5][:, 2]
        for name in ("C1", "C2")
        for v in [neck.gauges[name].vertices]
    }
    return float(near["C2"].max()), float(near["C1"].min())


def _lamina_gap(neck: Neck, above: str, below: str) -> float:
    """Measure between two laminae, seen straight back from the middle of the canal, mm."""
    sac = Sac(neck.p, neck.poses)
    high = float(neck.poses.of(above).translation[2])
    low = float(neck.poses.of(below).translation[2])
    seen: dict[str, list[Array]] = {above: [], below: []}
    for z in np.arange(low - 8.0, high + 2.0, 0.1):
        eye = np.array([0.0, float(sac.cord(z)[0]), z])
        for name, points in seen.items():
            way = neck.gauges[name].reach(eye, Y)
            if way < 16.0:
                points.append(eye + way * Y)
    lowest = min(seen[above], key=lambda point: point[2])
    highest = max(seen[below], key=lambda point: point[2])
    return float(np.linalg.norm(lowest - highest))
