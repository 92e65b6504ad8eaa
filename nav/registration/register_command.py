"""`nav register` by points: touched fiducials in, registration.toml out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from scipy.special import chdtri

import nav
from nav.core.errors import InputError
from nav.model.case import Case, Plan, load_case
from nav.registration.assessment import FLE, Assessment, assess_touches, check_fle
from nav.registration.assessment_notices import verdict
from nav.registration.critical_points import CriticalPoint, critical_points
from nav.registration.identify import identify_touches
from nav.registration.predicted_tre import (
    PredictedError,
    best_further_touch,
    predict_errors,
)
from nav.registration.registration_result import write_registration
from nav.registration.reuse import describe_registration
from nav.registration.touch_set import TouchSet
from nav.text.catalogue import ENGLISH
from nav.tracking.tool import load_tool

MOST_SCALE_SD = 0.02  # relative: a rig whose scale is known no better is not calibrated


@dataclass(frozen=True)
class PointsOptions:
    """Options of `nav register points`.

    Parameters
    ----------
    fle : float, optional
        Fiducial localisation error, mm, one standard deviation per axis; None for the default.
    reference : Path, optional
        Tool file of the reference body in whose frame the points are, to be recorded.
    unlabelled : bool
        Find out which fiducial each touch is, whatever its label says.
    scale_sd : float
        Relative standard deviation of the rig's scale.
    picture : Path, optional
        PNG of the predicted TRE to write.
    tool : Path, optional
        Tool file of the needle that touched, to be recorded.
    """

    fle: float | None = None
    reference: Path | None = None
    unlabelled: bool = False
    scale_sd: float = 0.0
    picture: Path | None = None
    tool: Path | None = None


def register_touched(
    case_path: Path,
    source: Path,
    touches: TouchSet,
    output: Path,
    out: Console,
    options: PointsOptions,
) -> None:
    """Register, assess, write.

    Parameters
    ----------
    case_path : Path
        case.toml.
    source : Path
        File that the touches are from.
    touches : TouchSet
        With labels, or without.
    output : Path
        registration.toml to write.
    out : Console
        For messages to the user.
    options : PointsOptions
        The other options.

    Raises
    ------
    InputError
        A file that is wrong, a touched label that the case does not have, touches whose fiducials
        are not certain, too few or collinear points, an FLE that is not plausible, or a verdict of
        'repeat'. Then nothing is written.
    """
    fle = FLE if options.fle is None else options.fle
    check_fle(fle, "--fle")
    if not 0.0 <= options.scale_sd <= MOST_SCALE_SD:
        raise InputError(
            f"--scale-sd: expected 0 to {MOST_SCALE_SD:g} (relative), got {options.scale_sd:g}"
        )
    case = load_case(case_path)
    for warning in case.warnings:
        out.print(f"warning: {warning}", markup=False, soft_wrap=True)
    plan = case.default_plan
    try:
        if options.unlabelled or not touches.labels:
            touches, remarks = identify_touches(case.fiducials, touches, fle)
            for remark in remarks:
                out.print(remark, markup=False, soft_wrap=True)
        found = _assess(case, plan, touches, fle, options.scale_sd)
    except InputError as error:
        raise type(error)(f"{source}: {error}") from None
    if found.registration is None or found.word == "repeat":
        raise InputError(f"{source}: {ENGLISH.sentence(verdict(found))}")
    places = () if plan is None else critical_points(case, plan)
    errors = predict_errors(found.registration, places)
    body = (
        None
        if options.reference is None
        else (load_tool(options.reference, printed=False).name, options.reference)
    )
    given = (case_path, source, options.tool, options.reference)
    inputs = tuple(path for path in given if path is not None)
    record = describe_registration(
        found, (case.name, case_path), body, None if plan is None else plan.target
    )
    write_registration(output, found.registration, inputs, record)
    for line in (*_lines(found, plan), *_error_lines(case, found, errors)):
        out.print(line, markup=False, soft_wrap=True)
    out.print(f"verdict: {ENGLISH.sentence(verdict(found))}", markup=False)
    if options.picture is not None:
        from nav.registration.tre_picture import write_tre_picture

        write_tre_picture(options.picture, case, found.registration, found.labels, errors)
        out.print(f"{options.picture}: the predicted TRE over the bones", markup=False)
    out.print(f"{output} ({nav.NOTICE.lower()})", markup=False)


def _assess(
    case: Case, plan: Plan | None, touches: TouchSet, fle: float, scale_sd: float
) -> Assessment:
    known = touches.with_scale_error(scale_sd) if scale_sd > 0.0 else touches
    return assess_touches(
        case.fiducials,
        dict(zip(known.labels, known.positions, strict=True)),
        dict(zip(known.labels, known.own, strict=True)),
        fle,
        None if plan is None else plan.target,
        shared=dict(zip(known.labels, known.shared, strict=True)),
    )


def _lines(found: Assessment, plan: Plan | None) -> list[str]:
    registration = found.registration
    assert registration is not None
    count = len(found.labels)
    lines = [
        f"{label}: {residual:.2f} mm"
        for label, residual in zip(found.labels, registration.residuals, strict=True)
    ]
    lines.append(
        f"FRE {registration.fre:.2f} mm (rms of {count} fiducials), "
        f"{found.expected_fre:.2f} mm expected from an FLE of {found.fle:g} mm"
    )
    squares = count * registration.fre**2
    least, most = (np.sqrt(squares / chdtri(found.freedom, share)) for share in (0.025, 0.975))
    lines.append(
        f"estimated error of a touch {np.sqrt(squares / found.freedom):.2f} mm per axis "
        f"(95 %: {least:.2f} to {most:.2f}); chi-square {found.chi2:.1f} at {found.freedom} "
        f"degrees of freedom (p {found.fit:.2g})"
    )
    if found.predicted_tre is not None and plan is not None:
        lines.append(f"predicted TRE at the target of {plan.name}: {found.predicted_tre:.2f} mm")
    for check in found.checks:
        lines.append(
            f"check point {check.label}: {check.distance:.2f} mm off ({check.predicted:.2f} mm "
            "predicted)"
        )
    if not found.checks:
        lines.append("no check point touched: an error common to all touches cannot be seen")
    return lines


def _error_lines(case: Case, found: Assessment, errors: tuple[PredictedError, ...]) -> list[str]:
    """Return the error at each critical place, and the touch that would lower it."""
    lines = [
        f"{e.name}: predicted TRE {e.rms:.2f} mm rms, 95 % ellipsoid with semi-axes "
        f"{e.semi_axes[0]:.2f}, {e.semi_axes[1]:.2f}, {e.semi_axes[2]:.2f} mm"
        for e in errors
    ]
    assert found.registration is not None
    places = [CriticalPoint(e.name, e.position) for e in errors]
    fiducials = case.fiducials_for("register")
    advice = best_further_touch(found.registration, found.labels, fiducials, places, found.fle)
    if advice is not None and advice.worth:
        what = (
            f"touch {advice.label} too ({advice.direction} of the touched ones)"
            if advice.label
            else f"a further fiducial, {advice.direction} of the touched ones, would help"
        )
        lines.append(
            f"{what}: the largest of these errors becomes {advice.after:.2f} instead of "
            f"{advice.before:.2f} mm"
        )
    return lines
