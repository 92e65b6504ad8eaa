"""The standard anatomy: fit to use as a case, and as large as published."""

import tomllib
from itertools import combinations

import numpy as np
import open3d as o3d
import pytest

from nav.errors import InputError
from nav.model.case import load_case
from phantoms.anatomy import c1, c2
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.pose import bone_poses
from phantoms.anatomy.soft import LEVELS, artery_line
from phantoms.anatomy.standard import standard_anatomy
from phantoms.anatomy.write import write_case

P = AnatomyParameters()
NAMES = [
    "C1",
    "C2",
    "cord",
    "dura",
    "vertebral artery left",
    "vertebral artery right",
    "skin",
]
NEEDLE_RADIUS = 0.75  # mm, 17G


@pytest.fixture(scope="module")
def anatomy():
    return standard_anatomy()


@pytest.fixture(scope="module")
def scenes(anatomy):
    return {s.name: scene(s.vertices, s.triangles) for s in anatomy.structures}


@pytest.fixture(scope="module")
def atlas(anatomy):
    return in_own_frame(anatomy.structure("C1"), bone_poses(P)[0])


@pytest.fixture(scope="module")
def axis(anatomy):
    return in_own_frame(anatomy.structure("C2"), bone_poses(P)[1])


def scene(vertices, triangles):
    made = o3d.t.geometry.RaycastingScene(nthreads=1)
    made.add_triangles(vertices.astype(np.float32), triangles.astype(np.uint32))
    return made


def in_own_frame(structure, model_from_bone):
    return scene(model_from_bone.inv().apply(structure.vertices), structure.triangles)


def signed_distance(made, points):
    return made.compute_signed_distance(o3d.core.Tensor(np.float32(points))).numpy()


def reach(made, point, direction):
    """From a point to the first surface in a direction, mm."""
    direction = np.asarray(direction, float) / np.linalg.norm(direction)
    ray = o3d.core.Tensor(np.float32([[*point, *direction]]))
    return float(made.cast_rays(ray)["t_hit"].numpy()[0])


def across(made, point, direction):
    """Through a point, from surface to surface along a direction, mm."""
    return reach(made, point, direction) + reach(made, point, -np.asarray(direction, float))


def surface_points(structure):
    corners = structure.vertices[structure.triangles]
    return np.concatenate([structure.vertices, corners.mean(axis=1)])


# Meshes


@pytest.mark.parametrize("name", NAMES)
def test_every_edge_belongs_to_two_triangles_that_run_it_both_ways(anatomy, name):
    t = anatomy.structure(name).triangles
    directed = np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]])
    assert len(np.unique(directed, axis=0)) == len(directed)
    forth = {tuple(edge) for edge in directed.tolist()}
    assert forth == {(b, a) for a, b in forth}


@pytest.mark.parametrize("name", NAMES)
def test_a_mesh_is_one_piece_without_flat_triangles_facing_outwards(anatomy, name):
    s = anatomy.structure(name)
    assert s.vertices.dtype == np.float64
    assert s.triangles.dtype == np.int32
    corners = s.vertices[s.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.linalg.norm(normals, axis=1).min() / 2 > 1e-3
    assert np.einsum("ij,ij->", corners[:, 0], normals) / 6 > 0
    assert components(s.triangles, len(s.vertices)) == 1


def components(triangles, count):
    root = np.arange(count)
    while True:
        lowest = root[triangles].min(axis=1)
        new = root.copy()
        for k in range(3):
            np.minimum.at(new, triangles[:, k], lowest)
        if np.array_equal(new, root):
            return len(np.unique(root))
        root = new


@pytest.mark.parametrize(
    ("name", "holes"), [("C1", 3), ("C2", 3), ("cord", 0), ("dura", 0), ("skin", 0)]
)
def test_canal_and_both_foramina_are_holes_and_nothing_else_is(anatomy, name, holes):
    s = anatomy.structure(name)
    edges = 1.5 * len(s.triangles)
    assert len(s.vertices) - edges + len(s.triangles) == 2 - 2 * holes


def test_meshes_are_light_enough_to_turn_in_a_window(anatomy):
    for s in anatomy.structures:
        assert len(s.triangles) <= (20_000 if s.role == "bone" else 8_000), s.name


def test_the_same_parameters_give_the_same_bits_and_others_do_not(anatomy):
    again = standard_anatomy()
    for a, b in zip(anatomy.structures, again.structures, strict=True):
        assert a.vertices.tobytes() == b.vertices.tobytes()
        assert a.triangles.tobytes() == b.triangles.tobytes()
    wider = standard_anatomy(AnatomyParameters(c1_width=76.0)).structure("C1")
    assert np.ptp(wider.vertices[:, 0]) == pytest.approx(76.0, abs=0.7)


def test_names_and_roles(anatomy):
    assert [s.name for s in anatomy.structures] == NAMES
    roles = ["bone", "bone", "cord", "dura", "artery", "artery", "skin"]
    assert [s.role for s in anatomy.structures] == roles


# Where things lie


APART = [pair for pair in combinations(NAMES[:-1], 2) if pair != ("cord", "dura")]


@pytest.mark.parametrize(("a", "b"), APART)
def test_structures_keep_clear_of_each_other(anatomy, scenes, a, b):
    for one, other in ((a, b), (b, a)):
        gap = signed_distance(scenes[other], surface_points(anatomy.structure(one))).min()
        assert gap > 0.3, f"{one} to {other}"


def test_the_cord_lies_in_the_dura_and_all_in_the_neck(anatomy, scenes):
    inside = signed_distance(scenes["dura"], anatomy.structure("cord").vertices)
    assert inside.max() < -0.9
    for name in NAMES[:-1]:
        depth = signed_distance(scenes["skin"], anatomy.structure(name).vertices)
        assert depth.max() < -5.0, name


def test_the_arteries_pass_through_the_foramina(scenes):
    """Seen from the artery inside a foramen, bone is near all round."""
    model_from_c1, model_from_c2 = bone_poses(P)
    line = artery_line(P, model_from_c1, model_from_c2)
    in_c1 = model_from_c1.apply(c1.foramen_centre(P))
    in_c2 = line[3]
    for name, middle in (("C1", in_c1), ("C2", in_c2)):
        assert np.abs(line - middle).sum(axis=1).min() < 1e-9
        for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
            # The bridges of bone lie a little above or below the point.
            hits = [
                reach(scenes[name], middle, (np.cos(angle), np.sin(angle), lean))
                for lean in np.linspace(-0.8, 0.3, 9)
            ]
            assert min(hits) < 9.0, (name, np.degrees(angle))


def test_plans_are_straight_lateral_mirror_images_that_end_behind_the_cord(anatomy, scenes):
    left, right = anatomy.plans
    assert (left.name, right.name) == ("left lateral C1-C2", "right lateral C1-C2")
    assert left.entry[0] > 0
    assert left.entry[1:] == left.target[1:] == right.entry[1:]
    assert right.entry[0] == -left.entry[0]
    target = np.array(left.target)
    assert signed_distance(scenes["dura"], [target])[0] < -1.0
    assert reach(scenes["cord"], target, (0, -1, 0)) == pytest.approx(P.dorsal_csf / 2, rel=0.2)
    assert reach(scenes["dura"], target, (0, 1, 0)) == pytest.approx(P.dorsal_csf / 2, rel=0.2)
    # Near wall of the sac, from the midline; skin to dura.
    wall = reach(scenes["dura"], target, (1, 0, 0))
    assert 6.5 < wall < 10.5
    assert left.entry[0] - wall == pytest.approx(52, rel=0.1)
    assert abs(signed_distance(scenes["skin"], [left.entry])[0]) < 0.3


@pytest.mark.parametrize(
    ("name", "clearance"),
    [
        ("C1", 2.0),
        ("C2", 2.0),
        ("cord", 1.5),
        ("vertebral artery left", 5.0),
        ("vertebral artery right", 5.0),
    ],
)
def test_the_planned_needle_clears(anatomy, scenes, name, clearance):
    for plan in anatomy.plans:
        entry, target = np.array(plan.entry), np.array(plan.target)
        line = entry + np.linspace(0, 1, 600)[:, None] * (target - entry)
        assert signed_distance(scenes[name], line).min() - NEEDLE_RADIUS > clearance


def test_the_origin_is_half_way_up_the_window(anatomy):
    lower, upper = window(anatomy, anatomy.plans[0].target[1])
    assert (lower + upper) / 2 == pytest.approx(0.0, abs=1.0)


# Divots


def test_divots_are_spread_out_and_no_three_lie_near_a_line(anatomy):
    register = np.array([f.position for f in anatomy.fiducials if f.use == "register"])
    check = [f for f in anatomy.fiducials if f.use == "check"]
    assert len(register) >= 6
    assert len(check) >= 3
    assert len({f.label for f in anatomy.fiducials}) == len(anatomy.fiducials)
    spread = np.linalg.svd(register - register.mean(axis=0), compute_uv=False)
    assert spread[-1] / np.sqrt(len(register)) > 10.0  # rms off the best plane
    assert np.linalg.norm(register[:, None] - register, axis=2).max() >= 60.0
    for a, b, c in combinations(register, 3):
        longest = max(np.linalg.norm(u - v) for u, v in combinations((a, b, c), 2))
        height = np.linalg.norm(np.cross(b - a, c - a)) / longest
        assert height > 10.0
    # The puncture lies among them.
    assert np.all(register.min(axis=0)[1:] < (-5, -20))
    assert np.all(register.max(axis=0)[1:] > (20, 20))


def test_a_needle_reaches_every_divot_from_outside(anatomy, scenes):
    for f in anatomy.fiducials:
        outwards = np.array([f.position[0], f.position[1] + 9.5, 0.0])
        for made in scenes.values():
            assert signed_distance(made, [f.position])[0] > 3.0
            assert np.isinf(reach(made, f.position, outwards)), f.label


# Measures: within 10 % of what is published


def test_c1_measures(anatomy, atlas):
    middle = (0, -P.c1_canal_ap / 2, 0)
    assert np.ptp(anatomy.structure("C1").vertices[:, 0]) == pytest.approx(72, rel=0.1)
    assert across(atlas, middle, (0, 1, 0)) == pytest.approx(29, rel=0.1)
    widths = [across(atlas, (0, y, -2), (1, 0, 0)) for y in np.linspace(-20, -4, 30)]
    assert max(widths) == pytest.approx(27.5, rel=0.1)
    assert across(atlas, (0, -P.c1_canal_ap - 2.5, 0), (0, 0, 1)) == pytest.approx(10.4, rel=0.1)
    assert across(atlas, (4, 3, 0), (0, 0, 1)) == pytest.approx(9.7, rel=0.1)
    assert across(atlas, (0, 3, 0), (0, 1, 0)) == pytest.approx(7.2, rel=0.1)
    front = reach(atlas, (0, -60, 0), (0, 1, 0))
    back = reach(atlas, (0, 40, 0), (0, -1, 0))
    assert 100 - front - back == pytest.approx(42, rel=0.1)


def test_c1_groove_and_foramen(atlas):
    # Thinnest place of the arch under the artery, 14 to 18 from the midline.
    heights = [
        across(atlas, (x, y, c1.GROOVE_MIDDLE), (0, 0, 1))
        for x, y in zip(np.linspace(14, 18, 9), np.linspace(-2.5, -6.5, 9), strict=True)
    ]
    assert min(heights) == pytest.approx(3.9, rel=0.1)
    middles = c1.foramen_centre(P) + np.array([(0, 0, z) for z in (-2, -1, 0)])
    assert min(across(atlas, m, (1, 0, 0)) for m in middles) == pytest.approx(6.1, rel=0.1)
    assert min(across(atlas, m, (0, 1, 0)) for m in middles) == pytest.approx(7.7, rel=0.1)


def test_c2_measures(axis):
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
    assert max(across(axis, (0, y, 4), (1, 0, 0)) for y in (-12, -11, -10, -9)) == pytest.approx(
        23.6, rel=0.1
    )
    assert across(axis, (5, 1.2, -4), (0, -0.2, 1)) == pytest.approx(12.5, rel=0.1)
    assert across(axis, (6.6, -0.6, -3), (0.72, 0.7, 0)) == pytest.approx(6.5, rel=0.1)
    tip = 60.0 - reach(axis, (0, 60, -7), (0, -1, 0))
    assert tip == pytest.approx(15.7, rel=0.1)


def window(anatomy, y):
    """Top of C2 and bottom of C1 seen from the side at y, near the window: model z, mm."""
    near = {
        name: s.vertices[np.abs(s.vertices[:, 1] - y) < 0.5][:, 2]
        for name in ("C1", "C2")
        for s in [anatomy.structure(name)]
    }
    return near["C2"].max(), near["C1"].min()


@pytest.mark.parametrize("height", [11.0, 14.0])
def test_the_window_is_as_high_as_asked_for(height):
    made = standard_anatomy(AnatomyParameters(window_height=height))
    lower, upper = window(made, made.plans[0].target[1])
    assert upper - lower == pytest.approx(height, rel=0.1)


def test_c1_sits_on_c2(anatomy, scenes):
    """Facets and dens nearly touch, and do not."""
    model_from_c1, _ = bone_poses(P)
    c2_vertices = anatomy.structure("C2").vertices
    gaps = signed_distance(scenes["C1"], c2_vertices)
    lateral = np.abs(c2_vertices[:, 0]) > 9
    assert 0.4 < gaps[lateral].min() < 2.0
    arch = model_from_c1.apply(c1.arch_back(P))
    assert signed_distance(scenes["C2"], [arch])[0] == pytest.approx(P.dens_gap, abs=0.5)


def test_a_window_that_c1_cannot_reach_is_refused():
    with pytest.raises(ValueError, match="window_height"):
        bone_poses(AnatomyParameters(window_height=40.0))


@pytest.mark.parametrize("name", ["cord", "dura"])
def test_cord_and_sac_follow_the_published_sections(scenes, name):
    published_ap = (8.11, 7.94, 7.76, 7.59) if name == "cord" else (16.0, 15.8, 14.5, 13.1)
    published_width = (11.37, 11.59, 11.73, 12.14) if name == "cord" else (23.3, 22.6, 22.2, 20.8)
    for z, ap, width in zip(LEVELS, published_ap, published_width, strict=True):
        inside = (0.0, reach_inside(scenes["cord"], z), z)
        measured = across(scenes[name], inside, (0, 1, 0))
        assert measured == pytest.approx(ap, rel=0.1)
        middle = (0.0, inside[1] + middle_shift(scenes[name], inside), z)
        assert across(scenes[name], middle, (1, 0, 0)) == pytest.approx(width, rel=0.1)


def reach_inside(cord, z):
    """y of a point inside the cord at a height."""
    return 60.0 - reach(cord, (0, 60, z), (0, -1, 0)) - 3.0


def middle_shift(made, inside):
    return (reach(made, inside, (0, 1, 0)) - reach(made, inside, (0, -1, 0))) / 2


def test_free_space_behind_the_cord(scenes):
    behind = (0, reach_inside(scenes["cord"], 0.0) + 4.0, 0)
    gap = reach(scenes["cord"], behind, (0, -1, 0)) + reach(scenes["dura"], behind, (0, 1, 0))
    assert gap == pytest.approx(4.2, rel=0.1)


def test_the_artery_keeps_its_bore_round_every_bend(scenes):
    line = artery_line(P, *bone_poses(P))
    radii = -signed_distance(scenes["vertebral artery left"], line[1:-1])
    assert radii == pytest.approx(4.6 / 2, rel=0.1)


def test_left_and_right_are_mirror_images(anatomy):
    left = anatomy.structure("vertebral artery left").vertices
    right = anatomy.structure("vertebral artery right").vertices
    assert np.array_equal(left * (-1, 1, 1), right)


# Files


def test_a_written_case_holds_the_same_geometry(anatomy, tmp_path):
    path = write_case(anatomy, tmp_path / "case")
    assert path == tmp_path / "case" / "case.toml"
    case = tomllib.loads(path.read_text())
    assert case["format"] == "c1c2nav/case/1"
    assert case["made_by"].startswith("c1c2nav ")
    assert [s["name"] for s in case["structure"]] == NAMES
    limits = {s["role"]: (s.get("caution"), s.get("danger")) for s in case["structure"]}
    assert limits["artery"] == (5.0, 3.0)
    assert limits["cord"] == (2.0, 1.0)
    assert limits["bone"] == limits["dura"] == limits["skin"] == (None, None)
    for entry, s in zip(case["structure"], anatomy.structures, strict=True):
        assert entry["sigma"] == 0.3
        mesh = o3d.io.read_triangle_mesh(str(path.parent / entry["mesh"]))
        assert np.array_equal(np.asarray(mesh.vertices), s.vertices)
        assert np.array_equal(np.asarray(mesh.triangles), s.triangles)
    assert [tuple(f["position"]) for f in case["fiducial"]] == [
        f.position for f in anatomy.fiducials
    ]
    assert tuple(case["plan"][0]["target"]) == anatomy.plans[0].target
    assert len([f for f in path.parent.rglob("*") if f.is_file()]) == len(NAMES) + 1
    assert [(s.name, s.role) for s in load_case(path).structures] == [
        (s.name, s.role) for s in anatomy.structures
    ]


def test_a_folder_that_cannot_be_written_is_one_clear_line(anatomy, tmp_path):
    (tmp_path / "case").write_text("a file, not a folder")
    with pytest.raises(InputError, match="cannot be written") as caught:
        write_case(anatomy, tmp_path / "case")
    assert "\n" not in str(caught.value)
