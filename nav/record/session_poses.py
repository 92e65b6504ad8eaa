"""A recorded session as a source of poses: the frames as they were tracked, bit for bit."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nav.core.covariance import MOST_POSE_SD, CovarianceError, checked_covariance
from nav.core.errors import InputError, Lost
from nav.core.textfile import MOST_NUMBER
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.session.session_format import FRAME, SESSION_FILE
from nav.record.session.session_reader import open_session
from nav.tracking.pose_source import PoseSource, StatedErrors

SESSION_SUFFIX = ".mcap"
MOST_SD = np.repeat(MOST_POSE_SD, 3)  # mm, rad


class SessionPoses(PoseSource):
    """The frames of a session, as fast as they are taken; iterating again starts again.

    Frames whose time does not increase are left out: a recording that was played again. A tool
    whose errors are no covariances is lost, with that reason.

    Parameters
    ----------
    path : Path
        The session's folder, or its session.mcap. One that was cut is read as far as it goes; each
        frame then has a notice of it.
    tools : sequence of str
        Names of the tools that are needed.
    stated : StatedErrors, optional
        Not used: a session holds the errors of its poses.

    Attributes
    ----------
    times : dict of int to float
        Of each frame by its number, s.

    Raises
    ------
    InputError
        Not a session, or a tool is not in it; also while iterating, where a message is damaged.
    """

    def __init__(
        self, path: Path, tools: Sequence[str], stated: StatedErrors | None = None
    ) -> None:
        self.reader = open_session(path)
        self.times: dict[int, float] = {}
        names: set[str] = set()
        before = -math.inf
        for message in self.reader.messages(FRAME):
            try:
                number, time = int(message.data["number"]), float(message.data["time"])
                names.update(message.data["tools"])
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"{self.reader.path}: a frame is not as c1c2nav writes it: {error}"
                ) from None
            if time > before:
                before = self.times[number] = time
        for name in tools:
            if name not in names:
                there = f"it has {', '.join(sorted(names))}" if names else "it has no frames"
                raise InputError(f"{self.reader.path}: no tool is called {name}; {there}")
        self.notices = () if self.reader.cut is None else (self.reader.cut,)

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[TrackedFrame]:
        before = -math.inf
        for tracked in self.reader.frames():
            if tracked.time > before:
                before = tracked.time
                tools = {name: _checked(name, tool) for name, tool in tracked.tools.items()}
                notices = (*tracked.notices, *self.notices)
                yield replace(tracked, tools=tools, notices=notices)

    def close(self) -> None:
        """Do nothing: every iteration closes the file."""


def _checked(name: str, tool: TrackedTool | Lost) -> TrackedTool | Lost:
    """Return a tool as it is, or lost where its errors are no covariances: a spoilt file."""
    if isinstance(tool, Lost):
        return tool
    pose = tool.rig_from_tool
    if not np.abs(pose.transform.translation).max() <= MOST_NUMBER:
        return Lost("reported_not_finite", {"tool": name})
    try:
        checked_covariance((pose.covariance, tool.systematic), MOST_SD)
    except CovarianceError as error:
        return Lost("reported_no_covariance", {"tool": name, "problem": str(error)})
    return tool


def is_session(path: Path) -> bool:
    """Return whether a path is a session's folder, by the file in it.

    Parameters
    ----------
    path : Path
        Any.

    Returns
    -------
    bool
    """
    return (path / SESSION_FILE).is_file()
