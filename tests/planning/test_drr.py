"""Radiographs: what is known is where it should be, and as dark as it should be."""

import numpy as np
import pytest
import pyvista
from scipy import ndimage

from nav.planning.drr import (
    BONE_ATTENUATION,
    WATER_ATTENUATION,
    ConeBeam,
    drr_of_surfaces,
    drr_of_volume,
    lateral_beam,
)
from nav.planning.gap import find_gap
from nav.reconstruction.volume import Volume
from tests.planning.necks import neck
from tests.solids import surface_of

BALLS = np.array([[-20.0, -22.0, 18.0], [15.0, 20.0, -25.0], [0.0, 3.0, 1.0], [18.0, -30.0, -12.0]])
RADIUS = 4.0


@pytest.fixture(scope="module")
def beam() -> ConeBeam:
    return lateral_beam(find_gap(neck()))


def ball(centre):
    return surface_of(
        pyvista.Icosphere(radius=RADIUS, center=centre, nsub=4).extract_surface(algorithm=None)
    )


def seen(image, pixel):
    """Where a ball is seen near a pixel, by its light's middle."""
    column, row = np.round(pixel).astype(int)
    size = 40
    part = image[row - size : row + size + 1, column - size : column + size + 1]
    y, x = ndimage.center_of_mass(part)
    return np.array([column - size + x, row - size + y])


def test_balls_of_surfaces_are_seen_where_they_are_projected(beam):
    for centre in BALLS:
        image = drr_of_surfaces([ball(centre)], beam)
        pixel = beam.project(centre)[0]
        assert np.linalg.norm(seen(image, pixel) - pixel) < 0.5
        assert image.max() / BONE_ATTENUATION == pytest.approx(2.0 * RADIUS, rel=0.02)


def test_balls_of_a_ct_are_seen_where_they_are_projected(beam):
    model_from_voxel = np.diag([0.8, 0.7, 0.9, 1.0])
    model_from_voxel[:3, 3] = [-45.0, -50.0, -45.0]
    shape = (100, 145, 112)
    z, y, x = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    at = np.stack([x, y, z], axis=-1) @ model_from_voxel[:3, :3].T + model_from_voxel[:3, 3]
    for centre in BALLS:
        depth = RADIUS - np.linalg.norm(at - centre, axis=-1)
        hu = -1000.0 + 1000.0 * np.clip(depth / 0.8 + 0.5, 0.0, 1.0)
        image = drr_of_volume(Volume(hu.astype(np.int16), model_from_voxel), beam)
        pixel = beam.project(centre)[0]
        assert np.linalg.norm(seen(image, pixel) - pixel) < 0.5
        assert image.max() / WATER_ATTENUATION == pytest.approx(2.0 * RADIUS, rel=0.05)


def test_the_way_through_touching_shells_counts_once(beam):
    plain = drr_of_surfaces([ball(BALLS[2])], beam)
    both = drr_of_surfaces([ball(BALLS[2]), ball(BALLS[0])], beam)
    rows, columns = np.nonzero(plain)
    assert both[rows, columns] == pytest.approx(plain[rows, columns], rel=1e-4)


def test_ventral_is_left_and_cranial_is_up(beam):
    gap = find_gap(neck())
    middle = beam.project(gap.centre)[0]
    assert middle == pytest.approx([255.5, 255.5], abs=0.1)
    dorsal = beam.project(gap.centre + 10.0 * gap.back)[0]
    cranial = beam.project(gap.centre + 10.0 * gap.up)[0]
    assert dorsal[0] > middle[0] + 10.0
    assert cranial[1] < middle[1] - 10.0


def test_left_and_right_overlap_in_a_true_lateral(beam):
    # what is off the middle is enlarged otherwise, but by the cone only
    gap = find_gap(neck())
    pairs = beam.project(gap.centre + np.array([[10.0], [-10.0]]) * gap.left)
    assert pairs[0] == pytest.approx(pairs[1], abs=1e-6)
