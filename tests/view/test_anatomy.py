"""The drawn anatomy is where the projection says, at the depth that hides the needle."""

import numpy as np
import pytest
import pyvista
from scipy.spatial.transform import Rotation

from nav.model.case import Case, Structure
from nav.model.surface import Surface
from nav.view.anatomy import Anatomy
from nav.view.parallel_camera import EYE_DISTANCE, View
from nav.view.theme import BACK

WIDTH, HEIGHT = 640, 400
CENTRES = {"bone": (18.0, -12.0, 9.0), "artery": (-20.0, 4.0, -11.0)}
VIEW = View.towards((1.0, 2.0, 3.0), (0.6, 0.7, 0.3), (0.0, 0.0, 1.0), 34.0)


def ball(role, centre, radius):
    mesh = pyvista.Sphere(radius=radius, center=centre, theta_resolution=40, phi_resolution=40)
    mesh = mesh.clean()
    surface = Surface(mesh.points, mesh.faces.reshape(-1, 4)[:, 1:])
    return Structure(role, role, surface, None, None, 0.3)


@pytest.fixture(scope="module")
def anatomy():
    structures = [ball(role, centre, 3.0) for role, centre in CENTRES.items()]
    structures.append(ball("dura", CENTRES["bone"], 6.0))
    drawer = Anatomy(Case("balls", tuple(structures)))
    yield drawer
    drawer.close()


def outline(mask):
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), columns.max(), rows.min(), rows.max()]) + 0.5


def drawn_pixels(image):
    back = np.array([BACK.red(), BACK.green(), BACK.blue()])
    return np.abs(image.astype(int) - back).max(axis=2) > 12


@pytest.mark.parametrize("fine", [False, True])
def test_a_ball_is_drawn_where_the_projection_has_it(anatomy, fine):
    drawn = anatomy.quick(VIEW, WIDTH, HEIGHT)
    if fine:
        *_, drawn = anatomy.refine(drawn, WIDTH, HEIGHT)
    assert drawn.image.shape == (HEIGHT, WIDTH, 3)
    x, y, _ = VIEW.project(CENTRES["artery"], WIDTH, HEIGHT)[0]
    radius = 3.0 * HEIGHT / 2 / VIEW.half_height
    half = np.zeros((HEIGHT, WIDTH), bool)
    half[:, : WIDTH // 2] = True
    if x > WIDTH / 2:
        half = ~half
    found = outline(drawn_pixels(drawn.image) & half)
    expected = (x - radius, x + radius, y - radius, y + radius)
    # a rough picture has pixels of two
    assert found == pytest.approx(expected, abs=1.0 if fine else 2.5)


def test_depths_are_those_of_the_surfaces(anatomy):
    drawn = anatomy.quick(VIEW, WIDTH, HEIGHT)
    assert drawn.solid.shape == (HEIGHT // 2, WIDTH // 2)
    x, y, depth = VIEW.project(CENTRES["bone"], WIDTH, HEIGHT)[0]
    row, column = int(y / 2), int(x / 2)
    assert drawn.solid[row, column] == pytest.approx(depth - 3.0, abs=0.15)
    assert drawn.veil[row, column] == pytest.approx(depth - 6.0, abs=0.15)
    assert np.isinf(drawn.solid[0, 0])
    assert np.isinf(drawn.veil[0, 0])


def test_hidden_structures_are_not_drawn(anatomy):
    arteries = frozenset(name for name, role in anatomy.roles.items() if role == "artery")
    anatomy.show_without(arteries, skin=True)
    x, y, _ = VIEW.project(CENTRES["artery"], WIDTH, HEIGHT)[0]
    hidden = anatomy.quick(VIEW, WIDTH, HEIGHT)
    anatomy.show_without(frozenset(), skin=True)
    shown = anatomy.quick(VIEW, WIDTH, HEIGHT)
    assert not drawn_pixels(hidden.image)[int(y), int(x)]
    assert drawn_pixels(shown.image)[int(y), int(x)]


def test_what_is_fine_comes_last_and_in_pieces(anatomy):
    rough = anatomy.quick(VIEW, WIDTH, HEIGHT)
    *pieces, last = anatomy.refine(rough, WIDTH, HEIGHT)
    assert len(pieces) >= 4
    assert all(piece is None for piece in pieces)
    assert last.view is rough.view


@pytest.mark.parametrize("seed", range(5))
def test_projection_keeps_lengths_across_the_view(seed):
    rng = np.random.default_rng(seed)
    back, up = Rotation.random(rng=rng).as_matrix()[:2]
    view = View.towards(rng.normal(size=3) * 10, back, up, 25.0)
    assert view.backwards @ view.up == pytest.approx(0.0, abs=1e-12)
    a, b = rng.normal(size=(2, 3)) * 10
    pa, pb = view.project([a, b], 800, 500)
    scale = 500 / 2 / 25.0
    across = np.hypot(*(pa - pb)[:2]) / scale
    assert np.hypot(across, pa[2] - pb[2]) == pytest.approx(np.linalg.norm(a - b))
    middle = view.project(view.focal, 800, 500)[0]
    assert middle == pytest.approx([400, 250, EYE_DISTANCE])


def test_any_up_will_do_for_a_view_along_it():
    view = View.towards((0, 0, 0), (0, 0, 1), (0, 0, 1), 30.0)
    assert np.linalg.norm(view.up) == pytest.approx(1.0)
    assert view.up @ view.backwards == pytest.approx(0.0, abs=1e-12)
