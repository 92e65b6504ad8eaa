"""The session report as one HTML page that needs no other file, from the template in `text/`."""

from __future__ import annotations

import json
import tomllib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

import nav
from nav.live.live_limits import AlarmLimits, live_limits_from_json
from nav.record.session.session_format import SessionEvent
from nav.record.session.session_reader import SessionReader
from nav.record.session_tools.event_words import cut_words, event_words, notice_words
from nav.record.session_tools.session_charts import FARTHEST, Limits, near_window, session_chart
from nav.record.session_tools.session_list import length_text
from nav.record.session_tools.session_story import LEVELS, SessionStory, usual_rate
from nav.record.session_tools.worst_moments import Moment

TEXT = Path(__file__).parent / "text"
TOLD = ("touch", "registration", "verification", "alarm", "mark", "plan", "recorder", "link",
        "camera", "stage")  # fmt: skip
SOURCES = {
    "cameras": "cameras",
    "images": "recorded images",
    "poses": "a file of poses",
    "twin": "simulated cameras",
    "igtl": "another tracker, over OpenIGTLink",
}
MOST_TOLD = 120  # events in the table; more are counted
MOST_REASONS = 8
MISSING = "missing"  # time of which there are no frames


@dataclass(frozen=True)
class RecordedFile:
    """A file of the session, for the page's end.

    Parameters
    ----------
    name : str
        Of the file or attachment.
    size : int
        Bytes.
    digest : str
        SHA-256.
    """

    name: str
    size: int
    digest: str


def session_page(
    reader: SessionReader,
    story: SessionStory,
    moments: Sequence[Moment],
    pictures: str,
    files: Sequence[RecordedFile],
    repairs: Sequence[str] = (),
) -> str:
    """Return the report as HTML; the same session gives the same text.

    Parameters
    ----------
    reader : SessionReader
        Of the session.
    story : SessionStory
        Of the session.
    moments : sequence of Moment
        The worst ones, with pictures.
    pictures : str
        How they were kept, in words.
    files : sequence of RecordedFile
        With their checksums.
    repairs : sequence of str
        What earlier repairs could not keep.

    Returns
    -------
    str
    """
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEXT),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "svg": lambda svg: f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}",
        "duration": length_text,
        "mm": lambda value: _number(value, 1),
        "fine": lambda value: _number(value, 2),
        "percent": lambda share: "–" if share is None else f"{100 * share:.1f}",
    }
    limits = alarm_limits(reader)
    facts = {
        "version": nav.__version__,
        "notice": nav.NOTICE,
        "about": reader.about,
        "name": reader.folder.name,
        "source": SOURCES.get(reader.about.get("source", ""), "an unknown source"),
        "clipped": FARTHEST if _is_clipped(story) else None,
        "seconds": reader.duration,
        "story": story,
        "warnings": _warnings(reader, repairs),
        "gaps": _gap_words(story),
        "charts": _charts(reader, story, limits),
        "roles": _roles(story, limits),
        "tracked": {name: _share(seen) for name, seen in story.tracked.items()},
        "complete": _share(story.complete),
        "rate": usual_rate(story.times),
        "levels": level_seconds(story),
        "registrations": _registrations(story),
        "checks": [e.facts for e in story.of_kind("verification") if "passed" in e.facts],
        "told": _told(reader, story),
        "untold": max(0, len(story.of_kind(*TOLD)) - MOST_TOLD),
        "losses": _losses(story),
        "moments": moments,
        "pictures": pictures,
        "files": files,
        "versions": {
            key.removeprefix("version:"): value
            for key, value in reader.about.items()
            if key.startswith("version:")
        },
    }
    return templates.get_template("session_report.html").render(facts) + "\n"


def alarm_limits(reader: SessionReader) -> dict[str, Limits]:
    """Return where alarms began in a session, by structure: the case's limits, or the set-up's.

    Parameters
    ----------
    reader : SessionReader
        Of the session.

    Returns
    -------
    dict of str to Limits
        Empty where the session holds no case that can be read.
    """
    try:
        case = tomllib.loads(reader.attachments["case/case.toml"].decode())
        structures = [
            (str(s["name"]), str(s["role"]), AlarmLimits(s.get("caution"), s.get("danger")))
            for s in case.get("structure", [])
        ]
    except (KeyError, TypeError, ValueError):
        return {}
    try:
        own = live_limits_from_json(json.loads(reader.about.get("limits", "null")))
    except (KeyError, TypeError, ValueError):
        return {name: Limits(*limits) for name, _, limits in structures}
    found = {}
    for name, role, limits in structures:
        for over in (own.by_role.get(role), own.by_structure.get(name)):
            for level, value in {} if over is None else over._asdict().items():
                limits = limits if value is None else limits._replace(**{level: value})
        found[name] = Limits(*limits)
    return found


def _charts(
    reader: SessionReader, story: SessionStory, limits: Mapping[str, Limits]
) -> list[tuple[str, str]]:
    """Return titles and drawings: the whole session, and the time near to it by itself."""
    whole = session_chart(story, limits, (0.0, reader.duration), reader.clock.utc_ns)
    window = near_window(story, reader.duration)
    if window is None:
        return [("The session", whole)]
    title = f"While the tip was within {FARTHEST:.0f} mm"
    return [
        (title, session_chart(story, limits, window, reader.clock.utc_ns)),
        ("The whole session", whole),
    ]


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def _warnings(reader: SessionReader, repairs: Sequence[str]) -> list[str]:
    lines = []
    if reader.being_written:
        lines.append("It is still being recorded: this is what was written so far.")
    elif reader.cut is not None:
        words = cut_words(reader.cut)
        lines.append(f"The session is not complete: {words}.")
    lines += [f"Damaged: {notice_words(notice)}." for notice in reader.damage]
    lines += [f"It was repaired. Lost: {what}." for what in repairs]
    return lines


def _gap_words(story: SessionStory) -> str:
    """Return where there were no frames, as a sentence; empty where there were always some."""
    if not story.gaps:
        return ""
    total = sum(stop - start for start, stop in story.gaps)
    if len(story.gaps) == 1:
        start, stop = story.gaps[0]
        return (
            f"No frames from {start:.1f} to {stop:.1f} s ({total:.1f} s); nothing is drawn there."
        )
    return f"{len(story.gaps)} gaps without frames, {total:.1f} s in all; nothing is drawn there."


def _is_clipped(story: SessionStory) -> bool:
    """Return whether the chart leaves out large distances."""
    known = [s.distance[np.isfinite(s.distance)] for s in story.structures]
    return any(len(one) and one.min() <= FARTHEST < one.max() for one in known)


def _share(seen: np.ndarray) -> float | None:
    return float(seen.mean()) if len(seen) else None


def _roles(story: SessionStory, limits: Mapping[str, Limits]) -> list[dict[str, Any]]:
    """Return the least bound of arteries and cord, and of what else there is."""
    roles = list(dict.fromkeys(s.role for s in story.structures))
    wanted = [role for role in roles if role in ("artery", "cord")] or roles[:2]
    found: list[dict[str, Any]] = []
    for role in wanted:
        least = story.nearest(role)
        if least is None or least.worst is None:
            found.append({"role": role, "bound": None, "level": "unknown"})
            continue
        bound = float(least.bound[least.worst])
        found.append(
            {
                "role": role,
                "name": least.name,
                "bound": bound,
                "distance": float(least.distance[least.worst]),
                "seconds": float(story.times[least.worst]),
                "level": _level(bound, limits.get(least.name, Limits())),
            }
        )
    return found


def _level(bound: float, limits: Limits) -> str:
    if limits.danger is not None and bound <= limits.danger:
        return "danger"
    if limits.caution is not None and bound <= limits.caution:
        return "caution"
    return "clear"


def level_seconds(story: SessionStory) -> dict[str, float]:
    """Return for how long each worst level was shown.

    Parameters
    ----------
    story : SessionStory
        Of the session.

    Returns
    -------
    dict of str to float
        s, by level; "missing" is the time of which there are no frames, whatever was shown then.
    """
    found = dict.fromkeys((*LEVELS, MISSING), 0.0)
    steps = np.maximum(np.diff(story.times), 0.0)
    for level, step in zip(story.levels[:-1], steps.tolist(), strict=False):
        kind = MISSING if step > story.longest_step else level
        found[kind] = found.get(kind, 0.0) + step
    return found


def _registrations(story: SessionStory) -> list[dict[str, Any]]:
    """Return the registrations that were made, with what was answered to each."""
    answers = story.of_kind("message")
    found = []
    for event in story.of_kind("registration"):
        if event.code != "made":
            continue
        verdict = next(
            (
                notice_words(answer.notice)
                for answer in answers
                if answer.log_time >= event.log_time and answer.number == event.number
            ),
            "",
        )
        found.append({**event.facts, "answer": verdict, "at": event.log_time})
    return found


def _told(reader: SessionReader, story: SessionStory) -> list[dict[str, Any]]:
    return [
        {
            "seconds": reader.seconds(event.log_time),
            "kind": event.kind,
            "words": event_words(event),
            "level": _event_level(event),
        }
        for event in story.of_kind(*TOLD)[:MOST_TOLD]
    ]


def _event_level(event: SessionEvent) -> str:
    if event.kind == "alarm" and event.code.startswith("level_"):
        return event.code.removeprefix("level_")
    failed = event.kind == "verification" and event.facts.get("passed") is False
    return "danger" if failed or event.kind == "recorder" else ""


def _losses(story: SessionStory) -> list[tuple[str, str, int, float]]:
    """Return tool, reason, frames and share of all frames, the most frequent first."""
    return [
        (tool, notice_words(notice), times, times / len(story.times))
        for tool, count in story.losses.items()
        for notice, times in count.most_common(MOST_REASONS)
    ]
