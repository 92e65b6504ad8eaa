"""The benchmark's renderer: lens, edges, blur, shutter, markers and noise as they should be."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation
from scipy.special import ndtr, ndtri

from nav.camera.rig import Camera
from nav.tracking.marker_dictionaries import marker_pattern
from tests.bench.scenes.lens import LENSES, pixels_of, rays_of
from tests.bench.scenes.motion import Still, Sweep
from tests.bench.scenes.render import Sensor, View, responded
from tests.bench.scenes.shapes import Body, label, panel
from tests.bench.scenes.tools import pattern

SIZE = (160, 120)
MATRIX = np.array([[400.0, 0.0, 81.3], [0.0, 401.0, 57.2], [0.0, 0.0, 1.0]])
DEPTH = 500.0  # mm
PER_MM = 400.0 / DEPTH
PLAIN = Sensor(blur=0.0, noise=0.0, exposure=0.0, gradient=(0.0, 0.0))


def view(kind: str = "five", **changes: object) -> View:
    """A small camera in the rig's origin, nothing behind, light from the camera."""
    height_width = np.zeros((SIZE[1], SIZE[0]), np.float32)
    settings: dict[str, object] = {
        "name": "one",
        "size": SIZE,
        "matrix": MATRIX,
        "distortion": np.array(LENSES[kind]),
        "camera_from_rig": np.eye(3, 4),
        "background": height_width,
        "sun": np.array([0.0, 0.0, -1.0]),
    }
    return View(**(settings | changes))  # type: ignore[arg-type]


def half_plane(angle: float) -> tuple[Body, np.ndarray, np.ndarray]:
    """A white sheet with one edge near the middle; two far points of the edge, rig frame."""
    along = np.array([-np.sin(angle), np.cos(angle), 0.0])
    across = np.array([np.cos(angle), np.sin(angle), 0.0])
    tilt = Rotation.from_rotvec([0.25, -0.15, 0.0])
    along, across = tilt.apply(along), tilt.apply(across)
    start = np.array([1.7, -0.9, DEPTH])
    sheet = panel(start + 200 * across, 200 * across, 400 * along, 1.0)
    return Body((sheet,)), start, along


def edge_in_rows(light: np.ndarray) -> np.ndarray:
    """Where each row turns from dark (left) to the light of its last pixel, px."""
    full = light[:, -1:]
    return light.shape[1] - 0.5 - (light / full).sum(axis=1)


def edge_as_projected(start: np.ndarray, along: np.ndarray, camera: Camera) -> np.ndarray:
    """Column at which the edge crosses each row's middle, from OpenCV's projection."""
    pixels = camera.project(start + np.linspace(-150, 150, 6001)[:, None] * along)
    order = np.argsort(pixels[:, 1])
    rows = np.arange(SIZE[1])
    return np.interp(rows, pixels[order, 1], pixels[order, 0])


def opencv_camera(kind: str) -> Camera:
    return Camera("one", SIZE, MATRIX, np.array(LENSES[kind]), RigidTransform.identity())


@pytest.mark.parametrize("kind", LENSES)
def test_lens_is_opencvs_and_its_inverse_is_exact(kind):
    rays = np.random.default_rng(1).uniform(-0.4, 0.4, (200, 2))
    points = np.concatenate([rays, np.ones((200, 1))], axis=1)
    pixels = pixels_of(points, MATRIX, np.array(LENSES[kind]))
    assert np.allclose(pixels, opencv_camera(kind).project(points), atol=1e-9)
    assert np.allclose(rays_of(pixels, MATRIX, np.array(LENSES[kind])), rays, atol=1e-11)


@pytest.mark.parametrize("kind", LENSES)
def test_rays_within_a_pixel_are_right_between_its_corners(kind):
    camera = view(kind)
    inside = rays_of([[3.2, 2.1], [158.7, 60.4]], MATRIX, camera.distortion)
    for (u, v), exact in zip([(3.2, 2.1), (158.7, 60.4)], inside, strict=True):
        i, j = int(np.floor(u + 0.5)), int(np.floor(v + 0.5))
        a, b = u + 0.5 - i, v + 0.5 - j
        c = camera.corners[j : j + 2, i : i + 2]
        between = (1 - b) * ((1 - a) * c[0, 0] + a * c[0, 1])
        between += b * ((1 - a) * c[1, 0] + a * c[1, 1])
        assert np.abs(between - exact).max() * 400 < 2e-4


@pytest.mark.parametrize(
    ("kind", "angle"),
    [("five", 0.0), ("rational", 0.12), ("barrel", -0.5), ("prism", 0.7), ("barrel", 0.3)],
)
def test_a_straight_edge_is_drawn_where_it_projects(kind, angle):
    body, start, along = half_plane(angle)
    light = view(kind).light([(body, Still(RigidTransform.identity()))], 0.0, PLAIN)
    off = edge_in_rows(light) - edge_as_projected(start, along, opencv_camera(kind))
    assert abs(off.mean()) < 0.001
    assert off.std() < 0.006
    assert np.abs(off).max() < 0.025
    # a blurred picture is half light at the edge: integer coordinates are pixel centres
    sensor = replace(PLAIN, blur=1.0)
    soft = view(kind).light([(body, Still(RigidTransform.identity()))], 0.0, sensor)
    grey = view(kind).expose(soft * 0.8, sensor, np.random.default_rng(0))
    share = grey / (255 * 0.8 * light[0, -1])
    expected = edge_as_projected(start, along, opencv_camera(kind))
    offs = []
    for row in range(10, SIZE[1] - 10):
        column = int(np.searchsorted(share[row], 0.5))
        low, high = ndtri(share[row, column - 1 : column + 1])  # a straight line across it
        offs.append(column - 1 - low / (high - low) - expected[row])
    assert abs(np.mean(offs)) < 0.002
    assert np.abs(offs).max() < 0.025


def spread_and_middle(light: np.ndarray) -> tuple[float, float]:
    """Variance and mean, px, of the step from dark to light, over all rows."""
    steps = np.diff(light / light[:, -1:], axis=1)
    at = np.arange(steps.shape[1]) + 0.5
    means = steps @ at
    return float((steps @ at**2 - means**2).mean()), float(means.mean())


def facing_edge() -> Body:
    return Body((panel([200.0, 0.0, DEPTH], [200.0, 0, 0], [0, 400.0, 0], 1.0),))


def test_motion_blur_is_as_long_as_the_way_in_the_exposure():
    no_lens = view(distortion=np.zeros(5))
    way = 7.0  # px
    speed = way / PER_MM / 0.008
    sweep = Sweep(
        RigidTransform.identity(), 3.0, np.array([speed, 0.0, 0.0]), np.zeros(3), np.zeros(3)
    )
    blurred, middle = spread_and_middle(
        no_lens.light([(facing_edge(), sweep)], 3.0, replace(PLAIN, exposure=0.008))
    )
    # differences of pixels add the spread of two pixels' areas
    assert blurred == pytest.approx(way**2 / 12 + 1 / 6, rel=0.01)
    assert middle == pytest.approx(MATRIX[0, 2], abs=0.01)


def test_defocus_has_the_given_spread():
    no_lens = view(distortion=np.zeros(5))
    sensor = replace(PLAIN, blur=1.3)
    light = no_lens.light([(facing_edge(), Still(RigidTransform.identity()))], 0.0, sensor)
    grey = no_lens.expose(light, sensor, np.random.default_rng(0))
    spread, _ = spread_and_middle(grey.astype(float))
    assert spread == pytest.approx(1.3**2 + 1 / 6, rel=0.02)


@pytest.mark.parametrize("angle", [0.0, 0.02, 0.09])
def test_the_lens_blurs_before_the_pixels_average(angle):
    """Along rows and columns too an edge has the profile that light has, whatever its phase."""
    blur = 0.8
    body, start, along = half_plane(angle)
    camera = view(distortion=np.zeros(5))
    light = camera.light([(body, Still(RigidTransform.identity()))], 0.0, replace(PLAIN, blur=blur))
    ends = np.stack([start - 100 * along, start + 100 * along])
    first, second = camera.pixels(ends)
    normal = np.array([second[1] - first[1], first[0] - second[0]])
    normal /= np.linalg.norm(normal)
    rows, columns = np.mgrid[20:100, 60:100]
    tiny = (np.arange(16) + 0.5) / 16 - 0.5
    du, dv = np.meshgrid(tiny, tiny)
    within = normal[0] * du.ravel() + normal[1] * dv.ravel()
    away = (np.stack([columns, rows], axis=-1) - first) @ normal
    exact = ndtr((away[..., None] + within) / blur).mean(axis=-1)
    white = light[60, 150]
    off = 255 * (light[20:100, 60:100] / white - (exact if normal[0] > 0 else 1 - exact))
    assert np.abs(off).max() < 1.0  # grey levels; pixels averaged first: 7
    assert off.std() < 0.3


def test_every_row_of_a_rolling_shutter_has_its_own_time():
    no_lens = view(distortion=np.zeros(5))
    speed, readout = 300.0, 0.02  # mm/s, s
    sweep = Sweep(
        RigidTransform.identity(), 1.0, np.array([speed, 0.0, 0.0]), np.zeros(3), np.zeros(3)
    )
    sensor = replace(PLAIN, readout=readout)
    edge = edge_in_rows(no_lens.light([(facing_edge(), sweep)], 1.0, sensor))
    rows = np.arange(SIZE[1]) / (SIZE[1] - 1) - 0.5
    expected = MATRIX[0, 2] + speed * PER_MM * readout * rows
    assert np.abs(edge - expected).max() < 0.02


def test_the_nearer_face_is_seen_and_no_back():
    near = panel([0.0, 0.0, 400.0], [5.0, 0, 0], [0, 5.0, 0], 0.2)
    far = panel([0.0, 0.0, 500.0], [60.0, 0, 0], [0, 60.0, 0], 0.9)
    back = panel([0.0, 0.0, 300.0], [-5.0, 0, 0], [0, 5.0, 0], 0.5)
    still = Still(RigidTransform.identity())
    for order in ((near, far, back), (back, far, near)):
        light = view().light([(Body((face,)), still) for face in order], 0.0, PLAIN)
        assert light[57, 81] == pytest.approx(0.2)
        assert light[57, 100] == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("dictionary", ["DICT_APRILTAG_36h11", "DICT_5X5_100", "DICT_4X4_50"])
def test_markers_are_printed_as_opencv_draws_them(dictionary):
    for marker_id in (0, 7):
        assert (pattern(dictionary, marker_id) == marker_pattern(dictionary, marker_id)).all()
    cells = pattern(dictionary, 7)
    corners = np.array([[-20, -20, 300.0], [20, -20, 300], [20, 20, 300], [-20, 20, 300]])
    face = label(corners, cells, 4.0, 0.8, 0.05)
    light = view(distortion=np.zeros(5)).light(
        [(Body((face,)), Still(RigidTransform.identity()))], 0.0, PLAIN
    )
    at = (np.arange(len(cells)) + 0.5) / len(cells) * 40 - 20
    for j, y in enumerate(at):
        for i, x in enumerate(at):
            column, row = MATRIX[0, 2] + 400 * x / 300, MATRIX[1, 2] + 401 * y / 300
            value = light[round(row), round(column)]
            assert value == pytest.approx(0.8 if cells[j, i] else 0.05, abs=1e-6)


def test_responses_are_the_named_curves():
    light = np.array([0.0, 0.002, 0.2, 1.0], np.float32)
    gamma = responded(light, Sensor(response="gamma", gamma=2.2))
    assert gamma == pytest.approx(light ** (1 / 2.2), abs=1e-6)
    srgb = responded(light, Sensor(response="srgb"))
    assert srgb == pytest.approx([0.0, 0.02584, 0.48453, 1.0], abs=1e-4)
    with pytest.raises(ValueError, match="expected linear, srgb or gamma"):
        responded(light, Sensor(response="log"))


def test_noise_has_the_given_spread_and_eight_bits():
    flat = np.full((SIZE[1], SIZE[0]), 0.5, np.float32)
    grey = view().expose(flat, replace(PLAIN, noise=3.0), np.random.default_rng(5))
    assert grey.dtype == np.uint8
    assert grey.mean() == pytest.approx(127.5, abs=0.1)
    assert grey.std() == pytest.approx(np.sqrt(9 + 1 / 12), rel=0.02)
