"""A connection to an OpenIGTLink server that is made again for as long as it is wanted."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from nav.link.igtl_content import OK, StartTrackingData, Status
from nav.link.igtl_fields import BadMessage
from nav.link.igtl_messages import Message
from nav.link.igtl_stream import MessageStream
from nav.link.network_address import NetworkAddress, keep_alive

CONNECT = 2.0  # s that a connection may take
RETRY = 1.0  # s until the next attempt
LISTEN = 0.25  # s between two looks at whether to go on
ASK_AFTER = 1.0  # s without poses until TDATA is asked for
KINDS = frozenset({"TRANSFORM", "TDATA", "STATUS", "POSITION"})
MOST_BODY = 1024 * 1024  # bytes of these
MOST_SKIPPED = 2**33  # bytes of an image
INTERVAL_MS = 5  # between two TDATA at least
PIECE = 65536  # bytes
NAME = "c1c2nav"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConnectionState:
    """How the connection is.

    Parameters
    ----------
    connected : bool
        Whether there is one.
    since : float
        When that began, s.
    problem : str
        Why there is none; empty before the first attempt has ended.
    """

    connected: bool
    since: float
    problem: str = ""


class IgtlClient:
    """Receive a server's messages in a thread of its own.

    What is not a pose or a status is skipped, whatever its size. A server that sends no poses is
    asked for TDATA. What is not OpenIGTLink ends the connection; it is tried again.

    Parameters
    ----------
    address : NetworkAddress
        Of the server.
    receive : callable
        Called in the thread with each message and the time of its arrival, s.
    changed : callable
        Called in the thread with each new state.
    has_poses : callable
        Returns whether the server sends what is needed.
    clock : callable
        Returns the time, s.
    """

    def __init__(
        self,
        address: NetworkAddress,
        receive: Callable[[Message, float], None],
        changed: Callable[[ConnectionState], None],
        has_poses: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self._receive, self._changed, self._has_poses = receive, changed, has_poses
        self._clock = clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"igtl {address}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Disconnect."""
        self._stopped.set()
        self._thread.join(timeout=CONNECT + LISTEN)

    def _run(self) -> None:
        while not self._stopped.is_set():
            problem = ""
            try:
                where = (self.address.host, self.address.port)
                with socket.create_connection(where, timeout=CONNECT) as connection:
                    self._changed(ConnectionState(True, self._clock()))
                    self._listen(connection)
                problem = "the server has closed it"
            except TimeoutError:
                problem = "no answer"
            except OSError as error:
                problem = error.strerror or str(error)
            except BadMessage as error:
                problem = str(error)
            except Exception as error:  # a fault of ours does not end the thread unseen
                log.exception("reading from %s failed", self.address)
                problem = f"{type(error).__name__}: {error}"
            self._changed(ConnectionState(False, self._clock(), problem))
            self._stopped.wait(RETRY)

    def _listen(self, connection: socket.socket) -> None:
        """Receive until the server closes the connection."""
        keep_alive(connection)
        # a server of protocol 3 sends metadata only to clients that have shown that they know it
        connection.sendall(Message(Status(OK), NAME).encoded())
        stream = MessageStream(MOST_BODY, KINDS, MOST_SKIPPED)
        began, asked = self._clock(), False
        connection.settimeout(LISTEN)
        while not self._stopped.is_set():
            if not asked and self._clock() - began > ASK_AFTER:
                asked = True
                if not self._has_poses():
                    request = Message(StartTrackingData(INTERVAL_MS), NAME, version=1)
                    connection.sendall(request.encoded())
            try:
                data = connection.recv(PIECE)
            except TimeoutError:
                continue
            if not data:
                return
            arrival = self._clock()
            for message in stream.feed(data):
                self._receive(message, arrival)
