"""The needle's carrier: a prism for the paper markers, its nut, and what goes into them."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold

from calibration.printing.standard_tools import NEEDLE_FIRST_ID, NEEDLE_SIDES, needle_apothem
from phantoms.anatomy.mesh import mesh_rings
from phantoms.kit.label import label
from phantoms.kit.part import SLIDING, Part
from phantoms.kit.solid import Array, cylinder, prism, solid_of, united, without
from phantoms.kit.tools_inserts import adaptor, bush
from phantoms.kit.tools_seat import (
    BLACK,
    GREY,
    LENGTH,
    NUT_BACK,
    NUT_CAP,
    NUT_FRONT,
    NUT_HOLE,
    NUT_RADIUS,
    POCKET,
    POCKET_END,
    ROUND,
    SEAT_BACK,
    SEAT_FRONT,
    key,
    part_in_use,
    pocket_end,
    seat_radius,
    turned,
)
from phantoms.kit.tools_standards import GAUGES, LUER, NRFIT

PAPER = 0.2  # mm, paper and glue on the faces, as docs/print.md has it
FOOT = 0.5  # mm, chamfer of the first layers, which spread and would lift the paper

THREAD_RADIUS, THREAD_PITCH = 11.0, 3.0  # mm
THREAD_OFFSET = 0.45  # mm: the thread is a circle whose middle runs round the axis
THREAD_PLAY = 0.25  # mm, all round
FLUTES = 12  # round the nut, for the fingers


def carrier_parts(paper: float = PAPER) -> tuple[Part, ...]:
    """Build the carrier and what goes into it: nut, a bush for each gauge, both adaptors.

    Parameters
    ----------
    paper : float, optional
        Thickness of the paper and glue on the faces, mm.

    Returns
    -------
    tuple of Part
        The carrier first; none is part of the phantom.
    """
    return (carrier(paper), nut(), *(bush(gauge) for gauge in GAUGES), *map(adaptor, (LUER, NRFIT)))


def carrier(paper: float = PAPER) -> Part:
    """Build the prism with pocket, seat and threaded nose.

    Parameters
    ----------
    paper : float, optional
        Thickness of the paper and glue on the faces, mm.

    Returns
    -------
    Part
        As it lies on the bed.
    """
    back, front = -LENGTH / 2, LENGTH / 2
    outline = _octagon(needle_apothem() - paper)
    foot = _octagon(needle_apothem() - paper - FOOT)
    grip = 1.0  # mm that the pieces reach into one another
    body = [
        prism(outline, back + FOOT, front, "z"),
        united([prism(foot, back, back + grip, "z"), prism(outline, back + FOOT, 0.0, "z")]).hull(),
        _thread(0.0, front - grip, SEAT_FRONT) ^ _lead_in(),
    ]
    narrow = seat_radius(SEAT_BACK)
    roof = pocket_end(narrow)
    cutters = [
        turned(back - 1.0, POCKET_END, POCKET),
        turned(POCKET_END, roof, POCKET, narrow),
        turned(roof, SEAT_BACK, narrow),
        turned(SEAT_BACK, SEAT_FRONT + 1.0, narrow, seat_radius(SEAT_FRONT + 1.0)),
        key(SLIDING, SEAT_FRONT + 1.0),
        _marked(str(NEEDLE_FIRST_ID), 0.0, front),
        _marked("TIP", np.pi, front),
    ]
    solid = without(united(body), cutters)
    return part_in_use(
        "needle-carrier",
        "Needle carrier",
        solid,
        GREY,
        "Standing on its open end, 0.15 mm layers, 4 walls, 15 % infill; no support. Faces must be"
        f" flat: the strip goes round them, its marker {NEEDLE_FIRST_ID} on the face marked so, the"
        " edge that the sheet marks 'this edge towards the tip' towards the nose.",
    )


def nut() -> Part:
    """Build the nut on the carrier's nose.

    Returns
    -------
    Part
        As it lies on the bed.
    """
    solid = turned(NUT_BACK, NUT_FRONT, NUT_RADIUS)
    flute = [
        cylinder((NUT_RADIUS + 1.2) * at, (NUT_RADIUS + 1.2) * at + [0, 0, 60.0], 2.0)
        for at in _round_about(FLUTES)
    ]
    cap = NUT_FRONT - NUT_CAP
    cutters = [
        *(f.translate((0, 0, -5.0)) for f in flute),
        _thread(THREAD_PLAY, NUT_BACK - 2.0, cap),
        turned(NUT_BACK - 1.0, NUT_BACK + 1.4, THREAD_RADIUS + 1.5, THREAD_RADIUS - 1.0),
        turned(cap - 1.0, NUT_FRONT + 1.0, NUT_HOLE),
    ]
    return part_in_use(
        "needle-nut",
        "Nut of the needle carrier",
        without(solid, cutters),
        BLACK,
        "On its cap, thread up, 0.15 mm layers; no support.",
    )


def _thread(play: float, low: float, high: float) -> Manifold:
    """Build a round thread; the same for bolt and nut, so that it has no start to line up.

    A circle whose middle runs round the axis once per pitch: right-handed, no overhang above 45
    degrees.
    """
    radius = THREAD_RADIUS - THREAD_OFFSET + play
    z = np.linspace(low, high, round(24 * (high - low) / THREAD_PITCH) + 1)
    turn, around = 2 * np.pi * z / THREAD_PITCH, np.arange(ROUND) * 2 * np.pi / ROUND
    middle = THREAD_OFFSET * np.column_stack([np.cos(turn), np.sin(turn)])
    circle = radius * np.column_stack([np.cos(around), np.sin(around)])
    rings = np.empty((len(z), ROUND, 3))
    rings[..., :2], rings[..., 2] = middle[:, None] + circle, z[:, None]
    return solid_of(mesh_rings(rings))


def _lead_in() -> Manifold:
    """Build the envelope of the nose, tapered for the nut to find its thread."""
    return united(
        [
            turned(0.0, SEAT_FRONT - 1.2, 2 * THREAD_RADIUS),
            turned(SEAT_FRONT - 1.2, SEAT_FRONT, THREAD_RADIUS + 0.13, THREAD_RADIUS - 1.0),
        ]
    )


def _octagon(apothem: float) -> Array:
    radius = apothem / np.cos(np.pi / NEEDLE_SIDES)
    angles = (np.arange(NEEDLE_SIDES) + 0.5) * 2 * np.pi / NEEDLE_SIDES
    return radius * np.column_stack([np.cos(angles), np.sin(angles)])


def _round_about(count: int) -> Array:
    angles = np.arange(count) * 2 * np.pi / count
    return np.column_stack([np.cos(angles), np.sin(angles), np.zeros(count)])


def _marked(text: str, angle: float, z: float) -> Manifold:
    """Build a text between nut and edge, its foot outwards, so that it is read from outside."""
    distance = (NUT_RADIUS + needle_apothem()) / 2
    out = np.array([np.cos(angle), np.sin(angle), 0.0])
    across = np.cross(out, (0.0, 0.0, -1.0))
    return label(text, 4.0, distance * out + [0.0, 0.0, z], across, -out)
