"""`nav print`: sheets to print."""

from pathlib import Path
from typing import Annotated

from cyclopts import App

from nav.options import OutputFolder
from nav.terminal import console

print_app = App(
    name="print",
    help=(
        "Sheets to print, as PDF at true scale, each with the file that describes it.\n\n"
        "Print at 100 % (actual size), and measure the printed ruler."
    ),
)
SheetFolder = Annotated[Path, OutputFolder()]


@print_app.command(name="targets")
def print_targets(*, out: SheetFolder, paper: str = "a4") -> None:
    """Boards for calibrating cameras: ChArUco, one for close work, a chessboard.

    Example: nav print targets --paper a4 --out sheets

    Parameters
    ----------
    out
        Folder to write the PDFs and their descriptions to.
    paper
        a4, letter or a3.
    """
    from calibration.printing.print_command import print_targets as run

    run(paper, out, console())


@print_app.command(name="tools")
def print_tools(*, out: SheetFolder, paper: str = "a4") -> None:
    """Marker sheets of the needle's carrier and of the reference body, to cut and fold.

    Example: nav print tools --paper a4 --out sheets

    Parameters
    ----------
    out
        Folder to write the PDFs and their descriptions to.
    paper
        a4, letter or a3.
    """
    from calibration.printing.print_command import print_tools as run

    run(paper, out, console())
