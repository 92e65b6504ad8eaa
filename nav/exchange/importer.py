"""Import a case from what another program has saved; all problems are reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nav.core.errors import InputError
from nav.core.files import sha256
from nav.core.frames import Array
from nav.exchange.import_candidates import Candidate, candidates_of, read_masks, with_roles
from nav.exchange.import_sources import (
    MODEL_SUFFIXES,
    ImportedShape,
    Sources,
    has_suffix,
    values_by_structure,
)
from nav.exchange.imported_shapes import usual_sigma
from nav.exchange.model_folder import files_below, read_model_folder
from nav.exchange.plausible import frame_problem
from nav.exchange.pointsource import read_points
from nav.exchange.shared_words import shared_words, without_words
from nav.exchange.slicer_scene import opened_scene
from nav.exchange.structure_names import plain as plain_name
from nav.model.case import DEFAULT_LIMITS, ROLE_ORDER, Case, Role, Structure
from nav.model.plausible_case import MOST_SIGMA, check_case
from nav.model.surface import Surface
from nav.reconstruction.labelmap_check import compare_with_scan
from nav.reconstruction.labelnumbers import Numbering
from nav.reconstruction.reading import read_volume

SUGGESTED_SIGMA = 0.5  # mm, of surfaces segmented by hand or program in a CT of common resolution
Tell = Callable[[str], None]


@dataclass(frozen=True)
class ImportOptions:
    """The user's statements about a source.

    Parameters
    ----------
    roles : tuple of str
        NAME=ROLE.
    sigma : tuple of str
        NAME=mm, or mm for all.
    checks : tuple of str
        Labels of fiducials that are only checked.
    is_ras : bool, optional
        Whether models are in RAS where their files do not say it.
    numbering : str or dict of int to str, optional
        Of a label map's labels.
    scan : Path, optional
        The CT that a label map belongs to.
    """

    roles: tuple[str, ...] = ()
    sigma: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    is_ras: bool | None = None
    numbering: Numbering | None = None
    scan: Path | None = None


@dataclass(frozen=True)
class ImportedCase:
    """A case, and where it is from.

    Parameters
    ----------
    case : Case
        As it would be loaded.
    made_from : dict of str to str
        Source of each structure, in words.
    left_out : tuple of str
        What of the source is not in it.
    remarks : tuple of str
        What a user should know.
    kind : str or None
        Of a label map.
    spacing : tuple of three float, or None
        Of the label map, mm.
    inputs : tuple of tuple (str, str)
        SHA-256 of the files it was made from, by generated names, since their own may be a
        patient's.
    """

    case: Case
    made_from: dict[str, str]
    left_out: tuple[str, ...]
    remarks: tuple[str, ...]
    kind: str | None
    spacing: tuple[float, float, float] | None
    inputs: tuple[tuple[str, str], ...] = ()


def import_case(
    source: Path, name: str, options: ImportOptions, report: Tell = lambda _: None
) -> ImportedCase:
    """Make a case of a scene, a folder of models and points, or a label map.

    Parameters
    ----------
    source : Path
        .mrb, .mrml, a folder, .seg.nrrd, NIfTI or DICOM SEG.
    name : str
        Of the case.
    options : ImportOptions
        The user's statements about the source.
    report : callable
        Called with a description of each step.

    Returns
    -------
    ImportedCase
        The case with its sources and remarks.

    Raises
    ------
    InputError
        Everything that is wrong, in one line: structures whose role is not known, surfaces that
        are not closed or whose sigma is not given, points that are not placed, another coordinate
        system or unit than meant, a single model in place of a folder.
    """
    with ExitStack() as stack:
        report("reading the source")
        found = _sources(source, stack)
        kind, masks, skipped = read_masks(source, found, options.numbering, options.roles)
        candidates = candidates_of(found, masks, options.is_ras)
        if not candidates and not found.problems:
            raise InputError(
                f"{source}: has no models and no label map; expected STL, OBJ, PLY, VTP or VTK, a "
                "scene of 3D Slicer, .seg.nrrd, NIfTI or DICOM SEG"
            )
        problems = [*found.problems]
        chosen, left_out = with_roles(candidates, options.roles, problems)
        shapes, remarks = _shapes(chosen, options, problems, report)
        report("points and plans")
        words = shared_words([model.name for model in found.models])
        named = [replace(point, name=without_words(point.name, words)) for point in found.points]
        points = read_points(named, options.checks, _inside(shapes))
        problems += points.problems
        if options.scan is not None:
            problems += _against_scan(chosen, options.scan, report)
        structures = _structures(shapes)
        case = Case(name, structures, points.fiducials, points.plans)
        _refuse_elsewhere(chosen, skipped, problems)
        case = _checked(case, source, options, chosen, problems)
        if problems:
            raise InputError(_all_in_one_line(source, problems))
        spacing = None
        if masks:
            x, y, z = next(iter(masks.values())).spacing.tolist()
            spacing = (x, y, z)
        return ImportedCase(
            case,
            {s.name: s.origin for s in shapes},
            (*found.left_out, *left_out, *skipped, *points.left_out),
            (*remarks, *_missing(case)),
            kind,
            spacing,
            _inputs(source, found),
        )


def _sources(source: Path, stack: ExitStack) -> Sources:
    if has_suffix(source, (".mrb", ".mrml")):
        return stack.enter_context(opened_scene(source))
    if source.is_dir():
        scenes = [p for p in files_below(source) if has_suffix(p, (".mrml", ".mrb"))]
        if len(scenes) == 1:
            return stack.enter_context(opened_scene(scenes[0]))
        if scenes:
            names = ", ".join(p.name for p in scenes[:4])
            raise InputError(f"{source}: has {len(scenes)} scenes ({names}); give one of them")
        return read_model_folder(source)
    if has_suffix(source, MODEL_SUFFIXES):
        raise InputError(f"{source}: is one model; give the folder of all of a neck's models")
    return Sources()


def _shapes(
    chosen: Sequence[Candidate], options: ImportOptions, problems: list[str], report: Tell
) -> tuple[list[ImportedShape], list[str]]:
    """Return surfaces with their sigma; what cannot be one is added to the problems."""
    names = {c.name: c.own for c in chosen} | {c.own: c.own for c in chosen}
    given, plain, wrong = values_by_structure(list(options.sigma), "--sigma", names)
    problems += wrong
    sigmas = {own: _millimetres(f"{own}={word}", word, problems) for own, word in given.items()}
    for_all = [_millimetres(word, word, problems) for word in plain]
    if len(plain) > 1:
        problems.append("--sigma: give one number for all, and NAME=mm for others")
    shapes, without = [], []
    for candidate in chosen:
        report(f"surface: {candidate.name}")
        try:
            surface = candidate.load()
        except InputError as error:
            problems.append(str(error))
            continue
        known = sigmas.get(candidate.own, sigmas.get("*", for_all[0] if for_all else None))
        if known is not None:
            surface = Surface(surface.vertices, surface.triangles)  # the user's sigma counts
        else:
            known = usual_sigma(surface)
        if known is None and candidate.own not in sigmas and not plain:
            without.append(candidate.name)
        origin = "label map" if candidate.mask is not None else "model"
        shapes.append(
            ImportedShape(
                candidate.name, candidate.role or "other", origin, surface, known, candidate.mask
            )
        )
    if without:
        problems.append(
            f"sigma of {', '.join(without)} is not known: a surface from elsewhere does not say "
            "how far it is from the truth, and every bound needs that; add --sigma with one "
            f"standard deviation in mm (about {SUGGESTED_SIGMA:g} for surfaces segmented in a CT), "
            "or --sigma NAME=mm for each"
        )
    return shapes, _label_remarks(chosen, bool(options.sigma))


def _label_remarks(chosen: Sequence[Candidate], has_sigma: bool) -> list[str]:
    masks = [c.mask for c in chosen if c.mask is not None]
    remarks = []
    if masks and not has_sigma:
        remarks.append(
            "sigma is that of the voxels of the label map alone, as if its labels were right; "
            "if their own error is known, give it with --sigma"
        )
    cut = [c.name for c in chosen if c.mask is not None and c.mask.touches_border]
    if cut:
        remarks.append(f"the label map ends within {', '.join(cut)}: closed there by a plane")
    return remarks


def _millimetres(shown: str, word: str, problems: list[str]) -> float | None:
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0.0 < value <= MOST_SIGMA:
        problems.append(f"--sigma {shown}: expected mm, above 0 and at most {MOST_SIGMA:g}")
        return None
    return value


def _structures(shapes: Sequence[ImportedShape]) -> tuple[Structure, ...]:
    made = []
    for shape in sorted(shapes, key=lambda s: ROLE_ORDER.index(s.role)):
        caution, danger = DEFAULT_LIMITS.get(shape.role, (None, None))
        role: Role = shape.role  # type: ignore[assignment]
        made.append(Structure(shape.name, role, shape.surface, caution, danger, shape.sigma or 0.0))
    return tuple(made)


def _inside(shapes: Sequence[ImportedShape]) -> Array:
    """Return a point of the canal: the middle of cord or dura, else of everything."""
    for roles in (("cord",), ("dura",), ROLE_ORDER):
        points = [s.surface.vertices for s in shapes if s.role in roles]
        if points:
            return np.concatenate(points).mean(axis=0)
    return np.zeros(3)


def _against_scan(chosen: Sequence[Candidate], scan: Path, report: Tell) -> list[str]:
    bones = [c.mask for c in chosen if c.role == "bone" and c.mask is not None]
    if not bones:
        return ["--ct: there are no labels of bones to compare it with"]
    report("comparing with the scan")
    agreement = compare_with_scan(bones, read_volume(scan).volume)
    if agreement.agrees:
        return []
    inside = f"{100.0 * agreement.inside:.0f} % of the bones' voxels lie within the scan"
    grey = (
        "" if np.isnan(agreement.hounsfield) else f", their mean is {agreement.hounsfield:.0f} HU"
    )
    shift = ""
    if agreement.shift is not None:
        way = "higher" if agreement.shift > 0 else "lower"
        shift = f"; they would fit {abs(agreement.shift):.0f} mm {way}"
    return [
        f"the label map is not where {scan.name} is: {inside}{grey}, expected bone{shift}; "
        "was it made from another scan, or was its header changed?"
    ]


def _checked(
    case: Case,
    source: Path,
    options: ImportOptions,
    chosen: Sequence[Candidate],
    problems: list[str],
) -> Case:
    """Return the case with warnings about what is unusual; the impossible becomes a problem."""
    if not case.structures:
        return case
    try:
        case = replace(case, warnings=check_case(case, str(source)))
    except InputError as error:
        problems.append(str(error).removeprefix(f"{source}: "))
    if options.is_ras is None:
        problem = frame_problem(case, all(c.mask is not None for c in chosen))
        if problem is not None:
            problems.append(problem)
    return case


def _inputs(source: Path, found: Sources) -> tuple[tuple[str, str], ...]:
    """Return hashes of the source, or of the models and points of a folder."""
    files = [source] if source.is_file() else [f.path for f in (*found.models, *found.points)]
    return tuple(
        (f"source {k}{''.join(path.suffixes[-1:])}", sha256(path))
        for k, path in enumerate(files, start=1)
    )


def _refuse_elsewhere(
    chosen: Sequence[Candidate], skipped: Sequence[str], problems: list[str]
) -> None:
    """Add a problem if there are vertebrae, but none of the neck: another part of the body."""
    others = [name for name in skipped if re.search(r"\bvertebra", plain_name(name))]
    if others and not any(c.role == "bone" for c in chosen):
        problems.append(
            f"shows {', '.join(others[:6])}, but no cervical vertebra: another part of the body"
        )


def _missing(case: Case) -> list[str]:
    """Return what a case lacks that navigation or planning needs, a sentence each."""
    gaps = []
    for role, what in (("artery", "artery"), ("cord", "cord")):
        if not case.of_role(role):
            gaps.append(f"there is no {what}: nav live needs one")
    names = {s.name for s in case.of_role("bone")}
    if not {"C1", "C2"} <= names or not case.of_role("skin"):
        gaps.append("nav plan needs bones C1 and C2, and skin; not all are there")
    return gaps


def _all_in_one_line(source: Path, problems: Sequence[str]) -> str:
    if len(problems) == 1:
        return f"{source}: {problems[0]}"
    numbered = "; ".join(f"({k}) {problem}" for k, problem in enumerate(problems, start=1))
    return f"{source}: {len(problems)} problems: {numbered}"
