"""Read a session: finished, unfinished, cut or damaged; what can be read is read."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from mcap.records import Attachment, Channel, Header, Message, Metadata

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.record.session.carried_files import MOST_ATTACHED
from nav.record.session.mcap_records import McapRecords
from nav.record.session.session_about import BILLION, SessionClock, check_format, clock_of
from nav.record.session.session_format import (
    EVENT,
    FRAME,
    GUIDANCE,
    SESSION_FILE,
    SessionEvent,
    event_of_json,
    frame_of_json,
)
from nav.record.session.session_json import from_bytes
from nav.record.session.session_pictures import (
    PictureReader,
    RecordedPicture,
    check_session_of_pictures,
    has_pictures,
)
from nav.record.session.session_schemas import SCHEMAS
from nav.record.session.whole_blocks import is_being_written


@dataclass(frozen=True)
class SessionMessage:
    """A message of a session.

    Parameters
    ----------
    topic : str
        FRAME, GUIDANCE, EVENT, TF or LOG.
    log_time, publish_time : int
        When it was measured and when it was written, ns, UTC.
    data : mapping
        As the encoders of `session_format` and `session_guidance` made it.
    """

    topic: str
    log_time: int
    publish_time: int
    data: Mapping[str, Any]


class SessionReader:
    """A session's record; every iterator begins at the start.

    Attributes
    ----------
    folder : Path
        Of the session.
    about : dict of str to str
        Its metadata: "format", "code", "source", "started_utc", "version:...", "sha256:...".
    clock : SessionClock
        Of its times.
    attachments : dict of str to bytes
        Files by name.
    counts : dict of str to int
        Messages by topic.
    first, last : int or None
        Earliest and latest time of a message, ns; None where there is none.
    cut : Notice or None
        Why it ends early ("session_unfinished", "session_cut", "session_without_end").
    damage : list of Notice
        What is left out: damaged records, attachments that differ from their checksum.
    being_written : bool
        Whether a program is recording it now.
    """

    def __init__(self, folder: Path) -> None:
        folder = folder.parent if folder.name == SESSION_FILE else folder
        if not folder.is_dir():
            raise InputError(f"{folder}: is not a folder; expected a session's")
        self.folder, self.path = folder, folder / SESSION_FILE
        if not self.path.exists():
            raise InputError(f"{folder}: holds no {SESSION_FILE}, so it is not a session")
        self._records = McapRecords(self.path)
        self.being_written = is_being_written(self.path)
        self.about: dict[str, str] = {}
        self.attachments: dict[str, bytes] = {}
        self.counts = dict.fromkeys(SCHEMAS, 0)
        self.first: int | None = None
        self.last: int | None = None
        self._topics = dict(enumerate(SCHEMAS, start=1))
        ended = self._scan()
        self.clock: SessionClock = self._clock()
        check_session_of_pictures(folder, self.about)
        self.cut = self._records.cut
        self.damage = [*self._records.damage, *self._other_attachments()]
        if self.cut is None and not ended:
            self.cut = Notice("session_without_end", {"file": SESSION_FILE})

    @property
    def duration(self) -> float:
        """From its start to the last message, s."""
        return 0.0 if self.last is None else max(0.0, self.seconds(self.last))

    def seconds(self, log_time: int) -> float:
        """Return a message's time in s since the start of the session."""
        return (log_time - self.clock.utc_ns) / BILLION

    def messages(self, *topics: str, unread: Collection[str] = ()) -> Iterator[SessionMessage]:
        """Iterate over messages in the order in which they were written.

        Parameters
        ----------
        *topics : str
            FRAME, GUIDANCE, EVENT, TF or LOG; all where none is given.
        unread : collection of str, optional
            Those of them whose messages come without `data`, which takes most of the time.

        Yields
        ------
        SessionMessage

        Raises
        ------
        InputError
            One is not as this program writes it.
        """
        for topic, message in self._messages(self._records):
            if topics and topic not in topics:
                continue
            if topic in unread:
                yield SessionMessage(topic, message.log_time, message.publish_time, {})
                continue
            try:
                data = from_bytes(message.data)
                if not isinstance(data, dict):
                    raise TypeError("expected a table")
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise self._refusal(topic, message, error) from None
            yield SessionMessage(topic, message.log_time, message.publish_time, data)

    def frames(self) -> Iterator[TrackedFrame]:
        """Iterate over the tracked frames, equal to those recorded; InputError as of `messages`."""
        for message in self.messages(FRAME):
            try:
                yield frame_of_json(message.data)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
                raise self._refusal(FRAME, message, error) from None

    def guidance(self) -> Iterator[SessionMessage]:
        """Iterate over what was shown, see `guidance_to_json`; InputError as of `messages`."""
        return self.messages(GUIDANCE)

    def events(self) -> Iterator[SessionEvent]:
        """Iterate over what happened; InputError as of `messages`."""
        for message in self.messages(EVENT):
            try:
                yield event_of_json(message.data, message.log_time)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
                raise self._refusal(EVENT, message, error) from None

    @property
    def has_pictures(self) -> bool:
        """Whether there is a file of pictures, and not one that was never begun."""
        return has_pictures(self.folder)

    def pictures(self) -> Iterator[RecordedPicture]:
        """Iterate over the pictures in the order in which they were written; none without any.

        Yields
        ------
        RecordedPicture
            Decoded when its `image` is asked for.

        Raises
        ------
        InputError
            The file is of another program or a later version.
        """
        if self.has_pictures:
            yield from PictureReader(self.folder)

    def _messages(self, records: McapRecords) -> Iterator[tuple[str, Message]]:
        for placed in records:
            record = placed.record
            if isinstance(record, Channel):
                self._topics[record.id] = record.topic
            elif isinstance(record, Message) and record.channel_id in self._topics:
                yield self._topics[record.channel_id], record

    def _refusal(
        self, topic: str, message: Message | SessionMessage, error: Exception
    ) -> InputError:
        what = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
        return InputError(
            f"{self.path}: {topic} at {self.seconds(message.log_time):.3f} s is not as c1c2nav "
            f"writes it: {what[:200]}"
        )

    def _scan(self) -> bool:
        """Read everything once; return whether the session was ended."""
        ended, made_by_us, attached = False, False, 0
        for placed in self._records:
            record = placed.record
            if isinstance(record, Header):
                made_by_us = record.library.startswith("c1c2nav")
            elif isinstance(record, Metadata) and record.name == "c1c2nav":
                self._take_about(record.metadata)
            elif isinstance(record, Attachment):
                attached += len(record.data)
                if attached > MOST_ATTACHED:
                    raise InputError(f"{self.path}: its attachments are larger than 512 MB")
                self.attachments[record.name] = record.data
            elif isinstance(record, Channel):
                self._topics[record.id] = record.topic
            elif isinstance(record, Message):
                if not self.about:
                    break
                topic, at = self._topics.get(record.channel_id), record.log_time
                if topic is None:
                    continue
                self.counts[topic] = self.counts.get(topic, 0) + 1
                self.first = at if self.first is None else min(self.first, at)
                self.last = at if self.last is None else max(self.last, at)
                ended = ended or (topic == EVENT and b'"kind":"ended"' in record.data[:40])
        if self.about:
            return ended
        if made_by_us:
            raise InputError(f"{self.path}: its head is damaged, so it cannot be read as a session")
        raise InputError(f"{self.path}: is an MCAP file, but not a session of c1c2nav")

    def _take_about(self, metadata: dict[str, str]) -> None:
        check_format(metadata, self.path)
        self.about = self.about or metadata

    def _clock(self) -> SessionClock:
        try:
            return clock_of(self.about)
        except (KeyError, ValueError, OverflowError):
            raise InputError(f"{self.path}: does not say when it was started") from None

    def _other_attachments(self) -> Iterator[Notice]:
        for name, digest in self.about.items():
            kind, _, attached = name.partition(":")
            if kind != "sha256":
                continue
            data = self.attachments.get(attached)
            if data is None:
                yield Notice("attachment_missing", {"file": SESSION_FILE, "name": attached})
            elif sha256(data).hexdigest() != digest:
                yield Notice("attachment_changed", {"file": SESSION_FILE, "name": attached})


def open_session(folder: Path) -> SessionReader:
    """Open a session.

    Parameters
    ----------
    folder : Path
        Of the session, or its session.mcap.

    Returns
    -------
    SessionReader

    Raises
    ------
    InputError
        It is not there, not a session of c1c2nav, of a later version, or its head is damaged.
    """
    return SessionReader(Path(folder))
