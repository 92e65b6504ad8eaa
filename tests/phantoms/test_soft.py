"""Cord, sac and skin: where they lie, how large they are; and that no soft mesh touches another."""

from dataclasses import replace

import numpy as np
import pytest

from phantoms.anatomy import artery_models, c1, c2, skin_model, subaxial, thecal_sac
from phantoms.anatomy.crossing import suspect_pairs
from phantoms.anatomy.parameters import LEVELS
from phantoms.anatomy.thecal_sac import BOTTOM, TOP
from tests.phantoms.soft import Neck, P, each_neck

SOLIDS = {
    "C1": c1.c1_solid,
    "C2": c2.c2_solid,
    "C3": lambda p, *rooms: subaxial.subaxial_solid(p, "C3", *rooms),
    "C4": lambda p, *rooms: subaxial.subaxial_solid(p, "C4", *rooms),
}
# How far from where it pierces the dura a vessel may touch it, in its diameters.
PIERCING = 1.7


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
        assert not suspect_pairs(mesh), what


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
    artery_models._of_side.cache_clear()
    thecal_sac._fitted.cache_clear()
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
        rooms = [artery_models.rooms(neck.p, neck.poses, side, pose) for side in ("left", "right")]
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


# Skin


def test_the_skin_is_as_wide_as_asked_for_and_as_far_from_the_dura_as_assumed(standard):
    assert skin_model.skin_x(P, skin_model.skin_middle(P)) == pytest.approx(
        P.neck_width / 2, rel=0.05
    )
    x = float(skin_model.skin_x(P, 2.0))
    assert abs(standard.skin.signed([(x, 2.0, 0.0)])[0]) < 0.4
    assert x - standard.dura.across((0, 2, 0), (1, 0, 0)) / 2 == pytest.approx(52.0, rel=0.1)


def test_the_entry_lies_below_and_behind_the_mastoid(standard):
    tips = skin_model.landmarks(P, standard.poses)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        x, y, z = tips[f"mastoid tip {side}"]
        assert (y + 10.0, z - 10.0) == pytest.approx((2.0, 0.0), abs=0.5)
        assert abs(standard.skin.signed([(x, y, z)])[0]) < 0.5
        # A finger that slides up over the tip feels it stand out.
        assert sign * x - float(skin_model.skin_x(P, y, z - 5.0)) > 1.5


def test_the_spinous_process_is_felt_behind_c2(standard):
    felt = skin_model.landmarks(P, standard.poses)["spinous process C2"]
    tip = standard.poses.c2.apply(np.array([0.0, P.c2_spinous_length, -7.0]))
    assert felt[2] == pytest.approx(tip[2])
    assert felt[0] == 0.0
    assert 15.0 < felt[1] - tip[1] < 35.0
    assert abs(standard.skin.signed([felt])[0]) < 0.5


@pytest.mark.parametrize("p", [P, replace(P, neck_width=95.0, neck_ap=145.0)])
def test_every_section_opens_sideways_out_of_a_mould_that_is_split_in_the_middle(p):
    for z in np.linspace(skin_model.NECK_BOTTOM, skin_model.NECK_TOP, 28):
        ring = skin_model.outline(p, z)
        half = len(ring) // 2
        left, right = ring[: half + 1], np.vstack([ring[half:], ring[:1]])
        assert (np.diff(left[:, 1]) > 0.0).all()
        assert (np.diff(right[:, 1]) < 0.0).all()
        assert left[:, 0].min() >= 0.0 >= right[:, 0].max()
        # Star-shaped about its middle.
        middle = (0.0, ring[:, 1].mean())
        angle = np.unwrap(np.arctan2(*(ring - middle).T[::-1]))
        assert (np.diff(angle) > 0.0).all()
