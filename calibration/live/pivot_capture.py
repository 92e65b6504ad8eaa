"""Poses of a needle swung about a divot: which tilts lack, and how well the tip is known."""

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from calibration.live.guided_capture import GuidedCapture, goal_bar, idle_request
from calibration.live.swing import SECTORS, Swing, swing_of
from calibration.needle.needle_command import calibrate_needle
from calibration.needle.pivot import PivotCalibration, pivot_calibration
from calibration.needle.pivot_verdict import GOOD_TIP_SD, LEAST_POSES, MOST_RMS
from nav.core.background import run_in_background
from nav.core.errors import InputError, Lost
from nav.core.frames import Array
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.picture_recording.picture_writer import PictureWriter
from nav.record.pose_table import open_pose_table, sidecar_path, write_sidecar
from nav.text.catalogue import label, sentence
from nav.tracking.tool import Tool
from nav.view.guided_window import Request
from nav.view.meter_bars import Meter

WANTED = 150  # poses
ESTIMATED_EVERY = 30  # poses
MOST_ESTIMATED = 400  # poses, evenly chosen, by which the tip is estimated meanwhile
POSES_FILE = "poses.csv"


@dataclass(frozen=True)
class NeedleFiles:
    """Files of a needle's calibration: as of `calibrate_needle`, and the rig."""

    rig: Path
    tool: Path
    output: Path
    spin: Path | None = None


class PivotCapture(GuidedCapture):
    """Collects poses while the tip rests in a divot.

    Parameters
    ----------
    needle : Tool
        As it is tracked.
    files : NeedleFiles
        What the result is written to, and what it is made from.
    folder : Path
        Where poses.csv is written.
    writer : PictureWriter, optional
        Keeps the images.
    """

    def __init__(
        self, needle: Tool, files: NeedleFiles, folder: Path, writer: PictureWriter | None = None
    ) -> None:
        super().__init__()
        self.needle, self.files, self.folder, self.writer = needle, files, folder, writer
        self.kept: list[TrackedFrame] = []
        self.found: PivotCalibration | None = None
        self.problem = ""
        self.lost: Lost | None = None
        self._rotations: list[Array] = []
        self._estimating: Future[PivotCalibration | str] | None = None
        self._estimated = 0
        self._swing: tuple[int, Swing | None] = (0, None)

    def take(self, frame: TrackedFrame) -> None:
        """Keep a pose while collecting."""
        seen = frame.tools.get(self.needle.name)
        self.lost = seen if isinstance(seen, Lost) else None
        self._finish_estimate()
        if not self.collecting:
            return
        if self.writer is not None and frame.images is not None:
            self.writer.add(frame.images.frames)
        self.kept.append(frame.without_images())
        if isinstance(seen, TrackedTool):
            self._rotations.append(seen.rig_from_tool.transform.rotation.as_matrix())
        if self._estimating is None and self.count >= self._estimated + ESTIMATED_EVERY:
            self._estimated = self.count
            poses = self._poses()
            self._estimating = run_in_background(lambda: _estimate(*poses))

    @property
    def count(self) -> int:
        """Poses so far."""
        return len(self._rotations)

    @property
    def swing(self) -> Swing | None:
        """To which sides the needle was tilted."""
        if self._swing[0] != self.count:
            before = self._swing[1]
            axes = None if before is None else before.axes
            self._swing = self.count, swing_of(np.array(self._rotations), self._tip(), axes)
        return self._swing[1]

    @property
    def usable(self) -> bool:
        """Whether the tip was estimated."""
        return self.found is not None

    @property
    def done(self) -> bool:
        """Whether more poses would hardly help."""
        good = self.found is not None and self.found.verdict == "good"
        swung = self.swing is not None and self.swing.missing is None
        return good and swung and self.count >= WANTED

    def request(self) -> tuple[Request, str]:
        """Return what to do now."""
        detail = self._detail()
        if not self.collecting:
            return idle_request(
                self,
                detail,
                label("pivot_paused"),
                label("pivot_ready"),
                label("pivot_ready_detail"),
            )
        if self.lost is not None:
            return Request("lost", label("pivot_not_seen")), sentence(self.lost)
        if self.done:
            return Request("done", label("pivot_enough")), detail
        swing = self.swing
        if swing is None:
            return Request("recording", label("pivot_begin")), detail
        if swing.missing is None:
            return Request("recording", label("pivot_go_on")), detail
        sides = tuple(Notice(code) for code in swing.words(swing.missing))
        prompt = sentence(Notice("pivot_tilt", {"sides": sides}))
        return Request("recording", prompt), detail

    def _detail(self) -> str:
        if self.found is not None:
            facts = {"rms_mm": self.found.rms, "sd_mm": self.found.tip_sd}
            return sentence(Notice("pivot_known", facts))
        return self.problem

    def bars(self) -> tuple[Meter, ...]:
        """Return poses, tilts, the tip's error and the rms."""
        reached = sum(self.swing.reached) if self.swing is not None else 0
        bars = [
            goal_bar("bar_poses", self.count, WANTED, LEAST_POSES),
            goal_bar("bar_tilts", reached, SECTORS, SECTORS // 2),
        ]
        if self.found is None:
            return (*bars, Meter(label("bar_tip"), "", 0.0, "unknown"))
        sd, rms = self.found.tip_sd, self.found.rms
        facts = {"sd_mm": sd, "most_mm": GOOD_TIP_SD}
        status = "seen" if sd <= GOOD_TIP_SD else "doubtful"
        tip = Meter(
            label("bar_tip"), sentence(Notice("bar_tip_value", facts)), GOOD_TIP_SD / sd, status
        )
        value = sentence(Notice("bar_rms_value", {"rms_mm": rms}))
        fits = "seen" if rms <= 0.5 * MOST_RMS else "doubtful"
        return (*bars, tip, Meter(label("bar_rms"), value, min(1.0, 0.5 * MOST_RMS / rms), fits))

    def save(self, console: Console) -> str:
        """Write poses.csv, and the needle's file from it."""
        return self.write(console, self.files.spin)

    def write(self, console: Console, spin: Path | None) -> str:
        """Write poses.csv, and the needle's file from it and from poses of its spin.

        Parameters
        ----------
        console : Console
            Where the result is printed.
        spin : Path or None
            As of `calibrate_needle`.

        Returns
        -------
        str
            The verdict.
        """
        poses = self.folder / POSES_FILE
        writer = open_pose_table(poses, [self.needle])
        for frame in self.kept:
            writer.write(frame)
        writer.close()
        made = {"frames": len(self.kept)}
        write_sidecar(poses, [self.files.rig, self.files.tool], None, made, sidecar_path(poses))
        files = self.files
        return calibrate_needle(poses, self.needle.name, files.tool, files.output, console, spin)

    def close(self) -> None:
        """Finish the images."""
        if self.writer is not None:
            self.writer.close()

    def _tip(self) -> Array:
        if self.found is not None:
            return self.found.tip
        if self.needle.tip is not None:
            return self.needle.tip.position
        # as printed: the shaft leaves the carrier along z
        return np.array([0.0, 0.0, 1.0])

    def _poses(self) -> tuple[Array, Array, Array]:
        poses = [
            seen.rig_from_tool
            for frame in self.kept
            if isinstance(seen := frame.tools.get(self.needle.name), TrackedTool)
        ]
        step = max(1, len(poses) // MOST_ESTIMATED)
        poses = poses[::step]
        rotations = np.array([p.transform.rotation.as_matrix() for p in poses])
        translations = np.array([p.transform.translation for p in poses])
        return rotations, translations, np.array([p.covariance for p in poses])

    def _finish_estimate(self) -> None:
        if self._estimating is None or not self._estimating.done():
            return
        job, self._estimating = self._estimating, None
        found = job.result()
        if isinstance(found, str):
            self.found, self.problem = None, found
        else:
            self.found, self.problem = found, ""


def _estimate(rotations: Array, translations: Array, covariances: Array) -> PivotCalibration | str:
    try:
        return pivot_calibration(rotations, translations, covariances)
    except InputError as error:
        return str(error).removeprefix("repeat: ")
