"""Bad sessions: cut, damaged, foreign, of later versions, with a changed case.

What can be read is read, and equal to what was recorded; the rest is one line; nothing is lost.
"""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.records import Message
from mcap.writer import Writer

from nav.core.errors import InputError
from nav.record.session.mcap_records import McapRecords
from nav.record.session.session_about import about_session
from nav.record.session.session_format import FRAME, event_of_json, frame_of_json
from nav.record.session.session_reader import SessionReader, open_session
from tests.record.example_session import START, example_use
from tests.record.test_session_format import bits


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A session and what was recorded in it."""
    return example_use(tmp_path_factory.mktemp("sessions"), steps=24)


@pytest.fixture(scope="module")
def whole(recorded):
    """The bytes of its file, and its frames bit for bit, by number."""
    content = (recorded[0] / "session.mcap").read_bytes()
    return content, {frame.number: bits(frame) for frame in recorded[1].frames}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    """Where spoilt sessions are put; every one replaces the one before."""
    return tmp_path_factory.mktemp("spoilt")


def one_line(error):
    text = str(error)
    assert text
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def read_all(folder: Path) -> SessionReader | None:
    """Everything of a session; None where it is refused in one line."""
    try:
        reader = open_session(folder)
    except InputError as error:
        one_line(error)
        return None
    for what in (reader.frames, reader.guidance, reader.events):
        try:
            for _ in what():
                pass
        except InputError as error:
            one_line(error)
    return reader


def frames_of(folder: Path):
    """Frames up to the end, or to a message that is refused."""
    found = []
    try:
        for frame in open_session(folder).frames():
            found.append(frame)
    except InputError as error:
        one_line(error)
    return found


def written(folder: Path, content: bytes) -> Path:
    (folder / "session.mcap").write_bytes(content)
    return folder


@settings(max_examples=150)
@given(st.data())
def test_damaged_bytes_never_make_a_frame_that_was_not_recorded(whole, spoilt, data):
    content, frames = whole
    spoiling = bytearray(content)
    at = data.draw(st.integers(0, len(content) - 1), "at")
    how = data.draw(st.sampled_from(["flip", "cut", "remove", "insert", "zeros", "copy"]), "how")
    length = data.draw(st.integers(1, 5000), "length")
    if how == "flip":
        spoiling[at] ^= 1 << data.draw(st.integers(0, 7), "bit")
    elif how == "cut":
        del spoiling[at:]
    elif how == "remove":
        del spoiling[at : at + length]
    elif how == "insert":
        spoiling[at:at] = bytes(length)
    elif how == "zeros":
        spoiling[at : at + length] = bytes(len(spoiling[at : at + length]))
    else:  # a block of the disk that stands at two places
        spoiling[at : at + length] = content[: len(spoiling[at : at + length])]
    folder = written(spoilt, bytes(spoiling))
    reader = read_all(folder)
    if reader is None:
        return
    got = frames_of(folder)
    assert all(bits(frame) == frames[frame.number] for frame in got)
    numbers = [frame.number for frame in got]
    assert numbers == sorted(set(numbers))
    if len(got) < len(frames):
        assert reader.cut is not None or reader.damage


def test_two_thirds_of_a_file_are_still_there_after_damage_in_the_middle(whole, spoilt):
    content, frames = whole
    spoiling = bytearray(content)
    middle = len(content) * 3 // 5
    spoiling[middle : middle + 200] = os.urandom(200)
    got = frames_of(written(spoilt, bytes(spoiling)))
    assert len(got) >= len(frames) * 2 // 3


@pytest.mark.parametrize("bit", range(72))
def test_a_flipped_bit_in_a_chunks_head_costs_that_chunk_only(whole, spoilt, bit):
    """Kind and length: with another length the next chunks must be found again."""
    content, frames = whole
    path = written(spoilt, content) / "session.mcap"
    chunks = sorted({p.start for p in McapRecords(path) if isinstance(p.record, Message)})
    at = chunks[len(chunks) // 2]
    spoiling = bytearray(content)
    spoiling[at + bit // 8] ^= 1 << bit % 8
    folder = written(spoilt, bytes(spoiling))
    got = frames_of(folder)
    assert len(frames) - 8 <= len(got) < len(frames)
    assert all(bits(frame) == frames[frame.number] for frame in got)
    reader = open_session(folder)
    assert reader.cut is None
    assert "session_damaged" in [notice.code for notice in reader.damage]


FOREIGN = {
    "empty": b"",
    "magic only": b"\x89MCAP0\r\n",
    "text": b"frame,time,tool,status\n",
    "toml": b'format = "c1c2nav/session/1"\n',
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "zip": b"PK\x03\x04" + bytes(100),
    "rosbag 1": b"#ROSBAG V2.0\n" + bytes(100),
    "zeros": bytes(5000),
    "noise": np.random.default_rng(4).bytes(5000),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused_by_name_and_left_as_it_is(tmp_path, name):
    folder = written(tmp_path, FOREIGN[name])
    with pytest.raises(InputError) as refused:
        open_session(folder)
    assert str(folder / "session.mcap") in one_line(refused.value)
    assert (folder / "session.mcap").read_bytes() == FOREIGN[name]
    assert [path.name for path in folder.iterdir()] == ["session.mcap"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "circle", "nothing"])
def test_what_is_no_file_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "session.mcap"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "circle":
        path.symlink_to(path)
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("waits for ever"))
    signal.alarm(20)
    try:
        with pytest.raises(InputError) as refused:
            open_session(tmp_path)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    one_line(refused.value)


def own_file(folder: Path, about, messages=(), encoding="json", schema="c1c2nav.Frame") -> Path:
    """An MCAP file with our metadata and messages of a topic, written by the package itself."""
    folder.mkdir(exist_ok=True)
    with (folder / "session.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start("", "another program")
        writer.add_metadata("c1c2nav", about)
        number = writer.register_schema(schema, "jsonschema", b"{}")
        for topic, at, content in messages:
            channel = writer.register_channel(topic, encoding, number)
            writer.add_message(channel, at, content, at)
        writer.finish()
    return folder


@pytest.mark.parametrize("version", ["2", "10", "99999999999999999999"])
def test_a_later_version_is_refused_and_says_what_to_do(tmp_path, version):
    about = {**about_session("poses"), "format": f"c1c2nav/session/{version}"}
    with pytest.raises(InputError, match="update c1c2nav") as refused:
        open_session(own_file(tmp_path, about))
    assert f"c1c2nav/session/{version}" in one_line(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": ""},
        {"format": "c1c2nav/session/"},
        {"format": "c1c2nav/session/-1"},
        {"format": "c1c2nav/rig/1"},
        {"format": "c1c2nav/session/1\nnav: forged"},
        {"started_ns": "yesterday"},
        {"started_ns": "9" * 40},
        {"started_ns": "nan"},
        {"monotonic_start": "nan"},
        {"monotonic_start": "inf"},
    ],
)
def test_metadata_of_another_making_are_one_line(tmp_path, changes):
    with pytest.raises(InputError) as refused:
        open_session(own_file(tmp_path, {**about_session("poses"), **changes}))
    one_line(refused.value)


def test_topics_and_keys_that_a_later_program_adds_are_left_aside(tmp_path, recorded):
    message = next(open_session(recorded[0]).messages(FRAME))
    longer = json.dumps({**message.data, "colour": "red"}).encode()
    start = START.utc_ns
    folder = own_file(
        tmp_path / "s",
        about_session("poses", clock=START),
        [("/weather", start, b"{}"), (FRAME, start, longer)],
    )
    reader = open_session(folder)
    (frame,) = reader.frames()
    assert bits(frame) == bits(recorded[1].frames[0])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"null",
        b'{"number": 1}',
        b"[" * 100_000,
        b'{"number": 1' + b"0" * 5000 + b"}",
    ],
)
def test_messages_of_another_schema_are_one_line(tmp_path, content):
    about = about_session("poses", clock=START)
    folder = own_file(tmp_path / "s", about, [(FRAME, START.utc_ns, content)])
    reader = open_session(folder)
    with pytest.raises(InputError) as refused:
        list(reader.frames())
    assert FRAME in one_line(refused.value)
    assert list(reader.guidance()) == list(reader.events()) == []


def paths_in(value, place=()):
    """All places in a message."""
    yield place
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from paths_in(entry, (*place, key))
    elif isinstance(value, list):
        for key, entry in enumerate(value):
            yield from paths_in(entry, (*place, key))


@pytest.fixture(scope="module")
def a_message(recorded):
    """A message of /frame, as JSON."""
    return json.dumps(next(open_session(recorded[0]).messages(FRAME)).data)


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 1e308, "", "x", [], {}, [[]], {"a": 1}, [1, 2], float("nan"), 10**400]
)


@given(st.data())
def test_a_message_with_an_odd_value_is_a_frame_or_an_error_that_is_told(a_message, data):
    """What the reader turns into one line; anything else would be a traceback."""
    message = json.loads(a_message)
    place = data.draw(st.sampled_from([p for p in paths_in(message) if p]), "place")
    holder = message
    for key in place[:-1]:
        holder = holder[key]
    if data.draw(st.booleans(), "removed"):
        del holder[place[-1]]
    else:
        holder[place[-1]] = data.draw(ODD, "value")
    try:
        frame = frame_of_json(message)
    except (KeyError, TypeError, ValueError, AttributeError):
        return
    for seen in frame.tools.values():
        if seen:
            turn = seen.rig_from_tool.transform.as_matrix()[:3, :3]
            assert np.allclose(turn @ turn.T, np.eye(3), atol=1e-6), "not a rotation"


@given(st.dictionaries(st.sampled_from(["kind", "code", "facts", "number"]), ODD))
def test_an_odd_event_is_an_event_or_an_error_that_is_told(table):
    try:
        event_of_json(table, 0)
    except (KeyError, TypeError, ValueError, AttributeError):
        return


def test_a_changed_case_is_noticed_and_named(whole, spoilt):
    """Its attachment is another one than that which was recorded, with a checksum of its own."""
    content, frames = whole
    case = next(
        placed
        for placed in McapRecords(written(spoilt, content) / "session.mcap")
        if getattr(placed.record, "name", "") == "case/case.toml"
    )
    spoiling = bytearray(content)
    at = content.index(b"phantom", case.start)
    assert at < case.end
    spoiling[at : at + 7] = b"PHANTOM"
    spoiling[case.end - 4 : case.end] = bytes(4)  # 0: no checksum
    reader = open_session(written(spoilt, bytes(spoiling)))
    assert [n.code for n in reader.damage] == ["attachment_changed"]
    assert reader.damage[0].facts["name"] == "case/case.toml"
    assert len(list(reader.frames())) == len(frames)
