"""The window against real tracking processes that end, fail, are killed or stopped."""

import os
import signal
import time

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.core.frames import Pose
from nav.core.notice import Notice
from nav.live.feed import ProcessFeed
from nav.live.messages import Command, Ended, Update
from nav.registration.registration_result import Registration
from nav.tracking.tool import load_tool
from nav.view.live_window import LiveWindow
from tests.live.looping import LoopingJob, sphere_case, write_recording
from tests.view.window_scripts import FakeFeed

START = 180.0  # s; a busy machine loads slowly


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three small frame sets of one needle and one reference body."""
    out = tmp_path_factory.mktemp("twin") / "pictures"
    write_recording(out, frames=3, seed=5)
    return out


@pytest.fixture(scope="module")
def registration():
    return Registration(Pose(RigidTransform.identity(), np.eye(6) * 1e-6), 0.1, np.zeros(4))


def started(job):
    feed = ProcessFeed(job)
    assert isinstance(feed.first(START), Update)
    return feed


@pytest.fixture(scope="module")
def shared_feed(folder, registration):
    """One process for all tests that do not end it: to start one takes seconds."""
    feed = started(LoopingJob(folder, registration, seconds=600.0))
    yield feed
    os.kill(feed.process.pid, signal.SIGCONT)
    feed.close()


@pytest.fixture
def feed(shared_feed):
    os.kill(shared_feed.process.pid, signal.SIGCONT)
    yield shared_feed
    os.kill(shared_feed.process.pid, signal.SIGSTOP)  # it would go on tracking as fast as it can


@pytest.fixture
def mortal(folder, registration):
    """A process of the test's own."""
    feed = started(LoopingJob(folder, registration))
    yield feed
    feed.close()


@pytest.fixture
def show(qtbot, folder):
    """Opens a window on a process and waits for its first numbers."""

    def open_window(feed):
        window = LiveWindow(sphere_case(), feed, load_tool(folder / "needle.toml"))
        qtbot.addWidget(window, before_close_func=leave_running)
        window.resize(1280, 800)
        window.show()
        qtbot.waitUntil(lambda: window.state.live, timeout=150_000)
        return window

    return open_window


@pytest.fixture
def window(show, feed):
    return show(feed)


def leave_running(window):
    """Take the process away from a window that would end it when it is closed."""
    window.feed = FakeFeed()


def wait_blank(qtbot, window, event):
    """Seconds from the event until no number is shown any more."""
    began = time.monotonic()
    event()
    qtbot.waitUntil(lambda: not window.state.live, timeout=150_000)
    return time.monotonic() - began


def test_numbers_are_shown_while_the_process_runs(qtbot, window):
    # a busy machine may blank it in between
    qtbot.waitUntil(lambda: window.state.gauges["artery"].value != "", timeout=150_000)
    assert window.state.live
    assert window.state.gauges["cord"].value


def test_a_killed_process_blanks_the_window_and_is_said(qtbot, show, mortal):
    window = show(mortal)
    wait_blank(qtbot, window, lambda: os.kill(mortal.process.pid, signal.SIGKILL))
    assert not window.state.gauges["artery"].value
    assert not window.state.gauges["cord"].value
    assert window.state.banner


def test_a_stopped_process_blanks_the_window_and_is_said(qtbot, window, feed):
    # stopped, not ended: only the age of its last word tells
    wait_blank(qtbot, window, lambda: os.kill(feed.process.pid, signal.SIGSTOP))
    assert feed.alive()
    assert not window.state.gauges["artery"].value
    assert window.state.banner


def test_a_process_stopped_in_the_middle_of_a_message_never_holds_up_the_window(feed):
    # messages are larger than a pipe holds, so many of these stops cut one in two
    for delay in np.linspace(0.0, 0.1, 12):
        time.sleep(delay)
        os.kill(feed.process.pid, signal.SIGSTOP)
        for _ in range(3):
            feed.newest()
            time.sleep(0.01)
        os.kill(feed.process.pid, signal.SIGCONT)
    assert isinstance(_next(feed), Update)


def test_a_process_that_goes_on_after_a_stop_is_shown_again(qtbot, window, feed):
    wait_blank(qtbot, window, lambda: os.kill(feed.process.pid, signal.SIGSTOP))
    os.kill(feed.process.pid, signal.SIGCONT)
    qtbot.waitUntil(lambda: window.state.gauges["artery"].value != "", timeout=150_000)
    assert window.state.live


def test_a_fault_inside_tracking_is_told(folder, registration):
    feed = ProcessFeed(LoopingJob(folder, registration, fail_after=2))
    ended = _ended(feed)
    feed.close()
    assert ended.problem.code == "tracking_failed"
    assert "a fault inside tracking" in ended.problem.facts["problem"]


def test_bad_input_in_the_process_is_its_one_line(folder, registration):
    feed = ProcessFeed(LoopingJob(folder, registration, problem="camera left: unplugged"))
    first = feed.first(START)
    feed.close()
    assert first == Ended(Notice("input_error", {"problem": "camera left: unplugged"}))


def test_quit_ends_the_process_and_its_result_comes_back(mortal):
    mortal.send(Command("quit"))
    ended = _ended(mortal)
    assert ended.problem is None
    assert len(ended.result) > 0


def test_samples_of_skipped_updates_are_not_lost(feed):
    feed.newest()
    until = time.monotonic() + START
    while len(feed.samples) < 3:  # a window that does not look
        assert time.monotonic() < until
        time.sleep(0.02)
    update = feed.newest()
    assert isinstance(update, Update)
    times = [sample.at for sample in update.samples]
    assert len(times) > 1
    assert times == sorted(times)
    assert update.guidance.number + 1 >= len(times)


def _next(feed, kind=(Update, Ended)):
    until = time.monotonic() + START
    while time.monotonic() < until:
        message = feed.newest()
        if isinstance(message, kind):
            return message
        time.sleep(0.02)
    raise AssertionError("no such message came")


def _ended(feed):
    return _next(feed, Ended)
