"""Delays and readouts from the changes of a blinking light, by maximum likelihood.

Nothing is known of when the light changes. A band of rows that has partly changed at the end of its
exposure tells when; one that has not, or wholly, says 'later' or 'earlier'. The probability of what
all cameras show of a change is integrated over its time, and is a function of the cameras' delays,
readouts and exposures and of the jitter of their times.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr

from calibration.timing.curvature import curvature_covariance
from calibration.timing.light_changes import CameraChanges
from nav.core.frames import Array

LEAST_JITTER = 1e-4  # s: no driver's times are better
USUAL_JITTER, JITTER_FACTOR = 5e-4, 2.0  # s, and the factor within which it usually is
UNEQUAL = 0.25  # of the exposures: what overexposure and gamma make of going on and off
SHORTEST = 2e-4  # s: of an exposure
OUTLIERS = 0.01  # share of changes that may be anything
POINTS, SIGMAS = 40, 4.5  # over which the time of a change is integrated
MILLI = 1e3  # unknowns are in ms
TIGHTEST = 3  # bounds of a change's time that are taken into account
SHOWN = 0.3  # sd of a slope, against 1 and itself, with which images show it
LONGEST_READOUT = 1.2  # periods
TRIED = 2  # starting values, the likeliest ones
EARLY, LATE = -1e9, 1e9  # ms


@dataclass(frozen=True)
class LightFit:
    """Delays and readouts of all cameras.

    Attributes
    ----------
    delay, delay_sd : ndarray, shape (c,)
        In s; the first camera's are 0.
    readout, readout_sd : ndarray, shape (c,)
        In s; as given where they were not free.
    exposure : ndarray, shape (c,)
        In s.
    jitter : float
        Of the images' times, s.
    changes : int
        That all cameras saw.
    drift, drift_sd : ndarray, shape (c,)
        How much longer the delay is in the recording's second half than in its first, s.
    """

    delay: Array
    delay_sd: Array
    readout: Array
    readout_sd: Array
    exposure: Array
    jitter: float
    changes: int
    drift: Array
    drift_sd: Array


@dataclass(frozen=True)
class _Timing:
    """One set of values: ms, per camera."""

    delays: Array
    unequal: Array  # half of how much later going on seems than going off
    exposures: Array
    readouts: Array
    jitter: float


@dataclass(frozen=True)
class _Model:
    """What the vector of unknowns means: delays, then `unequal`, exposures, jitter, readouts.

    Exposures and jitter are logarithms. Where images show how the light changes from row to row,
    the quotient of readout and exposure is known better than either, and stands for the readout.
    """

    cameras: Sequence[CameraChanges]
    fixed: Array  # readouts that are known, ms
    free: tuple[int, ...]  # cameras whose readout is not
    periods: Array  # ms
    slopes: Array  # readout per exposure of the free ones, as images show it
    slope_sds: Array  # 0 where they do not show it
    absorbed: int  # differences of times that other unknowns explain whatever the jitter is

    @property
    def size(self) -> int:
        return 3 * len(self.cameras) - 1 + len(self.free)

    def timing(self, unknowns: Array) -> _Timing:
        """Return what a vector says."""
        count = len(self.cameras)
        delays, unequal, exposures = np.split(unknowns[: 3 * count - 2], [count - 1, 2 * count - 2])
        exposures, readouts = np.exp(exposures), self.fixed.copy()
        free, own = list(self.free), unknowns[3 * count - 1 :]
        by_slope = exposures[free] * (self.slopes + self.slope_sds * own)
        readouts[free] = np.where(self.slope_sds > 0, by_slope, own)
        jitter = max(float(np.exp(unknowns[3 * count - 2])), MILLI * LEAST_JITTER)
        return _Timing(np.append(0.0, delays), np.append(0.0, unequal), exposures, readouts, jitter)

    def unknowns(self, timing: _Timing) -> Array:
        """Return the vector that says so."""
        readouts = timing.readouts[list(self.free)]
        slopes = readouts / timing.exposures[list(self.free)] - self.slopes
        known = np.where(self.slope_sds > 0, self.slope_sds, 1.0)
        return np.concatenate([
            timing.delays[1:], timing.unequal[1:], np.log(timing.exposures),
            [np.log(timing.jitter)], np.where(self.slope_sds > 0, slopes / known, readouts),
        ])  # fmt: skip

    def cost(self, unknowns: Array) -> float:
        """Return minus the log-likelihood, and what is known of jitter and of `unequal` before."""
        timing = self.timing(unknowns)
        known = (np.log(timing.jitter / (MILLI * USUAL_JITTER)) / np.log(JITTER_FACTOR)) ** 2
        widths = UNEQUAL * np.hypot(timing.exposures[0], timing.exposures[1:])
        known += float(((timing.unequal[1:] / widths) ** 2).sum())
        known -= 2 * self.absorbed * np.log(timing.jitter)  # as residuals' degrees of freedom
        return known / 2 - _log_likelihood(self.cameras, timing, float(self.periods.mean()))

    def bounds(self, delays: Array) -> tuple[Array, Array]:
        """Return the least and greatest unknowns, with delays a period about those given."""
        count, periods = len(self.cameras), self.periods
        longest = np.where(self.slope_sds > 0, 30.0, LONGEST_READOUT * periods[list(self.free)])
        jitter = np.log([MILLI * LEAST_JITTER, periods.min()])
        shortest = np.full(count, np.log(MILLI * SHORTEST))
        low, high = (
            np.concatenate([
                delays[1:] + sign * periods[1:], sign * periods[1:],
                shortest if sign < 0 else np.log(periods), [jitter[int(sign > 0)]], sign * longest,
            ])
            for sign in (-1.0, 1.0)
        )  # fmt: skip
        return low, high


def _model(cameras: Sequence[CameraChanges], readouts: Array, free: Sequence[int]) -> _Model:
    moments = np.array([cameras[k].row_row.sum() for k in free])
    slopes = np.array([cameras[k].row_part.sum() for k in free]) / np.maximum(moments, 1e-12)
    sds = 1.0 / np.sqrt(np.maximum(moments, 1e-12))
    shown = sds < SHOWN * (1.0 + np.abs(slopes))
    periods = MILLI * np.array([np.median(c.high - c.low) for c in cameras])
    seen = sum((c.weight > 0).sum(axis=1) for c in cameras)
    again = int(np.maximum(seen - 1, 0).sum())
    absorbed = min(again, 3 * len(cameras) - 2)
    return _Model(
        cameras, MILLI * readouts, tuple(free), periods, np.where(shown, slopes, 0.0),
        np.where(shown, sds, 0.0),
        absorbed,
    )  # fmt: skip


def fit_light(
    cameras: Sequence[CameraChanges],
    delays: Sequence[tuple[float, float]],
    readouts: Sequence[float],
    readout_sds: Sequence[float],
    free: Sequence[int],
) -> LightFit:
    """Estimate delays and readouts.

    Parameters
    ----------
    cameras : sequence of CameraChanges
        The same changes of all cameras; see `common_changes`.
    delays : sequence of (float, float)
        From where to where they are looked for, s; the first one's are 0.
    readouts, readout_sds : sequence of float
        In s; kept where they are not free, and their errors are in the delays' then.
    free : sequence of int
        Cameras whose readout is estimated.

    Returns
    -------
    LightFit
        With standard deviations that are infinite where nothing is said.
    """
    model = _model(cameras, np.asarray(readouts, float), free)
    unknowns, widths = _likeliest(model, MILLI * np.array(delays), TRIED)
    found, covariance = model.timing(unknowns), curvature_covariance(model.cost, unknowns, widths)
    changes = len(cameras[0])
    covariance *= changes / max(changes - model.size, 1)  # as residuals' degrees of freedom
    by_delay = np.eye(model.size)[: len(cameras) - 1]
    delay_sd = np.append(0.0, _deviation(by_delay, covariance)) / MILLI
    readout_sd = np.array(readout_sds, float)
    readout_sd[list(free)] = _deviation(_readout_slopes(model, unknowns), covariance) / MILLI
    fixed = [0.0 if k in free else _usual_row(c) * readout_sd[k] for k, c in enumerate(cameras)]
    delay_sd[1:] = np.sqrt(delay_sd[1:] ** 2 + np.square(fixed[1:]) + fixed[0] ** 2)
    drift, drift_sd = _drift(model, unknowns)
    return LightFit(
        found.delays / MILLI, delay_sd, found.readouts / MILLI, readout_sd, found.exposures / MILLI,
        found.jitter / MILLI, changes, drift / MILLI, drift_sd / MILLI,
    )  # fmt: skip


def no_fit(readouts: Sequence[float], changes: int) -> LightFit:
    """Return what too few changes of the light say: nothing.

    Parameters
    ----------
    readouts : sequence of float
        Kept as they are, s.
    changes : int
        That all cameras saw.

    Returns
    -------
    LightFit
        With infinite standard deviations; exposures and jitter are not a number.
    """
    nothing, unknown = np.zeros(len(readouts)), np.full(len(readouts), np.inf)
    exposures = np.full(len(readouts), np.nan)
    return LightFit(
        nothing, unknown, np.array(readouts, float), unknown, exposures, np.nan, changes, nothing,
        unknown,
    )  # fmt: skip


def light_likelihood(
    cameras: Sequence[CameraChanges],
    delays: Sequence[tuple[float, float]],
    readouts: Sequence[float],
    free: Sequence[int],
) -> tuple[float, float]:
    """Return how likely the changes are with delays in a range.

    Parameters
    ----------
    cameras, delays, readouts, free
        As of `fit_light`.

    Returns
    -------
    log_likelihood : float
        Per change.
    delay : float
        Of the last camera, s, where it is greatest.
    """
    model = _model(cameras, np.asarray(readouts, float), free)
    unknowns, _ = _likeliest(model, MILLI * np.array(delays), 1)
    delay = float(model.timing(unknowns).delays[-1]) / MILLI
    return -model.cost(unknowns) / len(cameras[0]), delay


def _likeliest(model: _Model, delays: Array, tried: int) -> tuple[Array, Array]:
    """Return the most likely unknowns, and how wide the ranges are in which they were sought."""
    low, high = model.bounds(delays.mean(axis=1))
    starts = [np.clip(start, low, high) for start in _starts(model, delays)]
    limits, options = list(zip(low, high, strict=True)), {"eps": 1e-2}
    fits = [
        minimize(model.cost, start, method="L-BFGS-B", bounds=limits, options=options)
        for start in sorted(starts, key=model.cost)[:tried]
    ]
    best = min(fits, key=lambda fit: float(fit.fun))
    return np.asarray(best.x), high - low


def _drift(model: _Model, unknowns: Array) -> tuple[Array, Array]:
    """Return by how much delays differ between both halves of the changes, with sd, ms.

    Delays and jitter are estimated in each half again; everything else stays as it is.
    """
    cameras, count = model.cameras, len(model.cameras)
    again = [*range(count - 1), 3 * count - 2]
    low, high = (ends[again] for ends in model.bounds(model.timing(unknowns).delays))
    delays, variances = [], []
    for half in np.array_split(np.arange(len(cameras[0])), 2):
        own = replace(model, cameras=[c.taken(half) for c in cameras], absorbed=count - 1)

        def cost(some: Array, own: _Model = own) -> float:
            return own.cost(np.concatenate([
                some[:-1], unknowns[count - 1 : 3 * count - 2], some[-1:],
                unknowns[3 * count - 1 :],
            ]))  # fmt: skip

        fit = minimize(
            cost, unknowns[again], method="L-BFGS-B", bounds=list(zip(low, high, strict=True)),
            options={"eps": 1e-2},
        )  # fmt: skip
        delays.append(np.append(0.0, fit.x[:-1]))
        variances.append(
            np.append(0.0, np.diag(curvature_covariance(cost, fit.x, high - low))[:-1])
        )
    return delays[1] - delays[0], np.sqrt(variances[0] + variances[1])


def _usual_row(camera: CameraChanges) -> float:
    return float(np.nanmean(np.concatenate([camera.before, camera.after])))


def _starts(model: _Model, delays: Array) -> list[Array]:
    """Return starting values by how long changes are seen, and over how many rows."""
    exposures, readouts = np.empty(len(model.cameras)), model.fixed.copy()
    seconds = np.empty(len(model.cameras))
    slopes = dict(zip(model.free, model.slopes, strict=True))
    for k, camera in enumerate(model.cameras):
        mixed = np.isfinite(camera.before[..., 0]) & np.isfinite(camera.after[..., 0])
        seen = ((camera.weight > 0) | mixed).sum() / max(len(camera), 1)
        seconds[k] = float(np.clip(seen, 0.03, 1.8)) * model.periods[k]
        exposures[k] = seconds[k] / (1.0 + abs(slopes.get(k, 0.0)))
        if k in slopes:
            readouts[k] = slopes[k] * exposures[k]
    starts = []
    none = np.zeros(len(model.cameras))
    for share in np.linspace(0.0, 1.0, 9):
        at = delays[:, 0] + share * (delays[:, 1] - delays[:, 0])
        for size in (0.8, 1.0, 1.25) if model.free else (1.0,):
            timing = _Timing(at, none, size * exposures, size * readouts, USUAL_JITTER * MILLI)
            starts.append(model.unknowns(timing))
    return starts


def _readout_slopes(model: _Model, at: Array) -> Array:
    """Return the derivatives of the free readouts by the unknowns."""
    steps, free = 1e-4 * np.eye(model.size), list(model.free)
    ends = [
        np.array([model.timing(at + sign * step).readouts[free] for step in steps])
        for sign in (1, -1)
    ]
    return np.asarray((ends[0] - ends[1]).T / 2e-4)


def _deviation(slopes: Array, covariance: Array) -> Array:
    """Return the standard deviations of linear functions."""
    return np.sqrt(np.einsum("ki,ij,kj->k", slopes, covariance, slopes))


def _log_likelihood(cameras: Sequence[CameraChanges], timing: _Timing, period: float) -> float:
    centres, variances, lower, upper = [], [], [], []
    constant = np.zeros(len(cameras[0]))
    for k, camera in enumerate(cameras):
        times = MILLI * (camera.times - cameras[0].low[:, None]) - timing.delays[k]
        unequal = timing.unequal[k]
        times = times + np.where(camera.rising, unequal, -unequal)[:, None]
        exposure, readout = timing.exposures[k], timing.readouts[k]
        partial = camera.weight > 0
        centre = times + camera.row * readout + exposure * (0.5 - camera.part)
        noise = exposure**2 / np.maximum(camera.weight, 1e-12)
        centres.append(np.where(partial, centre, 0.0))
        variances.append(np.where(partial, timing.jitter**2 + noise, np.inf))
        slope = readout / exposure
        within = camera.part_part - 2 * slope * camera.row_part + slope**2 * camera.row_row
        constant += (partial * np.log(exposure) - 0.5 * within).sum(axis=1)
        reach = exposure * (0.5 - camera.margin)
        first = times + (camera.before * readout).max(axis=2) + reach
        last = times + (camera.after * readout).min(axis=2) - reach
        lower.append(np.where(partial | np.isnan(first), EARLY, first))
        upper.append(np.where(partial | np.isnan(last), LATE, last))
    logs = _integrals(
        np.hstack(centres), np.hstack(variances), np.hstack(lower), np.hstack(upper),
        timing.jitter, period,
    )  # fmt: skip
    return float((constant + logs).sum())


def _integrals(
    centres: Array, variances: Array, lower: Array, upper: Array, jitter: float, period: float
) -> Array:
    """Return the logarithms of the probabilities of changes, each integrated over its time."""
    weights = 1.0 / variances
    total = weights.sum(axis=1)
    count = np.isfinite(variances).sum(axis=1)
    seen = count > 0
    safe = np.where(seen, total, 1.0)
    mean = (weights * centres).sum(axis=1) / safe
    logs = -0.5 * (weights * (centres - mean[:, None]) ** 2).sum(axis=1)
    logs -= 0.5 * np.where(np.isfinite(variances), np.log(variances), 0.0).sum(axis=1)
    logs -= 0.5 * np.log(2 * np.pi) * count
    sd = 1.0 / np.sqrt(safe)
    begin, end = lower.max(axis=1), upper.min(axis=1)
    low = np.where(seen, mean - SIGMAS * sd, np.minimum(begin, end) - SIGMAS * jitter)
    high = np.where(seen, mean + SIGMAS * sd, np.maximum(begin, end) + SIGMAS * jitter)
    grid = low[:, None] + (high - low)[:, None] * (np.arange(POINTS) + 0.5) / POINTS
    values = np.where(
        seen[:, None], np.exp(-0.5 * ((grid - mean[:, None]) / sd[:, None]) ** 2), 1.0
    )
    for bound in np.sort(lower, axis=1)[:, -TIGHTEST:].T:
        values *= ndtr((grid - bound[:, None]) / jitter)
    for bound in np.sort(upper, axis=1)[:, :TIGHTEST].T:
        values *= ndtr((bound[:, None] - grid) / jitter)
    integral = values.mean(axis=1) * (high - low)
    own = np.log(np.maximum(integral, 1e-300)) + logs
    anything = (1.0 - count) * np.log(period)
    return np.asarray(np.logaddexp(np.log1p(-OUTLIERS) + own, np.log(OUTLIERS) + anything))
