"""Cut and damaged MCAP files: what is before the damage is kept, and nothing is made up."""

from functools import cache
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.opcode import Opcode
from mcap.writer import CompressionType

from nav.record.session_tools.mcap_content import known_channels, message_total
from nav.record.session_tools.mcap_rewrite import Kept, rewrite
from nav.record.session_tools.mcap_scan import State, chunk_records, index_faults, scan_spans
from tests.record.session_tools.recorded_mcap import attachments, messages, recorded

PER_CHUNK = 4
PACKINGS = (CompressionType.NONE, CompressionType.ZSTD)
whole = cache(lambda packing: recorded(24, PER_CHUNK, packing))


def rewritten(data: bytes) -> tuple[bytes, Kept]:
    stream = BytesIO()
    seen = []
    spans = scan_spans(data)
    known = known_channels(data, spans)
    kept = rewrite(data, spans, known, stream, lambda c, m: seen.append(m), lambda _: {})
    assert len(seen) == sum(kept.messages.values())
    return stream.getvalue(), kept


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_whole_file_has_no_fault_and_is_rewritten_with_all_that_it_holds(packing):
    data = whole(packing)
    spans = scan_spans(data)
    assert all(span.state is State.GOOD for span in spans)
    assert index_faults(data, spans) == []
    again, kept = rewritten(data)
    assert messages(again) == messages(data)
    assert attachments(again) == attachments(data)
    assert kept.losses == []
    assert message_total(data, spans) == 48
    assert index_faults(again, scan_spans(again)) == []


@pytest.mark.parametrize("packing", PACKINGS)
def test_cut_at_every_border_of_a_record_keeps_all_that_is_before(packing):
    data = whole(packing)
    spans = scan_spans(data)
    for span in spans:
        expected = sum(
            PER_CHUNK * 2 for s in spans if s.opcode == Opcode.CHUNK and s.end <= span.start
        )
        for cut in (span.start, span.start + 1, span.start + 9):
            again, _ = rewritten(data[:cut])
            found = messages(again)
            assert found == messages(data)[: len(found)]
            assert len(found) >= expected


def test_within_a_cut_chunk_every_message_before_the_cut_is_kept():
    data = whole(CompressionType.NONE)
    spans = scan_spans(data)
    chunk = [span for span in spans if span.opcode == Opcode.CHUNK][2]
    before = 2 * 2 * PER_CHUNK
    counts = []
    for cut in range(chunk.start, chunk.end + 1, 7):
        again, kept = rewritten(data[:cut])
        found = messages(again)
        assert found == messages(data)[: len(found)]
        counts.append(len(found) - before)
        end = scan_spans(data[:cut])[-1]
        if end.opcode == Opcode.CHUNK and end.state is State.CUT:
            inside = list(chunk_records(data[:cut], end))
            assert len(inside) == len(found) - before
            assert "cut" in kept.losses[-1].what
    assert counts == sorted(counts)
    assert set(counts) >= set(range(2 * PER_CHUNK))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_flipped_bit_loses_one_chunk_at_most(drawn):
    data = whole(drawn.draw(st.sampled_from(PACKINGS)))
    place = drawn.draw(st.integers(0, len(data) - 1))
    damaged = bytearray(data)
    damaged[place] ^= 1 << drawn.draw(st.integers(0, 7))
    damaged = bytes(damaged)
    spans = scan_spans(damaged)
    faulty = [span for span in spans if span.state is not State.GOOD]
    assert faulty or index_faults(damaged, spans), "damage that is not noticed"
    again, kept = rewritten(damaged)
    found, all_messages = messages(again), messages(data)
    assert set(found) <= set(all_messages)
    lost = len(all_messages) - len(found)
    assert lost in (0, 2 * PER_CHUNK)
    hit = next((s for s in scan_spans(data) if s.start <= place < s.end), None)
    if hit is None or hit.opcode != Opcode.CHUNK:
        assert lost == 0
    assert bool(lost) <= bool(kept.losses)
    again_twice, kept_twice = rewritten(again)
    assert messages(again_twice) == found
    assert kept_twice.losses == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_overwritten_and_missing_stretches_leave_the_rest(drawn):
    data = whole(CompressionType.NONE)
    start = drawn.draw(st.integers(0, len(data) - 1))
    length = drawn.draw(st.integers(1, 400))
    filling = drawn.draw(st.sampled_from(["zeros", "missing", "random"]))
    between = {"zeros": b"\0" * length, "missing": b"", "random": None}[filling]
    if between is None:
        between = drawn.draw(st.binary(min_size=length, max_size=length))
    damaged = data[:start] + between + data[start + length :]
    again, _ = rewritten(damaged)
    found = messages(again)
    assert set(found) <= set(messages(data))
    hit = [
        s
        for s in scan_spans(data)
        if s.opcode == Opcode.CHUNK and s.start < start + length and start < s.end
    ]
    assert len(found) >= 48 - 2 * PER_CHUNK * len(hit)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_file_that_was_never_ended_loses_one_chunk_by_a_flipped_bit(drawn):
    data = whole(CompressionType.NONE)
    spans = scan_spans(data)
    chunks = [span for span in spans if span.opcode == Opcode.CHUNK]
    (end,) = (span.start for span in spans if span.opcode == Opcode.DATA_END)
    place = drawn.draw(st.integers(chunks[1].start, end - 1))
    damaged = bytearray(data[:end])
    damaged[place] ^= 1 << drawn.draw(st.integers(0, 7))
    again, _ = rewritten(bytes(damaged))
    found = messages(again)
    assert set(found) <= set(messages(data))
    assert len(found) >= 48 - 2 * PER_CHUNK


def test_bytes_missing_in_an_attachment_leave_the_next_one():
    data = whole(CompressionType.NONE)
    first = next(s for s in scan_spans(data) if s.opcode == Opcode.ATTACHMENT)
    again, kept = rewritten(data[: first.end - 9] + data[first.end - 5 :])
    assert messages(again) == messages(data)
    assert list(attachments(again)) == ["tools/needle.toml"]
    assert len(kept.losses) == 1


def test_a_damaged_attachment_is_kept_apart():
    data = bytearray(whole(CompressionType.NONE))
    place = data.index(b"needleneedle") + 3
    data[place] ^= 1
    again, kept = rewritten(bytes(data))
    assert set(attachments(again)) == {"rig.toml", "damaged/tools/needle.toml"}
    assert "tools/needle.toml" in kept.losses[0].what


@given(st.binary(max_size=300))
def test_any_bytes_are_scanned_without_an_error(data):
    spans = scan_spans(data)
    assert [s.start for s in spans[1:]] == [s.end for s in spans[:-1]]
    assert not spans or spans[-1].end == len(data)
    assert index_faults(data, spans)
