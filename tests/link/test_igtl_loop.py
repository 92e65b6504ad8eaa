"""Our server's poses as another tracker's: what goes out comes in, also that a tool is lost."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from nav.core.errors import Lost
from nav.link.igtl_frames import to_ras
from nav.link.igtl_observer import IgtlSetup
from nav.link.igtl_poses import IgtlPoses
from nav.link.network_address import NetworkAddress
from nav.tracking.pose_source import StatedErrors
from tests.link.test_igtl_live import AFTER, NEAR, Use
from tests.live.test_other_tracker import REFERENCE_FROM_MODEL, Moment, OtherTracker

STEP = 0.01  # s


@pytest.fixture(params=["slicer", "astm"])
def served(request):
    """A server that sends the needle near the artery, then not at all, again and again."""
    tracking = IgtlSetup(NetworkAddress("127.0.0.1", 0), request.param).open(Use(AFTER))
    frames = list(OtherTracker([*[Moment(NEAR)] * 50, *[Moment()] * 60]))
    ended = threading.Event()

    def serve():
        number = 0
        while not ended.wait(STEP):
            frame = replace(frames[number % len(frames)], captured_at=time.monotonic())
            tracking.show(frame)
            number += 1

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield request.param, tracking.server.address
    ended.set()
    thread.join()
    tracking.close()


def test_poses_and_losses_that_we_send_are_those_that_we_receive(served):
    profile, address = served
    names = {} if profile == "slicer" else {"needle": "Pointer", "reference": "Phantom"}
    source = IgtlPoses(address, ("needle", "reference"), StatedErrors(0.2, 0.002), names)
    end, seen, lost_after = time.monotonic() + 60.0, 0, []
    for frame in source:
        pose = frame.pose("needle", "reference")
        if not isinstance(pose, Lost):
            matrix, seen = pose.transform.as_matrix(), seen + 1
            matrix = to_ras(matrix) if profile == "slicer" else matrix
            tip = REFERENCE_FROM_MODEL.apply(NEAR)
            assert matrix[:3, 3] == pytest.approx(tip, abs=2e-3)
        elif seen:
            lost_after.append(seen)
            seen = 0
        if len(lost_after) == 2:
            break
        assert time.monotonic() < end, dict(frame.tools)
    source.close()
    assert np.all(np.array(lost_after) > 5)
