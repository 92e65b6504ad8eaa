"""Cord, sac, arteries and skin: where they lie, how large they are, what is refused."""

from dataclasses import replace

import numpy as np
import open3d as o3d
import pytest

from nav.errors import InputError
from phantoms.anatomy import arteries, c1, c2, sac, skin, subaxial
from phantoms.anatomy.parameters import LEVELS, AnatomyParameters, ArteryParameters
from phantoms.anatomy.pose import bone_poses
from phantoms.anatomy.sac import BOTTOM, TOP, Sac
from phantoms.anatomy.vessel import bend_radii

P = AnatomyParameters()
# One neck for each two variants: what they change lies on different sides.
NECKS = {
    "standard": P,
    "loop, low PICA": replace(
        P, artery_left=ArteryParameters(loop=8.0), artery_right=ArteryParameters(pica="low")
    ),
    "intersegmental, fenestrated": replace(
        P,
        artery_left=ArteryParameters(course="intersegmental", diameter=4.0),
        artery_right=ArteryParameters(course="fenestrated"),
    ),
    "turned, flexed, high-riding": replace(
        P,
        c1_rotation=25.0,
        head_flexion=8.0,
        artery_left=ArteryParameters(rise=4.0, diameter=4.0),
        artery_right=ArteryParameters(diameter=3.0),
    ),
}
SOLIDS = {
    "C1": c1.c1_solid,
    "C2": c2.c2_solid,
    "C3": lambda p, *rooms: subaxial.subaxial_solid(p, "C3", *rooms),
    "C4": lambda p, *rooms: subaxial.subaxial_solid(p, "C4", *rooms),
}
# How far from where it pierces the dura a vessel may touch it, in its diameters.
PIERCING = 1.7


class Surface:
    """A mesh that answers distances exactly."""

    def __init__(self, mesh):
        self.mesh = mesh
        self.points = np.concatenate([mesh.vertices, mesh.vertices[mesh.triangles].mean(axis=1)])
        self.scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self.scene.add_triangles(mesh.vertices.astype(np.float32), mesh.triangles.astype(np.uint32))

    def signed(self, points):
        """More than one ray: one that meets an edge counts a wall twice."""
        found = self.scene.compute_signed_distance(o3d.core.Tensor(np.float32(points)), nsamples=5)
        return found.numpy()

    def gap(self, other):
        return min(self.signed(other.points).min(), other.signed(self.points).min())

    def reach(self, point, direction):
        ray = o3d.core.Tensor(np.float32([[*point, *direction]]))
        return float(self.scene.cast_rays(ray)["t_hit"].numpy()[0])

    def across(self, point, direction):
        return self.reach(point, direction) + self.reach(point, -np.asarray(direction, float))


class Neck:
    def __init__(self, p):
        self.p, self.poses = p, bone_poses(p)
        self.sac = Sac(p, self.poses)
        cord, dura = self.sac.meshes()
        self.cord, self.dura = Surface(cord), Surface(dura)
        self.vessels = arteries.vessels(p, self.poses)
        self.tubes = {v.name: Surface(v.mesh()) for v in self.vessels}
        self.skin = Surface(skin.skin_mesh(p, self.poses))

    def vessel(self, name):
        return next(v for v in self.vessels if v.name == name)

    def surfaces(self):
        return {"cord": self.cord, "dura": self.dura, "skin": self.skin, **self.tubes}


@pytest.fixture(scope="module")
def necks():
    return {name: Neck(p) for name, p in NECKS.items()}


@pytest.fixture(scope="module")
def standard(necks):
    return necks["standard"]


each_neck = pytest.mark.parametrize("name", NECKS)


# Meshes


@each_neck
def test_meshes_are_closed_balls_facing_outwards_that_do_not_cut_themselves(necks, name):
    for what, surface in necks[name].surfaces().items():
        mesh = surface.mesh
        t, v = mesh.triangles, mesh.vertices
        directed = np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]])
        forth = {tuple(edge) for edge in directed.tolist()}
        assert len(forth) == len(directed), what
        assert forth == {(b, a) for a, b in forth}, what
        assert len(v) - len(t) * 3 / 2 + len(t) == 2, what
        a, b, c = (v[t[:, i]] for i in range(3))
        assert np.einsum("ij,ij->", a, np.cross(b, c)) > 0.0, what
        legacy = o3d.geometry.TriangleMesh(
            o3d.utility.Vector3dVector(v), o3d.utility.Vector3iVector(t)
        )
        assert not legacy.is_self_intersecting(), what


@each_neck
def test_triangles_are_even_enough_to_print_and_to_cast_rays_at(necks, name):
    for what, surface in necks[name].surfaces().items():
        corners = surface.mesh.vertices[surface.mesh.triangles]
        sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
        area = np.linalg.norm(
            np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
        )
        assert (area / 2).min() > 2e-3, what
        # Height over the longest side; the fans that close flat ends are the thinnest.
        assert (area / sides.max(axis=1) ** 2).min() > 0.03, what
        assert len(surface.mesh.triangles) <= 9_500, what


def test_the_same_parameters_give_the_same_bits(standard):
    arteries._of_side.cache_clear()
    sac._fitted.cache_clear()
    again = Neck(P)
    for what, surface in again.surfaces().items():
        assert surface.mesh.vertices.tobytes() == standard.surfaces()[what].mesh.vertices.tobytes()


def test_left_and_right_are_mirror_images(standard):
    left, right = (standard.tubes[f"vertebral artery {side}"] for side in ("left", "right"))
    away = right.signed(left.mesh.vertices * (-1.0, 1.0, 1.0))
    assert np.abs(away).max() < 0.1


# Clearances


@each_neck
def test_the_cord_lies_in_the_dura(necks, name):
    neck = necks[name]
    assert neck.dura.signed(neck.cord.points).max() < -0.9


@each_neck
def test_vessels_keep_off_the_cord(necks, name):
    neck = necks[name]
    for what, tube in neck.tubes.items():
        assert neck.cord.gap(tube) > 0.5, what


@each_neck
def test_vessels_touch_the_dura_only_where_they_pierce_it(necks, name):
    neck = necks[name]
    for vessel in neck.vessels:
        points = neck.tubes[vessel.name].points
        assert len(vessel.pierces) == (0 if vessel.name.startswith("PICA") else 1)
        for pierced in vessel.pierces:
            assert np.abs(neck.dura.signed([pierced]))[0] < 0.3
            apart = np.linalg.norm(points - pierced, axis=1) > PIERCING * vessel.diameter
            points = points[apart]
        assert np.abs(neck.dura.signed(points)).min() > 0.2, vessel.name


@each_neck
def test_the_bones_keep_off_the_sac_and_leave_the_vessels_their_room(necks, name):
    """Of the bones' solids at the soft surfaces' points: distances to first order."""
    neck = necks[name]
    for bone, made in SOLIDS.items():
        pose = neck.poses.of(bone)
        rooms = [arteries.rooms(neck.p, neck.poses, side, pose) for side in ("left", "right")]
        solid = made(neck.p, *rooms)
        for what in ("dura", *neck.tubes):
            points = pose.inv().apply(neck.surfaces()[what].mesh.vertices[::2])
            assert solid(points).min() > 0.25, (bone, what)


@each_neck
def test_all_lies_well_under_the_skin(necks, name):
    neck = necks[name]
    for surface in (neck.cord, neck.dura, *neck.tubes.values()):
        assert neck.skin.signed(surface.mesh.vertices).max() < -3.0


# Cord and sac


@pytest.mark.parametrize("what", ["cord", "dura"])
def test_cord_and_sac_are_as_large_as_published_at_every_level(standard, what):
    published = {
        "cord": ((8.11, 7.94, 7.76, 7.59, 7.62), (11.37, 11.59, 11.73, 12.14, 12.93)),
        "dura": ((16.0, 15.8, 14.5, 13.1, 12.8), (23.3, 22.6, 22.2, 20.8, 21.0)),
    }[what]
    surface = standard.cord if what == "cord" else standard.dura
    for level, z, ap, width in zip(LEVELS, standard.sac.heights, *published, strict=True):
        inside = (0.0, float(standard.sac.cord(z)[0]), z)
        assert surface.across(inside, (0, 1, 0)) == pytest.approx(ap, rel=0.1), level
        ring = surface.mesh.vertices[np.abs(surface.mesh.vertices[:, 2] - z) < 0.51]
        assert np.ptp(ring[:, 0]) == pytest.approx(width, rel=0.1), level


def test_free_space_behind_the_cord_as_published(standard):
    """4.2 at the window; above C1 the cisterna magna opens: PAM50, 6.5 and 10.5."""
    for z, free in ((0.0, 4.2), (16.2, 6.5), (22.2, 10.5)):
        y = float(standard.sac.cord(z)[0])
        behind = standard.dura.reach((0, y, z), (0, 1, 0))
        assert behind - standard.cord.reach((0, y, z), (0, 1, 0)) == pytest.approx(free, rel=0.1)


def test_just_behind_the_cord_the_sac_is_as_narrow_as_published(standard):
    """18 to 19.5 at C1-C2 (PAM50): where a straight lateral needle meets the dura."""
    y = float(standard.sac.cord(0.0)[0]) + P.cord_ap[1] / 2 + 0.5
    assert 18.0 < standard.dura.across((0, y, 0), (1, 0, 0)) < 19.5


def test_cord_and_sac_reach_from_below_c4_to_the_foramen_magnum(standard):
    end = subaxial.lower_plate(P, "C4")
    assert standard.poses.c4.apply(end)[2] > BOTTOM
    assert np.ptp(standard.cord.mesh.vertices[:, 2]) == TOP - BOTTOM
    top = standard.poses.c1.apply(np.array([0.0, 0.0, P.c1_posterior_height / 2]))[2]
    assert top + 8.0 < TOP < 28.0


def test_the_target_lies_in_the_fluid_behind_the_cord(standard):
    target = standard.sac.target()
    assert target[0] == target[2] == 0.0
    assert standard.dura.signed([target])[0] < -1.5
    assert standard.cord.signed([target])[0] > 2.0


def test_the_sac_shifts_with_c1_when_it_turns(necks):
    """C1's arch swings to the right when the face turns to the left; the sac stays in its ring."""
    dura = necks["turned, flexed, high-riding"].dura.mesh.vertices
    assert dura[np.abs(dura[:, 2] - 9.0) < 0.6, 0].mean() < -2.0
    assert abs(dura[np.abs(dura[:, 2] + 15.0) < 0.6, 0].mean()) < 0.05


# Arteries


def between(line, first, last):
    """The part of a line between the points nearest to two others."""
    i, j = (np.linalg.norm(line - q, axis=1).argmin() for q in (first, last))
    return line[i : j + 1]


def length(line):
    return np.linalg.norm(np.diff(line, axis=0), axis=1).sum()


def foramen(neck, bone, side):
    mirror = (1.0 if side == "left" else -1.0, 1.0, 1.0)
    centre = c1.foramen_centre(neck.p) if bone == "C1" else subaxial.foramen_centre(neck.p, bone)
    return neck.poses.of(bone).apply(centre * mirror)


NEEDLE = np.column_stack([np.linspace(0, 62, 400), np.full(400, 2.0), np.zeros(400)])


def to_needle(neck, name, mirror=1.0):
    """From a straight lateral needle, 3 in front of the spinolaminar line, to a vessel."""
    return neck.tubes[name].signed(NEEDLE * (mirror, 1.0, 1.0)).min()


@each_neck
def test_names_sides_and_diameters(necks, name):
    neck = necks[name]
    expected = {
        "loop, low PICA": ["PICA right"],
        "intersegmental, fenestrated": ["vertebral artery right, limb in the canal"],
    }.get(name, [])
    trunks = ["vertebral artery left", "vertebral artery right"]
    assert [v.name for v in neck.vessels] == [*trunks, *expected]
    for side, trunk in zip(("left", "right"), neck.vessels, strict=False):
        assert (trunk.side, trunk.joins) == (side, "")
        assert trunk.diameter == neck.p.artery(side).diameter
        assert np.sign(trunk.line[0, 0]) == (1.0 if side == "left" else -1.0)


@each_neck
def test_every_bend_is_rounder_than_the_vessel_and_keeps_its_bore(necks, name):
    neck = necks[name]
    for vessel in neck.vessels:
        assert bend_radii(vessel.line).min() > 1.12 * vessel.diameter / 2, vessel.name
        inside = -neck.tubes[vessel.name].signed(vessel.line[2:-2])
        assert inside == pytest.approx(vessel.diameter / 2, rel=0.05), vessel.name


@each_neck
@pytest.mark.parametrize("side", ["left", "right"])
def test_trunks_pass_through_the_foramina(necks, name, side):
    neck = necks[name]
    trunk = neck.vessel(f"vertebral artery {side}")
    bones = ["C4", "C3"] if neck.p.artery(side).course == "intersegmental" else ["C4", "C3", "C1"]
    for bone in bones:
        away = np.linalg.norm(trunk.line - foramen(neck, bone, side), axis=1).min()
        assert away < 0.8, bone
    assert trunk.line[0, 2] < BOTTOM - 3.0
    assert TOP - 3.0 < trunk.line[-1, 2] < TOP


def test_the_artery_is_as_long_as_published_and_lies_where_published(standard):
    line = standard.vessel("vertebral artery left").line
    below_c2 = standard.poses.c2.apply(np.array([14.4, -17.8, 2.0]))
    in_c1 = foramen(standard, "C1", "left")
    pierced = standard.vessel("vertebral artery left").pierces[0]
    assert length(between(line, below_c2, in_c1)) == pytest.approx(32.5, abs=5.6)
    over_c1 = between(line, in_c1, pierced)
    assert length(over_c1) == pytest.approx(32.7, abs=3.6)
    # Midline at dural entry; the height over the window and the depth are seeds, to 3 mm.
    assert pierced == pytest.approx((11.0, -1.0, 17.0), abs=1.5)
    # Its lowest, hindmost part lies on the arch, medial and in front of the spinolaminar line.
    hindmost = over_c1[over_c1[:, 1].argmax()]
    assert 13.0 < hindmost[0] < 18.0
    assert hindmost[1] < 5.0
    assert 12.0 < hindmost[2] < 14.0


def test_a_straight_needle_clears_a_normal_artery_and_nearly_meets_the_dangerous_ones(necks):
    assert 8.0 < to_needle(necks["standard"], "vertebral artery left") < 11.0
    looped = to_needle(necks["loop, low PICA"], "vertebral artery left")
    assert looped == pytest.approx(4.0, abs=1.5)
    direct = necks["intersegmental, fenestrated"]
    assert to_needle(direct, "vertebral artery left") < 2.5
    assert to_needle(direct, "vertebral artery right, limb in the canal", -1.0) < 3.5
    assert to_needle(necks["loop, low PICA"], "PICA right", -1.0) < 1.0


def test_the_loop_bows_backwards_by_what_is_asked_for(necks):
    lines = [necks[n].vessel("vertebral artery left").line for n in ("standard", "loop, low PICA")]
    usual, looped = (line[(line[:, 2] > 0.0) & (line[:, 2] < 5.0), 1].max() for line in lines)
    assert looped - usual == pytest.approx(8.0, abs=1.0)


def test_a_high_riding_artery_turns_higher_in_c2(necks):
    heights = []
    for name in ("standard", "turned, flexed, high-riding"):
        line = necks[name].poses.c2.inv().apply(necks[name].vessel("vertebral artery left").line)
        line = line[(line[:, 2] > 4.0) & (line[:, 2] < 17.0)]
        heights.append([line[np.abs(line[:, 0] - x).argmin(), 2] for x in (16.0, 20.4)])
    bend, way_out = np.subtract(heights[1], heights[0])
    assert bend == pytest.approx(4.0, abs=1.0)
    assert abs(way_out) < 1.0  # below the facet it stays


def test_a_persistent_first_intersegmental_artery_enters_the_canal_below_c1(necks):
    neck = necks["intersegmental, fenestrated"]
    under_arch = neck.poses.c1.apply(c1.window_edge(P))[2]
    for vessel in (neck.vessel("vertebral artery left"), neck.vessels[2]):
        (pierced,) = vessel.pierces
        assert -5.0 < pierced[2] < under_arch
        above = vessel.line[vessel.line[:, 2] > 4.0]
        assert np.abs(above[:, 0]).max() < 11.0  # beside the cord, not in C1's foramen
    # The second limb leaves the trunk and joins it again.
    trunk, limb = neck.vessel("vertebral artery right"), neck.vessels[2]
    for end in (limb.line[0], limb.line[-1]):
        assert np.linalg.norm(trunk.line - end, axis=1).min() < 1.0
    assert limb.diameter < trunk.diameter
    assert limb.joins == trunk.name


def test_a_low_pica_hangs_down_behind_the_cord_to_the_window(necks):
    neck = necks["loop, low PICA"]
    pica = neck.vessel("PICA right")
    trunk = neck.vessel("vertebral artery right")
    assert np.linalg.norm(trunk.line - pica.line[0], axis=1).min() < 0.5
    lowest = pica.line[pica.line[:, 2].argmin()]
    assert -4.0 < lowest[2] < 2.0
    assert lowest[1] > float(neck.sac.cord(lowest[2])[0])
    assert pica.line[-1, 2] > 15.0


# Skin


def test_the_skin_is_as_wide_as_asked_for_and_as_far_from_the_dura_as_assumed(standard):
    assert skin.skin_x(P, skin.skin_middle(P)) == pytest.approx(P.neck_width / 2, rel=0.05)
    x = float(skin.skin_x(P, 2.0))
    assert abs(standard.skin.signed([(x, 2.0, 0.0)])[0]) < 0.4
    assert x - standard.dura.across((0, 2, 0), (1, 0, 0)) / 2 == pytest.approx(52.0, rel=0.1)


def test_the_entry_lies_below_and_behind_the_mastoid(standard):
    tips = skin.landmarks(P, standard.poses)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        x, y, z = tips[f"mastoid tip {side}"]
        assert (y + 10.0, z - 10.0) == pytest.approx((2.0, 0.0), abs=0.5)
        assert abs(standard.skin.signed([(x, y, z)])[0]) < 0.5
        # A finger that slides up over the tip feels it stand out.
        assert sign * x - float(skin.skin_x(P, y, z - 5.0)) > 1.5


def test_the_spinous_process_is_felt_behind_c2(standard):
    felt = skin.landmarks(P, standard.poses)["spinous process C2"]
    tip = standard.poses.c2.apply(np.array([0.0, P.c2_spinous_length, -7.0]))
    assert felt[2] == pytest.approx(tip[2])
    assert felt[0] == 0.0
    assert 15.0 < felt[1] - tip[1] < 35.0
    assert abs(standard.skin.signed([felt])[0]) < 0.5


@pytest.mark.parametrize("p", [P, replace(P, neck_width=95.0, neck_ap=145.0)])
def test_every_section_opens_sideways_out_of_a_mould_that_is_split_in_the_middle(p):
    for z in np.linspace(skin.NECK_BOTTOM, skin.NECK_TOP, 28):
        ring = skin.outline(p, z)
        half = len(ring) // 2
        left, right = ring[: half + 1], np.vstack([ring[half:], ring[:1]])
        assert (np.diff(left[:, 1]) > 0.0).all()
        assert (np.diff(right[:, 1]) < 0.0).all()
        assert left[:, 0].min() >= 0.0 >= right[:, 0].max()
        # Star-shaped about its middle.
        middle = (0.0, ring[:, 1].mean())
        angle = np.unwrap(np.arctan2(*(ring - middle).T[::-1]))
        assert (np.diff(angle) > 0.0).all()


# What cannot be


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"sac_ap": (15.6, 15.8, 18.3, 13.1, 12.8)}, "sac_ap at C2"),
        ({"sac_ap": (18.0, 15.8, 14.5, 13.1, 12.8)}, "sac_ap at C1"),
        ({"sac_width": (23.3, 22.6, 22.2, 22.0, 21.0)}, "sac_width at C3"),
        ({"cord_width": (11.4, 11.6, 11.7, 12.1, 16), "sac_width": (23.3, 22.6, 22.2, 20.8, 17)},
         "cord_width at C4"),
        ({"dorsal_csf": 6.5, "sac_ap": (14.0, 14.0, 13.5, 13.1, 12.8)}, "dorsal_csf"),
    ],
)  # fmt: skip
def test_what_does_not_fit_into_the_canal_is_refused(changed, named):
    with pytest.raises(InputError, match=named) as caught:
        sac.check_possible(replace(P, **changed))
    assert "expected" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("left", "right", "named"),
    [
        ({"diameter": 2.0}, {"diameter": 2.5}, "artery_right.diameter"),
        ({"diameter": 6.0}, {}, "artery_left.diameter"),
        (
            {"course": "intersegmental", "diameter": 5.0},
            {},
            "artery_left.diameter.*beside the cord",
        ),
        (
            {},
            {"course": "intersegmental", "diameter": 4.0, "ponticulus": "complete"},
            "artery_right.ponticulus",
        ),
    ],
)
def test_arteries_that_cannot_be_are_refused(left, right, named):
    p = replace(P, artery_left=ArteryParameters(**left), artery_right=ArteryParameters(**right))
    with pytest.raises(InputError, match=named) as caught:
        arteries.check_possible(p)
    assert "expected" in str(caught.value) or "not both" in str(caught.value)


def test_what_can_be_is_not_refused():
    thin = replace(P, artery_left=ArteryParameters(diameter=2.0))
    refused = []
    for p in (*NECKS.values(), thin):
        try:
            sac.check_possible(p)
            arteries.check_possible(p)
        except InputError as error:
            refused.append(str(error))
    assert refused == []


def test_vessels_without_room_in_the_sac_are_refused(standard, monkeypatch):
    """Beside the cord for an artery of 6, behind it for a low PICA."""
    p = replace(
        P,
        dorsal_csf=1.8,
        artery_left=ArteryParameters(course="intersegmental", diameter=6.0),
        artery_right=ArteryParameters(pica="low"),
    )
    shift = sac._fitted(P, standard.poses)
    monkeypatch.setattr(sac, "_fitted", lambda p, poses: shift)
    with pytest.raises(InputError, match=r"artery_left\.diameter.*at most [45]"):
        arteries.rooms(p, standard.poses, "left", standard.poses.c1)
    with pytest.raises(InputError, match=r"PICA right.*dorsal_csf"):
        arteries.rooms(p, standard.poses, "right", standard.poses.c1)
