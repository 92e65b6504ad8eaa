"""The replay in a real tracking process: what it sends the window, and what it does when asked."""

import time

import pytest

from nav.live.feed import ProcessFeed
from nav.live.messages import Command, Ended, Ready, Standstill, Update
from nav.record.session_replay.replay_setup import ReplayOptions
from nav.record.session_replay.replay_work import ReplayJob

PATIENCE = 120.0  # s: the process imports and compiles first


@pytest.fixture
def feed(twice):
    feed = ProcessFeed(ReplayJob(ReplayOptions(twice)))
    yield feed
    feed.close()


def wait_for(feed, wanted):
    """Return the first message for which `wanted` holds."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        message = feed.newest()
        if message is not None and wanted(message):
            return message
        assert feed.alive()
        time.sleep(0.005)
    raise AssertionError("no such message")


def test_a_session_is_replayed_in_the_tracking_process(feed):
    ready = wait_for(feed, lambda m: isinstance(m, Ready))
    line = ready.timeline
    assert {span.value for span in line.spans if span.kind == "stage"} == {
        "register", "verify", "navigate"
    }  # fmt: skip
    assert {span.value for span in line.spans if span.kind == "lost"} == {"needle"}
    assert [span.value for span in line.spans if span.kind == "alarm"] == ["caution", "danger"]
    kinds = {tick.kind for tick in line.ticks}
    assert {"touch", "verification", "registration", "mark", "alarm"} <= kinds
    feed.send(Command("speed", "20"))
    feed.send(Command("play"))
    first = wait_for(feed, lambda m: isinstance(m, Update))
    assert first.simulated  # its time does not age
    wait_for(feed, lambda m: isinstance(m, Standstill) and m.why == "over")
    # back into the second verification, with the first registration still in use
    verify = [span for span in line.spans if (span.kind, span.value) == ("stage", "verify")]
    assert len(verify) == 2
    feed.send(Command("step", "0"))
    feed.send(Command("seek", repr(verify[1].start)))
    there = pytest.approx(line.began + verify[1].start, abs=1e-6)
    update = wait_for(feed, lambda m: isinstance(m, Update) and m.guidance.time == there)
    assert update.stage.value == "verify"
    assert "former_in_use" in {notice.code for notice in update.notices}
    feed.send(Command("capture"))  # what the window's user cannot do either
    feed.send(Command("step", "1"))
    following = wait_for(feed, lambda m: isinstance(m, Update))
    assert following.guidance.number == update.guidance.number + 1
    assert wait_for(feed, lambda m: isinstance(m, Standstill)).why == "paused"
    feed.send(Command("quit"))
    assert wait_for(feed, lambda m: isinstance(m, Ended)).problem is None
