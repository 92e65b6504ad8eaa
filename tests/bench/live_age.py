"""How old is a number on the screen while other programs want the processors?

Part of `make bench-live`. The real window runs on a virtual screen before a real tracking process
whose distances say which frame set they come from, and its view is turned all the time. Meanwhile
this process reads the screen itself: what counts is what is there, not what the window believes.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.bench.coded import CODES, coded_distance
from tests.bench.screen import Screen

EVERY = 0.01  # s between two looks at the screen
SECONDS = 30.0
LOADS = (0, 2, 18)  # programs that want a processor each, all the time
SIZE = (1600, 900)
# the part of a gauge in which its number stands
NUMBER = (0.02, 0.33, 0.6, 0.72)
INK = 30  # pixels of the number's colour that may be a number, or a part of one


@dataclass(frozen=True)
class Ages:
    """Ages of shown numbers, s: median, 99 % below, worst; share of looks with numbers.

    unread : looks at which something like a number was there that is none of those sent.
    widest : s between two looks.
    """

    median: float
    p99: float
    worst: float
    shown: float
    unread: int
    looks: int
    widest: float
    rate: float


def measure(folder: Path, load: int, seconds: float) -> Ages:
    """Run the window under a load and read the screen."""
    taken = folder / f"taken-{load}.npz"
    with Screen() as screen:
        environment = {**os.environ, "DISPLAY": screen.display, "QT_QPA_PLATFORM": "xcb"}
        window = subprocess.Popen(
            [
                sys.executable, "-m", "tests.bench.live_age_window",
                str(folder), str(seconds), str(taken),
            ],
            env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert window.stdout is not None
        if window.stdout.readline().strip() != "ready":
            raise SystemExit("the window did not start")
        templates = dict(np.load(folder / "templates.npz"))
        with _busy(load):
            looks = _watch(screen, templates["places"], seconds - 2.0)
        window.wait(120.0)
    return _ages(looks, templates, np.load(taken)["taken"])


@contextmanager
def _busy(count: int) -> Iterator[None]:
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(1.0)
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def _watch(
    screen: Screen, places: NDArray[np.int64], seconds: float
) -> list[tuple[float, list[NDArray[np.uint8]]]]:
    """What the places showed, and when, s; pictures that stay the same are kept once."""
    looks: list[tuple[float, list[NDArray[np.uint8]]]] = []
    until = time.monotonic() + seconds
    before: list[NDArray[np.uint8]] = []
    while (now := time.monotonic()) < until:
        shown = [screen.capture(*place) for place in places]
        if before and all(np.array_equal(a, b) for a, b in zip(before, shown, strict=True)):
            shown = before
        looks.append((now, shown))
        before = shown
        time.sleep(max(0.0, now + EVERY - time.monotonic()))
    return looks


def _ages(
    looks: list[tuple[float, list[NDArray[np.uint8]]]],
    templates: dict[str, NDArray],
    taken: NDArray[np.float64],
) -> Ages:
    known = [
        {templates[f"{place}-{code}"].tobytes(): code for code in range(CODES)}
        for place in range(len(templates["places"]))
    ]
    numbers, captured, done = taken.T
    ages, shown, unread = [], 0, 0
    last: list[int | None] = [None] * len(known)
    read: dict[int, list[int | None]] = {}
    for now, pictures in looks:
        if id(pictures) not in read:
            codes: list[int | None] = []
            for place, picture in enumerate(pictures):
                code = known[place].get(picture.tobytes())
                if code is None and _may_be_number(picture, templates[f"{place}-0"]):
                    unread += 1
                    code = last[place]  # taken for the one before, the older
                codes.append(code)
            read[id(pictures)] = codes
        last = read[id(pictures)]
        there = [
            now - captured[np.flatnonzero((numbers % CODES == code) & (done <= now))[-1]]
            for code in last
            if code is not None and ((numbers % CODES == code) & (done <= now)).any()
        ]
        if there:
            shown += 1
            ages.append(max(there))
    times = np.array([now for now, _ in looks])
    inside = (done >= times[0]) & (done <= times[-1])
    if not ages:
        ages = [float("nan")]
    return Ages(
        float(np.median(ages)),
        float(np.quantile(ages, 0.99)),
        float(np.max(ages)),
        shown / len(looks),
        unread,
        len(looks),
        float(np.diff(times).max()),
        float(inside.sum() / (times[-1] - times[0])),
    )


def _may_be_number(picture: NDArray[np.uint8], template: NDArray[np.uint8]) -> bool:
    """Whether there is ink of the numbers' colour: the brightest of a template."""
    brightest = template.reshape(-1, 3)[template.reshape(-1, 3).astype(int).sum(axis=1).argmax()]
    near = np.abs(picture.astype(int) - brightest.astype(int)).max(axis=2) < 12
    return int(near.sum()) > INK


def distances() -> list[float]:
    """All coded distances, mm."""
    return [coded_distance(code) for code in range(CODES)]


def main() -> None:
    """Print the ages for each load."""
    from rich.console import Console
    from rich.table import Table

    from tests.bench.live_rate import prepare

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--loads", type=int, nargs="+", default=list(LOADS))
    options = parser.parse_args()
    table = Table(title="Age of the numbers on the screen, s, while other programs run")
    for heading in (
        "other programs", "median", "99 % below", "worst", "looks with numbers",
        "unread", "looks", "longest between looks", "results /s",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        for load in options.loads:
            ages = measure(Path(name), load, options.seconds)
            table.add_row(
                str(load), f"{ages.median:.2f}", f"{ages.p99:.2f}", f"{ages.worst:.2f}",
                f"{100 * ages.shown:.0f} %", str(ages.unread), str(ages.looks),
                f"{ages.widest:.2f}", f"{ages.rate:.1f}",
            )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
