"""Lengths and turns of any file: what is refused, and the unit that is named."""

import math

import pytest

from nav.core.errors import InputError
from nav.core.plausibility import Limits, check_same_unit, check_turn

SIDE = Limits(1.5, 4.0, 200.0, 800.0)


@pytest.mark.parametrize(
    ("value", "unit"), [(0.03, "metres"), (1.2, "inches or centimetres"), (30000.0, "micrometres")]
)
def test_an_impossible_length_is_refused_with_the_likely_unit(value, unit):
    with pytest.raises(InputError, match=f"^x: are these {unit}\\? Write millimetres$"):
        SIDE.judge(value, "x")


def test_an_unusual_length_is_a_warning_and_a_usual_one_is_none():
    assert SIDE.judge(30.0, "x") is None
    assert SIDE.judge(3.0, "x") == (
        "x, which is unusual; if these are centimetres or inches, write millimetres"
    )


def test_lengths_of_one_file_in_two_units_are_refused_by_their_names():
    lengths = {"a": 30.0, "b": 0.03, "c": 25.0}
    with pytest.raises(InputError) as caught:
        check_same_unit(lengths, 20.0, "t.toml", "marker {} is {:.4g} mm wide")
    assert str(caught.value) == (
        "t.toml: marker b is 0.03 mm wide, marker a is 30 mm wide: is one of them in another unit? "
        "Write millimetres"
    )
    check_same_unit(lengths, 1001.0, "t.toml", "marker {} is {:.4g} mm wide")


def test_turns_in_degrees_are_refused():
    with pytest.raises(InputError, match="are these degrees"):
        check_turn((0.0, 90.0, 0.0), "t.toml")
    said = check_turn((0.0, 3.5, 0.0), "t.toml")
    assert said is not None
    assert "more than half a turn" in said
    assert check_turn((0.0, math.pi, 0.0), "t.toml") is None
