"""A session played at any speed, step by step, and from anywhere; its commands are ignored."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np

from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.messages import Command, Preparing, Standstill, Timeline
from nav.live.playback import Playback

SLOWEST, FASTEST = 0.05, 50.0
HELD = 0.3  # s of recorded time that a frame stays current: as long as in the live window
PATIENCE = 0.3  # s of computing after which progress is shown


class FrameStore(Protocol):
    """The frames of a session, by their place in it."""

    @property
    def times(self) -> Sequence[float]:
        """Time of each frame, s, never decreasing."""
        ...

    def prepare(self, end: int, going_on: Callable[[int], bool]) -> bool:
        """Make ready all frames before `end`; give up and return False when told to.

        `going_on` is called with the number of frames made; it returns whether to go on.
        """
        ...

    def frame(self, index: int) -> TrackedFrame:
        """Return a frame with its pictures, if there are some; all before it are ready."""
        ...

    def close(self) -> None:
        """Free files and threads."""
        ...


class SessionPlayback(Playback):
    """State of a session's replay: playing or not, how fast, and where to go.

    Parameters
    ----------
    times : sequence of float
        Time of each frame, s.

    Attributes
    ----------
    shown : int
        Index of the frame that was handed out last; -1 before the first.
    """

    def __init__(self, times: Sequence[float]) -> None:
        super().__init__()
        self.times = np.asarray(times, float)
        self.speed = 1.0
        self.shown = -1
        self.shown_at = time.monotonic()
        self.goal: int | None = None
        self.computing: tuple[float, float] | None = None  # since when, and which share is done

    def is_for_work(self, command: Command) -> bool:
        """Return False except for the end: what the user did is given from the recording."""
        return command.kind == "quit"

    def obey(self, command: Command) -> None:
        """Carry out play, pause, restart, seek, step, speed or quit; ignore other commands."""
        with self.changed:
            if command.kind == "play":
                self.began = self.playing = True
            elif command.kind == "pause" and not self.over:
                self.playing = not self.playing
            elif command.kind == "restart":
                self.goal, self.playing = 0, True
            elif command.kind == "seek":
                self._seek(command.argument)
            elif command.kind == "step":
                self._step(command.argument)
            elif command.kind == "speed":
                wanted = _number(command.argument)
                if wanted is not None and SLOWEST <= wanted <= FASTEST:
                    self.speed = wanted
            elif command.kind == "quit":
                self.quit = True
            self.changed.notify_all()

    def _seek(self, argument: str) -> None:
        seconds = _number(argument)
        if seconds is None or not len(self.times):
            return
        index = int(np.searchsorted(self.times, self.times[0] + seconds))
        self.goal = min(index, len(self.times) - 1)

    def _step(self, argument: str) -> None:
        count = _number(argument)
        if count is None or not len(self.times):
            return
        self.playing = False
        now = self.shown if self.goal is None else self.goal
        self.goal = min(max(now + int(count), 0), len(self.times) - 1)

    @property
    def stops(self) -> bool:
        """Whether the window is closed."""
        return self.quit

    def next_frame(self) -> int | None:
        """Wait until a frame is due; return its index, or None at the end of the replay.

        At the end of the recording it waits for a place to go to.
        """
        with self.changed:
            while not self.quit:
                if not self.began:
                    self.changed.wait()
                    continue
                goal, self.goal = self.goal, None
                if goal is not None and (goal != self.shown or self.over):
                    self.over = False
                    return self._hand_out(goal)
                following = self.shown + 1
                if following >= len(self.times):
                    self.over = self.playing or self.over
                    wait = None
                elif not self.playing:
                    wait = None
                else:
                    self.over = False
                    wait = self._due(following) - time.monotonic()
                    if wait <= 0.0:
                        return self._hand_out(following)
                self.changed.wait(wait)
        return None

    def _due(self, following: int) -> float:
        if self.shown < 0:
            return time.monotonic()
        gap = float(self.times[following] - self.times[self.shown])
        return self.shown_at + gap / self.speed

    def _hand_out(self, index: int) -> int:
        now = time.monotonic()
        goes_on = index == self.shown + 1 and self.playing and self.shown >= 0
        due = self._due(index) if goes_on else now
        # a replay that is a little late catches up; after a pause or a jump it begins anew
        self.shown_at = due if now - due < HELD else now
        self.shown = index
        return index

    def standstill(self) -> Standstill | Preparing | None:
        """Return what to tell the window now, if time stands still or a place is being computed."""
        now, computing = time.monotonic(), self.computing
        if computing is not None:
            since, share = computing
            return Preparing(Notice("replay_computing"), share) if now - since > PATIENCE else None
        if self.over:
            return Standstill(now, "over")
        if self.began and not self.playing:
            return Standstill(now, "paused") if self.shown >= 0 else None
        following, past = self.shown + 1, (now - self.shown_at) * self.speed
        if 0 < following < len(self.times) and past > HELD:
            gap = float(self.times[following] - self.times[self.shown])
            return Preparing(Notice("replay_gap", {"seconds": gap})) if gap > HELD else None
        return None


class SessionSource:
    """The frames of a session at their pace, from wherever the window asks for.

    Parameters
    ----------
    frames : FrameStore
        The frames.
    go_to : callable
        Called with a frame's index before that frame is handed out of order: puts the user's work
        into the state that it had before it.
    timeline : Timeline
        For the window.
    """

    def __init__(
        self, frames: FrameStore, go_to: Callable[[int], None], timeline: Timeline
    ) -> None:
        self.frames, self.go_to, self.timeline = frames, go_to, timeline
        self.playback = SessionPlayback(frames.times)

    def __iter__(self) -> Iterator[TrackedFrame]:
        playback, before = self.playback, -1
        while (index := playback.next_frame()) is not None:
            playback.computing = time.monotonic(), 0.0
            try:
                if not self.frames.prepare(index, partial(self._go_on, index)):
                    playback.shown = before  # the user wants to go elsewhere
                    continue
                if index != before + 1:
                    self.go_to(index)
                tracked = self.frames.frame(index)
            finally:
                playback.computing = None
            before = index
            yield replace(tracked, captured_at=None)

    def _go_on(self, end: int, done: int) -> bool:
        playback = self.playback
        if playback.computing is not None:
            playback.computing = playback.computing[0], done / max(end, 1)
        return not playback.quit and playback.goal is None

    def close(self) -> None:
        """Free files and threads."""
        self.frames.close()


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
