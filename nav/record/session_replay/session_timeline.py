"""What the line along the bottom of the window shows of a session: spans and ticks."""

from collections.abc import Iterator, Sequence
from typing import Any

from nav.core.errors import Lost
from nav.core.notice import Notice
from nav.live.messages import Span, Tick, Timeline
from nav.record.session_replay.recorded_use import RecordedUse

# kinds of events that are not shown: spans tell the same, or the replay itself does
UNSHOWN = frozenset({"started", "command", "ended"})
LEVELS = ("caution", "danger")


def session_timeline(
    use: RecordedUse, tools: Sequence[str], recorded: str, notices: tuple[Notice, ...] = ()
) -> Timeline:
    """Return the time line of a session.

    Parameters
    ----------
    use : RecordedUse
        The session.
    tools : sequence of str
        Names of the tools without which nothing is shown.
    recorded : str
        When it was recorded, and its code.
    notices : tuple of Notice
        What the user should know of this replay.

    Returns
    -------
    Timeline
        Seconds since the first frame.
    """
    times = use.times
    began = times[0]
    at = [time - began for time in times]
    shown = [use.guidance.get(index, {}) for index in range(len(at))]
    spans = [*_runs("stage", at, [message.get("stage") for message in shown])]
    for tool in tools:
        lost = [isinstance(frame.tools.get(tool), Lost) or tool not in frame.tools
                for frame in use.frames]  # fmt: skip
        spans += _runs("lost", at, [tool if is_lost else None for is_lost in lost])
    spans += _runs("alarm", at, [_alarm(message) for message in shown])
    ticks = [
        Tick(at[index], event.kind, _said(event.kind, event.notice))
        for index, event in use.events
        if event.kind not in UNSHOWN
    ]
    return Timeline(
        began,
        at[-1],
        len(at),
        recorded,
        tuple(sorted(spans, key=lambda span: span.start)),
        tuple(sorted(ticks, key=lambda tick: tick.at)),
        notices,
    )


def _runs(kind: Any, at: Sequence[float], values: Sequence[str | None]) -> Iterator[Span]:
    """Yield where one value lasts; a value lasts until the next frame."""
    start = 0
    for index in range(1, len(values) + 1):
        if index < len(values) and values[index] == values[start]:
            continue
        value = values[start]
        if value is not None:
            yield Span(kind, at[start], at[min(index, len(at) - 1)], value)
        start = index


def _alarm(message: Any) -> str | None:
    """Return the worst level that warns."""
    levels = set(message.get("levels", {}).values())
    return next((level for level in reversed(LEVELS) if level in levels), None)


def _said(kind: str, notice: Notice) -> Notice:
    """Return what is said of an event; a mark's text is the user's own."""
    if kind == "mark":
        return Notice("replay_mark", {"text": str(notice.facts.get("text") or "")})
    return notice
