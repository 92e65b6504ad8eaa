"""Sessions on bad disks, under clocks that jump, and written by several programs.

Nothing is overwritten, nothing that was written is lost, and what goes wrong is one line.
"""

import resource
import shutil
import signal
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from nav import cli
from nav.core.errors import InputError
from nav.record.session import picture_recorder, session_about, whole_blocks
from nav.record.session.session_about import SessionClock, about_session, new_session_folder
from nav.record.session.session_format import EVENT
from nav.record.session.session_reader import open_session
from nav.record.session.session_writer import SessionWriter
from tests.record.example_session import (
    START,
    ExampleUse,
    example_files,
    write_example_session,
)
from tests.record.test_bad_sessions import one_line
from tests.record.test_session_format import bits


def test_of_several_programs_that_write_one_session_one_does(tmp_path):
    about, told = about_session("poses"), []
    ready = threading.Barrier(6)

    def write() -> None:
        ready.wait()
        try:
            told.append(SessionWriter(tmp_path / "s", about))
        except InputError as error:
            told.append(one_line(error))

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writers = [one for one in told if isinstance(one, SessionWriter)]
    assert len(writers) == 1
    assert all("never overwritten" in one for one in told if isinstance(one, str))
    writers[0].close()
    assert open_session(tmp_path / "s").cut is None


@pytest.fixture
def used(tmp_path):
    """A session that is being written, and the simulated use that writes it."""
    writer = SessionWriter(
        new_session_folder(tmp_path, "live", START),
        about_session("poses", clock=START),
        example_files(tmp_path / "files"),
    )
    yield writer, ExampleUse(writer, tmp_path / "files")
    if not writer.file.closed:
        writer.file.close()


def move(use: ExampleUse, frames: int) -> None:
    for k in range(frames):
        use.step(np.array([0.0, 0.0, 50.0 + 0.1 * k]))


@contextmanager
def largest_file(size):
    """Files may not become larger, as on a disk that is nearly full."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)


def test_a_disk_that_is_full_in_the_middle_of_a_block_loses_nothing_afterwards(used):
    """The system's own limit, so that the last write is a short one."""
    writer, use = used
    move(use, 16)
    size = writer.file.whole
    with largest_file(size + 1000):
        for number in range(7):
            use.step(np.array([0.0, 0.0, 60.0 + number]))
        with pytest.raises(OSError, match="too large"):
            writer.flush()
        assert (writer.folder / "session.mcap").stat().st_size == size
        assert len(list(open_session(writer.folder).frames())) == 16
    writer.flush()
    frames = list(open_session(writer.folder).frames())
    assert [bits(frame) for frame in frames] == [bits(frame) for frame in use.frames]


def test_a_disk_that_is_gone_for_a_while_loses_nothing(used, monkeypatch):
    writer, use = used
    move(use, 8)

    def gone(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(whole_blocks.os, "write", gone)
        for number in range(5):
            use.step(np.array([0.0, 0.0, 60.0 + number]))
            with pytest.raises(OSError, match="Input/output"):
                writer.flush()
    writer.close(at=use.frames[-1].captured_at)
    reader = open_session(writer.folder)
    assert reader.cut is None
    assert [bits(f) for f in reader.frames()] == [bits(f) for f in use.frames]


@pytest.mark.parametrize(
    "command",
    [
        "session export SESSION --output OUT.csv",
        "session export SESSION --output OUT.xlsx",
        "session export SESSION --output OUT.igs.mha",
        "session export SESSION --output OUT.xml",
        "session export SESSION --output OUT --format rosbag2",
        "session report SESSION --output OUT.html",
        "session repair SESSION",
        "session repair SESSION --output OUT",
        "session rename SESSION --code other",
    ],
)
def test_a_disk_that_becomes_full_is_named_as_that_and_nothing_is_lost(tmp_path, capsys, command):
    folder = write_example_session(tmp_path, ended="repair" not in command)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    words = command.replace("SESSION", str(folder)).replace("OUT", str(tmp_path / "out")).split()
    with largest_file(4096), pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("nav: ")]
    assert "cannot be written: " in line
    assert "File too large" in line
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "out").exists()


def test_memory_of_pictures_is_there_before_it_is_written_to(tmp_path, monkeypatch):
    """Else the system ends whoever writes to it: tracking, where /dev/shm is small."""
    monkeypatch.setattr(picture_recorder, "SHARED", tmp_path / "shm")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "disk"))
    for name in ("shm", "disk"):
        (tmp_path / name).mkdir()
    memory, slots = picture_recorder._new_memory(100_000, 64)
    assert (memory.parent.name, slots, memory.stat().st_size) == ("shm", 64, 6_400_000)
    assert memory.stat().st_blocks * 512 >= 6_400_000
    with largest_file(2_000_000):
        memory, slots = picture_recorder._new_memory(100_000, 64)
    assert (memory.parent.name, slots, memory.stat().st_size) == ("shm", 16, 1_600_000)
    before = sorted(tmp_path.rglob("c1c2nav-*"))
    with largest_file(700_000), pytest.raises(InputError, match="no memory for pictures on their"):
        picture_recorder._new_memory(100_000, 64)
    assert sorted(tmp_path.rglob("c1c2nav-*")) == before


def test_a_folder_that_vanishes_while_it_is_read_is_one_line(tmp_path):
    folder = write_example_session(tmp_path, steps=2)
    reader = open_session(folder)
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="no such file") as refused:
        list(reader.frames())
    one_line(refused.value)


@pytest.mark.parametrize("place", ["/proc/none/s", "/dev/null/s", "file/s"])
def test_where_nothing_can_be_written_is_one_line(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    for make in (
        lambda: SessionWriter(Path(place), about_session("poses")),
        lambda: new_session_folder(Path(place), "live", START),
    ):
        with pytest.raises(InputError) as refused:
            make()
        one_line(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert Path("file").read_text() == "mine"


@pytest.mark.parametrize("jump", [-3600.0, 86_400.0])
def test_a_clock_that_jumps_changes_no_time_of_a_session(tmp_path, monkeypatch, jump):
    clock = SessionClock.now()
    writer = SessionWriter(tmp_path / "s", about_session("poses", clock=clock))
    writer.event("mark", facts={"text": "before"})
    real = time.time_ns
    monkeypatch.setattr(session_about.time, "time_ns", lambda: real() + int(jump * 1e9))
    writer.event("mark", facts={"text": "after"})
    writer.close()
    messages = list(open_session(tmp_path / "s").messages(EVENT))
    times = [m.log_time for m in messages]
    assert times == sorted(times)
    assert times[-1] - times[0] < 60e9
    assert all(0 <= m.publish_time - m.log_time < 60e9 for m in messages)


def test_a_session_of_a_clock_that_was_set_back_replaces_none(tmp_path):
    first = new_session_folder(tmp_path, "live", START)
    (first / "session.mcap").write_bytes(b"of before")
    later = [new_session_folder(tmp_path, "live", START) for _ in range(3)]
    assert len({first, *later}) == 4
    assert (first / "session.mcap").read_bytes() == b"of before"
