"""OpenIGTLink with other programs: the library in C++ as client and server, pyigtl as client."""

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from nav.core.errors import Lost
from nav.link.igtl_content import Position, Status, Text, TrackingData, Transform
from nav.link.igtl_messages import nanoseconds_of
from nav.link.igtl_observer import IgtlSetup
from nav.link.igtl_stream import MessageStream
from nav.link.network_address import NetworkAddress
from nav.live.worker import run
from tests.link.igtl_listener import PATIENCE
from tests.link.test_igtl_live import AFTER, Use

ROOT = Path(__file__).parents[2]
START = 60.0  # s that a program may take to begin on a busy machine
MISSING = {"TransformStatus": "MISSING"}


def ready(server):
    end = time.monotonic() + START
    while not server.clients:
        assert time.monotonic() < end
        time.sleep(1e-3)


def serve_use(client, **options):
    """Serve a whole use to what `client` starts for an address; returns what it started."""
    work = Use(AFTER)
    observer = IgtlSetup(NetworkAddress("127.0.0.1", 0), **options).open(work)
    work.observers = (observer,)
    started = client(observer.server.address)
    ready(observer.server)
    run(work, lambda tracked, state: time.sleep(5e-3) or ())
    observer.close()
    return started


def read_in_cpp(program, *queries, **options):
    """Lines of the C++ client, split: version, type, device, seconds, CRC, the rest."""

    def client(address):
        arguments = [program("read_stream"), address.host, str(address.port), "20", *queries]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)

    process = serve_use(client, **options)
    try:
        out, _ = process.communicate(timeout=START)
    finally:
        process.kill()
    assert process.returncode == 0
    return [line.split(" ", 5) for line in out.splitlines()]


def test_the_library_in_cpp_reads_version_2_with_right_crc_and_our_metadata(cpp_program):
    lines = read_in_cpp(cpp_program)
    assert {line[0] for line in lines} == {"2"}
    assert {line[4] for line in lines} == {"right"}
    assert all(abs(int(line[3]) - time.time()) < 60 for line in lines)
    needle = [line[5].split() for line in lines if line[2] == "NeedleToModel"]
    assert needle[-1][12:] == ["TransformStatus=OK"]
    assert [word[12] for word in needle].count("TransformStatus=MISSING") == 1
    assert np.reshape(needle[-1][:12], (3, 4)).astype(float)[:, 3] == pytest.approx(
        [-9.5, -1.0, 2.0], abs=1e-4
    )


def test_the_library_in_cpp_reads_version_1_with_its_own_classes(cpp_program):
    lines = read_in_cpp(cpp_program, "STT_TDATA", "GET_POLYDATA", "GET_POINT", version=1)
    assert {line[0] for line in lines} == {"1"}
    known = {"TRANSFORM", "STATUS", "STRING", "TDATA", "POLYDATA", "POINT"}
    told = [line for line in lines if line[1] in known]
    assert {line[1] for line in told} == known
    assert {line[4] for line in told} == {"right"}
    assert {line[1] for line in lines} - known == {"RTS_TDATA"}
    said = {(line[1], line[2]): line[5] for line in told}
    assert said["POLYDATA", "artery"].split() == ["8", "12"]
    assert said["POINT", "Fiducials"].split()[:4] == ["D1", "-40", "-0", "0"]
    assert said["STRING", "Alarm"] == "caution: artery"
    names = said["TDATA", "ToolsToTracker"].split()
    assert [names[0], names[14]] == ["Needle", "Reference"]
    lost = [line[5] for line in told if line[1:3] == ["STATUS", "Needle"] and line[5][0] == "7"]
    assert len(lost) == 1
    place = said["TRANSFORM", "NeedleToModel"].split()
    assert np.reshape(place[:12], (3, 4)).astype(float)[:, 3] == pytest.approx(
        [-9.5, -1.0, 2.0], abs=1e-4
    )


def test_what_the_library_in_cpp_serves_is_read(cpp_program):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [cpp_program("send_stream"), str(port), "20"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "listening\n"
    stream, found = MessageStream(), []
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connected:
        while data := connected.recv(100):
            found += stream.feed(data)
    process.stdout.close()
    assert process.wait(PATIENCE) == 0
    kinds = (Transform, TrackingData, Position, Status, Text)
    assert [type(m.content) for m in found] == list(kinds) * 20
    transform, data, position, status, text = (m.content for m in found[-5:])
    expected = [[0, -1, 0, 28.5], [1, 0, 0, -20], [0, 0, 1, 300], [0, 0, 0, 1]]
    assert np.array_equal(transform.matrix, expected)
    assert [one.name for one in data.instruments] == ["needle", "reference"]
    assert np.array_equal(data.instruments[1].matrix, expected)
    assert (*position.position, *position.quaternion) == (1, 2, 3, 0.5, -0.5, 0.5, 0.5)
    assert (status.code, status.subcode, status.error_name) == (7, -3, "OUT_OF_VIEW")
    assert (status.text, text.text) == ("the needle is out of view", "hello")
    assert nanoseconds_of(found[-1].timestamp) == pytest.approx(1004.75e9, abs=1000)


class Reader:
    """pyigtl in a process of its own; `found` is what it has told."""

    def __init__(self, address) -> None:
        words = [sys.executable, "-m", "tests.link.pyigtl_reader", address.host, str(address.port)]
        self.process = subprocess.Popen(
            words, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.found: list[dict] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.found.append(json.loads(line))

    def until(self, kind, device, wanted):
        """Wait for a message of which something holds."""
        end = time.monotonic() + START
        while True:
            for one in tuple(self.found):
                if (one["kind"], one["device"]) == (kind, device) and wanted(one):
                    return one
            assert time.monotonic() < end, self.found[-10:]
            assert self.process.poll() is None
            time.sleep(5e-3)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def test_pyigtl_reads_transforms_with_their_status_and_strings():
    pytest.importorskip("pyigtl")
    work = Use(AFTER)
    observer = IgtlSetup(NetworkAddress("127.0.0.1", 0)).open(work)
    work.observers = (observer,)
    reader = Reader(observer.server.address)

    def pace(tracked, state):  # pyigtl keeps the newest message of each name only
        if isinstance(tracked.tools["needle"], Lost):
            reader.until("TRANSFORM", "NeedleToReference", lambda m: m["metadata"] == MISSING)
        time.sleep(5e-3)
        return ()

    try:
        ready(observer.server)
        run(work, pace)
        needle = reader.until(
            "TRANSFORM", "NeedleToModel",
            lambda m: np.allclose(np.array(m["matrix"])[:3, 3], [-9.5, -1.0, 2.0], atol=1e-4),
        )  # fmt: skip
        reader.until("STRING", "Alarm", lambda m: m["text"] == "caution: artery")
    finally:
        reader.close()
        observer.close()
    assert needle["metadata"] == {"TransformStatus": "OK"}
    assert needle["version"] == 2
    assert abs(needle["time"] - time.time()) < 60
