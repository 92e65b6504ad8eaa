"""Poses of a needle spun about its axis: how far it was turned, and how well the axis is known."""

from pathlib import Path

import numpy as np
from rich.console import Console

from calibration.live.guided_capture import GuidedCapture, goal_bar, idle_request
from calibration.needle.pivot_verdict import LEAST_POSES
from calibration.needle.spin import (
    LEAST_SPIN,
    MOST_WOBBLE,
    SpinAxis,
    spin_angles,
    spin_axis,
    spin_range,
)
from nav.core.errors import InputError, Lost
from nav.core.frames import Array
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.pose_table import open_pose_table
from nav.text.catalogue import label, sentence
from nav.tracking.tool import Tool
from nav.view.guided_window import Request
from nav.view.meter_bars import FULL, Meter

WANTED = 60  # poses
WANTED_SPIN = np.pi  # rad
GOOD_AXIS_SD = np.radians(0.5)  # an error of 0.2 mm at 20 mm ahead of the tip
ESTIMATED_EVERY = 5  # poses
MOST_ESTIMATED = 200  # poses, evenly chosen, by which the axis is estimated meanwhile


class SpinCapture(GuidedCapture):
    """Collects poses while the shaft is spun in a groove; each start begins anew.

    Parameters
    ----------
    needle : Tool
        As it is tracked.

    Attributes
    ----------
    towards : ndarray, shape (3,)
        From the tool's origin to about its tip, tool frame.
    """

    def __init__(self, needle: Tool) -> None:
        super().__init__()
        self.needle = needle
        # as printed: the shaft leaves the carrier along z
        self.towards = np.array([0.0, 0.0, 1.0]) if needle.tip is None else needle.tip.position
        self.lost: Lost | None = None
        self.discard()

    def discard(self) -> None:
        """Forget what was collected."""
        self.kept: list[TrackedFrame] = []
        self.found: SpinAxis | None = None
        self.problem = ""
        self._rotations: list[Array] = []
        self._angles: tuple[int, Array] = (0, np.empty(0))

    def toggle(self) -> None:
        """Begin anew, or stop."""
        super().toggle()
        if self.collecting:
            self.discard()

    def take(self, frame: TrackedFrame) -> None:
        """Keep a pose while collecting."""
        seen = frame.tools.get(self.needle.name)
        self.lost = seen if isinstance(seen, Lost) else None
        if not self.collecting:
            return
        self.kept.append(frame.without_images())
        if not isinstance(seen, TrackedTool):
            return
        self._rotations.append(seen.rig_from_tool.transform.rotation.as_matrix())
        if self.count >= LEAST_POSES and self.count % ESTIMATED_EVERY == 0:
            self._estimate()

    def _estimate(self) -> None:
        step = max(1, self.count // MOST_ESTIMATED)
        try:
            self.found = spin_axis(np.array(self._rotations[::step]), self.towards)
            self.problem = ""
        except InputError as error:
            self.found, self.problem = None, str(error).removeprefix("repeat: ")

    @property
    def count(self) -> int:
        """Poses so far."""
        return len(self._rotations)

    @property
    def usable(self) -> bool:
        """Whether the axis was estimated."""
        return self.found is not None

    @property
    def done(self) -> bool:
        """Whether more poses would hardly help."""
        if self.found is None or self.count < WANTED:
            return False
        return self.turn >= WANTED_SPIN and self.found.sd <= GOOD_AXIS_SD

    @property
    def angles(self) -> Array:
        """By how much the needle was turned since the first pose, rad, shape (n,)."""
        if self._angles[0] != self.count:
            turns = spin_angles(np.array(self._rotations), self._axis())
            self._angles = self.count, np.unwrap(turns)
        return self._angles[1]

    @property
    def turn(self) -> float:
        """Range of the turn so far, rad."""
        return spin_range(self.angles) if self.count else 0.0

    def _axis(self) -> Array:
        if self.found is not None:
            return self.found.axis
        known = None if self.needle.tip is None else self.needle.tip.axis
        axis = self.towards if known is None else known
        return np.asarray(axis / np.linalg.norm(axis))

    def request(self) -> tuple[Request, str]:
        """Return what to do now."""
        detail = self._detail()
        if not self.collecting:
            return idle_request(
                self,
                detail,
                label("spin_paused"),
                label("spin_ready"),
                label("spin_ready_detail"),
            )
        if self.lost is not None:
            return Request("lost", label("pivot_not_seen")), sentence(self.lost)
        say = label("spin_enough" if self.done else "spin_begin")
        return Request("done" if self.done else "recording", say), detail

    def _detail(self) -> str:
        if self.found is None:
            return self.problem
        facts = {
            "sd_deg": np.degrees(self.found.sd),
            "turn_deg": np.degrees(self.found.turn),
            "wobble_deg": np.degrees(self.found.wobble),
        }
        return sentence(Notice("spin_known", facts))

    def bars(self) -> tuple[Meter, ...]:
        """Return poses, turn, the axis's error and the wobble."""
        turn, wanted, few = np.degrees((self.turn, WANTED_SPIN, LEAST_SPIN))
        bars = (
            goal_bar("bar_poses", self.count, WANTED, LEAST_POSES),
            goal_bar("bar_turn", turn, wanted, few),
        )
        if self.found is None:
            return (*bars, Meter(label("bar_axis"), "", 0.0, "unknown"))
        return (
            *bars,
            _limit_bar("bar_axis", self.found.sd, GOOD_AXIS_SD),
            _limit_bar("bar_wobble", self.found.wobble, MOST_WOBBLE / 3.0),
        )

    def write(self, path: Path) -> None:
        """Write what was collected as poses.csv.

        Parameters
        ----------
        path : Path
            The file.
        """
        writer = open_pose_table(path, [self.needle])
        for frame in self.kept:
            writer.write(frame)
        writer.close()

    def save(self, console: Console) -> str:
        """Return whether the axis is known; it is written with the tip."""
        if self.found is None:
            raise InputError(self.problem or "the needle was not spun yet")
        return "good"


def _limit_bar(name: str, value: float, good: float) -> Meter:
    """Return a bar of an angle, rad, that is full where it is as small as it should be."""
    facts = {"angle_deg": np.degrees(value), "most_deg": np.degrees(good)}
    status = "seen" if value <= good else "doubtful"
    share = min(good / max(value, 1e-9), FULL)
    return Meter(label(name), sentence(Notice("bar_angle_value", facts)), share, status)
