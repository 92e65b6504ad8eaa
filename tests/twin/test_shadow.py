"""Shadows of what moves, against the same things standing still before real rays."""

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation

from phantoms.twin.backdrop import render_backdrop
from phantoms.twin.scene_shapes import box, loft
from phantoms.twin.sensor import Optics
from phantoms.twin.shadow import FAINT, Shadows, in_frame
from phantoms.twin.simulated_bodies import Body, Placed, plate
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_room import SceneItem
from tests.synthetic import camera

SMALL = camera("left", (160, 128), 220.0)
HEIGHT = 500.0
LOOKING_DOWN = Rotation.from_matrix([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
DOWN = RigidTransform.from_components([0.0, 0.0, HEIGHT], LOOKING_DOWN)
TABLE = SceneItem("table", *box((-400, -10, -400), (400, 0, 400)), 0.5, "cloth")
OPTICS = Optics(blur=0.0, noise=0.0, exposure=0.0, gradient=(0.0, 0.0))

# start, end, radius: lying over the table, standing on it tilted, thin and coming out of it
RODS = [
    ((-40.0, 60.0, 0.0), (40.0, 70.0, 20.0), 12.0),
    ((0.0, 0.0, -30.0), (20.0, 90.0, -10.0), 8.0),
    ((10.0, -20.0, 10.0), (60.0, 50.0, 30.0), 4.0),
]


def round_rod(start, end, radius):
    """A capsule of rings between its round ends."""
    start, end = np.array(start), np.array(end)
    along = (end - start) / np.linalg.norm(end - start)
    first = np.cross(along, [0.3, 0.5, 0.81])
    first /= np.linalg.norm(first)
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)[:, None]
    circle = np.cos(angles) * first + np.sin(angles) * np.cross(along, first)
    rings = []
    for end_at, turns in ((start, np.linspace(-1.5, 0, 8)), (end, np.linspace(0, 1.5, 8))):
        rings += [end_at + radius * (np.cos(t) * circle + np.sin(t) * along) for t in turns]
    return loft(np.array(rings))


def pixel(x, y, z):
    """Row and column that a model point is seen at."""
    u, v = SMALL.project(DOWN.apply(np.array([[x, y, z]])))[0]
    return round(v), round(u)


def blocks(light):
    """Means over 4 x 4 pixels, for rays are few."""
    height, width = light.shape
    return light.reshape(height // 4, 4, width // 4, 4).mean(axis=(1, 3))


@pytest.fixture(scope="module")
def table():
    return render_backdrop(SMALL, DOWN, [TABLE])


def shadows_on(backdrop) -> Shadows:
    room = SimulatedCamera(SMALL, OPTICS, np.random.default_rng(0), (), backdrop)
    assert room.shadows is not None
    return room.shadows


def capsule(rod) -> np.ndarray:
    start, end, radius = rod
    return in_frame([(np.array(start), np.array(end), 2 * radius)], DOWN.as_matrix())


@pytest.mark.parametrize("rod", RODS)
def test_a_rod_casts_the_shadow_that_rays_find(table, rod):
    start, end, radius = rod
    item = SceneItem("rod", *round_rod(start, end, radius), 0.5, "cloth")
    standing = render_backdrop(SMALL, DOWN, [TABLE, item])
    whole = (0, SMALL.size[1], 0, SMALL.size[0])
    left = shadows_on(table).left(capsule(rod), whole)
    lamps = table.lit.share.sum(axis=2)
    expected = standing.light * standing.lit.share.sum(axis=2)
    drawn = table.light * (lamps - (1 - left))
    # only the table, and not the rim of the rod
    seen = blocks((np.abs(standing.depth - table.depth) < 0.01).astype(float)) == 1.0
    off = (blocks(drawn) - blocks(expected))[seen] / np.median(table.light)
    assert (1 - left).max() > 0.2
    assert np.abs(off).mean() < 0.005
    assert np.abs(off).max() < 0.1


@pytest.mark.parametrize("rod", RODS)
def test_the_window_holds_all_of_a_shadow(table, rod):
    shadows = shadows_on(table)
    row0, row1, column0, column1 = shadows.window(capsule(rod))
    dimmed = 1 - shadows.left(capsule(rod), (0, SMALL.size[1], 0, SMALL.size[0]))
    assert dimmed[row0:row1, column0:column1].max() > 0.1
    dimmed[row0:row1, column0:column1] = 0.0
    assert dimmed.max() < 2 * FAINT


def test_below_the_table_nothing_casts_a_shadow(table):
    under = ((-20.0, -30.0, 0.0), (20.0, -5.0, 0.0), 3.0)
    whole = (0, SMALL.size[1], 0, SMALL.size[0])
    assert shadows_on(table).left(capsule(under), whole).min() > 1 - FAINT


def test_a_picture_is_darker_in_the_shadow_only(table):
    """A body's own face is drawn over it, as bright as without."""
    face = plate([0.0, 80.0, 0.0], [10.0, 0, 0], [0, 0, 10.0], 0.5)
    casts = ((np.array([-10.0, 80.0, 0.0]), np.array([10.0, 80.0, 0.0]), 20.0),)
    room = SimulatedCamera(SMALL, OPTICS, np.random.default_rng(0), (), table)
    with_shadow = room.light([Placed(Body("body", (face,), (), casts), DOWN)])
    without = room.light([Placed(Body("body", (face,)), DOWN)])
    on_face = np.isclose(without, without[pixel(0.0, 80.0, 0.0)], atol=1e-9)
    assert on_face.sum() > 50
    assert np.array_equal(with_shadow[on_face], without[on_face])
    assert (with_shadow <= without + 1e-6).all()
    changed = with_shadow < without - 0.01
    assert 0.01 < changed.mean() < 0.5
