"""`nav register` and its methods: each loads what it needs only when it runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

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


@register_app.command
def stylus(
    *,
    poses: InputPath,
    output: Annotated[Path, toml_output("registration")],
    case: InputPath | None = None,
    divots: InputPath | None = None,
    tool: str = "stylus",
    reference: str = "reference",
    order: str = "",
    any_order: Annotated[bool, Parameter(negative="")] = False,
    tip_output: Annotated[Path | None, toml_output("tool", renews="tool_file")] = None,
    tool_file: InputPath | None = None,
    seat_sd: float = 0.25,
) -> None:
    """Registration and the stylus's tip together, from pivoting it in divots of known places.

    Example: nav register stylus --case case.toml --poses recording.igs.mha
    --output registration.toml --tip-output stylus.toml

    No tip needs to be known. Pivot the stylus for 5 s in each divot, in their order, and hold it in
    another direction to the phantom in some of them. The contacts are found in the poses. What is
    doubtful is said; what cannot be right is refused, with exit code 2.

    Parameters
    ----------
    poses
        Poses of stylus and reference body: poses.csv of `nav track`, or a MetaIO sequence of PLUS
        or 3D Slicer (.igs.mha).
    output
        registration.toml to write.
    case
        case.toml, whose fiducials to register with are the divots.
    divots
        Instead of --case, the divots in a file of points: CSV or Slicer Markups.
    tool
        Name of the stylus in the poses.
    reference
        Name of the reference body.
    order
        Labels of the divots in the order in which they were touched, separated by commas; the
        file's order otherwise.
    any_order
        The divots were touched in any order: they are told by their mutual distances.
    tip_output
        TOOL.toml to write with the tip.
    tool_file
        The stylus's tool file, whose other entries are kept in it.
    seat_sd
        Error that all contacts share (how deep this stylus sits in such divots), mm, one standard
        deviation per axis: it is in the tip's covariance, and no residual shows it.
    """
    from nav.record.recorded_poses import open_recorded_poses
    from nav.registration.stylus_command import StylusJob, register_stylus
    from nav.tracking.pose_source import StatedErrors

    labels = tuple(label.strip() for label in order.split(",")) if order else ()
    job = StylusJob(
        case, divots, poses, tool, reference, output, labels, any_order, tip_output, tool_file,
        seat_sd,
    )  # fmt: skip
    # any will do: the fit estimates the errors from the recording
    source = open_recorded_poses(poses, (tool, reference), StatedErrors(1.0, 0.01))
    register_stylus(job, source, console())
