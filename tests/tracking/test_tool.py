"""TOOL.toml: marker bodies, which way their markers face, and what is refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nav.core.errors import InputError
from nav.tracking.marker_dictionaries import dictionary_names, marker_pattern
from nav.tracking.plausible_tool import check_tool
from nav.tracking.tool import (
    Marker,
    Tool,
    ToolTip,
    check_tools,
    load_tool,
    write_tool,
)
from tests.synthetic import covariances, floats, rigid_transforms, square_marker, vectors

HEAD = 'format = "c1c2nav/tool/1"\nname = "needle"\n'
MARKER = "[[marker]]\nid = {id}\ncorners = [[0,0,0], [14,0,0], [14,14,0], [0,14,0]]\n"


def tool_file(folder: Path, *parts: str) -> Path:
    path = folder / "needle.toml"
    path.write_text(HEAD + "\n".join(parts))
    return path


def tool(name: str = "needle", dictionary: str = "DICT_4X4_50", *ids: int) -> Tool:
    return Tool(name, dictionary, tuple(square_marker(i) for i in ids))


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_tool(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said.removeprefix(f"{path}: ")


tips = st.none() | st.builds(
    ToolTip,
    vectors(200.0),
    st.none() | rigid_transforms().map(lambda t: t.rotation.as_matrix()[:, 2]),
    covariances(3, 0.1),
)
markers = st.lists(st.integers(0, 49), min_size=1, max_size=4, unique=True).flatmap(
    lambda ids: st.tuples(
        *(
            st.builds(
                lambda place, side, i=i: Marker(i, place.apply(square_marker(i, side).corners)),
                rigid_transforms(100.0),
                floats(3.0, 40.0),
            )
            for i in ids
        )
    )
)


def plausible(tool: Tool) -> bool:
    """Whether nothing forbids such a tool: markers that overlap or all face inwards do."""
    try:
        check_tool(tool, "needle.toml")
    except InputError:
        return False
    return True


@given(markers, tips, st.none() | floats(0.0, 5.0))
def test_a_tool_is_read_as_it_was_written(tmp_path_factory, markers, tip, quiet):
    path = tmp_path_factory.mktemp("tool") / "needle.toml"
    written = Tool("needle", "DICT_4X4_50", markers, tip, quiet)
    assume(plausible(written))
    write_tool(path, written)
    read = load_tool(path)
    assert (read.name, read.dictionary, read.quiet) == ("needle", "DICT_4X4_50", quiet)
    assert list(read.by_id) == [marker.id for marker in markers]
    for marker in markers:
        assert np.array_equal(read.by_id[marker.id].corners, marker.corners)
    if tip is None:
        assert read.tip is None
        return
    assert read.tip is not None
    assert np.array_equal(read.tip.position, tip.position)
    assert np.array_equal(read.tip.covariance, tip.covariance)
    if tip.axis is None:
        assert read.tip.axis is None
    else:
        assert read.tip.axis == pytest.approx(tip.axis, abs=1e-12)


@given(rigid_transforms(), floats(3.0, 40.0))
def test_a_marker_faces_its_viewer(place, side):
    """Corners run clockwise as seen from the front: the normal points back at the viewer."""
    seen_along_z = square_marker(side=side)
    marker = Marker(3, place.apply(seen_along_z.corners))
    assert marker.side == pytest.approx(side)
    assert marker.centre == pytest.approx(place.translation, abs=1e-9)
    assert marker.normal == pytest.approx(place.rotation.apply([0.0, 0.0, -1.0]), abs=1e-9)


def test_the_standard_tools_face_outwards(needle, reference):
    for marker in needle.markers:
        assert marker.normal @ (marker.centre * [1, 1, 0]) > 0
    assert all(marker.normal[2] > 0.8 for marker in reference.markers)


@pytest.mark.parametrize(
    "dictionary", ["DICT_4X4_50", "DICT_6X6_250", "DICT_ARUCO_ORIGINAL", "DICT_APRILTAG_36h11"]
)
def test_a_markers_pattern_is_what_opencv_reads(dictionary):
    """Drawn as seen from the front, first corner top left, OpenCV reads this id and corner."""
    detector = cv2.aruco.ArucoDetector(
        cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
    )
    for marker_id in (1, 7, 33):
        cells = marker_pattern(dictionary, marker_id)
        assert not cells[[0, -1]].any()
        assert not cells[:, [0, -1]].any()
        picture = np.kron(np.pad(cells, 2, constant_values=1) * 255, np.ones((12, 12))).astype("u1")
        corners, ids, _ = detector.detectMarkers(picture)
        assert np.ravel(ids).tolist() == [marker_id]
        edge = 12 * len(cells)
        expected = 24 - 0.5 + np.array([[0, 0], [edge, 0], [edge, edge], [0, edge]])
        assert np.reshape(corners[0], (4, 2)) == pytest.approx(expected, abs=1.0)


def test_every_marker_dictionary_is_known():
    names = dictionary_names()
    assert len(names) >= 22
    for name in names:
        assert marker_pattern(name, 0).shape[0] >= 6


def test_a_tip_without_axis_or_covariance_is_enough(tmp_path):
    path = tool_file(tmp_path, 'dictionary = "DICT_4X4_50"', MARKER.format(id=1), "[tip]",
                     "position = [0, 0, 110]", "[tip.calibration]", "rms = 0.02")  # fmt: skip
    tip = load_tool(path).tip
    assert tip is not None
    assert tip.axis is None
    assert not tip.covariance.any()


def test_a_nearly_unit_axis_becomes_one(tmp_path):
    path = tool_file(tmp_path, 'dictionary = "DICT_4X4_50"', MARKER.format(id=1), "[tip]",
                     "position = [0, 0, 110]", "axis = [0.0, 0.006, 1.0]")  # fmt: skip
    tip = load_tool(path).tip
    assert tip is not None
    assert tip.axis is not None
    assert np.linalg.norm(tip.axis) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            ["[tip]", "position = [0, 0, 110]"],
            "has no markers; expected dictionary and at least one [[marker]]",
        ),
        (
            [MARKER.format(id=1)],
            "has no markers; expected dictionary and at least one [[marker]]",
        ),
        (
            ['dictionary = "DICT_4X4_50"', MARKER.format(id=50)],
            "marker 50: DICT_4X4_50 has ids 0 to 49 only",
        ),
        (
            ['dictionary = "DICT_4X4_50"', MARKER.format(id=1).replace("14,14,0", "nan,14,0")],
            "marker 1: corners number 3 number 1: expected a finite number, got nan",
        ),
        (
            ['dictionary = "DICT_4X4_50"', "quiet = -1.0", MARKER.format(id=1)],
            "quiet: input should be greater than or equal to 0, got -1.0",
        ),
        (
            ['dictionary = "DICT_4X4_50"', MARKER.format(id=1), MARKER.format(id=1)],
            "marker: id 1 appears twice; every marker needs an id of its own",
        ),
    ],
)
def test_a_wrong_tool_file_is_refused(tmp_path, parts, said):
    assert refusal(tool_file(tmp_path, *parts)) == said


def test_a_marker_without_extent_is_refused(tmp_path):
    flat = MARKER.format(id=1).replace("14", "0")
    path = tool_file(tmp_path, 'dictionary = "DICT_4X4_50"', flat)
    assert refusal(path).startswith("marker 1: corners: expected a square")


def test_tools_that_cannot_be_told_apart_are_refused():
    with pytest.raises(InputError, match="marker id 2 is on both needle and pointer"):
        check_tools([tool("needle", "DICT_4X4_50", 1, 2), tool("pointer", "DICT_4X4_50", 2, 3)])
    with pytest.raises(InputError, match="name needle is given 2 times"):
        check_tools([tool("needle", "DICT_4X4_50", 1), tool("needle", "DICT_4X4_50", 2)])


def test_equal_ids_of_different_dictionaries_are_different_markers():
    check_tools([tool("needle", "DICT_4X4_50", 1), tool("pointer", "DICT_6X6_250", 1)])
