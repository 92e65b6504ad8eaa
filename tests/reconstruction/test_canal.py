"""Cord and dura: canal coordinates, prior, and a painted neck whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.optimize import brentq
from scipy.spatial.transform import RigidTransform, Rotation
from scipy.special import erf, ndtr

from nav.core.errors import Lost
from nav.reconstruction import canal_fit, canal_surfaces
from nav.reconstruction.canal_frame import ring_triangles
from nav.reconstruction.canal_prior import frame_of, load_canal_prior
from nav.reconstruction.canal_surfaces import CanalSurfaces, _Bones, reconstruct_canal
from nav.reconstruction.chain import Chain, mean_chain
from nav.reconstruction.grey_surface import signed_volume
from nav.reconstruction.prior import load_prior
from nav.reconstruction.sampling import plain_blur, without_enhancement
from nav.reconstruction.scan_model import ScanModel
from nav.reconstruction.volume import Volume

BLUR, NOISE, SPACING = 0.5, 20.0, 0.8
CORD, FLUID, FAT, BONE = 35.0, 10.0, -70.0, 700.0


def posed_chain() -> Chain:
    """Return the mean chain somewhere in a scan, its C1 turned."""
    root = RigidTransform.from_components(
        [20.0, -30.0, 100.0], Rotation.from_euler("xyz", [-12.0, 3.0, 8.0], degrees=True)
    )
    chain = mean_chain(load_prior(), root)
    turn = RigidTransform.from_rotation(Rotation.from_euler("z", 4.0, degrees=True))
    return Chain({**chain.poses, "C1": chain.poses["C1"] * turn}, chain.weights)


def true_radii() -> np.ndarray:
    """Return radii that differ from what the mean bones let expect."""
    canal = load_canal_prior()
    rng = np.random.default_rng(3)
    return canal.radii(0.6 * canal.spread * rng.standard_normal(len(canal.spread)))


def painted(chain: Chain, fluid: float = FLUID) -> Volume:
    """Return a scan of the canal with fat round it and the chain's bones."""
    prior, canal = load_prior(), load_canal_prior()
    frame = frame_of(prior, canal, chain.poses)
    radii = true_radii()
    box = frame.to_model(canal.grid.points(radii[1] + 5.0)).reshape(-1, 3)
    low = box.min(axis=0)
    size = np.ceil((box.max(axis=0) - low) / SPACING).astype(int)
    z, y, x = np.indices(size[::-1]).reshape(3, -1)
    points = low + SPACING * np.column_stack([x, y, z])
    p = frame.to_unbent(points)
    k = p[:, 2] - canal.grid.heights[0]
    off = p[:, 1] - np.interp(p[:, 2], canal.grid.heights, canal.grid.axis)
    j = (np.arctan2(off, p[:, 0]) % (2 * np.pi)) / (2 * np.pi) * canal.grid.count
    rho = np.hypot(p[:, 0], off)
    share = []
    for r in radii:
        wrapped = np.concatenate([r, r[:, :1]], axis=1)
        edge = map_coordinates(wrapped, [k, j], order=1, mode="nearest")
        share.append(0.5 * (1.0 + erf((edge - rho) / (BLUR * np.sqrt(2.0)))))
    values = FAT + (fluid - FAT) * share[1] + (CORD - fluid) * share[0]
    bone = _Bones(prior, chain).distance(points)
    values += (BONE - values) * 0.5 * (1.0 - erf(bone / (BLUR * np.sqrt(2.0))))
    values += NOISE * np.random.default_rng(1).standard_normal(len(values))
    grid = np.diag([SPACING, SPACING, SPACING, 1.0])
    grid[:3, 3] = low
    return Volume(values.reshape(size[::-1]).astype(np.float32), grid)


def radial_errors(chain: Chain, found: CanalSurfaces) -> tuple[np.ndarray, np.ndarray]:
    """Return errors (2, rings * count) of cord and dura along the rays, and sigmas, mm."""
    canal = load_canal_prior()
    frame = frame_of(load_prior(), canal, chain.poses)
    low = int(found.facts.heights[0] - canal.grid.heights[0])
    errors = []
    for surface, truth in zip((found.cord, found.dura), true_radii(), strict=True):
        p = frame.to_unbent(surface.vertices[:-2]).reshape(-1, canal.grid.count, 3)
        axis = canal.grid.axis[low : low + len(p), None]
        rho = np.hypot(p[..., 0], p[..., 1] - axis)
        errors.append((rho - truth[low : low + len(p)]).ravel())
    return np.array(errors), np.array([found.cord.sigma[:-2], found.dura.sigma[:-2]])


@pytest.fixture(scope="module")
def chain() -> Chain:
    return posed_chain()


@pytest.fixture(scope="module")
def volume(chain: Chain) -> Volume:
    return painted(chain)


@pytest.fixture(scope="module")
def found(volume: Volume, chain: Chain) -> CanalSurfaces:
    result = reconstruct_canal(volume, load_prior(), chain)
    assert isinstance(result, CanalSurfaces)
    return result


def test_frame_maps_back(chain: Chain) -> None:
    canal = load_canal_prior()
    frame = frame_of(load_prior(), canal, chain.poses)
    points = canal.grid.points(canal.mean[1])
    assert np.abs(frame.to_unbent(frame.to_model(points)) - points).max() < 1e-3


def test_grey_values_beat_the_prior(volume: Volume, chain: Chain, found: CanalSurfaces) -> None:
    prior_only = reconstruct_canal(volume, load_prior(), chain, use_grey_values=False)
    assert isinstance(prior_only, CanalSurfaces)
    assert prior_only.dura.source == prior_only.cord.source == "prior"
    assert not prior_only.dura.measured.any()
    error, sigma = radial_errors(chain, found)
    before, wide = radial_errors(chain, prior_only)
    assert (np.abs(error).mean(axis=1) < 0.15).all()
    assert (np.abs(error).mean(axis=1) < 0.5 * np.abs(before).mean(axis=1)).all()
    assert (sigma.mean(axis=1) < wide.mean(axis=1)).all()
    assert found.dura.source == "prior and grey values"


def test_sigma_covers(chain: Chain, found: CanalSurfaces) -> None:
    error, sigma = radial_errors(chain, found)
    assert (np.abs(error) < 1.96 * sigma).mean() > 0.93


def test_closed_nested_and_clear_of_bone(chain: Chain, found: CanalSurfaces) -> None:
    for surface in (found.cord, found.dura):
        t = surface.triangles
        edges = np.sort(np.vstack([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]]), axis=1)
        assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
        assert signed_volume(surface.vertices, t) > 0.0
    canal = load_canal_prior()
    frame = frame_of(load_prior(), canal, chain.poses)
    cord, dura = (frame.to_unbent(s.vertices[:-2]) for s in (found.cord, found.dura))
    low = int(found.facts.heights[0] - canal.grid.heights[0])
    axis = np.repeat(canal.grid.axis[low : low + len(cord) // canal.grid.count], canal.grid.count)
    inner, outer = (np.hypot(p[:, 0], p[:, 1] - axis) for p in (cord, dura))
    assert (outer - inner).min() > 0.3
    assert _Bones(load_prior(), chain).distance(found.dura.vertices).min() > 0.0


def test_intrathecal_contrast_is_seen(chain: Chain) -> None:
    bright = reconstruct_canal(painted(chain, 300.0), load_prior(), chain)
    assert isinstance(bright, CanalSurfaces)
    assert bright.facts.contrast
    assert bright.cord.source == "intrathecal contrast"
    error, sigma = radial_errors(chain, bright)
    assert (np.abs(error).mean(axis=1) < 0.15).all()
    assert (np.abs(error) < 1.96 * sigma).mean() > 0.93


@pytest.mark.parametrize(("enhancement", "wider"), [(1.5, 2.0), (6.5, 1.2)])
def test_enhancement_of_an_edge_is_undone(enhancement: float, wider: float) -> None:
    blur = 0.6
    left = plain_blur(0.5, blur, enhancement, wider)
    assert left < blur
    x = 0.5 * np.arange(-40, 41)
    edge = (1.0 + enhancement) * ndtr(x / blur) - enhancement * ndtr(x / (wider * blur))
    image = np.broadcast_to(700.0 * edge, (2, 60, len(x))).astype(np.float32)
    plain = without_enhancement(
        Volume(image, np.diag([0.5, 0.5, 1.0, 1.0])), blur, enhancement, wider, left
    )
    off = plain.values - 700.0 * ndtr(x / left)
    assert np.abs(image - 700.0 * ndtr(x / left)).max() > 50.0
    assert np.abs(off[:, 5:-5, 5:-5]).max() < 1.0


def test_undoing_enhancement_amplifies_no_noise() -> None:
    noise = np.random.default_rng(4).normal(0.0, 30.0, (2, 80, 80)).astype(np.float32)
    for blur, enhancement, wider in ((0.6, 1.5, 2.0), (0.3, 6.5, 1.2), (0.9, 0.3, 2.0)):
        left = plain_blur(0.5, blur, enhancement, wider)
        assert 0.0 < left <= blur
        scan = Volume(noise, np.diag([0.5, 0.5, 1.0, 1.0]))
        less = without_enhancement(scan, blur, enhancement, wider, left)
        assert less.values.std() < noise.std()


def enhanced(volume: Volume, blur: float, enhancement: float, wider: float) -> Volume:
    """Return a scan blurred by BLUR as a kernel that enhances edges would show it."""
    wide = np.pad(np.asarray(volume.values, float), [(0, 0), (16, 16), (16, 16)], mode="edge")
    rows, columns = wide.shape[1:]
    f = 2.0 * np.pi * np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)) / SPACING
    narrow, broad, own = (np.exp(-0.5 * (f * sd) ** 2) for sd in (blur, wider * blur, BLUR))
    kernel = ((1.0 + enhancement) * narrow - enhancement * broad) / own
    values = np.fft.irfft2(np.fft.rfft2(wide) * kernel, (rows, columns))[:, 16:-16, 16:-16]
    return Volume(values.astype(np.float32), volume.model_from_voxel)


@pytest.mark.parametrize(("enhancement", "wider"), [(1.5, 2.0), (6.5, 1.2)])
def test_dura_is_fitted_without_the_enhancement_of_a_sharp_kernel(
    volume: Volume,
    chain: Chain,
    monkeypatch: pytest.MonkeyPatch,
    enhancement: float,
    wider: float,
) -> None:
    blur = brentq(lambda sd: plain_blur(SPACING, sd, enhancement, wider) - BLUR, BLUR, 3 * BLUR)
    usual = ScanModel(BONE, 80.0, BONE, 80.0, FAT, BLUR, BLUR, 0.5, 1.0, NOISE, SPACING)
    sharp = replace(usual, blur_xy=blur, enhancement=enhancement, broad=wider)
    given = []

    class Sampled(Exception): ...

    def fit_canal(prior, expected, samples, blur):
        given.append((samples, blur))
        raise Sampled

    monkeypatch.setattr(canal_surfaces, "fit_canal", fit_canal)
    # noise less fine than the voxels: the finest is not brought back
    smooth = gaussian_filter(np.asarray(volume.values, float), (0.0, 0.8, 0.8), mode="nearest")
    plain = Volume(smooth.astype(np.float32), volume.model_from_voxel)
    for scanned, scan in ((plain, usual), (enhanced(plain, blur, enhancement, wider), sharp)):
        with pytest.raises(Sampled):
            reconstruct_canal(scanned, load_prior(), chain, scan=scan)
    (expected, _), (samples, left) = given
    seen = expected.usable & samples.usable
    assert seen.mean() > 0.3
    assert np.abs(samples.values - expected.values)[seen].max() < 10.0
    assert left == pytest.approx(np.hypot(BLUR, SPACING / 6.0**0.5))


def test_cord_is_fitted_to_the_scan_as_it_is(
    volume: Volume, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = ScanModel(BONE, 80.0, BONE, 80.0, FAT, BLUR, BLUR, 0.5, 1.0, NOISE, SPACING)
    blurs: list[float] = []
    made: list[canal_fit.CanalFit] = []

    def fit_canal(prior, expected, samples, blur):
        blurs.append(blur)
        if not made:
            made.append(canal_fit.fit_canal(prior, expected, samples, blur))
        return replace(made[0], radii=made[0].radii - 0.2 * (len(blurs) - 1))

    monkeypatch.setattr(canal_surfaces, "fit_canal", fit_canal)
    sharp = replace(usual, enhancement=1.5)
    fits = [reconstruct_canal(volume, load_prior(), chain, scan=scan) for scan in (usual, sharp)]
    assert len(blurs) == 3
    assert blurs[2] == blurs[0] != blurs[1]
    # the third fit, 0.4 mm smaller here, is of the scan as it is: the first one's cord
    canals = [fit for fit in fits if isinstance(fit, CanalSurfaces)]
    plain, kept = (radial_errors(chain, canal)[0][0] for canal in canals)
    assert np.abs(plain - 0.4 - kept).max() < 0.02


def test_canal_out_of_view_is_lost(volume: Volume, chain: Chain) -> None:
    grid = volume.model_from_voxel.copy()
    grid[2, 3] += 300.0
    away = Volume(volume.values, grid)
    assert isinstance(reconstruct_canal(away, load_prior(), chain), Lost)


def test_view_that_ends_early_ends_the_surface(volume: Volume, chain: Chain) -> None:
    short = Volume(volume.values[: len(volume.values) // 2], volume.model_from_voxel)
    cut = reconstruct_canal(short, load_prior(), chain)
    assert isinstance(cut, CanalSurfaces)
    assert not cut.facts.full
    top = short.to_model([[0, 0, len(short.values) - 1]])[0, 2]
    assert cut.dura.vertices[:, 2].max() <= top


def test_ring_triangles_count() -> None:
    assert len(ring_triangles(5, 8)) == 2 * 4 * 8 + 2 * 8
