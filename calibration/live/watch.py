"""The thread that takes images while the window shows them."""

import logging
import threading

from calibration.live.capture_display import Shown
from calibration.live.taking import Taking
from nav.camera.uncalibrated import UncalibratedCameras
from nav.core.errors import InputError

log = logging.getLogger(__name__)


class Watch:
    """Passes the cameras' frame sets to `Taking` until it is stopped; keeps the newest result.

    Parameters
    ----------
    source : UncalibratedCameras
        The cameras.
    taking : Taking
        Decides which images are taken.
    """

    def __init__(self, source: UncalibratedCameras, taking: Taking) -> None:
        self.source, self.taking = source, taking
        self.newest: Shown | None = None
        self.problem = ""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; what was taken is kept."""
        self._stopped.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        try:
            for frames in self.source:
                if self._stopped.is_set():
                    return
                self.newest = self.taking.step(frames, self.source.warnings)
        except InputError as error:
            self.problem = str(error)
        except Exception as error:
            log.exception("taking images failed")
            self.problem = f"taking images failed: {error}"
