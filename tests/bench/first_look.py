"""What does a newcomer see of `nav live --twin`? Part of `make bench-live`.

The command runs on a virtual screen, which is read meanwhile: seconds until its window is there and
until it shows pictures, frame sets per second, longest standstill. Screenshots go into a folder.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console

from nav.view.window_layout import places
from tests.bench.screen import Screen

SIZE = (1280, 800)  # of the screen, nearly all of which the window fills
LOOK = 0.01  # s between two looks at the screen
LIT = 20  # grey levels above which the screen shows something


@dataclass(frozen=True)
class FirstLook:
    """Seconds from the command to the window and to the first pictures; and what came then.

    rate : frame sets shown per second from the first pictures on. longest : s that the same frame
    set was shown at most.
    """

    window: float
    pictures: float
    rate: float
    longest: float
    frame_sets: int


def watch(folder: Path, seconds: float, every: float) -> FirstLook:
    """Run the command for so long, with a screenshot every so many seconds."""
    box = places(*SIZE)["pictures"]
    folder.mkdir(parents=True, exist_ok=True)
    with Screen(*SIZE) as screen:
        environment = {**os.environ, "DISPLAY": screen.display, "QT_QPA_PLATFORM": "xcb"}
        environment.pop("WAYLAND_DISPLAY", None)
        began = time.monotonic()
        command = subprocess.Popen(
            [sys.executable, "-m", "nav.cli", "live", "--twin"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        window, changes, taken = np.inf, [], 0
        before = screen.capture(box.x, box.y, box.width, box.height)
        while (now := time.monotonic() - began) < seconds and command.poll() is None:
            if window == np.inf and screen.pixels[: SIZE[1], : SIZE[0], :3].max() > LIT:
                window = now
            shown = screen.capture(box.x, box.y, box.width, box.height)
            if not np.array_equal(shown, before):
                changes.append(now)
                before = shown
            if now >= taken * every:
                picture = screen.capture(0, 0, *SIZE)
                Image.fromarray(picture[..., ::-1]).save(folder / f"{round(now):03d}.png")
                taken += 1
            time.sleep(LOOK)
        command.send_signal(signal.SIGINT)
        command.wait(30.0)
    return _summary(window, changes)


def _summary(window: float, changes: list[float]) -> FirstLook:
    """Pictures come once a frame set; until the first ones the pane changes only now and then."""
    times = np.array(changes)
    starts = [t for t in times if np.sum((times >= t) & (times < t + 2.0)) >= 6]
    if not starts:
        return FirstLook(window, float("nan"), 0.0, float("nan"), 0)
    running = times[times >= starts[0]]
    return FirstLook(
        window,
        float(running[0]),
        float((len(running) - 1) / (running[-1] - running[0])),
        float(np.diff(running).max()),
        len(running),
    )


def main() -> None:
    """Print the figures in one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--every", type=float, default=5.0, help="s between two screenshots")
    parser.add_argument("--out", type=Path, default=Path("out/bench-live"))
    options = parser.parse_args()
    found = watch(options.out, options.seconds, options.every)
    Console().print(
        f"nav live --twin: window after {found.window:.1f} s, "
        f"pictures after {found.pictures:.1f} s, "
        f"then {found.rate:.1f} frame sets per second, longest standstill {found.longest:.2f} s "
        f"({found.frame_sets} frame sets; screenshots in {options.out})",
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
