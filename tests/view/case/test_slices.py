"""Planes, slices and grey values: the right place, the right way round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.model.case import Plan
from nav.view.case.greys import PRESETS, GreyWindow, preset_name
from nav.view.case.loading import load_viewed_case
from nav.view.case.planes import AXIAL, CORONAL, PLANES, SAGITTAL, Framing, Picture, framing_of
from nav.view.case.slice_painting import crossing
from nav.view.case.slices import OUTSIDE, SliceCache, extract, value_at
from tests.view.case.cases import hounsfield, write_case

coordinates = st.floats(-50.0, 50.0)


@pytest.fixture(scope="module", params=[0.0, 20.0], ids=["straight", "turned"])
def viewed(request, tmp_path_factory):
    return load_viewed_case(write_case(tmp_path_factory.mktemp("case") / "a", turn=request.param))


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_a_slice_has_the_scans_value_at_every_place(viewed, plane):
    position = 3.3
    found = extract(viewed.volume, plane, position)
    rows, columns = found.values.shape
    points = np.zeros((rows, columns, 3))
    points[..., plane.normal] = position
    across = np.linspace(found.low[0], found.high[0], 2 * columns + 1)[1::2]
    down = np.linspace(found.low[1], found.high[1], 2 * rows + 1)[1::2]
    points[..., plane.across], points[..., plane.down] = across[None, :], down[:, None]
    # half a voxel at the border keeps the border's value
    inner = np.abs(viewed.volume.to_voxel(points.reshape(-1, 3)) - [40, 40, 20]).reshape(
        rows, columns, 3
    )
    inner = (inner <= [39.9, 39.9, 19.9]).all(axis=-1)
    assert inner.mean() > 0.4
    assert np.abs(found.values - hounsfield(points))[inner].max() <= 1.01
    outside = np.abs(viewed.volume.to_voxel(points.reshape(-1, 3)) - [40, 40, 20]) > [41, 41, 21]
    assert (found.values.reshape(-1)[outside.any(axis=1)] == OUTSIDE).all()


def test_slices_are_radiological():
    """The patient's right is on the left of axial and coronal pictures; anterior on the left."""
    origin = np.zeros(3)
    for plane, side, up in (
        (AXIAL, [-10.0, 0.0, 0.0], [0.0, -10.0, 0.0]),
        (CORONAL, [-10.0, 0.0, 0.0], [0.0, 0.0, 10.0]),
        (SAGITTAL, [0.0, -10.0, 0.0], [0.0, 0.0, 10.0]),
    ):
        picture = Picture(plane, Framing((0.0, 0.0), 50.0), 400, 300)
        middle = picture.pixels(origin)
        assert picture.pixels(np.array(side))[0] < middle[0]
        assert picture.pixels(np.array(up))[1] < middle[1]
    assert AXIAL.letters[:2] == CORONAL.letters[:2] == ("R", "L")
    assert SAGITTAL.letters == ("A", "P", "S", "I")


@given(st.sampled_from(PLANES), coordinates, coordinates, coordinates, st.floats(5.0, 300.0))
def test_pixels_lead_back_to_their_point(plane, x, y, z, half):
    picture = Picture(plane, Framing((3.0, -7.0), half), 640, 480)
    point = np.array([x, y, z])
    assert picture.point(*picture.pixels(point), point) == pytest.approx(point, abs=1e-9)


@given(st.floats(0.3, 4.0), coordinates, coordinates)
def test_zoom_keeps_the_place_under_the_mouse(factor, a, b):
    before = Picture(AXIAL, Framing((2.0, 5.0), 60.0), 500, 400)
    after = Picture(AXIAL, before.framing.zoomed(factor, (a, b)), 500, 400)
    assert after.pixels_in_plane((a, b)) == pytest.approx(before.pixels_in_plane((a, b)))
    assert after.scale == pytest.approx(before.scale * factor)


@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_the_first_framing_shows_the_whole_box(plane, aspect):
    low, high = np.array([-40.0, -20.0, -60.0]), np.array([30.0, 50.0, 70.0])
    picture = Picture(plane, framing_of(plane, low, high, aspect), 400 * aspect, 400)
    pixels = picture.pixels(np.array([low, high]))
    assert (pixels >= -1e-6).all()
    assert (pixels <= np.array([400 * aspect, 400]) + 1e-6).all()
    reach = np.abs(pixels[1] - pixels[0]) / [400 * aspect, 400]
    assert reach.max() == pytest.approx(1.0)  # and no smaller than it need be


def test_where_a_plan_crosses_a_slice():
    plan = Plan("", np.array([40.0, 0.0, -5.0]), np.array([0.0, 20.0, 15.0]))
    assert crossing(plan, 2, 0.0) == pytest.approx([30.0, 5.0, 0.0])
    assert crossing(plan, 0, 10.0) == pytest.approx([10.0, 15.0, 10.0])
    assert crossing(plan, 2, 15.5) is None
    assert crossing(Plan("", np.zeros(3), np.array([0.0, 9.0, 0.0])), 2, 0.0) is None


def test_value_at_a_place(viewed):
    point = np.array([5.0, -4.0, 8.0])
    assert value_at(viewed.volume, point) == pytest.approx(hounsfield(point), abs=10.0)
    assert value_at(viewed.volume, np.array([0.0, 0.0, 200.0])) is None


def test_slices_are_kept(viewed):
    cache = SliceCache(viewed.volume)
    assert cache.slice(AXIAL, 1.0) is cache.slice(AXIAL, 1.0)
    assert cache.slice(AXIAL, 1.0) is not cache.slice(CORONAL, 1.0)
    for k in range(100):
        cache.slice(AXIAL, k / 10)
    assert len(cache._kept) <= 48


def test_greys_go_from_black_to_white():
    window = GreyWindow(100.0, 400.0)
    values = np.array([-32768, -2000, -100, 0, 100, 299, 300, 3000], np.int16)
    greys = window.greys(values)
    assert greys[:3].tolist() == [0, 0, 0]
    assert greys[6:].tolist() == [255, 255]
    assert greys[4] in (127, 128)
    assert (np.diff(greys.astype(int)) >= 0).all()


def test_dragging_changes_one_thing_each_way():
    window = PRESETS["bone"]
    wider, lower = window.dragged(30.0, 0.0), window.dragged(0.0, 30.0)
    assert wider.width > window.width
    assert wider.level == window.level
    assert lower.level < window.level
    assert lower.width == window.width
    assert preset_name(window) == "bone"
    assert preset_name(wider) == ""
    narrow = window
    for _ in range(50):
        narrow = narrow.dragged(-500.0, 500.0)
    assert narrow.width >= 10.0
    assert narrow.level >= -1024.0
