"""Touches from tracked poses: where the tip dwelled, how still, and how well the mean is known."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nav.core.covariance import covariance_root
from nav.core.errors import InputError, Lost
from nav.core.frames import Array
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.registration.dwell_segments import DwellSettings, dwell_segments
from nav.registration.dwell_statistics import independent_samples, largest_step, linear_drift
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool

LEAST_EXTENT = 5.0  # mm: a recording of touches covers more; one in metres does not
KNOCK_TIME = 0.1  # s: within it a hand does not take the tip from one rest to the next
REFERENCE_SHIFT = 1.0  # mm of the reference body in the rig during a touch that is worth naming
SHRINKAGE = 10.0  # independent samples that count as much as equal scatter in all directions
DEFAULT = DwellSettings()
FEWEST = 6  # samples of a touch


@dataclass(frozen=True)
class TipSeries:
    """The tip in the reference frame over time; n samples at which it is known.

    Parameters
    ----------
    times : ndarray, shape (n,)
        s, rising.
    positions : ndarray, shape (n, 3)
        mm.
    rotations : ndarray, shape (n, 3, 3)
        reference_from_tool.
    random, systematic : ndarray, shape (n, 3, 3)
        Covariances of the tip, mm^2; the systematic one without the calibration of the tip.
    tip_covariance : ndarray, shape (3, 3)
        Of the tip's place in the tool's frame, mm^2.
    references : ndarray, shape (n, 3)
        Origin of the reference body in the rig's frame, mm; zeros for poses relative to it.
    """

    times: Array
    positions: Array
    rotations: Array
    random: Array
    systematic: Array
    tip_covariance: Array
    references: Array

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True)
class DwellTouch:
    """A place that the tip was held at.

    Parameters
    ----------
    start, end : float
        s.
    position : ndarray, shape (3,)
        Mean, reference frame, mm.
    random : ndarray, shape (3, 3)
        Covariance of the mean by what scatters, mm^2.
    systematic : ndarray, shape (3, 3)
        By what lasts through the touch and differs between touches, mm^2.
    tip_error : ndarray, shape (3, 3)
        By the calibration of the tip, mm: column k is how one standard deviation along the k-th
        axis of its covariance moves this touch. All touches share these errors.
    wander : float
        Rms distance of the tip from the mean, mm.
    samples : int
        That the mean is of.
    independent : float
        To how many independent samples they amount.
    remarks : tuple of str
        What was odd.
    """

    start: float
    end: float
    position: Array
    random: Array
    systematic: Array
    tip_error: Array
    wander: float
    samples: int
    independent: float
    remarks: tuple[str, ...] = ()

    @property
    def own(self) -> Array:
        """Covariance (3, 3) of the errors that it shares with no other touch, mm^2."""
        return self.random + self.systematic

    @property
    def covariance(self) -> Array:
        """Total covariance (3, 3), mm^2."""
        return self.own + self.tip_error @ self.tip_error.T


@dataclass(frozen=True)
class RefusedDwell:
    """A rest of the tip that is not used as a touch.

    Parameters
    ----------
    start, end : float
        s.
    position : ndarray, shape (3,)
        Mean, reference frame, mm.
    kind : {"jump", "drift", "knock"}
        Why: it moved from one place to another, it crept, or it changed its place between two
        frames faster than a hand does.
    distance : float
        By how much, mm.
    reference_shift : float
        By how much the reference body moved in the rig's frame meanwhile, mm.
    """

    start: float
    end: float
    position: Array
    kind: Literal["jump", "drift", "knock"]
    distance: float
    reference_shift: float = 0.0

    def __str__(self) -> str:
        what = {
            "jump": f"the tip jumped by {self.distance:.1f} mm within it",
            "drift": f"the tip crept by {self.distance:.1f} mm",
            "knock": f"the tip changed its place by {self.distance:.1f} mm between two frames",
        }[self.kind]
        if self.reference_shift > REFERENCE_SHIFT:
            what += f", the reference body moved by {self.reference_shift:.1f} mm"
        elif self.kind == "knock":
            what += ": was the reference body knocked?"
        return f"touch at {self.start:.1f} to {self.end:.1f} s: {what}"


@dataclass(frozen=True)
class FoundTouches:
    """The touches in a series, in the order of time.

    Parameters
    ----------
    touches : tuple of DwellTouch
        To be used.
    refused : tuple of RefusedDwell
        Not to be used, each with the reason.
    """

    touches: tuple[DwellTouch, ...] = ()
    refused: tuple[RefusedDwell, ...] = ()


def tip_series(
    frames: Iterable[TrackedFrame], needle: Tool, reference: str = "reference"
) -> TipSeries:
    """Collect the tip's positions relative to the reference body from any source of poses.

    Parameters
    ----------
    frames : iterable of TrackedFrame
        A `PoseSource`, such as a `PoseRecording`.
    needle : Tool
        With a tip.
    reference : str
        Name of the reference body.

    Returns
    -------
    TipSeries
        Of the frames in which the tip is known.

    Raises
    ------
    InputError
        The needle has no tip, or the tip is known in fewer than `FEWEST` frames.
    """
    if needle.tip is None:
        raise InputError(f"{needle.name}: has no [tip]; calibrate the needle first")
    rows, last, count = [], None, 0
    for frame in frames:
        count += 1
        tip = tip_in_reference(frame, needle, reference)
        pose = frame.pose(needle.name, reference)
        body = frame.tools.get(reference)
        if isinstance(tip, Lost) or isinstance(pose, Lost) or not isinstance(body, TrackedTool):
            last = tip if isinstance(tip, Lost) else last
            continue
        rotation = pose.transform.rotation.as_matrix()
        calibration = rotation @ needle.tip.covariance @ rotation.T
        origin = body.rig_from_tool.transform.translation
        rows.append(
            (frame.time, tip.position, rotation, tip.random, tip.systematic - calibration, origin)
        )
    if len(rows) < FEWEST:
        why = f" ({last.code})" if last is not None else ""
        raise InputError(
            f"the tip of {needle.name} relative to {reference} is known in {len(rows)} of {count} "
            f"frames{why}; touches need at least {FEWEST}"
        )
    times, positions, rotations, random, systematic, origins = (
        np.array(column, float) for column in zip(*rows, strict=True)
    )
    return TipSeries(
        times, positions, rotations, random, systematic, needle.tip.covariance, origins
    )


def find_touches(
    series: TipSeries, settings: DwellSettings = DEFAULT, least_extent: float = LEAST_EXTENT
) -> FoundTouches:
    """Find where the tip was held still.

    A touch begins where the tip stays within a ball for `hold`, and lasts until it leaves the ball;
    samples on the way in and out, and single ones far off, are left out of the mean. The needle may
    turn about its tip. The covariance of the mean is the scatter divided by the number of
    independent samples, as their autocorrelation shows it.

    Parameters
    ----------
    series : TipSeries
        From `tip_series`.
    settings : DwellSettings
        What counts as a touch.
    least_extent : float
        mm that a whole recording covers; 0 for a part of one.

    Returns
    -------
    FoundTouches
        What moved on slowly is no touch; what jumped or crept within a touch is refused.

    Raises
    ------
    InputError
        The whole recording covers a few millimetres: it is not in millimetres, or has no touches.
    """
    low, high = np.percentile(series.positions, [1.0, 99.0], axis=0)
    extent = float(np.linalg.norm(high - low))
    if extent < least_extent:
        raise InputError(
            f"the tip moves by {extent:.3g} mm in all; touches of fiducials are farther apart: "
            "are the positions in millimetres?"
        )
    found: list[DwellTouch | RefusedDwell] = []
    spans: list[NDArray[np.intp]] = []
    for kept in dwell_segments(series.times, series.positions, settings):
        lasted = series.times[kept[-1]] - series.times[kept[0]] if len(kept) else 0.0
        if len(kept) < FEWEST or lasted < 0.9 * settings.hold:
            continue
        touch = _touch(series, kept, settings)
        if touch is not None:
            found.append(touch)
            spans.append(kept)
    _mark_knocks(series, found, spans)
    return FoundTouches(
        tuple(one for one in found if isinstance(one, DwellTouch)),
        tuple(one for one in found if isinstance(one, RefusedDwell)),
    )


def _touch(
    series: TipSeries, kept: NDArray[np.intp], settings: DwellSettings
) -> DwellTouch | RefusedDwell | None:
    """Judge one rest; None where the tip only moved on slowly."""
    times, positions = series.times[kept], series.positions[kept]
    mean = positions.mean(axis=0)
    shift = _reference_shift(series, kept)
    step, by_step = largest_step(times, positions, 0.2 * settings.hold)
    drift, by_drift = linear_drift(times, positions)
    if by_step > max(by_drift, 0.5) and step > settings.jump:
        return RefusedDwell(times[0], times[-1], mean, "jump", step, shift)
    if by_drift > 0.5 and drift > settings.jump:
        if drift > settings.radius:
            return None
        return RefusedDwell(times[0], times[-1], mean, "drift", drift, shift)
    off = positions - mean
    count, independent = len(kept), independent_samples(off)
    scatter = off.T @ off / count
    # few independent samples tell the scatter's size better than its shape
    shape = independent / (independent + SHRINKAGE)
    scatter = shape * scatter + (1.0 - shape) * np.trace(scatter) / 3.0 * np.eye(3)
    random = scatter / (independent - 1.0)
    stated = series.random[kept].mean(axis=0) / count
    if np.trace(stated) > np.trace(random):
        random = stated
    knock_remark: tuple[str, ...] = ()
    if shift > REFERENCE_SHIFT:
        knock_remark = (f"the reference body moved by {shift:.1f} mm in the rig's frame during it",)
    return DwellTouch(
        float(times[0]),
        float(times[-1]),
        mean,
        random,
        series.systematic[kept].mean(axis=0),
        series.rotations[kept].mean(axis=0) @ covariance_root(series.tip_covariance),
        float(np.sqrt((off**2).sum(axis=1).mean())),
        count,
        independent,
        knock_remark,
    )


def _reference_shift(series: TipSeries, kept: NDArray[np.intp]) -> float:
    part = max(1, len(kept) // 4)
    first, last = (series.references[side].mean(axis=0) for side in (kept[:part], kept[-part:]))
    return float(np.linalg.norm(last - first))


def _mark_knocks(
    series: TipSeries, found: list[DwellTouch | RefusedDwell], spans: list[NDArray[np.intp]]
) -> None:
    """Refuse both rests where the tip came from one to the other faster than a hand moves it."""
    for k in range(1, len(found)):
        before, after = spans[k - 1][-1], spans[k][0]
        if series.times[after] - series.times[before] > KNOCK_TIME:
            continue
        distance = float(np.linalg.norm(found[k].position - found[k - 1].position))
        moved = series.references[spans[k]].mean(axis=0)
        moved = moved - series.references[spans[k - 1]].mean(axis=0)
        shift = float(np.linalg.norm(moved))
        for one in (k - 1, k):
            this = found[one]
            found[one] = RefusedDwell(this.start, this.end, this.position, "knock", distance, shift)
