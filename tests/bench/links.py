"""What the OpenIGTLink server costs: encoding, rate, delay, tracking, memory over hours.

Run by `make bench-links`. Each part in turns with what it is compared with, medians over rounds:
encoding beside pyigtl's; rate and delay with one client and with five, each in a process of its
own; tracking of pictures from memory without a server, with one and with five clients; with
`--hours 8` the memory over as many messages as eight hours of 60 instants per second have, while
one client reads and one never does.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyigtl
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import load_rig
from nav.core.frames import Array, Pose
from nav.core.frameset import FrameSet
from nav.core.tracked_frame import TrackedFrame
from nav.link.igtl_content import Transform
from nav.link.igtl_messages import Message, timestamp_of
from nav.link.igtl_observer import IgtlObserver, IgtlSetup
from nav.link.igtl_places import Instant
from nav.link.igtl_server import IgtlServer
from nav.link.network_address import NetworkAddress
from nav.live.session import State
from nav.live.worker import run
from nav.registration.registration_result import Registration
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.tool import load_tool
from nav.tracking.tracker import Tracker
from tests.link.test_igtl_live import NEAR, Use
from tests.live.looping import Loop, LoopingJob, LoopingWork, write_recording
from tests.live.test_other_tracker import Moment, states_of

RATE = 60  # instants per second
PACES = {"60 /s": 1 / RATE, "all": 0.0}  # s between pictures
CLIENT = Path(__file__).with_name("link_client.py")
LOOPBACK = NetworkAddress("127.0.0.1", 0)
ENCODED = 5000  # messages per round
NS = 1_000_000_000


def main() -> None:
    """Measure part after part and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--hours", type=float, default=0.0)
    parser.add_argument("--parts", nargs="*", default=["encoding", "delay", "tracking"])
    options = parser.parse_args()
    parts = {"encoding": encoding, "delay": delay, "tracking": tracking}
    for name in options.parts:
        Console().print(parts[name](options.rounds, options.seconds))
    if options.hours:
        memory(options.hours)


def encoding(rounds: int, seconds: float) -> Table:
    """TRANSFORM with status in header version 2, one core, beside pyigtl."""
    matrix = np.eye(4)
    found: dict[str, list[float]] = {"ours": [], "pyigtl": []}
    status = {"TransformStatus": "OK"}

    def ours() -> bytes:
        stamp = timestamp_of(time.time_ns())
        return Message(Transform(matrix), "NeedleToModel", stamp, status).encoded()

    def theirs() -> bytes:
        message = pyigtl.TransformMessage(matrix, device_name="NeedleToModel")
        message.header_version, message.metadata = 2, status
        return message.pack()

    assert ours()[58:] == theirs()[58:]
    for _ in range(rounds):
        for name, encode in (("ours", ours), ("pyigtl", theirs)):
            begin = time.perf_counter()
            for _ in range(ENCODED):
                encode()
            found[name].append(1e6 * (time.perf_counter() - begin) / ENCODED)
    table = Table("", "µs per message", "ratio", title="Encoding a TRANSFORM with status")
    for name, values in found.items():
        table.add_row(name, f"{statistics.median(values):.1f}", _ratio(values, found["pyigtl"]))
    return table


def delay(rounds: int, seconds: float) -> Table:
    """All messages of a use, at 60 instants per second and as fast as possible."""
    table = Table(
        "clients", "messages /s", "delay, ms", "p99, ms", "at most, messages /s each",
        title="Server: all messages of a live use",
    )  # fmt: skip
    for clients in (1, 5):
        ages, p99s, rates, most = [], [], [], []
        for _ in range(rounds):
            with served(clients) as (observer, _, results):
                _paced(observer, seconds)
            for count, age, p99 in results:
                rates.append(count / seconds)
                ages.append(age)
                p99s.append(p99)
            with served(clients) as (observer, _, results):
                begin = time.perf_counter()
                for instant in instants(round(RATE * seconds)):
                    observer.server.post(instant)
                    _wait_for(observer.server)
                took = time.perf_counter() - begin
            most += [count / took for count, _, _ in results]
        middle = [f"{statistics.median(v):.2f}" for v in (ages, p99s)]
        row = [f"{statistics.median(rates):.0f}", *middle, f"{statistics.median(most):.0f}"]
        table.add_row(str(clients), *row)
    return table


def tracking(rounds: int, seconds: float) -> Table:
    """Pictures from memory, 60 per second and as fast as possible; the server in one process.

    The best tenth of the frame sets shows what the server costs even where other programs use the
    processor, too.
    """
    ways = ("no server", "1", "5")
    found: dict[tuple[str, str], list[Array]] = {(p, w): [] for p in PACES for w in ways}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "recording"
        write_recording(folder, frames=15, seed=7)
        _tracked(folder, 5.0, None, 0.0)  # compiles, and fills caches
        for _ in range(rounds):
            for (pace, way), values in found.items():
                clients = None if way == "no server" else int(way)
                values.append(_tracked(folder, seconds, clients, PACES[pace]))
    table = Table(
        "pictures", "clients", "frame sets", "median, ms", "ratio", "best tenth, ms", "ratio",
        title="Tracking beside the server: from the images to the result, handed over",
    )  # fmt: skip
    for (pace, way), values in found.items():
        taken, row = np.concatenate(values), []
        base = np.concatenate(found[pace, "no server"])
        for share in (0.5, 0.1):
            at, other = np.quantile(taken, share), np.quantile(base, share)
            row += [f"{1e3 * at:.2f}", f"{at / other:.3f}"]
        table.add_row(pace, way, str(len(taken)), *row)
    return table


def memory(hours: float) -> None:
    """Print the memory of the process as the messages of hours go by."""
    total, begin = round(hours * 3600 * RATE), time.monotonic()
    with served(1) as (observer, lazy, _), lazy:
        for number, instant in enumerate(instants(total)):
            if number % (total // 10) == 0:
                said = f"{number / RATE / 3600:.2f} h: {resident():.1f} MB"
                print(f"{said}, {observer.server.dropped} dropped", flush=True)
            observer.server.post(instant)
            _wait_for(observer.server)
        took = time.monotonic() - begin
        print(f"{hours:g} h: {resident():.1f} MB, {observer.server.dropped} dropped, {took:.0f} s")


@contextmanager
def served(
    clients: int,
) -> Iterator[tuple[IgtlObserver, socket.socket, list[tuple[float, float, float]]]]:
    """A server of a live use, clients that read, one that does not; their results at the end."""
    observer = IgtlSetup(LOOPBACK).open(Use([]))
    host, port = observer.server.address.host, observer.server.address.port
    readers = [
        subprocess.Popen(
            [sys.executable, str(CLIENT), host, str(port)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(clients)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    results: list[tuple[float, float, float]] = []
    lazy = socket.create_connection((host, port))
    try:
        yield observer, lazy, results
    finally:
        observer.close()
        lazy.close()
        for reader in readers:
            out, _ = reader.communicate(timeout=30)
            count, age, p99 = map(float, out.split())
            results.append((count, age, p99))


def instants(count: int) -> Iterator[Instant]:
    """Instants of a use that is registered; the needle is lost in one of twenty."""
    work, states = states_of(*[Moment(NEAR)] * 19, Moment())
    registration = work.session.pipeline.registration
    for number in range(count):
        guidance = states[number % len(states)].guidance
        yield Instant(guidance.tracked, time.time_ns(), guidance, registration)


def resident() -> float:
    """Memory of this process, MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("no VmRSS in /proc/self/status")


def _paced(observer: IgtlObserver, seconds: float) -> None:
    begin = time.perf_counter()
    for number, instant in enumerate(instants(round(RATE * seconds))):
        time.sleep(max(0.0, begin + number / RATE - time.perf_counter()))
        observer.server.post(
            Instant(instant.tracked, time.time_ns(), instant.guidance, instant.registration)
        )


def _wait_for(server: IgtlServer) -> None:
    while len(server._instants) > 4:
        time.sleep(1e-4)


class PacedLoop(Loop):
    """Pictures from memory, so many seconds apart at least."""

    interval = 0.0

    def __iter__(self) -> Iterator[FrameSet]:
        due = time.monotonic()
        for frames in super().__iter__():
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due, time.monotonic()) + self.interval
            yield replace(frames, captured_at=time.monotonic())


def _tracked(folder: Path, seconds: float, clients: int | None, interval: float) -> Array:
    """Time from the images of each frame set to its result, s."""
    registration = Registration(Pose(RigidTransform.identity(), np.eye(6) * 1e-6), 0.1, np.zeros(4))
    work = LoopingWork(LoopingJob(folder, registration, seconds))
    rig = load_rig(folder / "rig.toml")
    images = PacedLoop(folder, rig, seconds)
    images.interval = interval
    tools = [load_tool(folder / f"{name}.toml") for name in ("needle", "reference")]
    work.source = CameraPoses(images, Tracker(rig, tools))
    taken: list[float] = []

    def listen(tracked: TrackedFrame, state: State) -> tuple[()]:
        assert tracked.captured_at is not None
        taken.append(time.monotonic() - tracked.captured_at)
        return ()

    if clients is None:
        run(work, listen)
    else:
        with served(clients) as (observer, _, _):
            observer.session = work.session
            work.observers = (observer,)
            run(work, listen)
    return np.array(taken[1:])


def _ratio(values: Sequence[float], base: Sequence[float]) -> str:
    return f"{statistics.median(v / b for v, b in zip(values, base, strict=True)):.3f}"


if __name__ == "__main__":
    main()
