"""Model selection: lens model, bow and views, no more than the images support."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.cameras.bundle import Bundle, Fit, Sighting
from calibration.cameras.direction import directions_of
from calibration.cameras.focus import FocusChange, as_last_focused, find_focus_change
from calibration.cameras.held_out import HeldOut, predict_held_out, simplest_that_predicts
from calibration.cameras.lens_models import MODELS, Lens
from calibration.cameras.rig_setup import Setup
from calibration.cameras.shape import ORDERS
from nav.core.frames import Array

RICHEST = "rational"
ODD = 3.0  # rms of a view over its camera's median, above which it does not fit
MOST_LEFT_OUT = 0.3  # of a camera's views
ROUNDS = 3
FOCUS_ROUNDS = 4  # a large change is found step by step
NEAR = 3  # distortion parameters from which on the next simpler model is a good start
LEAST_HELD_OUT = 8  # views: of fewer, one left out changes the others' fit too much
# of the image's width, rms over all of it: a lens known worse diverges where the board was not,
# while a lens that is merely unknown there is off by a tenth of this
TAME = 0.005


@dataclass(frozen=True)
class Chosen:
    """The best setup for what the images show.

    Attributes
    ----------
    fit : Fit
        The fit to all views kept.
    bundle : Bundle
        The views kept.
    left_out : tuple of Sighting
        Sightings that do not fit.
    flat : Fit or None
        The same with a flat board, where the board is bowed.
    held_out : HeldOut
        How well instants are predicted from the others.
    rivals : tuple of (Lens, Lens)
        Of each camera, the lens by the chosen model and by the one that predicts best, from its own
        images alone.
    focus : tuple of FocusChange or None
        Of each camera, how it changed during the images; the lens is that of the last.
    """

    fit: Fit
    bundle: Bundle
    left_out: tuple[Sighting, ...]
    flat: Fit | None
    held_out: HeldOut
    rivals: tuple[tuple[Lens, Lens], ...]
    focus: tuple[FocusChange | None, ...]


@dataclass(frozen=True)
class ChosenLens:
    """One camera by itself.

    Attributes
    ----------
    model : str
        Of its lens.
    rivals : tuple of 2 Lens
        See `Chosen`.
    sightings : list of Sighting
        As focused for the last of them.
    focus : FocusChange or None
        How the focus changed.
    """

    model: str
    rivals: tuple[Lens, Lens]
    sightings: list[Sighting]
    focus: FocusChange | None


def choose(points: Array, size: tuple[float, float], sightings: Sequence[Sighting], setup: Setup,
           pictures: Sequence[tuple[int, int]]) -> Chosen:  # fmt: skip
    """Choose each camera's lens model, the bow of the board, and which views fit.

    The lens model is the one that predicts held-out instants best (see `held_out`), or that should
    by Akaike's criterion [1]_ where there are too few to hold any out, as long as it does not
    diverge where the board was not; a bow is included where there is evidence of one (Bayesian
    information criterion [2]_). The covariance is enlarged where instants agree less than expected
    from their corners' errors.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Corners of the flat board by id, mm.
    size : tuple of 2 floats
        Width and height of the board, mm.
    sightings : sequence of Sighting
        All of them.
    setup : Setup
        Initial estimate.
    pictures : sequence of (int, int)
        Width and height of each camera's images, px.

    Returns
    -------
    Chosen
        The fit, and what was chosen.

    References
    ----------
    .. [1] Akaike, 1974.
    .. [2] Schwarz, 1978.
    """
    kept, left_out = list(sightings), []
    focus: list[FocusChange | None] = [None] * len(setup.lenses)
    for _ in range(ROUNDS):
        lenses = _lenses(points, size, kept, setup, pictures)
        focus = [before or now.focus for before, now in zip(focus, lenses, strict=True)]
        kept = [replace(s, camera=k) for k, lens in enumerate(lenses) for s in lens.sightings]
        bundle = Bundle(points, size, kept)
        fit, flat = _bow(bundle, setup, [lens.model for lens in lenses])
        odd = odd_views(bundle, fit)
        if not odd:
            break
        left_out += [kept[k] for k in odd]
        kept = [s for k, s in enumerate(kept) if k not in odd]
        instants = {s.instant for s in kept}
        boards = {k: b for k, b in fit.setup.boards.items() if k in instants}
        setup = replace(fit.setup, boards=boards, bow=np.zeros(0))
    held_out = predict_held_out(bundle, fit)
    fit = replace(fit, covariance=fit.covariance * max(1.0, held_out.inflation))
    rivals = tuple(lens.rivals for lens in lenses)
    return Chosen(fit, bundle, tuple(left_out), flat, held_out, rivals, tuple(focus))


def _lenses(
    points: Array, size: tuple[float, float], sightings: Sequence[Sighting], setup: Setup,
    pictures: Sequence[tuple[int, int]],
) -> list[ChosenLens]:  # fmt: skip
    """Choose the lens model of every camera, each by itself, allowing for a bow of the board."""
    result = []
    for camera, lens in enumerate(setup.lenses):
        own = [replace(s, camera=0) for s in sightings if s.camera == camera]
        boards = {s.instant: setup.cameras[camera] @ setup.boards[s.instant] for s in own}
        alone = Setup((lens,), (np.eye(4),), boards, np.zeros(ORDERS[-1]))
        focus: FocusChange | None = None
        for _ in range(FOCUS_ROUNDS):
            bundle = Bundle(points, size, own)
            model, best, tried = _lens(bundle, alone, pictures[camera])
            inflation = max(1.0, predict_held_out(bundle, tried[model]).inflation)
            change = find_focus_change(bundle, tried[model], inflation, focus)
            if change is None:
                break
            focus = change if focus is None else focus.then(change)
            own = as_last_focused(own, tried[model].setup.lenses[0], change)
        rivals = (tried[model].setup.lenses[0], tried[best].setup.lenses[0])
        result.append(ChosenLens(model, rivals, own, focus))
    return result


def _lens(
    bundle: Bundle, alone: Setup, picture: tuple[int, int]
) -> tuple[str, str, dict[str, Fit]]:
    """Return one camera's model, the one that predicts best, and the fits of all."""
    richest = bundle.fit(alone, [RICHEST])
    tried: dict[str, Fit] = {}
    setup = alone
    for model in MODELS:
        if model == RICHEST:
            continue
        start = _simpler(alone if len(MODELS[model]) < NEAR else setup, model)
        tried[model] = bundle.fit(start, [model], richest.floor)
        setup = tried[model].setup
    tried[RICHEST] = bundle.fit(richest.setup, [RICHEST], richest.floor)
    corners = np.concatenate([s.pixels for s in bundle.sightings])
    return *_predicting_best(bundle, tried, picture, corners), tried


def _predicting_best(
    bundle: Bundle, tried: Mapping[str, Fit], picture: tuple[int, int], corners: Array
) -> tuple[str, str]:
    """Return the model to use, and the one that predicts best among those that do not diverge."""
    held_out = {model: predict_held_out(bundle, fit) for model, fit in tried.items()}
    losses = {model: found.losses for model, found in held_out.items()}
    enough = len(bundle.sightings) >= LEAST_HELD_OUT
    badness = {m: losses[m].sum() if enough else fit.akaike for m, fit in tried.items()}
    open_ = {model: _left_open(fit, picture, corners) for model, fit in tried.items()}
    limit = TAME * picture[0]
    tame = [model for model in tried if open_[model] <= limit**2]
    best = min(badness, key=lambda m: badness[m])
    if best in tame:
        return best, best
    candidates = [simplest_that_predicts(losses) if enough else best]
    if tame:
        best = min(tame, key=lambda m: badness[m])
        candidates.append(best)
    # what the images leave undetermined is an error, too
    off = {m: 2 * float(held_out[m].rms[0]) ** 2 + open_[m] for m in candidates}
    return min(candidates, key=lambda m: off[m]), best


def _left_open(fit: Fit, picture: tuple[int, int], corners: Array) -> float:
    """Return the mean variance of directions over the whole image, px^2."""
    directions = directions_of(fit, 0, picture, corners)
    at = fit.unknowns.lens[0]
    return float(directions.variance(fit.covariance[at, at]).mean())


def _simpler(setup: Setup, model: str) -> Setup:
    """Return a setup with only those distortion parameters that a model has."""
    lenses = []
    for lens in setup.lenses:
        distortion = np.zeros(len(lens.distortion))
        which = list(MODELS[model])
        distortion[which] = lens.distortion[which]
        lenses.append(replace(lens, distortion=distortion))
    return replace(setup, lenses=tuple(lenses))


def _bow(bundle: Bundle, setup: Setup, models: Sequence[str]) -> tuple[Fit, Fit | None]:
    """Return the fit with as much bow as there is evidence for; and the flat one, if it differs."""
    lenses = [
        _simpler(replace(setup, lenses=(lens,)), model).lenses[0]
        for lens, model in zip(setup.lenses, models, strict=True)
    ]
    setup = replace(setup, lenses=tuple(lenses))
    richest = bundle.fit(replace(setup, bow=np.zeros(ORDERS[-1])), models)
    fits = [
        bundle.fit(replace(setup, bow=np.zeros(terms)), models, richest.floor)
        for terms in ORDERS[:-1]
    ]
    fits.append(bundle.fit(richest.setup, models, richest.floor))
    best = min(fits, key=lambda fit: fit.evidence)
    return best, None if best is fits[0] else fits[0]


def odd_views(bundle: Bundle, fit: Fit) -> list[int]:
    """Find sightings that fit far worse than others of the same camera.

    Parameters
    ----------
    bundle : Bundle
        All sightings.
    fit : Fit
        Their fit.

    Returns
    -------
    list of int
        Indices of the sightings; at most 30 % of a camera's.
    """
    rms = np.array([np.sqrt((r**2).mean()) for r in bundle.whitened(fit)])
    odd: list[int] = []
    for camera in np.unique(bundle.of):
        own = np.flatnonzero(bundle.of == camera)
        usual = float(np.median(rms[own]))
        worst = own[rms[own] > ODD * max(usual, 1.0)]
        most = int(MOST_LEFT_OUT * len(own))
        odd += sorted(worst, key=lambda k: -rms[k])[:most]
    return [int(k) for k in odd]
