"""`nav session check`: is everything of a session there, undamaged, and does it fit together?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from pathlib import Path

import numpy as np
from rich.console import Console

from nav.core.errors import IncompleteInput, InputError, NotPassed
from nav.record.session.checked_frame import checked_frame
from nav.record.session.picture_codec import PictureError
from nav.record.session.session_about import ORIGINAL, is_recorded_file
from nav.record.session.session_format import (
    FORMAT,
    FRAME,
    GUIDANCE,
    PICTURES_FILE,
    SESSION_FILE,
    frame_of_json,
)
from nav.record.session.session_reader import SessionReader, open_session
from nav.record.session_tools.event_words import cut_words, event_words
from nav.record.session_tools.part_repair import ExaminedPart, examine_part, lost_in
from nav.record.session_tools.session_files import session_folder, session_parts
from nav.record.session_tools.session_overview import SessionOverview, overview
from nav.record.session_tools.session_story import SessionStory, read_story
from nav.record.session_totals import EVENTS, FRAMES, SessionTotals
from nav.terminal import one_line

CASE = "case/"  # attachments of the case
COMMENT = re.compile(rb"^[ \t]*#", re.MULTILINE)
BACKWARDS = 1e-6  # s that a time may go back


class Weight(IntEnum):
    """How much a finding matters."""

    GOOD = 0
    NOTE = 1  # worth knowing; the session is as it was recorded
    DIFFERENT = 2  # the case on the disk is another one now
    MISSING = 3  # something of the session is missing or damaged

    @property
    def word(self) -> str:
        """What stands before the finding."""
        return {0: "good", 1: "note", 2: "DIFFERENT", 3: "MISSING"}[int(self)]


@dataclass(frozen=True)
class Finding:
    """One line of the check.

    Parameters
    ----------
    weight : Weight
        How much it matters.
    text : str
        What was found.
    """

    weight: Weight
    text: str


def check_session(session: Path, case: Path | None, console: Console) -> None:
    """Check a session and print what was found, one line each.

    Parameters
    ----------
    session : Path
        Its folder.
    case : Path, optional
        case.toml, or its folder, to be compared with the case that was recorded.
    console : Console
        To print with.

    Raises
    ------
    InputError
        Nothing of it can be read.
    IncompleteInput
        Something is missing or damaged.
    NotPassed
        It is whole, but the case on the disk is another one now.
    """
    folder = session_folder(session)
    worst = Weight.GOOD
    for finding in findings(folder, case):
        console.print(one_line(f"{finding.weight.word + ':':10} {finding.text}"), markup=False)
        worst = max(worst, finding.weight)
    if worst is Weight.MISSING:
        raise IncompleteInput(f"{folder}: is not whole; {_advice(folder)}")
    if worst is Weight.DIFFERENT:
        raise NotPassed(f"{folder}: is whole, but the case has changed since")
    console.print(f"{folder}: is whole", markup=False)


def _advice(folder: Path) -> str:
    if all(examine_part(path).is_whole for path in session_parts(folder)):
        return "what is left of it can be used"
    return "nav session repair keeps all that can be read"


def findings(folder: Path, case: Path | None = None) -> Iterator[Finding]:
    """Check a session.

    Parameters
    ----------
    folder : Path
        Of the session.
    case : Path, optional
        As of `check_session`.

    Yields
    ------
    Finding

    Raises
    ------
    InputError
        Nothing of it can be read.
    """
    parts = [examine_part(path) for path in session_parts(folder)]
    reader = open_session(folder)
    yield Finding(Weight.GOOD, f"format {reader.about['format']} (this program reads {FORMAT})")
    for part in parts:
        yield from _records(part)
    yield from _end(reader)
    yield from _attachments(reader)
    yield from _frames(reader)
    story = read_story(reader)
    yield from _times(story)
    yield from _counts(story, overview(folder))
    for event in story.of_kind("recorder"):
        at = reader.seconds(event.log_time)
        yield Finding(Weight.NOTE, f"at {at:.1f} s the recorder said: {event_words(event)}")
    if reader.has_pictures:
        yield from _pictures(reader, story, overview(folder).totals)
    elif recorded := overview(folder).totals.pictures.total():
        there = "empty" if (folder / PICTURES_FILE).exists() else "missing"
        yield Finding(
            Weight.MISSING, f"{PICTURES_FILE}: is {there}; {recorded:,} pictures were recorded"
        )
    if case is not None:
        yield from _case(reader, case)


def _records(part: ExaminedPart) -> Iterator[Finding]:
    name = part.path.name
    for fault in part.faults:
        yield Finding(Weight.MISSING, f"{name}: {fault}")
    for loss in part.losses:
        count = "" if loss.messages is None else f", {loss.messages:,} messages"
        yield Finding(Weight.MISSING, f"{name}: at byte {loss.start:,}: {loss.what}{count}")
    for repair in part.repairs:
        yield from _repair(name, repair)
    if part.is_whole:
        yield Finding(
            Weight.GOOD, f"{name}: all checksums of {len(part.spans):,} records agree with them"
        )


def _repair(name: str, repair: Mapping[str, str]) -> Iterator[Finding]:
    lost = lost_in(repair)
    for what in lost:
        yield Finding(Weight.MISSING, f"{name}: repaired; lost: {what}")
    if not lost:
        yield Finding(Weight.NOTE, f"{name}: repaired; nothing that was written was lost")


def _end(reader: SessionReader) -> Iterator[Finding]:
    if reader.being_written:
        yield Finding(Weight.MISSING, "it is being recorded now")
    elif reader.cut is not None:
        yield Finding(Weight.MISSING, cut_words(reader.cut))


def _attachments(reader: SessionReader) -> Iterator[Finding]:
    agree = 0
    for key, digest in reader.about.items():
        if not key.startswith("sha256:"):
            continue
        name = key.removeprefix("sha256:")
        data = reader.attachments.get(name)
        if data is None:
            yield Finding(Weight.MISSING, f"attachment {name} is missing")
        elif sha256(data).hexdigest() != digest:
            yield Finding(Weight.MISSING, f"attachment {name} differs from its SHA-256")
        else:
            agree += 1
            if name.endswith(".toml") and COMMENT.search(data):
                yield Finding(
                    Weight.NOTE,
                    f"attachment {name} has comments, which may name people: it was recorded "
                    "before they were left out",
                )
    yield Finding(Weight.GOOD, f"{agree} attachments agree with their SHA-256")


def _frames(reader: SessionReader) -> Iterator[Finding]:
    """Rebuild every tracked frame, as a replay would."""
    count = 0
    for message in reader.messages(FRAME):
        try:
            frame = frame_of_json(message.data)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            at = reader.seconds(message.log_time)
            yield Finding(
                Weight.MISSING,
                f"the frame at {at:.3f} s is not as c1c2nav writes it: "
                f"{type(error).__name__} {error}",
            )
        else:
            count += 1
            kept = checked_frame(frame)
            spoilt = [name for name, tool in frame.tools.items() if kept.tools[name] is not tool]
            if spoilt:
                at = reader.seconds(message.log_time)
                yield Finding(
                    Weight.MISSING,
                    f"the frame at {at:.3f} s has poses that nothing can be computed with: "
                    f"{', '.join(spoilt)}; taken as lost",
                )
    yield Finding(Weight.GOOD, f"{count:,} frames can be rebuilt")
    if reader.counts[FRAME] != reader.counts[GUIDANCE]:
        shown = reader.counts[GUIDANCE]
        yield Finding(Weight.NOTE, f"{reader.counts[FRAME]:,} frames, but {shown:,} of guidance")


def _times(story: SessionStory) -> Iterator[Finding]:
    for start, stop in story.gaps:
        yield Finding(
            Weight.NOTE, f"no frames from {start:.2f} s to {stop:.2f} s ({stop - start:.2f} s)"
        )
    steps = np.diff(story.numbers)
    missing = int(np.clip(steps - 1, 0, None).sum())
    if missing:
        places = np.count_nonzero(steps > 1)
        yield Finding(
            Weight.NOTE,
            f"{missing:,} numbers of frames are left out at {places:,} places: images that were "
            "not tracked",
        )
    if (steps <= 0).any():
        place = int(np.flatnonzero(steps <= 0)[0])
        yield Finding(
            Weight.NOTE, f"the numbers of the frames begin anew at {story.times[place + 1]:.2f} s"
        )
    back = np.flatnonzero(np.diff(story.times) < -BACKWARDS)
    if len(back):
        yield Finding(
            Weight.NOTE,
            f"the frames' times go back at {len(back):,} places, first at "
            f"{story.times[back[0]]:.3f} s",
        )


def _counts(story: SessionStory, found: SessionOverview) -> Iterator[Finding]:
    """Compare the session's totals at its end with its content."""
    totals: SessionTotals = found.totals
    declared = {FRAMES: totals.frames, EVENTS: totals.events.total()}
    there = {FRAMES: len(story.times), EVENTS: len(story.events)}
    for topic, count in declared.items():
        if count != there[topic]:
            yield Finding(
                Weight.MISSING,
                f"{SESSION_FILE}: its end says {count:,} messages of {topic}, there are "
                f"{there[topic]:,}",
            )
    for name, seen in story.tracked.items():
        count, poses = totals.tracked[name], int(seen.sum())
        if count != poses:
            yield Finding(
                Weight.MISSING,
                f"{SESSION_FILE}: its end says {count:,} poses of {name}, there are {poses:,}",
            )
    bounds: dict[str, float] = {role: least.bound for role, least in totals.least.items()}
    for role in dict.fromkeys((*bounds, *(s.role for s in story.structures))):
        near = [s.bound[np.isfinite(s.bound)] for s in story.structures if s.role == role]
        least = min((float(one.min()) for one in near if len(one)), default=None)
        if bounds.get(role) != least:
            texts = ("none" if b is None else f"{b:.2f} mm" for b in (bounds.get(role), least))
            yield Finding(
                Weight.MISSING,
                f"{SESSION_FILE}: its end and its frames differ in the smallest bound of {role}: "
                + ", ".join(texts),
            )


def _pictures(
    reader: SessionReader, story: SessionStory, totals: SessionTotals
) -> Iterator[Finding]:
    """Decode every picture, and look for those that frames were measured in."""
    count, recorded = 0, set[tuple[str, int]]()
    for picture in reader.pictures():
        recorded.add((picture.camera, picture.log_time))
        try:
            picture.image()
        except PictureError as error:
            at = reader.seconds(picture.log_time)
            yield Finding(Weight.MISSING, f"the picture of {picture.camera} at {at:.3f} s {error}")
        else:
            count += 1
    yield Finding(Weight.GOOD, f"{count:,} pictures can be decoded")
    there = Counter(camera for camera, _ in recorded)
    for camera, declared in totals.pictures.items():
        if there[camera] < declared:
            yield Finding(
                Weight.MISSING,
                f"{declared:,} pictures of {camera} were recorded, {there[camera]:,} are there",
            )
    for camera, times in story.camera_times.items():
        missing = [t for t in times if (camera, reader.clock.ns(t)) not in recorded]
        if missing:
            yield Finding(
                Weight.NOTE,
                f"{len(missing):,} of the {len(times):,} pictures of {camera} that frames were "
                "measured in are not recorded",
            )


def _case(reader: SessionReader, case: Path) -> Iterator[Finding]:
    folder = case.parent if case.name.endswith(".toml") else case
    if not folder.is_dir():
        raise InputError(f"{case}: does not exist; expected case.toml or its folder")
    recorded = [name for name in reader.attachments if name.startswith(CASE)]
    if not recorded:
        yield Finding(Weight.NOTE, "the session holds no case to be compared")
    changed = list(_changed(reader, recorded, folder))
    for text in changed:
        yield Finding(Weight.DIFFERENT, text)
    if recorded and not changed:
        yield Finding(Weight.GOOD, f"the case's {len(recorded)} files are those recorded")


def _changed(reader: SessionReader, recorded: Sequence[str], folder: Path) -> Iterator[str]:
    for name in recorded:
        path = folder / name.removeprefix(CASE)
        try:
            now = path.read_bytes()
        except OSError as error:
            yield f"{path}: was recorded, and cannot be read: {error.strerror or error}"
            continue
        if not is_recorded_file(now, name, reader.attachments, reader.about):
            own = sha256(reader.attachments[name]).hexdigest()
            was, new = reader.about.get(f"{ORIGINAL}{name}", own), sha256(now).hexdigest()
            yield f"{path}: SHA-256 is {new[:16]}…, when recorded it was {was[:16]}…"
