"""What other programs ask of the OpenIGTLink server, and its answers."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from nav.link.igtl_connection import REQUESTS, Connection, Outgoing
from nav.link.igtl_content import Capability, Content, RawContent, StartTrackingData
from nav.link.igtl_frames import FLIP, device_names
from nav.link.igtl_messages import Message
from nav.link.igtl_places import TRACKER, Instant
from nav.link.igtl_points import Fiducial, Points
from nav.link.igtl_polydata import PolyData
from nav.link.igtl_profiles import Profile
from nav.model.case import Case

SENT = ("TRANSFORM", "STATUS", "STRING", "TDATA", "POSITION", "POLYDATA", "POINT", "CAPABILITY")
ON_REQUEST = ("TDATA", "POSITION")  # computed for those that want it
SHORT = {"GET_TRANS": "TRANSFORM", "GET_CAPABIL": "CAPABILITY"}  # names cut at 12 characters
TRACKER_NAMES = ("", TRACKER, "CAMERA")  # of coordinates that TDATA can be in
SUCCESS, FAILURE = b"\0", b"\1"
MILLISECOND = 1_000_000  # ns
CURRENT = 0.3  # s for which poses are sent after they came; a recording may be paused


def case_messages(case: Case) -> Iterator[Message]:
    """Yield the surfaces and fiducials of a case, in RAS.

    Parameters
    ----------
    case : Case
        In the model frame.

    Yields
    ------
    Message
        POLYDATA of each structure, then POINT.
    """
    names = device_names(structure.name for structure in case.structures)
    for structure in case.structures:
        points = structure.surface.vertices * FLIP[:3]
        surface = PolyData.of_triangles(points, structure.surface.triangles)
        yield Message(surface, names[structure.name])
    yield Message(
        Points(
            tuple(
                Fiducial(
                    device_names([one.label])[one.label],
                    np.asarray(one.position) * FLIP[:3],
                    one.use,
                )
                for one in case.fiducials
            )
        ),
        "Fiducials",
    )


class Answers:
    """Answer requests from the newest messages of every name.

    Parameters
    ----------
    profile : Profile
        For what is computed on request.
    fixed : iterable of Message
        Surfaces and points.
    version : int
        Of the headers.

    Attributes
    ----------
    posted_at : float
        When the newest instant came, s, monotonic.
    """

    def __init__(self, profile: Profile, fixed: Iterable[Message], version: int) -> None:
        self.profile, self.version = profile, version
        self.newest = {one[:2]: one for one in map(self.encode, fixed)}
        self.instant: Instant | None = None
        self.posted_at = -np.inf
        self._computed: dict[str, Outgoing | None] = {}

    def encode(self, message: Message) -> Outgoing:
        """Return a message as it is sent.

        Parameters
        ----------
        message : Message
            With any header version.

        Returns
        -------
        Outgoing
        """
        if message.version != self.version:
            message = replace(message, version=self.version)
        return Outgoing(message.kind, message.device, message.encoded())

    def show(self, instant: Instant) -> None:
        """Take the newest instant.

        Parameters
        ----------
        instant : Instant
            Of which TDATA and POSITION are made when somebody wants them.
        """
        self.instant = instant
        self._computed.clear()

    def retained(self) -> list[Outgoing]:
        """Return what a new client has to know: statuses, and what the profile says."""
        return [
            one
            for one in self.newest.values()
            if one.kind == "STATUS" or (one.device in self.profile.retained and self._holds(one))
        ]

    @property
    def _is_current(self) -> bool:
        return time.monotonic() - self.posted_at <= CURRENT

    def _holds(self, one: Outgoing) -> bool:
        """Return whether a pose, an alarm or distances are not of long ago; others hold anyway."""
        if one.kind == "TRANSFORM" and one.device in self.profile.retained:
            return True
        return one.kind not in ("TRANSFORM", "STRING") or self._is_current

    def wanted(self, connection: Connection) -> Iterator[Outgoing]:
        """Yield what a client asked to get continually, if it is due.

        Parameters
        ----------
        connection : Connection
            Of the client.

        Yields
        ------
        Outgoing
        """
        assert self.instant is not None
        for kind, interval in connection.intervals.items():
            if self.instant.time_ns - connection.sent_at.get(kind, -interval) < interval:
                continue
            found = self.computed(kind)
            if found is not None:
                connection.sent_at[kind] = self.instant.time_ns
                yield found

    def computed(self, kind: str) -> Outgoing | None:
        """Return TDATA or POSITION of the newest instant; made once for all clients.

        Parameters
        ----------
        kind : str
            The message type.

        Returns
        -------
        Outgoing or None
            None where there is nothing to send.
        """
        if self.instant is None:
            return None
        if kind not in self._computed:
            message = self.profile.on_request(kind, self.instant)
            self._computed[kind] = None if message is None else self.encode(message)
        return self._computed[kind]

    def answer(self, request: Message, connection: Connection) -> Iterator[Outgoing]:
        """Yield the answers to a request.

        Parameters
        ----------
        request : Message
            Of a type among `REQUESTS`.
        connection : Connection
            Of the client; what it wants continually is noted there.

        Yields
        ------
        Outgoing
            With an empty body where there is no such thing.
        """
        verb, _, kind = request.kind.partition("_")
        kind = SHORT.get(request.kind, kind)
        if verb == "GET":
            found = list(self._found(kind, request.device))
            empty = self.encode(Message(RawContent(kind), request.device))
            yield from found or [empty]
            return
        done = SUCCESS
        if verb == "STP":
            connection.intervals.pop(kind, None)
        elif isinstance(request.content, StartTrackingData):
            if request.content.coordinates in TRACKER_NAMES:
                connection.intervals[kind] = request.content.interval_ms * MILLISECOND
            else:
                done = FAILURE
        else:
            connection.intervals[kind] = 0
        yield self.encode(Message(RawContent(f"RTS_{kind}", done), request.device))

    def _found(self, kind: str, device: str) -> Iterator[Outgoing]:
        if kind in ON_REQUEST:
            found = self.computed(kind) if self._is_current else None
            if found is not None and device in ("", found.device):
                yield found
            return
        if kind == "CAPABILITY":
            known: Content = Capability((*SENT, *REQUESTS))
            yield self.encode(Message(known, device))
            return
        for (of_kind, name), one in self.newest.items():
            if of_kind == kind and device in ("", name) and self._holds(one):
                yield one
