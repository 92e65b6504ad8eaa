"""The order of file names: every family of names that programs write."""

import random

import pytest

from nav.camera.natural_order import natural_order
from nav.core.errors import InputError


@pytest.mark.parametrize(
    "names",
    [
        ["", "01", "1", "9", "10", "a", "a09", "a9", "a10", "b1"],
        ["t0.5s", "t0.75s", "t1s", "t1.25s", "t1.5s", "t1.75s"],
        ["0.9", "0.95", "1.0", "1.05", "1.1"],
        ["a1.8", "a1.9", "a1.10", "a1.11"],  # counts: no program prints 1.1 as 1.10
        ["cam1.10_t0.5", "cam1.10_t0.75", "cam1.10_t1"],  # what is the same everywhere says nothing
        ["0,5", "0,75", "1", "1,25"],  # decimal comma
        ["0,500", "0,750", "1,000"],
        ["998", "999", "1,000", "1,001"],  # thousands
        ["9'999", "10'000"],
        ["-1.5", "-1", "0", "0.5"],
        ["x-2", "x-1", "x0", "x1"],
        ["img-1", "img-2", "img-10"],  # no sign: never without it
        ["2026-11-29_9", "2026-11-29_10", "2026-11-30_1"],
        ["1e-05", "2e-05", "1.5e-04", "0.001"],
        ["s01e02", "s01e10", "s02e01"],
        ["2026.11.29.9.5", "2026.11.29.10.5"],  # several points are none
        ["1700000000.25", "1700000000.5", "1700000001"],
        ["999999999999999999999999", "1000000000000000000000000"],
        ["1700000000.03333333333333333", "1700000000.033333333333333331"],
        ["F1", "f2", "F3", "f10"],  # capitals make no difference
        ["frame  8", "frame  9", "frame 10"],  # padded with spaces
        ["２", "９", "１０"],
        ["f08", "f09", "f0a", "f0f", "f10"],
        ["0AF", "0b0", "100"],
        ["T10.00.00", "T10.00.00.25", "T10.00.00.5", "T10.00.01"],  # fractions of a second
        ["a1.2.3", "a1.2.10", "a1.10.1"],
        ["t0", "t.25", "t.5", "t1", "t1.25"],  # fractions without their zero
        ["frame.5", "frame.10", "frame.25"],  # a separator: no number stands without it
        ["1e0", "1e1", "1e2", "2e3"],  # an exponent or a count: one order
    ],
)
def test_numbers_in_names_decide(names):
    shuffled = names[:]
    random.Random(1).shuffle(shuffled)
    assert natural_order(shuffled) == names


def test_an_order_that_nothing_tells_is_refused():
    with pytest.raises(InputError) as error:
        natural_order(["v1.05", "v1.9", "v1.10"], "left")
    assert str(error.value).startswith("left: the order of v1.9 and v1.10 is not clear")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("names", [["1e0", "1e1", "2e0"], ["x_5e2_a", "x_4e3_a"]])
def test_an_e_that_may_be_an_exponent_is_refused(names):
    with pytest.raises(InputError, match="is the e an exponent") as error:
        natural_order(names, "left")
    assert str(error.value).startswith("left: the order of ")


@pytest.mark.parametrize(
    "names",
    [["t1s.png", "t500ms.png"], ["a_2min_b.png", "a_3h_b.png"], ["0.5s.png", "700MS.png"]],
)
def test_times_in_different_units_are_refused(names):
    with pytest.raises(InputError, match="different units"):
        natural_order(names, "pictures/left")


@pytest.mark.parametrize(
    "names",
    [["t1s.png", "t2s.png", "t10s.png"], ["1sharp.png", "2hand.png"]],
)
def test_one_unit_or_none_is_a_matter_of_numbers(names):
    assert natural_order(reversed(names)) == names
