"""A recorded session in memory: its frames, what was shown after each, and what the user did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import Command
from nav.live.playback import PLAYER_COMMANDS
from nav.record.session.session_format import (
    EVENT,
    FRAME,
    GUIDANCE,
    SessionEvent,
    event_of_json,
    frame_of_json,
)
from nav.record.session.session_reader import SessionMessage, SessionReader

KINDS = frozenset(get_args(get_type_hints(Command)["kind"])) - PLAYER_COMMANDS - {"quit", "mark"}
COUNTED = 500  # messages between two reports of progress
Report = Callable[[float], None]  # called with the share done


@dataclass(frozen=True)
class RecordedUse:
    """What happened in a session, frame by frame.

    Parameters
    ----------
    frames : sequence of TrackedFrame
        In their order, without images.
    pictures : sequence of mapping
        Of each frame, by camera: the time of the image that it was measured in, s.
    guidance : mapping of int to dict
        What was shown, by index of the frame; messages as of `guidance_to_json`.
    commands : mapping of int to tuple of Command
        What the user did after the frame of that index, before the next one.
    events : sequence of (int, SessionEvent)
        With the index of the newest frame at that time, 0 before the first.
    cut : Notice or None
        Why the record ends early.
    damage : tuple of Notice
        What of it cannot be read.
    """

    frames: Sequence[TrackedFrame]
    pictures: Sequence[Mapping[str, float]]
    guidance: Mapping[int, Mapping[str, Any]]
    commands: Mapping[int, tuple[Command, ...]] = field(default_factory=dict)
    events: Sequence[tuple[int, SessionEvent]] = ()
    cut: Notice | None = None
    damage: tuple[Notice, ...] = ()

    @property
    def times(self) -> list[float]:
        """Time of each frame, s, never decreasing."""
        times: list[float] = []
        for frame in self.frames:
            times.append(max(frame.time, times[-1]) if times else frame.time)
        return times


def read_use(reader: SessionReader, report: Report = lambda share: None) -> RecordedUse:
    """Read a whole session.

    Parameters
    ----------
    reader : SessionReader
        Of the session.
    report : callable, optional
        Called with the share done, 0 to 1.

    Returns
    -------
    RecordedUse

    Raises
    ------
    InputError
        It holds no frame, or a message is not as this program writes it.
    """
    frames, pictures = [], []
    for message in reader.messages(FRAME):
        try:
            frames.append(frame_of_json(message.data))
            times = message.data.get("pictures", {})
            pictures.append({str(camera): float(at) for camera, at in times.items()})
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise InputError(
                f"{reader.folder}: frame {len(frames)} is not as c1c2nav writes it: {error}"
            ) from None
        if len(frames) % COUNTED == 0:
            report(0.8 * len(frames) / max(reader.counts[FRAME], 1))
    if not frames:
        raise InputError(f"{reader.folder}: holds no tracked frame; there is nothing to replay")
    guidance: dict[int, Mapping[str, Any]] = {}
    events: list[tuple[int, SessionEvent]] = []
    newest = -1
    for message in reader.messages(FRAME, GUIDANCE, EVENT):
        if message.topic == FRAME:
            newest += 1
        elif message.topic == GUIDANCE:
            # what belongs to a frame that was lost is not that of the one before
            if newest >= 0 and message.data.get("number") == frames[newest].number:
                guidance[newest] = message.data
        else:
            events.append((max(newest, 0), _event(reader, message)))
    report(0.9)
    commands: dict[int, tuple[Command, ...]] = {}
    for index, event in events:
        if event.kind == "command" and event.code in KINDS:
            given = Command(event.code, str(event.facts.get("argument", "")))  # type: ignore[arg-type]
            commands[index] = (*commands.get(index, ()), given)
    return RecordedUse(
        frames, pictures, guidance, commands, events, reader.cut, tuple(reader.damage)
    )


def _event(reader: SessionReader, message: SessionMessage) -> SessionEvent:
    try:
        return event_of_json(message.data, message.log_time)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{reader.path}: {EVENT} at {reader.seconds(message.log_time):.3f} s is not as c1c2nav "
            f"writes it: {type(error).__name__} {error}"
        ) from None
