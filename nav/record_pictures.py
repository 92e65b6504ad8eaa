"""`nav record`: images of webcams into a folder, with a window or a line in the terminal."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from nav.camera.live_source import LiveSource
from nav.camera.measure import LARGEST
from nav.camera.rig import load_rig
from nav.camera.uncalibrated import UncalibratedCameras
from nav.camera.webcam import OpenCapture
from nav.camera.webcam_numbers import parse_webcams
from nav.core.errors import IncompleteInput, InputError
from nav.core.files import provenance
from nav.core.notice import Notice
from nav.display import can_show
from nav.record.picture_recording.picture_checks import PictureChecker, marker_detectors
from nav.record.picture_recording.picture_writer import (
    LOSSLESS,
    PictureCoding,
    PictureWriter,
    check_folder_name,
    new_recording_folder,
)
from nav.record.picture_recording.recording_run import RecordingRun
from nav.record.picture_recording.source_recorder import (
    PictureRecorder,
    RecorderStatus,
    RecordOptions,
    recorded,
)
from nav.text.catalogue import ENGLISH, sentence

GIVE_UP = 3.0  # s without an image of a camera after which recording without a window ends
SHOWN_EVERY = 0.2  # s
MOST_SIDE = 20_000  # px


@dataclass(frozen=True)
class RecordJob:
    """Options of `nav record`.

    Parameters
    ----------
    cameras : tuple of str
        NAME=NUMBER.
    output : Path
        New folder.
    options : RecordOptions
        What is recorded.
    coding : PictureCoding
        Of the files.
    rig : Path, optional
        rig.toml, whose names and sizes the images must have.
    dictionaries : tuple of str
        Of the markers that are counted.
    size : tuple of 2 ints, optional
        To ask the cameras for, px, without a rig; the largest they have by default.
    window : bool
        Show the window; else a line in the terminal.
    """

    cameras: tuple[str, ...]
    output: Path
    options: RecordOptions = field(default_factory=RecordOptions)
    coding: PictureCoding = LOSSLESS
    rig: Path | None = None
    dictionaries: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    window: bool = True


def record_pictures(
    job: RecordJob,
    console: Console,
    capture: OpenCapture | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Record until it is stopped, or what was asked for is there.

    Parameters
    ----------
    job : RecordJob
        Cameras, folder, options.
    console : Console
        Where progress and result are printed.
    capture : callable, optional
        Opens a webcam; for tests.
    clock : callable, optional
        Monotonic clock, s.

    Raises
    ------
    InputError
        A wrong option or camera, a folder that is not empty, no display.
    IncompleteInput
        Recording ended early, or a camera gave no images for some time. What was recorded is whole.
    """
    rig = None if job.rig is None else load_rig(job.rig)
    devices = parse_webcams(job.cameras, None if rig is None else rig.names)
    if not devices:
        raise InputError("--camera NAME=NUMBER: give at least one; nav doctor lists the numbers")
    for name in devices:
        check_folder_name(name)
    if job.size is not None and not all(0 < side <= MOST_SIDE for side in job.size):
        width, height = job.size
        raise InputError(f"--size: expected 1 to {MOST_SIDE} px each, got {width} {height}")
    detectors = marker_detectors(job.dictionaries)
    new_recording_folder(job.output)
    if job.window and not can_show():
        raise InputError("no display here for the window; record without it: --no-window")
    with console.status("starting the cameras"):
        source: LiveSource | UncalibratedCameras
        if rig is not None:
            source = LiveSource(rig, devices, capture=capture)
            sizes = {camera.name: camera.size for camera in rig.cameras}
        else:
            source = UncalibratedCameras(devices, job.size or LARGEST, capture=capture)
            sizes = dict(source.sizes)
            if source.absent and not job.window:  # in the window it may still be plugged in
                source.close()
                raise InputError(ENGLISH.sentence(next(iter(source.absent.values()))))
    try:
        writer = PictureWriter(job.output, tuple(devices), job.coding)
    except InputError:
        source.close()
        raise
    about = _about(job, devices, sizes, source.jpeg_cameras)
    recorder = PictureRecorder(writer, job.options, about, clock)
    run = RecordingRun(source, recorder, PictureChecker(detectors), clock)
    try:
        with suppress(KeyboardInterrupt):  # the usual way to stop
            if job.window:
                from nav.view.record_window import show_record_window

                show_record_window(run)
            else:
                _record_in_terminal(run, console)
    finally:
        run.close()
        _report(run, console)
    _refuse_incomplete(run)


def _about(
    job: RecordJob,
    devices: Mapping[str, int],
    sizes: Mapping[str, tuple[int, int]],
    jpeg_cameras: Sequence[str],
) -> dict[str, Any]:
    cameras = [
        {
            "name": name,
            "number": number,
            "size": list(sizes[name]) if name in sizes else None,
            "own_jpeg": name in jpeg_cameras,
        }
        for name, number in devices.items()
    ]
    about: dict[str, Any] = {"coding": job.coding.suffix.removeprefix("."), "camera": cameras}
    return about | (provenance([job.rig]) if job.rig is not None else {})


def _record_in_terminal(run: RecordingRun, console: Console) -> None:
    """Record, with a line of progress, until it ends or a camera is gone for long."""
    reported: set[Notice] = set()
    run.recorder.start()
    with console.status("") as line:
        while True:
            status = run.recorder.status
            for notice in run.source.warnings:
                if notice.subject not in reported:
                    reported.add(notice.subject)
                    console.print(f"warning: {sentence(notice)}", markup=False, soft_wrap=True)
            line.update(escape(progress_line(run, status)))
            if status.state == "ended" or run.problem is not None:
                return
            if any(seconds > GIVE_UP for seconds in run.away().values()):
                return
            time.sleep(SHOWN_EVERY)


def progress_line(run: RecordingRun, status: RecorderStatus) -> str:
    """Return what is going on, in a line.

    Parameters
    ----------
    run : RecordingRun
        The recording.
    status : RecorderStatus
        Of its recorder.

    Returns
    -------
    str
        In the chosen language.
    """
    if status.state == "countdown":
        return sentence(Notice("record_starts_in", {"seconds": math.ceil(status.left)}))
    parts = [sentence(recorded(status))]
    for name in run.names:
        check, rate = run.checks.get(name), status.rates.get(name, 0.0)
        facts: dict[str, Any] = {"camera": name, "rate": rate}
        if check is None:
            parts.append(sentence(Notice("record_camera_rate", facts)))
            continue
        facts |= {"markers": len(check.markers), "over": 100.0 * check.over}
        facts |= {"blur": "-" if check.blur is None else f"{check.blur:.1f}"}
        parts.append(sentence(Notice("record_camera_line", facts)))
    minutes = run.free_minutes(status)
    if minutes is not None:
        parts.append(sentence(Notice("disk_minutes", {"minutes": minutes})))
    return "; ".join(parts)


def _report(run: RecordingRun, console: Console) -> None:
    status, writer = run.recorder.status, run.recorder.writer
    written = status.written
    if not written.instants:
        console.print("nothing was recorded")
        return
    each = ", ".join(f"{name} {count}" for name, count in written.pictures.items())
    console.print(
        f"{written.instants} instants in {status.seconds:.1f} s; images: {each}; "
        f"{written.size / 1e6:.1f} MB",
        markup=False,
    )
    if written.dropped:
        console.print(
            f"warning: {written.dropped} instants were dropped: this computer or its disk was too "
            "slow; record smaller or fewer images, or use --jpeg",
            soft_wrap=True,
        )
    for name, count in status.missed.items():
        if count:
            console.print(
                f"warning: camera {name}: {count} fewer images than at its usual rate",
                markup=False,
            )
    console.print(f"{writer.folder}", markup=False)


def _refuse_incomplete(run: RecordingRun) -> None:
    """Raise what ended the recording early, or a camera's gap; what was recorded stays."""
    status = run.recorder.status
    problem = status.problem or run.problem
    kept = f"what was recorded until then is in {run.recorder.writer.folder}"
    if not status.written.instants:
        kept = "nothing was recorded"
    if problem is not None:
        raise IncompleteInput(f"{ENGLISH.sentence(problem)}; {kept}")
    for name, gap in run.gaps.items():
        raise IncompleteInput(
            f"camera {name} gave no image for {gap.seconds:.1f} s from {gap.since:.1f} s of the "
            f"recording on ({ENGLISH.sentence(gap.reason)}); {kept}"
        )
