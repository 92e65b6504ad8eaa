"""The second simulator: what it measures of bodies whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.standard_neck import standard_anatomy
from phantoms.twin.ct_skin import drawn
from phantoms.twin.projection_ct import Geometry, Materials, projection_ct
from phantoms.twin.projection_scan import projection_scan
from phantoms.twin.scan import simulate_scan
from phantoms.twin.scan_joints import vertex_normals
from phantoms.twin.scan_parameters import Artefacts, BoneLook, Kernel, ScanParameters, View

WATER = Materials(tissue=1.0, fat=1.0, bone=0.5, marrow=0.5, cortex_mm=0.5)
QUIET = Geometry(side_mm=80.0, quanta=1e9, angles=300)


def cylinder(name, role, radius, x=0.0, y=0.0, corners=240):
    t = np.linspace(0.0, 2.0 * np.pi, corners, endpoint=False)
    flat = np.column_stack([x + radius * np.cos(t), y + radius * np.sin(t)])
    rings = [np.column_stack([flat, np.full(corners, z)]) for z in (-20.0, 20.0)]
    return drawn(name, role, np.array(rings))


def slice_of(structures, materials=WATER, geometry=QUIET, seed=0):
    return projection_ct(structures, 0.0, 0.6, np.zeros(2), materials, geometry, seed)


def test_water_is_0_and_air_minus_1000():
    volume = slice_of([cylinder("skin", "skin", 30.0)])
    assert volume.values.shape == (1, 160, 160)
    at = volume.origin[0] + 0.5 * np.arange(160)
    radius = np.hypot(at[None], at[:, None])
    plane = volume.values[0].astype(float)
    assert np.abs(plane[radius < 27.0]).max() < 12.0
    assert np.abs(plane[radius < 27.0].mean()) < 2.0
    assert np.abs(plane[(radius > 33.0) & (radius < 39.0)] + 1000.0).max() < 25.0


def test_an_edge_lies_where_the_body_ends():
    volume = slice_of([cylinder("skin", "skin", 30.0, x=1.3, y=-2.1)])
    angle = np.linspace(0.0, 2.0 * np.pi, 90, endpoint=False)
    way = np.arange(26.0, 34.0, 0.02)
    for a in angle:
        x = 1.3 + way * np.cos(a)
        y = -2.1 + way * np.sin(a)
        at = [(y - volume.origin[1]) / 0.5, (x - volume.origin[0]) / 0.5]
        line = map_coordinates(volume.values[0].astype(float), at, order=3)
        assert way[np.argmax(line < -500.0)] == pytest.approx(30.0, abs=0.05)


def test_noise_falls_with_quanta_as_counting_has_it():
    body = [cylinder("skin", "skin", 30.0)]
    sd = []
    for quanta in (2e4, 8e4):
        plane = slice_of(body, geometry=replace(QUIET, quanta=quanta)).values[0, 60:100, 60:100]
        sd.append(plane.std())
    assert sd[0] / sd[1] == pytest.approx(2.0, rel=0.12)
    assert sd[1] > 5.0


def test_between_two_rods_of_bone_there_is_a_dark_band():
    body = [
        cylinder("skin", "skin", 30.0),
        cylinder("rod a", "bone", 5.0, x=-14.0),
        cylinder("rod b", "bone", 5.0, x=14.0),
    ]
    plane = slice_of(body).values[0].astype(float)
    between, beside = plane[77:83, 72:88].mean(), plane[112:118, 72:88].mean()
    assert between < beside - 3.0
    assert plane[80, 80 + 28] > 700.0


def test_both_simulators_put_the_surface_of_c2_in_one_place():
    anatomy = standard_anatomy()
    view = View(low_mm=-8.0, high_mm=-3.0, side_mm=80.0, centre_mm=(0.0, -5.0))
    bone = BoneLook(900.0, 3.0, 0.0, 900.0, 0.0)
    clean = Artefacts(0.0, 0.0, 0, 0.0, 0.0)
    scan = ScanParameters(view=view, bone=bone, kernel=Kernel("soft", 0.4), artefacts=clean)
    ours = simulate_scan(anatomy, scan)
    solid = Materials(bone=0.5, marrow=0.5, cortex_mm=0.6)
    other = projection_scan(anatomy, scan, solid, Geometry(side_mm=80.0, quanta=1e8, angles=300))
    s = ours.truth.structure("C2")
    assert np.array_equal(s.vertices, other.truth.structure("C2").vertices)
    normals = vertex_normals(Mesh(s.vertices, s.triangles))
    chosen = (s.vertices[:, 2] > -7.0) & (s.vertices[:, 2] < -4.0) & (np.abs(normals[:, 2]) < 0.3)
    way = np.arange(-1.5, 1.51, 0.05)
    found = []
    for volume in (ours.volume, other.volume):
        points = s.vertices[chosen][:, None] + way[None, :, None] * normals[chosen][:, None]
        at = ((points - volume.origin) / volume.spacing)[..., ::-1].reshape(-1, 3).T
        line = map_coordinates(volume.values.astype(float), at, order=3, mode="nearest")
        line = line.reshape(-1, len(way))
        half = 0.5 * (np.median(line[:, :8], axis=1) + np.median(line[:, -8:], axis=1))
        found.append(way[np.argmax(line < half[:, None], axis=1)])
    for off in found:
        assert np.median(np.abs(off)) < 0.1
    assert abs(np.median(found[0] - found[1])) < 0.06
