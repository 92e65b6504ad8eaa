"""The formats in which tracked poses are written: one table, one row per format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nav.core.errors import InputError

if TYPE_CHECKING:  # heavy: every command reads this table, few write poses
    from nav.core.tracked_frame import TrackedFrame
    from nav.tracking.tool import Tool


class PoseWriter(Protocol):
    """Writes tracked frames to a file as they come."""

    def write(self, tracked: TrackedFrame) -> None:
        """Write all tools of one frame."""
        ...

    def close(self) -> None:
        """Complete the file."""
        ...


@dataclass(frozen=True)
class PoseFormat:
    """A format of pose files.

    Parameters
    ----------
    suffixes : tuple of str
        Of the files' names, lower case; "" for a name without a suffix.
    first_line : bytes
        By which a file of this format is recognised, so that it may be replaced: its first line,
        or what that begins with before a comma.
    writer : str
        ``module:function``, imported when it is used. The function takes the file to write, the
        tools, and the name of the tool in whose frame poses are given (None: the rig's), and
        returns a PoseWriter.
    """

    suffixes: tuple[str, ...]
    first_line: bytes
    writer: str


POSE_FORMATS: tuple[PoseFormat, ...] = (
    PoseFormat(
        (".csv", ".txt", ""),
        b"frame,time,tool,status,tx,ty,tz,qx,qy,qz,qw",
        "nav.record.pose_table:open_pose_table",
    ),
)


def pose_suffixes() -> tuple[str, ...]:
    """Return the suffixes of all formats.

    Returns
    -------
    tuple of str
        Lower case; "" among them where a name may have none.
    """
    return tuple(suffix for known in POSE_FORMATS for suffix in known.suffixes)


def open_pose_writer(
    name: Path, file: Path, tools: Sequence[Tool], relative_to: str | None = None
) -> PoseWriter:
    """Open a file to write poses to, in the format that its name asks for.

    Parameters
    ----------
    name : Path
        The name that the file will have; its suffix chooses the format.
    file : Path
        The file that is written, which may be a temporary one.
    tools : sequence of Tool
        All that are written of each frame.
    relative_to : str, optional
        Poses are ``T_from_tool`` for this tool T, else ``rig_from_tool``.

    Returns
    -------
    PoseWriter
        To be closed by the caller.

    Raises
    ------
    InputError
        The suffix is of no format.
    """
    suffix = name.suffix.lower()
    for known in POSE_FORMATS:
        if suffix in known.suffixes:
            module, function = known.writer.split(":")
            writer: PoseWriter = getattr(import_module(module), function)(file, tools, relative_to)
            return writer
    names = " or ".join(filter(None, pose_suffixes()))
    raise InputError(f"{name}: poses are written to files whose names end in {names}")
