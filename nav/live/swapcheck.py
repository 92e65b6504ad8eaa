"""Check once, at the start of live tracking, whether two cameras were exchanged."""

from collections.abc import Mapping, Sequence
from threading import Thread

import numpy as np

from nav.camera.rig import Rig
from nav.camera.swapped import Observation, find_swap, joint_residual
from nav.core.notice import Notice
from nav.tracking.detect.marker_view import MarkerView

FRAMES = 2  # tools seen by several cameras when whole pictures were searched


class SwapCheck:
    """Collect a few frame sets' markers, then check them in a thread of its own.

    Parameters
    ----------
    rig : Rig
        The cameras.

    Attributes
    ----------
    said : tuple of Notice
        Names the swapped cameras, once they are found.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.frames: list[list[Observation]] = []
        self.notices: tuple[Notice, ...] = ()
        self.thread: Thread | None = None

    def look(self, views: Mapping[str, Sequence[MarkerView]]) -> tuple[Notice, ...]:
        """Collect what was detected of each tool in one frame set, before anything is left out.

        Return what is to be said by now.
        """
        if self.thread is not None or len(self.rig.cameras) < 2:
            return self.notices
        for seen in views.values():
            observations = self._observations(seen)
            if len(observations) > 1:
                self.frames.append(observations)
        if len(self.frames) >= FRAMES:
            self.thread = Thread(target=self._judge, name="swap check", daemon=True)
            self.thread.start()
        return self.notices

    def _observations(self, views: Sequence[MarkerView]) -> list[Observation]:
        observations = []
        for name in self.rig.names:
            own = [view for view in views if view.camera.name == name]
            if own:
                points = np.concatenate([view.marker.corners for view in own])
                pixels = np.concatenate([view.corners for view in own])
                observations.append(Observation(name, points, pixels))
        return observations

    def _judge(self) -> None:
        swapped = find_swap(self.rig, lambda rig: joint_residual(rig, self.frames))
        if swapped is not None:
            self.notices = (swapped,)
