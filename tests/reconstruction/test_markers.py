"""Balls on the skin are found where they are, and nothing else is taken for one."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform
from scipy.special import erfc

from nav.core.frames import Array
from nav.model.surface import Surface
from nav.reconstruction.markers import FoundMarker, find_markers
from nav.reconstruction.neck_region import NeckRegion
from nav.reconstruction.volume import Volume
from phantoms.anatomy.mesh import mesh_rings

REGION = NeckRegion(RigidTransform.identity(), -60.0)
TARGET = np.array([0.0, 20.0, 0.0])
NECK = 55.0  # mm, radius of a neck round the z axis
BEAD, OFF_SKIN, HU, BLUR = 2.5, 4.5, 950.0, 0.5
REACH = 4.0  # mm beyond a ball's surface, where nothing of it is left


def placed(count: int, rng: np.random.Generator) -> Array:
    """Middles of balls that stand off the neck's skin."""
    turned = np.linspace(0.0, np.pi, count) + rng.uniform(-0.05, 0.05, count)
    height = np.where(np.arange(count) % 2, 18.0, -22.0) + rng.uniform(-4, 4, count)
    away = NECK + OFF_SKIN
    return np.column_stack([away * np.cos(turned), away * np.sin(turned), height])


def scan(
    balls: Array,
    spacing: Sequence[float] = (0.6, 0.6, 0.8),
    radii: Sequence[float] | None = None,
    noise: float = 15.0,
    hu: Sequence[float] | None = None,
) -> tuple[Volume, Array]:
    """A neck of water in air with balls, blurred; and its grid's points."""
    size = np.ceil(np.array([150.0, 150.0, 70.0]) / spacing).astype(int)
    origin = -0.5 * (size - 1) * spacing
    x, y, z = (origin[k] + spacing[k] * np.arange(size[k]) for k in range(3))
    from_axis = np.hypot(x[None, :], y[:, None]) - NECK
    soft = 0.5 * erfc(from_axis / np.sqrt(2.0) / BLUR)
    values = np.repeat((-1000.0 + 1040.0 * soft)[None], len(z), axis=0)
    for k, ball in enumerate(balls):
        radius = BEAD if radii is None else radii[k]
        top = HU if hu is None else hu[k]
        far = radius + REACH
        ix, iy, iz = (
            np.flatnonzero(np.abs(a - m) < far) for a, m in zip((x, y, z), ball, strict=True)
        )
        near = np.ix_(iz, iy, ix)
        off = np.sqrt(
            (x[None, None, ix] - ball[0]) ** 2
            + (y[None, iy, None] - ball[1]) ** 2
            + (z[iz, None, None] - ball[2]) ** 2
        )
        share = 0.5 * erfc((off - radius) / np.sqrt(2.0) / BLUR)
        values[near] += share * (top - values[near])
    values += np.random.default_rng(1).normal(size=values.shape) * noise
    model_from_voxel = np.diag([*spacing, 1.0])
    model_from_voxel[:3, 3] = origin
    return Volume(values.astype(np.int16), model_from_voxel), origin


def matched(found: Sequence[FoundMarker], balls: Array) -> tuple[Array, list[int]]:
    """Errors (n, 3) of found middles, and which ball each is."""
    places = np.array([m.position for m in found])
    which = [int(np.linalg.norm(balls - p, axis=1).argmin()) for p in places]
    return places - balls[which], which


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.6), (0.6, 0.6, 1.25), (0.9, 0.9, 0.8)])
def test_finds_each_ball_within_its_sigma(spacing: tuple[float, float, float]) -> None:
    balls = placed(9, np.random.default_rng(4))
    volume, _ = scan(balls, spacing)
    found = find_markers(volume, REGION, TARGET).markers
    assert len(found) == len(balls)
    off, which = matched(found, balls)
    assert sorted(which) == list(range(len(balls)))
    assert np.linalg.norm(off, axis=1).max() < 0.08
    sigma = np.array([m.sigma for m in found])
    assert (np.abs(off) < 4.0 * sigma[:, None]).all()
    assert (np.abs(off) < 1.96 * sigma[:, None]).mean() > 0.8
    assert all(abs(m.diameter - 2 * BEAD) < 0.3 for m in found)


def test_keeps_some_to_check_with_and_enough_to_register() -> None:
    balls = placed(9, np.random.default_rng(5))
    found = find_markers(scan(balls)[0], REGION, TARGET).markers
    checks = [m for m in found if m.use == "check"]
    assert 1 <= len(checks) <= 3
    assert [m.label for m in found] == [f"M{k + 1}" for k in range(9)]
    few = find_markers(scan(balls[:4])[0], REGION, TARGET).markers
    assert [m.use for m in few] == ["register"] * 4


def test_labels_run_from_above_round_the_neck_from_its_left() -> None:
    turned = np.radians([20.0, 75.0, 130.0, 176.0, -3.0, 50.0, 110.0, 184.0])
    height = np.repeat([20.0, -20.0], 4) + np.array([2.0, -3.0, 1.0, 0.0, 3.0, -2.0, 0.0, 1.0])
    away = NECK + OFF_SKIN
    balls = np.column_stack([away * np.cos(turned), away * np.sin(turned) - 10.0, height])
    shuffled = np.random.default_rng(3).permutation(8)
    # the scan's neck lies round y = 0: that of the balls' circle decides here, not the skin
    balls = np.add(balls, (0.0, 10.0, 0.0))
    volume, _ = scan(balls[shuffled])
    found = find_markers(volume, REGION, TARGET).markers
    assert matched(found, balls)[1] == list(range(8))


def test_balls_that_do_not_stand_on_the_skin_are_no_markers() -> None:
    """More of another kind beside the neck, as rivets of a head rest, and balls in its middle."""
    balls = placed(6, np.random.default_rng(11))
    far = balls * [1.25, 1.25, 1.0]
    rivets = np.vstack([balls[::2], far])
    volume, _ = scan(rivets, hu=[HU] * 3 + [1600.0] * 6)
    turned = np.linspace(0.0, 2.0 * np.pi, 96, endpoint=False)
    rings = [
        np.column_stack([NECK * np.cos(turned), NECK * np.sin(turned), np.full(96, z)])
        for z in (-34.0, 34.0)
    ]
    skin = mesh_rings(np.array(rings))
    found = find_markers(volume, REGION, TARGET, Surface(skin.vertices, skin.triangles))
    assert sorted(matched(found.markers, rivets)[1]) == [0, 1, 2]


def test_says_that_others_were_left_out() -> None:
    balls = placed(8, np.random.default_rng(7))
    found = find_markers(scan(balls, radii=[BEAD] * 6 + [1.5, 4.0])[0], REGION, TARGET)
    assert (len(found.markers), found.others) == (6, 2)


def test_labels_do_not_depend_on_noise() -> None:
    balls = placed(8, np.random.default_rng(6))
    first = find_markers(scan(balls, noise=5.0)[0], REGION, TARGET).markers
    second = find_markers(scan(balls, noise=30.0)[0], REGION, TARGET).markers
    assert matched(first, balls)[1] == matched(second, balls)[1]


def test_takes_one_kind_only() -> None:
    """An earring, a tooth's filling or a bead of another set is no marker."""
    balls = placed(8, np.random.default_rng(7))
    radii = [BEAD] * 6 + [1.5, 4.0]
    found = find_markers(scan(balls, radii=radii)[0], REGION, TARGET).markers
    assert sorted(matched(found, balls)[1]) == list(range(6))
    hu = [HU] * 6 + [2600.0, 400.0]
    found = find_markers(scan(balls, hu=hu)[0], REGION, TARGET).markers
    assert sorted(matched(found, balls)[1]) == list(range(6))


def test_what_lies_in_the_body_is_no_marker() -> None:
    balls = placed(6, np.random.default_rng(8)) * [0.5, 0.5, 1.0]
    assert find_markers(scan(balls)[0], REGION, TARGET).markers == ()


def test_two_balls_are_too_few() -> None:
    balls = placed(6, np.random.default_rng(9))[:2]
    assert find_markers(scan(balls)[0], REGION, TARGET).markers == ()
