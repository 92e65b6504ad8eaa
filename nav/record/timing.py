"""timing.csv: how long each frame set took, and whether whole pictures were searched."""

import csv
from typing import TextIO

from nav.tracking.tracked_frame import TrackedFrame

COLUMNS = ("frame", "read_ms", "track_ms", "mode")


class TimingWriter:
    """Writes rows to an open file as frames come.

    read_ms : waiting for the pictures. track_ms : everything from pictures to poses, in all
    threads. mode : 'follow' where no whole picture was searched for markers, else 'acquire'.
    """

    def __init__(self, file: TextIO) -> None:
        self.writer = csv.writer(file)
        self.writer.writerow(COLUMNS)

    def write(self, tracked: TrackedFrame, read_seconds: float) -> None:
        """One frame set."""
        times = (f"{1e3 * seconds:.3f}" for seconds in (read_seconds, tracked.track_seconds))
        self.writer.writerow([tracked.number, *times, tracked.mode])
