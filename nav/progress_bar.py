"""The progress bars of long commands."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def progress_bar(console: Console) -> Progress:
    """Return a progress bar that counts what is done; it stays on the screen.

    Parameters
    ----------
    console : Console
        Where it is drawn.

    Returns
    -------
    Progress
        Its tasks need a field ``note``.
    """
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
        console=console,
    )


def step_bar(console: Console) -> Progress:
    """Return a progress bar that names the current step; it disappears at the end.

    Parameters
    ----------
    console : Console
        Where it is drawn.

    Returns
    -------
    Progress
        Its tasks are described by their step, and completed to a fraction of 1.
    """
    return Progress(
        TextColumn("{task.description:<24}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


@contextmanager
def counted_steps(
    console: Console, title: str, steps: Sequence[str]
) -> Iterator[Callable[[str], None]]:
    """Show a progress bar that counts named steps.

    Parameters
    ----------
    console : Console
        Where it is drawn.
    title : str
        What is being done.
    steps : sequence of str
        In their order.

    Yields
    ------
    callable
        To be called with a step's name when it begins.
    """
    with progress_bar(console) as bar:
        task = bar.add_task(title, total=len(steps), note="")
        yield lambda step: bar.update(task, note=step, completed=steps.index(step))
        bar.update(task, note="", completed=len(steps))
