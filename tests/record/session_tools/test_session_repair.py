"""nav session repair: all that is readable is kept, and what is lost is said."""

import json
import random
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mcap.opcode import Opcode
from mcap.reader import make_reader
from rich.console import Console

from nav.core.errors import InputError
from nav.record.session.session_format import PICTURES_FILE, SESSION_FILE
from nav.record.session.session_pictures import PictureReader
from nav.record.session.session_reader import open_session
from nav.record.session.whole_blocks import WholeBlocks
from nav.record.session_tools.mcap_scan import scan_spans
from nav.record.session_tools.part_repair import examine_part
from nav.record.session_tools.session_overview import overview
from nav.record.session_tools.session_repair import repair_session


def repaired(folder: Path, output: Path | None = None) -> str:
    text = StringIO()
    repair_session(folder, output, Console(file=text, width=10_000))
    return text.getvalue()


def damage(path: Path, *places: int) -> None:
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] ^= 0x10
    path.write_bytes(data)


def frames(folder: Path) -> list[dict]:
    return [dict(message.data) for message in open_session(folder).messages("/frame")]


def chunks(path: Path):
    return [span for span in scan_spans(path.read_bytes()) if span.opcode == Opcode.CHUNK]


def test_a_whole_session_is_left_alone(sessions):
    folder = sessions["pictured"]
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert "nothing to repair" in repaired(folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_session_that_was_not_ended_is_finished_and_the_original_kept(sessions):
    folder = sessions["cut"]
    original, before = (folder / SESSION_FILE).read_bytes(), frames(folder)
    said = repaired(folder)
    assert "nothing that was written is lost" in said
    assert (folder / "session.1.mcap").read_bytes() == original
    assert frames(folder) == before
    assert open_session(folder).cut.code == "session_without_end"
    assert overview(folder).state == "repaired"
    assert overview(folder).totals.frames == len(before)
    with (folder / SESSION_FILE).open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_summary().statistics.message_count == sum(
            1 for _ in reader.iter_messages()
        )
    assert "nothing to repair" in repaired(folder)


def test_cut_at_any_byte_all_blocks_before_the_cut_are_kept(sessions):
    path = sessions["ended"] / SESSION_FILE
    data, before = path.read_bytes(), frames(sessions["ended"])
    spans = scan_spans(data)
    first = chunks(path)[1].end
    borders = [span.start for span in spans if span.start >= first]
    random.seed(5)
    cuts = [*random.sample(borders, 12), *random.sample(range(first, len(data)), 12)]
    for number, cut in enumerate(cuts):
        folder = sessions["ended"].with_name(f"cut-{number}")
        folder.mkdir()
        (folder / SESSION_FILE).write_bytes(data[:cut])
        readable = frames(folder)
        repaired(folder)
        assert frames(folder)[: len(readable)] == readable
        assert frames(folder) == before[: len(frames(folder))]
        assert examine_part(folder / SESSION_FILE).is_whole


def test_damage_in_the_middle_loses_that_block_and_says_how_much(sessions):
    folder = sessions["ended"]
    before = frames(folder)
    hit = chunks(folder / SESSION_FILE)[3]
    damage(folder / SESSION_FILE, (hit.start + hit.end) // 2)
    said = repaired(folder)
    kept = frames(folder)
    numbers = [frame["number"] for frame in before if frame not in kept]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert 0 < len(numbers) <= 16
    assert "a block of messages whose checksum disagrees" in said
    assert " s\n" in said
    assert not open_session(folder).damage
    with (folder / SESSION_FILE).open("rb") as file:
        (record,) = (
            m.metadata for m in make_reader(file).iter_metadata() if m.name == "c1c2nav.repair"
        )
    (loss,) = json.loads(record["lost"])
    assert loss["messages"] > len(numbers)


def test_a_damaged_first_block_does_not_take_the_others_channels_with_it(sessions):
    folder = sessions["cut"]
    before = frames(folder)
    hit = chunks(folder / SESSION_FILE)[0]
    damage(folder / SESSION_FILE, hit.start + 60)
    repaired(folder)
    assert frames(folder) == before


def test_a_session_whose_head_is_damaged_can_be_read_again(sessions):
    folder = sessions["ended"]
    before = open_session(folder)
    (head,) = (
        s
        for s in scan_spans((folder / SESSION_FILE).read_bytes())
        if s.opcode == Opcode.METADATA and s.start < 300
    )
    damage(folder / SESSION_FILE, head.start + 2)
    repaired(folder)
    after = open_session(folder)
    assert after.about["rebuilt"] == "true"
    assert after.about["code"] == "p1"
    assert after.attachments == before.attachments
    assert abs(after.clock.ns(1001.0) - before.clock.ns(1001.0)) < 1000  # ns
    assert [m.data for m in after.messages()] == [m.data for m in before.messages()]


@pytest.mark.parametrize("kind", ["pictured", "lossless"])
def test_pictures_are_repaired_too(sessions, kind):
    folder = sessions[kind]
    path = folder / PICTURES_FILE
    before = [(p.camera, p.log_time, p.data) for p in PictureReader(folder)]
    found = chunks(path)
    hit = found[len(found) // 2]
    data = bytearray(path.read_bytes())
    data[(hit.start + hit.end) // 2] ^= 1
    path.write_bytes(data[: found[-1].start + 700])
    session = (folder / SESSION_FILE).read_bytes()
    said = repaired(folder)
    assert (folder / SESSION_FILE).read_bytes() == session
    assert "pictures.mcap: lost: " in said
    after = [(p.camera, p.log_time, p.data) for p in PictureReader(folder)]
    assert [one for one in before if one in after] == after
    assert len(before) - len(after) <= 2 * 16 + 2
    assert (folder / "pictures.1.mcap").is_file()


def test_the_repaired_session_goes_into_a_new_folder_on_request(sessions, tmp_path):
    folder, output = sessions["pictured"], tmp_path / "fixed"
    damage(folder / SESSION_FILE, chunks(folder / SESSION_FILE)[2].start + 50)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    repaired(folder, output)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert (output / PICTURES_FILE).read_bytes() == before[PICTURES_FILE]
    assert not open_session(output).damage
    with pytest.raises(InputError, match="not an empty folder"):
        repaired(folder, output)


def test_what_cannot_be_repaired_is_refused_and_stays(sessions, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        repaired(tmp_path / "none")
    with pytest.raises(InputError, match="is not a session"):
        repaired(tmp_path)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    for content in (b"", b"PK\x03\x04" + b"x" * 200, b"\x89MCAP0\r\n"):
        (foreign / SESSION_FILE).write_bytes(content)
        with pytest.raises(InputError):
            repaired(foreign)
        assert (foreign / SESSION_FILE).read_bytes() == content
    path = sessions["ended"] / SESSION_FILE
    path.write_bytes(path.read_bytes().replace(b"c1c2nav/session/1", b"c1c2nav/session/9"))
    with pytest.raises(InputError, match="later version"):
        repaired(sessions["ended"])


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_after_any_flipped_bit_a_session_can_be_read_but_for_one_block(recorded_once, drawn):
    source = recorded_once["ended"] / SESSION_FILE
    data = bytearray(source.read_bytes())
    head = scan_spans(bytes(data))[1].end  # header and what the session says of itself
    place = drawn.draw(st.one_of(st.integers(8, head - 1), st.integers(0, len(data) - 1)))
    assume(place != data.index(b"c1c2nav/session/1") + 16)  # another version is refused
    data[place] ^= 1 << drawn.draw(st.integers(0, 7))
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / source.parent.name
        folder.mkdir()
        (folder / SESSION_FILE).write_bytes(data)
        repaired(folder)
        before, after = frames(recorded_once["ended"]), frames(folder)
        assert all(frame in before for frame in after)
        assert len(before) - len(after) <= 16
        assert examine_part(folder / SESSION_FILE).is_whole


def test_a_session_that_is_being_recorded_is_refused(tmp_path):
    folder = tmp_path / "now"
    folder.mkdir()
    file = WholeBlocks(folder / SESSION_FILE)
    try:
        with pytest.raises(InputError, match="being recorded"):
            repaired(folder)
    finally:
        file.close()
