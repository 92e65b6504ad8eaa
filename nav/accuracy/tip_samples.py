"""The needle's tip relative to the reference body, frame by frame, and where it came to rest."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from nav.core.errors import InputError, Lost
from nav.core.frames import Array
from nav.core.tracked_frame import TrackedFrame
from nav.tracking.tip import tip_in_reference
from nav.tracking.tool import Tool

STILL = 0.6  # mm: a resting tip stays that close to its mean, beside its own noise
NOISE = 4.0  # sd of the tip's random error that are added to it
DWELL = 0.5  # s, at least
LEAST_FRAMES = 5
LEAVES = 3.0  # mm that the tip is moved away between two touches of one divot


@dataclass(frozen=True)
class TipSamples:
    """Tip positions and tool orientations of a recording, n frames in which both were tracked.

    Parameters
    ----------
    times : ndarray, shape (n,)
        s.
    positions : ndarray, shape (n, 3)
        Of the tip, reference frame, mm.
    rotations : Rotation
        reference_from_needle, n of them.
    random, systematic : ndarray, shape (n, 3, 3)
        Covariances of the tip's errors, mm^2.
    lost : int
        Frames in which the tip had no position.
    """

    times: Array
    positions: Array
    rotations: Rotation
    random: Array
    systematic: Array
    lost: int

    def __len__(self) -> int:
        return len(self.times)

    def take(self, which: Array) -> "TipSamples":
        """Return some of the samples, by index or mask."""
        return TipSamples(
            self.times[which],
            self.positions[which],
            self.rotations[which],
            self.random[which],
            self.systematic[which],
            self.lost,
        )


@dataclass(frozen=True)
class Dwell:
    """A rest of the tip.

    Parameters
    ----------
    start, end : float
        s.
    position : ndarray, shape (3,)
        Mean, reference frame, mm.
    rotation : Rotation
        Mean orientation, reference_from_needle.
    frames : int
        Of it.
    independent : float
        Number of independent samples that the frames are worth, by their autocorrelation.
    wander : float
        Rms distance from the mean, mm.
    """

    start: float
    end: float
    position: Array
    rotation: Rotation
    frames: int
    independent: float
    wander: float


def tip_samples(frames: Iterable[TrackedFrame], needle: Tool, reference: str) -> TipSamples:
    """Collect the tip of every frame.

    Parameters
    ----------
    frames : iterable of TrackedFrame
        Of a source of poses.
    needle : Tool
        With a tip.
    reference : str
        Name of the reference body.

    Returns
    -------
    TipSamples

    Raises
    ------
    InputError
        The tool has no tip, or it was tracked in fewer than `LEAST_FRAMES` frames.
    """
    if needle.tip is None:
        raise InputError(f"{needle.name}: its tool file has no [tip]; calibrate the needle first")
    times, tips, turns, lost = [], [], [], 0
    for frame in frames:
        tip = tip_in_reference(frame, needle, reference)
        pose = frame.pose(needle.name, relative_to=reference)
        if isinstance(tip, Lost) or isinstance(pose, Lost):
            lost += 1
            continue
        times.append(frame.time)
        tips.append(tip)
        turns.append(pose.transform.rotation.as_quat())
    if len(tips) < LEAST_FRAMES:
        raise InputError(
            f"{needle.name} and {reference} were tracked together in {len(tips)} of "
            f"{len(tips) + lost} frames; at least {LEAST_FRAMES} are needed"
        )
    return TipSamples(
        np.array(times),
        np.array([tip.position for tip in tips]),
        Rotation.from_quat(np.array(turns)),
        np.array([tip.random for tip in tips]),
        np.array([tip.systematic for tip in tips]),
        lost,
    )


def dwells(samples: TipSamples, still: float = STILL, least: float = DWELL) -> list[Dwell]:
    """Find where the tip rested.

    A rest grows as long as the next position is near the mean of those before. Two rests at one
    place are one, unless the tip was moved away between them.

    Parameters
    ----------
    samples : TipSamples
        In the order of time.
    still : float
        Distance from the mean that is a rest, mm; `NOISE` times the tip's random sd is added.
    least : float
        Duration, s.

    Returns
    -------
    list of Dwell
    """
    found: list[tuple[int, int]] = []
    noise = NOISE * np.sqrt(np.trace(samples.random, axis1=1, axis2=2) / 3.0)
    first, total = 0, samples.positions[0].copy()
    for k in range(1, len(samples) + 1):
        count = k - first
        if k < len(samples):
            off = float(np.linalg.norm(samples.positions[k] - total / count))
            if off <= still + noise[k]:
                total += samples.positions[k]
                continue
        if count >= LEAST_FRAMES and samples.times[k - 1] - samples.times[first] >= least:
            found.append((first, k))
        if k < len(samples):
            first, total = k, samples.positions[k].copy()
    return [_dwell(samples, *one) for one in _merged(samples, found, still)]


def _merged(
    samples: TipSamples, found: list[tuple[int, int]], still: float
) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, end in found:
        if merged:
            before = samples.positions[slice(*merged[-1])].mean(axis=0)
            way = samples.positions[merged[-1][1] : end] - before
            same = np.linalg.norm(samples.positions[first:end].mean(axis=0) - before) <= 2 * still
            if same and np.linalg.norm(way, axis=1).max() < LEAVES:
                merged[-1] = (merged[-1][0], end)
                continue
        merged.append((first, end))
    return merged


def _dwell(samples: TipSamples, first: int, end: int) -> Dwell:
    positions = samples.positions[first:end]
    mean = positions.mean(axis=0)
    off = positions - mean
    return Dwell(
        float(samples.times[first]),
        float(samples.times[end - 1]),
        mean,
        samples.rotations[first:end].mean(),
        end - first,
        independent_count(off),
        float(np.sqrt((off**2).sum(axis=1).mean())),
    )


def independent_count(off: Array) -> float:
    """Return how many independent samples a series is worth, by its autocorrelation [1]_.

    Parameters
    ----------
    off : ndarray, shape (n, 3)
        Deviations from the mean, evenly in time.

    Returns
    -------
    float
        From 1 to n.

    References
    ----------
    .. [1] Geyer, Statistical Science 7(4), 1992: sums of neighbouring pairs as long as positive.
    """
    count, variance = len(off), float((off**2).mean())
    if count < 3 or variance == 0.0:
        return float(count)
    lags = [float((off[: count - k] * off[k:]).sum()) / off.size / variance for k in range(count)]
    total = -1.0
    for k in range(0, count - 1, 2):
        pair = lags[k] + lags[k + 1]
        if pair <= 0.0:
            break
        total += 2.0 * pair
    return float(np.clip(count / max(total, 1e-9), 1.0, count))
