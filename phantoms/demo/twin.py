"""A simulated puncture for the live window: made in the process that simulates, not by the window.

What makes the phantom needs hundreds of megabytes; none of it is imported here.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nav.core.notice import Notice
from nav.live.feed import Progress, silent
from nav.live.observers import ObserverSetup

FILES_WRITTEN = Notice("phantom_files_written")  # reported when the window may read them
TITLE = "Demonstration: simulated lateral C1-C2 puncture"


@dataclass(frozen=True)
class TwinJob:
    """Recipe for a simulated puncture that makes its own files.

    Attributes
    ----------
    folder : Path
        Where the files are written; empty.
    seed : int
        Of poses, hand and noise.
    observers : tuple of ObserverSetup
        Recorder and links to other programs.
    """

    folder: Path
    seed: int
    observers: tuple[ObserverSetup, ...] = ()

    def open(self, progress: Progress = silent) -> Any:
        """Write the files, report that, and set up room, hand and pipeline."""
        progress(Notice("making_phantom"), 0.0)
        from phantoms.demo.demo_files import write_demo_files
        from phantoms.twin.default_rig import LIVE_SIZE

        anatomy, rig = write_demo_files(self.folder, LIVE_SIZE)
        progress(FILES_WRITTEN, 0.0)
        # heavier to import: the window need not wait for it
        from phantoms.demo.work import true_job

        job = true_job(self.folder, anatomy, self.seed, rig)
        return replace(job, observers=self.observers).open(progress)
