"""Images of a marker body turned before the cameras: what lacks, and how well it is known."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from rich.console import Console

from calibration.live.capture_search import write_pictures
from calibration.live.guided_capture import GuidedCapture, goal_bar
from calibration.tools.body import BodyCalibration, body_geometry
from calibration.tools.body_coverage import directions, towards_camera
from calibration.tools.body_verdict import (
    GOOD_DIRECTIONS,
    GOOD_FRAMES,
    GOOD_PICTURES,
    GOOD_SD,
    LEAST_FRAMES,
)
from calibration.tools.body_views import BodyView, views_of
from calibration.tools.tool_command import calibrate_tool
from nav.camera.rig import Rig
from nav.core.background import run_in_background
from nav.core.errors import InputError, Lost
from nav.core.frames import Array
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.text.catalogue import label, sentence
from nav.tracking.follow.pose_candidate import PoseCandidate
from nav.tracking.tool import Tool
from nav.view.guided_window import Request
from nav.view.meter_bars import Meter

STILL_MM, STILL_TURN = 0.6, np.radians(0.4)  # between two frames: it is held still
STILL_WITHIN = 1.0  # s
NEW_TURN = np.radians(8.0)  # to every other image
ESTIMATED_EVERY = 5  # images


@dataclass(frozen=True)
class BodyFiles:
    """Files of a body's calibration, as of `calibrate_tool`."""

    rig: Path
    tool: Path
    output: Path


class BodyCapture(GuidedCapture):
    """Takes images of a body when it is still and turned to a new side.

    Parameters
    ----------
    body : Tool
        As printed.
    rig : Rig
        The calibrated cameras.
    files : BodyFiles
        What the result is written to, and what it is made from.
    folder : Path
        Where the images are written.
    candidate : callable
        Returns the tracker's present candidate for the body's pose.
    """

    def __init__(
        self,
        body: Tool,
        rig: Rig,
        files: BodyFiles,
        folder: Path,
        candidate: Callable[[], PoseCandidate | None],
    ) -> None:
        super().__init__()
        self.body, self.rig, self.files, self.folder = body, rig, files, folder
        self._candidate = candidate
        self.views: list[BodyView] = []
        self.found: BodyCalibration | None = None
        self.problem = ""
        self.trouble: Notice | None = None
        self.lost: Lost | None = None
        self._taken: list[Array] = []  # rotations
        self._before: tuple[float, Array, Array] | None = None
        self._estimating: Future[BodyCalibration | str] | None = None
        self._moving = False
        self._seen: dict[int, list[Array]] = {m.id: [] for m in body.markers}  # towards cameras
        self.pairs: dict[tuple[int, int], int] = {}

    def take(self, frame: TrackedFrame) -> None:
        """Take the images while collecting, if they show the body still and from a new side."""
        seen = frame.tools.get(self.body.name)
        self.lost = seen if isinstance(seen, Lost) else None
        self._finish_estimate()
        if not isinstance(seen, TrackedTool):
            self._before = None
            return
        pose = seen.rig_from_tool.transform
        rotation, place = pose.rotation.as_matrix(), pose.translation
        before, self._before = self._before, (frame.time, rotation, place)
        still = before is not None and _still(before, self._before)
        self._moving = not still
        candidate = self._candidate()
        if not (self.collecting and still and candidate is not None) or frame.images is None:
            return
        if len(frame.images.frames) < len(self.rig.names) or len(set(seen.marker_ids)) < 2:
            return
        if any(_angle(rotation, other) < NEW_TURN for other in self._taken):
            return
        self._take(frame, rotation, candidate)

    def _take(self, frame: TrackedFrame, rotation: Array, candidate: PoseCandidate) -> None:
        assert frame.images is not None
        number = len(self._taken)
        views, _ = views_of(candidate, number, self.body)
        names = self.rig.names
        images = {k: frame.images.frames[name].image for k, name in enumerate(names)}
        try:
            write_pictures(self.folder, names, images, number + 1)
        except InputError as error:
            self.collecting, self.trouble = False, Notice("capture_failed", {"why": str(error)})
            return
        self._taken.append(rotation)
        self.views += views
        self._count(views)
        due = self.count % ESTIMATED_EVERY == 0 or self.found is None
        if self._estimating is None and self.count >= LEAST_FRAMES and due:
            present = tuple(self.views)
            self._estimating = run_in_background(lambda: _estimate(present, self.body, self.rig))

    def _count(self, views: Sequence[BodyView]) -> None:
        centres = {marker.id: marker.centre for marker in self.body.markers}
        for view in views:
            to_rig = self.rig[view.camera].camera_from_rig.inv()
            towards = towards_camera(view.rig_from_tool, centres[view.marker], to_rig.translation)
            self._seen[view.marker].append(towards)
        for camera in self.rig.names:
            together = sorted({view.marker for view in views if view.camera == camera})
            for pair in combinations(together, 2):
                self.pairs[pair] = self.pairs.get(pair, 0) + 1

    @property
    def count(self) -> int:
        """Images of each camera so far."""
        return len(self._taken)

    def pictures(self, marker: int) -> int:
        """Return in how many images a marker was seen."""
        return len(self._seen[marker])

    def directions(self, marker: int) -> int:
        """Return from how many directions a marker was seen."""
        towards = self._seen[marker]
        return directions(np.array(towards)) if towards else 0

    def complete(self, marker: int) -> bool:
        """Return whether a marker was seen often, and from enough directions."""
        return self.pictures(marker) >= GOOD_PICTURES and self.directions(marker) >= GOOD_DIRECTIONS

    @property
    def usable(self) -> bool:
        """Whether enough was taken for a result."""
        return self.found is not None

    @property
    def done(self) -> bool:
        """Whether more images would hardly help."""
        good = self.found is not None and self.found.verdict == "good"
        return good and self.count >= GOOD_FRAMES and not self._lacking()

    def _lacking(self) -> list[int]:
        """Return the markers that were not seen enough, the least seen first."""
        lacking = [m.id for m in self.body.markers if not self.complete(m.id)]
        return sorted(lacking, key=lambda m: (self.directions(m), self.pictures(m)))

    def parted(self) -> tuple[int, int] | None:
        """Return two markers of groups that no image ties together; None where there are none."""
        ids = [m.id for m in self.body.markers if self._seen[m.id]]
        if len(ids) < 2:
            return None
        group, waiting = {ids[0]}, [ids[0]]
        while waiting:
            marker = waiting.pop()
            for pair in self.pairs:
                if marker in pair:
                    (other,) = set(pair) - {marker}
                    if other not in group:
                        group.add(other)
                        waiting.append(other)
        outside = [marker for marker in ids if marker not in group]
        return (ids[0], outside[0]) if outside else None

    def request(self) -> tuple[Request, str]:
        """Return what to do now."""
        detail = self._detail()
        if self.trouble is not None:
            return Request("lost", label("capture_stopped")), sentence(self.trouble)
        if self.done:
            return Request("done", label("capture_finish")), detail
        if not self.collecting:
            if self.count:
                return Request("paused", label("body_paused")), detail
            return Request("ready", label("body_ready")), label("body_ready_detail")
        if self.lost is not None:
            return Request("lost", label("body_not_seen")), sentence(self.lost)
        if self._moving:
            return Request("paused", label("touch_hold_still")), self._next()
        return Request("recording", self._next()), detail

    def _next(self) -> str:
        lacking = self._lacking()
        if self.count < 3 or not lacking:
            return label("body_turn")
        parted = self.parted()
        if parted is not None:
            return sentence(Notice("body_together", {"one": parted[0], "other": parted[1]}))
        marker = lacking[0]
        code = {"marker": marker}
        if not self.pictures(marker):
            return sentence(Notice("body_show", code))
        if self.directions(marker) < GOOD_DIRECTIONS:
            return sentence(Notice("body_other_side", code))
        return sentence(Notice("body_more_of", code))

    def _detail(self) -> str:
        if self.found is None:
            return self.problem
        worst = max((m for m in self.found.markers if m.pictures), key=lambda m: m.sd)
        return sentence(Notice("body_known", {"sd_mm": worst.sd, "marker": worst.id}))

    def bars(self) -> tuple[Meter, ...]:
        """Return images, markers and the worst marker's error."""
        complete = sum(self.complete(m.id) for m in self.body.markers)
        count = len(self.body.markers)
        bars = [
            goal_bar("bar_images", self.count, GOOD_FRAMES, LEAST_FRAMES),
            goal_bar("bar_markers_complete", complete, count, count // 2),
        ]
        if self.found is None:
            return (*bars, Meter(label("bar_worst_marker"), "", 0.0, "unknown"))
        worst = max(m.sd for m in self.found.markers if m.pictures)
        value = sentence(Notice("bar_tip_value", {"sd_mm": worst, "most_mm": GOOD_SD}))
        status = "seen" if worst <= GOOD_SD else "doubtful"
        return (*bars, Meter(label("bar_worst_marker"), value, GOOD_SD / worst, status))

    def save(self, console: Console) -> str:
        """Calibrate by all images, as `nav calibrate tool --images` does, and write the files."""
        files = self.files
        return calibrate_tool(files.rig, files.tool, self.folder, files.output, console)

    def _finish_estimate(self) -> None:
        if self._estimating is None or not self._estimating.done():
            return
        job, self._estimating = self._estimating, None
        found = job.result()
        if isinstance(found, str):
            self.found, self.problem = None, found
        else:
            self.found, self.problem = found, ""


def _estimate(views: Sequence[BodyView], body: Tool, rig: Rig) -> BodyCalibration | str:
    try:
        return body_geometry(views, body, rig)
    except InputError as error:
        return str(error).removeprefix("repeat: ")


def _still(before: tuple[float, Array, Array], now: tuple[float, Array, Array]) -> bool:
    near = np.linalg.norm(now[2] - before[2]) <= STILL_MM
    soon = now[0] - before[0] <= STILL_WITHIN
    return bool(near and soon and _angle(before[1], now[1]) <= STILL_TURN)


def _angle(one: Array, other: Array) -> float:
    cosine = (np.trace(one.T @ other) - 1.0) / 2.0
    return float(np.arccos(np.clip(cosine, -1.0, 1.0)))
