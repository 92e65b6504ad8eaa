"""`nav live --twin`: the window on a simulated puncture, shown as soon as possible.

The process that simulates is started before anything heavy is imported here, and the display is
tested meanwhile.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from nav.core.errors import InputError
from nav.display import check_display, no_display
from nav.live.feed import START_SECONDS, ProcessFeed, report_end
from nav.live.observers import ObserverSetup
from nav.text.catalogue import ENGLISH
from phantoms.demo.twin import FILES_WRITTEN, TITLE, TwinJob


def run_twin(seed: int, console: Console, observers: tuple[ObserverSetup, ...] = ()) -> None:
    """Show the live window on a simulated puncture that works by itself.

    Parameters
    ----------
    seed : int
        Determines the pose of the phantom, the hand and the noise.
    console : Console
        Where progress is shown until the window appears.
    observers : tuple of ObserverSetup
        Recorder and links to other programs.

    Raises
    ------
    InputError
        The seed is below 0, there is no display, or the simulation failed.
    """
    if seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {seed}")
    if no_display():
        check_display()
    with tempfile.TemporaryDirectory(prefix="c1c2nav-") as name:
        folder = Path(name)
        feed = ProcessFeed(TwinJob(folder, seed, observers))
        try:
            with (
                console.status("making the phantom (the first time this compiles, a minute)"),
                ThreadPoolExecutor(1) as pool,
            ):
                tried = pool.submit(check_display)
                from nav.model.case import load_case
                from nav.tracking.tool import load_tool
                from nav.view.live_app import run_window

                tried.result()
                if not feed.said_of_progress(FILES_WRITTEN, START_SECONDS):
                    problem = None if feed.ended is None else feed.ended.problem
                    said = "the phantom was not made in time"
                    raise InputError(said if problem is None else ENGLISH.sentence(problem))
                case = load_case(folder / "case" / "case.toml")
                needle = load_tool(folder / "needle.toml")
            run_window(case, feed, needle, title=TITLE)
        finally:
            feed.close()
        report_end(feed, console)
