"""`nav live`: cameras, recorded images or recorded poses; tracking process, window."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from nav.camera.live_source import LiveSource
from nav.camera.rig import Rig, load_rig
from nav.camera.source import file_remark, open_source
from nav.camera.webcam_numbers import parse_webcams
from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.display import check_display
from nav.link.pose_input import PoseInput
from nav.live.feed import START_SECONDS, Job, ProcessFeed, Progress, report_end, silent
from nav.live.live_limits import LiveLimits
from nav.live.messages import Command, Ended, Stage
from nav.live.observers import Observer, ObserverSetup
from nav.live.playback import PacedImages, PacedSource
from nav.live.session import Session, State
from nav.live.swapcheck import SwapCheck
from nav.model.case import Case, load_case, navigable
from nav.pipeline import Pipeline
from nav.record.session.carried_files import CarriedFiles
from nav.registration.registration_result import (
    Registration,
    load_registration_file,
    write_registration,
)
from nav.registration.reuse import check_use, describe_registration
from nav.text.catalogue import ENGLISH
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.pose_source import PoseSource, StatedErrors
from nav.tracking.tool import Tool, check_tools, load_tool
from nav.tracking.tracker import Tracker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LiveJob:
    """Recipe for live tracking; fields are the options of `nav live`, cameras as NAME=NUMBER.

    `observers` are the recorder and the links to other programs. `limits` override those of the
    case; `lab` is the lab.toml, if any, from which options were taken, as a record carries it.
    """

    rig: Path | None
    tools: tuple[Path, ...]
    case: Path
    cameras: tuple[str, ...]
    images: Path | None
    poses: Path | None
    registration: Path | None
    needle: str
    reference: str
    fps: float | None
    save: Path | None
    stated: StatedErrors | None = None
    observers: tuple[ObserverSetup, ...] = ()
    limits: LiveLimits = field(default_factory=LiveLimits)
    lab: bytes | None = None
    igtl_names: tuple[str, ...] = ()

    def check(self) -> tuple[Case, Tool]:
        """Read every file once.

        Returns
        -------
        case : Case
            The case.
        needle : Tool
            The needle.

        Raises
        ------
        InputError
            What is wrong with the first faulty file.
        """
        rig = self.load_rig()
        tools = self.load_tools()
        case = load_case(self.case)
        navigable(case, self.case)
        if self.registration is not None:
            self.known_registration(case, tools)
        elif not case.fiducials_for("register"):
            raise InputError(
                f'{self.case}: fiducial: none has use "register"; add some or give --registration'
            )
        if rig is None:
            self.pose_input().check()
        elif self.images is None:
            parse_webcams(self.cameras, rig.names)
        else:
            open_source(self.images, rig, self.fps).close()
        return self.limits.apply(case), tools[self.needle]

    def load_rig(self) -> Rig | None:
        """Load the rig of the cameras or images; None for recorded poses, which need none."""
        given = (bool(self.cameras), self.images is not None, self.poses is not None)
        if sum(given) != 1:
            raise InputError(
                "nav live: give either --camera NAME=NUMBER, --images SOURCE or --poses SOURCE"
            )
        of_poses = ("--igtl-name", self.igtl_names or None), ("--position-sd", self.stated)
        of_images = ("--rig", self.rig), ("--fps", self.fps)
        where = "applies only" if self.poses is None else "does not apply"
        for option, value in of_poses if self.poses is None else of_images:
            if value is not None:
                raise InputError(f"nav live: {option} {where} with --poses")
        return None if self.rig is None else load_rig(self.rig)

    def pose_input(self) -> PoseInput:
        """Return where the poses of needle and reference body come from."""
        assert self.poses is not None
        tools = (self.needle, self.reference)
        return PoseInput(self.poses, tools, self.stated, self.igtl_names)

    def known_registration(
        self, case: Case, tools: Mapping[str, Tool]
    ) -> tuple[Registration | None, tuple[str, ...]]:
        """Load the earlier registration, if one is given.

        Parameters
        ----------
        case : Case
            The case that it must be of.
        tools : mapping of str to Tool
            All tools by name.

        Returns
        -------
        registration : Registration or None
            None where none is given.
        lines : tuple of str
            Notices for the user.

        Raises
        ------
        InputError
            Its file is wrong, it is poor, or it was made for another case or reference body.
        """
        if self.registration is None:
            return None, ()
        registration, record = load_registration_file(self.registration)
        plan = case.default_plan
        tre = registration.predicted_tre_at(None if plan is None else plan.target)
        lines = check_use(
            self.registration, record, tre, (case.name, self.case), self.reference_file(tools)
        )
        return registration, lines

    def reference_file(self, tools: Mapping[str, Tool]) -> tuple[str, Path]:
        """Return name and file of the reference body."""
        return self.reference, self.tools[list(tools).index(self.reference)]

    def load_tools(self) -> dict[str, Tool]:
        """Load all tools by name; the reference body and a needle with a tip are required."""
        given = [load_tool(path, printed=self.poses is None) for path in self.tools]
        check_tools(given)
        tools = {tool.name: tool for tool in given}
        for name, option in ((self.needle, "--needle"), (self.reference, "--reference")):
            if name not in tools:
                raise InputError(
                    f"{option}: no tool is called {name}; the tools are {', '.join(tools)}"
                )
        if tools[self.needle].tip is None:
            path = self.tools[list(tools).index(self.needle)]
            raise InputError(
                f"{path}: tip: is missing; the navigated needle needs a calibrated [tip]"
            )
        return tools

    def open(self, progress: Progress = silent) -> "LiveWork":
        """Open the source of poses and the pipeline."""
        progress(Notice("opening"), 0.0)
        return LiveWork(self)


class LiveWork:
    """Guide by what the cameras see, or saw; write the registration when there is one.

    Parameters
    ----------
    job : LiveJob
        Its files are read here.

    Attributes
    ----------
    swap : SwapCheck or None
        Of the cameras, if there are some.
    """

    simulated = False

    def __init__(self, job: LiveJob) -> None:
        rig, tools = job.load_rig(), job.load_tools()
        case = load_case(job.case)
        of_rig = () if rig is None else rig.warnings
        of_tools = (warning for tool in tools.values() for warning in tool.warnings)
        self.warnings = (*of_rig, *of_tools, *case.warnings)
        known, self.known_lines = job.known_registration(case, tools)
        self.job, self.saved, self.tools = job, known, tools
        self.unsaved: Notice | None = None
        self.limit_notices, limited = job.limits.notices(case), job.limits.apply(case)
        self.pipeline = Pipeline(tools[job.needle], limited, known, reference=job.reference)
        self.session = Session(self.pipeline, job.limits.fle, job.limits.check_limit)
        self.swap: SwapCheck | None = None
        self.recording: PacedSource[Any] | None = None
        self.source = self._poses() if rig is None else self._cameras(rig)
        self.observers: list[Observer] = []
        try:
            for setup in job.observers:
                self.observers.append(setup.open(self))
        except InputError:
            self.source.close()
            for observer in self.observers:
                observer.close()
            raise

    def _poses(self) -> PoseSource:
        given = self.job.pose_input()
        if given.tracker is not None:
            return given.connection()
        played = PacedSource(given.recording())
        self.recording = played
        return played

    def _cameras(self, rig: Rig) -> PoseSource:
        images: LiveSource | PacedImages
        if self.job.images is None:
            images = LiveSource(rig, parse_webcams(self.job.cameras, rig.names))
        else:
            images = PacedImages(open_source(self.job.images, rig, self.job.fps))
            self.recording = images
        self.swap = SwapCheck(rig)
        return CameraPoses(images, Tracker(rig, list(self.tools.values())), self.swap.look)

    def carried_files(self) -> CarriedFiles:
        """Return the files and limits that a record of this use carries along."""
        job, tools = self.job, tuple(zip(self.tools, self.job.tools, strict=True))
        return CarriedFiles(job.rig, tools, job.case, job.registration, job.lab, job.limits)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Warnings about files and the registration."""
        of_files = map(file_remark, (*self.known_lines, *self.warnings))
        of_observers = (notice for observer in self.observers for notice in observer.notices)
        own = (*self.session.doubts, *self.limit_notices, *of_observers, *of_files)
        return own if self.unsaved is None else (self.unsaved, *own)

    def listen(self, tracked: TrackedFrame, state: State) -> Iterable[Command]:
        """Write a new registration once it is used."""
        if state.stage is Stage.NAVIGATE:
            try:
                self._save()
            except InputError as error:  # navigation goes on; the end tries again
                self.unsaved = Notice("registration_not_saved", {"problem": str(error)})
        return ()

    def finish(self) -> Any:
        """Write a registration that was made but not yet used; there is no result to return."""
        self.session.keep_former()  # a new one that was not verified replaces none
        try:
            if self.unsaved is not None:
                self.saved = None
            if not self.session.refuted:
                self._save()
        except InputError as error:  # the window is closed: it can only be logged
            log.error("%s", error)
        return None

    def _save(self) -> None:
        registration = self.session.registration
        if registration is None or registration is self.saved:
            return
        self.saved = registration
        if self.job.save is None:
            return
        plan = self.pipeline.plan
        record = describe_registration(
            self.session.assessment,
            (self.pipeline.case.name, self.job.case),
            self.job.reference_file(self.tools),
            None if plan is None else plan.target,
            verified=bool(self.session.checks) and self.session.verified,
        )
        measured = self.job.rig or self.job.pose_input().file
        inputs = (self.job.case, *filter(None, (measured,)), *self.job.tools)
        write_registration(self.job.save, registration, inputs, record)


def run_live(job: LiveJob, console: Console) -> None:
    """Show the live window until it is closed.

    Parameters
    ----------
    job : LiveJob
        Files, cameras and options.
    console : Console
        For messages to the user.

    Raises
    ------
    InputError
        A wrong file or camera, no display, or tracking that failed.
    """
    with console.status("reading the case"):
        case, needle = job.check()
        lines = job.known_registration(case, job.load_tools())[1]
    for line in lines:
        console.print(line, markup=False)
    show(job, case, needle, job.reference, "", console)


def show(job: Job, case: Case, needle: Tool, reference: str, title: str, console: Console) -> None:
    """Start the tracking process, then its window; return when it is closed.

    Parameters
    ----------
    job : Job
        What the tracking process does.
    case : Case
        Shown in the window.
    needle : Tool
        The navigated tool.
    reference : str
        Name of the reference body.
    title : str
        Of the window; may be empty.
    console : Console
        For messages to the user.

    Raises
    ------
    InputError
        No display, or the tracking process could not begin.
    """
    from nav.view.live_app import run_window

    check_display()
    feed = ProcessFeed(job)
    try:
        with console.status("starting cameras and tracking"):
            first = feed.first(START_SECONDS)
        if isinstance(first, Ended) and first.problem is not None:
            raise InputError(ENGLISH.sentence(first.problem))
        run_window(case, feed, needle, title=title, reference=reference)
    finally:
        feed.close()
    report_end(feed, console)


def live_job(
    rig: Path | None,
    tools: Sequence[Path],
    case: Path | None,
    poses: Path | None,
    **rest: Any,
) -> LiveJob:
    """Make a job from options, of which three are required.

    Parameters
    ----------
    rig : Path or None
        rig.toml; not needed with `poses`.
    tools : sequence of Path
        Tool files.
    case : Path or None
        case.toml.
    poses : Path or None
        poses.csv.
    **rest
        The other fields of `LiveJob`.

    Returns
    -------
    LiveJob

    Raises
    ------
    InputError
        --rig, --tool or --case is missing.
    """
    for option, value in (("--rig", rig or poses), ("--tool", tools), ("--case", case)):
        if not value:
            raise InputError(
                f"nav live: {option} is missing, and there is no lab.toml that has it; nav lab "
                "init writes one (only --twin needs none)"
            )
    assert case is not None
    return LiveJob(rig, tuple(tools), case, poses=poses, **rest)
