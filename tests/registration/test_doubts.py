"""Verdicts that doubt: what is large but not refused, and layouts too large to try all labels."""

import re

import numpy as np

from nav.model.case import Fiducial
from nav.registration.assessment import FLE, GOOD_TRE, assess_touches
from nav.registration.assessment_notices import verdict
from tests.registration.test_assessment import (
    FIDUCIALS,
    REFERENCE_FROM_MODEL,
    assess,
    exchanged,
    only,
    touches,
)
from tests.said import said


def said_of(assessment):
    return said(verdict(assessment))


def test_a_large_layout_is_judged_without_its_labels():
    """Its other assignments would take too long to try; what is wrong is told all the same."""
    rng = np.random.default_rng(8)
    case = tuple(
        Fiducial(f"F{k}", at, "register") for k, at in enumerate(rng.uniform(-80.0, 80.0, (41, 3)))
    )
    points = {
        f.label: REFERENCE_FROM_MODEL.apply(f.position) + rng.normal(0.0, FLE, 3) for f in case
    }
    found = assess_touches(case, points)
    assert (found.word, found.confusion) == ("good", ())
    wrong = assess_touches(case, exchanged(points, ("F3", "F30")))
    assert wrong.word == "repeat"
    assert "labels" not in {e.kind for e in wrong.explanations}
    one_off = assess_touches(case, points | {"F7": points["F7"] + 6.0})
    assert "F7" in only(one_off)


def test_of_many_confused_labels_a_few_are_named():
    """A prism of ten corners, turned by a fifth: every label is another's."""
    angles = 2.0 * np.pi * np.arange(5) / 5
    pentagon = 50.0 * np.column_stack([np.cos(angles), np.sin(angles)])
    corners = [[*at, z] for z in (0.0, 25.0) for at in pentagon]
    case = tuple(
        Fiducial(label, np.array(at), "register")
        for label, at in zip("ABCDEFGHIJ", corners, strict=True)
    )
    points = {f.label: REFERENCE_FROM_MODEL.apply(f.position) for f in case}
    found = assess_touches(case, points)
    assert found.word == "usable"
    assert len(found.confusion) == 10
    assert re.search(r"wrong labels would fit as well \(.* and [0-9] more\)", said_of(found))


def test_what_is_rather_far_off_is_doubted():
    """Errors of the touches that are larger than declared, but not by enough to refuse them."""
    lines = [
        said_of(found)
        for fle in (1.25, 1.4, 1.6)
        for seed in range(40)
        if (found := assess(touches(seed=seed, fle=fle * FLE))).word == "usable"
    ]
    assert any("is large" in line and "touch that one again" in line for line in lines)
    assert any("is rather far off: touch it again" in line for line in lines)


def test_a_target_far_from_the_fiducials_is_doubted():
    for far in np.arange(100.0, 2000.0, 100.0):
        found = assess_touches(FIDUCIALS, touches(), target=np.array([0.0, 0.0, far]))
        if found.word != "good":
            break
    assert found.word == "usable"
    assert found.predicted_tre is not None
    assert found.predicted_tre > GOOD_TRE
    assert "touch more fiducials around it" in said_of(found)
