"""`nav accuracy`: test protocols, reports and the daily check."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from nav.core.filekinds import CHECKS, POSES, REPORT, SUMMARY, toml_kind
from nav.options import (
    IgtlNames,
    InputPath,
    Language,
    Output,
    OutputFolder,
    PositionSd,
    ReferenceName,
    RotationSdDeg,
    beside_suffix,
    toml_output,
)
from nav.terminal import console
from nav.text.catalogue import choose_language

FAILED = 1  # a check that did not pass, an alert

accuracy_app = App(
    name="accuracy",
    help=(
        "Measure how accurate tracking is: protocols on the printed divot block, reports, the "
        "daily check and its history."
    ),
    help_format="markdown",
)
ReportWithNumbers = Annotated[
    Path | None,
    Output(REPORT, ((beside_suffix(".json"), SUMMARY),)),
    Parameter(help="HTML report to write; its numbers are written beside it as .json."),
]

study_app = App(
    name="study",
    help=(
        "Simulate a whole set-up before anything is bought or printed: cameras, tools, fiducials, "
        "touches, needle, CT; expected errors at cord and arteries.\n\n"
        "Begin with `nav study init --case case.toml --output setup.toml`."
    ),
    help_format="markdown",
)


@accuracy_app.command(name="swung-pivot")
def swung_pivot(*, poses: InputPath, tool: InputPath, limit: float = 1.0) -> None:
    """Check that the tip stays in a divot while the carrier is swung: shows lags of cameras.

    Example: nav accuracy swung-pivot --poses poses.csv --tool needle.toml --limit 1.0

    Swing the carrier for 30 s each at about 20, 50 and 100 mm/s. Exit code 1 where the tip
    wanders by more than the limit.

    Parameters
    ----------
    poses
        poses.csv of `nav track` in a frame in which the divot rests.
    tool
        The needle's file, with its tip.
    limit
        mm, of the tip's rms wander with the carrier at 50 mm/s.
    """
    from nav.accuracy.swung_pivot_command import check_swung_pivot

    if not check_swung_pivot(poses, tool, limit, console()):
        sys.exit(FAILED)


@accuracy_app.command(name="measure")
def accuracy_measure(*, plan: InputPath, output: Annotated[Path, OutputFolder()]) -> None:
    """Evaluate a day's recordings on the divot block; writes a report.

    Single point, roll/pitch/yaw, distances and registration at up to five places of the working
    volume, jitter at rest and drift, in the sense of ASTM F2554-22: report.json, report.html and
    report.pdf with intervals, an uncertainty budget and pass or fail against stated limits.

    Parameters
    ----------
    plan
        plan.toml: tools, block, serials, limits, and which poses.csv holds which test at which
        place; see docs/accuracy-testing.md. Its files are relative to its folder.
    output
        Folder for the report; an earlier one is kept under a number.
    """
    from nav.accuracy.measure_command import measure

    measure(plan, output, console())


@accuracy_app.command(name="guide")
def accuracy_guide(
    *,
    needle: Annotated[InputPath, Parameter(name=("--needle-file", "--needle"))],
    reference: Annotated[InputPath, Parameter(name=("--reference-file", "--reference"))],
    block: InputPath,
    output: Annotated[Path, Output(POSES, ((beside_suffix(".toml"), toml_kind("poses")),))],
    divot: Annotated[list[str] | None, Parameter(name="--divot", negative="")] = None,
    repeat: int = 1,
    rig: InputPath | None = None,
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    poses: InputPath | None = None,
    fast: Annotated[bool, Parameter(negative="")] = False,
    window: Annotated[bool, Parameter(negative="--no-window")] = True,
    position_sd: PositionSd = None,
    rotation_sd_deg: RotationSdDeg = None,
    igtl_name: IgtlNames = None,
    language: Language = None,
) -> None:
    """Touch divots one after the other, guided and checked live; writes a poses.csv.

    A window shows where on the block the next divot is, how long the tip has rested, and at once
    why a touch is not taken; Backspace takes the last one back, Ctrl+Enter finishes.

    Names the next divot; a touch is taken when the tip has rested for a second. One that moved, has
    too few independent samples, is too uncertain, or is another divot by its distances to those
    before is refused at once.

    Parameters
    ----------
    needle
        Tool file of the needle, with its [tip].
    reference
        Tool file of the reference body.
    block
        block.csv: the divots' nominal places, as `nav phantom build` writes it.
    output
        poses.csv for `nav accuracy measure`.
    divot
        Divots in the order of touching; all of the block by default.
    repeat
        How often each is touched, for single-point tests.
    rig
        rig.toml, with --camera.
    camera
        NAME=NUMBER: which webcam is which camera of the rig; give it once for every camera.
    poses
        Poses tracked before instead of cameras, at their own pace; or igtl://HOST:PORT: another
        tracker, live, as PLUS sends it by OpenIGTLink.
    fast
        With --poses: as fast as they are read, without a window.
    window
        Show the window; --no-window guides in the terminal.
    """
    from nav.accuracy.guide_command import GuideJob, guide
    from nav.core.errors import InputError
    from nav.record.recorded_poses import stated_errors

    if repeat < 1:
        raise InputError(f"--repeat: expected 1 or more, got {repeat}")
    if repeat > 1 and not divot:
        raise InputError("--repeat: give the divots to be repeated with --divot")
    divots = tuple(label for label in divot or () for _ in range(repeat))
    stated = stated_errors(position_sd, rotation_sd_deg)
    job = GuideJob(
        needle, reference, block, divots, output, poses, rig, tuple(camera or ()), not fast, stated,
        tuple(igtl_name or ()), window,
    )  # fmt: skip
    choose_language(language)
    guide(job, console())


@accuracy_app.command
def compare(
    first: InputPath,
    second: InputPath,
    *,
    output: ReportWithNumbers = None,
    name: Annotated[str | None, Parameter(name=("--tool-name", "--name"))] = None,
    tool: InputPath | None = None,
    offset: float = 0.0,
    same_frame: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Compare two trackers that measured the same points: Bland-Altman's limits of agreement.

    Example: nav accuracy compare ours.csv theirs.csv --output comparison.html

    Parameters
    ----------
    first
        Touched points of one tracker (CSV label,x,y,z or Slicer Markups), or its poses.csv.
    second
        The other tracker's, of the same kind; points are paired by label, poses by time.
    name
        Name of the tool in both tables of poses.
    tool
        Its tool file instead: positions of its tip are compared.
    offset
        Seconds to add to the second table's times.
    same_frame
        Both are in one frame: x, y and z are compared as they are. Otherwise the second is first
        moved rigidly onto the first.
    """
    from nav.accuracy.tracker_comparison import compare_files
    from nav.tracking.tool import load_tool

    body = None if tool is None else load_tool(tool)
    compare_files(
        first, second, output, console(), name=name, tool=body, offset=offset, same_frame=same_frame
    )  # fmt: skip


@accuracy_app.command
def gauge(
    files: list[InputPath],
    *,
    tolerance: float | None = None,
    output: ReportWithNumbers = None,
) -> None:
    """Evaluate gauge R&R: how much of the variation is the measurement's own (crossed, ANOVA).

    Example: nav accuracy gauge study.csv --tolerance 2 --output gauge.html

    Parameters
    ----------
    files
        One table operator,part,repeat,value (part may be called divot); or touched points of every
        operator and repeat, in files called OPERATOR-REPEAT.csv, all in one frame.
    tolerance
        Allowed width, in the values' unit, on which the verdict is based; else on the variation.
    """
    from nav.accuracy.gauge_command import gauge_files

    gauge_files(files, tolerance, output, console())


@accuracy_app.command
def check(
    *,
    touched: InputPath,
    pattern: InputPath,
    database: Annotated[Path, Output(CHECKS)],
    rig: InputPath | None = None,
    tool: InputPath | None = None,
    reference_name: ReferenceName = "reference",
    operator: str = "",
    at: str | None = None,
) -> None:
    """Run the daily check: one tool, one divot pattern, a minute; compared with earlier days.

    Example: nav accuracy check --touched today.csv --pattern case.toml --database checks.db
    --rig rig.toml --tool needle.toml

    Exit code 1 for an alert: the second signal on one day.

    Parameters
    ----------
    touched
        Touched divots (CSV or Markups), or poses.csv in which each divot of the pattern is touched
        once, in its order, for a second: then the jitter is measured too.
    pattern
        True places of the divots: CSV, Markups, or a case.
    database
        SQLite database to which the run is added; created if it does not exist.
    rig
        rig.toml: another one begins a new chart, as do another tool, pattern or version.
    tool
        Tool file of the tool that touches; needed for poses.
    reference_name
        Name of the body that the pattern is fixed to, in poses.
    operator
        Who touched.
    at
        When it was measured, such as 2026-05-04T08:30; now by default.
    """
    from nav.accuracy.daily_check import check as run_check

    found = run_check(
        touched, pattern, database, console(),
        rig=rig, tool=tool, reference=reference_name, operator=operator, at=at,
    )  # fmt: skip
    if found.word == "alert":
        sys.exit(FAILED)


@accuracy_app.command
def history(
    database: InputPath,
    *,
    output: Annotated[Path | None, Output(REPORT)] = None,
) -> None:
    """Show control charts of the daily checks: Shewhart and EWMA, in the terminal and as HTML.

    Parameters
    ----------
    database
        The database of `nav accuracy check`.
    output
        HTML page to write, with all charts.
    """
    from nav.accuracy.check_history import show_history

    show_history(database, output, console())


@study_app.default
def study(
    setup: InputPath,
    *,
    output: Annotated[Path, OutputFolder()],
    workers: int | None = None,
    cluster: str | None = None,
) -> None:
    """Simulate every design of a set-up; a run that was cut short goes on where it was.

    Example: nav study setup.toml --output study

    Parameters
    ----------
    setup
        SETUP.toml; `nav study init` writes one to start from.
    output
        Folder of the results: results.html, designs.csv. Must be new, empty, or of this study.
    workers
        Processes of this machine; as many as it has processors by default.
    cluster
        Address of a Dask scheduler whose workers have this program, such as tcp://host:8786.
    """
    from nav.accuracy.study.study_command import run_study

    run_study(setup, output, console(), workers, cluster)


@study_app.command(name="init")
def study_init(*, case: InputPath, output: Annotated[Path, toml_output("study")]) -> None:
    """Write a set-up of three rigs to start from, with what each number means.

    Parameters
    ----------
    case
        case.toml of the anatomy, with a plan and fiducials.
    output
        SETUP.toml to write.
    """
    from nav.accuracy.study.example_setup import write_example
    from nav.model.case import load_case

    load_case(case)
    write_example(output, case.resolve())
    console().print(f"wrote {output}: change its numbers, then nav study {output} --output FOLDER")
