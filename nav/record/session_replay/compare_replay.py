"""Replay a session without a window, and compare everything with what was recorded."""

from collections.abc import Callable, Iterable

from nav.core.errors import InputError
from nav.record.session.session_events import EventFinder
from nav.record.session.session_format import SessionEvent
from nav.record.session.session_guidance import guidance_to_json
from nav.record.session_replay.fast_forward import repeated_commands
from nav.record.session_replay.recorded_use import RecordedUse, read_use
from nav.record.session_replay.replay_setup import ReplayOptions
from nav.record.session_replay.replay_work import OpenedSession, frame_store, open_for_replay
from nav.record.session_replay.session_comparison import Comparer, Comparison

Progress = Callable[[int, int], None]  # frames done, and how many there are


def compare_replay(
    options: ReplayOptions, progress: Progress = lambda done, of: None
) -> tuple[OpenedSession, RecordedUse, Comparison]:
    """Replay a session from its first frame to its last, and compare.

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
    use : RecordedUse
        What was recorded.
    comparison : Comparison
        What differs.

    Raises
    ------
    InputError
        The session or a file given cannot be used.
    """
    opened = open_for_replay(options)
    use = read_use(opened.reader)
    frames = frame_store(opened, use, options.pictures)
    commands, comparer = repeated_commands(use, opened.setup), Comparer()
    session = opened.setup.new_session()
    found = EventFinder(session)
    before: dict[int, list[float | None]] = {}
    for index, event in use.events:
        before.setdefault(index, []).extend(_registrations([event]))
    made: list[float | None] = []
    try:
        for index, recorded in enumerate(use.frames):
            replayed = frames.bare(index)
            state = session.step(replayed)
            now = _registrations(found.after_frame(replayed, state))
            message = guidance_to_json(state, found.in_use)
            try:
                comparer.frame(recorded, use.guidance.get(index), replayed, message)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise InputError(
                    f"{options.session}: what was shown at frame {index} is not as c1c2nav "
                    f"writes it: {error!r}"
                ) from None
            for command in commands.get(index, ()):
                session.command(command)
                now += _registrations(found.after_command(command))
            comparer.registrations(index, before.get(index, []), now)
            made += now
            progress(index + 1, len(use.frames))
    finally:
        frames.close()
    recorded_fre = _registrations(event for _, event in use.events)
    return opened, use, comparer.result((recorded_fre, made))


def _registrations(events: Iterable[SessionEvent]) -> list[float | None]:
    """Return the FRE of every registration that was made, mm."""
    made = [event for event in events if (event.kind, event.code) == ("registration", "made")]
    return [event.facts.get("fre_mm") for event in made]
