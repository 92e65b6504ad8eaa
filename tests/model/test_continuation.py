"""Where a structure goes on beyond its surface: the cone, its file, what it does to bounds."""

import numpy as np
import pytest
from hypothesis import given

from nav.core.errors import InputError
from nav.core.tracked_frame import Tip
from nav.guidance.proximity import Z95, proximity
from nav.model.case import Case, load_case
from nav.model.continuation import SPREAD, Continuation
from tests.solids import box, structure, write_box
from tests.synthetic import floats, vectors

UP = np.array([0.0, 0.0, 1.0])
END = Continuation(np.array([1.0, -2.0, 3.0]), UP, 4.0)


def sampled_distance(position):
    """The least distance to a dense sampling of the cone's section in the plane of a position."""
    off = position - END.point
    beside, along = np.hypot(off[0], off[1]), off[2]
    t = np.linspace(0.0, 120.0, 1201)
    width = END.radius + t * np.tan(SPREAD)
    s = np.clip(beside, -width, width)  # the nearest point of each disc
    return float(np.hypot(t - along, s - beside).min())


@given(vectors(40.0))
def test_the_distance_is_that_of_the_nearest_point_of_the_cone(off):
    position = END.point + off
    assert END.distance(position) == pytest.approx(sampled_distance(position), abs=0.06)


@given(floats(0.0, 50.0), floats(0.0, 1.0), floats(0.0, 6.28))
def test_within_the_cone_it_is_zero(along, share, angle):
    beside = share * (END.radius + along * np.tan(SPREAD))
    at = END.point + along * UP + beside * np.array([np.cos(angle), np.sin(angle), 0.0])
    assert END.distance(at) == pytest.approx(0.0, abs=1e-9)


def bound_at(position, sd, *ends):
    cord = structure(surface=box([-5.0, -5.0, -40.0], [5.0, 5.0, 0.0]))
    object.__setattr__(cord, "continuations", ends)
    tip = Tip(np.array(position), None, np.eye(3) * sd**2, np.zeros((3, 3)))
    (found,) = proximity(Case("cut", (cord,)), tip).structures
    return found


def test_what_may_be_unseen_lowers_the_bound_and_not_the_distance():
    top = Continuation(np.zeros(3), UP, 5.0)
    above = [60.0, 0.0, 50.0]  # nearer to where the cord goes on than to what is seen of it
    plain, cut = bound_at(above, 0.2), bound_at(above, 0.2, top)
    assert cut.distance == plain.distance == pytest.approx(np.hypot(55.0, 50.0))
    assert plain.bound > 70.0
    assert cut.bound == pytest.approx(top.distance(above) - Z95 * 0.2)
    beside = [15.0, 0.0, -20.0]
    assert bound_at(beside, 0.2, top).bound == bound_at(beside, 0.2).bound


def case_file(folder, direction):
    write_box(folder / "cord.ply", [-5.0, -5.0, -40.0], [5.0, 5.0, 0.0])
    path = folder / "case.toml"
    path.write_text(
        'format = "c1c2nav/case/1"\nname = "n"\n[[structure]]\nname = "cord"\nrole = "cord"\n'
        'mesh = "cord.ply"\nsigma = 0.1\n[[structure.continues]]\npoint = [0.0, 0.0, 0.0]\n'
        f"direction = {direction}\nradius = 5.0\n"
    )
    return path


def test_an_end_is_read_from_the_case(tmp_path):
    (cord,) = load_case(case_file(tmp_path, [0.0, 0.6, 0.8])).structures
    (end,) = cord.continuations
    assert np.array_equal(end.direction, [0.0, 0.6, 0.8])
    assert end.radius == 5.0


@pytest.mark.parametrize("direction", [[0.0, 0.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0]])
def test_a_direction_that_is_none_is_refused(tmp_path, direction):
    with pytest.raises(InputError, match="direction"):
        load_case(case_file(tmp_path, direction))
