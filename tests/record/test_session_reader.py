"""Sessions are read whole, unfinished, cut and damaged; what is none is refused in one line."""

import os
import subprocess
import sys

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap.writer import Writer

from nav.core.errors import InputError
from nav.live.messages import Stage
from nav.record.session.mcap_records import McapRecords
from nav.record.session.session_about import about_session, new_session_folder
from nav.record.session.session_guidance import guidance_to_json
from nav.record.session.session_reader import open_session
from nav.record.session.session_writer import SessionWriter
from nav.record.session.whole_blocks import is_being_written
from tests.record.example_session import START, example_use, write_example_session
from tests.record.test_session_format import bits


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A session and what was recorded in it."""
    return example_use(tmp_path_factory.mktemp("sessions"), steps=30)


@pytest.fixture
def copied(recorded, tmp_path):
    """Write other bytes as a session; returns its folder."""

    def write(change):
        data = bytearray((recorded[0] / "session.mcap").read_bytes())
        (tmp_path / "session.mcap").write_bytes(change(data))
        return tmp_path

    return write


def test_a_session_is_read_as_it_was_recorded(recorded):
    folder, use = recorded
    reader = open_session(folder)
    assert (reader.cut, reader.damage, reader.being_written) == (None, [], False)
    assert [bits(frame) for frame in reader.frames()] == [bits(frame) for frame in use.frames]
    shown = [message.data for message in reader.guidance()]
    registration = [None if s.stage is Stage.REGISTER else 1 for s in use.states]
    assert shown == [
        guidance_to_json(state, number)
        for state, number in zip(use.states, registration, strict=True)
    ]
    times = [message.log_time for message in reader.guidance()]
    assert [reader.seconds(at) for at in times] == pytest.approx(
        [frame.time for frame in use.frames], abs=1e-8
    )
    assert reader.attachments["case/case.toml"].startswith(b"format")
    assert "registration-1.toml" in reader.attachments
    assert reader.about["code"] == "live"


def test_what_happened_is_told_in_order(recorded):
    events = [(event.kind, event.code) for event in open_session(recorded[0]).events()]
    assert events[0] == ("started", "")
    assert events[-1] == ("ended", "")
    wanted = [
        ("touch", "touched"),
        ("registration", "made"),
        ("verification", "verified"),
        ("stage", "navigate"),
        ("mark", ""),
        ("plan", "followed"),
        ("alarm", "level_caution"),
        ("alarm", "level_danger"),
    ]
    places = [events.index(event) for event in wanted]
    assert places == sorted(places)
    assert events.count(("touch", "touched")) == 4
    assert events.count(("verification", "touched")) == 2


def test_the_packages_own_reader_finds_the_same_messages(recorded):
    reader = open_session(recorded[0])
    with reader.path.open("rb") as file:
        summary = make_reader(file, validate_crcs=True).get_summary()
    topics = {summary.channels[n].topic: c for n, c in
              summary.statistics.channel_message_counts.items()}  # fmt: skip
    assert topics == {topic: count for topic, count in reader.counts.items() if count}


def test_a_session_cut_anywhere_gives_every_frame_before(recorded, copied):
    whole = [bits(frame) for frame in recorded[1].frames]
    size = (recorded[0] / "session.mcap").stat().st_size
    cuts = np.random.default_rng(5).integers(8000, size, 25)
    borders = [placed.end for placed in McapRecords(recorded[0] / "session.mcap")]
    for cut in {*cuts.tolist(), *borders}:
        if cut < 8000:
            continue
        folder = copied(lambda data, cut=cut: data[:cut])
        reader = open_session(folder)
        frames = [bits(frame) for frame in reader.frames()]
        assert frames == whole[: len(frames)]
        assert len(frames) % 8 in (0, len(whole) % 8)  # all that was flushed before
        assert reader.cut is not None
        assert reader.cut.code in ("session_cut", "session_unfinished")


def test_a_record_whose_length_went_wild_costs_only_itself(recorded, copied):
    placed = list(McapRecords(recorded[0] / "session.mcap"))
    chunks = sorted({p.start for p in placed if p.end - p.start > 1000 and p.start > 5000})
    at = chunks[len(chunks) // 2]
    count = len(recorded[1].frames)
    for length in (1 << 60, 1 << 31, 5):

        def damage(data, length=length):
            data[at + 1 : at + 9] = length.to_bytes(8, "little")
            return data

        reader = open_session(copied(damage))
        assert count - 8 <= len(list(reader.frames())) < count
        assert reader.damage[0].code == "session_damaged"


def test_a_flipped_bit_in_a_chunk_is_noticed_and_costs_only_the_chunk(recorded, copied):
    placed = list(McapRecords(recorded[0] / "session.mcap"))
    chunks = sorted({p.start for p in placed if p.end - p.start > 1000 and p.start > 5000})

    def damage(data):
        data[chunks[3] + 500] ^= 4
        return data

    reader = open_session(copied(damage))
    assert [notice.code for notice in reader.damage] == ["session_damaged"]
    assert reader.cut is None
    assert len(list(reader.frames())) == len(recorded[1].frames) - 8


def other_version(data):
    return data.replace(b"c1c2nav/session/1", b"c1c2nav/session/2")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: b"", "is empty"),
        (lambda data: b"frame,time,tool", "is not an MCAP file"),
        (lambda data: data[:20], "not a session of c1c2nav"),
        (lambda data: data[:300], "its head is damaged"),
        (other_version, "later version"),
        (lambda data: data.replace(b"c1c2nav/session/1", b"c1c2nav/session/x"), "expected c1c2nav"),
        (lambda data: data.replace(b"started_ns", b"started_xx"), "when it was started"),
    ],
)
def test_what_is_no_session_is_refused_in_one_line(copied, change, said):
    with pytest.raises(InputError, match=said) as error:
        open_session(copied(change))
    assert "\n" not in str(error.value)


def test_an_mcap_file_of_another_program_is_refused(tmp_path):
    with (tmp_path / "session.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start("ros2", "rosbag2")
        writer.finish()
    with pytest.raises(InputError, match="not a session of c1c2nav"):
        open_session(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        open_session(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no session\.mcap"):
        open_session(tmp_path / "empty")


def test_a_session_without_an_end_says_so(tmp_path):
    reader = open_session(write_example_session(tmp_path, steps=10, ended=False))
    assert reader.cut is not None
    assert reader.cut.code == "session_unfinished"


def test_nothing_is_overwritten_and_a_second_session_gets_a_number(tmp_path):
    first = write_example_session(tmp_path, steps=2)
    before = (first / "session.mcap").read_bytes()
    second = new_session_folder(tmp_path, "live", START)
    assert second.name == f"{first.name}.2"
    with pytest.raises(InputError, match="never overwritten"):
        SessionWriter(first, about_session("poses", clock=START))
    assert (first / "session.mcap").read_bytes() == before


def test_who_reads_knows_that_it_is_being_written(tmp_path):
    writer = SessionWriter(tmp_path / "live", about_session("poses"))
    code = (
        "import sys; from pathlib import Path; from nav.record.session.session_reader import "
        "open_session; print(open_session(Path(sys.argv[1])).being_written)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "live")]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    assert said.stdout == "True\n"
    writer.close()
    assert not is_being_written(tmp_path / "live" / "session.mcap")


@pytest.mark.parametrize("code", ["", "Müller", "a b", "x" * 41, "../x", "-a"])
def test_a_code_is_a_pseudonym_that_may_be_a_files_name(tmp_path, code):
    with pytest.raises(InputError, match="--code"):
        about_session("poses", code)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x", "a\\b"])
def test_an_attachment_stays_in_the_session(tmp_path, name):
    writer = SessionWriter(tmp_path / "s", about_session("poses"))
    with pytest.raises(ValueError, match="not the name of an attachment"):
        writer.attach(name, b"")
    writer.close()


def test_a_changed_attachment_is_noticed(recorded, copied):
    reader = open_session(recorded[0])
    digest = reader.about["sha256:rig.toml"].encode()
    reader = open_session(copied(lambda data: data.replace(digest, b"0" * 64)))
    assert [notice.code for notice in reader.damage] == ["attachment_changed"]
