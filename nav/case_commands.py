"""`nav reconstruct`, `plan`, `view` and `case`: each loads what it needs only when it runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from nav.bevels import Bevel
from nav.core.errors import InputError
from nav.core.filekinds import PICTURE
from nav.options import InputPath, Language, Output, OutputFolder
from nav.terminal import console
from nav.text.catalogue import choose_language

case_app = App(name="case", help="Exchange cases with other programs.")


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

    Finds and separates C1 to C4, and places their surfaces between the voxels; follows the
    vertebral arteries where there is contrast; estimates cord and dura from the canal. Each surface
    carries its own standard deviation, at every vertex. What the scan does not show is reported,
    never invented. Writes case.toml, meshes, the scan cropped to the neck (volume.nii.gz) and
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
        corrections.toml of a case of the same scan: its seeds and painting are applied again.
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

    Exit code 4 where neither side has a path that keeps the limits; what blocks them is reported,
    and everything is written.

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
        Draw overview, radiograph and skin risk; --no-pictures saves some seconds.
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
    language: Language = None,
) -> None:
    """View a case: slices of its scan with contours, and the surfaces in 3D.

    Example: nav view case

    Click or drag in a slice to move the cross-hair, turn the wheel to step through slices, drag
    with the right button to change grey values. The window lists what the reconstruction lacks.
    Lines are drawn or moved with their clearances and risk beside them; structures are painted, or
    placed by seeds, and the steps that depend on it run again. Screenshots and lines are written to
    the current folder, corrections into the case, which keeps what it was.

    Parameters
    ----------
    case
        case.toml, or its folder.
    screenshot
        Write an image of the window (.png) instead of opening it; needs no display.
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
        Of the image, pixels.
    line
        A line set by hand (.mrk.json): shown with its score, and movable; once for each.
    """
    from nav.view.case.view_command import ViewOptions, view_case

    choose_language(language)
    options = ViewOptions(
        at, window, sigma, tuple(hide or ()), tuple(show or ()), size, tuple(line or ())
    )
    view_case(case, options, screenshot, console())


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
    German and Latin ones too). Everything wrong or uncertain is reported at once, with what to add.

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
        lps or ras: axes of models whose files do not state them; lps by default.
    labels
        What the numbers of a label map mean that does not say it: verse, totalsegmentator, or
        "1=C1,2=C2,9=spinal cord".
    ct
        The scan that a label map was made from.
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


COMMANDS = (reconstruct, plan, view)
