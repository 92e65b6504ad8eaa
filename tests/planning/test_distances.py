"""Distances of shafts: the grid near enough to choose by, the exact ones exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nav.model.distance_grid import REACH, Box, distance_grid
from nav.planning.field import cubic, linear, walk_straight
from nav.planning.shaft_distances import line_distances
from tests.planning.necks import brute_force_distance, neck
from tests.solids import box, cube

BOX = Box.around(np.array([[-18.0, -16.0, -15.0], [17.0, 18.0, 19.0]]), 1.0, 1.0)


def cube_distance(points):
    outside = np.abs(points) - 10.0
    return np.linalg.norm(np.maximum(outside, 0.0), axis=-1) + np.minimum(outside.max(axis=-1), 0.0)


def test_a_grid_holds_the_signed_distances_of_its_nodes():
    grid = distance_grid(cube(), BOX)
    at = BOX.nodes(np.argwhere(np.ones(BOX.shape, bool))).reshape(*BOX.shape, 3)
    expected = np.clip(cube_distance(at), -REACH, REACH)
    assert grid == pytest.approx(expected, abs=1e-4)


def test_a_vessel_is_met_to_a_hundredth_between_nodes():
    artery = next(s for s in neck().structures if s.role == "artery").surface
    area = Box.around(artery.vertices, 4.0, 1.0)
    grid = distance_grid(artery, area)
    rng = np.random.default_rng(0)
    points = artery.vertices[rng.integers(0, len(artery.vertices), 400)]
    points = points + rng.normal(scale=1.0, size=points.shape)
    exact = artery.distances(points)[0]
    at = (points - area.origin) / area.spacing
    found = np.array([cubic(grid, *p) for p in at])
    near = np.abs(exact) < 1.5
    assert np.abs(found - exact)[near].mean() < 0.015
    straight = np.array([linear(grid, *p) for p in at])
    assert np.abs(found - exact)[near].mean() < 0.5 * np.abs(straight - exact)[near].mean()


def test_the_exact_distance_is_that_of_brute_force():
    case = neck()
    rng = np.random.default_rng(3)
    for s in case.structures:
        if s.role not in ("artery", "cord", "bone"):
            continue
        corners = np.ascontiguousarray(s.surface.vertices[s.surface.triangles])
        centres = corners.mean(axis=1)
        radii = np.linalg.norm(corners - centres[:, None], axis=2).max(axis=1)
        start = np.array([60.0, 5.0, 0.0]) + rng.normal(scale=8.0, size=3)
        end = np.array([0.0, 2.0, 0.0]) + rng.normal(scale=3.0, size=3)
        found, share = line_distances(corners, centres, radii, start[None], end[None])
        brute = brute_force_distance(s.surface, start, end)
        if brute <= 0.0:
            assert found[0] == 0.0
            continue
        assert found[0] == pytest.approx(brute, abs=0.01)
        at = start + share[0] * (end - start)
        assert s.surface.distance(at)[0] == pytest.approx(found[0], abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-25.0, 25.0), min_size=3, max_size=3),
    st.lists(st.floats(-25.0, 25.0), min_size=3, max_size=3),
)
def test_a_line_past_a_cube(start, end):
    start, end = np.array(start), np.array(end)
    if np.linalg.norm(end - start) < 0.1:
        return
    surface = cube()
    corners = np.ascontiguousarray(surface.vertices[surface.triangles])
    centres = corners.mean(axis=1)
    radii = np.linalg.norm(corners - centres[:, None], axis=2).max(axis=1)
    found, _ = line_distances(corners, centres, radii, start[None], end[None])
    along = start + np.linspace(0.0, 1.0, 4001)[:, None] * (end - start)
    expected = cube_distance(along)
    if expected.min() <= 0.0 < expected.max():
        assert found[0] == pytest.approx(0.0, abs=0.02)
    else:
        assert found[0] == pytest.approx(np.abs(expected).min(), abs=0.02)


def test_a_walk_finds_the_narrowest_place():
    surface = box([0.0, -30.0, 3.0], [4.0, 30.0, 7.0])
    area = Box.around(np.array([[-40.0, -10.0, -10.0], [40.0, 10.0, 10.0]]), 2.0, 1.0)
    stack = distance_grid(surface, area)[None]
    starts, ends = np.array([[-30.0, 0.0, 0.0]]), np.array([[30.0, 0.0, 2.0]])
    least, depth = walk_straight(stack, area.origin, area.spacing, starts, ends)
    # nearest at the far lower edge of the box, (4, 3)
    way = (ends - starts)[0] / np.linalg.norm(ends - starts)
    corner = np.array([4.0, 0.0, 3.0])
    expected = np.linalg.norm(np.cross(corner - starts[0], way))
    assert least[0, 0] == pytest.approx(expected, abs=0.05)
    assert depth[0, 0] == pytest.approx((corner - starts[0]) @ way, abs=0.5)
