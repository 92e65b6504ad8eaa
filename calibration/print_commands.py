"""`nav print`: sheets to print."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from nav.options import OUTPUT_NAMES, OutputFolder
from nav.terminal import console

print_app = App(
    name="print",
    help=(
        "Sheets to print, as PDF at true scale, each with the file that describes it.\n\n"
        "Print at 100 % (actual size), and measure the printed ruler."
    ),
)
SheetFolder = Annotated[Path, OutputFolder(), Parameter(name=OUTPUT_NAMES)]


@print_app.command(name="targets")
def print_targets(*, output: SheetFolder, paper: str = "a4") -> None:
    """Write boards for calibrating cameras: ChArUco, one for close work, a chessboard.

    Example: nav print targets --paper a4 --output sheets

    Parameters
    ----------
    output
        Folder to write the PDFs and their descriptions to.
    paper
        a4, letter or a3.
    """
    from calibration.printing.print_command import print_targets as run

    run(paper, output, console())


@print_app.command(name="tools")
def print_tools(*, output: SheetFolder, paper: str = "a4") -> None:
    """Write marker sheets of the needle's carrier and of the reference body, to cut and fold.

    Example: nav print tools --paper a4 --output sheets

    Parameters
    ----------
    output
        Folder to write the PDFs and their descriptions to.
    paper
        a4, letter or a3.
    """
    from calibration.printing.print_command import print_tools as run

    run(paper, output, console())
