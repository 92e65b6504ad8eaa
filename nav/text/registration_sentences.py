"""What an assessment of a registration means, in English."""

from nav.text.template import Parts, Plural, Template

_AGAIN = "touch all fiducials again"
_LABELS = "(corrected, FRE is {fre_mm:.2f} mm): correct the labels, or touch them again"
_SCALE = (
    "(± {spread_percent:.2f} %; FRE without that {fre_mm:.2f} mm): check with a caliper whether "
    "the phantom or the rig (the size of its board) is off"
)
_UNEXPLAINED = (
    f"no single mistake explains it: {_AGAIN}, with the reference body fixed to the phantom, or "
    "give the --fle that your touches have"
)

REGISTRATION: dict[str, Template] = {
    "verdict_good": "good",
    "verdict_usable": Parts("usable", "{reasons:semicolons}"),
    "verdict_repeat": Parts("repeat", "{reasons:semicolons}"),
    "check_off": "{label} is {off_mm:.2f} mm off, {predicted_mm:.2f} mm predicted",
    "fre_too_large": (
        "FRE {fre_mm:.2f} mm, where an FLE of {fle_mm:g} mm (one sd per axis) makes "
        "{expected_mm:.2f} mm"
    ),
    "check_too_far": (
        "check point {label} is {off_mm:.2f} mm off, where {predicted_mm:.2f} mm (rms) is predicted"
    ),
    "unexplained_worst": "worst {label}, " + _UNEXPLAINED,
    "unexplained": _UNEXPLAINED,
    "tre_too_large": (
        "the predicted TRE at the target is {tre_mm:.2f} mm, at most {most_mm:g} mm is accepted: "
        "touch more fiducials, around the target"
    ),
    "touches_copied": (
        "the touched points are the case's own numbers: give them as the tip found them, in the "
        "reference body's frame"
    ),
    "too_few_fiducials": (
        "{count} fiducials are too few to judge by, they fit nearly always: touch more, or a check "
        "point"
    ),
    "labels_confusable": (
        "wrong labels would fit as well ({pairs:first 8}): touch a point that tells them apart"
    ),
    "mirror_fits": (
        "the points lie nearly in a plane, where a mirror image (left for right) fits as well: "
        "touch a point off that plane"
    ),
    "fre_large": (
        "FRE {fre_mm:.2f} mm is large, {expected_mm:.2f} mm is expected (worst {label}): touch "
        "that one again"
    ),
    "check_rather_far": "check point {label} is rather far off: touch it again",
    "tre_large": (
        "the predicted TRE at the target is {tre_mm:.2f} mm: touch more fiducials around it"
    ),
    "either": "either {explanation}",
    "or_equally_likely": "or, equally likely, {explanation}",
    "or_one_of_more": "or one of {count} more: touch more points to tell",
    "explained_besides": "{explanation}; also: {besides}",
    "touches_too_large": (
        "the touched points are {times:.10g} times too large for the case ({why}): give "
        "millimetres in both"
    ),
    "touches_too_small": (
        "the touched points are {times:.10g} times too small for the case ({why}): give "
        "millimetres in both"
    ),
    "unit_micrometres_and_metres": "they are in micrometres in one file and metres in the other",
    "unit_metres": "they are in metres",
    "unit_decimetres": "they are in decimetres",
    "unit_centimetres": "they are in centimetres",
    "unit_inches": "they are in inches",
    "unit_micrometres": "they are in micrometres",
    "unit_unknown": "check the units of both files",
    "labels_exchanged": "{labels:and} are exchanged " + _LABELS,
    "labels_wrong": "wrong labels: {pairs:first 8} " + _LABELS,
    "pair_exchanged": "{label} and {other} exchanged",
    "label_is": "{label} is {other}",
    "touches_mirrored": (
        "the points are a mirror image (mirrored back, FRE is {fre_mm:.2f} mm): one axis has the "
        "wrong sign or two are exchanged; check the axes of what measured them"
    ),
    "touches_turned": Plural(
        "{labels} has x and y of opposite sign to the rest, as when RAS and LPS are mixed "
        "(corrected, FRE is {fre_mm:.2f} mm): give all in one system",
        "{labels} have x and y of opposite sign to the rest, as when RAS and LPS are mixed "
        "(corrected, FRE is {fre_mm:.2f} mm): give all in one system",
        by="labels",
    ),
    "distances_larger": (
        f"touched distances are {{percent:.2f}} % larger than the case's {_SCALE}"
    ),
    "distances_smaller": (
        f"touched distances are {{percent:.2f}} % smaller than the case's {_SCALE}"
    ),
    "point_off": (
        "{label} alone is {off_mm:.4g} mm off (FRE of the others {fre_mm:.2f} mm): touch it again"
    ),
    "point_off_by_slip": (
        "{label} alone is {off_mm:.4g} mm off, {slip} (FRE of the others {fre_mm:.2f} mm): touch "
        "it again"
    ),
    "points_off": ("{labels:and} are off (FRE of the others {fre_mm:.2f} mm): touch them again"),
    "reference_moved": (
        "the points before {label} fit each other, and so do those from {label} on, but not both "
        f"together: the reference body moved; {_AGAIN}"
    ),
    "slip_repeated": "at the place of {label}: touched twice?",
    "slip_exchanged": "its {axes:and} are exchanged",
    "slip_sign": "its {axes:and} with the wrong sign",
    "slip_point_missing": (
        "its {axes:and} {times:.10g} times the right number ({got:g} for {expected:.2f}): is a "
        "decimal point missing?"
    ),
    "slip_point": "its {axes:and} {got:g} where {expected:.2f} is expected: a decimal point?",
}
