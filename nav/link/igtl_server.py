"""The OpenIGTLink server: a thread of its own serves all clients, and tracking never waits."""

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

import nav
from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.link.igtl_connection import PIECE, Connection, Outgoing
from nav.link.igtl_content import EXITING, OK, Status
from nav.link.igtl_fields import BadMessage
from nav.link.igtl_messages import Message, timestamp_of
from nav.link.igtl_places import Instant
from nav.link.igtl_profiles import MISSING, Profile
from nav.link.igtl_requests import Answers
from nav.link.network_address import NetworkAddress, keep_alive

log = logging.getLogger(__name__)
OPTION = "--igtl-server"
# Windows means by SO_REUSEADDR that others may take a port that is in use
REUSE = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
SERVER = "c1c2nav"  # the name of its own statuses
MOST_CLIENTS = 32  # a laboratory has a handful; each costs a little of the thread's time
MOST_INSTANTS = 16  # a quarter of a second at 60 per second; older ones are dropped
AGAIN = 0.01  # s until a connection is tried again that could not be had
GOODBYE = 0.5  # s in which clients may still read what waits for them
ENDING = 2.0  # s that the thread is given to end


class IgtlServer:
    """Serve what a profile makes of each instant to any number of clients.

    Parameters
    ----------
    address : NetworkAddress
        Where to listen.
    profile : Profile
        What is sent.
    fixed : iterable of Message
        Surfaces and points, sent when asked for.
    version : int
        Of the headers: 2, or 1 for clients that know protocols 1 and 2 only.
    greet_with : iterable of str
        Message types among `fixed` that every new client gets at once.
    always : iterable of str
        Message types among those on request that every client gets continually.

    Raises
    ------
    InputError
        The port is in use, or the host is not one of this computer.
    """

    def __init__(
        self,
        address: NetworkAddress,
        profile: Profile,
        fixed: Iterable[Message] = (),
        version: int = 2,
        greet_with: Iterable[str] = (),
        always: Iterable[str] = (),
    ) -> None:
        self._listening = listening_socket(address)
        self.address = NetworkAddress(address.host, self._listening.getsockname()[1])
        self._answers = Answers(profile, fixed, version)
        self._greet_with, self._always = frozenset(greet_with), tuple(always)
        self._profile = profile
        self._instants: deque[Instant] = deque(maxlen=MOST_INSTANTS)
        self._clients: dict[int, Connection] = {}
        self._unsent: Instant | None = None
        self._late = 0  # instants dropped because the thread did not get the processor
        self._dropped = 0  # messages of clients that are gone
        self._refused: str | None = None
        self._failed: str | None = None
        self._closing = False
        self._awake, self._wake = socket.socketpair()
        self._awake.setblocking(False)
        self._wake.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._awake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="openigtlink", daemon=True)
        self._thread.start()

    @property
    def clients(self) -> int:
        """How many programs are connected."""
        return len(self._clients)

    @property
    def dropped(self) -> int:
        """Messages that clients read too slowly to get, so far."""
        return self._dropped + sum(one.dropped for one in tuple(self._clients.values()))

    @property
    def late(self) -> int:
        """Instants that nobody got, because the thread was too late."""
        return self._late

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user should know now."""
        where, found = str(self.address), []
        if self._failed is not None:
            found.append(Notice("igtl_failed", {"problem": self._failed}))
        if not self.address.is_loopback:
            found.append(Notice("igtl_open_to_network", {"address": where}))
        if self._refused is not None:
            found.append(Notice("igtl_refused", {"problem": self._refused}))
        if self._clients:
            found.append(Notice("igtl_clients", {"address": where, "count": self.clients}))
        if self.dropped:
            found.append(Notice("igtl_dropped", {"dropped": float(self.dropped)}))
        if self.late:
            found.append(Notice("igtl_late", {"late": float(self.late)}))
        return tuple(found)

    def post(self, instant: Instant) -> None:
        """Take an instant, and return at once; the thread does the rest.

        Parameters
        ----------
        instant : Instant
            A newer one than the last.
        """
        if len(self._instants) == MOST_INSTANTS:
            self._late += 1
        self._instants.append(instant)
        self._answers.posted_at = time.monotonic()
        self._nudge()

    def close(self) -> None:
        """Tell the clients that this is the end, and stop."""
        self._closing = True
        self._nudge()
        self._thread.join(ENDING)

    def _nudge(self) -> None:
        with suppress(OSError):  # its pipe is full, so it is awake; or it is gone
            self._wake.send(b"\0")

    def _run(self) -> None:
        try:
            while not self._closing:
                for key, events in self._selector.select():
                    self._attend(key, events)
                self._publish()
        except Exception as error:  # tracking goes on without it
            log.exception("the OpenIGTLink server failed")
            self._failed = str(error)
        finally:
            self._end()

    def _attend(self, key: selectors.SelectorKey, events: int) -> None:
        if key.fileobj is self._listening:
            self._accept()
        elif key.fileobj is self._awake:
            self._awake.recv(PIECE)
        elif events & selectors.EVENT_READ:
            connection = key.data
            try:
                for request in connection.receive(time.monotonic()):
                    for outgoing in self._answers.answer(request, connection):
                        connection.put(outgoing)
            except (OSError, BadMessage) as error:
                self._drop(connection, error)
            else:
                self._send(connection)
        else:
            self._send(key.data)

    def _accept(self) -> None:
        try:
            connected, peer = self._listening.accept()
        except OSError:  # it is gone already, or this process has too many files open
            time.sleep(AGAIN)
            return
        if len(self._clients) >= MOST_CLIENTS:
            where = NetworkAddress(*peer[:2])
            self._refused = f"{where}: {MOST_CLIENTS} programs are connected already"
            connected.close()
            return
        if self._unsent is not None:
            self._publish_instant(self._unsent)
        connected.setblocking(False)
        with suppress(OSError):  # some systems refuse where the program is gone already
            keep_alive(connected)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE)
        connection = Connection(connected, str(NetworkAddress(*peer[:2])))
        connection.intervals = dict.fromkeys(self._always, 0)
        self._clients[connected.fileno()] = connection
        self._selector.register(connected, selectors.EVENT_READ, connection)
        log.info("OpenIGTLink: %s connected", connection.peer)
        connection.put(self._own_status(OK, "OK", f"c1c2nav {nav.__version__}: {nav.NOTICE}"))
        for outgoing in self._answers.retained():
            connection.put(outgoing)
        for outgoing in tuple(self._answers.newest.values()):
            if outgoing.kind in self._greet_with:
                connection.put(outgoing)
        self._send(connection)

    def _publish(self) -> None:
        """Encode the instants that wait, once for all clients, and send them."""
        while self._instants:
            instant = self._instants.popleft()
            if not self._clients:  # nobody reads: the newest one will do for who comes next
                self._unsent = instant
                continue
            self._publish_instant(instant)
            for connection in self._clients.values():
                for outgoing in self._answers.wanted(connection):
                    connection.put(outgoing)
            for connection in tuple(self._clients.values()):
                self._send(connection)

    def _publish_instant(self, instant: Instant) -> None:
        self._unsent = None
        self._answers.show(instant)
        for message in self._profile.messages(instant):
            if message.metadata == MISSING and self._answers.version < 2:
                # without metadata its identity would be taken for a pose
                self._answers.newest.pop((message.kind, message.device), None)
                continue
            outgoing = self._answers.encode(message)
            self._answers.newest[outgoing[:2]] = outgoing
            for connection in self._clients.values():
                connection.put(outgoing)

    def _send(self, connection: Connection) -> None:
        try:
            rest = not connection.send()
        except OSError as error:
            self._drop(connection, error)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if rest else 0)
        if self._selector.get_key(connection.socket).events != events:
            self._selector.modify(connection.socket, events, connection)

    def _drop(self, connection: Connection, error: Exception) -> None:
        if isinstance(error, BadMessage):
            self._refused = f"{connection.peer}: {error}"
            log.info("OpenIGTLink: %s: disconnected: %s", connection.peer, error)
        else:
            log.info("OpenIGTLink: %s left", connection.peer)
        self._dropped += connection.dropped
        del self._clients[connection.socket.fileno()]
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _own_status(self, code: int, name: str, text: str) -> Outgoing:
        status = Message(Status(code, text, name), SERVER, timestamp_of(time.time_ns()))
        return self._answers.encode(status)

    def _end(self) -> None:
        """Close the connections; clients that still read get their pending messages."""
        for connection in tuple(self._clients.values()):
            connection.put(self._own_status(EXITING, "EXITING", "tracking has ended"))
            self._send(connection)
        end, slow = time.monotonic() + GOODBYE, selectors.DefaultSelector()
        for connection in self._clients.values():
            slow.register(connection.socket, selectors.EVENT_WRITE, connection)
        while slow.get_map() and time.monotonic() < end:
            for key, _ in slow.select(end - time.monotonic()):
                try:
                    if not key.data.send():
                        continue
                except OSError:  # it did not wait
                    pass
                slow.unregister(key.fileobj)
        slow.close()
        for connection in self._clients.values():
            self._dropped += connection.dropped
            connection.socket.close()
        self._clients.clear()
        self._selector.close()
        for one in (self._listening, self._awake, self._wake):
            one.close()


def listening_socket(address: NetworkAddress) -> socket.socket:
    """Return a socket that listens and does not block.

    Parameters
    ----------
    address : NetworkAddress
        Of this computer.

    Returns
    -------
    socket.socket

    Raises
    ------
    InputError
        The port is in use, or the host is not one of this computer.
    """
    listening = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        # a port whose last connections are just ending can be had again
        listening.setsockopt(socket.SOL_SOCKET, REUSE, 1)
        listening.bind((address.host, address.port))
        listening.listen()
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise InputError(
            f"{OPTION}: cannot listen on {address}: {reason}; end the program that uses the port, "
            "or give another"
        ) from None
    listening.setblocking(False)
    return listening
