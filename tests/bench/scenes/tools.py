"""Marker bodies to track, and what is drawn for them, as built and as misbuilt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from nav.tracking.tool import Marker, Tool, ToolTip
from tests.bench.scenes.shapes import Body, Face, Floats, Rod, label, panel

INK, PAPER, PLASTIC, STEEL = 0.055, 0.85, 0.28, 0.35  # albedos
RECESS = 0.4  # mm: the carrier's surface lies behind the labels'
SHAFT = 0.65  # mm, radius
GAP = 1.5  # mm of carrier between two labels


@dataclass(frozen=True)
class Model:
    """A tool as its file says it, and as it is drawn.

    bare : all but the labels. quiet : white zone as printed, mm. centre : (3,), tool frame, mm,
    mean of the markers.
    """

    tool: Tool
    bare: Body
    quiet: float

    @property
    def centre(self) -> Floats:
        """Mean of the markers, (3,), tool frame, mm."""
        return np.mean([m.centre for m in self.tool.markers], axis=0)

    def body(self, misbuilt: float, rng: np.random.Generator) -> Body:
        """What the cameras see; every label is off by `misbuilt` mm (sd) as one rigid piece."""
        labels = [
            label(
                displaced(m.corners, misbuilt, rng),
                pattern(self.tool.dictionary, m.id),
                self.quiet,
                PAPER,
                INK,
            )
            for m in self.tool.markers
        ]
        # nearest first: what lies behind is then passed over quickly
        return Body((*labels, *self.bare.faces), self.bare.rods)


def pattern(dictionary: str, marker_id: int) -> NDArray[np.uint8]:
    """Cells of a marker with its black border, (n, n), 1 white, from the dictionary's bits."""
    words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
    stored = words.bytesList[marker_id : marker_id + 1]
    bits = np.asarray(cv2.aruco.Dictionary.getBitsFromByteList(stored, words.markerSize))
    return np.pad(bits.reshape(words.markerSize, words.markerSize), 1).astype(np.uint8)


def displaced(corners: Floats, sd: float, rng: np.random.Generator) -> Floats:
    """A label off by `sd` mm in each direction and turned by half as much at its corners."""
    if sd == 0:
        return corners
    centre = corners.mean(axis=0)
    arm = np.linalg.norm(corners[0] - centre)
    turn = Rotation.from_rotvec(rng.normal(0.0, 0.5 * sd / arm, 3))
    return turn.apply(corners - centre) + centre + rng.normal(0.0, sd, 3)


def square(centre: Floats, right: Floats, down: Floats, side: float) -> Floats:
    """Corners c0 to c3, (4, 3), of a marker; right and down as seen from the front."""
    return np.array(
        [
            centre + side / 2 * (i * right + j * down)
            for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
    )


def needle_prism(
    sides: int = 6, rows: int = 3, side: float = 14.0, length: float = 110.0, first_id: int = 100
) -> Model:
    """A needle in a prism of three or more faces; z to the tip, `length` mm from its centre."""
    dictionary = "DICT_APRILTAG_36h11"
    quiet = side / len(pattern(dictionary, 0))
    width = side + 2 * quiet + GAP
    apothem = width / 2 / np.tan(np.pi / sides)
    markers: list[Marker] = []
    faces: list[Face] = []
    along, half = np.array([0.0, 0.0, 1.0]), rows * width / 2
    inner = apothem - RECESS
    for angle in 2 * np.pi * np.arange(sides) / sides:
        out = np.array([np.cos(angle), np.sin(angle), 0.0])
        right = np.cross(out, along)  # along x right points outwards: `along` runs down
        reach = inner * np.tan(np.pi / sides)
        faces.append(panel(out * inner, right * reach, along * half, PLASTIC))
        for row in range(rows):
            centre = out * apothem + along * (row - (rows - 1) / 2) * width
            corners = square(centre, right, along, side)
            markers.append(Marker(first_id + len(markers), corners))
    faces += _caps(sides, inner, half)
    tip = np.array([0.42, -0.31, length])
    hub = Rod(along * half, along * (half + 6.0), 3.5, PLASTIC)
    rods = (*_shaft(tip * (half / length), tip), hub)
    axis = tip / np.linalg.norm(tip)
    tool = Tool(
        "needle", dictionary, tuple(markers), ToolTip(tip, axis, np.zeros((3, 3))), quiet=quiet
    )
    return Model(tool, Body(tuple(faces), rods), quiet)


def _shaft(start: Floats, end: Floats) -> Iterator[Rod]:
    """A shaft in short pieces: the windows of long slanted rods would be large."""
    stops = np.linspace(start, end, 13)
    for a, b in pairwise(stops):
        yield Rod(a, b, SHAFT, STEEL)


def _caps(sides: int, apothem: float, half: float) -> Iterator[Face]:
    reach = apothem / np.cos(np.pi / sides)
    angles = 2 * np.pi * np.arange(sides) / sides
    for end in (-1.0, 1.0):
        # down x right is the outward direction
        right, down = np.array([1.0, 0.0, 0.0]), np.array([0.0, -end, 0.0])
        cuts = tuple((float(np.cos(a)), float(-end * np.sin(a)), apothem) for a in angles)
        centre = np.array([0.0, 0.0, end * half])
        yield Face(centre, right, down, (-reach, -reach), (reach, reach), PLASTIC, cuts)


def needle_cube(side: float = 8.0, length: float = 80.0, first_id: int = 20) -> Model:
    """A needle in a small cube of five markers; its file does not give the white zone's width."""
    dictionary = "DICT_ARUCO_MIP_36h12"
    quiet = 0.5 * side / len(pattern(dictionary, 0))
    half = side / 2 + quiet + GAP / 2
    # the tool frame is not the cube's: a calibrated body's seldom is
    turn = Rotation.from_rotvec([0.3, -0.2, 0.5])
    shift = np.array([6.0, -4.0, 9.0])
    markers: list[Marker] = []
    faces: list[Face] = []
    axes = np.eye(3)
    views = [(axes[0], axes[2]), (-axes[0], axes[2]), (axes[1], axes[2]), (-axes[1], axes[2])]
    views += [(-axes[2], axes[0]), (axes[2], axes[0])]
    for out, down in views:
        right = np.cross(out, down)
        faces.append(
            panel(out * (half - RECESS), right * (half - RECESS), down * (half - RECESS), PLASTIC)
        )
        if out[2] < 0.5:  # the needle leaves through the sixth
            corners = square(out * half, right, down, side)
            markers.append(Marker(first_id + len(markers), turn.apply(corners) + shift))
    placed = [
        Face(turn.apply(f.origin) + shift, turn.apply(f.right), turn.apply(f.down), f.low, f.high,
             f.albedo) for f in faces
    ]  # fmt: skip
    tip = turn.apply([0.2, 0.15, length]) + shift
    axis = (tip - shift) / np.linalg.norm(tip - shift)
    tool = Tool("needle", dictionary, tuple(markers), ToolTip(tip, axis, np.zeros((3, 3))))
    return Model(tool, Body(tuple(placed), tuple(_shaft(shift + axis * half, tip))), quiet)


def reference_wings(
    dictionary: str = "DICT_5X5_100", side: float = 14.0, first_id: int = 30
) -> Model:
    """A flat plate of four markers and two wings of two, tilted back; -z towards the viewer."""
    quiet = side / len(pattern(dictionary, 0))
    pitch = side + 2 * quiet + GAP
    x, y = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    markers: list[Marker] = []
    faces: list[Face] = []
    for hinge, tilt, columns in ((0.0, 0.0, (-0.5, 0.5)), (-pitch, 38.0, (-0.5,)),
                                 (pitch, -31.0, (0.5,))):  # fmt: skip
        right = Rotation.from_rotvec([0.0, np.radians(tilt), 0.0]).apply(x)
        edge = hinge * x
        back = RECESS * np.cross(y, -right)
        middle = edge + np.mean(columns) * pitch * right
        faces.append(panel(middle + back, right * pitch * len(columns) / 2, y * pitch, PLASTIC))
        for j in (-0.5, 0.5):
            for i in columns:
                centre = edge + pitch * (i * right + j * y)
                corners = square(centre, right, y, side)
                markers.append(Marker(first_id + len(markers), corners))
    tool = Tool("reference", dictionary, tuple(markers), quiet=quiet)
    return Model(tool, Body(tuple(faces)), quiet)


def fingers(model: Model, hidden: Sequence[int], rng: np.random.Generator) -> Body:
    """A finger across each of some markers (ids), tool frame."""
    rods = []
    for marker_id in hidden:
        marker = model.tool.by_id[marker_id]
        radius = 0.6 * marker.side
        c0, c1, _, c3 = marker.corners
        angle = rng.uniform(0.0, np.pi)
        along = (c1 - c0) * np.cos(angle) + (c3 - c0) * np.sin(angle)
        middle = marker.centre + marker.normal * 0.35 * radius  # it gives way
        middle = middle + rng.uniform(-0.1, 0.1) * (c1 - c0) + rng.uniform(-0.1, 0.1) * (c3 - c0)
        albedo = rng.uniform(0.35, 0.55)
        rods.append(Rod(middle - 0.35 * along, middle + 0.35 * along, radius, albedo, soft=True))
    return Body((), tuple(rods))
