"""poses.csv: tracked tools, one row for each tool and frame."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from nav.core.errors import Lost
from nav.core.files import write_toml
from nav.core.frames import Pose
from nav.core.notice import Notice
from nav.core.pose_formats import PoseWriter
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.text.catalogue import ENGLISH
from nav.tracking.tip import tip_from_pose
from nav.tracking.tool import Tool

POSES_FORMAT = "c1c2nav/poses/1"
UPPER = [(i, j) for i in range(6) for j in range(i, 6)]
COLUMNS = (
    *("frame", "time", "tool", "status"),
    *("tx", "ty", "tz", "qx", "qy", "qz", "qw"),
    *("tip_x", "tip_y", "tip_z"),
    *("tip_cxx", "tip_cxy", "tip_cxz", "tip_cyy", "tip_cyz", "tip_czz"),
    *("markers", "rms_px", "reason"),
    *(f"p{i}{j}" for i, j in UPPER),
    *("tip_sxx", "tip_sxy", "tip_sxz", "tip_syy", "tip_syz", "tip_szz"),
    "reason_code",
)


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
        for tool in self.tools:
            self.writer.writerow(self._row(tracked, tool))

    def _row(self, tracked: TrackedFrame, tool: Tool) -> list[Any]:
        head = [tracked.number, f"{tracked.time:.6f}", tool.name]
        pose = tracked.pose(tool.name, self.relative_to)
        seen = tracked.tools[tool.name]
        if isinstance(pose, Lost) or isinstance(seen, Lost):
            # a lost reference body: TrackedFrame.pose names it
            reasons = (pose,) if isinstance(pose, Lost) else ()
            row = [*head, "lost", *[""] * (len(COLUMNS) - len(head) - 1)]
            row[COLUMNS.index("reason")] = ENGLISH.sentences(reasons)
            row[COLUMNS.index("reason_code")] = _codes(reasons)
            return row
        row = [*head, "tracked", *pose_columns(pose, tool), *self._quality(seen), *_upper(pose)]
        systematic = tracked.systematic_pose(tool.name, self.relative_to)
        return [*row, *_systematic(systematic, tool, seen.tip_scale_sd), _codes(seen.warnings)]

    def _quality(self, seen: TrackedTool) -> list[Any]:
        rms = "" if seen.rms_px is None else f"{seen.rms_px:.4f}"
        return [len(seen.marker_ids), rms, ENGLISH.sentences(seen.warnings)]


def _codes(notices: Sequence[Notice]) -> str:
    """Return the codes of notices and of the reasons in them, separated by spaces."""
    return " ".join(code for notice in notices for code in notice.codes)


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


def pose_columns(pose: Pose, tool: Tool) -> list[str]:
    """Return the columns tx to tip_czz of a pose.

    Parameters
    ----------
    pose : Pose
        Of the tool, in the table's frame.
    tool : Tool
        For its tip.

    Returns
    -------
    list of str
        Empty tip columns for a tool without a tip.
    """
    numbers = [*pose.transform.translation, *pose.transform.rotation.as_quat(canonical=True)]
    tip = tip_from_pose(pose, tool)
    columns = [f"{number:.9g}" for number in numbers]
    if tip is None:
        return columns + [""] * 9
    total = tip.covariance
    spread = [total[i, j] for i in range(3) for j in range(i, 3)]
    return columns + [f"{n:.7g}" for n in tip.position] + [f"{n:.6g}" for n in spread]


def _upper(pose: Pose) -> list[str]:
    return [f"{pose.covariance[i, j]:.8g}" for i, j in UPPER]


def _systematic(pose: Pose | Lost, tool: Tool, tip_scale_sd: float) -> list[str]:
    """Return columns tip_sxx to tip_szz."""
    if isinstance(pose, Lost) or tool.tip is None:
        return [""] * 6
    by_scale = tip_scale_sd * tool.tip.position
    spread = pose.apply(tool.tip.position, np.outer(by_scale, by_scale))[1]
    return [f"{spread[i, j]:.6g}" for i in range(3) for j in range(i, 3)]


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
