"""A session is played at any speed, frame by frame, and from anywhere."""

import threading
import time

import numpy as np
import pytest

from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import Command, Preparing, Standstill, Timeline
from nav.record.session_replay.replay_playback import SessionPlayback, SessionSource

STEP = 0.02  # s between two frames
COUNT = 50


class Frames:
    """Frames whose computing the test can hold up."""

    def __init__(self, times):
        self.times, self.free, self.closed = times, threading.Event(), False
        self.free.set()

    def prepare(self, end, going_on):
        while not self.free.wait(0.01):
            if not going_on(0):
                return False
        return True

    def frame(self, index):
        return TrackedFrame(index, self.times[index], {}, captured_at=-1.0)

    def close(self):
        self.closed = True


class Played:
    """A source in a thread; what it gave, and where the work was put before."""

    def __init__(self, times):
        self.frames, self.given, self.jumps = Frames(times), [], []
        timeline = Timeline(times[0], times[-1] - times[0], len(times))
        self.source = SessionSource(self.frames, self.jumps.append, timeline)
        self.playback = self.source.playback
        self.playback.hold()
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self):
        for tracked in self.source:
            self.given.append((tracked.number, time.monotonic()))

    @property
    def numbers(self):
        return [number for number, _ in self.given]

    def ask(self, kind, argument=""):
        self.playback.obey(Command(kind, argument))

    def begin_paused(self):
        """Begin, but show no more than the place that was asked for."""
        with self.playback.changed:  # so that nothing comes in between
            self.ask("play")
            self.ask("pause")

    def until(self, condition):
        end = time.monotonic() + 20.0
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.005)


@pytest.fixture
def play():
    made = []

    def play(times=tuple(5.0 + STEP * k for k in range(COUNT))):
        made.append(Played(times))
        return made[-1]

    yield play
    for each in made:
        each.ask("quit")
        each.thread.join(10.0)
        assert not each.thread.is_alive()


def test_it_waits_for_the_window_then_plays_to_its_end_and_stays(play):
    played = play()
    time.sleep(4 * STEP)
    assert played.given == []
    played.ask("play")
    played.until(lambda: played.playback.over)
    assert played.numbers == list(range(COUNT))
    assert played.jumps == []
    assert played.playback.standstill().why == "over"
    lasted = played.given[-1][1] - played.given[0][1]
    assert lasted >= 0.95 * STEP * (COUNT - 1)


@pytest.mark.parametrize(("speed", "share"), [("5", 0.2), ("0.5", 2.0)])
def test_it_is_as_much_faster_as_it_is_asked_to_be(play, speed, share):
    played = play()
    played.ask("speed", speed)
    played.ask("play")
    played.until(lambda: played.playback.over)
    lasted = played.given[-1][1] - played.given[0][1]
    assert lasted >= 0.95 * share * STEP * (COUNT - 1)
    assert played.numbers == list(range(COUNT))


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast", ""])
def test_a_speed_that_is_none_changes_nothing(play, speed):
    played = play()
    played.ask("speed", speed)
    assert played.playback.speed == 1.0


def test_paused_it_goes_frame_by_frame_both_ways(play):
    played = play()
    played.ask("seek", str(20 * STEP))
    played.begin_paused()
    played.until(lambda: played.numbers[-1:] == [20])
    for way, number in (("1", 21), ("1", 22), ("-1", 21), ("-1", 20)):
        played.ask("step", way)
        played.until(lambda number=number: played.numbers[-1] == number)
    assert played.jumps == [20, 21, 20]  # forwards by one the work is where it was
    time.sleep(5 * STEP)
    assert played.numbers == [20, 21, 22, 21, 20]
    assert played.playback.standstill() == Standstill(
        pytest.approx(time.monotonic(), abs=5.0), "paused"
    )
    played.ask("pause")
    played.until(lambda: played.playback.over)
    assert played.numbers[5:] == list(range(21, COUNT))


def test_from_its_end_it_goes_back_and_plays_on(play):
    played = play()
    played.ask("speed", "50")
    played.ask("play")
    played.until(lambda: played.playback.over)
    played.ask("seek", str(45 * STEP))
    played.until(lambda: played.playback.over and len(played.given) == COUNT + 5)
    played.ask("restart")
    played.until(lambda: played.playback.over and len(played.given) == 2 * COUNT + 5)
    assert played.jumps == [45, 0]
    assert played.numbers[-COUNT:] == list(range(COUNT))


@pytest.mark.parametrize(("seconds", "index"), [("-3", 0), ("0.03", 2), ("1e9", COUNT - 1)])
def test_a_place_beyond_the_ends_is_an_end(play, seconds, index):
    played = play()
    played.ask("seek", seconds)
    played.begin_paused()
    played.until(lambda: played.numbers == [index])


def test_long_computing_tells_its_progress_and_gives_way_to_another_place(play):
    played = play()
    played.frames.free.clear()
    played.begin_paused()
    played.ask("seek", str(30 * STEP))
    played.until(lambda: isinstance(played.playback.standstill(), Preparing))
    assert played.playback.standstill().step.code == "replay_computing"
    played.ask("seek", str(10 * STEP))
    played.until(lambda: played.playback.goal is None)
    played.frames.free.set()
    played.until(lambda: played.numbers[-1:] == [10])
    assert 30 not in played.numbers


def test_a_gap_of_the_recording_is_not_bridged(play):
    played = play((0.0, 0.02, 0.04, 3.0))
    played.ask("play")
    played.until(lambda: isinstance(played.playback.standstill(), Preparing))
    notice = played.playback.standstill().step
    assert (notice.code, notice.facts["seconds"]) == ("replay_gap", pytest.approx(2.96))


def test_frames_come_without_their_old_time_of_capture(play):
    frames = Frames((0.0, 0.1))
    source = SessionSource(frames, lambda index: None, Timeline(0.0, 0.1, 2))
    source.playback.obey(Command("play"))
    assert next(iter(source)).captured_at is None
    source.close()
    assert frames.closed


def test_only_the_end_is_a_command_for_the_work():
    playback = SessionPlayback(np.arange(3.0))
    passed = [k for k in ("capture", "plan", "quit", "seek") if playback.is_for_work(Command(k))]
    assert passed == ["quit"]
