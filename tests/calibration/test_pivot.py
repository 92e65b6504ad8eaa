"""Pivot calibration on simulated poses whose truth is known: what holds exactly, what by chance."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform, Rotation

from calibration.needle.algebra import algebraic_pivot
from calibration.needle.pivot import pivot_calibration
from calibration.needle.serial import repetition
from nav.core.frames import Array, adjoint, point_jacobian
from tests.synthetic import vectors

TIP = np.array([0.35, -0.22, 110.4])
PIVOT = np.array([30.0, -20.0, 600.0])
SD = np.array([0.02] * 3 + [0.0003] * 3)  # mm, rad: of a pose, at the tool's origin
CHI2_95 = 7.815  # of three freedoms


@dataclass(frozen=True)
class Pivoting:
    """Simulated poses: rotations, translations, covariances."""

    rotations: Array
    translations: Array
    covariances: Array

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        return self.rotations, self.translations, self.covariances


def turned(rng: np.random.Generator, count: int, half: float = 30.0, spin: float = 1.0) -> Rotation:
    """Needle directions even in a cone (degrees from its middle), spun by up to +-spin rad."""
    angle, azimuth = np.radians(half) * np.sqrt(rng.random(count)), rng.uniform(0, 6.28, count)
    zero = np.zeros(count)
    tilt = np.column_stack([angle * np.cos(azimuth), angle * np.sin(azimuth), zero])
    spun = np.column_stack([zero, zero, rng.uniform(-spin, spin, count)])
    middle = Rotation.from_rotvec([2.0, 0.3, 0.2])
    return middle * Rotation.from_rotvec(tilt) * Rotation.from_rotvec(spun)


def swung(count: int, half: float = 30.0, rounds: int = 6) -> Rotation:
    """A hand's slow way through the cone: a rosette, turned evenly."""
    s = np.linspace(0.0, 2 * np.pi * rounds, count)
    angle, azimuth = np.radians(half) * np.sin(s), s / 3.7
    tilt = np.column_stack([angle * np.cos(azimuth), angle * np.sin(azimuth), 0.1 * np.sin(s / 2)])
    return Rotation.from_rotvec([2.0, 0.3, 0.2]) * Rotation.from_rotvec(tilt)


def poses(
    rng: np.random.Generator, turns: Rotation, seats: Array | None = None, tip: Array = TIP
) -> Pivoting:
    """Poses with errors of SD in the tool's own place; seats: (n, 3) of the tip off the pivot."""
    seats = np.zeros((len(turns), 3)) if seats is None else seats
    errors = SD * rng.normal(size=(len(turns), 6))
    places = PIVOT + seats - turns.apply(tip)
    # from the tool's own place to the frame's origin, where the perturbation turns about
    carry = np.tile(np.eye(6), (len(turns), 1, 1))
    carry[:, :3, 3:] = -point_jacobian(places)[:, :, 3:]
    rotations = (Rotation.from_rotvec(errors[:, 3:]) * turns).as_matrix()
    covariances = carry @ np.diag(SD**2) @ carry.transpose(0, 2, 1)
    return Pivoting(rotations, places + errors[:, :3], covariances)


def exact(turns: Rotation, tip: Array, pivot: Array) -> tuple[Array, Array]:
    return turns.as_matrix(), pivot - turns.apply(tip)


def squared(error: Array, covariance: Array) -> float:
    return float(error @ np.linalg.solve(covariance, error))


@settings(max_examples=50, deadline=None)
@given(vectors(200.0), vectors(1000.0), vectors(3.0), st.integers(0, 2**32 - 1))
def test_exact_poses_give_the_exact_tip(tip, pivot, turn, seed):
    turns = Rotation.from_rotvec(turn) * turned(np.random.default_rng(seed), 30)
    found = pivot_calibration(*exact(turns, tip, pivot))
    assert found.tip == pytest.approx(tip, abs=1e-6)
    assert found.pivot == pytest.approx(pivot, abs=1e-6)
    assert found.kept.all()
    assert found.rms < 1e-6


@settings(max_examples=30, deadline=None)
@given(vectors(3.0), vectors(1000.0), st.integers(0, 2**32 - 1))
def test_another_frame_of_the_poses_moves_only_the_pivot(turn, shift, seed):
    rng = np.random.default_rng(seed)
    here = poses(rng, turned(rng, 40))
    there = RigidTransform.from_components(shift, Rotation.from_rotvec(turn))
    rotation = there.rotation.as_matrix()
    carry = adjoint(there)
    first = pivot_calibration(*here.arrays)
    second = pivot_calibration(
        rotation @ here.rotations,
        there.apply(here.translations),
        carry @ here.covariances @ carry.T,
    )
    assert second.tip == pytest.approx(first.tip, abs=1e-5)
    assert second.covariance == pytest.approx(first.covariance, abs=1e-8, rel=1e-3)
    assert second.pivot == pytest.approx(there.apply(first.pivot), abs=1e-5)
    assert second.pivot_covariance == pytest.approx(
        rotation @ first.pivot_covariance @ rotation.T, abs=1e-8, rel=1e-3
    )
    assert second.cone == pytest.approx(first.cone, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(vectors(3.0), vectors(100.0), st.integers(0, 2**32 - 1))
def test_another_frame_of_the_tool_carries_the_tip_along(turn, shift, seed):
    rng = np.random.default_rng(seed)
    here = poses(rng, turned(rng, 40))
    old_from_new = RigidTransform.from_components(shift, Rotation.from_rotvec(turn))
    rotations = here.rotations @ old_from_new.rotation.as_matrix()
    translations = here.rotations @ old_from_new.translation + here.translations
    first = pivot_calibration(*here.arrays)
    second = pivot_calibration(rotations, translations, here.covariances)
    assert old_from_new.apply(second.tip) == pytest.approx(first.tip, abs=1e-5)
    assert second.tip_sd == pytest.approx(first.tip_sd, rel=1e-3)
    assert second.pivot == pytest.approx(first.pivot, abs=1e-5)


@pytest.mark.parametrize(("seat", "with_covariances"), [(0.0, True), (0.1, True), (0.2, False)])
def test_covariances_agree_with_the_errors(seat, with_covariances):
    """Mean of 200 normalised squared errors: 3, with a standard deviation of 0.17."""
    rng = np.random.default_rng(7)
    of_tip, of_pivot = [], []
    for _ in range(200):
        seen = poses(rng, turned(rng, 80), seat * rng.normal(size=(80, 3)))
        found = pivot_calibration(*seen.arrays[: 3 if with_covariances else 2])
        of_tip.append(squared(found.tip - TIP, found.covariance))
        of_pivot.append(squared(found.pivot - PIVOT, found.pivot_covariance))
    for errors in (of_tip, of_pivot):
        assert np.mean(errors) == pytest.approx(3.0, abs=0.5)
        assert np.mean(np.array(errors) < CHI2_95) == pytest.approx(0.95, abs=0.04)


def test_weights_make_the_tip_better_where_poses_are_unequal():
    rng = np.random.default_rng(11)
    weighted, equal = [], []
    for _ in range(40):
        seen = poses(rng, turned(rng, 60))
        # half of the poses are ten times worse
        extra = np.where(np.arange(60) % 2, 0.0, 0.3)
        covariances = seen.covariances.copy()
        covariances[:, :3, :3] += extra[:, None, None] ** 2 * np.eye(3)
        moved = seen.translations + extra[:, None] * rng.normal(size=(60, 3))
        weighted.append(pivot_calibration(seen.rotations, moved, covariances).tip - TIP)
        equal.append(algebraic_pivot(seen.rotations, moved)[0] - TIP)
    assert np.linalg.norm(weighted) < 0.4 * np.linalg.norm(equal)


def test_play_in_the_divot_is_told_apart_from_the_poses_own_errors():
    rng = np.random.default_rng(3)
    seen = poses(rng, turned(rng, 400), 0.1 * rng.normal(size=(400, 3)))
    found = pivot_calibration(*seen.arrays)
    assert found.play == pytest.approx(0.1, rel=0.1)
    assert found.expected == pytest.approx(np.sqrt(3) * 0.0336, rel=0.1)
    assert found.rms == pytest.approx(np.sqrt(3 * 0.1**2 + found.expected**2), rel=0.1)


def follows(rng: np.random.Generator, count: int, sd: float, keeps: float) -> Array:
    """(count, 3) errors that last: each is `keeps` of the one before, and new ones."""
    errors = np.zeros((count, 3))
    errors[0] = sd * rng.normal(size=3)
    for k in range(1, count):
        new = np.sqrt(1 - keeps**2) * sd * rng.normal(size=3)
        errors[k] = keeps * errors[k - 1] + new
    return errors


def test_errors_that_last_make_the_covariance_larger():
    """A tip that creeps in its divot: 300 poses of which twenty tell as much as one."""
    rng = np.random.default_rng(5)
    honest, naive, worth = [], [], []
    for _ in range(60):
        seen = poses(rng, swung(300), follows(rng, 300, 0.15, 0.9))
        found = pivot_calibration(*seen.arrays)
        error = squared(found.tip - TIP, found.covariance)
        honest.append(error)
        naive.append(error * found.kept.sum() / found.independent)
        worth.append(found.independent)
    assert np.mean(naive) > 8.0
    assert np.mean(honest) < 3.5
    # 300 (1 - 0.9) / (1 + 0.9) = 16, somewhat more with the pixels' own errors
    assert 10.0 < np.median(worth) < 30.0


def test_independent_poses_count_fully():
    rng = np.random.default_rng(9)
    white = rng.normal(size=(400, 3))
    assert repetition(white, np.ones(400, bool)) == pytest.approx(1.0, abs=0.15)
    each_thrice = np.repeat(white, 3, axis=0)
    assert repetition(each_thrice, np.ones(1200, bool)) == pytest.approx(3.0, abs=0.4)
    gaps = rng.random(1200) > 0.3
    assert repetition(each_thrice, gaps) == pytest.approx(3.0, abs=0.6)


def test_more_of_the_same_poses_make_no_better_tip():
    """Poses written out five times over tell nothing new."""
    rng = np.random.default_rng(13)
    once = poses(rng, turned(rng, 60))
    often = [np.repeat(numbers, 5, axis=0) for numbers in once.arrays]
    first, second = pivot_calibration(*once.arrays), pivot_calibration(*often)
    assert second.tip == pytest.approx(first.tip, abs=0.01)
    assert second.tip_sd > 0.85 * first.tip_sd


def misled(rng: np.random.Generator, seen: Pivoting, turns: Rotation, length: float) -> Pivoting:
    """Poses whose errors depend on the way the tool is turned: random functions of it, smooth over
    `length` rad, 0.03 mm and 0.0005 rad an axis, in the tool's frame."""
    at = (turns.mean().inv() * turns).as_rotvec()
    waves, phases = rng.normal(size=(6, 60, 3)) / length, rng.uniform(0, 6.28, (6, 60))
    off = np.sqrt(2 / 60) * np.cos(np.einsum("akd,nd->nak", waves, at) + phases).sum(axis=2)
    off *= [0.03, 0.03, 0.03, 0.0005, 0.0005, 0.0005]
    places = seen.translations + np.einsum("nij,nj->ni", seen.rotations, off[:, :3])
    rotations = seen.rotations @ Rotation.from_rotvec(off[:, 3:]).as_matrix()
    return Pivoting(rotations, places, seen.covariances)


@pytest.mark.parametrize("length", [0.15, 0.3, 1.0])
def test_errors_that_depend_on_the_turn_are_covered_where_tracking_tells_them(length):
    """They pass for another tip, whatever the number of poses."""
    turns = swung(300)
    at_tip = np.diag([0.03**2 + (0.0005 * TIP[2]) ** 2] * 2 + [0.03**2])
    matrices = turns.as_matrix()
    systematic = matrices @ at_tip @ matrices.transpose(0, 2, 1)
    unaware, aware = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        arrays = misled(rng, poses(rng, turns), turns, length).arrays
        found = pivot_calibration(*arrays, systematic)
        aware.append(squared(found.tip - TIP, found.covariance))
        if seed % 3 == 0:
            found = pivot_calibration(*arrays)
            unaware.append(squared(found.tip - TIP, found.covariance))
    assert np.mean(unaware) > 5.0
    assert np.mean(aware) < 4.0
    assert np.mean(np.array(aware) < CHI2_95) > 0.85
