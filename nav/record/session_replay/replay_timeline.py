"""What the line along the bottom of the window shows of a session: spans and ticks."""

from collections.abc import Collection, Iterator, Sequence
from operator import itemgetter
from typing import Any

from nav.core.errors import Lost
from nav.core.notice import Notice
from nav.live.messages import Sample, Span, Stage, Tick, Timeline
from nav.record.session.session_format import SessionEvent
from nav.record.session_replay.recorded_use import RecordedUse
from nav.text.catalogue import TEMPLATES

# kinds of events that are not shown: spans tell the same, or the replay itself does
UNSHOWN = frozenset({"started", "command", "stage", "prompt", "ended"})
LEVELS = ("caution", "danger")
# words for codes that are not those of a notice, by kind and code
WORDS = {
    ("touch", "touched"): "replay_touch_touched",
    ("touch", "forgotten"): "replay_touch_forgotten",
    ("verification", "touched"): "replay_check_touched",
    ("verification", "touched_again"): "replay_check_touched",
    ("verification", "forgotten"): "replay_check_forgotten",
    ("verification", "verified"): "replay_verified",
    ("verification", "unverified"): "replay_unverified",
    ("registration", "made"): "replay_registered",
    ("registration", "in_use"): "replay_registration_in_use",
    ("registration", "given_up"): "replay_registration_given_up",
    ("registration", "taken_back"): "replay_registration_taken_back",
    ("plan", "followed"): "plan_followed",
    ("alarm", "level_caution"): "replay_caution",
    ("alarm", "level_danger"): "replay_danger",
    ("alarm", "registration_fits_again"): "replay_registration_fits",
    ("camera", "camera_back"): "replay_camera_back",
}


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
        Notices about this replay.

    Returns
    -------
    Timeline
        Seconds since the first frame.
    """
    times = use.times
    began = times[0]
    at = [time - began for time in times]
    shown = [use.guidance.get(index, {}) for index in range(len(at))]
    stages = {stage.value for stage in Stage}
    spans = [*_runs("stage", at, [_one_of(message.get("stage"), stages) for message in shown])]
    for tool in tools:
        lost = [isinstance(frame.tools.get(tool), Lost) or tool not in frame.tools
                for frame in use.frames]  # fmt: skip
        spans += _runs("lost", at, [tool if is_lost else None for is_lost in lost])
    spans += _runs("alarm", at, [_alarm(message) for message in shown])
    ticks = [
        Tick(at[index], event.kind, shown_notice)
        for index, event in use.events
        if (shown_notice := _event_notice(event)) is not None
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


def recorded_samples(use: RecordedUse) -> tuple[Sample, ...]:
    """Return the recorded distances for the chart.

    Parameters
    ----------
    use : RecordedUse
        The session.

    Returns
    -------
    tuple of Sample
        At the frames' times.
    """
    samples = []
    for index, frame in enumerate(use.frames):
        structures = use.guidance.get(index, {}).get("structures")
        near = structures if isinstance(structures, list) else []
        nearest: dict[str, tuple[float, float]] = {}
        for one in sorted(near, key=itemgetter("bound"), reverse=True):
            nearest[one["role"]] = one["distance"], one["bound"]
        samples.append(Sample(frame.time, nearest))
    return tuple(samples)


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


def _one_of(value: Any, known: Collection[str]) -> str | None:
    return value if isinstance(value, str) and value in known else None


def _alarm(message: Any) -> str | None:
    """Return the worst level that warns."""
    levels = message.get("levels")
    found = levels.values() if isinstance(levels, dict) else ()
    return next((level for level in reversed(LEVELS) if level in found), None)


def _event_notice(event: SessionEvent) -> Notice | None:
    """Return the notice of an event, or None where it is not shown."""
    code = WORDS.get((event.kind, event.code), event.code)
    if event.kind in UNSHOWN or event.code in ("level_clear", "level_unknown"):
        return None
    if event.kind == "mark":
        return Notice("replay_mark", {"text": str(event.facts.get("text") or "")})
    if event.code == "in_use" and event.facts.get("registration") is None:
        return Notice("replay_registration_none")
    if code in TEMPLATES:
        return Notice(code, event.facts)
    return Notice("replay_event", {"kind": event.kind, "code": event.code})
