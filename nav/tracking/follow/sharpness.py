"""How much a camera sharpens its images, learnt from the markers that it sees.

By maximum likelihood: of all unsharp masks the one that, undone, leaves least of a marker's grey
levels unexplained. A mask that is undone makes noise smaller too, by its mean gain, and that is
counted against it. Two numbers, the logarithms of amount and width, are sought: coarsely at first,
then by Newton's steps, and what frame sets say one after the other adds up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from nav.core.frames import Array
from nav.tracking.fit.fit_result import FitResult
from nav.tracking.fit.sharpening import PLAIN, Sharpening
from nav.tracking.fit.view_solver import LEAST_NOISE

PROBES = (Sharpening(0.4, 0.8), Sharpening(0.4, 1.6), Sharpening(0.4, 3.0))
COARSE = (0.5, 0.25)  # steps of the logarithms
DELTA = 0.08  # for differences
FARTHEST = 0.3  # of Newton's step
NEWTONS = 3  # in the first frame set
LOW, HIGH = np.log([0.02, 0.4]), np.log([4.0, 6.0])  # amount; width, px
GAIN = 0.005  # log likelihood by the number of pixels, below which nothing is gained
KEEP = 0.97  # of what was learnt, per frame set that contributes
MOST_WAIT = 1024  # frame sets from one estimate to the next; the first follow each other closely
PLAIN_WAIT = 32  # at least, where there is no sharpening
ALARM_WAIT = 5  # at least, where images suddenly fit worse, or an estimate failed
# frame sets that an estimate waits for a tool to rest: motion blur is not Gaussian, so
# that moving markers cost many trials and say little
PATIENCE = 300
LEAST_PIXELS = 500  # of a camera
CUT = 6.0  # residual by noise that pixels which were left out are taken to have
PRIOR = np.diag([1.0, 1.0])

Look = Callable[[Sequence[Sharpening]], FitResult | None]


@dataclass
class Sharpness:
    """One camera's sharpening as known so far.

    Parameters
    ----------
    sharpening : Sharpening
        PLAIN while none was found.
    information : ndarray, shape (2, 2)
        Of the logarithms of amount and width.
    since : int
        Frame sets since the last estimate.
    lessons : int
        How many frame sets contributed.
    doubted : bool
        Whether it may have changed since.
    """

    sharpening: Sharpening = PLAIN
    information: Array = field(default_factory=PRIOR.copy)
    since: int = ALARM_WAIT
    lessons: int = 0
    doubted: bool = False

    def doubt(self) -> None:
        """Estimate it again when markers are seen again: the camera's settings may have changed."""
        self.doubted, self.since = True, max(self.since, ALARM_WAIT)

    def due(self, alarm: bool, moving: bool = False) -> bool:
        """Return whether it should be estimated.

        Parameters
        ----------
        alarm : bool
            Whether images suddenly fit worse.
        moving : bool
            Whether what is seen moves fast.

        Returns
        -------
        bool
        """
        if not self.lessons:
            return self.since >= ALARM_WAIT
        if moving and self.since < PATIENCE:
            return False
        if alarm and self.since >= ALARM_WAIT:
            return True
        least = PLAIN_WAIT if self.sharpening == PLAIN else 1
        if self.doubted and self.since >= ALARM_WAIT:
            return True
        return self.since >= min(least * 2 ** (self.lessons - 1), MOST_WAIT)


def learn(known: Sequence[Sharpness], look: Look) -> list[Sharpness]:
    """Update what is known of the cameras' sharpening from one frame set.

    Parameters
    ----------
    known : sequence of Sharpness
        Of each camera.
    look : callable
        From sharpenings of all cameras to the fit result with them, or None where there is none.

    Returns
    -------
    list of Sharpness
        Of each camera; one that saw too little is unchanged, except for the time of the estimate.
    """
    score = _Score(look, len(known))
    now = [k.sharpening for k in known]
    plain = score([PLAIN] * len(known))
    seen = np.isfinite(plain)
    if not seen.any():
        return [replace(before, since=0) for before in known]
    sharp = plain if all(s == PLAIN for s in now) else score(now)
    # images explained as well without are no longer sharpened; search again
    new = [
        c
        for c in range(len(known))
        if seen[c] and (now[c] == PLAIN or not sharp[c] > plain[c] + GAIN * score.pixels[c])
    ]
    _look_for(score, now, plain, new)
    steps, information = np.zeros((len(now), 2)), [PRIOR] * len(now)
    if any(s != PLAIN for s in now):
        steps, information = _newton(score, now)
    result = []
    for c, before in enumerate(known):
        if not seen[c]:
            result.append(replace(before, since=0))
            continue
        known_before = before.information if c not in new else PRIOR
        same = (now[c] == PLAIN) == (before.sharpening == PLAIN)
        lessons = before.lessons + 1 if same else 1
        if now[c] == PLAIN:
            result.append(Sharpness(PLAIN, PRIOR, 0, lessons))
            continue
        total = KEEP * known_before + information[c]
        moved = _moved(now[c], np.linalg.solve(total, information[c] @ steps[c]))
        result.append(Sharpness(moved, total, 0, lessons))
    return result


def _look_for(score: "_Score", now: list[Sharpening], plain: Array, cameras: list[int]) -> None:
    """Find some cameras' sharpenings from nothing known; PLAIN where none explains more.

    now : of all cameras, changed in place. plain : score without.
    """
    best = plain.copy()
    for c in cameras:
        now[c] = PLAIN
    for probe in PROBES if cameras else ():
        tried = score([probe if c in cameras else s for c, s in enumerate(now)])
        for c in cameras:
            if tried[c] > best[c] + (GAIN * score.pixels[c] if now[c] == PLAIN else 0.0):
                now[c], best[c] = probe, tried[c]
    sharpened = [c for c in cameras if now[c] != PLAIN]
    if not sharpened:
        return
    _search(score, now, best, sharpened)
    for _ in range(NEWTONS):
        steps, _ = _newton(score, now)
        for c in sharpened:
            now[c] = _moved(now[c], steps[c])
    final = score(now)
    for c in sharpened:
        if not final[c] > plain[c] + GAIN * score.pixels[c]:
            now[c] = PLAIN


def can_teach(fit_result: FitResult, cameras: int) -> NDArray[np.bool_]:
    """Return which cameras see enough of a tool to learn from.

    Parameters
    ----------
    fit_result : FitResult
        Of the tool as it was found.
    cameras : int
        Number of cameras.

    Returns
    -------
    ndarray, shape (cameras,), bool
    """
    looked, teaching = _teaching(fit_result)
    own = [teaching & (fit_result.marker_views.camera == camera) for camera in range(cameras)]
    return np.array([looked[views].sum() > LEAST_PIXELS for views in own])


def _teaching(fit_result: FitResult) -> tuple[Array, NDArray[np.bool_]]:
    """Return pixels (n,) of each view, and which views look enough like their markers to teach."""
    looked = fit_result.quality.pixels / np.maximum(fit_result.quality.visible, 1e-3)
    return looked, np.asarray(fit_result.quality.explained > 0.5, bool)


class _Score:
    """Log likelihood of each camera's markers by sharpenings; -inf where nothing is seen.

    A view counts as many pixels as in the first try, whichever sharpening is tried: the wider the
    blur, the more are left out at its rim, and fewer pixels are no merit.
    """

    def __init__(self, look: Look, cameras: int) -> None:
        self.look, self.cameras = look, cameras
        self.pixels = np.zeros(cameras)
        self.weights: Array | None = None

    def __call__(self, sharpenings: Sequence[Sharpening]) -> Array:
        fit_result = self.look(sharpenings)
        result = np.full(self.cameras, -np.inf)
        if fit_result is None:
            return result
        if self.weights is None:
            looked, teaching = _teaching(fit_result)
            self.weights = np.where(teaching, looked, 0.0)
        gone = np.maximum(1.0 - fit_result.quality.visible, 0.0)
        variance = np.maximum(fit_result.quality.noise, LEAST_NOISE) ** 2 * (1.0 + CUT**2 * gone)
        said = -0.5 * self.weights * np.log(variance)
        for c in range(self.cameras):
            own = (self.weights > 0.0) & (fit_result.marker_views.camera == c)
            pixels = self.weights[own].sum()
            if pixels > LEAST_PIXELS:
                result[c] = said[own].sum() - pixels * sharpenings[c].log_gain
                self.pixels[c] = pixels
        return result


def _logs(sharpening: Sharpening) -> Array:
    return np.log([sharpening.amount, sharpening.width])


def _of_logs(logs: Array) -> Sharpening:
    amount, width = np.exp(np.clip(logs, LOW, HIGH))
    return Sharpening(float(amount), float(width))


def _moved(sharpening: Sharpening, step: Array) -> Sharpening:
    return sharpening if sharpening == PLAIN else _of_logs(_logs(sharpening) + step)


def _search(score: _Score, now: list[Sharpening], at: Array, cameras: Sequence[int]) -> None:
    """Improve some cameras' sharpenings by coarse steps, in place."""
    for size in COARSE:
        active = set(cameras)
        while active:
            before = list(now)
            for axis in range(2):
                for way in (size, -size):
                    step = np.zeros(2)
                    step[axis] = way
                    tried = [_moved(now[c], step) if c in active else now[c]
                             for c in range(len(now))]  # fmt: skip
                    scores = score(tried)
                    for c in active:
                        if scores[c] > at[c]:
                            now[c], at[c] = tried[c], scores[c]
            active = {c for c in active if now[c] != before[c]}


def _newton(score: _Score, now: Sequence[Sharpening]) -> tuple[Array, list[Array]]:
    """Compute Newton's steps (cameras, 2) of the logarithms, and their information."""
    cameras = range(len(now))
    at = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1]]) * DELTA
    values = np.array([score([_moved(s, step) for s in now]) for step in at])
    steps, information = np.zeros((len(now), 2)), []
    for c in cameras:
        v = values[:, c]
        own = np.zeros((2, 2))
        if now[c] != PLAIN and np.isfinite(v).all():
            gradient = np.array([v[1] - v[2], v[3] - v[4]]) / (2 * DELTA)
            aa, ss = v[1] + v[2] - 2 * v[0], v[3] + v[4] - 2 * v[0]
            both = v[5] - v[1] - v[3] + v[0]
            hessian = -np.array([[aa, both], [both, ss]]) / DELTA**2
            values_, vectors = np.linalg.eigh(hessian)
            own = (vectors * np.maximum(values_, 1e-3 * abs(values_).max() + 1.0)) @ vectors.T
            steps[c] = np.clip(np.linalg.solve(own, gradient), -FARTHEST, FARTHEST)
        information.append(own)
    return steps, information
