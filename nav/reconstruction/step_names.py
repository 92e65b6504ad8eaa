"""Names of the steps, and the share of the total time that each takes."""

from __future__ import annotations

STEP_LABELS = {
    "locate": "step_locate",
    "fit": "step_fit",
    "levels": "step_levels",
    "arteries": "step_arteries",
    "labels": "step_labels",
    "surfaces": "step_surfaces",
    "refine": "step_refine",
    "canal": "step_canal",
    "skin": "step_skin",
}  # codes of the steps that are shown
STEPS = tuple(STEP_LABELS)
SHARES = {
    "read": 0.08,
    "locate": 0.05,
    "fit": 0.12,
    "levels": 0.08,
    "arteries": 0.15,
    "labels": 0.08,
    "surfaces": 0.02,
    "refine": 0.25,
    "canal": 0.12,
    "skin": 0.05,
}


def share_done(step: str, share: float) -> float:
    """Return the fraction of the whole that is done.

    Parameters
    ----------
    step : str
        One of STEPS, the current one.
    share : float
        Fraction of it that is done.

    Returns
    -------
    float
        0 to 1.
    """
    before = SHARES["read"] + sum(SHARES[name] for name in STEPS[: STEPS.index(step)])
    return before + share * SHARES[step]
