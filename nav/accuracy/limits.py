"""Pass or fail: a day's figures against stated limits, with what the figures are not sure of."""

from dataclasses import dataclass
from typing import Literal

from nav.accuracy.accuracy_day import AccuracyDay
from nav.accuracy.accuracy_plan import SINGLE
from nav.accuracy.error_statistics import Estimate

Word = Literal["pass", "fail", "not decided", "not measured"]
TITLES = {
    "single_point_bias": "single point: bias (mean error)",
    "single_point_max": "single point: largest error",
    "rotation_rms": "roll, pitch, yaw: rms deviation",
    "distance_rms": "distances: rms error",
    "distance_max": "distances: largest error",
    "registration_rms": "registration of all divots: rms residual",
    "jitter_rms": "jitter at rest: rms",
    "drift": "warm-up: largest drift",
}


@dataclass(frozen=True)
class Judged:
    """A figure against its limit.

    Parameters
    ----------
    name : str
        Key of `TITLES`.
    limit : float
        mm.
    worst : Estimate or None
        Of the place with the worst word, the largest; its interval is only the value itself where
        none is known.
    where : str
        Test and place of it.
    word : str
        "not decided" where the limit is inside the interval.
    """

    name: str
    limit: float
    worst: Estimate | None
    where: str
    word: Word


def judge_day(day: AccuracyDay) -> list[Judged]:
    """Judge every figure that has a limit in the plan.

    Parameters
    ----------
    day : AccuracyDay
        The results.

    Returns
    -------
    list of Judged
        In the order of `TITLES`.
    """
    figures = _figures(day)
    judged = []
    for name in TITLES:
        limit = getattr(day.plan.limits, name)
        if limit is None:
            continue
        found = figures[name]
        if not found:
            judged.append(Judged(name, limit, None, "", "not measured"))
            continue
        order: tuple[Word, ...] = ("pass", "not decided", "fail")
        words = {where: _word(figure, limit) for where, figure in found.items()}
        where = max(found, key=lambda place: (order.index(words[place]), found[place].value))
        judged.append(Judged(name, limit, found[where], where, words[where]))
    return judged


def verdict(judged: list[Judged]) -> str:
    """Return the verdict of all limits together.

    Parameters
    ----------
    judged : list of Judged
        By `judge_day`.

    Returns
    -------
    str
        "no limits stated", or the worst word of all.
    """
    order = ("fail", "not decided", "not measured", "pass")
    words = [one.word for one in judged]
    return next((word for word in order if word in words), "no limits stated")


def _word(figure: Estimate, limit: float) -> Word:
    if figure.high <= limit:
        return "pass"
    return "fail" if figure.low > limit else "not decided"


def _exact(value: float) -> Estimate:
    return Estimate(value, value, value)


def _figures(day: AccuracyDay) -> dict[str, dict[str, Estimate]]:
    single = {f"{SINGLE[test]}, {place}": one for (test, place), one in day.single.items()}
    return {
        "single_point_bias": {k: s.statistics.bias for k, s in single.items() if s.statistics.bias},
        "single_point_max": {k: _exact(s.statistics.largest) for k, s in single.items()},
        "rotation_rms": {f"{t}, {p}": _exact(r.rms) for (t, p), r in day.rotations.items()},
        "distance_rms": {place: m.distances.rms for place, m in day.multi.items()},
        "distance_max": {place: _exact(m.distances.largest) for place, m in day.multi.items()},
        "registration_rms": {place: m.registration.rms for place, m in day.multi.items()},
        "jitter_rms": {place: j.rms for place, j in day.rest.items()},
        "drift": {place: _exact(w.largest) for place, w in day.warm_ups.items()},
    }
