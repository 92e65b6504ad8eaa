"""The tracking process's work, here in a thread: what it sends, and how it ends."""

import queue
import signal
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.live.feed import ProcessFeed, report_end
from nav.live.messages import Command, Ended, Preparing, Ready, Update
from nav.live.playback import PacedSource
from nav.live.worker import work_for
from tests.live.test_session import Hand
from tests.live.test_session import Work as Bench

PATIENCE = 20.0  # s
STEP = 0.02  # s between two frames
UNPLUGGED = Notice("input_error", {"problem": "camera left: unplugged"})


def tracked(count):
    """Frames in which the tip is seen."""
    hand = Hand()
    return [replace(hand.track(k), time=k * STEP) for k in range(count)]


class Poses:
    """Two tracked frames; `simulated` is theirs, and `fault` is raised after them."""

    def __init__(self, simulated=False, fault=None):
        self.simulated, self.fault, self.closed = simulated, fault, False

    def __iter__(self):
        yield from tracked(2)
        if self.fault is not None:
            raise self.fault

    def close(self):
        self.closed = True


class Recorded:
    """Five tracked frames at a pace."""

    def __iter__(self):
        return iter(tracked(5))

    def close(self):
        pass


class Job:
    """Opens work on a source; a fault is raised instead."""

    def __init__(self, source, fault=None):
        self.source, self.fault, self.opened = source, fault, 0

    def open(self, progress):
        progress("files", 0.5)
        if self.fault is not None:
            raise self.fault
        self.opened += 1
        recording = self.source if isinstance(self.source, PacedSource) else None
        return SimpleNamespace(
            source=self.source,
            recording=recording,
            simulated=recording is None and self.source.simulated,
            session=Bench().session,
            observers=(),
            notices=(),
            listen=lambda tracked, state: (),
            finish=lambda: "done",
        )


class Line:
    """The window's end of the connection: what came, and what is said to the process."""

    def __init__(self, closed_after=None):
        self.sent, self.closed_after = [], closed_after
        self.said = queue.SimpleQueue()

    def send(self, message):
        if self.closed_after is not None and isinstance(message, self.closed_after):
            raise BrokenPipeError
        self.sent.append(message)

    def recv(self):
        said = self.said.get(timeout=PATIENCE)
        if said is None:
            raise EOFError
        return said

    def say(self, kind):
        self.said.put(Command(kind))

    def count(self, kind):
        return sum(isinstance(message, kind) for message in self.sent)


def wait_until(true):
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.fixture
def begun(monkeypatch):
    """Begin a job; return the line to it and its thread."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the tests' own stay
    lines = []

    def begin(job, line=None):
        line = line or Line()
        lines.append(line)
        thread = threading.Thread(target=work_for, args=(job, line), daemon=True)
        thread.start()
        return line, thread

    yield begin
    for line in lines:
        line.said.put(None)


@pytest.fixture
def done(begun):
    """Do a job; return all that was sent."""

    def do(job, line=None):
        line, thread = begun(job, line)
        thread.join(PATIENCE)
        assert not thread.is_alive()
        return line.sent

    return do


def test_progress_results_and_the_end_are_sent(done):
    source = Poses()
    sent = done(Job(source))
    assert isinstance(sent[0], Preparing)
    assert isinstance(sent[-2], Update)
    assert not sent[-2].simulated
    assert sent[-1] == Ended(None, "done")
    assert source.closed


def test_simulated_time_is_the_time_of_sending(done):
    update = [m for m in done(Job(Poses(simulated=True))) if isinstance(m, Update)][-1]
    assert update.simulated
    assert update.captured_at == update.sent_at


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        (Job(None, InputError("camera left: unplugged")), UNPLUGGED),
        (Job(None, KeyError("left")), Notice("could_not_start", {"problem": "'left'"})),
        (
            Job(Poses(fault=InputError("left: cut off"))),
            Notice("input_error", {"problem": "left: cut off"}),
        ),
        (Job(Poses(fault=ValueError("no"))), Notice("tracking_failed", {"problem": "no"})),
    ],
)
def test_what_goes_wrong_is_the_last_message(done, job, problem):
    assert done(job)[-1] == Ended(problem)


def test_a_window_that_was_closed_ends_the_work_without_a_fault(begun, done):
    line, thread = begun(Job(PacedSource(Recorded())))
    wait_until(lambda: line.count(Ready) == 1)
    line.said.put(None)  # nobody answers any more
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert (line.count(Update), line.sent[-1].problem) == (0, None)
    for gone in (Update, Ended):
        assert not [m for m in done(Job(Poses()), Line(gone)) if isinstance(m, gone)]


def test_a_recording_is_opened_anew_when_the_window_asks_for_its_start(begun):
    job = Job(PacedSource(Recorded()))
    line, thread = begun(job)
    wait_until(lambda: line.count(Ready) == 1)
    line.say("play")
    wait_until(lambda: line.count(Update) > 0)
    line.say("restart")
    wait_until(lambda: line.count(Ready) == 2)
    assert job.opened == 2
    line.say("quit")
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert line.count(Ended) == 1


def test_a_pause_within_the_pace_costs_its_own_time_and_no_more():
    """What is left of the wait for the next frame set is waited for afterwards."""
    source, times = PacedSource(Recorded()), []
    began = time.monotonic()
    threading.Timer(0.5 * STEP, source.playback.obey, [Command("pause")]).start()
    threading.Timer(10.5 * STEP, source.playback.obey, [Command("pause")]).start()
    for _ in source:
        times.append(time.monotonic() - began)
    assert len(times) == 5
    assert times[-1] > 4 * STEP + 9 * STEP


# the window's end


@pytest.fixture
def feed():
    """A feed of no process."""
    feed = ProcessFeed.__new__(ProcessFeed)
    feed.progressed, feed.progress, feed.ended = threading.Condition(), [], None
    return feed


def test_a_step_of_the_preparation_is_waited_for(feed):
    assert not feed.said_of_progress("files", 0.01)
    feed.progress.append("files")
    assert feed.said_of_progress("files", 0.01)
    feed.ended = Ended(UNPLUGGED)
    began = time.monotonic()
    assert not feed.said_of_progress("cameras", PATIENCE)
    assert time.monotonic() - began < PATIENCE / 2


def test_a_command_to_a_process_that_has_ended_is_dropped(feed):
    tried = []

    def send(command):
        tried.append(command)
        raise BrokenPipeError

    feed.connection = SimpleNamespace(send=send)
    feed.send(Command("play"))
    assert tried == [Command("play")]


def test_how_the_process_ended_is_reported(feed):
    console = Console(record=True, width=200, quiet=False)
    with console.capture() as said:
        report_end(feed, console)
    assert "Research use only" in said.get()
    feed.ended = Ended(UNPLUGGED)
    with pytest.raises(InputError, match="camera left: unplugged"):
        report_end(feed, console)
