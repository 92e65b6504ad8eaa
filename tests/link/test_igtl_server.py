"""The OpenIGTLink server and its clients: slow ones, wrong ones, many, and none."""

import socket
import threading
import time

import numpy as np
import pytest

from nav.core.errors import InputError
from nav.core.tracked_frame import TrackedFrame
from nav.link.igtl_connection import MOST_REQUESTS, MOST_WAITING, Connection, Outgoing
from nav.link.igtl_content import OK, RawContent, StartTrackingData, Status, Text, Transform
from nav.link.igtl_messages import Message
from nav.link.igtl_places import Instant
from nav.link.igtl_points import Fiducial, Points
from nav.link.igtl_polydata import PolyData
from nav.link.igtl_server import MOST_CLIENTS, IgtlServer
from nav.link.network_address import NetworkAddress
from tests.link.igtl_listener import PATIENCE, Listener, is_closed, take_time

ANYWHERE = NetworkAddress("127.0.0.1", 0)
EMPTY = TrackedFrame(0, 0.0, {})
TRIANGLE = PolyData.of_triangles(np.eye(3), [[0, 1, 2]])
FIXED = (
    Message(TRIANGLE, "cord"),
    Message(TRIANGLE, "artery"),
    Message(Points((Fiducial("D1", np.zeros(3)),)), "Fiducials"),
)


class Numbered:
    """A profile whose messages say the number of the instant."""

    retained = frozenset({"Retained"})

    def __init__(self, each: int = 1) -> None:
        self.each, self.began = each, False

    def messages(self, instant):
        matrix = np.eye(4)
        matrix[0, 3] = instant.time_ns
        for number in range(self.each):
            yield Message(Transform(matrix), f"Tool{number}", instant.time_ns)
        if not self.began:
            self.began = True
            yield Message(Status(OK, "seen"), "Tool0")
            yield Message(Text("of the first instant"), "Retained")
            yield Message(Transform(matrix), "Once")

    def on_request(self, kind, instant):
        return Message(RawContent(kind), "Asked", instant.time_ns)


@pytest.fixture
def serve():
    servers = []

    def start(profile=None, **options):
        servers.append(IgtlServer(ANYWHERE, profile or Numbered(), FIXED, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
        assert not server._thread.is_alive()


def post(server, number):
    server.post(Instant(EMPTY, number))


def eventually(holds):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(1e-3)


def last(message, number, name="Tool0"):
    return message.device == name and message.timestamp == number


def test_all_clients_get_all_messages_in_order(serve):
    server = serve()
    listeners = [Listener(server.address) for _ in range(5)]
    eventually(lambda: server.clients == 5)
    for number in range(100):
        post(server, number)
        eventually(lambda: not server._instants)
    for listener in listeners:
        listener.until(lambda message: last(message, 99))
        assert [m.timestamp for m in listener.named("Tool0")] == list(range(100))
    assert server.dropped == server.late == 0
    (clients,) = server.notices
    assert (clients.code, clients.facts["count"]) == ("igtl_clients", 5)


def test_a_program_that_comes_later_learns_what_lasts_but_no_old_pose(serve):
    server = serve()
    post(server, 0)
    post(server, 1)
    eventually(lambda: not server._instants)
    server._answers.posted_at = np.inf  # current, however busy this computer is
    listener = Listener(server.address)
    listener.until(lambda message: message.device == "Retained")
    post(server, 2)
    listener.until(lambda message: last(message, 2))
    told = [(m.kind, m.device) for m in listener.received]
    assert sorted(told) == [
        ("STATUS", "Tool0"), ("STATUS", "c1c2nav"), ("STRING", "Retained"), ("TRANSFORM", "Tool0"),
    ]  # fmt: skip
    assert told[0] == ("STATUS", "c1c2nav")


def test_clients_come_and_go_a_hundred_times(serve):
    server = serve()
    for number in range(100):
        listener = Listener(server.address)
        if number % 2:
            listener.until(lambda message: message.device == "c1c2nav")
        post(server, number)
        if number % 4 == 1:
            listener.until(lambda message, number=number: last(message, number))
        if number % 3 == 0:  # gone without a word
            reset = b"\1\0\0\0\0\0\0\0"
            listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        listener.close()
    eventually(lambda: server.clients == 0)
    listener = Listener(server.address)
    listener.until(lambda message: message.device == "c1c2nav")
    post(server, 1000)
    assert listener.until(lambda message: last(message, 1000))


def test_many_threads_that_connect_at_once_do_not_harm(serve):
    server = serve()
    kept = Listener(server.address)

    def storm():
        for _ in range(30):
            with socket.create_connection((server.address.host, server.address.port)):
                pass

    threads = [threading.Thread(target=storm) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(50):
        post(server, number)
        eventually(lambda: not server._instants)
    for thread in threads:
        thread.join()
    kept.until(lambda message: last(message, 49))
    assert [m.timestamp for m in kept.named("Tool0")] == list(range(50))


def test_more_clients_than_there_may_be_are_turned_away(serve):
    server = serve()
    listeners = [Listener(server.address) for _ in range(MOST_CLIENTS)]
    eventually(lambda: server.clients == MOST_CLIENTS)
    with socket.create_connection((server.address.host, server.address.port)) as further:
        assert is_closed(further)
    (told,) = [n for n in server.notices if n.code == "igtl_refused"]
    assert "32 programs are connected already" in told.facts["problem"]
    listeners.pop().close()
    eventually(lambda: server.clients == MOST_CLIENTS - 1)
    Listener(server.address).until(lambda message: message.device == "c1c2nav")


def test_a_program_that_never_reads_neither_delays_nor_takes_memory(serve):
    server = serve(Numbered(each=8))
    lazy = Listener(server.address, read_buffer=4096)
    reading = Listener(server.address)
    eventually(lambda: server.clients == 2)
    thread = threading.Thread(target=lambda: reading.until(lambda m: last(m, 1999)), daemon=True)
    thread.start()
    took = []
    for number in range(2000):
        begin = time.perf_counter()
        post(server, number)
        took.append(time.perf_counter() - begin)
        take_time(server)
    eventually(lambda: not server._instants)
    (connection,) = [c for c in server._clients.values() if c.dropped]
    assert connection.waiting == MOST_WAITING
    assert server.dropped == connection.dropped > 10_000
    thread.join(PATIENCE)
    assert [m.timestamp for m in reading.named("Tool7")] == list(range(2000))
    assert np.quantile(took, 0.99) < 0.1  # a busy computer may hold up a few
    assert "igtl_dropped" in [notice.code for notice in server.notices]
    # now it reads: the newest of every name has waited for it, even what was said only once
    lazy.until(lambda message: last(message, 1999, "Tool7"))
    assert lazy.named("Once")
    assert lazy.named("Retained", "STRING")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost:18944\r\nAccept: text/html,*/*\r\n\r\n", "version"),
        (bytes(1000), "version 0"),
        (b"\0\2" + b"GET_STATUS".ljust(12, b"\0") + bytes(28) + b"\xff" * 16, "at most 4096"),
        (b"\0\2" + b"IMAGE".ljust(12, b"\0") + bytes(28) + b"\xff" * 16, "at most"),
        (Message(RawContent("GET_STATUS")).encoded()[:-1] + b"\x07", "CRC"),
        (Message(RawContent("GET_STATUS")).encoded() * (MOST_REQUESTS + 1), "requests per second"),
    ],
    ids=["a browser", "zeros", "a huge request", "a huge image", "a wrong CRC", "a flood"],
)  # fmt: skip
def test_what_is_no_request_ends_the_connection_and_harms_no_other(serve, data, said):
    server = serve()
    other = Listener(server.address)
    with socket.create_connection((server.address.host, server.address.port)) as wrong:
        wrong.sendall(data)
        assert is_closed(wrong)
    post(server, 7)
    other.until(lambda message: last(message, 7))
    (refused,) = [n for n in server.notices if n.code == "igtl_refused"]
    assert said in refused.facts["problem"]


def test_what_a_program_sends_besides_requests_is_skipped(serve):
    """As 3D Slicer does, which sends the nodes that it was told to."""
    server = serve()
    listener = Listener(server.address)
    listener.ask("TRANSFORM", "SlicerToUs", Transform(np.eye(4)))
    image = Message(RawContent("IMAGE", bytes(3_000_000)), "Volume").encoded()
    listener.socket.sendall(image)
    for byte in Message(RawContent("GET_POINT"), "Fiducials").encoded():
        listener.socket.sendall(bytes([byte]))
    assert listener.until(lambda m: m.kind == "POINT").content.points[0].name == "D1"


def test_surfaces_are_sent_on_request_by_name_or_all(serve):
    server = serve()
    listener = Listener(server.address)
    listener.ask("GET_POLYDATA", "artery")
    found = listener.until(lambda m: m.kind == "POLYDATA")
    assert found.device == "artery"
    assert np.array_equal(found.content.points, np.eye(3))
    listener.ask("GET_POLYDATA", "liver")
    missing = listener.until(lambda m: m.device == "liver")
    assert missing.content == RawContent("POLYDATA")
    listener.ask("GET_POLYDATA")
    listener.until(lambda m: m.device == "cord")
    listener.ask("GET_POINT")
    listener.until(lambda m: m.kind == "POINT")
    assert len(listener.named("artery", "POLYDATA")) == 2


def test_surfaces_are_sent_to_everybody_where_that_is_wanted(serve):
    server = serve(greet_with=("POLYDATA",))
    listener = Listener(server.address)
    listener.until(lambda m: m.device == "artery")
    assert listener.named("cord", "POLYDATA")
    assert not listener.named("Fiducials", "POINT")


def test_queries_are_answered_from_the_newest_messages(serve):
    server = serve()
    listener = Listener(server.address)
    listener.ask("GET_TRANS", "Tool0")
    assert listener.until(lambda m: m.kind == "TRANSFORM").content == RawContent("TRANSFORM")
    post(server, 0)
    post(server, 5)
    listener.until(lambda m: last(m, 5))
    server._answers.posted_at = np.inf  # current, however busy this computer is
    listener.received.clear()
    listener.ask("GET_TRANS", "Tool0")
    listener.ask("GET_STATUS", "Tool0")
    listener.ask("GET_CAPABIL")
    types = listener.until(lambda m: m.kind == "CAPABILITY").content.types
    assert {"TRANSFORM", "STATUS", "GET_POLYDATA", "STT_TDATA"} <= set(types)
    assert [m.timestamp for m in listener.named("Tool0")] == [5]
    assert listener.named("Tool0", "STATUS")[0].content.text == "seen"


def test_tracking_data_are_streamed_to_those_who_ask_as_often_as_they_ask(serve):
    server = serve()
    asking, other = Listener(server.address), Listener(server.address)
    asking.ask("STT_TDATA", "", StartTrackingData(interval_ms=1))
    assert asking.until(lambda m: m.kind == "RTS_TDATA").content.body == b"\0"
    for step in range(10):  # 0.4 ms apart
        post(server, step * 400_000)
        eventually(lambda: not server._instants)
    asking.until(lambda m: last(m, 3_600_000))
    assert [m.timestamp for m in asking.named("Asked", "TDATA")] == [
        0,
        1_200_000,
        2_400_000,
        3_600_000,
    ]
    asking.ask("STP_TDATA")
    asking.until(lambda m: m.kind == "RTS_TDATA" and m is not asking.named("", "RTS_TDATA")[0])
    post(server, 9_000_000)
    for one in (asking, other):
        one.until(lambda m: last(m, 9_000_000))
    assert len(asking.named("Asked", "TDATA")) == 4
    assert not other.named("Asked", "TDATA")


def test_coordinates_that_there_are_not_are_refused(serve):
    listener = Listener(serve().address)
    listener.ask("STT_TDATA", "", StartTrackingData(0, "Moon"))
    assert listener.until(lambda m: m.kind == "RTS_TDATA").content.body == b"\1"


def test_tracking_data_are_streamed_to_everybody_where_that_is_wanted(serve):
    server = serve(always=("TDATA",))
    listener = Listener(server.address)
    eventually(lambda: server.clients == 1)
    post(server, 3)
    assert listener.until(lambda m: (m.kind, m.device) == ("TDATA", "Asked"))


def test_a_port_in_use_is_one_line(serve):
    used = serve().address
    with pytest.raises(
        InputError, match=f"--igtl-server: cannot listen on {used}: Address"
    ) as error:
        IgtlServer(used, Numbered())
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"cannot listen on 192\.0\.2\.1:18944"):  # of nobody
        IgtlServer(NetworkAddress("192.0.2.1", 18944), Numbered())


def test_the_same_port_can_be_had_again_at_once(serve):
    first = serve()
    listener = Listener(first.address)
    eventually(lambda: first.clients == 1)
    first.close()
    listener.rest()
    second = IgtlServer(first.address, Numbered())
    assert Listener(second.address).until(lambda m: m.device == "c1c2nav")
    second.close()


def test_a_server_for_every_network_says_so():
    server = IgtlServer(NetworkAddress("0.0.0.0", 0), Numbered())
    assert [notice.code for notice in server.notices] == ["igtl_open_to_network"]
    server.close()


def test_a_failure_ends_the_server_but_not_those_who_post(serve):
    class Failing(Numbered):
        def messages(self, instant):
            raise ZeroDivisionError("cannot")

    server = serve(Failing())
    listener = Listener(server.address)
    listener.until(lambda m: m.device == "c1c2nav")
    post(server, 0)
    listener.rest()
    for number in range(100):
        post(server, number)
    failed = server.notices[0]
    assert (failed.code, failed.facts["problem"]) == ("igtl_failed", "cannot")


def test_only_superseded_messages_are_dropped():
    """Of more names than messages may wait, too: then the oldest one goes."""
    mine, other = socket.socketpair()
    connection = Connection(mine, "")
    for number in range(MOST_WAITING):
        connection.put(Outgoing("STATUS", f"T{number % 200}", str(number).encode()))
    connection.put(Outgoing("STATUS", "new", b"x"))
    waiting = [one.data for one in connection._waiting]
    assert waiting[:2] == [b"1", b"2"]  # T0's second one is still there
    assert b"200" in waiting
    for number in range(MOST_WAITING):
        connection.put(Outgoing("STATUS", f"U{number}", b"y"))
    assert connection.waiting == MOST_WAITING
    assert connection.dropped == MOST_WAITING + 1
    mine.close()
    other.close()
