"""A registration carries tips with its error, predicts its own, and comes back from its file."""

import hashlib
import tomllib
from dataclasses import replace

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError
from nav.core.frames import Pose, rigid
from nav.core.tracked_frame import Tip
from nav.registration.registration_result import Registration, load_registration, write_registration
from tests.synthetic import covariances, rigid_transforms, vectors

DRAWS = 20_000
ROOT = np.random.default_rng(1).normal(size=(6, 6)) * np.repeat([0.1, 1e-3], 3)[:, None]
REGISTRATION = Registration(
    Pose(rigid([0.4, -0.9, 1.3], [12.0, -35.0, 80.0]), ROOT @ ROOT.T),
    0.31,
    np.array([0.2, 0.4, 0.3]),
)
# its residuals make its FRE, as a file's must
FILED = replace(REGISTRATION, fre=float(np.sqrt(np.mean(REGISTRATION.residuals**2))))
FILED = replace(FILED, residuals=FILED.residuals * 0.31 / FILED.fre, fre=0.31)


@given(vectors(100.0), covariances(3, 0.1), covariances(3, 0.2))
def test_a_tip_is_carried_and_the_registrations_error_is_systematic(position, random, systematic):
    transform = REGISTRATION.model_from_reference.transform
    turn = transform.rotation.as_matrix()
    heading = np.array([0.0, 0.6, 0.8])
    tip = REGISTRATION.apply(Tip(position, heading, random, systematic))
    assert tip.position == pytest.approx(transform.apply(position))
    assert tip.heading == pytest.approx(turn @ heading)
    assert tip.random == pytest.approx(turn @ random @ turn.T)
    # what a left perturbation t, r does to a point p: t + r x p
    turned = np.array([np.cross(axis, tip.position) for axis in np.eye(3)]).T
    own = np.hstack([np.eye(3), turned])
    covariance = REGISTRATION.model_from_reference.covariance
    expected = turn @ systematic @ turn.T + own @ covariance @ own.T
    assert tip.systematic == pytest.approx(expected)


def test_without_a_heading_there_is_none_after():
    tip = Tip(np.zeros(3), None, np.eye(3), np.eye(3))
    assert REGISTRATION.apply(tip).heading is None


def test_predicted_tre_is_what_random_registrations_show():
    rng = np.random.default_rng(2)
    points = np.array([[0.0, 0.0, 0.0], [60.0, -20.0, 30.0], [5.0, 90.0, -40.0]])
    steps = rng.multivariate_normal(
        np.zeros(6), REGISTRATION.model_from_reference.covariance, DRAWS
    )
    moves = RigidTransform.from_components(steps[:, :3], Rotation.from_rotvec(steps[:, 3:]))
    shown = [np.sqrt(((moves.apply(p) - p) ** 2).sum(axis=1).mean()) for p in points]
    # the square's relative sd is at most sqrt(2 / DRAWS), the root's half of it; 5 sd
    assert REGISTRATION.predicted_tre(points) == pytest.approx(
        shown, rel=2.5 * np.sqrt(2.0 / DRAWS)
    )


@given(rigid_transforms(), covariances(6, 0.05))
def test_a_registration_comes_back_from_its_file(tmp_path_factory, transform, covariance):
    path = tmp_path_factory.mktemp("registration") / "registration.toml"
    write_registration(
        path, Registration(Pose(transform, covariance), 0.31, np.array([0.31, 0.31]))
    )
    back = load_registration(path)
    difference = back.model_from_reference.transform.inv() * transform
    assert difference.translation == pytest.approx(np.zeros(3), abs=1e-9)
    assert difference.rotation.magnitude() < 1e-9
    assert back.model_from_reference.covariance == pytest.approx(covariance, rel=1e-12)
    assert (back.fre, back.method) == (0.31, "points")


def test_the_file_names_its_inputs_and_holds_the_residuals(tmp_path):
    case = tmp_path / "case.toml"
    case.write_text("a case")
    path = tmp_path / "out" / "registration.toml"
    write_registration(path, REGISTRATION, (case,))
    data = tomllib.loads(path.read_text())
    assert data["format"] == "c1c2nav/registration/1"
    digest = hashlib.sha256(b"a case").hexdigest()
    assert data["input"] == [{"file": "case.toml", "sha256": digest}]
    assert data["calibration"]["residuals"] == [0.2, 0.4, 0.3]
    assert [p.name for p in path.parent.iterdir()] == ["registration.toml"]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('method = "points"', 'method = "guess"', "method"),
        ("fre = 0.31", "fre = -0.31", "fre"),
        ("fre = 0.31", "fre = nan", "fre"),
        ("fre = 0.31", "fle = 0.31", "fre"),
        ("registration/1", "registration/2", "format"),
        ("fre = 0.31", "fre = 5000.0", "fre"),
        ("    12.0,", "    1.0e6,", "model_from_reference"),
        ("    1.3,", "    74.5,", "model_from_reference"),
        ("    1.3,", "    3.5,", "model_from_reference"),
        ('verdict = "good"', "verdict = 3", "calibration: verdict"),
        ('verdict = "good"', 'verdict = "fine"', "calibration: verdict"),
        ("fle = 0.25", "fle = -1.0", "calibration: fle"),
    ],
)
def test_what_breaks_the_format_is_refused_with_its_field(tmp_path, old, new, field):
    path = tmp_path / "registration.toml"
    write_registration(path, FILED, (), {"verdict": "good", "fle": 0.25})
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_registration(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: {field}: ")
    assert "\n" not in said


def test_what_is_no_covariance_is_refused(tmp_path):
    path = tmp_path / "registration.toml"
    write_registration(path, FILED)
    data = tomllib.loads(path.read_text())
    data["covariance"][0][0] = -1.0
    path.write_text(tomli_w.dumps(data))
    with pytest.raises(InputError, match=r"covariance: not a covariance in mm\^2 and rad\^2: "):
        load_registration(path)


def test_residuals_that_do_not_make_the_fre_are_refused(tmp_path):
    path = tmp_path / "registration.toml"
    write_registration(path, replace(FILED, fre=0.1))
    with pytest.raises(InputError, match=r"residuals: their rms is 0\.31 mm, but fre is 0\.10"):
        load_registration(path)


@pytest.mark.parametrize("digest", ["", "abc", "g" * 64, "0" * 63])
def test_a_hash_that_is_none_is_refused(tmp_path, digest):
    case = tmp_path / "case.toml"
    case.write_text("a case")
    path = tmp_path / "registration.toml"
    write_registration(path, FILED, (case,))
    text = path.read_text().replace(hashlib.sha256(b"a case").hexdigest(), digest)
    path.write_text(text)
    with pytest.raises(InputError, match="sha256: expected 64 hexadecimal digits"):
        load_registration(path)


def test_other_keys_of_calibration_are_left_alone(tmp_path):
    path = tmp_path / "registration.toml"
    write_registration(path, FILED, (), {"surgeon": "unknown", "surface": {"points": 400}})
    assert load_registration(path).fre == 0.31
