"""What recording costs tracking, in one run: without, in each way, at 30 and 60 /s.

Two 1920 x 1200 cameras' pictures from memory are tracked as fast as they can be, while threads that
stand for the cameras take pictures at their rate, and hand them to the recorder. "camera JPEG":
together with the JPEG of quality 90 that the camera could have sent.
"""

import itertools
import os
import resource
import statistics
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from nav.camera.rig import Rig, load_rig
from nav.core.frameset import Frame
from nav.live.session import Session
from nav.pipeline import Pipeline
from nav.record.session.picture_recorder import NICE, PictureRecorder
from nav.record.session.session_about import SessionClock, about_session
from nav.record.session.session_recorder import SessionRecorder
from nav.record.session.session_writer import SessionWriter
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.tool import load_tool
from nav.tracking.tracker import Tracker
from tests.live.looping import Loop, sphere_case

FRAMES = 6
CAMERA_QUALITY = 90
Records = Literal["nothing", "poses", "camera JPEG", "JPEG", "lossless"]
Priority = Literal["", "nice 10", "nice 0", "idle"]  # of encoding; its own is nice 19


@dataclass(frozen=True)
class Way:
    """Pictures per second of each camera, and what is recorded."""

    rate: float
    records: Records
    priority: Priority = ""

    @property
    def pictures(self) -> bool:
        """Whether pictures are recorded."""
        return self.records not in ("nothing", "poses")

    @property
    def nice(self) -> int:
        """Of the process that writes pictures."""
        return int(self.priority.removeprefix("nice ")) if "nice" in self.priority else NICE

    @property
    def name(self) -> str:
        """What is recorded, and with which priority."""
        return f"{self.records}, {self.priority}" if self.priority else self.records


RATES = (30.0, 60.0)
WAYS = tuple(
    Way(rate, records)
    for rate in RATES
    for records in ("nothing", "poses", "camera JPEG", "JPEG", "lossless")
)
COMPARED: tuple[Priority, ...] = ("", "nice 10", "nice 0", "idle")
PRIORITIES = (
    Way(30.0, "nothing"),
    *(Way(30.0, "JPEG", priority) for priority in COMPARED),
    *(Way(30.0, "lossless", priority) for priority in COMPARED),
)


@dataclass(frozen=True)
class Measured:
    """Of one way: tracking, and what recording took.

    Parameters
    ----------
    track_ms : float
        Median time of tracking a frame set.
    rate : float
        Results per second.
    megabytes : float
        Written per second.
    kept, dropped : int
        Pictures.
    own_load, other_load : float
        Processors used by this process and by that of the pictures.
    result_ms, picture_ms : float
        Processor time of this process per result, and of the other one per picture.
    """

    track_ms: float
    rate: float
    megabytes: float
    kept: int
    dropped: int
    own_load: float
    other_load: float
    result_ms: float
    picture_ms: float


class Bench:
    """Cameras' pictures in memory, the tracker and a place for sessions."""

    def __init__(self, folder: Path) -> None:
        self.pictures, self.out = folder / "pictures", folder / "out"
        self.rig: Rig = load_rig(self.pictures / "rig.toml")
        tools = [load_tool(self.pictures / f"{name}.toml") for name in ("needle", "reference")]
        self.needle = tools[0]
        self.tracker = Tracker(self.rig, tools)
        self.loop = Loop(self.pictures, self.rig, 0.0)
        self.numbers = itertools.count()
        quality = (cv2.IMWRITE_JPEG_QUALITY, CAMERA_QUALITY)
        self.jpegs = [
            {
                name: cv2.imencode(".jpg", frame.image, quality)[1].tobytes()
                for name, frame in frames.frames.items()
            }
            for frames in self.loop.sets
        ]

    def measure(self, way: Way, seconds: float) -> Measured:
        """Track for so many seconds, recorded in that way."""
        session = Session(Pipeline(self.needle, sphere_case()))
        with self._recorder(way, session) as recorder, self._cameras(way, recorder):
            pictures = None if recorder is None else recorder.pictures
            before = 0.0 if pictures is None else _processor_seconds(pictures._process.pid)
            used, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
            took = self._track(session, recorder, seconds)
            ran = time.monotonic() - began
            now = resource.getrusage(resource.RUSAGE_SELF)
            own = (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) / ran
            other = 0.0
            if pictures is not None:
                other = (_processor_seconds(pictures._process.pid) - before) / ran
        written = 0 if recorder is None else recorder.writer.file.whole
        written += 0 if pictures is None else pictures.written
        kept = 0 if pictures is None else pictures.kept.total()
        dropped = 0 if pictures is None else pictures.dropped.total()
        return Measured(
            1000.0 * statistics.median(took), len(took) / ran, written / 1e6 / ran, kept, dropped,
            own, other, 1000.0 * own * ran / len(took), 1000.0 * other * ran / max(kept, 1),
        )  # fmt: skip

    def _track(
        self, session: Session, recorder: SessionRecorder | None, seconds: float
    ) -> list[float]:
        self.loop.seconds, took = seconds, []
        for tracked in CameraPoses(self.loop, self.tracker):
            state = session.step(tracked)
            if recorder is not None:
                recorder.frame(tracked, state)
            took.append(tracked.track_seconds)
        return took

    @contextmanager
    def _recorder(self, way: Way, session: Session) -> Iterator[SessionRecorder | None]:
        if way.records == "nothing":
            yield None
            return
        folder, clock = self.out / str(next(self.numbers)), SessionClock.now()
        about = about_session("cameras", clock=clock)
        writer, pictures = SessionWriter(folder, about), None
        if way.pictures:
            largest = max(c.size[0] * c.size[1] for c in self.rig.cameras)
            pictures = PictureRecorder(
                folder,
                about,
                self.rig.names,
                largest,
                way.records == "lossless",
                clock,
                0,
                way.nice,
            )
            if way.priority == "idle":
                _make_idle(pictures._process.pid)
        recorder = SessionRecorder(session, writer, pictures, tapped=True, reserve=0)
        try:
            yield recorder
        finally:
            recorder.close()
            for path in folder.iterdir():
                path.unlink()

    @contextmanager
    def _cameras(self, way: Way, recorder: SessionRecorder | None) -> Iterator[None]:
        stopped = threading.Event()
        threads = [
            threading.Thread(target=self._camera, args=(name, way, recorder, stopped))
            for name in self.rig.names
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopped.set()
            for thread in threads:
                thread.join()

    def _camera(
        self, name: str, way: Way, recorder: SessionRecorder | None, stopped: threading.Event
    ) -> None:
        began, sets = time.monotonic(), self.loop.sets
        for number in itertools.count():
            if stopped.wait(max(0.0, began + number / way.rate - time.monotonic())):
                return
            image = sets[number % len(sets)].frames[name].image
            zlib.crc32(image.data)  # as `LiveCamera` does with each, whether or not it is recorded
            if recorder is not None:
                own = way.records == "camera JPEG"
                jpeg = self.jpegs[number % len(sets)][name] if own else None
                recorder.picture(Frame(name, time.monotonic(), image, jpeg))


def _make_idle(process: int) -> None:
    """Let all threads of a process run only where nothing else does."""
    for thread in os.listdir(f"/proc/{process}/task"):
        os.sched_setscheduler(int(thread), os.SCHED_IDLE, os.sched_param(0))


def _processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prepare(folder: Path) -> None:
    """Draw pictures with realistic greys and noise."""
    from phantoms.twin.images import ImageSettings, write_images
    from phantoms.twin.sensor import Optics

    settings = ImageSettings(FRAMES, 1, None, Optics(exposure=0.005), 0.0, 40.0, plain=False)
    write_images(folder / "pictures", settings, Console(quiet=True))


def measure_load(rounds: int, seconds: float, ways: Sequence[Way] = WAYS) -> Table:
    """Measure ways in turn, several times, in one process; return the table of medians."""
    with tempfile.TemporaryDirectory(prefix="c1c2nav-load-") as name:
        prepare(Path(name))
        bench = Bench(Path(name))
        bench.measure(ways[0], min(2.0, seconds))  # compiled code, first
        found: dict[Way, list[Measured]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way in ways:
                found[way].append(bench.measure(way, seconds))
        bench.tracker.close()
    return _table(found)


def _table(found: dict[Way, list[Measured]]) -> Table:
    table = Table(
        "images/s", "recorded", "tracking, ms", "cost", "results/s", "MB/s", "kept", "dropped",
        "load", "load of images", "CPU ms/result", "CPU ms/image",
    )  # fmt: skip
    for way, measured in found.items():
        plain = [m.track_ms for m in found[Way(way.rate, "nothing")]]
        # each against the one without a record of the same round: the machine's mood cancels
        ratios = [m.track_ms / base for m, base in zip(measured, plain, strict=True)]
        kept, dropped = sum(m.kept for m in measured), sum(m.dropped for m in measured)
        table.add_row(
            f"2 x {way.rate:.0f}",
            way.name,
            f"{statistics.median(m.track_ms for m in measured):.1f}",
            f"{100 * (statistics.median(ratios) - 1):+.1f} %",
            f"{statistics.median(m.rate for m in measured):.1f}",
            f"{statistics.median(m.megabytes for m in measured):.1f}",
            str(kept),
            f"{100 * dropped / max(kept + dropped, 1):.1f} %",
            f"{np.median([m.own_load for m in measured]):.2f}",
            f"{np.median([m.other_load for m in measured]):.2f}",
            f"{np.median([m.result_ms for m in measured]):.0f}",
            f"{np.median([m.picture_ms for m in measured]):.1f}",
        )
    return table
