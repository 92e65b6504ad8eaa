"""Verdicts: every mistake is refused by its name."""

import numpy as np
import pytest

from nav.core.frames import rigid
from nav.model.case import Fiducial
from nav.registration.assessment import assess_touches
from tests.registration.test_assessment import (
    CHECKS,
    KNOWN,
    MODEL,
    REFERENCE_FROM_MODEL,
    assess,
    exchanged,
    only,
    relabelled,
    touches,
    verdict_line,
)


@pytest.mark.parametrize("checks", [tuple(CHECKS), ()])
@pytest.mark.parametrize(
    "pairs",
    [
        [("R1", "R2")],
        [("R3", "R6")],
        [("R4", "R5"), ("R7", "R8")],
        [("R1", "R8"), ("R2", "R7"), ("R3", "R6"), ("R4", "R5")],
        [("R1", "R5"), ("R2", "R6"), ("R3", "R7"), ("R4", "R8")],
    ],
)
def test_exchanged_labels_are_named(pairs, checks):
    line = only(assess(exchanged(touches(*MODEL, *checks), *pairs)))
    assert all(f"{a} and {b}" in line for a, b in pairs)
    assert "exchanged" in line


def test_any_permutation_is_named():
    order = dict(zip(MODEL, [*list(MODEL)[1:], "R1"], strict=True))
    line = only(assess(relabelled(touches(), **order)))
    assert all(f"{label} is {other}" in line for label, other in order.items())


def test_a_fiducial_that_was_touched_for_another_is_named():
    points = touches("R1", "R2", "R3", "R5", "R6", "R8", "K3")
    points["R1"] = REFERENCE_FROM_MODEL.apply(KNOWN["R4"])
    assert "R1 is R4" in only(assess(points))
    twice = touches()
    twice["R2"] = twice["R7"] + 0.2
    line = only(assess(twice))
    assert "R2 alone is" in line
    assert "at the place of R7: touched twice?" in line


@pytest.mark.parametrize(
    ("factor", "says"),
    [
        (1e-3, "1000 times too small for the case (they are in metres)"),
        (0.1, "10 times too small for the case (they are in centimetres)"),
        (1 / 25.4, "25.4 times too small for the case (they are in inches)"),
        (1e3, "1000 times too large for the case (they are in micrometres)"),
        (10.0, "10 times too large"),
        (25.4, "25.4 times too large"),
    ],
)
def test_another_unit_is_named(factor, says):
    points = {label: at * factor for label, at in touches().items()}
    assert says in only(assess(points))
    # besides another mistake
    wrong = exchanged(points, ("R2", "R5"))
    line = only(assess(wrong))
    assert "R2 and R5 are exchanged" in line
    assert says in line


@pytest.mark.parametrize("percent", [-2.0, -1.0, 1.0, 3.0])
def test_another_scale_is_named(percent):
    by = 1.0 + percent / 100.0
    (found,) = assess({label: at * by for label, at in touches().items()}).explanations
    assert found.kind == "scale"
    assert 1.0 / found.scale == pytest.approx(by, abs=4.0 * found.scale_sd)
    line = only(assess({label: at * by for label, at in touches().items()}))
    assert ("larger" if percent > 0 else "smaller") in line


@pytest.mark.parametrize(
    "turn", [np.diag([1.0, 1.0, -1.0]), np.diag([-1.0, 1.0, 1.0]), np.eye(3)[[1, 0, 2]]]
)
def test_mirrored_coordinates_are_named(turn):
    assert "mirror image" in only(assess({k: turn @ at for k, at in touches().items()}))


def test_points_in_ras_among_others_in_lps_are_named():
    points = touches()
    for label in ("R2", "R3", "K1"):
        points[label] = points[label] * np.array([-1.0, -1.0, 1.0])
    line = only(assess(points))
    assert "R2, R3, K1 have x and y of opposite sign" in line
    assert "RAS" in line


@pytest.mark.parametrize("label", ["R4", "R7", "K2"])
def test_one_point_off_is_named_with_how_far(label):
    points = touches()
    points[label] = points[label] + np.array([0.0, 3.0, 4.0])
    found = assess(points)
    assert f"{label} alone is" in only(found)
    # the others' own errors are in it
    assert found.explanations[0].distance == pytest.approx(5.0, abs=1.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda at: at * np.array([1.0, 1.0, 1e3]), "its z 1000 times the right number"),
        (lambda at: at * np.array([1e4, 1.0, 1.0]), "its x 10000 times the right number"),
        (lambda at: at * np.array([1.0, 0.1, 1.0]), "a decimal point?"),
        (lambda at: at * np.array([1.0, -1.0, 1.0]), "its y with the wrong sign"),
        (lambda at: at[[0, 2, 1]], "its y and z are exchanged"),
        (lambda at: at / 25.4, "its x and y and z"),
    ],
)
def test_what_happened_to_the_numbers_of_one_point_is_named(change, says):
    points = touches()
    points["R6"] = change(points["R6"])
    line = only(assess(points))
    assert "R6 alone is" in line
    assert says in line


def test_two_points_off_are_named():
    points = touches()
    points["R2"] = points["R2"] + np.array([4.0, 0.0, 3.0])
    points["R5"] = points["R5"] + np.array([-3.0, 6.0, 0.0])
    assert "R2 and R5 are off" in only(assess(points))


def test_a_reference_body_that_moved_is_named():
    knock = rigid([0.02, 0.05, -0.03], [4.0, -2.0, 3.0])
    points = touches()
    for label in list(points)[5:]:
        points[label] = knock.apply(points[label])
    assert "the points before R6 fit each other, and so do those from R6 on" in only(assess(points))


def test_several_mistakes_are_refused_without_a_name():
    rng = np.random.default_rng(5)
    points = {label: at + rng.normal(0.0, 5.0, 3) for label, at in touches().items()}
    found = assess(points)
    assert (found.word, found.explanations) == ("repeat", ())
    assert "no single mistake explains it" in verdict_line(found)
    assert f"worst {found.worst}" in verdict_line(found)


def test_two_mistakes_that_explain_equally_are_both_named():
    """An isosceles layout: left for right is a mirror image as well."""
    places = {"A": [-40.0, 0, 0], "B": [40.0, 0, 0], "C": [0, 60.0, 0], "D": [0, 20.0, 50.0]}
    case = tuple(Fiducial(label, np.array(at), "register") for label, at in places.items())
    points = {f.label: REFERENCE_FROM_MODEL.apply(f.position) for f in case}
    found = assess_touches(case, exchanged(points, ("A", "B")))
    assert {"labels", "mirrored"} <= {e.kind for e in found.explanations}
    line = verdict_line(found)
    assert line.startswith("repeat: ")
    assert "either" in line
    assert "or, equally likely," in line
