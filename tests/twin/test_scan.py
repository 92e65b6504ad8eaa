"""A simulated scan shows what it was drawn with, and its truth says where."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from phantoms.anatomy.mesh import Mesh, signed_volume
from phantoms.anatomy.mesh_rays import Gauge
from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.twin.scan import simulate_scan
from phantoms.twin.scan_anatomy import scan_anatomy
from phantoms.twin.scan_joints import vertex_normals
from phantoms.twin.scan_parameters import (
    JOINTS,
    Artefacts,
    BoneLook,
    Contrast,
    Kernel,
    Osteophyte,
    ScanParameters,
    View,
)

CLEAN = Artefacts(noise_hu=0.0, shoulders=0.0, hardening=0.0, cupping_hu=0.0)
SOLID = BoneLook(900.0, 3.0, 0.0, 900.0, 0.0)
AROUND_C2 = View(low_mm=-22.0, high_mm=26.0, side_mm=76.0, centre_mm=(0.0, -7.0))
FILLED = Contrast(artery_hu=(400.0, 400.0), decay_hu_per_mm=0.0)
PLAIN = ScanParameters(kernel=Kernel("soft", 0.35, 0.0, 0.7), artefacts=CLEAN, view=AROUND_C2)
BLUNT = Kernel("soft", 1.0, 0.0, 1.5)
COARSE = replace(PLAIN, kernel=BLUNT, spacing_mm=(1.2, 1.2, 1.2))


@pytest.fixture(scope="module")
def anatomy():
    return standard_anatomy()


@pytest.fixture(scope="module")
def solid_scan(anatomy):
    """Bones of one density; the patient turned."""
    turned = replace(AROUND_C2, rotation_deg=(4.0, -3.0, 8.0), shift_mm=(12.0, -7.0, 100.0))
    return simulate_scan(anatomy, replace(PLAIN, bone=SOLID, view=turned))


@pytest.fixture(scope="module")
def thick(anatomy):
    """Bones of thick cortex, both arteries filled alike."""
    return simulate_scan(
        anatomy, replace(PLAIN, bone=BoneLook(760.0, 2.6, 0.0, 200.0, 0.0), contrast=FILLED)
    )


@pytest.fixture(scope="module")
def poor(anatomy):
    """The left artery occluded, the right one hypoplastic."""
    contrast = replace(FILLED, state=("occluded", "hypoplastic"))
    return simulate_scan(anatomy, replace(PLAIN, contrast=contrast))


@pytest.fixture
def coarsely_painted(monkeypatch):
    """Voxels in fewer parts, where their edges do not count."""
    monkeypatch.setattr("phantoms.twin.scan_kernel.FINEST", 1.5)


def sampled(volume, points, order=1):
    at = ((points - volume.origin) / volume.spacing)[:, ::-1]
    return map_coordinates(volume.values.astype(float), at.T, order=order, mode="nearest")


def mesh_of(structure):
    return Mesh(structure.vertices, structure.triangles)


def edges_along_normals(volume, mesh):
    """Where the edge's half height lies from the surface, mm, where nothing else is near."""
    normals = vertex_normals(mesh)
    way = np.arange(-2.0, 2.01, 0.05)
    points = mesh.vertices[:, None] + way[None, :, None] * normals[:, None]
    lines = sampled(volume, points.reshape(-1, 3), 3).reshape(len(normals), -1)
    alone = (np.abs(lines[:, 0] - 900.0) < 60.0) & (lines[:, -25:].max(axis=1) < 120.0)
    lines = lines[alone]
    half = 0.5 * (900.0 + np.median(lines[:, -10:], axis=1))
    first = np.clip(np.argmax(lines < half[:, None], axis=1), 1, None)
    rows = np.arange(len(lines))
    before, after = lines[rows, first - 1], lines[rows, first]
    return way[first - 1] + 0.05 * (before - half) / (before - after), alone.mean()


@pytest.mark.parametrize("name", ["C1", "C2"])
def test_the_true_surface_lies_at_half_the_height_of_the_edge(solid_scan, name):
    off, share = edges_along_normals(solid_scan.volume, mesh_of(solid_scan.truth.structure(name)))
    assert share > 0.4
    assert np.mean(np.abs(off)) < 0.06
    assert np.percentile(np.abs(off), 95) < 0.15


def test_the_surface_stays_there_from_whichever_side_it_is_seen(solid_scan):
    """No shift of the volume: left and right, front and back, above and below agree."""
    mesh = mesh_of(solid_scan.truth.structure("C2"))
    normals = vertex_normals(mesh)
    for axis in range(3):
        sides = []
        for sign in (-1.0, 1.0):
            chosen = sign * normals[:, axis] > 0.8
            way = np.arange(-2.0, 2.01, 0.05)
            points = mesh.vertices[chosen][:, None] + way[None, :, None] * normals[chosen][:, None]
            lines = sampled(solid_scan.volume, points.reshape(-1, 3), 3).reshape(chosen.sum(), -1)
            alone = (np.abs(lines[:, 0] - 900.0) < 60.0) & (lines[:, -25:].max(axis=1) < 120.0)
            half = 0.5 * (900.0 + np.median(lines[alone][:, -10:], axis=1))
            sides.append(np.mean(way[np.argmax(lines[alone] < half[:, None], axis=1)]))
        assert abs(sides[0] - sides[1]) < 0.06


def test_thick_cortex_has_the_drawn_hu(thick):
    mesh = mesh_of(thick.truth.structure("C2"))
    depth = Gauge(mesh.vertices, mesh.triangles)
    grid = thick.volume
    points = mesh.vertices - 1.3 * vertex_normals(mesh)
    within = depth.signed_distance(points) < -1.2
    assert np.median(sampled(grid, points[within])) == pytest.approx(760.0, abs=8.0)
    deep = mesh.vertices - 5.0 * vertex_normals(mesh)
    inner = depth.signed_distance(deep) < -4.5
    assert inner.sum() > 20
    assert np.median(sampled(grid, deep[inner])) == pytest.approx(200.0, abs=12.0)


def test_thin_cortex_is_partly_resolved(anatomy):
    """0.4 mm of 1000 HU: its peak falls far below, but what it weighs is still there."""
    thin = simulate_scan(anatomy, replace(PLAIN, bone=BoneLook(1000.0, 0.4, 0.0, 100.0, 0.0)))
    none = simulate_scan(anatomy, replace(PLAIN, bone=BoneLook(100.0, 0.4, 0.0, 100.0, 0.0)))
    mesh = mesh_of(thin.truth.structure("C2"))
    way = np.arange(-2.5, 2.51, 0.05)
    points = mesh.vertices[:, None] + way[None, :, None] * vertex_normals(mesh)[:, None]
    line = [
        sampled(s.volume, points.reshape(-1, 3)).reshape(len(mesh.vertices), -1)
        for s in (thin, none)
    ]
    more = np.median(line[0] - line[1], axis=0)
    assert more.max() < 0.62 * 900.0
    assert np.trapezoid(more, way) == pytest.approx(0.4 * 900.0, rel=0.15)


def test_calibration_errors_scale_and_shift_all(anatomy, coarsely_painted):
    true = simulate_scan(anatomy, COARSE).volume.values.astype(float)
    wrong = replace(COARSE, artefacts=replace(CLEAN, scale=0.97, offset_hu=8.0))
    shown = simulate_scan(anatomy, wrong).volume.values
    inside = (true > -1000) & (true < 3000) & (shown > -1024)
    np.testing.assert_allclose(shown[inside], 0.97 * (true[inside] + 1000) - 992, atol=1.1)


def test_joints_are_as_wide_as_drawn(anatomy):
    widths = dict(zip(JOINTS, np.linspace(0.3, 2.0, len(JOINTS)), strict=True))
    scan = replace(PLAIN, joints_mm=tuple(widths.items()))
    found = scan_anatomy(anatomy, scan)
    for joint in found.joints:
        upper, lower = found.structure(joint.upper), found.structure(joint.lower)
        gauge = Gauge(lower.vertices, lower.triangles)
        near = np.linalg.norm(upper.vertices - joint.middle, axis=1) < 0.7 * joint.reach
        distance = gauge.signed_distance(upper.vertices[near])
        assert distance.min() == pytest.approx(widths[joint.name], abs=0.05)
        assert found.joint_widths[joint.name] == pytest.approx(widths[joint.name], abs=0.01)


def test_bones_stay_closed_and_apart_whatever_grows(anatomy):
    lips = tuple(Osteophyte(name, 70.0 * k, 3.0, 0.9) for k, name in enumerate(JOINTS))
    scan = replace(PLAIN, joints_mm=tuple((n, 0.3) for n in JOINTS), osteophytes=lips)
    found, before = scan_anatomy(anatomy, scan), scan_anatomy(anatomy, PLAIN)
    bones = {s.name: s for s in found.structures if s.role == "bone"}
    for name, s in bones.items():
        if name == "C6":
            continue  # beyond the last joint that is changed
        volume = signed_volume(Mesh(s.vertices, s.triangles))
        old = before.structure(name)
        assert volume > signed_volume(Mesh(old.vertices, old.triangles))
    order = ["occiput", "C1", "C2", "C3", "C4", "C5"]
    for one, other in pairwise(order):
        gauge = Gauge(bones[other].vertices, bones[other].triangles)
        assert gauge.signed_distance(bones[one].vertices).min() > 0.05
    arteries = [s for s in found.structures if s.role == "artery"]
    for artery in arteries:
        inside = Gauge(artery.vertices, artery.triangles)
        for s in (bones["C1"], bones["C2"]):
            assert inside.signed_distance(s.vertices).min() > 0.0


def test_a_fused_joint_is_filled_with_bone_and_an_open_one_is_not(anatomy):
    name = "C2-C3 left"
    fused = simulate_scan(anatomy, replace(PLAIN, bone=SOLID, fused=(name,)))
    wide = simulate_scan(anatomy, replace(PLAIN, bone=SOLID, joints_mm=((name, 1.6),)))
    for scan, is_fused in ((fused, True), (wide, False)):
        joint = next(j for j in scan.truth.joints if j.name == name)
        assert joint.fused is is_fused
        upper, lower = (mesh_of(scan.truth.structure(b)) for b in (joint.upper, joint.lower))
        near = np.linalg.norm(upper.vertices - joint.middle, axis=1) < 4.0
        gap = Gauge(lower.vertices, lower.triangles).signed_distance(upper.vertices[near])
        facing = upper.vertices[near][gap < gap.min() + 0.3]
        between = facing + 0.5 * gap.min() * vertex_normals(upper)[near][gap < gap.min() + 0.3]
        hu = np.median(sampled(scan.volume, between))
        assert hu > 700.0 if is_fused else hu < 400.0


def test_what_is_in_view_is_told(anatomy, coarsely_painted):
    cut = replace(COARSE, view=replace(AROUND_C2, low_mm=-40.0, high_mm=12.0))
    seen = {s.name: s.seen for s in simulate_scan(anatomy, cut).truth.structures}
    assert seen["C3"] == "whole"
    assert seen["C1"] == seen["C2"] == seen["C4"] == "cut"
    assert seen["occiput"] == seen["C5"] == seen["C6"] == "no"
    assert seen["skin"] == seen["cord"] == "cut"


@pytest.mark.parametrize(
    ("drawn", "states"),
    [("thick", ("normal", "normal")), ("poor", ("occluded", "hypoplastic"))],
)
def test_an_artery_holds_contrast_only_where_the_truth_says_so(request, drawn, states):
    scan = request.getfixturevalue(drawn)
    truth = {a.name: a for a in scan.truth.arteries}
    left, right = (truth[f"vertebral artery {side}"] for side in ("left", "right"))
    assert (left.state, right.state) == states
    assert left.enhanced is (states[0] != "occluded")
    assert right.enhanced
    for artery in (left, right):
        s = scan.truth.structure(artery.name)
        mesh = mesh_of(s)
        middle = mesh.vertices - (1.9 if artery.state != "hypoplastic" else 1.1) * vertex_normals(
            mesh
        )
        low, high = scan.volume.origin[2] + 3, scan.volume.origin[2] + 40
        seen = (middle[:, 2] > low) & (middle[:, 2] < high)
        hu = np.median(sampled(scan.volume, middle[seen]))
        if artery.enhanced:
            assert hu > 300.0
        else:
            assert hu < 80.0


def test_a_hypoplastic_artery_is_thinner_by_its_share(anatomy):
    def wide(state):
        contrast = Contrast(state=(state, "normal"), hypoplastic_share=0.5)
        found = scan_anatomy(anatomy, replace(PLAIN, contrast=contrast))
        s = found.structure("vertebral artery left")
        return signed_volume(Mesh(s.vertices, s.triangles))

    assert wide("hypoplastic") / wide("normal") == pytest.approx(0.25, abs=0.05)


def test_without_contrast_arteries_are_as_dense_as_blood(anatomy, coarsely_painted):
    contrast = Contrast(phase="none", artery_hu=(45.0, 45.0))
    scan = simulate_scan(anatomy, replace(COARSE, contrast=contrast))
    assert not any(a.enhanced for a in scan.truth.arteries)


def test_the_same_seed_gives_the_same_scan_and_another_another(anatomy, coarsely_painted):
    small = replace(AROUND_C2, low_mm=-6.0, high_mm=0.0, side_mm=40.0)
    noisy = replace(COARSE, view=small, artefacts=replace(CLEAN, noise_hu=20.0))
    one, two = simulate_scan(anatomy, noisy), simulate_scan(anatomy, noisy)
    other = simulate_scan(anatomy, replace(noisy, seed=1))
    assert np.array_equal(one.volume.values, two.volume.values)
    assert not np.array_equal(one.volume.values, other.volume.values)


def test_noise_grows_behind_the_shoulders_from_side_to_side(anatomy, coarsely_painted):
    view = View(low_mm=-84.0, high_mm=10.0, side_mm=100.0)
    base = replace(PLAIN, spacing_mm=(1.2, 1.2, 3.0), view=view)
    quiet = simulate_scan(anatomy, base).volume.values.astype(float)
    loud = replace(base, artefacts=replace(CLEAN, noise_hu=15.0, shoulders=1.0))
    noise = simulate_scan(anatomy, loud).volume.values - quiet
    body = slice(24, 60)
    low, high = noise[1:4, body, body], noise[-6:-2, body, body]
    assert high.std() == pytest.approx(15.0, rel=0.4)
    assert low.std() > 1.6 * high.std()
    along = np.mean(low[:, :, 2:] * low[:, :, :-2])
    across = np.mean(low[:, 2:] * low[:, :-2])
    assert along > across + 0.1 * low.var()


def test_fillings_of_metal_streak_only_near_their_height(anatomy, coarsely_painted):
    view = View(low_mm=-30.0, high_mm=20.0, side_mm=150.0, centre_mm=(0.0, -30.0))
    base = replace(PLAIN, spacing_mm=(2.0, 2.0, 2.0), view=view, kernel=BLUNT)
    plain = simulate_scan(anatomy, base).volume
    metal = simulate_scan(anatomy, replace(base, artefacts=replace(CLEAN, metal=4))).volume
    z = plain.origin[2] + plain.spacing[2] * np.arange(len(plain.values))
    body = (plain.values > -200) & (plain.values < 400)
    change = np.array(
        [
            np.std((m - p)[b])
            for m, p, b in zip(metal.values.astype(float), plain.values, body, strict=True)
        ]
    )
    assert change[(z > -16) & (z < 8)].max() > 40.0
    assert change[(z < -24) | (z > 14)].max() < 5.0
