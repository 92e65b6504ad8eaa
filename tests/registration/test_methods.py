"""Methods of registration: another one is one function and one row of the table."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.core.frames import rigid
from nav.live.messages import Stage
from nav.registration.methods import METHODS, POINTS, SURFACE, register_touches
from nav.registration.prepared_surface import prepare_surface
from nav.registration.registration_result import (
    RegistrationFile,
    load_registration,
    write_registration,
)
from nav.registration.touched import TouchedBone, TouchedPoints
from tests.live.test_session import POSITIONS, Work
from tests.registration.test_assessment import assess, touches
from tests.registration.test_surface import NOISE, bumpy, touched_on

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


def test_the_file_names_the_methods_of_the_table():
    assert get_args(RegistrationFile.model_fields["method"].annotation) == tuple(METHODS)


def test_points_on_bone_are_registered_by_the_table_too():
    rng = np.random.default_rng(1)
    surface = prepare_surface([bumpy(1)])
    points = touched_on(surface.surfaces[0], 40, rng) + rng.normal(0.0, NOISE, (40, 3))
    places = surface.places[:4]
    bone = TouchedBone(surface, points, NOISE, landmarks=(places, places + 2.0))
    found = register_touches(bone, SURFACE)
    assert found.method == SURFACE
    assert np.abs(found.model_from_reference.transform.translation).max() < 1.0
    with pytest.raises(InputError, match="takes touched fiducials"):
        register_touches(bone, POINTS)
    with pytest.raises(InputError, match="takes points touched on bone"):
        register_touches(TouchedPoints((), *np.zeros((3, 0, 3)), np.ones(0, bool)), SURFACE)
