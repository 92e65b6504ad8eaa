"""`nav calibrate delay`: each camera's delay and readout from a recording, into rig.toml."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import nav
from calibration.timing.timing_fit import TimingFit, fit_timing
from calibration.timing.timing_verdict import CameraTiming, Estimate, is_determined, judge_timing
from calibration.timing.timing_views import timing_views
from nav.camera.rig import Camera, Rig, load_rig, write_rig
from nav.camera.source import open_source
from nav.core.errors import InputError
from nav.core.frameset import FrameSet
from nav.core.notice import Notice
from nav.text.catalogue import sentence
from nav.track import announce_compiling
from nav.tracking.tool import Tool, load_tool


@dataclass(frozen=True)
class RigTiming:
    """Delays and readouts of a rig's cameras.

    Attributes
    ----------
    rig : Rig
        With what was determined.
    cameras : tuple of CameraTiming
        What was found of each.
    fit : TimingFit
        The estimate.
    """

    rig: Rig
    cameras: tuple[CameraTiming, ...]
    fit: TimingFit


def calibrate_delay(
    rig: Path,
    tools: Sequence[Path],
    images: Path,
    output: Path,
    console: Console,
    fps: float | None = None,
) -> None:
    """Estimate the cameras' delays and readouts and write them to rig.toml.

    Parameters
    ----------
    rig : Path
        rig.toml: the calibrated cameras.
    tools : sequence of Path
        Tool files of what moved.
    images : Path
        The recording, as `nav track` takes it.
    output : Path
        rig.toml to write; an old one is kept under a number.
    console : Console
        Where progress and result are printed.
    fps : float, optional
        Images per second where they have no times of their own.

    Raises
    ------
    InputError
        A file or image is missing or wrong, no tool is seen, or nothing at all is determined.
        Nothing is written then.
    """
    cameras, bodies = load_rig(rig), [load_tool(path) for path in tools]
    for warning in (*cameras.warnings, *(w for body in bodies for w in body.warnings)):
        console.print(f"warning: {warning}", markup=False, soft_wrap=True)
    announce_compiling(console)
    found = measured_timing(images, cameras, bodies, console, fps)
    for line in timing_lines(found):
        console.print(line, markup=False, soft_wrap=True)
    if not any(is_determined(each.delay, each.readout) for each in found.cameras):
        raise InputError(f"{images}: no delay and no readout is determined; nothing is written")
    write_rig(output, found.rig, [rig, *tools])
    console.print(f"{output} ({nav.NOTICE.lower()})", markup=False)


def measured_timing(
    images: Path, rig: Rig, tools: Sequence[Tool], console: Console, fps: float | None = None
) -> RigTiming:
    """Estimate the cameras' delays and readouts from a recording of moving tools.

    Parameters
    ----------
    images : Path
        The recording.
    rig : Rig
        The calibrated cameras; delays and readouts that it has are not used.
    tools : sequence of Tool
        What moved. One that rests does no harm.
    console : Console
        Where progress is shown.
    fps : float, optional
        Images per second where they have no times of their own.

    Returns
    -------
    RigTiming
        The rig keeps what the recording does not determine.

    Raises
    ------
    InputError
        An image is missing or wrong, or no tool is seen, or a camera sees none.
    """
    source = open_source(images, rig, fps)
    try:
        return timing_of_frames(source, len(source), rig, tools, console, images)
    finally:
        print_warnings(source.warnings, source.cut_off, console)
        source.close()


def print_warnings(notices: Sequence[Notice], cut_off: Sequence[str], console: Console) -> None:
    """Print what was unusual about images: it may be why times are wrong.

    Parameters
    ----------
    notices : sequence of Notice
        Of their source.
    cut_off : sequence of str
        Recordings that ended before their own end.
    console : Console
        Where it is printed.
    """
    for text in (*map(sentence, notices), *cut_off):
        console.print(f"warning: {text}", markup=False, soft_wrap=True)


def timing_of_frames(
    frame_sets: Iterable[FrameSet],
    total: int,
    rig: Rig,
    tools: Sequence[Tool],
    console: Console,
    images: Path,
) -> RigTiming:
    """Estimate the cameras' delays and readouts from frame sets.

    Parameters
    ----------
    frame_sets : iterable of FrameSet
        With each camera's own times.
    total : int
        How many there are; 0 if not known.
    rig, tools, console
        As of `measured_timing`.
    images : Path
        Where they come from, for messages and the file.

    Returns
    -------
    RigTiming
        As of `measured_timing`.

    Raises
    ------
    InputError
        As of `measured_timing`.
    """
    views, times = timing_views(frame_sets, total, rig, tools, console)
    for index, name in enumerate(rig.names):
        if not any((tool.camera == index).any() for tool in views):
            tool = ", ".join(tool.name for tool in tools)
            raise InputError(f"{images}: {name} sees none of {tool}; is it these tools' file?")
    steps = np.concatenate([np.diff(sorted(own)) for own in times.values()])
    if not len(steps):
        raise InputError(f"{images}: one image only; expected a recording of a moving tool")
    try:
        fit = fit_timing(rig.cameras, views, float(np.median(steps)))
    except np.linalg.LinAlgError:
        raise InputError(
            f"{images}: the recording is too short to tell times; record 20 s or more"
        ) from None
    found = judge_timing(rig.cameras, views, fit, times)
    timed = [
        _timed(camera, each, images.name, rig.cameras[0].delay)
        for camera, each in zip(rig.cameras, found, strict=True)
    ]
    return RigTiming(replace(rig, cameras=tuple(timed)), tuple(found), fit)


def _timed(camera: Camera, found: CameraTiming, recording: str, first: float) -> Camera:
    """Return a camera with what was determined of its times."""
    origin = {"recording": recording, "images": found.images, "speed": round(found.speed, 1)}
    return timed_camera(camera, found.delay, found.readout, origin, first)


def timed_camera(
    camera: Camera,
    delay: Estimate | None,
    readout: Estimate,
    origin: Mapping[str, Any],
    first: float = 0.0,
) -> Camera:
    """Return a camera with what was determined of its times.

    Parameters
    ----------
    camera : Camera
        With what it keeps if nothing was.
    delay : Estimate or None
        None for the camera that others are compared with.
    readout : Estimate
        Of its rows.
    origin : mapping
        From what they were determined, for the file.
    first : float
        Delay that the rig has for the camera that others are compared with, s: it keeps that.

    Returns
    -------
    Camera
    """
    changes: dict[str, Any] = {}
    if delay is not None and not delay.problem:
        changes |= {"delay": first + delay.value, "delay_sd": delay.sd}
    if not readout.problem:
        changes |= {"readout": readout.value, "readout_sd": readout.sd}
    if not changes:
        return camera
    timing, before = dict(origin), camera.timing or {}
    for name, estimate in (("readout", readout), ("delay", delay)):
        if estimate is not None:  # what is kept keeps its verdict
            kept = before.get(name, estimate.verdict)
            timing[name] = kept if estimate.problem else estimate.verdict
    return replace(camera, **changes, timing=timing)


def timing_lines(found: RigTiming) -> list[str]:
    """Return what was found, a line for each camera.

    Parameters
    ----------
    found : RigTiming
        The result.

    Returns
    -------
    list of str
    """
    lines = [
        f"{each.name}: {estimate_text('delay', each.delay)}; "
        f"{estimate_text('readout', each.readout)}; "
        f"{each.images} images, tool at {each.speed:.0f} mm/s rms"
        for each in found.cameras
    ]
    return [*lines, f"corners are {found.fit.rms_px:.3f} px off the motion (rms per axis)"]


def estimate_text(name: str, estimate: Estimate | None) -> str:
    """Return an estimate in words.

    Parameters
    ----------
    name : str
        What it is of.
    estimate : Estimate or None
        None for the delay of the camera that others are compared with.

    Returns
    -------
    str
    """
    if estimate is None:
        return f"{name} 0, the others are compared with it"
    if estimate.problem:
        return f"{name} not determined: {estimate.problem}"
    value, sd = 1e3 * estimate.value, 1e3 * estimate.sd
    return f"{name} {value:.2f} ms, sd {sd:.2f} ms ({estimate.verdict})"
