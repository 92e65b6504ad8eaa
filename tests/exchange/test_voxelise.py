"""Voxels of surfaces: as the winding number says of each centre, whatever the grid's direction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nav.core.errors import InputError
from nav.exchange.voxelise import VoxelGrid, extended, grid_over, voxelise
from nav.model.surface import Surface
from tests.exchange.small import ball, surface, true_volume
from tests.solids import box, cube, surface_of


def centres(grid: VoxelGrid) -> np.ndarray:
    """All voxel centres, (nz, ny, nx, 3)."""
    z, y, x = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    index = np.stack([x, y, z], axis=-1).astype(float)
    return index @ grid.model_from_voxel[:3, :3].T + grid.model_from_voxel[:3, 3]


def whole(surface: Surface, grid: VoxelGrid) -> np.ndarray:
    block = voxelise(surface, grid)
    values = np.zeros(grid.shape, bool)
    values[block.window] = block.values
    return values


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.booleans())
def test_voxels_are_where_the_winding_number_says(seed, mirrored):
    rng = np.random.default_rng(seed)
    spacing = rng.uniform(0.8, 2.5, 3) * ([-1.0, 1.0, 1.0] if mirrored else 1.0)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(random_state=rng).as_matrix() * spacing
    size = rng.integers(8, 20, 3)
    matrix[:3, 3] = -matrix[:3, :3] @ (size / 2.0) + rng.uniform(-3.0, 3.0, 3)
    grid = VoxelGrid((int(size[0]), int(size[1]), int(size[2])), matrix)
    one = ball([1.0, -2.0, 0.5], 9.3)
    other = ball([4.0, 1.0, 2.0], 7.1)  # overlaps the first, and counts once
    both = surface_of(one.append_polydata(other).extract_surface(algorithm="dataset_surface"))
    points = centres(grid).reshape(-1, 3)
    expected = (both.winding.of_many(points) != 0).reshape(grid.shape)
    assert np.array_equal(whole(both, grid), expected)


def test_lines_of_voxels_that_meet_edges_and_corners_cross_once():
    # voxel centres lie exactly above edges, diagonals and corners of the box
    grid = grid_over(np.full(3, -15.0), np.full(3, 15.0), 1.0)
    values = whole(box([-10.0, -10.0, -10.5], [10.0, 10.0, 10.5]), grid)
    assert values.sum() in (20 * 20 * 21, 20 * 21 * 21, 21 * 21 * 21)
    inner = np.abs(centres(grid)).max(axis=-1) < 9.5
    outer = np.abs(centres(grid)).max(axis=-1) > 10.6
    assert values[inner].all()
    assert not values[outer].any()


@pytest.mark.parametrize("name", ["C1", "cord", "vertebral artery right"])
def test_volume_within_one_per_cent_at_half_a_millimetre(name):
    own = surface(name)
    grid = grid_over(own.vertices.min(axis=0), own.vertices.max(axis=0), 0.5)
    volume = whole(own, grid).sum() * np.prod(grid.spacing)
    assert volume == pytest.approx(true_volume(name), rel=0.01)


def test_what_lies_outside_of_the_grid_is_left_out():
    grid = VoxelGrid((5, 5, 5), np.eye(4))
    assert whole(cube(), grid).all()
    away = Surface(cube().vertices + 100.0, cube().triangles)
    assert not whole(away, grid).any()


def test_a_grid_is_extended_by_whole_voxels():
    matrix = np.diag([2.0, 2.0, 3.0, 1.0])
    grid, before = extended(VoxelGrid((4, 4, 4), matrix), np.array([[-3.0, 1.0, 20.0]]))
    assert before == (3, 0, 0)
    assert grid.size == (7, 4, 9)
    assert grid.model_from_voxel[:3, 3] == pytest.approx([-6.0, 0.0, 0.0])
    same, none = extended(grid, np.array([[0.0, 0.0, 0.0]]))
    assert same.size == grid.size
    assert none == (0, 0, 0)


def test_a_grid_that_nobody_can_open_is_refused():
    with pytest.raises(InputError, match=r"give --spacing 0\.2"):
        grid_over(np.zeros(3), np.full(3, 100.0), 0.1)
