"""Transforms named a_from_b, and the errors that go with them."""

import numpy as np
import pytest
from hypothesis import given
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array, Pose, adjoint, cross_matrix, perturbed, point_jacobian, rigid
from tests.synthetic import covariances, rigid_transforms, vectors

DRAWS = 40_000
# sd of an entry of a whitened sample covariance is at most sqrt(2 / DRAWS)
WHITE = 5.0 * np.sqrt(2.0 / DRAWS)


def small(seed: int, millimetres: float = 0.05, radians: float = 2e-4) -> Array:
    """A full 6 x 6 covariance with sds of about these sizes."""
    root = np.random.default_rng(seed).normal(size=(6, 6)) + 2 * np.eye(6)
    scale = np.repeat([millimetres, radians], 3)[:, None] / 3
    return (scale * root) @ (scale * root).T


def moves(covariance: Array, rng: np.random.Generator) -> RigidTransform:
    """DRAWS left perturbations: translation and rotation vector together."""
    steps = rng.multivariate_normal(np.zeros(len(covariance)), covariance, DRAWS)
    return RigidTransform.from_components(steps[:, :3], Rotation.from_rotvec(steps[:, 3:]))


def assert_has_covariance(samples: Array, expected: Array) -> None:
    """The samples' covariance is the expected one to 5 sd of what so many draws scatter."""
    white = np.linalg.solve(np.linalg.cholesky(expected), (samples - samples.mean(axis=0)).T)
    assert np.cov(white) == pytest.approx(np.eye(len(expected)), abs=WHITE)


@given(rigid_transforms(), rigid_transforms(), vectors(300.0))
def test_a_product_is_one_after_the_other(a_from_b, b_from_c, point):
    a_from_c = Pose(a_from_b) @ Pose(b_from_c)
    expected = a_from_b.apply(b_from_c.apply(point))
    assert a_from_c.transform.apply(point) == pytest.approx(expected, abs=1e-9)


@given(rigid_transforms(), covariances(6, 0.01), vectors(300.0))
def test_the_inverse_goes_back_with_the_same_error(a_from_b, covariance, point):
    pose = Pose(a_from_b, covariance)
    back = pose.inv()
    assert back.transform.apply(a_from_b.apply(point)) == pytest.approx(point, abs=1e-9)
    again = back.inv()
    assert again.covariance == pytest.approx(covariance, rel=1e-6, abs=1e-9)
    # what is uncertain of a point of frame b in a is uncertain of that point of a in b
    carried, in_a = pose.apply(point)
    _, in_b = back.apply(carried)
    rotation = a_from_b.rotation.as_matrix()
    assert rotation @ in_b @ rotation.T == pytest.approx(in_a, rel=1e-6, abs=1e-7)


@given(rigid_transforms(), vectors(1e-5, 6), vectors(300.0))
def test_a_perturbation_moves_points_of_frame_a_from_the_left(a_from_b, step, point):
    before = a_from_b.apply(point)
    after = perturbed(a_from_b, step).apply(point)
    convention = before + step[:3] + np.cross(step[3:], before)
    # the second order of a turn of 1e-5 rad at up to 1.5 m is below 1e-6 mm
    assert after == pytest.approx(convention, abs=1e-6)
    assert point_jacobian(before)[0] @ step == pytest.approx(convention - before, abs=1e-9)


@given(rigid_transforms(), vectors(1e-5, 6), vectors(300.0))
def test_the_adjoint_carries_a_perturbation_to_the_other_frame(a_from_b, step, point):
    moved_in_b = a_from_b.apply(perturbed(RigidTransform.identity(), step).apply(point))
    moved_in_a = perturbed(RigidTransform.identity(), adjoint(a_from_b) @ step).apply(
        a_from_b.apply(point)
    )
    assert moved_in_a == pytest.approx(moved_in_b, abs=1e-6)


@given(vectors(10.0), vectors(10.0))
def test_the_cross_matrix_is_the_cross_product(a, b):
    assert cross_matrix(a) @ b == pytest.approx(np.cross(a, b), abs=1e-9)


def test_an_error_of_nothing_stays_nothing():
    pose = Pose(rigid([0.1, 0.2, 0.3], [1.0, 2.0, 3.0]))
    point, covariance = (pose @ pose.inv()).apply([7.0, 8.0, 9.0])
    assert point == pytest.approx([7.0, 8.0, 9.0])
    assert not covariance.any()


def test_a_products_covariance_is_what_random_poses_show():
    rng = np.random.default_rng(5)
    first = Pose(rigid([0.7, -0.4, 1.1], [120.0, -80.0, 560.0]), small(1))
    second = Pose(rigid([-1.9, 0.3, 0.2], [30.0, 95.0, -40.0]), small(2))
    product = first @ second
    drawn = (moves(first.covariance, rng) * first.transform) * (
        moves(second.covariance, rng) * second.transform
    )
    left = drawn * product.transform.inv()
    samples = np.hstack([left.translation, left.rotation.as_rotvec()])
    assert_has_covariance(samples, product.covariance)


def test_an_inverses_covariance_is_what_random_poses_show():
    rng = np.random.default_rng(6)
    pose = Pose(rigid([0.7, -0.4, 1.1], [120.0, -80.0, 560.0]), small(3))
    left = (moves(pose.covariance, rng) * pose.transform).inv() * pose.transform
    samples = np.hstack([left.translation, left.rotation.as_rotvec()])
    assert_has_covariance(samples, pose.inv().covariance)


def test_a_points_covariance_is_what_random_poses_and_points_show():
    rng = np.random.default_rng(7)
    pose = Pose(rigid([0.7, -0.4, 1.1], [120.0, -80.0, 560.0]), small(4))
    point, own = np.array([0.35, -0.22, 110.4]), np.diag([0.01, 0.04, 0.09]) + 0.005
    carried, covariance = pose.apply(point, own)
    points = rng.multivariate_normal(point, own, DRAWS)
    samples = (moves(pose.covariance, rng) * pose.transform).apply(points)
    assert samples.mean(axis=0) == pytest.approx(carried, abs=0.01)
    assert_has_covariance(samples, covariance)


def test_a_lever_arm_makes_a_turn_an_error():
    """1 mrad about x moves a point 100 mm along z by 0.1 mm along y, whatever else."""
    turn = np.diag([0.0, 0.0, 0.0, 1e-6, 0.0, 0.0])
    _, covariance = Pose(RigidTransform.identity(), turn).apply([0.0, 0.0, 100.0])
    assert covariance == pytest.approx(np.diag([0.0, 0.01, 0.0]), abs=1e-12)
