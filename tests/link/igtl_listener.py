"""A client of OpenIGTLink for the tests: reads what a server sends, with our decoder."""

import socket
import time
from collections.abc import Callable

from nav.link.igtl_content import RawContent
from nav.link.igtl_messages import Message
from nav.link.igtl_stream import MessageStream

PATIENCE = 60.0  # s, on a busy machine


class Listener:
    """Connected to a server; `received` is everything it has read."""

    def __init__(self, address, read_buffer: int | None = None) -> None:
        self.socket = socket.socket(address.family)
        if read_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, read_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect((address.host, address.port))
        self.stream = MessageStream()
        self.received: list[Message] = []

    def ask(self, kind: str, device: str = "", content=None) -> None:
        self.socket.sendall(Message(content or RawContent(kind), device).encoded())

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Read until a message is as wanted; what came before counts too."""
        at, end = 0, time.monotonic() + PATIENCE
        while True:
            for message in self.received[at:]:
                if wanted(message):
                    return message
            at = len(self.received)
            assert time.monotonic() < end, [(m.kind, m.device) for m in self.received[-20:]]
            data = self.socket.recv(65536)
            assert data, "the server closed the connection"
            self.received += self.stream.feed(data)

    def rest(self) -> list[Message]:
        """Everything until the server closes."""
        while data := self.socket.recv(65536):
            self.received += self.stream.feed(data)
        return self.received

    def close(self) -> None:
        self.socket.close()

    def named(self, device: str, kind: str = "TRANSFORM") -> list[Message]:
        return [m for m in self.received if (m.kind, m.device) == (kind, device)]


def take_time(server, most: int = 8) -> None:
    """Wait until few of the instants that a server was given are left."""
    end = time.monotonic() + PATIENCE
    while len(server._instants) > most:
        assert time.monotonic() < end, server.notices
        time.sleep(1e-4)


def is_closed(connected: socket.socket) -> bool:
    """Whether the other side ends the connection; what it sends before that is skipped."""
    connected.settimeout(PATIENCE)
    try:
        while connected.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True
