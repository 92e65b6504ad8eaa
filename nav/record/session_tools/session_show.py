"""`nav session show`: what is in a session."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from rich.console import Console

from nav.record.session.session_format import PICTURES_FILE
from nav.record.session.session_reader import SessionReader, open_session
from nav.record.session_tools.event_words import cut_words, event_words, notice_words
from nav.record.session_tools.session_files import session_folder, size_text
from nav.record.session_tools.session_list import length_text
from nav.record.session_tools.session_overview import overview
from nav.record.session_tools.session_story import SessionStory, read_story, usual_rate
from nav.record.session_tools.session_timeline import timeline_lines
from nav.terminal import one_line

MOST_EVENTS = 40  # of one kind; more are counted
MOST_REASONS = 5
SECTIONS = (
    ("registrations, and what was answered", ("registration", "message")),
    ("touches", ("touch",)),
    ("check points", ("verification",)),
    ("alarms", ("alarm",)),
    ("marks", ("mark",)),
    ("recorder, cameras, links", ("recorder", "camera", "link")),
    ("plans and commands", ("plan", "command")),
)


def show_session(session: Path, console: Console) -> None:
    """Print what is in a session.

    Parameters
    ----------
    session : Path
        Its folder.
    console : Console
        To print with.

    Raises
    ------
    InputError
        It cannot be read.
    """
    folder = session_folder(session)
    reader = open_session(folder)
    story = read_story(reader)
    for line in _lines(folder, reader, story):
        console.print(one_line(line), markup=False)


def _lines(folder: Path, reader: SessionReader, story: SessionStory) -> Iterator[str]:
    about = reader.about
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    yield f"{folder.name}  {size_text(size)}"
    if reader.cut is not None:
        yield f"NOT COMPLETE: {cut_words(reader.cut)}"
    for notice in reader.damage:
        yield f"DAMAGED: {notice_words(notice)}"
    yield ""
    for name, value in _head(folder, reader, story).items():
        yield f"{name:14} {value}"
    yield ""
    yield from timeline_lines(story, reader.duration, reader.clock.utc_ns)
    for title, kinds in SECTIONS:
        yield from _events(title, reader, story, kinds)
    if story.losses:
        yield ""
        yield "why tools had no pose (frames)"
        for tool, count in story.losses.items():
            for notice, times in count.most_common(MOST_REASONS):
                yield f"  {tool:12} {times:6,}  {notice_words(notice)}"
    yield ""
    yield "versions       " + ", ".join(
        f"{key.removeprefix('version:')} {value}"
        for key, value in about.items()
        if key.startswith("version:")
    )


def _head(folder: Path, reader: SessionReader, story: SessionStory) -> Mapping[str, str]:
    about = reader.about
    tracked = ", ".join(f"{name} {_share(seen)}" for name, seen in story.tracked.items())
    head = {
        "code": about.get("code", "?"),
        "started (UTC)": about.get("started_utc", "?"),
        "length": f"{length_text(reader.duration)}, {_count(story.times)}",
        "source": about.get("source", "?"),
        "recorded by": f"{about.get('made_by', '?')} on {about.get('platform', '?')}",
        "tracked": tracked or "no tools",
        "case": _case(reader),
        "pictures": _pictures(folder, reader, story),
        "smallest bound": _bounds(story),
        "gaps": ", ".join(f"{a:.1f} to {b:.1f} s" for a, b in story.gaps) or "none",
        "attachments": ", ".join(reader.attachments),
    }
    return {name: value for name, value in head.items() if value}


def _share(seen: np.ndarray) -> str:
    return f"{100 * float(seen.mean()):.1f} %" if len(seen) else "–"


def _count(times: np.ndarray) -> str:
    return f"{len(times):,}{_rate(times)}"


def _rate(times: np.ndarray) -> str:
    rate = usual_rate(times)
    return " frames" if rate is None else f" frames, {rate:.1f} per second"


def _case(reader: SessionReader) -> str:
    try:
        table = tomllib.loads(reader.attachments["case/case.toml"].decode())
    except (KeyError, ValueError):
        return ""
    count = len(table.get("structure", []))
    return f"{table.get('name', '?')}, {count} structure{'' if count == 1 else 's'}"


def _pictures(folder: Path, reader: SessionReader, story: SessionStory) -> str:
    kind = overview(folder).pictures
    if kind in ("off", "none", "missing"):
        return kind if kind != "missing" else f"recorded, but {PICTURES_FILE} is missing"
    counts: dict[str, list[int]] = {}
    for picture in reader.pictures():
        counts.setdefault(picture.camera, []).append(picture.log_time)
    said = [kind]
    for camera, times in counts.items():
        rate = _rate(np.array(times) / 1e9).removeprefix(" frames")
        used = len(story.camera_times.get(camera, ()))
        said.append(f"{camera}: {len(times):,}{rate}, {used:,} of them tracked")
    return "; ".join(said)


def _bounds(story: SessionStory) -> str:
    roles = list(dict.fromkeys(structure.role for structure in story.structures))
    said = []
    for role in [role for role in roles if role in ("artery", "cord")] or roles:
        least = story.nearest(role)
        if least is not None and least.worst is not None:
            at = story.times[least.worst]
            said.append(f"{least.name} {least.bound[least.worst]:.1f} mm at {at:.1f} s")
    return "; ".join(said) or "no distances"


def _events(
    title: str, reader: SessionReader, story: SessionStory, kinds: tuple[str, ...]
) -> Iterator[str]:
    found = story.of_kind(*kinds)
    if not found:
        return
    yield ""
    yield title
    for event in found[:MOST_EVENTS]:
        yield f"  {reader.seconds(event.log_time):8.1f} s  {event_words(event)}"
    if len(found) > MOST_EVENTS:
        yield f"  and {len(found) - MOST_EVENTS:,} more"
