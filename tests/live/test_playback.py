"""Recordings that wait for the window, pause and play again; simulated time that stands still."""

import threading
import time

import pytest

from nav.core.frameset import FrameSet
from nav.live import playback
from nav.live.messages import Command
from nav.live.playback import PacedSource, Playback, SimulatedTime

STEP = 0.02  # s between two frame sets


class Recording:
    """Five frame sets, the last two of which may have to be waited for."""

    def __init__(self):
        self.more = threading.Event()
        self.more.set()

    def __len__(self):
        return 5

    def __iter__(self):
        for k in range(5):
            if k == 3:
                self.more.wait(20.0)
            yield FrameSet(k, k * STEP, {})

    def close(self):
        pass


@pytest.fixture
def taken():
    return []


@pytest.fixture
def recording():
    return Recording()


@pytest.fixture
def source(recording, taken):
    """A recording with a window; a thread takes its frame sets."""
    source = PacedSource(recording)
    source.playback.hold()

    def take():
        taken.extend(frames.number for frames in source)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield source
    source.playback.obey(Command("quit"))
    thread.join(10.0)
    assert not thread.is_alive()


def until(condition) -> None:
    end = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_it_begins_when_the_window_says_so_and_stays_at_its_end(source, taken):
    time.sleep(5 * STEP)
    assert taken == []
    assert source.playback.standstill() is None
    source.playback.obey(Command("play"))
    until(lambda: len(taken) == 5)
    until(lambda: source.playback.standstill() is not None)
    assert source.playback.standstill().why == "over"
    source.playback.obey(Command("pause"))
    assert source.playback.standstill().why == "over"
    assert taken == [0, 1, 2, 3, 4]


def test_paused_it_hands_out_nothing_and_goes_on_where_it_was(recording, source, taken):
    recording.more.clear()
    source.playback.obey(Command("play"))
    until(lambda: len(taken) == 3)
    source.playback.obey(Command("pause"))
    recording.more.set()
    assert source.playback.standstill().why == "paused"
    time.sleep(5 * STEP)
    assert taken == [0, 1, 2]
    source.playback.obey(Command("pause"))
    until(lambda: len(taken) == 5)
    assert taken == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("paused", [False, True])
def test_restart_ends_this_pass_and_wants_another(source, paused):
    source.playback.obey(Command("play"))
    if paused:
        source.playback.obey(Command("pause"))
    source.playback.obey(Command("restart"))
    until(lambda: source.playback.stops)
    assert source.playback.rewind()
    assert source.playback.playing
    assert not source.playback.rewind()


def test_quit_ends_it_for_good():
    wanted = Playback()
    wanted.obey(Command("restart"))
    wanted.obey(Command("quit"))
    assert wanted.stops
    assert not wanted.rewind()


def test_without_a_window_it_plays_and_ends():
    assert len(list(PacedSource(Recording()))) == 5


def test_simulated_time_stands_still_unless_the_simulation_hangs():
    simulated = SimulatedTime(iter([FrameSet(0, 0.0, {}), FrameSet(1, 0.03, {})]))
    assert simulated.standstill() is None
    frames = iter(simulated)
    next(frames)
    assert simulated.standstill().why == "simulated"
    simulated.since = time.monotonic() - playback.LONGEST_STEP - 1.0
    assert simulated.standstill() is None  # it hangs
    next(frames)
    assert simulated.standstill().why == "simulated"
