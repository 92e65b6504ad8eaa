"""A TCP service that emulates the Polaris protocol, so that its clients can track through us."""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.link.network_address import NetworkAddress, keep_alive
from nav.link.polaris_client_state import LONGEST_COMMAND, PolarisClientState
from nav.link.polaris_replies import END

if TYPE_CHECKING:
    from nav.live.messages import Command
    from nav.live.session import Session, State
    from nav.run_live import LiveWork

MOST_CLIENTS = 16
MOST_INVALID = 20  # invalid commands in a row from what is no client
CURRENT = 0.3  # s after its capture in which a frame is sent; then every tool is missing
SEND_SECONDS = 2.0  # a client that does not take its reply for so long is disconnected
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PolarisSetup:
    """Recipe for the service.

    Parameters
    ----------
    address : NetworkAddress
        Where it listens.
    """

    address: NetworkAddress

    def open(self, work: LiveWork) -> PolarisService:
        """Listen; raise InputError where the port cannot be had."""
        return PolarisService(self.address, tuple(work.tools))


class PolarisService:
    """Observe a live use, and answer clients of the Polaris protocol from the newest frame.

    Each client has a thread of its own; tracking only leaves its newest frame here.

    Parameters
    ----------
    address : NetworkAddress
        Where it listens.
    tools : sequence of str
        Names of the tools, in the order of the port handles.
    clock : callable
        Returns the time by which frames are captured, s.

    Attributes
    ----------
    address : NetworkAddress
        With the port that was chosen where it was 0.

    Raises
    ------
    InputError
        The address cannot be listened on.
    """

    def __init__(
        self,
        address: NetworkAddress,
        tools: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tools, self._clock = tuple(tools), clock
        self._newest: TrackedFrame | None = None
        try:
            self._server = _Server(address, self)
        except OSError as error:
            raise InputError(
                f"--polaris {address}: cannot listen there: {error.strerror or error}; give "
                "another port, or end the program that uses it"
            ) from None
        self.address = NetworkAddress(address.host, self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="polaris", daemon=True
        )
        self._thread.start()

    @property
    def notices(self) -> Sequence[Notice]:
        """Who is connected, and that others than this computer can be."""
        facts = {"address": str(self.address), "clients": len(self._server.clients)}
        if not self.address.is_loopback:
            return (Notice("polaris_open_to_network", facts),)
        return (Notice("polaris_clients", facts),) if self._server.clients else ()

    def frame(self, tracked: TrackedFrame, state: State) -> None:
        """Keep a frame for whoever asks next."""
        self._newest = tracked.without_images()

    def command(self, command: Command, session: Session) -> None:
        """Ignore the user's commands."""

    def close(self) -> None:
        """Stop listening and disconnect everybody."""
        self._server.shutdown()
        self._server.server_close()
        for client in tuple(self._server.clients):
            _shut(client)
        self._server.clients.clear()
        self._thread.join(timeout=1.0)

    def current(self) -> TrackedFrame | None:
        """Return the newest frame while it may be shown as current, else None."""
        frame = self._newest
        if frame is None or frame.captured_at is None:
            return None
        return frame if self._clock() - frame.captured_at <= CURRENT else None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = MOST_CLIENTS
    block_on_close = False

    def __init__(self, address: NetworkAddress, service: PolarisService) -> None:
        self.address_family, self.service = address.family, service
        self.clients: set[socket.socket] = set()
        super().__init__((address.host, address.port), _Client)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        if len(self.clients) >= MOST_CLIENTS:
            return False
        self.clients.add(request)  # here, before the next one is let in
        return True

    def shutdown_request(self, request: Any) -> None:
        self.clients.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("client %s of the Polaris service", client_address, exc_info=True)


class _Client(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        connection: socket.socket = self.request
        try:
            keep_alive(connection)
            self._answer(connection)
        except OSError:
            log.info("client %s of the Polaris service is gone", self.client_address)

    def _answer(self, connection: socket.socket) -> None:
        service = self.server.service
        state = PolarisClientState(service.tools, service.current)
        waiting = bytearray()
        while state.invalid < MOST_INVALID:
            connection.settimeout(None)
            data = connection.recv(4096)
            if not data:
                return
            waiting += data
            while (end := waiting.find(END)) >= 0:
                command = bytes(waiting[:end])
                del waiting[: end + 1]
                connection.settimeout(SEND_SECONDS)
                connection.sendall(state.reply(command.lstrip(b"\n")))
            if len(waiting) > 2 * LONGEST_COMMAND:
                return  # it does not speak this protocol


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is gone already
        connection.shutdown(socket.SHUT_RDWR)
