"""OpenIGTLink beside a live use, or beside the tracking of a recording."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.link.igtl_messages import Message
from nav.link.igtl_places import Instant, Tools
from nav.link.igtl_profiles import AstmProfile, Profile, ProfileName, SlicerProfile
from nav.link.igtl_requests import case_messages
from nav.link.igtl_server import IgtlServer
from nav.link.network_address import NetworkAddress
from nav.tracking.tool import Tool

if TYPE_CHECKING:
    from nav.live.messages import Command
    from nav.live.session import Session, State


class Opened(Protocol):
    """The part of a live session that is sent."""

    @property
    def session(self) -> Session:
        """The work, with its pipeline."""
        ...

    @property
    def tools(self) -> Mapping[str, Tool]:
        """All tools by name."""
        ...


@dataclass(frozen=True)
class IgtlSetup:
    """The options of the OpenIGTLink server; sent to the tracking process, which opens it there.

    Parameters
    ----------
    address : NetworkAddress
        Where to listen.
    profile : {"slicer", "astm"}
        What is sent.
    version : int
        Of the headers: 2, or 1 for clients of protocols 1 and 2.
    tdata : bool
        Send TDATA to all clients, not only to those that ask for it.
    polydata : bool
        Send the case's surfaces to every new client, not only to those that ask for them.
    """

    address: NetworkAddress
    profile: ProfileName = "slicer"
    version: int = 2
    tdata: bool = False
    polydata: bool = False

    @property
    def line(self) -> str:
        """What the user of the command line should know."""
        reach = (
            "this computer only"
            if self.address.is_loopback
            else "OPEN TO THE NETWORK: every computer that can reach it can read it"
        )
        return f"OpenIGTLink ({self.profile}) on {self.address}: {reach}"

    def open(self, work: Opened) -> IgtlObserver:
        """Listen, beside a live use.

        Parameters
        ----------
        work : Opened
            The live use.

        Returns
        -------
        IgtlObserver

        Raises
        ------
        InputError
            The port cannot be had.
        """
        pipeline = work.session.pipeline
        needle, reference = pipeline.needle.name, pipeline.reference
        fixed = () if self.profile == "astm" else case_messages(pipeline.case)
        server = self._serve(work.tools, needle, reference, fixed)
        return IgtlObserver(server, work.session)

    def open_for_tracking(self, tools: Sequence[Tool], relative_to: str | None) -> IgtlTracking:
        """Listen, while a recording is tracked.

        Parameters
        ----------
        tools : sequence of Tool
            All of them.
        relative_to : str or None
            Name of the reference body.

        Returns
        -------
        IgtlTracking

        Raises
        ------
        InputError
            The port cannot be had, or the profile needs tools that are not there.
        """
        needle = None
        if self.profile == "astm":
            pointers = [t.name for t in tools if t.tip is not None and t.name != relative_to]
            if relative_to is None or len(pointers) != 1:
                raise InputError(
                    "--profile astm: needs --relative-to with the tool on the phantom, and one "
                    f"other tool with a [tip] as pointer; there are {len(pointers)}"
                )
            needle = pointers[0]
        by_name = {tool.name: tool for tool in tools}
        return IgtlTracking(self._serve(by_name, needle, relative_to, ()))

    def _serve(
        self,
        tools: Mapping[str, Tool],
        needle: str | None,
        reference: str | None,
        fixed: Iterable[Message],
    ) -> IgtlServer:
        named = Tools.of(tools, needle, reference)
        profile: Profile
        if self.profile == "astm":
            assert named.needle is not None
            assert named.reference is not None
            profile = AstmProfile(named.needle, named.reference)
        else:
            profile = SlicerProfile(named)
        return IgtlServer(
            self.address,
            profile,
            fixed,
            self.version,
            ("POLYDATA",) if self.polydata else (),
            ("TDATA",) if self.tdata else (),
        )


class IgtlTracking:
    """Show tracked poses to the server.

    Parameters
    ----------
    server : IgtlServer
        Closed by `close`.
    """

    def __init__(self, server: IgtlServer) -> None:
        self.server = server
        # a clock that is set meanwhile changes nothing
        self._epoch = time.time_ns() - time.monotonic_ns()

    @property
    def notices(self) -> Sequence[Notice]:
        """What the user should know now."""
        return self.server.notices

    def show(self, tracked: TrackedFrame) -> None:
        """Take a tracked frame; return at once.

        Parameters
        ----------
        tracked : TrackedFrame
            Poses of one instant.
        """
        self.server.post(Instant(tracked.without_images(), self.time_of(tracked)))

    def time_of(self, tracked: TrackedFrame) -> int:
        """Return when a frame was measured.

        Parameters
        ----------
        tracked : TrackedFrame
            Without a time of measurement it is of now.

        Returns
        -------
        int
            ns since 1970, UTC.
        """
        at = tracked.captured_at
        return self._epoch + (time.monotonic_ns() if at is None else round(1e9 * at))

    def close(self) -> None:
        """Tell the clients that this is the end."""
        self.server.close()


class IgtlObserver(IgtlTracking):
    """Show the results of a live use to the server.

    Parameters
    ----------
    server : IgtlServer
        Closed by `close`.
    session : Session
        The live use, for its registration.
    """

    def __init__(self, server: IgtlServer, session: Session) -> None:
        super().__init__(server)
        self.session = session

    def frame(self, tracked: TrackedFrame, state: State) -> None:
        """Take a result; return at once.

        Parameters
        ----------
        tracked : TrackedFrame
            Poses of one instant.
        state : State
            Of the work after them.
        """
        guidance = state.guidance
        registration = self.session.pipeline.registration
        at = self.time_of(tracked)
        self.server.post(Instant(guidance.tracked, at, guidance, registration))

    def command(self, command: Command, session: Session) -> None:
        """Take a command of the user: what follows from it comes with the next result.

        Parameters
        ----------
        command : Command
            What was asked for.
        session : Session
            As it is afterwards.
        """
