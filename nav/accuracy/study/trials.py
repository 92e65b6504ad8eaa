"""Trials of one design: touch, register, navigate; errors drawn, functions the real ones."""

import pickle
from functools import lru_cache
from typing import Any

import numpy as np

from nav.accuracy.study.anatomy_places import ROLES, Places
from nav.accuracy.study.designs import STIFF, Design
from nav.accuracy.study.setting import NotSeen, Setting, TipErrors, build_setting
from nav.core.frames import Array
from nav.core.tracked_frame import Tip
from nav.guidance.bending import drift_at
from nav.guidance.proximity import Z95
from nav.registration.points import DegenerateLayout, register_points
from nav.tracking.needle import NeedleKind

Rng = np.random.Generator
KEPT = 4  # settings per process
# of each trial, mm; `tre` is the registration's error at the nearest point of a structure, `off`
# the shown distance to it less the true one, `sd` its sd as the program states it, without surface
COLUMNS = (
    "tracking",
    "tip",
    "fre",
    *(f"{what}_{role}" for role in ROLES for what in ("tre", "off", "sd", "bound", "held")),
)


def run_block(
    design: Design,
    places: Places,
    view_from: tuple[float, float, float],
    reference: tuple[float, float, float],
    seed: tuple[int, int, int],
    trials: int,
) -> dict[str, Any]:
    """Run some trials of a design; the result depends on nothing else than the arguments.

    Parameters
    ----------
    design : Design
        Values of all quantities.
    places : Places
        Of the case.
    view_from, reference : tuple of 3 floats
        As of `Setup`.
    seed : tuple of 3 ints
        Of the study, number of the design, number of the block.
    trials : int
        How many.

    Returns
    -------
    dict
        "said": empty, or why there are no results; "rows": one list in the order of `COLUMNS` per
        trial.
    """
    try:
        setting = _built(pickle.dumps((design, places, np.array(view_from), np.array(reference))))
        rng = np.random.default_rng(seed)
        rows = [_trial(design, places, setting, rng) for _ in range(trials)]
    except (NotSeen, DegenerateLayout) as error:
        return {"said": str(error), "rows": []}
    return {"said": "", "rows": rows}


@lru_cache(maxsize=KEPT)
def _built(arguments: bytes) -> Setting:
    """Return `build_setting` of pickled arguments, once for all blocks of a design."""
    return build_setting(*pickle.loads(arguments))


def _trial(design: Design, places: Places, setting: Setting, rng: Rng) -> list[float]:
    shared = rng.standard_normal((setting.at_target.shared.shape[1],))
    tip_off = rng.standard_normal((3,)) * float(design["needle"]["tip"])
    turn = setting.reference.rotation.as_matrix()  # model from reference
    touched, covariance = [], []
    frames = max(1, round(float(design["cameras"]["rate"]) * float(design["touches"]["dwell"])))
    fle, at_model = float(design["touches"]["fle"]), float(design["ct"]["fiducial"])
    known = np.eye(3) * float(design["needle"]["tip"]) ** 2
    for touch in setting.touches:
        noise = touch.random / frames
        off = _tracked(touch, noise, shared, tip_off, rng) + fle * rng.standard_normal(3)
        touched.append(setting.reference.inv().apply(touch.place + off))
        covariance.append(turn.T @ (noise + known) @ turn + np.eye(3) * at_model**2)
    model = np.array([touch.place for touch in setting.touches])
    model = model + at_model * rng.standard_normal(model.shape)
    found = register_points(model, np.array(touched), np.array(covariance), fle)

    here = setting.at_target
    off = _tracked(here, here.random, shared, tip_off, rng) + _by_motion(design, here, rng)
    seen = Tip(
        np.asarray(setting.reference.inv().apply(here.place + off)),
        turn.T @ here.heading,
        turn.T @ here.random @ turn,
        turn.T @ known @ turn,
    )
    shown = found.apply(seen)
    bent, drifted = _bending(design, places, here, rng)
    error = shown.position - (here.place + bent)
    total = shown.covariance + drifted
    row = [float(np.linalg.norm(off)), float(np.linalg.norm(error)), found.fre]
    transform = found.model_from_reference.transform
    for role in ROLES:
        if role not in places.nearest:
            row += [0.0] * 5
            continue
        point = places.nearest[role]
        tre = transform.apply(setting.reference.inv().apply(point)) - point
        away = (places.target - point) / max(float(np.linalg.norm(places.target - point)), 1e-9)
        sigma = float(design["ct"][role])
        sd = float(np.sqrt(away @ total @ away))
        bound = Z95 * float(np.hypot(sd, sigma))
        moved = float(away @ error)
        held = moved + sigma * rng.standard_normal() <= bound
        row += [float(np.linalg.norm(tre)), moved, sd, bound, float(held)]
    return row


def _tracked(at: TipErrors, noise: Array, shared: Array, tip_off: Array, rng: Rng) -> Array:
    """Draw the tip's error in the model frame where the tool rests."""
    random = np.linalg.cholesky(noise) @ rng.standard_normal(3)
    return np.asarray(at.shared @ shared + at.rotation @ tip_off + random)


def _by_motion(design: Design, at: TipErrors, rng: Rng) -> Array:
    """Draw what unknown delays and readouts do to the tip of a needle that moves."""
    c = design["cameras"]
    velocity = float(design["needle"]["speed"]) / np.sqrt(3.0) * rng.standard_normal(3)
    cameras = at.motion.shape[1] // 3
    delays = float(c["delay"]) / 1000.0 * rng.standard_normal(cameras)
    delays -= delays.mean()  # what all share is the age of the picture, not an error of the pose
    by_delay = at.motion @ np.outer(delays, velocity).ravel()
    return np.asarray(by_delay + at.rolling @ velocity * float(c["readout"]) / 1000.0)


def _bending(design: Design, places: Places, at: TipErrors, rng: Rng) -> tuple[Array, Array]:
    """Draw how far the true tip is off a straight needle's; its stated covariance."""
    needle = design["needle"]
    if needle["bevel"] == STIFF:
        return np.zeros(3), np.zeros((3, 3))
    kind = NeedleKind(int(needle["gauge"]), needle["bevel"])  # type: ignore[arg-type]
    depth = float(np.linalg.norm(places.target - places.entry))
    drift = drift_at(kind, depth, at.heading, None)
    values, vectors = np.linalg.eigh(drift.covariance)
    return vectors @ (np.sqrt(np.maximum(values, 0.0)) * rng.standard_normal(3)), drift.covariance
