"""The frame of a tip, which streams and exports share."""

import numpy as np
import pytest
from hypothesis import given

from nav.tracking.tip_frame import tool_from_tip
from nav.tracking.tool import ToolTip
from tests.synthetic import vectors


@given(vectors(1.0, 3).filter(lambda v: np.linalg.norm(v) > 0.1), vectors(100.0, 3))
def test_its_z_axis_is_along_the_needle_and_its_x_axis_near_the_tools(axis, position):
    axis = axis / np.linalg.norm(axis)
    frame = tool_from_tip(ToolTip(position, axis, np.eye(3)))
    rotation = frame[:3, :3]
    assert rotation[:, 2] == pytest.approx(axis, abs=1e-9)
    assert frame[:3, 3] == pytest.approx(position)
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    if abs(axis[0]) < 0.89:  # x lies in the plane of the tool's x and the needle
        assert rotation[:, 0] @ np.cross([1.0, 0.0, 0.0], axis) == pytest.approx(0.0, abs=1e-9)
        assert rotation[0, 0] > 0.0


def test_without_an_axis_it_has_the_tools_directions():
    frame = tool_from_tip(ToolTip(np.array([1.0, 2.0, 3.0]), None, np.eye(3)))
    assert np.array_equal(frame[:3, :3], np.eye(3))
    assert np.array_equal(tool_from_tip(None), np.eye(4))
