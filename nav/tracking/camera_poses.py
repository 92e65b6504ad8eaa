"""Cameras and tracker as a source of poses."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from nav.core.frameset import FrameSource
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.tracking.detect.marker_view import MarkerView
from nav.tracking.pose_source import PoseSource
from nav.tracking.tracker import Tracker

Watch = Callable[[Mapping[str, Sequence[MarkerView]]], tuple[Notice, ...]]


class CameraPoses(PoseSource):
    """Poses from images: webcams, a recording or simulated cameras, by the tracker.

    Each frame holds its images and notices about the cameras.

    Parameters
    ----------
    images : FrameSource
        The frame sets.
    tracker : Tracker
        Of the tools.
    watch : callable, optional
        Called with every marker found in a frame set, by tool; returns notices.
    """

    def __init__(self, images: FrameSource, tracker: Tracker, watch: Watch | None = None) -> None:
        self.images, self.tracker, self.watch = images, tracker, watch

    def __iter__(self) -> Iterator[TrackedFrame]:
        for frames in self.images:
            # recorded and simulated images count as taken when they arrive
            at = time.monotonic() if frames.captured_at is None else frames.captured_at
            tracked = self.tracker.track(frames)
            watched = () if self.watch is None else self.watch(self.tracker.views)
            notices = (*watched, *self.tracker.notices, *self.images.warnings)
            yield replace(tracked, captured_at=at, images=frames, notices=notices)

    def close(self) -> None:
        """Free cameras or files, and end the tracker's threads."""
        self.images.close()
        self.tracker.close()
