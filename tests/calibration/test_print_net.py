"""Nets of marker bodies, and the outlines of their markers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from calibration.printing.cells import outlines
from calibration.printing.endview import end_view
from calibration.printing.outline import CUT_WIDTH, EDGE, outline_of
from calibration.printing.standard_tools import standard_needle, standard_reference
from calibration.printing.unfolding import net_of
from nav.tracking.tool import Marker, Tool
from phantoms.twin.simulated_tools import needle_tool, reference_tool

EXACT = 1e-9  # mm
SHIFT = np.array([30.0, -8.0, 5.0])  # mm
DEPTH = np.array([0.0, 0.0, 13.0])  # mm


def moved(tool):
    """The same body, its frame turned and displaced."""
    turn = Rotation.from_rotvec([0.4, -1.1, 2.0])
    markers = (Marker(m.id, turn.apply(m.corners) + SHIFT) for m in tool.markers)
    return Tool(tool.name, tool.dictionary, tuple(markers), quiet=tool.quiet)


def box(sides):
    """Markers of 20 mm on some sides of a cube of 26 mm; quiet zones reach to 1 mm of its edges."""
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * 10.0
    turns = {
        "front": [0, 0, 0], "right": [0, 90, 0], "back": [0, 180, 0],
        "left": [0, -90, 0], "top": [-90, 0, 0],
    }  # fmt: skip
    markers = []
    for number, side in enumerate(sides):
        # x right, y down, z away: a front marker lies before the origin
        turn = Rotation.from_euler("xyz", -np.array(turns[side]), degrees=True)
        markers.append(Marker(number, turn.apply(square - DEPTH)))
    return Tool("box", "DICT_4X4_50", tuple(markers), quiet=2.0)


TOOLS = {
    "needle": standard_needle(),
    "reference": standard_reference(),
    "needle elsewhere": moved(standard_needle()),
    "reference elsewhere": moved(standard_reference()),
    "box": box(["front", "right", "back", "left", "top"]),
    "back to back": box(["front", "back"]),
}
of_each_tool = pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)


@pytest.mark.parametrize(
    ("printed", "simulated"),
    [(standard_needle(), needle_tool()), (standard_reference(), reference_tool())],
    ids=["needle", "reference"],
)
def test_printed_tools_are_those_of_the_twin(printed, simulated):
    assert printed.tip is None
    for field in ("name", "dictionary", "quiet"):
        assert getattr(printed, field) == getattr(simulated, field)
    assert [m.id for m in printed.markers] == [m.id for m in simulated.markers]
    for ours, theirs in zip(printed.markers, simulated.markers, strict=True):
        assert np.array_equal(ours.corners, theirs.corners)


@of_each_tool
def test_faces_on_the_sheet_are_congruent_and_not_mirrored(tool):
    net = net_of(tool)
    assert sorted(net.markers) == sorted(tool.by_id)
    for number, face in enumerate(net.faces):
        solid = np.concatenate([m.corners for m in face.markers])
        flat = np.concatenate([net.markers[m.id] for m in face.markers])
        assert_allclose(pdist(flat), pdist(solid), atol=EXACT)
        depth = net.sheet_from_tool[number].apply(solid)[:, 2]
        assert_allclose(depth, 0.0, atol=EXACT)
    for corners in net.markers.values():
        across, down = corners[1] - corners[0], corners[3] - corners[0]
        assert across[0] * down[1] - across[1] * down[0] > 0


@of_each_tool
def test_both_faces_have_a_fold_where_their_planes_meet(tool):
    net = net_of(tool)
    for hinge in net.folds:
        for end in (hinge.point - 20 * hinge.along, hinge.point + 20 * hinge.along):
            places = []
            for number in hinge.faces:
                face = net.faces[number]
                assert abs((end - face.point) @ face.normal) < EXACT
                places.append(net.on_sheet(number, end[None])[0])
            assert_allclose(places[0], places[1], atol=EXACT)


@of_each_tool
def test_white_zones_do_not_overlap_and_no_line_runs_into_them(tool):
    net = net_of(tool)
    zones = np.concatenate(net.zones)
    low, high = zones.min(axis=1), zones.max(axis=1)  # all upright in these nets
    apart = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > -1e-6
    outline = outline_of(net)
    for start, end in (*outline.cuts, *outline.folds):
        line = start + np.linspace(0, 1, 201)[:, None] * (end - start)
        # how deep within each zone each point is; cut lines stay out with their whole width
        deep = np.minimum(line[:, None] - low, high - line[:, None]).min(axis=2)
        assert deep.max() < 1e-6
    for start, end in outline.cuts:
        middle = (start + end) / 2
        deep = np.minimum(middle - low, high - middle).min(axis=1)
        assert deep.max() < -CUT_WIDTH / 2 + 1e-6


def test_the_needle_s_net_is_a_strip_round_the_axis():
    tool = standard_needle()
    net = net_of(tool)
    assert [h.faces for h in net.folds] == [(i, i + 1) for i in range(7)]
    assert [h.faces for h in net.seams] == [(0, 7)]
    assert_allclose([h.angle for h in net.folds], np.pi / 4)
    centres = {i: corners.mean(axis=0) for i, corners in net.markers.items()}
    for i in range(10, 17):
        assert_allclose(centres[i] - centres[i + 1], [17.0, 0.0], atol=EXACT)
        fold = net.on_sheet(i - 10, net.folds[i - 10].point[None])[0]
        assert fold[0] == pytest.approx((centres[i][0] + centres[i + 1][0]) / 2, abs=EXACT)
    for i in range(10, 18):
        assert_allclose(centres[i + 8] - centres[i], [0.0, 17.0], atol=EXACT)
    outline = outline_of(net)
    width, height = np.ptp(np.concatenate([p.polygon for p in outline.panels]), axis=0)
    assert width == pytest.approx(8 * 17.0)
    assert height == pytest.approx(2 * 17.0 + 2 * EDGE)
    assert len(outline.tabs) == 1


def test_the_reference_body_s_net_folds_at_the_ridge():
    net = net_of(standard_reference())
    (ridge,) = net.folds
    assert np.degrees(ridge.angle) == pytest.approx(50.0)
    assert_allclose(np.abs(ridge.along), [0.0, 1.0, 0.0], atol=EXACT)
    assert_allclose(ridge.point[[0, 2]], 0.0, atol=EXACT)
    left, right = net.markers[41].mean(axis=0), net.markers[44].mean(axis=0)
    assert_allclose(right - left, [2 * (21.0 - 10.0), 0.0], atol=EXACT)
    assert not net.seams
    assert not outline_of(net).tabs


def test_a_box_has_its_top_beside_one_side_and_tabs_at_the_other_three():
    net = net_of(TOOLS["box"])
    assert len(net.folds) == 4
    assert len(net.seams) == 4
    assert len(outline_of(net).tabs) == 4


def test_faces_that_share_no_fold_lie_side_by_side():
    net = net_of(TOOLS["back to back"])
    assert not net.folds
    assert net.zones[1].reshape(-1, 2)[:, 0].min() > net.zones[0].reshape(-1, 2)[:, 0].max() + 10


def test_a_hollow_is_folded_towards_the_viewer():
    tool = standard_reference()
    hollow = []
    for m in tool.markers:
        corners = m.corners * [1.0, 1.0, -1.0]  # mirrored at z = 0: a valley
        hollow.append(Marker(m.id, corners[[1, 0, 3, 2]] * [-1.0, 1.0, 1.0]))
        assert hollow[-1].normal[2] > 0
    (valley,) = net_of(Tool("valley", tool.dictionary, tuple(hollow), quiet=2.0)).folds
    assert np.degrees(valley.angle) == pytest.approx(-50.0)


@pytest.mark.parametrize(("tool", "size"), [("needle", 17 * (1 + 2**0.5)), ("reference", None)])
def test_the_end_view_is_the_body_s_section(tool, size):
    net = net_of(TOOLS[tool])
    view = end_view(net, outline_of(net))
    low, high = view.bounds
    size = size or 2 * 42.0 * np.cos(np.radians(25.0))
    assert high[0] - low[0] == pytest.approx(size)
    for (start, end), normal in zip(view.lines, view.normals, strict=True):
        assert abs((end - start) @ normal) < 1e-9
    assert end_view(net_of(TOOLS["box"]), outline_of(net_of(TOOLS["box"]))) is None


@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_outlines_enclose_the_black_cells_and_nothing_else(black):
    loops = outlines(black)
    for row in range(black.shape[0]):
        for column in range(black.shape[1]):
            inside = sum(crossings(loop, column + 0.5, row + 0.5) for loop in loops) % 2
            assert inside == black[row, column]
    edges = [
        frozenset([a, b]) for loop in loops for a, b in zip(loop, loop[1:] + loop[:1], strict=True)
    ]
    assert len(set(edges)) == len(edges)
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in map(tuple, edges))


def crossings(loop, x, y):
    """Upright edges of an outline at the right of a point."""
    pairs = zip(loop, loop[1:] + loop[:1], strict=True)
    return sum(
        a[0] == b[0] and a[0] > x and min(a[1], b[1]) < y < max(a[1], b[1]) for a, b in pairs
    )
