"""Frames and names as they leave: right-handed, along the shaft, short, and all different."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nav.core.frames import rigid
from nav.link.igtl_frames import FLIP, along, device_names, inverse, to_ras, tool_from_tip
from nav.link.igtl_places import Tools
from nav.tracking.tool import ToolTip

numbers = st.floats(-1.0, 1.0)
vectors = st.tuples(numbers, numbers, numbers).map(np.array)
axes = vectors.filter(lambda v: np.linalg.norm(v) > 0.1).map(lambda v: v / np.linalg.norm(v))


@given(vectors, vectors, vectors, vectors, vectors)
def test_transforms_in_ras_are_rigid_and_compose(turn, shift, turn_2, shift_2, point):
    first, second = rigid(turn, 100 * shift), rigid(turn_2, 100 * shift_2)
    both = to_ras((first * second).as_matrix())
    assert to_ras(first.as_matrix()) @ to_ras(second.as_matrix()) == pytest.approx(both, abs=1e-9)
    assert np.linalg.det(both[:3, :3]) == pytest.approx(1.0)
    moved = both @ np.append(point * FLIP[:3], 1.0)
    assert moved[:3] * FLIP[:3] == pytest.approx((first * second).apply(point), abs=1e-9)
    assert inverse(both) @ both == pytest.approx(np.eye(4), abs=1e-9)


@given(vectors, axes)
def test_a_frame_along_an_axis_is_a_rotation(turn, axis):
    rotation = Rotation.from_rotvec(turn).as_matrix()
    frame = along(rotation, axis)
    assert frame[:, 2] == pytest.approx(axis)
    assert frame.T @ frame == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(frame) == pytest.approx(1.0)


def test_a_frame_that_is_along_its_axis_stays():
    rotation = Rotation.from_rotvec([0.3, -1.1, 0.4]).as_matrix()
    assert along(rotation, rotation[:, 2]) == pytest.approx(rotation)


def test_the_frame_of_a_tool_is_at_its_tip_as_far_as_it_has_one(needle, reference):
    assert np.array_equal(tool_from_tip(reference), np.eye(4))
    blunt = replace(needle, tip=ToolTip(np.array([1.0, 2.0, 3.0]), None, np.zeros((3, 3))))
    frame = tool_from_tip(blunt)
    assert np.array_equal(frame[:3, :3], np.eye(3))
    assert np.array_equal(frame[:3, 3], [1.0, 2.0, 3.0])


def test_frames_of_tools_have_short_names_that_differ(needle):
    names = ["needle", "body", "Reference", "stylus 2-a", "stylus 2 A", "ultrasound probe", "ßé"]
    tools = {name: replace(needle, name=name) for name in names}
    named = Tools.of(tools, "needle", "body")
    assert list(named.by_frame) == [
        "Needle", "Reference", "Referenc2", "Stylus2A", "Stylus2A2", "Ultrasoun", "Tool",
    ]  # fmt: skip
    assert named.needle is tools["needle"]
    assert named.reference is tools["body"]
    assert all(len(f"{frame}ToReference") <= 20 for frame in named.by_frame)


def test_without_roles_tools_are_called_as_their_files_call_them(needle, reference):
    named = Tools.of({"needle": needle, "reference": reference}, None, None)
    assert list(named.by_frame) == ["Needle", "Reference"]
    assert named.needle is named.reference is None


def test_the_side_of_an_artery_survives_that_its_name_is_cut():
    names = ["vertebral artery left", "vertebral artery right", "cord"]
    assert list(device_names(names).values()) == [
        "vertebra artery left", "vertebr artery right", "cord",
    ]  # fmt: skip


@given(st.lists(st.text(max_size=30), unique=True, max_size=12))
def test_names_of_devices_fit_and_differ(names):
    found = device_names(names)
    assert len(set(found.values())) == len(names)
    assert all(len(name.encode()) <= 20 and "\0" not in name for name in found.values())


def test_no_tool_has_the_name_of_another_frame(needle):
    """Else what is sent of a tool called model would be taken for the case's frame."""
    tools = {name: replace(needle, name=name) for name in ("model", "needle", "tracker")}
    named = Tools.of(tools, "needle", None)
    assert set(named.by_frame) == {"Model2", "Needle", "Tracker2"}
