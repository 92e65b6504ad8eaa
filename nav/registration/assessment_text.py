"""What an assessment of a registration means, in sentences for the person at the bench."""

from collections.abc import Sequence

from nav.registration.assessment import (
    DOUBTED,
    GOOD_TRE,
    MOST_TRE,
    REFUSED,
    Assessment,
    CheckError,
)
from nav.registration.explanations import Explanation
from nav.registration.slips import Slip

NAMED = 2  # explanations, and pairs of wrong labels beyond which a number stands for the rest
PAIRS = 8
UNITS = {
    1e6: "micrometres in one file and metres in the other",
    1000.0: "metres",
    100.0: "decimetres",
    10.0: "centimetres",
    25.4: "inches",
    1e-3: "micrometres",
}
AGAIN = "touch all fiducials again"


def verdict_line(assessment: Assessment) -> str:
    """Return the verdict on a registration in a line.

    Parameters
    ----------
    assessment : Assessment
        Of the registration.

    Returns
    -------
    str
        'good', 'usable: ' and what would make it better, or 'repeat: ' and what is wrong.
    """
    word = assessment.word
    if word == "good":
        return word
    reasons = _refusals(assessment) if word == "repeat" else _doubts(assessment)
    return f"{word}: {'; '.join(reasons)}"


def check_line(error: CheckError) -> str:
    """Return in a line how far a check point is off, and what is predicted.

    Parameters
    ----------
    error : CheckError
        Of the check point.

    Returns
    -------
    str
    """
    return f"{error.label} is {error.distance:.2f} mm off, {error.predicted:.2f} mm predicted"


def explanation_line(found: Explanation) -> str:
    """Return in a line what would explain the touched points, and what to do.

    Parameters
    ----------
    found : Explanation
        The mistake.

    Returns
    -------
    str
    """
    return _SENTENCES[found.kind](found) + (
        f", besides: {_unit(found)}" if found.factor != 1.0 and found.kind != "unit" else ""
    )


def _refusals(assessment: Assessment) -> list[str]:
    """Return what is wrong, what explains it, what to do; nothing that only follows from it."""
    reasons = []
    registration, off = assessment.registration, _worst_check(assessment)
    if registration is not None and assessment.fit < REFUSED / 2:
        reasons.append(
            f"FRE {registration.fre:.2f} mm, where an FLE of {assessment.fle:g} mm (one sd per "
            f"axis) makes {assessment.expected_fre:.2f} mm"
        )
    elif off is not None and assessment.check_fit < REFUSED / 2:
        reasons.append(
            f"check point {off.label} is {off.distance:.2f} mm off, where {off.predicted:.2f} mm "
            "(rms) is predicted"
        )
    if assessment.explanations:
        return reasons + _explained(assessment)
    if reasons:
        worst = f"worst {assessment.worst}, " if assessment.fit < REFUSED / 2 else ""
        reasons.append(
            f"{worst}no single mistake explains it: {AGAIN}, with the reference body fixed to the "
            "phantom, or give the --fle that your touches have"
        )
        return reasons
    return [
        f"the predicted TRE at the target is {assessment.predicted_tre:.2f} mm, at most "
        f"{MOST_TRE:g} mm is accepted: touch more fiducials, around the target"
    ]


def _worst_check(assessment: Assessment) -> CheckError | None:
    ranked = sorted(assessment.checks, key=lambda check: check.distance / check.limit)
    return ranked[-1] if ranked else None


def _doubts(assessment: Assessment) -> list[str]:
    doubts = _explained(assessment)
    if assessment.copied:
        doubts.append(
            "the touched points are the case's own numbers: give them as the tip found them, in "
            "the reference body's frame"
        )
    if assessment.few:
        doubts.append(
            f"{len(assessment.labels)} fiducials are too few to judge by, they fit nearly always: "
            "touch more, or a check point"
        )
    if assessment.confusion:
        pairs = _pairs([a for a, _ in assessment.confusion], [b for _, b in assessment.confusion])
        doubts.append(
            f"wrong labels would fit as well ({pairs}): touch a point that tells them apart"
        )
    if assessment.mirror_fits:
        doubts.append(
            "the points lie nearly in a plane, where a mirror image (left for right) fits as well: "
            "touch a point off that plane"
        )
    if assessment.fit < DOUBTED and not assessment.explanations:
        assert assessment.registration is not None
        doubts.append(
            f"FRE {assessment.registration.fre:.2f} mm is large, {assessment.expected_fre:.2f} mm "
            f"is expected (worst {assessment.worst}): touch that one again"
        )
    off = _worst_check(assessment)
    if off is not None and assessment.check_fit < DOUBTED and not assessment.explanations:
        doubts.append(f"check point {off.label} is rather far off: touch it again")
    tre = assessment.predicted_tre
    if tre is not None and tre > GOOD_TRE:
        doubts.append(
            f"the predicted TRE at the target is {tre:.2f} mm: touch more fiducials around it"
        )
    return doubts


def _explained(assessment: Assessment) -> list[str]:
    """Return the best explanations; several explain the points equally well."""
    lines = [explanation_line(e) for e in assessment.explanations[:NAMED]]
    if len(lines) > 1:
        lines = [f"either {lines[0]}", *(f"or, equally likely, {line}" for line in lines[1:])]
    more = len(assessment.explanations) - NAMED
    if more > 0:
        lines.append(f"or one of {more} more: touch more points to tell")
    return lines


def _unit(found: Explanation) -> str:
    factor = found.factor
    if factor < 1.0:
        size = f"{_number(1.0 / factor)} times too large"
    else:
        size = f"{_number(factor)} times too small"
    unit = next((name for f, name in UNITS.items() if abs(factor / f - 1.0) < 0.01), None)
    why = f"they are in {unit}" if unit else "check the units of both files"
    return f"the touched points are {size} for the case ({why}): give millimetres in both"


def _labels(found: Explanation) -> str:
    put_right = f"with that put right FRE is {found.fre:.2f} mm"
    advice = "correct the labels, or touch them again"
    if len(found.labels) == 2 and found.labels == found.others[::-1]:
        return f"{found.labels[0]} and {found.labels[1]} are exchanged ({put_right}): {advice}"
    return f"wrong labels: {_pairs(found.labels, found.others)} ({put_right}): {advice}"


def _pairs(labels: Sequence[str], others: Sequence[str]) -> str:
    """Return what each label should be; exchanged ones in one."""
    should = dict(zip(labels, others, strict=True))
    words, done = [], set()
    for label, other in should.items():
        if label in done:
            continue
        if should.get(other) == label:
            words.append(f"{label} and {other} exchanged")
            done.add(other)
        else:
            words.append(f"{label} is {other}")
    if len(words) > PAIRS:
        words = [*words[:PAIRS], f"{len(words) - PAIRS} more"]
    return ", ".join(words)


def _mirrored(found: Explanation) -> str:
    return (
        f"the points are a mirror image (as one FRE is {found.fre:.2f} mm): one axis has the wrong "
        "sign or two are exchanged; check the axes of what measured them"
    )


def _turned(found: Explanation) -> str:
    verb = "has" if len(found.labels) == 1 else "have"
    return (
        f"{', '.join(found.labels)} {verb} x and y of the other sign than the rest, as RAS has of "
        f"LPS (put right, FRE is {found.fre:.2f} mm): give all in one system"
    )


def _scale(found: Explanation) -> str:
    by = 100.0 * (1.0 / found.scale - 1.0)
    spread = 100.0 * found.scale_sd / found.scale**2
    return (
        f"touched distances are {abs(by):.2f} % {'larger' if by > 0 else 'smaller'} than the "
        f"case's (± {spread:.2f} %; FRE without that {found.fre:.2f} mm): check with a caliper "
        "whether the phantom or the rig (the size of its board) is off"
    )


def _point(found: Explanation) -> str:
    label = found.labels[0]
    slip = "" if found.slip is None else f", {_slip(found.slip)}"
    return (
        f"{label} alone is {found.distance:.4g} mm off{slip} (FRE of the others {found.fre:.2f} "
        "mm): touch it again"
    )


def _points(found: Explanation) -> str:
    return (
        f"{' and '.join(found.labels)} are off (FRE of the others {found.fre:.2f} mm): touch them "
        "again"
    )


def _moved(found: Explanation) -> str:
    return (
        f"the points before {found.labels[0]} fit, and those from it on, but not together: the "
        f"reference body moved; {AGAIN}"
    )


def _slip(slip: Slip) -> str:
    if slip.kind == "repeated":
        return f"at the place of {slip.label}: touched twice?"
    axes = " and ".join(slip.axes)
    if slip.kind == "exchanged":
        return f"its {axes} are exchanged"
    if slip.kind == "sign":
        return f"its {axes} of the wrong sign"
    return (
        f"its {axes} {_number(slip.factor)} times the right number ({slip.got:g} for "
        f"{slip.expected:.2f}): is a decimal point missing?"
        if slip.factor >= 10.0
        else f"its {axes} {slip.got:g} where {slip.expected:.2f} is expected: a decimal point?"
    )


def _number(value: float) -> str:
    return f"{value:.4g}" if value < 1e4 else f"{value:.0f}"


_SENTENCES = {
    "unit": _unit,
    "labels": _labels,
    "mirrored": _mirrored,
    "turned": _turned,
    "scale": _scale,
    "point": _point,
    "points": _points,
    "moved": _moved,
}
