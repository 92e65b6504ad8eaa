"""`nav session`: what a recorded session holds, whether it is whole, and what becomes of it."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from nav.options import InputPath, OutputFolder
from nav.terminal import console

session_app = App(
    name="session",
    help=(
        "List, check, repair, export and report recorded sessions.\n\n"
        "Begin with `nav session list` in the folder that holds `sessions/`."
    ),
    help_format="markdown",
)


@session_app.command
def export(
    session: InputPath,
    *,
    output: Annotated[Path, OutputFolder()],
    format: str | None = None,
    relative_to: str | None = None,
    decimal_comma: Annotated[bool, Parameter(negative="")] = False,
    pictures: bool = True,
) -> None:
    """Export a session for spreadsheets, 3D Slicer, PLUS, Perk Tutor or ROS 2.

    Example: nav session export sessions/2026-11-30T09-12-05-P07 --output P07.xlsx

    A session that was cut is exported as far as it goes; the exit code is then 3.

    Parameters
    ----------
    session
        Its folder.
    output
        File or folder to write. The suffix chooses the format: .csv, .xlsx, .parquet, .seq.mha or
        .igs.mha (3D Slicer, PLUS), .seq.nrrd, .xml (Perk Tutor).
    format
        csv, xlsx, parquet, plus, slicer, perktutor or rosbag2 (a folder for ROS 2), for an output
        without a suffix.
    relative_to
        Of tables: give poses in the frame of this tool, as `nav live --poses` wants them.
    decimal_comma
        Of CSV: decimal commas and semicolons, for spreadsheets in German and other languages.
    pictures
        Of a bag for ROS 2: the cameras' pictures too.
    """
    from nav.record.session_export.export_format import ExportOptions
    from nav.record.session_export.export_session import export_session

    options = ExportOptions(relative_to, decimal_comma, pictures)
    export_session(session, output, format, options, console())
