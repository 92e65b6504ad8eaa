"""A server that sends what it is told to every client, as PLUS does: several, at a rate."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence

from scipy.spatial.transform import RigidTransform

from nav.link.igtl_content import Instrument, TrackingData, Transform
from nav.link.igtl_messages import Message, timestamp_of

Frame = Callable[[int], Sequence[bytes]]


def stamp(seconds: float | None = None) -> int:
    """A timestamp for now by another clock than ours, or for a given time."""
    return timestamp_of(int((time.time() if seconds is None else seconds) * 1e9))


def transform(
    name: str, pose: RigidTransform, status: str | None = "OK", at: int | None = None, version=2
) -> bytes:
    metadata = {} if status is None else {"TransformValid": "1", "TransformStatus": status}
    when = stamp() if at is None else at
    content = Transform(pose.as_matrix())
    return Message(content, name, when, metadata if version > 1 else {}, version).encoded()


def tracking_data(poses: dict[str, RigidTransform], statuses=None, at=None) -> bytes:
    content = TrackingData(tuple(Instrument(n, pose.as_matrix()) for n, pose in poses.items()))
    metadata = {f"{name}Status": status for name, status in (statuses or {}).items()}
    return Message(content, "TrackingData", stamp() if at is None else at, metadata).encoded()


class PlusLikeServer:
    """Send `frame(number)` to every client, `rate` times per second.

    Parameters
    ----------
    frame : callable
        Returns the messages of a frame; may be exchanged while it runs.
    rate : float
        Frames per second.
    port : int
        To listen on; 0 for any.
    """

    def __init__(self, frame: Frame, rate: float = 50.0, port: int = 0) -> None:
        self.frame, self.rate, self.number = frame, rate, 0
        self.received: list[bytes] = []
        self.clients: list[socket.socket] = []
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        for work in (self._accept, self._send):
            threading.Thread(target=work, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # the port is free at once
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """Disconnect everybody."""
        while self.clients:
            with contextlib.suppress(OSError):
                self.clients[0].shutdown(socket.SHUT_RDWR)
            self.clients.pop(0).close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(2.0)
            self.clients.append(client)
            threading.Thread(target=self._receive, args=(client,), daemon=True).start()

    def _receive(self, client: socket.socket) -> None:
        while not self._over.is_set():
            try:
                data = client.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            self.received.append(data)

    def _send(self) -> None:
        while not self._over.wait(1.0 / self.rate):
            data = b"".join(self.frame(self.number))
            self.number += 1
            for client in tuple(self.clients):
                try:
                    client.sendall(data)
                except OSError:
                    with contextlib.suppress(ValueError):
                        self.clients.remove(client)
