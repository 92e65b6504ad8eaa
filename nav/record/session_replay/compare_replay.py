"""Replay a session without a window, and compare everything with what was recorded."""

from collections.abc import Callable, Iterable

from nav.core.errors import InputError
from nav.record.session.session_events import EventFinder
from nav.record.session.session_format import FRAME, SessionEvent
from nav.record.session.session_guidance import guidance_to_json
from nav.record.session_replay.fast_forward import kept_commands
from nav.record.session_replay.recorded_use import recorded_steps
from nav.record.session_replay.replay_setup import ReplayOptions
from nav.record.session_replay.replay_work import OpenedSession, open_for_replay, picture_tracking
from nav.record.session_replay.session_comparison import Comparer, Comparison

Progress = Callable[[int, int], None]  # frames done, and how many there are


def compare_replay(
    options: ReplayOptions, progress: Progress = lambda done, of: None
) -> tuple[OpenedSession, Comparison]:
    """Replay a session from its first frame to its last, and compare.

    Frame after frame is read, replayed and forgotten: memory does not grow with the session.

    Parameters
    ----------
    options : ReplayOptions
        What is replayed, and with what.
    progress : callable, optional
        Called after each frame.

    Returns
    -------
    opened : OpenedSession
        The session.
    comparison : Comparison
        What differs.

    Raises
    ------
    InputError
        The session or a file given cannot be used.
    """
    opened = open_for_replay(options)
    setup, count = opened.setup, opened.reader.counts[FRAME]
    tracking = picture_tracking(opened) if options.pictures else None
    comparer, session = Comparer(), setup.new_session()
    found = EventFinder(session)
    fre: tuple[list[float | None], list[float | None]] = ([], [])
    try:
        for index, step in enumerate(recorded_steps(opened.reader)):
            recorded = step.frame
            replayed = recorded if tracking is None else tracking.frame(recorded, step.pictures)
            state = session.step(replayed)
            events = list(found.after_frame(replayed, state))
            message = guidance_to_json(state, found.in_use)
            try:
                comparer.frame(recorded, step.guidance, replayed, message)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise InputError(
                    f"{options.session}: what was shown at frame {index} is not as c1c2nav "
                    f"writes it: {error!r}"
                ) from None
            for command in kept_commands(step.commands, step.guidance, setup):
                session.command(command)
                events += found.after_command(command)
            before, now = _registrations(step.events), _registrations(events)
            comparer.registrations(index, before, now)
            for kept, made in zip(fre, (before, now), strict=True):
                kept += made
            progress(index + 1, max(count, index + 1))
    finally:
        if tracking is not None:
            tracking.close()
    return opened, comparer.result(fre)


def _registrations(events: Iterable[SessionEvent]) -> list[float | None]:
    """Return the FRE of every registration that was made, mm."""
    made = [event for event in events if (event.kind, event.code) == ("registration", "made")]
    return [event.facts.get("fre_mm") for event in made]
