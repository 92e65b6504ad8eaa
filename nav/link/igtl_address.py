"""Where a server listens: [HOST:]PORT, on this computer only unless a host is given."""

import ipaddress
import socket
from dataclasses import dataclass

from nav.core.errors import InputError

LOOPBACK = "127.0.0.1"
LAST_PORT = 65535


@dataclass(frozen=True)
class Address:
    """A host and a port.

    Parameters
    ----------
    host : str
        Name or number; "0.0.0.0" and "::" stand for every network of this computer.
    port : int
        0 lets the system choose one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this computer can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # a name: it may be of a network

    @property
    def family(self) -> socket.AddressFamily:
        """The kind of network address."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET


def parse_address(text: str, option: str) -> Address:
    """Return what [HOST:]PORT says.

    Parameters
    ----------
    text : str
        As 18944, 0.0.0.0:18944 or [::1]:18944.
    option : str
        Of the command line, for messages.

    Returns
    -------
    Address
        On the loopback network where no host is given.

    Raises
    ------
    InputError
        Something else.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
        colon, port = ":", ""  # IPv6 without brackets
    is_port = port.isascii() and port.isdigit() and 1 <= int(port) <= LAST_PORT
    if not is_port or (colon and not host):
        raise InputError(
            f"{option}: {text}: expected PORT or HOST:PORT, port 1 to {LAST_PORT}, as 18944 or "
            "0.0.0.0:18944"
        )
    return Address(host or LOOPBACK, int(port))


def listening_socket(address: Address, option: str) -> socket.socket:
    """Return a socket that listens and does not block.

    Parameters
    ----------
    address : Address
        Of this computer.
    option : str
        Of the command line, for messages.

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
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen()
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise InputError(
            f"{option}: cannot listen on {address}: {reason}; end the program that uses the port, "
            "or give another"
        ) from None
    listening.setblocking(False)
    return listening
