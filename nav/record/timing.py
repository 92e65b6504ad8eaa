"""timing.csv: how long each frame set took, and whether whole images were searched."""

import csv
from typing import TextIO

from nav.core.tracked_frame import TrackedFrame

COLUMNS = ("frame", "read_ms", "track_ms", "mode")


class TimingWriter:
    """Write rows to an open file as frames come.

    The columns: read_ms, waiting for the images; track_ms, everything from images to poses, in all
    threads; mode, 'follow' where no whole image was searched for markers, else 'acquire'.

    Parameters
    ----------
    file : text file
        Where to write.
    """

    def __init__(self, file: TextIO) -> None:
        self.writer = csv.writer(file)
        self.writer.writerow(COLUMNS)

    def write(self, tracked: TrackedFrame, read_seconds: float) -> None:
        """Write one frame set; `read_seconds` is how long its reading took."""
        times = (f"{1e3 * seconds:.3f}" for seconds in (read_seconds, tracked.track_seconds))
        self.writer.writerow([tracked.number, *times, tracked.mode])
