"""`nav register surface`: points touched on bone in, registration.toml out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

import nav
from nav.core.errors import InputError
from nav.core.frames import Array, Pose
from nav.model.case import Case, Structure, load_case
from nav.registration.assessment import FLE, check_fle
from nav.registration.bone_motion import find_bone_motion, owners
from nav.registration.goodness_of_fit import LEAST_POINTS, SurfaceFit
from nav.registration.pointfile import load_points
from nav.registration.prepared_surface import PreparedSurface, prepare_surface
from nav.registration.registration_result import write_registration
from nav.registration.reuse import describe_registration
from nav.registration.surface_misfits import explain_misfit, mirror_fits
from nav.registration.surface_pose import FiducialPairs, TouchedSurface, touched_surface
from nav.registration.surface_registration import (
    LEAST_SIGMA,
    MOST_SIGMA,
    SurfaceNotRegistered,
    SurfaceRegistration,
    register_surface,
)
from nav.registration.surface_report import MIRRORED, describe_surface, judge, report_lines
from nav.registration.surface_source import SurfacePoints
from nav.tracking.tool import load_tool

PRINTED = ("C1", "C2")  # the bones that are touched, where a case has more


@dataclass(frozen=True)
class SurfaceFiles:
    """The files of `nav register surface`.

    Parameters
    ----------
    case : Path
        case.toml.
    touched : Path
        Where the points come from.
    output : Path
        registration.toml to write.
    landmarks, points : Path, optional
        Rough landmarks; touched fiducials that are combined with the surface.
    reference : Path, optional
        Tool file of the reference body.
    needle : Path, optional
        Tool file of what was drawn over bone.
    picture : Path, optional
        PNG to write.
    """

    case: Path
    touched: Path
    output: Path
    landmarks: Path | None = None
    points: Path | None = None
    reference: Path | None = None
    needle: Path | None = None
    picture: Path | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All that are read."""
        given = (
            self.case,
            self.touched,
            self.landmarks,
            self.points,
            self.reference,
            self.needle,
        )
        return tuple(path for path in given if path is not None)


def register_surface_files(
    files: SurfaceFiles,
    source: SurfacePoints,
    structures: Sequence[str],
    sigma: float,
    fle: float | None,
    out: Console,
) -> None:
    """Register points touched on bone, judge the result, write it.

    Parameters
    ----------
    files : SurfaceFiles
        What is read and written.
    source : SurfacePoints
        The points, from `files.touched`.
    structures : sequence of str
        Names of the bones that were touched; by default C1 and C2, or all bones of the case.
    sigma : float
        Error of a touch along the normal, mm, one standard deviation.
    fle : float or None
        Fiducial localisation error of `files.points`, mm; None for the default.
    out : Console
        For messages to the user.

    Raises
    ------
    InputError
        A file that is wrong, points that determine no pose, or a pose that is too poor to be used.
        Then nothing is written.
    """
    if not LEAST_SIGMA <= sigma <= MOST_SIGMA:
        raise InputError(
            f"--sigma: expected {LEAST_SIGMA:g} to {MOST_SIGMA:g} mm (one standard deviation), "
            f"got {sigma:g}"
        )
    case = load_case(files.case)
    for warning in case.warnings:
        out.print(f"warning: {warning}", markup=False, soft_wrap=True)
    bones = choose_bones(case, files.case, structures)
    prepared = prepare_surface(
        [bone.surface for bone in bones], [bone.sigma for bone in bones], cache=True
    )
    landmarks = None if files.landmarks is None else _landmarks(case, files.landmarks)
    fiducials = None
    if files.points is not None:
        fiducials = fiducial_pairs(case, files.points, FLE if fle is None else fle)
    names = [bone.name for bone in bones]
    found = _registered(prepared, source, sigma, landmarks, fiducials, files.touched, names)
    mirrored = fiducials is None and mirror_fits(prepared, source.positions, sigma)
    touched = touched_surface(source.positions, source.covariance, sigma**2)
    doubts = _bone_doubts(prepared, touched, found.fit, names, files.touched)
    judged = judge(case, found, mirrored, doubts)
    if judged.word == "repeat":
        raise InputError(f"{files.touched}: {judged.sentence}")
    if mirrored:
        out.print(f"warning: {MIRRORED}", markup=False, soft_wrap=True)
    if files.picture is not None:
        from nav.registration.surface_picture import draw_touches

        draw_touches(prepared, source.positions, found, files.picture)
    body = None
    if files.reference is not None:
        body = (load_tool(files.reference, printed=False).name, files.reference)
    plan = case.default_plan
    table = describe_registration(None, (case.name, files.case), body)
    table |= describe_surface(found, judged, source, names, sigma)
    if plan is not None:
        table["target"] = plan.target
    write_registration(files.output, found.registration, files.inputs, table)
    for line in report_lines(found, judged, source, names, fiducials):
        out.print(line, markup=False, soft_wrap=True)
    for path in (files.output, files.picture):
        if path is not None:
            out.print(f"{path} ({nav.NOTICE.lower()})", markup=False, soft_wrap=True)


def _registered(
    prepared: PreparedSurface,
    source: SurfacePoints,
    sigma: float,
    landmarks: tuple[Array, Array] | None,
    fiducials: FiducialPairs | None,
    path: Path,
    names: Sequence[str],
) -> SurfaceRegistration:
    try:
        found = register_surface(
            prepared, source.positions, source.covariance, sigma, landmarks, fiducials
        )
    except SurfaceNotRegistered as error:
        if error.code in ("does-not-fit", "undetermined"):
            why = explain_misfit(prepared, source.positions, sigma, landmarks)
            if why is not None:
                raise SurfaceNotRegistered(error.code, f"{path}: {why}", error.facts) from None
        if error.code in ("does-not-fit", "ambiguous") and error.facts is not None:
            touched = touched_surface(source.positions, source.covariance, sigma**2)
            motion = find_bone_motion(prepared, touched, error.facts, refused=True)
            if motion is not None:
                raise SurfaceNotRegistered(
                    "bones-moved", f"{path}: {motion.words(names)}", error.facts
                ) from None
        raise SurfaceNotRegistered(error.code, f"{path}: {error}", error.facts) from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return found if source.shared is None else _with_shared(found, source.shared)


def _bone_doubts(
    prepared: PreparedSurface,
    touched: TouchedSurface,
    fit: SurfaceFit,
    names: Sequence[str],
    path: Path,
) -> list[str]:
    """Return why bones in one piece are doubtful; refuse those that moved for certain."""
    if len(names) < 2:
        return []
    motion = find_bone_motion(prepared, touched, fit)
    if motion is not None and motion.certain:
        raise SurfaceNotRegistered("bones-moved", f"{path}: {motion.words(names)}", fit)
    if motion is not None:
        return [motion.words(names)]
    owner = owners(prepared, touched, [fit.pose.transform] * len(names))
    counts = np.bincount(owner, minlength=len(names))
    few = [name for name, count in zip(names, counts, strict=True) if count < LEAST_POINTS]
    if not few or len(few) == len(names):
        return []
    there = " ".join(name for name in names if name not in few)
    return [
        f"too few points on {', '.join(few)} to test that it stands as in the case: touch "
        f"{LEAST_POINTS} there too, or register to what was touched (--structure {there})"
    ]


def _with_shared(found: SurfaceRegistration, shared: Array) -> SurfaceRegistration:
    """Add the error that all touches share: it moves the whole registration."""
    pose = found.registration.model_from_reference
    rotation = pose.transform.rotation.as_matrix()
    covariance = pose.covariance.copy()
    covariance[:3, :3] += rotation @ shared @ rotation.T
    registration = replace(
        found.registration, model_from_reference=Pose(pose.transform, covariance)
    )
    return replace(found, registration=registration)


def choose_bones(case: Case, path: Path, names: Sequence[str] = ()) -> tuple[Structure, ...]:
    """Choose the structures whose surface is registered to.

    Parameters
    ----------
    case : Case
        What is navigated.
    path : Path
        Its file, with which messages begin.
    names : sequence of str
        Of structures; by default C1 and C2, or all bones of a case that has neither.

    Returns
    -------
    tuple of Structure

    Raises
    ------
    InputError
        A name that the case does not have, or a case without bones.
    """
    bones = case.of_role("bone")
    if names:
        known = {structure.name: structure for structure in case.structures}
        strange = next((name for name in names if name not in known), None)
        if strange is not None:
            raise InputError(
                f"--structure: {path} has no structure {strange}; it has {', '.join(known)}"
            )
        return tuple(known[name] for name in dict.fromkeys(names))
    if not bones:
        raise InputError(f'{path}: structure: none has role "bone"; name one with --structure')
    return tuple(bone for bone in bones if bone.name in PRINTED) or bones


def _landmarks(case: Case, path: Path) -> tuple[Array, Array]:
    pairs = fiducial_pairs(case, path, FLE)
    if len(pairs.labels) < 3:
        raise InputError(
            f"{path}: {len(pairs.labels)} rough landmarks; expected three or more with the labels "
            "of the case's fiducials"
        )
    return pairs.model, pairs.touched


def fiducial_pairs(case: Case, path: Path, fle: float) -> FiducialPairs:
    """Load touched fiducials with where the case has them.

    Parameters
    ----------
    case : Case
        With fiducials.
    path : Path
        Touched ones, as `load_points` reads them.
    fle : float
        Fiducial localisation error, mm, one standard deviation per axis.

    Returns
    -------
    FiducialPairs
        Without check points.

    Raises
    ------
    InputError
        A label that the case does not have, a file that is wrong, an FLE that is not plausible.
    """
    check_fle(fle, "--fle")
    touched = load_points(path)
    known = {fiducial.label: fiducial for fiducial in case.fiducials}
    strange = next((label for label in touched if label not in known), None)
    if strange is not None:
        there = ", ".join(known) or "none"
        raise InputError(f"{path}: point {strange}: the case has no such fiducial; it has {there}")
    used = [label for label in touched if known[label].use == "register"]
    if not used:
        raise InputError(f"{path}: has only check points; expected fiducials to register with")
    own = np.array([fle**2 + (known[label].sigma or 0.0) ** 2 for label in used])
    return FiducialPairs(
        tuple(used),
        np.array([known[label].position for label in used], float),
        np.array([touched[label] for label in used], float),
        own[:, None, None] * np.eye(3),
    )
