"""The pictures of a recorded session as a source of frame sets: those that its poses are of."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from nav.camera.recorded import Shot
from nav.camera.rig import Camera, Rig, check_picture_size
from nav.camera.source import RecordedSource
from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.record.session.picture_codec import PictureError
from nav.record.session.session_format import FRAME, PICTURES_FILE
from nav.record.session.session_pictures import PictureReader, RecordedPicture
from nav.record.session.session_reader import open_session
from nav.text.catalogue import ENGLISH

BILLION = 1_000_000_000
LATE = 2 * BILLION  # ns: a picture is not written so much behind a later one of the same camera


class PictureTime(NamedTuple):
    """When a camera's picture was taken.

    Parameters
    ----------
    seconds : float
        By the clock of the frames.
    log_time : int
        ns, UTC, as it is recorded.
    """

    seconds: float
    log_time: int


def open_session_images(source: Path, rig: Rig, depth: int) -> RecordedSource:
    """Open the pictures that a session's frames were measured in.

    Pictures between two frames, which were recorded but not tracked, are left out: tracked again
    with the same rig and tools, lossless pictures and cameras' own JPEG give the session's poses.

    Parameters
    ----------
    source : Path
        The session's folder.
    rig : Rig
        Whose cameras took them.
    depth : int
        Frame sets decoded ahead.

    Returns
    -------
    RecordedSource

    Raises
    ------
    InputError
        No session, no pictures, a camera that it does not have, or pictures of another size.
    """
    reader = open_session(source)
    times: dict[str, list[PictureTime | None]] = {name: [] for name in rig.names}
    recorded: set[str] = set()
    for message in reader.messages(FRAME):
        taken = message.data.get("pictures", {})
        if not isinstance(taken, dict) or not taken:
            continue
        recorded.update(taken)
        for name, own in times.items():
            own.append(_time(reader.path, taken[name], reader.clock.ns) if name in taken else None)
    if not recorded:
        raise InputError(
            f"{source}: its frames were not measured in images; give a session of cameras"
        )
    for name in rig.names:
        if not any(times[name]):
            raise InputError(
                f"{source}: no pictures of camera {name}; it has {', '.join(sorted(recorded))}"
            )
    recordings = {name: SessionRecording(rig[name], source, own) for name, own in times.items()}
    for recording in recordings.values():
        recording.check()
    return RecordedSource(recordings, depth=depth)


def _time(path: Path, seconds: object, log_time: Callable[[float], int]) -> PictureTime:
    if not isinstance(seconds, int | float):
        raise InputError(f"{path}: a frame is not as c1c2nav writes it: pictures: {seconds!r:.40}")
    return PictureTime(float(seconds), log_time(float(seconds)))


@dataclass
class SessionRecording:
    """One camera's pictures of a session.

    Parameters
    ----------
    camera : Camera
        Which took them.
    folder : Path
        Of the session.
    times : sequence of PictureTime or None
        Of this camera's picture of each frame set; None where it had none.
    notes, cut_off
        As of `nav.camera.recorded.Recording`.
    """

    camera: Camera
    folder: Path
    times: Sequence[PictureTime | None]
    notes: list[str] = field(default_factory=list)
    cut_off: str = ""

    @property
    def announced(self) -> int:
        """Number of shots."""
        return len(self.times)

    def check(self) -> None:
        """Read the first picture.

        Raises
        ------
        InputError
            There is none, or it is of another size than the rig says.
        """
        path = self.folder / PICTURES_FILE
        for picture in self._pictures(PictureReader(self.folder)):
            try:
                check_picture_size(self.camera, picture.image().shape, str(path))
            except PictureError:
                continue
            return
        raise InputError(f"{path}: no picture of camera {self.camera.name} can be read")

    def shots(self) -> Iterator[Shot]:
        """Yield one shot per frame set; a damaged or dropped picture is missing."""
        reader = PictureReader(self.folder)
        pictures = self._pictures(reader)
        wanted = {time.log_time for time in self.times if time is not None}
        waiting: dict[int, RecordedPicture] = {}
        newest = 0
        last: tuple[int, Shot] | None = None
        for number, time in enumerate(self.times):
            if time is None:
                yield Shot(None, None, self._missing(f"of frame set {number}"))
                continue
            if last is not None and last[0] == time.log_time:  # the same picture once more
                yield last[1]
                continue
            while time.log_time not in waiting and newest <= time.log_time + LATE:
                picture = next(pictures, None)
                if picture is None:
                    break
                newest = max(newest, picture.log_time)
                if picture.log_time in wanted:
                    waiting[picture.log_time] = picture
            shot = self._shot(waiting.pop(time.log_time, None), time)
            last = time.log_time, shot
            waiting = {at: kept for at, kept in waiting.items() if at > time.log_time - LATE}
            yield shot
        for _ in pictures:  # so that the reader says how the file ends
            pass
        if reader.cut is not None:
            self.cut_off = f"{self.folder}: {ENGLISH.sentence(reader.cut)}"

    def _pictures(self, reader: PictureReader) -> Iterator[RecordedPicture]:
        return (picture for picture in reader if picture.camera == self.camera.name)

    def _missing(self, name: str) -> Notice:
        return Notice("no_such_picture", {"camera": self.camera.name, "name": name})

    def _shot(self, picture: RecordedPicture | None, time: PictureTime) -> Shot:
        if picture is None:
            return Shot(None, time.seconds, self._missing(f"of {time.seconds:.3f} s"))
        try:
            image = picture.image()
        except PictureError as error:
            facts = {"camera": self.camera.name, "file": PICTURES_FILE, "why": str(error)}
            return Shot(None, time.seconds, Notice("file_unusable", facts), True)
        check_picture_size(self.camera, image.shape, str(self.folder / PICTURES_FILE))
        return Shot(image, time.seconds)
