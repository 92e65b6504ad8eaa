"""`nav register`: touched fiducials in a file in, registration.toml out."""

from pathlib import Path

from rich.console import Console

import nav
from nav.core.errors import InputError
from nav.model.case import load_case
from nav.registration.assessment import FLE, Assessment, assess_touches, check_fle
from nav.registration.assessment_notices import verdict
from nav.registration.pointfile import load_points
from nav.registration.registration_result import write_registration
from nav.registration.reuse import describe_registration
from nav.text.catalogue import ENGLISH
from nav.tracking.tool import load_tool


def register_files(
    case_path: Path,
    points: Path,
    output: Path,
    fle: float | None,
    out: Console,
    reference: Path | None = None,
) -> None:
    """Register, assess, write.

    Parameters
    ----------
    case_path : Path
        case.toml.
    points : Path
        Touched fiducials.
    output : Path
        registration.toml to write.
    fle : float or None
        Fiducial localisation error, mm, one standard deviation per axis; None for the default.
    out : Console
        For messages to the user.
    reference : Path, optional
        Tool file of the reference body in whose frame the points are, to be recorded.

    Raises
    ------
    InputError
        A file that is wrong, a touched label that the case does not have, too few or collinear
        points, an FLE that is not plausible, or a verdict of 'repeat'. Then nothing is written.
    """
    fle = FLE if fle is None else fle
    check_fle(fle, "--fle")
    case = load_case(case_path)
    for warning in case.warnings:
        out.print(f"warning: {warning}", markup=False, soft_wrap=True)
    touched = load_points(points)
    plan = case.default_plan
    try:
        found = assess_touches(
            case.fiducials,
            touched,
            fle=fle,
            target=None if plan is None else plan.target,
        )
    except InputError as error:
        raise type(error)(f"{points}: {error}") from None
    if found.registration is None or found.word == "repeat":
        raise InputError(f"{points}: {ENGLISH.sentence(verdict(found))}")
    body = None if reference is None else (load_tool(reference).name, reference)
    inputs = (case_path, points) if reference is None else (case_path, points, reference)
    record = describe_registration(
        found, (case.name, case_path), body, None if plan is None else plan.target
    )
    write_registration(output, found.registration, inputs, record)
    for line in _lines(found, None if plan is None else plan.name):
        out.print(line, markup=False)
    out.print(f"{output} ({nav.NOTICE.lower()})", markup=False)


def _lines(found: Assessment, plan: str | None) -> list[str]:
    registration = found.registration
    assert registration is not None
    lines = [
        f"{label}: {residual:.2f} mm"
        for label, residual in zip(found.labels, registration.residuals, strict=True)
    ]
    lines.append(
        f"FRE {registration.fre:.2f} mm (rms of {len(found.labels)} fiducials), "
        f"{found.expected_fre:.2f} mm expected from an FLE of {found.fle:g} mm"
    )
    if found.predicted_tre is not None:
        lines.append(f"predicted TRE at the target of {plan}: {found.predicted_tre:.2f} mm")
    for check in found.checks:
        lines.append(
            f"check point {check.label}: {check.distance:.2f} mm off ({check.predicted:.2f} mm "
            "predicted)"
        )
    if not found.checks:
        lines.append("no check point touched: an error common to all touches cannot be seen")
    lines.append(f"verdict: {ENGLISH.sentence(verdict(found))}")
    return lines
