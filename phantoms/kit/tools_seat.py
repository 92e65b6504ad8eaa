"""What carrier, nut, bushes and adaptors of the needle share: axis, seat and positions along it.

Everything is turned about one axis. A conical seat in the carrier's nose takes either a split bush
that closes on the shaft, the hub behind it in the carrier's open pocket; or an adaptor whose male
cone goes into the hub, the hub in front. A nut presses either into the seat. Lengths along the
axis are those of the tool's frame: z towards the tip, 0 in the carrier's middle.
"""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.kit.part import SLIDING, Part
from phantoms.kit.solid import cylinder, mesh_of, placed, prism

LENGTH = 36.0  # mm, of the prism: as long as the printed strip

POCKET = 15.0  # mm, radius of the room for hub, wings and syringe, open at the back
POCKET_END = -5.0  # from here its roof closes by 45 degrees, so that it prints without support
SEAT_BACK, SEAT_FRONT = 11.0, 27.0  # the conical seat
SEAT_ANGLE = np.radians(8.0)  # per side, as in ER collets (ISO 15488): centres, does not stick
SEAT_RADIUS = 7.0  # mm, at its front
HUB_FACE = 6.0  # where a bush ends at the back, and a hub rests on it
PROUD = 1.5  # mm that a bush stands out of the seat for the nut to press on
KEY = (2.0, 1.2)  # mm, width and height of the rib that stops bush and adaptor from turning

NUT_BACK, NUT_FRONT = 19.0, SEAT_FRONT + PROUD + 3.0
NUT_RADIUS, NUT_CAP, NUT_HOLE = 14.0, 3.0, 5.0  # mm
TAIL_BACK = -4.0  # where an adaptor ends at the back
ROUND = 96  # corners of what must be round

PLASTIC = "PLA or PETG"
GREY, BLACK = (0.82, 0.82, 0.80), (0.22, 0.23, 0.25)


def tip_beyond_centre(shaft: float) -> float:
    """Return where a needle's tip is, its hub resting on the bush.

    Parameters
    ----------
    shaft : float
        The needle's length from hub to tip, mm (its catalogue length).

    Returns
    -------
    float
        mm from the carrier's centre.
    """
    return HUB_FACE + shaft


def free_shaft(shaft: float) -> float:
    """Return how much of the shaft stands out of the nut, the hub resting on the bush.

    Parameters
    ----------
    shaft : float
        The needle's length from hub to tip, mm.

    Returns
    -------
    float
        mm.
    """
    return tip_beyond_centre(shaft) - NUT_FRONT


def tool_from_part(name: str) -> RigidTransform:
    """Return the transform from a part's own frame, on the bed, to the frame of needle.toml in use.

    Parameters
    ----------
    name : str
        Of one of `carrier_parts`.

    Returns
    -------
    RigidTransform
        tool_from_part, mm.

    Raises
    ------
    KeyError
        Another name.
    """
    upright = {"carrier": -LENGTH / 2, "bush": HUB_FACE, "adaptor": TAIL_BACK}
    kind = name.removeprefix("needle-").split("-")[0]
    if kind == "nut":
        turn = Rotation.from_euler("x", 180, degrees=True)
        return RigidTransform.from_components([0.0, 0.0, NUT_FRONT], turn)
    return RigidTransform.from_translation([0.0, 0.0, upright[kind]])


def part_in_use(
    name: str, title: str, in_use: Manifold, colour: tuple[float, float, float], printing: str
) -> Part:
    """Make a part from its solid in the tool's frame, laid on the bed; not part of the phantom.

    Parameters
    ----------
    name : str
        Of one of `carrier_parts`.
    title : str
        For people.
    in_use : Manifold
        Tool frame, mm.
    colour : tuple of 3 float
        sRGB, 0 to 1.
    printing : str
        Whether it needs support, and where.

    Returns
    -------
    Part
        As it lies on the bed.
    """
    mesh = mesh_of(placed(in_use, tool_from_part(name).inv()))
    return Part(name, title, mesh, None, PLASTIC, colour, printing)


def seat_radius(z: float) -> float:
    """Return the radius of the conical seat, and of what sits in it.

    Parameters
    ----------
    z : float
        Along the axis, mm.

    Returns
    -------
    float
        mm.
    """
    return SEAT_RADIUS - float(np.tan(SEAT_ANGLE)) * (SEAT_FRONT - z)


def pocket_end(radius: float) -> float:
    """Return how far forward the pocket is at least so wide.

    Parameters
    ----------
    radius : float
        mm.

    Returns
    -------
    float
        z along the axis, mm.
    """
    return POCKET_END + POCKET - radius


def tail_radius() -> float:
    """Return the radius of what is behind the seat: it slides, so that only the cone centres.

    Returns
    -------
    float
        mm.
    """
    return seat_radius(SEAT_BACK) - SLIDING


def key(play: float, front: float) -> Manifold:
    """Build the rib along the seat's front at +x, or with play the groove for it.

    Parameters
    ----------
    play : float
        Added on all sides, mm; 0 for the rib.
    front : float
        z of its front end, mm.

    Returns
    -------
    Manifold
        Tool frame, mm.
    """
    half, high = KEY[0] / 2 + play, KEY[1] + play
    back = SEAT_FRONT - 6.0 - play
    reach = [seat_radius(z) + high for z in (back, front)]
    sunk = high + 0.2  # below the cone, which it would otherwise only touch
    slope = [(back - 0.2, reach[0] - sunk), (back + high, reach[0]), (front, reach[1])]
    # drawn in (z, x), pulled along y
    return prism([(back - 0.2, 0.0), *slope, (front, 0.0)], -half, half, "y")


def turned(
    low: float,
    high: float,
    radius: float,
    end_radius: float | None = None,
    outside: bool = False,
) -> Manifold:
    """Build a rod or cone about the axis.

    Parameters
    ----------
    low, high : float
        z of its ends, mm.
    radius : float
        At the low end, mm.
    end_radius : float, optional
        At the high end, mm; as at the low end by default.
    outside : bool, optional
        For a hole, as in `cylinder`.

    Returns
    -------
    Manifold
        Tool frame, mm.
    """
    return cylinder((0.0, 0.0, low), (0.0, 0.0, high), radius, end_radius, ROUND, outside)
