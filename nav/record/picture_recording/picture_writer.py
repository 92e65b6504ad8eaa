"""Write images of several cameras into a folder that is readable at any moment."""

import errno
import os
import queue
import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2

from nav.camera.times import COLUMNS, LIMITS
from nav.core.errors import InputError
from nav.core.frameset import Frame, Picture
from nav.core.notice import Notice
from nav.core.output_checks import cannot_be_written
from nav.core.unfinished import unfinished_name

TIMES_FILE = "times.csv"
MOST_WAITING = 1 << 30  # bytes of images that wait to be encoded
JPEG_QUALITY = 95
CAMERA_SUFFIX = ".jpg"
DIGITS = 6  # of a file's name


@dataclass(frozen=True)
class PictureCoding:
    """How images become files; a camera's own JPEG becomes one as it is.

    Parameters
    ----------
    suffix : str
        Of the files: .png is lossless, .jpg a tenth of the work.
    settings : tuple of int
        As `cv2.imencode` takes them.
    """

    suffix: str
    settings: tuple[int, ...] = ()

    def encode(self, image: Picture) -> bytes:
        """Return a file's content."""
        return cv2.imencode(self.suffix, image, self.settings)[1].tobytes()

    def suffix_of(self, frame: Frame) -> str:
        """Return the suffix of an image's file."""
        return self.suffix if frame.jpeg is None else CAMERA_SUFFIX

    def size_of(self, frame: Frame) -> int:
        """Return the bytes that wait until an image is in its file."""
        return frame.image.nbytes if frame.jpeg is None else len(frame.jpeg)


LOSSLESS = PictureCoding(".png")
JPEG = PictureCoding(".jpg", (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))


@dataclass(frozen=True)
class Written:
    """How far the writing has come.

    Parameters
    ----------
    instants : int
        That are in files.
    pictures : mapping of str to int
        Files by camera.
    accepted : int
        Instants that are in files or on their way there.
    dropped : int
        Instants that were not taken: encoding or disk were too slow.
    waiting : float
        Share of the room for images on their way that is in use.
    size : int
        Bytes in files.
    """

    instants: int
    pictures: Mapping[str, int]
    accepted: int
    dropped: int
    waiting: float
    size: int


@dataclass(frozen=True)
class _Instant:
    """Images on their way to files; bytes in memory."""

    number: int
    coded: tuple["_Coded", ...]
    size: int


@dataclass(frozen=True)
class _Coded:
    """An image on its way: camera, time of the recording, suffix, content."""

    camera: str
    time: float
    suffix: str
    content: Future[bytes]


def new_recording_folder(folder: Path) -> None:
    """Refuse a folder in which something would be mixed with a new recording.

    Parameters
    ----------
    folder : Path
        May not exist.

    Raises
    ------
    InputError
        It is a file, or is not empty.
    """
    try:
        there = next(iter(sorted(folder.iterdir())), None) if folder.exists() else None
    except NotADirectoryError:
        raise InputError(f"{folder}: is a file; give a new folder") from None
    except OSError as error:
        raise cannot_be_written(folder, error) from None
    if there is not None:
        raise InputError(f"{folder}: is not empty ({there.name}); give a new folder")


def check_folder_name(name: str) -> None:
    """Refuse a camera's name that is no name of a folder.

    Parameters
    ----------
    name : str
        The camera's.

    Raises
    ------
    InputError
        It has a separator, begins with a dot, or cannot be shown.
    """
    if Path(name).name != name or name.startswith(".") or not name.isprintable() or "\\" in name:
        raise InputError(f"--camera {name}: is not a folder name; expected letters and digits")


class PictureWriter:
    """Write instants into FOLDER/CAMERA/NUMBER.png or .jpg with FOLDER/times.csv.

    Images are encoded in threads and put into files in order, each whole or not at all, and the row
    of times.csv before its file: whenever the program ends, what is there can be read. A full disk
    ends the writing; what is there stays.

    Parameters
    ----------
    folder : Path
        New or empty.
    cameras : sequence of str
        Names, which become sub-folders.
    coding : PictureCoding
        Of the files.
    workers : int, optional
        Threads that encode; all processors but one by default.
    most_waiting : int, optional
        Bytes of images that may wait.
    least_free : int, optional
        Bytes that stay free on the disk.

    Raises
    ------
    InputError
        The folder is not empty, or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        cameras: tuple[str, ...],
        coding: PictureCoding = LOSSLESS,
        *,
        workers: int | None = None,
        most_waiting: int = MOST_WAITING,
        least_free: int = 64 << 20,
    ) -> None:
        for name in cameras:
            check_folder_name(name)
        new_recording_folder(folder)
        self.folder, self.cameras, self.coding = folder, cameras, coding
        self._most_waiting, self._least_free = most_waiting, least_free
        self._lock = threading.Lock()
        self._accepted = self._instants = self._dropped = self._size = self._waiting = 0
        self._pictures = dict.fromkeys(cameras, 0)
        self._rows = 0
        self._start: float | None = None
        self._problem: Notice | None = None
        self._broken = False  # nothing can be written any more
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in cameras:
                (folder / name).mkdir()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._times = os.open(folder / TIMES_FILE, flags, 0o666)
            os.write(self._times, (",".join(COLUMNS) + "\n").encode())
        except FileExistsError as error:
            raise InputError(
                f"{error.filename}: is there already; is another program recording into {folder}?"
            ) from None
        except OSError as error:
            raise cannot_be_written(folder, error) from None
        count = max(1, (os.cpu_count() or 2) - 1) if workers is None else workers
        self._encoders = ThreadPoolExecutor(count, "encode")
        self._queue: queue.SimpleQueue[_Instant | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="write pictures", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> Notice | None:
        """Why nothing more is written; None while all is well."""
        with self._lock:
            return self._problem

    @property
    def written(self) -> Written:
        """How far the writing has come."""
        with self._lock:
            return Written(
                self._instants,
                dict(self._pictures),
                self._accepted,
                self._dropped,
                self._waiting / self._most_waiting,
                self._size,
            )

    @property
    def start(self) -> float | None:
        """Time of the first image, from which times.csv counts, s; None before it."""
        return self._start

    def add(self, frames: Mapping[str, Frame]) -> bool:
        """Take the images of one instant; never wait.

        Parameters
        ----------
        frames : mapping of str to Frame
            By camera; some may be missing. Their images must not change any more.

        Returns
        -------
        bool
            False where they are dropped, or nothing is written any more.
        """
        size = sum(map(self.coding.size_of, frames.values()))
        with self._lock:
            if self._problem is not None or not frames:
                return False
            if self._rows + len(frames) > LIMITS.rows:
                self._problem = Notice("recording_too_long", {"rows": LIMITS.rows})
                return False
            if self._waiting and self._waiting + size > self._most_waiting:
                self._dropped += 1
                return False
            self._rows += len(frames)
            self._waiting += size
            number, self._accepted = self._accepted, self._accepted + 1
        if self._start is None:
            self._start = min(frame.time for frame in frames.values())
        coded = tuple(
            _Coded(name, frame.time - self._start, self.coding.suffix_of(frame), self._coded(frame))
            for name, frame in frames.items()
        )
        self._queue.put(_Instant(number, coded, size))
        return True

    def close(self) -> None:
        """Write what was taken, and end; may take seconds. Folders without an image go."""
        self._queue.put(None)
        self._thread.join()
        self._encoders.shutdown()
        with suppress(OSError):
            os.close(self._times)
        if not self._instants and not any(self._pictures.values()):
            with suppress(OSError):
                (self.folder / TIMES_FILE).unlink()
        for name, count in self._pictures.items():
            if not count:
                with suppress(OSError):
                    (self.folder / name).rmdir()

    def _coded(self, frame: Frame) -> Future[bytes]:
        if frame.jpeg is None:
            return self._encoders.submit(self.coding.encode, frame.image)
        whole: Future[bytes] = Future()
        whole.set_result(frame.jpeg)
        return whole

    def _run(self) -> None:
        while (instant := self._queue.get()) is not None:
            if not self._broken:  # a full times.csv does not spoil what was taken before
                try:
                    self._write(instant)
                except OSError as error:
                    self._break(Notice("recording_stopped", {"why": error.strerror or str(error)}))
                except (MemoryError, cv2.error) as error:
                    self._break(Notice("recording_stopped", {"why": type(error).__name__}))
            with self._lock:
                self._waiting -= instant.size

    def _break(self, problem: Notice) -> None:
        with self._lock:
            self._broken, self._problem = True, self._problem or problem

    def _write(self, instant: _Instant) -> None:
        size = sum(len(each.content.result()) for each in instant.coded)
        if shutil.disk_usage(self.folder).free < self._least_free + size:
            self._break(Notice("disk_full", {"folder": self.folder.name}))
            return
        rows = "".join(f"{e.camera},{instant.number},{e.time:.6f}\n" for e in instant.coded)
        self._append(rows.encode())
        for each in instant.coded:
            path = self.folder / each.camera / f"{instant.number:0{DIGITS}d}{each.suffix}"
            write_at_once(path, each.content.result())
            with self._lock:
                self._pictures[each.camera] += 1
        with self._lock:
            self._instants += 1
            self._size += size + len(rows)

    def _append(self, rows: bytes) -> None:
        """Append whole rows to times.csv, or none."""
        before = os.fstat(self._times).st_size
        try:
            done = os.write(self._times, rows)
        except OSError:
            os.ftruncate(self._times, before)
            raise
        if done < len(rows):
            os.ftruncate(self._times, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_at_once(path: Path, content: bytes) -> None:
    """Write a file under another name, and give it its own when it is whole.

    Parameters
    ----------
    path : Path
        To write.
    content : bytes
        Of the file.

    Raises
    ------
    OSError
        It cannot be written; then it is not there.
    """
    beside = unfinished_name(path)
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
