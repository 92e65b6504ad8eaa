"""A tube's wall and what it says of its own error, beside veins and bone, on painted voxels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nav.reconstruction.artery_routes import cheapest_route, travel_cost
from nav.reconstruction.artery_tubes import Artery
from nav.reconstruction.bone_labels import Levels
from nav.reconstruction.guidance import NOTHING
from nav.reconstruction.lumen_profile import LumenProfile, lumen_profile, unlike, with_doubt
from nav.reconstruction.reconstruction_steps import BoneRegion
from nav.reconstruction.sampling import as_field
from nav.reconstruction.surfaces import vessel_surface
from nav.reconstruction.tube import Tube, fit_tube
from nav.reconstruction.volume import Volume

SOFT, LUMEN, BONE = 40.0, 340.0, 900.0  # HU
STEP, BLUR, NOISE = 0.25, 0.45, 8.0  # mm, mm, HU
RADIUS, LENGTH = 2.0, 40.0  # mm
VEIN = 1.3, 3.3  # mm: its middle's x and radius, so that it is up to 2.6 mm thick
ALL_ROUND = 0.0, 3.5
BESIDE = (13.0, 27.0)  # mm, heights between which something lies beside the vessel


def painted(vein: float = 0.0, bone: float | None = None, at: tuple[float, float] = VEIN) -> Volume:
    """A vessel along z, its middle at x = y = 0.

    vein : contrast's share of a vein. at : its middle's x and radius, mm. bone : mm from the wall
    at +x.
    """
    x = np.arange(-8.0, 8.01, STEP)
    z = np.arange(0.0, LENGTH + 0.01, STEP)
    zz, yy, xx = np.meshgrid(z, x, x, indexing="ij")
    hu = np.full(xx.shape, SOFT)
    near = (zz > BESIDE[0]) & (zz < BESIDE[1])
    hu[near & (np.hypot(xx - at[0], yy) < at[1]) & (vein > 0.0)] = SOFT + vein * (LUMEN - SOFT)
    if bone is not None:
        hu[near & (xx > RADIUS + bone)] = BONE
    hu[np.hypot(xx, yy) < RADIUS] = LUMEN
    hu = gaussian_filter(hu, BLUR / STEP)
    hu += gaussian_filter(np.random.default_rng(0).standard_normal(hu.shape), 1.0) * NOISE * 5
    model_from_voxel = np.diag([STEP, STEP, STEP, 1.0])
    model_from_voxel[:2, 3] = -8.0
    return Volume(hu.astype(np.float32), model_from_voxel)


def fitted(volume: Volume) -> Tube:
    line = np.column_stack([np.zeros(80), np.zeros(80), np.linspace(3.0, LENGTH - 3.0, 80)])
    return fit_tube(as_field(volume), line, SOFT, BLUR)


def errors(tube: Tube) -> tuple[np.ndarray, np.ndarray]:
    """Signed errors (n, 24) of the wall, mm, and whether a section is beside something (n,)."""
    angle = 2 * np.pi * np.arange(24) / 24
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    wall = tube.centres[:, None, :2] + tube.radii[:, None, None] * ring
    height = tube.centres[:, 2]
    return np.hypot(*np.moveaxis(wall, 2, 0)) - RADIUS, (height > BESIDE[0]) & (height < BESIDE[1])


def share_within(tube: Tube) -> float:
    off, near = errors(tube)
    return float((np.abs(off) < 1.96 * tube.sd[:, None])[near].mean())


def share_within_surface(volume: Volume, tube: Tube, bone: float) -> float:
    """The same of the delivered surface, whose sigma knows on which side the bone is."""
    index = np.stack(np.meshgrid(*map(np.arange, volume.values.shape), indexing="ij"), axis=-1)
    points = volume.to_model(index.reshape(-1, 3)[:, ::-1])
    besides = np.maximum(np.abs(points[:, 2] - np.mean(BESIDE)) - 0.5 * np.ptp(BESIDE), 0.0)
    away = np.hypot(np.maximum(RADIUS + bone - points[:, 0], 0.0), besides)
    distance = away.reshape(volume.values.shape).astype(np.float32)
    region = BoneRegion(volume, {}, distance, Levels(SOFT, BONE, 470.0))
    artery = Artery("vertebral artery left", "left", "seen", tube, LUMEN - SOFT)
    surface = vessel_surface(region, artery, NOTHING)
    off = np.hypot(*surface.vertices[:, :2].T) - RADIUS
    height = surface.vertices[:, 2]
    near = (height > BESIDE[0]) & (height < BESIDE[1])
    return float((np.abs(off) < 1.96 * surface.sigma)[near].mean())


def test_a_vessel_alone_is_exact_and_sure():
    tube = fitted(painted())
    off, near = errors(tube)
    assert np.abs(off).max() < 0.1
    assert tube.sd[near].max() < 0.25


@pytest.mark.parametrize("vein", [0.4, 0.5, 0.6])
def test_beside_a_dimmer_vein_the_wall_is_the_arterys_own(vein):
    """The steepest fall of a ray through both was the vein's outer wall: 1.5 mm too far out."""
    off, near = errors(fitted(painted(vein, at=ALL_ROUND)))
    assert np.abs(off[near]).mean() < 0.2


@pytest.mark.parametrize("at", [VEIN, ALL_ROUND, (0.0, 3.0), (0.4, 2.8)])
@pytest.mark.parametrize("vein", [0.4, 0.6, 0.7, 0.85, 1.0])
def test_beside_a_vein_sigma_covers_the_error(vein, at):
    assert share_within(fitted(painted(vein, at=at))) > 0.9


def test_beside_a_vein_as_bright_the_wall_is_not_known():
    tube = fitted(painted(1.0))
    _, near = errors(tube)
    assert np.median(tube.sd[near]) > 3.0 * np.median(fitted(painted()).sd[near])


@pytest.mark.parametrize("gap", [0.3, 0.6, 1.0])
def test_a_wall_that_bone_nearly_touches_is_not_drawn_in(gap):
    """The cleft between both is not resolved; the wall was a third of a millimetre too far in."""
    volume = painted(bone=gap)
    tube = fitted(volume)
    off, near = errors(tube)
    assert np.abs(off[near]).max() < 0.15
    assert share_within_surface(volume, tube, gap) > 0.93


def test_a_line_through_bone_or_a_gap_is_not_lumen():
    """Contrast decays along the vessel, which is no reason to doubt it."""
    volume = painted()
    z = volume.to_model(np.array([[0, 0, k] for k in range(volume.values.shape[0])]))[:, 2]
    decayed = volume.values - (2.0 * z[:, None, None] * (volume.values - SOFT) / 340.0)
    decayed[(z > 18.0) & (z < 24.0)] = BONE
    field = as_field(Volume(decayed.astype(np.float32), volume.model_from_voxel))
    whole = fitted(volume)
    profile = lumen_profile(field, whole, SOFT)
    assert profile.at(np.array([5.0, 30.0])) == pytest.approx([LUMEN - 9.0, LUMEN - 53.0], abs=15)
    wrong = unlike(field, whole, profile, SOFT)
    height = whole.centres[:, 2]
    assert wrong[(height > 18.5) & (height < 23.5)].all()
    assert not wrong[(height < 16.5) | (height > 25.5)].any()
    doubted = with_doubt(whole, wrong)
    assert doubted.sd[np.abs(height - 21.0) < 0.5].min() > 1.0
    assert (doubted.sd >= whole.sd).all()
    assert doubted.sd[height < 14.0] == pytest.approx(whole.sd[height < 14.0])
    assert with_doubt(whole, np.ones(len(wrong), bool)).sd == pytest.approx(5.0)


def test_a_route_by_the_lumens_own_level_does_not_cut_through_bone():
    """A loop whose contrast has decayed: straight on through bone was as cheap."""
    x, z = np.arange(-2.0, 26.01, 0.5), np.arange(0.0, 40.01, 0.5)
    zz, yy, xx = np.meshgrid(z, np.arange(-5.0, 5.01, 0.5), x, indexing="ij")
    level = 400.0 - 8.5 * zz
    hu = np.full(xx.shape, SOFT)
    ring = np.abs(np.hypot(xx, zz - 20.0) - 14.0)
    straight = np.hypot(xx, yy) < 2.0
    loop = (np.hypot(ring, yy) < 2.0) & (xx > 0.0)
    hu[straight & (np.abs(zz - 20.0) < 13.0)] = 420.0
    vessel = loop | (straight & (np.abs(zz - 20.0) > 12.0))
    hu[vessel] = level[vessel]
    model_from_voxel = np.diag([0.5, 0.5, 0.5, 1.0])
    model_from_voxel[:3, 3] = [-2.0, -5.0, 0.0]
    part = Volume(gaussian_filter(hu, 0.9).astype(np.float32), model_from_voxel)
    block = (np.hypot(xx, yy) < 3.5) & (np.abs(zz - 20.0) < 12.0)
    far = np.where(block, np.float32(-0.2), np.float32(9.0))
    stations = {"C4": np.array([0.0, 0.0, 2.0]), "C2low": np.array([0.0, 0.0, 38.0])}
    stations["pierce"] = np.array([0.0, 0.0, 39.0])

    def reaches(lumen) -> float:
        route = cheapest_route(part, travel_cost(part, far, lumen, SOFT), stations, LUMEN, SOFT)
        assert route is not None
        return float(route[:, 0].max())

    assert reaches(340.0) < 4.0
    assert reaches(LumenProfile(400.0, -8.5).on_grid(part)) > 12.0
