"""Verdicts: right registrations pass as often as stated; vague and degenerate ones are refused."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, kstest

from nav.core.errors import InputError
from nav.core.frames import Array, rigid
from nav.model.case import Fiducial
from nav.registration.assessment import (
    DOUBTED,
    FLE,
    MOST_FLE,
    REFUSED,
    Assessment,
    assess_touches,
    check_error,
)
from nav.registration.assessment_notices import verdict
from nav.registration.points import DegenerateLayout
from tests.said import said

MODEL = {
    "R1": [78.0, -31.0, 55.0],
    "R2": [50.0, 58.0, 55.0],
    "R3": [50.0, 58.0, -71.0],
    "R4": [76.0, 6.0, -71.0],
    "R5": [-78.0, -20.0, -71.0],
    "R6": [-64.0, 43.0, -71.0],
    "R7": [-36.0, 71.0, 55.0],
    "R8": [-78.0, -8.0, 55.0],
}
CHECKS = {"K1": [28.0, 78.0, 28.0], "K2": [0.0, 78.0, 14.0], "K3": [-28.0, 78.0, -34.0]}
FIDUCIALS = tuple(
    Fiducial(label, np.array(at), use)
    for points, use in ((MODEL, "register"), (CHECKS, "check"))
    for label, at in points.items()
)
KNOWN = {fiducial.label: fiducial.position for fiducial in FIDUCIALS}
REFERENCE_FROM_MODEL = rigid([0.4, -0.9, 1.3], [12.0, -35.0, 80.0])
TARGET = np.array([0.0, 12.0, 0.0])
DRAWS = 150


def touches(*labels: str, seed: int = 1, fle: float = FLE) -> dict[str, Array]:
    """Touched with errors; all of the fiducials where none are named."""
    rng = np.random.default_rng(seed)
    return {
        label: REFERENCE_FROM_MODEL.apply(KNOWN[label]) + rng.normal(0.0, fle, 3)
        for label in labels or KNOWN
    }


def assess(points: dict[str, Array], **more: object) -> Assessment:
    return assess_touches(FIDUCIALS, points, target=TARGET, **more)  # type: ignore[arg-type]


def relabelled(points: dict[str, Array], **pairs: str) -> dict[str, Array]:
    """Points that were given each other's labels."""
    return points | {label: points[other] for label, other in pairs.items()}


def exchanged(points: dict[str, Array], *pairs: tuple[str, str]) -> dict[str, Array]:
    both = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    return relabelled(points, **both)


def verdict_line(found: Assessment) -> str:
    return said(verdict(found))


def only(found: Assessment) -> str:
    """The verdict of a refusal with one explanation."""
    assert found.word == "repeat"
    assert len(found.explanations) == 1
    line = verdict_line(found)
    assert line.startswith("repeat: ")
    assert "\n" not in line
    return line


def test_a_right_registration_is_good():
    found = assess(touches())
    assert found.word == verdict_line(found) == "good"
    assert found.labels == tuple(MODEL)
    assert [check.label for check in found.checks] == list(CHECKS)
    assert found.registration is not None
    assert 0.5 < found.registration.fre / found.expected_fre < 1.6


def test_right_registrations_are_refused_no_more_often_than_stated():
    """And the probabilities are probabilities: evenly spread over 0 to 1."""
    found = [assess(touches(seed=seed)) for seed in range(DRAWS)]
    refused = sum(one.word == "repeat" for one in found)
    assert binom.sf(refused - 1, DRAWS, REFUSED) > 1e-3
    assert kstest([one.fit for one in found], "uniform").pvalue > 1e-3
    assert kstest([one.check_fit for one in found], "uniform").pvalue > 1e-3
    usable = sum(one.word == "usable" for one in found)
    assert binom.sf(usable - 1, DRAWS, 2.0 * DOUBTED) > 1e-3
    passed = [check.passed for one in found for check in one.checks]
    assert binom.sf(sum(not p for p in passed) - 1, len(passed), REFUSED / 2) > 1e-3


def test_known_errors_of_the_touches_count():
    """Far along one axis by a tip that is known badly there: no reason to refuse."""
    rng = np.random.default_rng(3)
    spread = np.diag([0.01, 0.01, 4.0])
    points = {
        label: at + rng.multivariate_normal(np.zeros(3), spread) for label, at in touches().items()
    }
    assert assess(points).word == "repeat"
    assert assess(points, covariance=dict.fromkeys(points, spread)).word != "repeat"


def test_what_the_case_does_not_know_of_a_fiducial_counts():
    """As much as an error of the touch would."""
    vague = tuple(replace(f, sigma=0.6) for f in FIDUCIALS)
    points = touches()
    sure = assess(points)
    unsure = assess_touches(vague, points, target=TARGET)
    wide = assess(points, fle=float(np.hypot(FLE, 0.6)))
    assert sure.predicted_tre is not None
    assert unsure.predicted_tre == pytest.approx(wide.predicted_tre)
    assert unsure.predicted_tre > 2.0 * sure.predicted_tre
    assert unsure.registration is not None
    near, far = (
        check_error(f, points["K1"], unsure.registration) for f in (FIDUCIALS[8], vague[8])
    )
    assert far.limit > near.limit


@pytest.mark.parametrize("fle", [0.1, 0.5, 0.9])
def test_the_declared_error_decides(fle):
    points = touches(fle=fle)
    assert assess(points, fle=fle).word == "good"
    assert assess(points, fle=fle / 4.0).word == "repeat"


@pytest.mark.parametrize("fle", [0.0, -1.0, np.nan, np.inf, 1.01 * MOST_FLE])
def test_an_error_that_is_none_is_refused(fle):
    with pytest.raises(InputError, match=r"expected 0\.01 to 1 mm"):
        assess(touches(), fle=fle)


def test_check_points_are_evidence_against():
    """The fit alone is fine: only the check points tell."""
    points = touches()
    moved = points | {k: points[k] + np.array([0.0, 4.0, 3.0]) for k in CHECKS}
    found = assess(moved)
    assert found.fit > DOUBTED
    assert "check point" in only(found)
    assert assess({k: moved[k] for k in MODEL}).word == "good"


def test_a_layout_whose_labels_cannot_be_told_is_not_called_good():
    square = {"A": [40.0, 0, 0], "B": [0, 40.0, 0], "C": [-40.0, 0, 0], "D": [0, -40.0, 0.0]}
    case = tuple(Fiducial(label, np.array(at), "register") for label, at in square.items())
    points = {f.label: REFERENCE_FROM_MODEL.apply(f.position) for f in case}
    found = assess_touches(case, points)
    assert found.word == "usable"
    assert "wrong labels would fit as well" in verdict_line(found)
    # a check point out of the plane, and out of the symmetry, tells
    case += (Fiducial("K", np.array([20.0, 5.0, 30.0]), "check"),)
    points["K"] = REFERENCE_FROM_MODEL.apply(case[-1].position)
    assert assess_touches(case, points).word == "good"


@pytest.mark.parametrize("mirror", [np.ones(3), np.array([-1.0, 1.0, 1.0])])
def test_points_in_a_plane_do_not_tell_left_from_right_and_are_not_called_good(mirror):
    """Mirrored numbers fit them by a turn; what lies beside the plane is then on its other side."""
    flat = {"A": [0.0, 0, 0], "B": [60.0, 0, 0], "C": [70.0, 45, 0], "D": [10.0, 38, 0.2]}
    flat |= {"E": [33.0, 61, 0], "F": [5.0, 14, -0.2]}
    case = tuple(Fiducial(label, np.array(at), "register") for label, at in flat.items())
    rng = np.random.default_rng(4)
    points = {
        f.label: REFERENCE_FROM_MODEL.apply(mirror * f.position) + rng.normal(0.0, 0.1, 3)
        for f in case
    }
    found = assess_touches(case, points)
    assert found.fit > DOUBTED
    assert found.word == "usable"
    assert "nearly in a plane, where a mirror image" in verdict_line(found)
    # a check point off the plane tells
    case += (Fiducial("K", np.array([20.0, 5.0, 30.0]), "check"),)
    points["K"] = REFERENCE_FROM_MODEL.apply(mirror * case[-1].position)
    assert assess_touches(case, points).word == ("good" if mirror[0] > 0 else "repeat")


def test_three_points_are_too_few_to_judge():
    points = touches("R1", "R3", "R7")
    found = assess(points)
    assert found.word == "usable"
    assert "3 fiducials are too few to judge by" in verdict_line(found)
    assert not assess(touches("R1", "R3", "R7", "K2")).few


@pytest.mark.parametrize("system", [np.ones(3), np.array([-1.0, -1.0, 1.0])])
def test_the_cases_own_numbers_are_no_touches(system):
    """Nor are they in RAS, as another program exports them."""
    found = assess({label: system * at for label, at in KNOWN.items()})
    assert found.word == "usable"
    assert "the case's own numbers" in verdict_line(found)


def test_a_vague_registration_is_refused():
    """Three points in a corner, the target far off."""
    corner = {"A": [0.0, 0, 0], "B": [20.0, 0, 0], "C": [0, 26.0, 0]}
    near = tuple(Fiducial(label, np.array(at), "register") for label, at in corner.items())
    points = {f.label: f.position + 1.0 for f in near}
    found = assess_touches(near, points, target=np.array([150.0, 150.0, 0.0]))
    assert found.word == "repeat"
    assert "the predicted TRE at the target is" in verdict_line(found)


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e200])
def test_a_number_that_is_not_plausible_is_refused(number):
    points = touches()
    points["R2"] = points["R2"] * np.array([1.0, number, 1.0])
    with pytest.raises(InputError, match="point R2: "):
        assess(points)


def test_too_few_or_collinear_points_are_refused_as_such():
    with pytest.raises(DegenerateLayout, match="got 2 fiducials"):
        assess(touches("R1", "R2", "K1"))
    line = tuple(Fiducial(str(k), np.array([20.0 * k, 0.0, 0.0]), "register") for k in range(5))
    with pytest.raises(DegenerateLayout, match="of a line"):
        assess_touches(line, {f.label: f.position for f in line})


@pytest.mark.parametrize("place", [[0.0, 0.0, 0.0], [12.0, -7.0, 300.0]])
def test_touches_at_one_place_are_refused_as_such(place):
    with pytest.raises(DegenerateLayout, match="of one place"):
        assess({label: np.array(place) for label in MODEL})


def test_a_check_in_the_window_is_measured_by_what_is_predicted():
    registration = assess(touches(*MODEL)).registration
    assert registration is not None
    (k1,) = (f for f in FIDUCIALS if f.label == "K1")
    errors = [check_error(k1, touches("K1", seed=seed)["K1"], registration) for seed in range(400)]
    rms = np.sqrt(np.mean([e.distance**2 for e in errors]))
    assert rms == pytest.approx(errors[0].predicted, rel=0.35)  # this registration's own error too
    assert all(e.passed for e in errors)
    off = check_error(k1, touches("K1")["K1"] + [2.0, 0.0, 0.0], registration)
    assert not off.passed


def test_a_coordinate_without_its_decimal_point_is_refused_by_the_points_name():
    points = touches()
    points["R3"] = points["R3"] * [1.0, 1e7, 1.0]
    with pytest.raises(InputError, match=r"^point R3: \(.*\) mm is not plausible; expected milli"):
        assess(points)
