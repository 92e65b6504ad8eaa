"""`nav phantom`: necks to print, each with the case that navigates it."""

from pathlib import Path
from typing import Annotated, get_args

from cyclopts import App, Parameter
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nav.core.errors import InputError
from nav.core.filekinds import POINTS, VOLUME, toml_kind
from nav.options import OUTPUT_NAMES, InputPath, Output, OutputFolder, beside_suffix
from nav.terminal import console

phantom_app = App(
    name="phantom",
    help=(
        "Upper cervical spines to print, pour and puncture, with the case that navigates them.\n\n"
        "Begin with `nav phantom build --output kit` (the standard neck), and see "
        "`nav phantom list` for the others. Open kit/guide.html: it explains how to print, "
        "assemble and fill."
    ),
    help_format="markdown",
)


def refuse_foreign(path: Path) -> None:
    """Refuse a folder that must not be replaced.

    See `phantoms.kit.export_folder.refuse_foreign`, which is imported only when needed.

    Parameters
    ----------
    path : Path
        The folder; need not exist.

    Raises
    ------
    InputError
        It cannot be replaced, or holds what none of our commands wrote.
    """
    from phantoms.kit import export_folder

    export_folder.refuse_foreign(path)


KitFolder = Annotated[
    Path,
    OutputFolder(refuse_foreign),
    Parameter(name=OUTPUT_NAMES, help="Folder to write: empty, new, or an earlier kit."),
]
Preset = Annotated[
    str | None,
    Parameter(help="Names of nav phantom list joined by +, sides after :. By default standard."),
]
Kind = Annotated[
    str,
    Parameter(help="wet: filled with gel, for training. dry: bones and tubes, for accuracy tests."),
]
AnatomyOnly = Annotated[
    bool, Parameter(negative="", help="Only the case with its meshes: DIR/case.toml, DIR/meshes/.")
]
Settings = Annotated[
    list[str] | None,
    Parameter(
        name="--set", negative="",
        help="NAME=VALUE: one parameter; give it once for each. See nav phantom parameters.",
    ),
]  # fmt: skip
Paper = Annotated[str, Parameter(help="Paper of the marker sheets: a4, letter or a3.")]


@phantom_app.command
def build(
    *,
    output: KitFolder,
    preset: Preset = None,
    kind: Kind = "wet",
    sex: Annotated[str | None, Parameter(help="female, male or mean.")] = None,
    stature: Annotated[float | None, Parameter(help="mm.")] = None,
    set_: Settings = None,
    parameters: Annotated[
        InputPath | None,
        Parameter(help="A TOML file of parameters, for example an earlier kit.toml."),
    ] = None,
    anatomy_only: AnatomyOnly = False,
    paper: Paper = "a4",
) -> None:
    """Build a kit of a named neck: parts to print, marker sheets, case, guide.

    Example: nav phantom build --preset standard --output kit

    Example: nav phantom build --preset female+intersegmental:right --kind wet --output kit-right

    Example: nav phantom build --set window_height=8 --set artery_left.loop=5 --output kit
    --anatomy-only
    """
    from phantoms.kit.build import build_phantom
    from phantoms.recipe import named_recipe

    recipe = named_recipe(preset, sex, stature, set_ or (), parameters)
    build_phantom(recipe, kind, output, paper, anatomy_only, console())


@phantom_app.command
def random(
    *,
    seed: Annotated[int, Parameter(help="0 or more; the same seed gives the same neck.")],
    output: KitFolder,
    kind: Kind = "wet",
    anatomy_only: AnatomyOnly = False,
    paper: Paper = "a4",
) -> None:
    """Build a kit of a neck drawn from the published spreads: a different one for each seed.

    Example: nav phantom random --seed 7 --output kit-7
    """
    from phantoms.kit.build import build_phantom
    from phantoms.recipe import random_recipe

    shown = console()
    with shown.status("drawing a neck"):
        recipe = random_recipe(seed)
    build_phantom(recipe, kind, output, paper, anatomy_only, shown)


@phantom_app.command
def divots(
    *,
    output: Annotated[Path, Output(POINTS, ((beside_suffix(".toml"), toml_kind("points")),))],
    preset: Preset = None,
    kind: Kind = "wet",
    set_: Settings = None,
    parameters: Annotated[
        InputPath | None,
        Parameter(help="A TOML file of parameters, for example a kit's kit.toml."),
    ] = None,
) -> None:
    """Write every place at which a kit could hold a divot, as candidates for nav register design.

    Example: nav phantom divots --parameters kit/kit.toml --output places.csv

    Parameters
    ----------
    output
        Points to write (CSV label,x,y,z, model frame); a .toml of the same stem beside it.
    """
    from phantoms.kit.build import kit_kind
    from phantoms.kit.divot_places import write_divot_places
    from phantoms.recipe import named_recipe

    recipe = named_recipe(preset, settings=set_ or (), file=parameters)
    count = write_divot_places(recipe, kit_kind(kind), output)
    console().print(f"{output}: {count} places", markup=False)


@phantom_app.command
def measure(
    *,
    preset: Preset = None,
    seed: Annotated[int | None, Parameter(help="A random neck instead of a preset.")] = None,
    set_: Settings = None,
    markdown: Annotated[bool, Parameter(negative="", help="As a Markdown table.")] = False,
) -> None:
    """Measure a neck's meshes, beside what is published.

    Example: nav phantom measure --preset female+narrow-gap
    """
    from phantoms.anatomy.standard_neck import standard_anatomy
    from phantoms.measure.measure_table import as_markdown, as_table, measured
    from phantoms.recipe import named_recipe, random_recipe

    if seed is not None and (preset is not None or set_):
        raise InputError("nav phantom measure: --seed draws a neck; leave out --preset and --set")
    recipe = named_recipe(preset, settings=set_ or ()) if seed is None else random_recipe(seed)
    shown = console()
    with shown.status("making and measuring the neck"):
        rows = measured(standard_anatomy(recipe.parameters, recipe.name))
    if markdown:
        print(as_markdown(rows), end="")
    else:
        shown.print(as_table(rows, recipe.name))


@phantom_app.command
def ct(
    *,
    case: Annotated[InputPath, Parameter(help="case.toml, for example of a kit.")],
    output: Annotated[
        Path,
        Output(VOLUME),
        Parameter(name=OUTPUT_NAMES, help="Volume to write: .nii, .nii.gz or .mha."),
    ],
    look: Annotated[
        str, Parameter(help="patient: a CT angiography of this neck. print: the phantom's CT.")
    ] = "patient",
    noise: Annotated[float, Parameter(help="HU, standard deviation.")] = 15.0,
    seed: Annotated[int, Parameter(help="Other noise.")] = 0,
) -> None:
    """Simulate a CT of a case: 0.4 x 0.4 x 0.6 mm, Hounsfield units, patient axes.

    Example: nav phantom ct --case kit/case.toml --output neck.nii.gz
    """
    from nav.model.case import load_case
    from phantoms.twin.simulated_ct import Look, write_ct

    if look not in get_args(Look):
        raise InputError(f"--look: expected {' or '.join(get_args(Look))}, got {look!r}")
    if seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {seed}")
    shown = console()
    with shown.status("filling the volume, about 20 s"):
        write_ct(load_case(case), output, look, noise=noise, seed=seed)  # type: ignore[arg-type]
    shown.print(f"{output}: {look}, for example for 3D Slicer")


@phantom_app.command
def scan(
    *,
    seed: Annotated[
        int, Parameter(help="0 or more; the same seed gives the same scan, of the same neck.")
    ],
    output: Annotated[
        Path,
        OutputFolder(refuse_foreign),
        Parameter(name=OUTPUT_NAMES, help="Folder to write: empty or new."),
    ],
    hard: Annotated[
        bool,
        Parameter(
            negative="",
            help="Of the hard set: any voxels, thin cortex, narrow or fused joints, streaks, "
            "an artery without contrast, bones cut off. Else 0.5 x 0.5 x 0.6 mm, all in view.",
        ),
    ] = False,
    preset: Annotated[
        str | None,
        Parameter(help="A neck by name, as for build, instead of a random one of the seed."),
    ] = None,
    parameters: Annotated[
        InputPath | None,
        Parameter(help="A TOML file of a neck's parameters, for example a kit.toml."),
    ] = None,
    format_: Annotated[
        str, Parameter(name="--format", help="nifti, mha, or dicom: a series of files.")
    ] = "nifti",
    gantry_tilt: Annotated[
        float, Parameter(help="Degrees, -30 to 30; with --format dicom: slices then lean.")
    ] = 0.0,
    markers: Annotated[
        bool,
        Parameter(
            negative="",
            help="Glue twelve beads to the skin, which a reconstruction finds as fiducials; the "
            "field of view then holds the whole neck.",
        ),
    ] = False,
    kit: Annotated[
        InputPath | None,
        Parameter(
            help="kit.toml: scan its print instead of a patient: plastic with infill, gel, the "
            "printer's errors, any attitude with --hard."
        ),
    ] = None,
) -> None:
    """Simulate a random CT of a random neck, with ground truth: to test a segmentation.

    Writes scan.nii.gz (or scan.mha, or dicom/), case.toml with the surfaces as they lie in the
    scan, and truth.toml: what is in view, joints, arteries, all that was drawn.

    Example: nav phantom scan --seed 7 --output scan-7

    Example: nav phantom scan --seed 7 --hard --format dicom --gantry-tilt 12 --output scan-7

    Example: nav phantom scan --seed 7 --kit kit/kit.toml --output print-7
    """
    if kit is not None:
        from phantoms.twin.kit_scan_write import write_kit_scan

        if preset is not None or parameters is not None or gantry_tilt or markers:
            raise InputError(
                "--kit: takes no --preset, --parameters, --gantry-tilt or --markers beside it"
            )
        write_kit_scan(output, kit, seed, hard, format_, console())  # type: ignore[arg-type]
        return
    from phantoms.recipe import named_recipe, random_recipe
    from phantoms.twin.scan_write import ScanSettings, write_scan

    settings = ScanSettings(seed, hard, format_, gantry_tilt, markers)  # type: ignore[arg-type]
    shown = console()
    if preset is None and parameters is None:
        with shown.status("drawing a neck"):
            recipe = random_recipe(seed)
    else:
        recipe = named_recipe(preset, file=parameters)
    write_scan(output, recipe, settings, shown)


@phantom_app.command(name="list")
def list_variants() -> None:
    """List the named variants, what they are, and what they mean for a lateral C1-C2 puncture."""
    from phantoms.anatomy.variants import VARIANTS

    table = Table("name", "what it is", "for the puncture")
    table.add_row("standard", "mean of women and men", "")
    for variant in VARIANTS.values():
        name = f"{variant.name}[:side]" if variant.sided else variant.name
        table.add_row(name, variant.what, variant.danger)
    shown = console()
    shown.print(table)
    shown.print("Sides: left where none is given, right, both. Join names by +.")


@phantom_app.command(name="parameters")
def list_parameters() -> None:
    """List every number that a neck is made from: default, range, unit, source."""
    from phantoms.anatomy.described import described

    shown = console()
    for d in described():
        values = d.default if isinstance(d.default, tuple) else (d.default,)
        default = ", ".join(str(value) for value in values)
        if d.measure is None:
            span = f"one of {', '.join(d.choices)}"
        else:
            span = f"{d.measure.low:g} to {d.measure.high:g} {d.measure.unit}"
        shown.print(Text.assemble((d.name, "bold"), f" = {default}   ({span})"))
        shown.print(Padding(f"{d.what}. {d.source}", (0, 0, 0, 4)))
