"""Bending in the pipeline: from the bevel on the tool to the bound and the alarm."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.errors import Lost
from nav.guidance.bending import Bending, drift_size
from nav.model.case import Case
from nav.tracking.needle import NeedleKind
from tests.guidance.bent import (
    ARTERY,
    AT,
    BEVELS,
    NECK,
    REGISTERED,
    RIG_FROM_REFERENCE,
    Hand,
    Y,
    hand,
    needle,
    step,
)
from tests.synthetic import floats


def found(guidance) -> dict[str, tuple[float, float]]:
    """Distance and bound of each structure."""
    return {s.name: (s.distance, s.bound) for s in guidance.proximity.structures}


@given(floats(-3.0, 3.0), st.sampled_from([("tuohy", 1.0), ("cutting", -1.0)]))
def test_the_bevel_is_carried_from_the_tool_to_the_model(turn, bevel_side):
    bevel, sign = bevel_side
    guidance = step(NeedleKind(17, bevel, Y), hand(turn=turn))
    # the tool's z points down in the model, x along x: y along -y, and the turn is about z
    faces = np.array([-np.sin(turn), -np.cos(turn), 0.0])
    size = drift_size(NeedleKind(17, bevel), 50.0)
    assert guidance.drift.depth == pytest.approx(50.0, abs=1e-3)
    assert not guidance.drift.assumed
    assert guidance.model_tip.position - AT == pytest.approx(sign * size * faces, abs=1e-3)


def test_a_needle_of_which_nothing_is_told_stays_straight():
    guidance = step(None, hand())
    assert guidance.drift is None
    assert guidance.model_tip.position == pytest.approx(AT, abs=1e-6)
    straight = Bending(needle(None), NECK, "reference")
    assert straight.apply(guidance.model_tip, guidance.tracked, REGISTERED) == (
        guidance.model_tip, None,
    )  # fmt: skip


@pytest.mark.parametrize("bevel", BEVELS)
def test_the_bound_contains_bending_and_alarms_go_by_it(bevel):
    straight, bent = step(None, hand()), step(NeedleKind(17, bevel), hand())
    size = drift_size(NeedleKind(17, bevel), 50.0)
    for name in ("artery", "left"):
        (distance, bound), (bent_distance, bent_bound) = found(straight)[name], found(bent)[name]
        assert bent_distance == pytest.approx(distance, abs=1e-5)
        sd = np.hypot((distance - bound) / 1.645, size)
        assert bent_bound == pytest.approx(distance - 1.645 * sd, abs=1e-5)
    # what is measured stays as it is
    assert np.array_equal(bent.reference_tip.position, straight.reference_tip.position)
    assert np.array_equal(bent.reference_tip.covariance, straight.reference_tip.covariance)
    assert straight.alarms.levels["artery"].word == "clear"
    near = hand(np.array([13.0, 0.0, -50.0]))
    if bevel != "pencil":
        assert step(None, near).alarms.levels["artery"].word == "clear"
        assert step(NeedleKind(17, bevel), near).alarms.levels["artery"].word != "clear"


def test_before_the_skin_nothing_is_bent():
    at = np.array([0.0, 0.0, 3.0])
    guidance = step(NeedleKind(25, "cutting", Y), hand(at))
    assert guidance.drift.size == 0.0
    assert found(guidance) == found(step(None, hand(at)))


def test_without_skin_the_case_says_that_the_depth_is_assumed():
    guidance = step(NeedleKind(17, "tuohy", Y), hand(), Case("bare", (ARTERY,)))
    assert guidance.drift.assumed
    assert guidance.model_tip.position == pytest.approx(AT, abs=1e-6)


def test_a_lost_or_unregistered_tip_has_no_drift_and_its_reason():
    kind = NeedleKind(17, "tuohy", Y)
    unregistered = step(kind, hand(), known=False)
    assert isinstance(unregistered.model_tip, Lost)
    assert unregistered.drift is None
    lost = step(kind, Hand(Lost("hidden", {"cameras": ["left"]}), RIG_FROM_REFERENCE))
    assert lost.model_tip == Lost("hidden", {"cameras": ["left"]})
    assert lost.drift is None
