"""Sheets of other programs, mirrored pictures, files in another order: named, not just lost."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera
from nav.core.frameset import Picture
from nav.tracking.detect.print_faults import describe_print_fault, find_print_fault
from nav.tracking.marker_dictionaries import marker_dictionary
from nav.tracking.tool import Marker, Tool

CELL, SIDE, PAPER = 8, 30.0, 120.0  # px per cell of the sheet, mm, mm
SIZE = (640, 480)
CAMERA = Camera(
    "left", SIZE, np.array([[800.0, 0, 320.0], [0, 800.0, 240.0], [0, 0, 1.0]]), np.zeros(5),
    RigidTransform.identity(),
)  # fmt: skip
CENTRES = {40: (-30.0, -30.0), 41: (30.0, -30.0), 42: (-30.0, 30.0), 43: (30.0, 30.0)}


def plate(dictionary: str = "DICT_APRILTAG_36h11") -> Tool:
    """Four markers in the plane z = 0, to be seen from negative z; y down."""
    square = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * SIDE / 2
    markers = [Marker(k, square + np.array([*centre, 0.0])) for k, centre in CENTRES.items()]
    return Tool("plate", dictionary, tuple(markers))


def picture(dictionary: str = "DICT_APRILTAG_36h11", turn: int = 0, border: int = 1) -> Picture:
    """A camera's picture of the plate, each marker turned on its place by quarter turns."""
    words = marker_dictionary(dictionary)
    fine = 8.0  # px per mm
    sheet = np.full((int(PAPER * fine), int(PAPER * fine)), 230, np.uint8)
    for k, centre in CENTRES.items():
        side = int(SIDE * fine)
        drawn = cv2.aruco.generateImageMarker(words, k, side, borderBits=border)
        x, y = (int((c + (PAPER - SIDE) / 2) * fine) for c in centre)
        sheet[y : y + side, x : x + side] = np.rot90(drawn, turn)
    corners = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * PAPER / 2
    place = RigidTransform.from_components(
        [5.0, -4.0, 300.0], Rotation.from_rotvec([0.3, -0.2, 0.1])
    )
    pixels = CAMERA.project(place.apply(corners))
    flat = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]) * sheet.shape[0]
    plane = cv2.getPerspectiveTransform(flat.astype(np.float32), pixels.astype(np.float32))
    seen = cv2.warpPerspective(sheet, plane, SIZE, flags=cv2.INTER_AREA, borderValue=120)
    return np.asarray(cv2.GaussianBlur(seen, (0, 0), 0.7), np.uint8)


def reordered(tool: Tool, order: list[int]) -> Tool:
    return replace(tool, markers=tuple(replace(m, corners=m.corners[order]) for m in tool.markers))


def kind(image: Picture, tool: Tool) -> str | None:
    fault = find_print_fault(image, tool, CAMERA)
    return None if fault is None else fault.kind


def test_a_sheet_as_its_file_says_has_no_fault():
    assert kind(picture(), plate()) is None
    assert kind(np.full(SIZE[::-1], 120, np.uint8), plate()) is None


@pytest.mark.parametrize(("turn", "name"), [(2, "half turned"), (1, "quarter turned")])
def test_markers_turned_on_their_places_are_named(turn, name):
    fault = find_print_fault(picture(turn=turn), plate(), CAMERA)
    assert fault is not None
    assert (fault.kind, fault.ids) == (name, (40, 41, 42, 43))
    line = describe_print_fault(fault, plate(), "left")
    assert line.startswith("markers 40 to 43 are seen by left, each ")
    assert name in line
    # one marker alone lies as it likes
    alone = replace(plate(), markers=plate().markers[:1])
    assert kind(picture(turn=turn), alone) is None


def test_a_file_in_another_order_is_named():
    assert kind(picture(), reordered(plate(), [0, 3, 2, 1])) == "counter-clockwise"
    ids = [41, 42, 43, 40]
    rotated = [replace(m, id=k) for m, k in zip(plate().markers, ids, strict=True)]
    assert kind(picture(), replace(plate(), markers=tuple(rotated))) == "misplaced"


def test_mirrored_inverted_and_wide_borders_are_named():
    assert kind(np.ascontiguousarray(picture()[:, ::-1]), plate()) == "mirrored"
    assert kind(np.ascontiguousarray(picture()[::-1]), plate()) == "mirrored"
    assert kind(np.asarray(255 - picture(), np.uint8), plate()) == "inverted"
    assert kind(picture(border=2), plate()) == "wide border"


@pytest.mark.parametrize(
    ("printed", "named"), [("DICT_6X6_250", "DICT_6X6_50"), ("DICT_4X4_50", "DICT_4X4_50")]
)
def test_another_dictionary_is_named(printed, named):
    fault = find_print_fault(picture(printed), plate(), CAMERA)
    assert fault is not None
    assert (fault.kind, fault.dictionary) == ("other dictionary", named)
    assert named in describe_print_fault(fault, plate(), "left")
