"""The Polaris service in a process of its own, fed with poses that a client can check.

`python -m tests.link.polaris_emulator` prints its port, then moves the needle by 1 mm along x every
50 ms; the reference is lost in every other second of frames. Ends when its input does.
"""

import sys
import threading
import time
from typing import Any

import numpy as np

from nav.core.errors import Lost
from nav.core.frames import Pose, rigid
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.link.network_address import NetworkAddress
from nav.link.polaris_service import PolarisService

TOOLS = ("needle", "reference")
TURN = [0.3, -0.4, 0.5]
NO_STATE: Any = None  # which the service does not look at
PERIOD = 20  # frames in which the reference is seen, then lost
SD = 0.12  # mm per axis


def needle_at(number: int) -> tuple[float, float, float]:
    return float(number), -250.127, 1801.5


def reference_lost(number: int) -> bool:
    return number // PERIOD % 2 == 1


def frame(number: int) -> TrackedFrame:
    covariance = np.diag([SD**2] * 3 + [1e-6] * 3)
    needle = TrackedTool(Pose(rigid(TURN, needle_at(number)), covariance))
    reference = TrackedTool(Pose(rigid([0.0, 0.0, 0.1], [0.0, 0.0, 1500.0])))
    tools = {
        "needle": needle,
        "reference": Lost("not_found") if reference_lost(number) else reference,
    }
    return TrackedFrame(number, number / 20.0, tools, captured_at=time.monotonic())


def main() -> None:
    service = PolarisService(NetworkAddress("127.0.0.1", 0), TOOLS)
    print(service.address.port, flush=True)
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    number = 0
    while not over.wait(0.05):
        number += 1
        service.frame(frame(number), NO_STATE)
    service.close()


if __name__ == "__main__":
    main()
