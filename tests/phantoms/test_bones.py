"""Each bone by itself: fit to print and as large as published."""

from dataclasses import replace

import numpy as np
import open3d as o3d
import pytest
from scipy.spatial.transform import Rotation

from nav.core.errors import InputError
from phantoms.anatomy import c1, c2, occiput, subaxial
from phantoms.anatomy.crossing import suspect_pairs
from phantoms.anatomy.mesh import Mesh, mesh_solid
from phantoms.anatomy.parameters import AnatomyParameters, ArteryParameters
from phantoms.anatomy.sdf import tube

P = AnatomyParameters()
SPACING = 0.95
HOLES = {"occiput": 1, "C1": 3, "C2": 3, "C3": 3, "C4": 3}

SMALL = replace(
    P, c1_width=62.0, c1_canal_ap=25.5, c1_canal_width=24.0, c1_anterior_height=8.6,
    c1_posterior_height=8.0, c1_posterior_thickness=5.8, c1_groove_thickness=3.2,
    c1_foramen_width=5.4, c1_foramen_ap=6.6, c1_foramen_lateral=24.0, dens_ap=9.0, dens_width=8.4,
    dens_height=13.5, c2_body_ap=12.6, c2_lamina_height=10.4, c2_lamina_thickness=5.2,
    c2_canal_ap=16.6, c2_canal_width=20.4, c2_spinous_length=11.0, c3_canal_ap=13.4,
    c3_canal_width=19.0, c3_width=44.0, c4_canal_ap=13.2, c4_canal_width=20.0, c4_width=45.0,
    body_height=11.2, lower_foramen=5.0,
    artery_left=ArteryParameters(diameter=3.0), artery_right=ArteryParameters(diameter=4.0),
)  # fmt: skip
LARGE = replace(
    P, c1_width=82.0, c1_canal_ap=33.0, c1_canal_width=31.0, c1_anterior_height=12.4,
    c1_posterior_height=11.6, c1_posterior_thickness=9.0, c1_groove_thickness=5.0,
    c1_foramen_width=7.6, c1_foramen_ap=9.0, c1_foramen_lateral=29.0, dens_ap=12.4,
    dens_width=11.4, dens_height=18.5, c2_body_ap=17.4, c2_lamina_height=14.6,
    c2_lamina_thickness=8.2, c2_canal_ap=21.4, c2_canal_width=27.0, c2_spinous_length=20.0,
    c3_canal_ap=18.4, c3_canal_width=25.4, c3_width=57.0, c4_canal_ap=18.0, c4_canal_width=26.4,
    c4_width=60.0, body_height=15.4, lower_foramen=7.2,
    artery_left=ArteryParameters(diameter=6.0), artery_right=ArteryParameters(diameter=5.0),
)  # fmt: skip


def artery_rooms(p, name):
    """Simple courses through a bone, left and right, its own frame."""
    if name == "C1":
        x, y, z = c1.foramen_centre(p)
        half, top = p.c1_canal_width / 2, c1.groove_floor(p)
        points = [(x - 1, y, z - 12), (x, y, z), (x, y + 1, z + 6)]
        points += [(half + 8, -9, top + 4), (half + 4, -5.5, top + 3), (half - 2, -5, top + 4)]
    elif name == "C2":
        points = [(14.4, -18, -8), (14.4, -17.8, 2), (15.2, -17.6, 7), (20.4, -17.6, 10.8)]
        points += [(27, -15, 15)]
    else:
        middle = subaxial.foramen_centre(p, name)
        points = middle + np.array([(0, 0, -14), (0, 0, 0), (0, 0, 14)])
    return [
        tube(
            np.multiply(points, (mirror, 1, 1)),
            [(p.artery(side).diameter / 2 + p.artery_wall_gap,) * 2] * len(points),
            up=(0.3, 1.0, 0.2),
        )
        for side, mirror in (("left", 1.0), ("right", -1.0))
    ]


def made(p, name):
    if name == "occiput":
        return mesh_solid(occiput.occiput_solid(p), *occiput.occiput_box(p), SPACING)
    rooms = artery_rooms(p, name)
    if name == "C1":
        return mesh_solid(c1.c1_solid(p, *rooms), *c1.c1_box(p), SPACING)
    if name == "C2":
        return mesh_solid(c2.c2_solid(p, *rooms), *c2.c2_box(p), SPACING)
    box = subaxial.subaxial_box(p, name)
    return mesh_solid(subaxial.subaxial_solid(p, name, *rooms), *box, SPACING)


@pytest.fixture(scope="module")
def bones():
    """Meshes of a middling, a small and a large neck by name of the bone."""
    return {
        (size, name): made(p, name)
        for size, p in (("usual", P), ("small", SMALL), ("large", LARGE))
        for name in HOLES
        if size == "usual" or name in ("C1", "C2", "C4")
    }


@pytest.fixture(scope="module")
def scenes(bones):
    return {name: scene(mesh) for (size, name), mesh in bones.items() if size == "usual"}


def scene(mesh):
    cast = o3d.t.geometry.RaycastingScene(nthreads=1)
    cast.add_triangles(mesh.vertices.astype(np.float32), mesh.triangles.astype(np.uint32))
    return cast


def reach(cast, point, direction):
    direction = np.asarray(direction, float) / np.linalg.norm(direction)
    ray = o3d.core.Tensor(np.array([[*point, *direction]], np.float32))
    return float(cast.cast_rays(ray)["t_hit"].numpy()[0])


def across(cast, point, direction):
    return reach(cast, point, direction) + reach(cast, point, -np.asarray(direction, float))


def holes(mesh):
    """Genus of one closed piece."""
    return 1 - (len(mesh.vertices) - len(mesh.triangles) / 2) / 2


def check_sound(mesh):
    """Closed, manifold, one piece, facing outwards, and no triangle passes through another."""
    solid = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(mesh.vertices), o3d.utility.Vector3iVector(mesh.triangles)
    )
    assert solid.is_edge_manifold(allow_boundary_edges=False)
    assert solid.is_vertex_manifold()
    assert len(solid.cluster_connected_triangles()[1]) == 1
    assert solid.get_volume() > 0
    assert not suspect_pairs(mesh)


def smallest_angle(mesh):
    corners = mesh.vertices[mesh.triangles]
    sides = np.stack([corners[:, (i + 1) % 3] - corners[:, i] for i in range(3)], axis=1)
    sides /= np.linalg.norm(sides, axis=2)[:, :, None]
    cosines = np.einsum("ijk,ijk->ij", sides, -np.roll(sides, 1, axis=1))
    return float(np.degrees(np.arccos(cosines.max())))


def wall(mesh):
    """Thinnest place: inwards from the middle of each triangle to the other side."""
    corners = mesh.vertices[mesh.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    rays = np.hstack([corners.mean(axis=1) - 1e-3 * normals, -normals])
    hits = scene(mesh).cast_rays(o3d.core.Tensor(np.float32(rays)))["t_hit"].numpy()
    return float(hits.min())


# Fit to print


@pytest.mark.parametrize(
    ("size", "name"),
    [("usual", name) for name in HOLES]
    + [(size, name) for size in ("small", "large") for name in ("C1", "C2", "C4")],
)
def test_a_bone_is_one_closed_piece_with_its_holes_and_walls_that_print(bones, size, name):
    mesh = bones[size, name]
    check_sound(mesh)
    assert holes(mesh) == HOLES[name]
    assert smallest_angle(mesh) > 8.0
    assert wall(mesh) >= 1.2
    assert len(mesh.triangles) <= 24_000


def test_the_same_parameters_give_the_same_bits(bones):
    again = made(P, "C3")
    assert again.vertices.tobytes() == bones["usual", "C3"].vertices.tobytes()
    assert again.triangles.tobytes() == bones["usual", "C3"].triangles.tobytes()


@pytest.mark.parametrize(
    ("left", "right", "count"), [("complete", "incomplete", 4), ("complete", "complete", 5)]
)
def test_a_ponticulus_spans_the_groove(left, right, count):
    p = replace(
        P,
        artery_left=ArteryParameters(ponticulus=left),
        artery_right=ArteryParameters(diameter=4.0, ponticulus=right),
    )
    mesh = made(p, "C1")
    check_sound(mesh)
    assert holes(mesh) == count
    assert wall(mesh) >= 1.2
    # Bone over the artery on the left; on the right only where the bridge is complete.
    over = np.array([p.c1_canal_width / 2 + 3.0, -6.0, 40.0])
    cast = scene(mesh)
    # From above: down to the bridge, or on to the groove's floor.
    bridge = 40.0 - reach(cast, over, (0, 0, -1))
    assert bridge > c1.groove_floor(p) + 5.5
    gap = 40.0 - reach(cast, over * (-1, 1, 1), (0, 0, -1))
    assert (gap > c1.groove_floor(p) + 4.5) == (right == "complete")


def test_a_bone_without_its_artery_is_the_same_left_and_right():
    def nowhere(points):
        return np.full(len(points), 50.0)

    solid = c1.c1_solid(P, nowhere, nowhere)
    points = np.random.default_rng(0).uniform(*c1.c1_box(P), (2000, 3))
    assert np.array_equal(solid(points), solid(points * (-1, 1, 1)))


@pytest.mark.parametrize(
    ("p", "name"),
    [
        (replace(P, c1_width=61.0, c1_foramen_lateral=29.0), "c1_width 61"),
        (replace(P, c3_width=42.0, c3_canal_width=26.0), "c3_width 42"),
        (replace(P, c4_width=43.0, c4_canal_width=27.0), "c4_width 43"),
    ],
)
def test_foramina_without_bone_outside_them_are_refused(p, name):
    with pytest.raises(InputError, match=name):
        made(p, name[:2].upper())


def test_crossing_triangles_would_be_found(bones):
    mesh = bones["usual", "C3"]
    shifted = mesh.vertices + np.array((0, 3, 0))
    twice = Mesh(
        np.concatenate([mesh.vertices, shifted]),
        np.concatenate([mesh.triangles, mesh.triangles + len(mesh.vertices)]),
    )
    assert len(suspect_pairs(twice)) > 100


# As large as published


def test_measures_of_c1(bones, scenes):
    """Within 10 % of what is published: see the parameters' sources."""
    atlas = scenes["C1"]
    middle = (0, -P.c1_canal_ap / 2, 0)
    assert np.ptp(bones["usual", "C1"].vertices[:, 0]) == pytest.approx(72, rel=0.1)
    assert across(atlas, middle, (0, 1, 0)) == pytest.approx(29, rel=0.1)
    widths = [across(atlas, (0, y, -2), (1, 0, 0)) for y in np.linspace(-20, -4, 30)]
    assert max(widths) == pytest.approx(27.5, rel=0.1)
    assert across(atlas, (0, -P.c1_canal_ap - 2.5, 0), (0, 0, 1)) == pytest.approx(10.4, rel=0.1)
    assert across(atlas, (4, 3, 0), (0, 0, 1)) == pytest.approx(9.7, rel=0.1)
    assert across(atlas, (0, 3, 0), (0, 1, 0)) == pytest.approx(7.2, rel=0.1)
    front = reach(atlas, (0, -60, 0), (0, 1, 0))
    back = reach(atlas, (0, 40, 0), (0, -1, 0))
    assert 100 - front - back == pytest.approx(42, rel=0.1)


def test_groove_and_foramen_of_c1(scenes):
    atlas = scenes["C1"]
    # Thinnest place of the arch under the artery, 14 to 18 from the midline.
    heights = [
        across(atlas, (x, y, c1.GROOVE_MIDDLE), (0, 0, 1))
        for x, y in zip(np.linspace(14, 18, 9), np.linspace(-2.5, -6.5, 9), strict=True)
    ]
    assert min(heights) == pytest.approx(3.9, rel=0.1)
    middles = c1.foramen_centre(P) + np.array([(0, 0, z) for z in (-2, -1, 0)])
    assert min(across(atlas, m, (1, 0, 0)) for m in middles) == pytest.approx(6.1, rel=0.1)
    assert min(across(atlas, m, (0, 1, 0)) for m in middles) == pytest.approx(7.7, rel=0.1)


def test_measures_of_c2(scenes):
    """Within 10 % of what is published: see the parameters' sources."""
    axis = scenes["C2"]
    middle = c2.dens_axis(P, 9.0)
    up = c2.dens_axis(P, 1.0) - c2.dens_axis(P, 0.0)
    forwards = np.array([0.0, -up[2], up[1]])
    assert across(axis, middle, forwards) == pytest.approx(10.6, rel=0.1)
    assert across(axis, middle, (1, 0, 0)) == pytest.approx(9.8, rel=0.1)
    assert 9.0 + reach(axis, middle, up) == pytest.approx(16.0, rel=0.1)
    assert across(axis, (0, -25, 5), (0, 1, 0)) == pytest.approx(14.9, rel=0.1)
    assert across(axis, (0, -25, 4), (1, 0, 0)) == pytest.approx(16.2, rel=0.1)
    # Square to the canal, which leans back with the dens.
    assert across(axis, (0, -8, 0), (0, 1, -0.3)) == pytest.approx(18.5, rel=0.1)
    widths = [across(axis, (0, y, 4), (1, 0, 0)) for y in (-12, -11, -10, -9)]
    assert max(widths) == pytest.approx(23.6, rel=0.1)
    assert across(axis, (5, 1.2, -4), (0, -0.2, 1)) == pytest.approx(12.5, rel=0.1)
    assert across(axis, (6.6, -0.6, -3), (0.72, 0.7, 0)) == pytest.approx(6.5, rel=0.1)
    tip = 60.0 - reach(axis, (0, 60, -7), (0, -1, 0))
    assert tip == pytest.approx(15.7, rel=0.1)


@pytest.mark.parametrize(
    ("name", "ap", "width", "overall"), [("C3", 15.5, 21.8, 49.9), ("C4", 15.0, 23.0, 51.7)]
)
def test_measures_of_c3_and_c4(bones, scenes, name, ap, width, overall):
    """Reed and Jones, UMTRI-2017-1."""
    mesh, cast = bones["usual", name], scenes[name]
    middle = (0, -0.6 * ap, 0)
    assert across(cast, middle, (0, 1, 0)) == pytest.approx(ap, rel=0.1)
    # Half way up the pedicles, where the canal has walls on both sides.
    widths = [across(cast, (0, y, 1.0), (1, 0, 0)) for y in np.linspace(-ap + 1.5, -4, 20)]
    assert max(widths) == pytest.approx(width, rel=0.1)
    # Triangular: much narrower behind than before.
    assert across(cast, (0, -3.5, 0), (1, 0, 0)) < 0.65 * width
    assert np.ptp(mesh.vertices[:, 0]) == pytest.approx(overall, rel=0.04)
    back = (0, -ap - 2.0, 0)
    assert across(cast, back, (0, 0, 1)) == pytest.approx(13.3, rel=0.1)
    centre = subaxial.foramen_centre(P, name)
    assert centre[0] == pytest.approx({"C3": 14.8, "C4": 15.7}[name], rel=0.1)
    # The bridges of bone lie a little above or below the point.
    middles = [centre + np.array((0, 0, z)) for z in np.linspace(-5, 1, 13)]
    assert min(across(cast, m, (1, 0, 0)) for m in middles) == pytest.approx(6.0, rel=0.1)
    assert min(across(cast, m, (0, 1, 0)) for m in middles) == pytest.approx(6.0, rel=0.1)


@pytest.mark.parametrize("name", ["C3", "C4"])
def test_facets_of_c3_and_c4_slope_by_about_45_degrees(scenes, name):
    for facet in (subaxial.upper_facet, subaxial.lower_facet):
        middle, normal = facet(P, name)
        assert 38 < np.degrees(np.arctan2(abs(normal[1]), abs(normal[2]))) < 50
        # Flat there: rays from outside meet the plane.
        for shift in ((0, 0, 0), (2, 0, 0), (-2, 0, 0)):
            start = middle + np.array(shift) + 5 * normal
            assert reach(scenes[name], start, -normal) == pytest.approx(5.0, abs=0.05)


def test_the_foramen_magnum_is_35_by_30(scenes):
    turn = Rotation.from_euler("x", occiput.TILT, degrees=True)
    basion = np.array((0, -P.c1_canal_ap + 3.0, 0))
    middle = basion + turn.apply((0, occiput.FORAMEN_AP / 2, 17.0))
    assert across(scenes["occiput"], middle, turn.apply((0, 1, 0))) == pytest.approx(35, rel=0.1)
    assert across(scenes["occiput"], middle, (1, 0, 0)) == pytest.approx(30, rel=0.1)
