"""The frames of a replay: as they were recorded, or tracked again in the recorded pictures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from nav.camera.rig import Rig
from nav.core.frameset import Frame, FrameSet, Picture
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.record.session_replay.picture_index import PictureStore
from nav.record.session_replay.recorded_use import RecordedUse
from nav.tracking.follow.capture_times import without_delays
from nav.tracking.tool import Tool
from nav.tracking.tracker import Tracker

Value = TypeVar("Value")
NEIGHBOURS = 3  # next numbers up and down that are tried for a time that rounding has changed


class Decoded:
    """The images of one frame, decoded when they are used.

    Parameters
    ----------
    times : mapping of str to float
        By camera, s.
    lost : mapping of str to Notice
        Why a camera had no image.
    pictures : PictureStore
        Where they are.
    """

    def __init__(
        self, times: Mapping[str, float], lost: Mapping[str, Notice], pictures: PictureStore
    ) -> None:
        self._times, self._lost, self._pictures = times, lost, pictures

    @cached_property
    def _images(self) -> dict[str, Picture | None]:
        return {camera: self._pictures.picture(camera, at) for camera, at in self._times.items()}

    def frames(self) -> dict[str, Frame]:
        """Return the images that there are."""
        return {
            camera: Frame(camera, self._times[camera], image)
            for camera, image in self._images.items()
            if image is not None
        }

    def missing(self) -> dict[str, Notice]:
        """Return why a camera has none."""
        gone = {c: Notice("picture_not_recorded", {"camera": c})
                for c, image in self._images.items() if image is None}  # fmt: skip
        return {**self._lost, **gone}


class Lazy(Mapping[str, Value]):
    """A mapping that is made when it is used.

    Parameters
    ----------
    make : callable
        Returns what it holds.
    """

    def __init__(self, make: Callable[[], Mapping[str, Value]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Mapping[str, Value]:
        return self._make()

    def __getitem__(self, key: str) -> Value:
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


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
        """Return a frame; its pictures are decoded when they are used."""
        bare = self.bare(index)
        return replace(bare, images=frame_set(bare, self.use.pictures[index], self.pictures))

    def close(self) -> None:
        """Free the file of the pictures."""
        self.pictures.close()


class PictureTracking:
    """Tracks the recorded pictures again, frame by frame; none is kept.

    Parameters
    ----------
    pictures : PictureStore
        Of the session.
    rig : Rig
        The cameras.
    tools : sequence of Tool
        What is tracked.
    recorded : Rig
        The cameras as they were then, whose delays were subtracted from the frames' times.
    """

    def __init__(
        self, pictures: PictureStore, rig: Rig, tools: Sequence[Tool], recorded: Rig
    ) -> None:
        self.pictures, self.recorded = pictures, recorded
        self.tracker = Tracker(rig, tools)

    def frame(self, recorded: TrackedFrame, taken: Mapping[str, float]) -> TrackedFrame:
        """Track the pictures of the next frame.

        Parameters
        ----------
        recorded : TrackedFrame
            As it was then.
        taken : mapping of str to float
            Times of the pictures that it was measured in, by camera, s.

        Returns
        -------
        TrackedFrame
            Without images.
        """
        lazy = frame_set(recorded, taken, self.pictures)
        frames, missing = dict(lazy.frames), dict(lazy.missing)
        times = {camera: frame.time for camera, frame in frames.items()}
        at = time_with_delays(lazy.time, times, self.recorded)
        tracked = self.tracker.track(replace(lazy, time=at, frames=frames, missing=missing))
        notices = self.tracker.notices
        return replace(tracked, captured_at=recorded.captured_at, notices=notices)

    def close(self) -> None:
        """Free the file and the tracker's threads."""
        self.pictures.close()
        self.tracker.close()


class TrackedPictures:
    """The recorded pictures tracked again, from the first on; each is tracked once.

    Parameters
    ----------
    use : RecordedUse
        The session.
    tracking : PictureTracking
        Of its pictures, from the first on.
    """

    def __init__(self, use: RecordedUse, tracking: PictureTracking) -> None:
        self.use, self.tracking, self.times = use, tracking, use.times
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
        use = self.use
        images = frame_set(use.frames[index], use.pictures[index], self.tracking.pictures)
        return replace(self.bare(index), images=images)

    def _track_next(self) -> None:
        use, index = self.use, len(self.tracked)
        self.tracked.append(self.tracking.frame(use.frames[index], use.pictures[index]))

    def close(self) -> None:
        """Free the file and the tracker's threads."""
        self.tracking.close()


def frame_set(
    tracked: TrackedFrame, taken: Mapping[str, float], pictures: PictureStore
) -> FrameSet:
    """Return the images that a recorded frame was measured in.

    Parameters
    ----------
    tracked : TrackedFrame
        The frame.
    taken : mapping of str to float
        Times of the images, by camera, s.
    pictures : PictureStore
        Its pictures.

    Returns
    -------
    FrameSet
        Decoded when somebody looks at it; cameras whose picture was not recorded are missing.
    """
    decoded = Decoded(taken, tracked.camera_lost, pictures)
    frames, missing = Lazy(decoded.frames), Lazy(decoded.missing)
    return FrameSet(tracked.number, tracked.time, frames, missing)


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
