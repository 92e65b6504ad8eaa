"""Unmodified clients of the Polaris protocol track through the service, which runs elsewhere."""

import json
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import ndicapy
import numpy as np
import pytest

from nav.core.errors import InputError
from nav.core.frames import rigid
from nav.link.network_address import NetworkAddress
from nav.link.polaris_client_state import SAYS
from nav.link.polaris_replies import crc16
from nav.link.polaris_service import CURRENT, MOST_CLIENTS, PolarisService
from tests.link.polaris_emulator import SD, TURN, frame, needle_at, reference_lost

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".venv-peers" / "bin" / "python"
QUATERNION = rigid(TURN, [0, 0, 0]).rotation.as_quat(canonical=True, scalar_first=True)


@pytest.fixture(scope="module")
def port():
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.link.polaris_emulator"], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    yield int(process.stdout.readline())
    try:
        process.communicate(timeout=60.0)
    finally:
        process.kill()
    assert process.returncode == 0


@pytest.fixture
def definitions(tmp_path):
    paths = [tmp_path / "reference.rom", tmp_path / "any.rom"]
    paths[0].write_text("c1c2nav:reference")
    paths[1].write_text("c1c2nav:needle")
    return paths


def test_ndicapi_tracks_by_text_and_binary_replies(port, definitions):
    device = ndicapy.ndiOpenNetwork("127.0.0.1", port)
    assert device

    def ask(text):
        reply = ndicapy.ndiCommand(device, text)
        assert ndicapy.ndiGetError(device) == ndicapy.NDI_OKAY, (text, reply)
        return reply

    ask("INIT:")
    assert SAYS in ndicapy.ndiVER(device, 0)
    handles = []
    for path in definitions:
        ask("PHRQ:*********1****")
        handles.append(ndicapy.ndiGetPHRQHandle(device))
        ndicapy.ndiPVWRFromFile(device, handles[-1], str(path))
        assert ndicapy.ndiGetError(device) == ndicapy.NDI_OKAY
        ask(f"PINIT:{handles[-1]:02X}")
    ask("PHSR:03")
    assert ndicapy.ndiGetPHSRNumberOfHandles(device) == 2
    for handle in handles:
        ask(f"PENA:{handle:02X}D")
    ask("TSTART:")
    reference, needle = (bytes([handle]) for handle in handles)
    modes = {
        "TX:0801": (ndicapy.ndiGetTXTransform, ndicapy.ndiGetTXFrame, 0.0051, 0.51e-4),
        "BX:0801": (ndicapy.ndiGetBXTransform, ndicapy.ndiGetBXFrame, 1e-3, 1e-6),
    }
    seen = {mode: set() for mode in modes}
    end = time.monotonic() + 60.0
    while min(map(len, seen.values())) < 2 and time.monotonic() < end:
        for mode, (transform, number, off_mm, off) in modes.items():
            ask(mode)
            at = number(device, needle)
            pose = np.array(transform(device, needle))
            assert pose[4:7] == pytest.approx(needle_at(at), abs=off_mm)
            assert pose[:4] == pytest.approx(QUATERNION, abs=off)
            assert pose[7] == pytest.approx(SD * 3**0.5, abs=1e-4)
            other = transform(device, reference)
            assert (other == "MISSING") == reference_lost(at)
            seen[mode].add(other == "MISSING")
        time.sleep(0.1)
    assert seen == {mode: {False, True} for mode in modes}
    ask("TSTOP:")
    with pytest.raises(OSError, match="invalid while in the current mode"):
        ndicapy.ndiCommand(device, "TX:0801")
    with pytest.raises(OSError, match="Invalid command"):
        ndicapy.ndiCommand(device, "IRATE:0")
    ndicapy.ndiCloseNetwork(device)


TRACKED_BY_SKSURGERY = """
import json, sys, time
from sksurgerynditracker.nditracker import NDITracker
tracker = NDITracker({"tracker type": "vega", "ip address": "127.0.0.1",
                      "port": int(sys.argv[1]), "romfiles": sys.argv[2:]})
tracker.start_tracking()
frames = []
for _ in range(30):
    ports, times, numbers, poses, quality = tracker.get_frame()
    frames.append([numbers, [p.tolist() for p in poses]])
    time.sleep(0.1)
tracker.stop_tracking()
tracker.close()
print("FRAMES" + json.dumps(frames))
"""


@pytest.mark.skipif(not PEERS.exists(), reason="scikit-surgerynditracker is not installed here")
def test_scikit_surgery_tracks(port, definitions, tmp_path):
    (tmp_path / "ping").write_text("#!/bin/sh\nexit 0\n")  # it asks for an answer to a ping first
    (tmp_path / "ping").chmod(0o755)
    run = subprocess.run(
        [PEERS, "-c", TRACKED_BY_SKSURGERY, str(port), *map(str, definitions)],
        text=True, capture_output=True, timeout=60.0,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    frames = json.loads(run.stdout.rpartition("FRAMES")[2])
    turn = rigid(TURN, [0, 0, 0]).rotation.as_matrix()
    lost = set()
    for (at_reference, at_needle), (reference, needle) in frames:
        assert np.array(needle)[:3, 3] == pytest.approx(needle_at(at_needle), abs=1e-3)
        assert np.array(needle)[:3, :3] == pytest.approx(turn, abs=1e-6)
        assert bool(np.isnan(reference).any()) == reference_lost(at_reference)
        lost.add(reference_lost(at_reference))
    assert lost == {False, True}


def ask(connection, text):
    connection.sendall(f"{text}{crc16(text.encode()):04X}\r".encode())
    reply = b""
    while not reply.endswith(b"\r"):
        reply += connection.recv(4096)
    return reply[:-5].decode()


def test_several_clients_have_handles_of_their_own_and_garbage_is_refused(port):
    def opened():
        return socket.create_connection(("127.0.0.1", port), timeout=60.0)

    with opened() as one, opened() as other, opened() as garbage, opened() as huge:
        assert [ask(one, "PHRQ:*********1****") for _ in range(2)] == ["01", "02"]
        assert ask(other, "PHRQ:*********1****") == "01"
        garbage.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n" * 10)
        said = b""
        while data := garbage.recv(4096):
            said += data
        assert said.startswith(b"ERROR01")
        huge.sendall(b"\xff" * 5000)
        assert huge.recv(10) == b""
        part = f"INIT:{crc16(b'INIT:'):04X}\r".encode()
        for k in range(len(part)):  # a command byte by byte
            one.sendall(part[k : k + 1])
        assert one.recv(100) == b"OKAYA896\r"
        assert ask(other, "INIT:") == "OKAY"


def test_nothing_old_is_told_and_closing_disconnects():
    now = [time.monotonic()]
    address = NetworkAddress("127.0.0.1", 0)
    service = PolarisService(address, ("needle", "reference"), lambda: now[0])
    with socket.create_connection(("127.0.0.1", service.address.port), timeout=60.0) as client:
        for text in ("INIT:", "PHRQ:*********1****", "PINIT:01", "PENA:01D", "TSTART:"):
            ask(client, text)
        assert "MISSING" in ask(client, "TX:0001")  # nothing was tracked yet
        service.frame(replace(frame(6), captured_at=now[0]), None)
        assert "MISSING" not in ask(client, "TX:0001")
        assert [notice.code for notice in service.notices] == ["polaris_clients"]
        now[0] += CURRENT - 0.01
        assert "MISSING" not in ask(client, "TX:0001")
        now[0] += 0.02
        assert "MISSING" in ask(client, "TX:0001")
        service.close()
        assert client.recv(10) == b""
    assert service.notices == ()


def test_a_port_in_use_is_refused_in_one_line_and_clients_are_limited():
    service = PolarisService(NetworkAddress("127.0.0.1", 0), ("needle",))
    try:
        with pytest.raises(InputError, match=r"--polaris 127.*cannot listen there.*in use"):
            PolarisService(service.address, ("needle",))
        where = ("127.0.0.1", service.address.port)
        clients = [socket.create_connection(where, timeout=60.0) for _ in range(MOST_CLIENTS)]
        assert {ask(client, "INIT:") for client in clients} == {"OKAY"}
        with socket.create_connection(where, timeout=60.0) as refused:
            assert refused.recv(10) == b""
        for connected in service._server.clients:  # one whose computer is gone makes room
            assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for client in clients:
            client.close()
    finally:
        service.close()


def test_programs_that_come_at_once_are_counted_before_their_threads_begin():
    service = PolarisService(NetworkAddress("127.0.0.1", 0), ("needle",))
    coming = [socket.socket() for _ in range(MOST_CLIENTS + 1)]
    try:
        let_in = [service._server.verify_request(one, None) for one in coming]
        assert let_in == [True] * MOST_CLIENTS + [False]
    finally:
        service.close()
        for one in coming:
            one.close()
