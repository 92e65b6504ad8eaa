"""Several webcams at once: frame sets of one instant, cameras that are missing, never waited for.

The clock stands still unless the test moves it.
"""

import itertools
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from nav.camera.live_source import LiveSource
from nav.core.errors import InputError
from nav.core.frameset import FrameSet
from nav.core.notice import Notice
from tests.camera.scripted_webcam import PATIENCE, RIG, Clock, Webcam, eventually
from tests.camera.scripted_webcam import clock as clock


class Pair:
    """A rig of two made-up webcams."""

    def __init__(self, clock: Clock, skew: float | None = None) -> None:
        self.clock = clock
        self.webcams = {"left": Webcam(), "right": Webcam()}
        for webcam in self.webcams.values():
            webcam.send()
        self.source = LiveSource(
            RIG,
            {"left": 0, "right": 1},
            skew,
            capture=lambda index: list(self.webcams.values())[index](index),
            clock=clock,
            first_picture=PATIENCE,
        )

    def deliver(self, **at: float) -> None:
        """One image from each named camera, at that many ms, in order of time."""
        start = self.clock.now
        for name, ms in sorted(at.items(), key=lambda item: item[1]):
            self.clock.now = start + ms / 1000
            self.webcams[name].deliver()

    def poll(self) -> FrameSet | None:
        return self.source.poll()


@pytest.fixture
def pair(clock: Clock) -> Iterator[Pair]:
    pair = Pair(clock)
    yield pair
    for webcam in pair.webcams.values():
        webcam.plugged = False
    pair.source.close()


def given(frames: FrameSet | None) -> dict[str, float]:
    assert frames is not None
    return {name: frame.time for name, frame in frames.frames.items()}


def test_pictures_of_one_instant_come_together_and_only_once(pair, clock):
    assert set(given(pair.poll())) == {"left", "right"}
    assert pair.poll() is None
    pair.deliver(left=30)
    assert pair.poll() is None  # waits for the right one
    pair.deliver(right=4)
    frames = pair.poll()
    assert given(frames) == pytest.approx({"left": 100.030, "right": 100.034})
    assert frames.time == pytest.approx(100.032)
    assert (frames.number, dict(frames.missing)) == (1, {})
    assert pair.poll() is None


def test_pictures_too_far_apart_wait_for_the_next(pair, clock):
    pair.poll()
    pair.deliver(left=10, right=30)  # 20 ms apart, more than half of 33
    assert pair.poll() is None
    pair.deliver(left=13)
    assert given(pair.poll()) == pytest.approx({"left": 100.043, "right": 100.030})


def test_the_skew_can_be_said(clock):
    pair = Pair(clock, skew=0.025)
    pair.poll()
    pair.deliver(left=10, right=30)
    assert set(given(pair.poll())) == {"left", "right"}
    pair.source.close()


@pytest.mark.parametrize("phase", [0, 5, 12, 16, 17, 20, 28, 33])
def test_free_running_cameras_of_one_rate_keep_their_rate_at_any_phase(clock, phase):
    pair = Pair(clock)
    pair.poll()
    start, sets = clock.now, []
    ticks = [(k * 33.333, "left") for k in range(1, 31)]
    ticks += [(k * 33.333 + phase, "right") for k in range(1, 31)]
    for ms, name in sorted(ticks):
        clock.now = start + ms / 1000
        pair.webcams[name].deliver()
        frames = pair.poll()
        if frames is not None:
            sets.append(given(frames))
    assert len(sets) >= 29
    assert all(len(s) == 2 and abs(s["left"] - s["right"]) <= 0.0184 for s in sets)
    for name in ("left", "right"):
        used = [s[name] for s in sets]
        assert len(set(used)) == len(used)
    pair.source.close()


def test_a_lost_camera_is_missing_with_its_reason_and_the_other_goes_on_at_its_rate(pair, clock):
    pair.poll()
    pair.webcams["right"].plugged = False
    seen = []
    for _ in range(6):
        pair.deliver(left=30)
        frames = pair.poll()
        seen.append(None if frames is None else dict(frames.missing))
    assert seen[:3] == [None, None, {"right": seen[2]["right"]}]
    assert all(s and s["right"].code == "camera_silent" for s in seen[3:])


def test_frame_sets_come_within_a_tenth_of_a_second_even_with_all_cameras_lost(pair, clock):
    pair.poll()
    for webcam in pair.webcams.values():
        webcam.plugged = False
    given_at = [clock.now]
    while clock.now < 101.0:
        clock.now += 0.005
        frames = pair.poll()
        if frames is not None:
            assert dict(frames.frames) == {}
            assert set(frames.missing) == {"left", "right"}
            assert frames.time == clock.now
            given_at.append(clock.now)
    assert max(np.diff(given_at)) <= 0.1
    for webcam in pair.webcams.values():
        webcam.plugged = True
        webcam.deliver()
    assert set(given(pair.poll())) == {"left", "right"}


def test_a_partner_that_never_comes_in_time_is_missing(clock):
    pair = Pair(clock, skew=0.001)
    pair.poll()
    for _ in range(3):
        pair.deliver(left=10, right=30)
        if (frames := pair.poll()) is not None:
            break
    assert list(given(frames)) == ["right"]
    assert frames.missing == {"left": Notice("camera_late", {"camera": "left"})}
    pair.source.close()


def test_times_never_go_backwards(pair, clock):
    """A image grabbed before an empty frame set may be decoded only after it."""
    pair.poll()
    clock.now += 0.5
    for webcam in pair.webcams.values():
        webcam.decoding = threading.Event()
        read = webcam.read
        webcam.send()
        webcam.wait_until(lambda w=webcam, before=read: w.read > before)
    grabbed = clock.now
    clock.now += 0.02
    empty = pair.poll()
    assert not empty.frames
    for webcam in pair.webcams.values():
        webcam.decoding.set()
        webcam.wait_until(lambda w=webcam: w.done >= w.sent)
    frames = pair.poll()
    assert given(frames) == {"left": grabbed, "right": grabbed}
    assert frames.time == empty.time == clock.now
    assert frames.read_seconds == pytest.approx(0.02)


def test_a_rig_with_a_camera_that_does_not_open_is_refused():
    left, absent = Webcam(), Webcam()
    left.send()
    absent.plugged = False
    with pytest.raises(InputError, match="camera right: device 7 cannot be opened: "):
        LiveSource(RIG, {"left": 0, "right": 7}, capture=lambda i: (absent if i else left)(i))


def test_a_camera_without_a_first_picture_is_refused():
    with pytest.raises(InputError, match=r"camera left: device 0: no image in 0\.05 s"):
        LiveSource(RIG, {"left": 0, "right": 1}, capture=Webcam(), first_picture=0.05)


def test_iterating_goes_on_with_lost_cameras_until_closed():
    """With the true clock: pictures, then nothing but reasons, then images again."""
    webcams = {0: Webcam(), 1: Webcam()}
    feeding, ended = threading.Event(), threading.Event()
    feeding.set()

    def feed() -> None:
        while not ended.is_set():
            if feeding.is_set():
                for webcam in webcams.values():
                    webcam.send()
            time.sleep(0.01)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    source = LiveSource(RIG, {"left": 0, "right": 1}, capture=lambda i: webcams[i](i))
    sets = iter(source)
    try:
        assert any(len(s.frames) == 2 for s in itertools.islice(sets, 1000))
        feeding.clear()
        assert any(len(s.missing) == 2 for s in itertools.islice(sets, 1000))
        feeding.set()
        assert any(len(s.frames) == 2 for s in itertools.islice(sets, 1000))
        source.close()
        assert list(sets) == []
    finally:
        ended.set()
        source.close()
    eventually(lambda: not [t for t in threading.enumerate() if t.name == "camera left"])
