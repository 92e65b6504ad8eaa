"""The gap is found from the anatomy alone, however the neck lies."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nav.core.errors import InputError
from nav.model.case import Case, Structure
from nav.model.surface import Surface
from nav.planning.gap import bone_named, find_gap
from nav.planning.landmarks import find_landmarks
from nav.planning.symmetry import lateral_direction
from tests.planning.necks import neck, without
from tests.solids import box, structure


def moved(case: Case, rotation: Rotation, shift: np.ndarray) -> Case:
    return Case(
        case.name,
        tuple(
            Structure(
                s.name,
                s.role,
                Surface(rotation.apply(s.surface.vertices) + shift, s.surface.triangles),
                s.caution,
                s.danger,
                s.sigma,
            )
            for s in case.structures
        ),
    )


def test_the_gap_lies_between_the_arches_behind_the_dens():
    gap = find_gap(neck())
    assert gap.left == pytest.approx([1.0, 0.0, 0.0], abs=0.02)
    assert gap.lower < 0.0 < gap.upper
    above, below = (gap.to_level(p) for p in gap.spinolaminar)
    assert above[2] > gap.upper - 1.0
    assert below[2] < gap.lower + 1.0
    assert gap.front_wall < 0.0 < gap.third < gap.back_wall
    # a third of the canal, and behind the cord
    assert gap.back_wall - gap.third == pytest.approx((gap.back_wall - gap.front_wall) / 3.0)
    assert gap.third < gap.cord_back + 2.0 < gap.back_wall


@pytest.mark.parametrize(
    ("degrees", "shift"), [((0, 0, 15), (300.0, -200.0, 900.0)), ((12, -8, -10), (5.0, 0.0, -7.0))]
)
def test_it_moves_with_the_neck(degrees, shift):
    rotation = Rotation.from_euler("xyz", degrees, degrees=True)
    still, turned = find_gap(neck()), find_gap(moved(neck(), rotation, np.array(shift)))
    assert turned.centre == pytest.approx(rotation.apply(still.centre) + shift, abs=0.5)
    for axis in ("left", "back", "up"):
        cosine = getattr(turned, axis) @ rotation.apply(getattr(still, axis))
        assert np.degrees(np.arccos(min(cosine, 1.0))) < 3.0


def test_a_turned_bone_says_where_its_left_is():
    case = neck()
    vertices = bone_named(case, "C2").surface.vertices
    turn = Rotation.from_rotvec([0.0, 0.0, np.radians(25.0)])
    up = np.array([0.0, 0.0, 1.0])
    found = lateral_direction(turn.apply(vertices), np.zeros(3), up, np.array([1.0, 0.0, 0.0]))
    assert found == pytest.approx(turn.apply([1.0, 0.0, 0.0]), abs=0.02)


@pytest.mark.parametrize("name", ["C1", "vertebrae_C1", "Atlas (C1)", "c1 reconstructed"])
def test_bones_are_known_by_usual_names(name):
    case = Case("x", (structure("C11", "bone"), structure(name, "bone")))
    assert bone_named(case, "C1").name == name


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (("C1",), "is named C1"),
        (("C2",), "is named C2"),
        (("dura", "cord"), '"dura" or "cord"'),
    ],
)
def test_what_is_missing_is_said(lacking, said):
    with pytest.raises(InputError, match=said):
        find_gap(without(neck(), *lacking))


def test_bones_that_are_not_a_neck_are_refused():
    case = Case(
        "boxes",
        (
            structure("C1", "bone", box([-10, -10, 5], [10, 10, 9])),
            structure("C2", "bone", box([-10, -10, -9], [10, 10, -5])),
            structure("dura", "dura", box([-5, 30, -50], [5, 40, 50])),
        ),
    )
    with pytest.raises(InputError):
        find_gap(case)


def test_the_cord_will_do_where_there_is_no_dura():
    gap = find_gap(without(neck(), "dura"))
    usual = find_gap(neck())
    assert gap.canal == "cord"
    assert gap.to_level(usual.centre)[2] == pytest.approx(0.0, abs=2.0)


def test_the_flare_point_is_near_the_cords_margin():
    case = neck()
    gap = find_gap(case)
    found = find_landmarks(case, gap)
    assert abs(found.flare_behind_cord) < 2.0
    assert gap.to_level(found.flare)[2] > gap.upper


def test_no_flare_point_where_c1_is_turned():
    case = neck("rotated-left")
    assert find_landmarks(case, find_gap(case)).flare is None
