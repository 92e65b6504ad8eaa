"""Surfaces refined below the voxel, in volumes of shells whose place is known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nav.reconstruction.bone_labels import Levels
from nav.reconstruction.grey_surface import Mesh, iso_surface, signed_volume
from nav.reconstruction.mesh_fields import mean_curvature, smooth_normals, taubin_smoothed
from nav.reconstruction.surface_probe import grey_values, probe_surface
from nav.reconstruction.surface_refinement import RefinedSurface, refine_surfaces
from nav.reconstruction.surface_safety import crossing_edges, moved, untangled
from nav.reconstruction.volume import Volume

FINE, STEP = 0.3, 0.6  # mm
CORTEX, MARROW, SOFT = 1000.0, 250.0, 40.0
LEVELS = Levels(SOFT, 900.0, 450.0)
RADIUS, SHELL = 9.0, 1.2  # mm


def shells(centres, radius=RADIUS, shell=SHELL, blur=0.4, noise=15.0, seed=0):
    """A volume of balls with cortex, and for each the iso-surface of its own blurred ball."""
    centres = np.atleast_2d(centres).astype(float)
    low, high = centres.min(axis=0) - radius - 4.0, centres.max(axis=0) + radius + 4.0
    axes = [np.arange(a, b, FINE) for a, b in zip(low, high, strict=True)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij", sparse=True)
    values = np.full((len(axes[2]), len(axes[1]), len(axes[0])), SOFT, np.float32)
    solids = []
    for c in centres:
        depth = radius - np.sqrt((x - c[0]) ** 2 + (y - c[1]) ** 2 + (z - c[2]) ** 2)

        def share(at, depth=depth):  # of a voxel within
            return np.clip((depth - at) / FINE + 0.5, 0.0, 1.0)

        values += (CORTEX - SOFT) * share(0.0) - (CORTEX - MARROW) * share(shell)
        solids.append(np.asarray(share(0.0), np.float32))
    model_from_voxel = np.diag([STEP, STEP, STEP, 1.0])
    model_from_voxel[:3, 3] = [a[0] for a in axes]

    def scanned(image):
        return gaussian_filter(image, blur / FINE)[::2, ::2, ::2].copy()

    image = scanned(values)
    rng = np.random.default_rng(seed)
    image += rng.normal(0.0, noise, image.shape).astype(np.float32)
    volume = Volume(image, model_from_voxel)
    whole = (slice(0, None), slice(0, None), slice(0, None))
    return volume, [iso_surface(scanned(s), 0.6, volume, whole) for s in solids]


def errors(surface, centre, radius=RADIUS):
    return np.linalg.norm(surface.vertices - centre, axis=1) - radius


@pytest.fixture(scope="module")
def single() -> tuple[RefinedSurface, Mesh]:
    volume, (mesh,) = shells([[0.0, 0.0, 0.0]])
    return refine_surfaces(volume, {"ball": mesh}, LEVELS, ["ball"])["ball"], mesh


def test_a_shell_is_found_where_it_is(single):
    refined, mesh = single
    before, after = errors(mesh, 0.0), errors(refined, 0.0)
    assert np.abs(before).mean() > 0.08  # the threshold was wrong
    assert np.abs(after).mean() < 0.05
    assert abs(np.median(after)) < 0.03
    ideal = 4.0 / 3.0 * np.pi * RADIUS**3
    assert abs(signed_volume(refined.vertices, refined.triangles) / ideal - 1.0) < 0.01


def test_sigma_covers_and_is_not_vast(single):
    refined, _ = single
    error = np.abs(errors(refined, 0.0))
    assert np.mean(error < 1.96 * refined.sigma) > 0.9
    assert np.median(refined.sigma) < 0.15


def test_surface_stays_closed(single):
    refined, _ = single
    edges = np.vstack([refined.triangles[:, [k, (k + 1) % 3]] for k in range(3)])
    there = {tuple(e) for e in edges.tolist()}
    assert len(there) == len(edges)  # no edge twice the same way
    assert all((b, a) in there for a, b in there)
    assert len(crossing_edges(refined.vertices, refined.triangles)) == 0
    assert np.isnan(refined.gap).all()
    assert refined.unresolved == ()


@pytest.mark.parametrize("gap", [0.6, 1.2])
def test_a_narrow_gap_stays_open_and_is_measured(gap):
    centres = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2 * RADIUS + gap]])
    volume, meshes = shells(centres)
    both = dict(zip("ab", meshes, strict=True))
    refined = refine_surfaces(volume, both, LEVELS, ["a", "b"])
    top = refined["a"].vertices[:, 2].max()
    bottom = refined["b"].vertices[:, 2].min()
    assert bottom - top > 0.0
    for name, centre in zip("ab", centres, strict=True):
        error = errors(refined[name], centre)
        facing = np.linalg.norm(refined[name].vertices - centres.mean(axis=0), axis=1) < 3.0
        assert np.abs(error[facing]).mean() < 0.15
        assert np.mean(np.abs(error[facing]) < 1.96 * refined[name].sigma[facing]) > 0.85
        nearest = np.argsort(np.linalg.norm(refined[name].vertices - centres.mean(axis=0), axis=1))
        assert np.nanmedian(refined[name].gap[nearest[:15]]) == pytest.approx(gap, abs=0.35)


def test_touching_surfaces_are_said_to_be_unresolved():
    centres = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2 * RADIUS - 0.6]])
    volume, meshes = shells(centres)
    middle = centres.mean(axis=0)
    # labels part what the grey values do not
    parted = {}
    for name, mesh, side in zip("ab", meshes, (-1.0, 1.0), strict=True):
        vertices = mesh.vertices.copy()
        over = side * (vertices[:, 2] - middle[2]) < 0.05
        vertices[over, 2] = middle[2] + side * 0.05
        parted[name] = Mesh(vertices, mesh.triangles)
    refined = refine_surfaces(volume, parted, LEVELS, ["a", "b"])
    gaps = refined["a"].unresolved
    assert gaps
    assert gaps[0].neighbour == 0
    assert np.linalg.norm(gaps[0].place - middle) < 2.5
    assert gaps[0].area > 3.0
    flat = np.linalg.norm(refined["a"].vertices - middle, axis=1) < 1.5
    far = refined["a"].vertices[:, 2] < 0.0
    assert np.median(refined["a"].sigma[flat]) > 1.5 * np.median(refined["a"].sigma[far])


def test_curvature_of_a_ball(single):
    refined, _ = single
    normals = smooth_normals(refined.vertices, refined.triangles, 2)
    found = mean_curvature(refined.vertices, refined.triangles, normals)
    assert np.median(found) == pytest.approx(1.0 / RADIUS, rel=0.1)


def test_smoothing_does_not_shrink(single):
    _, mesh = single
    smooth = taubin_smoothed(mesh.vertices, mesh.triangles, 5)
    before = signed_volume(mesh.vertices, mesh.triangles)
    assert signed_volume(smooth, mesh.triangles) == pytest.approx(before, rel=3e-3)


def test_moves_that_tangle_are_shortened(single):
    refined, _ = single
    volume = Volume(np.zeros((4, 4, 4), np.float32), np.eye(4))
    mesh = Mesh(refined.vertices, refined.triangles)
    probe = probe_surface(grey_values(volume), mesh, [])
    offset = np.random.default_rng(1).normal(0.0, 1.5, len(refined.vertices))
    offset[refined.vertices[:, 2] > 8.0] -= 17.5  # one pole beyond the other
    assert len(crossing_edges(moved(probe, offset), probe.triangles)) > 0
    shorter = untangled(probe, offset)
    assert len(crossing_edges(moved(probe, shorter), probe.triangles)) == 0
