"""Waiting for what a guided calibration estimates in the background."""

import time

from calibration.live.body_capture import BodyCapture
from calibration.live.pivot_capture import PivotCapture
from nav.core.tracked_frame import TrackedFrame


def estimated(capture: PivotCapture | BodyCapture, frame: TrackedFrame) -> None:
    """Wait for the estimate in the background."""
    until = time.monotonic() + 60.0
    while capture._estimating is not None:
        assert time.monotonic() < until
        time.sleep(0.005)
        collecting, capture.collecting = capture.collecting, False
        capture.take(frame)
        capture.collecting = collecting
