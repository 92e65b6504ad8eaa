"""Is a session being recorded, how fast, for how long is there room, and does the clock jump?"""

import shutil
import time
from collections import Counter, deque
from pathlib import Path

from nav.core.notice import Notice
from nav.record.session.picture_recorder import ENDED, PictureRecorder
from nav.record.session.session_about import BILLION, SessionClock
from nav.record.session.session_writer import SessionWriter

WINDOW = 5.0  # s over which rates are taken
JUMP = 0.5  # s; a clock that is disciplined drifts by less


class RateOver:
    """Growth per second of a number over the last seconds."""

    def __init__(self, window: float = WINDOW) -> None:
        self.window = window
        self._seen: deque[tuple[float, float]] = deque()

    def update(self, now: float, total: float) -> float:
        """Take the number as it is now; return its growth per second.

        Parameters
        ----------
        now : float
            s, monotonic clock.
        total : float
            The number.

        Returns
        -------
        float
            0 until there are two.
        """
        self._seen.append((now, total))
        while len(self._seen) > 2 and now - self._seen[0][0] > self.window:
            self._seen.popleft()
        then, before = self._seen[0]
        return (total - before) / (now - then) if now > then else 0.0


class ClockWatch:
    """Notice that the computer's clock was set, or that the computer slept.

    Parameters
    ----------
    clock : SessionClock
        Of the session, whose times do not follow.
    """

    def __init__(self, clock: SessionClock) -> None:
        self.clock = clock
        self._offset = 0.0

    def jump(self) -> float | None:
        """Return by how many seconds the clock has jumped since the last call; None: it has not."""
        utc, monotonic = time.time_ns(), time.monotonic()
        offset = (utc - self.clock.ns(monotonic)) / BILLION
        moved = offset - self._offset
        if abs(moved) < JUMP:
            return None
        self._offset = offset
        return moved


def minutes_left(folder: Path, reserve: int, rate: float) -> int | None:
    """Return for how long there is room.

    Parameters
    ----------
    folder : Path
        On the disk.
    reserve : int
        Bytes that stay free.
    rate : float
        Bytes per second.

    Returns
    -------
    int or None
        Minutes, 0 where there is none; None where that cannot be told.
    """
    try:
        free = shutil.disk_usage(folder).free - reserve
    except OSError:
        return None
    return int(max(0, free) / max(rate, 1.0) / 60.0)


class RecorderHealth:
    """Once per second: rates, room on the disk, what was missed, and whether the clock was set.

    Parameters
    ----------
    writer : SessionWriter
        Of the session; only its file's place and size are looked at.
    pictures : PictureRecorder or None
        Of the pictures.
    reserve : int
        Bytes of the disk that stay free.
    """

    def __init__(
        self, writer: SessionWriter, pictures: PictureRecorder | None, reserve: int
    ) -> None:
        self.file, self.folder = writer.file, writer.folder
        self.pictures, self.reserve = pictures, reserve
        self.clock = ClockWatch(writer.clock)
        self._inode = self.file.path.stat().st_ino
        self._bytes, self._kept = RateOver(), RateOver()
        self._lost = Counter[str]()
        self._trouble: str | None = None
        self._dropped: Counter[str] = Counter()

    def status(self, now: float) -> Notice:
        """Return that it records, how fast, and for how many minutes there is room.

        Parameters
        ----------
        now : float
            s, monotonic clock.

        Returns
        -------
        Notice
        """
        written = self.file.whole + (0 if self.pictures is None else self.pictures.written)
        rate = self._bytes.update(now, written)
        kept = 0 if self.pictures is None else self.pictures.kept.total()
        facts = {
            "mb_per_s": rate / 1e6,
            "minutes": minutes_left(self.folder, self.reserve, rate),
            "pictures": self._kept.update(now, kept),
        }
        return Notice("recording", facts)

    def is_there(self) -> bool:
        """Return whether the file that is being written still has its name."""
        try:
            return self.file.path.stat().st_ino == self._inode
        except OSError:
            return False

    def missed(self, lost: Counter[str]) -> list[Notice]:
        """Return what has gone wrong since the last call.

        Parameters
        ----------
        lost : Counter of str
            How many "results" and "events" were not recorded, so far.

        Returns
        -------
        list of Notice
            Each becomes an event of the recorder, and is shown.
        """
        found = []
        if (moved := self.clock.jump()) is not None:
            found.append(Notice("clock_set", {"seconds": moved}))
        for kind, count in (lost - self._lost).items():
            found.append(Notice(f"{kind}_dropped", {"count": count}))
        self._lost = lost
        if self.pictures is None:
            return found
        trouble, self._trouble = self._trouble, self.pictures.trouble
        if self._trouble is not None and self._trouble != trouble:
            ended = self._trouble == ENDED
            why = Notice("pictures_ended") if ended else self._trouble
            found.append(Notice("pictures_stopped", {"problem": why}))
        elif trouble is not None and self._trouble is None:
            found.append(Notice("pictures_again"))
        dropped = Counter(self.pictures.dropped)
        for camera, count in (dropped - self._dropped).items():
            found.append(Notice("pictures_dropped", {"camera": camera, "count": count}))
        self._dropped = dropped
        return found


def not_recording(reason: Notice) -> Notice:
    """Return what the window says where nothing is recorded.

    Parameters
    ----------
    reason : Notice
        Why.

    Returns
    -------
    Notice
    """
    return Notice("not_recording", {"reason": reason})
