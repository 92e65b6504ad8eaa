"""Many messages take no memory: neither with programs that read, nor with one that does not.

`python -m tests.bench.links --parts --hours 8` does it for as many as eight hours have.
"""

import socket
import threading

from nav.link.igtl_connection import MOST_WAITING
from nav.link.igtl_server import IgtlServer
from tests.bench.links import resident
from tests.link.igtl_listener import PATIENCE, Listener, take_time
from tests.link.test_igtl_server import ANYWHERE, FIXED, Numbered, post

WARM, MANY = 3_000, 15_000  # instants; the latter are four minutes at 60 per second
MOST_GROWTH = 3.0  # MB; the messages that are sent meanwhile have 25


def test_messages_of_minutes_leave_nothing_behind():
    server = IgtlServer(ANYWHERE, Numbered(each=8), FIXED)
    lazy = Listener(server.address, read_buffer=4096)
    reading = socket.create_connection((server.address.host, server.address.port), PATIENCE)

    def drain():
        while reading.recv(1 << 16):
            pass

    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    for number in range(WARM + MANY):
        if number == WARM:
            before = resident()
        post(server, number)
        take_time(server)
    grown = resident() - before
    (slow,) = [one for one in server._clients.values() if one.dropped]
    assert slow.waiting == MOST_WAITING
    assert slow.dropped > 8 * MANY * 0.9
    assert grown < MOST_GROWTH
    server.close()
    thread.join(PATIENCE)
    lazy.close()
    reading.close()
