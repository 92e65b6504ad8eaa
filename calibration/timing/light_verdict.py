"""What a recording of a blinking light says of each camera's times, and what it does not."""

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
from calibration.timing.light_fit import LightFit, fit_light, light_likelihood
from calibration.timing.light_signals import LightSignals
from calibration.timing.timing_verdict import Estimate, judge_delay, judge_readout
from nav.camera.rig import Camera

FEWEST = 20  # changes of the light that all cameras see
TALL = 0.3  # of the image's height: light over fewer rows says nothing of the readout
AS_LIKELY = 10.0  # of the log-likelihood: a delay that is less likely by more is excluded
OFF_CENTRE = 0.05  # of the image's height
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
    remark : str
        What else should be known; may be empty.
    """

    signals: LightSignals
    delay: Estimate | None
    readout: Estimate
    exposure: float
    changes: int
    jitter: float
    remark: str = ""


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
            result.append(_judged(own, together, group.index(k), k > 0))
            continue
        alone = _judged(own, _fitted([own], [ranges[0]]), 0, False)
        result.append(replace(alone, delay=Estimate(0.0, float("inf"), problems[k])))
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
            f"changes: does it see the same light as {first.camera.name}, and only that?"
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
    delay = judge_delay(fit.delay[index], fit.delay_sd[index], few, LONGER) if compared else None
    return LightTiming(
        own.signals, delay, readout, float(fit.exposure[index]), fit.changes, fit.jitter,
        _remark(own),
    )  # fmt: skip


def _remark(own: _Seen) -> str:
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
