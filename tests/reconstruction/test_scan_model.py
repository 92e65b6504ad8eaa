"""What a scan tells of the scanner: cortex, blur and noise, also where all cortex is thin."""

from dataclasses import replace

import numpy as np
import pytest

from nav.reconstruction.scan_model import CORTEX_SPREAD, ScanModel, _best_inner_edge, _best_kernel
from nav.reconstruction.surface_probe import STEP
from nav.reconstruction.surface_refinement import fit_surfaces
from tests.reconstruction.test_cortex_model import CORTEX_HU, SOFT_HU, slab
from tests.reconstruction.test_refine import CORTEX, LEVELS, MARROW, SOFT, shells


def scan_of(**look):
    volume, (mesh,) = shells([[0.0, 0.0, 0.0]], **look)
    return fit_surfaces(volume, {"ball": mesh}, LEVELS, ["ball"]).scan


@pytest.mark.parametrize("blur", [0.35, 0.5])
def test_levels_and_blur_of_a_shell_that_is_thick_enough(blur):
    scan = scan_of(blur=blur, shell=2.0)
    assert scan.cortex == pytest.approx(CORTEX, rel=0.05)
    assert scan.marrow == pytest.approx(MARROW, abs=40.0)
    assert scan.soft == pytest.approx(SOFT, abs=25.0)
    for found in (scan.blur_xy, scan.blur_z):
        assert found == pytest.approx(blur, rel=0.12)


def test_thin_cortex_is_not_taken_for_dark_and_its_level_is_called_unsure():
    thin, thick = scan_of(blur=0.5, shell=0.5), scan_of(blur=0.5, shell=2.0)
    assert abs(thin.cortex - CORTEX) < 1.96 * thin.cortex_sd
    assert thin.cortex_sd > 1.3 * thick.cortex_sd
    assert thick.cortex_sd < 2.0 * CORTEX_SPREAD * CORTEX


@pytest.mark.parametrize("inner_sd", [0.0, 0.25])
def test_width_of_the_edge_towards_the_marrow(inner_sd):
    rng = np.random.default_rng(1)
    blur, noise = 0.4, 15.0
    draws = zip(rng.uniform(-0.3, 0.3, 150), rng.uniform(0.8, 1.8, 150), strict=True)
    profiles = np.array([slab(place, t, blur, inner_sd=inner_sd) for place, t in draws])
    profiles += rng.normal(0.0, noise, profiles.shape)
    scan = ScanModel(CORTEX, 80.0, MARROW, 60.0, SOFT, blur, blur, 0.0, 1.2, noise, STEP)
    found = _best_inner_edge(profiles, np.zeros(150), scan)
    assert found.inner_edge == pytest.approx(inner_sd**2, abs=0.02)


@pytest.mark.parametrize(("enhancement", "wider"), [(0.0, 2.0), (1.0, 2.0), (4.0, 1.2)])
def test_kernel_and_width_of_what_it_subtracts(enhancement, wider):
    rng = np.random.default_rng(2)
    blur, noise = 0.5, 10.0
    draws = zip(rng.uniform(-0.3, 0.3, 100), rng.uniform(0.8, 1.8, 100), strict=True)
    profiles = np.array(
        [slab(place, t, blur, enhancement=enhancement, wider=wider) for place, t in draws]
    )
    profiles += rng.normal(0.0, noise, profiles.shape)
    scan = ScanModel(CORTEX, 80.0, MARROW, 60.0, SOFT, blur, blur, 0.0, 1.2, noise, STEP)
    found = _best_kernel(profiles, np.zeros(100), scan)
    true = replace(scan, enhancement=enhancement, broad=wider)
    assert found.overshoot == pytest.approx(true.overshoot, abs=0.03)
    assert found.blur_xy == pytest.approx(blur, rel=0.08)
    if enhancement:
        assert found.broad == wider


@pytest.mark.parametrize("wider", [1.2, 2.0])
def test_overshoot_is_that_of_the_edge(wider):
    scan = ScanModel(CORTEX, 80.0, MARROW, 60.0, SOFT, 0.5, 0.5, 1.5, 1.2, 15.0, STEP, broad=wider)
    edge = slab(0.0, 50.0, 1.0, enhancement=1.5, wider=wider)
    height = CORTEX_HU - SOFT_HU
    assert scan.overshoot == pytest.approx((edge.max() - CORTEX_HU) / height, abs=0.005)
    assert replace(scan, enhancement=0.0).overshoot == pytest.approx(0.0, abs=1e-4)


def test_blur_along_a_normal_lies_between_those_of_the_axes():
    scan = scan_of()
    along = scan.blur(np.array([0.0, 0.5, 1.0]))
    assert along[0] == pytest.approx(scan.blur_xy)
    assert along[2] == pytest.approx(scan.blur_z)
    assert min(along[0], along[2]) <= along[1] <= max(along[0], along[2])
