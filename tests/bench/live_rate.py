"""Does drawing slow tracking? Rate and delay of the tracking process, without and with the window.

Run by `make bench-live`. Two 1920 x 1200 cameras' pictures from memory, tracked as fast as they
can be; in turn nobody looks, the window shows them, and the window's view is turned all the time.
Prints medians over the rounds, and each as a ratio to the rounds without a window.
"""

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import RigidTransform

from nav.core.frames import Pose
from nav.live.feed import ProcessFeed
from nav.live.messages import Ended, Update
from nav.model.case import load_case
from nav.registration.registration_result import Registration
from nav.tracking.tool import load_tool
from tests.live.looping import LoopingJob

SECONDS = 8.0
ROUNDS = 3


@dataclass(frozen=True)
class Measured:
    """Results a second, and tracking time of a frame set, ms, as the process itself has it."""

    rate: float
    median_ms: float
    p99_ms: float


def main() -> None:
    """Prepare the pictures, measure in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        ways = {"no window": _alone, "window": _watched, "window, view turning": _turned}
        found: dict[str, list[Measured]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, run in ways.items():
                # a process each: the window's lower priority must not outlive it
                with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                    found[way].append(pool.submit(run, folder, options.seconds).result())
                print(f"{way}: {found[way][-1].rate:.2f} /s", file=sys.stderr)
    Console().print(_table(found))


def prepare(folder: Path) -> None:
    from phantoms.anatomy.anatomy_files import write_case
    from phantoms.kit.kit_case import phantom_case
    from phantoms.twin.images import ImageSettings, write_images
    from phantoms.twin.sensor import Optics

    settings = ImageSettings(12, 1, None, Optics(exposure=0.005), 0.0, 40.0, plain=False)
    write_images(folder / "pictures", settings, Console(quiet=True))
    write_case(phantom_case(), folder / "case")


def _start(folder: Path, seconds: float) -> ProcessFeed:
    registration = Registration(Pose(RigidTransform.identity(), np.eye(6) * 1e-6), 0.1, np.zeros(4))
    feed = ProcessFeed(LoopingJob(folder / "pictures", registration, seconds))
    if not isinstance(feed.first(60.0), Update):
        raise SystemExit("tracking did not start")
    return feed


def _measured(feed: ProcessFeed) -> Measured:
    assert feed.ended is not None
    times = np.array(feed.ended.result)
    steps = np.diff(times[:, 0])
    return Measured(
        float(len(steps) / steps.sum()),
        float(np.median(times[:, 1]) * 1000),
        float(np.quantile(times[:, 1], 0.99) * 1000),
    )


def _alone(folder: Path, seconds: float) -> Measured:
    feed = _start(folder, seconds)
    while not isinstance(feed.newest(), Ended):
        time.sleep(0.1)
    feed.close()
    return _measured(feed)


def _watched(folder: Path, seconds: float) -> Measured:
    return _with_window(folder, seconds, turn=False)


def _turned(folder: Path, seconds: float) -> Measured:
    return _with_window(folder, seconds, turn=True)


def _with_window(folder: Path, seconds: float, turn: bool) -> Measured:
    from PySide6.QtCore import QTimer

    from nav.view.live_app import application
    from nav.view.live_window import LiveWindow
    from nav.view.viewpoints import VIEWPOINTS

    app = application()
    case = load_case(folder / "case" / "case.toml")
    feed = _start(folder, seconds)
    window = LiveWindow(case, feed, load_tool(folder / "pictures" / "needle.toml"))

    def close(_: Ended) -> None:
        window.close()

    window.on_end = close
    window.resize(1920, 1080)
    window.show()
    count = 0

    def next_view() -> None:
        nonlocal count
        count += 1
        window.scene.look(VIEWPOINTS[count % 4])

    timer = QTimer()
    timer.timeout.connect(next_view)
    if turn:
        timer.start(70)
    app.exec()
    timer.stop()
    feed.close()
    return _measured(feed)


def _table(found: dict[str, list[Measured]]) -> Table:
    table = Table(title="Tracking while the window draws (medians; ratios to no window)")
    for heading in ("", "results /s", "ratio", "frame set, ms", "ratio", "p99, ms"):
        table.add_column(heading, justify="right")
    base = found["no window"]
    for way, measured in found.items():
        rate, ms, p99 = (
            statistics.median(getattr(m, name) for m in measured)
            for name in ("rate", "median_ms", "p99_ms")
        )
        rates = statistics.median(m.rate / b.rate for m, b in zip(measured, base, strict=True))
        mss = statistics.median(
            m.median_ms / b.median_ms for m, b in zip(measured, base, strict=True)
        )
        table.add_row(way, f"{rate:.1f}", f"{rates:.2f}", f"{ms:.0f}", f"{mss:.2f}", f"{p99:.0f}")
    return table


if __name__ == "__main__":
    main()
