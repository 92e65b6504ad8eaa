"""What the pictures show and no more: lens model, bow and views, chosen by evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.cameras.bundle import Bundle, Fit, Setup, Sighting
from calibration.cameras.lens import MODELS
from calibration.cameras.shape import ORDERS
from nav.frames import Array

RICHEST = "rational"
ODD = 3.0  # rms of a view by its camera's usual, above which it does not fit
MOST_LEFT_OUT = 0.3  # of a camera's views
ROUNDS = 3


@dataclass(frozen=True)
class Chosen:
    """The best setup for what the pictures show.

    left_out : indexes of sightings that do not fit. flat : the same with a flat board, where the
    board is not.
    """

    fit: Fit
    bundle: Bundle
    left_out: tuple[Sighting, ...]
    flat: Fit | None


def choose(points: Array, size: tuple[float, float], sightings: Sequence[Sighting], setup: Setup,
           models: Sequence[str] | None = None) -> Chosen:  # fmt: skip
    """Lens model of each camera, bow of the board, and which views fit, from a start.

    The lens model that should predict best (Akaike 1974); a bow where there is evidence of one
    (Bayesian information criterion, Schwarz 1978).

    models : to take instead of choosing.
    """
    kept, left_out = list(sightings), []
    for _ in range(ROUNDS):
        chosen = _model(points, size, kept, setup) if models is None else tuple(models)
        bundle = Bundle(points, size, kept)
        fit, flat = _bow(bundle, setup, chosen)
        odd = odd_views(bundle, fit)
        if not odd:
            break
        left_out += [kept[k] for k in odd]
        kept = [s for k, s in enumerate(kept) if k not in odd]
        instants = {s.instant for s in kept}
        boards = {k: b for k, b in fit.setup.boards.items() if k in instants}
        setup = replace(fit.setup, boards=boards, bow=np.zeros(0))
    return Chosen(fit, bundle, tuple(left_out), flat)


def _model(
    points: Array, size: tuple[float, float], sightings: Sequence[Sighting], setup: Setup
) -> tuple[str, ...]:
    """The lens model of every camera, each by itself, the board being bowed or not."""
    result = []
    for camera, lens in enumerate(setup.lenses):
        own = [replace(s, camera=0) for s in sightings if s.camera == camera]
        boards = {s.instant: setup.cameras[camera] @ setup.boards[s.instant] for s in own}
        alone = Setup((lens,), (np.eye(4),), boards, np.zeros(ORDERS[-1]))
        bundle = Bundle(points, size, own)
        richest = bundle.fit(alone, [RICHEST])
        tried = {
            model: bundle.fit(_simpler(alone, model), [model], richest.floor)
            for model in MODELS
            if model != RICHEST
        }
        tried[RICHEST] = bundle.fit(richest.setup, [RICHEST], richest.floor)
        result.append(_predicting_best(tried))
    return tuple(result)


def _predicting_best(tried: Mapping[str, Fit]) -> str:
    """By Akaike's criterion: a number too few is a bias that no covariance tells."""
    return min(tried, key=lambda model: tried[model].loss)


def _simpler(setup: Setup, model: str) -> Setup:
    """With only those numbers of the distortion that a model has."""
    lenses = []
    for lens in setup.lenses:
        distortion = np.zeros(len(lens.distortion))
        which = list(MODELS[model])
        distortion[which] = lens.distortion[which]
        lenses.append(replace(lens, distortion=distortion))
    return replace(setup, lenses=tuple(lenses))


def _bow(bundle: Bundle, setup: Setup, models: Sequence[str]) -> tuple[Fit, Fit | None]:
    """The fit with as much bow as there is evidence of; and the flat one, if it is another."""
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
    """Indexes of sightings that fit far worse than others of the same camera."""
    rms = np.array([np.sqrt((r**2).mean()) for r in bundle.whitened(fit)])
    odd: list[int] = []
    for camera in np.unique(bundle.of):
        own = np.flatnonzero(bundle.of == camera)
        usual = float(np.median(rms[own]))
        worst = own[rms[own] > ODD * max(usual, 1.0)]
        most = int(MOST_LEFT_OUT * len(own))
        odd += sorted(worst, key=lambda k: -rms[k])[:most]
    return [int(k) for k in odd]
