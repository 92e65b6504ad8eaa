"""Methods of registration: another one is one function and one row of the table."""

from dataclasses import replace

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.core.frames import rigid
from nav.live.messages import Stage
from nav.registration.methods import METHODS, POINTS, register_touches
from nav.registration.registration_result import load_registration, write_registration
from nav.registration.touched import TouchedPoints
from tests.live.test_session import POSITIONS, Work
from tests.registration.test_assessment import assess, touches

ANOTHER = "surface"  # a name that registration.toml knows already


@pytest.fixture
def another(monkeypatch):
    """A method that weights every point alike; it counts what it is given."""
    given: list[TouchedPoints] = []

    def unweighted(points):
        given.append(points)
        mean = np.broadcast_to(points.covariance.mean(axis=0), points.covariance.shape)
        return METHODS[POINTS](replace(points, covariance=mean))

    monkeypatch.setitem(METHODS, ANOTHER, unweighted)
    return given


def test_another_method_registers_and_is_assessed_like_any(another, tmp_path):
    found = assess(touches(), method=ANOTHER)
    assert len(another) == 1
    assert another[0].registering.all()
    assert found.word == "good"
    assert found.registration.method == ANOTHER
    path = tmp_path / "registration.toml"
    write_registration(path, found.registration)
    assert load_registration(path).method == ANOTHER


def test_a_method_that_is_wrong_is_refused_by_its_residuals(monkeypatch):
    aside = rigid([0.0, 0.0, 0.0], [3.0, 0.0, 0.0])

    def wrong(points):
        found = METHODS[POINTS](points)
        pose = replace(
            found.model_from_reference, transform=aside * found.model_from_reference.transform
        )
        return replace(found, model_from_reference=pose)

    assert assess(touches()).word == "good"
    monkeypatch.setitem(METHODS, ANOTHER, wrong)
    assert assess(touches(), method=ANOTHER).word == "repeat"


def test_paired_points_are_the_method_of_window_and_command_line():
    assert assess(touches()).registration.method == POINTS
    work = Work()
    state = work.touch_all(*POSITIONS)
    assert state.stage is Stage.VERIFY
    assert work.session.registration.method == POINTS


def test_an_unknown_method_is_refused_with_those_that_are(another):
    points = np.zeros((3, 3))
    touched = TouchedPoints(("a", "b", "c"), points, points, np.zeros((3, 3, 3)), np.ones(3, bool))
    with pytest.raises(InputError, match=r"called guess; there is points, surface"):
        register_touches(touched, "guess")
