"""`nav demo`: prepare, run with or without the window, report."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

import nav
from nav.core.errors import InputError
from nav.core.memory import give_memory_back
from nav.core.tracked_frame import TrackedFrame
from nav.display import forget_unreachable_display
from nav.live.feed import ProcessFeed
from nav.live.messages import Command
from nav.live.session import State
from nav.live.worker import run as run_work
from nav.model.case import Case, load_case, navigable
from nav.progress_bar import progress_bar
from nav.text.catalogue import ENGLISH
from nav.track import announce_compiling
from nav.tracking.tool import Tool, load_tool
from phantoms.demo.demo_files import write_demo_files, write_rig_and_tools
from phantoms.demo.report import (
    draw_distances,
    summarise,
    write_summary,
    write_tables,
)
from phantoms.demo.twin import TITLE
from phantoms.demo.work import HAND_SD, OPTICS, DemoJob, DemoResult, true_job
from phantoms.kit.export_folder import replaced_folder
from phantoms.twin.default_rig import SIZE, SMALL_SIZE, default_rig

if TYPE_CHECKING:
    from phantoms.demo.ct_demo import ScannedNeck

EXPECTED_FRAMES = 600  # only for the bar
NEEDLE = "17G Tuohy"


def run_demo(
    out: Path,
    *,
    seed: int,
    headless: bool,
    stay: bool,
    console: Console,
    calibrated: bool = False,
    large: bool = False,
    ct: bool = False,
) -> None:
    """Run the whole demonstration; the folder with the results appears as a whole.

    Parameters
    ----------
    out : Path
        Folder for the results.
    seed : int
        Of poses, hand and noise.
    headless : bool
        Run without the window.
    stay : bool
        Keep the window open at the end.
    console : Console
        Where progress and results are printed.
    calibrated : bool, optional
        Rig, tools and tip come from calibration, not from the truth.
    large : bool, optional
        Images of 1920 x 1200, not of 1280 x 800.
    ct : bool, optional
        The case is reconstructed and planned from a simulated CT of a random neck.

    Raises
    ------
    InputError
        The folder contains anything but an earlier demonstration or cannot be written, or the seed
        is below 0.
    """
    with replaced_folder(out) as folder:
        _run_in(folder, out, seed, headless, stay, console, calibrated, large, ct)


def _run_in(
    folder: Path, out: Path, seed: int, headless: bool, stay: bool, console: Console,
    calibrated: bool, large: bool, ct: bool,
) -> None:  # fmt: skip
    """Write everything into `folder`; `out` is what it will be called."""
    from nav.view.live_app import has_display

    unreachable = forget_unreachable_display()
    if unreachable and not headless:
        console.print(f"no window: {unreachable}")
    windowed = not headless and has_display()
    began = time.perf_counter()
    neck = None
    if ct:
        from phantoms.demo.ct_demo import prepared_neck

        neck = prepared_neck(folder, seed, console)
    job, case, tools = prepare(folder, seed, console, calibrated, large, neck)
    needle = tools[0]
    result = _with_window(job, case, needle, stay) if windowed else _headless(job, console)
    give_memory_back()  # the room's, before the report's libraries are loaded
    settings = {
        "seed": seed,
        "cameras": [[*camera.size] for camera in job.rig.cameras],
        "blur_sd_px": OPTICS.blur,
        "noise_sd_grey": OPTICS.noise,
        "exposure_ms": 1000 * OPTICS.exposure,
        "hand_error_sd_mm": HAND_SD,
        "needle": NEEDLE,
        "calibrated": calibrated,
        "window": windowed,
        "ct": ct,
    }
    with console.status("writing the results"):
        write_tables(folder, result, tools)
        true = {s.name: s.surface for s in case.structures} if neck is None else neck.surfaces()
        summary = summarise(result, case, tools, settings, true)
        draw_distances(folder / "distances.png", result, case)
        _write_live_picture(folder / "live.png", case, needle, result)
        write_summary(folder / "summary.json", summary)
    console.print(_table(summary))
    made = "summary.json, poses.csv, truth.csv, case/, live.png, distances.png"
    console.print(f"{out}: {made}{'' if neck is None else ', scan.nii.gz, reconstruction/'}")
    console.print(f"{time.perf_counter() - began:.0f} s in all. {nav.NOTICE}.")


def prepare(
    out: Path,
    seed: int,
    console: Console,
    calibrated: bool = False,
    large: bool = False,
    neck: "ScannedNeck | None" = None,
) -> tuple[DemoJob, Case, tuple[Tool, Tool]]:
    """Write the files for the pipeline, and load them.

    Parameters
    ----------
    out : Path
        Folder to write to.
    seed : int
        Of poses, hand and noise.
    console : Console
        Where progress is shown.
    calibrated : bool, optional
        Rig, tools and tip come from calibration, not from the truth.
    large : bool, optional
        Images of 1920 x 1200, not of 1280 x 800.
    neck : ScannedNeck, optional
        Whose case is in `out` already; else the standard phantom's is written.

    Returns
    -------
    job : DemoJob
        What is simulated.
    case : Case
        The case.
    tools : tuple of 2 Tool
        Needle and reference body by their files.

    Raises
    ------
    InputError
        The folder cannot be written, or the seed is below 0.
    """
    if seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {seed}")
    with console.status("making the anatomy and its files"):
        size = SIZE if large else SMALL_SIZE
        if neck is None:
            job = demo_job(out, seed, calibrated, size)
        else:
            job = scanned_job(out, seed, neck, calibrated, size)
        case = load_case(out / "case" / "case.toml")
        navigable(case, out / "case" / "case.toml")
    if calibrated:
        from phantoms.demo.calibrated import calibrate_everything, true_tools

        job = replace(job, tools=true_tools(seed))
        calibrate_everything(out, job.rig, job.tools, OPTICS, seed, console)
    needle, reference = (load_tool(out / f"{name}.toml") for name in ("needle", "reference"))
    return job, case, (needle, reference)


def demo_job(
    out: Path, seed: int, calibrated: bool = False, size: tuple[int, int] = SMALL_SIZE
) -> DemoJob:
    """Write the files that the pipeline reads, except those to be calibrated.

    Parameters
    ----------
    out : Path
        Folder to write to.
    seed : int
        Of poses, hand and noise.
    calibrated : bool, optional
        Rig and tools are to be calibrated, and are not written.
    size : tuple of 2 ints, optional
        Width and height of the simulated cameras' images, px.

    Returns
    -------
    DemoJob
        What is simulated.
    """
    anatomy, rig = write_demo_files(out, size, calibrated)
    return true_job(out, anatomy, seed, rig)


def scanned_job(
    out: Path,
    seed: int,
    neck: "ScannedNeck",
    calibrated: bool = False,
    size: tuple[int, int] = SMALL_SIZE,
) -> DemoJob:
    """Write the files that the pipeline reads for a scanned neck, whose case is in `out` already.

    Parameters
    ----------
    out : Path
        Folder to write to.
    seed : int
        Of poses, hand and noise.
    neck : ScannedNeck
        The neck.
    calibrated : bool, optional
        Rig and tools are to be calibrated, and are not written.
    size : tuple of 2 ints, optional
        Width and height of the simulated cameras' images, px.

    Returns
    -------
    DemoJob
        What is simulated.
    """
    from phantoms.demo.ct_demo import world_anatomy

    rig = default_rig(size)
    write_rig_and_tools(out, rig, calibrated)
    anatomy, axes = world_anatomy(neck, load_case(out / "case" / "case.toml"))
    job = true_job(out, anatomy, seed, rig)
    return replace(job, case_from_model=neck.case_from_model, axes=axes)


def _headless(job: DemoJob, console: Console) -> DemoResult:
    with progress_bar(console) as bar:
        task = bar.add_task("simulated room", total=1.0, note="")
        work = job.open(lambda _, share: bar.update(task, completed=share))
        bar.update(task, completed=1.0)
    try:
        announce_compiling(console)
        with progress_bar(console) as bar:
            task = bar.add_task("puncture", total=EXPECTED_FRAMES, note="")

            def listen(tracked: TrackedFrame, state: State) -> list[Command]:
                total = max(EXPECTED_FRAMES, tracked.number + 1)
                bar.update(task, advance=1, total=total, note=state.stage.value)
                return []

            run_work(work, listen)
            bar.update(task, total=len(work.log.tracked))
    finally:
        work.source.close()
    return work.finish()


def _with_window(job: DemoJob, case: Case, needle: Tool, stay: bool) -> DemoResult:
    from nav.view.live_app import run_window

    feed = ProcessFeed(job)
    run_window(case, feed, needle, title=TITLE, close_at_end=not stay)
    if feed.ended is None:
        raise InputError("demo: the window was closed before the end; nothing was written")
    if feed.ended.problem is not None:
        raise InputError(f"demo: {ENGLISH.sentence(feed.ended.problem)}")
    result = feed.ended.result
    assert isinstance(result, DemoResult)
    return result


def _write_live_picture(path: Path, case: Case, needle: Tool, result: DemoResult) -> None:
    from nav.view.live_app import write_still

    write_still(path, case, needle, [result.last], title=TITLE)


def _table(summary: dict) -> Table:
    table = Table(title="Simulated lateral C1-C2 puncture", show_header=False)
    table.add_row("frames", f"{summary['frames']} at {summary['frames_per_second']:.1f} /s")
    table.add_row("tracked", f"{100 * summary['tracked_fraction']:.1f} %")
    table.add_row(
        "tip error against the truth",
        f"{summary['tip_rms_mm']:.3f} mm rms, {summary['tip_p95_mm']:.3f} mm p95",
    )
    table.add_row(
        "registration",
        f"FRE {summary['registration_fre_mm']:.2f} mm, "
        f"predicted TRE at the target {summary['predicted_tre_at_target_mm']:.2f} mm",
    )
    table.add_row("check points", f"at most {summary['check_point_error_mm']:.2f} mm off")
    for name, distance in summary["min_distance_mm"].items():
        if name == "cord" or "artery" in name:
            table.add_row(f"smallest distance to {name}", f"{distance:.2f} mm")
    table.add_row(
        "distance to the target at the end",
        f"{summary['final_distance_to_target_mm']:.2f} mm shown, "
        f"{summary['final_distance_to_target_true_mm']:.2f} mm true",
    )
    for name, at_end in summary["at_the_end_mm"].items():
        table.add_row(
            f"{name} at the end",
            f"{at_end['shown']:.2f} mm shown, at least {at_end['bound']:.2f}; "
            f"{at_end['true']:.2f} mm true",
        )
    alarms = ", ".join(f"{count} {word}" for word, count in summary["alarms"].items())
    table.add_row("alarms", alarms)
    return table
