"""Arteries: their courses and lengths, what a needle meets; and what cannot be."""

from dataclasses import replace

import numpy as np
import pytest

from nav.core.errors import InputError
from phantoms.anatomy import artery_models, c1, subaxial, thecal_sac
from phantoms.anatomy.parameters import ArteryParameters
from phantoms.anatomy.thecal_sac import BOTTOM, TOP
from phantoms.anatomy.vessel import bend_radii
from tests.phantoms.soft import NECKS, P, each_neck

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
        thecal_sac.check_possible(replace(P, **changed))
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
        artery_models.check_possible(p)
    assert "expected" in str(caught.value) or "not both" in str(caught.value)


def test_what_can_be_is_not_refused():
    thin = replace(P, artery_left=ArteryParameters(diameter=2.0))
    refused = []
    for p in (*NECKS.values(), thin):
        try:
            thecal_sac.check_possible(p)
            artery_models.check_possible(p)
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
    shift = thecal_sac._fitted(P, standard.poses)
    monkeypatch.setattr(thecal_sac, "_fitted", lambda p, poses: shift)
    with pytest.raises(InputError, match=r"artery_left\.diameter.*at most [45]"):
        artery_models.rooms(p, standard.poses, "left", standard.poses.c1)
    with pytest.raises(InputError, match=r"PICA right.*dorsal_csf"):
        artery_models.rooms(p, standard.poses, "right", standard.poses.c1)
