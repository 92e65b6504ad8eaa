"""pictures.mcap: the cameras' pictures of a session, written and read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from mcap.records import Channel, Message, Metadata
from mcap.writer import CompressionType, Writer

import nav
from nav.core.errors import InputError
from nav.core.frameset import Picture
from nav.core.notice import Notice
from nav.core.textfile import printable
from nav.record.session.mcap_records import McapRecords
from nav.record.session.picture_codec import (
    JPEG_ENCODING,
    JPEG_SCHEMA,
    JPEG_SCHEMA_ENCODING,
    JPEG_SCHEMA_TEXT,
    LOSSLESS_ENCODING,
    LOSSLESS_SCHEMA,
    decode_jpeg,
    decode_lossless,
    encode_jpeg,
    encode_lossless,
    jpeg_message,
    read_jpeg_message,
)
from nav.record.session.session_format import PICTURES_FILE
from nav.record.session.whole_blocks import WholeBlocks

PICTURES_FORMAT = "c1c2nav/pictures/1"
CHUNK = 4 * 1024 * 1024  # bytes
TOPIC = "/camera/"
# as a camera sent it, compressed by us, and without loss
Coding = Literal["camera JPEG", "JPEG", "lossless"]
OWN = "camera_jpeg"  # metadata of a channel: the JPEG is the camera's own


def channel_coding(channel: Channel) -> Coding:
    """Return how the pictures of a channel are kept.

    Parameters
    ----------
    channel : Channel
        Of pictures.mcap.

    Returns
    -------
    {"camera JPEG", "JPEG", "lossless"}
    """
    if channel.message_encoding == LOSSLESS_ENCODING:
        return "lossless"
    return "camera JPEG" if channel.metadata.get(OWN) == "true" else "JPEG"


@dataclass(frozen=True)
class RecordedPicture:
    """A picture of a session.

    Parameters
    ----------
    camera : str
        Its name.
    log_time : int
        When it was taken, ns, UTC; `SessionClock.ns` of the time in `/frame` gives the same.
    number : int
        Counts this camera's recorded pictures.
    coding : {"camera JPEG", "JPEG", "lossless"}
        How it is kept.
    data : bytes
        As recorded.
    """

    camera: str
    log_time: int
    number: int
    coding: Coding
    data: bytes

    @property
    def exact(self) -> bool:
        """Whether its image is bit for bit the one that was tracked."""
        return self.coding != "JPEG"

    def image(self) -> Picture:
        """Decode it.

        Returns
        -------
        ndarray, shape (h, w), uint8
            Grey levels.

        Raises
        ------
        PictureError
            It is damaged.
        """
        if self.coding == "lossless":
            return decode_lossless(self.data)
        return decode_jpeg(read_jpeg_message(self.data).jpeg)

    def jpeg(self) -> bytes:
        """Return its JPEG file.

        Returns
        -------
        bytes
            As it was recorded; made now where it was recorded lossless.

        Raises
        ------
        PictureError
            It is damaged.
        """
        if self.coding == "lossless":
            return encode_jpeg(self.image())
        return read_jpeg_message(self.data).jpeg


class PictureWriter:
    """Writes pictures.mcap; as `SessionWriter` it needs `flush` and `sync`, and one thread at once.

    Parameters
    ----------
    folder : Path
        Of the session.
    about : mapping of str to str
        Of the session.
    cameras : sequence of str
        Their names.
    lossless : bool
        Whether to keep every bit of pictures that the camera did not send as JPEG.

    Raises
    ------
    InputError
        It exists, or cannot be written.
    """

    def __init__(
        self, folder: Path, about: Mapping[str, str], cameras: Sequence[str], lossless: bool = False
    ) -> None:
        self.lossless = lossless
        self.file = WholeBlocks(folder / PICTURES_FILE)
        self._writer = Writer(cast(Any, self.file), CHUNK, CompressionType.NONE)
        self._writer.start("", f"c1c2nav {nav.__version__}")
        kept = {name: about[name] for name in ("started_utc", "started_ns", "code")}
        self._writer.add_metadata("c1c2nav", {"format": PICTURES_FORMAT, **kept})
        jpeg = self._writer.register_schema(JPEG_SCHEMA, JPEG_SCHEMA_ENCODING, JPEG_SCHEMA_TEXT)
        schema, encoding = jpeg, JPEG_ENCODING
        if lossless:
            schema, encoding = (
                self._writer.register_schema(LOSSLESS_SCHEMA, "", b""),
                LOSSLESS_ENCODING,
            )
        # all of them at the begin of the file, where an index looks for them
        self._channels = {
            name: self._writer.register_channel(TOPIC + name, encoding, schema) for name in cameras
        }
        self._own = {
            name: self._writer.register_channel(TOPIC + name, JPEG_ENCODING, jpeg, {OWN: "true"})
            for name in cameras
        }
        self.counts = dict.fromkeys(cameras, 0)

    def encoded(
        self, camera: str, log_time: int, image: Picture, jpeg: bytes | None = None
    ) -> bytes:
        """Return a picture as its message; needs no lock, and may run in any thread.

        Parameters
        ----------
        camera : str
            Its name.
        log_time : int
            When it was taken, ns, UTC.
        image : ndarray, shape (h, w), uint8
            Grey levels; not looked at where there is `jpeg`.
        jpeg : bytes, optional
            The camera's own JPEG, which is kept as it is.

        Returns
        -------
        bytes
            For `add`.

        Raises
        ------
        PictureError
            JPEG has no such size.
        """
        if jpeg is not None:
            return jpeg_message(camera, log_time, jpeg)
        if self.lossless:
            return encode_lossless(image)
        return jpeg_message(camera, log_time, encode_jpeg(image))

    def add(
        self, camera: str, log_time: int, data: bytes, publish_time: int, own: bool = False
    ) -> None:
        """Add a picture that was encoded.

        Parameters
        ----------
        camera : str
            Its name.
        log_time, publish_time : int
            When it was taken, and now, ns, UTC.
        data : bytes
            As `encoded` returned it.
        own : bool
            Whether it holds the camera's own JPEG.
        """
        number, channels = self.counts[camera], self._own if own else self._channels
        self._writer.add_message(
            channels[camera], log_time, data, publish_time, number & 0xFFFFFFFF
        )
        self.counts[camera] = number + 1

    def flush(self) -> None:
        """Append what was added to the file; OSError as of `SessionWriter.flush`."""
        self._writer.flush()

    def sync(self) -> None:
        """Wait until what was flushed is on the disk; OSError as of `SessionWriter.sync`."""
        self.file.sync()

    def close(self) -> None:
        """Complete the file and close it; OSError as of `SessionWriter.close`."""
        if self.file.closed:
            return
        try:
            self._writer.finish()
            self.file.flush()
            self.file.sync()
        finally:
            self.file.close()


class PictureReader:
    """The pictures of a session in the order in which they were written; each pass begins anew.

    Parameters
    ----------
    folder : Path
        Of the session.

    Attributes
    ----------
    about : dict of str to str
        What the file says of its session: "started_utc", "started_ns", "code".
    cut, damage, whole
        After a pass, as of `McapRecords`.

    Raises
    ------
    InputError
        There are none, or the file is of another program or a later version.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / PICTURES_FILE
        self._records = McapRecords(self.path)
        for placed in self._records:
            if isinstance(placed.record, Metadata):
                self.about = placed.record.metadata
                self._check(self.about.get("format", "missing"))
                break
        else:
            raise InputError(f"{self.path}: holds no pictures of a session")

    def _check(self, found: str) -> None:
        if found != PICTURES_FORMAT:
            raise InputError(f"{self.path}: format is {found!r}, expected {PICTURES_FORMAT}")

    @property
    def cut(self) -> Notice | None:
        """Why the file ends early, after a pass."""
        return self._records.cut

    @property
    def damage(self) -> list[Notice]:
        """What was left out in the last pass."""
        return self._records.damage

    @property
    def whole(self) -> int:
        """Offset behind the last record that is whole, after a pass."""
        return self._records.whole

    def __iter__(self) -> Iterator[RecordedPicture]:
        channels: dict[int, tuple[str, Coding]] = {}
        for placed in self._records:
            record = placed.record
            if isinstance(record, Channel) and record.topic.startswith(TOPIC):
                channels[record.id] = record.topic.removeprefix(TOPIC), channel_coding(record)
            elif isinstance(record, Message) and record.channel_id in channels:
                camera, coding = channels[record.channel_id]
                yield RecordedPicture(camera, record.log_time, record.sequence, coding, record.data)


def has_pictures(folder: Path) -> bool:
    """Return whether a session's folder has a file of pictures that is not empty.

    Parameters
    ----------
    folder : Path
        Of the session.

    Returns
    -------
    bool
    """
    path = folder / PICTURES_FILE
    return path.is_file() and path.stat().st_size > 0


def check_session_of_pictures(folder: Path, about: Mapping[str, str]) -> None:
    """Refuse pictures of another session in a session's folder; what cannot be read is no reason.

    Parameters
    ----------
    folder : Path
        Of the session.
    about : mapping of str to str
        Of the session.

    Raises
    ------
    InputError
        They were recorded in a session that was started at another time.
    """
    if not has_pictures(folder):
        return
    try:
        own = PictureReader(folder).about
    except (InputError, OSError):
        return  # reported when they are read
    started = about.get("started_ns")
    if started is not None and own.get("started_ns", started) != started:
        raise InputError(
            f"{folder / PICTURES_FILE}: holds the pictures of another session, started "
            f"{printable(own.get('started_utc', '?')):.40}; put this session's file in its place, "
            "or take it away"
        )
