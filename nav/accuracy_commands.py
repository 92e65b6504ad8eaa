"""`nav accuracy`: test protocols, reports and the daily check."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from nav.core.filekinds import POSES, toml_kind
from nav.options import InputPath, Output, OutputFolder, beside_suffix
from nav.terminal import console

FAILED = 1  # a check that did not pass

accuracy_app = App(
    name="accuracy",
    help=(
        "Measure how accurate tracking is: protocols on the printed divot block, reports, the "
        "daily check and its history."
    ),
    help_format="markdown",
)


@accuracy_app.command(name="swung-pivot")
def swung_pivot(*, poses: InputPath, tool: InputPath, limit: float = 1.0) -> None:
    """Does the tip stay in a divot while the carrier is swung? Shows unknown lags of cameras.

    Example: nav accuracy swung-pivot --poses poses.csv --tool needle.toml --limit 1.0

    Swing the carrier for 30 s each at about 20, 50 and 100 mm/s. The exit code is 1 where the tip
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
    needle: InputPath,
    reference: InputPath,
    block: InputPath,
    output: Annotated[Path, Output(POSES, ((beside_suffix(".toml"), toml_kind("poses")),))],
    divot: Annotated[list[str] | None, Parameter(name="--divot", negative="")] = None,
    repeat: int = 1,
    rig: InputPath | None = None,
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    poses: InputPath | None = None,
    fast: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Touch divots one after the other, led and checked live; writes a poses.csv.

    Names the next divot; a touch is taken when the tip has rested for a second. One that moved, has
    too few independent samples, is known too badly, or is another divot by its distances to those
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
        Poses tracked before instead of cameras, at their own pace.
    fast
        With --poses: as fast as they are read.
    """
    from nav.accuracy.guide_command import GuideJob, guide
    from nav.core.errors import InputError

    if repeat < 1:
        raise InputError(f"--repeat: expected 1 or more, got {repeat}")
    if repeat > 1 and not divot:
        raise InputError("--repeat: give the divots to be repeated with --divot")
    divots = tuple(label for label in divot or () for _ in range(repeat))
    job = GuideJob(
        needle, reference, block, divots, output, poses, rig, tuple(camera or ()), not fast
    )
    guide(job, console())
