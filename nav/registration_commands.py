"""`nav register` and its methods: each loads what it needs only when it runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import App

from nav.options import InputPath, toml_output
from nav.terminal import console

register_app = App(
    name="register",
    help=(
        "Register the reference body to the case: estimates model_from_reference with its error, "
        "judges it, and writes registration.toml only if it is good enough.\n\n"
        "`nav register --case CASE --points FILE --output registration.toml` registers touched "
        "fiducials by their labels."
    ),
    help_format="markdown",
)


@register_app.default
def register(
    *,
    case: InputPath,
    points: InputPath,
    output: Annotated[Path, toml_output("registration")],
    fle: float | None = None,
    reference_file: InputPath | None = None,
) -> None:
    """Register touched fiducials to the case; writes registration.toml, if it is good enough.

    What cannot be right (exchanged labels, a mirror image, another unit, a point that is off, ...)
    is named and refused, with exit code 2.

    Parameters
    ----------
    case
        case.toml with fiducials.
    points
        Touched fiducials in the reference body's frame: CSV (label,x,y,z) or Slicer Markups
        (.mrk.json); labels as in the case. Check points are used only to tell the error.
    output
        registration.toml to write.
    fle
        Fiducial localisation error, mm, one standard deviation per axis; 0.25 by default. The fit
        is judged by it, and the covariance is at least what it makes.
    reference_file
        Tool file of the reference body: recorded, so that `nav live` can tell another one.
    """
    from nav.registration.register_command import register_files

    register_files(case, points, output, fle, console(), reference_file)
