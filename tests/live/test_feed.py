"""What the window hears when it comes to listen late."""

import multiprocessing
import threading
from types import SimpleNamespace

import pytest

from nav.live.feed import ProcessFeed
from nav.live.messages import Message, Ready, Standstill


class Script:
    """Said by a tracking process before the window looks; then nothing until it is let go."""

    def __init__(self, messages: list[Message]) -> None:
        self.messages = messages
        self.said, self.go = threading.Event(), threading.Event()

    def recv(self) -> Message:
        if self.messages:
            return self.messages.pop(0)
        self.said.set()
        self.go.wait()
        raise EOFError


@pytest.fixture
def hearing(monkeypatch):
    """Make a feed that has received messages."""
    scripts = []

    def make(*messages: Message) -> ProcessFeed:
        script = Script(list(messages))
        scripts.append(script)
        process = SimpleNamespace(start=lambda: None)
        context = SimpleNamespace(
            Pipe=lambda: (script, SimpleNamespace(close=lambda: None)),
            Process=lambda **_: process,
        )
        monkeypatch.setattr(multiprocessing, "get_context", lambda _: context)
        feed = ProcessFeed(None)  # type: ignore[arg-type]
        assert script.said.wait(60.0)
        return feed

    yield make
    for script in scripts:
        script.go.set()


def test_a_recording_paused_from_its_start_does_not_bring_back_the_pass_before(hearing):
    """The window must hear first that the recording is open anew: it then forgets its numbers."""
    feed = hearing(Ready(), Standstill(1.0, "paused"), Standstill(1.1, "paused"))
    assert isinstance(feed.newest(), Ready)
    assert feed.newest() is None


def test_time_that_stands_still_is_heard(hearing):
    assert hearing(Standstill(1.0, "paused"), Standstill(1.1, "over")).newest() == Standstill(
        1.1, "over"
    )


@pytest.mark.parametrize(("runs", "read"), [(True, True), (False, True), (False, False)])
def test_a_process_counts_as_alive_until_its_last_word_is_read(runs, read):
    feed = ProcessFeed.__new__(ProcessFeed)
    feed.process = SimpleNamespace(is_alive=lambda: runs)
    feed.receiver = SimpleNamespace(is_alive=lambda: read)
    assert feed.alive() == read
