"""The option --poses: a file of recorded poses, or the address of another tracker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nav.core.errors import InputError
from nav.link.igtl_names import parse_names
from nav.link.igtl_poses import IgtlPoses
from nav.link.network_address import NetworkAddress
from nav.link.tracker_address import tracker_address
from nav.record.recorded_poses import RecordedPoses, open_recorded_poses
from nav.tracking.pose_source import StatedErrors


@dataclass(frozen=True)
class PoseInput:
    """Where poses that were tracked by something else come from.

    Parameters
    ----------
    poses : Path
        A file, or igtl://HOST:PORT.
    tools : tuple of str
        Names of the tools that are needed.
    stated : StatedErrors, optional
        For poses without errors of their own.
    names : tuple of str
        TOOL=NAME each: what a tracker calls them.
    """

    poses: Path
    tools: tuple[str, ...]
    stated: StatedErrors | None = None
    names: tuple[str, ...] = ()

    @property
    def tracker(self) -> NetworkAddress | None:
        """Address of the tracker's server; None for a file."""
        return tracker_address(self.poses)

    @property
    def file(self) -> Path | None:
        """The file; None for a tracker."""
        return self.poses if self.tracker is None else None

    def check(self) -> None:
        """Read a file once, check the options of a tracker; raise InputError for what is wrong."""
        if self.tracker is None:
            self.recording().close()
        else:
            self._given(self.tracker)

    def recording(self) -> RecordedPoses:
        """Open the file.

        Returns
        -------
        PoseRecording or MetaIOSequence

        Raises
        ------
        InputError
            The file is wrong, or names are given, which are for a tracker.
        """
        if self.names:
            raise InputError("--igtl-name: is for the poses of a tracker, igtl://HOST:PORT")
        return open_recorded_poses(self.poses, self.tools, self.stated)

    def connection(self) -> IgtlPoses:
        """Connect to the tracker; the connection is made again whenever it is lost.

        Returns
        -------
        IgtlPoses

        Raises
        ------
        InputError
            No errors are stated, or names are given that are none.
        """
        address = self.tracker
        assert address is not None
        given, stated = self._given(address)
        return IgtlPoses(address, self.tools, stated, given)

    def _given(self, address: NetworkAddress) -> tuple[dict[str, str], StatedErrors]:
        if self.stated is None:
            raise InputError(
                f"igtl://{address}: OpenIGTLink has no errors of its poses; state the tracker's, "
                "with --position-sd and --rotation-sd-deg"
            )
        return parse_names(self.names, self.tools), self.stated
