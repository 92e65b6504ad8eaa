"""Where the kit's parts stand: well spread divots, a base that fits the bed, whatever the neck."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.spatial import Delaunay

from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.layout import layout
from phantoms.kit.part import BED

THIN, STOUT = {"neck_width": 95.0, "neck_ap": 90.0}, {"neck_width": 150.0, "neck_ap": 145.0}


@pytest.fixture(params=[{}, THIN, STOUT], ids=["standard", "thin", "stout"])
def placed(request):
    return layout(replace(AnatomyParameters(), **request.param))


def points(placed, use):
    return np.array([d.apex for d in placed.divots if d.use == use])


def test_enough_divots_each_with_a_label_of_its_own(placed):
    assert len(points(placed, "register")) >= 8
    assert len(points(placed, "check")) >= 3
    assert len({d.label for d in placed.divots}) == len(placed.divots)


def test_registered_divots_are_far_from_any_plane_and_any_line(placed):
    p = points(placed, "register")
    spread = np.linalg.svd(p - p.mean(axis=0), compute_uv=False) / np.sqrt(len(p))
    assert spread[2] > 10.0
    for a, b, c in combinations(p, 3):
        sides = [np.linalg.norm(a - b), np.linalg.norm(b - c), np.linalg.norm(c - a)]
        height = np.linalg.norm(np.cross(b - a, c - a)) / max(sides)
        assert height > 10.0


def test_the_window_lies_among_the_registered_divots(placed):
    assert Delaunay(points(placed, "register")).find_simplex([0.0, 0.0, 0.0]) >= 0


def test_check_divots_are_nearer_to_the_window_than_registered_ones(placed):
    nearest = np.linalg.norm(points(placed, "register"), axis=1).min()
    assert np.linalg.norm(points(placed, "check"), axis=1).max() < nearest


def test_divots_can_be_reached_from_above_and_the_sides(placed):
    for d in placed.divots:
        assert np.linalg.norm(d.axis) == pytest.approx(1.0, abs=1e-12)
        assert d.axis[1] > 0.3


def test_the_base_fits_the_bed_and_carries_everything(placed):
    low, high = placed.base_ends
    assert 2 * placed.base_half_width <= BED[0]
    assert high - low <= BED[1]
    for places in (*placed.bolts.values(), placed.table_holes):
        x, z = np.array(places).T
        assert np.abs(x).max() < placed.base_half_width - 5.0
        assert low + 5.0 < z.min()
        assert z.max() < high - 5.0


def test_the_reference_body_faces_the_cameras_behind_the_neck(placed):
    rotation = placed.model_from_reference.rotation
    assert rotation.apply([0.0, 0.0, 1.0]) == pytest.approx([0.0, 1.0, 0.0], abs=1e-12)
    assert placed.model_from_reference.translation[2] > placed.arches["arch_cranial"][1] + 22.0
