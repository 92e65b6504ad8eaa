"""Pictures that are drawn faster are the same pictures."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera
from phantoms.twin import backdrop, raster, shadow
from phantoms.twin.inverse_distortion import DividedRays, corner_rays, divided
from phantoms.twin.noise import QUANTILES, TAIL, normals_of, random_parts
from phantoms.twin.raster import draw_rectangle
from phantoms.twin.shadow import Shadows
from phantoms.twin.simulated_bodies import marker_rectangle, plate, shaft_rectangle
from phantoms.twin.simulated_room import SceneItem
from tests.synthetic import DICTIONARY, camera, square_marker

SIZE = (48, 44)
GREY = 223.0  # grey levels of full light
LENS = np.array([-0.11, 0.085, 0.0004, -0.0003, -0.01])
NO_DEPTH = np.zeros((0, 0), np.float32)


def seen() -> Camera:
    plain = camera("left", SIZE, 200.0)
    return Camera("left", SIZE, plain.matrix, LENS, plain.camera_from_rig)


def clipped(rays, plane_from_ray, rectangle) -> np.ndarray:
    """Light of a rectangle over 0.45: every pixel clipped by every cell, with no short cut."""
    height, width = rays.shape[0] - 1, rays.shape[1] - 1
    image = np.full((height, width), 0.45)
    columns, rows = len(rectangle.x_edges) - 1, len(rectangle.y_edges) - 1
    work = np.empty((4, 16, 5))
    homogeneous = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], axis=-1)
    plane = homogeneous @ plane_from_ray.T
    for row in range(height):
        for column in range(width):
            corners = np.array(
                [
                    plane[row, column],
                    plane[row, column + 1],
                    plane[row + 1, column + 1],
                    plane[row + 1, column],
                ]
            )
            if (corners[:, 2] <= 0).any():
                continue
            value, cover = raster._clipped(
                rectangle.x_edges, rectangle.y_edges, rectangle.albedo, corners,
                (0, columns - 1, 0, rows - 1), work,
            )  # fmt: skip
            image[row, column] = image[row, column] * (1.0 - cover) + value
    return image


@pytest.mark.parametrize("number", range(12))
def test_closed_forms_give_what_clipping_gives(number):
    rng = np.random.default_rng(number)
    rectangle = (
        marker_rectangle(square_marker(number, 14.0 * rng.uniform(0.3, 2.0)), DICTIONARY, None),
        plate([0, 0, 0], [rng.uniform(1, 20), 0, 0], [0, rng.uniform(1, 20), 0], 0.88),
        shaft_rectangle(
            np.array([-30.0, 0, 0]), np.array([30.0, 0, 0]), rng.uniform(0.2, 4),
            np.array([0.0, 0, -300]),
        ),
    )[number % 3]  # fmt: skip
    place = RigidTransform.from_components(
        [rng.uniform(-12, 12), rng.uniform(-12, 12), rng.uniform(80, 250)],
        Rotation.from_rotvec(rng.normal(size=3) * 0.5),
    )
    plane_from_ray = np.linalg.inv((place.as_matrix() @ rectangle.matrix)[:3, [0, 1, 3]])
    rays = corner_rays(seen())
    image = np.full(SIZE[::-1], 0.45)
    window = (0, SIZE[1], 0, SIZE[0])
    draw_rectangle(
        image, rays, NO_DEPTH, window, (0, 0), plane_from_ray[None, None],
        rectangle.x_edges, rectangle.y_edges, rectangle.albedo,
    )  # fmt: skip
    plain = clipped(rays, plane_from_ray, rectangle)
    assert np.abs(plain - 0.45).max() > 0.1
    # a pixel's two halves differ only by the lens's curvature within it
    assert np.abs(image - plain).max() * GREY < 0.01


@pytest.mark.parametrize("window", [(0, 88, 0, 96), (3, 20, 5, 31), (70, 88, 90, 96)])
def test_rays_of_parts_are_the_lens_s(window):
    whole = seen()
    exact = corner_rays(divided(whole, 2))
    row0, row1, column0, column1 = window
    found = DividedRays(corner_rays(whole), 2).within(window)
    off = np.abs(found - exact[row0 : row1 + 1, column0 : column1 + 1]).max()
    assert off * whole.matrix[0, 0] < 1e-5  # px


def test_shadows_searched_coarsely_first_are_the_same():
    whole = seen()
    depth = np.full(SIZE[::-1], 600.0, np.float32)
    share = np.full((*SIZE[::-1], 2), 0.4, np.float32)
    lamps = np.array([[-500.0, 300, -200, 150], [600.0, -100, -150, 260]])
    shadows = Shadows(corner_rays(whole), depth, shadow.Lit(share, lamps))
    capsules = np.array([[-20.0, 0, 520, 10, 5, 560, 4.0], [10.0, 5, 560, 30, 8, 590, 0.75]])
    window = (0, SIZE[1], 0, SIZE[0])
    fast = shadows._dimmed(capsules, window, shadow.FINE, shadows._near(capsules))
    whole_search = shadows._dimmed(capsules, window, shadow.FINE, shadow.EVERYWHERE)
    assert whole_search.max() > 0.1
    assert (whole_search == 0.0).any()
    assert np.abs(fast - whole_search).max() < shadow.FAINT / 4


def test_strips_make_the_same_still_scene(monkeypatch):
    table = SceneItem(
        "table",
        np.array([[-300.0, -300, 500], [300, -300, 500], [300, 300, 560], [-300, 300, 560]]),
        np.array([[0, 2, 1], [0, 3, 2]], np.int32),
        0.5,
    )
    box = replace(
        table,
        vertices=np.array([[-20.0, -20, 450], [30, -10, 460], [0, 30, 440]]),
        triangles=np.array([[0, 2, 1]], np.int32),
    )
    made = []
    for strip in (7, 1000):
        monkeypatch.setattr(backdrop, "STRIP", strip)
        made.append(backdrop.render_backdrop(seen(), RigidTransform.identity(), [table, box]))
    assert np.ptp(made[0].light) > 0.05
    assert np.array_equal(made[0].light, made[1].light)
    assert np.array_equal(made[0].depth, made[1].depth)
    assert np.array_equal(made[0].lit.share, made[1].lit.share)


def test_noise_is_normal_and_white():
    count = 2_000_000
    rng = np.random.Generator(np.random.SFC64(5))
    parts = random_parts(rng, count)
    values = np.empty(count, np.float32)
    for start in range(0, count, 2000):
        here = slice(start, start + 2000)
        normals_of(parts[here], QUANTILES, TAIL, values[here])
    values = values.astype(float)
    # each within four of its own standard errors
    assert abs(values.mean()) < 4 / np.sqrt(count)
    assert abs(values.var() - 1.0) < 4 * np.sqrt(2 / count)
    assert abs((values**4).mean() - 3.0) < 4 * np.sqrt(96 / count)
    for lag in (1, 2, 3, 4, 1920):
        assert abs((values[lag:] * values[:-lag]).mean()) < 4 / np.sqrt(count), lag
    expected = count * 6.334e-5  # beyond 4 standard deviations
    assert abs((np.abs(values) > 4.0).sum() - expected) < 4 * np.sqrt(expected)
    assert (np.abs(values) > 4.4).any()
