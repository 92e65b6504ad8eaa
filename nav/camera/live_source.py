"""Webcams as a source of frame sets: newest images of one instant, no waiting for lost ones."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from nav.camera.livecamera import Grabbed, LiveCamera, Watch
from nav.camera.rig import Rig
from nav.camera.webcam import OpenCapture, Webcams
from nav.core.errors import InputError, Lost
from nav.core.frameset import Frame, FrameSet, FrameSource
from nav.core.notice import Notice

# s: a frame set comes at least so often, even incomplete; with POLL well under 0.1
KEEP_UP = 0.09
ALL_LOST = 0.05  # s between frame sets while there is no picture at all
POLL = 0.005  # s
USUAL_PERIOD = 1 / 30  # s between pictures, until it is measured
FIRST_PICTURE = 5.0  # s that a webcam may take to start


class LiveSource(FrameSource):
    """Frame sets from webcams, at the rate of the slowest.

    Each frame set has the newest image of every camera that is not lost, taken within `skew` s
    of each other; none is used twice. A lost camera is `missing` with the reason, and never
    waited for. Frame sets come at least every 0.1 s, empty if need be, so that a display blanks at
    once. Times are of the monotonic clock; see `Grabbed`. `read_seconds` is the longest
    decoding, done in the cameras' own threads.

    Parameters
    ----------
    rig : Rig
        The cameras.
    devices : mapping of str to int
        Webcam number by camera name, as `parse_webcams` returns it.
    skew : float, optional
        Largest time between images of one set, s; half the shortest measured period by default,
        and a tenth more: with free-running cameras of one rate every image then finds its partner.
    capture : callable, optional
        Opens a webcam; for tests.
    clock : callable
        Returns the time, s; for tests.
    first_picture : float
        Longest wait for the first images, s; for tests.

    Raises
    ------
    InputError
        A camera that cannot be opened, gives no image, or one of another size than the rig says.
    """

    def __init__(
        self,
        rig: Rig,
        devices: Mapping[str, int],
        skew: float | None = None,
        *,
        capture: OpenCapture | None = None,
        clock: Callable[[], float] = time.monotonic,
        first_picture: float = FIRST_PICTURE,
    ) -> None:
        self._skew, self._clock = skew, clock
        self._changed = threading.Condition()
        self._closed = False
        self._number, self._time, self._given = 0, clock(), clock()
        capture = capture or Webcams()
        self.cameras = {
            name: LiveCamera(
                name, devices[name], rig[name], capture, clock=clock, changed=self._changed
            )
            for name in rig.names
        }
        self._used = dict.fromkeys(self.cameras, -1)
        self._blank = False
        try:
            for camera in self.cameras.values():
                camera.wait_for_first(first_picture)
        except InputError:
            self.close()
            raise

    def __len__(self) -> int:
        """Return 0: not known beforehand."""
        return 0

    @property
    def warnings(self) -> list[Notice]:
        """What the drivers did not lock, and slowness, as of now."""
        return [w for camera in self.cameras.values() for w in camera.warnings]

    @property
    def jpeg_cameras(self) -> list[str]:
        """Cameras whose newest image is known as their own JPEG."""
        return [name for name, camera in self.cameras.items() if camera.gives_jpeg]

    def watch(self, watcher: Watch) -> None:
        """Have every image shown as it is taken, also those that no frame set has.

        Parameters
        ----------
        watcher : callable
            Called with the image in its camera's thread; must not wait.
        """
        for camera in self.cameras.values():
            camera.watch = watcher

    def close(self) -> None:
        """Free the cameras; an iteration in progress ends."""
        self._closed = True
        for camera in self.cameras.values():
            camera.close()

    def __iter__(self) -> Iterator[FrameSet]:
        while not self._closed:
            frames = self.poll()
            if frames is not None:
                yield frames
                continue
            with self._changed:
                self._changed.wait(POLL)

    def poll(self) -> FrameSet | None:
        """Return the next frame set if it is due, else None; never wait."""
        now = self._clock()
        states = {name: camera.newest() for name, camera in self.cameras.items()}
        lost: dict[str, Notice] = {n: s for n, s in states.items() if isinstance(s, Lost)}
        live = {name: s for name, s in states.items() if isinstance(s, Grabbed)}
        fresh = {name: g for name, g in live.items() if g.number != self._used[name]}
        if not live:
            due = not self._blank or now - self._given >= ALL_LOST
            return self._give(now, {}, lost) if due else None
        skew = self._most_skew()
        if len(fresh) == len(live) and _spread(fresh.values()) <= skew:
            return self._give(now, fresh, lost)
        if now - self._given < KEEP_UP:
            return None
        # a partner that should have come has not: go on with the newest and what goes with it
        latest = max((g.time for g in fresh.values()), default=now)
        chosen = {name: g for name, g in fresh.items() if latest - g.time <= skew}
        for name in live.keys() - chosen.keys():
            lost[name] = Notice("camera_late", {"camera": name})
        return self._give(now, chosen, lost)

    def _give(
        self, now: float, chosen: Mapping[str, Grabbed], missing: Mapping[str, Notice]
    ) -> FrameSet:
        times = [g.time for g in chosen.values()]
        # after an empty set (its time is now) a picture may still be on its way from before
        self._time = max(self._time, sum(times) / len(times) if times else now)
        frames = {name: Frame(name, g.time, g.image, g.jpeg) for name, g in chosen.items()}
        seconds = max((g.seconds for g in chosen.values()), default=0.0)
        frame_set = FrameSet(
            self._number, self._time, frames, dict(missing), seconds, captured_at=self._time
        )
        self._used.update((name, g.number) for name, g in chosen.items())
        self._number, self._given, self._blank = self._number + 1, now, not chosen
        return frame_set

    def _most_skew(self) -> float:
        if self._skew is not None:
            return self._skew
        periods = [camera.period or USUAL_PERIOD for camera in self.cameras.values()]
        return 0.55 * min(periods)


def _spread(pictures: Iterable[Grabbed]) -> float:
    times = [g.time for g in pictures]
    return max(times) - min(times)
