"""`nav live --twin`: the window on a simulated puncture, there as soon as can be.

The process that simulates is started before anything heavy is imported here, and the display is
tried meanwhile.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from nav.display import check_display, no_display
from nav.errors import InputError
from nav.live.feed import START_SECONDS, ProcessFeed, say_end
from phantoms.demo.twin import FILES_WRITTEN, TITLE, TwinJob


def run_twin(seed: int, console: Console) -> None:
    """Show the live window on a simulated puncture that works by itself.

    Parameters
    ----------
    seed : int
        Other pose of the phantom, other hand, other noise.
    console : Console
        Is told what is being done until the window is there.

    Raises
    ------
    InputError
        A seed below 0, no display, or a simulation that failed.
    """
    if seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {seed}")
    if no_display():
        check_display()
    with tempfile.TemporaryDirectory(prefix="c1c2nav-") as name:
        folder = Path(name)
        feed = ProcessFeed(TwinJob(folder, seed))
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
                    problem = "" if feed.ended is None else feed.ended.problem
                    raise InputError(problem or "the phantom was not made in time")
                case = load_case(folder / "case" / "case.toml")
                needle = load_tool(folder / "needle.toml")
            run_window(case, feed, needle, title=TITLE)
        finally:
            feed.close()
        say_end(feed, console)
