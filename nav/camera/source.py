"""Recorded images as a source of frame sets: folders of images or videos."""

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from nav.camera.findings import Findings
from nav.camera.image_files import is_picture, is_video, pictures_in, unread_pictures
from nav.camera.natural_order import natural_order
from nav.camera.quiet_opencv import quiet_opencv
from nav.camera.readahead import ReadAhead
from nav.camera.recorded import PictureFolder, Recording, Shot
from nav.camera.rig import Rig
from nav.camera.times import Times, check_one_clock, load_times
from nav.camera.video import VideoFile
from nav.core.errors import InputError
from nav.core.frameset import Frame, FrameSet, FrameSource
from nav.core.notice import Notice

DEPTH = 4  # frame sets decoded ahead
# ``module:function`` by a file in the folder: it takes folder, rig and depth; imported when used
RECORDS = {"pictures.mcap": "nav.record.session_images:open_session_images"}
FPS = 30.0  # pictures per second where neither times.csv nor the video says


def open_source(
    source: Path, rig: Rig, fps: float | None = None, ahead: bool = True
) -> "RecordedSource":
    """Open the recorded images of every camera of the rig, as frame sets.

    A folder with a sub-folder of images or a video file for each camera (its name); for a rig of
    one camera also one image folder or video itself. Images of the same name, and video images of
    the same index, are one instant. Times: times.csv in the folder, else the videos' own, else
    number / fps. Or the folder of a session: the images that its frames were measured in.

    Parameters
    ----------
    source : Path
        Folder or video file.
    rig : Rig
        Whose cameras took the images.
    fps : float, optional
        Frame sets per second where the images have no times of their own; 30 by default.
    ahead : bool
        Decode images while others are worked on; if not, one after the other, so that the work can
        be timed by itself.

    Returns
    -------
    RecordedSource
        An iterable of frame sets.

    Raises
    ------
    InputError
        Something missing, unreadable, of another size than the rig says, or without a time; also
        while iterating, where it is found out only then.
    """
    quiet_opencv()
    source, depth = Path(source), DEPTH if ahead else 0
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InputError(f"--fps: expected a number above 0, got {fps:g}")
    record = next((name for name in RECORDS if (source / name).is_file()), None)
    if record is not None:
        if fps is not None:
            raise InputError(f"--fps: the images of {source} have times of their own")
        module, function = RECORDS[record].split(":")
        opened: RecordedSource = getattr(import_module(module), function)(source, rig, depth)
        return opened
    places = _places(source, rig)
    times = _times(source, rig)
    folders = {name: _by_stem(path) for name, path in places.items() if path.is_dir()}
    stems = _stems(source, folders)
    recordings: dict[str, Recording] = {}
    for name, path in places.items():
        own = times.by_camera.get(name, {}) if times is not None else None
        recordings[name] = (
            PictureFolder(rig[name], stems, folders[name], own)
            if name in folders
            else VideoFile(rig[name], path, own)
        )
        recordings[name].check()
    remarks = [] if times is None else [*times.warnings]
    timeless = [r.path for r in recordings.values() if isinstance(r, VideoFile) and r.timeless]
    if fps is None:
        remarks += [
            f"{path}: holds no times of its own: {FPS:g} images per second are assumed; give "
            "--fps or times.csv"
            for path in timeless
        ]
    return RecordedSource(recordings, fps or FPS, depth, remarks)


class RecordedSource(FrameSource):
    """Frame sets of recorded images, decoded ahead in a thread for each camera.

    Iterating again starts again from the first. A frame set's time is the mean of its frames'; its
    `read_seconds` is how long the consumer waited for it: decoding that overlapped its own work
    does not count. `warnings` and `cut_off` are complete at the end of an iteration.

    A camera whose image is the same as its one before, while another's has changed, is missing in
    that frame set: it shows what was, not what is.

    Parameters
    ----------
    recordings : mapping of str to Recording
        By camera name.
    fps : float
        Frame sets per second where nothing else gives the times.
    depth : int
        Frame sets decoded ahead.
    warnings : sequence of str
        What was unusual before.
    """

    def __init__(
        self,
        recordings: Mapping[str, Recording],
        fps: float = FPS,
        depth: int = 4,
        warnings: Sequence[str] = (),
    ) -> None:
        self._notes = list(warnings)
        self._recordings, self._fps, self._depth = dict(recordings), fps, depth
        self._findings = Findings()
        self._active: list[ReadAhead[Shot]] = []
        self._closed = False

    def __len__(self) -> int:
        """Return the number of frame sets; for videos as announced in their files, else 0."""
        return max(recording.announced for recording in self._recordings.values())

    @property
    def warnings(self) -> list[Notice]:
        """What is suspicious but no reason to stop."""
        return [*map(file_remark, self.notes), *self._findings.notices()]

    @property
    def notes(self) -> list[str]:
        """What was unusual at opening already, a sentence each."""
        return self._notes + [note for r in self._recordings.values() for note in r.notes]

    @property
    def cut_off(self) -> list[str]:
        """Recordings that ended before their own end, a sentence each."""
        return [r.cut_off for r in self._recordings.values() if r.cut_off]

    def close(self) -> None:
        """End the reading threads; an iteration in progress ends."""
        self._closed = True
        for reader in self._active[:]:
            reader.close()

    def __iter__(self) -> Iterator[FrameSet]:
        readers = {
            name: ReadAhead(recording.shots(), self._depth, f"reading {name}")
            for name, recording in self._recordings.items()
        }
        self._active += readers.values()
        try:
            yield from self._sets(readers)
        finally:
            for reader in readers.values():
                reader.close()
                self._active.remove(reader)

    def _sets(self, readers: Mapping[str, ReadAhead[Shot]]) -> Iterator[FrameSet]:
        number, timed, before = 0, False, 0.0
        self._findings = findings = Findings()
        ended: dict[str, Shot] = {}
        while True:
            start = time.perf_counter()
            shots: dict[str, Shot] = {}
            for name in readers.keys() - ended.keys():
                readers[name].ask()  # all cameras' pictures are decoded at once
            for name, reader in readers.items():
                shot = ended.get(name) or next(reader, None)
                if shot is None:
                    end = Notice("recording_over", {"camera": name, "count": number})
                    shot = ended[name] = Shot(None, None, end)
                shots[name] = shot
            if len(ended) == len(readers) or self._closed:
                return
            shots = findings.judged(shots)
            waited = time.perf_counter() - start
            at = _common_time(shots)
            timed = timed or at is not None
            if at is None:
                at = before + 1.0 / self._fps if timed else number / self._fps
            yield _frame_set(number, at, shots, waited)
            number, before = number + 1, at


def file_remark(text: str) -> Notice:
    """Return what a reader of files found unusual, in its own words, as a notice.

    Parameters
    ----------
    text : str
        A sentence that names the file.

    Returns
    -------
    Notice
    """
    return Notice("file_remark", {"text": text})


def _common_time(shots: Mapping[str, Shot]) -> float | None:
    """Return the mean of the images' own times, or of the missing ones' where there is no image."""
    times = [s.time for s in shots.values() if s.image is not None and s.time is not None]
    times = times or [s.time for s in shots.values() if s.time is not None]
    return sum(times) / len(times) if times else None


def _frame_set(number: int, at: float, shots: Mapping[str, Shot], waited: float) -> FrameSet:
    frames = {
        name: Frame(name, at if shot.time is None else shot.time, shot.image)
        for name, shot in shots.items()
        if shot.image is not None
    }
    missing = {name: shot.reason for name, shot in shots.items() if shot.reason is not None}
    return FrameSet(number, at, frames, missing, waited)


def _places(source: Path, rig: Rig) -> dict[str, Path]:
    """Return the folder or video file of each camera."""
    one = len(rig.names) == 1
    if source.is_file():
        if one and is_video(source):
            return {rig.names[0]: source}
        raise InputError(f"{source}: {_not_a_source(source, rig)}")
    if not source.is_dir():
        raise InputError(f"{source}: no such folder or file")
    try:
        entries = sorted(source.iterdir())
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}") from None
    places = {name: place for name in rig.names if (place := _place(source, entries, name))}
    if one and not places and any(map(is_picture, entries)):
        return {rig.names[0]: source}
    for name in rig.names:
        if name not in places:
            raise InputError(
                f"{source}: nothing for camera {name}; found {_found(entries)}; expected "
                f"a sub-folder of images or a video file for each of {', '.join(rig.names)}"
            )
    return places


def _place(source: Path, entries: list[Path], name: str) -> Path | None:
    videos = [p for p in entries if is_video(p) and p.stem == name]
    folder = next((p for p in entries if p.name == name and p.is_dir()), None)
    if folder is not None and pictures_in(folder):
        videos.insert(0, folder)
    elif folder is not None and not videos:
        unread = unread_pictures(folder.iterdir())
        raise InputError(f"{folder}: no images in it" + (f", but {unread}" if unread else ""))
    if len(videos) > 1:
        both = " and ".join(p.name for p in videos[:2])
        raise InputError(f"{source}: {both} are both for camera {name}; keep one")
    return videos[0] if videos else None


def _not_a_source(source: Path, rig: Rig) -> str:
    if len(rig.names) == 1:
        kind = "one image; give its folder" if is_picture(source) else "not a video"
        return f"{kind}; expected a video file or a folder of images"
    return (
        f"one file, but the rig has {len(rig.names)} cameras; expected a folder with a sub-folder "
        f"of images or a video file for each of {', '.join(rig.names)}"
    )


def _found(entries: list[Path], most: int = 8) -> str:
    """Return in words what exists that might have been meant."""
    names = [p.name + "/" for p in entries if p.is_dir() and not p.name.startswith(".")]
    names += [p.name for p in entries if is_video(p)]
    names += [f"{p.name} (a broken link)" for p in entries if p.is_symlink() and not p.exists()]
    count = sum(map(is_picture, entries))
    names += [f"{count} image{'s' * (count > 1)} outside any camera's folder"] if count else []
    unread = unread_pictures(entries)
    names += [unread] if unread else []
    more = [f"{len(names) - most} more"] if len(names) > most else []
    return ", ".join(names[:most] + more) or "no folder, video or image"


def _by_stem(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in pictures_in(folder):
        if path.stem in files:
            both = f"{files[path.stem].name} and {path.name}"
            raise InputError(f"{folder}: {both} have the same name; keep one")
        files[path.stem] = path
    return files


def _stems(source: Path, folders: Mapping[str, Mapping[str, Path]]) -> list[str]:
    """Return the names of all cameras' images in natural order; equal ones are one instant."""
    counts = Counter(stem for files in folders.values() for stem in files)
    if len(folders) > 1 and max(counts.values()) == 1:
        examples = " and ".join(
            f"{name}/{next(iter(files.values())).name}" for name, files in folders.items()
        )
        raise InputError(
            f"{examples}: no image has the same name in two cameras; "
            "images of one instant need the same name"
        )
    return natural_order(counts, str(source))


def _times(source: Path, rig: Rig) -> Times | None:
    path = source / "times.csv"
    if not source.is_dir() or not path.exists():
        return None
    times = load_times(path)
    for name in rig.names:
        if name not in times.by_camera:
            listed = ", ".join(sorted(times.by_camera)) or "none"
            raise InputError(f"{path}: no times for camera {name}; cameras in it: {listed}")
    check_one_clock(path, {name: times.by_camera[name] for name in rig.names})
    return times
