"""`nav replay`: a recorded session in the live window, or as a table of what differs."""

import json
from pathlib import Path

from rich.console import Console

from nav.core.errors import InputError, NotPassed
from nav.display import check_display
from nav.live.feed import START_SECONDS, ProcessFeed, report_end
from nav.live.messages import Ended
from nav.progress_bar import step_bar
from nav.record.session.session_about import about_session
from nav.record.session_replay.compare_replay import compare_replay
from nav.record.session_replay.comparison_report import (
    comparison_json,
    comparison_table,
    file_lines,
    finding_lines,
    verdict_line,
    versions,
    write_comparison,
)
from nav.record.session_replay.replay_setup import ReplayOptions
from nav.record.session_replay.replay_work import ReplayJob, open_for_replay
from nav.text.catalogue import ENGLISH, sentence


def run_replay(options: ReplayOptions, console: Console) -> None:
    """Show a recorded session in the live window until it is closed.

    Parameters
    ----------
    options : ReplayOptions
        Session and files given.
    console : Console
        For messages to the user.

    Raises
    ------
    InputError
        The session or a file given cannot be used, or there is no display.
    """
    with console.status("reading the session"):
        opened = open_for_replay(options)
    setup = opened.setup
    reader = opened.reader
    now = versions(about_session("poses"))
    for line in file_lines(options, reader.about, now, reader.attachments):
        console.print(line, markup=False)
    for notice in setup.notices:
        console.print(sentence(notice), markup=False)
    check_display()
    feed = ProcessFeed(ReplayJob(options))
    try:
        with console.status("reading the session"):
            from nav.view.live_app import run_window
            from nav.view.replay_window import ReplayWindow

            first = feed.first(START_SECONDS)
        if isinstance(first, Ended) and first.problem is not None:
            raise InputError(ENGLISH.sentence(first.problem))
        needle = setup.tools[setup.needle]
        run_window(setup.case, feed, needle, reference=setup.reference, kind=ReplayWindow)
    finally:
        feed.close()
    report_end(feed, console)


def run_comparison(
    options: ReplayOptions, output: Path | None, as_json: bool, console: Console
) -> None:
    """Print what differs between a recording and its replay.

    Parameters
    ----------
    options : ReplayOptions
        Session and files given.
    output : Path or None
        JSON to write.
    as_json : bool
        Print JSON instead of the table.
    console : Console
        For messages to the user.

    Raises
    ------
    InputError
        The session or a file given cannot be used.
    NotPassed
        The replay differs from the recording by more than rounding.
    """
    bar = step_bar(console)
    bar.disable = as_json  # before it is started, or it would never be stopped
    with bar:
        task = bar.add_task("replaying", total=None)
        opened, comparison = compare_replay(
            options, lambda done, of: bar.update(task, completed=done, total=of)
        )
    reader, now = opened.reader, versions(about_session("poses"))
    if output is not None:
        write_comparison(output, options, now, comparison, reader)
    verdict = verdict_line(comparison, reader)
    if as_json:
        table = comparison_json(options, now, comparison, reader)
        console.print(json.dumps(table), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(comparison_table(comparison))
        lines = (
            *file_lines(options, reader.about, now, reader.attachments),
            *finding_lines(comparison, reader),
        )
        for line in (*lines, *map(sentence, opened.setup.notices)):
            console.print(line, markup=False)
        if comparison.equal:
            console.print(verdict, markup=False)
    if not comparison.equal:
        raise NotPassed(verdict)
