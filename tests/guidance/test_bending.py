"""Bending: how far a needle drifts, which way, and what that does to the bound."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nav.core.frames import Array
from nav.core.tracked_frame import Tip
from nav.guidance.bending import (
    ASSUMED_DEPTH,
    DIAMETER,
    MEASURED_DEPTH,
    SHARE,
    drift_at,
    drift_size,
    insertion_depth,
)
from nav.guidance.proximity import Proximity, proximity
from nav.model.case import Case
from nav.tracking.needle import NeedleKind
from nav.view.words import bending_text
from tests.guidance.bent import ARTERY, BEVELS, NECK, Z
from tests.synthetic import covariances, floats, rigid_transforms, vectors

NONE = np.zeros((3, 3))
bevels = st.sampled_from(BEVELS)
kinds = st.builds(NeedleKind, st.integers(14, 25), bevels)
depths = floats(0.0, 150.0)
units = vectors(1.0).filter(lambda v: bool(np.linalg.norm(v) > 0.1)).map(
    lambda v: v / np.linalg.norm(v)
)  # fmt: skip


def tip(position: Array | list[float], heading: Array | None = -Z, covariance: Array = NONE) -> Tip:
    return Tip(np.array(position, float), heading, covariance / 3, covariance * 2 / 3)


def across(heading: Array, side: Array) -> Array:
    """The part of a side across a heading, made a unit vector."""
    part = side - (side @ heading) * heading
    assume(np.linalg.norm(part) > 0.05)
    return part / np.linalg.norm(part)


def bounds(found: Tip) -> dict[str, float]:
    near = proximity(NECK, found)
    assert isinstance(near, Proximity)
    return {s.name: s.bound for s in near.structures}


# sizes


@given(kinds, depths, depths)
def test_drift_grows_with_depth_and_begins_at_nothing(kind, one, other):
    shallow, deep = sorted((one, other))
    assert drift_size(kind, 0.0) == 0.0
    assert drift_size(kind, shallow) <= drift_size(kind, deep)
    if deep - shallow > 1e-6:
        assert drift_size(kind, shallow) < drift_size(kind, deep)


@pytest.mark.parametrize("bevel", ["cutting", "tuohy"])
def test_a_thinner_needle_drifts_more(bevel):
    sizes = [drift_size(NeedleKind(gauge, bevel), 50.0) for gauge in range(14, 26)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 12
    assert list(DIAMETER.values()) == sorted(DIAMETER.values(), reverse=True)


def test_every_kind_of_needle_that_a_file_may_name_has_a_drift():
    for gauge in range(14, 26):
        for bevel in BEVELS:
            assert drift_size(NeedleKind(gauge, bevel), 50.0) > 0.0


@pytest.mark.parametrize(
    ("gauge", "bevel", "depth", "least", "most"),
    [
        # Rand 2016, gel
        (22, "cutting", 80.0, 7.71, 9.96),
        (22, "tuohy", 80.0, 7.48, 7.80),
        # Kopacz and Allen 1995, porcine tissue; gauges not told in what could be read of it
        (22, "cutting", 50.0, 4.42, 5.90),
        *((gauge, "tuohy", 50.0, 1.73, 3.54) for gauge in (16, 17, 18)),
        *((gauge, "pencil", 50.0, 0.60, 1.00) for gauge in (22, 25)),
        # Drummond and Scott 1980, beef: about 1 mm a centimetre, 22 gauge
        (22, "cutting", 40.0, 3.5, 4.5),
    ],
)
def test_drift_is_what_was_measured(gauge, bevel, depth, least, most):
    assert least <= drift_size(NeedleKind(gauge, bevel), depth) <= most


@given(kinds, depths)
def test_the_path_is_straight_as_deep_as_was_measured_and_then_an_arc(kind, depth):
    at_most = drift_size(kind, MEASURED_DEPTH)
    share = depth / MEASURED_DEPTH
    expected = at_most * (share if share <= 1 else share**2)
    assert drift_size(kind, depth) == pytest.approx(expected)


# which way, and the covariance


@given(kinds, depths, units)
def test_without_a_direction_the_square_of_the_drift_is_added_across_the_shaft(
    kind, depth, heading
):
    drift = drift_at(kind, depth, heading, None)
    assert not drift.shift.any()
    assert heading @ drift.covariance @ heading == pytest.approx(0.0, abs=1e-9)
    values = np.linalg.eigvalsh(drift.covariance)
    size = drift_size(kind, depth)
    assert values == pytest.approx([0.0, size**2, size**2], abs=1e-9)


@given(st.integers(14, 25), st.sampled_from([("tuohy", 1.0), ("cutting", -1.0)]), depths, units,
       units)  # fmt: skip
def test_with_a_direction_the_mean_moves_by_the_drift(gauge, bevel_side, depth, heading, side):
    """Towards a Tuohy's opening, away from the face of a cutting bevel."""
    bevel, sign = bevel_side
    kind, faces = NeedleKind(gauge, bevel), across(heading, side)
    drift = drift_at(kind, depth, heading, faces)
    size = drift_size(kind, depth)
    assert drift.shift == pytest.approx(sign * size * faces, abs=1e-9)
    values = np.linalg.eigvalsh(drift.covariance)
    assert values == pytest.approx([0.0, *[(SHARE * size) ** 2] * 2], abs=1e-9)
    # moved along the bevel's own plane only
    assert drift.bend(tip([1.0, 2.0, 3.0], heading)).position == pytest.approx(
        np.array([1.0, 2.0, 3.0]) + sign * size * faces, abs=1e-9
    )


def test_a_bevel_that_leans_a_little_along_the_shaft_counts_by_its_side():
    faces = np.array([np.cos(0.2), 0.0, np.sin(0.2)])
    drift = drift_at(NeedleKind(17, "tuohy"), 50.0, -Z, faces)
    assert drift.shift == pytest.approx([drift.size, 0.0, 0.0])


def test_a_straight_needle_is_within_the_95_percent_of_a_known_direction():
    """So that a bound still holds where the needle did not bend at all."""
    assert pytest.approx(1.645, abs=0.05) == 1.0 / SHARE


@given(kinds, units)
def test_a_depth_that_is_only_assumed_moves_no_mean(kind, faces):
    """It might move the tip away from what is near, by a drift that is not there."""
    drift = drift_at(kind, None, -Z, faces)
    assert drift.assumed
    assert drift.depth == ASSUMED_DEPTH
    assert not drift.shift.any()
    assert drift.covariance == pytest.approx(drift.size**2 * np.diag([1.0, 1.0, 0.0]))


@given(kinds, depths, units)
def test_without_a_heading_the_drift_may_be_any_way(kind, depth, faces):
    drift = drift_at(kind, depth, None, faces)
    assert not drift.shift.any()
    assert drift.covariance == pytest.approx(drift.size**2 * np.eye(3))


@given(kinds, depths, covariances(3, 0.3), floats(-19.0, 19.0), floats(-60.0, -1.0), units)
def test_an_unknown_direction_never_makes_a_bound_larger(kind, depth, covariance, x, z, heading):
    straight = tip([x, 0.0, z], heading, covariance)
    bent = drift_at(kind, depth, heading, None).bend(straight)
    assert bent.position == pytest.approx(straight.position)
    assert np.array_equal(bent.random, straight.random)
    before, after = bounds(straight), bounds(bent)
    assert all(after[name] <= before[name] + 1e-9 for name in before)


@given(rigid_transforms(), units)
def test_bending_turns_with_the_frames(model_from_other, faces):
    """The drift of turned vectors is the turned drift."""
    turn = model_from_other.rotation
    faces = across(-Z, faces)
    kind = NeedleKind(20, "cutting")
    here = drift_at(kind, 40.0, -Z, faces)
    there = drift_at(kind, 40.0, turn.apply(-Z), turn.apply(faces))
    assert there.shift == pytest.approx(turn.apply(here.shift), abs=1e-9)
    matrix = turn.as_matrix()
    assert there.covariance == pytest.approx(matrix @ here.covariance @ matrix.T, abs=1e-9)


# depth


@given(floats(-50.0, 50.0), floats(-50.0, 50.0), floats(-80.0, -1.0), floats(0.0, 0.6),
       floats(0.0, 6.28))  # fmt: skip
def test_depth_is_the_way_back_along_the_shaft_to_the_skin(x, y, z, lean, azimuth):
    side = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    heading = -np.cos(lean) * Z + np.sin(lean) * side
    entry = np.array([x, y, z]) - z / np.cos(lean) * -heading
    assume(np.abs(entry[:2]).max() < 89.0)
    found = insertion_depth(NECK, tip([x, y, z], heading))
    assert found == pytest.approx(-z / np.cos(lean), abs=1e-3)


@pytest.mark.parametrize("heading", [-Z, None], ids=["heading", "none"])
def test_before_the_skin_the_depth_is_nothing(heading):
    assert insertion_depth(NECK, tip([0.0, 0.0, 5.0], heading)) == 0.0


def test_without_skin_or_heading_the_depth_is_not_known():
    assert insertion_depth(Case("bare", (ARTERY,)), tip([0.0, 0.0, -30.0])) is None
    assert insertion_depth(NECK, tip([0.0, 0.0, -30.0], None)) is None


def test_the_window_says_what_the_bound_contains():
    known = drift_at(NeedleKind(17, "tuohy"), 50.0, -Z, None)
    unknown = drift_at(NeedleKind(17, "tuohy"), None, -Z, None)
    said = [bending_text(drift) for drift in (None, known, unknown)]
    assert said == ["without bending", "with bending", "bent at 80 mm?"]
