"""poses.csv: tracked tools, one row for each tool and frame."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from nav.core.files import write_toml
from nav.core.pose_formats import PoseWriter
from nav.core.tracked_frame import TrackedFrame
from nav.record.pose_rows import COLUMNS, pose_rows
from nav.tracking.tool import Tool

POSES_FORMAT = "c1c2nav/poses/1"


class PosesWriter(PoseWriter):
    """Write rows to an open file as frames come.

    Parameters
    ----------
    file : text file
        Where to write.
    tools : sequence of Tool
        One row each per frame.
    relative_to : str, optional
        Poses are ``T_from_tool`` for this tool T, else ``rig_from_tool``.
    """

    def __init__(self, file: TextIO, tools: Sequence[Tool], relative_to: str | None = None) -> None:
        self.file, self.tools, self.relative_to = file, tools, relative_to
        self.writer = csv.writer(file)
        self.writer.writerow(COLUMNS)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def write(self, tracked: TrackedFrame) -> None:
        """Write all tools of one frame."""
        self.writer.writerows(pose_rows([tracked], self.tools, self.relative_to))


def open_pose_table(
    path: Path, tools: Sequence[Tool], relative_to: str | None = None
) -> PosesWriter:
    """Open a poses.csv to write.

    Parameters
    ----------
    path : Path
        The file.
    tools : sequence of Tool
        One row each per frame.
    relative_to : str, optional
        As of `PosesWriter`.

    Returns
    -------
    PosesWriter
        To be closed by the caller.
    """
    return PosesWriter(path.open("w", newline="", encoding="utf-8"), tools, relative_to)


def sidecar_path(path: Path) -> Path:
    """Return the TOML file beside a poses.csv that says what it was made from.

    Parameters
    ----------
    path : Path
        poses.csv.

    Returns
    -------
    Path
        With the same stem.
    """
    return Path(path).with_suffix(".toml")


def write_sidecar(
    path: Path,
    inputs: Sequence[Path],
    relative_to: str | None,
    more: Mapping[str, Any],
    to: Path | None = None,
) -> None:
    """Write what a poses.csv was made from, in a TOML file of the same stem.

    Parameters
    ----------
    path : Path
        poses.csv.
    inputs : sequence of Path
        Files that it was made from.
    relative_to : str or None
        Tool in whose frame the poses are.
    more : mapping
        Further entries.
    to : Path, optional
        Another file to write.
    """
    data = {"format": POSES_FORMAT, "poses": Path(path).name, "relative_to": relative_to, **more}
    write_toml(to or sidecar_path(path), data, inputs)
