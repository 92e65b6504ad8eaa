"""Whatever differs between two uses frame by frame is found: numbers, alarms, poses, notices."""

import json
from dataclasses import replace

import numpy as np
import pytest

from nav.core.errors import Lost
from nav.core.notice import Notice
from nav.record.session_replay.alarm_spells import LEVELS, AlarmMatcher
from nav.record.session_replay.session_comparison import Comparer
from nav.record.session_replay.value_differences import nested_difference
from tests.record.session_replay.test_compare_replay import deviation


def alone(recorded, replayed):
    matcher = AlarmMatcher()
    for index, levels in enumerate(zip(recorded, replayed, strict=True)):
        matcher.frame(index, index / 30.0, *({"cord": level} for level in levels))
    return [[(s.level, s.first, s.last) for s in each] for each in matcher.result()]


def test_alarms_are_spells_of_frames():
    levels, none = ("clear", "caution", "danger", "danger", "unknown"), ["clear"] * 5
    spells = [("caution", 1, 3), ("danger", 2, 3)]
    assert alone(levels, none) == [spells, []]
    assert alone(none, levels) == [[], spells]
    assert alone(levels[:4], none[:4]) == [spells, []]  # one that lasts to the end


def test_alarms_with_a_frame_in_common_are_the_same():
    longer = ["danger"] * 3 + ["clear"] * 2
    assert alone(longer, ["clear", "clear", "danger", "danger", "clear"]) == [[], []]
    later = ["clear"] * 3 + ["danger"] * 2
    both = [[(level, 0, 2) for level in LEVELS], [(level, 3, 4) for level in LEVELS]]
    assert alone(longer, later) == both
    assert alone(longer, ["caution"] * 5) == [[("danger", 0, 2)], []]


@pytest.mark.parametrize(
    ("one", "other", "largest"),
    [
        ({"a": [1.0, 2.0]}, {"a": [1.0, 2.5]}, 0.5),
        ({"a": 1.0}, {"b": 1.0}, None),
        ([1.0], [1.0, 2.0], None),
        ("x", "y", None),
        (None, 0.0, None),
        (True, 1.0, None),
        (None, None, 0.0),
        ([1.0, float("nan")], [1.0, 2.0], None),
        ([float("inf")], [float("inf")], 0.0),
    ],
)
def test_nested_messages_differ_by_their_largest_number(one, other, largest):
    assert nested_difference(one, other) == largest


def test_differences_of_rounding_are_equal_but_not_to_the_bit(example, opened):
    _, use = opened(example)
    comparer = Comparer()
    for index, frame in enumerate(use.frames):
        message = json.loads(json.dumps(use.guidance[index]))
        if isinstance(message["structures"], list):
            message["structures"][0]["bound"] += 1e-9
        comparer.frame(frame, use.guidance[index], frame, message)
    found = comparer.result()
    assert (found.equal, found.bit_equal) == (True, False)
    assert deviation(found, "bound: cord").largest == pytest.approx(1e-9, rel=1e-3)
    assert np.isclose(deviation(found, "bound: cord").equal_up_to, 1e-6)


def test_any_number_shown_that_differs_is_found(example, opened):
    _, use = opened(example)
    index = max(k for k, shown in use.guidance.items() if isinstance(shown["structures"], list))
    frame, shown = use.frames[index], use.guidance[index]
    seen = 0
    for path in leaves(shown):
        if path[0] in ("number", "worst"):
            continue  # the frame's own; the largest of the levels
        message = json.loads(json.dumps(shown))
        inner = message
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = changed(inner[path[-1]])
        comparer = Comparer()
        comparer.frame(frame, shown, frame, message)
        found = comparer.result()
        assert not found.bit_equal, path
        assert not found.equal, path
        seen += 1
    assert seen > 40


def leaves(value, path=()):
    if isinstance(value, dict) and value:
        return [found for key in value for found in leaves(value[key], (*path, key))]
    if isinstance(value, list) and value:
        return [found for k, each in enumerate(value) for found in leaves(each, (*path, k))]
    return [path]


def changed(value):
    if isinstance(value, str):
        return f"{value} else"
    return value + 0.01 if isinstance(value, int | float) else {"code": "other", "facts": {}}


def test_poses_of_other_spread_reason_or_warning_are_found(example, opened):
    _, use = opened(example)
    index = max(use.guidance)
    frame, shown = use.frames[index], use.guidance[index]
    seen = frame.tools["needle"]
    skew = seen.rig_from_tool.covariance.copy()
    skew[0, 1] = skew[1, 0] = skew[0, 1] + 1e-4
    others = [
        replace(seen, rig_from_tool=replace(seen.rig_from_tool, covariance=skew)),
        replace(seen, warnings=(Notice("steep_markers", {}),)),
        replace(seen, size_error=seen.size_error + 0.1),
    ]
    lost = [Lost("hidden", {"cameras": (name,)}) for name in ("left", "right")]
    for one, other in [*((seen, other) for other in others), lost]:
        comparer = Comparer()
        frames = [replace(frame, tools={**frame.tools, "needle": tool}) for tool in (one, other)]
        comparer.frame(frames[0], shown, frames[1], shown)
        assert not comparer.result().equal, other


@pytest.mark.parametrize(
    ("name", "other", "quantity"),
    [
        ("mode", "acquire", "mode of tracking"),
        ("agreeing", (frozenset({"left", "right"}),), "cameras that agree"),
        ("camera_lost", {"left": Lost("camera_late", {})}, "cameras without an image"),
        *(
            ("notices", (Notice(code, {"camera": "left"}),), "notices of the cameras' images")
            for code in ("two_tone", "deinterlaced", "median_filtered")
        ),
    ],
)
def test_what_is_told_of_tracking_is_compared(example, opened, name, other, quantity):
    _, use = opened(example)
    index = max(use.guidance)
    frame, shown = use.frames[index], use.guidance[index]
    frames = [frame, replace(frame, **{name: other})]
    for recorded, replayed in (frames, reversed(frames)):
        comparer = Comparer()
        comparer.frame(recorded, shown, replayed, shown)
        found = comparer.result()
        assert (found.equal, found.first) == (False, (0, quantity))


def test_notices_of_drivers_are_not_those_of_images(example, opened):
    """A replay from pictures has no camera that could be slow."""
    _, use = opened(example)
    frame, shown = use.frames[-1], use.guidance[max(use.guidance)]
    slow = replace(frame, notices=(Notice("camera_slow", {"camera": "left", "rate": 7.0}),))
    comparer = Comparer()
    comparer.frame(slow, shown, frame, shown)
    assert comparer.result().bit_equal


def test_a_registration_that_differs_is_no_equal_replay():
    comparer = Comparer()
    comparer.registrations(0, [], [])
    assert comparer.result().bit_equal
    comparer.registrations(1, [0.5], [0.6])
    assert not comparer.result().equal
