"""Touches without labels: right, or not sure, and never wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array
from nav.registration.unlabelled import match_touches

SD = 0.3


def moved(points: Array, rng: np.random.Generator) -> Array:
    pose = RigidTransform.from_components(rng.normal(0, 100, 3), Rotation.random(rng=rng))
    return pose.apply(points)


def layout(count: int, rng: np.random.Generator, apart: float = 12.0) -> Array:
    points: list[Array] = []
    while len(points) < count:
        new = rng.uniform(-70, 70, 3)
        if all(np.linalg.norm(new - p) > apart for p in points):
            points.append(new)
    return np.array(points)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(6, 40), st.integers(5, 12), st.integers(0, 2))
def test_any_order_and_subset_is_matched_and_false_touches_are_told(
    seed: int, fiducials: int, touches: int, false: int
) -> None:
    rng = np.random.default_rng(seed)
    model = layout(fiducials, rng)
    which = rng.permutation(fiducials)[:touches]
    seen = model[which] + rng.normal(0, SD, (len(which), 3))
    wrong = rng.uniform(-70, 70, (false, 3))
    order = rng.permutation(len(which) + false)
    touched = moved(np.concatenate([seen, wrong]), rng)[order]
    right = np.concatenate([which, np.full(false, -1)])[order]
    for k in np.flatnonzero(right < 0):  # by chance it may be at a fiducial that was not touched
        near = np.linalg.norm(np.concatenate([seen, wrong])[order][k] - model, axis=1)
        right[k] = -2 if near.min() < 6.0 else -1
    found = match_touches(model, touched, SD)
    if found.enough and not found.ambiguous:
        assert found.best is not None
        known = right != -2
        assert (found.best.indices[known] == right[known]).all()
    elif len(which) >= 7:
        pytest.fail(f"not sure of {len(which)} touches")


def test_a_symmetric_layout_is_ambiguous() -> None:
    model = np.array([[x, y, z] for x in (-40.0, 40) for y in (-30.0, 30) for z in (0.0, 50)])
    rng = np.random.default_rng(1)
    found = match_touches(model, moved(model + rng.normal(0, SD, model.shape), rng), SD)
    assert found.ambiguous
    assert found.second is not None
    assert found.second.count == 8


def test_a_mirror_image_does_not_match() -> None:
    rng = np.random.default_rng(2)
    model = layout(10, rng)
    found = match_touches(model, moved(model * [-1.0, 1, 1], rng), SD)
    assert not found.enough or found.ambiguous


@pytest.mark.parametrize("seed", range(20))
def test_another_phantom_is_never_taken_for_the_case(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model, other = layout(20, rng), layout(9, rng)
    found = match_touches(model, moved(other, rng), SD)
    assert not found.enough or found.ambiguous
