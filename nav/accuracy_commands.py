"""`nav accuracy`: test protocols, reports and the daily check."""

from pathlib import Path
from typing import Annotated

from cyclopts import App

from nav.options import InputPath, OutputFolder
from nav.terminal import console

accuracy_app = App(
    name="accuracy",
    help=(
        "Measure how accurate tracking is: protocols on the printed divot block, reports, the "
        "daily check and its history."
    ),
    help_format="markdown",
)


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
