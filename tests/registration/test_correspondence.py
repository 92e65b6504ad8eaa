"""The search over assignments finds what trying them all finds."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.frames import rigid
from nav.registration.correspondence import (
    correspondences,
    rigid_misfits,
    smallest_confusion,
)
from nav.registration.points import closed_form

MOVED = rigid([0.4, -0.9, 1.3], [12.0, -35.0, 80.0])


def cloud(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-60.0, 60.0, (count, 3))


@given(st.integers(0, 1000), st.integers(3, 8))
def test_misfits_are_those_of_the_closed_form(seed, count):
    model, touched = cloud(count, seed), cloud(count, seed + 1)
    proper, improper = rigid_misfits(model[None], touched[None], np.ones(count))
    for misfit, sign in ((proper, 1.0), (improper, -1.0)):
        source = touched * np.array([1.0, 1.0, sign])
        residual = closed_form(model, source).apply(source) - model
        assert misfit[0] == pytest.approx((residual**2).sum(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("extra", [0, 2])
def test_every_assignment_that_fits_is_found_best_first(seed, extra):
    model = cloud(5 + extra, seed)
    touched = MOVED.apply(model[[2, 0, 3, 1, 4]])
    most = 60.0**2
    ways = [np.array(way) for way in permutations(range(5 + extra), 5)]
    misfits, _ = rigid_misfits(
        model[np.array(ways)], np.broadcast_to(touched, (len(ways), 5, 3)), np.ones(5)
    )
    expected = sorted(misfits[misfits <= most])
    found, complete = correspondences(model, touched, np.ones(5), most)
    assert complete
    assert [c.misfit for c in found] == pytest.approx(expected, abs=1e-6)
    assert found[0].indices.tolist() == [2, 0, 3, 1, 4]
    assert found[0].misfit == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_smallest_confusion_is_that_of_trying_all(seed):
    model = cloud(6, seed)
    ways = np.array([way for way in permutations(range(6)) if way != tuple(range(6))])
    misfits, _ = rigid_misfits(model[ways], np.broadcast_to(model, (len(ways), 6, 3)), np.ones(6))
    found = smallest_confusion(model, most=200.0)
    assert found is not None
    assert found.complete
    assert found.fre == pytest.approx(np.sqrt(misfits.min() / 6))
    assert smallest_confusion(model, most=0.5 * found.fre) is None


def test_a_symmetric_layout_is_confused_without_any_error():
    square = np.array([[40.0, 0, 0], [0, 40, 0], [-40, 0, 0], [0, -40, 0]])
    found = smallest_confusion(square)
    assert found is not None
    assert found.fre == pytest.approx(0.0, abs=1e-6)


def test_more_touches_than_fiducials_fit_nowhere():
    model = cloud(3, 1)
    found, complete = correspondences(model, cloud(4, 2), np.ones(4), np.inf)
    assert (found, complete) == ([], True)


def test_of_too_many_assignments_the_best_are_kept_and_that_is_told():
    model = cloud(40, 3)
    touched = MOVED.apply(model[[4, 17, 30]])
    found, complete = correspondences(model, touched, np.ones(3), np.inf)
    assert not complete
    assert len(found) < 40 * 39 * 38
    assert found[0].indices.tolist() == [4, 17, 30]
    assert found[0].misfit == pytest.approx(0.0, abs=1e-9)
