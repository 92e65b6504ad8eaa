"""The camera's curve: what it is like for any camera, and that pictures teach the right one."""

from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.frames import Array
from nav.tracking.fit.response import HIGH, LINEAR, LOW, START, Response, curve_table
from nav.tracking.tracker import Tracker
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_tools import needle_body
from tests.synthetic import Studio, floats, needle_poses, vectors

# any camera, ink and paper that are thought of
cameras = st.builds(
    lambda bend, ink: np.array([bend, ink]), floats(LOW[0], HIGH[0]), floats(LOW[1], HIGH[1])
)


def light(table: Array) -> Array:
    return np.linspace(0.0, 1.0, table.shape[1])


@given(cameras)
def test_a_curve_rises_from_ink_to_paper(parameters):
    grey = curve_table(parameters)[0]
    assert (grey[0], grey[-1]) == pytest.approx((0.0, 1.0), abs=1e-12)
    assert (np.diff(grey) > 0.0).all()


@given(cameras)
def test_the_slope_is_the_curves(parameters):
    table = curve_table(parameters)
    # middle of an interval: of the rising curves the slope is nearly straight there
    between = (table[1, 1:] + table[1, :-1]) / 2
    rise = np.diff(table[0]) / np.diff(light(table))
    assert rise == pytest.approx(between, rel=0.1, abs=1e-3)
    fine = slice(64, None)  # where no curve is steep
    assert rise[fine] == pytest.approx(between[fine], rel=1e-3)


@given(cameras)
def test_the_change_by_each_parameter_is_the_curves(parameters):
    table = curve_table(parameters)
    for k in range(2):
        step = np.zeros(2)
        step[k] = 1e-3
        ahead, behind = curve_table(parameters + step)[0], curve_table(parameters - step)[0]
        assert table[2 + k] == pytest.approx((ahead - behind) / 2e-3, abs=1e-5)


@pytest.mark.parametrize("ink", [0.0, 2.6, 5.0])
def test_without_bend_the_curve_is_straight_whatever_the_ink(ink):
    table = curve_table(np.array([0.0, ink]))
    assert table[0] == pytest.approx(light(table), abs=1e-9)
    assert table[3] == pytest.approx(np.zeros_like(table[3]), abs=1e-9)
    assert LINEAR[0] == pytest.approx(light(table), abs=1e-9)


@pytest.mark.parametrize("gamma", [1.8, 2.2, 2.6])
def test_display_gamma_is_one_of_the_curves(gamma):
    """Ink and paper of 6 and 88 %: grey levels of what lies between them in light."""
    ink, paper = 0.06, 0.88
    table = curve_table(np.array([1.0 - 1.0 / gamma, np.log((paper - ink) / ink)]))
    grey = (ink + (paper - ink) * light(table)) ** (1.0 / gamma)
    expected = (grey - grey[0]) / (grey[-1] - grey[0])
    assert table[0] == pytest.approx(expected, abs=1e-9)


@given(vectors(5.0, 2))
def test_a_step_never_leaves_what_cameras_do(step):
    moved = Response().moved(step)
    assert (moved >= LOW).all()
    assert (moved <= HIGH).all()
    inside = np.clip(START + step, LOW, HIGH)
    assert moved == pytest.approx(inside)


def test_what_is_learnt_fades_and_never_freezes():
    """However much is seen, a later picture still counts; unseen, it is as new in the end."""
    response = Response()
    new = response.information.copy()
    for _ in range(100):
        response.learn(np.diag([1e9, 1e7]))
    much = response.information.copy()
    response.learn(np.diag([1e9, 1e7]))
    assert response.information == pytest.approx(much, rel=1e-6)
    assert (np.diag(much) > 10 * np.diag(new)).all()
    assert (np.diag(much) < 1e6).all()
    for _ in range(1000):
        response.learn(np.zeros((2, 2)))
    assert response.information == pytest.approx(new, rel=0.01)


@pytest.mark.parametrize("gamma", [1.0, 2.2])
def test_the_exponent_is_learnt_from_pictures(rig, needle, gamma):
    optics = Optics(blur=0.8, noise=2.0, gamma=gamma, gradient=(0.02, -0.02))
    studio, body = Studio(rig, optics, 5), needle_body(needle)
    with closing(Tracker(rig, [needle])) as tracker:
        for place in needle_poses(12, np.random.default_rng(5)):
            tracker.track(studio.frames([Placed(body, place)]))
        for state in tracker.camera_states.values():
            exponent = 1.0 - state.response.parameters[0]
            assert exponent == pytest.approx(1.0 / gamma, abs=0.05)
