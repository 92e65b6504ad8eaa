"""`nav accuracy`: test protocols, reports and the daily check."""

import sys

from cyclopts import App

from nav.options import InputPath
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
