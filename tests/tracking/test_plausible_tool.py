"""Marker bodies that cannot be are refused with what was likely meant; unusual ones are said."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.tracking.tool import Marker, Tool, load_tool, write_tool
from phantoms.twin.simulated_tools import needle_tool, reference_tool

Change = Callable[[Tool], Tool]


def loaded(tmp_path: Path, tool: Tool) -> Tool:
    write_tool(tmp_path / "tool.toml", tool)
    return load_tool(tmp_path / "tool.toml")


def refused(tmp_path: Path, tool: Tool) -> str:
    with pytest.raises(InputError) as error:
        loaded(tmp_path, tool)
    line = str(error.value)
    assert line.startswith(f"{tmp_path / 'tool.toml'}: ")
    assert "\n" not in line
    return line


def with_corners(tool: Tool, change: Callable[[np.ndarray], np.ndarray]) -> Tool:
    return replace(tool, markers=tuple(Marker(m.id, change(m.corners)) for m in tool.markers))


def scaled(tool: Tool, factor: float) -> Tool:
    """A whole tool file in another unit."""
    tip = tool.tip
    if tip is not None:
        tip = replace(tip, position=tip.position * factor, covariance=tip.covariance * factor**2)
    quiet = None if tool.quiet is None else tool.quiet * factor
    return replace(with_corners(tool, lambda c: c * factor), tip=tip, quiet=quiet)


def tip_at(factor: float) -> Tool:
    tool = needle_tool()
    assert tool.tip is not None
    return replace(tool, tip=replace(tool.tip, position=tool.tip.position * factor))


def plate(*corners: np.ndarray) -> Tool:
    return replace(
        reference_tool(), markers=tuple(Marker(k, c) for k, c in enumerate(corners)), quiet=None
    )


def square(side: float = 30.0, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    half = side / 2
    at = np.array([[-half, half], [half, half], [half, -half], [-half, -half]])
    at = at + np.array([x, y])
    return np.column_stack([at, np.zeros(4)])


@pytest.mark.parametrize("tool", [needle_tool(), reference_tool(), plate(square())])
def test_usual_bodies_have_no_warnings(tmp_path, tool):
    assert loaded(tmp_path, tool).warnings == ()


@pytest.mark.parametrize("tool", [needle_tool(), reference_tool()])
@pytest.mark.parametrize(("unit", "factor"), [("metres", 1e-3), ("micrometres", 1e3)])
def test_a_body_in_another_unit_is_refused_by_its_name(tmp_path, tool, unit, factor):
    line = refused(tmp_path, scaled(tool, factor))
    assert "mm wide" in line
    assert f"are these {unit}? Write millimetres" in line


@pytest.mark.parametrize("factor", [10.0, 25.4, 0.1, 1 / 25.4])
def test_a_needle_of_another_size_is_refused_or_said(tmp_path, factor):
    try:
        said = "; ".join(loaded(tmp_path, scaled(needle_tool(), factor)).warnings)
    except InputError as error:
        said = str(error)
    expected = {0.1: "centimetres", 1 / 25.4: "inches", 10.0: "unusual", 25.4: "expected"}
    assert expected[factor] in said


@pytest.mark.parametrize(
    ("factor", "said"), [(1e-3, "if these are metres"), (10.0, "unusual"), (0.04, "unusual")]
)
def test_a_tip_in_another_unit_is_said(tmp_path, factor, said):
    warnings = loaded(tmp_path, tip_at(factor)).warnings
    assert any("tip: " in warning and said in warning for warning in warnings)


def test_a_tip_out_of_reach_is_refused(tmp_path):
    assert "tip: 1" in refused(tmp_path, tip_at(1e3))


def sheared(corners: np.ndarray) -> np.ndarray:
    """A rhombus: sides stay, diagonals do not."""
    return corners @ np.array([[1, 0, 0], [0.5, np.sqrt(0.75), 0], [0, 0, 1]])


def bent(corners: np.ndarray) -> np.ndarray:
    return corners + np.array([[0, 0, 0], [0, 0, 2], [0, 0, 0], [0, 0, 2]])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (sheared, "expected a square, got diagonals"),
        (bent, "expected a flat square, got corners up to 1 mm off its plane"),
        (lambda c: c[[0, 1, 3, 2]], "expected the corners in order round the square"),
        (lambda c: c[[0, 2, 1, 3]], "expected the corners in order round the square"),
        (lambda c: c * [1, 0.9, 1], "expected a square, got sides of"),
        (lambda c: c * 0, "expected a square, got sides of"),
        (lambda c: c[[0, 0, 2, 3]], "expected a square, got sides of"),
    ],
)
def test_what_is_no_square_is_refused_with_the_reason(tmp_path, change, said):
    line = refused(tmp_path, plate(change(square()), square(x=60.0)))
    assert "marker 0: corners: " in line
    assert said in line


@pytest.mark.parametrize("tool", [needle_tool()])
@pytest.mark.parametrize(
    "change", [lambda c: c[[1, 0, 3, 2]], lambda c: c[::-1], lambda c: c * [-1, 1, 1]]
)
def test_counter_clockwise_corners_and_mirrored_bodies_face_inwards(tmp_path, tool, change):
    assert "all markers face inwards: are the corners counter-clockwise, or the tool mirrored" in (
        refused(tmp_path, with_corners(tool, change))
    )


def test_one_marker_that_faces_inwards_is_said(tmp_path):
    tool = needle_tool()
    first, *rest = tool.markers
    turned = Marker(first.id, first.corners[::-1])
    (warning,) = loaded(tmp_path, replace(tool, markers=(turned, *rest))).warnings
    assert f"of its markers only {first.id} faces inwards" in warning


def test_markers_that_overlap_are_refused(tmp_path):
    assert "markers 0 and 1 overlap" in refused(tmp_path, plate(square(), square(x=20.0)))
    assert "markers 0 and 1 overlap" in refused(tmp_path, plate(square(), square()))
    back = square()[[1, 0, 3, 2]] - [0, 0, 3.0]  # of a plate 3 mm thick
    assert loaded(tmp_path, plate(square(), back)).warnings == ()


def test_one_marker_in_another_unit_is_refused(tmp_path):
    line = refused(tmp_path, plate(square(), square(x=60.0) * 1e-3, square(x=-60.0)))
    assert "marker 1 is 0.03 mm wide, marker 0 is 30 mm wide" in line


def test_a_white_zone_in_another_unit_is_said(tmp_path):
    (warning,) = loaded(tmp_path, replace(plate(square()), quiet=0.004)).warnings
    assert "quiet: a white zone of 0.004 mm round markers of 30 mm is unusual" in warning
