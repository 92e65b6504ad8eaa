"""Recordings at their own pace, with pause and replay; and simulations, whose time may wait."""

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from nav.camera.source import RecordedSource, file_remark
from nav.core.frameset import FrameSet, FrameSource
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import Command, Preparing, Standstill, Timeline

# s; a simulation that takes longer for a frame set counts as hung, and its numbers are blanked
LONGEST_STEP = 5.0
# commands for what is played, not for the user's work
PLAYER_COMMANDS = frozenset({"play", "pause", "restart", "seek", "step", "speed"})


class Timed(Protocol):
    """What a recording holds: images or poses of one instant."""

    @property
    def time(self) -> float:
        """Of the instant, s."""
        ...


Item = TypeVar("Item", bound=Timed)
Result = TypeVar("Result", covariant=True)


class Recorded(Protocol[Result]):
    """A recording of images or poses."""

    def __iter__(self) -> Iterator[Result]: ...

    def close(self) -> None:
        """Free its files."""
        ...


class Playback:
    """State of a recording's playback; the window's commands come in a thread of their own."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.began = self.playing = True
        self.over = self.restart = self.quit = self.watched = False

    def hold(self) -> None:
        """Wait for the window's `play` before the first frame set, and for a command at the end."""
        self.began = self.playing = False
        self.watched = True

    def is_for_work(self, command: Command) -> bool:
        """Return whether a command is for the user's work, or ends it, too."""
        return command.kind not in PLAYER_COMMANDS

    def obey(self, command: Command) -> None:
        """Carry out play, pause, restart or quit; ignore other commands."""
        with self.changed:
            if command.kind == "play":
                self.began = self.playing = True
            elif command.kind == "pause" and not self.over:
                self.playing = not self.playing
            elif command.kind == "restart":
                self.restart = True
            elif command.kind == "quit":
                self.quit = True
            self.changed.notify_all()

    @property
    def stops(self) -> bool:
        """Whether this pass through the recording shall end at once."""
        return self.restart or self.quit

    def rewind(self) -> bool:
        """Make ready for another pass, if one is wanted; return whether it is."""
        with self.changed:
            again = self.restart and not self.quit
            self.restart = self.over = False
            self.playing = self.began
        return again

    def wait(self, seconds: float) -> float:
        """Wait a while, and as long as it is paused; return the seconds lost to a pause."""
        with self.changed:
            self.changed.wait_for(lambda: self.stops or not self.playing, max(0.0, seconds))
            if self.playing or self.stops:
                return 0.0
            before = time.monotonic()
            self.changed.wait_for(lambda: self.stops or self.playing)
            return time.monotonic() - before

    def stay_at_end(self) -> None:
        """Wait at the recording's end for a replay."""
        with self.changed:
            self.over = True
            self.changed.wait_for(lambda: self.stops)

    def standstill(self) -> Standstill | Preparing | None:
        """Return what to tell the window now, if time stands still."""
        if self.over:
            return Standstill(time.monotonic(), "over")
        if self.began and not self.playing:
            return Standstill(time.monotonic(), "paused")
        return None


class Played(Protocol):
    """What is played: a recording of poses or images, or a session."""

    playback: Any

    @property
    def timeline(self) -> Timeline | None:
        """Of a session, which can be played from anywhere."""
        ...


class PacedSource(Generic[Item]):
    """A recording at its own pace; a slower consumer gets every item, late.

    With a window it waits at its end for a replay. A recording of poses becomes a source of poses.

    Parameters
    ----------
    source : Recorded
        The recording.
    """

    timeline: Timeline | None = None

    def __init__(self, source: Recorded[Item]) -> None:
        self.source = source
        self.playback = Playback()

    def __iter__(self) -> Iterator[Item]:
        began: float | None = None
        self.playback.wait(0.0)
        for item in self.source:
            now = time.monotonic()
            began = now - item.time if began is None else began
            while paused := self.playback.wait(began + item.time - time.monotonic()):
                began += paused  # then what is left of the wait
            if self.playback.stops:
                return
            yield item
        if self.playback.watched:
            self.playback.stay_at_end()

    def close(self) -> None:
        """Close the recording."""
        self.source.close()


class PacedImages(PacedSource[FrameSet], FrameSource):
    """A recording of images at its own pace.

    Parameters
    ----------
    source : RecordedSource
        The recording.
    """

    def __init__(self, source: RecordedSource) -> None:
        super().__init__(source)
        self.images = source

    @property
    def warnings(self) -> list[Notice]:
        """What is unusual about the recording; each frame set has its own."""
        return [*map(file_remark, self.images.notes), *map(file_remark, self.images.cut_off)]

    def __len__(self) -> int:
        return len(self.images)


class SimulatedTime:
    """Simulated time, which stands still while images are drawn and while they are tracked.

    Parameters
    ----------
    source : iterable of TrackedFrame
        Poses of the simulation.
    """

    def __init__(self, source: Iterable[TrackedFrame]) -> None:
        self.source = source
        self.since: float | None = None

    def __iter__(self) -> Iterator[TrackedFrame]:
        self.since = time.monotonic()
        for tracked in self.source:
            yield tracked
            self.since = time.monotonic()

    def standstill(self) -> Standstill | None:
        """Return what to tell the window now, unless the simulation hangs."""
        since, now = self.since, time.monotonic()
        if since is None or now - since > LONGEST_STEP:
            return None
        return Standstill(now, "simulated")
