"""Services beside a live use: options, the tracking process that runs them, what they refuse."""

import io
import socket
import time
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from nav.core.errors import InputError
from nav.link.link_options import LinkOptions
from nav.link.lsl_stream import LslSetup
from nav.link.network_address import NetworkAddress, listening_address, server_address
from nav.link.polaris_replies import crc16
from nav.link.polaris_service import PolarisSetup
from nav.link.tracker_address import tracker_address
from nav.live.feed import ProcessFeed
from nav.live.messages import Command, Update
from tests.link.test_tracker_guidance import job_of
from tests.link.test_tracker_servers import free_port
from tests.link.tracked_lab import (
    REFERENCE_FROM_MODEL,
    TIP,
    TRACKER_FROM_REFERENCE,
    Hand,
    write_lab,
)


def ask(connection, text):
    connection.sendall(f"{text}{crc16(text.encode()):04X}\r".encode())
    reply = b""
    while not reply.endswith(b"\r"):
        reply += connection.recv(4096)
    return reply[:-5].decode()


def test_the_tracking_process_serves_what_another_tracker_sends(tmp_path):
    hand, port = Hand(), free_port()
    address = NetworkAddress("127.0.0.1", port)
    job = job_of(
        write_lab(tmp_path), f"igtl://127.0.0.1:{hand.server.port}",
        observers=(PolarisSetup(address), LslSetup()),
    )  # fmt: skip
    feed = ProcessFeed(job)
    try:
        assert isinstance(feed.first(60.0), Update)
        with socket.create_connection(("127.0.0.1", port), timeout=60.0) as client:
            for text in ("INIT:", "PHRQ:*********1****", "PINIT:01", "PENA:01D", "TSTART:"):
                assert not ask(client, text).startswith("ERROR")
            reply, end = "", time.monotonic() + 60.0
            while "MISSING" in (reply := ask(client, "TX:0001")) and time.monotonic() < end:
                time.sleep(0.05)
        numbers = [int(reply[4 + k : 10 + k]) * 1e-4 for k in range(0, 24, 6)]
        place = np.array([int(reply[28 + k : 35 + k]) * 1e-2 for k in range(0, 21, 7)])
        w, x, y, z = numbers
        axis = np.array([x, y, z])
        turned = TIP + 2.0 * np.cross(axis, np.cross(axis, TIP) + w * TIP)
        expected = TRACKER_FROM_REFERENCE.apply(REFERENCE_FROM_MODEL.apply([60.0, 0.0, 0.0]))
        assert place + turned == pytest.approx(expected, abs=0.12)  # it trembles, and is rounded
        codes, end = set(), time.monotonic() + 60.0
        wanted = {"lsl_this_computer", "tracker_stream_timed"}
        while not codes >= wanted and time.monotonic() < end:
            message = feed.newest()
            if isinstance(message, Update):
                codes = {notice.code for notice in message.notices}
            time.sleep(0.02)
        assert codes >= wanted
        feed.send(Command("quit"))
    finally:
        feed.close()
        hand.server.close()


def test_where_one_service_cannot_be_had_none_is_left_open(tmp_path):
    address = NetworkAddress("127.0.0.1", free_port())
    services = (PolarisSetup(address), PolarisSetup(address))
    job = job_of(write_lab(tmp_path), "igtl://127.0.0.1:9", observers=services)
    with pytest.raises(InputError, match="cannot listen there"):
        job.open()
    PolarisSetup(address).open(SimpleNamespace(tools={})).close()


def test_options_say_who_can_read_along():
    said = io.StringIO()
    setups = LinkOptions("0.0.0.0:8765", lsl=True).setups(Console(file=said, width=200))
    assert setups == (PolarisSetup(NetworkAddress("0.0.0.0", 8765)), LslSetup(False))
    assert "emulated) on 0.0.0.0:8765: OPEN TO THE NETWORK" in said.getvalue()
    assert "no access control" in said.getvalue()
    assert LinkOptions().setups(Console(file=said)) == ()
    with pytest.raises(InputError, match="--polaris 0: expected a port"):
        LinkOptions("0").setups(Console(file=said))


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("8765", "127.0.0.1", 8765, True),
        ("localhost:8765", "localhost", 8765, True),
        ("[::1]:8765", "::1", 8765, True),
        ("0.0.0.0:1", "0.0.0.0", 1, False),
        ("lab-pc:65535", "lab-pc", 65535, False),
    ],
)
def test_addresses_to_listen_on(text, host, port, loopback):
    address = listening_address(text, "--polaris")
    assert (address.host, address.port, address.is_loopback) == (host, port, loopback)


@pytest.mark.parametrize(
    "text",
    ["", "host", "1:2:3", "65536", "a b:1", ":1", "-1", "host:", "a..b:1", ".:1", f"{'x' * 64}:1"],
)
def test_what_is_no_address_is_refused_in_one_line(text):
    with pytest.raises(InputError, match=r"--polaris .*: expected \[HOST:\]PORT"):
        listening_address(text, "--polaris")


def test_addresses_of_servers_and_files(tmp_path):
    assert server_address("lab-pc", 18944) == NetworkAddress("lab-pc", 18944)
    assert str(server_address("[fe80::1]:5", 1)) == "[fe80::1]:5"
    for text, found in (
        ("igtl://h:7", "h:7"),
        ("IGTL://h", "h:18944"),
        ("igtl://[::1]", "[::1]:18944"),
    ):
        assert str(tracker_address(tmp_path.__class__(text))) == found
    for text in ("igtl://", "igtl://a..b", "igtl://.", "igtl://h:0", "igtl://h:7/x", "igtl://u@h"):
        with pytest.raises(InputError, match="expected HOST or HOST:PORT"):
            tracker_address(tmp_path.__class__(text))
    assert tracker_address(tmp_path / "igtl.csv") is None
    assert tracker_address(None) is None
