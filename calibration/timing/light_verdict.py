"""Decide from a recording of a blinking light which of each camera's times are determined."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from calibration.timing.light_changes import (
    LONGEST_DELAY,
    CameraChanges,
    DelayRange,
    camera_changes,
    common_changes,
    likely_delays,
)
from calibration.timing.light_fit import LightFit, fit_light, light_likelihood, no_fit
from calibration.timing.light_signals import LightSignals
from calibration.timing.timing_verdict import Estimate, judge_delay, judge_readout
from nav.camera.rig import Camera

FEWEST = 20  # changes of the light that all cameras see
TALL = 0.3  # of the image's height: light over fewer rows says nothing of the readout
AS_LIKELY = 10.0  # of the log-likelihood: a delay that is less likely by more is excluded
OFF_CENTRE = 0.05  # of the image's height
DRIFT_SDS, LEAST_DRIFT = 4.0, 1e-3  # of the drift's sd, and s: a delay that drifts more changes
MOST_JITTER = 0.2  # of the time from image to image: more is no jitter of a clock
MOST_REPEATED = 0.05  # of the images
MOST_ADAPTED = 0.05  # of the light's change
TIMES_WRONG = (
    "are the times those of the images? Images that are repeated or dropped, a nominal frame rate "
    "and clocks that drift make them wrong"
)
LONGER = "record longer, or let the light fall on a white sheet that fills the images"


@dataclass(frozen=True)
class LightTiming:
    """What is known of one camera's times.

    Attributes
    ----------
    signals : LightSignals
        What it sees of the light.
    delay : Estimate or None
        Against the first camera; None for that one.
    readout : Estimate
        From the first row to the last.
    exposure : float
        As it seems, s.
    changes : int
        Of the light, that were used.
    jitter : float
        Of the images' times, s.
    remarks : tuple of str
        What else should be known.
    """

    signals: LightSignals
    delay: Estimate | None
    readout: Estimate
    exposure: float
    changes: int
    jitter: float
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Seen:
    camera: Camera
    signals: LightSignals
    changes: CameraChanges

    @property
    def tall(self) -> bool:
        return bool(np.ptp(self.signals.bands) >= TALL)


def judge_light(cameras: Sequence[Camera], signals: Sequence[LightSignals]) -> list[LightTiming]:
    """Estimate all cameras' delays and readouts and judge them.

    Parameters
    ----------
    cameras : sequence of Camera
        Readouts that they have are used where the light does not tell.
    signals : sequence of LightSignals
        What each of them sees.

    Returns
    -------
    list of LightTiming
        One per camera.
    """
    seen = [
        _Seen(camera, own, camera_changes(own))
        for camera, own in zip(cameras, signals, strict=True)
    ]
    problems, ranges = [""], [DelayRange(0.0, 0.0, 1.0)]
    for other in seen[1:]:
        found, problem = _delay_range(seen[0], other)
        problems.append(problem)
        ranges.append(found)
    group = [k for k, problem in enumerate(problems) if not problem]
    together = _fitted([seen[k] for k in group], [ranges[k] for k in group])
    result: list[LightTiming] = []
    for k, own in enumerate(seen):
        if k in group:
            judged = _judged(own, together, group.index(k), k > 0)
        else:
            alone = _judged(own, _fitted([own], [ranges[0]]), 0, False)
            judged = replace(alone, delay=Estimate(0.0, float("inf"), problems[k]))
        nominal = _nominal(seen[0], own) if k else ""
        result.append(replace(judged, remarks=(*judged.remarks, *filter(None, [nominal]))))
    return result


def _delay_range(first: _Seen, other: _Seen) -> tuple[DelayRange, str]:
    """Return where the delay is, or why that is not known."""
    none = DelayRange(0.0, 0.0, 0.0)
    fewest = min(len(first.changes), len(other.changes))
    if fewest < FEWEST:
        return none, f"{fewest} changes of the light only, expected {FEWEST} or more: record longer"
    found, share = likely_delays(first.changes, other.changes)
    if not found:
        return none, (
            f"no delay up to {1e3 * LONGEST_DELAY:.0f} ms fits more than {share:.0%} of the "
            f"changes: does it see the same light as {first.camera.name}, and only that, and are "
            "the times its images' own?"
        )
    if len(found) == 1:
        return found[0], ""
    fits = [_likelihood(first, other, each) for each in found]
    most = max(likelihood for likelihood, _ in fits)
    changes = len(first.changes)
    left = [
        (each, delay)
        for each, (likelihood, delay) in zip(found, fits, strict=True)
        if (most - likelihood) * changes < AS_LIKELY
    ]
    if len(left) == 1:
        return left[0][0], ""
    delays = sorted(1e3 * delay for _, delay in left)
    apart = float(np.median([b - a for a, b in pairwise(delays)]))
    listed = ", ".join(f"{delay:.1f}" for delay in sorted(delays, key=abs)[:3])
    return none, (
        f"the light blinks regularly, so that it is known only modulo {apart:.1f} ms ({listed} ms "
        f"fit alike): let it blink irregularly, or with a period above {2e3 * LONGEST_DELAY:.0f} ms"
    )


def _likelihood(first: _Seen, other: _Seen, delays: DelayRange) -> tuple[float, float]:
    seen = (first, other)
    return light_likelihood(
        common_changes([first.changes, other.changes], [0.0, delays.middle]),
        [(0.0, 0.0), (delays.low, delays.high)],
        [s.camera.readout for s in seen],
        [k for k, s in enumerate(seen) if s.tall],
    )


def _fitted(seen: Sequence[_Seen], ranges: Sequence[DelayRange]) -> LightFit:
    common = common_changes([s.changes for s in seen], [each.middle for each in ranges])
    if len(common[0]) < FEWEST:
        return no_fit([s.camera.readout for s in seen], len(common[0]))
    return fit_light(
        common,
        [(each.low, each.high) for each in ranges],
        [s.camera.readout for s in seen],
        [s.camera.readout_sd for s in seen],
        [k for k, s in enumerate(seen) if s.tall],
    )


def _judged(own: _Seen, fit: LightFit, index: int, compared: bool) -> LightTiming:
    few = ""
    if fit.changes < FEWEST:
        few = f"{fit.changes} changes of the light in common only, expected {FEWEST} or more"
    narrow = few
    if not few and not own.tall:
        rows = f"{np.ptp(own.signals.bands):.0%}"
        narrow = f"the light is seen over {rows} of the height only: let it fall on a white sheet"
    readout = judge_readout(
        fit.readout[index], fit.readout_sd[index], narrow, own.signals.period, LONGER
    )
    delay = None
    if compared:
        problem = few or _unsteady(own, fit, index)
        delay = judge_delay(fit.delay[index], fit.delay_sd[index], problem, LONGER)
    return LightTiming(
        own.signals, delay, readout, float(fit.exposure[index]), fit.changes, fit.jitter,
        _remarks(own),
    )  # fmt: skip


def _nominal(first: _Seen, other: _Seen) -> str:
    """Return that cameras which run freely cannot have the very same times."""
    if not np.array_equal(first.signals.times, other.signals.times):
        return ""
    return (
        f"its images have exactly the times of those of {first.camera.name}, as a nominal frame "
        "rate gives them: a delay holds for the cameras' own times (times.csv, nav record) only"
    )


def _unsteady(own: _Seen, fit: LightFit, index: int) -> str:
    """Return why a delay is none that stays; empty where it may."""
    drift, period = abs(float(fit.drift[index])), own.signals.period
    if drift > max(DRIFT_SDS * float(fit.drift_sd[index]), LEAST_DRIFT):
        return f"it differs by {1e3 * drift:.1f} ms between the recording's halves: {TIMES_WRONG}"
    if fit.jitter > MOST_JITTER * period:
        return (
            f"the images' times jitter by {1e3 * fit.jitter:.1f} ms (sd), with an image every "
            f"{1e3 * period:.1f} ms: {TIMES_WRONG}"
        )
    return ""


def _remarks(own: _Seen) -> tuple[str, ...]:
    """Return what is unusual about the images, and what an unknown readout would change."""
    signals = own.signals
    remarks = []
    if signals.earlier:
        remarks.append(
            f"{signals.earlier} images are left out, since their times are before that of an image "
            "before them: was its clock set meanwhile? Record again"
        )
    if signals.repeated > MOST_REPEATED * len(signals.times):
        remarks.append(
            f"{signals.repeated} of {len(signals.times)} images are the same as the one before: "
            "if the camera repeats them, set a frame rate that it has, with enough light for it"
        )
    if abs(signals.adapts) > MOST_ADAPTED:
        which = "brighter" if signals.adapts > 0 else "darker"
        remarks.append(
            f"the light is {which} at first than later, by {abs(signals.adapts):.0%}, which shifts "
            "the delay: lock the exposure, and use a light that switches on instantly"
        )
    remarks.append(_off_middle(own))
    return tuple(filter(None, remarks))


def _off_middle(own: _Seen) -> str:
    """Return what an unknown readout would change."""
    row = float(own.signals.bands.mean())
    known = own.camera.readout or own.camera.readout_sd
    if own.tall or known or abs(row) < OFF_CENTRE:
        return ""
    return (
        f"the light is {abs(row):.0%} of the height off the middle, and the shutter is taken for a "
        f"global one: a rolling one would change the delay by up to "
        f"{1e3 * abs(row) * own.signals.period:.1f} ms; bring the light to the middle"
    )
