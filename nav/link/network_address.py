"""Where services listen and where servers are: HOST:PORT as options give it."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass
from ipaddress import ip_address

from nav.core.errors import InputError

LOOPBACK = "127.0.0.1"
MOST_PORT = 65535
ALIVE = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3}  # s, s, probes
_LABEL = "[A-Za-z0-9_-]{1,63}"  # as long as a name's parts can be, and none is empty
_HOST = rf"\[[0-9A-Fa-f:.%a-z]+\]|{_LABEL}(?:\.{_LABEL})*\.?"
_WRITTEN = re.compile(rf"(?:({_HOST}):)?([0-9]{{1,5}})")
_SERVER = re.compile(rf"({_HOST})(?::([0-9]{{1,5}}))?")


@dataclass(frozen=True)
class NetworkAddress:
    """A host and a TCP port.

    Parameters
    ----------
    host : str
        Name or number, without brackets.
    port : int
        1 to 65535; 0 to listen on any free one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this computer can reach it."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def family(self) -> socket.AddressFamily:
        """Kind of socket that listens there."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET


def listening_address(text: str, option: str) -> NetworkAddress:
    """Return where a service listens: on the loopback interface unless a host is given.

    Parameters
    ----------
    text : str
        [HOST:]PORT.
    option : str
        Of the command, for the message.

    Returns
    -------
    NetworkAddress

    Raises
    ------
    InputError
        It is not an address.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None or int(match[2]) > MOST_PORT:
        raise InputError(
            f"{option} {text}: expected [HOST:]PORT with a port of 0 to {MOST_PORT}, such as 8765 "
            "(for programs on this computer) or 0.0.0.0:8765 (for the whole network)"
        )
    return NetworkAddress((match[1] or LOOPBACK).strip("[]"), int(match[2]))


def server_address(text: str, usual_port: int) -> NetworkAddress:
    """Return where a server is.

    Parameters
    ----------
    text : str
        HOST[:PORT].
    usual_port : int
        Where none is given.

    Returns
    -------
    NetworkAddress

    Raises
    ------
    InputError
        It is not an address.
    """
    match = _SERVER.fullmatch(text.strip())
    port = usual_port if match is None or match[2] is None else int(match[2])
    if match is None or not 0 < port <= MOST_PORT:
        raise InputError(f"{text}: expected HOST or HOST:PORT with a port of 1 to {MOST_PORT}")
    return NetworkAddress(match[1].strip("[]"), port)


def keep_alive(connection: socket.socket) -> None:
    """Send at once, and notice within seconds that the other computer is gone.

    Parameters
    ----------
    connection : socket.socket
        A connection by TCP.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in ALIVE.items():
        with contextlib.suppress(AttributeError, OSError):  # not every system has them
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
