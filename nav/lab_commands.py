"""`nav lab`: a set-up in one file; each command loads what it needs only when it runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from nav.options import InputPath, toml_output
from nav.terminal import console

LAB = Path("lab.toml")
lab_app = App(
    name="lab",
    help=(
        "A set-up in one file, lab.toml: cameras, tools, case, recording, limits, links. `nav "
        "live` in its folder needs no options.\n\n"
        "Begin with `nav lab init`."
    ),
    help_format="markdown",
)


@lab_app.command
def check(file: InputPath = LAB) -> None:
    """Check whether a lab.toml is fit for use; report everything that is wrong at once.

    Example: nav lab check

    Reads every file that it names. Exit code 2 where something is wrong.

    Parameters
    ----------
    file
        The lab.toml.
    """
    from nav.lab.lab_show import print_check

    print_check(file, console())


@lab_app.command
def show(file: InputPath = LAB) -> None:
    """Show every entry of a lab.toml, defaults too, and the options that it stands for.

    Example: nav lab show

    Parameters
    ----------
    file
        The lab.toml.
    """
    from nav.lab.lab_show import print_lab

    print_lab(file, console())


@lab_app.command
def init(
    *,
    output: Annotated[Path, toml_output("lab")] = LAB,
    rig: InputPath | None = None,
    needle_file: InputPath | None = None,
    reference_file: InputPath | None = None,
    case: InputPath | None = None,
    registration: InputPath | None = None,
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    language: str | None = None,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative="")] = False,
) -> None:
    """Write lab.toml from what is found in its folder and on this computer; asks where necessary.

    Example: nav lab init

    Example: nav lab init --yes --case plan/case.toml --camera left=0 --camera right=2

    Searches the folder, and those in it, for rig, tools, cases and registrations, and the computer
    for webcams. Comments in the file explain every entry. An earlier lab.toml is kept as
    lab.1.toml.

    Parameters
    ----------
    output
        The file to write; its folder is searched.
    rig
        rig.toml: the cameras.
    needle_file
        The needle's file.
    reference_file
        The reference body's file.
    case
        case.toml: what is navigated.
    registration
        An earlier registration; none by default, since the reference body may have moved.
    camera
        NAME=NUMBER: which webcam is which camera of the rig; give it once for every camera.
    language
        Of window and messages, as de.
    yes
        Take the best of several without asking, and say why.
    """
    from nav.lab.lab_init import InitOptions, init_lab

    options = InitOptions(
        rig=rig,
        needle_file=needle_file,
        reference_file=reference_file,
        case=case,
        registration=registration,
        cameras=tuple(camera or ()),
        language=language,
        yes=yes,
    )
    init_lab(output, options, console())
