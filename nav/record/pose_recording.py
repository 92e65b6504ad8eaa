"""A poses.csv as a source of poses: the frames as they were tracked, with their errors."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError, Lost
from nav.core.frames import Pose
from nav.core.notice import Notice
from nav.core.tables import Row, Table, TableLimits, read_table
from nav.core.textfile import MEGABYTE
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.read_poses import (
    COVARIANCE,
    NEEDED,
    SYSTEMATIC,
    PoseRows,
    read_poses,
    rows_of_tool,
)
from nav.tracking.pose_source import PoseSource, StatedErrors

CLOCK = ("frame", "time")
LIMITS = TableLimits(size=256 * MEGABYTE, rows=250_000)  # half an hour of four tools at 30 /s
Seen = TrackedTool | Lost


class PoseRecording(PoseSource):
    """The frames of a poses.csv, as fast as they are taken; iterating again starts again.

    A tool without a row in a frame is lost in it. Of the systematic errors the table holds those
    at the tip: they are given back there, not elsewhere on the tool.

    Parameters
    ----------
    path : Path
        poses.csv, in the rig's frame or, better, relative to the reference body.
    tools : sequence of str
        Names of the tools that are needed.
    stated : StatedErrors, optional
        For tools whose rows have no covariance.

    Attributes
    ----------
    notices : tuple of Notice
        What the table does not hold; each frame has them.

    Raises
    ------
    InputError
        The file is missing or not a poses.csv, a tool is not in it or there twice in one frame,
        frames or times run backwards, a number is wrong, or there is no covariance and none is
        stated.
    """

    def __init__(
        self, path: Path, tools: Sequence[str], stated: StatedErrors | None = None
    ) -> None:
        optional = (*COVARIANCE, *SYSTEMATIC, "reason")
        table = read_table(path, [(*CLOCK, *NEEDED)], optional, LIMITS, "frame {frame}")
        self.times = _times(table)
        self.tools: dict[str, dict[int, Seen]] = {}
        notices = []
        for name in tools:
            self.tools[name], all_known = _tool(table, name, stated)
            if not all_known:
                notices.append(Notice("no_systematic_errors", {"file": path.name, "tool": name}))
        self.notices = tuple(notices)

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[TrackedFrame]:
        for number, time in self.times.items():
            tools = {
                name: rows.get(number, Lost("no_row", {"tool": name}))
                for name, rows in self.tools.items()
            }
            yield TrackedFrame(number, time, tools, notices=self.notices)

    def close(self) -> None:
        """Do nothing: the file was read whole."""


def _times(table: Table) -> dict[int, float]:
    """Return the time of every frame by its number, in the order of the table."""
    times: dict[int, float] = {}
    before = np.full(2, -np.inf)
    for row, now in zip(table.rows, table.numbers(CLOCK), strict=True):
        if now[0] != round(now[0]):
            raise table.refusal(row, f"frame: expected a whole number, got {now[0]:g}")
        for column, value, last in zip(CLOCK, now, before, strict=True):
            if value < last:
                raise table.refusal(
                    row,
                    f"{column}: {value:g} is less than {last:g} in the row above; sort by frame",
                )
        before = now
        times.setdefault(int(now[0]), float(now[1]))
    return times


def _tool(table: Table, name: str, stated: StatedErrors | None) -> tuple[dict[int, Seen], bool]:
    """Return a tool by frame number, and whether all its errors are known."""
    rows = rows_of_tool(table, name)
    tracked = [row for row in rows if row.fields["status"] == "tracked"]
    poses = read_poses(table, tracked)
    if tracked and poses.covariances is None and stated is None:
        raise InputError(
            f"{table.path}: {name} has rows without a covariance (p00 to p55); without it, it is "
            "not known how far a tip may be off"
        )
    seen = {row.line: _seen(poses, k, row, stated) for k, row in enumerate(tracked)}
    by_frame: dict[int, Seen] = {}
    for row, number in zip(rows, table.numbers(("frame",), rows)[:, 0], strict=True):
        if number in by_frame:
            raise table.refusal(row, f"{name} appears twice in this frame")
        by_frame[int(number)] = seen.get(row.line) or _lost(row)
    known = poses.systematic is not None or poses.covariances is None
    return by_frame, known or _is_origin(poses)


def _seen(poses: PoseRows, k: int, row: Row, stated: StatedErrors | None) -> TrackedTool:
    place = RigidTransform.from_components(
        poses.translations[k], Rotation.from_matrix(poses.rotations[k])
    )
    random, systematic = np.zeros((6, 6)), np.zeros((6, 6))
    if poses.covariances is not None:
        random = poses.covariances[k]
    elif stated is not None:
        systematic = stated.covariance(place)
    if poses.systematic is not None:
        systematic[:3, :3] += poses.systematic[k]  # moves the tip as it does every point
    reason = row.fields.get("reason", "")
    warnings = (Notice("recorded_reason", {"text": reason}),) if reason else ()
    return TrackedTool(Pose(place, random), warnings=warnings, systematic=systematic)


def _lost(row: Row) -> Lost:
    """Return why a tool was lost, in the words of the file."""
    reason = row.fields.get("reason", "")
    return Lost("recorded_reason", {"text": reason}) if reason else Lost("recorded_without_reason")


def _is_origin(poses: PoseRows) -> bool:
    """Return whether a tool is the one in whose frame all poses are."""
    return not poses.translations.any() and bool((poses.rotations == np.eye(3)).all())
