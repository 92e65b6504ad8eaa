"""Surfaces of label maps: closed, unbiased, and as far from the truth as their sigma says."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nav.model.closed import check_closed
from nav.model.meshdata import merge_equal
from nav.reconstruction.grey_surface import signed_volume
from nav.reconstruction.label_surfaces import surface_from_label
from nav.reconstruction.labelmap import cut_mask

GRIDS = ((1.0, 1.0, 1.0), (0.5, 0.5, 0.6), (1.0, 1.0, 2.0), (0.7, 0.7, 3.0))
RADII = {"ball": (3.0, 5.0, 10.0), "rod": (2.0, 3.0, 5.0)}  # of the mean voxel


def distance_to(kind, radius, axis):
    """Signed distance (mm) to a solid round the origin."""

    def ball(points):
        return np.linalg.norm(points, axis=-1) - radius

    def rod(points):
        along = np.clip(points @ axis, -4.0 * radius, 4.0 * radius)
        return np.linalg.norm(points - along[..., None] * axis, axis=-1) - radius

    return ball if kind == "ball" else rod


def labelled(kind, radius, spacing, rng):
    """A mask of a solid at a random place and direction, and the distance to its surface."""
    step = np.array(spacing)
    reach = radius * (5.0 if kind == "rod" else 1.0) + 3.0 * step.max()
    size = np.ceil(2.0 * reach / step).astype(int)
    matrix = np.diag([*step, 1.0])
    matrix[:3, 3] = -(size - 1) / 2.0 * step + rng.uniform(-0.5, 0.5, 3) * step
    z, y, x = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    points = np.stack([x, y, z], axis=-1) * step + matrix[:3, 3]
    distance = distance_to(kind, radius, Rotation.random(random_state=rng).as_matrix()[0])
    return cut_mask(kind, distance(points) <= 0.0, matrix), distance


@pytest.mark.parametrize("spacing", GRIDS)
def test_sigma_is_the_error_that_is_measured(spacing):
    rng = np.random.default_rng(5)
    ratios, errors = [], []
    for kind, radii in RADII.items():
        for radius in radii:
            for _ in range(3):
                mask, distance = labelled(kind, radius * float(np.mean(spacing)), spacing, rng)
                found = surface_from_label(mask)
                away = distance(found.vertices)
                # every solid counts alike, whatever its number of vertices
                ratios.append(np.sqrt(np.mean((away / found.sigma) ** 2)))
                errors.append(np.mean(away / found.sigma))
    assert 0.75 < np.sqrt(np.mean(np.square(ratios))) < 1.2
    assert abs(np.mean(errors)) < 0.1  # neither shrunk nor grown


def test_terraces_of_surfaces_along_the_grid_are_in_sigma():
    rng = np.random.default_rng(7)
    ratios = []
    for _ in range(6):
        radius, step = rng.uniform(25.0, 35.0), np.eye(4)
        step[:3, 3] = -40.0 + rng.uniform(-0.5, 0.5, 3)
        y, x = np.meshgrid(np.arange(81) + step[1, 3], np.arange(81) + step[0, 3], indexing="ij")
        values = np.broadcast_to(np.hypot(x, y) <= radius, (40, 81, 81))
        found = surface_from_label(cut_mask("tube", values, step))
        z = found.vertices[:, 2] - found.vertices[:, 2].min()
        wall = (z > 6.0) & (z < 30.0)  # away from the ends
        away = np.linalg.norm(found.vertices[wall, :2], axis=1) - radius
        ratios.append(np.mean(np.abs(away) < 1.96 * found.sigma[wall]))
    assert 0.93 < np.mean(ratios) < 0.995


@pytest.mark.parametrize("mirrored", [False, True])
def test_surface_is_closed_and_faces_outwards(mirrored):
    rng = np.random.default_rng(2)
    mask, _ = labelled("ball", 8.0, (1.0, 1.2, 1.5), rng)
    matrix = mask.model_from_voxel @ np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0, 1.0])
    found = surface_from_label(cut_mask("ball", mask.values, matrix))
    vertices, triangles = merge_equal(found.vertices, found.triangles)
    check_closed(vertices, triangles)
    assert signed_volume(found.vertices, found.triangles) == pytest.approx(
        4.0 / 3.0 * np.pi * 8.0**3, rel=0.02
    )


def test_strays_are_dropped_and_pieces_kept():
    values = np.zeros((30, 30, 30), bool)
    values[5:12, 5:12, 5:12] = True
    values[18:25, 18:25, 18:25] = True
    values[2, 2, 20] = True
    found = surface_from_label(cut_mask("x", values, np.eye(4)))
    assert found.dropped == 1
    assert signed_volume(found.vertices, found.triangles) == pytest.approx(2 * 343, rel=0.06)
    assert surface_from_label(cut_mask("x", values[:4, :4], np.eye(4))) is None


def test_a_cut_at_the_border_is_known():
    values = np.zeros((10, 10, 10), bool)
    values[0:5, 3:7, 3:7] = True
    assert cut_mask("x", values, np.eye(4)).touches_border
    inner = np.zeros((10, 10, 10), bool)
    inner[2:5, 3:7, 3:7] = True
    assert not cut_mask("x", inner, np.eye(4)).touches_border
