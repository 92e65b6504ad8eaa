"""The session's state before any frame, without playing all frames before it.

Between touches a frame leaves nothing behind but the alarm levels that the next one is compared
with; so only the frames of touches and the last one are taken through the pipeline.
"""

from collections.abc import Callable, Mapping
from typing import Any

from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import Command
from nav.live.session import Session
from nav.record.session_replay.recorded_use import RecordedUse
from nav.record.session_replay.replay_setup import ReplaySetup

NAVIGATING = "navigate"
Commands = Mapping[int, tuple[Command, ...]]


def repeated_commands(use: RecordedUse, setup: ReplaySetup) -> Commands:
    """Return the commands that are given again.

    Parameters
    ----------
    use : RecordedUse
        The session.
    setup : ReplaySetup
        What it is replayed with.

    Returns
    -------
    mapping of int to tuple of Command
        All of them; where another registration takes the place of what was touched, only choices of
        plans, and divots touched again while navigating.
    """
    if not setup.replaces_registration:
        return use.commands
    return {
        index: kept_commands(commands, use.guidance.get(index), setup)
        for index, commands in use.commands.items()
    }


def kept_commands(
    commands: tuple[Command, ...], shown: Mapping[str, Any] | None, setup: ReplaySetup
) -> tuple[Command, ...]:
    """Return which commands of one frame are given again, as `repeated_commands` does.

    Parameters
    ----------
    commands : tuple of Command
        Of the user, after the frame.
    shown : mapping or None
        What was shown after it, as of `guidance_to_json`.
    setup : ReplaySetup
        What the session is replayed with.

    Returns
    -------
    tuple of Command
    """
    if not setup.replaces_registration:
        return commands
    navigating = shown is not None and shown.get("stage") == NAVIGATING
    rechecks = {"check", "capture", "undo"} if setup.repeats_touches and navigating else set()
    return tuple(command for command in commands if command.kind in {"plan", *rechecks})


def session_before(
    index: int, setup: ReplaySetup, commands: Commands, frame: Callable[[int], TrackedFrame]
) -> Session:
    """Return the user's work as it was before a frame.

    Parameters
    ----------
    index : int
        Of the frame.
    setup : ReplaySetup
        What is replayed with.
    commands : mapping of int to tuple of Command
        Given after the frames of these indices.
    frame : callable
        Returns the frame of an index.

    Returns
    -------
    Session
        Equal to one that has taken all frames before.
    """
    session = setup.new_session()
    for k in range(index):
        if session.gathering is not None or k == index - 1:
            session.step(frame(k))
        for command in commands.get(k, ()):
            session.command(command)
    return session
