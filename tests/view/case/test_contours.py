"""Contours against the closed forms of a sphere and a box; sigma along them and as a colour."""

import itertools

import numpy as np
import pytest

from nav.view import sigma_scale
from nav.view.case.contours import Contours, joined
from nav.view.case.loading import load_viewed_case
from nav.view.case.planes import PLANES
from nav.view.case.probe import Probe
from tests.view.case.cases import CENTRE, RADIUS, hounsfield, write_case


@pytest.fixture(scope="module")
def viewed(tmp_path_factory):
    return load_viewed_case(write_case(tmp_path_factory.mktemp("case") / "a"))


@pytest.fixture(scope="module")
def contours(viewed):
    return Contours(viewed.case.structures)


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
@pytest.mark.parametrize("off", [-9.0, 0.0, 0.4, 8.0])
def test_a_sphere_is_cut_in_one_circle(contours, plane, off):
    contour = contours.contour("C1", plane, CENTRE[plane.normal] + off)
    (line,) = contour.lines
    assert (line[0] == line[-1]).all()
    away = np.linalg.norm(line - CENTRE[[plane.across, plane.down]], axis=1)
    # the mesh of triangles lies up to 0.05 mm inside the sphere
    assert np.abs(away - np.sqrt(RADIUS**2 - off**2)).max() < 0.1
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    assert length == pytest.approx(2 * np.pi * np.sqrt(RADIUS**2 - off**2), rel=0.01)


def test_a_plane_beside_a_surface_has_no_contour(contours):
    for plane in PLANES:
        assert contours.contour("C1", plane, CENTRE[plane.normal] + RADIUS + 0.1).lines == ()


def test_contours_are_kept(contours):
    first = contours.contour("C1", PLANES[0], 10.0)
    assert contours.contour("C1", PLANES[0], 10.0) is first


def test_sigma_along_a_contour_is_the_surfaces(contours, viewed):
    low = contours.contour("C1", PLANES[0], CENTRE[2] - 6.0)
    high = contours.contour("C1", PLANES[0], CENTRE[2] + 6.0)
    assert low.sigma[0] == pytest.approx(0.4, abs=1e-6)
    assert high.sigma[0] == pytest.approx(0.1, abs=1e-6)
    assert len(low.sigma[0]) == len(low.lines[0])


def test_segments_join_to_closed_and_open_lines():
    segments = np.array([[5, 6], [0, 1], [2, 1], [2, 0], [7, 6], [3, 4]])
    lines = sorted(joined(segments), key=len)
    assert sorted(map(len, lines)) == [2, 3, 4]
    assert set(lines[0]) == {3, 4}
    assert lines[1].tolist() in ([5, 6, 7], [7, 6, 5])
    assert lines[2][0] == lines[2][-1]
    assert set(lines[2]) == {0, 1, 2}
    assert joined(np.zeros((0, 2), int)) == []


def test_every_segment_is_in_exactly_one_line():
    rng = np.random.default_rng(1)
    order = rng.permutation(60)
    loops = [order[:25], order[25:40], order[40:]]
    segments = np.concatenate([np.stack([loop, np.roll(loop, 1)], axis=1) for loop in loops])
    lines = joined(rng.permutation(segments))
    assert sorted(len(line) - 1 for line in lines) == [15, 20, 25]
    drawn = {frozenset(pair) for line in lines for pair in itertools.pairwise(line)}
    assert drawn == {frozenset(pair) for pair in segments.tolist()}


def test_colours_of_sigma_change_all_the_way_and_stop_at_the_ends():
    sigma = np.geomspace(0.03, 3.0, 40)
    steps = np.abs(np.diff(sigma_scale.colours(sigma).astype(int), axis=0)).sum(axis=1)
    assert (steps > 0).all()
    ends = sigma_scale.colours([0.001, 0.03, 3.0, 20.0])
    assert (ends[0] == ends[1]).all()
    assert (ends[2] == ends[3]).all()
    assert len(np.unique(sigma_scale.colours(sigma), axis=0)) == 40


def test_the_probe_names_the_nearest_surface_with_its_local_sigma(viewed):
    probe = Probe(viewed.case.structures, viewed.volume)
    below = probe.at(CENTRE - [0.0, 0.0, RADIUS - 2.0])
    assert below.structure == "C1"
    assert below.distance == pytest.approx(-2.0, abs=0.1)
    assert below.sigma == pytest.approx(0.4, abs=1e-6)
    assert below.hounsfield == pytest.approx(hounsfield(below.point), abs=12.0)
    above = probe.at(np.add(CENTRE, [0.0, 0.0, RADIUS + 1.5]))
    assert above.distance == pytest.approx(1.5, abs=0.1)
    assert above.sigma == pytest.approx(0.1, abs=1e-6)


def test_the_probe_agrees_with_every_surface_asked_by_itself(viewed):
    probe = Probe(viewed.case.structures, viewed.volume)
    for point in np.random.default_rng(2).uniform(-36.0, 36.0, (40, 3)):
        all_of_them = {s.name: s.surface.distance(point)[0] for s in viewed.case.structures}
        found = probe.at(point)
        assert abs(found.distance) == pytest.approx(min(map(abs, all_of_them.values())))
        assert all_of_them[found.structure] == found.distance


def test_hidden_structures_do_not_count(viewed):
    probe = Probe(viewed.case.structures, None)
    assert probe.at(CENTRE, frozenset({"C1"})).structure != "C1"
    nothing = probe.at(CENTRE, frozenset(s.name for s in viewed.case.structures))
    assert nothing.structure == ""
    assert nothing.hounsfield is None
