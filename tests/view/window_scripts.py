"""Scripted updates and a feed that plays them, to test the window with and to look at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import pyvista
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.core.frames import Array, Pose
from nav.core.notice import Notice
from nav.core.tracked_frame import Tip, TrackedFrame, TrackedTool
from nav.guidance.alarms import Alarms
from nav.guidance.proximity import plan_deviation, proximity
from nav.live.messages import Command, Ended, Sample, Stage, Thumbnail, Update
from nav.model.case import Case, Fiducial, Plan, Structure
from nav.model.surface import Surface
from nav.pipeline import NOT_REGISTERED, Guidance
from nav.tracking.tool import Marker, Tool, ToolTip

SQUARE = 12.0


def _surface(mesh: pyvista.PolyData) -> Surface:
    mesh = mesh.triangulate().clean()
    return Surface(mesh.points, mesh.faces.reshape(-1, 4)[:, 1:])


def _tube(points: Sequence[Sequence[float]], radius: float) -> Surface:
    line = pyvista.MultipleLines(np.array(points, float))
    spline = pyvista.Spline(line.points, 60)
    return _surface(spline.tube(radius=radius, n_sides=24, capping=True))


def said(text: str) -> Notice:
    """A notice whose sentence is any text, as those of readers of files."""
    return Notice("file_remark", {"text": text})


def lost_because(text: str) -> Lost:
    """A lost tool whose reason is any text."""
    return Lost("file_remark", {"text": text})


def simple_case() -> Case:
    """A cord, a dura, two arteries and a ring of bone: the least that a window needs."""
    up = ((0.0, 0.0, -35.0), (0.0, 0.0, 0.0), (0.0, 0.0, 35.0))
    sides = {
        side: _tube([(s * 22.0, 0, -35), (s * 26.0, -2, 0), (s * 20.0, 6, 20)], 2.3)
        for side, s in (("left", 1.0), ("right", -1.0))
    }
    ring = pyvista.ParametricTorus(ringradius=18.0, crosssectionradius=4.0)
    structures = [
        Structure("C1", "bone", _surface(ring.translate((0, 0, 14))), None, None, 0.3),
        Structure("C2", "bone", _surface(ring.translate((0, 0, -14))), None, None, 0.3),
        Structure("cord", "cord", _tube(up, 5.0), 2.0, 1.0, 0.3),
        Structure("dura", "dura", _tube(up, 10.0), None, None, 0.3),
    ]
    structures += [
        Structure(f"vertebral artery {side}", "artery", surface, 5.0, 3.0, 0.3)
        for side, surface in sides.items()
    ]
    fiducials = [
        Fiducial(f"D{k + 1}", np.array([30 * np.cos(k), 30 * np.sin(k), 8.0 * k - 16]), "register")
        for k in range(5)
    ]
    fiducials.append(Fiducial("K1", np.array([10.0, 30.0, 0.0]), "check"))
    plans = (
        Plan("left lateral", np.array([58.0, 8.0, 0.0]), np.array([0.0, 7.5, 0.0])),
        Plan("right lateral", np.array([-58.0, 8.0, 0.0]), np.array([0.0, 7.5, 0.0])),
    )
    return Case("simple neck", tuple(structures), tuple(fiducials), plans)


def _marker(number: int, x: float, z: float) -> Marker:
    half = SQUARE / 2
    offsets = ((-half, half), (half, half), (half, -half), (-half, -half))
    return Marker(number, np.array([(x + a, 0.0, z + b) for a, b in offsets]))


def simple_needle() -> Tool:
    """A needle of 95 mm from marker to tip."""
    tip = ToolTip(np.array([0.0, 0.0, 101.0]), np.array([0.0, 0.0, 1.0]), np.eye(3) * 0.01)
    markers = tuple(_marker(10 + k, 14.0 * k, 0.0) for k in range(3))
    return Tool("needle", "DICT_APRILTAG_36h11", markers, tip)


@dataclass
class Script:
    """Makes updates of a case; every method gives one."""

    case: Case
    alarms: Alarms = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        self.alarms = Alarms(self.case.structures)

    def update(
        self,
        at: float,
        tip: Sequence[float] | Array | None,
        heading: Sequence[float] | Array | None = (-1.0, 0.0, 0.0),
        *,
        lost: Mapping[str, str] | None = None,
        warnings: Mapping[str, str] | None = None,
        camera_lost: Mapping[str, str] | None = None,
        stage: Stage = Stage.NAVIGATE,
        prompt: str | Notice = "",
        next_fiducial: str | None = None,
        notices: tuple[str | Notice, ...] = (),
        samples: tuple[Sample, ...] = (),
        plan: Plan | None = None,
        sd: float = 0.25,
        alarm: Notice | None = None,
    ) -> Update:
        """An update with the tip (model frame, mm) there; None: not registered."""
        lost, warnings, camera_lost = lost or {}, warnings or {}, camera_lost or {}
        tracked = self._tracked(at, lost, warnings, camera_lost)
        model: Tip | Lost
        if "needle" in lost:
            model = lost_because(lost["needle"])
        elif "reference" in lost:
            model = Lost("reference_lost", {"reason": lost_because(lost["reference"])})
        elif tip is None:
            model = NOT_REGISTERED
        else:
            direction = None if heading is None else np.asarray(heading, float)
            if direction is not None:
                direction = direction / np.linalg.norm(direction)
            model = Tip(np.asarray(tip, float), direction, np.eye(3) * sd**2, np.eye(3) * sd**2)
        near = proximity(self.case, model)
        self.number += 1
        guidance = Guidance(
            self.number,
            at,
            tracked,
            model if not isinstance(model, Lost) or model is not NOT_REGISTERED else _anywhere(),
            model,
            near,
            plan_deviation(plan or self.case.default_plan, model),
            self.alarms.update(near),
        )
        sample = sample_of(guidance, at)
        return Update(
            guidance, at, at + 0.02, (*samples, sample), thumbnails(tracked, self.number),
            stage, said(prompt) if isinstance(prompt, str) and prompt else prompt or None, 58.0,
            0.021, tuple(said(n) if isinstance(n, str) else n for n in notices),
            next_fiducial=next_fiducial, alarm=alarm,
        )  # fmt: skip

    def _tracked(
        self,
        at: float,
        lost: Mapping[str, str],
        warnings: Mapping[str, str],
        camera_lost: Mapping[str, str],
    ) -> TrackedFrame:
        tools: dict[str, TrackedTool | Lost] = {}
        for index, name in enumerate(("needle", "reference")):
            if name in lost:
                tools[name] = lost_because(lost[name])
                continue
            corners = {
                camera: {10 * index + k: _corners(index, k, self.number) for k in range(3)}
                for camera in ("left", "right")
                if camera not in camera_lost
            }
            tools[name] = TrackedTool(
                Pose(RigidTransform.identity()), (0, 1, 2), 0.05, corners,
                (said(warnings[name]),) if name in warnings else (),
            )  # fmt: skip
        missing = {name: said(why) for name, why in camera_lost.items()}
        return TrackedFrame(self.number, at, tools, missing, 0.012)


def _anywhere() -> Tip:
    return Tip(np.zeros(3), np.array([0.0, 0.0, 1.0]), np.eye(3) * 0.01, np.eye(3) * 0.01)


def sample_of(guidance: Guidance, at: float) -> Sample:
    """The strip chart's point of a result."""
    if isinstance(guidance.proximity, Lost):
        return Sample(at)
    artery, cord = (guidance.proximity.nearest(role) for role in ("artery", "cord"))
    assert artery is not None
    assert cord is not None
    return Sample(
        at, {"artery": (artery.distance, artery.bound), "cord": (cord.distance, cord.bound)}
    )


def _corners(tool: int, marker: int, number: int) -> Array:
    x = (950, 500)[tool] + 150 * marker + 6 * np.sin(number / 9)
    y = (380, 820)[tool] + 60 * marker
    return np.array([(x, y), (x + 96, y + 8), (x + 90, y + 104), (x - 6, y + 96)], float)


def thumbnails(tracked: TrackedFrame, number: int) -> tuple[Thumbnail, ...]:
    """Pictures with squares where the markers are."""
    result = []
    for camera in ("left", "right"):
        if camera in tracked.camera_lost:
            result.append(Thumbnail(camera, None, 0.2, {}, tracked.camera_lost[camera]))
            continue
        rows, columns = np.mgrid[0:240, 0:384]
        image = (96 + 50 * columns / 384 - 40 * rows / 240).astype(np.uint8)
        image += np.random.default_rng(number).integers(0, 6, image.shape, np.uint8)
        corners = {}
        for name, seen in tracked.tools.items():
            index = 0 if name == "needle" else 1
            for k in range(3):
                square = np.int32(_corners(index, k, number) * 0.2)
                if isinstance(seen, Lost) and k != 1:
                    continue
                cv2.fillPoly(image, [square], 225)
                cv2.fillPoly(
                    image, [np.int32((square - square.mean(0)) * 0.75 + square.mean(0))], 25
                )
            if not isinstance(seen, Lost):
                corners[name] = seen.corners[camera]
        result.append(Thumbnail(camera, image, 0.2, corners))
    return tuple(result)


class FakeFeed:
    """A feed whose messages and life the test decides on."""

    def __init__(self) -> None:
        self.waiting: list[Update | Ended] = []
        self.sent: list[Command] = []
        self.lives = True
        self.closed = False

    def newest(self) -> Update | Ended | None:
        return self.waiting.pop(0) if self.waiting else None

    def alive(self) -> bool:
        return self.lives

    def send(self, command: Command) -> None:
        self.sent.append(command)

    def close(self) -> None:
        self.closed = True
