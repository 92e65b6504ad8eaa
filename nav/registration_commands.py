"""`nav register` and its methods: each loads what it needs only when it runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import App

from nav.core.filekinds import PICTURE, POINTS, SUMMARY, toml_kind
from nav.options import InputPath, Output, beside_suffix, toml_output
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


@register_app.command
def design(
    *,
    case: InputPath,
    candidates: InputPath | None = None,
    fle: float | None = None,
    count: int = 8,
    confusion: float = 5.0,
    apart: float = 15.0,
    output: Annotated[
        Path | None, Output(POINTS, ((beside_suffix(".toml"), toml_kind("points")),))
    ] = None,
    picture: Annotated[Path | None, Output(PICTURE)] = None,
) -> None:
    """Choose places of fiducials: small TRE at target, cord and arteries, and no confusable labels.

    Prints what the best layouts of 4 to 10 fiducials predict, beside the case's own.

    Example: nav register design --case kit/case/case.toml --candidates places.csv --output
    layout.csv

    Parameters
    ----------
    case
        case.toml with a plan: where errors matter. Its check points are taken as they are.
    candidates
        Points where a fiducial could be (CSV label,x,y,z or Slicer Markups), 400 at most: for a
        phantom's kit those of `nav phantom divots`. By default the case's own fiducials.
    fle
        Fiducial localisation error, mm, one standard deviation per axis; 0.25 by default.
    count
        Fiducials of the layout that is written.
    confusion
        With exchanged labels, or mirrored, the layout should fit no better than this FRE, mm; 0
        for the smallest TRE whatever fits.
    apart
        Least distance of two fiducials, mm.
    output
        Points to write; a .toml of the same stem beside it.
    picture
        Also draw the layout (PNG).
    """
    from nav.registration.design_command import design_files

    design_files(case, console(), candidates, fle, count, confusion, apart, output, picture)


def verify(
    *,
    case: InputPath,
    registration: InputPath,
    touched: InputPath,
    limit: float | None = None,
    tre: float | None = None,
    fle: float | None = None,
    reference_file: InputPath | None = None,
    output: Annotated[Path | None, Output(SUMMARY)] = None,
) -> None:
    """Verify a registration by check points that it was not made from: pass, fail, or too few.

    Exit code 0: pass. 5: fail, the check points are not as predicted, or one is beyond --limit.
    6: too few to tell, nothing is wrong but an error that matters might have been missed.

    Parameters
    ----------
    case
        case.toml that was registered.
    registration
        registration.toml to verify.
    touched
        Touched check points in the reference body's frame, labelled as in the case: CSV
        (label,x,y,z) or Slicer Markups (.mrk.json). Fiducials that were registered with are not
        counted.
    limit
        A check point further off than this fails, mm; without it only the predicted error counts.
    tre
        Error at target, arteries and cord that must not be missed, mm; 2 by default.
    fle
        Fiducial localisation error of these touches, mm, one standard deviation per axis; by
        default that of the registration.
    reference_file
        Tool file of the reference body in whose frame the points are: another one is refused.
    output
        Also write the result as JSON, whatever the verdict.
    """
    from nav.registration.verify_command import verify_files

    verify_files(case, registration, touched, console(), output, limit, tre, fle, reference_file)
