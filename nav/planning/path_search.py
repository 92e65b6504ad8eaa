"""Search one side: candidates, the best of them exactly, and why there is none."""

from dataclasses import dataclass, replace

import numpy as np

from nav.core.frames import Array
from nav.model.case import Structure
from nav.planning.exact import ExactClearances, different
from nav.planning.path_candidates import Candidates, angles_of
from nav.planning.path_refinement import moves, refine
from nav.planning.plan_result import (
    ArteryInGap,
    Blocking,
    Clearance,
    PlannedPath,
    Problem,
    SidePlan,
    SkinRisk,
    Verdict,
)
from nav.planning.probability import TouchProbability, touch_probability
from nav.planning.screening import Judge, Screened, cost_of

SEEDS, EXACT, SAMPLED = 12, 100, 12  # paths that are refined, computed exactly, sampled
FEW_SAMPLES, SAMPLES = 1500, 20_000
POLISH_ROUNDS, POLISH_TRIES, POLISH_SAMPLED, POLISH_SAMPLES = 8, 24, 4, 1000
OFFERED = 3  # paths of each side
# mm, rad, mm: entries, directions or targets that far apart make another path
SEED_APART = (4.0, np.radians(4.0), 1.5)
SAMPLED_APART = (5.0, np.radians(5.0), 2.0)
OFFERED_APART = (6.0, np.radians(6.0), 2.5)
DRAWS = 20261129  # seed of the draws that all paths share


@dataclass(frozen=True, eq=False)
class SideSearch:
    """The search of one side.

    Parameters
    ----------
    judge : Judge
        Of this side.
    skin : Structure
        The structure that the needle enters.
    exact : ExactClearances
        Of the case.
    arteries : tuple of ArteryInGap
        Of both sides.
    unknown : tuple of str
        Roles of which this side has nothing.
    rng : numpy.random.Generator
        Of refinement; probabilities have draws of their own.
    """

    judge: Judge
    skin: Structure
    exact: ExactClearances
    arteries: tuple[ArteryInGap, ...]
    unknown: tuple[str, ...]
    rng: np.random.Generator

    def run(self, candidates: Candidates) -> tuple[SidePlan, SkinRisk]:
        """Search the side.

        Parameters
        ----------
        candidates : Candidates
            Its paths.

        Returns
        -------
        SidePlan
            The best paths that differ, or the least bad one with what blocks the side.
        SkinRisk
            For each entry on the skin.
        """
        screened = self.judge.screen(candidates.entries, candidates.targets)
        risk = skin_risk(self.judge, candidates, screened)
        contraindicated = self._contraindications()
        paths = self._best(screened)
        good = [p for p in paths if not p.problems]
        verdict: Verdict = "unknown" if self.unknown else "safe"
        if not good:
            verdict = "refused"
            risk = replace(risk, probability=np.full(len(risk.probability), np.nan))
        return (
            SidePlan(
                self.judge.side,
                verdict,
                tuple(good) if good else tuple(paths[:1]),
                len(candidates),
                int(screened.fits.sum()),
                self._blocking(screened) if not good else (),
                contraindicated or self.arteries,
                self.unknown,
            ),
            risk,
        )

    def _contraindications(self) -> tuple[ArteryInGap, ...]:
        """Return the arteries in the gap on this side."""
        return tuple(a for a in self.arteries if a.side == self.judge.side)

    def _best(self, screened: Screened) -> list[PlannedPath]:
        """Return the best paths that differ, best first; or the least bad one."""
        judge = self.judge
        fits = np.flatnonzero(screened.fits)
        if not len(fits):
            return [self._least_bad(screened)]
        order = fits[np.argsort(screened.cost[fits])]
        seeds = different(screened.entries, screened.targets, order, SEEDS, SEED_APART)
        refined = refine(
            judge, self.skin, screened.entries[seeds], screened.targets[seeds], self.rng
        )
        # the best, and the best of every other kind
        others = different(screened.entries, screened.targets, order, EXACT, OFFERED_APART)
        pool = np.unique([*order[:EXACT], *others])
        entries = np.vstack([refined.entries, screened.entries[pool]])
        targets = np.vstack([refined.targets, screened.targets[pool]])
        cost = np.concatenate([refined.cost, screened.cost[pool]])
        ways = targets - entries
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        distances, _ = self.exact.distances(entries, targets + judge.settings.ahead * ways)
        kept = (distances - judge.radius >= self.exact.limits).all(axis=1)
        if not kept.any():
            return [self._least_bad(screened)]
        order = np.flatnonzero(kept)[np.argsort(cost[kept])]
        chosen = different(entries, targets, order, SAMPLED, SAMPLED_APART)
        sampled = [self.judged(entries[k], targets[k], FEW_SAMPLES) for k in chosen]
        sampled.sort(key=lambda p: p.cost)
        sampled.insert(0, self._polished(sampled[0]))
        ranking = np.arange(len(sampled))
        best = different(
            np.array([p.entry for p in sampled]),
            np.array([p.target for p in sampled]),
            ranking,
            OFFERED,
            OFFERED_APART,
        )
        paths = [self.judged(sampled[k].entry, sampled[k].target, SAMPLES) for k in best]
        return sorted(paths, key=lambda p: (len(p.problems), p.cost))

    def _polished(self, path: PlannedPath) -> PlannedPath:
        """Return the path moved a little while its sampled cost falls and its limits are kept.

        To first order a shaft that runs along the cord is no worse than one that only comes as
        near; sampled it is.
        """
        judge, best = self.judge, path
        for step in range(POLISH_ROUNDS):
            entries, targets = moves(judge, self.skin, best, 0.75**step, POLISH_TRIES, self.rng)
            if not len(entries):
                continue
            screened = judge.screen(entries, targets, fine=True)
            for k in np.argsort(screened.cost)[:POLISH_SAMPLED]:
                if not screened.fits[k]:
                    continue
                tried = self.judged(entries[k], targets[k], POLISH_SAMPLES)
                if tried.cost < best.cost and not tried.problems:
                    best = tried
        return best

    def _least_bad(self, screened: Screened) -> PlannedPath:
        """Return the path with the largest least reserve."""
        k = int(np.argmax(screened.reserves(self.judge.obstacles.limits)))
        return self.judged(screened.entries[k], screened.targets[k], SAMPLES)

    def judged(
        self, entry: Array, target: Array, samples: int, name: str | None = None
    ) -> PlannedPath:
        """Judge one path in full.

        Parameters
        ----------
        entry, target : ndarray, shape (3,)
            Model frame, mm.
        samples : int
            Of the probability; the same draws for every path, so that paths can be compared.
        name : str, optional
            By default the side and the level.

        Returns
        -------
        PlannedPath
            With clearances, probability, cost and problems.
        """
        judge = self.judge
        clearances = self.exact.clearances(entry, target, judge.radius, judge.settings.ahead)
        # the same draws for every path, so that they can be compared
        rng = np.random.default_rng(DRAWS)
        probability = touch_probability(
            judge.obstacles, judge.deviations, (entry, target), judge.radius, samples, rng
        )
        angles = angles_of(judge.gap, judge.side, entry[None], target[None])
        cranial, dorsal = float(angles[0][0]), float(angles[1][0])
        depth = float(np.linalg.norm(target - entry))
        hindered = judge.screen(entry[None], target[None], fine=True).hindered
        cost = float(
            cost_of(
                np.array(probability.total.value),
                hindered[0],
                np.array(cranial), np.array(dorsal),
                np.array(depth),
            )
        )  # fmt: skip
        return PlannedPath(
            name or f"{judge.side} lateral C1-C2",
            judge.side,
            entry,
            target,
            depth,
            cranial,
            dorsal,
            _incidence(self.skin, entry, target),
            clearances,
            probability,
            float(hindered[0]),
            cost,
            self._problems(entry, target, clearances, probability, np.hypot(cranial, dorsal)),
        )

    def _problems(
        self,
        entry: Array,
        target: Array,
        clearances: tuple[Clearance, ...],
        probability: TouchProbability,
        angle: float,
    ) -> tuple[Problem, ...]:
        judge, limits = self.judge, self.judge.obstacles.given
        found = [
            Problem("artery in gap", a.structure, 0.0, 0.0)
            for a in self._contraindications()
            if not limits.accept_artery_in_gap
        ]
        found += [
            Problem("clearance", c.structure, c.distance, c.limit)
            for c in clearances
            if c.reserve < 0.0
        ]
        for role, estimate, limit in (
            ("artery", probability.artery, limits.artery_probability),
            ("cord", probability.cord, limits.cord_probability),
        ):
            if estimate is not None and estimate.value > limit:
                found.append(Problem("probability", role, estimate.value, limit))
        depth = float(np.linalg.norm(target - entry))
        if depth > judge.deepest:
            found.append(Problem("depth", "", depth, judge.deepest))
        if angle > judge.settings.angle + 1e-6:
            found.append(Problem("angle", "", angle, judge.settings.angle))
        if not judge.space.holds(target[None])[0]:
            found.append(Problem("target", "", 0.0, 0.0))
        return tuple(found)

    def _blocking(self, screened: Screened) -> tuple[Blocking, ...]:
        """Return what takes paths of this side away: alone first, then by how many."""
        obstacles = self.judge.obstacles
        near = screened.clearances < obstacles.limits
        found = []
        for s, obstacle in enumerate(obstacles.all):
            if not near[:, s].any():
                continue
            others = ~np.delete(near, s, axis=1).any(axis=1)
            pool = np.flatnonzero(others) if others.any() else np.arange(len(near))
            k = pool[np.argmax(screened.clearances[pool, s])]
            found.append(
                Blocking(
                    obstacle.name,
                    obstacle.role,
                    float(near[:, s].mean()),
                    float(screened.clearances[k, s]),
                    obstacle.limit,
                    float(screened.depths[k, s]),
                    bool(others.any()) and bool(near[pool, s].all()),
                )
            )
        return tuple(sorted(found, key=lambda b: (not b.alone, -b.blocked)))


def skin_risk(judge: Judge, candidates: Candidates, screened: Screened) -> SkinRisk:
    """Return what entering at each place of the skin means at best.

    Parameters
    ----------
    judge : Judge
        Of the side.
    candidates : Candidates
        Its paths.
    screened : Screened
        The same paths, judged.

    Returns
    -------
    SkinRisk
        Lowest probability and largest reserve of the paths from each entry.
    """
    count = int(candidates.entry_index.max()) + 1
    probability, reserve = np.full(count, np.inf), np.full(count, -np.inf)
    entries = np.full((count, 3), np.nan)
    entries[candidates.entry_index] = candidates.entries
    kept = screened.fits
    np.minimum.at(probability, candidates.entry_index[kept], screened.probability[kept])
    np.maximum.at(reserve, candidates.entry_index, screened.reserves(judge.obstacles.limits))
    seen = np.isfinite(entries).all(axis=1)
    probability[~np.isfinite(probability)] = np.nan
    return SkinRisk(judge.side, entries[seen], probability[seen], reserve[seen])


def _incidence(skin: Structure, entry: Array, target: Array) -> float:
    """Return the angle between a path and the skin's normal where it enters, rad."""
    way = (target - entry) / np.linalg.norm(target - entry)
    outside = entry - 5.0 * way
    # away from the skin is along its normal, but for its curvature over a few millimetres
    step = 1.0
    around = outside + step * np.vstack([np.eye(3), -np.eye(3)])
    gaps = skin.surface.distances(around)[0]
    normal = gaps[:3] - gaps[3:]
    normal /= max(float(np.linalg.norm(normal)), 1e-9)
    return float(np.arccos(np.clip(-normal @ way, -1.0, 1.0)))
