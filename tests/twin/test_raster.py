"""Area sampling: how much of each pixel a patterned rectangle covers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera
from nav.core.frames import Array
from phantoms.twin.inverse_distortion import corner_rays
from phantoms.twin.raster import draw_rectangle
from phantoms.twin.simulated_bodies import Rectangle, marker_rectangle
from tests.synthetic import DICTIONARY, camera, floats, square_marker

NO_DEPTH = np.zeros((0, 0), np.float32)
FOCAL = 800.0  # a 14 mm marker at 300 mm is 37 px wide
SIZE = (60, 56)
GROUND = 0.45
SAMPLES = 32


def pinhole() -> Camera:
    lens = camera("left", SIZE, FOCAL)
    return Camera("left", SIZE, lens.matrix, np.zeros(5), lens.camera_from_rig)


def cover(
    seen: Camera,
    rectangle: Rectangle,
    place: RigidTransform,
    ground: float = GROUND,
    depth: NDArray[np.float32] = NO_DEPTH,
) -> Array:
    """The whole picture of one still rectangle, by the code under test."""
    still = _plane_from_ray(rectangle, place)[None, None]
    return draw(seen, rectangle, still, ground, depth)


def draw(
    seen: Camera,
    rectangle: Rectangle,
    planes: Array,
    ground: float = GROUND,
    depth: NDArray[np.float32] = NO_DEPTH,
) -> Array:
    width, height = seen.size
    image = np.full((height, width), ground)
    draw_rectangle(
        image, corner_rays(seen), depth, (0, height, 0, width), (0, 0), planes,
        rectangle.x_edges, rectangle.y_edges, rectangle.albedo,
    )  # fmt: skip
    return image


def _plane_from_ray(rectangle: Rectangle, place: RigidTransform) -> Array:
    camera_from_plane = place.as_matrix() @ rectangle.matrix
    return np.linalg.inv(camera_from_plane[:3, [0, 1, 3]])


def sampled(
    seen: Camera, rectangle: Rectangle, place: RigidTransform, rng: np.random.Generator
) -> Array:
    """The same along SAMPLES x SAMPLES rays a pixel, each undistorted by OpenCV.

    Each ray is at random within its own part of the pixel: no edge lies alike in all pixels.
    """
    width, height = seen.size
    part = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    u, v = np.meshgrid(
        (np.arange(width)[:, None] + part).ravel(), (np.arange(height)[:, None] + part).ravel()
    )
    pixels = np.column_stack([u.ravel(), v.ravel()])
    pixels += rng.uniform(-0.5, 0.5, pixels.shape) / SAMPLES
    rays = np.column_stack([seen.undistort(pixels), np.ones(len(pixels))])
    plane = rays @ _plane_from_ray(rectangle, place).T
    x, y = plane[:, 0] / plane[:, 2], plane[:, 1] / plane[:, 2]
    column = np.searchsorted(rectangle.x_edges, x, "right") - 1
    row = np.searchsorted(rectangle.y_edges, y, "right") - 1
    rows, columns = rectangle.albedo.shape
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    light = np.full(len(pixels), GROUND)
    light[inside] = rectangle.albedo[row[inside], column[inside]]
    return light.reshape(height, SAMPLES, width, SAMPLES).mean(axis=(1, 3))


def shift(picture: Array, truth: Array) -> Array:
    """By how many pixels (u, v) a picture is off another that it should be equal to."""
    by_v, by_u = np.gradient(truth)
    slopes = np.column_stack([by_u.ravel(), by_v.ravel()])
    found, *_ = np.linalg.lstsq(slopes, (truth - picture).ravel(), rcond=None)
    return found


def marker() -> Rectangle:
    return marker_rectangle(square_marker(), DICTIONARY, 2.0)


def placed(rotation: Rotation, u: float = 0.0, v: float = 0.0) -> RigidTransform:
    """300 mm away, u and v pixels beside the picture's middle."""
    return RigidTransform.from_components([u * 300 / FOCAL, v * 300 / FOCAL, 300.0], rotation)


def polygon_area_before(point: Array, normal: Array) -> float:
    """Area of the unit square about the origin where (x - point) . normal < 0, by clipping."""
    corners = [np.array(c) for c in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))]
    kept: list[Array] = []
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        side_a, side_b = (a - point) @ normal, (b - point) @ normal
        if side_a < 0:
            kept.append(a)
        if (side_a < 0) != (side_b < 0):
            kept.append(a + (b - a) * side_a / (side_a - side_b))
    if len(kept) < 3:
        return 0.0
    x, y = np.array(kept).T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


@settings(max_examples=20)
@given(angle=floats(0, 2 * np.pi), offset=st.tuples(floats(-3, 3), floats(-3, 3)))
def test_an_edge_covers_exactly_what_lies_behind_it(angle, offset):
    """A white half-plane seen from straight in front: each pixel by clipping its square."""
    seen = pinhole()
    edges = np.array([-200.0, 0.0])  # the rectangle ends at the plane's y axis
    wide = np.array([-200.0, 200.0])
    half = Rectangle(RigidTransform.identity(), edges, wide, np.ones((1, 1)))
    place = placed(Rotation.from_rotvec([0.0, 0.0, angle]), *offset)
    picture = cover(seen, half, place, ground=0.0)
    (point,) = seen.project([place.translation])
    normal = np.array([np.cos(angle) / seen.matrix[0, 0], np.sin(angle) / seen.matrix[1, 1]])
    expected = [
        [polygon_area_before(point - [u, v], normal) for u in range(SIZE[0])]
        for v in range(SIZE[1])
    ]
    assert picture == pytest.approx(np.array(expected), abs=1e-7)


ROTATIONS = {
    "along the pixel rows": Rotation.identity(),
    "almost along them": Rotation.from_rotvec([0.0, 0.0, np.radians(0.3)]),
    "diagonal": Rotation.from_rotvec([0.0, 0.0, np.pi / 4]),
    "any": Rotation.from_rotvec([0.3, -0.2, 0.7]),
    "oblique": Rotation.from_rotvec([0.9, -0.5, 0.4]),
}


@pytest.mark.parametrize("rotation", ROTATIONS.values(), ids=ROTATIONS.keys())
def test_a_marker_lies_where_it_is_to_a_five_hundredth_of_a_pixel(rotation):
    seen, rng = camera("left", SIZE, FOCAL), np.random.default_rng(3)
    place = placed(rotation, *rng.uniform(-2, 2, 2))
    picture, truth = cover(seen, marker(), place), sampled(seen, marker(), place, rng)
    assert np.abs(shift(picture, truth)).max() < 0.002
    # a pixel on an edge is right to what so many rays scatter
    assert np.abs(picture - truth).max() < 5 * 0.5 * np.sqrt(SAMPLES) / SAMPLES**2


def test_the_test_sees_a_shift_of_a_hundredth_of_a_pixel():
    seen = camera("left", SIZE, FOCAL)
    truth = cover(seen, marker(), placed(ROTATIONS["any"]))
    moved = cover(seen, marker(), placed(ROTATIONS["any"], 0.01, -0.02))
    # sharp edges make it look larger, never smaller
    assert shift(moved, truth) == pytest.approx([0.0125, -0.025], rel=0.25)


def test_a_thing_thinner_than_a_pixel_dims_it_by_its_share():
    """A strip a tenth of a pixel wide between two pixel corners is not overlooked."""
    seen = pinhole()
    thin = 0.1 * 300 / seen.matrix[0, 0]
    edges, wide = np.array([-thin / 2, thin / 2]), np.array([-50.0, 50.0])
    strip = Rectangle(RigidTransform.identity(), edges, wide, np.ones((1, 1)))
    picture = cover(seen, strip, placed(Rotation.identity()), ground=0.0)
    assert picture.sum(axis=1) == pytest.approx(np.full(SIZE[1], 0.1), abs=1e-6)


def test_what_stands_nearer_hides_it():
    seen = camera("left", SIZE, FOCAL)
    width, height = SIZE
    place = placed(ROTATIONS["any"])
    free = cover(seen, marker(), place)
    depth = np.full((height, width), 1000.0, np.float32)
    depth[:, : width // 2] = 200.0
    hidden = cover(seen, marker(), place, depth=depth)
    assert np.all(hidden[:, : width // 2] == GROUND)
    assert np.array_equal(hidden[:, width // 2 :], free[:, width // 2 :])
    assert not np.all(free[:, : width // 2] == GROUND)


def test_instants_of_an_exposure_are_averaged():
    """Two instants as one exposure are the mean of two pictures, where the ground is even."""
    seen, rectangle = camera("left", SIZE, FOCAL), marker()
    first, second = placed(ROTATIONS["any"]), placed(ROTATIONS["any"], 1.7, -0.6)
    both = np.stack([_plane_from_ray(rectangle, place) for place in (first, second)])[:, None]
    together = draw(seen, rectangle, both)
    apart = (cover(seen, rectangle, first) + cover(seen, rectangle, second)) / 2
    assert together == pytest.approx(apart, abs=1e-12)


def test_each_row_may_have_its_own_place():
    seen, rectangle = camera("left", SIZE, FOCAL), marker()
    first, second = placed(ROTATIONS["any"]), placed(ROTATIONS["any"], 1.7, -0.6)
    half = SIZE[1] // 2
    rows = [_plane_from_ray(rectangle, first)] * half
    rows += [_plane_from_ray(rectangle, second)] * (SIZE[1] - half)
    rolling = draw(seen, rectangle, np.stack(rows)[None])
    upper, lower = cover(seen, rectangle, first), cover(seen, rectangle, second)
    assert np.array_equal(rolling[:half], upper[:half])
    assert np.array_equal(rolling[half:], lower[half:])
