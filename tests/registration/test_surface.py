"""Registration by points touched on a surface: what is found, and what is refused."""

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform, Rotation
from scipy.stats import chi2

from nav.core.errors import InputError
from nav.core.frames import Pose, perturbed
from nav.model.surface import Surface
from nav.registration.determinacy import weakest_motion
from nav.registration.goodness_of_fit import SurfaceFit
from nav.registration.prepared_surface import prepare_surface
from nav.registration.surface_bootstrap import larger_covariance
from nav.registration.surface_pose import FiducialPairs, linearised, touched_surface
from nav.registration.surface_registration import SurfaceNotRegistered, register_surface
from nav.registration.surface_search import displacement

NOISE = 0.3  # mm


def sphere(radius=25.0, rings=40):
    """Return vertices and triangles of a sphere with poles, mm."""
    polar = np.linspace(0.0, np.pi, rings + 1)[1:-1]
    round_ = np.linspace(0.0, 2.0 * np.pi, 2 * rings, endpoint=False)
    p, r = np.meshgrid(polar, round_, indexing="ij")
    unit = np.stack([np.sin(p) * np.cos(r), np.sin(p) * np.sin(r), np.cos(p)], axis=-1)
    vertices = np.vstack([unit.reshape(-1, 3), [[0, 0, 1.0], [0, 0, -1.0]]]) * radius
    m = 2 * rings
    triangles = []
    for i in range(rings - 2):
        for j in range(m):
            a, b = i * m + j, i * m + (j + 1) % m
            triangles += [[a, a + m, b], [b, a + m, b + m]]
    top, bottom = len(vertices) - 2, len(vertices) - 1
    last = (rings - 2) * m
    for j in range(m):
        triangles += [[top, j, (j + 1) % m], [bottom, last + (j + 1) % m, last + j]]
    return vertices, np.array(triangles, np.int32)


def bumpy(seed, symmetric=False):
    """Return a closed surface as large as a vertebra, without symmetry or alike on both sides."""
    vertices, triangles = sphere()
    rng = np.random.default_rng(seed)
    unit = vertices / np.linalg.norm(vertices, axis=1)[:, None]
    height = np.zeros(len(unit))
    for _ in range(14):
        at = rng.normal(size=3)
        at /= np.linalg.norm(at)
        high = rng.uniform(-6.0, 8.0)
        for side in (1.0, -1.0) if symmetric else (1.0,):
            height += high * np.exp((unit @ (at * [side, 1.0, 1.0]) - 1.0) / 0.08)
    return Surface(vertices * [1.3, 1.0, 0.7] + unit * height[:, None], triangles)


def touched_on(surface, count, rng, of=None):
    corners = surface.vertices[surface.triangles]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    if of is not None:
        area = area * of(corners.mean(axis=1))
    chosen = corners[rng.choice(len(area), count, p=area / area.sum())]
    return np.einsum("nk,nki->ni", rng.dirichlet([1.0, 1.0, 1.0], count), chosen)


@pytest.fixture(scope="module")
def bone():
    return prepare_surface([bumpy(1)])


def drawn(bone, rng, count=60, of=None):
    """Return touched points, and the true model_from_reference."""
    points = touched_on(bone.surfaces[0], count, rng, of) + rng.normal(0.0, NOISE, (count, 3))
    truth = RigidTransform.from_components(rng.uniform(-200, 200, 3), Rotation.random(rng=rng))
    return truth.inv().apply(points), truth


def test_found_from_nothing_and_as_well_as_it_says(bone):
    rng = np.random.default_rng(1)
    squares = []
    for _ in range(12):
        points, truth = drawn(bone, rng)
        found = register_surface(bone, points, sigma=NOISE)
        pose = found.registration.model_from_reference
        assert displacement(bone.places, truth, pose.transform) < 1.0
        assert found.registration.method == "surface"
        change = pose.transform * truth.inv()
        off = np.concatenate([change.translation, change.rotation.as_rotvec()])
        squares.append(off @ np.linalg.solve(pose.covariance, off))
    # the sum of 12 squared Mahalanobis distances of 6 dimensions, to 1 in 1000 either way
    low, high = chi2.ppf([0.001, 0.999], 72)
    assert low < sum(squares) < high


def test_outliers_are_named_and_do_not_count(bone):
    rng = np.random.default_rng(2)
    points, truth = drawn(bone, rng)
    points[[3, 17, 40]] += [[9.0, 0, 0], [0, -8.0, 0], [0, 0, 12.0]]
    found = register_surface(bone, points, sigma=NOISE)
    assert displacement(bone.places, truth, found.registration.model_from_reference.transform) < 1.0
    residuals = np.abs(found.fit.residuals)
    far = [k for k in (3, 17, 40) if residuals[k] > 5.0 * NOISE]
    assert len(far) >= 2
    assert not found.fit.used[far].any()


def test_rough_landmarks_are_enough(bone):
    rng = np.random.default_rng(3)
    points, truth = drawn(bone, rng, 40)
    model = bone.places[[0, 5, 11]]
    rough = truth.inv().apply(model) + rng.normal(0.0, 5.0, (3, 3))
    found = register_surface(bone, points, sigma=NOISE, landmarks=(model, rough))
    assert displacement(bone.places, truth, found.registration.model_from_reference.transform) < 1.0


def refused(code, *arguments, **options):
    with pytest.raises(SurfaceNotRegistered) as error:
        register_surface(*arguments, sigma=NOISE, **options)
    assert error.value.code == code
    assert "\n" not in str(error.value)
    return str(error.value)


def test_another_bone_is_refused(bone):
    other = prepare_surface([bumpy(2)])
    points, _ = drawn(other, np.random.default_rng(4))
    assert "is it this case" in refused("does-not-fit", bone, points)


def test_metres_are_refused(bone):
    points, _ = drawn(bone, np.random.default_rng(5))
    with pytest.raises(SurfaceNotRegistered):
        register_surface(bone, points / 1000.0, sigma=NOISE)


def test_a_sphere_says_nothing_of_its_rotation():
    ball = prepare_surface([Surface(*sphere())])
    points, _ = drawn(ball, np.random.default_rng(6))
    with pytest.raises(SurfaceNotRegistered) as error:
        register_surface(ball, points, sigma=NOISE)
    assert error.value.code in ("ambiguous", "undetermined")


def test_points_on_a_small_patch_are_refused(bone):
    top = bone.surfaces[0].vertices[np.argmax(bone.surfaces[0].vertices[:, 2])]

    def near(places):
        return np.linalg.norm(places - top, axis=1) < 9.0

    points, _ = drawn(bone, np.random.default_rng(7), 30, near)
    with pytest.raises(SurfaceNotRegistered) as error:
        register_surface(bone, points, sigma=NOISE)
    assert error.value.code in ("ambiguous", "undetermined")


def test_too_few_points_and_bad_numbers_are_refused(bone):
    points, _ = drawn(bone, np.random.default_rng(8))
    refused("too-few", bone, points[:8])
    for bad in (points[:, :2], np.full((20, 3), np.nan), np.full((20, 3), 1e9)):
        with pytest.raises(InputError):
            register_surface(bone, bad)
    with pytest.raises(InputError):
        register_surface(bone, points, sigma=0.0)
    with pytest.raises(InputError):
        register_surface(bone, points, covariance=np.zeros((3, 3, 3)))


def test_the_weakest_motion_is_the_one_that_was_put_in():
    rng = np.random.default_rng(9)
    places = rng.normal([5.0, -30.0, 100.0], [20.0, 12.0, 8.0], (50, 3))
    middle = places.mean(axis=0)
    about_z = np.concatenate([-np.cross([0, 0, 1.0], middle), [0, 0, 1.0]]) * 0.05
    found = weakest_motion(np.outer(about_z, about_z) + 1e-8 * np.eye(6), places)
    assert found.turns
    assert found.axis == 2
    moved = perturbed(RigidTransform.identity(), about_z).apply(places) - places
    assert found.sd == pytest.approx(np.sqrt((moved**2).sum(axis=1).mean()), rel=0.05)
    along_y = np.array([0, 2.0, 0, 0, 0, 0])
    found = weakest_motion(np.outer(along_y, along_y) + 1e-8 * np.eye(6), places)
    assert not found.turns
    assert found.axis == 1
    assert found.sd == pytest.approx(2.0, rel=1e-3)


def test_the_larger_of_two_covariances_is_as_large_as_both():
    rng = np.random.default_rng(10)
    for _ in range(20):
        one, other = (m @ m.T + 0.01 * np.eye(6) for m in rng.normal(size=(2, 6, 6)))
        found = larger_covariance(one, other)
        for least in (one, other):
            assert np.linalg.eigvalsh(found - least).min() > -1e-9 * np.trace(found)
    assert larger_covariance(one, 0.5 * one) == pytest.approx(one)
    assert larger_covariance(one, 4.0 * one) == pytest.approx(4.0 * one)


def fiducials_of(bone, truth, rng, shift=0.0):
    model = bone.places[[0, 4, 9, 13]]
    touched = truth.inv().apply(model + np.array([shift, 0.0, 0.0])) + rng.normal(0.0, 0.2, (4, 3))
    noise = np.broadcast_to(0.04 * np.eye(3), (4, 3, 3))
    return FiducialPairs(("A", "B", "C", "D"), model, touched, noise)


def test_fiducials_and_surface_together_are_better_than_the_surface_alone(bone):
    rng = np.random.default_rng(11)
    points, truth = drawn(bone, rng, 30)
    alone = register_surface(bone, points, sigma=NOISE).registration.model_from_reference
    both = register_surface(
        bone, points, sigma=NOISE, fiducials=fiducials_of(bone, truth, rng)
    ).registration
    assert both.method == "points+surface"
    pose = both.model_from_reference
    assert displacement(bone.places, truth, pose.transform) < 0.6
    weakest = weakest_motion(pose.covariance, bone.places).sd
    assert weakest < 0.8 * weakest_motion(alone.covariance, bone.places).sd


def test_fiducials_that_disagree_with_the_surface_are_refused(bone):
    rng = np.random.default_rng(12)
    points, truth = drawn(bone, rng)
    off = fiducials_of(bone, truth, rng, shift=2.5)
    assert "disagree" in refused("disagree", bone, points, fiducials=off)


def test_fiducials_settle_what_the_surface_leaves_open():
    ball = prepare_surface([Surface(*sphere())])
    rng = np.random.default_rng(13)
    points, truth = drawn(ball, rng)
    found = register_surface(
        ball, points, sigma=NOISE, fiducials=fiducials_of(ball, truth, rng)
    ).registration.model_from_reference
    assert displacement(ball.places, truth, found.transform) < 0.6


def test_a_kept_field_is_the_same_and_a_damaged_one_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    surface = bumpy(3)
    made = prepare_surface([surface], cache=True)
    (kept,) = (tmp_path / "c1c2nav" / "fields").glob("*.npz")
    again = prepare_surface([surface], cache=True)
    assert np.array_equal(made.field.values, again.field.values)
    assert np.array_equal(made.facets.which, again.facets.which)
    kept.write_bytes(b"damaged")
    assert np.array_equal(prepare_surface([surface], cache=True).field.values, made.field.values)


def test_distances_to_the_facets_are_exact_near_the_surface(bone):
    rng = np.random.default_rng(14)
    points = touched_on(bone.surfaces[0], 400, rng) + rng.normal(0.0, 0.5, (400, 3))
    expected, _ = bone.surfaces[0].distances(points)
    touched = touched_surface(points, None, 1.0)
    found, _, _ = linearised(bone, touched, RigidTransform.identity())
    off = np.abs(found - expected)
    assert np.quantile(off, 0.98) < 1e-4
    assert off.max() < 0.06  # a sharp fold: a fifth of a touch's error


def fit_with(residuals):
    """A fit whose residuals are these, in sd."""
    off = np.array(residuals)
    used = np.abs(off) <= 4.0
    chi = float((off[used] ** 2).sum())
    covariance = np.eye(6) * 1e-4
    return SurfaceFit(
        Pose(RigidTransform.identity(), covariance), off * NOISE, np.full(len(off), NOISE), used,
        chi, int(used.sum()) - 6, 0.0, weakest_motion(covariance, np.eye(3) * 20.0),
        np.zeros((len(off), 3)), np.zeros((len(off), 6)), np.zeros(len(off)),
    )  # fmt: skip


def test_a_tip_in_the_air_is_no_evidence_against_a_pose_but_many_points_a_little_off_are():
    ordinary = list(np.random.default_rng(0).normal(size=40))
    assert fit_with(ordinary).explained
    assert fit_with([*ordinary, *[30.0] * 10]).explained
    assert fit_with([*ordinary, *[6.0] * 9]).explained  # residuals as small as these speak for it
    assert not fit_with([*ordinary, *[6.0] * 11]).explained
    rms = np.sqrt(np.mean(np.square(ordinary)))
    larger = list(np.array(ordinary) / rms * np.sqrt(chi2.isf(0.05, 34) / 40))  # once in 20
    assert fit_with(larger).explained
    assert not fit_with([*larger, *[6.0] * 9]).explained
