"""Where a stylus of unknown tip was pivoted in a divot: found from its poses alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nav.core.errors import InputError
from nav.core.frames import Array

WINDOWS = (4.0, 2.0)  # s: a pivot is tried on so much of the recording, part of one contact
LAG = 1.0  # s: a stylus that pivots turns visibly in that time
APART = 3.0  # mm: a tip that moved by more is not in the same place
SHORTEST = 1.5  # s: a shorter rest is the tip passing
FAST = 15.0  # mm/s: a tip that is faster slides or flies, whatever it is taken for
SPEED_LAG = 0.3  # s, over which that speed is measured
LEAST_POSES = 10
LEAST_TURN = 0.05  # rad, rms: a stylus that turns less is held still
OFF = 6.0  # robust standard deviations: a pose farther from its pivot is left out
NORMAL = 1.4826  # standard deviation by median absolute deviation, of a normal distribution
LEAST_DEVIATION = 0.05  # mm per axis: no pose is left out for less than 6 of it
ROUNDS = 10
MOST_COMPARED = 3000  # poses, evenly chosen, by which tips are compared
MOST_POSES = 100_000


@dataclass(frozen=True)
class PoseSeries:
    """Poses reference_from_stylus in the order of time, where both were seen.

    Parameters
    ----------
    times : ndarray, shape (n,)
        s, increasing.
    rotations : ndarray, shape (n, 3, 3)
        Of the poses.
    translations : ndarray, shape (n, 3)
        Of the poses, mm.
    """

    times: Array
    rotations: Array
    translations: Array

    def __len__(self) -> int:
        return len(self.times)

    def take(self, which: slice | NDArray[np.bool_] | NDArray[np.intp]) -> "PoseSeries":
        """Return some of the poses."""
        return PoseSeries(self.times[which], self.rotations[which], self.translations[which])

    def tips(self, tip: Array) -> Array:
        """Return the places (n, 3) of a tip given in the stylus's frame."""
        return np.asarray(self.rotations @ tip + self.translations, float)


@dataclass(frozen=True)
class Contact:
    """A pivot in one divot, as the sums that a fit of the tip needs.

    Parameters
    ----------
    start, end : float
        When it began and ended, s.
    poses : int
        Number used.
    left_out : int
        Poses that did not fit the pivot.
    rotation : ndarray, shape (3, 3)
        Mean of the rotations (not itself one).
    translation : ndarray, shape (3,)
        Mean of the translations, mm.
    turning : ndarray, shape (3, 3)
        Sum of A' A with A = R - mean R: the information on the tip.
    right : ndarray, shape (3,)
        Right side of the normal equations ``turning @ tip = right``, mm.
    squares : float
        Sum of squared deviations of the translations, mm^2.
    """

    start: float
    end: float
    poses: int
    left_out: int
    rotation: Array
    translation: Array
    turning: Array
    right: Array
    squares: float

    @classmethod
    def of(cls, series: PoseSeries, left_out: int = 0) -> "Contact":
        """Sum up the poses of one pivot."""
        rotation, translation = series.rotations.mean(axis=0), series.translations.mean(axis=0)
        turned, moved = series.rotations - rotation, series.translations - translation
        return cls(
            float(series.times[0]),
            float(series.times[-1]),
            len(series),
            left_out,
            rotation,
            translation,
            np.einsum("nij,nik->jk", turned, turned),
            -np.einsum("nij,ni->j", turned, moved),
            float((moved**2).sum()),
        )

    @property
    def least_turn(self) -> float:
        """Rms turn across the axis about which it turned most, rad: 0 for turns about one axis."""
        # A' A of a small turn w is |w|^2 I - w w'
        values = np.linalg.eigvalsh(self.turning / self.poses)
        return float(np.sqrt(max(values[0], 0.0)))

    @property
    def turn(self) -> float:
        """Rms angle by which the poses are turned from their mean, rad."""
        return float(np.sqrt(np.trace(self.turning) / (2.0 * self.poses)))

    def pivot(self) -> Array:
        """Return the tip that these poses alone give, stylus frame, mm."""
        return self.pivot_near(np.zeros(3))

    def pivot_near(self, tip: Array) -> Array:
        """Return the same tip, and what these poses leave open as a given tip has it."""
        missing = np.linalg.pinv(self.turning, hermitian=True) @ (self.right - self.turning @ tip)
        return np.asarray(tip + missing, float)

    def scatter(self, tip: Array) -> float:
        """Return the sum of squared distances of a tip from its mean place, mm^2."""
        value = self.squares - 2.0 * self.right @ tip + tip @ self.turning @ tip
        return max(float(value), 0.0)

    def place(self, tip: Array) -> Array:
        """Return the mean place of a tip, reference frame, mm."""
        return np.asarray(self.rotation @ tip + self.translation, float)


def find_contacts(series: PoseSeries) -> list[Contact]:
    """Find the pivots in a recording: where a point of the stylus rests while the stylus turns.

    Pivots are tried in windows of 4 s and of 2 s. The tip is the one of them that moves least from
    one second to the next over the whole recording (squared distances truncated at 3 mm, so that
    flights and other windows do not count). Rests of that tip are found, the tip is fitted to all
    of them, and so on until the rests stay the same. Rests without turning are no contacts: they
    say nothing of the tip. Consecutive rests in the same place are one contact.

    Parameters
    ----------
    series : PoseSeries
        The recording.

    Returns
    -------
    list of Contact
        In the order of time.

    Raises
    ------
    InputError
        Too few poses, or no pivot in them.
    """
    if not LEAST_POSES <= len(series) <= MOST_POSES:
        raise InputError(
            f"{len(series)} poses in which stylus and reference body were seen; expected "
            f"{LEAST_POSES} to {MOST_POSES}"
        )
    tip = _first_tip(series)
    rests: list[slice] = []
    contacts: list[Contact] = []
    for _ in range(ROUNDS):
        found = list(_rests(series, tip))
        if found == rests:
            break
        rests = found
        contacts = [_robust(series.take(rest), tip) for rest in rests]
        contacts = [contact for contact in contacts if contact.turn > LEAST_TURN]
        if not contacts:
            break
        tip = pooled_pivot(contacts)
    if not contacts:
        raise InputError(
            "no point of the stylus rests anywhere while it turns; pivot it in each divot for 5 s"
        )
    return contacts


def pooled_pivot(contacts: Sequence[Contact]) -> Array:
    """Return the tip that several pivots give together, stylus frame, mm.

    Parameters
    ----------
    contacts : sequence of Contact
        At least one, which determines the tip.

    Returns
    -------
    ndarray, shape (3,)
    """
    turning = np.sum([contact.turning for contact in contacts], axis=0)
    right = np.sum([contact.right for contact in contacts], axis=0)
    return np.asarray(np.linalg.solve(turning, right), float)


def _first_tip(series: PoseSeries) -> Array:
    """Return the pivot of a window that rests most in the whole recording."""
    ahead = np.searchsorted(series.times, series.times + LAG)
    now = np.flatnonzero(ahead < len(series))
    now = now[:: len(now) // MOST_COMPARED + 1]
    before, after = series.take(now), series.take(ahead[now])
    best: tuple[float, Array] | None = None
    for window in (part for length in WINDOWS for part in _windows(series.times, length)):
        contact = Contact.of(series.take(window))
        if contact.least_turn < LEAST_TURN:
            continue
        tip = contact.pivot()
        if contact.scatter(tip) > contact.poses * APART**2:
            continue
        moved = ((after.tips(tip) - before.tips(tip)) ** 2).sum(axis=1)
        cost = float(np.minimum(moved, APART**2).mean()) if len(now) else 0.0
        if best is None or cost < best[0]:
            best = cost, tip
    if best is None:
        raise InputError(
            "the stylus is nowhere turned about its tip in all directions; pivot it in each divot "
            "for 5 s, tilting it forwards, backwards and to both sides"
        )
    return best[1]


def _windows(times: Array, length: float) -> Iterator[slice]:
    """Yield overlapping parts of the recording, each of a length in s."""
    start = times[0]
    while True:
        first, last = np.searchsorted(times, [start, start + length])
        if last - first >= LEAST_POSES:
            yield slice(int(first), int(last))
        if last >= len(times):
            return
        # jumps over gaps in which nothing was seen
        start = max(start + length / 4.0, times[first])
        if first == last:
            start = times[last]


def _rests(series: PoseSeries, tip: Array) -> Iterator[slice]:
    """Yield the parts of the recording in which a tip rests, at most one for each place."""
    times, tips = series.times, series.tips(tip)
    early = np.searchsorted(times, times - SPEED_LAG / 2)
    late = np.searchsorted(times, times + SPEED_LAG / 2, side="right") - 1
    span = np.maximum(times[late] - times[early], 1e-9)
    slow = np.linalg.norm(tips[late] - tips[early], axis=1) < FAST * span
    held: tuple[slice, Array] | None = None
    first = 0
    while first < len(tips):
        last, total = first, np.zeros(3)
        while last < len(tips) and slow[last]:
            if last > first and np.linalg.norm(tips[last] - total / (last - first)) > APART:
                break
            total = total + tips[last]
            last += 1
        rest = slice(first, last)
        first = max(last, first + 1)
        count = last - rest.start
        if count < LEAST_POSES or times[last - 1] - times[rest.start] < SHORTEST:
            continue
        place = total / count
        if held is not None and np.linalg.norm(held[1] - place) < 2.0 * APART:
            rest = slice(held[0].start, last)
        elif held is not None:
            yield held[0]
        held = rest, place
    if held is not None:
        yield held[0]


def _robust(series: PoseSeries, tip: Array) -> Contact:
    """Sum up a pivot without the poses that are far off it."""
    kept: NDArray[np.bool_] = np.ones(len(series), bool)
    for _ in range(ROUNDS):
        contact = Contact.of(series.take(kept), int((~kept).sum()))
        own = contact.pivot() if contact.least_turn > LEAST_TURN else tip
        tips = series.tips(own)
        off = np.abs(tips - np.median(tips[kept], axis=0))
        spread = np.maximum(NORMAL * np.median(off[kept], axis=0), LEAST_DEVIATION)
        before, kept = kept, np.asarray((off < OFF * spread).all(axis=1), bool)
        if kept.sum() < LEAST_POSES:
            return contact
        if (kept == before).all():
            break
    return Contact.of(series.take(kept), int((~kept).sum()))
