"""Observers of a live session: a recorder, links to other programs. Nothing waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from nav.core.notice import Notice
    from nav.core.tracked_frame import TrackedFrame
    from nav.live.messages import Command
    from nav.live.session import Session, State


class ObserverSetup(Protocol):
    """Recipe for an observer; sent to the tracking process, which opens it there."""

    def open(self, work: Any) -> Observer:
        """Open files, ports and threads; raise InputError where one cannot be had."""
        ...


class Observer(Protocol):
    """Is shown every result and command in the tracking process, and returns at once.

    What takes time (encoding, disk, network) belongs into a thread or process of its own, behind a
    bounded queue. An observer never raises: what goes wrong becomes one of its notices.
    """

    @property
    def notices(self) -> Sequence[Notice]:
        """What the user should know now (a full disk, a lost client)."""
        ...

    def frame(self, tracked: TrackedFrame, state: State) -> None:
        """Take a result.

        Parameters
        ----------
        tracked : TrackedFrame
            Poses of one instant, with their images if there are some.
        state : State
            Of the work after them.
        """
        ...

    def command(self, command: Command, session: Session) -> None:
        """Take a command of the user that was carried out.

        Parameters
        ----------
        command : Command
            What was asked for.
        session : Session
            As it is afterwards; only to be read.
        """
        ...

    def close(self) -> None:
        """Write or send what is left; called once, after the last result."""
        ...
