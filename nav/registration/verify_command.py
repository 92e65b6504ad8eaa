"""`nav verify`: touched check points and registration.toml in, a verdict and its report out."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import nav
from nav.core.errors import InputError, NotPassed, TooFewToTell
from nav.core.filekinds import POSES, file_kind
from nav.core.files import plain_values, provenance
from nav.core.frames import Array
from nav.core.outputs import written_whole
from nav.model.case import Case, load_case
from nav.registration.assessment import FLE, MOST_TRE, check_fle
from nav.registration.check_touches import (
    CheckTouch,
    check_touches,
    dwell_touches,
    labelled_touches,
    refuse_mistakes,
    registered_with,
)
from nav.registration.critical_points import CriticalPoint, critical_points
from nav.registration.pointfile import load_points
from nav.registration.record import calibration_table
from nav.registration.registration_result import (
    Registration,
    RegistrationFile,
    load_registration_file,
)
from nav.registration.reuse import check_use
from nav.registration.touch_source import FoundTouches
from nav.registration.verification import (
    FALSE_ALARM,
    LEAST_POINTS,
    LENGTH,
    MISSED,
    MOST_LENGTH,
    Verification,
    verify_registration,
)
from nav.tracking.tool import load_tool

REPORT_FORMAT = "c1c2nav/verification/1"
OLD_HOURS = 24.0  # a reference body is rarely left untouched for longer


def verify_files(
    case_path: Path,
    registration_path: Path,
    touched_path: Path,
    out: Console,
    output: Path | None = None,
    limit: float | None = None,
    tre: float | None = None,
    fle: float | None = None,
    reference: Path | None = None,
    dwells: FoundTouches | None = None,
) -> None:
    """Verify, print, write the report; raise what is not a pass.

    Parameters
    ----------
    case_path, registration_path, touched_path : Path
        case.toml, registration.toml, and the touched check points.
    out : Console
        For messages to the user.
    output : Path, optional
        Report to write, JSON.
    limit : float, optional
        Largest distance of a check point, mm.
    tre : float, optional
        Error at target, arteries and cord that must not be missed, mm; MOST_TRE by default.
    fle : float, optional
        Of these touches, mm, one standard deviation per axis; by default that of registering.
    reference : Path, optional
        Tool file of the reference body in whose frame the points are.
    dwells : FoundTouches, optional
        The touches in `touched_path`, where that holds poses.

    Raises
    ------
    InputError
        A file that is wrong, or that belongs to something else.
    NotPassed
        The registration is refuted, or a check point is beyond the limit.
    TooFewToTell
        Nothing refutes it, but an error that matters might have been missed.
    """
    for option, value in (("--limit", limit), ("--tre", tre)):
        if value is not None and not 0.0 < value <= MOST_LENGTH:
            raise InputError(f"{option}: {LENGTH}, got {value:g}")
    case = load_case(case_path)
    if not case.fiducials:
        raise InputError(
            f"{case_path}: has no fiducials, so that there are no check points; add [[fiducial]] "
            'with use = "check" for places that can be touched'
        )
    registration, record = load_registration_file(registration_path)
    made = calibration_table(record.calibration, record.fre)
    fle = made.fle or FLE if fle is None else fle
    check_fle(fle, "--fle")
    try:
        places = critical_points(case)
    except InputError as error:
        raise InputError(f"{case_path}: {error}") from None
    record_warnings = [
        *case.warnings,
        *check_use(
            registration_path,
            record,
            registration.predicted_tre_at(places[0].position),
            (case.name, case_path),
            None if reference is None else (load_tool(reference, printed=False).name, reference),
        ),
        *_age(registration_path, record),
    ]
    points = {} if dwells is not None else _points(touched_path)
    used, notes = registered_with(case, made, record.method)
    try:
        touches, left_out = check_touches(
            case, _touches(case, registration, points, dwells, notes), used
        )
        found = _verify(registration, case, touches, fle, places, tre or MOST_TRE, limit)
    except InputError as error:
        raise InputError(f"{touched_path}: {error}") from None
    for line in (*record_warnings, *notes, *left_out, *_lines(found)):
        out.print(line, markup=False, soft_wrap=True)
    if output is not None:
        inputs = [case_path, registration_path, touched_path]
        _write(output, found, fle, inputs if reference is None else [*inputs, reference])
        out.print(f"{output} ({nav.NOTICE.lower()})", markup=False)
    _raise_verdict(registration_path, found)


def _points(path: Path) -> Mapping[str, Array]:
    if path.is_file() and file_kind(path) == POSES:
        raise InputError(f"{path}: holds poses; give --tool, the tool file of the tip")
    return load_points(path)


def _touches(
    case: Case,
    registration: Registration,
    points: Mapping[str, Array],
    dwells: FoundTouches | None,
    notes: list[str],
) -> list[CheckTouch]:
    if dwells is None:
        labelled = labelled_touches(case, points)
        refuse_mistakes(labelled, registration)
        return labelled
    touches, elsewhere = dwell_touches(case, registration, dwells)
    notes += [f"not counted: {refused}" for refused in dwells.refused] + elsewhere
    return touches


def _verify(
    registration: Registration,
    case: Case,
    touches: tuple[CheckTouch, ...],
    fle: float,
    places: tuple[CriticalPoint, ...],
    error: float,
    limit: float | None,
) -> Verification:
    variance = np.array([fle**2 + (t.fiducial.sigma or 0.0) ** 2 for t in touches])
    return verify_registration(
        registration,
        [t.fiducial.label for t in touches],
        np.array([t.fiducial.position for t in touches]),
        np.array([t.position for t in touches]),
        variance[:, None, None] * np.eye(3) + np.array([t.covariance for t in touches]),
        places,
        error,
        limit,
        ([f.label for f in case.fiducials], np.array([f.position for f in case.fiducials])),
    )


def _age(path: Path, record: RegistrationFile) -> list[str]:
    """Return a warning about a registration made long ago, or in the future."""
    made = record.made_at
    if not isinstance(made, datetime):
        return []
    made = made.replace(tzinfo=UTC) if made.tzinfo is None else made
    hours = (datetime.now(UTC) - made).total_seconds() / 3600.0
    if hours < -1.0:
        return [f"warning: {path.name} was made in the future: is this computer's clock right?"]
    if hours <= OLD_HOURS:
        return []
    return [
        f"warning: {path.name} was made {hours / 24.0:.0f} days ago: it holds only if the "
        "reference body has not moved on the phantom since"
    ]


def _lines(found: Verification) -> list[str]:
    lines = []
    for point in found.points:
        words = [
            f"{point.label}: {point.distance:.2f} mm off ({point.predicted:.2f} mm predicted), "
            f"chi-square {point.chi2:.1f} of 3, p {point.fit:.2g}"
        ]
        if not point.within:
            words.append(f"beyond the limit of {found.limit:g} mm")
        if not point.passed:
            words.append("FAILED")
        if point.mistaken_for:
            words.append(f"{point.mistaken_for} was touched instead?")
        lines.append("; ".join(words))
    if len(found.points) > 1:
        lines.append(
            f"all {len(found.points)} points: chi-square {found.chi2:.1f} of {found.freedom}, "
            f"p {found.fit:.2g}" + _failure(found.fit, found.level)
        )
    motion = found.motion
    if motion is not None:
        shift = _with_interval(motion.shift, motion.shift_within, 2)
        turn = _with_interval(np.degrees(motion.turn), np.degrees(motion.turn_within), 1)
        lines.append(
            f"common shift (L, P, S) {shift} mm at the check points' middle, common turn {turn} "
            f"degrees (95 %): chi-square {motion.chi2:.1f} of 6, p {motion.fit:.2g}"
            + _failure(motion.fit, found.level)
        )
    at = ", ".join(f"{d.name} {_percent(d.missed)}" for d in found.detections)
    lines.append(
        f"an error of {found.error:g} mm would be missed, at worst: {at}; a pure shift of that "
        f"size {_percent(found.missed_shift)}"
    )
    return [*lines, f"verdict: {found.word}"]


def _failure(fit: float, level: float) -> str:
    return f" FAILED (below {level:.2g})" if fit < level else ""


def _with_interval(values: Array, within: Array, digits: int) -> str:
    parts = (f"{v:+.{digits}f} ± {w:.{digits}f}" for v, w in zip(values, within, strict=True))
    return f"({', '.join(parts)})"


def _percent(share: float) -> str:
    return "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def _raise_verdict(path: Path, found: Verification) -> None:
    if found.word == "fail":
        reasons = []
        mistaken = [f"{p.label} at {p.mistaken_for}" for p in found.points if p.mistaken_for]
        worst = max(found.points, key=lambda p: p.chi2)
        if found.failed == ("limit",):
            far = max(found.points, key=lambda p: p.distance)
            reasons.append(f"{far.label} is {far.distance:.2f} mm off, {found.limit:g} mm allowed")
        else:
            reasons.append(
                f"the check points do not fit ({worst.label} is {worst.distance:.2f} mm off, "
                f"{worst.predicted:.2f} mm predicted)"
            )
        if len(mistaken) > 0:
            reasons.append(f"touched at the wrong place? {', '.join(mistaken)}")
        else:
            reasons.append("touch them again, and if they still do not fit register again")
        raise NotPassed(f"{path}: not verified: {'; '.join(reasons)}")
    if found.word == "too few to tell":
        raise TooFewToTell(f"{path}: too few check points to tell: {_advice(found)}")


def _advice(found: Verification) -> str:
    size = f"{found.error:g} mm"
    if found.motion is None:
        return (
            f"at least {LEAST_POINTS} that are not on a line are needed, better "
            f"{LEAST_POINTS + 1} or more around the target; fewer leave a rotation that none shows"
        )
    worst = max(found.detections, key=lambda d: d.missed)
    missed = f"an error of {size} at {worst.name} would be missed with {_percent(worst.missed)}"
    if found.needed is None:
        return (
            f"{missed}, and more points like these would not help: they are too near to each "
            "other, or the registration's own error hides it; check points farther apart are "
            "needed, or a registration with more fiducials"
        )
    return (
        f"{missed}, {_percent(MISSED)} at most for a pass; {found.needed} points spread like these "
        "are needed, or fewer farther apart (fiducials that were not registered with count)"
    )


def _write(path: Path, found: Verification, fle: float, inputs: list[Path]) -> None:
    """Write the report, whole or not at all."""
    document = {**provenance(inputs), "format": REPORT_FORMAT, **_described(found), "fle": fle}
    text = json.dumps(plain_values(document), indent=1, allow_nan=False, default=str) + "\n"
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _described(found: Verification) -> dict[str, Any]:
    motion = found.motion
    return {
        "notice": nav.NOTICE,
        "verdict": found.word,
        "failed": found.failed,
        "false_alarm": FALSE_ALARM,
        "level_per_test": found.level,
        "limit_mm": found.limit,
        "points": [
            {
                "label": p.label,
                "offset_mm": p.offset,
                "distance_mm": p.distance,
                "predicted_rms_mm": p.predicted,
                "chi2": p.chi2,
                "p": p.fit,
                "passed": p.passed,
                "within_limit": p.within,
                "mistaken_for": p.mistaken_for or None,
            }
            for p in found.points
        ],
        "all": {"chi2": found.chi2, "freedom": found.freedom, "p": found.fit},
        "motion": None
        if motion is None
        else {
            "middle_mm": motion.middle,
            "shift_mm": motion.shift,
            "shift_half_95_mm": motion.shift_within,
            "turn_rad": motion.turn,
            "turn_half_95_rad": motion.turn_within,
            "chi2": motion.chi2,
            "freedom": 6,
            "p": motion.fit,
        },
        "power": {
            "error_mm": found.error,
            "largest_missed": MISSED,
            "missed_shift": found.missed_shift,
            "points_needed": found.needed,
            "places": [
                {"name": d.name, "predicted_tre_mm": d.predicted, "missed": d.missed}
                for d in found.detections
            ],
        },
    }
