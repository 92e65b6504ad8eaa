"""A session's messages come back as they were, bit for bit."""

import json
import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Pose
from nav.core.notice import Facts, Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.session.session_format import (
    SessionEvent,
    event_of_json,
    event_to_json,
    frame_of_json,
    frame_to_json,
)
from nav.record.session.session_json import from_bytes, to_bytes
from tests.synthetic import rigid_transforms

FLOATS = st.floats()  # all of them: infinite ones and those that are no numbers too
NAMES = st.text(max_size=8)


def arrays(*shape):
    size = int(np.prod(shape))
    return st.lists(FLOATS, min_size=size, max_size=size).map(
        lambda values: np.array(values).reshape(shape)
    )


def symmetric(upper):
    matrix = np.zeros((6, 6))
    matrix[np.triu_indices(6)] = upper
    matrix.T[np.triu_indices(6)] = upper
    return matrix


COVARIANCES = st.one_of(arrays(6, 6), arrays(21).map(symmetric))
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), FLOATS, NAMES)


def notices(kinds=(Notice, Lost)):
    def of(inner):
        facts = st.one_of(PLAIN, inner, st.lists(st.one_of(PLAIN, inner), max_size=3).map(tuple))
        return st.builds(
            lambda kind, code, facts: kind(code, facts),
            st.sampled_from(kinds),
            NAMES,
            st.dictionaries(NAMES, facts, max_size=3),
        )

    return st.recursive(st.builds(Notice, NAMES), of, max_leaves=4)


LOST = st.builds(lambda n: Lost(n.code, n.facts), notices())
TOOLS = st.builds(
    TrackedTool,
    st.builds(Pose, rigid_transforms(), COVARIANCES),
    st.lists(st.integers(0, 999), max_size=4).map(tuple),
    st.one_of(st.none(), FLOATS),
    st.dictionaries(
        NAMES, st.dictionaries(st.integers(0, 999), arrays(4, 2), max_size=2), max_size=2
    ),
    st.lists(notices(), max_size=2).map(tuple),
    COVARIANCES,
    st.lists(NAMES, max_size=2).map(tuple),
    arrays(6),
    FLOATS,
    st.one_of(st.none(), NAMES),
)
FRAMES = st.builds(
    TrackedFrame,
    st.integers(0, 2**53),
    FLOATS,
    st.dictionaries(NAMES, st.one_of(TOOLS, LOST), max_size=3),
    st.dictionaries(NAMES, notices(), max_size=2),
    FLOATS,
    st.sampled_from(["follow", "acquire"]),
    st.lists(st.frozensets(NAMES, max_size=3), max_size=2).map(tuple),
    st.one_of(st.none(), FLOATS),
    st.none(),
    st.lists(notices(), max_size=2).map(tuple),
)


def bits(value):
    """A value as plain data that is equal only where every bit and every class is."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else ("float", np.float64(value).tobytes())
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, bits(value.ravel().tolist())
    if isinstance(value, RigidTransform):
        return bits(value.as_matrix())
    if isinstance(value, Notice):
        return type(value).__name__, value.code, bits(dict(value.facts))
    if isinstance(value, dict | Facts):
        return {name: bits(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [bits(item) for item in value]
    if isinstance(value, TrackedFrame | TrackedTool | Pose):
        return {field.name: bits(getattr(value, field.name)) for field in fields(value)}
    return type(value).__name__, value


def through_json(message):
    data = to_bytes(message)
    json.loads(data, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    return from_bytes(data)


@given(FRAMES)
def test_a_tracked_frame_comes_back_bit_for_bit(tracked):
    assert bits(frame_of_json(through_json(frame_to_json(tracked)))) == bits(tracked)


@given(NAMES, NAMES, st.dictionaries(NAMES, st.one_of(PLAIN, notices()), max_size=3))
def test_an_event_comes_back_as_it_was(kind, code, facts):
    event = SessionEvent(kind, code, facts, 7, 123)
    found = event_of_json(through_json(event_to_json(event)), 123)
    assert bits([found.kind, found.code, dict(found.facts), found.number, found.log_time]) == bits(
        [kind, code, dict(event.facts), 7, 123]
    )


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("status", "seen"),
        ("matrix", [1.0] * 11),
        ("matrix", [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.7e308, 1.0, 0.0]),
        ("covariance", [0.0] * 20),
        ("marker_ids", ["x"]),
        ("size_error", None),
    ],
)
def test_a_tool_of_another_form_is_not_taken(place, value):
    tracked = TrackedFrame(1, 0.0, {"needle": TrackedTool(Pose(RigidTransform.identity()))})
    message = frame_to_json(tracked)
    message["tools"]["needle"][place] = value
    with pytest.raises((ValueError, TypeError)):
        frame_of_json(message)
