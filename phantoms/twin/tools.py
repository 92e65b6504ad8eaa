"""The standard tools: an eight-sided carrier on the needle, a roof-shaped reference body."""

import numpy as np

from nav.frames import Array
from nav.tracking.tool import Marker, Tool, ToolTip
from phantoms.twin.bodies import plate, tool_rectangles
from phantoms.twin.camera import Body

DICTIONARY = "DICT_APRILTAG_36h11"
NEEDLE_MARKER = 14.0  # mm
NEEDLE_SIDES = 8
NEEDLE_FACE = 17.0  # mm, width of a carrier's face; two markers stand one behind the other
NEEDLE_LENGTH = 110.0  # mm from the carrier's centre to the tip
NEEDLE_FIRST_ID = 10
REFERENCE_MARKER = 16.0  # mm
REFERENCE_PITCH = 20.0  # mm from marker to marker
REFERENCE_TILT = np.radians(25.0)
REFERENCE_FIRST_ID = 40
HUB_LENGTH, HUB_DIAMETER = 14.0, 8.0  # mm
TUOHY_17G = 1.47  # mm outer diameter, ISO 9626


def needle_tool(tip: Array | None = None) -> Tool:
    """The needle with its carrier: z along the shaft towards the tip, origin in the carrier.

    tip : (3,), mm; a slightly bent default where None.
    """
    markers = []
    for row, z in enumerate((-NEEDLE_FACE / 2, NEEDLE_FACE / 2)):
        for side in range(NEEDLE_SIDES):
            normal, right = _side(side)
            centre = normal * _apothem() + [0.0, 0.0, z]
            marker_id = NEEDLE_FIRST_ID + row * NEEDLE_SIDES + side
            markers.append(
                _marker(marker_id, centre, right, np.array([0.0, 0.0, 1.0]), NEEDLE_MARKER)
            )
    position = np.array([0.35, -0.22, NEEDLE_LENGTH]) if tip is None else np.asarray(tip, float)
    axis = position / np.linalg.norm(position)
    return Tool(
        "needle", DICTIONARY, tuple(markers), ToolTip(position, axis, np.zeros((3, 3))), quiet=1.5
    )


def needle_body(tool: Tool) -> Body:
    """What can be seen of the needle: carrier faces, markers, shaft."""
    plates = []
    for side in range(NEEDLE_SIDES):
        normal, right = _side(side)
        half = np.array([0.0, 0.0, NEEDLE_FACE])
        plates.append(plate(normal * _apothem(), right * NEEDLE_FACE / 2, half, 0.88))
    assert tool.tip is not None
    end = np.array([0.0, 0.0, NEEDLE_FACE])
    hub_end = np.array([0.0, 0.0, NEEDLE_FACE + HUB_LENGTH])
    shafts = ((end, tool.tip.position, TUOHY_17G), (end, hub_end, HUB_DIAMETER))
    return Body(tool.name, tool_rectangles(tool, tuple(plates)), shafts)


def reference_tool() -> Tool:
    """The reference body: two plates of four markers, tilted sideways; z towards the viewer."""
    markers = []
    for plate_index, (centre, right, down) in enumerate(_roof()):
        for k, (i, j) in enumerate([(-1, -1), (1, -1), (-1, 1), (1, 1)]):
            at = centre + (i * right + j * down) * REFERENCE_PITCH / 2
            marker_id = REFERENCE_FIRST_ID + 4 * plate_index + k
            markers.append(_marker(marker_id, at, right, down, REFERENCE_MARKER))
    return Tool("reference", DICTIONARY, tuple(markers), quiet=2.0)


def reference_body(tool: Tool) -> Body:
    """What can be seen of the reference body."""
    plates = tuple(
        plate(centre, right * REFERENCE_PITCH, down * REFERENCE_PITCH, 0.88)
        for centre, right, down in _roof()
    )
    return Body(tool.name, tool_rectangles(tool, plates))


def _apothem() -> float:
    return NEEDLE_FACE / 2 / np.tan(np.pi / NEEDLE_SIDES)


def _side(side: int) -> tuple[Array, Array]:
    """Outward normal and the direction to the right, as seen from the front with z down."""
    angle = 2 * np.pi * side / NEEDLE_SIDES
    normal = np.array([np.cos(angle), np.sin(angle), 0.0])
    return normal, np.cross(np.array([0.0, 0.0, 1.0]), -normal)


def _roof() -> list[tuple[Array, Array, Array]]:
    """Centre, right and down of the two plates; the ridge runs along y."""
    plates = []
    for side in (-1, 1):
        right = np.array([np.cos(REFERENCE_TILT), 0.0, -side * np.sin(REFERENCE_TILT)])
        centre = side * (REFERENCE_PITCH + 1.0) * right
        plates.append((centre, right, np.array([0.0, -1.0, 0.0])))
    return plates


def _marker(marker_id: int, centre: Array, right: Array, down: Array, side: float) -> Marker:
    half = side / 2
    signs = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    corners = np.array([centre + half * (i * right + j * down) for i, j in signs])
    return Marker(marker_id, corners)
