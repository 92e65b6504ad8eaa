"""One program that is connected: what waits for it, and what it asks."""

import socket
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

from nav.link.igtl_fields import BadMessage
from nav.link.igtl_messages import Message
from nav.link.igtl_stream import MOST_BODY, MessageStream

MOST_WAITING = 256  # messages: half a second of the usual eight at 60 per second
PIECE = 64 * 1024  # bytes handed to the system at once; what waits there cannot be superseded
REQUESTS = (
    "GET_TRANS", "GET_STATUS", "GET_STRING", "GET_POSITION", "GET_TDATA",
    "GET_POLYDATA", "GET_POINT", "GET_CAPABIL",
    "STT_TDATA", "STP_TDATA", "STT_POSITION", "STP_POSITION",
)  # fmt: skip
MOST_REQUEST = 4096  # bytes of a request's body: those there are have 36 at most
MOST_REQUESTS = 100  # per second: more would take the processor from tracking
READ = 4096  # bytes at once, so that one program cannot keep the others waiting


class Outgoing(NamedTuple):
    """A message as it is sent.

    Parameters
    ----------
    kind, device : str
        Its type and name: a newer one of both supersedes it.
    data : bytes
        The whole message.
    """

    kind: str
    device: str
    data: bytes


class Connection:
    """Send to one program without ever waiting for it, and read what it asks.

    Parameters
    ----------
    connected : socket.socket
        To the program; does not block.
    peer : str
        Its address.

    Attributes
    ----------
    dropped : int
        Messages that it read too slowly to get.
    intervals : dict of str to int
        What it wants besides the stream, with the least time between two messages, ns.
    sent_at : dict of str to int
        When it last got that, ns.
    """

    def __init__(self, connected: socket.socket, peer: str) -> None:
        self.socket, self.peer = connected, peer
        self.dropped = 0
        self.intervals: dict[str, int] = {}
        self.sent_at: dict[str, int] = {}
        self._waiting: deque[Outgoing] = deque()
        self._names: Counter[tuple[str, str]] = Counter()
        self._piece = memoryview(b"")
        self._stream = MessageStream(MOST_REQUEST, frozenset(REQUESTS), MOST_BODY)
        self._second, self._requests = -1, 0

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    def put(self, outgoing: Outgoing) -> None:
        """Let a message wait; where too many do, drop the oldest that a newer one supersedes.

        So the newest message of every name arrives, however slowly a program reads: also the one
        that says that a tool is lost.

        Parameters
        ----------
        outgoing : Outgoing
            The message.
        """
        self._waiting.append(outgoing)
        self._names[outgoing[:2]] += 1
        if len(self._waiting) > MOST_WAITING:
            superseded = (n for n, old in enumerate(self._waiting) if self._names[old[:2]] > 1)
            at = next(superseded, 0)
            self._forget(self._waiting[at])
            del self._waiting[at]
            self.dropped += 1

    def send(self) -> bool:
        """Send as much as the system takes.

        Returns
        -------
        bool
            Whether that was all.

        Raises
        ------
        OSError
            The program is gone.
        """
        while self._piece or self._waiting:
            if not self._piece:
                self._piece = memoryview(self._next_piece())
            try:
                self._piece = self._piece[self.socket.send(self._piece) :]
            except BlockingIOError:
                return False
        return True

    def receive(self, now: float) -> Iterator[Message]:
        """Yield the requests that have arrived.

        Parameters
        ----------
        now : float
            s, any clock that does not jump.

        Yields
        ------
        Message

        Raises
        ------
        OSError
            The program is gone.
        BadMessage
            It sends something else than OpenIGTLink, or too many requests.
        """
        try:
            data = self.socket.recv(READ)
        except BlockingIOError:
            return  # a false alarm
        if not data:
            raise ConnectionResetError("closed")
        for message in self._stream.feed(data):
            if int(now) != self._second:
                self._second, self._requests = int(now), 0
            self._requests += 1
            if self._requests > MOST_REQUESTS:
                raise BadMessage(f"more than {MOST_REQUESTS} requests per second")
            yield message

    def _next_piece(self) -> bytes:
        parts, size = [], 0
        while self._waiting and size < PIECE:
            outgoing = self._waiting.popleft()
            self._forget(outgoing)
            parts.append(outgoing.data)
            size += len(outgoing.data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _forget(self, outgoing: Outgoing) -> None:
        self._names[outgoing[:2]] -= 1
        if not self._names[outgoing[:2]]:
            del self._names[outgoing[:2]]
