"""Run `nav plan`: from a case to a new one with its plans, tables and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from nav.core.errors import InputError, NothingSafe
from nav.core.files import load_toml
from nav.core.frames import Array
from nav.guidance.bending import DIAMETER
from nav.model.case import Case, CaseFile, load_case
from nav.planning import plan_text
from nav.planning.catheter import Catheter, CatheterPath, catheter_path
from nav.planning.errorfile import load_errors
from nav.planning.gap import find_gap
from nav.planning.judging import on_skin
from nav.planning.landmarks import find_landmarks
from nav.planning.needle_deviation import ErrorModel, Needle
from nav.planning.obstacles import Limits
from nav.planning.path_candidates import SIDES, SearchSettings, skin_of
from nav.planning.plan import PlanSettings, plan_trajectories
from nav.planning.plan_files import CASE, Planned, Write, check_output, write_plan
from nav.planning.plan_result import PlannedPath, TrajectoryPlan
from nav.reconstruction.volume import Volume
from nav.registration.markupsline import read_line
from nav.registration.registration_result import RegistrationFile, load_registration
from nav.registration.reuse import made_for_other_case

VOLUME_FILE = "volume.nii.gz"  # of a reconstructed case
BEVELS = ("tuohy", "cutting", "pencil")
NEEDLE_LENGTHS = (40.0, 250.0)  # mm, hub to tip


@dataclass(frozen=True)
class PlanOptions:
    """The command's options, as given; see `nav plan --help`.

    Parameters
    ----------
    sides : tuple of str
        "left", "right" or both.
    needle : Needle
        Gauge, bevel and length.
    limits : Limits
        Least clearances, mm, and largest probabilities.
    angle : float
        Largest angle to the lateral direction, degrees.
    lines : tuple of Path
        Lines set by hand, to be judged as well.
    registration, errors, ct : Path, optional
        A registration, an errors.toml, and the CT that the radiograph is computed from.
    seed : int
        Of the search's random numbers.
    pictures : bool
        Whether pictures are written.
    """

    sides: tuple[str, ...] = ("left", "right")
    needle: Needle = field(default_factory=Needle)
    limits: Limits = field(default_factory=Limits)
    angle: float = 20.0
    lines: tuple[Path, ...] = ()
    registration: Path | None = None
    errors: Path | None = None
    ct: Path | None = None
    seed: int = 0
    pictures: bool = True


def plan_case(case: Path, output: Path, options: PlanOptions, console: Console) -> None:
    """Plan on a case, print a table for each side, write the folder.

    Parameters
    ----------
    case : Path
        A case.toml, or the folder of one.
    output : Path
        Folder of the new case.
    options : PlanOptions
        As given on the command line.
    console : rich.console.Console
        Tables and progress are printed to it.

    Raises
    ------
    InputError
        Bad options, a case that lacks what planning needs, files that cannot be read or written.
    NothingSafe
        No side has a path that keeps the limits; everything has been written by then.
    """
    _check(options)
    path = case / CASE if case.is_dir() else case
    check_output(path, output)
    with console.status("reading the case"):
        loaded = load_case(path)
    for warning in loaded.warnings:
        console.print(f"warning: {warning}")
    settings = _settings(options)
    for warning in _of_other_case(options.registration, loaded, path):
        console.print(f"warning: {warning}")
    gap = find_gap(loaded)
    lines = [on_skin(skin_of(loaded), read_line(line, gap.centre)) for line in options.lines]
    with console.status("planning") as status:
        plan = plan_trajectories(
            loaded, settings, lines, lambda step: status.update(f"planning: {step}")
        )
        plan = _numbered(plan)
        status.update("planning: the catheter's path")
        catheter, reason = _catheter(loaded, plan)
    landmarks = find_landmarks(loaded, plan.gap)
    planned = Planned(plan, catheter, landmarks, options.seed)
    with console.status("drawing and writing"):
        pictures = []
        if options.pictures:
            pictures = _pictures(loaded, planned, _volume(options.ct, path, loaded))
        write_plan(path, output, planned, pictures)
    _print_plan(console, planned, reason)
    console.print(f"written: {output}")
    if plan.best is None:
        raise NothingSafe(
            f"{loaded.name}: no side has a path that keeps the limits; what blocks them is above"
        )


def _check(options: PlanOptions) -> None:
    needle = options.needle
    if needle.gauge not in DIAMETER:
        raise InputError(
            f"--gauge: expected {min(DIAMETER)} to {max(DIAMETER)}, got {needle.gauge}"
        )
    if needle.bevel not in BEVELS:
        raise InputError(f"--bevel: expected {', '.join(BEVELS)}, got {needle.bevel!r:.40}")
    low, high = NEEDLE_LENGTHS
    if not low <= needle.length <= high:
        raise InputError(
            f"--length: expected {low:g} to {high:g} mm from hub to tip, got {needle.length:g}"
        )
    if not 2.0 <= options.angle <= 45.0:
        raise InputError(f"--angle: expected 2 to 45 degrees, got {options.angle:g}")
    if options.seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {options.seed}")
    for name in ("artery", "cord", "bone", "artery_in_gap"):
        value = getattr(options.limits, name)
        if value is not None and not 0.0 <= value <= 20.0:
            raise InputError(f"--{name.replace('_', '-')}: expected 0 to 20 mm, got {value:g}")
    for name in ("artery_probability", "cord_probability"):
        value = getattr(options.limits, name)
        if not 0.0 < value <= 1.0:
            raise InputError(f"--{name.replace('_', '-')}: expected more than 0, at most 1")


def sides_of(word: str) -> tuple[str, ...]:
    """Return the sides that left, right or both means.

    Parameters
    ----------
    word : str
        As given on the command line.

    Returns
    -------
    tuple of str
        "left", "right" or both.

    Raises
    ------
    InputError
        Another word.
    """
    if word == "both":
        return tuple(SIDES)
    if word not in SIDES:
        raise InputError(f"--side: expected left, right or both, got {word!r:.40}")
    return (word,)


def _settings(options: PlanOptions) -> PlanSettings:
    registered: Array | None = None
    if options.registration is not None:
        registered = load_registration(options.registration).model_from_reference.covariance
    return PlanSettings(
        options.needle,
        options.limits,
        ErrorModel() if options.errors is None else load_errors(options.errors),
        SearchSettings(angle=float(np.radians(options.angle)), sides=options.sides),
        registered,
        options.seed,
    )


def _of_other_case(registration: Path | None, case: Case, path: Path) -> tuple[str, ...]:
    """Return a warning where a registration was made for another case.

    Planning a case makes a new one, so that an earlier registration may well be meant.
    """
    if registration is None:
        return ()
    record = load_toml(registration, RegistrationFile)
    other = made_for_other_case(record, (case.name, path))
    if other is None:
        return ()
    return (f"{registration}: was made for another case ({other}); its error is used all the same",)


def _numbered(plan: TrajectoryPlan) -> TrajectoryPlan:
    """Return the plan with names that tell the paths of a side apart."""
    sides = tuple(
        replace(
            side,
            paths=tuple(
                replace(path, name=f"{side.side} C1-C2 plan {k}")
                for k, path in enumerate(side.paths, start=1)
            ),
        )
        for side in plan.sides
    )
    return replace(plan, sides=sides)


def _catheter(case: Case, plan: TrajectoryPlan) -> tuple[CatheterPath | None, str | None]:
    """Return the catheter's path from the best needle, or why there is none."""
    best = plan.best
    if best is None:
        return None, None
    try:
        needle = plan.deviations.needle
        return catheter_path(case, plan.gap, (best.entry, best.target), needle, Catheter()), None
    except InputError as error:
        return None, f"no catheter path: {error}"


def _volume(given: Path | None, file: Path, case: Case) -> Volume | None:
    """Return the CT for the radiograph: the one given, else the case's own, if any."""
    path = given or file.parent / VOLUME_FILE
    if given is None and not path.is_file():
        return None
    from nav.reconstruction.reading import read_volume

    volume, table = read_volume(path).volume, load_toml(file, CaseFile)
    _refuse_other_scan(f"--ct {path}" if given is not None else f"{path}", volume, case, table)
    return volume


def _refuse_other_scan(what: str, volume: Volume, case: Case, table: CaseFile) -> None:
    """Refuse a scan that does not show the case's bones where the case has them."""
    from nav.reconstruction.surface_check import compare_surfaces_with_scan

    bones = [bone.surface for bone in case.of_role("bone")]
    found = compare_surfaces_with_scan(bones, volume)
    if not found.agrees(
        table.reconstruction is not None and table.reconstruction.chain is not None
    ):
        raise InputError(
            f"{what}: does not show the case's bones: {100.0 * found.inside:.0f} % of their "
            f"surface is within it, where grey values fall by {found.fall:.0f} HU outwards; "
            "expected the scan that the case was made from"
        )


def _pictures(case: Case, planned: Planned, volume: Volume | None) -> list[tuple[str, Write]]:
    from nav.planning.picturefiles import picture_files

    return picture_files(case, planned, volume)


def _print_plan(console: Console, planned: Planned, reason: str | None) -> None:
    plan = planned.plan
    for side in plan.sides:
        shown: Sequence[PlannedPath] = side.paths if side.verdict != "refused" else ()
        if shown:
            console.print(plan_text.side_table(side, tuple(shown)))
            for line in plan_text.narrowest_lines(tuple(shown)):
                console.print(line)
        for line in plan_text.side_lines(side):
            console.print(line)
    if plan.lines:
        for path in plan.lines:
            own = next((s for s in plan.sides if s.side == path.side), plan.sides[0])
            console.print(plan_text.side_table(own, (path,), f"set by hand, from the {path.side}"))
            for line in plan_text.narrowest_lines((path,)):
                console.print(line)
            for line in plan_text.line_lines(path):
                console.print(line)
    best = plan_text.why_best(plan)
    if best is not None:
        console.print(best)
    if planned.catheter is not None:
        for line in plan_text.catheter_lines(planned.catheter, Catheter()):
            console.print(line)
    if reason is not None:
        console.print(reason)
    for line in plan_text.landmark_lines(planned.landmarks):
        console.print(line)
    bend = plan.deviations.bend_sd(60.0)
    console.print(
        f"errors taken into account: tip {plan.deviations.model.tip:g} mm, shaft "
        f"{np.degrees(plan.deviations.model.angle):.1f} degrees, bending {bend:.1f} mm at 60 mm, "
        f"registration {plan.deviations.registration_source}, and each surface's sigma"
    )
