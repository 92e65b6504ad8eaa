"""Where the kit's parts stand: well spread divots, a base that fits the bed, whatever the neck."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.spatial import Delaunay

from nav.registration.correspondence import smallest_confusion
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.skin_model import NECK_BOTTOM, NECK_TOP, skin_x
from phantoms.kit.base import base_solid
from phantoms.kit.fasteners import M3_NUT_DEPTH
from phantoms.kit.frame import BAR_BOLTS, NUT_FROM_END, arch_solid, bar_solid
from phantoms.kit.kit_layout import (
    LEAST_CONFUSION,
    LUG_HEIGHT,
    PLATE_FREE,
    TABLE_HEAD,
    TABLE_HOLE,
    layout,
)
from phantoms.kit.part import BED, LEAST_WALL
from phantoms.kit.seat import seat_solid
from phantoms.kit.solid import box, cylinder

THIN, STOUT = {"neck_width": 95.0, "neck_ap": 90.0}, {"neck_width": 150.0, "neck_ap": 145.0}
FLAT = {"neck_width": 150.0, "neck_ap": 90.0}


@pytest.fixture(params=[{}, THIN, STOUT, FLAT], ids=["standard", "thin", "stout", "flat"])
def neck(request):
    return replace(AnatomyParameters(), **request.param)


@pytest.fixture
def placed(neck):
    return layout(neck)


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


def test_no_wrong_labels_fit(placed):
    """Not even with check divots taken for them; left for right was 1.6 mm once."""
    both = np.concatenate([points(placed, "register"), points(placed, "check")])
    count = len(points(placed, "register"))
    assert smallest_confusion(both, count, most=LEAST_CONFUSION) is None


def test_wrong_labels_of_the_standard_neck_fit_as_documented():
    placed = layout(AnatomyParameters())
    both = np.concatenate([points(placed, "register"), points(placed, "check")])
    found = smallest_confusion(both, 8)
    assert found.complete
    assert found.fre == pytest.approx(12.4, abs=0.1)
    # not even of any six
    for left_out in combinations(range(8), 2):
        kept = [k for k in range(8) if k not in left_out]
        rest = [k for k in range(len(both)) if k not in kept]
        assert smallest_confusion(both[kept + rest], 6, most=7.0) is None


def test_the_figure_of_a_layout_that_looks_alike_when_turned_is_zero():
    half = points(layout(AnatomyParameters()), "register")[:4]
    half = half - half.mean(axis=0)
    alike = np.concatenate([half, half * np.array([-1.0, 1.0, -1.0])])
    assert smallest_confusion(alike).fre == pytest.approx(0.0, abs=1e-6)


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


def test_table_screws_and_their_driver_meet_no_leg_lug_or_seat(placed):
    base = base_solid(placed)
    stand = [seat_solid(placed), *(arch_solid(placed, name) for name in placed.arches)]
    for x, z in placed.table_holes:
        screw = cylinder((x, placed.base_bottom, z), (x, placed.base_top, z), TABLE_HOLE / 2)
        assert (screw ^ base).volume() < 0.01
        start, end = (x, placed.base_top + 0.05, z), (x, placed.base_top + 200.0, z)
        driver = cylinder(start, end, TABLE_HEAD / 2)
        assert all((driver ^ solid).volume() < 0.01 for solid in (base, *stand)), (x, z)


def test_nuts_stay_in_the_bar_when_it_is_laid_in(placed):
    """Their slots open at the top; under a nut is a floor."""
    bar, (low, high) = bar_solid(placed), placed.bar
    at = bar.bounding_box()[5] - NUT_FROM_END - M3_NUT_DEPTH / 2
    for x in (-BAR_BOLTS, BAR_BOLTS):
        nut = box((x - 2.75, (low + high) / 2 - 3.2, at - 1.2), (x + 2.75, high + 1.0, at + 1.2))
        assert (nut ^ bar).volume() < 0.01
        under = box((x - 2.75, low, at - 1.2), (x + 2.75, low + LEAST_WALL, at + 1.2))
        assert (under - bar).volume() < 0.01


def test_the_ends_of_the_neck_are_covered_by_what_passes_between_the_lugs(neck, placed):
    y = placed.base_top + np.linspace(0.0, LUG_HEIGHT + PLATE_FREE, 50)
    widest = max(skin_x(neck, y, z).max() for z in (NECK_BOTTOM, NECK_TOP))
    assert placed.lug[0] - PLATE_FREE > widest + 1.9


def test_the_reference_body_faces_the_cameras_behind_the_neck(placed):
    rotation = placed.model_from_reference.rotation
    assert rotation.apply([0.0, 0.0, 1.0]) == pytest.approx([0.0, 1.0, 0.0], abs=1e-12)
    assert placed.model_from_reference.translation[2] > placed.arches["arch_cranial"][1] + 22.0
