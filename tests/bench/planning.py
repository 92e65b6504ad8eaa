"""Is `nav plan` right, and quick? Against brute force: `make bench-planning` (ARGS=--necks N).

Clearances against dense sampling of exact distances, probabilities against plain Monte Carlo (on
the same grid, and with exact distances), the best path against a search ten times as dense,
every variant with an artery in the gap, and the time of both sides.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import norm

from nav.core.frames import Array
from nav.guidance.bending import DIAMETER
from nav.model.case import Case
from nav.planning.drr import drr_of_surfaces, lateral_beam
from nav.planning.exact import ExactClearances, different
from nav.planning.needle_deviation import SHARED, bend_share
from nav.planning.path_candidates import (
    SearchSettings,
    find_targets,
    side_candidates,
    skin_of,
    target_space,
)
from nav.planning.path_search import SAMPLES, SideSearch
from nav.planning.plan import plan_trajectories
from nav.planning.plan_result import PlannedPath, TrajectoryPlan
from nav.planning.plan_text import artery_sentence
from nav.planning.probability import Estimate, plain_probability, touch_probability
from nav.planning.screening import Judge
from tests.planning.necks import brute_force_distance, neck

SAFE_NECKS = ("standard", "random 1", "random 2", "random 3", "narrow-gap", "flexed")
DIRECT = (
    "intersegmental", "intersegmental:right", "fenestrated", "fenestrated:right", "low-pica",
    "low-pica:right",
)  # fmt: skip
RADIUS = DIAMETER[17] / 2.0
JUDGED = 60  # of a dense search, by sampling
PLAIN, PLAIN_RARE, PLAIN_EXACT = 200_000, 2_000_000, 8_000


def paths_of(plan: TrajectoryPlan) -> list[PlannedPath]:
    return [path for side in plan.sides for path in side.paths]


def clearance_error(case: Case, plan: TrajectoryPlan) -> float:
    """Largest difference of a stated clearance to brute force, mm."""
    worst = 0.0
    surfaces = {s.name: s.surface for s in case.structures}
    for path in paths_of(plan):
        end = path.target + 3.0 * (path.target - path.entry) / path.depth
        for clearance in path.clearances:
            if clearance.role in ("artery", "cord") or clearance.distance < 5.0:
                surface = surfaces[clearance.structure]
                brute = brute_force_distance(surface, path.entry, end) - RADIUS
                worst = max(worst, abs(brute - clearance.distance))
    return worst


def aimed_at(
    plan: TrajectoryPlan, case: Case, wanted: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """A path whose probability of touching is about the one wanted, by moving the best one."""
    best = min(paths_of(plan), key=lambda p: p.cost)
    ways = [plan.gap.left, plan.gap.back, plan.gap.up]
    found: tuple[float, tuple[Array, Array]] | None = None
    for _ in range(60):
        shift = sum(4.0 * rng.standard_normal() * way for way in ways)
        path = best.entry + shift, best.target + shift
        p = touch_probability(
            plan.obstacles, plan.deviations, path, RADIUS, 800, np.random.default_rng(1)
        ).total.value
        off = abs(np.log(max(p, 1e-12) / wanted))
        if found is None or off < found[0]:
            found = off, path
    assert found is not None
    return found[1]


def exact_plain(
    case: Case, plan: TrajectoryPlan, path: tuple[Array, Array], samples: int
) -> Estimate:
    """Plain Monte Carlo with exact distances: nothing of the grid, no weights."""
    rng = np.random.default_rng(7)
    entry, target = path
    length = float(np.linalg.norm(target - entry))
    factor = plan.deviations.shared_factor(entry, target)
    depths = np.append(np.arange(length % 0.5, length, 0.5), length)
    depths = depths[depths > length - 40.0]  # where arteries and cord are
    axis = entry + depths[:, None] / length * (target - entry)
    share = bend_share(depths, length)
    vital = plan.obstacles.vital
    touched = 0
    for _ in range(samples // 200):
        moved = rng.standard_normal((200, SHARED)) @ factor.T
        points = (
            axis[None]
            + moved[:, None, 0:3]
            + (length - depths)[None, :, None] * moved[:, None, 3:6]
            + share[None, :, None] * moved[:, None, 6:9]
            + np.cross(moved[:, None, 9:12], axis[None])
        )
        hit = np.zeros(200, bool)
        for obstacle in vital:
            distances = obstacle.surface.distances(points.reshape(-1, 3))[0]
            least = distances.reshape(200, -1).min(axis=1)
            own = obstacle.structures[0].sigma * rng.standard_normal(200)
            hit |= least - RADIUS - own < 0.0
        touched += int(hit.sum())
    p = touched / (samples // 200 * 200)
    return Estimate(p, float(np.sqrt(p * (1.0 - p) / samples)))


def dense_search(case: Case, plan: TrajectoryPlan, side: str) -> tuple[float, float, int]:
    """How much better the best of a dense search is: in cost, and in mm at the narrowest place."""
    own = next(s for s in plan.sides if s.side == side)
    best = own.paths[0]
    settings = SearchSettings(spacing=np.radians(1.0))
    space = target_space(case, plan.gap, RADIUS)
    targets = find_targets(space)
    # half a step between the targets that planning looks at, too
    rng = np.random.default_rng(3)
    more = targets[rng.integers(0, len(targets), 4 * len(targets))]
    more = more + rng.uniform(-0.8, 0.8, more.shape)
    targets = np.vstack([targets, more[space.holds(more)]])[:160]
    found = side_candidates(plan.gap, skin_of(case), targets, side, settings)
    judge = Judge(plan.gap, space, plan.obstacles, plan.deviations, settings, side, RADIUS)
    screened = judge.screen(found.entries, found.targets)
    order = np.flatnonzero(screened.fits)
    order = order[np.argsort(screened.cost[order])]
    order = np.array(
        different(screened.entries, screened.targets, order, JUDGED, (1.5, np.radians(1.5), 0.7))
    )
    search = SideSearch(
        judge, skin_of(case), ExactClearances(plan.obstacles), (), (), np.random.default_rng(0)
    )
    judged = [search.judged(screened.entries[k], screened.targets[k], SAMPLES) for k in order]
    found_best = min((p for p in judged if not p.problems), key=lambda p: p.cost)
    if found_best.cost >= best.cost:
        return best.cost - found_best.cost, 0.0, len(found)
    # as if one wall of the cord were nearer: the mm that make the one's badness the other's
    spread = float(
        np.hypot(
            plan.deviations.sd_across(np.array([best.depth]), np.array([best.depth]), best.target)[
                0
            ],
            plan.obstacles.vital[0].structures[0].sigma,
        )
    )
    ours, theirs = (
        norm.isf(p.probability.total.value + 0.2 * p.hindered) for p in (best, found_best)
    )
    return best.cost - found_best.cost, spread * float(theirs - ours), len(found)


def radiograph(case: Case, plan: TrajectoryPlan) -> float:
    beam = lateral_beam(plan.gap)
    bones = [s.surface for s in case.of_role("bone")]
    drr_of_surfaces(bones, beam)
    started = time.perf_counter()
    drr_of_surfaces(bones, beam)
    return time.perf_counter() - started


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--necks", type=int, default=len(SAFE_NECKS))
    parser.add_argument("--rare", type=int, default=PLAIN_RARE)
    arguments = parser.parse_args()
    console = Console()
    plan_trajectories(neck("standard"))  # compiles
    table = Table(title="clearance, best path, time")
    for column in ("neck", "mm off brute force", "dense: cost", "dense: mm", "wall s", "CPU s"):
        table.add_column(column)
    plans: dict[str, TrajectoryPlan] = {}
    for name in SAFE_NECKS[: arguments.necks]:
        case = neck(name)
        skin_of(case).surface.first_hit([0.0, 0.0, 0.0], [1.0, 0.0, 0.0])
        wall, cpu = time.perf_counter(), time.process_time()
        plan = plans[name] = plan_trajectories(case)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        worst = (0.0, 0.0, 0)
        for side in ("left", "right"):
            worst = max(worst, dense_search(case, plan, side))
        table.add_row(
            name, f"{clearance_error(case, plan):.4f}", f"{worst[0]:+.3f}", f"{worst[1]:.3f}",
            f"{wall:.1f}", f"{cpu:.1f}",
        )  # fmt: skip
    console.print(table)
    table = Table(title="probability of touching artery or cord")
    for column in ("neck", "wanted", "ours", "se", "plain", "se", "ratio"):
        table.add_column(column)
    rng = np.random.default_rng(11)
    cases = [("standard", 0.3), ("standard", 0.05), ("random 1", 0.012), ("random 1", 1e-3)]
    cases += [("random 1", 1e-4), ("random 3", 0.05)]
    for name, wanted in cases:
        if name not in plans:
            continue
        plan = plans[name]
        if wanted < 0.01:
            # a straight needle, and the cord pushed out of play: rare events of an artery
            plan = rare(plan)
        path = aimed_at(plan, neck(name), wanted, rng)
        ours = touch_probability(
            plan.obstacles, plan.deviations, path, RADIUS, SAMPLES, np.random.default_rng(2)
        ).total
        count = arguments.rare if wanted < 0.01 else PLAIN
        plain = plain_probability(
            plan.obstacles, plan.deviations, path, RADIUS, count, np.random.default_rng(3)
        )
        add_probability(table, name, wanted, ours, plain)
        if wanted == 0.05:
            exact = exact_plain(neck(name), plan, path, PLAIN_EXACT)
            add_probability(table, f"{name}, exact distances", wanted, ours, exact)
    console.print(table)
    table = Table(title="an artery in the gap")
    for column in ("neck", "left", "right", "cause"):
        table.add_column(column)
    for name in DIRECT:
        plan = plan_trajectories(neck(name))
        verdicts = {s.side: s.verdict for s in plan.sides}
        side = "right" if name.endswith("right") else "left"
        own = next(s for s in plan.sides if s.side == side)
        said = "; ".join(artery_sentence(a) for a in own.arteries if a.side == side)
        table.add_row(name, verdicts["left"], verdicts["right"], said)
    console.print(table)
    first = next(iter(plans))
    console.print(f"radiograph of 512 x 512: {radiograph(neck(first), plans[first]):.2f} s")


def rare(plan: TrajectoryPlan) -> TrajectoryPlan:
    """The same plan with errors of a third, so that touches are rare."""
    model = replace(plan.deviations.model, bend=0.25, surface=0.6)
    return replace(plan, deviations=replace(plan.deviations, model=model))


def add_probability(
    table: Table, name: str, wanted: float, ours: Estimate, plain: Estimate
) -> None:
    """One row."""
    ratio = ours.value / plain.value if plain.value > 0.0 else float("nan")
    table.add_row(
        name, f"{wanted:g}", f"{ours.value:.4g}", f"{ours.error:.1g}", f"{plain.value:.4g}",
        f"{plain.error:.1g}", f"{ratio:.3f}",
    )  # fmt: skip


if __name__ == "__main__":
    main()
