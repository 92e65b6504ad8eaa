"""The catheter's way down behind the cord, and what is read on it."""

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.planning.catheter import TUOHY_ANGLE, Catheter, bend_radii, catheter_path
from nav.planning.gap import find_gap
from nav.planning.levels import canal_below, level_heights
from nav.planning.needle_deviation import Needle
from tests.planning.necks import neck, without


@pytest.fixture(scope="module")
def gap():
    return find_gap(neck())


@pytest.fixture(scope="module")
def needle_path(gap):
    target = gap.to_model(np.array([0.5, 0.5 * (gap.cord_back + gap.back_wall), 0.0]))
    return target + 58.0 * gap.left, target


@pytest.fixture(scope="module")
def path(gap, needle_path):
    return catheter_path(neck(), gap, needle_path, Needle(), Catheter())


def test_it_runs_from_the_opening_to_c4_between_dura_and_cord(path, gap, needle_path):
    case = neck()
    assert path.points[0] == pytest.approx(needle_path[1])
    levels = level_heights(case, canal_below(case, gap))
    assert path.end == "C4"
    assert gap.to_level(path.points[-1])[2] == pytest.approx(levels["C4"], abs=0.5)
    dura, cord = (case.of_role(role)[0].surface for role in ("dura", "cord"))
    inner = path.points[2:]
    assert (dura.distances(inner)[0] < -0.3).all()
    assert (cord.distances(inner)[0] > 0.3).all()
    # behind the cord all the way, and cranial to caudal
    back = gap.to_level(path.points)[:, 1]
    assert (back[2:] > 0.0).all()
    assert (np.diff(gap.to_level(path.points)[:, 2]) < 0.3).all()


def test_it_leaves_the_needle_as_the_opening_leads_it(path, needle_path):
    heading = needle_path[1] - needle_path[0]
    first = path.points[1] - path.points[0]
    cosine = first @ heading / np.linalg.norm(first) / np.linalg.norm(heading)
    assert np.degrees(np.arccos(cosine)) == pytest.approx(np.degrees(TUOHY_ANGLE), abs=8.0)
    assert path.opening @ heading == pytest.approx(0.0, abs=1e-9)


def test_the_smallest_bend_is_that_of_its_points(path):
    assert path.smallest_radius == pytest.approx(bend_radii(path.points).min())
    assert path.smallest_radius > 4.0
    turns = np.linspace(0.0, 1.5, 40)
    circle = 7.0 * np.stack([np.cos(turns), np.sin(turns), np.zeros(40)], axis=1)
    assert bend_radii(circle) == pytest.approx(np.full(38, 7.0))


def test_marks_are_read_at_the_hub(path, needle_path):
    assert [m.level for m in path.marks] == ["C2", "C3", "C4"]
    along = [m.along for m in path.marks]
    assert along == sorted(along)
    assert along[-1] == pytest.approx(path.length, abs=1.5)
    depth = np.linalg.norm(needle_path[1] - needle_path[0])
    for mark in path.marks:
        assert mark.at_hub == pytest.approx(90.0 + mark.along)
        assert mark.at_skin == pytest.approx(depth + mark.along)


def test_without_c4_it_ends_at_c3(gap, needle_path):
    found = catheter_path(without(neck(), "C4"), gap, needle_path, Needle(), Catheter())
    assert found.end == "C3"
    assert [m.level for m in found.marks] == ["C2", "C3"]


@pytest.mark.parametrize("lacking", [("dura",), ("C3", "C4")])
def test_what_is_missing_is_said(gap, needle_path, lacking):
    with pytest.raises(InputError):
        catheter_path(without(neck(), *lacking), gap, needle_path, Needle(), Catheter())
