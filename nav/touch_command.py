"""`nav touch`: touches of fiducials, live or from a recording, into touched.csv."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

import nav
from nav.camera.live_source import LiveSource
from nav.camera.rig import Rig, load_rig
from nav.camera.source import open_source
from nav.camera.webcam import OpenCapture
from nav.camera.webcam_numbers import parse_webcams
from nav.core.errors import IncompleteInput, InputError
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame
from nav.display import can_show
from nav.link.pose_input import PoseInput
from nav.live.feed import START_SECONDS
from nav.live.pose_run import PoseRun
from nav.model.case import Case, load_case
from nav.progress_bar import progress_bar
from nav.registration.assessment import FLE
from nav.registration.dwell_segments import DwellSettings
from nav.registration.guided_touches import GuidedTouches, GuideSettings, GuideState
from nav.registration.identify import identify_touches
from nav.registration.points import DegenerateLayout, register_points
from nav.registration.touch_set import TouchSet, touch_set, write_touches
from nav.registration.touch_source import FoundTouches, find_touches, tip_series
from nav.text.catalogue import sentence
from nav.touch_input import print_touches
from nav.track import announce_compiling
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.pose_source import PoseSource, StatedErrors
from nav.tracking.tool import Tool, check_tools, load_tool
from nav.tracking.tracker import Tracker

FEWEST_TO_FIT = 4


@dataclass(frozen=True)
class TouchJob:
    """Options of `nav touch`; cameras as NAME=NUMBER, names of another tracker as TOOL=NAME.

    One of `cameras`, `images` and `poses` is given.
    """

    tools: tuple[Path, ...]
    output: Path
    case: Path | None = None
    labels: tuple[str, ...] = ()
    unlabelled: bool = False
    rig: Path | None = None
    cameras: tuple[str, ...] = ()
    images: Path | None = None
    poses: Path | None = None
    needle: str = "needle"
    reference: str = "reference"
    fps: float | None = None
    hold: float = 1.0
    window: bool = True
    stated: StatedErrors | None = None
    igtl_names: tuple[str, ...] = ()

    @property
    def pose_input(self) -> PoseInput | None:
        """The recorded poses or the other tracker; None for images."""
        if self.poses is None:
            return None
        return PoseInput(self.poses, (self.needle, self.reference), self.stated, self.igtl_names)


def touch_fiducials(job: TouchJob, console: Console, capture: OpenCapture | None = None) -> None:
    """Take touches and write them.

    Parameters
    ----------
    job : TouchJob
        Files and options.
    console : Console
        For messages to the user.
    capture : callable, optional
        Opens a webcam; for tests.

    Raises
    ------
    InputError
        A wrong file or option, no display, touches that cannot be told apart.
    IncompleteInput
        Live touches of which some are lacking; those that were taken are written.
    """
    if sum((bool(job.cameras), job.images is not None, job.poses is not None)) != 1:
        raise InputError(
            "nav touch: give either --camera NAME=NUMBER, --images SOURCE or --poses FILE (also "
            "igtl://HOST:PORT)"
        )
    if job.unlabelled and job.labels:
        raise InputError("--unlabelled and --label: give one of them")
    if job.needle == job.reference:
        raise InputError(f"--needle and --reference: both are {job.needle}; they are two tools")
    given = job.pose_input
    if given is not None:
        for option, value in (("--rig", job.rig), ("--fps", job.fps)):
            if value is not None:
                raise InputError(f"nav touch: {option} does not apply with --poses")
    elif job.igtl_names:
        raise InputError("--igtl-name: is for the poses of a tracker, igtl://HOST:PORT")
    elif job.stated is not None:
        raise InputError("nav touch: --position-sd applies only with --poses")
    tools = [load_tool(path, printed=given is None) for path in job.tools]
    check_tools(tools)
    needle = _named(tools, job.needle)
    case = None if job.case is None else load_case(job.case)
    labels = _order(job, case)
    if job.cameras or (given is not None and given.tracker is not None):
        _live(job, tools, needle, case, labels, console, capture)
    else:
        _recorded(job, tools, needle, case, console)


def _named(tools: Sequence[Tool], name: str) -> Tool:
    found = next((tool for tool in tools if tool.name == name), None)
    if found is None:
        there = ", ".join(tool.name for tool in tools)
        raise InputError(f"--tool: none is called {name}; there are {there}")
    return found


def _order(job: TouchJob, case: Case | None) -> tuple[str, ...] | None:
    """Return the labels in the order of touching; None for touches without."""
    if job.unlabelled:
        return None
    if case is None:
        return job.labels or None
    known = {f.label: f for f in case.fiducials}
    strange = next((label for label in job.labels if label not in known), None)
    if strange is not None:
        raise InputError(f"--label {strange}: {job.case} has {', '.join(known)}")
    if len(set(job.labels)) < len(job.labels):
        raise InputError("--label: one appears twice; each is touched once")
    if not known:
        raise InputError(f"{job.case}: has no fiducials; touch without them: --unlabelled")
    first = [f.label for f in case.fiducials_for("register")]
    return job.labels or (*first, *(f.label for f in case.fiducials_for("check")))


def _rig(job: TouchJob) -> Rig:
    if job.rig is None:
        raise InputError("nav touch: --rig is missing: images need their cameras")
    return load_rig(job.rig)


# --- live -----------------------------------------------------------------------------------


def _live(
    job: TouchJob,
    tools: Sequence[Tool],
    needle: Tool,
    case: Case | None,
    labels: tuple[str, ...] | None,
    console: Console,
    capture: OpenCapture | None,
) -> None:
    begin, cameras = _live_source(job, tools, capture)
    if job.window and not can_show():
        raise InputError("no display here for the window; touch without it: --no-window")
    places = {} if case is None else {f.label: f.position for f in case.fiducials}
    settings = GuideSettings(hold=job.hold, longest=3.0 * job.hold)
    guided = GuidedTouches(needle, job.reference, places, labels, settings)
    if cameras:
        announce_compiling(console)
    with console.status("starting the cameras" if cameras else "connecting"):
        source = begin()
    if job.window:
        run = PoseRun(source, _since_start(guided))
        with console.status("starting tracking"):
            run.wait_for_first(START_SECONDS)
        write = _in_window(guided, run, cameras, (job.needle, job.reference), _fit(case))
    else:
        write = _in_terminal(guided, source, console)
    if not write or not guided.touches:
        console.print("nothing was written")
        return
    touches = touch_set(guided.found)
    if labels is not None:
        touches = touches.labelled(tuple(guided.labels), tuple(range(len(touches))))
    _write(job, guided.found, touches, console)
    if labels is not None and len(touches) < len(labels):
        left = ", ".join(label for label in labels if label not in guided.labels)
        raise IncompleteInput(
            f"{len(touches)} of {len(labels)} fiducials were touched and are in {job.output}; "
            f"not touched: {left}"
        )


def _live_source(
    job: TouchJob, tools: Sequence[Tool], capture: OpenCapture | None
) -> tuple[Callable[[], PoseSource], tuple[str, ...]]:
    """Check the cameras, or the other tracker; return what opens them, and the cameras' names."""
    given = job.pose_input
    if given is not None:
        given.check()
        return given.connection, ()
    _named(tools, job.reference)
    rig = _rig(job)
    devices = parse_webcams(job.cameras, rig.names)
    return lambda: _open_cameras(rig, devices, tools, capture), rig.names


def _since_start(guided: GuidedTouches) -> Callable[[TrackedFrame], GuideState]:
    """Return what takes live frames, with their times counted from the first."""
    first: list[float] = []

    def add(frame: TrackedFrame) -> GuideState:
        if not first:
            first.append(frame.time)
        return guided.add(replace(frame.without_images(), time=frame.time - first[0]))

    return add


def _open_cameras(
    rig: Rig, devices: Mapping[str, int], tools: Sequence[Tool], capture: OpenCapture | None
) -> PoseSource:
    return CameraPoses(LiveSource(rig, devices, capture=capture), Tracker(rig, list(tools)))


def _in_window(
    guided: GuidedTouches,
    run: PoseRun[GuideState],
    cameras: tuple[str, ...],
    tools: tuple[str, ...],
    fit: Callable[[GuidedTouches], str],
) -> bool:
    from nav.view.live_app import application
    from nav.view.touch_window import TouchWindow, show_touch_window

    try:
        application()
        window = TouchWindow(run, guided, cameras, tools, fit)
        show_touch_window(window)
    finally:
        run.close()
    return window.finished or guided.done


def _in_terminal(guided: GuidedTouches, source: PoseSource, console: Console) -> bool:
    asked: tuple[str, int] | None = None
    add = _since_start(guided)
    try:
        with console.status("") as status:
            for frame in source:
                state = add(frame)
                if state.word in ("taken", "refused"):
                    console.print(_said(state), markup=False, soft_wrap=True)
                elif (state.label, state.taken) != asked:
                    asked = state.label, state.taken
                    console.print(f"touch {state.label or 'a divot'}", markup=False)
                status.update(_said(state))
                if guided.done:
                    break
    except KeyboardInterrupt:
        pass  # the usual end of touches without labels
    finally:
        source.close()
    return True


def _said(state: GuideState) -> str:
    reason = "" if state.reason is None else f": {sentence(state.reason)}"
    return f"{state.label or f'touch {state.taken}'}: {state.word}{reason}"


def _fit(case: Case | None) -> Callable[[GuidedTouches], str]:
    """Return what tells how well the touches so far fit a case."""

    def status_of(guided: GuidedTouches) -> str:
        known = {} if case is None else {f.label: f for f in case.fiducials_for("register")}
        used = [
            (known[label].position, touch)
            for label, touch in zip(guided.labels, guided.touches, strict=True)
            if label in known
        ]
        if len(used) < FEWEST_TO_FIT:
            return ""
        model = np.array([place for place, _ in used])
        touched = np.array([touch.position for _, touch in used])
        own = np.array([touch.own for _, touch in used])
        try:
            found = register_points(model, touched, own, FLE)
        except DegenerateLayout:
            return ""
        return sentence(Notice("touches_fit", {"fre_mm": found.fre}))

    return status_of


# --- from recordings ------------------------------------------------------------------------


def _recorded(
    job: TouchJob, tools: Sequence[Tool], needle: Tool, case: Case | None, console: Console
) -> None:
    settings = DwellSettings(hold=job.hold)
    source = job.poses or job.images
    try:
        frames = _tracked(job, tools, console)
        found = find_touches(tip_series(frames, needle, job.reference), settings)
    except InputError as error:
        text = str(error)
        says = any(text.startswith(str(p)) for p in (source, job.rig, *job.tools) if p)
        raise InputError(text if says else f"{source}: {text}") from None
    print_touches(found, console)
    if not found.touches:
        raise InputError(f"{source}: the tip was held still nowhere for {job.hold:g} s: no touch")
    touches = touch_set(found)
    if job.labels:
        if len(job.labels) != len(touches):
            raise InputError(
                f"{source}: has {len(touches)} touches, but {len(job.labels)} labels are given; "
                "give one for each touch in the order of time, or none"
            )
        touches = touches.labelled(job.labels, tuple(range(len(touches))))
    elif case is not None and not job.unlabelled:
        try:
            named, remarks = identify_touches(case.fiducials, touches, FLE)
        except InputError as error:
            raise InputError(
                f"{source}: {error}; or label them with --label, or write them without: "
                "--unlabelled"
            ) from None
        for remark in remarks:
            console.print(remark, markup=False, soft_wrap=True)
        index = [touches.names.index(name) for name in named.names]
        found = FoundTouches(tuple(found.touches[k] for k in index), found.refused)
        touches = named
    _write(job, found, touches, console)


def _tracked(job: TouchJob, tools: Sequence[Tool], console: Console) -> list[TrackedFrame]:
    """Return the frames of the recording."""
    if job.pose_input is not None:
        return list(job.pose_input.recording())
    assert job.images is not None
    _named(tools, job.reference)
    rig = _rig(job)
    announce_compiling(console)
    images = open_source(job.images, rig, job.fps)
    source = CameraPoses(images, Tracker(rig, list(tools)))
    frames = []
    try:
        with progress_bar(console) as bar:
            task = bar.add_task("tracking", total=len(images) or None, note="")
            for frame in source:
                frames.append(frame.without_images())
                bar.update(task, advance=1)
    finally:
        source.close()
    for notice in images.warnings:
        console.print(f"warning: {sentence(notice)}", markup=False, soft_wrap=True)
    return frames


def _write(job: TouchJob, found: FoundTouches, touches: TouchSet, console: Console) -> None:
    given = (job.rig, job.case, job.poses, *job.tools)
    inputs = [path for path in given if path is not None and path.is_file()]
    write_touches(job.output, found, touches, inputs)
    what = f": {', '.join(touches.labels)}" if touches.labels else ", without labels"
    console.print(f"{len(touches)} touches{what}", markup=False, soft_wrap=True)
    console.print(f"{job.output} ({nav.NOTICE.lower()})", markup=False)
