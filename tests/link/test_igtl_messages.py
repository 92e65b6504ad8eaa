"""OpenIGTLink's messages: the library's own packets byte for byte, and both ways at random."""

import struct
from contextlib import suppress
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nav.link import igtl_content as content
from nav.link.igtl_crc import crc64
from nav.link.igtl_fields import BadMessage
from nav.link.igtl_messages import (
    Message,
    decode_message,
    nanoseconds_of,
    timestamp_of,
)
from nav.link.igtl_points import Fiducial, Points
from nav.link.igtl_polydata import PolyAttribute, PolyData
from tests.reference_data import find_reference_data

GOLDEN = find_reference_data("link", "openigtlink-golden", "golden-messages")
PACKETS = sorted(
    path
    for path in (GOLDEN.glob("*.bin") if GOLDEN is not None else ())
    if "_header" not in path.name and "_body" not in path.name
)
needs_packets = pytest.mark.skipif(
    not PACKETS, reason="no reference data; set C1C2NAV_REFERENCE_DATA to a folder with link"
)


def packet(name):
    (path,) = [p for p in PACKETS if p.name.startswith(f"{name}.")]
    return decode_message(path.read_bytes())


@needs_packets
@pytest.mark.parametrize("path", PACKETS, ids=lambda path: path.name.split(".")[0])
def test_packets_of_the_library_come_back_byte_for_byte(path: Path):
    data = path.read_bytes()
    assert decode_message(data).encoded() == data


@needs_packets
def test_packets_of_the_library_mean_what_it_says():
    assert packet("transformFormat2").metadata == {
        "First patient age": "22",
        "Second patient age": "25",
    }
    matrix = packet("transform").content.matrix
    assert matrix[:3, 3] == pytest.approx([46.0531, 19.4709, 46.0531], abs=1e-4)
    assert matrix[:3, 0] == pytest.approx([-0.954892, 0.196632, -0.222525], abs=1e-6)
    status = packet("status").content
    assert (status.code, status.subcode) == (15, 10)
    assert (status.error_name, status.text) == ("ACTUATOR_DISABLED", "Actuator A is disabled.")
    assert packet("string").content.text == "Welcome to OpenIGTLink"
    assert packet("capability").content.types == ("IMAGE", "GET_IMAGE", "TRANSFORM", "GET_TRANS")
    assert [one.name for one in packet("tdata").content.instruments] == [
        "Tracker0",
        "Tracker1",
        "Tracker2",
    ]
    assert packet("position").content.quaternion == pytest.approx(
        [0.0, 0.57735, 0.57735, 0.33333], abs=1e-4
    )
    (first, *_) = packet("point").content.points
    assert (first.name, first.group, first.owner) == (
        "POINT_DESCRIPTION_0",
        "Landmark",
        "IMAGE_0",
    )
    assert (first.rgba, first.position.tolist(), first.diameter) == (
        (255, 0, 0, 255),
        [10, 15, 20],
        5,
    )
    cube = packet("polydata").content
    assert (len(cube.points), len(cube.polygons)) == (8, 30)
    assert cube.attributes[0].values.ravel() == pytest.approx(range(8))


def bitwise_crc(data):
    """The definition: division of polynomials, bit by bit."""
    crc = 0
    for byte in data:
        crc ^= byte << 56
        for _ in range(8):
            crc = (crc << 1) ^ (0x42F0E1EBA9EA3693 if crc >> 63 else 0)
            crc &= (1 << 64) - 1
    return crc


@given(st.binary(max_size=1100))
def test_crc_is_that_of_the_definition(data):
    assert crc64(data) == bitwise_crc(data)


def test_crc_of_long_data_is_that_of_another_library():
    crcmod = pytest.importorskip("crcmod")
    other = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, rev=False, xorOut=0)
    for size in (65535, 65536, 65537, 1_000_003):
        data = np.random.default_rng(size).bytes(size)
        assert crc64(data) == other(data)


floats = st.floats(width=32, allow_nan=False)
words = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5
)  # at most 20 bytes
matrices = arrays(np.float64, (3, 4), elements=floats).map(lambda m: np.vstack((m, [0, 0, 0, 1])))
vectors = arrays(np.float64, 3, elements=floats)


def cells(points):
    """Return cells of any sizes on so many points."""
    if not points:
        return st.just(np.empty(0, np.int64))
    one = st.lists(st.integers(0, points - 1), max_size=4).map(lambda c: [len(c), *c])
    return st.lists(one, max_size=3).map(lambda found: np.array([*chain(*found)], np.int64))


@st.composite
def surfaces(draw):
    n = draw(st.integers(0, 4))
    points = draw(arrays(np.float64, (n, 3), elements=floats))
    attribute = st.builds(
        PolyAttribute,
        st.sampled_from([0, 2, 16, 20]),
        words,
        arrays(np.float64, (draw(st.integers(0, 3)), 3), elements=floats),
    )
    attributes = tuple(draw(st.lists(attribute, max_size=2)))
    return PolyData(points, *(draw(cells(n)) for _ in range(4)), attributes)


codes, subcodes = st.integers(0, 65535), st.integers(-(2**63), 2**63 - 1)
contents = st.one_of(
    st.builds(content.Transform, matrices),
    st.lists(st.builds(content.Instrument, words, matrices, st.integers(1, 4)), max_size=3).map(
        lambda found: content.TrackingData(tuple(found))
    ),
    st.builds(content.Status, codes, words, words, subcodes),
    st.builds(content.Position, vectors, st.none() | arrays(np.float64, 4, elements=floats)),
    st.builds(content.Text, words),
    st.lists(
        st.builds(
            Fiducial, words, vectors, words, st.tuples(*[st.integers(0, 255)] * 4), floats,
            words,
        ),
        max_size=3,
    ).map(lambda found: Points(tuple(found))),
    st.lists(st.sampled_from(["TRANSFORM", "GET_STATUS"])).map(
        lambda found: content.Capability(tuple(found))
    ),
    st.builds(content.StartTrackingData, st.integers(0, 2**32 - 1), words),
    st.builds(content.RawContent, st.just("GET_IMAGE"), st.binary(max_size=30)),
    surfaces(),
)  # fmt: skip
messages = st.builds(
    Message,
    contents,
    words,
    st.integers(0, 2**64 - 1),
    st.dictionaries(words, words, max_size=3),
    st.just(2),
    st.integers(0, 2**32 - 1),
)


def plain(value):
    """Return anything as values that can be compared."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    fields = getattr(value, "__dataclass_fields__", None)
    return {n: plain(getattr(value, n)) for n in fields} if fields else value


@given(messages)
def test_messages_come_back_from_their_bytes(message):
    again = decode_message(message.encoded())
    assert plain(again) == plain(message)
    assert again.kind == message.kind


@given(contents, words)
def test_header_version_1_has_no_metadata(what, name):
    message = Message(what, name, metadata={"TransformStatus": "OK"}, version=1)
    again = decode_message(message.encoded())
    assert plain(again.content) == plain(what)
    assert (again.metadata, again.version, again.device) == ({}, 1, name)


@given(messages, st.data())
def test_a_changed_byte_of_the_body_is_found(message, data):
    found = bytearray(message.encoded())
    at = data.draw(st.integers(58, len(found) - 1))
    found[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadMessage, match="CRC"):
        decode_message(bytes(found))


@given(messages, st.data())
def test_a_body_of_anything_is_a_message_or_refused(message, data):
    """Also with a right CRC: lengths inside the body are not trusted."""
    found = bytearray(message.encoded())
    for _ in range(data.draw(st.integers(1, 4))):
        found[data.draw(st.integers(58, len(found) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(found) - 58))
    body = bytes(found[58 : len(found) - cut])
    whole = bytes(found[:42]) + struct.pack(">QQ", len(body), crc64(body)) + body
    with suppress(BadMessage):
        assert decode_message(whole).kind == message.kind


@given(st.binary(max_size=200))
def test_garbage_is_refused(data):
    with pytest.raises(BadMessage):
        decode_message(data)


@given(st.integers(0, 2**32 * 10**9 - 1))
def test_nanoseconds_come_back_from_timestamps(ns):
    assert nanoseconds_of(timestamp_of(ns)) == ns


@given(st.integers(0, 2**64 - 1))
def test_timestamps_are_right_within_a_nanosecond(timestamp):
    assert nanoseconds_of(timestamp) * 2**32 == pytest.approx(timestamp * 10**9, abs=2**32)


@pytest.mark.parametrize(
    "message",
    [
        Message(content.Text("x"), "a name longer than twenty"),
        Message(content.Text("x" * 70000)),
        Message(content.RawContent("A_TYPE_OF_THIRTEEN")),
        Message(content.Status(1, error_name="a name longer than twenty")),
    ],
)
def test_what_does_not_fit_is_not_sent(message):
    with pytest.raises(ValueError, match="expected at most"):
        message.encoded()
