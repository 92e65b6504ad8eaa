"""How the bones sit on each other, in every posture; and postures that cannot be."""

from dataclasses import replace

import numpy as np
import pytest

from nav.core.errors import InputError
from phantoms.anatomy import c1, c2, occiput, subaxial
from phantoms.anatomy.bone_poses import ORIGIN_IN_FRONT, bone_poses
from phantoms.anatomy.gaps import sampled_surface, smallest_gap
from phantoms.anatomy.parameters import AnatomyParameters

P = AnatomyParameters()
NAMES = ("occiput", "C1", "C2", "C3", "C4")
POSTURES = {
    "neutral": P,
    "extended": replace(P, head_flexion=-10.0),
    "flexed": replace(P, head_flexion=20.0),
    "left": replace(P, c1_rotation=40.0),
    "right": replace(P, c1_rotation=-25.0),
    "flexed and turned": replace(P, head_flexion=12.0, c1_rotation=30.0),
}


@pytest.fixture(scope="module")
def surfaces():
    """Sampled as finely as the bones are meshed: the bones are the same in every posture."""

    def nowhere(points):
        return np.full(len(points), 50.0)

    return {
        "occiput": sampled_surface(occiput.occiput_solid(P), *occiput.occiput_box(P)),
        "C1": sampled_surface(c1.c1_solid(P, nowhere, nowhere), *c1.c1_box(P)),
        "C2": sampled_surface(c2.c2_solid(P, nowhere, nowhere), *c2.c2_box(P)),
    } | {
        level: sampled_surface(
            subaxial.subaxial_solid(P, level, nowhere, nowhere), *subaxial.subaxial_box(P, level)
        )
        for level in ("C3", "C4")
    }


def window(p, poses):
    upper = poses.c1.apply(c1.window_edge(p))
    lower = poses.c2.apply(c2.window_edge(p))
    return float(upper[2] - lower[2])


@pytest.mark.parametrize("posture", POSTURES)
def test_joints_nearly_touch_and_do_not(surfaces, posture):
    poses = bone_poses(POSTURES[posture])
    for upper, lower, widest in (
        ("occiput", "C1", 1.6), ("C1", "C2", 1.8), ("C2", "C3", 1.4), ("C3", "C4", 1.4),
    ):  # fmt: skip
        gap = smallest_gap(surfaces[upper], poses.of(upper), surfaces[lower], poses.of(lower))
        assert 0.5 < gap < widest, (upper, lower)
    assert smallest_gap(surfaces["occiput"], poses.occiput, surfaces["C2"], poses.c2) > 2.0


@pytest.mark.parametrize("height", [6.5, 11.0, 15.0])
def test_the_window_in_neutral_is_as_high_as_asked_for(height):
    p = replace(P, window_height=height)
    poses = bone_poses(p)
    assert window(p, poses) == pytest.approx(height, abs=1e-6)
    middle = (poses.c1.apply(c1.window_edge(p)) + poses.c2.apply(c2.window_edge(p))) / 2
    assert middle[2] == pytest.approx(0.0, abs=1e-6)
    line = (poses.c1.translation[1] + poses.c2.translation[1]) / 2
    assert line == pytest.approx(ORIGIN_IN_FRONT)
    # The anterior end stands up, as in a seated neutral head.
    assert 0 < -poses.c1.rotation.as_rotvec(degrees=True)[0] < 30


def test_flexion_opens_the_window_and_extension_closes_it():
    """About 4 for 10 degrees of C1 on C2 (Reed and Jones, UMTRI-2017-1): 20 of the head."""
    neutral = window(P, bone_poses(P))
    flexed = window(POSTURES["flexed"], bone_poses(POSTURES["flexed"]))
    extended = window(POSTURES["extended"], bone_poses(POSTURES["extended"]))
    assert flexed - neutral == pytest.approx(4.0, abs=1.2)
    assert neutral - extended == pytest.approx(2.0, abs=0.9)


@pytest.mark.parametrize("flexion", [-10.0, 20.0])
def test_half_of_the_flexion_is_c1s_and_half_the_occiputs(flexion):
    still, moved = bone_poses(P), bone_poses(replace(P, head_flexion=flexion))
    nod = moved.c1.rotation * still.c1.rotation.inv()
    assert nod.as_rotvec(degrees=True) == pytest.approx((flexion / 2, 0, 0), abs=1e-6)
    head = moved.occiput.rotation * still.occiput.rotation.inv()
    assert head.as_rotvec(degrees=True) == pytest.approx((flexion, 0, 0), abs=1e-6)


def test_c1_and_the_occiput_turn_about_the_dens_to_the_left():
    still, turned = bone_poses(P), bone_poses(POSTURES["left"])
    for name in ("C1", "occiput"):
        turn = turned.of(name).rotation * still.of(name).rotation.inv()
        axis = turn.as_rotvec(degrees=True)
        assert np.linalg.norm(axis) == pytest.approx(40.0)
        assert axis[2] > 39.0
    # The face goes to the left, the dens stays in its place behind the arch.
    assert turned.c1.apply(c1.arch_back(P))[0] > 4.0
    dens = still.c2.apply(c2.dens_axis(P, 8.0))
    assert turned.c2.apply(c2.dens_axis(P, 8.0)) == pytest.approx(dens)
    before, after = (pose.c1.apply(c1.arch_back(P)) - dens for pose in (still, turned))
    assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before), abs=0.5)


def test_left_and_right_turns_are_mirror_images():
    left = bone_poses(POSTURES["left"])
    right = bone_poses(replace(P, c1_rotation=-40.0))
    points = np.random.default_rng(0).normal(0, 20, (20, 3))
    mirrored = right.c1.apply(points * (-1, 1, 1)) * (-1, 1, 1)
    assert left.c1.apply(points) == pytest.approx(mirrored, abs=0.1)


@pytest.mark.parametrize(("upper", "lower"), [(2.5, 6.0), (4.0, 4.5), (6.5, 3.0)])
def test_laminae_are_as_far_apart_as_asked_for(upper, lower):
    p = replace(P, lamina_gap_c2_c3=upper, lamina_gap_c3_c4=lower)
    poses = bone_poses(p)
    third, fourth = (subaxial.lamina_edges(p, level) for level in ("C3", "C4"))
    c2_edge = poses.c2.apply(c2.lower_lamina_edge(p))
    assert c2_edge[2] - poses.c3.apply(third[0])[2] == pytest.approx(upper)
    assert poses.c3.apply(third[1])[2] - poses.c4.apply(fourth[0])[2] == pytest.approx(lower)


def test_the_column_is_as_long_as_published_and_gently_lordotic():
    poses = bone_poses(P)
    depth = -poses.c4.apply((0, -P.c4_canal_ap - 7.0, 0))[2]
    assert 36.0 < depth < 41.0  # women, men
    third, fourth = (pose.rotation.as_rotvec(degrees=True)[0] for pose in (poses.c3, poses.c4))
    assert 1.0 < fourth - third < 10.0
    assert np.abs([poses.of(name).translation[0] for name in NAMES]).max() < 1e-9


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"window_height": 40.0}, "window_height 40"),
        ({"window_height": 1.0}, "window_height 1"),
        ({"lamina_gap_c2_c3": 25.0}, "lamina_gap_c2_c3 25"),
        ({"head_flexion": 120.0}, "head_flexion 120"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_that_names_the_parameter(changes, reason):
    with pytest.raises(InputError, match=reason) as caught:
        bone_poses(replace(P, **changes))
    assert "\n" not in str(caught.value)
