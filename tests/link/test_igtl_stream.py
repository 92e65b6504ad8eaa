"""Messages out of the pieces in which a connection delivers them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.link.igtl_content import RawContent, Text, Transform
from nav.link.igtl_fields import BadMessage
from nav.link.igtl_messages import HEADER_SIZE, Message
from nav.link.igtl_stream import MessageStream

SENT = [
    Message(Transform(np.eye(4)), "NeedleToModel", metadata={"TransformStatus": "OK"}),
    Message(RawContent("GET_STATUS")),
    Message(RawContent("IMAGE", bytes(5000)), "Picture", version=1),
    Message(Text("danger"), "Alarm"),
]


def received(stream, pieces):
    return [message for piece in pieces for message in stream.feed(piece)]


@given(st.lists(st.integers(1, 3000), max_size=40))
def test_pieces_of_any_length_give_the_same_messages(lengths):
    data, pieces = b"".join(message.encoded() for message in SENT), []
    for length in lengths:
        pieces.append(data[:length])
        data = data[length:]
    found = received(MessageStream(), [*pieces, data])
    assert [m.encoded() for m in found] == [m.encoded() for m in SENT]


@given(st.integers(1, 3000))
def test_unwanted_messages_are_skipped_without_being_kept(length):
    data = b"".join(message.encoded() for message in SENT)
    stream = MessageStream(most_body=1000, kinds={"TRANSFORM", "STRING"})
    found, kept = [], 0
    for begin in range(0, len(data), length):
        found += stream.feed(data[begin : begin + length])
        kept = max(kept, len(stream._pieces))
    assert [m.kind for m in found] == ["TRANSFORM", "STRING"]
    assert kept <= HEADER_SIZE + 1000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost:18944\r\nUser-Agent: a browser\r\n\r\n", "version"),
        (bytes(100), "version 0"),
        (b"\0\1" + b"transform".ljust(12, b"\0") + bytes(44), "in capitals"),
        (b"\0\1" + b"TRANSFORM".ljust(12, b"\0") + bytes(28) + b"\xff" * 16, "at most"),
        (b"\0\1" + b"\xff" * 12 + bytes(44), "not utf-8"),
        (SENT[0].encoded()[:-1] + b"\0", "CRC is wrong"),
        (Message(RawContent("IMAGE", bytes(2000))).encoded(), "at most 1000"),
    ],
)
def test_what_is_no_message_is_refused(data, said):
    with pytest.raises(BadMessage, match=said) as error:
        received(MessageStream(most_body=1000), [data])
    assert "\n" not in str(error.value)


def test_what_is_too_long_is_not_skipped_either():
    stream = MessageStream(kinds={"TRANSFORM"}, most_skipped=1000)
    with pytest.raises(BadMessage, match="at most 1000"):
        received(stream, [Message(RawContent("IMAGE", bytes(2000))).encoded()])
