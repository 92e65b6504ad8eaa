"""`nav register` and its methods: each loads what it needs only when it runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from nav.core.errors import InputError
from nav.core.filekinds import PICTURE, POINTS, toml_kind
from nav.options import (
    IgtlNames,
    InputPath,
    Output,
    PositionSd,
    ReferenceName,
    RotationSdDeg,
    beside_suffix,
    toml_output,
)
from nav.terminal import console

register_app = App(
    name="register",
    help=(
        "Register the reference body to the case: estimates model_from_reference with its error, "
        "judges it, and writes registration.toml only if it is good enough.\n\n"
        "`nav register --case CASE --points FILE --output registration.toml` registers touched "
        "fiducials by their labels; `nav register points` also unlabelled ones, and the touches in "
        "tracked poses; `nav register surface` registers points touched on bone."
    ),
    help_format="markdown",
)


@register_app.default
def register(
    *,
    case: InputPath,
    points: Annotated[InputPath, Parameter(name=("--points", "--touched"))],
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
    from nav.registration.register_command import PointsOptions, register_touched
    from nav.registration.touch_set import load_touch_set

    options = PointsOptions(fle, reference_file)
    register_touched(case, points, load_touch_set(points), output, console(), options)


@register_app.command(name="points")
def register_by_points(
    *,
    case: InputPath,
    touched: InputPath,
    output: Annotated[Path, toml_output("registration")],
    tool: InputPath | None = None,
    reference_file: InputPath | None = None,
    fle: float | None = None,
    unlabelled: Annotated[bool, Parameter(negative="")] = False,
    scale_sd: float = 0.0,
    picture: Annotated[Path | None, Output(PICTURE)] = None,
    touches: Annotated[
        Path | None, Output(POINTS, ((beside_suffix(".toml"), toml_kind("points")),))
    ] = None,
    hold: float = 0.5,
    position_sd: PositionSd = None,
    rotation_sd_deg: RotationSdDeg = None,
    igtl_name: IgtlNames = None,
) -> None:
    """Register touched points, labelled or not, or the touches in tracked poses.

    Parameters
    ----------
    case
        case.toml with fiducials.
    touched
        Touched points in the reference body's frame (CSV, Slicer Markups, .fcsv), or poses.csv of
        `nav track`, a folder that holds it, a session's folder, or a recording of PLUS, 3D Slicer
        (.igs.mha) or Perk Tutor (.xml): there a touch is where the tip rests. igtl://HOST:PORT
        records another tracker (PLUS) until Ctrl-C, then uses that.
    output
        registration.toml to write, if it is good enough.
    tool
        Tool file of the needle with its [tip]; needed for poses.
    reference_file
        Tool file of the reference body: its name in the poses; recorded in the result.
    fle
        Fiducial localisation error, mm, one standard deviation per axis; 0.25 by default.
    unlabelled
        Find out which fiducial each touch is by their mutual distances; always for touches
        without labels. Where that is not certain, nothing is written.
    scale_sd
        Relative standard deviation of the rig's scale, for example 0.001: an error that all
        touches share.
    picture
        PNG to write: the predicted TRE over the bones.
    touches
        touched.csv to write: the touches found in poses, to look at and to edit.
    hold
        Shortest touch in poses, s.
    """
    from nav.record.recorded_poses import stated_errors
    from nav.registration.dwell_segments import DwellSettings
    from nav.registration.register_command import PointsOptions, register_touched
    from nav.touch_input import load_touches, recorded_touches

    stated, settings = stated_errors(position_sd, rotation_sd_deg), DwellSettings(hold=hold)
    names = igtl_name or ()
    touched = recorded_touches(touched, console(), tool, reference_file, output, stated, names)
    found = load_touches(touched, console(), tool, reference_file, touches, stated, settings)
    options = PointsOptions(fle, reference_file, unlabelled, scale_sd, picture, tool)
    register_touched(case, touched, found, output, console(), options)


@register_app.command
def stylus(
    *,
    poses: InputPath,
    output: Annotated[Path, toml_output("registration")],
    case: InputPath | None = None,
    divots: InputPath | None = None,
    tool_name: str = "stylus",
    reference_name: ReferenceName = "reference",
    order: str = "",
    any_order: Annotated[bool, Parameter(negative="")] = False,
    tip_output: Annotated[Path | None, toml_output("tool", renews="tool")] = None,
    tool: InputPath | None = None,
    seat_sd: float = 0.25,
    igtl_name: IgtlNames = None,
) -> None:
    """Estimate registration and stylus tip together, from pivoting in divots of known places.

    Example: nav register stylus --case case.toml --poses recording.igs.mha
    --output registration.toml --tip-output stylus.toml

    No tip needs to be known. Pivot the stylus for 5 s in each divot, in their order, and hold it in
    another direction to the phantom in some of them. The contacts are found in the poses. What is
    doubtful is reported; what cannot be right is refused, with exit code 2.

    Parameters
    ----------
    poses
        Poses of stylus and reference body: poses.csv of `nav track`, a session's folder, a MetaIO
        sequence of PLUS or 3D Slicer (.igs.mha), or igtl://HOST:PORT: another tracker,
        recorded until Ctrl-C.
    output
        registration.toml to write.
    case
        case.toml, whose fiducials to register with are the divots.
    divots
        Instead of --case, the divots in a file of points: CSV or Slicer Markups.
    tool_name
        Name of the stylus in the poses.
    reference_name
        Name of the reference body in the poses.
    order
        Labels of the divots in the order in which they were touched, separated by commas; the
        file's order otherwise.
    any_order
        The divots were touched in any order: they are identified by their mutual distances.
    tip_output
        TOOL.toml to write with the tip.
    tool
        The stylus's tool file, whose other entries are kept in it.
    seat_sd
        Error that all contacts share (how deep this stylus sits in such divots), mm, one standard
        deviation per axis: it is in the tip's covariance, and no residual shows it.
    """
    from nav.link.tracker_recording import recorded_file
    from nav.record.recorded_poses import open_recorded_poses
    from nav.registration.stylus_command import StylusJob, register_stylus
    from nav.tracking.pose_source import StatedErrors
    from nav.tracking.tool import Tool

    # any will do: the fit estimates the errors from the recording
    names, stated = (tool_name, reference_name), StatedErrors(1.0, 0.01)
    bodies = [Tool(name, "", ()) for name in names]
    poses = recorded_file(poses, bodies, output, console(), stated, igtl_name or ())
    labels = tuple(label.strip() for label in order.split(",")) if order else ()
    job = StylusJob(
        case, divots, poses, tool_name, reference_name, output, labels, any_order, tip_output, tool,
        seat_sd,
    )  # fmt: skip
    register_stylus(job, open_recorded_poses(poses, names, stated), console())


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
    tool: InputPath | None = None,
    position_sd: PositionSd = None,
    rotation_sd_deg: RotationSdDeg = None,
    picture: Annotated[Path | None, Output(PICTURE)] = None,
    igtl_name: IgtlNames = None,
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
        (poses.csv, a session's folder, a MetaIO sequence, igtl://HOST:PORT; with --tool and
        --reference-file).
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
    tool
        Tool file of what was drawn over bone, where --touched are poses.
    picture
        PNG to write: the points on the bones, coloured by their residuals.
    """
    from nav.record.recorded_poses import open_recorded_poses, stated_errors
    from nav.registration.surface_command import SurfaceFiles, register_surface_files
    from nav.registration.surface_source import load_surface_points, swabbed_points
    from nav.touch_input import recorded_touches
    from nav.tracking.tool import load_tool

    stated = stated_errors(position_sd, rotation_sd_deg)
    if fle is not None and points is None:
        raise InputError(
            "--fle: applies to fiducials; give --points too, or --sigma for points on bone"
        )
    if tool is not None and reference_file is None:
        raise InputError("--reference-file: is needed with --tool: it names the reference body")
    names, out = igtl_name or (), console()
    touched = recorded_touches(touched, out, tool, reference_file, output, stated, names)
    if tool is None or reference_file is None:
        if stated is not None:
            raise InputError("--position-sd: applies to poses; give their --tool too")
        source = load_surface_points(touched)
    else:
        drawn = load_tool(tool, printed=False)
        reference = load_tool(reference_file, printed=False).name
        frames = open_recorded_poses(touched, [drawn.name, reference], stated)
        source = swabbed_points(frames, drawn, reference)
    register_surface_files(
        SurfaceFiles(case, touched, output, landmarks, points, reference_file, tool, picture),
        source, structure or (), sigma, fle, out,
    )  # fmt: skip
