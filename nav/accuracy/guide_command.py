"""`nav accuracy guide`: touches taken live, one divot after the other, into a poses.csv."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from nav.accuracy.block_location import LEAST_TOUCHES
from nav.camera.live_source import LiveSource
from nav.camera.rig import load_rig
from nav.camera.webcam_numbers import parse_webcams
from nav.core.errors import IncompleteInput, InputError
from nav.core.frames import Array
from nav.core.notice import Notice
from nav.core.outputs import written_together
from nav.core.tracked_frame import TrackedFrame
from nav.display import can_show
from nav.link.pose_input import PoseInput
from nav.live.playback import PacedSource
from nav.live.pose_run import PoseRun
from nav.record.pose_table import open_pose_table, sidecar_path, write_sidecar
from nav.registration.guided_touches import GuidedTouches, GuideState
from nav.registration.pointfile import load_points
from nav.registration.points import DegenerateLayout, register_points
from nav.text.catalogue import ENGLISH, sentence
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.pose_source import PoseSource, StatedErrors
from nav.tracking.tool import Tool, check_tools, load_tool
from nav.tracking.tracker import Tracker

TOLD = ("taken", "refused")
LEAST_SIZE = 8.0  # mm, of a block: a larger one in inches or metres looks smaller


@dataclass(frozen=True)
class GuideJob:
    """Options of `nav accuracy guide`; cameras as NAME=NUMBER, names as TOOL=NAME."""

    needle: Path
    reference: Path
    block: Path
    divots: tuple[str, ...]
    output: Path
    poses: Path | None = None
    rig: Path | None = None
    cameras: tuple[str, ...] = ()
    paced: bool = True
    stated: StatedErrors | None = None
    names: tuple[str, ...] = ()
    window: bool = True

    @property
    def in_window(self) -> bool:
        """Whether a window leads; not where a recording is read as fast as possible."""
        return self.window and (self.poses is None or self.paced)

    def pose_input(self, tools: Sequence[Tool]) -> PoseInput | None:
        """Return where poses come from, if not from cameras."""
        if self.poses is None:
            return None
        return PoseInput(self.poses, tuple(tool.name for tool in tools), self.stated, self.names)


def guide(job: GuideJob, console: Console) -> None:
    """Lead through all touches and write their poses for `nav accuracy measure`.

    Parameters
    ----------
    job : GuideJob
        Files and options.
    console : rich.console.Console
        Where instructions to the operator are printed.

    Raises
    ------
    InputError
        A wrong file or option.
    IncompleteInput
        The source ended before all divots were touched; nothing is written.
    """
    _check_options(job)
    printed = job.poses is None
    needle, reference = (load_tool(path, printed) for path in (job.needle, job.reference))
    check_tools([needle, reference])
    divots = load_points(job.block)
    _check_size(job.block, divots)
    order = job.divots or tuple(divots)
    guided = GuidedTouches(needle, reference.name, divots, order)
    if job.in_window and not can_show():
        raise InputError("no display for the window; --no-window guides in the terminal")
    source = _source(job, (needle, reference))
    if job.in_window:
        cameras = () if job.rig is None else load_rig(job.rig).names
        ended = _in_window(guided, source, tuple(cameras), (needle.name, reference.name))
        if not guided.done:
            raise IncompleteInput(
                f"{ended} with {len(guided.touches)} of {len(order)} divots touched; nothing was "
                "written"
            )
    else:
        try:
            _lead(guided, len(order), source, console)
        finally:
            source.close()
        if not guided.done:
            raise IncompleteInput(
                f"{len(guided.touches)} of {len(order)} divots were touched, "
                f"{order[len(guided.touches)]} would be next; nothing was written"
            )
    given = job.pose_input((needle, reference))
    used = job.rig if given is None else given.file
    with written_together(job.output, sidecar_path(job.output)) as (table, beside):
        writer = open_pose_table(table, (needle, reference), reference.name)
        for frame in guided.kept:
            writer.write(frame)
        writer.close()
        made: dict[str, Any] = {"frames": len(guided.kept), "touched": list(order)}
        if given is not None and given.tracker is not None:
            made["tracker"] = f"igtl://{given.tracker}"
        inputs = (job.needle, job.reference, job.block, *filter(None, (used,)))
        write_sidecar(job.output, inputs, reference.name, made, beside)
    touches = "1 touch" if len(guided.touches) == 1 else f"{len(guided.touches)} touches"
    console.print(f"wrote {job.output}: {touches}", markup=False)


def _check_options(job: GuideJob) -> None:
    if (job.poses is None) == (job.rig is None):
        raise InputError("nav accuracy guide: give either --poses or --rig with --camera")
    if job.poses is not None and job.cameras:
        raise InputError("nav accuracy guide: --camera does not apply with --poses")
    if job.poses is None and not job.paced:
        raise InputError("nav accuracy guide: --fast applies only with --poses")


def _check_size(block: Path, divots: Mapping[str, Array]) -> None:
    if len(divots) < 2:
        return
    size = float(np.ptp(np.array(list(divots.values())), axis=0).max())
    if size < LEAST_SIZE:
        raise InputError(
            f"{block}: its divots lie within {size:.3g} mm; are they in metres or inches? Write "
            "millimetres"
        )


def _source(job: GuideJob, tools: Sequence[Tool]) -> PoseSource:
    given = job.pose_input(tools)
    if given is not None:
        if given.tracker is not None:
            return given.connection()
        recorded = given.recording()
        return PacedSource(recorded) if job.paced else recorded
    assert job.rig is not None
    rig = load_rig(job.rig)
    images = LiveSource(rig, parse_webcams(job.cameras, rig.names))
    return CameraPoses(images, Tracker(rig, list(tools)))


def _in_window(
    guided: GuidedTouches, source: PoseSource, cameras: tuple[str, ...], tools: tuple[str, ...]
) -> str:
    """Lead in a window until it is closed; return what ended it."""
    from nav.view.guide_window import GuideWindow
    from nav.view.live_app import application
    from nav.view.touch_window import show_touch_window

    run = PoseRun(source, lambda frame: guided.add(frame.without_images()))
    try:
        application()
        window = GuideWindow(run, guided, cameras, tools, fit_text)
        show_touch_window(window)
    finally:
        run.close()
    return "the window was closed" if run.problem is None else f"{sentence(run.problem)}:"


def fit_text(guided: GuidedTouches) -> str:
    """Return how well the touches so far fit the block, or how far those of one divot scatter.

    Parameters
    ----------
    guided : GuidedTouches
        With the touches.

    Returns
    -------
    str
        Empty where they are too few to tell.
    """
    labels = guided.labels
    touched = np.array([touch.position for touch in guided.touches]).reshape(-1, 3)
    if len(set(labels)) == 1 and len(labels) > 1:
        rms = float(np.sqrt(((touched - touched.mean(axis=0)) ** 2).sum(axis=1).mean()))
        return sentence(Notice("block_scatter", {"rms_mm": rms}))
    if len(set(labels)) < LEAST_TOUCHES:
        return ""
    nominal = np.array([guided.divots[label] for label in labels])
    try:
        found = register_points(nominal, touched)
    except DegenerateLayout:
        return ""
    return sentence(Notice("block_fits", {"fre_mm": found.fre}))


def _lead(
    guided: GuidedTouches, count: int, source: Iterable[TrackedFrame], console: Console
) -> None:
    """Tell what changes, until all is done or the source ends."""
    asked: tuple[str, int] | None = None
    with console.status("") as status:
        for frame in source:
            state = guided.add(frame.without_images())
            if state.word in TOLD:
                _print_state(console, state, count)
            elif (state.label, state.taken) != asked:
                asked = state.label, state.taken
                _say(console, f"touch {state.label} ({state.taken + 1} of {count})")
            status.update(f"{state.label}: {state.word} {_reason(state)}")
            if guided.done:
                return


def _print_state(console: Console, state: GuideState, count: int) -> None:
    _say(console, f"{state.label}: {state.word}: {_reason(state)} ({state.taken} of {count})")


def _reason(state: GuideState) -> str:
    return "" if state.reason is None else ENGLISH.sentence(state.reason)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)
