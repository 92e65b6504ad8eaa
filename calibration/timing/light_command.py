"""`nav calibrate delay --led`: delays and readouts from a blinking light, into rig.toml."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

import nav
from calibration.timing.light_plot import draw_light
from calibration.timing.light_signals import LightCollector
from calibration.timing.light_verdict import LightTiming, judge_light
from calibration.timing.timing_command import estimate_text, print_warnings, timed_camera
from calibration.timing.timing_verdict import is_determined
from nav.camera.live_source import LiveSource
from nav.camera.rig import Rig, load_rig, write_rig
from nav.camera.source import open_source
from nav.camera.webcam import OpenCapture
from nav.camera.webcam_numbers import parse_webcams
from nav.core.errors import InputError
from nav.core.frameset import FrameSet
from nav.progress_bar import progress_bar

PICTURE = ".delay.png"  # ending of the plot's name, beside rig.toml


@dataclass(frozen=True)
class LightJob:
    """Options of `nav calibrate delay --led`; cameras as NAME=NUMBER.

    One of `images` and `cameras` is given.
    """

    rig: Path
    output: Path
    images: Path | None = None
    cameras: tuple[str, ...] = ()
    seconds: float = 20.0
    fps: float | None = None


def calibrate_by_light(job: LightJob, console: Console, capture: OpenCapture | None = None) -> None:
    """Estimate the cameras' delays and readouts from a blinking light; write rig.toml and a plot.

    Parameters
    ----------
    job : LightJob
        Files and options.
    console : Console
        Where progress and result are printed.
    capture : callable, optional
        Opens a webcam; for tests.

    Raises
    ------
    InputError
        A file or image is missing or wrong, a camera sees no light blink, or nothing at all is
        determined. Nothing is written then.
    """
    rig = load_rig(job.rig)
    for warning in rig.warnings:
        console.print(f"warning: {warning}", markup=False, soft_wrap=True)
    if job.images is not None:
        where, source = str(job.images), open_source(job.images, rig, job.fps)
        try:
            found = light_timing(source, len(source), rig, where, console)
        finally:
            print_warnings(source.warnings, source.cut_off, console)
            source.close()
    else:
        where, devices = "webcams", parse_webcams(job.cameras, rig.names)
        with console.status("starting the cameras"):
            live = LiveSource(rig, devices, capture=capture)
        try:
            found = light_timing(_for_seconds(live, job.seconds), 0, rig, where, console)
        finally:
            print_warnings(live.warnings, (), console)
            live.close()
    for line in light_lines(found):
        console.print(line, markup=False, soft_wrap=True)
    timed = timed_rig(rig, found, where if job.images is None else job.images.name)
    plot = job.output.with_name(f"{job.output.stem}{PICTURE}")
    if not any(is_determined(each.delay, each.readout) for each in found):
        raise InputError(f"{where}: no delay and no readout is determined; nothing is written")
    draw_light(plot, found)
    write_rig(job.output, timed, [job.rig])
    console.print(f"{job.output} ({nav.NOTICE.lower()})", markup=False)
    console.print(f"{plot}: check that each camera saw the light, and nothing else", markup=False)


def _for_seconds(source: LiveSource, seconds: float) -> Iterable[FrameSet]:
    end = time.monotonic() + seconds
    for frames in source:
        yield frames
        if time.monotonic() > end:
            return


def light_timing(
    frame_sets: Iterable[FrameSet], total: int, rig: Rig, where: str, console: Console
) -> list[LightTiming]:
    """Estimate the cameras' delays and readouts from images of a blinking light.

    Parameters
    ----------
    frame_sets : iterable of FrameSet
        With each camera's own times.
    total : int
        How many there are; 0 if not known.
    rig : Rig
        The cameras; readouts that it has are used where the light does not tell.
    where : str
        Where the images are from, for messages.
    console : Console
        Where progress is shown.

    Returns
    -------
    list of LightTiming
        One per camera.

    Raises
    ------
    InputError
        An image is missing or wrong, or a camera sees no light blink.
    """
    collectors = {camera.name: LightCollector(camera) for camera in rig.cameras}
    with progress_bar(console) as bar:
        task = bar.add_task("looking for the light", total=total or None, note="")
        for frames in frame_sets:
            for name, frame in frames.frames.items():
                collectors[name].add(frame)
            bar.update(task, advance=1)
    signals = [collectors[name].signals(where) for name in rig.names]
    with console.status("comparing the cameras"):
        return judge_light(rig.cameras, signals)


def timed_rig(rig: Rig, found: Sequence[LightTiming], recording: str) -> Rig:
    """Return a rig with what was determined.

    Parameters
    ----------
    rig : Rig
        Whose cameras they are.
    found : sequence of LightTiming
        One per camera.
    recording : str
        Name of the images, for the file.

    Returns
    -------
    Rig
        It keeps what was not determined.
    """
    cameras, first = [], rig.cameras[0].delay
    for camera, each in zip(rig.cameras, found, strict=True):
        origin = {
            "recording": recording,
            "light": "blinking",
            "images": len(each.signals.times),
            "changes": each.changes,
        }
        cameras.append(timed_camera(camera, each.delay, each.readout, origin, first))
    return replace(rig, cameras=tuple(cameras))


def light_lines(found: Sequence[LightTiming]) -> list[str]:
    """Return what was found, a line for each camera and one for each remark.

    Parameters
    ----------
    found : sequence of LightTiming
        One per camera.

    Returns
    -------
    list of str
    """
    lines = []
    for each in found:
        lines.append(
            f"{each.signals.camera}: {estimate_text('delay', each.delay)}; "
            f"{estimate_text('readout', each.readout)}; {each.changes} changes of the light in "
            f"{len(each.signals.times)} images"
        )
        if each.signals.saturated:
            lines.append(
                f"{each.signals.camera}: the light is overexposed everywhere; shorter exposure or "
                "paper before it would tell more"
            )
        lines += [f"{each.signals.camera}: {remark}" for remark in each.remarks]
    jitter = found[0].jitter
    if not np.isfinite(jitter):
        return lines
    return [*lines, f"the images' times jitter by {1e3 * jitter:.1f} ms (sd)"]
