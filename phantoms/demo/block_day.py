"""A simulated day of accuracy testing: an operator visits the divots of the printed block.

Needle, tip, print and cameras are a little wrong, by known amounts. Images are rendered and tracked
by the real tracker; or, where that takes too long, poses are made with errors of a tracker's size.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.accuracy.accuracy_plan import PLACES, PLAN_FORMAT
from nav.camera.rig import Rig
from nav.core.files import write_toml
from nav.core.frames import Array, Pose, cross_matrix
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.record.pose_table import open_pose_table
from nav.tracking.tool import Tool, write_tool
from nav.tracking.tracker import Tracker
from phantoms.demo.work import OPTICS
from phantoms.kit.block import BlockDivot, block_divots, write_block_points
from phantoms.twin.default_rig import SMALL_SIZE, default_rig
from phantoms.twin.seating import seated_tip
from phantoms.twin.simulated_bodies import Placed
from phantoms.twin.simulated_camera import SimulatedCamera
from phantoms.twin.simulated_tools import (
    TUOHY_17G,
    needle_body,
    needle_tool,
    reference_body,
    reference_tool,
)

STEP = 0.125  # s between frame sets
REST = 10  # frame sets that the tip rests in a divot
LIFT = 25.0  # mm, along a divot's axis
LEAN = np.radians(24.0)  # of the extreme orientations
SPREAD = np.radians(5.0)  # sd of orientations about that
# rig frame, mm: x to the right, y down, z away from the cameras
CENTRES = {
    "CL": (175.0, 20.0, 580.0),
    "BL": (175.0, 110.0, 680.0),
    "TL": (175.0, -70.0, 680.0),
    "LL": (75.0, 20.0, 680.0),
    "RL": (275.0, 20.0, 680.0),
}
TILT = np.radians(50.0)  # of the block's z from the direction to the cameras
# its z faces the cameras
BLOCK_FROM_REFERENCE = RigidTransform.from_components(
    [0.0, 115.0, 45.0], Rotation.from_rotvec([TILT, 0.0, 0.0])
)
SEATING = 0.05  # mm
CREEP, CREEP_TIME = 0.25, 150.0  # mm, s: of the tool's holder as it warms up
Progress = Callable[[str], None]


@dataclass(frozen=True)
class DaySettings:
    """What is simulated, and how wrong everything is.

    Attributes
    ----------
    seed : int
        Of hand, print and noise.
    places : tuple of str
        Where the block stands.
    touches : int
        Of the single-point tests, each.
    still : bool
        Jitter at rest and drift too.
    images : bool
        Render and track images; else poses with errors.
    tip_error : tuple of 3 float
        Of the needle's file, tool frame, mm.
    print_sd : float
        Of the block's divots, per axis, mm.
    baseline_error : float
        Relative error of the rig file's baseline.
    """

    seed: int = 0
    places: tuple[str, ...] = tuple(PLACES)
    touches: int = 6
    still: bool = True
    images: bool = False
    tip_error: tuple[float, float, float] = (0.10, -0.06, 0.08)
    print_sd: float = 0.08
    baseline_error: float = 5e-4


class BlockDay:
    """The true poses of a day, test by test.

    Parameters
    ----------
    settings : DaySettings
        The day.
    """

    def __init__(self, settings: DaySettings) -> None:
        self.settings = settings
        self.rng = np.random.default_rng([settings.seed, 7])
        self.needle, self.reference = needle_tool(), reference_tool()
        self.divots = {divot.label: self._printed(divot) for divot in block_divots()}

    def _printed(self, divot: BlockDivot) -> BlockDivot:
        off = self.settings.print_sd * self.rng.normal(size=3)
        return replace(divot, apex=divot.apex + off)

    @cached_property
    def needle_file(self) -> Tool:
        """The needle as its file says, with the tip's covariance."""
        tip = self.needle.tip
        assert tip is not None
        wrong = tip.position + np.array(self.settings.tip_error)
        covariance = np.eye(3) * 0.08**2
        return replace(
            self.needle, tip=replace(tip, position=wrong, covariance=covariance), scale_sd=0.001
        )

    @cached_property
    def reference_file(self) -> Tool:
        """The reference body as its file says."""
        return replace(self.reference, scale_sd=0.001)

    @cached_property
    def rig(self) -> Rig:
        """The cameras as they are."""
        return default_rig(SMALL_SIZE)

    @cached_property
    def rig_file(self) -> Rig:
        """The cameras as their file says."""
        factor = 1.0 + self.settings.baseline_error
        cameras = [
            replace(
                camera,
                camera_from_rig=RigidTransform.from_components(
                    camera.camera_from_rig.translation * factor, camera.camera_from_rig.rotation
                ),
            )
            for camera in self.rig.cameras
        ]
        return replace(self.rig, cameras=tuple(cameras))

    def rig_from_block(self, place: str) -> RigidTransform:
        """Return where the block stands."""
        facing = Rotation.from_matrix(np.diag([1.0, -1.0, -1.0]))
        turned = facing * Rotation.from_rotvec([-TILT, 0.0, 0.0])
        return RigidTransform.from_components(CENTRES[place], turned)

    def rig_from_reference(self, place: str) -> RigidTransform:
        """Return where the reference body is."""
        return self.rig_from_block(place) * BLOCK_FROM_REFERENCE

    def grip(self, tip: Array, heading: Array, roll: float) -> RigidTransform:
        """Return block_from_needle with the tip at a point, the shaft along a heading."""
        known = self.needle.tip
        assert known is not None
        assert known.axis is not None
        z = heading / np.linalg.norm(heading)
        x = np.array([1.0, 0.0, 0.0]) - z[0] * z
        x /= np.linalg.norm(x)
        level = Rotation.from_matrix(np.column_stack([x, np.cross(z, x), z]))
        straight, _ = Rotation.align_vectors([[0.0, 0.0, 1.0]], [known.axis])
        turn = level * Rotation.from_rotvec([0.0, 0.0, roll]) * straight
        return RigidTransform.from_components(tip - turn.apply(known.position), turn)

    def touch(self, divot: BlockDivot, heading: Array) -> list[RigidTransform]:
        """Return block_from_needle while a divot is touched: down, at rest, up again."""
        heading = heading / np.linalg.norm(heading)
        seat = seated_tip(
            divot.apex, divot.axis, heading, "pencil", TUOHY_17G, self.rng, SEATING
        )  # fmt: skip
        away = self.grip(seat + LIFT * divot.axis, heading, 0.0)
        roll = float(self.rng.normal(0.0, 0.2))
        # the hand trembles: the tip rests, the carrier does not
        resting = [
            self.grip(
                seat + 0.01 * self.rng.normal(size=3),
                heading + 0.004 * self.rng.normal(size=3),
                roll,
            )
            for _ in range(REST)
        ]
        return [away, *resting, away]

    def motion(self, test: str, divot: str = "P") -> tuple[list[float], list[RigidTransform]]:
        """Return times, s, and block_from_needle of a test."""
        made: list[RigidTransform] = []
        if test == "points":
            for label in self.divots:
                made += self.touch(self.divots[label], self._into(self.divots[label]))
        elif test.startswith("single"):
            lean = {"single-left": -LEAN, "single": 0.0, "single-right": LEAN}[test]
            for _ in range(self.settings.touches):
                made += self.touch(self.divots[divot], self._leaning(lean))
        elif test in ("roll", "pitch", "yaw"):
            made = self._turned(test, self.divots[divot])
        else:
            return self._still(test)
        return [STEP * k for k in range(len(made))], made

    def _into(self, divot: BlockDivot) -> Array:
        """Return a heading into a divot, leaning to where a hand holds the needle."""
        inwards = -divot.axis + np.array([0.0, 0.0, -0.7]) * (abs(divot.axis[0]) > 0.1)
        return np.asarray(inwards + self.rng.normal(0.0, SPREAD, 3) * [1.0, 1.0, 0.0], float)

    def _leaning(self, angle: float) -> Array:
        off = self.rng.normal(0.0, SPREAD, 2)
        return np.array([-np.sin(angle + off[0]), np.sin(off[1]), -np.cos(angle)])

    def _turned(self, test: str, divot: BlockDivot) -> list[RigidTransform]:
        """Return the tool turned about an axis with its tip in the divot."""
        most = np.radians(50.0) if test == "roll" else LEAN
        made = []
        for angle in np.linspace(-most, most, 30):
            heading = {
                "roll": np.array([0.0, 0.0, -1.0]),
                "pitch": np.array([0.0, -np.sin(angle), -np.cos(angle)]),
                "yaw": np.array([-np.sin(angle), 0.0, -np.cos(angle)]),
            }[test]
            seat = divot.apex + 0.02 * self.rng.normal(size=3)
            made.append(self.grip(seat, heading, float(angle) if test == "roll" else 0.0))
        return made

    def _still(self, test: str) -> tuple[list[float], list[RigidTransform]]:
        """Return a tool in a holder, which creeps where it warms up."""
        count, step = (60, STEP) if test == "rest" else (200, 4.5)
        times = [step * k for k in range(count)]
        tip = np.array([0.0, -6.0, 60.0])
        creep = [0.0] * count
        if test == "warm-up":
            creep = [CREEP * (1.0 - float(np.exp(-time / CREEP_TIME))) for time in times]
        way = np.array([0.6, 0.0, 0.8])
        heading = np.array([0.15, 0.1, -1.0])
        return times, [self.grip(tip + one * way, heading, 0.0) for one in creep]

    def frames(self, test: str, place: str, divot: str = "P") -> Iterator[TrackedFrame]:
        """Yield the frames of a test as they are tracked."""
        times, made = self.motion(test, divot)
        rig_from_block = self.rig_from_block(place)
        poses = [rig_from_block * one for one in made]
        yield from (self._imaged if self.settings.images else self._posed)(place, times, poses)

    def _imaged(
        self, place: str, times: Sequence[float], poses: Sequence[RigidTransform]
    ) -> Iterator[TrackedFrame]:
        standing = [Placed(reference_body(self.reference), self.rig_from_reference(place))]
        cameras = [
            SimulatedCamera(camera, OPTICS, generator, standing)
            for camera, generator in zip(
                self.rig.cameras, self.rng.spawn(len(self.rig.cameras)), strict=True
            )
        ]
        body = needle_body(self.needle)
        tracker = Tracker(self.rig_file, (self.needle_file, self.reference_file))
        try:
            for time, pose in zip(times, poses, strict=True):
                seen = [camera.picture([Placed(body, pose)]) for camera in cameras]
                yield tracker.track(
                    dict(zip(self.rig.names, seen, strict=True)), time
                ).without_images()
        finally:
            tracker.close()

    def _posed(
        self, place: str, times: Sequence[float], poses: Sequence[RigidTransform]
    ) -> Iterator[TrackedFrame]:
        """Yield poses with a tracker's errors: random ones, and a scale."""
        sd = np.repeat([0.02, 3e-4], 3)
        covariance = np.diag(sd**2)
        scale = 1.0 + self.settings.baseline_error
        reference = self.rig_from_reference(place)
        for number, (time, pose) in enumerate(zip(times, poses, strict=True)):
            tools = {}
            for name, true in ((self.needle.name, pose), (self.reference.name, reference)):
                # turned about the tool, not about the rig
                tool = RigidTransform.from_components(
                    scale * true.translation + sd[:3] * self.rng.normal(size=3),
                    Rotation.from_rotvec(sd[3:] * self.rng.normal(size=3)) * true.rotation,
                )
                tools[name] = TrackedTool(
                    Pose(tool, _about(tool.translation, covariance)),
                    systematic=np.diag([0.03**2] * 3 + [0.0] * 3),
                )
            yield TrackedFrame(number, float(time), tools)


def _about(centre: Array, covariance: Array) -> Array:
    """Return a covariance at the rig's origin of errors that are independent at a centre."""
    shift = np.eye(6)
    # t at the origin is t at the centre less r x centre
    shift[:3, 3:] = cross_matrix(centre)
    return np.asarray(shift @ covariance @ shift.T, float)


def day_tests(places: Sequence[str], still: bool) -> list[tuple[str, str]]:
    """List the tests of a whole day: jitter and drift only at the first place.

    Parameters
    ----------
    places : sequence of str
        Where the block stands.
    still : bool
        Jitter and drift too.

    Returns
    -------
    list of (str, str)
        Test and place.
    """
    tests = ("points", "single-left", "single", "single-right", "roll", "pitch", "yaw")
    made = [(test, place) for place in places for test in tests]
    return [*made, ("rest", places[0]), ("warm-up", places[0])] if still else made


def write_block_day(
    folder: Path, settings: DaySettings, progress: Progress = lambda text: None
) -> Path:
    """Write a day: tools, block.csv, a poses.csv per test and place, plan.toml.

    Parameters
    ----------
    folder : Path
        Where to write.
    settings : DaySettings
        The day.
    progress : callable, optional
        Called with each recording's name.

    Returns
    -------
    Path
        plan.toml.
    """
    day = BlockDay(settings)
    folder.mkdir(parents=True, exist_ok=True)
    tools = (day.needle_file, day.reference_file)
    for tool in tools:
        write_tool(folder / f"{tool.name}.toml", tool)
    write_block_points(folder / "block.csv")
    recordings = []
    for test, place in day_tests(settings.places, settings.still):
        name = f"{place}-{test}.csv"
        progress(name)
        writer = open_pose_table(folder / name, tools, day.reference.name)
        try:
            for frame in day.frames(test, place):
                writer.write(frame)
        finally:
            writer.close()
        touched = test.startswith("single") or test in ("roll", "pitch", "yaw")
        recordings.append(
            {"file": name, "test": test, "place": place, "divot": "P" if touched else None}
        )
    plan = folder / "plan.toml"
    write_toml(plan, _plan(day, recordings))
    return plan


def _plan(day: BlockDay, recordings: list[dict[str, str | None]]) -> dict[str, object]:
    how = "images rendered and tracked" if day.settings.images else "poses with made-up errors"
    return {
        "format": PLAN_FORMAT,
        "needle": f"{day.needle.name}.toml",
        "reference": f"{day.reference.name}.toml",
        "block": "block.csv",
        "tracker": "two simulated cameras 1280 x 800, no serial",
        "pointer": "simulated needle 17G",
        "phantom": "simulated print of the divot block",
        "operator": "simulated",
        "started": datetime(2026, 5, 4, 9, 0, 0),
        "working_volume": "100 mm to each side of the centre, 580 to 680 mm away",
        "temperature": 21.5,
        "temperature_change": 1.0,
        "divot_sd": 0.08,
        "remarks": f"A simulated day: {how}. The tip's file is off by "
        f"{np.linalg.norm(day.settings.tip_error):.2f} mm, the rig file's baseline by "
        f"{100 * day.settings.baseline_error:.2f} %, each printed divot by "
        f"{day.settings.print_sd:.2f} mm (sd per axis).",
        "limits": {
            "single_point_bias": 0.5,
            "single_point_max": 1.0,
            "rotation_rms": 0.5,
            "distance_rms": 0.5,
            "registration_rms": 0.4,
            "jitter_rms": 0.1,
            "drift": 0.3,
        },
        "recording": recordings,
    }
