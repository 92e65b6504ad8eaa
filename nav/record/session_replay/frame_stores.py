"""The frames of a replay: as they were recorded, or tracked again in the recorded pictures."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from nav.camera.rig import Rig
from nav.core.frameset import Frame, FrameSet, Picture
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.record.session_replay.recorded_use import RecordedUse
from nav.tracking.follow.capture_times import without_delays
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker

NEIGHBOURS = 3  # next numbers up and down that are tried for a time that rounding has changed


class PictureStore(Protocol):
    """The pictures of a session."""

    def has(self, camera: str, at: float) -> bool:
        """Return whether a camera's picture of a time, s, was recorded."""
        ...

    def picture(self, camera: str, at: float) -> Picture:
        """Return it; only called where there is one, from any thread."""
        ...

    def close(self) -> None:
        """Free the file."""
        ...


class NoPictures:
    """Of a session that was recorded without pictures."""

    def has(self, camera: str, at: float) -> bool:
        """Return False."""
        return False

    def picture(self, camera: str, at: float) -> Picture:
        """Raise KeyError."""
        raise KeyError(camera)

    def close(self) -> None:
        """Do nothing."""


class LazyFrames(Mapping[str, Frame]):
    """Images of one instant that are decoded when somebody looks at them.

    Parameters
    ----------
    times : mapping of str to float
        By camera, s.
    pictures : PictureStore
        Where they are.
    """

    def __init__(self, times: Mapping[str, float], pictures: PictureStore) -> None:
        self._times, self._pictures = times, pictures
        self._decoded: dict[str, Frame] = {}

    def __getitem__(self, camera: str) -> Frame:
        if camera not in self._decoded:
            at = self._times[camera]
            image = self._pictures.picture(camera, at)
            self._decoded[camera] = Frame(camera, at, image)
        return self._decoded[camera]

    def __iter__(self) -> Iterator[str]:
        return iter(self._times)

    def __len__(self) -> int:
        return len(self._times)


class RecordedFrames:
    """The frames as they were recorded, with the pictures for people to see.

    Parameters
    ----------
    use : RecordedUse
        The session.
    pictures : PictureStore
        Its pictures.
    """

    def __init__(self, use: RecordedUse, pictures: PictureStore) -> None:
        self.use, self.pictures, self.times = use, pictures, use.times

    def prepare(self, end: int, going_on: Callable[[int], bool]) -> bool:
        """Return True: all are there."""
        return True

    def bare(self, index: int) -> TrackedFrame:
        """Return a frame without its pictures."""
        return self.use.frames[index]

    def frame(self, index: int) -> TrackedFrame:
        """Return a frame; its pictures are decoded when somebody looks at them."""
        return replace(self.bare(index), images=frame_set(self.use, index, self.pictures))

    def close(self) -> None:
        """Free the file of the pictures."""
        self.pictures.close()


class TrackedPictures:
    """The recorded pictures tracked again, from the first on; each is tracked once.

    Parameters
    ----------
    use : RecordedUse
        The session.
    pictures : PictureStore
        Its pictures.
    rig : Rig
        The cameras.
    tools : sequence of Tool
        What is tracked.
    """

    def __init__(
        self, use: RecordedUse, pictures: PictureStore, rig: Rig, tools: list[Tool]
    ) -> None:
        self.use, self.pictures, self.rig, self.times = use, pictures, rig, use.times
        self.tracker = Tracker(rig, tools)
        self.tracked: list[TrackedFrame] = []

    def prepare(self, end: int, going_on: Callable[[int], bool]) -> bool:
        """Track all frames before `end`; give up and return False when told to."""
        while len(self.tracked) < end:
            if not going_on(len(self.tracked)):
                return False
            self._track_next()
        return True

    def bare(self, index: int) -> TrackedFrame:
        """Return a frame without its pictures; all before it are tracked."""
        if index == len(self.tracked):
            self._track_next()
        return self.tracked[index]

    def frame(self, index: int) -> TrackedFrame:
        """Return a frame with its pictures; all before it are tracked."""
        return replace(self.bare(index), images=frame_set(self.use, index, self.pictures))

    def _track_next(self) -> None:
        index = len(self.tracked)
        frames = frame_set(self.use, index, self.pictures, self.rig)
        tracked = self.tracker.track(replace(frames, frames=dict(frames.frames)))
        at = self.use.frames[index].captured_at
        self.tracked.append(replace(tracked, captured_at=at, notices=self.tracker.notices))

    def close(self) -> None:
        """Free the file and the tracker's threads."""
        self.pictures.close()
        self.tracker.close()


def frame_set(
    use: RecordedUse, index: int, pictures: PictureStore, rig: Rig | None = None
) -> FrameSet:
    """Return the images that a recorded frame was measured in.

    Parameters
    ----------
    use : RecordedUse
        The session.
    index : int
        Of the frame.
    pictures : PictureStore
        Its pictures.
    rig : Rig, optional
        Whose delays were subtracted from the frame's time.

    Returns
    -------
    FrameSet
        Cameras whose picture was not recorded are missing, and why.
    """
    tracked, times = use.frames[index], use.pictures[index]
    there = {camera: at for camera, at in times.items() if pictures.has(camera, at)}
    missing = dict(tracked.camera_lost)
    for camera in times.keys() - there.keys():
        missing[camera] = Notice("picture_not_recorded", {"camera": camera})
    frames = FrameSet(tracked.number, tracked.time, LazyFrames(there, pictures), missing)
    if rig is None or not there:
        return frames
    return replace(frames, time=time_with_delays(tracked.time, there, rig))


def time_with_delays(taken: float, times: Mapping[str, float], rig: Rig) -> float:
    """Return the time that a frame set had before the cameras' delays were subtracted.

    Parameters
    ----------
    taken : float
        Of the tracked frame, s.
    times : mapping of str to float
        Of its images, by camera, s.
    rig : Rig
        With the delays.

    Returns
    -------
    float
        One from which the tracker gets exactly `taken`, where rounding allows it.
    """
    delays = [camera.delay for camera in rig.cameras if camera.name in times]
    if not any(delays):
        return taken
    nothing = np.zeros((1, 1), np.uint8)
    frames = {camera: Frame(camera, at, nothing) for camera, at in times.items()}
    guess = taken + sum(delays) / len(delays)
    tried = [sum(times.values()) / len(times), guess]
    for way in (np.inf, -np.inf):
        near = guess
        for _ in range(NEIGHBOURS):
            near = float(np.nextafter(near, way))
            tried.append(near)
    for at in tried:
        if without_delays(FrameSet(0, at, frames), rig).time == taken:
            return at
    return guess
