"""The `nav` command: each sub-command loads what it needs only when it runs."""

import inspect
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

import nav
from calibration.calibration_commands import calibrate_app, print_app
from nav.errors import IncompleteInput, InputError, NothingSafe
from nav.filekinds import PICTURE, POSES, TIMING, toml_kind
from nav.options import (
    InputPath,
    Output,
    OutputFolder,
    beside_suffix,
    bound_values,
    check_outputs,
    converted,
    toml_output,
)
from nav.outputs import backups_told_to
from nav.terminal import console, one_line, take_terminal
from nav.text.catalogue import choose_language
from nav.tracking.needle import Bevel
from phantoms.phantom_commands import phantom_app, refuse_foreign

BAD_INPUT, INCOMPLETE_INPUT, NOTHING_SAFE = 2, 3, 4
UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED, TERMINATED = 130, 143
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MESSAGE_WIDTH = 10_000  # columns: an error is one line, however long its names are

app = App(
    name="nav",
    version=nav.__version__,
    help=(
        "Track a needle with cameras and printed markers, register it to a 3D-reconstructed upper "
        "cervical spine, and show how far its tip is from the vertebral artery and the spinal cord."
        "\n\n"
        f"**{nav.NOTICE}.**\n\n"
        "Begin with `nav demo` (a whole simulated puncture) and `nav doctor` (is this computer "
        "ready?)."
    ),
    help_format="markdown",
    # a name may begin with [ or {: it is not JSON
    default_parameter=Parameter(converter=converted, json_list=False, json_dict=False),
    suppress_keyboard_interrupt=False,  # main reports it
)
twin_app = App(name="twin", help="Simulated cameras whose truth is known.")
case_app = App(name="case", help="Exchange cases with other programs.")
for sub_app in (twin_app, phantom_app, print_app, calibrate_app, case_app):
    app.command(sub_app)

RigFile = Annotated[InputPath, Parameter(name="--rig", help="rig.toml: the cameras.")]
ToolFiles = Annotated[
    list[InputPath],
    Parameter(name="--tool", negative="", help="A tool file; give it once for every tool."),
]
Language = Annotated[
    str | None,
    Parameter(
        name="--language",
        help="Of window and messages, as de; else C1C2NAV_LANGUAGE, else English. Files and logs "
        "stay English.",
    ),
]


@app.command
def demo(
    *,
    out: Annotated[Path, OutputFolder(refuse_foreign)] = Path("out/demo"),
    seed: int = 0,
    headless: Annotated[bool, Parameter(negative="")] = False,
    stay: Annotated[bool, Parameter(negative="")] = False,
    calibrated: Annotated[bool, Parameter(negative="")] = False,
    large: Annotated[bool, Parameter(negative="")] = False,
    ct: Annotated[bool, Parameter(negative="")] = False,
    language: Language = None,
) -> None:
    """A complete simulated lateral C1-C2 puncture, computed from camera pictures only.

    Touches the fiducials, registers, verifies, advances a 17G needle to the dorsal subarachnoid
    space and stops at the target. Opens the live window where there is a display. Writes
    summary.json, poses.csv, truth.csv, case/, live.png and distances.png.

    Parameters
    ----------
    out
        Folder for the results.
    seed
        Other pose of the phantom, other hand, other noise.
    headless
        No window, even where there is a display.
    stay
        Leave the window open at the end.
    calibrated
        Print, fold and set up everything a little wrong, and calibrate cameras, marker bodies and
        needle from simulated pictures first; takes some minutes more.
    large
        Cameras of 1920 x 1200 instead of 1280 x 800: more accurate, and slower.
    ct
        Take a random neck's simulated CT, reconstruct it and plan on it first, and navigate by
        that; true distances stand beside the shown bounds. Takes some minutes more.
    """
    from phantoms.demo.run_demo import run_demo

    choose_language(language)
    run_demo(
        out,
        seed=seed,
        headless=headless,
        stay=stay,
        console=console(),
        calibrated=calibrated,
        large=large,
        ct=ct,
    )


@app.command
def track(
    *,
    rig: RigFile,
    tool: ToolFiles,
    images: InputPath,
    output: Annotated[Path, Output(POSES, ((beside_suffix(".toml"), toml_kind("poses")),))],
    relative_to: str | None = None,
    fps: float | None = None,
    timing: Annotated[Path | None, Output(TIMING)] = None,
    smooth: int | None = None,
    language: Language = None,
) -> None:
    """Track tools through recorded pictures; writes poses.csv.

    Example: nav track --rig rig.toml --tool needle.toml --tool reference.toml --images recording
    --output poses.csv --relative-to reference

    Exit code 3 where a recording ends early (a file that was cut off, say): what there is of it is
    tracked and written.

    Parameters
    ----------
    images
        A folder with a sub-folder of pictures, or a video file, for each camera of the rig (named
        like it); for a rig of one camera also one picture folder or video itself.
    output
        The table to write; a .toml of the same stem beside it says what it was made from.
    relative_to
        Give poses in this tool's frame instead of the rig's.
    fps
        Pictures per second where neither times.csv nor the video says it (30 by default).
    timing
        Also write how long each frame set took: frame, read_ms, track_ms, mode (follow where no
        whole picture was searched for markers, else acquire).
    smooth
        Give the mean of so many frame sets' poses instead of each one's own. They come late by
        half of that; the delay is printed and stands in the .toml. Off by default.
    """
    from nav.track import TrackOptions, track_recording

    choose_language(language)
    wishes = TrackOptions(relative_to, fps, timing, smooth)
    track_recording(rig, tool, images, output, wishes, console())


@app.command
def live(
    *,
    rig: Annotated[InputPath | None, Parameter(help="rig.toml: the cameras.")] = None,
    tool: ToolFiles | None = None,
    case: InputPath | None = None,
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    images: InputPath | None = None,
    poses: InputPath | None = None,
    twin: Annotated[bool, Parameter(negative="")] = False,
    registration: InputPath | None = None,
    needle: str = "needle",
    reference: str = "reference",
    fps: float | None = None,
    save: Annotated[Path | None, toml_output("registration")] = None,
    seed: int = 0,
    language: Language = None,
) -> None:
    """The live window: webcams, recorded pictures or poses at their own pace, the simulated twin.

    Example: nav live --rig rig.toml --tool needle.toml --tool reference.toml --case case.toml
    --camera left=0 --camera right=2

    Without --registration the window leads through touching the fiducials: put the tip into the
    divot it names, hold still, press Space.

    Parameters
    ----------
    case
        case.toml: structures, fiducials and plans.
    camera
        NAME=NUMBER: which webcam is which camera of the rig; give it once for every camera.
    images
        Recorded pictures instead of webcams, as `nav track` takes them.
    poses
        Poses tracked before instead: poses.csv of `nav track --relative-to REFERENCE`.
    twin
        A simulated puncture instead; it brings its own rig, tools and case.
    registration
        registration.toml of an earlier registration; the reference body must not have moved since.
        It must be of this case and reference body, and one check point is touched first.
    needle
        Name of the navigated tool.
    reference
        Name of the reference body.
    fps
        Pictures per second of a recording that does not say.
    save
        Write the registration that was made to this file.
    seed
        With --twin: other pose of the phantom, other hand, other noise.
    """
    choose_language(language)
    if twin:
        from phantoms.demo.live_demo import run_twin

        if rig or tool or case or camera or images or poses:
            raise InputError("nav live: --twin brings its own rig, tools, case and cameras")
        run_twin(seed, console())
        return
    from nav.run_live import live_job, run_live

    job = live_job(
        rig,
        tool or [],
        case,
        poses,
        cameras=tuple(camera or []),
        images=images,
        registration=registration,
        needle=needle,
        reference=reference,
        fps=fps,
        save=save,
    )
    run_live(job, console())


@app.command
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


@app.command
def reconstruct(
    source: InputPath,
    *,
    output: Annotated[Path | None, OutputFolder()] = None,
    series: str | None = None,
    list_series: Annotated[bool, Parameter(name="--list", negative="")] = False,
    name: str = "reconstruction",
    phantom: InputPath | None = None,
    labels: InputPath | None = None,
    numbering: str | None = None,
    label_sigma: float = 0.5,
    keep_labels: Annotated[bool, Parameter(negative="")] = False,
    seeds: Annotated[list[InputPath] | None, Parameter(name="--seeds", negative="")] = None,
    box: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    corrections: InputPath | None = None,
) -> None:
    """Reconstruct the upper cervical spine of a CT: bones, cord, dura, arteries, skin, as a case.

    Example: nav reconstruct scan/ --output case

    Example: nav reconstruct scan/ --output case --phantom kit/kit.toml

    Finds C1 to C4 by itself, separates them, and places their surfaces between the voxels; follows
    the vertebral arteries where there is contrast; estimates cord and dura from the canal. Each
    surface carries its own standard deviation, at every vertex. What the scan does not show is
    said, never made up. Writes case.toml, meshes, the scan cropped to the neck (volume.nii.gz) and
    overview.png. Nothing that names a patient is written.

    Parameters
    ----------
    source
        Folder of DICOM files, or a NIfTI, NRRD or MetaImage file.
    output
        Folder of the case; required unless --list is given.
    series
        Number of the DICOM series to take; by default the best one.
    list_series
        Show the folder's series and stop.
    name
        Of the case.
    phantom
        The scan is of a printed phantom: kit.toml of its kit, or the kit's folder. It is found
        whichever way it lies in the scanner; bones, tubes, sac and gel are placed by the grey
        values, each bone by itself; divots become the case's fiducials. Writes also how far the
        print is from its STL: deviation.csv, and deviation.png in colours.
    labels
        Label map of the same scan (.seg.nrrd, NIfTI, DICOM SEG, a folder of masks), whose
        structures replace ours; bones are refined by the grey values.
    numbering
        What its labels are, where its file does not say: verse, totalsegmentator, or
        "1=C1,2=C2,9=spinal cord".
    label_sigma
        One standard deviation of the labels' own error, mm.
    keep_labels
        Take bones as they are labelled, too, not refined.
    seeds
        Points (.mrk.json, .fcsv) called C1, C2, "artery left" and so on: where bones are, or what
        arteries run through; give it once for each file.
    box
        Where the middle of C2 is looked for: a Markups ROI, or "x y z x y z" of two corners, LPS,
        mm.
    corrections
        corrections.toml of a case of the same scan: what was said and painted there is repeated.
    """
    from nav.reconstruction.reconstruct_command import GuideOptions, reconstruct_scan, show_series

    if list_series:
        show_series(source, console())
        return
    if output is None:
        raise InputError("--output: missing; give the folder of the case that is to be written")
    if phantom is not None:
        from nav.reconstruction.printed.reconstruct_kit_command import reconstruct_phantom

        reconstruct_phantom(source, output, phantom, series, name, console())
        return
    options = GuideOptions(
        labels, numbering, label_sigma, keep_labels, tuple(seeds or ()), box, corrections
    )
    reconstruct_scan(source, output, series, name, console(), options)


@app.command
def plan(
    case: InputPath,
    *,
    output: Annotated[Path, OutputFolder()],
    side: str = "both",
    gauge: int = 17,
    bevel: Bevel = "tuohy",
    length: float = 90.0,
    bevel_unknown: Annotated[bool, Parameter(negative="")] = False,
    angle: float = 20.0,
    line: Annotated[list[InputPath] | None, Parameter(name="--line", negative="")] = None,
    registration: InputPath | None = None,
    errors: InputPath | None = None,
    ct: InputPath | None = None,
    artery: float | None = None,
    cord: float | None = None,
    bone: float = 0.5,
    artery_in_gap: float | None = None,
    accept_artery_in_gap: Annotated[bool, Parameter(negative="")] = False,
    artery_probability: float = 0.01,
    cord_probability: float = 0.25,
    seed: int = 0,
    pictures: bool = True,
) -> None:
    """Plan a lateral C1-C2 puncture: the safest straight paths of both sides, and the catheter.

    Example: nav plan case/case.toml --output plan

    Looks at more than 20,000 paths from the skin through the gap between C1 and C2 to the space
    behind the cord. Writes a new case folder with the plans in it, for `nav live`: case.toml and
    meshes, plan.toml, summary.json, overview.png, radiograph.png, skin_risk.png and .ply, and each
    path as a line for 3D Slicer (.mrk.json).

    Exit code 4 where neither side has a path that keeps the limits; what blocks them is said, and
    everything is written.

    Parameters
    ----------
    case
        case.toml with bones named C1 and C2, dura or cord, and skin.
    output
        Folder of the new case.
    side
        left, right or both.
    gauge
        Of the needle, 14 to 25.
    bevel
        tuohy, cutting or pencil: how it bends.
    length
        Of the needle from hub to tip, mm.
    bevel_unknown
        The bevel's opening is not kept facing caudad: the needle may drift to any side.
    angle
        Largest angle to the lateral direction, degrees.
    line
        A line of 3D Slicer's (.mrk.json) to judge the same way; give it once for each.
    registration
        registration.toml whose covariance is taken instead of the one the fiducials would give.
    errors
        errors.toml: other standard deviations than those assumed.
    ct
        CT that the radiograph is computed from: DICOM folder, NIfTI, NRRD or MetaImage; by default
        volume.nii.gz beside the case, else its surfaces are drawn.
    artery
        Least clearance of the shaft to arteries, mm; by default each one's danger limit.
    cord
        Least clearance to the cord, mm; by default its danger limit.
    bone
        Least clearance to bone, mm.
    artery_in_gap
        Least clearance to an artery that runs in the gap, mm; by default its caution limit.
    accept_artery_in_gap
        Offer paths on the side of an artery that enters the canal in the gap, with a warning.
    artery_probability
        Highest probability of touching an artery, 0 to 1.
    cord_probability
        Highest probability of touching the cord, 0 to 1.
    seed
        Of the search.
    pictures
        Draw them; --no-pictures saves some seconds.
    """
    from nav.planning.needle_deviation import Needle
    from nav.planning.obstacles import Limits
    from nav.planning.plan_command import PlanOptions, plan_case, sides_of

    limits = Limits(
        artery=artery,
        cord=cord,
        bone=bone,
        artery_in_gap=artery_in_gap,
        accept_artery_in_gap=accept_artery_in_gap,
        artery_probability=artery_probability,
        cord_probability=cord_probability,
    )
    options = PlanOptions(
        sides_of(side),
        Needle(gauge, bevel, length, not bevel_unknown),
        limits,
        angle,
        tuple(line or ()),
        registration,
        errors,
        ct,
        seed,
        pictures,
    )
    plan_case(case, output, options, console())


@app.command
def view(
    case: InputPath,
    *,
    screenshot: Annotated[Path | None, Output(PICTURE)] = None,
    at: tuple[float, float, float] | None = None,
    window: str = "bone",
    sigma: Annotated[bool, Parameter(negative="")] = False,
    hide: Annotated[list[str] | None, Parameter(name="--hide", negative="")] = None,
    show: Annotated[list[str] | None, Parameter(name="--show", negative="")] = None,
    size: str = "1920x1080",
    line: Annotated[list[InputPath] | None, Parameter(name="--line", negative="")] = None,
) -> None:
    """Look at a case: slices of its scan with contours, and the surfaces in 3D.

    Example: nav view case

    Click or drag in a slice to move the cross-hair, turn the wheel to step through slices, drag
    with the right button to change grey values. What the reconstruction lacks stands in the
    window. Lines are drawn or moved with their clearances and risk beside them; structures are
    painted, or placed by seeds, and the steps that depend on it run again. Screenshots and lines
    are written to the current folder, corrections into the case, which keeps what it was.

    Parameters
    ----------
    case
        case.toml, or its folder.
    screenshot
        Write a picture of the window (.png) instead of opening it; needs no display.
    at
        Where the cross-hair is at first: LPS, mm.
    window
        Grey values: bone, soft tissue or artery.
    sigma
        Colour surfaces by their standard deviation.
    hide
        Name of a structure to hide; give it once for each.
    show
        Name of a structure to show that is hidden at first, as the skin is.
    size
        Of the picture, pixels.
    line
        A line set by hand (.mrk.json): shown with its score, and movable; once for each.
    """
    from nav.view.case.view_command import ViewOptions, view_case

    options = ViewOptions(
        at, window, sigma, tuple(hide or ()), tuple(show or ()), size, tuple(line or ())
    )
    view_case(case, options, screenshot, console())


@app.command
def doctor() -> None:
    """Is this computer ready? Cameras, graphics, libraries, disk: each 'ok' or what to do."""
    from nav.doctor import print_doctor

    sys.exit(print_doctor())


@case_app.command(name="export")
def case_export(
    case: InputPath,
    *,
    output: Annotated[Path, OutputFolder()],
    format: Annotated[list[str], Parameter(name="--format", negative="")],
    spacing: float = 0.5,
) -> None:
    """Write a case in formats of other programs: meshes, segmentations, points.

    Example: nav case export case/case.toml --output exported --format stl --format seg.nrrd

    Parameters
    ----------
    case
        case.toml, or its folder.
    output
        Folder to write.
    format
        stl, obj, ply, vtp (one file for each structure), 3mf (one for all), seg.nrrd (3D Slicer),
        dicom-seg (with the CT series it refers to; nobody's name is in it), mrk.json (fiducials and
        plans); give it once for each.
    spacing
        Voxels of a segmentation where the case has no scan, mm; else those of the scan are taken.
    """
    from nav.exchange.exchange_command import export_files

    export_files(case, output, format, spacing, console())


@case_app.command(name="import")
def case_import(
    source: InputPath,
    *,
    output: Annotated[Path, OutputFolder()],
    role: Annotated[list[str] | None, Parameter(name="--role", negative="")] = None,
    sigma: Annotated[list[str] | None, Parameter(name="--sigma", negative="")] = None,
    check: Annotated[list[str] | None, Parameter(name="--check", negative="")] = None,
    space: str | None = None,
    labels: str | None = None,
    ct: InputPath | None = None,
    name: str = "imported",
) -> None:
    """Make a case of models, points or a segmentation that another program has saved.

    Example: nav case import scene.mrb --output case --sigma 0.5 --check V1

    Roles are guessed from names (C1, atlas, vertebral artery left, spinal cord, dura, skin, ...,
    German and Latin ones too). What is wrong or unsure is said all at once, with what to add.

    Parameters
    ----------
    source
        Scene of 3D Slicer (.mrb, .mrml), folder of models (STL, OBJ, PLY, VTP, VTK) with points
        (.mrk.json, .fcsv), or a label map: .seg.nrrd, NIfTI, a folder of masks, DICOM SEG.
    output
        Folder of the case.
    role
        NAME=ROLE: bone, cord, dura, artery, skin, support, other, or none to leave it out; give it
        once for each. *=ROLE is for all whose name says nothing.
    sigma
        One standard deviation of the surfaces' own error, mm, or NAME=mm for one of them. Needed
        for models; label maps have that of their voxels.
    check
        Label of a fiducial that is only checked, never used for registering; give it once for each.
    space
        lps or ras: what models are in whose files do not say it. Without, LPS.
    labels
        What the numbers of a label map mean that does not say it: verse, totalsegmentator, or
        "1=C1,2=C2,9=spinal cord".
    ct
        The scan that a label map was made from: is it there?
    name
        Of the case.
    """
    from nav.exchange.exchange_command import import_files, is_ras, numbering_of
    from nav.exchange.importer import ImportOptions

    options = ImportOptions(
        tuple(role or ()),
        tuple(sigma or ()),
        tuple(check or ()),
        is_ras(space),
        numbering_of(labels),
        ct,
    )
    import_files(source, output, name, options, console())


@twin_app.command(name="images")
def twin_images(
    *,
    out: Annotated[Path, OutputFolder(refuse_foreign)],
    frames: int = 60,
    seed: int = 0,
    rig: InputPath | None = None,
    blur: float = 1.0,
    noise: float = 2.0,
    shot: float | None = None,
    exposure_ms: float = 5.0,
    gamma: float = 1.0,
    gradient: float = 0.15,
    hide: float = 0.0,
    speed: float = 40.0,
    plain: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Simulated camera pictures with their truth, to test any tracker with.

    Writes a folder of PNGs for each camera, rig.toml, needle.toml, reference.toml, times.csv and
    truth.csv (true poses in the rig frame, columns as poses.csv).

    Parameters
    ----------
    out
        Folder to write; must be empty or not there yet.
    frames
        Number of frame sets.
    rig
        Another rig than the default two cameras of 1920 x 1200.
    blur
        Defocus, standard deviation, px.
    noise
        Read noise, standard deviation, grey levels.
    shot
        Electrons per grey level for shot noise; none by default.
    exposure_ms
        Exposure time, ms: what moves meanwhile is blurred.
    gamma
        Display gamma; 1 is a linear camera.
    gradient
        Brightness of the right edge less the left one, relative to the middle.
    hide
        Share of the needle's markers hidden by a finger-like patch in each frame, 0 to 1.
    speed
        Speed of the hand, mm/s.
    plain
        An even grey background instead of the phantom.
    """
    from phantoms.twin.images import ImageSettings, write_images
    from phantoms.twin.sensor import Optics

    optics = Optics(blur, noise, shot, exposure_ms / 1000.0, gamma, (gradient, -gradient / 2))
    settings = ImageSettings(frames, seed, rig, optics, hide, speed, plain)
    write_images(out, settings, console())


def _say_kept(old: Path, copy: Path) -> None:
    console().print(f"the old {old.name} is kept as {copy.name}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: bad input is one line and exit code 2, never a traceback.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of the process's own; then an unexpected error is raised rather than reported.
    """
    if arguments is not None:
        code = _run(arguments, Console(stderr=True, soft_wrap=True, width=MESSAGE_WIDTH))
        sys.exit(code)
    terminal, log = take_terminal()
    level = os.environ.get("NAV_LOG", "").strip().upper() or "WARNING"
    logging.basicConfig(level=level if level in LOG_LEVELS else "WARNING")
    err = Console(file=terminal, soft_wrap=True, width=MESSAGE_WIDTH)
    if level not in LOG_LEVELS:
        _say(err, f"NAV_LOG: expected one of {', '.join(LOG_LEVELS)}, got {level:.40}")
        sys.exit(BAD_INPUT)
    # a command of its own: what is half written is removed on the way out
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: sys.exit(TERMINATED))
    try:
        code = _run(None, err)
    except Exception as error:
        logging.exception("unexpected error")
        _say(err, f"unexpected error, please report it: {type(error).__name__}: {error}")
        if log is not None:
            _say(err, f"the details are in {log}")
        code = UNEXPECTED
    sys.stdout.flush()
    failure = getattr(sys.stdout, "failure", None)
    if failure is not None:
        done = "" if code else "; apart from that the command was completed"
        _say(err, f"standard output: cannot be written: {failure.strerror or failure}{done}")
        code = code or BAD_INPUT
    sys.exit(code)


def _run(arguments: Sequence[str] | None, err: Console) -> int | str | None:
    """Run a command and return its exit code."""
    try:
        choose_language()
        command, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
        if inspect.isfunction(command):  # not cyclopts' own --help and --version
            check_outputs(command, bound_values(bound))
        with backups_told_to(_say_kept):
            app(arguments, exit_on_error=False, print_error=False)
    except SystemExit as end:
        return end.code
    except CycloptsError as error:
        _say(err, f"{error} (see --help)")
        return BAD_INPUT
    except InputError as error:
        _say(err, str(error))
        return BAD_INPUT
    except IncompleteInput as error:
        _say(err, str(error))
        return INCOMPLETE_INPUT
    except NothingSafe as error:
        _say(err, str(error))
        return NOTHING_SAFE
    except OSError as error:
        file = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        _say(err, f"{file}{error.strerror or error}")
        logging.debug("where it happened", exc_info=error)
        return BAD_INPUT
    except MemoryError:
        _say(err, "not enough memory; close other programs, or give smaller files")
        return BAD_INPUT
    except KeyboardInterrupt:
        _say(err, "interrupted")
        return INTERRUPTED
    return 0


def _say(err: Console, text: str) -> None:
    err.print(f"nav: {one_line(text)}", markup=False, highlight=False, emoji=False)


if __name__ == "__main__":
    main()
