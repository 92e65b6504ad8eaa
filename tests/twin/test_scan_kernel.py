"""The point spread and the noise of a scan are the ones that it was drawn with."""

import numpy as np
import pytest
from scipy.special import j0

from phantoms.twin.scan_kernel import blurred, edge_response, in_plane_transfer
from phantoms.twin.scan_noise import noise, power
from phantoms.twin.scan_parameters import Kernel

KERNELS = [
    Kernel("soft", 0.35, 0.0, 0.6),
    Kernel("soft", 0.7, 0.6, 1.2),
    Kernel("sharp", 0.55, 2.5, 0.8),
]


def half_space(axis, offset, shape, spacing):
    """Mean over each voxel (z, y, x) of what is 1 beyond a plane at offset mm from the middle."""
    at = spacing[2 - axis] * (np.arange(shape[axis]) - (shape[axis] - 1) / 2) - offset
    share = np.clip(at / spacing[2 - axis] + 0.5, 0.0, 1.0).astype(np.float32)
    return np.broadcast_to(np.expand_dims(share, [k for k in range(3) if k != axis]), shape), at


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("axis", [1, 2])
def test_an_edge_across_the_plane_is_as_soft_as_the_kernel(kernel, axis):
    spacing = np.array([0.4, 0.4, 0.6])
    edge, at = half_space(axis, 0.13, (12, 90, 90), spacing)
    found = blurred(np.ascontiguousarray(edge), spacing, kernel)[6]
    line = found[:, 45] if axis == 1 else found[45]
    middle = np.abs(at) < 8.0
    np.testing.assert_allclose(line[middle], edge_response(kernel, at)[middle], atol=0.02)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_width_of_an_edge_is_the_drawn_one(kernel):
    """Second moment of the line spread, from edges at many places within a voxel."""
    spacing = np.array([0.3, 0.3, 0.6])
    places, values = [], []
    for offset in np.linspace(0.0, 0.3, 6, endpoint=False):
        edge, at = half_space(2, offset, (4, 16, 120), spacing)
        line = blurred(np.ascontiguousarray(edge), spacing, kernel)[2, 8]
        places.append(at)
        values.append(line)
    at, value = np.concatenate(places), np.concatenate(values)
    order = np.argsort(at)
    at, value = at[order], value[order]
    near = np.abs(at) < 6.0
    spread = np.gradient(value[near], at[near])
    second = np.trapezoid(spread * at[near] ** 2, at[near]) / np.trapezoid(spread, at[near])
    # of (1 + e u) exp(-u): the spread's second moment is sd^2 (1 - e)
    assert second == pytest.approx(kernel.sd_mm**2 * (1.0 - kernel.enhancement), abs=0.012)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_sharp_kernel_overshoots_and_a_soft_one_does_not(kernel):
    edge, at = half_space(2, 0.1, (4, 16, 120), np.array([0.3, 0.3, 0.6]))
    line = blurred(np.ascontiguousarray(edge), np.array([0.3, 0.3, 0.6]), kernel)[2, 8]
    over = float(line[np.abs(at) < 8.0].max()) - 1.0
    if kernel.enhancement > 1.0:
        assert over == pytest.approx(
            edge_response(kernel, np.linspace(0, 3, 400)).max() - 1, abs=0.02
        )
    else:
        assert over < 0.01


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_thin_plate_across_the_slices_shows_the_slice_profile(kernel):
    """Its integral stays, its height falls as the slice is thicker."""
    spacing, thin = np.array([0.5, 0.5, 0.3]), 0.15
    shape = (80, 8, 8)
    z = spacing[2] * (np.arange(shape[0]) - 39.5)
    cover = np.clip((thin - np.abs(z - 0.15)) / spacing[2] + 0.5, 0.0, 1.0)
    plate = np.broadcast_to(cover[:, None, None], shape).astype(np.float32)
    found = blurred(np.ascontiguousarray(plate), spacing, kernel)[:, 4, 4]
    assert found.sum() == pytest.approx(cover.sum(), rel=1e-3)
    assert found.max() == pytest.approx(2 * thin / kernel.slice_mm, rel=0.12)
    width = (found > 0.5 * found.max()).sum() * spacing[2]
    assert width == pytest.approx(kernel.slice_mm, abs=0.31)


def flat_noise(kernel, sd=20.0, spacing=(0.5, 0.5, 0.6), shape=(24, 160, 160), wedges=6):
    level = np.full((wedges, 2, 4, 4), sd, np.float32)
    return noise(shape, np.array(spacing), kernel, level, seed=1)


@pytest.mark.parametrize("kernel", KERNELS)
def test_noise_has_the_level_that_was_drawn(kernel):
    found = flat_noise(kernel)
    assert found.std() == pytest.approx(20.0, rel=0.03)
    assert abs(found.mean()) < 0.5


@pytest.mark.parametrize("kernel", KERNELS)
def test_noise_is_correlated_in_plane_by_the_kernel(kernel):
    """Its autocorrelation is the transform of |f| times the squared transfer."""
    found = flat_noise(kernel, shape=(30, 160, 160))
    f = np.linspace(0.0, 1.0, 4000)
    for lag in (1, 2, 3):
        got = np.mean(found[:, :, lag:] * found[:, :, :-lag]) / found.var()
        # within the band that the voxels hold: the corners beyond its circle hold little more
        whole = power(f, kernel) * f
        expected = np.trapezoid(whole * j0(2 * np.pi * f * lag * 0.5), f) / np.trapezoid(whole, f)
        assert got == pytest.approx(expected, abs=0.05)


def test_noise_of_thick_slices_is_correlated_across_them():
    thick = flat_noise(Kernel(slice_mm=1.8), shape=(60, 40, 40))
    thin = flat_noise(Kernel(slice_mm=0.6, slice_edge_mm=0.02), shape=(60, 40, 40))

    def between(values, lag):
        return np.mean(values[lag:] * values[:-lag]) / values.var()

    # two rectangles of 1.8 mm that are 0.6 mm apart share two thirds, 1.8 mm apart nothing
    assert between(thick, 1) == pytest.approx(2 / 3, abs=0.06)
    assert between(thick, 2) == pytest.approx(1 / 3, abs=0.06)
    assert abs(between(thick, 4)) < 0.08
    assert abs(between(thin, 1)) < 0.08


def test_noise_of_one_wedge_runs_across_its_direction():
    """Rays along x that lost their quanta give streaks along x: noise that changes along y."""
    level = np.zeros((6, 2, 4, 4), np.float32)
    level[3] = 20.0  # frequencies along y
    found = noise((6, 128, 128), np.array([0.5, 0.5, 0.6]), Kernel(), level, seed=2)
    along = np.mean(found[:, :, 6:] * found[:, :, :-6]) / found.var()
    across = np.mean(found[:, 6:] * found[:, :-6]) / found.var()
    assert along > 0.3
    assert abs(across) < 0.15


def test_transfer_is_one_for_what_does_not_change():
    for kernel in KERNELS:
        assert in_plane_transfer(kernel, np.array([0.0]))[0] == 1.0
