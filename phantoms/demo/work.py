"""The demonstration's work: a simulated room and hand in front of the real pipeline."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.camera.rig import Rig, load_rig
from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.memory import give_memory_back
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.live.feed import Progress, silent
from nav.live.messages import Command, Sample, Update
from nav.live.observers import Observer, ObserverSetup
from nav.live.publish import chart_sample, make_update
from nav.live.session import Session, State
from nav.model.case import Plan, load_case
from nav.pipeline import Pipeline
from nav.record.log import RunLog
from nav.record.session.carried_files import CarriedFiles
from nav.registration.registration_result import Registration
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.tool import Tool, load_tool
from nav.tracking.tracker import Tracker
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.demo.hand import Hand
from phantoms.demo.puncture import SimulatedPuncture
from phantoms.twin.sensor import Optics
from phantoms.twin.simulated_motion import FPS
from phantoms.twin.simulated_tools import needle_tool, reference_tool
from phantoms.twin.world import make_world

ROOM = Notice("setting_up_room")
HAND_SD = 0.2  # mm: how far up a divot's wall friction leaves the tip, sd of a half-normal
OPTICS = Optics(blur=1.0, noise=2.0, exposure=0.002)
TRIMMED = 50  # frame sets after which freed memory is given back
MAX_FRAMES = 3000  # a hand that never arrives is a fault


@dataclass(frozen=True)
class DemoResult:
    """Results of a demonstration.

    Attributes
    ----------
    log : RunLog
        What was tracked and shown.
    truth : dict of int to RigidTransform
        True rig_from_needle of each frame number.
    rig_from_reference : RigidTransform
        True pose, too.
    tools : tuple of 2 Tool
        Needle and reference body as they truly are.
    model_from_reference : RigidTransform
        True; model is the case.
    registration : Registration or None
        As found by the session.
    check_errors : dict of str to float
        Error of each check point as found by the session, by label, mm.
    predicted_tre : float
        At the target, mm; NaN without a registration.
    last : Update
        The newest update for the window's picture, with the whole chart.
    seconds : float
        From the first frame set to the last.
    """

    log: RunLog
    truth: dict[int, RigidTransform]
    rig_from_reference: RigidTransform
    tools: tuple[Tool, Tool]
    model_from_reference: RigidTransform
    registration: Registration | None
    check_errors: dict[str, float]
    predicted_tre: float
    last: Update
    seconds: float


@dataclass(frozen=True)
class DemoJob:
    """Recipe for a demonstration.

    Attributes
    ----------
    folder : Path
        Holds the files that the pipeline reads.
    anatomy : Anatomy
        The phantom.
    seed : int
        Of poses, hand and noise.
    seating : float
        Scatter that friction leaves a tip in a divot, mm.
    optics : Optics
        Lens and sensor.
    tools : tuple of 2 Tool
        Needle and reference body as they truly are.
    rig : Rig
        The cameras as they truly are.
    case_from_model : RigidTransform
        From the anatomy's frame to that of the case, which may be a scan's.
    axes : mapping of str to ndarray, shape (3,), or None
        A divot's outward axis by label, anatomy's frame; the phantom's where None.
    observers : tuple of ObserverSetup
        Recorder and links to other programs.
    """

    folder: Path
    anatomy: Anatomy
    seed: int
    seating: float
    optics: Optics
    tools: tuple[Tool, Tool]
    rig: Rig
    case_from_model: RigidTransform = field(default_factory=RigidTransform.identity)
    axes: Mapping[str, Array] | None = None
    observers: tuple[ObserverSetup, ...] = ()

    def open(self, progress: Progress = silent) -> "DemoWork":
        """Set up the room, the hand and the pipeline."""
        return DemoWork(self, progress)


def true_job(folder: Path, anatomy: Anatomy, seed: int, rig: Rig) -> DemoJob:
    """Return the default demonstration, its tools exactly as drawn.

    Parameters
    ----------
    folder : Path
        Holds the files that the pipeline reads.
    anatomy : Anatomy
        The phantom.
    seed : int
        Of poses, hand and noise.
    rig : Rig
        The cameras as they truly are.

    Returns
    -------
    DemoJob
        The recipe.
    """
    return DemoJob(folder, anatomy, seed, HAND_SD, OPTICS, (needle_tool(), reference_tool()), rig)


class DemoWork:
    """The demonstration at work: the pipeline reads files and images, but never the truth.

    Parameters
    ----------
    job : DemoJob
        The recipe.
    progress : callable, optional
        Called with what is being done and the share done, 0 to 1.
    """

    recording = None
    simulated = True  # time does not advance while images are drawn

    def __init__(self, job: DemoJob, progress: Progress = silent) -> None:
        folder = self.folder = job.folder
        progress(ROOM, 0.0)
        needle = load_tool(folder / "needle.toml")
        tools = [needle, load_tool(folder / "reference.toml")]
        case = load_case(folder / "case" / "case.toml")
        tracker = Tracker(load_rig(folder / "rig.toml"), tools)
        self.pipeline = Pipeline(needle, case)
        self.session = Session(self.pipeline)
        self.world = make_world(job.anatomy, job.seed, job.rig, tools=job.tools)
        plan = case.default_plan
        if plan is None:
            raise InputError(
                f"{folder}: case.toml: has no plan; the demonstration follows the first"
            )
        self.plan = plan
        rng = np.random.default_rng([job.seed, 3])
        self.case_from_model = job.case_from_model
        back = job.case_from_model.inv()
        followed = Plan(plan.name, back.apply(plan.entry), back.apply(plan.target))
        hand = Hand(self.world, followed, job.seating, rng, 1.0 / FPS, job.axes, back)
        self.puncture = SimulatedPuncture(
            self.world, hand, job.optics, job.seed, lambda share: progress(ROOM, share)
        )
        self.source = CameraPoses(self.puncture, tracker)
        self.log = RunLog()
        self.samples: list[Sample] = []
        self.newest: tuple[TrackedFrame, State] | None = None
        self.began = self.now = 0.0
        self.tools = {tool.name: tool for tool in tools}
        self.observers: list[Observer] = []
        self.observers += [setup.open(self) for setup in job.observers]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What recorder and links say."""
        return tuple(notice for observer in self.observers for notice in observer.notices)

    def carried_files(self) -> CarriedFiles:
        """Return the files that a record of this use carries along."""
        folder = self.folder
        tools = tuple((name, folder / f"{name}.toml") for name in ("needle", "reference"))
        return CarriedFiles(folder / "rig.toml", tools, folder / "case" / "case.toml")

    def listen(self, tracked: TrackedFrame, state: State) -> Iterable[Command]:
        """Record what the report needs; show the screen to the hand."""
        self.now = time.perf_counter()
        self.began = self.began or self.now
        self.log.add(state)
        # the chart of the closing picture runs on the simulated clock
        self.samples.append(chart_sample(state.guidance, tracked.time))
        self.newest = (tracked, state)
        if len(self.log.tracked) % TRIMMED == 0:
            give_memory_back(collect=False)  # images of threads, or memory grows by 0.4 MB each
        if len(self.log.tracked) >= MAX_FRAMES:
            raise InputError(f"demo: the hand did not arrive within {MAX_FRAMES} frames")
        return self.puncture.show(state)

    def finish(self) -> DemoResult:
        """Return the results for the report."""
        assert self.newest is not None
        newest, state = self.newest
        registration = self.pipeline.registration
        tre = None if registration is None else registration.predicted_tre_at(self.plan.target)
        seconds = self.now - self.began
        rate = (len(self.log.tracked) - 1) / max(seconds, 1e-9)
        delay = float(np.median([tracked.track_seconds for tracked in self.log.tracked]))
        last = make_update(newest, state, newest.time, tuple(self.samples), rate, delay)
        return DemoResult(
            self.log,
            self.puncture.truth,
            self.world.rig_from_reference,
            (self.world.needle, self.world.reference),
            self.case_from_model * self.world.model_from_reference,
            registration,
            {touch.fiducial.label: error.distance for touch, error in self.session.checks},
            float("nan") if tre is None else tre,
            # the picture's clock is the simulated one
            replace(last, sent_at=newest.time, simulated=True),
            seconds,
        )
