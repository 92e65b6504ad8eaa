"""Whether values are Hounsfield units is told from the values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nav.reconstruction.reading.hounsfield import check_values

MOST = settings(max_examples=25, deadline=None, derandomize=True)


def neck(seed, air=-1000.0, noise=12.0, body=0.6, bone=0.1, lung=0.0):
    """Values (30, 60, 60) of a body in air: muscle, fat, bone; their shares vary."""
    random = np.random.default_rng(seed)
    inside = np.hypot(*np.mgrid[-1:1:60j, -1:1:60j]) < np.sqrt(body * 4 / np.pi)
    kinds = random.choice(4, (30, 60, 60), p=[0.75 - bone - lung, 0.25, bone, lung])
    values = np.choose(kinds, [55.0, -95.0, random.uniform(200, 1200), -800.0])
    values = np.where(inside, values, air)
    return values + random.normal(0.0, noise, values.shape)


def as_int16(values):
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)


@MOST
@given(
    seed=st.integers(0, 10_000),
    noise=st.floats(3, 40),
    body=st.floats(0.15, 0.75),
    bone=st.floats(0.0, 0.25),
    lung=st.floats(0.0, 0.3),
)
def test_hounsfield_units_are_left_alone(seed, noise, body, bone, lung):
    values = neck(seed, noise=noise, body=body, bone=bone, lung=lung)
    assert check_values(as_int16(values)).verdict == "hu"
    assert check_values(as_int16(np.maximum(values, -1024))).verdict == "hu"


@MOST
@given(
    seed=st.integers(0, 10_000),
    noise=st.floats(3, 40),
    body=st.floats(0.25, 0.7),
    offset=st.sampled_from([1000, 1024]),
)
def test_shift_is_recognised(seed, noise, body, offset):
    values = np.maximum(neck(seed, noise=noise, body=body) + offset, 0)
    check = check_values(as_int16(values))
    assert (check.verdict, check.offset) == ("shifted", offset)


@MOST
@given(seed=st.integers(0, 10_000), body=st.floats(0.25, 0.7))
def test_intercept_applied_twice_is_recognised(seed, body):
    check = check_values(as_int16(np.maximum(neck(seed, body=body), -1024) - 1024))
    assert (check.verdict, check.offset) == ("shifted", -1024)


@pytest.mark.parametrize("padding", [-2000, -3024, -1500, -1024])
def test_padding_outside_the_field_of_view(padding):
    values = as_int16(neck(0, body=0.5))
    values[:, :12] = padding
    assert check_values(values).verdict == "hu"


def test_cropped_within_the_body():
    assert check_values(as_int16(neck(0)[:, 20:40, 20:40])).verdict == "hu"


@pytest.mark.parametrize("offset", [1024, -1024])
def test_shift_without_air_needs_to_know_that_it_is_a_ct(offset):
    values = as_int16(neck(0)[:, 20:40, 20:40] + offset)
    assert check_values(values).verdict == "unclear"
    check = check_values(values, known_ct=True)
    assert (check.verdict, check.offset) == ("shifted", offset)


def test_a_print_in_air_without_soft_tissue():
    values = np.where(np.random.default_rng(0).random((20, 30, 30)) < 0.1, 117.0, -1000.0)
    noise = np.random.default_rng(1).normal(0, 9, values.shape)
    assert check_values(as_int16(values + noise)).verdict == "hu"


@MOST
@given(seed=st.integers(0, 10_000), top=st.floats(300, 4000))
def test_mr_is_no_ct(seed, top):
    """Background noise of Rice's kind, tissues of any brightness."""
    random = np.random.default_rng(seed)
    kinds = random.choice(5, (30, 60, 60), p=[0.4, 0.2, 0.15, 0.15, 0.1])
    levels = np.array([0.0, 0.25, 0.4, 0.55, 1.0]) * top
    values = np.hypot(
        levels[kinds] * random.normal(1.0, 0.15, kinds.shape) + random.normal(0, 20, kinds.shape),
        random.normal(0, 20, kinds.shape),
    )
    assert check_values(as_int16(values)).verdict == "unclear"


def test_pictures_and_labels():
    random = np.random.default_rng(0)
    picture = np.clip(neck(1) / 8 + 125, 0, 255)
    assert check_values(as_int16(picture)).verdict == "picture"
    labels = random.choice([0, 1, 2, 20, 117], (5, 5, 5)).repeat(4, 0).repeat(4, 1).repeat(4, 2)
    assert check_values(as_int16(labels)).verdict == "labels"
