"""What an assessment of a registration means: codes and facts for the person at the bench."""

from collections.abc import Sequence
from typing import Any

from nav.core.notice import Notice
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

NAMED = 2  # explanations beyond which a number stands for the rest
UNITS = {
    1e6: "unit_micrometres_and_metres",
    1000.0: "unit_metres",
    100.0: "unit_decimetres",
    10.0: "unit_centimetres",
    25.4: "unit_inches",
    1e-3: "unit_micrometres",
}
MISSING_POINT = 10.0  # times the right number, from which a decimal point is missing


def verdict(assessment: Assessment) -> Notice:
    """Return the verdict on a registration.

    Parameters
    ----------
    assessment : Assessment
        Of the registration.

    Returns
    -------
    Notice
        "verdict_good"; "verdict_usable" with what would make it better; "verdict_repeat" with what
        is wrong.
    """
    word = assessment.word
    if word == "good":
        return Notice("verdict_good")
    if word == "repeat":
        return Notice("verdict_repeat", {"reasons": _refusals(assessment)})
    return Notice("verdict_usable", {"reasons": _doubts(assessment)})


def check_notice(error: CheckError) -> Notice:
    """Return how far a check point is off, and what is predicted.

    Parameters
    ----------
    error : CheckError
        Of the check point.

    Returns
    -------
    Notice
    """
    return Notice("check_off", _check_facts(error))


def explanation_notice(found: Explanation) -> Notice:
    """Return what would explain the touched points, and what to do.

    Parameters
    ----------
    found : Explanation
        The mistake.

    Returns
    -------
    Notice
    """
    what = _EXPLANATIONS[found.kind](found)
    if found.factor != 1.0 and found.kind != "unit":
        return Notice("explained_besides", {"explanation": what, "besides": _unit(found)})
    return what


def _check_facts(error: CheckError) -> dict[str, Any]:
    return {"label": error.label, "off_mm": error.distance, "predicted_mm": error.predicted}


def _refusals(assessment: Assessment) -> list[Notice]:
    """Return what is wrong, what explains it, what to do; nothing that only follows from it."""
    reasons = []
    registration, off = assessment.registration, _worst_check(assessment)
    if registration is not None and assessment.fit < REFUSED / 2:
        facts = {
            "fre_mm": registration.fre,
            "fle_mm": assessment.fle,
            "expected_mm": assessment.expected_fre,
        }
        reasons.append(Notice("fre_too_large", facts))
    elif off is not None and assessment.check_fit < REFUSED / 2:
        reasons.append(Notice("check_too_far", _check_facts(off)))
    if assessment.explanations:
        return reasons + _explained(assessment)
    if reasons and assessment.fit < REFUSED / 2:
        return [*reasons, Notice("unexplained_worst", {"label": assessment.worst})]
    if reasons:
        return [*reasons, Notice("unexplained")]
    return [Notice("tre_too_large", {"tre_mm": assessment.predicted_tre, "most_mm": MOST_TRE})]


def _worst_check(assessment: Assessment) -> CheckError | None:
    ranked = sorted(assessment.checks, key=lambda check: check.distance / check.limit)
    return ranked[-1] if ranked else None


def _doubts(assessment: Assessment) -> list[Notice]:
    doubts = _explained(assessment)
    if assessment.copied:
        doubts.append(Notice("touches_copied"))
    if assessment.few:
        doubts.append(Notice("too_few_fiducials", {"count": len(assessment.labels)}))
    if assessment.confusion:
        pairs = _pairs([a for a, _ in assessment.confusion], [b for _, b in assessment.confusion])
        doubts.append(Notice("labels_confusable", {"pairs": pairs}))
    if assessment.mirror_fits:
        doubts.append(Notice("mirror_fits"))
    if assessment.fit < DOUBTED and not assessment.explanations:
        assert assessment.registration is not None
        facts = {
            "fre_mm": assessment.registration.fre,
            "expected_mm": assessment.expected_fre,
            "label": assessment.worst,
        }
        doubts.append(Notice("fre_large", facts))
    off = _worst_check(assessment)
    if off is not None and assessment.check_fit < DOUBTED and not assessment.explanations:
        doubts.append(Notice("check_rather_far", {"label": off.label}))
    tre = assessment.predicted_tre
    if tre is not None and tre > GOOD_TRE:
        doubts.append(Notice("tre_large", {"tre_mm": tre}))
    return doubts


def _explained(assessment: Assessment) -> list[Notice]:
    """Return the best explanations; several explain the points equally well."""
    found = [explanation_notice(e) for e in assessment.explanations[:NAMED]]
    if len(found) > 1:
        others = [Notice("or_equally_likely", {"explanation": other}) for other in found[1:]]
        found = [Notice("either", {"explanation": found[0]}), *others]
    more = len(assessment.explanations) - NAMED
    if more > 0:
        found.append(Notice("or_one_of_more", {"count": more}))
    return found


def _unit(found: Explanation) -> Notice:
    factor = found.factor
    unit = next((code for f, code in UNITS.items() if abs(factor / f - 1.0) < 0.01), None)
    why = Notice("unit_unknown") if unit is None else Notice(unit)
    if factor < 1.0:
        return Notice("touches_too_large", {"times": _rounded(1.0 / factor), "why": why})
    return Notice("touches_too_small", {"times": _rounded(factor), "why": why})


def _labels(found: Explanation) -> Notice:
    if len(found.labels) == 2 and found.labels == found.others[::-1]:
        return Notice("labels_exchanged", {"labels": found.labels, "fre_mm": found.fre})
    pairs = _pairs(found.labels, found.others)
    return Notice("labels_wrong", {"pairs": pairs, "fre_mm": found.fre})


def _pairs(labels: Sequence[str], others: Sequence[str]) -> list[Notice]:
    """Return what each label should be; exchanged ones in one."""
    should = dict(zip(labels, others, strict=True))
    pairs, done = [], set()
    for label, other in should.items():
        if label in done:
            continue
        facts = {"label": label, "other": other}
        if should.get(other) == label:
            pairs.append(Notice("pair_exchanged", facts))
            done.add(other)
        else:
            pairs.append(Notice("label_is", facts))
    return pairs


def _mirrored(found: Explanation) -> Notice:
    return Notice("touches_mirrored", {"fre_mm": found.fre})


def _turned(found: Explanation) -> Notice:
    return Notice("touches_turned", {"labels": found.labels, "fre_mm": found.fre})


def _scale(found: Explanation) -> Notice:
    by = 100.0 * (1.0 / found.scale - 1.0)
    spread = 100.0 * found.scale_sd / found.scale**2
    facts = {"percent": abs(by), "spread_percent": spread, "fre_mm": found.fre}
    return Notice("distances_larger" if by > 0 else "distances_smaller", facts)


def _point(found: Explanation) -> Notice:
    facts = {"label": found.labels[0], "off_mm": found.distance, "fre_mm": found.fre}
    if found.slip is None:
        return Notice("point_off", facts)
    return Notice("point_off_by_slip", {**facts, "slip": _slip(found.slip)})


def _points(found: Explanation) -> Notice:
    return Notice("points_off", {"labels": found.labels, "fre_mm": found.fre})


def _moved(found: Explanation) -> Notice:
    return Notice("reference_moved", {"label": found.labels[0]})


def _slip(slip: Slip) -> Notice:
    if slip.kind == "repeated":
        return Notice("slip_repeated", {"label": slip.label})
    axes = tuple(slip.axes)
    if slip.kind == "exchanged":
        return Notice("slip_exchanged", {"axes": axes})
    if slip.kind == "sign":
        return Notice("slip_sign", {"axes": axes})
    facts = {"axes": axes, "got": slip.got, "expected": slip.expected}
    if slip.factor >= MISSING_POINT:
        return Notice("slip_point_missing", {**facts, "times": _rounded(slip.factor)})
    return Notice("slip_point", facts)


def _rounded(times: float) -> float:
    """Return a factor to four digits, or as a whole number."""
    return float(f"{times:.4g}") if times < 1e4 else float(round(times))


_EXPLANATIONS = {
    "unit": _unit,
    "labels": _labels,
    "mirrored": _mirrored,
    "turned": _turned,
    "scale": _scale,
    "point": _point,
    "points": _points,
    "moved": _moved,
}
