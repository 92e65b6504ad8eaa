"""`nav accuracy guide`: touches taken live, one divot after the other, into a poses.csv."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from nav.camera.live_source import LiveSource
from nav.camera.rig import load_rig
from nav.camera.webcam_numbers import parse_webcams
from nav.core.errors import IncompleteInput, InputError
from nav.core.outputs import written_together
from nav.core.tracked_frame import TrackedFrame
from nav.link.pose_input import PoseInput
from nav.live.playback import PacedSource
from nav.record.pose_table import open_pose_table, sidecar_path, write_sidecar
from nav.registration.guided_touches import GuidedTouches, GuideState
from nav.registration.pointfile import load_points
from nav.text.catalogue import ENGLISH
from nav.tracking.camera_poses import CameraPoses
from nav.tracking.pose_source import PoseSource, StatedErrors
from nav.tracking.tool import Tool, load_tool
from nav.tracking.tracker import Tracker

TOLD = ("taken", "refused")


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
        Where the operator is told what to do.

    Raises
    ------
    InputError
        A wrong file or option.
    IncompleteInput
        The source ended before all divots were touched; nothing is written.
    """
    printed = job.poses is None
    needle, reference = (load_tool(path, printed) for path in (job.needle, job.reference))
    divots = load_points(job.block)
    order = job.divots or tuple(divots)
    guided = GuidedTouches(needle, reference.name, divots, order)
    source = _source(job, (needle, reference))
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
    console.print(f"wrote {job.output}: {len(guided.touches)} touches", markup=False)


def _source(job: GuideJob, tools: Sequence[Tool]) -> PoseSource:
    if (job.poses is None) == (job.rig is None):
        raise InputError("nav accuracy guide: give either --poses or --rig with --camera")
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


def _lead(
    guided: GuidedTouches, count: int, source: Iterable[TrackedFrame], console: Console
) -> None:
    """Tell what changes, until all is done or the source ends."""
    asked: tuple[str, int] | None = None
    with console.status("") as status:
        for frame in source:
            state = guided.add(frame.without_images())
            if state.word in TOLD:
                _tell(console, state, count)
            elif (state.label, state.taken) != asked:
                asked = state.label, state.taken
                _say(console, f"touch {state.label} ({state.taken + 1} of {count})")
            status.update(f"{state.label}: {state.word} {_reason(state)}")
            if guided.done:
                return


def _tell(console: Console, state: GuideState, count: int) -> None:
    _say(console, f"{state.label}: {state.word}: {_reason(state)} ({state.taken} of {count})")


def _reason(state: GuideState) -> str:
    return "" if state.reason is None else ENGLISH.sentence(state.reason)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)
