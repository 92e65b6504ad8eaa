"""What a surface registration means: its verdict, its lines for people, its record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import chdtri

from nav.core.frames import Array, point_jacobian
from nav.model.case import Case
from nav.registration.assessment import GOOD_TRE, MOST_TRE, Word
from nav.registration.case_evidence import case_probability, doubt_case
from nav.registration.critical_points import TARGET, CriticalPoint, critical_points
from nav.registration.surface_pose import FiducialPairs
from nav.registration.surface_registration import SurfaceRegistration
from nav.registration.surface_source import SurfacePoints

NAMED = 5  # outliers that are named
AXES = ("left-right", "front-back", "up-down")

MIRRORED = (
    "a mirror image of the points fits as well, the bones are nearly symmetric: an axis with the "
    "wrong sign would not be noticed; touch a check point on one side"
)


@dataclass(frozen=True)
class PredictedError:
    """The error of a registration at a place.

    Parameters
    ----------
    place : CriticalPoint
        Where.
    rms : float
        Predicted TRE, mm.
    half_axes : ndarray, shape (3,)
        Of its 95 % ellipsoid, mm, largest first.
    axis : int
        Axis of the model frame nearest to the longest one: 0, 1, 2.
    """

    place: CriticalPoint
    rms: float
    half_axes: Array
    axis: int


@dataclass(frozen=True)
class SurfaceVerdict:
    """Whether a surface registration may be used.

    Parameters
    ----------
    word : str
        "good", "usable" or "repeat".
    sentence : str
        The word, and why.
    errors : tuple of PredictedError
        At target, cord and arteries; none for a case without plan.
    fit : float
        Probability of residuals of such a size and pattern on this case's bones.
    """

    word: Word
    sentence: str
    errors: tuple[PredictedError, ...]
    fit: float

    @property
    def target_tre(self) -> float | None:
        """Rms, mm, at the target."""
        return next((e.rms for e in self.errors if e.place.name == TARGET), None)


def judge(
    case: Case, found: SurfaceRegistration, mirrored: bool = False, doubts: Sequence[str] = ()
) -> SurfaceVerdict:
    """Judge a surface registration by its residuals, and by its error where it matters.

    Parameters
    ----------
    case : Case
        What is navigated.
    found : SurfaceRegistration
        The registration.
    mirrored : bool
        Whether a mirror image of the points fits as well.
    doubts : sequence of str
        Further reasons why it is not good.

    Returns
    -------
    SurfaceVerdict
    """
    places = critical_points(case) if case.default_plan is not None else ()
    errors = tuple(_predicted(found, place) for place in places)
    probability = case_probability(found.fit)
    doubt = doubt_case(found.fit, found.registration.method == "points+surface", probability)
    worst = max(errors, key=lambda e: e.rms, default=None)
    word: Word
    if worst is not None and worst.rms > MOST_TRE:
        word, reasons = "repeat", [_poor(worst, MOST_TRE)]
    else:
        reasons = [*doubts, *([MIRRORED] if mirrored else [])]
        if worst is not None and worst.rms > GOOD_TRE:
            reasons.append(_poor(worst, GOOD_TRE))
        if doubt is not None:
            reasons.append(doubt)
        if worst is None:
            reasons.append("the case has no plan, so the error where it matters is not known")
        word = "usable" if reasons else "good"
    sentence = f"{word}: {'; '.join(reasons)}" if reasons else word
    return SurfaceVerdict(word, sentence, errors, probability)


def _poor(error: PredictedError, limit: float) -> str:
    return (
        f"predicted TRE {error.rms:.2f} mm at {error.place.name}, more than {limit:g} mm; touch "
        "more bone, also near there"
    )


def _predicted(found: SurfaceRegistration, place: CriticalPoint) -> PredictedError:
    jacobian = point_jacobian(place.position[None])[0]
    covariance = jacobian @ found.registration.model_from_reference.covariance @ jacobian.T
    values, vectors = np.linalg.eigh(covariance)
    return PredictedError(
        place,
        float(np.sqrt(np.trace(covariance))),
        np.sqrt(np.maximum(values[::-1], 0.0) * chdtri(3, 0.05)),
        int(np.argmax(np.abs(vectors[:, -1]))),
    )


def report_lines(
    found: SurfaceRegistration,
    judged: SurfaceVerdict,
    source: SurfacePoints,
    bones: Sequence[str],
    fiducials: FiducialPairs | None = None,
) -> list[str]:
    """Return what is printed of a surface registration.

    Parameters
    ----------
    found : SurfaceRegistration
        The registration.
    judged : SurfaceVerdict
        Of it.
    source : SurfacePoints
        The touched points.
    bones : sequence of str
        Names of the structures they were touched on.
    fiducials : FiducialPairs, optional
        Combined with them.

    Returns
    -------
    list of str
        One per line.
    """
    fit = found.fit
    expected = float(np.sqrt(np.mean(fit.sd[fit.used] ** 2)))
    lines = [
        f"{source.origin} on {', '.join(bones)}"
        + ("" if len(bones) == 1 else " (taken as one rigid body)"),
        f"residuals {fit.rms:.2f} mm rms, {expected:.2f} mm expected; chi-square {fit.chi2:.0f} of "
        f"{fit.freedom} degrees of freedom",
    ]
    outliers = np.flatnonzero(~fit.used)
    if len(outliers):
        order = outliers[np.argsort(-np.abs(fit.residuals[outliers]))]
        named = ", ".join(f"{source.labels[k]} ({fit.residuals[k]:+.1f} mm)" for k in order[:NAMED])
        more = f" and {len(order) - NAMED} more" if len(order) > NAMED else ""
        lines.append(f"{len(outliers)} outliers, not used: {named}{more}")
    if fiducials is not None:
        pose = found.registration.model_from_reference.transform
        off = np.linalg.norm(pose.apply(fiducials.touched) - fiducials.model, axis=1)
        each = ", ".join(f"{n} {d:.2f}" for n, d in zip(fiducials.labels, off, strict=True))
        lines.append(f"fiducials in the same estimate, off by mm: {each}")
    lines.append(_next_pose(found))
    lines += [
        f"predicted TRE at {e.place.name}: {e.rms:.2f} mm rms; 95 % within "
        f"{e.half_axes[0]:.2f} x {e.half_axes[1]:.2f} x {e.half_axes[2]:.2f} mm, most "
        f"{AXES[e.axis]}"
        for e in judged.errors
    ]
    lines.append(
        "touch a check point before use: an error that all touches share is not in the residuals"
    )
    lines.append(f"verdict: {judged.sentence}")
    return lines


def _next_pose(found: SurfaceRegistration) -> str:
    if not np.isfinite(found.odds):
        return "no other pose was compared"
    if found.odds > 30.0:
        return f"the next best pose, {found.rival:.0f} mm away, is excluded (odds above 1e13 to 1)"
    return (
        f"odds against the next best pose, {found.rival:.0f} mm away: {np.exp(found.odds):.0e} to 1"
    )


def describe_surface(
    found: SurfaceRegistration,
    judged: SurfaceVerdict,
    source: SurfacePoints,
    bones: Sequence[str],
    sigma: float,
) -> dict[str, Any]:
    """Return entries of the [calibration] table of registration.toml.

    Parameters
    ----------
    found : SurfaceRegistration
        The registration.
    judged : SurfaceVerdict
        Of it.
    source : SurfacePoints
        The touched points.
    bones : sequence of str
        Names of the structures they were touched on.
    sigma : float
        Declared error of a touch, mm.

    Returns
    -------
    dict
    """
    fit = found.fit
    used = int(fit.used.sum())
    share = max(fit.freedom, 1) / max(fit.freedom + 6, 1)
    expected = float(np.sqrt(np.mean(fit.sd[fit.used] ** 2) * share))
    return {
        "verdict": judged.sentence,
        "expected_fre": expected,
        "chi2": fit.chi2,
        "freedom": fit.freedom,
        "predicted_tre": judged.target_tre,
        "surface": {
            "structures": list(bones),
            "sigma": sigma,
            "points": used,
            "outliers": [source.labels[k] for k in np.flatnonzero(~fit.used)],
            "case_probability": judged.fit,
            "log_odds": found.odds if np.isfinite(found.odds) else None,
            "next_pose": found.rival if np.isfinite(found.rival) else None,
        },
    }
