"""A recorded session frame by frame: poses, what was shown after each, and what the user did."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import Command
from nav.live.playback import PLAYER_COMMANDS
from nav.record.session.checked_frame import checked_frame
from nav.record.session.session_format import (
    EVENT,
    FRAME,
    GUIDANCE,
    SessionEvent,
    event_of_json,
    frame_of_json,
)
from nav.record.session.session_reader import SessionMessage, SessionReader

COMMANDS = frozenset(get_args(get_type_hints(Command)["kind"])) - PLAYER_COMMANDS - {"quit", "mark"}
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


@dataclass
class RecordedStep:
    """A frame of a session and what happened until the next one.

    Attributes
    ----------
    frame : TrackedFrame
        Without images.
    pictures : mapping of str to float
        By camera: the time of the image that it was measured in, s.
    guidance : mapping or None
        What was shown, as of `guidance_to_json`; None where that was not recorded.
    events : list of SessionEvent
        That happened; with the first frame also those before it.
    """

    frame: TrackedFrame
    pictures: Mapping[str, float]
    guidance: Mapping[str, Any] | None = None
    events: list[SessionEvent] = field(default_factory=list)

    @property
    def commands(self) -> tuple[Command, ...]:
        """What the user did after the frame."""
        return tuple(
            Command(event.code, str(event.facts.get("argument", "")))  # type: ignore[arg-type]
            for event in self.events
            if event.kind == "command" and event.code in COMMANDS
        )


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
    frames: list[TrackedFrame] = []
    pictures: list[Mapping[str, float]] = []
    guidance: dict[int, Mapping[str, Any]] = {}
    commands: dict[int, tuple[Command, ...]] = {}
    events: list[tuple[int, SessionEvent]] = []
    for index, step in enumerate(recorded_steps(reader)):
        frames.append(step.frame)
        pictures.append(step.pictures)
        if step.guidance is not None:
            guidance[index] = step.guidance
        if step.commands:
            commands[index] = step.commands
        events += ((index, event) for event in step.events)
        if len(frames) % COUNTED == 0:
            report(0.9 * len(frames) / max(reader.counts[FRAME], 1))
    return RecordedUse(
        frames, pictures, guidance, commands, events, reader.cut, tuple(reader.damage)
    )


def recorded_steps(reader: SessionReader) -> Iterator[RecordedStep]:
    """Iterate over a session, a frame at a time.

    Parameters
    ----------
    reader : SessionReader
        Of the session.

    Yields
    ------
    RecordedStep

    Raises
    ------
    InputError
        It holds no frame, or a message is not as this program writes it.
    """
    step: RecordedStep | None = None
    count, early = 0, list[SessionEvent]()
    for message in reader.messages(FRAME, GUIDANCE, EVENT):
        if message.topic == FRAME:
            if step is not None:
                yield step
            step = _frame(reader, message, count)
            step.events.extend(early)
            count, early = count + 1, []
        elif message.topic == EVENT:
            (early if step is None else step.events).append(_event(reader, message))
        # what belongs to a frame that was lost is not that of the one before
        elif step is not None and message.data.get("number") == step.frame.number:
            step.guidance = message.data
    if step is None:
        raise InputError(f"{reader.folder}: holds no tracked frame; there is nothing to replay")
    yield step


def _frame(reader: SessionReader, message: SessionMessage, count: int) -> RecordedStep:
    try:
        times = message.data.get("pictures", {})
        pictures = {str(camera): float(at) for camera, at in times.items()}
        return RecordedStep(checked_frame(frame_of_json(message.data)), pictures)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{reader.folder}: frame {count} is not as c1c2nav writes it: {error}"
        ) from None


def _event(reader: SessionReader, message: SessionMessage) -> SessionEvent:
    try:
        return event_of_json(message.data, message.log_time)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{reader.path}: {EVENT} at {reader.seconds(message.log_time):.3f} s is not as c1c2nav "
            f"writes it: {type(error).__name__} {error}"
        ) from None
