"""`nav register` and its methods: each loads what it needs only when it runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from nav.core.errors import InputError
from nav.core.filekinds import PICTURE
from nav.options import InputPath, Output, toml_output
from nav.terminal import console

register_app = App(
    name="register",
    help=(
        "Register the reference body to the case: estimates model_from_reference with its error, "
        "judges it, and writes registration.toml only if it is good enough.\n\n"
        "`nav register --case CASE --points FILE --output registration.toml` registers touched "
        "fiducials by their labels; "
        "`nav register surface` registers points touched on bone."
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
def surface(
    *,
    case: InputPath,
    touched: InputPath,
    output: Annotated[Path, toml_output("registration")],
    structure: Annotated[list[str] | None, Parameter(negative="")] = None,
    landmarks: InputPath | None = None,
    points: InputPath | None = None,
    sigma: float = 0.3,
    fle: float | None = None,
    reference_file: InputPath | None = None,
    needle: InputPath | None = None,
    picture: Annotated[Path | None, Output(PICTURE)] = None,
) -> None:
    """Register points touched on bone to its surface; writes registration.toml, if good enough.

    Found from nothing: no landmarks are needed. Points that fit nowhere, or in several places, or
    leave a direction open, are refused with exit code 2.

    Parameters
    ----------
    case
        case.toml with bones.
    touched
        Points on bone in the reference body's frame, 30 to 60 are good: CSV (label,x,y,z), Slicer
        Markups, a scanned cloud (.ply, .stl, .obj), or the poses of a tip that was drawn over bone
        (poses.csv; with --needle and --reference-file).
    output
        registration.toml to write.
    structure
        Bone that was touched, by its name in the case; may be given several times. C1 and C2 by
        default, taken as one rigid body: name one where they may have moved to each other since
        the CT.
    landmarks
        Three or more rough landmarks with labels of the case's fiducials, 10 mm and more off: the
        pose is searched only near them.
    points
        Touched fiducials, combined with the surface in one estimate where both agree.
    sigma
        Error of a touch along the bone's normal, mm, one standard deviation.
    fle
        Fiducial localisation error of --points, mm, one standard deviation per axis; 0.25 by
        default.
    reference_file
        Tool file of the reference body: recorded, so that `nav live` can tell another one.
    needle
        Tool file of what was drawn over bone, where --touched are poses.
    picture
        PNG to write: the points on the bones, coloured by their residuals.
    """
    from nav.registration.surface_command import SurfaceFiles, register_surface_files
    from nav.registration.surface_source import load_surface_points, swabbed_points

    if needle is None:
        source = load_surface_points(touched)
    else:
        from nav.record.pose_recording import PoseRecording
        from nav.tracking.tool import load_tool

        if reference_file is None:
            raise InputError("--reference-file: is needed with --needle: it names the reference")
        tool, reference = load_tool(needle), load_tool(reference_file).name
        frames = PoseRecording(touched, [tool.name, reference])
        source = swabbed_points(frames, tool, reference)
    register_surface_files(
        SurfaceFiles(case, touched, output, landmarks, points, reference_file, needle, picture),
        source,
        structure or (),
        sigma,
        fle,
        console(),
    )
