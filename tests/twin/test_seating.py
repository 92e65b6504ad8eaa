"""Seating in a divot: what geometry says, and what friction adds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.errors import InputError
from phantoms.twin.seating import (
    BOTTOM,
    TIPS,
    bias,
    rounding,
    seated_tip,
    standoff,
    steepest,
)

UP = np.array([0.0, 0.0, 1.0])
TUOHY = 1.47  # mm, 17G
ROOT = np.sqrt(2.0)


def tilted(degrees: float, about: float = 0.0) -> np.ndarray:
    """Heading of a shaft that leans by an angle towards an azimuth."""
    t = np.radians(degrees)
    return -np.array([np.sin(t) * np.cos(about), np.sin(t) * np.sin(about), np.cos(t)])


@pytest.mark.parametrize(
    ("bevel", "diameter"), [("tuohy", 1.47), ("quincke", 2.1), ("pencil", 0.5)]
)
def test_upright_the_tip_rests_over_the_apex_by_its_rounding(bevel, diameter):
    rho = rounding(bevel, diameter)
    assert 0.1 <= rho <= 0.4
    assert bias(UP, -UP, bevel, diameter) == pytest.approx([0, 0, rho * (ROOT - 1)])


@given(st.floats(0.0, 35.0), st.floats(0.0, 6.28))
def test_the_rounding_touches_the_wall_at_every_tilt(tilt, about):
    heading = tilted(tilt, about)
    rho = rounding("tuohy", TUOHY)
    centre = bias(UP, heading, "tuohy", TUOHY) - rho * heading
    # distance of a point from a wall of 45 degrees
    wall = (centre[2] - np.hypot(centre[0], centre[1])) / ROOT
    assert wall == pytest.approx(rho, abs=1e-9)


def test_a_tilted_shaft_puts_the_tip_to_the_other_side():
    rho = rounding("tuohy", TUOHY)
    off = bias(UP, tilted(30.0), "tuohy", TUOHY)
    assert off == pytest.approx([-rho / 2, 0.0, rho * (ROOT - np.sqrt(0.75))])


def test_a_tip_finer_than_the_cones_bottom_rests_in_it():
    fine = bias(UP, -UP, "quincke", 0.51)
    assert rounding("quincke", 0.51) <= BOTTOM
    assert fine[2] == pytest.approx(BOTTOM * (ROOT - 1))


def test_the_divots_place_and_axis_only_carry_the_bias_along():
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec([0.4, -1.0, 0.2])
    apex = np.array([10.0, -4.0, 3.0])
    rng = np.random.default_rng(0)
    heading = turn.apply(tilted(20.0))
    tip = seated_tip(apex, turn.apply(UP), heading, "tuohy", TUOHY, rng, scatter=0.0)
    assert tip == pytest.approx(apex + turn.apply(bias(UP, tilted(20.0), "tuohy", TUOHY)))


# steep angles


@pytest.mark.parametrize("bevel", list(TIPS))
def test_a_steep_shaft_is_kept_off_by_its_shoulder(bevel):
    kept = [standoff(UP, tilted(t), bevel, TUOHY) for t in (0, 15, 30, 60, 70, 80)]
    assert kept[:3] == [0.0, 0.0, 0.0]
    assert 0.0 < kept[3] < kept[4] < kept[5]
    assert 30 < steepest(bevel, TUOHY) < 60


def test_a_pencil_point_goes_as_steep_as_the_wall_lets_its_cone():
    """A cone of 14 degrees half angle in one of 45: about 31 degrees, more for its rounded end."""
    assert 31 <= steepest("pencil", TUOHY) <= 40


def test_a_deeper_divot_keeps_a_steep_shaft_further_off():
    heading = tilted(65.0)
    shallow, deep = (standoff(UP, heading, "tuohy", TUOHY, depth) for depth in (1.0, 2.5))
    assert 0.0 < shallow < deep


def test_a_kept_off_tip_is_reported_there():
    heading = tilted(70.0)
    kept = standoff(UP, heading, "quincke", TUOHY)
    rho = rounding("quincke", TUOHY)
    assert bias(UP, heading, "quincke", TUOHY) == pytest.approx(
        (ROOT * rho + kept) * UP + rho * heading
    )


@pytest.mark.parametrize("tilt", [90.0, 120.0, 180.0])
def test_a_needle_from_behind_is_refused(tilt):
    with pytest.raises(InputError, match="comes from behind"):
        seated_tip([0, 0, 0], UP, tilted(tilt), "tuohy", TUOHY, np.random.default_rng(0))


# friction


def touches(tilt: float, scatter: float = 0.2, count: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(5)
    heading = tilted(tilt)
    home = bias(UP, heading, "tuohy", TUOHY)
    return np.array(
        [
            seated_tip(np.zeros(3), UP, heading, "tuohy", TUOHY, rng, scatter) - home
            for _ in range(count)
        ]
    )


def test_scatter_is_as_stated():
    off = touches(10.0)
    assert np.sqrt((off[:, :2] ** 2).sum(axis=1).mean()) == pytest.approx(0.2 / ROOT, rel=0.06)
    assert np.sqrt((off[:, 2] ** 2).mean()) == pytest.approx(0.2 / ROOT, rel=0.06)
    # friction holds it up, never down; only the print's roughness reaches under its rest
    assert off[:, 2].min() > -0.12
    assert off[:, 2].mean() > 0.08
    assert np.abs(off[:, :2].mean(axis=0)).max() < 0.01


def test_a_steeply_pushed_tip_sticks_on_the_wall_it_is_pushed_at():
    flat, steep = touches(10.0), touches(40.0)
    assert (steep**2).sum(axis=1).mean() > 2 * (flat**2).sum(axis=1).mean()
    # the shaft leans to +x and pushes towards -x
    assert steep[:, 0].mean() < -0.1


def test_the_same_seed_touches_alike():
    assert np.array_equal(touches(20.0, count=5), touches(20.0, count=5))
    assert not np.array_equal(touches(20.0, count=5)[0], touches(20.0, count=5)[1])
