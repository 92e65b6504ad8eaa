"""Poses from real servers: the OpenIGTLink library in C++, pyigtl, and our own."""

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from nav.core.errors import Lost
from nav.core.frames import rigid
from nav.core.tracked_frame import TrackedTool
from nav.link.igtl_poses import IgtlPoses
from nav.link.network_address import NetworkAddress
from nav.tracking.pose_source import StatedErrors

ROOT = Path(__file__).parents[2]
STATED = StatedErrors(0.2, 0.002)
TURN = rigid([0.0, 0.0, np.pi / 2], [0.0, 0.0, 0.0]).rotation.as_matrix()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as made:
        return made.getsockname()[1]


@contextmanager
def serving(*words):
    process = subprocess.Popen(
        [str(word) for word in words], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout.readline().strip() == "listening"
        yield process
    finally:
        process.kill()
        process.communicate()


def follow(port, seconds=60.0):
    """Poses of the needle in two runs in which it is seen, reasons between, reference positions."""
    source = IgtlPoses(NetworkAddress("127.0.0.1", port), ("needle", "reference"), STATED)
    places, reasons, bodies, runs = [], [], [], 0
    end, seen = time.monotonic() + seconds, False
    try:
        for frame in source:
            needle, body = frame.tools["needle"], frame.tools["reference"]
            if isinstance(needle, TrackedTool):
                runs += not seen
                places.append(needle.rig_from_tool.transform)
                bodies.append(body)
            elif seen or (reasons and places):
                reasons.append(needle.code)
            seen = isinstance(needle, TrackedTool)
            if (runs >= 2 and len(places) > 30) or time.monotonic() > end:
                break
    finally:
        source.close()
    assert runs >= 2, (len(places), reasons[-3:])
    return places, reasons, [body for body in bodies if not isinstance(body, Lost)]


def check(followed, reason, turned=True):
    places, reasons, bodies = followed
    for place in places:
        assert place.translation[1:] == pytest.approx([-20.0, 300.0])
        expected = TURN if turned else np.eye(3)
        assert place.rotation.as_matrix() == pytest.approx(expected, abs=1e-6)
    steps = np.diff([place.translation[0] for place in places])
    assert (steps >= 0).all()
    assert np.median(steps) == 1.0  # every frame came
    assert set(reasons) == {reason}
    assert bodies[-1].rig_from_tool.transform.translation[0] == 5.0


@pytest.mark.parametrize("mode", ["transform", "tdata"])
def test_the_library_in_cpp_as_server(cpp_program, mode):
    """Debian's library writes header version 1: a tool that is not seen is silent."""
    port = free_port()
    with serving(cpp_program("serve_tracker"), port, mode):
        check(follow(port), "report_late")
        check(follow(port), "report_late")  # a second client after the first


def test_pyigtl_as_server():
    port = free_port()
    with serving(sys.executable, "-m", "tests.link.pyigtl_sender", port):
        check(follow(port), "not_seen_by_tracker_status", turned=False)
