"""Positions of the kit's parts: base, divots, reference seat, bolts; from the parameters alone.

Model frame: LPS, mm. The phantom lies prone: the base is in front of it (negative y), the frame of
divots stands round its sides and back, the seat of the reference body at its cranial end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.skin_model import NECK_BOTTOM, NECK_TOP, outline

Array = NDArray[np.float64]
Point = tuple[float, float, float]
Holder = Literal["arch_cranial", "arch_caudal", "bar", "column"]

RESTING = 6.0  # mm, cut off the neck's front by the base: the gel rests on a flat face
COLUMN_FRONT = 12.0  # mm, how far bones reach in front of C1's anterior arch's back
BASE_THICKNESS = 8.0
BASE_ENDS = (-88.0, 111.0)  # mm, z

REACH = 5.0  # mm, from the neck to the frame of divots
BAND = 12.0  # mm, width of an arch's band
ARCH = 10.0  # mm, thickness of an arch
ARCH_GAP = 4.0  # mm, from the gel's ends to the arches
LUG = 6.0  # mm, thickness of the base's lugs that the arches are bolted to
LUG_HEIGHT = 24.0
LUG_REACH = (4.0, 8.0)  # mm, from the leg's middle inwards and outwards
PLATE_SEAL = 2.0  # mm, overlap of the mould's end plates with the skin, between the lugs
PLATE_FREE = 0.7  # mm, between it and the lugs that it is drawn past
BAR_HALF_WIDTH = 9.0  # mm
BAR_DEPTH = 10.0  # mm, thickness of the bar along y
WINGS = (34.0, 28.0, -34.0)  # mm: reach to the sides, z of the cranial, of the caudal one

DIVOT_DEPTH = 2.2  # mm, from the face to the apex
BOSS = 3.0  # mm, how far a divot's face stands out of an arch
BOSS_HALF_WIDTH = 5.0
# mm: design number. With wrong labels, check divots among them, the eight divots to register with
# fit with at least this FRE in every neck (`smallest_confusion`): some 30 times their FLE.
LEAST_CONFUSION = 10.0
LEAST_RISE = 18.0  # degrees, least upward tilt of divots, to be reached over the base

SEAT = (-15.0, 35.0, 92.0)  # mm, the reference body's ridge
SEAT_REACH = 61.0  # mm, the farthest that the seat's flange goes to a side
TABLE_EDGE = 9.0  # mm, a table hole from the base's edge
TABLE_HOLE = 5.5  # mm, diameter
TABLE_HEAD = 10.0  # mm, across a 5 mm screw's head and washer, and a driver

# In the order in which they are touched, by short paths.
# Round the neck's axis, from its left (0) over its back (90) to its right (180), degrees. Chosen
# so that they look alike from no side, see LEAST_CONFUSION.
_ARCH_DIVOTS: tuple[tuple[str, Holder, float], ...] = (
    ("R1", "arch_cranial", -14.0),
    ("R2", "arch_cranial", 49.0),
    ("R3", "arch_caudal", 49.0),
    ("R4", "arch_caudal", 10.0),
    ("R5", "arch_caudal", 188.0),
    ("R6", "arch_caudal", 146.0),
    ("R7", "arch_cranial", 118.0),
    ("R8", "arch_cranial", 183.0),
)
# On the bar and its wings: x and z, mm.
_BAR_DIVOTS: tuple[tuple[str, float, float], ...] = (
    ("K1", 28.0, 28.0),
    ("K2", 0.0, 14.0),
    ("K3", 0.0, -20.0),
    ("K4", -28.0, -34.0),
)


@dataclass(frozen=True)
class Divot:
    """A 90-degree cone that the tip is put into.

    Attributes
    ----------
    label : str
        Engraved beside it.
    apex : tuple of 3 float
        Model frame, mm.
    axis : tuple of 3 float
        Unit vector outwards, model frame.
    use : str
        "register", or "check" for one that is only checked.
    holder : Holder
        The part that it is cut into.
    """

    label: str
    apex: Point
    axis: Point
    use: Literal["register", "check"]
    holder: Holder


@dataclass(frozen=True)
class Layout:
    """Where everything stands, model frame, mm.

    Attributes
    ----------
    base_top, base_bottom : float
        y of the base's faces.
    base_half_width : float
        x of its edge.
    base_ends : tuple of 2 float
        z of its ends.
    neck_middle : float
        y of the neck's axis.
    inner : tuple of 2 float
        Half width and half AP of the arches' inside.
    arches : dict of Holder to tuple of 2 float
        z of each arch's two faces.
    divots : tuple of Divot
        Those of the frame.
    model_from_reference : RigidTransform
        Nominal; the reference body's frame is that of `reference.toml`.
    bolts : dict of str to tuple
        (x, z) of upright M3 bolts through the base, by what they hold.
    table_holes : tuple
        (x, z) of holes to screw the base to a table, once all else stands on it.
    """

    base_top: float
    base_bottom: float
    base_half_width: float
    base_ends: tuple[float, float]
    neck_middle: float
    inner: tuple[float, float]
    arches: dict[Holder, tuple[float, float]]
    divots: tuple[Divot, ...]
    model_from_reference: RigidTransform
    bolts: dict[str, tuple[tuple[float, float], ...]]
    table_holes: tuple[tuple[float, float], ...]

    @property
    def leg(self) -> float:
        """x of the middle of an arch's leg, mm."""
        return self.inner[0] + BAND / 2

    @property
    def lug(self) -> tuple[float, float]:
        """x at which a lug behind a leg begins and ends, mm."""
        inwards, outwards = LUG_REACH
        return self.leg - inwards, self.leg + outwards

    @property
    def bar(self) -> tuple[float, float]:
        """y of the bar's underside and of its top, which holds the divots: the arches' top."""
        top = self.neck_middle + self.inner[1] + BAND
        return top - BAR_DEPTH, top

    def outside(self, angle: float) -> tuple[Array, Array]:
        """Return a point on an arch's outside and the outward direction there.

        In front of the axis the arch runs straight down to the base.

        Parameters
        ----------
        angle : float
            Round the neck's axis, degrees: 0 left, 90 back.

        Returns
        -------
        point : ndarray, shape (2,)
            x and y, model frame, mm.
        outward : ndarray, shape (2,)
            Unit vector in x and y.
        """
        a, b = self.inner[0] + BAND, self.inner[1] + BAND
        c, s = float(np.cos(np.radians(angle))), float(np.sin(np.radians(angle)))
        point = np.array([a * np.sign(c) if s < 0.0 else a * c, self.neck_middle + b * s])
        outward = np.array([np.sign(c), 0.0]) if s < 0.0 else np.array([c / a, s / b])
        return point, outward / np.linalg.norm(outward)


def layout(p: AnatomyParameters) -> Layout:
    """Place the parts of a neck's kit.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    Layout
        Model frame, mm.
    """
    neck = [outline(p, z) for z in (NECK_BOTTOM, 0.0, NECK_TOP)]
    front = float(neck[1][:, 1].min())
    middle = (front + float(neck[1][:, 1].max())) / 2
    back = max(float(ring[:, 1].max()) for ring in neck)
    # Where the neck is thin the bones must still clear the base.
    top = round(min(front + RESTING, 5.0 - p.c1_canal_ap - COLUMN_FRONT - 4.0), 3)
    inner = (_legs_apart(p, top), round(back - middle + REACH, 3))
    # Beside the seat there is room for a table screw, however thin the neck is.
    half = max(inner[0] + BAND + 4.0, SEAT_REACH + 1.0 + TABLE_HEAD / 2 + TABLE_EDGE)
    ends = BASE_ENDS
    table_x, mould_x = half - TABLE_EDGE, round(0.48 * p.neck_width, 3)
    seat_x, _, seat_z = SEAT
    placed = Layout(
        base_top=top,
        base_bottom=top - BASE_THICKNESS,
        base_half_width=half,
        base_ends=ends,
        neck_middle=round(middle, 3),
        inner=inner,
        arches={
            "arch_cranial": (NECK_TOP + ARCH_GAP, NECK_TOP + ARCH_GAP + ARCH),
            "arch_caudal": (NECK_BOTTOM - ARCH_GAP - ARCH, NECK_BOTTOM - ARCH_GAP),
        },
        divots=(),
        # Its z faces the cameras, its x is the model's.
        model_from_reference=RigidTransform.from_components(
            SEAT, Rotation.from_matrix([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
        ),
        bolts={
            "column": ((-15.0, -41.0), (15.0, -41.0), (-15.0, 33.0), (15.0, 33.0)),
            "seat_caudal": ((-15.0, -72.0), (15.0, -72.0)),
            "seat_cranial": ((-15.0, 58.0), (15.0, 58.0)),
            "mould": tuple((s * mould_x, z) for s in (-1.0, 1.0) for z in (-46.0, -8.0, 30.0)),
            "reference": tuple((seat_x + x, seat_z + z) for x in (-40.0, 40.0) for z in (-12, 12)),
        },
        # Those at the feet are clear of legs and lugs, with room for a screw's head and driver.
        table_holes=tuple(
            (s * x, z) for s in (-1.0, 1.0) for x, z in ((45.0, ends[0] + 6.5), (table_x, 100.0))
        ),
    )
    return _with_divots(placed)


def _legs_apart(p: AnatomyParameters, top: float) -> float:
    """Return x of the legs' inner faces.

    Beside the neck; and so far out that the mould's end plates, which must cover its ends, can be
    drawn off between the lugs.
    """
    widest = 0.0
    for z in (NECK_BOTTOM, NECK_TOP):
        x, y = outline(p, z).T
        # a little higher, for the corners of that outline
        widest = max(widest, float(x[y < top + LUG_HEIGHT + 4.0].max()))
    between_lugs = widest + PLATE_SEAL + PLATE_FREE + LUG_REACH[0] - BAND / 2
    return round(max(p.neck_width / 2 + REACH, between_lugs), 3)


def _with_divots(bare: Layout) -> Layout:
    on_arches = (arch_divot(bare, *row) for row in _ARCH_DIVOTS)
    return Layout(**{**vars(bare), "divots": (*on_arches, *_bar_divots(bare))})


def arch_divot(bare: Layout, label: str, holder: Holder, angle: float) -> Divot:
    """Place a divot on an arch.

    Parameters
    ----------
    bare : Layout
        Where the arches stand.
    label : str
        Of the divot.
    holder : Holder
        The arch.
    angle : float
        Round the neck's axis, degrees: 0 left, 90 back.

    Returns
    -------
    Divot
        To register with.
    """
    point, outward = bare.outside(angle)
    # Above the lug that holds the leg, however thin the neck is.
    point[1] = max(point[1], bare.base_top + LUG_HEIGHT + 4.0)
    rise = np.radians(LEAST_RISE)
    if outward[1] < np.sin(rise):
        outward = np.array([np.sign(outward[0]) * np.cos(rise), np.sin(rise)])
    x, y = point + (BOSS - DIVOT_DEPTH) * outward
    axis = (float(outward[0]), float(outward[1]), 0.0)
    apex = (round(float(x), 3), round(float(y), 3), sum(bare.arches[holder]) / 2)
    return Divot(label, apex, axis, "register", holder)


def _bar_divots(bare: Layout) -> list[Divot]:
    y = round(bare.bar[1] - DIVOT_DEPTH, 3)
    return [Divot(label, (x, y, z), (0.0, 1.0, 0.0), "check", "bar") for label, x, z in _BAR_DIVOTS]
