"""A live use is recorded while it happens; whatever happens to the disk, tracking goes on."""

import errno
import os
import signal
import sys
import tempfile
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from nav.core.frameset import Frame, FrameSet
from nav.core.notice import Notice
from nav.live.messages import Command
from nav.record.session import recorder_health, session_recorder
from nav.record.session.picture_recorder import PictureRecorder
from nav.record.session.session_about import SessionClock, about_session
from nav.record.session.session_reader import open_session
from nav.record.session.session_recorder import SessionRecorder
from nav.record.session.session_writer import SessionWriter
from nav.record.session.whole_blocks import WholeBlocks
from tests.live.test_session import POSITIONS, Work
from tests.record.test_session_format import bits

PATIENCE = 20.0  # s
SHAPE = (48, 64)


class Use:
    """A session that is recorded, and the hand before it."""

    def __init__(self, folder, pictures=None, clock=None, told=lambda: ()):
        self.work, self.frames, self.folder = Work(), [], folder
        about = about_session("cameras", clock=clock)
        self.writer = SessionWriter(folder, about)
        self.recorder = SessionRecorder(
            self.work.session, self.writer, pictures, told=told, reserve=0
        )

    def step(self, at=(0.0, 0.0, 50.0), images=None):
        self.work.hand.at = np.array(at)
        tracked = self.work.hand.track(len(self.frames))
        tracked = replace(tracked, captured_at=time.monotonic(), images=images)
        state = self.work.session.step(tracked)
        began = time.monotonic()
        self.recorder.frame(tracked, state)
        self.frames.append(tracked.without_images())
        return time.monotonic() - began

    def ask(self, kind, argument=""):
        command = Command(kind, argument)
        if kind != "mark":
            self.work.session.command(command)
        self.recorder.command(command, self.work.session)

    def codes(self):
        return [notice.code for notice in self.recorder.notices]

    def wait_for(self, true):
        until = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < until
            self.step()
            time.sleep(0.02)

    def read(self):
        self.recorder.close()
        reader = open_session(self.folder)
        assert [bits(f) for f in reader.frames()] == [bits(f) for f in self.frames]
        return reader, [(event.kind, event.code) for event in reader.events()]


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, SHAPE).astype(np.uint8)


def test_everything_is_recorded_in_order(tmp_path):
    use = Use(tmp_path / "s")
    use.step()
    for label in POSITIONS:
        use.ask("capture")
        for _ in range(8):
            use.step(use.work.positions[label])
    use.ask("mark", "skin")
    use.step()
    assert use.codes() == ["recording", "mark_set"]
    reader, events = use.read()
    assert (reader.cut, reader.damage) == (None, [])
    assert events.count(("touch", "touched")) == 4
    assert ("registration", "made") in events
    assert "registration-1.toml" in reader.attachments
    marks = [event for event in reader.events() if event.kind == "mark"]
    assert [dict(mark.facts) for mark in marks] == [{"text": "skin", "mark": 1}]
    assert events[-1] == ("ended", "")
    assert reader.counts["/guidance"] == len(use.frames)


def test_a_registration_is_recorded_where_there_is_no_room_for_temporary_files(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    use = Use(tmp_path / "s")
    use.step()
    for label in POSITIONS:
        use.ask("capture")
        for _ in range(8):
            use.step(use.work.positions[label])
    use.step()
    assert use.codes() == ["recording"]
    reader, events = use.read()
    assert "registration-1.toml" in reader.attachments
    assert events[-1] == ("ended", "")


def test_what_is_on_the_disk_is_never_older_than_a_quarter_of_a_second(tmp_path):
    use = Use(tmp_path / "s")
    late = []
    for _ in range(60):
        use.step()
        time.sleep(0.02)
        frames = list(open_session(tmp_path / "s").frames())
        newest = frames[-1].captured_at if frames else use.writer.clock.monotonic
        late.append(time.monotonic() - newest)
    use.recorder.close()
    assert np.median(late) < 0.25


def test_a_full_disk_stops_nothing_and_nothing_is_lost_once_there_is_room(tmp_path, monkeypatch):
    use, flush = Use(tmp_path / "s"), WholeBlocks.flush
    use.step()

    def full(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(WholeBlocks, "flush", full)
    use.wait_for(lambda: "not_recording" in use.codes())
    reason = use.recorder.notices[0].facts["reason"]
    assert reason == Notice("disk_problem", {"problem": "No space left on device"})
    monkeypatch.setattr(WholeBlocks, "flush", flush)
    use.wait_for(lambda: "recording" in use.codes())
    reader, events = use.read()
    assert reader.cut is None
    assert ("recorder", "disk_problem") in events


def test_a_disk_that_stays_full_ends_the_record_and_not_the_use(tmp_path, monkeypatch):
    use = Use(tmp_path / "s")
    use.step()
    time.sleep(0.4)

    def full(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(WholeBlocks, "flush", full)
    monkeypatch.setattr(session_recorder, "MOST_PENDING", 2000)
    use.wait_for(lambda: use.recorder._given_up)
    for _ in range(50):
        assert use.step() < 1.0
    assert use.codes()[0] == "not_recording"
    monkeypatch.undo()
    use.recorder.close()
    reader = open_session(tmp_path / "s")
    assert reader.cut is not None
    assert next(reader.frames()).number == 0


def test_a_disk_that_stands_still_holds_up_nothing(tmp_path, monkeypatch):
    use, flush, go_on = Use(tmp_path / "s"), WholeBlocks.flush, threading.Event()

    def slow(self):
        go_on.wait(PATIENCE)
        flush(self)

    monkeypatch.setattr(WholeBlocks, "flush", slow)
    took = []
    until = time.monotonic() + 1.6
    while time.monotonic() < until:
        took.append(use.step())
        time.sleep(0.02)
    assert "recorder_late" in use.codes()
    assert np.median(took) < 0.02
    go_on.set()
    use.wait_for(lambda: "recorder_late" not in use.codes())
    _, events = use.read()
    assert ("recorder", "recorder_late") in events


def test_results_and_events_that_find_no_room_are_counted_and_told(tmp_path, monkeypatch):
    use, flush, go_on = Use(tmp_path / "s"), WholeBlocks.flush, threading.Event()

    def slow(self):
        go_on.wait(PATIENCE)
        flush(self)

    monkeypatch.setattr(WholeBlocks, "flush", slow)
    monkeypatch.setattr(session_recorder, "MOST_WAITING", 4)
    for _ in range(30):
        use.step()
        use.ask("mark", "here")
        time.sleep(0.01)
    asked = use.recorder.marks
    use.wait_for(lambda: {"results_dropped", "events_dropped"} <= set(use.codes()))
    go_on.set()
    monkeypatch.undo()
    use.recorder.close()
    reader = open_session(use.folder)
    dropped = {
        code: sum(e.facts["count"] for e in reader.events() if e.code == f"{code}_dropped")
        for code in ("results", "events")
    }
    assert dropped["results"] == len(use.frames) - reader.counts["/frame"] > 0
    marks = sum(event.kind == "mark" for event in reader.events())
    assert asked == 30
    assert dropped["events"] >= asked - marks > 0


def test_a_folder_that_vanishes_is_told(tmp_path):
    use = Use(tmp_path / "s")
    use.step()
    (tmp_path / "s" / "session.mcap").unlink()
    use.wait_for(lambda: use.codes()[0] == "not_recording")
    assert use.recorder.notices[0].facts["reason"].code == "session_folder_gone"
    use.recorder.close()


def test_a_clock_that_jumps_is_told_and_changes_no_time(tmp_path, monkeypatch):
    use, now = Use(tmp_path / "s"), time.time_ns
    use.step()
    monkeypatch.setattr(recorder_health.time, "time_ns", lambda: now() + 3600 * 10**9)
    use.wait_for(lambda: "clock_set" in use.codes())
    monkeypatch.undo()
    reader, events = use.read()
    assert ("recorder", "clock_set") in events
    jumps = [event for event in reader.events() if event.code == "clock_set"]
    assert jumps[0].facts["seconds"] == pytest.approx(3600.0, abs=0.5)
    assert reader.duration < 600.0


def test_a_fault_of_the_recorder_is_told_and_raises_nothing(tmp_path):
    use = Use(tmp_path / "s")
    use.step()
    use.recorder.found = None
    use.step()
    use.ask("mark")
    assert use.codes()[0] == "not_recording"
    assert use.recorder.notices[0].facts["reason"].code == "recorder_failed"
    use.recorder.close()


def test_an_event_that_cannot_be_written_costs_only_itself(tmp_path, monkeypatch):
    use = Use(tmp_path / "s")
    use.step()
    write = use.writer.event

    def refuses(kind, *rest, **more):
        if kind == "mark":
            raise ValueError("no such mark")
        return write(kind, *rest, **more)

    monkeypatch.setattr(use.writer, "event", refuses)
    use.ask("mark", "skin")
    use.wait_for(lambda: "events_dropped" in use.codes())
    assert use.codes()[0] == "recording"
    for _ in range(5):
        use.step()
    _, events = use.read()
    assert ("recorder", "events_dropped") in events
    assert events[-1] == ("ended", "")


def test_a_recorder_that_can_write_nothing_says_so(tmp_path, monkeypatch):
    use = Use(tmp_path / "s")
    monkeypatch.setattr(use.writer, "frame", None)
    use.wait_for(lambda: use.codes()[0] == "not_recording")
    assert use.recorder.notices[0].facts["reason"].code == "recorder_failed"
    use.recorder.close()


def test_what_the_work_tells_is_recorded_but_not_what_the_recorder_says(tmp_path):
    slow = Notice("camera_slow", {"camera": "left", "rate": 7.0})
    use = Use(tmp_path / "s", told=lambda: (slow, *use.recorder.notices))
    for _ in range(3):
        use.step()
    _, events = use.read()
    assert [code for kind, code in events if kind == "notice"] == ["camera_slow"]


def images_of(number, clock):
    at = time.monotonic()
    frames = {name: Frame(name, at, picture(2 * number + k)) for k, name in enumerate("lr")}
    return FrameSet(number, at, frames)


@pytest.fixture
def with_pictures(tmp_path):
    clock = SessionClock.now()
    folder = tmp_path / "s"
    folder.mkdir()
    pictures = PictureRecorder(
        folder, about_session("cameras", clock=clock), ["l", "r"], 64 * 48, True, clock, 0
    )
    return Use(folder, pictures, clock), clock


def test_the_pictures_of_frames_are_recorded_with_their_times(with_pictures):
    use, clock = with_pictures
    sets = []
    for number in range(12):
        sets.append(images_of(number, clock))
        use.step(images=sets[-1])
        time.sleep(0.01)
    use.recorder.close()
    reader = open_session(use.folder)
    found = {(p.camera, p.log_time): p.image() for p in reader.pictures()}
    wanted = {(n, clock.ns(f.time)): f.image for s in sets for n, f in s.frames.items()}
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[key], wanted[key]) for key in wanted)
    messages = [message.data["pictures"] for message in reader.messages("/frame")]
    assert messages == [{n: f.time for n, f in s.frames.items()} for s in sets]
    assert reader.about["source"] == "cameras"


def test_pictures_stop_and_poses_go_on_where_their_process_ends(with_pictures):
    use, clock = with_pictures
    use.step(images=images_of(0, clock))
    os.kill(use.recorder.pictures._process.pid, signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    while "pictures_stopped" not in use.codes():
        assert time.monotonic() < until
        use.step(images=images_of(1, clock))
        time.sleep(0.02)
    assert use.codes()[0] == "recording"
    _, events = use.read()
    assert ("recorder", "pictures_stopped") in events
    assert ("recorder", "pictures_dropped") in events


def test_more_pictures_than_can_be_written_are_dropped_and_counted(with_pictures):
    use, clock = with_pictures
    process, recorder = use.recorder.pictures._process, use.recorder
    os.kill(process.pid, signal.SIGSTOP)
    try:
        for number in range(100):
            assert use.step(images=images_of(number, clock)) < 1.0
        use.wait_for(lambda: "pictures_dropped" in use.codes())
    finally:
        os.kill(process.pid, signal.SIGCONT)
    reader, events = use.read()
    assert ("recorder", "pictures_dropped") in events
    dropped = sum(e.facts["count"] for e in reader.events() if e.code == "pictures_dropped")
    assert dropped == recorder.pictures.dropped.total() > 0
    assert len(list(reader.pictures())) == 200 - dropped


def test_a_disk_nearly_full_keeps_its_rest_for_the_poses(tmp_path):
    clock = SessionClock.now()
    use_folder = tmp_path / "s"
    use_folder.mkdir()
    pictures = PictureRecorder(
        use_folder, about_session("cameras", clock=clock), ["l", "r"], 64 * 48, False, clock, 2**62
    )
    use = Use(use_folder, pictures, clock)
    until = time.monotonic() + PATIENCE
    while "pictures_stopped" not in use.codes():
        assert time.monotonic() < until
        use.step(images=images_of(1, clock))
        time.sleep(0.02)
    _, events = use.read()
    assert ("recorder", "pictures_stopped") in events


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_the_process_of_the_pictures_stands_behind_tracking(with_pictures):
    use, clock = with_pictures
    process = use.recorder.pictures._process.pid
    use.step(images=images_of(0, clock))
    use.wait_for(lambda: use.recorder.pictures.kept.total() == 2)
    threads = os.listdir(f"/proc/{process}/task")
    # writing, and behind it encoding
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert {os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in threads} == {
        min(19, before + 10),
        19,
    }
    # a session of its own would have its own share of the processors, whatever its priority
    assert os.getsid(process) == os.getsid(0)
    assert os.getpgid(process) == process  # not reached by the terminal's Ctrl-C
    use.recorder.close()
